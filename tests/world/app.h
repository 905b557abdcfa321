/* SPDX-License-Identifier: MIT */
/* Between an application of the world and those who watch it. */
#ifndef WORLD_APP_H
#define WORLD_APP_H

#include <stdint.h>

enum app_kind {
    APP_GOOD,
    APP_SLOW,
    APP_SILENT,
    APP_TWICE,
    APP_REFUSING,
    APP_FIRST_KINDS,
    APP_DYING = APP_FIRST_KINDS, /* ends at a command, or just so */
    APP_OLD,                     /* without libagent: plain JSON, and no hello */
    APP_WRONG,                   /* sends rubbish */
    APP_KINDS
};

/* What an application tells the world; called on its own stack. */
void app_executed(int app, unsigned long n);                            /* a command with the number n has come */
void app_replied(int app, unsigned long n, int r);                      /* what agent_reply() said */
unsigned long app_next_report(int app);                                 /* the number of its next report */
void app_reported(int app, unsigned long n, int r);                     /* what the call said */
void app_reports_much(int app, unsigned long n);                        /* the next is larger than clouds carry */
void app_told(int app, unsigned long n, int error, const char *result); /* its end */
void app_status(int app, const char *status);
unsigned app_chance(unsigned n); /* 0 .. n - 1 */

/* What an external helper does to the world: it leaves the network; joins the one of wifi.conf, or opens the access point (0, or
   another status); and says that the device is nobody's. */
void home_leaves(void);
int home_joins(void);
void home_helper_is_fresh(void);
/* It has said that the network is joined, and has left wifi.conf to the client. */
void home_helper_leaves_network(void);
/* It was asked a question; whether it forgets to answer. */
int home_helper_asked(const char *text);

/* Whether what is between agent and client closes a new connection at once; what a guest met that came when others had gone. */
#include <stdbool.h>
bool between_closes(void);
bool between_storms(void); /* nor does one that stands last */
bool guest_hushes(void);   /* clouds acknowledge nothing for half a minute; false: not now */
void guest_refused(const char *how);
bool guest_greets(void);          /* as an external helper would; false: not now */
void guest_may_sleep(unsigned s); /* what the client says to a device that wants to */

#endif
