/* SPDX-License-Identifier: MIT */
#include "client/cloud/ot/core/ot_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/core/hash.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct ot_memory_entry {
    uint64_t id, token;
    uint64_t digest; /* of the command's text */
    size_t text_len;
    uint64_t at_ms;
    bool answered;
    char *answer; /* owned; NULL while unanswered, or when memory was short */
    size_t answer_len;
    struct ag_list age;
    UT_hash_handle hh_id, hh_token;
};

void ot_memory_init(struct ot_memory *m)
{
    *m = (struct ot_memory){.next_token = 1, .max_n = 1024, .max_bytes = 1 << 20, .keep_ms = 30000, .give_up_ms = 120000};
    ag_list_init(&m->by_age);
}

static void entry_free(struct ot_memory *m, struct ot_memory_entry *e)
{
    HASH_DELETE(hh_id, m->by_id, e);
    HASH_DELETE(hh_token, m->by_token, e);
    ag_list_del(&e->age);
    m->n--;
    m->bytes -= e->answer_len;
    free(e->answer);
    free(e);
}

void ot_memory_deinit(struct ot_memory *m)
{
    ag_list_for_each_safe (it, &m->by_age)
        entry_free(m, ag_list_entry(it, struct ot_memory_entry, age));
}

/* The text has passed the checksum, so nobody can search for two that collide. */
static uint64_t digest(struct ag_span text)
{
    return ag_hash(AG_HASH_BEGIN, text.p, text.len);
}

static bool is_old(const struct ot_memory *m, const struct ot_memory_entry *e, uint64_t now_ms)
{
    return now_ms - e->at_ms >= (e->answered ? m->keep_ms : m->give_up_ms);
}

void ot_memory_expire(struct ot_memory *m, uint64_t now_ms)
{
    ag_list_for_each_safe (it, &m->by_age) {
        struct ot_memory_entry *e = ag_list_entry(it, struct ot_memory_entry, age);

        if (is_old(m, e, now_ms))
            entry_free(m, e);
        else if (now_ms - e->at_ms < m->keep_ms)
            break; /* the rest is younger still */
    }
}

/* Room for one more by forgetting the oldest answered one. */
static bool make_room(struct ot_memory *m)
{
    if (m->n < m->max_n)
        return true;
    ag_list_for_each_safe (it, &m->by_age) {
        struct ot_memory_entry *e = ag_list_entry(it, struct ot_memory_entry, age);

        if (e->answered) {
            entry_free(m, e);
            return true;
        }
    }
    return false;
}

static int add(struct ot_memory *m, uint64_t id, struct ag_span text, uint64_t now_ms, uint64_t *token_out)
{
    struct ot_memory_entry *e = calloc(1, sizeof *e);

    if (!e)
        return -ENOMEM;
    *e =
        (struct ot_memory_entry){.id = id, .token = m->next_token, .digest = digest(text), .text_len = text.len, .at_ms = now_ms};
    HASH_ADD(hh_id, m->by_id, id, sizeof e->id, e);
    if (!e->hh_id.tbl) {
        free(e);
        return -ENOMEM;
    }
    HASH_ADD(hh_token, m->by_token, token, sizeof e->token, e);
    if (!e->hh_token.tbl) {
        HASH_DELETE(hh_id, m->by_id, e);
        free(e);
        return -ENOMEM;
    }
    ag_list_append(&m->by_age, &e->age);
    m->n++;
    m->next_token++;
    *token_out = e->token;
    return 0;
}

static struct ot_memory_entry *find(const struct ot_memory *m, uint64_t id)
{
    struct ot_memory_entry *e;

    HASH_FIND(hh_id, m->by_id, &id, sizeof id, e);
    return e;
}

static bool is_same(const struct ot_memory_entry *e, struct ag_span text)
{
    return e->digest == digest(text) && e->text_len == text.len;
}

bool ot_memory_knows(struct ot_memory *m, uint64_t id, struct ag_span text, uint64_t now_ms)
{
    struct ot_memory_entry *e;

    ot_memory_expire(m, now_ms);
    e = find(m, id);
    return e && is_same(e, text);
}

int ot_memory_take(struct ot_memory *m, uint64_t id, struct ag_span text, uint64_t now_ms, uint64_t *token_out,
                   struct ag_span *answer_out)
{
    struct ot_memory_entry *e;
    int r;

    ot_memory_expire(m, now_ms);
    e = find(m, id);
    if (e && is_same(e, text)) {
        if (!e->answer)
            return OT_MEMORY_OPEN;
        *answer_out = (struct ag_span){e->answer, e->answer_len};
        return OT_MEMORY_ANSWERED;
    }
    if (e)
        entry_free(m, e); /* the number has a new meaning; nobody waits for the old one */
    if (!make_room(m))
        return OT_MEMORY_FULL;
    r = add(m, id, text, now_ms, token_out);
    return r < 0 ? r : OT_MEMORY_NEW;
}

static struct ot_memory_entry *find_open(const struct ot_memory *m, uint64_t token)
{
    struct ot_memory_entry *e;

    HASH_FIND(hh_token, m->by_token, &token, sizeof token, e);
    return e && !e->answered ? e : NULL;
}

void ot_memory_drop(struct ot_memory *m, uint64_t token)
{
    struct ot_memory_entry *e = find_open(m, token);

    if (e)
        entry_free(m, e);
}

bool ot_memory_id(const struct ot_memory *m, uint64_t token, uint64_t *id_out)
{
    const struct ot_memory_entry *e = find_open(m, token);

    if (e)
        *id_out = e->id;
    return e != NULL;
}

/* Answers beyond the limit go, oldest first; their commands stay known, so a repeat is silent, not executed. */
static void shed(struct ot_memory *m, const struct ot_memory_entry *but)
{
    ag_list_for_each (it, &m->by_age) {
        struct ot_memory_entry *e = ag_list_entry(it, struct ot_memory_entry, age);

        if (m->bytes <= m->max_bytes)
            return;
        if (e == but || !e->answer)
            continue;
        m->bytes -= e->answer_len;
        free(e->answer);
        e->answer = NULL;
        e->answer_len = 0;
    }
}

void ot_memory_answered(struct ot_memory *m, uint64_t token, struct ag_span answer)
{
    struct ot_memory_entry *e = find_open(m, token);

    if (!e)
        return;
    e->answered = true;
    e->answer = malloc(answer.len + 1);
    if (!e->answer)
        return;
    memcpy(e->answer, answer.p, answer.len);
    e->answer_len = answer.len;
    m->bytes += answer.len;
    shed(m, e);
}
