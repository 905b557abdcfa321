/* SPDX-License-Identifier: MIT */
#include "client/local/core/command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "client/device/core/wire.h"
#include "libagent/core/codes.h"
#include "libagent/core/deadline.h"
#include "libagent/core/json/json_iter.h"
#include "libagent/core/ids.h"
#include "libagent/core/text/message.h"

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Longer ones are replaced by a plain error: a peer decides what they say, and there may be a thousand. */
enum { HELD_MAX = 1024, MAX_SPARE = 64, SCRATCH_MAX = 8192 };

#define NO_APPLICATION "no application connected"

struct command {
    uint32_t id;
    struct origin from;
    unsigned tag;
    struct ag_deadline deadline;
    uint64_t waiting;   /* bit per peer that was asked and has not answered */
    long held_code;     /* of a "not mine" that waits for a better answer; 0: none */
    struct ag_buf held; /* its text; empty: it was long */
    struct ag_buf text; /* while in kept */
    bool silent;        /* no answer is wanted */
    bool asked;         /* given to a peer at least */
    struct ag_list kept;
    UT_hash_handle hh;
};

void command_table_init(struct command_table *t, const struct command_sink *sink, void *user, uint32_t random)
{
    *t = (struct command_table){.sink = sink,
                                .user = user,
                                .max_open = 1024,
                                .timeout_ms = 4000,
                                .max_kept_bytes = 1 << 20,
                                .last_id = random % AG_ID_MAX};
    ag_list_init(&t->by_deadline);
    ag_list_init(&t->kept);
}

/* Its text is no longer needed. */
static void command_unkeep(struct command_table *t, struct command *c)
{
    if (ag_list_empty(&c->kept))
        return;
    ag_list_del(&c->kept);
    t->kept_bytes -= ag_buf_size(&c->text);
    ag_buf_deinit(&c->text);
}

static void command_free(struct command_table *t, struct command *c)
{
    command_unkeep(t, c);
    HASH_DEL(t->by_id, c);
    ag_deadline_del(&c->deadline);
    ag_buf_deinit(&c->held);
    t->n_open--;
    ag_spares_give(&t->spares, c, MAX_SPARE);
}

void command_table_deinit(struct command_table *t)
{
    ag_list_for_each_safe (it, &t->by_deadline)
        command_free(t, ag_list_entry(it, struct command, deadline.link));
    ag_spares_deinit(&t->spares);
    ag_buf_deinit(&t->scratch);
}

/* Unhooks first, then tells: the receiver may start another command. */
static void command_end(struct command_table *t, struct command *c, enum command_end end, struct ag_span text,
                        const struct ag_json_view *view)
{
    struct origin from = c->from;
    unsigned tag = c->tag;
    bool silent = c->silent;
    struct ag_buf held = c->held;

    ag_buf_init(&c->held);
    command_free(t, c);
    if (from.kind == ORIGIN_CLIENT && !silent)
        t->stats.ownerless++;
    if (!silent)
        t->sink->done(t->user, from, tag, end, text, view);
    ag_buf_deinit(&held);
}

/* Built on the stack, so that an answer goes out even when memory is short. */
static struct ag_span error_text(char *buf, size_t n, uint32_t id, int code, const char *message, const char *data)
{
    int len = snprintf(buf, n, "{\"id\":%" PRIu32 ",\"error\":{\"code\":%d,\"message\":\"%s\"%s%s%s}}", id, code, message,
                       data ? ",\"data\":\"" : "", data ? data : "", data ? "\"" : "");

    return (struct ag_span){buf, (size_t) len};
}

static void end_with_error(struct command_table *t, struct command *c, enum command_end end, int code, const char *message,
                           const char *data)
{
    char buf[160];

    command_end(t, c, end, error_text(buf, sizeof buf, c->id, code, message, data), NULL);
}

static void end_as_not_mine(struct command_table *t, struct command *c)
{
    t->stats.answered++;
    if (ag_buf_size(&c->held) > 0)
        command_end(t, c, COMMAND_NOT_MINE, ag_buf_span(&c->held), NULL);
    else
        end_with_error(t, c, COMMAND_NOT_MINE, (int) c->held_code, "Method not found.", NULL);
}

