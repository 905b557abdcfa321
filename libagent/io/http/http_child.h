/* SPDX-License-Identifier: MIT */
/*
 * The process that does one HTTP request: the program itself, executed again with AG_HTTP_CHILD_ARG. It reads the request from
 * descriptor 0, writes the answer there and ends; when the program ends, so does it. What libcurl and the TLS library take and
 * leave behind goes with it, and what strangers send is read without the program's rights.
 */
#ifndef AG_HTTP_CHILD_H
#define AG_HTTP_CHILD_H

#define AG_HTTP_CHILD_ARG "--http-request"

/* Called first of all by main() in each program that uses http.h. Returns unless this process is to do a request. */
void ag_http_child(int argc, char **argv);

#endif
