/* SPDX-License-Identifier: MIT */
/* The scanner: whole against cut, and both against a slow checker that shares no code with it. */
#include "tests/support/json_feed.h"
#include "tests/support/json_ref.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct cuts cuts = {data, n, 0};
    struct json_fed whole, cut, bytes;
    const char *text = (const char *) data;
    size_t len, id;
    unsigned depth;
    bool good;

    if (n < 1)
        return 0;
    depth = 1 + data[n - 1]; /* the last byte is behind the text as a rule */
    whole = json_feed(text, n, depth, json_feed_whole, NULL);
    cut = json_feed(text, n, depth, next_piece, &cuts);
    bytes = json_feed(text, n, depth, json_feed_bytes, NULL);
    assert(json_fed_equal(&whole, &cut) && json_fed_equal(&whole, &bytes));
    good = json_ref_object(text, n, depth, &len, &id);
    assert(good == (whole.r == -1));
    if (good) {
        assert(len == whole.used);
        assert(whole.view.at[AG_M_ID].type == AG_JSON_NONE ? id == 0 : id == whole.view.at[AG_M_ID].value);
        check_view(&whole.view, text, len);
    }
    return 0;
}
