/* SPDX-License-Identifier: MIT */
#include "client/report/core/report_route.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prefix[] = "route.";

struct route_rule {
    char *method; /* without the '*' */
    size_t len;
    bool is_prefix;
    unsigned set;
};

unsigned route_all(const struct route_table *t)
{
    unsigned set = 0;

    for (unsigned i = 0; i < t->n; i++)
        set |= 1u << t->clouds[i].place;
    return set;
}

static int refuse(const struct device_conf *conf, const char *name, struct device_conf_error *err, const char *what,
                  struct ag_span word)
{
    err->line = device_conf_line(conf, name);
    snprintf(err->why, sizeof err->why, "%.40s: %s%.*s", name, what, (int) (word.len < 24 ? word.len : 24), word.p);
    return -EINVAL;
}

/* 0: no cloud of the list has that name. */
static unsigned set_of_name(const struct route_table *t, struct ag_span word)
{
    for (unsigned i = 0; i < t->n; i++) {
        if (ag_span_is(word, t->clouds[i].name, strlen(t->clouds[i].name)))
            return 1u << t->clouds[i].place;
    }
    return 0;
}

static unsigned set_of_word(const struct route_table *t, struct ag_span word)
{
    if (ag_span_eq(word, "all"))
        return route_all(t);
    if (ag_span_eq(word, "primary"))
        return 1u << t->clouds[0].place;
    return set_of_name(t, word);
}

static int read_value(const struct route_table *t, const struct device_conf *conf, const char *name, const char *value,
                      unsigned *set_out, struct device_conf_error *err)
{
    const char *p = value;

    *set_out = 0;
    for (;;) {
        struct ag_span word;
        unsigned set;

        p += strspn(p, " \t");
        word = (struct ag_span){p, strcspn(p, ", \t")};
        set = word.len ? set_of_word(t, word) : 0;
        if (set == 0)
            return refuse(conf, name, err, "must be all, primary or clouds of the list, not ", word);
        *set_out |= set;
        p += word.len;
        p += strspn(p, " \t");
        if (*p == '\0')
            return 0;
        if (*p++ != ',')
            return refuse(conf, name, err, "clouds are separated by commas, not ", (struct ag_span){p - 1, 1});
    }
}

static int add_rule(struct route_table *t, const char *method, unsigned set)
{
    size_t len = strlen(method);
    struct route_rule *rule = &t->rules[t->n_rules];

    *rule = (struct route_rule){.method = strdup(method), .len = len, .set = set};
    if (!rule->method)
        return -ENOMEM;
    if (method[len - 1] == '*') {
        rule->is_prefix = true;
        rule->len--;
    }
    t->n_rules++;
    return 0;
}

static int read_rules(struct route_table *t, const struct device_conf *conf, struct device_conf_error *err)
{
    for (size_t i = 0; i < conf->n_entries; i++) {
        const char *name, *value;
        unsigned set;
        int r;

        device_conf_nth(conf, i, &name, &value);
        if (strncmp(name, prefix, sizeof prefix - 1) != 0)
            continue;
        if (!name[sizeof prefix - 1])
            return refuse(conf, name, err, "needs a method after the dot", AG_SPAN(""));
        if (t->n == 0)
            continue;
        if (t->n_rules == ROUTE_RULES)
            return refuse(conf, name, err, "too many route lines, at most 64", AG_SPAN(""));
        r = read_value(t, conf, name, value, &set, err);
        if (r == 0)
            r = add_rule(t, name + sizeof prefix - 1, set);
        if (r < 0)
            return r;
    }
    return 0;
}

int route_table_make(struct route_table *out, const struct route_cloud *clouds, unsigned n, const struct device_conf *conf,
                     struct device_conf_error *err)
{
    struct route_table t = {.n = n < ROUTE_PLACES ? n : ROUTE_PLACES};
    int r;

    *err = (struct device_conf_error){0};
    if (t.n > 0)
        memcpy(t.clouds, clouds, t.n * sizeof *clouds);
    t.rules = calloc(ROUTE_RULES, sizeof *t.rules);
    r = t.rules ? read_rules(&t, conf, err) : -ENOMEM;
    if (t.n_rules == 0) { /* as nearly always */
        free(t.rules);
        t.rules = NULL;
    }
    if (r == 0)
        *out = t;
    else
        route_table_deinit(&t);
    return r;
}

void route_table_deinit(struct route_table *t)
{
    for (unsigned i = 0; i < t->n_rules; i++)
        free(t->rules[i].method);
    free(t->rules);
    *t = (struct route_table){0};
}

/* 0: none fits. The last line of the longest ones counts, as everywhere in device.conf. */
static unsigned set_of_rules(const struct route_table *t, struct ag_span method)
{
    size_t best = 0;
    unsigned set = 0;

    for (unsigned i = 0; i < t->n_rules; i++) {
        const struct route_rule *rule = &t->rules[i];
        bool fits = rule->is_prefix ? method.len >= rule->len && memcmp(method.p, rule->method, rule->len) == 0
                                    : ag_span_is(method, rule->method, rule->len);
        size_t fit = 2 * rule->len + !rule->is_prefix + 1; /* whole beats a prefix of the same length */

        if (fits && fit >= best) {
            best = fit;
            set = rule->set;
        }
    }
    return set;
}

static unsigned set_of_owner(const struct route_table *t, struct ag_span method)
{
    const char *dot = memchr(method.p, '.', method.len);

    return dot ? set_of_name(t, (struct ag_span){method.p, (size_t) (dot - method.p)}) : 0;
}

struct report_route route_of(const struct route_table *t, struct ag_span method, bool is_report)
{
    unsigned set = 0;

    if (t->n == 0)
        return (struct report_route){0};
    if (t->n == 1)
        return (struct report_route){1u << t->clouds[0].place, t->clouds[0].place};
    if (t->n_rules > 0)
        set = set_of_rules(t, method);
    if (set == 0)
        set = set_of_owner(t, method);
    if (set == 0)
        set = is_report ? route_all(t) : 1u << t->clouds[0].place;
    for (unsigned i = 0; i < t->n; i++) {
        if (set & 1u << t->clouds[i].place)
            return (struct report_route){set, t->clouds[i].place};
    }
    return (struct report_route){0};
}