/* Nobody is left to wait for, or the time is up. */
static void end_without_answer(struct command_table *t, struct command *c, bool overdue)
{
    if (c->silent) {
        t->stats.nobody += !c->asked;
        t->stats.silent += c->asked;
        command_free(t, c);
    } else if (c->held_code != 0) {
        end_as_not_mine(t, c);
    } else if (overdue && c->asked) {
        t->stats.timed_out++;
        end_with_error(t, c, COMMAND_TIMED_OUT, AG_CODE_ACK_TIMEOUT, "user ack timeout", NULL);
    } else {
        t->stats.nobody++;
        end_with_error(t, c, COMMAND_NOBODY, AG_CODE_ACK_TIMEOUT, "user ack timeout",
                       c->asked ? "subscriber gone" : NO_APPLICATION);
    }
}

void command_expect_peers(struct command_table *t, uint64_t now_ms)
{
    if (t->grace_ms > 0)
        t->grace_until_ms = now_ms + t->grace_ms;
}

static uint64_t servers_of(const struct command_table *t, uint64_t peers, struct ag_span text)
{
    return t->sink->servers ? t->sink->servers(t->user, peers, text) : peers;
}

/* The sink may end commands, by a peer that goes at once: the list is walked by its own order. */
void command_peer_added(struct command_table *t, unsigned peer)
{
    uint64_t bit = UINT64_C(1) << peer;
    struct ag_list given;

    t->peers |= bit;
    ag_list_init(&given);
    while (!ag_list_empty(&t->kept)) {
        struct command *c = ag_list_first(&t->kept, struct command, kept);

        ag_list_del(&c->kept);
        ag_list_append(&given, &c->kept);
        if (servers_of(t, bit, ag_buf_span(&c->text)) == 0)
            continue;
        c->asked = true;
        if (!c->silent)
            c->waiting |= bit;
        t->sink->send(t->user, bit, ag_buf_span(&c->text));
    }
    while (!ag_list_empty(&given)) {
        struct command *c = ag_list_first(&given, struct command, kept);

        ag_list_del(&c->kept);
        ag_list_append(&t->kept, &c->kept);
    }
}

void command_forget_origin(struct command_table *t, struct origin who)
{
    ag_list_for_each (it, &t->by_deadline) {
        struct command *c = ag_list_entry(it, struct command, deadline.link);

        if (c->from.kind == who.kind && c->from.place == who.place)
            c->from = (struct origin){.kind = ORIGIN_CLIENT};
    }
}

void command_peer_removed(struct command_table *t, unsigned peer)
{
    uint64_t bit = UINT64_C(1) << peer;
    struct ag_list emptied;

    t->peers &= ~bit;
    ag_list_init(&emptied);
    ag_list_for_each_safe (it, &t->by_deadline) {
        struct command *c = ag_list_entry(it, struct command, deadline.link);

        if (!(c->waiting & bit) && !(c->silent && c->asked))
            continue;
        c->waiting &= ~bit;
        command_unkeep(t, c); /* it may have begun: no second application is to do it again */
        if (c->waiting == 0) {
            ag_deadline_del(&c->deadline);
            ag_deadline_add(&emptied, &c->deadline, c->deadline.at_ms);
        }
    }
    while (!ag_list_empty(&emptied))
        end_without_answer(t, ag_deadline_first(&emptied, struct command, deadline), false);
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

static int command_new(struct command_table *t, struct command **out, uint64_t now_ms)
{
    struct command *c = ag_spares_take(&t->spares, sizeof *c);

    if (!c)
        return -ENOMEM;
    ag_list_init(&c->kept);
    c->id = draw_id(t);
    HASH_ADD(hh, t->by_id, id, sizeof c->id, c);
    if (!c->hh.tbl) {
        ag_spares_give(&t->spares, c, MAX_SPARE);
        return -ENOMEM;
    }
    ag_deadline_add(&t->by_deadline, &c->deadline, now_ms + t->timeout_ms);
    t->n_open++;
    *out = c;
    return 0;
}

static void refuse_at_once(struct command_table *t, struct origin from, unsigned tag, enum command_end end, int code,
                           const char *message, const char *data)
{
    char buf[160];

    t->sink->done(t->user, from, tag, end, error_text(buf, sizeof buf, 0, code, message, data), NULL);
}

static bool may_keep(const struct command_table *t, struct ag_span text, uint64_t now_ms)
{
    return now_ms < t->grace_until_ms && t->n_open < t->max_open && t->kept_bytes + text.len <= t->max_kept_bytes;
}

static void keep(struct command_table *t, struct command *c, struct ag_buf *text)
{
    c->text = *text;
    ag_buf_init(text);
    t->kept_bytes += ag_buf_size(&c->text);
    ag_list_append(&t->kept, &c->kept);
    t->stats.waited++;
}

static int start_silent(struct command_table *t, struct origin from, unsigned tag, struct ag_span text, uint64_t now_ms)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf copy = AG_BUF_INIT;
    uint64_t peers = servers_of(t, t->peers, text);
    struct command *c;

    if (peers != 0)
        t->sink->send(t->user, peers, text);
    if (!may_keep(t, text, now_ms)) {
        t->stats.nobody += peers == 0;
        t->stats.silent += peers != 0;
        return 0;
    }
    if (ag_buf_append_span(&copy, text) < 0 || command_new(t, &c, now_ms) < 0) {
        t->stats.no_memory++;
        return -ENOMEM;
    }
    c->from = from;
    c->tag = tag;
    c->silent = true;
    c->asked = peers != 0;
    keep(t, c, &copy);
    return 0;
}

