/* SPDX-License-Identifier: MIT */
#include "client/report/core/report_queue.h"

#include <errno.h>
#include <stdlib.h>

enum { CHUNK = 64, CHUNKS_STEP = 64, SIZE_LIMIT = 1 << 26 /* of a text; the store takes less */ };

enum report_state { REPORT_WRITING, REPORT_STORED, REPORT_SENT };

struct report_entry {
    uint64_t seq, topic;
    int64_t born_ms;      /* as struct report_birth */
    struct ag_list order; /* in waiting, sent or held; or in unused */
    uint32_t at_s, id;
    uint32_t number;    /* in the tables */
    uint32_t size : 26; /* of the text */
    uint32_t state : 2; /* enum report_state */
    bool in_topics : 1, tells : 1;
};

struct entry_chunk {
    struct report_entry entries[CHUNK];
};

static struct report_entry *entry_of(const struct report_queue *q, uint32_t number)
{
    return number ? &q->chunks[(number - 1) / CHUNK]->entries[(number - 1) % CHUNK] : NULL;
}

static uint64_t id_of(const void *queue, uint32_t number)
{
    return entry_of(queue, number)->id;
}

static uint64_t topic_of(const void *queue, uint32_t number)
{
    return entry_of(queue, number)->topic;
}

void report_queue_init(struct report_queue *q, const struct report_limits *limits, void (*forget)(void *user, uint64_t seq),
                       void *user)
{
    *q = (struct report_queue){.limits = *limits, .forget = forget, .user = user};
    key_table_init(&q->by_id, id_of, q);
    key_table_init(&q->by_topic, topic_of, q);
    ag_list_init(&q->waiting);
    ag_list_init(&q->sent);
    ag_list_init(&q->held);
    ag_list_init(&q->unused);
}

static int chunk_add(struct report_queue *q)
{
    struct entry_chunk **all = q->chunks, *c;

    if (q->n_chunks % CHUNKS_STEP == 0) {
        all = realloc(all, (q->n_chunks + CHUNKS_STEP) * sizeof(*all));
        if (!all)
            return -ENOMEM;
        q->chunks = all;
    }
    c = malloc(sizeof *c);
    if (!c)
        return -ENOMEM;
    for (uint32_t i = 0; i < CHUNK; i++) {
        c->entries[i].number = q->n_chunks * CHUNK + i + 1;
        ag_list_append(&q->unused, &c->entries[i].order);
    }
    all[q->n_chunks++] = c;
    return 0;
}

static struct report_entry *entry_take(struct report_queue *q)
{
    struct report_entry *e;

    if (ag_list_empty(&q->unused) && chunk_add(q) < 0)
        return NULL;
    e = ag_list_first(&q->unused, struct report_entry, order);
    ag_list_del(&e->order);
    return e;
}

static void free_chunks(struct report_queue *q)
{
    ag_list_init(&q->unused);
    while (q->n_chunks > 0)
        free(q->chunks[--q->n_chunks]);
    free(q->chunks);
    q->chunks = NULL;
}

static void entry_give(struct report_queue *q, struct report_entry *e)
{
    ag_list_prepend(&q->unused, &e->order);
    if (q->n == 0)
        free_chunks(q);
}

static void leave_topic(struct report_queue *q, struct report_entry *e)
{
    if (e->in_topics)
        key_table_remove(&q->by_topic, e->number);
    e->in_topics = false;
}

static void leave_writing(struct report_queue *q, struct report_entry *e)
{
    if (e->state != REPORT_WRITING)
        return;
    q->n_writing--;
    q->writing_bytes -= e->size;
    e->state = REPORT_STORED;
}

static void entry_free(struct report_queue *q, struct report_entry *e)
{
    leave_topic(q, e);
    key_table_remove(&q->by_id, e->number);
    ag_list_del(&e->order);
    leave_writing(q, e);
    q->n--;
    q->bytes -= e->size;
    entry_give(q, e);
}

static void entry_end(struct report_queue *q, struct report_entry *e)
{
    uint64_t seq = e->seq;

    entry_free(q, e);
    q->forget(q->user, seq);
}

static void free_list(struct report_queue *q, struct ag_list *list)
{
    ag_list_for_each_safe (it, list)
        entry_free(q, ag_list_entry(it, struct report_entry, order));
}

void report_queue_deinit(struct report_queue *q)
{
    free_list(q, &q->waiting);
    free_list(q, &q->sent);
    free_list(q, &q->held);
    free_chunks(q);
}

