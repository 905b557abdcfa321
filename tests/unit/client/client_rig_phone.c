/* SPDX-License-Identifier: MIT */
/* The two UDP sockets: a phone that knows the token, and the Bluetooth helper. */
#include "tests/unit/client/client_rig_priv.h"

#include "client/lan/core/packet.h"
#include "client/lan/io/lan_socket.h"

struct ear rig_phone_ear, rig_ble_ear;
static struct ag_buf datagram; /* the phone's last */
static uint32_t stamp;

struct lan_socket {
    const struct lan_socket_events *events;
    void *user;
};

static struct lan_socket udp[2];
static unsigned n_udp;

int lan_socket_open(struct lan_socket **out, uv_loop_t *loop, const struct ag_addr *at, const struct lan_socket_events *events,
                    void *user, struct ag_addr *bound_out)
{
    (void) loop;
    udp[n_udp] = (struct lan_socket){events, user};
    *out = &udp[n_udp++];
    *bound_out = *at;
    return 0;
}

void lan_socket_close(struct lan_socket *s)
{
    if (s)
        s->events->closed(s->user);
}

void lan_socket_send(struct lan_socket *s, const struct lan_addr *to, struct ag_span sent)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf plain = AG_BUF_INIT;
    struct packet_key key = {.crypt = NULL};
    struct packet p;

    (void) to;
    if (s == &udp[1]) {
        rig_hear_text(&rig_ble_ear, sent);
        return;
    }
    assert_int_equal(packet_key_init(&key, rig_token()), 0);
    if (packet_decode(&p, &key, sent, &plain) == 0 && !p.header_only)
        rig_hear_text(&rig_phone_ear, ag_buf_span(&plain));
    else
        rig_hear(&rig_phone_ear, "hello");
    packet_key_deinit(&key);
}

static const struct lan_addr phone_at = {.ip = {10, 0, 0, 9}, .port = 4711};

void rig_phone_line(char what, const char *text)
{
    struct packet_key key = {.crypt = NULL};

    if (what == '<') {
        rig_expect(&rig_phone_ear, text);
        return;
    }
    if (what == '>') {
        assert_int_equal(packet_key_init(&key, rig_token()), 0);
        ag_buf_clear(&datagram);
        assert_int_equal(packet_encode(&datagram, &key, RIG_DID, ++stamp, rig_span(text)), 0);
        packet_key_deinit(&key);
    }
    udp[0].events->datagram(udp[0].user, &phone_at, ag_buf_span(&datagram));
}

void rig_ble_line(char what, const char *text)
{
    if (what == '<')
        rig_expect(&rig_ble_ear, text);
    else
        udp[1].events->datagram(udp[1].user, &phone_at, rig_received(rig_span(text)));
}

void rig_phone_begin(void)
{
    n_udp = 0;
    stamp = 0;
}

void rig_phone_end(void)
{
    ag_buf_deinit(&datagram);
}
