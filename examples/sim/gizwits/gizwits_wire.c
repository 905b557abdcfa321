/* SPDX-License-Identifier: MIT */
#include "examples/sim/gizwits/gizwits_wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "examples/sim/wire/sim_json.h"

enum { TAG_MAX = 256, SOURCE_MAX = 32, TEXT_MAX = 65535, URL_MAX = 512 };

/* ---- reading: fields are taken from a cursor that remembers the first fault ---- */

struct cursor {
    const uint8_t *p, *end;
    const char *fault;
};

static const uint8_t *need(struct cursor *c, size_t n)
{
    const uint8_t *at = c->p;

    if (c->fault)
        return NULL;
    if ((size_t) (c->end - c->p) < n) {
        c->fault = "bad body";
        return NULL;
    }
    c->p += n;
    return at;
}

static uint32_t number(struct cursor *c, size_t n)
{
    const uint8_t *at = need(c, n);
    uint32_t v = 0;

    for (size_t i = 0; at && i < n; i++)
        v = v * 256 + at[i];
    return v;
}

static struct ag_span bytes(struct cursor *c, size_t n, size_t max)
{
    const uint8_t *at;

    if (!c->fault && n > max)
        c->fault = "over a limit";
    at = need(c, n);
    return at ? (struct ag_span){(const char *) at, n} : (struct ag_span){"", 0};
}

static struct ag_span text(struct cursor *c, size_t max)
{
    size_t n = number(c, 2);
    struct ag_span s = bytes(c, n, max);

    if (!c->fault && !sim_utf8_valid(s))
        c->fault = "bad value";
    return s;
}

/* MQTT's remaining length: how many bytes belong to the frame. What is behind them is not looked at. */
static void cut_to_length(struct cursor *c)
{
    size_t length = 0, more = 1, factor = 1;

    for (int i = 0; more && !c->fault; i++) {
        const uint8_t *at = i < 4 ? need(c, 1) : NULL;

        if (!at) {
            c->fault = "bad length field";
            return;
        }
        length += (*at & 127u) * factor;
        factor *= 128;
        more = *at & 128u;
    }
    if (length < 3 || length > (size_t) (c->end - c->p))
        c->fault = "bad length field";
    else
        c->end = c->p + length;
}

static void read_to_app(struct cursor *c, struct gz_frame *f)
{
    switch (f->cmd) {
    case GZ_SET_LOG_ACK:
        return;
    case GZ_LOG:
        f->level = (uint8_t) number(c, 1);
        if (!c->fault && (f->level < 1 || f->level > 3))
            c->fault = "bad value";
        f->tag = text(c, TAG_MAX);
        f->source = text(c, SOURCE_MAX);
        f->text = text(c, TEXT_MAX);
        return;
    case GZ_ACKED:
    case GZ_ACK:
        f->sn = number(c, 4);
        f->p0 = bytes(c, (size_t) (c->end - c->p), GZ_P0_MAX);
        return;
    case GZ_TO_APP:
        f->p0 = bytes(c, (size_t) (c->end - c->p), GZ_P0_MAX);
        return;
    case GZ_SET_LOG:
    case GZ_TO_DEVICE:
        c->fault = "a command that devices do not send there";
        return;
    default:
        c->fault = "unknown command";
    }
}

const char *gz_frame_read(bool to_server, struct ag_span payload, struct gz_frame *out)
{
    struct cursor c = {(const uint8_t *) payload.p, (const uint8_t *) payload.p + payload.len, NULL};
    const uint8_t *head = need(&c, 4);
    struct gz_frame f = {.cmd = 0};

    if (!head || memcmp(head, "\0\0\0\3", 4) != 0)
        return "bad header";
    if (!to_server) {
        cut_to_length(&c);
        if (number(&c, 1) != 0 && !c.fault)
            c.fault = "unknown flag";
    }
    f.cmd = (uint16_t) number(&c, 2);
    if (c.fault)
        return c.fault;
    if (!to_server)
        read_to_app(&c, &f);
    else if (f.cmd != GZ_ASK_APPS)
        c.fault = f.cmd == GZ_APPS || f.cmd == GZ_FIRMWARE_V40 || f.cmd == GZ_FIRMWARE_V41
                      ? "a command that devices do not send there"
                      : "unknown command";
    if (!c.fault && c.p != c.end)
        c.fault = "bad body";
    if (!c.fault)
        *out = f;
    return c.fault;
}

