/* SPDX-License-Identifier: MIT */
#include "libagent/core/pack/pack.h"

#include <errno.h>
#include <msgpack/pack.h>
#include "libagent/core/pack/pack_scan.h"
#include "libagent/core/pack/pack_value.h"

enum { RPC_REQUEST, RPC_RESPONSE, RPC_NOTIFY };

/* ---- MessagePack to JSON ---- */

/* Takes one value's bytes off the front. */
static int take_value(struct ag_span *in, struct ag_span *out)
{
    struct ag_pack_scan s;
    size_t used;
    int r;

    ag_pack_scan_init(&s, AG_PACK_DEPTH_MAX, UINT32_MAX);
    r = ag_pack_scan(&s, in->p, in->len, &used);
    if (r != -1)
        return r > 0 ? r : AG_PACK_E_SYNTAX;
    *out = (struct ag_span){in->p, used};
    in->p += used;
    in->len -= used;
    return 0;
}

static bool is_nil(struct ag_span value)
{
    return value.len == 1 && (uint8_t) *value.p == 0xc0;
}

static bool str_content(struct ag_span value, struct ag_span *out)
{
    struct ag_pack_head h;

    if (ag_pack_read_head(&value, &h) != 0 || h.type != AG_PACK_STR)
        return false;
    *out = value;
    return true;
}

/* {"id":N, -- or only the brace when id is empty. */
static int print_id(struct ag_buf *out, struct ag_span id)
{
    struct ag_pack_head h;
    int r;

    if (id.len == 0)
        return ag_buf_append_char(out, '{');
    if (ag_pack_read_head(&id, &h) != 0 || h.type != AG_PACK_UINT || h.u > UINT32_MAX)
        return AG_PACK_E_ID;
    r = ag_buf_append_str(out, "{\"id\":");
    if (r == 0)
        r = ag_buf_append_u64(out, h.u);
    return r == 0 ? ag_buf_append_char(out, ',') : r;
}

/* "name":value, with the comma before it unless the object has just begun. */
static int print_member(struct ag_buf *out, const char *name, struct ag_span value)
{
    char last = out->data[out->len - 1];
    int r = ag_buf_printf(out, "%s\"%s\":", last == '{' || last == ',' ? "" : ",", name);

    return r == 0 ? ag_pack_value_to_json(&value, out) : r;
}

/* Methods whose params are members of the text. The order is that of positional arguments. */
struct lifted {
    struct ag_span method;
    bool keeps_method;      /* the text has this method; else the map says what it has */
    const char *members[5]; /* of the text; in the map without the '_' of some */
};

enum { POSITIONS_MAX = 2 }; /* the members after these are in maps only */

static const struct lifted lifted[] = {
    {{"register", 8}, true, {"key", "mode", "params"}},
    {{"unregister", 10}, true, {"key"}},
    {{"bind", 4}, true, {"address"}},
    {{"agent.send", 10}, false, {"_to", "method", "params", "result", "error"}},
    {{"agent.message", 13}, false, {"_from", "method", "params", "result", "error"}},
};

static const char *name_of(const char *member)
{
    return member + (*member == '_');
}

static const struct lifted *lifted_of(struct ag_span method)
{
    for (size_t i = 0; i < ag_array_size(lifted); i++)
        if (ag_span_is(method, lifted[i].method.p, lifted[i].method.len))
            return &lifted[i];
    return NULL;
}

/* The value of a map's key; the first of equal keys. false when absent. The map is well-formed. */
static bool map_get(struct ag_span map, uint64_t pairs, const char *name, struct ag_span *out)
{
    struct ag_span key, value, text;

    for (uint64_t i = 0; i < pairs; i++) {
        if (take_value(&map, &key) != 0 || take_value(&map, &value) != 0)
            return false;
        if (str_content(key, &text) && ag_span_is(text, name, strlen(name))) {
            *out = value;
            return true;
        }
    }
    return false;
}

/* params as a map: given so, or as the only element of an array. *in is moved behind the head. */
static bool open_map(struct ag_span *in, uint64_t *pairs_out)
{
    struct ag_span s = *in;
    struct ag_pack_head h;

    if (ag_pack_read_head(&s, &h) != 0)
        return false;
    if (h.type == AG_PACK_ARRAY && h.u == 1 && ag_pack_read_head(&s, &h) != 0)
        return false;
    if (h.type != AG_PACK_MAP)
        return false;
    *in = s;
    *pairs_out = h.u;
    return true;
}

