/*
 * Joining a Wi-Fi network with the builtin helper: up to five tries with three seconds between them, then back to the
 * access point. Results and the time in, the next step out. Source: Xiaomi Linux client document, section 6.3.
 */
#ifndef CLIENT_JOIN_H
#define CLIENT_JOIN_H

#include <stdbool.h>
#include <stdint.h>

enum join_step {
    JOIN_WAIT,    /* nothing now */
    JOIN_RUN,     /* run the joining program; join_ended() with its result */
    JOIN_SUCCESS, /* joined: the machine is idle again */
    JOIN_FAILED   /* all tries used up: the machine is idle again */
};

struct join {
    unsigned max_tries, pause_ms;
    unsigned grace_ms; /* before the first try: the answer to the phone must leave through the old network */
    bool active, running;
    unsigned tries;
    uint64_t next_at_ms;
};

/* 5 tries, 3000 ms, 500 ms. */
void join_init(struct join *j);

/* false: one is under way. */
bool join_begin(struct join *j, uint64_t now_ms);
enum join_step join_ended(struct join *j, bool joined, uint64_t now_ms);
/* JOIN_RUN when a try is due. */
enum join_step join_tick(struct join *j, uint64_t now_ms);
void join_cancel(struct join *j);
/* UINT64_MAX: none. */
uint64_t join_next_deadline(const struct join *j);

#endif