static struct report_entry *find_id(const struct report_queue *q, uint32_t id)
{
    return entry_of(q, key_table_find(&q->by_id, id));
}

static struct report_entry *find(const struct report_queue *q, uint32_t id, uint64_t seq)
{
    struct report_entry *e = find_id(q, id);

    return e && e->seq == seq ? e : NULL;
}

static int enter(struct report_queue *q, struct report_entry *e)
{
    if (key_table_add(&q->by_id, e->number) < 0)
        return -ENOMEM;
    ag_list_append(&q->waiting, &e->order);
    q->n++;
    q->bytes += e->size;
    q->n_writing++;
    q->writing_bytes += e->size;
    return 0;
}

/* It is the latest about its topic now; what was there before is replaced. */
static void take_topic(struct report_queue *q, struct report_entry *e)
{
    struct report_entry *older;

    if (e->topic == 0)
        return;
    older = entry_of(q, key_table_find(&q->by_topic, e->topic));
    if (older) {
        q->n_replaced++;
        entry_end(q, older);
    }
    e->in_topics = key_table_add(&q->by_topic, e->number) == 0; /* short of memory: it will not be replaced */
}

static struct report_entry *oldest_but(struct report_queue *q, const struct report_entry *spared)
{
    struct ag_list *lists[] = {&q->held, &q->waiting, &q->sent};

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct report_entry *e = ag_list_first(lists[i], struct report_entry, order);

        if (e && e != spared && e->state != REPORT_WRITING)
            return e;
    }
    return NULL;
}

/* Those that are still being written do not count: they make room when they are stored. */
static void make_room_for(struct report_queue *q, const struct report_entry *e)
{
    struct report_entry *oldest;

    while ((q->n - q->n_writing > q->limits.max_reports || q->bytes - q->writing_bytes > q->limits.max_bytes) &&
           (oldest = oldest_but(q, e))) {
        q->n_too_many++;
        entry_end(q, oldest);
    }
}

static int entry_new(struct report_queue *q, struct report_entry **out, uint64_t seq, uint32_t id, uint64_t topic, size_t size,
                     struct report_birth birth)
{
    struct report_entry *e;

    if (find_id(q, id))
        return -EEXIST;
    e = entry_take(q);
    if (!e)
        return -ENOMEM;
    *e = (struct report_entry){.seq = seq,
                               .topic = topic,
                               .born_ms = birth.born_ms,
                               .at_s = birth.at_s,
                               .id = id,
                               .number = e->number,
                               .size = (uint32_t) size & (SIZE_LIMIT - 1)};
    if (enter(q, e) < 0) {
        entry_give(q, e);
        return -ENOMEM;
    }
    *out = e;
    return 0;
}

static void settle(struct report_queue *q, struct report_entry *e)
{
    leave_writing(q, e);
    take_topic(q, e);
}

int report_queue_add(struct report_queue *q, uint64_t seq, uint32_t id, uint64_t topic, size_t size, int64_t born_ms, bool tells)
{
    struct report_entry *e;
    int r;

    if (size > q->limits.max_bytes || size >= SIZE_LIMIT)
        return -EFBIG;
    r = entry_new(q, &e, seq, id, topic, size, (struct report_birth){.born_ms = born_ms});
    if (r < 0)
        return r;
    e->tells = tells;
    q->n_kept++;
    return 0;
}

int report_queue_restore(struct report_queue *q, uint64_t seq, uint32_t id, uint64_t topic, size_t size,
                         struct report_birth birth)
{
    struct report_entry *e;
    int r = entry_new(q, &e, seq, id, topic, size, birth);

    if (r < 0)
        return r;
    q->n_restored++;
    settle(q, e);
    return 0;
}

bool report_queue_stored(struct report_queue *q, uint32_t id, uint64_t seq)
{
    struct report_entry *e = find(q, id, seq);

    if (!e || e->state != REPORT_WRITING)
        return false;
    settle(q, e);
    make_room_for(q, e);
    return e->tells;
}

void report_queue_not_stored(struct report_queue *q, uint32_t id, uint64_t seq)
{
    struct report_entry *e = find(q, id, seq);

    if (!e)
        return;
    q->n_unwritten++;
    entry_free(q, e);
}

static bool is_too_old(const struct report_queue *q, const struct report_entry *e, uint64_t now_ms)
{
    return (int64_t) now_ms - e->born_ms > (int64_t) q->limits.max_age_s * 1000;
}