static int print_lifted_map(struct ag_buf *out, const struct lifted *l, struct ag_span map, uint64_t pairs)
{
    struct ag_span value;
    int r = 0;

    for (size_t i = 0; r == 0 && i < ag_array_size(l->members) && l->members[i]; i++)
        if (map_get(map, pairs, name_of(l->members[i]), &value))
            r = print_member(out, l->members[i], value);
    return r;
}

static int print_positional(struct ag_buf *out, const struct lifted *l, struct ag_span params)
{
    struct ag_span value;
    struct ag_pack_head h;
    int r = ag_pack_read_head(&params, &h);

    if (r != 0)
        return r;
    if (h.type == AG_PACK_NIL)
        return 0;
    if (h.type != AG_PACK_ARRAY)
        return AG_PACK_E_SHAPE;
    for (uint64_t i = 0; r == 0 && i < h.u; i++) {
        if (i == POSITIONS_MAX || !l->members[i])
            return AG_PACK_E_SHAPE;
        r = take_value(&params, &value);
        if (r == 0)
            r = print_member(out, l->members[i], value);
    }
    return r;
}

/* A control method: its arguments become members. */
static int print_control(struct ag_buf *out, const struct lifted *l, struct ag_span id, struct ag_span params)
{
    uint64_t pairs;
    int r = print_id(out, id);

    if (r == 0)
        r = ag_buf_printf(out, "\"method\":\"%s\"", l->method.p);
    if (r != 0)
        return r;
    if (open_map(&params, &pairs))
        return print_lifted_map(out, l, params, pairs);
    return print_positional(out, l, params);
}

/* A message between applications: the map is the message. */
static int print_envelope(struct ag_buf *out, const struct lifted *l, struct ag_span id, struct ag_span params)
{
    uint64_t pairs;
    struct ag_span value;
    int r;

    if (!open_map(&params, &pairs) || !map_get(params, pairs, name_of(l->members[0]), &value))
        return AG_PACK_E_SHAPE;
    if (map_get(params, pairs, "id", &value))
        id = value;
    r = print_id(out, id);
    return r == 0 ? print_lifted_map(out, l, params, pairs) : r;
}

static int print_call(struct ag_buf *out, struct ag_span id, struct ag_span method, struct ag_span params)
{
    const struct lifted *l;
    struct ag_span name;
    int r;

    if (!str_content(method, &name))
        return AG_PACK_E_SHAPE;
    l = lifted_of(name);
    if (l)
        return l->keeps_method ? print_control(out, l, id, params) : print_envelope(out, l, id, params);
    r = print_id(out, id);
    if (r == 0 && id.len == 0 && ag_span_eq(name, "agent.error"))
        return print_member(out, "error", params);
    if (r == 0)
        r = ag_buf_append_str(out, "\"method\":");
    if (r == 0)
        r = ag_pack_str_to_json(name, out);
    return r == 0 ? print_member(out, "params", params) : r;
}

static int print_response(struct ag_buf *out, struct ag_span id, struct ag_span error, struct ag_span result)
{
    int r;

    if (!is_nil(error) && !is_nil(result))
        return AG_PACK_E_SHAPE;
    r = print_id(out, id);
    if (r != 0)
        return r;
    return is_nil(error) ? print_member(out, "result", result) : print_member(out, "error", error);
}

static int print_message(struct ag_span in, struct ag_buf *out)
{
    struct ag_pack_head array, type;
    struct ag_span v[3];
    int r = ag_pack_read_head(&in, &array);

    if (r == 0)
        r = ag_pack_read_head(&in, &type);
    if (r != 0)
        return r;
    if (array.type != AG_PACK_ARRAY || type.type != AG_PACK_UINT || type.u > RPC_NOTIFY ||
        array.u != (type.u == RPC_NOTIFY ? 3 : 4))
        return AG_PACK_E_SHAPE;
    for (size_t i = 0; i + 1 < array.u; i++) {
        r = take_value(&in, &v[i]);
        if (r != 0)
            return r;
    }
    if (in.len > 0)
        return AG_PACK_E_SHAPE;
    switch (type.u) {
    case RPC_REQUEST:
        return print_call(out, v[0], v[1], v[2]);
    case RPC_RESPONSE:
        return print_response(out, v[0], v[1], v[2]);
    default:
        return print_call(out, (struct ag_span){"", 0}, v[0], v[1]);
    }
}

