/* SPDX-License-Identifier: MIT */
#include "client/cloud/mqtt/core/ha/ha_choice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "libagent/core/grow.h"
#include "libagent/core/json/json_iter.h"

int ha_append_clean_text(struct ag_buf *out, struct ag_span text)
{
    size_t from = 0, to = text.len, at = out->len;
    int r;

    while (from < to && ((unsigned char) text.p[from] <= ' ' || text.p[from] == 0x7f))
        from++;
    while (to > from && ((unsigned char) text.p[to - 1] <= ' ' || text.p[to - 1] == 0x7f))
        to--;
    if (to == from)
        return 0;
    r = ag_buf_append(out, text.p + from, to - from);
    for (; r == 0 && at < out->len; at++) {
        if ((unsigned char) out->data[at] < 0x20 || out->data[at] == 0x7f)
            out->data[at] = ' ';
    }
    return r;
}

int ha_append_clean(struct ag_buf *out, struct ag_span string)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    int r = ag_json_append_text(&text, string);

    if (r == -EINVAL) /* a lone surrogate: nothing that could be shown */
        return 0;
    return r < 0 ? r : ha_append_clean_text(out, ag_buf_span(&text));
}

static bool is(const struct ag_buf *a, const struct ag_buf *b)
{
    return ag_buf_size(a) == ag_buf_size(b) && memcmp(ag_buf_head(a), ag_buf_head(b), ag_buf_size(a)) == 0;
}

static bool is_none(const struct ag_buf *t)
{
    return ag_buf_size(t) == 4 && strncasecmp(ag_buf_head(t), "none", 4) == 0;
}

static bool value_is_known(const struct ha_choices *c, struct ag_span value)
{
    for (unsigned i = 0; i < c->n; i++) {
        if (ag_span_is(value, c->all[i].value.p, c->all[i].value.len))
            return true;
    }
    return false;
}

/* The place of a new choice, its text still empty; NULL: no memory. */
static struct ha_choice *place(struct ha_choices *c, struct ag_span value)
{
    if (AG_GROW(c->all, c->cap, c->n + 1) < 0)
        return NULL;
    c->all[c->n] = (struct ha_choice){.value = value, .text = AG_BUF_INIT};
    return &c->all[c->n++];
}

int ha_choices_add(struct ha_choices *c, struct ag_span value, struct ag_span text)
{
    struct ha_choice *one = place(c, value);

    return one ? ha_append_clean_text(&one->text, text) : -ENOMEM;
}

/* " (7)"; an empty text becomes "7", an empty string as a value "(empty)". */
static int tell_value(struct ha_choice *c)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf value = AG_BUF_INIT;
    int r = ag_json_type(c->value) == AG_JSON_STRING ? ha_append_clean(&value, c->value) : ag_buf_append_span(&value, c->value);

    if (r < 0)
        return r;
    if (ag_buf_size(&value) == 0)
        return ag_buf_append_str(&c->text, ag_buf_size(&c->text) > 0 ? " (empty)" : "(empty)");
    return ag_buf_printf(&c->text, ag_buf_size(&c->text) > 0 ? " (%.*s)" : "%.*s", (int) ag_buf_size(&value),
                         ag_buf_head(&value));
}

static bool has_twin(const struct ha_choices *c, unsigned i, unsigned n)
{
    for (unsigned k = 0; k < n; k++) {
        if (k != i && is(&c->all[k].text, &c->all[i].text))
            return true;
    }
    return false;
}

/* Which texts need their value is decided before the first one is changed. */
int ha_choices_tell_apart(struct ha_choices *c)
{
    bool *needed = calloc(c->n + 1, sizeof *needed);
    int r = needed ? 0 : -ENOMEM;

    for (unsigned i = 0; r == 0 && i < c->n; i++)
        needed[i] = ag_buf_size(&c->all[i].text) == 0 || is_none(&c->all[i].text) || has_twin(c, i, c->n);
    for (unsigned i = 0; r == 0 && i < c->n; i++) {
        if (needed[i])
            r = tell_value(&c->all[i]);
    }
    free(needed);
    for (unsigned i = 0; r == 0 && i < c->n; i++) {
        while (r == 0 && has_twin(c, i, i)) /* another one is called just so */
            r = tell_value(&c->all[i]);
    }
    return r;
}

int ha_choices_read(struct ha_choices *c, struct ag_span list)
{
    struct ag_json_iter it = ag_json_iter_begin(list);
    struct ag_span item;
    int r = 0;

    while (r == 0 && ag_json_iter_item(&it, &item)) {
        struct ha_choice *one;

        if (value_is_known(c, item))
            continue;
        one = place(c, item);
        r = one ? ha_append_clean(&one->text, item) : -ENOMEM;
    }
    return r == 0 ? ha_choices_tell_apart(c) : r;
}

void ha_choices_deinit(struct ha_choices *c)
{
    for (unsigned i = 0; i < c->n; i++)
        ag_buf_deinit(&c->all[i].text);
    free(c->all);
    *c = (struct ha_choices){.n = 0};
}

/* One code point of well-formed UTF-8. */
static uint32_t next_code_point(const char *p, size_t n, size_t *at)
{
    unsigned char first = (unsigned char) p[*at];
    unsigned more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    uint32_t cp = more == 0 ? first : first & (0x3fu >> more);

    for (++*at; more > 0 && *at < n; more--, ++*at)
        cp = cp << 6 | ((unsigned char) p[*at] & 0x3f);
    return cp;
}

static bool is_plain(uint32_t cp)
{
    return (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') || (cp >= '0' && cp <= '9') || cp == ' ' || cp == '_' ||
           cp == '.' || cp == '-';
}

/* A string of the template language: all but plain characters as escapes, so that nothing ends it. */
int ha_append_literal(struct ag_buf *out, struct ag_span text)
{
    int r = ag_buf_append_char(out, '\'');

    for (size_t at = 0; r == 0 && at < text.len;) {
        uint32_t cp = next_code_point(text.p, text.len, &at);

        if (is_plain(cp))
            r = ag_buf_append_char(out, (char) cp);
        else
            r = ag_buf_printf(out, cp > 0xffff ? "\\U%08x" : "\\u%04x", cp);
    }
    return r == 0 ? ag_buf_append_char(out, '\'') : r;
}

static int append_value(struct ag_buf *out, struct ag_span value)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    int r;

    if (ag_json_type(value) != AG_JSON_STRING)
        return ag_buf_append_span(out, value);
    r = ag_json_append_text(&text, value);
    return r == -ENOMEM ? r : ha_append_literal(out, ag_buf_span(&text));
}

int ha_choices_map(const struct ha_choices *c, struct ag_buf *out, bool turned)
{
    int r = ag_buf_append_char(out, '{');

    for (unsigned i = 0; r == 0 && i < c->n; i++) {
        struct ag_span text = ag_buf_span(&c->all[i].text);

        if (i > 0)
            r = ag_buf_append_char(out, ',');
        if (r == 0)
            r = turned ? ha_append_literal(out, text) : append_value(out, c->all[i].value);
        if (r == 0)
            r = ag_buf_append_char(out, ':');
        if (r == 0)
            r = turned ? append_value(out, c->all[i].value) : ha_append_literal(out, text);
    }
    return r == 0 ? ag_buf_append_char(out, '}') : r;
}
