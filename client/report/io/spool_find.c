/* SPDX-License-Identifier: MIT */
#include "client/report/io/spool_find.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/report/core/spool_record.h"
#include "libagent/core/log/log.h"

static void on_entry(void *user, uint64_t at, uint64_t seq, unsigned needs, struct ag_span body)
{
    struct spool_find *f = user;
    struct spool_record rec;
    int r = spool_record_decode(&rec, body);

    if (r == -ENOMEM)
        f->error = r;
    if (r != 0) {
        f->n_strange++;
        return;
    }
    r = spool_index_add(&f->index, seq, at, (uint32_t) spool_form_size(body.len), needs);
    if (r == -EEXIST)
        f->n_strange++;
    if (r == -ENOMEM)
        f->error = r;
}

static void describe(const struct spool_find *f, const struct spool_scan *scan, char *out, size_t n)
{
    if (scan->heads == SPOOL_HEADS_OTHER)
        snprintf(out, n, "of a later version");
    else if (scan->heads == SPOOL_HEADS_BAD && scan->n_live + scan->n_gone == 0)
        snprintf(out, n, "not a file of kept reports");
    else if (scan->n_damaged > 0)
        snprintf(out, n, "damaged in %u places, first at byte %llu", scan->n_damaged, (unsigned long long) scan->first_damaged);
    else if (scan->shorter)
        snprintf(out, n, "cut short, by %llu bytes or more", (unsigned long long) (scan->head.length - scan->end));
    else if (scan->heads != SPOOL_HEADS_GOOD)
        snprintf(out, n, "damaged in its head");
    else if (f->n_strange > 0)
        snprintf(out, n, "with %u records of another version or form", f->n_strange);
    else
        snprintf(out, n, "not to be written by us");
}

/* The file is not as it was left. What could be read goes into a new one; the old one is put aside. */
static int heal(struct spool_find *f, const struct spool_scan *scan)
{
    size_t n = f->index.n;
    uint64_t *moved = calloc(n ? n : 1, sizeof *moved);
    char what[96], aside[SPOOL_PATH_MAX];
    struct spool_file fresh;
    int r = moved ? spool_file_rewrite(&f->file, f->index.p, n, f->give_up, moved, aside, &fresh) : -ENOMEM;

    describe(f, scan, what, sizeof what);
    f->n_damaged += scan->n_damaged + f->n_strange + 1;
    if (r == 0) {
        for (size_t i = 0; i < n; i++)
            f->index.p[i].at = moved[i];
        spool_file_close(&f->file);
        f->file = fresh;
        f->n_put_aside++;
        ag_log(AG_LOG_ERROR, "%s: %s; put aside as %s, %zu reports saved", f->path, what, aside, spool_index_count(&f->index));
    } else if (r != f->said) {
        ag_log(AG_LOG_ERROR, "%s: %s; cannot be put aside: %s; %zu reports can be read", f->path, what, strerror(-r),
               spool_index_count(&f->index));
    }
    free(moved);
    return r;
}

/* An undamaged file of an earlier version is rewritten in the present form. If there is no room for that, it is used as it is. */
static int renew(struct spool_find *f)
{
    size_t n = f->index.n;
    uint64_t *moved = calloc(n ? n : 1, sizeof *moved);
    struct spool_file fresh;
    int r = moved ? spool_file_rewrite(&f->file, f->index.p, n, f->give_up, moved, NULL, &fresh) : -ENOMEM;

    if (r == 0) {
        for (size_t i = 0; i < n; i++)
            f->index.p[i].at = moved[i];
        spool_file_close(&f->file);
        f->file = fresh;
    }
    free(moved);
    return r == -ENOMEM ? r : 0;
}

static int put_aside(struct spool_find *f, const char *what)
{
    char aside[SPOOL_PATH_MAX];
    int r = spool_file_put_aside(f->path, aside);

    if (r == 0) {
        f->n_put_aside++;
        ag_log(AG_LOG_ERROR, "%s: %s; put aside as %s", f->path, what, aside);
    } else if (r != f->said) {
        ag_log(AG_LOG_ERROR, "%s: %s; cannot be put aside: %s", f->path, what, strerror(-r));
    }
    return r;
}

/* 0: the file is in use; -errno: it cannot be. */
static int judge(struct spool_find *f, const struct spool_scan *scan)
{
    bool worth = scan->n_live + scan->n_gone > 0 && scan->heads != SPOOL_HEADS_OTHER;
    int r = 0;

    if (!spool_scan_is_clean(scan) || f->n_strange > 0 || f->file.only_read)
        r = heal(f, scan);
    else if (scan->version < SPOOL_VERSION)
        r = renew(f);
    return worth || spool_scan_is_clean(scan) ? 0 : r; /* what cannot be repaired now is used as it is */
}

static void drop_file(struct spool_find *f)
{
    spool_file_close(&f->file);
    spool_index_clear(&f->index);
}

/* What a version before 0.2 has left. 0: it is in a file of this form now, which is to be opened. */
static int take_over(struct spool_find *f)
{
    char aside[SPOOL_PATH_MAX];
    unsigned n_taken, n_damaged;
    int r = spool_file_take_over(&f->file, f->give_up, aside, &n_taken, &n_damaged);

    drop_file(f);
    if (r < 0)
        return r;
    f->n_put_aside++;
    f->n_damaged += n_damaged;
    if (n_damaged > 0)
        ag_log(AG_LOG_ERROR, "%s: of an earlier version, and damaged in %u places; put aside as %s, %u reports saved", f->path,
               n_damaged, aside, n_taken);
    else
        ag_log(AG_LOG_WARNING, "%s: of an earlier version; put aside as %s, all its %u reports taken over", f->path, aside,
               n_taken);
    return 0;
}

static int open_and_scan(struct spool_find *f, enum spool_found *found, struct spool_scan *scan)
{
    int r;

    f->n_strange = 0;
    f->error = 0;
    r = spool_file_open(&f->file, f->path, f->give_up, found, scan, on_entry, f);
    return r == 0 ? f->error : r;
}

/* 0: what is open is of today's form now, as far as it is one. */
static int look_for_old(struct spool_find *f, enum spool_found *found, struct spool_scan *scan)
{
    int r = spool_file_is_old(&f->file);

    if (r <= 0)
        return r;
    r = take_over(f);
    return r == 0 ? open_and_scan(f, found, scan) : r;
}

int spool_find(struct spool_find *f)
{
    enum spool_found found;
    struct spool_scan scan;
    int r;

    f->file.fd = -1;
    spool_index_init(&f->index);
    r = open_and_scan(f, &found, &scan);
    if (r == 0 && found == SPOOL_FOUND_STRANGE)
        return put_aside(f, "not a file that can be opened");
    if (r == 0 && found == SPOOL_FOUND_FORM && scan.heads == SPOOL_HEADS_BAD)
        r = look_for_old(f, &found, &scan);
    if (r == 0 && found == SPOOL_FOUND_FORM)
        r = judge(f, &scan);
    if (r < 0)
        drop_file(f);
    return r;
}
