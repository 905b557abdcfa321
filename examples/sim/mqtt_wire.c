/* SPDX-License-Identifier: MIT */
#include "examples/sim/mqtt_wire.h"

#include "examples/sim/wire/sim_json.h"

static uint16_t u16(const char *p)
{
    return (uint16_t) ((unsigned char) p[0] << 8 | (unsigned char) p[1]);
}

static bool flags_are_right(enum mqtt_type type, uint8_t flags)
{
    if (type == MQTT_PUBLISH)
        return (flags >> 1 & 3) != 3 && !((flags & 8) && !(flags >> 1 & 3)); /* no QoS 3, no DUP with QoS 0 */
    return flags == (type == MQTT_PUBREL || type == MQTT_SUBSCRIBE || type == MQTT_UNSUBSCRIBE ? 2 : 0);
}

static int bad(const char **why_out, const char *why)
{
    *why_out = why;
    return -1;
}

int mqtt_wire_next(struct ag_span bytes, size_t max, struct mqtt_packet *out, const char **why_out)
{
    size_t len = 0, head = 1;
    unsigned char b;

    if (bytes.len == 0)
        return 0;
    out->type = (enum mqtt_type)((unsigned char) bytes.p[0] >> 4);
    out->flags = (unsigned char) bytes.p[0] & 15;
    if (out->type < MQTT_CONNECT || out->type > MQTT_DISCONNECT)
        return bad(why_out, "unknown packet type");
    if (!flags_are_right(out->type, out->flags))
        return bad(why_out, "wrong flag bits in the fixed header");
    do {
        if (head == 5)
            return bad(why_out, "remaining length of five bytes");
        if (head >= bytes.len)
            return 0;
        b = (unsigned char) bytes.p[head];
        len |= (size_t) (b & 127) << (7 * (head - 1));
        head++;
    } while (b & 128);
    if (len > max)
        return bad(why_out, "packet too large");
    if (bytes.len - head < len)
        return 0;
    out->whole = (struct ag_span){bytes.p, head + len};
    out->body = (struct ag_span){bytes.p + head, len};
    return 1;
}

static bool take_string(struct ag_span body, size_t *at, struct ag_span *out)
{
    size_t len;

    if (body.len - *at < 2)
        return false;
    len = u16(body.p + *at);
    if (body.len - *at - 2 < len)
        return false;
    *out = (struct ag_span){body.p + *at + 2, len};
    *at += 2 + len;
    return true;
}

const char *mqtt_wire_connect(struct ag_span body, struct mqtt_connect *out)
{
    struct mqtt_connect c = {.level = 0};
    size_t at = 0;

    if (!take_string(body, &at, &c.name) || body.len - at < 4)
        return "CONNECT ends too early";
    c.level = (uint8_t) body.p[at];
    c.flags = (uint8_t) body.p[at + 1];
    c.keepalive_s = u16(body.p + at + 2);
    at += 4;
    if (!take_string(body, &at, &c.client_id))
        return "CONNECT ends too early";
    if ((c.flags & MQTT_FLAG_WILL) && (!take_string(body, &at, &c.will_topic) || !take_string(body, &at, &c.will_payload)))
        return "CONNECT ends too early";
    if ((c.flags & MQTT_FLAG_USER) && !take_string(body, &at, &c.user))
        return "CONNECT ends too early";
    if ((c.flags & MQTT_FLAG_PASSWORD) && !take_string(body, &at, &c.password))
        return "CONNECT ends too early";
    if (at != body.len)
        return "bytes behind CONNECT";
    if (!sim_utf8_valid(c.client_id) || !sim_utf8_valid(c.user) || !sim_utf8_valid(c.will_topic))
        return "no UTF-8";
    *out = c;
    return NULL;
}

