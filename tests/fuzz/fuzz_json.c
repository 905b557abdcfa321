/* SPDX-License-Identifier: MIT */
/* The scanner, whole against cut, and the stand-ins' reader, which shares no code with it: what each takes, and finds inside. */
#include "examples/sim/wire/sim_json.h"
#include "libagent/core/json/json_iter.h"
#include "tests/support/json_feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct cuts {
    const uint8_t *data;
    size_t n, at;
};

/* Piece lengths of 1..16 out of the input itself. */
static size_t next_piece(void *user, size_t left)
{
    struct cuts *c = user;
    size_t want = 1 + (c->data[c->at++ % c->n] & 15);

    return want < left ? want : left;
}

static void check_view(const struct ag_json_view *v, const char *text, size_t len)
{
    for (int m = 0; m < AG_N_MEMBERS; m++) {
        const struct ag_member_at *a = &v->at[m];
        char tmp[64];
        struct ag_span s;

        if (a->type == AG_JSON_NONE)
            continue;
        assert(a->key < a->value && a->value < a->end && a->end < len && text[a->key] == '"');
        assert((a->type == AG_JSON_STRING) == (text[a->value] == '"'));
        if (ag_view_str(v, text, (enum ag_member) m, tmp, sizeof tmp, &s))
            assert(s.len <= len);
    }
}

static bool is_same(struct ag_span a, struct ag_span b)
{
    return a.p == b.p && a.len == b.len;
}

static void compare_strings(struct ag_span string)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf ours = AG_BUF_INIT, other = AG_BUF_INIT;
    int r = ag_json_append_text(&ours, string);

    assert(sim_json_text(&other, string) == r);
    if (r == 0)
        assert(ag_span_is(ag_buf_span(&other), ag_buf_span(&ours).p, ag_buf_size(&ours)));
}

static void compare_inside(struct ag_span value)
{
    struct ag_json_iter it = ag_json_iter_begin(value);
    struct sim_json_walk walk = sim_json_walk(value);
    bool object = sim_json_type(value) == SIM_JSON_OBJECT;
    struct ag_span name, item, its_name, its_item;

    if (sim_json_type(value) == SIM_JSON_STRING)
        compare_strings(value);
    while (object ? ag_json_iter_member(&it, &name, &item) : ag_json_iter_item(&it, &item)) {
        assert(sim_json_next(&walk, &its_name, &its_item) && is_same(its_item, item));
        assert(object ? is_same(its_name, name) : !its_name.p);
        if (object)
            compare_strings(name);
        compare_inside(item);
    }
    assert(!sim_json_next(&walk, &its_name, &its_item));
}

static void compare_compact(struct ag_span value)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf ours = AG_BUF_INIT, other = AG_BUF_INIT;

    assert(ag_json_append_compact(&ours, value) == 0 && sim_json_compact(&other, value) == 0);
    assert(ag_span_is(ag_buf_span(&other), ag_buf_span(&ours).p, ag_buf_size(&ours)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct cuts cuts = {data, n, 0};
    struct json_fed whole, cut, bytes;
    const char *text = (const char *) data;
    struct ag_span object, id;
    unsigned depth;

    if (n < 1)
        return 0;
    depth = 1 + data[n - 1]; /* the last byte is behind the text as a rule */
    whole = json_feed(text, n, depth, json_feed_whole, NULL);
    cut = json_feed(text, n, depth, next_piece, &cuts);
    bytes = json_feed(text, n, depth, json_feed_bytes, NULL);
    assert(json_fed_equal(&whole, &cut) && json_fed_equal(&whole, &bytes));
    object = (struct ag_span){text, sim_json_object_len(text, n, depth)};
    assert(object.len == (whole.r == -1 ? whole.used : 0));
    if (object.len > 0) {
        id = sim_json_get(object, "id");
        assert(whole.view.at[AG_M_ID].type == AG_JSON_NONE ? !id.p : id.p == text + whole.view.at[AG_M_ID].value);
        check_view(&whole.view, text, object.len);
        compare_inside(object);
        compare_compact(object);
    }
    return 0;
}