int ag_pack_to_json(struct ag_span pack, struct ag_buf *out)
{
    size_t undo = ag_buf_size(out);
    int r = print_message(pack, out);

    if (r == 0)
        r = ag_buf_append_char(out, '}');
    if (r != 0)
        out->len = out->off + undo;
    return r;
}

/* ---- JSON to MessagePack ---- */

struct text {
    const char *p;
    const struct ag_json_view *v;
    struct ag_buf *out;
    msgpack_packer pk;
};

static bool has(const struct text *t, enum ag_member m)
{
    return ag_view_has(t->v, m);
}

static int put_str(struct text *t, const char *s, size_t n)
{
    int r = msgpack_pack_str(&t->pk, n);

    return r == 0 ? msgpack_pack_str_body(&t->pk, s, n) : r;
}

static int put_raw(struct text *t, enum ag_member m)
{
    return ag_pack_value_from_json(ag_view_raw(t->v, t->p, m), t->out);
}

/* One pair of a map, when the text has that member. */
static int put_pair(struct text *t, const char *name, enum ag_member m)
{
    int r;

    if (!has(t, m))
        return 0;
    r = put_str(t, name, strlen(name));
    return r == 0 ? put_raw(t, m) : r;
}

struct pair {
    const char *name;
    enum ag_member member;
};

static int put_map(struct text *t, const struct pair *pairs, size_t n)
{
    size_t there = 0;
    int r;

    for (size_t i = 0; i < n; i++)
        there += has(t, pairs[i].member);
    r = msgpack_pack_map(&t->pk, there);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = put_pair(t, pairs[i].name, pairs[i].member);
    return r;
}

/* [0, id, or without an id [2, */
static int put_call_head(struct text *t)
{
    uint64_t id = 0;
    int r;

    if (has(t, AG_M_ID) && !ag_view_uint(t->v, t->p, AG_M_ID, UINT32_MAX, &id))
        return AG_PACK_E_ID;
    r = msgpack_pack_array(&t->pk, has(t, AG_M_ID) ? 4 : 3);
    if (r == 0)
        r = msgpack_pack_uint8(&t->pk, has(t, AG_M_ID) ? RPC_REQUEST : RPC_NOTIFY);
    if (r == 0 && has(t, AG_M_ID))
        r = msgpack_pack_uint64(&t->pk, id);
    return r;
}

static bool is_control(const struct text *t)
{
    char tmp[16];
    struct ag_span name;
    const struct lifted *l;

    if (!ag_view_str(t->v, t->p, AG_M_METHOD, tmp, sizeof tmp, &name))
        return false;
    l = lifted_of(name);
    return l && l->keeps_method;
}

static int put_call(struct text *t)
{
    static const struct pair control[] = {
        {"key", AG_M_KEY}, {"mode", AG_M_MODE}, {"address", AG_M_ADDRESS}, {"params", AG_M_PARAMS}};
    int r;

    if (t->v->at[AG_M_METHOD].type != AG_JSON_STRING)
        return AG_PACK_E_SHAPE;
    r = put_call_head(t);
    if (r == 0)
        r = put_raw(t, AG_M_METHOD);
    if (r != 0)
        return r;
    if (is_control(t)) /* only if params is an object: others put anything there */
        return put_map(t, control, ag_array_size(control) - (t->v->at[AG_M_PARAMS].type != AG_JSON_OBJECT));
    return has(t, AG_M_PARAMS) ? put_raw(t, AG_M_PARAMS) : msgpack_pack_array(&t->pk, 0);
}

static int put_envelope(struct text *t)
{
    struct pair pairs[] = {{"from", AG_M_FROM},     {"id", AG_M_ID},         {"method", AG_M_METHOD},
                           {"params", AG_M_PARAMS}, {"result", AG_M_RESULT}, {"error", AG_M_ERROR}};
    struct ag_span method = AG_SPAN("agent.message");
    uint64_t id;
    int r;

    if (has(t, AG_M_TO)) {
        pairs[0] = (struct pair){"to", AG_M_TO};
        method = AG_SPAN("agent.send");
    }
    if (has(t, AG_M_ID) && !ag_view_uint(t->v, t->p, AG_M_ID, UINT32_MAX, &id))
        return AG_PACK_E_ID;
    r = msgpack_pack_array(&t->pk, 3);
    if (r == 0)
        r = msgpack_pack_uint8(&t->pk, RPC_NOTIFY);
    if (r == 0)
        r = put_str(t, method.p, method.len);
    return r == 0 ? put_map(t, pairs, ag_array_size(pairs)) : r;
}

