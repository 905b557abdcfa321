/* SPDX-License-Identifier: MIT */
/*
 * Answers on their way to a cloud: what applications have answered, and what was refused before anybody executed it.
 * Each stays here until the connection reports that it is out, and leaves in order: at once, when there is
 * room again, or after the next login.
 *
 * A place is kept for each command before it is executed, so an answer of up to ANSWER_BOX_SMALL bytes always finds
 * room. What finds no place is refused before it is executed; a refusal that finds none itself is counted.
 *
 *     command -> keep_place -> put_answer   -> next -> sent -> done
 *             -> (no place)    put_refusal  ->
 *
 * A core: bounded in number and bytes; no socket, no clock.
 */
#ifndef CLIENT_ANSWER_BOX_H
#define CLIENT_ANSWER_BOX_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/list.h"

enum {
    ANSWER_BOX_MAX = 4096,      /* answers and kept places together */
    ANSWER_BOX_OPEN_MAX = 1024, /* commands open at a time */
    ANSWER_BOX_SMALL = 512,     /* bytes of topic and payload that every place has */
    ANSWER_BOX_BYTES_MAX = 2 << 20
};

struct answer {
    struct ag_list link;
    uint32_t n; /* its number: what answer_box_done() gets */
    size_t size;
    const char *topic; /* NUL-terminated; topic and payload are the box's */
    struct ag_span payload;
    char bytes[];
};

struct answer_box {
    struct ag_list waiting; /* struct answer, oldest first */
    struct ag_list on_line; /* given to the line, not out yet */
    unsigned n;             /* in both lists */
    unsigned n_open;        /* places kept for commands that are being executed */
    size_t bytes;
    uint32_t last;
    uint64_t n_dropped; /* refusals without a place, answers without memory */
};

void answer_box_init(struct answer_box *b);
void answer_box_deinit(struct answer_box *b);
/* What is in it goes, and is counted; places stay kept. */
void answer_box_clear(struct answer_box *b);

/* true: the command may be executed, its answer has a place. */
bool answer_box_keep_place(struct answer_box *b);
/* The command will not be answered: the place is free again. */
void answer_box_give_back(struct answer_box *b);

/*
 * Into the place that was kept, which is used up by 0 and by -ENOMEM (counted: the answer is lost). -EMSGSIZE: too
 * large beside what already waits; the place stays kept, and a short error is to be put instead.
 */
int answer_box_put_answer(struct answer_box *b, const char *topic, struct ag_span payload);
/* Something short that has no place yet. 0; -ENOBUFS, -EMSGSIZE or -ENOMEM: dropped, and counted. */
int answer_box_put_refusal(struct answer_box *b, const char *topic, struct ag_span payload);

/* The oldest one that waits; NULL: none. */
struct answer *answer_box_next(const struct answer_box *b);
/* The line has taken it. */
void answer_box_sent(struct answer_box *b, struct answer *a);
/* The line cannot carry it: it goes, and is counted. */
void answer_box_drop(struct answer_box *b, struct answer *a);
/* What has become of a number: out, or lost with the connection; then it waits again, in its old place. */
void answer_box_done(struct answer_box *b, uint32_t n, bool out);

#endif
