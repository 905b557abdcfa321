/* SPDX-License-Identifier: MIT */
#include "libagent/core/frame/framer.h"

#include <errno.h>
#include <stdlib.h>
#include "libagent/core/buf.h"
#include "libagent/core/pack/pack_scan.h"

enum {
    CARRY_KEEP = 16 * 1024, /* a larger buffer is given back as soon as it is empty */
    SPARES_MAX = 8
};

struct ag_framer_part {
    struct ag_framer_part *next; /* in its pool */
    struct ag_buf carry;         /* the begun text's bytes from earlier chunks */
    struct ag_json_scan *json;   /* either of them, in the same piece of memory */
    struct ag_pack_scan *pack;
};

static struct ag_framer_part *part_new_json(void)
{
    struct json_part {
        struct ag_framer_part part;
        struct ag_json_scan scan;
    } *p = malloc(sizeof *p);

    if (!p)
        return NULL;
    p->part = (struct ag_framer_part){.json = &p->scan};
    return &p->part;
}

/* The larger scanner, only for those who speak MessagePack. */
static struct ag_framer_part *part_new_pack(void)
{
    struct pack_part {
        struct ag_framer_part part;
        struct ag_pack_scan scan;
    } *p = malloc(sizeof *p);

    if (!p)
        return NULL;
    p->part = (struct ag_framer_part){.pack = &p->scan};
    return &p->part;
}

static void part_free(struct ag_framer_part *part)
{
    if (part)
        ag_buf_deinit(&part->carry);
    free(part);
}

void ag_framer_pool_deinit(struct ag_framer_pool *pool)
{
    struct ag_framer_part *part;

    while ((part = pool->spare)) {
        pool->spare = part->next;
        part_free(part);
    }
    pool->n = 0;
}

/* The scanner for a new text: the pool's, until the text turns out to be cut, or one of its own. */
static struct ag_framer_part *framer_get_part(struct ag_framer *f)
{
    struct ag_framer_pool *pool = f->pool;

    if (f->kind == AG_FRAMER_PACK)
        return f->part = part_new_pack();
    if (!pool)
        return f->part = part_new_json();
    if (!pool->spare) {
        pool->spare = part_new_json();
        pool->n = pool->spare ? 1 : 0;
    }
    return pool->spare;
}

/* A text is cut: the part it was begun with is the framer's own until the text is done with. */
static void framer_keep_part(struct ag_framer *f, struct ag_framer_part *part)
{
    if (f->part)
        return;
    f->part = part;
    f->pool->spare = part->next;
    f->pool->n--;
}

static void framer_put_part(struct ag_framer *f)
{
    struct ag_framer_part *part = f->part;
    struct ag_framer_pool *pool = f->pool;

    if (!pool || part->pack)
        return;
    f->part = NULL;
    if (pool->n >= SPARES_MAX) {
        part_free(part);
        return;
    }
    part->next = pool->spare;
    pool->spare = part;
    pool->n++;
}

void ag_framer_init(struct ag_framer *f, uint32_t max_text, unsigned max_depth, struct ag_framer_pool *pool)
{
    *f = (struct ag_framer){.max_text = max_text, .max_depth = (uint16_t) max_depth, .pool = pool};
}

void ag_framer_deinit(struct ag_framer *f)
{
    part_free(f->part);
    f->part = NULL;
}

size_t ag_framer_held(const struct ag_framer *f)
{
    return f->part ? f->part->carry.cap : 0;
}

void ag_framer_lend(struct ag_framer *f, const void *data, size_t n)
{
    f->data = data;
    f->n = n;
    f->at = 0;
}

/* The first byte of the stream decides; fixarray of 3 or 4 is what MessagePack-RPC sends. */
static int framer_choose(struct ag_framer *f)
{
    unsigned char c = (unsigned char) f->data[f->at];

    if (c == '{')
        f->kind = AG_FRAMER_JSON;
    else if (c == 0x93 || c == 0x94)
        f->kind = AG_FRAMER_PACK;
    else
        return AG_FRAMER_E_SYNTAX;
    return 0;
}

static int framer_begin(struct ag_framer *f, struct ag_framer_part **part_out)
{
    struct ag_framer_part *part = f->part;
    int r = f->kind == AG_FRAMER_UNKNOWN ? framer_choose(f) : 0;

    if (r < 0)
        return r;
    if (!part && !(part = framer_get_part(f)))
        return -ENOMEM;
    if (f->kind == AG_FRAMER_JSON)
        ag_json_scan_init(part->json, f->max_depth);
    else
        ag_pack_scan_init(part->pack, f->max_depth, f->max_text);
    f->partial = true;
    *part_out = part;
    return 0;
}

