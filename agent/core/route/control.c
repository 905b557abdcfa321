/* SPDX-License-Identifier: MIT */
#include "agent/core/route/control.h"

#include <string.h>
#include "agent/core/route/address.h"
#include "agent/core/route/standby.h"
#include "agent/core/route/status.h"
#include "agent/core/send/out.h"
#include "agent/core/state/rights.h"
#include "libagent/core/codes.h"

enum { KEY_DECODED_MAX = 1024 };

/* Where the members of a control method are. */
struct members {
    const char *text;
    const struct ag_json_view *view;
};

bool control_is_ours(struct ag_span method)
{
    switch (method.len) {
    case 4:
        return memcmp(method.p, "bind", 4) == 0;
    case 8:
        return memcmp(method.p, "register", 8) == 0;
    case 10:
        return memcmp(method.p, "unregister", 10) == 0;
    default:
        return false;
    }
}

bool control_params(const struct text *t, struct ag_span *object_out, struct ag_json_view *view_out)
{
    struct ag_span raw = ag_view_raw(t->view, t->bytes.p, AG_M_PARAMS);
    uint8_t type = t->view->at[AG_M_PARAMS].type;

    if (type == AG_JSON_ARRAY) {
        raw.p++;
        raw.len -= 2;
    } else if (type != AG_JSON_OBJECT) {
        return false;
    }
    if (ag_json_parse(&raw, AG_JSON_DEPTH_MAX, view_out) != 0)
        return false;
    *object_out = raw;
    return true;
}

static struct members members_of(const struct text *t, enum ag_member wanted, struct ag_json_view *inner)
{
    struct members m = {.text = t->bytes.p, .view = t->view};
    struct ag_span object;

    if (!ag_view_has(t->view, wanted) && control_params(t, &object, inner)) {
        m.text = object.p;
        m.view = inner;
    }
    return m;
}

/* The end of a control method: code 0 is success. */
static void conclude(struct router *r, struct peer *from, const struct text *t, int code, const char *message)
{
    if (!t->has_id)
        return;
    if (code == 0)
        out_ok(r, from, t->id);
    else
        out_error_id(r, from, t->id, code, message, NULL);
}

static bool read_mode(const struct members *m, enum sub_mode *mode_out)
{
    char tmp[16];
    struct ag_span s;

    if (!ag_view_has(m->view, AG_M_MODE)) {
        *mode_out = SUB_SHARED;
        return true;
    }
    if (!ag_view_str(m->view, m->text, AG_M_MODE, tmp, sizeof tmp, &s))
        return false;
    if (ag_span_eq(s, "shared"))
        *mode_out = SUB_SHARED;
    else if (ag_span_eq(s, "exclusive"))
        *mode_out = SUB_EXCLUSIVE;
    else if (ag_span_eq(s, "standby"))
        *mode_out = SUB_STANDBY;
    else
        return false;
    return true;
}

static void refuse_key(struct router *r, struct peer *from, const struct text *t, int code, const char *message)
{
    r->stats.keys_refused++;
    conclude(r, from, t, code, message);
}

static void do_register(struct router *r, struct peer *from, const struct text *t)
{
    struct ag_json_view inner;
    struct members m = members_of(t, AG_M_KEY, &inner);
    char tmp[KEY_DECODED_MAX];
    struct ag_span key;
    enum sub_mode mode;
    struct sub *s;
    bool is_new;

    if (!ag_view_str(m.view, m.text, AG_M_KEY, tmp, sizeof tmp, &key) || key.len == 0) {
        refuse_key(r, from, t, AG_CODE_INVALID_PARAMS, "key must be a string that is not empty");
        return;
    }
    if (!read_mode(&m, &mode)) {
        refuse_key(r, from, t, AG_CODE_INVALID_PARAMS, "mode must be shared, exclusive or standby");
        return;
    }
    if (!ag_access_check_key(&r->access, AG_ACCESS_REGISTER, key, &from->cred)) {
        r->stats.not_permitted++;
        refuse_key(r, from, t, AG_CODE_NOT_PERMITTED, "not permitted");
        return;
    }
    is_new = !sub_find(&r->subs, from, key);
    switch (sub_add(&r->subs, from, key, mode, &s)) {
    case 0:
        s->denied = false;
        grace_registered(&r->grace);
        unserved_forget(&r->unserved, (struct ag_span){s->key->name, s->key->len}, s->key->prefix);
        s->listens = standby_wants_telling(t);
        if (s->listens && !s->active)
            standby_answer_waiting(r, from, t->id);
        else
            conclude(r, from, t, 0, NULL);
        if (is_new)
            status_registered(r, s);
        break;
    case SUB_E_OWNED:
        refuse_key(r, from, t, AG_CODE_OWNED, "key has an owner");
        break;
    case SUB_E_TOO_LONG:
        refuse_key(r, from, t, AG_CODE_INVALID_PARAMS, "key too long");
        break;
    case SUB_E_PEER_QUOTA:
        refuse_key(r, from, t, AG_CODE_BUSY, "too many keys");
        break;
    case SUB_E_QUOTA:
        refuse_key(r, from, t, AG_CODE_BUSY, "too many keys in all");
        break;
    default:
        r->stats.out_of_memory++;
        refuse_key(r, from, t, AG_CODE_BUSY, "out of memory");
        if (!t->has_id)
            out_end(r, from, PEER_END_MEMORY); /* else it would wait for commands that never come */
    }
}

static void do_unregister(struct router *r, struct peer *from, const struct text *t)
{
    struct ag_json_view inner;
    struct members m = members_of(t, AG_M_KEY, &inner);
    char tmp[KEY_DECODED_MAX];
    struct ag_span key;
    struct sub *s;

    if (!ag_view_str(m.view, m.text, AG_M_KEY, tmp, sizeof tmp, &key)) {
        conclude(r, from, t, AG_CODE_INVALID_PARAMS, "key must be a string");
        return;
    }
    if (key.len == 0) {
        sub_remove_all(&r->subs, from);
    } else {
        s = sub_find(&r->subs, from, key);
        if (s)
            sub_remove(&r->subs, s);
    }
    conclude(r, from, t, 0, NULL);
    standby_tell(r);
}

static void do_bind(struct router *r, struct peer *from, const struct text *t)
{
    struct ag_json_view inner;
    struct members m = members_of(t, AG_M_ADDRESS, &inner);
    uint64_t mask;

    if (!ag_view_uint(m.view, m.text, AG_M_ADDRESS, UINT32_MAX, &mask)) {
        r->stats.binds_refused++;
        conclude(r, from, t, AG_CODE_INVALID_PARAMS, "address must be an unsigned 32-bit integer");
    } else if (mask != 0 && !rights_bind(r, from, (uint32_t) (mask & -mask))) {
        r->stats.binds_refused++;
        r->stats.not_permitted++;
        conclude(r, from, t, AG_CODE_NOT_PERMITTED, "not permitted");
    } else if (address_bind(r, from, (uint32_t) mask) != 0) {
        r->stats.binds_refused++;
        conclude(r, from, t, AG_CODE_OWNED, "address is taken");
    } else {
        conclude(r, from, t, 0, NULL);
    }
}

void control_handle(struct router *r, struct peer *from, const struct text *t)
{
    if (t->method.len == 4)
        do_bind(r, from, t);
    else if (t->method.len == 8)
        do_register(r, from, t);
    else
        do_unregister(r, from, t);
}
