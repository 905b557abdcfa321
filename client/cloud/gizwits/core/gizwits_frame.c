/* SPDX-License-Identifier: MIT */
#include "client/cloud/gizwits/core/gizwits_frame.h"

#include <string.h>
#include "libagent/core/utf8.h"

static const uint8_t header[4] = {0, 0, 0, 3};

enum { LENGTH_MIN = 3 }; /* flag and command */

/* ---- reading ---- */

static uint32_t take(struct ag_span *s, unsigned n_bytes)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < n_bytes; i++)
        v = v << 8 | (uint8_t) s->p[i];
    s->p += n_bytes;
    s->len -= n_bytes;
    return v;
}

/* A text behind its two bytes of length. */
static int take_text(struct ag_span *s, size_t max, struct ag_span *out)
{
    size_t n;

    if (s->len < 2)
        return GIZWITS_E_BODY;
    n = take(s, 2);
    if (n > max)
        return GIZWITS_E_LIMIT;
    if (n > s->len)
        return GIZWITS_E_BODY;
    *out = (struct ag_span){s->p, n};
    s->p += n;
    s->len -= n;
    return ag_utf8_valid(*out) ? 0 : GIZWITS_E_VALUE;
}

static int take_p0(struct ag_span *s, struct ag_span *out)
{
    if (s->len > GIZWITS_P0_MAX)
        return GIZWITS_E_LIMIT;
    *out = *s;
    s->len = 0;
    return 0;
}

static int take_sn_p0(struct ag_span *s, struct gizwits_frame *f)
{
    if (s->len < 4)
        return GIZWITS_E_BODY;
    f->sn = take(s, 4);
    return take_p0(s, &f->p0);
}

static int take_log(struct ag_span *s, struct gizwits_frame *f)
{
    int r;

    if (s->len < 1)
        return GIZWITS_E_BODY;
    f->level = (uint8_t) take(s, 1);
    if (f->level < GIZWITS_LOG_ERROR || f->level > GIZWITS_LOG_INFO)
        return GIZWITS_E_VALUE;
    r = take_text(s, GIZWITS_LOG_TAG_MAX, &f->tag);
    if (r == 0)
        r = take_text(s, GIZWITS_LOG_SOURCE_MAX, &f->source);
    if (r == 0)
        r = take_text(s, GIZWITS_LOG_TEXT_MAX, &f->text);
    return r;
}

static int take_fw_type(struct ag_span *s, struct gizwits_frame *f)
{
    if (s->len < 1)
        return GIZWITS_E_BODY;
    f->fw_type = (uint8_t) take(s, 1);
    return f->fw_type == GIZWITS_FW_WIFI || f->fw_type == GIZWITS_FW_MCU ? 0 : GIZWITS_E_VALUE;
}

static int take_firmware(struct ag_span *s, struct gizwits_frame *f)
{
    int r = take_fw_type(s, f);

    if (r != 0)
        return r;
    if (s->len < 4)
        return GIZWITS_E_BODY;
    f->fw_id = take(s, 4);
    return take_text(s, GIZWITS_URL_MAX, &f->url);
}

static int take_u16(struct ag_span *s, uint16_t *out)
{
    if (s->len < 2)
        return GIZWITS_E_BODY;
    *out = (uint16_t) take(s, 2);
    return 0;
}

static int take_body(enum gizwits_form form, struct ag_span *s, struct gizwits_frame *f)
{
    bool a = form == GIZWITS_FORM_A;

    switch (f->cmd) {
    case GIZWITS_TO_DEVICE:
    case GIZWITS_TO_APP:
        return a ? take_p0(s, &f->p0) : GIZWITS_E_COMMAND;
    case GIZWITS_ACKED:
    case GIZWITS_ACK:
        return a ? take_sn_p0(s, f) : GIZWITS_E_COMMAND;
    case GIZWITS_SET_LOG:
        return a ? take_u16(s, &f->settings) : GIZWITS_E_COMMAND;
    case GIZWITS_SET_LOG_ACK:
        return a ? 0 : GIZWITS_E_COMMAND;
    case GIZWITS_LOG:
        return a ? take_log(s, f) : GIZWITS_E_COMMAND;
    case GIZWITS_FIRMWARE_V40:
        return a ? GIZWITS_E_COMMAND : take_firmware(s, f);
    case GIZWITS_ASK_APPS:
        return a ? GIZWITS_E_COMMAND : 0;
    case GIZWITS_APPS:
        return a ? GIZWITS_E_COMMAND : take_u16(s, &f->n_apps);
    case GIZWITS_FIRMWARE_V41:
        return a ? GIZWITS_E_COMMAND : take_fw_type(s, f);
    default:
        return GIZWITS_E_COMMAND;
    }
}

/* Cuts s to what the length field counts. */
static int take_length(struct ag_span *s)
{
    size_t length = 0;
    unsigned i = 0;
    uint8_t byte;

    do {
        if (i == 4 || i >= s->len)
            return GIZWITS_E_LENGTH;
        byte = (uint8_t) s->p[i];
        length |= (size_t) (byte & 0x7f) << 7 * i;
        i++;
    } while (byte & 0x80);
    s->p += i;
    s->len -= i;
    if (length < LENGTH_MIN || length > s->len)
        return GIZWITS_E_LENGTH;
    s->len = length;
    return 0;
}

