/* SPDX-License-Identifier: MIT */
#include "tests/bench/wire.h"

#include <stdio.h>
#include <stdlib.h>

enum { CALL_HEAD = sizeof "{\"id\":1000000000" - 1 };

static void check(int r)
{
    if (r < 0)
        abort(); /* no memory: a benchmark has nothing left to say */
}

/* The fixed header, the length, the topic. */
static void put_publish(struct ag_buf *out, const char *topic, size_t payload)
{
    size_t n = strlen(topic), left = 2 + n + payload;

    check(ag_buf_append_char(out, 0x30));
    do {
        unsigned char b = (unsigned char) (left & 127);

        left >>= 7;
        check(ag_buf_append_char(out, (char) (left ? b | 128 : b)));
    } while (left);
    check(ag_buf_append_char(out, (char) (n >> 8)));
    check(ag_buf_append_char(out, (char) n));
    check(ag_buf_append(out, topic, n));
}

/* What follows the id: always the same for one app and size. */
static size_t call_tail(char *out, unsigned app, size_t size)
{
    size_t want = size - CALL_HEAD;
    int n = sprintf(out, ",\"method\":\"m%04u\",\"params\":[\"", app);

    memset(out + n, 'x', want - (size_t) n - 3);
    memcpy(out + want - 3, "\"]}", 3);
    return want;
}

void wire_put_call(struct ag_buf *out, bool mqtt, const char *topic, unsigned long id, unsigned app, size_t size)
{
    char tail[8192];
    size_t n = call_tail(tail, app, size);

    if (mqtt)
        put_publish(out, topic, size);
    check(ag_buf_append_str(out, "{\"id\":"));
    check(ag_buf_append_u64(out, id));
    check(ag_buf_append(out, tail, n));
}

bool wire_call_intact(const struct wire_text *t, unsigned app, size_t size)
{
    char tail[8192];
    size_t n = call_tail(tail, app, size);

    return t->rest.len == n && memcmp(t->rest.p, tail, n) == 0;
}

void wire_put_reply(struct ag_buf *out, bool mqtt, const char *topic, struct ag_span id)
{
    if (mqtt)
        put_publish(out, topic, id.len + sizeof "{\"id\":,\"result\":[\"ok\"]}" - 1);
    check(ag_buf_append_str(out, "{\"id\":"));
    check(ag_buf_append_span(out, id));
    check(ag_buf_append_str(out, ",\"result\":[\"ok\"]}"));
}

void wire_put_mqtt_connect(struct ag_buf *out, unsigned n)
{
    char name[16];
    size_t len = (size_t) sprintf(name, "bench%u", n);
    const char head[] = {0x10, (char) (12 + len), 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, (char) len};

    check(ag_buf_append(out, head, sizeof head));
    check(ag_buf_append(out, name, len));
}

void wire_put_mqtt_subscribe(struct ag_buf *out, const char *topic)
{
    size_t n = strlen(topic);
    const char head[] = {(char) 0x82, (char) (5 + n), 0, 1, 0, (char) n};

    check(ag_buf_append(out, head, sizeof head));
    check(ag_buf_append(out, topic, n));
    check(ag_buf_append_char(out, 0));
}

/* 1: the next packet is there, p..p+len behind its header. */
static int mqtt_packet(struct ag_buf *in, size_t *head_out, size_t *len_out)
{
    const unsigned char *p = (const unsigned char *) ag_buf_span(in).p;
    size_t have = ag_buf_size(in), len = 0, at = 1;
    unsigned shift = 0;

    for (;; at++, shift += 7) {
        if (at >= have)
            return 0;
        if (shift > 21)
            return -1;
        len |= (size_t) (p[at] & 127) << shift;
        if (!(p[at] & 128))
            break;
    }
    *head_out = at + 1;
    *len_out = len;
    return have - at - 1 >= len;
}

static int parse(struct ag_span text, struct wire_text *out)
{
    size_t i = 6;
    unsigned long v = 0;

    if (text.len < 8 || memcmp(text.p, "{\"id\":", 6) != 0)
        return -1;
    for (; i < text.len && text.p[i] >= '0' && text.p[i] <= '9'; i++)
        v = v * 10 + (unsigned long) (text.p[i] - '0');
    out->id = (struct ag_span){text.p + 6, i - 6};
    out->rest = (struct ag_span){text.p + i, text.len - i};
    out->number = v;
    return i > 6 ? 1 : -1;
}

static int take_mqtt(struct ag_buf *in, struct wire_text *out, unsigned *acks)
{
    size_t head, len, topic;
    int r;

    while ((r = mqtt_packet(in, &head, &len)) > 0) {
        const unsigned char *p = (const unsigned char *) ag_buf_head(in);

        ag_buf_consume(in, head + len); /* the bytes stay where they are until the next append */
        if (p[0] >> 4 != 3) {
            (*acks)++;
            continue;
        }
        topic = 2 + ((size_t) p[head] << 8 | p[head + 1]);
        return parse((struct ag_span){(const char *) p + head + topic, len - topic}, out);
    }
    return r;
}

/* No message of ours has a brace inside. */
int wire_take(struct ag_buf *in, bool mqtt, struct wire_text *out, unsigned *acks)
{
    struct ag_span s = ag_buf_span(in);
    const char *end;

    if (mqtt)
        return take_mqtt(in, out, acks);
    if (s.len == 0)
        return 0;
    end = memchr(s.p, '}', s.len);
    if (!end)
        return *s.p == '{' ? 0 : -1;
    ag_buf_consume(in, (size_t) (end - s.p) + 1);
    return parse((struct ag_span){s.p, (size_t) (end - s.p) + 1}, out);
}