int command_start(struct command_table *t, struct origin from, unsigned tag, struct ag_span text, const struct ag_json_view *view,
                  bool wants_answer, uint64_t now_ms)
{
    struct ag_buf out = {.data = NULL};
    bool kept = may_keep(t, text, now_ms);
    struct command *c;
    uint64_t peers;
    int r;

    t->stats.started++;
    if (!wants_answer)
        return start_silent(t, from, tag, text, now_ms);
    peers = servers_of(t, t->peers, text);
    if (t->n_open >= t->max_open) {
        t->stats.refused++;
        refuse_at_once(t, from, tag, COMMAND_REFUSED, AG_CODE_BUSY, "too many commands open", NULL);
        return 0;
    }
    if (peers == 0 && !kept) {
        t->stats.nobody++;
        refuse_at_once(t, from, tag, COMMAND_NOBODY, AG_CODE_ACK_TIMEOUT, "user ack timeout", NO_APPLICATION);
        return 0;
    }
    r = command_new(t, &c, now_ms);
    if (r < 0) {
        t->stats.no_memory++;
        return r;
    }
    if (!kept)
        out = ag_scratch_take(&t->scratch);
    r = ag_msg_put_id(&out, text, view, c->id);
    if (r < 0) {
        t->stats.no_memory++;
        ag_scratch_give(&t->scratch, &out, SCRATCH_MAX);
        command_free(t, c);
        return r;
    }
    c->from = from;
    c->tag = tag;
    c->waiting = peers;
    c->asked = peers != 0;
    if (kept)
        keep(t, c, &out);
    if (c->asked)
        t->sink->send(t->user, peers, kept ? ag_buf_span(&c->text) : ag_buf_span(&out));
    ag_scratch_give(&t->scratch, &out, SCRATCH_MAX);
    return 0;
}

static bool id_is_long(const struct ag_json_view *view)
{
    const struct ag_member_at *id = &view->at[AG_M_ID];

    return id->type != AG_JSON_NONE && id->end - id->value > COMMAND_ID_MAX;
}

bool command_id_is_good(const struct ag_json_view *view)
{
    return !(view->twice & (1u << AG_M_ID)) && !id_is_long(view);
}

const char *command_check_form(const struct ag_json_view *view)
{
    if (view->twice & ((1u << AG_M_ID) | (1u << AG_M_METHOD)))
        return "a member is given twice";
    if (id_is_long(view))
        return "id is longer than 128 bytes";
    if (view->at[AG_M_METHOD].type != AG_JSON_STRING)
        return "method must be a string";
    return NULL;
}

/* false: no number. */
static bool take_code(struct ag_span code, long *code_out)
{
    char digits[16];

    if (code.len > 1 && code.p[0] == '"') /* the vendor's document shows it as a string once */
        code = (struct ag_span){code.p + 1, code.len - 2};
    if (code.len == 0 || code.len >= sizeof digits)
        return false;
    memcpy(digits, code.p, code.len);
    digits[code.len] = '\0';
    *code_out = strtol(digits, NULL, 10);
    return true;
}

