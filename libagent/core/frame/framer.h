/* SPDX-License-Identifier: MIT */
/*
 * Cuts a byte stream into texts: JSON objects or MessagePack arrays back to back. The first byte tells which of the two, for
 * the life of the stream.
 *
 * Bytes are lent, not copied: a text that came in one piece is handed out where it is; only the unfinished end
 * of a chunk is kept (in part->carry).
 *
 * The scanner and the carried bytes are the framer's part. Framers that share a pool have one of their own only while a
 * text of theirs is cut: a thousand idle streams cost a thousand small structs. Use:
 *
 *     ag_framer_lend(&f, data, n);
 *     while ((r = ag_framer_next(&f, &text)) > 0)
 *         ...                       // text.json is valid until the next call
 *     // r == 0: all of data is used up; r < 0: -ENOMEM or AG_FRAMER_E_*, the stream cannot go on
 *
 * A stream that must not end because of one bad text is made forgiving: a JSON value that is not an object, too deep, too
 * large or not UTF-8 is passed over and reported as a text of kind AG_FRAMER_PASSED. Only what cannot be passed over ends it.
 */
#ifndef AG_FRAMER_H
#define AG_FRAMER_H

#include "libagent/core/frame/json_pass.h"
#include "libagent/core/json/json.h"

/* Conditions, negative so that they are beside -ENOMEM in ag_framer_next(); outside the range of errno. */
enum {
    AG_FRAMER_E_SYNTAX = -100001, /* neither JSON object nor MessagePack array, or malformed */
    AG_FRAMER_E_UTF8 = -100002,
    AG_FRAMER_E_DEPTH = -100003,
    AG_FRAMER_E_SIZE = -100004 /* text longer than max_text */
};

/* The last one is a text's only. */
enum ag_framer_kind { AG_FRAMER_UNKNOWN, AG_FRAMER_JSON, AG_FRAMER_PACK, AG_FRAMER_PASSED };

struct ag_framer_part;

/* Parts that no framer has; all zero at first. The first one scans the texts that are not cut. It must outlive its framers. */
struct ag_framer_pool {
    struct ag_framer_part *spare; /* linked */
    unsigned n;
};

struct ag_framer {
    uint32_t max_text; /* bytes of one text; below 1 GiB */
    uint16_t max_depth;
    uint8_t kind;                /* enum ag_framer_kind */
    bool partial;                /* a text has begun */
    bool handed_out;             /* the carry holds the text given out last */
    bool forgiving;              /* set by the caller behind ag_framer_init() */
    bool passing;                /* the text under way is passed over */
    struct ag_json_pass pass;    /* while passing */
    struct ag_framer_part *part; /* NULL: not needed now */
    struct ag_framer_pool *pool; /* borrowed; NULL: a part of its own from the first byte to the end */
    const char *data;            /* the chunk on loan */
    size_t n, at;
};

struct ag_text {
    struct ag_span bytes;
    uint8_t kind;                    /* AG_FRAMER_JSON, AG_FRAMER_PACK, AG_FRAMER_PASSED: bytes is empty */
    const struct ag_json_view *view; /* of a JSON text; else NULL */
};

void ag_framer_pool_deinit(struct ag_framer_pool *pool);

/* pool may be NULL. */
void ag_framer_init(struct ag_framer *f, uint32_t max_text, unsigned max_depth, struct ag_framer_pool *pool);
void ag_framer_deinit(struct ag_framer *f);

/* The chunk must stay valid until ag_framer_next() has returned 0 or an error. */
void ag_framer_lend(struct ag_framer *f, const void *data, size_t n);

/* 1: *out is a whole text, valid until the next call for this framer or another one of its pool; 0: the chunk is used
   up; negative: see above, and the framer cannot go on. */
int ag_framer_next(struct ag_framer *f, struct ag_text *out);

/* Bytes kept for an unfinished text, for the caller's accounts. */
size_t ag_framer_held(const struct ag_framer *f);

/* Short English text for an AG_FRAMER_E_* or -errno. */
const char *ag_framer_strerror(int r);

#endif
