/* SPDX-License-Identifier: MIT */
#include "client/device/core/device_conf.h"

#include <ctype.h>
#include <stdbool.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/core/grow.h"
#include "libagent/core/utf8.h"
#include "libagent/core/util.h"

enum { MAX_LINES = 1024, MAX_VALUE = 4096, KEY_LEN = 16, MAC_LEN = 17 };

struct device_conf_entry {
    char *name, *value; /* one allocation, owned through name */
    unsigned line;
};

static int ag_printf_like(3, 4) refuse(struct device_conf_error *err, unsigned line, const char *fmt, ...)
{
    va_list ap;

    err->line = line;
    va_start(ap, fmt);
    vsnprintf(err->why, sizeof err->why, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

static struct ag_span trim(struct ag_span s)
{
    while (s.len > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = (struct ag_span){s.p + 1, s.len - 1};
    while (s.len > 0 && strchr(" \t\r", s.p[s.len - 1]))
        s.len--;
    return s;
}

static int entry_make(struct device_conf_entry *out, struct ag_span name, struct ag_span value, unsigned line)
{
    char *text = malloc(name.len + value.len + 2);

    if (!text)
        return -ENOMEM;
    memcpy(text, name.p, name.len);
    text[name.len] = '\0';
    memcpy(text + name.len + 1, value.p, value.len);
    text[name.len + 1 + value.len] = '\0';
    *out = (struct device_conf_entry){text, text + name.len + 1, line};
    return 0;
}

/* Any value may be a secret: passwords, keys. */
static void entry_free(struct device_conf_entry *e)
{
    explicit_bzero(e->value, strlen(e->value));
    free(e->name);
}

static int entry_add(struct device_conf *c, struct ag_span name, struct ag_span value, unsigned line)
{
    int r;

    if (AG_GROW(c->entries, c->entries_cap, c->n_entries + 1) < 0)
        return -ENOMEM;
    r = entry_make(&c->entries[c->n_entries], name, value, line);
    c->n_entries += r == 0;
    return r;
}

/* No model's name has a '/', and none looks like a file name. */
static bool is_file(struct ag_span value)
{
    return memchr(value.p, '/', value.len) || (value.len > 5 && memcmp(value.p + value.len - 5, ".json", 5) == 0);
}

static int parse_line(struct device_conf *c, struct ag_span raw, unsigned line, struct device_conf_error *err)
{
    struct ag_span text = trim(raw), name, value;
    const char *eq;

    if (text.len == 0 || raw.p[0] == '#')
        return 0;
    if (memchr(text.p, '\0', text.len))
        return refuse(err, line, "NUL byte");
    eq = memchr(text.p, '=', text.len);
    if (!eq)
        return refuse(err, line, "not of the form name=value");
    name = trim((struct ag_span){text.p, (size_t) (eq - text.p)});
    value = trim((struct ag_span){eq + 1, text.len - (size_t) (eq + 1 - text.p)});
    if (name.len == 0)
        return refuse(err, line, "no name before '='");
    if (value.len > MAX_VALUE)
        return refuse(err, line, "value longer than %d bytes", MAX_VALUE);
    if (ag_span_eq(name, "model") && is_file(value))
        name = AG_SPAN(DEVICE_CONF_MODEL_FILE);
    return entry_add(c, name, value, line);
}

static struct device_conf_entry *entry_find(const struct device_conf *c, const char *name)
{
    for (size_t i = c->n_entries; i > 0; i--) {
        if (strcmp(c->entries[i - 1].name, name) == 0)
            return &c->entries[i - 1];
    }
    return NULL;
}

static int take_did(struct device_conf *c, struct device_conf_error *err)
{
    const struct device_conf_entry *e = entry_find(c, "did");
    uint64_t v = 0;

    if (!e || !e->value[0])
        return refuse(err, e ? e->line : 0, "did is missing");
    for (const char *p = e->value; *p; p++) {
        if (!isdigit((unsigned char) *p))
            return refuse(err, e->line, "did must be a decimal number");
        if (v > (UINT64_MAX - (uint64_t) (*p - '0')) / 10)
            return refuse(err, e->line, "did does not fit in 64 bits");
        v = v * 10 + (uint64_t) (*p - '0');
    }
    c->did = v;
    return 0;
}

/* Only clouds of the vendor need the key, so an absent one is judged by the cloud's own check. */
static int take_key(struct device_conf *c, struct device_conf_error *err)
{
    const struct device_conf_entry *e = entry_find(c, "key");

    if (!e || !e->value[0])
        return 0;
    if (strlen(e->value) != KEY_LEN)
        return refuse(err, e->line, "key must have exactly %d characters", KEY_LEN);
    memcpy(c->key, e->value, KEY_LEN + 1);
    return 0;
}

static int take_mac(struct device_conf *c, struct device_conf_error *err)
{
    const struct device_conf_entry *e = entry_find(c, "mac");

    if (!e || !e->value[0])
        return 0;
    if (strlen(e->value) != MAC_LEN)
        return refuse(err, e->line, "mac must look like AA:BB:CC:DD:EE:FF");
    for (size_t i = 0; i < MAC_LEN; i++) {
        unsigned char ch = (unsigned char) e->value[i];

        if (i % 3 == 2 ? ch != ':' : !isxdigit(ch))
            return refuse(err, e->line, "mac must look like AA:BB:CC:DD:EE:FF");
        c->mac[i] = (char) toupper(ch);
    }
    c->mac[MAC_LEN] = '\0';
    return 0;
}

/* Names end up in host names, SSIDs and environment names: no blanks, controls or quotes. */
static int take_word(const struct device_conf *c, const char *name, char *out, size_t size, struct device_conf_error *err)
{
    const struct device_conf_entry *e = entry_find(c, name);

    if (!e || !e->value[0])
        return 0;
    if (strlen(e->value) >= size)
        return refuse(err, e->line, "%s is longer than %zu characters", name, size - 1);
    for (const char *p = e->value; *p; p++) {
        if (!isalnum((unsigned char) *p) && !strchr("._-", *p))
            return refuse(err, e->line, "%s may hold letters, digits, '.', '_' and '-' only", name);
    }
    memcpy(out, e->value, strlen(e->value) + 1);
    return 0;
}

static int take_identity(struct device_conf *c, struct device_conf_error *err)
{
    int r = take_did(c, err);

    if (r == 0)
        r = take_key(c, err);
    if (r == 0)
        r = take_mac(c, err);
    if (r == 0)
        r = take_word(c, "model", c->model, sizeof c->model, err);
    if (r == 0)
        r = take_word(c, "vendor", c->vendor, sizeof c->vendor, err);
    if (r == 0 && !c->model[0])
        r = refuse(err, 0, "model is missing");
    return r;
}

int device_conf_parse(struct device_conf *out, const char *text, size_t n, struct device_conf_error *err)
{
    struct ag_span file = ag_utf8_without_mark((struct ag_span){text, n});
    struct device_conf c = {0};
    unsigned line = 0;
    int r = 0;

    *err = (struct device_conf_error){0};
    while (file.len > 0 && r == 0) {
        const char *end = memchr(file.p, '\n', file.len);
        size_t len = end ? (size_t) (end - file.p) : file.len;

        if (++line > MAX_LINES)
            r = refuse(err, line, "more than %d lines", MAX_LINES);
        else if (len > 0)
            r = parse_line(&c, (struct ag_span){file.p, len}, line, err);
        file.p += end ? len + 1 : len;
        file.len -= end ? len + 1 : len;
    }
    if (r == 0)
        r = take_identity(&c, err);
    if (r < 0) {
        device_conf_deinit(&c);
        return r;
    }
    *out = c;
    return 0;
}

void device_conf_deinit(struct device_conf *c)
{
    for (size_t i = 0; i < c->n_entries; i++)
        entry_free(&c->entries[i]);
    free(c->entries);
    explicit_bzero(c->key, sizeof c->key);
    *c = (struct device_conf){0};
}

const char *device_conf_get(const struct device_conf *c, const char *name)
{
    const struct device_conf_entry *e = entry_find(c, name);

    return e ? e->value : NULL;
}

int device_conf_set(struct device_conf *c, const char *name, const char *value)
{
    struct ag_span n = {name, strlen(name)}, v = {value, strlen(value)};
    struct device_conf_entry *old = entry_find(c, name), fresh;
    int r;

    if (v.len > MAX_VALUE)
        return -EINVAL;
    if (!old || old->line > 0) /* the file's own lines stay */
        return entry_add(c, n, v, 0);
    r = entry_make(&fresh, n, v, 0);
    if (r < 0)
        return r;
    entry_free(old);
    *old = fresh;
    return 0;
}

static bool has_all(const struct device_conf *c, const struct device_conf *of, device_conf_mine_fn *mine, const void *user)
{
    for (size_t i = 0; i < of->n_entries; i++) {
        const char *name = of->entries[i].name, *here;

        if (!mine(user, name))
            continue;
        here = device_conf_get(c, name);
        if (!here || strcmp(here, device_conf_get(of, name)) != 0)
            return false;
    }
    return true;
}

bool device_conf_same(const struct device_conf *a, const struct device_conf *b, device_conf_mine_fn *mine, const void *user)
{
    return has_all(a, b, mine, user) && has_all(b, a, mine, user);
}

/* Copies of the selected lines of from. */
static int copy_mine(struct device_conf *out, const struct device_conf *from, device_conf_mine_fn *mine, const void *user)
{
    int r = 0;

    for (size_t i = 0; i < from->n_entries && r == 0; i++) {
        const struct device_conf_entry *e = &from->entries[i];

        if (mine(user, e->name))
            r = entry_add(out, (struct ag_span){e->name, strlen(e->name)}, (struct ag_span){e->value, strlen(e->value)}, e->line);
    }
    return r;
}

/* The other lines stay where they are: their values are in use. */
int device_conf_replace(struct device_conf *c, const struct device_conf *from, device_conf_mine_fn *mine, const void *user)
{
    struct device_conf fresh = {0};
    size_t n = 0;
    int r = copy_mine(&fresh, from, mine, user);

    if (r < 0 || AG_GROW(c->entries, c->entries_cap, c->n_entries + fresh.n_entries) < 0) {
        device_conf_deinit(&fresh);
        return -ENOMEM;
    }
    for (size_t i = 0; i < c->n_entries; i++) {
        if (mine(user, c->entries[i].name))
            entry_free(&c->entries[i]);
        else
            c->entries[n++] = c->entries[i];
    }
    if (fresh.n_entries > 0)
        memcpy(c->entries + n, fresh.entries, fresh.n_entries * sizeof *fresh.entries);
    c->n_entries = n + fresh.n_entries;
    free(fresh.entries);
    return 0;
}

unsigned device_conf_line(const struct device_conf *c, const char *name)
{
    const struct device_conf_entry *e = entry_find(c, name);

    return e ? e->line : 0;
}

int device_conf_get_int(const struct device_conf *c, const char *name, long min, long max, long fallback, long *out,
                        struct device_conf_error *err)
{
    const struct device_conf_entry *e = entry_find(c, name);
    char *end;
    long v;

    if (!e) {
        *out = fallback;
        return 0;
    }
    errno = 0;
    v = strtol(e->value, &end, 10);
    if (errno != 0 || end == e->value || *end || isspace((unsigned char) e->value[0]) || v < min || v > max)
        return refuse(err, e->line, "%s must be a number from %ld to %ld", name, min, max);
    *out = v;
    return 0;
}

void device_conf_nth(const struct device_conf *c, size_t i, const char **name_out, const char **value_out)
{
    *name_out = c->entries[i].name;
    *value_out = c->entries[i].value;
}
