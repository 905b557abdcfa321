/* SPDX-License-Identifier: MIT */
/*
 * Phones on the LAN: the session core (lan/core/lan.h) on its UDP socket. What they command is the host's concern; the token
 * leads its answer back.
 *
 * Init, open; deadlines are the core's. phones_close() ends the socket, whose closed() comes only if there is one; after
 * phones_deinit() the struct may go.
 */
#ifndef CLIENT_PHONES_H
#define CLIENT_PHONES_H

#include "client/lan/core/lan.h"
#include "client/lan/io/lan_socket.h"

struct phones_host {
    /* wants_answer: phones_answer() or phones_answer_own() under this token, once. */
    void (*command)(void *user, uint64_t token, struct ag_span text, const struct ag_json_view *view, bool wants_answer);
    void (*closed)(void *user);
};

struct phones {
    uv_loop_t *loop;
    struct lan lan;
    struct lan_socket *socket; /* NULL: off */
    struct ag_addr bound;
    const struct phones_host *host;
    void *user;
};

void phones_init(struct phones *p, uv_loop_t *loop, uint64_t did, unsigned stamp_window_s, const struct phones_host *host,
                 void *user);
/* Opens no socket unless at is an internet address. 0 or -errno. */
int phones_open(struct phones *p, const struct ag_addr *at);
void phones_close(struct phones *p);
void phones_deinit(struct phones *p);

/* text has any id, or none; view is of text, NULL: not at hand. */
void phones_answer(struct phones *p, uint64_t token, struct ag_span text, const struct ag_json_view *view);
/* The same for a text that already has the phone's own id. */
void phones_answer_own(struct phones *p, uint64_t token, struct ag_span text);

#endif
