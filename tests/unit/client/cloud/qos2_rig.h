/* SPDX-License-Identifier: MIT */
/* The link with the real libmosquitto, against a broker that is played packet by packet. */
#ifndef TEST_QOS2_RIG_H
#define TEST_QOS2_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "client/cloud/io/mqtt_link.h"

enum { DEADLINE_MS = 60000, N_COOKIES = 256, MAX_COMMANDS = 400 };
enum {
    CONNACK = 0x20,
    PUBLISH = 0x30,
    PUBACK = 0x40,
    PUBREC = 0x50,
    PUBREL = 0x62,
    PUBCOMP = 0x70,
    SUBACK = 0x90,
    PINGRESP = 0xd0
};
enum { CONNECT = 0x10, SUBSCRIBE = 0x82, DISCONNECT = 0xe0 };
enum { DUP = 8, QOS1 = 2, QOS2 = 4 };

struct played_broker {
    int listener, fd;
    uint16_t port;
    uint8_t in[65536];
    size_t n;
};

struct packet {
    uint8_t first; /* of the fixed header; 0: the connection has ended */
    uint8_t body[1024];
    size_t n;
};

struct fixture {
    uv_loop_t loop;
    struct mqtt_link *link;
    struct played_broker a;
    uint64_t until; /* the test fails then */
    int n_connected, n_lost, n_closed, n_messages;
    enum mqtt_link_loss loss;
    bool again;                       /* a lost session is followed by the next try at once */
    char messages[MAX_COMMANDS * 16]; /* all payloads, a comma behind each */
    size_t messages_len;
    int result[N_COOKIES], times[N_COOKIES];
};

/* A loop turn, or until there is something to read of fd. Fails when the test takes too long. */
void turn(struct fixture *f, int fd);
void wait_for(struct fixture *f, const int *counter, int n);

/* What the broker writes. */
void put(struct played_broker *b, const void *p, size_t n);
void put_small(struct played_broker *b, uint8_t first, unsigned word);
void put_publish(struct played_broker *b, uint8_t flags, unsigned id, const char *payload);

/* What it reads. have_packet() is true for a packet or the end of the connection. */
bool have_packet(struct played_broker *b, struct packet *out);
struct packet next_packet(struct fixture *f, struct played_broker *b);
unsigned id_of(const struct packet *p);
struct packet expect(struct fixture *f, struct played_broker *b, uint8_t first);
void expect_id(struct fixture *f, struct played_broker *b, uint8_t first, unsigned id);

/* The link's next connection, and its CONNECT answered; its first subscription. */
void login(struct fixture *f, struct played_broker *b, bool present);
/* A link may come twice when nothing is kept: the first one ends in good order before anything is subscribed. */
void login_afresh(struct fixture *f, struct played_broker *b);
void subscribe(struct fixture *f, struct played_broker *b);
void broker_cut(struct played_broker *b);
void cut_and_come_again(struct fixture *f, struct played_broker *b);

/* One command from PUBLISH to PUBCOMP. */
void whole(struct fixture *f, struct played_broker *b, uint8_t flags, unsigned id, const char *payload);
/* The same by a broker that repeats what it has to when the link leaves between PUBREL and PUBCOMP. */
void whole_over_cuts(struct fixture *f, struct played_broker *b, unsigned id, const char *payload);
/* One command from PUBLISH to PUBREC. */
void half(struct fixture *f, struct played_broker *b, unsigned id, const char *payload);
/* What has been delivered, when all that was sent has been. */
void expect_messages(struct fixture *f, const char *want);

/* The fixture of each test; the link open, connected and subscribed; a publish of the link. */
int qos2_setup(void **state);
int qos2_teardown(void **state);
void open_link(struct fixture *f, bool clean);
void open_limited(struct fixture *f, const struct mqtt_link_config *c, const struct mqtt_link_limits *limits);
void publish(struct fixture *f, const char *payload, uint8_t qos, uint64_t cookie);

#endif