bool command_error_code(struct ag_span text, const struct ag_json_view *view, long *code_out)
{
    struct ag_span code;

    if (!ag_view_has(view, AG_M_ERROR))
        return false;
    code = ag_view_raw(view, text.p, AG_M_ERROR);
    if (view->at[AG_M_ERROR].type != AG_JSON_NUMBER) /* some say the code only */
        code = ag_json_get(code, "code");
    return take_code(code, code_out);
}

/* Neither result nor error: no answer at all, unless it has a code of its own. */
static bool is_empty(const struct ag_json_view *view)
{
    return !ag_view_has(view, AG_M_RESULT) && !ag_view_has(view, AG_M_ERROR);
}

/* The code of a "not mine"; 0: it is an answer. */
static long not_mine_code(struct ag_span text, const struct ag_json_view *view)
{
    struct ag_span own;
    long code;

    if (is_empty(view)) {
        own = ag_json_get(text, "code");
        if (!own.p)
            return AG_CODE_NOT_FOUND;
        if (!take_code(own, &code))
            return 0;
    } else if (!command_error_code(text, view, &code)) {
        return 0;
    }
    return code == AG_CODE_NOT_FOUND || code == AG_CODE_NOT_MINE ? code : 0;
}

/* The later one is kept, but for -10000: an application says that of its own methods, too. Without memory for it the
   plain one is built when it is needed. */
static bool hold_back(struct command *c, long code, struct ag_span text)
{
    if (c->held_code == AG_CODE_NOT_MINE && code != AG_CODE_NOT_MINE)
        return false;
    c->held_code = code;
    ag_buf_deinit(&c->held);
    if (text.len <= HELD_MAX)
        ag_buf_append_span(&c->held, text);
    return true;
}

static void take_not_mine(struct command_table *t, struct command *c, long code, struct ag_span text,
                          const struct ag_json_view *view)
{
    bool best = !is_empty(view) && hold_back(c, code, text);

    if (c->held_code == 0)
        c->held_code = code; /* the plain one is built for it */
    if (c->waiting != 0 || !ag_list_empty(&c->kept))
        return;
    if (!best) {
        end_as_not_mine(t, c);
        return;
    }
    t->stats.answered++;
    command_end(t, c, COMMAND_NOT_MINE, text, view);
}

bool command_answer(struct command_table *t, unsigned peer, struct ag_span text, const struct ag_json_view *view)
{
    uint64_t id64, bit = UINT64_C(1) << peer;
    struct command *c = NULL;
    long code;

    if (ag_view_uint(view, text.p, AG_M_ID, UINT32_MAX, &id64)) {
        uint32_t id = (uint32_t) id64;

        HASH_FIND(hh, t->by_id, &id, sizeof id, c);
    }
    if (!c || !(c->waiting & bit)) {
        t->stats.stray++;
        return false;
    }
    c->waiting &= ~bit;
    code = not_mine_code(text, view);
    if (code != 0) {
        take_not_mine(t, c, code, text, view);
        return true;
    }
    t->stats.answered++;
    command_end(t, c, COMMAND_ANSWERED, text, view);
    return true;
}

/* Nobody else will come: those who have been asked are waited for, the other commands end. */
static void end_grace(struct command_table *t)
{
    while (!ag_list_empty(&t->kept)) {
        struct command *c = ag_list_first(&t->kept, struct command, kept);

        command_unkeep(t, c);
        if (c->waiting == 0)
            end_without_answer(t, c, false);
    }
}

void command_expire(struct command_table *t, uint64_t now_ms)
{
    if (now_ms >= t->grace_until_ms)
        end_grace(t);
    for (;;) {
        struct command *c = ag_deadline_first(&t->by_deadline, struct command, deadline);

        if (!c || c->deadline.at_ms > now_ms)
            return;
        end_without_answer(t, c, true);
    }
}

uint64_t command_next_deadline(const struct command_table *t)
{
    uint64_t at = ag_deadline_next_ms(&t->by_deadline);

    return ag_list_empty(&t->kept) ? at : ag_earlier(at, t->grace_until_ms);
}

void command_refuse_all(struct command_table *t)
{
    while (!ag_list_empty(&t->by_deadline)) {
        struct command *c = ag_deadline_first(&t->by_deadline, struct command, deadline);

        t->stats.refused++;
        end_with_error(t, c, COMMAND_REFUSED, AG_CODE_SHUTTING_DOWN, "shutting down", NULL);
    }
}
