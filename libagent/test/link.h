/* SPDX-License-Identifier: MIT */
/* The agent's end of the connection: JSON texts in and out, in the encoding the application has chosen. */
#ifndef AG_TEST_LINK_H
#define AG_TEST_LINK_H

#include "libagent/core/buf.h"
#include "libagent/core/frame/framer.h"

struct test_link {
    int fd; /* -1: not connected */
    bool packets;
    bool ended; /* the application has closed its end, and all that it sent has been read */
    struct ag_framer framer;
    struct ag_buf out;   /* encoded */
    struct ag_buf sizes; /* uint32_t per text in out; packets only */
    char in[64 * 1024];
};

/* Nothing is connected. */
void ag_test_link_init(struct test_link *l);
/* The application's end of a new connection, or -errno. */
int ag_test_link_open(struct test_link *l, bool packets);
/* Idempotent. */
void ag_test_link_close(struct test_link *l);

/* Queues a text. 0, -ENOMEM; -EMSGSIZE: more than a packet; -EINVAL: not a JSON object, or one that the
 * encoding cannot carry. */
int ag_test_link_say(struct test_link *l, struct ag_span json);
/* Sends what the socket takes. True: it took something. */
bool ag_test_link_flush(struct test_link *l);

/* Gets one text, JSON. 0 or negative, which ends the reading. */
typedef int (*test_text_fn)(struct ag_span json, void *user);
/* Reads all that has come. 1: something; 0: nothing; -ENOMEM; -EINVAL: not the protocol. fn must not close
 * the link. */
int ag_test_link_read(struct test_link *l, test_text_fn fn, void *user);

#endif