/* Both scanners: 0 more, -1 complete, else AG_FRAMER_E_*. */
static int framer_scan(struct ag_framer_part *part, const char *p, size_t n, size_t *used_out)
{
    static const int json_errors[] = {
        [AG_JSON_E_SYNTAX] = AG_FRAMER_E_SYNTAX, [AG_JSON_E_UTF8] = AG_FRAMER_E_UTF8, [AG_JSON_E_DEPTH] = AG_FRAMER_E_DEPTH};
    static const int pack_errors[] = {
        [AG_PACK_E_SYNTAX] = AG_FRAMER_E_SYNTAX, [AG_PACK_E_DEPTH] = AG_FRAMER_E_DEPTH, [AG_PACK_E_SIZE] = AG_FRAMER_E_SIZE};
    int r;

    if (part->json) {
        r = ag_json_scan(part->json, p, n, used_out);
        return r > 0 ? json_errors[r] : r;
    }
    r = ag_pack_scan(part->pack, p, n, used_out);
    return r > 0 ? pack_errors[r] : r;
}

static void framer_drop_handed_out(struct ag_framer *f)
{
    struct ag_buf *carry = &f->part->carry;

    f->handed_out = false;
    if (carry->cap > CARRY_KEEP)
        ag_buf_deinit(carry);
    else
        ag_buf_clear(carry);
    framer_put_part(f);
}

/* ---- passing over ---- */

/* What is being passed over goes on with these bytes. As ag_framer_next(). */
static int pass_on(struct ag_framer *f, const char *p, size_t n, size_t *used_out, struct ag_text *out)
{
    int r = ag_json_pass(&f->pass, p, n, used_out);

    if (r == 0)
        return 0;
    f->partial = f->passing = false;
    if (r < 0)
        return AG_FRAMER_E_SYNTAX;
    *out = (struct ag_text){.bytes = {"", 0}, .kind = AG_FRAMER_PASSED};
    return 1;
}

static int pass_more(struct ag_framer *f, struct ag_text *out)
{
    size_t used = 0;
    int r = pass_on(f, f->data + f->at, f->n - f->at, &used, out);

    f->at += used;
    return r;
}

static bool can_pass(const struct ag_framer *f, size_t held, int error)
{
    if (!f->forgiving || f->kind == AG_FRAMER_PACK)
        return false;
    if (error == AG_FRAMER_E_SYNTAX) /* not an object from its first byte on; a broken object is no value at all */
        return held == 0 && f->data[f->at] != '{';
    return error == AG_FRAMER_E_UTF8 || error == AG_FRAMER_E_DEPTH || error == AG_FRAMER_E_SIZE;
}

/* A text that is not wanted: returns the error, or passes over the text from its first byte on. */
static __attribute__((noinline)) int framer_reject(struct ag_framer *f, int error, struct ag_text *out)
{
    size_t held = f->part ? ag_buf_size(&f->part->carry) : 0, used = 0;
    int r = 0;

    if (!can_pass(f, held, error))
        return error;
    f->partial = f->passing = true;
    ag_json_pass_init(&f->pass);
    if (held > 0)
        r = pass_on(f, ag_buf_head(&f->part->carry), held, &used, out); /* finds no end: the scanner found none */
    if (f->part)
        framer_drop_handed_out(f);
    return r < 0 ? r : pass_more(f, out);
}

int ag_framer_next(struct ag_framer *f, struct ag_text *out)
{
    struct ag_framer_part *part = f->part;
    size_t held, used, left;
    const char *p;
    int r;

    if (f->handed_out)
        framer_drop_handed_out(f);
    if (!f->partial) {
        if (f->kind != AG_FRAMER_PACK)
            f->at += ag_json_skip(f->data + f->at, f->n - f->at);
        if (f->at == f->n)
            return 0;
        r = framer_begin(f, &part);
        if (r < 0)
            return framer_reject(f, r, out);
    } else if (f->passing) {
        return pass_more(f, out);
    }
    held = ag_buf_size(&part->carry);
    p = f->data + f->at;
    left = f->n - f->at;
    if (left > f->max_text - held) /* one byte past the limit is enough to know */
        left = f->max_text - held + 1;
    r = framer_scan(part, p, left, &used);
    if (r < -1)
        return framer_reject(f, r, out);
    if (held + used > f->max_text)
        return framer_reject(f, AG_FRAMER_E_SIZE, out);
    f->at += used;
    if (held > 0 || r == 0) {
        int r2;

        framer_keep_part(f, part);
        r2 = ag_buf_append(&part->carry, p, used);
        if (r2 < 0)
            return r2;
    }
    if (r == 0)
        return 0;
    f->partial = false;
    f->handed_out = held > 0;
    out->bytes = held > 0 ? ag_buf_span(&part->carry) : (struct ag_span){p, used};
    out->kind = f->kind;
    out->view = f->kind == AG_FRAMER_JSON ? &part->json->view : NULL;
    return 1;
}

const char *ag_framer_strerror(int r)
{
    switch (r) {
    case AG_FRAMER_E_SYNTAX:
        return "not a JSON object";
    case AG_FRAMER_E_UTF8:
        return "not UTF-8";
    case AG_FRAMER_E_DEPTH:
        return "nested too deep";
    case AG_FRAMER_E_SIZE:
        return "text too large";
    case -ENOMEM:
        return "out of memory";
    default:
        return "error";
    }
}