const char *mqtt_wire_publish(const struct mqtt_packet *p, struct mqtt_publish *out)
{
    size_t at = 0;

    out->qos = p->flags >> 1 & 3;
    out->dup = p->flags & 8;
    out->retain = p->flags & 1;
    out->mid = 0;
    if (!take_string(p->body, &at, &out->topic))
        return "PUBLISH with a topic longer than itself";
    if (out->topic.len == 0 || !sim_utf8_valid(out->topic) || memchr(out->topic.p, '\0', out->topic.len))
        return "PUBLISH with a topic that is empty or no UTF-8";
    if (out->qos > 0) {
        if (p->body.len - at < 2 || (out->mid = u16(p->body.p + at)) == 0)
            return "PUBLISH without packet id";
        at += 2;
    }
    out->payload = (struct ag_span){p->body.p + at, p->body.len - at};
    return NULL;
}

uint16_t mqtt_wire_mid(struct ag_span body)
{
    return body.len >= 2 ? u16(body.p) : 0;
}

bool mqtt_wire_filter(struct ag_span body, size_t *at, bool with_qos, struct ag_span *filter, uint8_t *qos, bool *is_bad)
{
    *is_bad = body.len < 2 || (*at == 2 && body.len == 2);
    if (*is_bad || *at >= body.len)
        return false;
    *is_bad = !take_string(body, at, filter) || !sim_utf8_valid(*filter) || filter->len == 0;
    if (*is_bad)
        return false;
    if (with_qos) {
        *is_bad = *at >= body.len || (unsigned char) body.p[*at] > 2;
        if (*is_bad)
            return false;
        *qos = (uint8_t) body.p[(*at)++];
    }
    return true;
}

int mqtt_wire_put(struct ag_buf *out, enum mqtt_type type, uint8_t flags, struct ag_span body)
{
    size_t left = body.len, was = out->len;
    int r = ag_buf_append_char(out, (char) (type << 4 | flags));

    do {
        unsigned char b = left & 127;

        left >>= 7;
        if (r == 0)
            r = ag_buf_append_char(out, (char) (b | (left ? 128 : 0)));
    } while (left > 0);
    if (r == 0)
        r = ag_buf_append_span(out, body);
    if (r < 0)
        out->len = was;
    return r;
}

static int put_string(struct ag_buf *out, struct ag_span s)
{
    char len[2] = {(char) (s.len >> 8), (char) (s.len & 0xff)};
    int r = ag_buf_append(out, len, 2);

    return r == 0 ? ag_buf_append_span(out, s) : r;
}

int mqtt_wire_put_connect(struct ag_buf *out, const struct mqtt_connect *c)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf body = AG_BUF_INIT;
    char fixed[4] = {(char) c->level, (char) c->flags, (char) (c->keepalive_s >> 8), (char) (c->keepalive_s & 0xff)};
    int r = put_string(&body, c->name);

    if (r == 0)
        r = ag_buf_append(&body, fixed, sizeof fixed);
    if (r == 0)
        r = put_string(&body, c->client_id);
    if (r == 0 && (c->flags & MQTT_FLAG_WILL))
        r = put_string(&body, c->will_topic);
    if (r == 0 && (c->flags & MQTT_FLAG_WILL))
        r = put_string(&body, c->will_payload);
    if (r == 0 && (c->flags & MQTT_FLAG_USER))
        r = put_string(&body, c->user);
    if (r == 0 && (c->flags & MQTT_FLAG_PASSWORD))
        r = put_string(&body, c->password);
    return r == 0 ? mqtt_wire_put(out, MQTT_CONNECT, 0, ag_buf_span(&body)) : r;
}

int mqtt_wire_put_connack(struct ag_buf *out, bool session_present, uint8_t code)
{
    char body[2] = {session_present, (char) code};

    return mqtt_wire_put(out, MQTT_CONNACK, 0, (struct ag_span){body, 2});
}

int mqtt_wire_put_publish(struct ag_buf *out, struct ag_span topic, struct ag_span payload)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf body = AG_BUF_INIT;
    int r = put_string(&body, topic);

    if (r == 0)
        r = ag_buf_append_span(&body, payload);
    return r == 0 ? mqtt_wire_put(out, MQTT_PUBLISH, 0, ag_buf_span(&body)) : r;
}
