/* SPDX-License-Identifier: MIT */
/* In place of the store of kept reports in a build without it (MIIO_SPOOL=OFF): nothing is kept, and a report that no cloud can
   take now is refused with that reason. */
#include <errno.h>
#include <stdlib.h>
#include "client/report/io/spool.h"

struct spool {
    uv_timer_t end; /* closed() comes from the loop, as the store's does */
    const struct spool_events *events;
    void *user;
};

int spool_open(struct spool **out, uv_loop_t *loop, const char *path, const struct spool_events *events, void *user)
{
    struct spool *s = calloc(1, sizeof *s);

    (void) path;
    if (!s)
        return -ENOMEM;
    uv_timer_init(loop, &s->end);
    uv_unref((uv_handle_t *) &s->end);
    s->end.data = s;
    s->events = events;
    s->user = user;
    *out = s;
    return 0;
}

static void on_closed(uv_handle_t *h)
{
    struct spool *s = h->data;
    const struct spool_events *events = s->events;
    void *user = s->user;

    free(s);
    events->closed(user);
}

void spool_close(struct spool *s)
{
    if (s && !uv_is_closing((uv_handle_t *) &s->end))
        uv_close((uv_handle_t *) &s->end, on_closed);
}

int spool_ready(struct spool *s)
{
    (void) s;
    return -EOPNOTSUPP;
}

int spool_put(struct spool *s, uint64_t seq, unsigned needs, const struct spool_record *rec)
{
    (void) s;
    (void) seq;
    (void) needs;
    (void) rec;
    return -ENOMEM; /* nobody asks after spool_ready() */
}

int spool_release(struct spool *s, uint64_t seq, unsigned needs)
{
    (void) s;
    (void) seq;
    (void) needs;
    return 0;
}

int spool_remove(struct spool *s, uint64_t seq)
{
    (void) s;
    (void) seq;
    return 0;
}

int spool_hand_over(struct spool *s, uint64_t seq, unsigned from, unsigned to)
{
    (void) s;
    (void) seq;
    (void) from;
    (void) to;
    return 0;
}

int spool_read(struct spool *s, uint64_t seq, struct ag_buf *text)
{
    (void) s;
    (void) seq;
    (void) text;
    return -ENOENT;
}

int spool_wipe(struct spool *s)
{
    (void) s;
    return 0;
}

bool spool_is_idle(const struct spool *s)
{
    (void) s;
    return true;
}

void spool_get_stats(const struct spool *s, struct spool_stats *out)
{
    (void) s;
    *out = (struct spool_stats){0};
}

int spool_error(const struct spool *s)
{
    (void) s;
    return -EOPNOTSUPP;
}
