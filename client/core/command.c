#include "client/core/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "client/core/json_iter.h"
#include "libagent/core/ids.h"
#include "libagent/core/message.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct command {
    uint32_t id;
    struct origin from;
    unsigned tag;
    uint64_t deadline_ms;
    uint64_t waiting;     /* bit per peer that was asked and has not answered */
    struct ag_buf held;   /* a "not mine" that waits for a better answer */
    struct ag_list age;
    UT_hash_handle hh;
};

void command_table_init(struct command_table *t, const struct command_sink *sink, void *user, uint32_t random)
{
    *t = (struct command_table){.sink = sink, .user = user, .max_open = 1024, .timeout_ms = 4000, .last_id = random % AG_ID_MAX};
    ag_list_init(&t->by_age);
}

static void command_free(struct command_table *t, struct command *c)
{
    HASH_DEL(t->by_id, c);
    ag_list_del(&c->age);
    ag_buf_deinit(&c->held);
    free(c);
    t->n_open--;
}

void command_table_deinit(struct command_table *t)
{
    ag_list_for_each_safe(it, &t->by_age)
        command_free(t, ag_list_entry(it, struct command, age));
}

/* Unhooks first, tells then: the receiver may start another command. */
static void command_end(struct command_table *t, struct command *c, enum command_end end, struct ag_span text)
{
    struct origin from = c->from;
    unsigned tag = c->tag;
    struct ag_buf held = c->held;

    ag_buf_init(&c->held);
    command_free(t, c);
    t->sink->done(t->user, from, tag, end, text);
    ag_buf_deinit(&held);
}

/* Built on the stack, so that an answer goes out even when memory is short. */
static struct ag_span error_text(char *buf, size_t n, uint32_t id, int code, const char *message, const char *data)
{
    int len = snprintf(buf, n, "{\"id\":%" PRIu32 ",\"error\":{\"code\":%d,\"message\":\"%s\"%s%s%s}}", id, code,
                       message, data ? ",\"data\":\"" : "", data ? data : "", data ? "\"" : "");

    return (struct ag_span){buf, (size_t) len};
}

static void end_with_error(struct command_table *t, struct command *c, enum command_end end, int code,
                           const char *message, const char *data)
{
    char buf[160];

    command_end(t, c, end, error_text(buf, sizeof buf, c->id, code, message, data));
}

/* Nobody is left to wait for, or the time is up. */
static void end_without_answer(struct command_table *t, struct command *c, bool overdue)
{
    if (ag_buf_size(&c->held) > 0) {
        t->stats.answered++;
        command_end(t, c, COMMAND_NOT_MINE, ag_buf_span(&c->held));
    } else if (overdue) {
        t->stats.timed_out++;
        end_with_error(t, c, COMMAND_TIMED_OUT, CLIENT_CODE_ACK_TIMEOUT, "user ack timeout", NULL);
    } else {
        t->stats.nobody++;
        end_with_error(t, c, COMMAND_NOBODY, CLIENT_CODE_ACK_TIMEOUT, "user ack timeout", "subscriber gone");
    }
}

void command_peer_added(struct command_table *t, unsigned peer)
{
    t->peers |= UINT64_C(1) << peer;
}

void command_peer_removed(struct command_table *t, unsigned peer, uint64_t now_ms)
{
    uint64_t bit = UINT64_C(1) << peer;
    struct ag_list emptied;

    (void) now_ms;
    t->peers &= ~bit;
    ag_list_init(&emptied);
    ag_list_for_each_safe(it, &t->by_age) {
        struct command *c = ag_list_entry(it, struct command, age);

        if (!(c->waiting & bit))
            continue;
        c->waiting &= ~bit;
        if (c->waiting == 0) {
            ag_list_del(&c->age);
            ag_list_append(&emptied, &c->age);
        }
    }
    while (!ag_list_empty(&emptied))
        end_without_answer(t, ag_list_first(&emptied, struct command, age), false);
}

static uint32_t draw_id(struct command_table *t)
{
    struct command *taken;

    do {
        t->last_id = ag_id_next(t->last_id);
        HASH_FIND(hh, t->by_id, &t->last_id, sizeof t->last_id, taken);
    } while (taken);
    return t->last_id;
}

static int command_new(struct command_table *t, struct command **out)
{
    struct command *c = calloc(1, sizeof *c);

    if (!c)
        return -ENOMEM;
    c->id = draw_id(t);
    HASH_ADD(hh, t->by_id, id, sizeof c->id, c);
    if (!c->hh.tbl) {
        free(c);
        return -ENOMEM;
    }
    ag_list_append(&t->by_age, &c->age);
    t->n_open++;
    *out = c;
    return 0;
}

