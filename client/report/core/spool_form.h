/* SPDX-License-Identifier: MIT */
/*
 * The file of kept reports as bytes, version 2. All numbers are little-endian, all offsets multiples of 4.
 *
 *   0, 32   two heads of 32 bytes, written alternately; the one with the greater turn counts
 *   64 ...  entries, back to back
 *
 *   head    0 mark (8), 8 version, 12 CRC of the rest, 16 turn (8), 24 length (8): so much of the file is known to be on
 *           the disk. It may be less than the file has, never more: a file that is shorter has lost its end.
 *   entry   0 mark, 4 CRC of bytes 8 to 23, 8 number (8), 16 length of the body, 20 CRC of the body and its padding,
 *           24 state, 28 body, zeros up to a multiple of 4
 *   state   0 the set of those who still need the entry (2), 2 the same with all bits inverted (2); "gone" when nobody
 *           does. Version 1 knew one reader only and wrote "live"
 *
 * A reader is done with an entry when the state is rewritten without its bit. That needs no room, so it works on a full disk,
 * and a state never spans two sectors. Nothing else is ever overwritten.
 *
 * spool_form_scan() trusts nothing: it takes any bytes, reports what has the right checksums, and counts the rest.
 */
#ifndef CLIENT_SPOOL_FORM_H
#define CLIENT_SPOOL_FORM_H

#include <stdbool.h>
#include <stdint.h>
#include "libagent/core/buf.h"

enum {
    SPOOL_VERSION = 2,
    SPOOL_HEAD = 32,
    SPOOL_HEADS = 64,
    SPOOL_ENTRY = 28,
    SPOOL_STATE_AT = 24, /* in an entry */
    SPOOL_STATE = 4,
    SPOOL_BODY_MAX = 4 << 20
};

/* A reader without a name: the only one in version 1, and the one of entries with a damaged state. New entries never have it. */
#define SPOOL_NEED_UNNAMED 0x8000u

struct spool_head {
    uint64_t turn, length;
};

void spool_form_head(uint8_t out[SPOOL_HEAD], struct spool_head head);
/* The whole entry. 0, -ENOMEM, -EMSGSIZE (body over SPOOL_BODY_MAX); out is unchanged then. */
int spool_form_entry(struct ag_buf *out, uint64_t seq, unsigned needs, struct ag_span body);
/* The state of an entry that these need; 0: nobody. */
void spool_form_state(uint8_t out[SPOOL_STATE], unsigned needs);
/* Bytes that an entry with such a body takes. */
uint64_t spool_form_size(size_t body_len);

/* Where the bytes come from. read: n bytes at an offset; 0 or -errno, also when there are fewer. */
struct spool_source {
    int (*read)(void *user, uint64_t at, void *out, size_t n);
    void *user;
    uint64_t size;
};

/* The body of the entry at a place, appended. 0; -EBADMSG: no such entry there; -ENOMEM; what read() returned. */
int spool_form_read(const struct spool_source *src, uint64_t at, uint64_t seq, struct ag_buf *body);

enum spool_heads {
    SPOOL_HEADS_GOOD,
    SPOOL_HEADS_ONE,   /* one of the two is damaged */
    SPOOL_HEADS_BAD,   /* both are */
    SPOOL_HEADS_OTHER, /* a later version's: its entries were not read */
};

struct spool_scan {
    enum spool_heads heads;
    struct spool_head head; /* heads GOOD or ONE */
    unsigned version;       /* the same */
    bool shorter;           /* than the head says */
    unsigned n_damaged;     /* stretches between good entries that are none */
    uint64_t first_damaged; /* where the first one begins */
    unsigned n_live, n_gone;
    uint64_t end; /* where the next entry goes: after all bytes */
};

/* Called for each entry that somebody needs, in the order of the file; body is borrowed. */
typedef void spool_entry_fn(void *user, uint64_t at, uint64_t seq, unsigned needs, struct ag_span body);

/* 0 or -ENOMEM. What cannot be read counts as damaged. */
int spool_form_scan(const struct spool_source *src, struct spool_scan *out, spool_entry_fn *entry, void *user);

/* Nothing is wrong with it; it may be of an earlier version. */
bool spool_scan_is_clean(const struct spool_scan *s);

#endif
