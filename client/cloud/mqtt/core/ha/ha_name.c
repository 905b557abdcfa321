/* SPDX-License-Identifier: MIT */
#include "client/cloud/mqtt/core/ha/ha_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { ENTITY_MAX = 64 };

/* A part of the model, whatever its kind. */
struct item {
    const char *description, *name;
    uint32_t service;
    unsigned iid;
};

/* One of the two names of an item, sorted by text. */
struct candidate {
    size_t at; /* in names.text */
    size_t item;
    bool full;
};

void ha_names_deinit(struct ha_names *names)
{
    ha_text_deinit(&names->text);
    free(names->at);
    names->at = NULL;
}

static size_t n_items(const struct model *m)
{
    return (size_t) m->n_props + m->n_actions + m->n_events;
}

static struct item item_at(const struct model *m, size_t i)
{
    const struct model_call *c;

    if (i < m->n_props) {
        const struct model_prop *p = &m->props[i];

        return (struct item){model_str(m, p->description), model_str(m, p->name), p->service, p->iid};
    }
    i -= m->n_props;
    c = i < m->n_actions ? &m->actions[i] : &m->events[i - m->n_actions];
    return (struct item){model_str(m, c->description), model_str(m, c->name), c->service, c->iid};
}

void ha_name_put(struct ha_text *t, const char *description, const char *name)
{
    size_t before = t->b.len;

    ha_put_clean(t, description);
    if (t->r < 0 || t->b.len > before)
        return;
    ha_put_clean(t, name);
    for (size_t i = before; t->r == 0 && i < t->b.len; i++) {
        if (t->b.data[i] == '-' || t->b.data[i] == '_')
            t->b.data[i] = ' ';
    }
    if (t->r == 0 && t->b.len > before && t->b.data[before] >= 'a' && t->b.data[before] <= 'z')
        t->b.data[before] = (char) (t->b.data[before] - 'a' + 'A');
}

static void end_string(struct ha_text *t)
{
    ha_put_span(t, (struct ag_span){"", 1});
}

/* Both names of each item into names->text; where they begin into candidates, two by two. */
static void write_names(struct ha_names *names, const struct model *m, struct candidate *candidates)
{
    struct ha_text *t = &names->text;

    for (size_t i = 0; i < n_items(m) && t->r == 0; i++) {
        struct item item = item_at(m, i);
        const struct model_service *s = &m->services[item.service];
        size_t base = t->b.len, full, prefix;

        ha_name_put(t, item.description, item.name);
        end_string(t);
        full = t->b.len;
        ha_name_put(t, model_str(m, s->description), model_str(m, s->name));
        prefix = t->b.len - full;
        if (t->r == 0 && prefix == strlen(t->b.data + base) && memcmp(t->b.data + full, t->b.data + base, prefix) == 0)
            t->b.len = full; /* a service with the same name as its property: the name appears once */
        else
            ha_put(t, " ");
        ha_name_put(t, item.description, item.name);
        end_string(t);
        candidates[2 * i] = (struct candidate){base, i, false};
        candidates[2 * i + 1] = (struct candidate){full, i, true};
    }
}

static int by_text(const void *a, const void *b, void *text)
{
    const struct candidate *x = a, *y = b;
    int r = strcmp((const char *) text + x->at, (const char *) text + y->at);

    return r != 0 ? r : x->item < y->item ? -1 : x->item > y->item;
}

enum { BASE_TWICE = 1, FULL_TWICE = 2 };

static void mark_group(const struct candidate *c, size_t n, uint8_t *marks)
{
    if (c[0].item == c[n - 1].item) /* sorted: all are of one item */
        return;
    for (size_t i = 0; i < n; i++)
        marks[c[i].item] |= c[i].full ? FULL_TWICE : BASE_TWICE;
}

