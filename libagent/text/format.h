/* SPDX-License-Identifier: MIT */
/* JSON from a format, as agent.h describes it at agent_replyf(). */
#ifndef AG_FORMAT_H
#define AG_FORMAT_H

#include "libagent/core/buf.h"

/* Appends. 0, -ENOMEM, -EINVAL (an unknown conversion, a double that is not a number). Does not check that the whole is one
   JSON value. */
int ag_format_json(struct ag_buf *out, const char *format, va_list ap);

#endif