/* ---- writing ---- */

static int put(struct ag_buf *b, uint32_t v, int n)
{
    int r = 0;

    for (int i = n - 1; i >= 0 && r == 0; i--)
        r = ag_buf_append_char(b, (char) (v >> 8 * i));
    return r;
}

static int put_body(struct ag_buf *b, const struct gz_frame *f)
{
    switch (f->cmd) {
    case GZ_ACKED:
    case GZ_ACK:
        return put(b, f->sn, 4) < 0 ? -ENOMEM : ag_buf_append_span(b, f->p0);
    case GZ_TO_DEVICE:
        return ag_buf_append_span(b, f->p0);
    case GZ_SET_LOG:
        return put(b, f->settings, 2);
    case GZ_APPS:
        return put(b, f->n_apps, 2);
    case GZ_FIRMWARE_V41:
        return put(b, f->fw_type, 1);
    case GZ_FIRMWARE_V40:
        if (put(b, f->fw_type, 1) < 0 || put(b, f->fw_id, 4) < 0 || put(b, (uint32_t) f->url.len, 2) < 0)
            return -ENOMEM;
        return ag_buf_append_span(b, f->url);
    default:
        return -EINVAL;
    }
}

int gz_frame_write(const struct gz_frame *f, struct ag_buf *out)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf body = AG_BUF_INIT;
    bool from_server = f->cmd >= 0x0200;
    size_t left;
    int r = f->p0.len > GZ_P0_MAX || f->url.len > URL_MAX ? -EINVAL : put_body(&body, f);

    if (r == 0)
        r = put(out, 3, 4);
    for (left = ag_buf_size(&body) + 3; r == 0 && !from_server && left >= 128; left /= 128)
        r = put(out, (uint32_t) (left % 128) | 128, 1);
    if (r == 0 && !from_server)
        r = put(out, (uint32_t) left << 8, 2); /* the last byte of the length, and the flag */
    if (r == 0)
        r = put(out, f->cmd, 2);
    return r < 0 ? r : ag_buf_append_span(out, ag_buf_span(&body));
}

/* ---- topics and bodies ---- */

const char *gz_filter(unsigned i, const char *did, const char *product_key, char out[GZ_TOPIC_MAX])
{
    if (i == 0)
        snprintf(out, GZ_TOPIC_MAX, "ser2cli_res/%s", did);
    else if (i == 1)
        snprintf(out, GZ_TOPIC_MAX, "ser2cli_noti/%s", product_key);
    else if (i == 2)
        snprintf(out, GZ_TOPIC_MAX, "app2dev/%s/#", did);
    return i < 3 ? out : NULL;
}

bool gz_app_is_good(struct ag_span app)
{
    bool good = app.len >= 1 && app.len <= GZ_APP_MAX && sim_utf8_valid(app);

    for (size_t i = 0; i < app.len && good; i++)
        good = (uint8_t) app.p[i] >= 0x20 && app.p[i] != 0x7f && !strchr("+#", app.p[i]);
    return good;
}

struct ag_span gz_body_value(struct ag_span body, const char *key)
{
    size_t key_len = strlen(key);

    while (body.len > 0 && strchr(" \t\r\n", body.p[body.len - 1]))
        body.len--;
    while (body.len > 0) {
        const char *amp = memchr(body.p, '&', body.len);
        size_t n = amp ? (size_t) (amp - body.p) : body.len;

        if (n > key_len && body.p[key_len] == '=' && memcmp(body.p, key, key_len) == 0)
            return (struct ag_span){body.p + key_len + 1, n - key_len - 1};
        n += amp != NULL;
        body = (struct ag_span){body.p + n, body.len - n};
    }
    return (struct ag_span){NULL, 0};
}
