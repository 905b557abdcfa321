#include "libagent/core/framer.h"

#include <errno.h>
#include <stdlib.h>

enum { CARRY_KEEP = 16 * 1024 }; /* a larger buffer is given back as soon as it is empty */

void ag_framer_init(struct ag_framer *f, uint32_t max_text, unsigned max_depth)
{
    *f = (struct ag_framer){.max_text = max_text, .max_depth = (uint16_t) max_depth};
}

void ag_framer_deinit(struct ag_framer *f)
{
    ag_buf_deinit(&f->carry);
    free(f->scan);
    free(f->pack);
    f->scan = NULL;
    f->pack = NULL;
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

    if (c == '{') {
        f->scan = calloc(1, sizeof *f->scan);
        if (!f->scan)
            return -ENOMEM;
        f->kind = AG_FRAMER_JSON;
    } else if (c == 0x93 || c == 0x94) {
        f->pack = calloc(1, sizeof *f->pack);
        if (!f->pack)
            return -ENOMEM;
        f->kind = AG_FRAMER_PACK;
    } else {
        return AG_FRAMER_E_SYNTAX;
    }
    return 0;
}

static int framer_begin(struct ag_framer *f)
{
    if (f->kind == AG_FRAMER_UNKNOWN) {
        int r = framer_choose(f);

        if (r < 0)
            return r;
    }
    if (f->kind == AG_FRAMER_JSON)
        ag_json_scan_init(f->scan, f->max_depth);
    else
        ag_pack_scan_init(f->pack, f->max_depth, f->max_text);
    f->partial = true;
    return 0;
}

/* Both scanners: 0 more, -1 complete, else AG_FRAMER_E_*. */
static int framer_scan(struct ag_framer *f, const char *p, size_t n, size_t *used_out)
{
    static const int json_errors[] = {[AG_JSON_E_SYNTAX] = AG_FRAMER_E_SYNTAX,
                                      [AG_JSON_E_UTF8] = AG_FRAMER_E_UTF8,
                                      [AG_JSON_E_DEPTH] = AG_FRAMER_E_DEPTH};
    static const int pack_errors[] = {[AG_PACK_E_SYNTAX] = AG_FRAMER_E_SYNTAX,
                                      [AG_PACK_E_DEPTH] = AG_FRAMER_E_DEPTH,
                                      [AG_PACK_E_SIZE] = AG_FRAMER_E_SIZE};
    int r;

    if (f->kind == AG_FRAMER_JSON) {
        r = ag_json_scan(f->scan, p, n, used_out);
        return r > 0 ? json_errors[r] : r;
    }
    r = ag_pack_scan(f->pack, p, n, used_out);
    return r > 0 ? pack_errors[r] : r;
}

static void framer_drop_handed_out(struct ag_framer *f)
{
    f->handed_out = false;
    if (f->carry.cap > CARRY_KEEP)
        ag_buf_deinit(&f->carry);
    else
        ag_buf_clear(&f->carry);
}

int ag_framer_next(struct ag_framer *f, struct ag_text *out)
{
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
        r = framer_begin(f);
        if (r < 0)
            return r;
    }
    held = ag_buf_size(&f->carry);
    p = f->data + f->at;
    left = f->n - f->at;
    if (left > f->max_text - held) /* one byte past the limit is enough to know */
        left = f->max_text - held + 1;
    r = framer_scan(f, p, left, &used);
    if (r < -1)
        return r;
    if (held + used > f->max_text)
        return AG_FRAMER_E_SIZE;
    f->at += used;
    if (held > 0 || r == 0) {
        int r2 = ag_buf_append(&f->carry, p, used);

        if (r2 < 0)
            return r2;
    }
    if (r == 0)
        return 0;
    f->partial = false;
    f->handed_out = held > 0;
    out->bytes = held > 0 ? ag_buf_span(&f->carry) : (struct ag_span){p, used};
    out->kind = f->kind;
    out->view = f->kind == AG_FRAMER_JSON ? &f->scan->view : NULL;
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
