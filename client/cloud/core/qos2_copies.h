/* SPDX-License-Identifier: MIT */
/*
 * Messages of QoS 2 that libmosquitto has more than once. Between PUBLISH and PUBREL it keeps a message over a loss, appends what
 * the broker repeats in the next session as another one, and gives the oldest of an id's messages to a PUBREL: a copy that is
 * left would come in the place of the next message under that id. Here the copies are counted, from what libmosquitto logs.
 *
 *     "received PUBLISH"                    -> published
 *     on_message                            -> message: deliver, drop or hold it
 *     "received PUBREL"                     -> released
 *     then, when that is dealt with         -> settle
 *
 * What the last session left half received was not counted, so it may be unknown whether a repeat is a second copy. That
 * matters only when what comes has the bytes of a copy that may be left. Then it is held, and the connection is cut before
 * PUBCOMP: if the broker's next PUBREL brings the message behind it, it was a copy; if it brings nothing, it was the
 * message.
 *
 * For one handle of libmosquitto, and sessions that the broker has kept. A core: no clock, no lock.
 */
#ifndef CLIENT_QOS2_COPIES_H
#define CLIENT_QOS2_COPIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct qos2_entry;

struct qos2_copies {
    struct qos2_entry *entries; /* ids with a copy too many, or perhaps */
    unsigned n;
    size_t room;
    unsigned n_missed;                    /* not recorded for want of memory, of whatever id */
    int released;                         /* PUBREL has come for that id; 0: dealt with */
    void (*drop)(void *user, void *held); /* ends what was held */
    void *user;
};

enum qos2_line_type { QOS2_LINE_OTHER, QOS2_LINE_PUBLISH, QOS2_LINE_PUBREL };

/* What a line of libmosquitto's log says. */
struct qos2_line {
    enum qos2_line_type type;
    int mid;
    bool dup; /* PUBLISH, of QoS 2 only */
};

/* client_id as libmosquitto was given it. */
struct qos2_line qos2_line_read(const char *text, const char *client_id);

void qos2_copies_init(struct qos2_copies *c, void (*drop)(void *user, void *held), void *user);
/* Forgets everything, as its handle does. */
void qos2_copies_clear(struct qos2_copies *c);

/* A session that was kept goes on. */
void qos2_copies_resumed(struct qos2_copies *c);
/* PUBLISH came. 0 or -ENOMEM: it is not counted. */
int qos2_copies_published(struct qos2_copies *c, int mid, bool dup);

enum qos2_verdict {
    QOS2_DELIVER,
    QOS2_DROP, /* it has been delivered before */
    QOS2_HOLD  /* give it to qos2_copies_hold(), and cut */
};

enum qos2_verdict qos2_copies_message(struct qos2_copies *c, int mid, const void *payload, size_t len);
void qos2_copies_hold(struct qos2_copies *c, int mid, void *held);
void qos2_copies_released(struct qos2_copies *c, int mid);
/* All that PUBREL brought is here: what was held and is to be delivered now; NULL: nothing. */
void *qos2_copies_settle(struct qos2_copies *c);

#endif