bool report_queue_next(struct report_queue *q, uint64_t now_ms, struct report_next *out)
{
    struct report_entry *e;

    while ((e = ag_list_first(&q->waiting, struct report_entry, order)) && e->state == REPORT_STORED) {
        if (!is_too_old(q, e, now_ms)) {
            *out = (struct report_next){e->seq, e->id, {e->born_ms, e->at_s}};
            return true;
        }
        q->n_too_old++;
        entry_end(q, e);
    }
    return false;
}

void report_queue_sent(struct report_queue *q, uint32_t id, uint64_t seq)
{
    struct report_entry *e = find(q, id, seq);

    if (!e)
        return;
    leave_topic(q, e); /* it is on its way: a newer one does not replace it */
    leave_writing(q, e);
    e->state = REPORT_SENT;
    ag_list_del(&e->order);
    ag_list_append(&q->sent, &e->order);
}

bool report_queue_has(const struct report_queue *q, uint32_t id)
{
    return find_id(q, id) != NULL;
}

bool report_queue_acked(struct report_queue *q, uint32_t id)
{
    struct report_entry *e = find_id(q, id);

    if (!e)
        return false;
    q->n_acked++;
    entry_end(q, e);
    return true;
}

void report_queue_unreadable(struct report_queue *q, uint32_t id, uint64_t seq)
{
    struct report_entry *e = find(q, id, seq);

    if (!e)
        return;
    q->n_unreadable++;
    entry_end(q, e);
}

bool report_queue_is_stored(const struct report_queue *q, uint32_t id)
{
    const struct report_entry *e = find_id(q, id);

    return e && e->state != REPORT_WRITING;
}

bool report_queue_tells(const struct report_queue *q, uint32_t id)
{
    const struct report_entry *e = find_id(q, id);

    return e && e->tells;
}

bool report_queue_refused(struct report_queue *q, uint32_t id)
{
    struct report_entry *e = find_id(q, id);

    if (!e)
        return false;
    q->n_refused++;
    entry_end(q, e);
    return true;
}

bool report_queue_hold(struct report_queue *q, uint32_t id)
{
    struct report_entry *e = find_id(q, id);

    if (!e)
        return false;
    ag_list_del(&e->order);
    ag_list_append(&q->held, &e->order);
    return true;
}

static void back_in_order(struct report_queue *q, struct report_entry *e)
{
    struct ag_list *at = q->waiting.next;

    while (at != &q->waiting && ag_list_entry(at, struct report_entry, order)->seq < e->seq)
        at = at->next;
    e->state = REPORT_STORED;
    ag_list_del(&e->order);
    ag_list_add_before(at, &e->order);
}

void report_queue_unsent(struct report_queue *q, uint32_t id, uint64_t seq)
{
    struct report_entry *e = find(q, id, seq);

    if (e && e->state == REPORT_SENT)
        back_in_order(q, e);
}

static void rewind_list(struct report_queue *q, struct ag_list *list)
{
    /* Starting from the end: each one finds its place near the front. */
    while (!ag_list_empty(list))
        back_in_order(q, ag_list_entry(list->prev, struct report_entry, order));
}

void report_queue_release(struct report_queue *q)
{
    rewind_list(q, &q->held);
}

void report_queue_rewind(struct report_queue *q)
{
    rewind_list(q, &q->sent);
    rewind_list(q, &q->held);
}

static void forget_list(struct report_queue *q, struct ag_list *list)
{
    ag_list_for_each_safe (it, list) {
        q->n_forgotten++;
        entry_end(q, ag_list_entry(it, struct report_entry, order));
    }
}

void report_queue_forget_all(struct report_queue *q)
{
    forget_list(q, &q->waiting);
    forget_list(q, &q->sent);
    forget_list(q, &q->held);
}

bool report_queue_empty(const struct report_queue *q)
{
    return q->n == 0;
}

bool report_queue_drained(const struct report_queue *q)
{
    return ag_list_empty(&q->waiting);
}

bool report_queue_oldest(const struct report_queue *q, struct report_birth *out)
{
    const struct ag_list *lists[] = {&q->sent, &q->held, &q->waiting};
    const struct report_entry *oldest = NULL;

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const struct report_entry *e = ag_list_first(lists[i], struct report_entry, order);

        if (e && (!oldest || e->seq < oldest->seq))
            oldest = e;
    }
    if (oldest)
        *out = (struct report_birth){oldest->born_ms, oldest->at_s};
    return oldest != NULL;
}