int gizwits_frame_parse(enum gizwits_form form, struct ag_span payload, struct gizwits_frame *out)
{
    struct gizwits_frame f = {.cmd = 0};
    struct ag_span s = payload;
    int r;

    if (s.len < sizeof header || memcmp(s.p, header, sizeof header) != 0)
        return GIZWITS_E_HEADER;
    s.p += sizeof header;
    s.len -= sizeof header;
    if (form == GIZWITS_FORM_A) {
        r = take_length(&s);
        if (r != 0)
            return r;
        if (take(&s, 1) != 0)
            return GIZWITS_E_FLAG;
    }
    if (s.len < 2)
        return GIZWITS_E_BODY;
    f.cmd = (uint16_t) take(&s, 2);
    r = take_body(form, &s, &f);
    if (r != 0)
        return r;
    if (s.len > 0)
        return GIZWITS_E_BODY;
    *out = f;
    return 0;
}

/* ---- building ---- */

static int put(struct ag_buf *b, uint32_t v, unsigned n_bytes)
{
    uint8_t bytes[4];

    for (unsigned i = 0; i < n_bytes; i++)
        bytes[i] = (uint8_t) (v >> 8 * (n_bytes - 1 - i));
    return ag_buf_append(b, bytes, n_bytes);
}

static int put_text(struct ag_buf *b, struct ag_span text, size_t max)
{
    size_t n = ag_utf8_cut(text, max);
    int r = put(b, (uint32_t) n, 2);

    return r < 0 ? r : ag_buf_append(b, text.p, n);
}

static int put_log(struct ag_buf *b, const struct gizwits_frame *f)
{
    int r;

    if (f->level < GIZWITS_LOG_ERROR || f->level > GIZWITS_LOG_INFO)
        return GIZWITS_E_VALUE;
    if (!ag_utf8_valid(f->tag) || !ag_utf8_valid(f->source) || !ag_utf8_valid(f->text))
        return GIZWITS_E_VALUE;
    r = put(b, f->level, 1);
    if (r == 0)
        r = put_text(b, f->tag, GIZWITS_LOG_TAG_MAX);
    if (r == 0)
        r = put_text(b, f->source, GIZWITS_LOG_SOURCE_MAX);
    if (r == 0)
        r = put_text(b, f->text, GIZWITS_LOG_TEXT_MAX);
    return r;
}

static int put_firmware(struct ag_buf *b, const struct gizwits_frame *f)
{
    int r;

    if (f->url.len > GIZWITS_URL_MAX)
        return GIZWITS_E_LIMIT;
    r = put(b, f->fw_type, 1);
    if (r == 0)
        r = put(b, f->fw_id, 4);
    if (r == 0)
        r = put_text(b, f->url, GIZWITS_URL_MAX);
    return r;
}

static int put_p0(struct ag_buf *b, struct ag_span p0)
{
    return p0.len > GIZWITS_P0_MAX ? GIZWITS_E_LIMIT : ag_buf_append(b, p0.p, p0.len);
}

static int put_body(struct ag_buf *b, const struct gizwits_frame *f)
{
    int r;

    switch (f->cmd) {
    case GIZWITS_TO_DEVICE:
    case GIZWITS_TO_APP:
        return put_p0(b, f->p0);
    case GIZWITS_ACKED:
    case GIZWITS_ACK:
        r = put(b, f->sn, 4);
        return r < 0 ? r : put_p0(b, f->p0);
    case GIZWITS_SET_LOG:
        return put(b, f->settings, 2);
    case GIZWITS_SET_LOG_ACK:
    case GIZWITS_ASK_APPS:
        return 0;
    case GIZWITS_LOG:
        return put_log(b, f);
    case GIZWITS_FIRMWARE_V40:
        return put_firmware(b, f);
    case GIZWITS_APPS:
        return put(b, f->n_apps, 2);
    case GIZWITS_FIRMWARE_V41:
        return put(b, f->fw_type, 1);
    default:
        return GIZWITS_E_COMMAND;
    }
}

static int put_head(struct ag_buf *b, const struct gizwits_frame *f, size_t body_len)
{
    size_t length = body_len + LENGTH_MIN;
    int r = ag_buf_append(b, header, sizeof header);

    if (f->cmd >= GIZWITS_FIRMWARE_V40) /* form B */
        return r < 0 ? r : put(b, f->cmd, 2);
    while (r == 0 && length > 0x7f) {
        r = put(b, (uint32_t) (length & 0x7f) | 0x80, 1);
        length >>= 7;
    }
    if (r == 0)
        r = put(b, (uint32_t) length, 1);
    return r < 0 ? r : put(b, f->cmd, 3); /* the flag 0 in front */
}

int gizwits_frame_build(const struct gizwits_frame *f, struct ag_buf *out)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf body = AG_BUF_INIT;
    ag_cleanup(ag_buf_deinit) struct ag_buf whole = AG_BUF_INIT;
    int r = put_body(&body, f);

    if (r == 0)
        r = put_head(&whole, f, ag_buf_size(&body));
    if (r == 0)
        r = ag_buf_append_span(&whole, ag_buf_span(&body));
    if (r == 0)
        r = ag_buf_append_span(out, ag_buf_span(&whole));
    return r;
}

const char *gizwits_frame_error(int e)
{
    static const char *const names[] = {"ok",       "bad header",   "bad length field", "unknown flag", "unknown command",
                                        "bad body", "over a limit", "bad value"};

    return e >= 0 && e < GIZWITS_N_ERRORS ? names[e] : "no memory";
}

bool gizwits_log_wanted(uint16_t settings, enum gizwits_log_level level)
{
    return settings >> (level - 1) & 1;
}
