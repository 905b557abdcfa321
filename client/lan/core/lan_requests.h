/* SPDX-License-Identifier: MIT */
/*
 * The requests of phones that are remembered: by asker and id, to recognize a repeat; by a handle, to find the phone again when
 * the answer comes. Each asker's answered ones are listed, so that a hello forgets them without looking at the others'. Every
 * step costs the same, however many there are.
 */
#ifndef CLIENT_LAN_REQUESTS_H
#define CLIENT_LAN_REQUESTS_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/list.h"
#include "libagent/core/reuse.h"
#include "libagent/core/util.h"

/* Where a datagram came from, which is compared, and where it went to, which is not: answers leave from there. */
struct lan_addr {
    uint8_t ip[16]; /* IPv4: mapped */
    uint16_t port;
    uint32_t scope;
    uint8_t asked[16];  /* the device's address that was asked, likewise; all zero: not known */
    uint32_t interface; /* its number; 0: not known */
};

struct lan_request;

struct lan_requests {
    unsigned n, max;
    size_t kept_bytes, max_kept_bytes; /* answers in memory */
    struct lan_item *by_asker;         /* uthash, by (address, port, id) */
    struct lan_item *by_handle;        /* uthash */
    struct lan_host *hosts;            /* uthash, by address */
    struct ag_list by_age, answered;   /* the oldest first */
    struct ag_spares spares;           /* of struct lan_item */
    uint64_t last_handle;
};

void lan_requests_init(struct lan_requests *t, unsigned max, size_t max_kept_bytes);
void lan_requests_deinit(struct lan_requests *t);

/* NULL: none. */
struct lan_request *lan_requests_find(const struct lan_requests *t, const struct lan_addr *from, uint32_t id);
struct lan_request *lan_requests_by_handle(const struct lan_requests *t, uint64_t handle);

/* One more, not yet answered; if there are too many, an answered one is forgotten. 0, -ENOBUFS, -ENOMEM. */
int lan_requests_add(struct lan_requests *t, const struct lan_addr *from, uint32_t id, uint64_t forget_at_ms,
                     struct lan_request **out);
void lan_requests_remove(struct lan_requests *t, struct lan_request *q);

/* It has been answered; the answer is kept for repeats if there is room. */
void lan_requests_answered(struct lan_requests *t, struct lan_request *q, struct ag_span answer, uint64_t now_ms);

/* After a hello: forgets what this address and port has had answered, but for an answer that may still be on its way to it. A
   hello often comes from another port, while an address may have other programs, too, which repeat what was not answered: of
   those, what was answered more than repeat_ms ago. */
void lan_requests_forget(struct lan_requests *t, const struct lan_addr *from, uint64_t now_ms, unsigned repeat_ms);
/* Forgets what is due. */
void lan_requests_expire(struct lan_requests *t, uint64_t now_ms);
/* AG_NEVER: nothing is. */
uint64_t lan_requests_next_deadline(const struct lan_requests *t);

/* How many addresses there are. */
unsigned lan_requests_count_hosts(const struct lan_requests *t);

/* ---- one of them ---- */

/* Hashed as bytes: zeroed before it is filled. */
struct lan_request_key {
    uint8_t ip[16];
    uint32_t scope, id;
    uint16_t port;
    uint8_t zero[6];
};

struct lan_request {
    struct lan_request_key key;
    struct lan_addr asker; /* as it was last heard */
    uint64_t handle;
    uint64_t text_hash; /* the user's */
    uint32_t stamp;     /* likewise */
    bool answered;
    uint64_t asked_ms; /* likewise */
    uint64_t answered_ms, forget_at_ms;
    struct ag_span answer; /* the plain text; p NULL: not kept. Owned, a secret */
};

#endif
