/* SPDX-License-Identifier: MIT */
#include "client/report/core/spool_form.h"

#include <errno.h>
#include <string.h>
#include "client/report/core/crc32.h"

enum {
    VERSION_FIRST = 1,
    CHUNK = 4096,
    SEARCH_MAX = 64 << 20 /* bytes searched between good entries: a crafted file must not take minutes */
};

static const uint8_t head_mark[8] = {0x8b, 'm', 'i', 'i', 'o', 'R', 'P', '\n'};
static const uint8_t entry_mark[4] = {0xf5, 'r', 'e', 'p'};
static const char live[SPOOL_STATE] = {'l', 'i', 'v', 'e'};
static const char gone[SPOOL_STATE] = {'g', 'o', 'n', 'e'};

static void put(uint8_t *p, uint64_t v, int n)
{
    for (int i = 0; i < n; i++)
        p[i] = (uint8_t) (v >> 8 * i);
}

static uint64_t get(const uint8_t *p, int n)
{
    uint64_t v = 0;

    while (n-- > 0)
        v = v << 8 | p[n];
    return v;
}

static size_t padded(size_t n)
{
    return (n + 3) & ~(size_t) 3;
}

uint64_t spool_form_size(size_t body_len)
{
    return SPOOL_ENTRY + padded(body_len);
}

/* ---- heads ---- */

static uint32_t head_crc(const uint8_t head[SPOOL_HEAD])
{
    return crc32_add(crc32_add(0, head, 12), head + 16, 16);
}

void spool_form_head(uint8_t out[SPOOL_HEAD], struct spool_head head)
{
    memcpy(out, head_mark, sizeof head_mark);
    put(out + 8, SPOOL_VERSION, 4);
    put(out + 16, head.turn, 8);
    put(out + 24, head.length, 8);
    put(out + 12, head_crc(out), 4);
}

static bool is_ours(uint64_t version)
{
    return version == SPOOL_VERSION || version == VERSION_FIRST;
}

static bool read_head(const uint8_t *p, struct spool_head *out)
{
    if (memcmp(p, head_mark, sizeof head_mark) != 0 || !is_ours(get(p + 8, 4)) || get(p + 12, 4) != head_crc(p))
        return false;
    *out = (struct spool_head){get(p + 16, 8), get(p + 24, 8)};
    return true;
}

/* Both heads are whole and name the same other version. */
static bool is_other(const uint8_t both[SPOOL_HEADS])
{
    const uint8_t *a = both, *b = both + SPOOL_HEAD;

    return memcmp(a, head_mark, sizeof head_mark) == 0 && memcmp(a, b, 12) == 0 && !is_ours(get(a + 8, 4));
}

static void read_heads(const struct spool_source *src, struct spool_scan *out)
{
    uint8_t both[SPOOL_HEADS];
    struct spool_head a, b;
    bool a_good, b_good;

    out->heads = SPOOL_HEADS_BAD;
    if (src->size < SPOOL_HEADS || src->read(src->user, 0, both, sizeof both) < 0)
        return;
    a_good = read_head(both, &a);
    b_good = read_head(both + SPOOL_HEAD, &b);
    if (a_good || b_good) {
        bool first = a_good && (!b_good || a.turn > b.turn);

        out->head = first ? a : b;
        out->version = (unsigned) get(both + (first ? 0 : SPOOL_HEAD) + 8, 4);
        out->heads = a_good && b_good ? SPOOL_HEADS_GOOD : SPOOL_HEADS_ONE;
    } else if (is_other(both)) {
        out->heads = SPOOL_HEADS_OTHER;
    }
}

/* ---- entries ---- */

struct entry {
    uint64_t seq;
    uint32_t len, body_crc;
    unsigned needs;
    bool odd; /* the state is no such thing */
};

void spool_form_state(uint8_t out[SPOOL_STATE], unsigned needs)
{
    if (needs == 0) {
        memcpy(out, gone, SPOOL_STATE);
        return;
    }
    put(out, needs, 2);
    put(out + 2, ~needs, 2);
}

static void read_state(const uint8_t state[SPOOL_STATE], struct entry *out)
{
    bool is_live = memcmp(state, live, SPOOL_STATE) == 0, is_gone = memcmp(state, gone, SPOOL_STATE) == 0;

    out->needs = (unsigned) get(state, 2);
    out->odd = !is_live && !is_gone && (out->needs == 0 || get(state + 2, 2) != (~out->needs & 0xffff));
    if (is_gone)
        out->needs = 0;
    else if (is_live || out->odd)
        out->needs = SPOOL_NEED_UNNAMED;
}

int spool_form_entry(struct ag_buf *out, uint64_t seq, unsigned needs, struct ag_span body)
{
    static const uint8_t zeros[3];
    uint8_t e[SPOOL_ENTRY];
    size_t n_pad = padded(body.len) - body.len;

    if (body.len > SPOOL_BODY_MAX)
        return -EMSGSIZE;
    if (ag_buf_reserve(out, SPOOL_ENTRY + body.len + n_pad) < 0)
        return -ENOMEM;
    memcpy(e, entry_mark, sizeof entry_mark);
    put(e + 8, seq, 8);
    put(e + 16, body.len, 4);
    put(e + 20, crc32_add(crc32_add(0, body.p, body.len), zeros, n_pad), 4);
    spool_form_state(e + SPOOL_STATE_AT, needs);
    put(e + 4, crc32_add(0, e + 8, 16), 4);
    ag_buf_append(out, e, sizeof e);
    ag_buf_append_span(out, body);
    return ag_buf_append(out, zeros, n_pad);
}

