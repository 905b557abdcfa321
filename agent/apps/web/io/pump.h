/* SPDX-License-Identifier: MIT */
/* libmicrohttpd in the loop of the program: no thread, and no wake-up while there is nothing to do. */
#ifndef WEB_PUMP_H
#define WEB_PUMP_H

#include <microhttpd.h>
#include <stdbool.h>
#include <uv.h>

struct web_pump {
    struct MHD_Daemon *mhd;
    uv_poll_t poll;
    uv_timer_t timer; /* what libmicrohttpd wants to be called for */
    bool open, running, closing;
    void (*on_closing)(void *user);
    void *user;
};

/* Takes the daemon over. 0; -EIO: it has been stopped. */
int web_pump_open(struct web_pump *p, uv_loop_t *loop, struct MHD_Daemon *mhd);
/* Something has been resumed: libmicrohttpd goes on in the next turn. */
void web_pump_kick(struct web_pump *p);
/* on_closing is called after each turn from now on, until it says web_pump_end(). */
void web_pump_close(struct web_pump *p, void (*on_closing)(void *user), void *user);
/* Stops the daemon; what was resumed says its last word. libmicrohttpd cannot stop while a connection is suspended. */
void web_pump_end(struct web_pump *p);

#endif
