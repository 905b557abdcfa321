/* SPDX-License-Identifier: MIT */
/* The store of reports, without a disk. */
#include "tests/unit/client/client_rig_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "client/report/io/spool.h"

enum { RECORDS = 32 };

struct spool {
    const struct spool_events *events;
    void *user;
};

struct record {
    uint64_t seq;
    uint32_t id;
    unsigned needs;
    char *text;
    bool stored;
};

static struct disk {
    struct spool spool;
    struct record records[RECORDS];
    int ready;
} disk;

static struct record *record_of(uint64_t seq)
{
    for (unsigned i = 0; i < RECORDS; i++) {
        if (disk.records[i].text && disk.records[i].seq == seq)
            return &disk.records[i];
    }
    return NULL;
}

static void record_drop(struct record *r)
{
    free(r->text);
    *r = (struct record){.text = NULL};
}

int spool_open(struct spool **out, uv_loop_t *loop, const char *path, const struct spool_events *events, void *user)
{
    (void) loop;
    (void) path;
    disk.spool = (struct spool){events, user};
    *out = &disk.spool;
    return 0;
}

int spool_ready(struct spool *s)
{
    (void) s;
    return disk.ready;
}

int spool_put(struct spool *s, uint64_t seq, unsigned needs, const struct spool_record *rec)
{
    (void) s;
    for (unsigned i = 0; i < RECORDS; i++) {
        struct record *r = &disk.records[i];

        if (r->text)
            continue;
        *r = (struct record){.seq = seq, .id = rec->id, .needs = needs, .text = strndup(rec->text.p, rec->text.len)};
        return 0;
    }
    rig_fail("the store is full");
    return -ENOMEM;
}

int spool_release(struct spool *s, uint64_t seq, unsigned needs)
{
    struct record *r = record_of(seq);

    (void) s;
    if (r && (r->needs &= ~needs) == 0)
        record_drop(r);
    return 0;
}

int spool_remove(struct spool *s, uint64_t seq)
{
    return spool_release(s, seq, UINT16_MAX);
}

int spool_hand_over(struct spool *s, uint64_t seq, unsigned from, unsigned to)
{
    struct record *r = record_of(seq);

    (void) s;
    if (r && r->needs & from)
        r->needs = (r->needs & ~from) | to;
    return 0;
}

int spool_read(struct spool *s, uint64_t seq, struct ag_buf *text)
{
    struct record *r = record_of(seq);

    (void) s;
    return r && r->stored ? ag_buf_append_str(text, r->text) : -ENOENT;
}

int spool_wipe(struct spool *s)
{
    (void) s;
    for (unsigned i = 0; i < RECORDS; i++)
        record_drop(&disk.records[i]);
    return 0;
}

bool spool_is_idle(const struct spool *s)
{
    (void) s;
    for (unsigned i = 0; i < RECORDS; i++) {
        if (disk.records[i].text && !disk.records[i].stored)
            return false;
    }
    return true;
}

int spool_error(const struct spool *s)
{
    (void) s;
    return disk.ready;
}

void spool_get_stats(const struct spool *s, struct spool_stats *out)
{
    (void) s;
    *out = (struct spool_stats){.put_aside = 0};
}

void spool_close(struct spool *s)
{
    if (s)
        s->events->closed(s->user);
}

static void disk_commits(int r)
{
    for (unsigned i = 0; i < RECORDS; i++) {
        struct record *rec = &disk.records[i];
        uint64_t seq = rec->seq;
        uint32_t id = rec->id;

        if (!rec->text || rec->stored)
            continue;
        if (r == 0)
            rec->stored = true;
        else
            record_drop(rec);
        disk.spool.events->stored(disk.spool.user, seq, id, r);
    }
}

void rig_store_begin(void)
{
    disk.ready = 0;
}

void rig_store_line(char what, const char *text)
{
    if (what == '=')
        disk.ready = -atoi(text);
    else
        disk_commits(-atoi(text));
}

void rig_store_end(void)
{
    spool_wipe(NULL);
}