static int read_entry(const struct spool_source *src, uint64_t at, struct entry *out)
{
    uint8_t e[SPOOL_ENTRY];
    int r;

    if (at > src->size || src->size - at < SPOOL_ENTRY)
        return -EBADMSG;
    r = src->read(src->user, at, e, sizeof e);
    if (r < 0)
        return r;
    if (memcmp(e, entry_mark, sizeof entry_mark) != 0 || get(e + 4, 4) != crc32_add(0, e + 8, 16))
        return -EBADMSG;
    out->seq = get(e + 8, 8);
    out->len = (uint32_t) get(e + 16, 4);
    out->body_crc = (uint32_t) get(e + 20, 4);
    read_state(e + SPOOL_STATE_AT, out);
    return out->len <= SPOOL_BODY_MAX && src->size - at >= spool_form_size(out->len) ? 0 : -EBADMSG;
}

static int read_body(const struct spool_source *src, uint64_t at, const struct entry *e, struct ag_buf *body)
{
    size_t n = padded(e->len), was = body->len;
    int r = ag_buf_reserve(body, n ? n : 1);

    if (r == 0)
        r = src->read(src->user, at + SPOOL_ENTRY, body->data + was, n);
    if (r < 0)
        return r;
    if (crc32_add(0, body->data + was, n) != e->body_crc)
        return -EBADMSG;
    body->len += e->len;
    return 0;
}

int spool_form_read(const struct spool_source *src, uint64_t at, uint64_t seq, struct ag_buf *body)
{
    struct entry e;
    int r = read_entry(src, at, &e);

    if (r < 0)
        return r;
    return e.seq == seq ? read_body(src, at, &e, body) : -EBADMSG;
}

/* ---- any bytes ---- */

struct scanner {
    const struct spool_source *src;
    struct spool_scan *out;
    spool_entry_fn *entry;
    void *user;
    struct ag_buf body;
    uint64_t searched;
};

/* One whole entry. 0, or -errno when there is none. */
static int take_entry(struct scanner *s, uint64_t at, uint64_t *next_out)
{
    struct entry e;
    int r = read_entry(s->src, at, &e);

    if (r < 0)
        return r;
    ag_buf_clear(&s->body);
    r = read_body(s->src, at, &e, &s->body);
    if (r < 0) {
        s->searched += e.len;
        return r;
    }
    *next_out = at + spool_form_size(e.len);
    if (e.needs == 0) {
        s->out->n_gone++;
        return 0;
    }
    if (e.odd && s->out->n_damaged++ == 0)
        s->out->first_damaged = at + SPOOL_STATE_AT;
    s->out->n_live++;
    s->entry(s->user, at, e.seq, e.needs, ag_buf_span(&s->body));
    return 0;
}

/* The next place after at that looks like the beginning of an entry; size: none. */
static uint64_t next_mark(struct scanner *s, uint64_t at)
{
    uint8_t chunk[CHUNK];

    for (at += 4; at < s->src->size && s->searched < SEARCH_MAX;) {
        uint64_t left = s->src->size - at, to_edge = CHUNK - at % CHUNK;
        size_t n = (size_t) (left < to_edge ? left : to_edge);
        bool readable = s->src->read(s->src->user, at, chunk, n) == 0;

        for (size_t i = 0; readable && i + 4 <= n; i += 4) {
            if (memcmp(chunk + i, entry_mark, sizeof entry_mark) == 0) {
                s->searched += i + 4;
                return at + i;
            }
        }
        s->searched += n;
        at += n;
    }
    return s->src->size;
}

static int scan_entries(struct scanner *s)
{
    uint64_t at = SPOOL_HEADS, next = 0;
    bool lost = false;

    while (at < s->src->size) {
        int r = take_entry(s, at, &next);

        if (r == -ENOMEM)
            return r;
        if (r < 0 && !lost && s->out->n_damaged++ == 0)
            s->out->first_damaged = at;
        lost = r < 0;
        at = lost ? next_mark(s, at) : next;
    }
    return 0;
}

int spool_form_scan(const struct spool_source *src, struct spool_scan *out, spool_entry_fn *entry, void *user)
{
    struct scanner s = {.src = src, .out = out, .entry = entry, .user = user, .body = AG_BUF_INIT};
    int r = 0;

    *out = (struct spool_scan){.end = (src->size + 3) & ~UINT64_C(3)};
    read_heads(src, out);
    out->shorter = (out->heads == SPOOL_HEADS_GOOD || out->heads == SPOOL_HEADS_ONE) && src->size < out->head.length;
    if (out->heads != SPOOL_HEADS_OTHER)
        r = scan_entries(&s);
    ag_buf_deinit(&s.body);
    return r;
}

bool spool_scan_is_clean(const struct spool_scan *s)
{
    return s->heads == SPOOL_HEADS_GOOD && !s->shorter && s->n_damaged == 0;
}
