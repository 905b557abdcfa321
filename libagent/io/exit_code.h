/* SPDX-License-Identifier: MIT */
#ifndef AG_EXIT_CODE_H
#define AG_EXIT_CODE_H

/* Exit codes of all daemons. */
enum { AG_EXIT_OK = 0, AG_EXIT_RUNTIME = 1, AG_EXIT_USAGE = 2, AG_EXIT_CONFIG = 78 };

#endif