static int put_error_notice(struct text *t)
{
    int r = msgpack_pack_array(&t->pk, 3);

    if (r == 0)
        r = msgpack_pack_uint8(&t->pk, RPC_NOTIFY);
    if (r == 0)
        r = put_str(t, "agent.error", 11);
    return r == 0 ? put_raw(t, AG_M_ERROR) : r;
}

/* [1, id, */
static int put_response_head(struct text *t)
{
    uint64_t id;
    int r;

    if (!ag_view_uint(t->v, t->p, AG_M_ID, UINT32_MAX, &id))
        return AG_PACK_E_ID;
    r = msgpack_pack_array(&t->pk, 4);
    if (r == 0)
        r = msgpack_pack_uint8(&t->pk, RPC_RESPONSE);
    return r == 0 ? msgpack_pack_uint64(&t->pk, id) : r;
}

static int put_response(struct text *t)
{
    uint8_t error = t->v->at[AG_M_ERROR].type, result = t->v->at[AG_M_RESULT].type;
    bool failed = error != AG_JSON_NONE && error != AG_JSON_NULL;
    int r;

    if ((failed && result != AG_JSON_NONE && result != AG_JSON_NULL) || (error | result) == AG_JSON_NONE)
        return AG_PACK_E_SHAPE;
    if (failed && (!has(t, AG_M_ID) || t->v->at[AG_M_ID].type == AG_JSON_NULL))
        return put_error_notice(t);
    r = put_response_head(t);
    if (r == 0)
        r = failed ? put_raw(t, AG_M_ERROR) : msgpack_pack_nil(&t->pk);
    if (r != 0)
        return r;
    return failed || result == AG_JSON_NONE ? msgpack_pack_nil(&t->pk) : put_raw(t, AG_M_RESULT);
}

static int put_answer_by_method(struct text *t)
{
    int r = put_response_head(t);

    if (r == 0)
        r = msgpack_pack_nil(&t->pk);
    if (r != 0)
        return r;
    return has(t, AG_M_PARAMS) ? put_raw(t, AG_M_PARAMS) : msgpack_pack_nil(&t->pk);
}

static int put_message(struct text *t, bool is_answer)
{
    if (t->v->twice & 1u << AG_M_ID)
        return AG_PACK_E_ID;
    if (has(t, AG_M_TO) || has(t, AG_M_FROM))
        return put_envelope(t);
    if (!has(t, AG_M_METHOD))
        return put_response(t);
    return is_answer ? put_answer_by_method(t) : put_call(t);
}

static int from_json(struct ag_span json, const struct ag_json_view *v, bool is_answer, struct ag_buf *out)
{
    size_t undo = ag_buf_size(out);
    struct text t = {.p = json.p, .v = v, .out = out};
    int r;

    msgpack_packer_init(&t.pk, out, ag_pack_write);
    r = put_message(&t, is_answer);
    if (r != 0)
        out->len = out->off + undo;
    return r;
}

int ag_pack_from_json(struct ag_span json, const struct ag_json_view *v, struct ag_buf *out)
{
    return from_json(json, v, false, out);
}

int ag_pack_answer_from_json(struct ag_span json, const struct ag_json_view *v, struct ag_buf *out)
{
    return from_json(json, v, true, out);
}

const char *ag_pack_strerror(int r)
{
    switch (r) {
    case AG_PACK_E_SYNTAX:
        return "not MessagePack";
    case AG_PACK_E_DEPTH:
        return "nested too deep";
    case AG_PACK_E_SIZE:
        return "text too large";
    case AG_PACK_E_SHAPE:
        return "not a MessagePack-RPC message";
    case AG_PACK_E_ID:
        return "the id is not an unsigned 32-bit integer";
    case AG_PACK_E_TYPE:
        return "ext values cannot be passed on";
    case AG_PACK_E_KEY:
        return "a map key is not a string";
    case AG_PACK_E_UTF8:
        return "not UTF-8";
    case AG_PACK_E_NUMBER:
        return "a number that JSON or MessagePack cannot hold";
    case -ENOMEM:
        return "out of memory";
    default:
        return "error";
    }
}
