/* SPDX-License-Identifier: MIT */
/* miio_web --set-password. */
#ifndef WEB_SET_PASSWORD_H
#define WEB_SET_PASSWORD_H

/* Asks on a terminal, twice and without showing it; else reads a line of standard input. 0, or the error has been printed. */
int web_set_password(const char *path);

#endif