int command_put_raw_id(struct ag_buf *out, struct ag_span text, const struct ag_json_view *view, struct ag_span id)
{
    size_t before = out->len, at = 1;
    int r;

    if (ag_view_has(view, AG_M_ID))
        return ag_msg_splice_value(out, text, &view->at[AG_M_ID], id);
    r = ag_buf_printf(out, "{\"id\":%.*s", (int) id.len, id.p);
    while (at < text.len && strchr(" \t\r\n", text.p[at]))
        at++;
    if (r == 0 && text.p[at] != '}')
        r = ag_buf_append_char(out, ',');
    if (r == 0)
        r = ag_buf_append(out, text.p + at, text.len - at);
    if (r < 0)
        out->len = before;
    return r;
}

int command_put_id(struct ag_buf *out, struct ag_span text, const struct ag_json_view *view, uint64_t id)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, id);

    return command_put_raw_id(out, text, view, (struct ag_span){digits, (size_t) n});
}

static void refuse_at_once(struct command_table *t, struct origin from, unsigned tag, enum command_end end, int code,
                           const char *message, const char *data)
{
    char buf[160];

    t->sink->done(t->user, from, tag, end, error_text(buf, sizeof buf, 0, code, message, data));
}

int command_start(struct command_table *t, struct origin from, unsigned tag, struct ag_span text,
                  const struct ag_json_view *view, bool wants_answer, uint64_t now_ms)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;
    struct command *c;
    int r;

    t->stats.started++;
    if (!wants_answer) {
        t->sink->send(t->user, t->peers, text);
        return 0;
    }
    if (t->peers == 0) {
        t->stats.nobody++;
        refuse_at_once(t, from, tag, COMMAND_NOBODY, CLIENT_CODE_ACK_TIMEOUT, "user ack timeout",
                       "no application connected");
        return 0;
    }
    if (t->n_open >= t->max_open) {
        t->stats.refused++;
        refuse_at_once(t, from, tag, COMMAND_REFUSED, CLIENT_CODE_BUSY, "too many commands open", NULL);
        return 0;
    }
    r = command_new(t, &c);
    if (r < 0)
        return r;
    r = command_put_id(&out, text, view, c->id);
    if (r < 0) {
        command_free(t, c);
        return r;
    }
    c->from = from;
    c->tag = tag;
    c->deadline_ms = now_ms + t->timeout_ms;
    c->waiting = t->peers;
    t->sink->send(t->user, c->waiting, ag_buf_span(&out));
    return 0;
}

bool command_error_code(struct ag_span text, const struct ag_json_view *view, long *code_out)
{
    struct ag_span code;
    char digits[16];

    if (!ag_view_has(view, AG_M_ERROR))
        return false;
    code = json_get(ag_view_raw(view, text.p, AG_M_ERROR), "code");
    if (code.len > 1 && code.p[0] == '"') /* the seed shows it as a string once */
        code = (struct ag_span){code.p + 1, code.len - 2};
    if (code.len == 0 || code.len >= sizeof digits)
        return false;
    memcpy(digits, code.p, code.len);
    digits[code.len] = '\0';
    *code_out = strtol(digits, NULL, 10);
    return true;
}

static bool is_not_mine(struct ag_span text, const struct ag_json_view *view)
{
    long code;

    return command_error_code(text, view, &code) && code == CLIENT_CODE_NOT_FOUND;
}

/* The first "not mine" is kept. Without memory for it the plain one is built when it is needed. */
static void hold_back(struct command *c, struct ag_span text)
{
    if (ag_buf_size(&c->held) == 0)
        ag_buf_append_span(&c->held, text);
}

bool command_answer(struct command_table *t, unsigned peer, struct ag_span text, const struct ag_json_view *view)
{
    uint64_t id64, bit = UINT64_C(1) << peer;
    struct command *c = NULL;

    if (ag_view_uint(view, text.p, AG_M_ID, UINT32_MAX, &id64)) {
        uint32_t id = (uint32_t) id64;

        HASH_FIND(hh, t->by_id, &id, sizeof id, c);
    }
    if (!c || !(c->waiting & bit)) {
        t->stats.stray++;
        return false;
    }
    c->waiting &= ~bit;
    if (!is_not_mine(text, view)) {
        t->stats.answered++;
        command_end(t, c, COMMAND_ANSWERED, text);
        return true;
    }
    if (c->waiting == 0) {
        t->stats.answered++;
        command_end(t, c, COMMAND_NOT_MINE, text);
        return true;
    }
    hold_back(c, text);
    return true;
}

void command_expire(struct command_table *t, uint64_t now_ms)
{
    for (;;) {
        struct command *c = ag_list_first(&t->by_age, struct command, age);

        if (!c || c->deadline_ms > now_ms)
            return;
        end_without_answer(t, c, true);
    }
}

uint64_t command_next_deadline(const struct command_table *t)
{
    const struct command *c = ag_list_first(&t->by_age, struct command, age);

    return c ? c->deadline_ms : UINT64_MAX;
}

void command_refuse_all(struct command_table *t)
{
    while (!ag_list_empty(&t->by_age)) {
        struct command *c = ag_list_first(&t->by_age, struct command, age);

        t->stats.refused++;
        end_with_error(t, c, COMMAND_REFUSED, CLIENT_CODE_SHUTTING_DOWN, "shutting down", NULL);
    }
}