static void mark_repeats(const char *text, struct candidate *c, size_t n, uint8_t *marks)
{
    size_t from = 0;

    qsort_r(c, n, sizeof *c, by_text, (void *) text);
    for (size_t i = 1; i <= n; i++) {
        if (i < n && strcmp(text + c[i].at, text + c[from].at) == 0)
            continue;
        mark_group(c + from, i - from, marks);
        from = i;
    }
}

/* The name with its number behind, as a string of its own. */
static size_t with_number(struct ha_text *t, const struct model *m, size_t i, size_t full)
{
    struct item item = item_at(m, i);
    size_t at = t->b.len, len = t->r == 0 ? strlen(t->b.data + full) : 0;

    if (t->r == 0)
        t->r = ag_buf_reserve(&t->b, len);
    if (t->r == 0)
        ha_put_span(t, (struct ag_span){t->b.data + full, len});
    ha_put(t, "%s(%u.%u)", len > 0 ? " " : "", m->services[item.service].siid, item.iid);
    end_string(t);
    return at;
}

static int choose(struct ha_names *names, const struct model *m, struct candidate *candidates, size_t *full_at, uint8_t *marks)
{
    size_t n = n_items(m);

    write_names(names, m, candidates);
    if (names->text.r < 0)
        return names->text.r;
    for (size_t i = 0; i < n; i++) {
        names->at[i] = candidates[2 * i].at;
        full_at[i] = candidates[2 * i + 1].at;
    }
    mark_repeats(names->text.b.data, candidates, 2 * n, marks);
    for (size_t i = 0; i < n; i++) {
        if (marks[i] & BASE_TWICE)
            names->at[i] = marks[i] & FULL_TWICE ? with_number(&names->text, m, i, full_at[i]) : full_at[i];
    }
    return names->text.r;
}

int ha_names_init(struct ha_names *names, const struct model *m)
{
    size_t n = n_items(m);
    struct candidate *candidates = calloc(2 * n + 1, sizeof *candidates);
    size_t *full_at = calloc(n + 1, sizeof *full_at);
    uint8_t *marks = calloc(n + 1, 1);
    int r = -ENOMEM;

    *names = (struct ha_names){.text = HA_TEXT_INIT, .at = calloc(n + 1, sizeof *names->at)};
    if (candidates && full_at && marks && names->at)
        r = n == 0 ? 0 : choose(names, m, candidates, full_at, marks);
    free(candidates);
    free(full_at);
    free(marks);
    return r;
}

static const char *name_at(const struct ha_names *names, size_t i)
{
    return names->text.b.data + names->at[i];
}

const char *ha_name_of_prop(const struct ha_names *names, const struct model *m, const struct model_prop *p)
{
    return name_at(names, (size_t) (p - m->props));
}

const char *ha_name_of_action(const struct ha_names *names, const struct model *m, const struct model_call *a)
{
    return name_at(names, m->n_props + (size_t) (a - m->actions));
}

const char *ha_name_of_event(const struct ha_names *names, const struct model *m, const struct model_call *e)
{
    return name_at(names, (size_t) m->n_props + m->n_actions + (size_t) (e - m->events));
}

static char entity_char(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char) (c - 'A' + 'a');
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_';
}

/* No underscore at an end, no two in a row: Home Assistant has no such ids. */
void ha_entity_of(char *out, size_t n, const char *path, unsigned siid, unsigned iid)
{
    size_t len = 0;

    for (const char *p = path; *p && len < ENTITY_MAX && len + 1 < n; p++) {
        char c = entity_char(*p);

        if ((unsigned char) *p >= 0x80 || strlen(path) > ENTITY_MAX) {
            len = 0;
            break;
        }
        if (c != '_' || (len > 0 && out[len - 1] != '_'))
            out[len++] = c;
    }
    while (len > 0 && out[len - 1] == '_')
        len--;
    out[len] = '\0';
    if (len == 0)
        snprintf(out, n, iid > 0 ? "%u_%u" : "%u", siid, iid);
}
