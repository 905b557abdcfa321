/* SPDX-License-Identifier: MIT */
#include "libagent/model/core/name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- URN ---- */

/* The part up to the next colon, which is passed over. */
static struct ag_span part(const char **p)
{
    struct ag_span s = {*p, strcspn(*p, ":")};

    *p += s.len + ((*p)[s.len] == ':');
    return s;
}

static bool is_hex8(struct ag_span s)
{
    return s.len == 8 && strspn(s.p, "0123456789abcdefABCDEF") >= 8;
}

/* A name becomes part of paths, topics and code: no white space, no control characters, and nothing that paths are made with. */
static bool is_name(struct ag_span s)
{
    if (s.len == 0 || s.len > MODEL_NAME_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char) s.p[i] <= ' ' || s.p[i] == 0x7f || strchr("@/\\\"'", s.p[i]))
            return false;
    return true;
}

const char *ag_model_urn_read(struct model_urn *out, const char *urn, const char *kind)
{
    const char *p = urn;

    if (!ag_span_eq(part(&p), "urn"))
        return "is not a URN";
    if (part(&p).len == 0)
        return "has no namespace";
    if (!ag_span_is(part(&p), kind, strlen(kind)))
        return "is of another kind";
    out->name = part(&p);
    if (!is_name(out->name))
        return "has no usable name";
    if (!is_hex8(part(&p)))
        return "lacks its eight hex digits";
    out->model = part(&p);
    return NULL;
}

/* ---- paths ---- */

struct namer {
    const struct model *m;
    struct ag_buf *text;
};

static const char *str(const struct namer *n, model_text t)
{
    return n->text->data + t;
}

static bool is_first_service(const struct namer *n, uint32_t service)
{
    const struct model_service *s = &n->m->services[service];

    for (uint32_t i = 0; i < n->m->n_services; i++)
        if (n->m->services[i].siid < s->siid && strcmp(str(n, n->m->services[i].name), str(n, s->name)) == 0)
            return false;
    return true;
}

/* Appends the path and its NUL. first: the first of its name in its service. */
static int put_path(const struct namer *n, const struct model_part *of, bool first, model_text *out)
{
    const struct model_service *s = &n->m->services[of->service];
    char siid[8] = "", iid[8] = "";
    size_t a = strlen(str(n, s->name)), b = strlen(str(n, of->name)), start = n->text->len;

    if (!is_first_service(n, of->service))
        snprintf(siid, sizeof siid, "@%u", s->siid);
    if (!first)
        snprintf(iid, sizeof iid, "@%u", of->iid);
    if (ag_buf_reserve(n->text, a + b + sizeof siid + sizeof iid + 2) < 0)
        return -ENOMEM;
    ag_buf_append_str(n->text, str(n, s->name)); /* there is room for all of it, so no name moves meanwhile */
    ag_buf_append_str(n->text, siid);
    ag_buf_append_char(n->text, '.');
    ag_buf_append_str(n->text, str(n, of->name));
    ag_buf_append_str(n->text, iid);
    ag_buf_append_char(n->text, '\0');
    *out = (model_text) start;
    return 0;
}

/* "2.3"; a name that looks like that would hide the number. */
static bool is_numeric_path(const char *s)
{
    size_t a = strspn(s, "0123456789");

    return a > 0 && s[a] == '.' && s[a + 1] && strspn(s + a + 1, "0123456789") == strlen(s + a + 1);
}

static struct model_part *part_at(void *parts, size_t size, size_t i)
{
    return (struct model_part *) (void *) ((char *) parts + i * size);
}

/* Dots in names can make two paths equal: the later one is known by its number only. */
static int settle_path(const struct namer *n, struct model_part *of, void *parts, size_t size, uint32_t n_earlier)
{
    const char *got = str(n, of->path);
    bool clash = is_numeric_path(got);

    for (uint32_t i = 0; i < n_earlier && !clash; i++)
        clash = strcmp(str(n, part_at(parts, size, i)->path), got) == 0;
    if (!clash)
        return 0;
    n->text->len = of->path;
    if (ag_buf_reserve(n->text, 16) < 0)
        return -ENOMEM;
    n->text->len += (size_t) snprintf(n->text->data + of->path, 16, "%u.%u", n->m->services[of->service].siid, of->iid) + 1;
    return 0;
}

static int name_parts(const struct namer *n, void *parts, size_t size, uint32_t n_parts)
{
    int e = 0;

    for (uint32_t i = 0; e == 0 && i < n_parts; i++) {
        struct model_part *of = part_at(parts, size, i);
        bool first = true;

        for (uint32_t j = i; j > 0 && part_at(parts, size, j - 1)->service == of->service && first; j--)
            first = strcmp(str(n, part_at(parts, size, j - 1)->name), str(n, of->name)) != 0;
        e = put_path(n, of, first, &of->path);
        if (e == 0)
            e = settle_path(n, of, parts, size, i);
    }
    return e;
}

int ag_model_name_all(struct model *m, struct ag_buf *text)
{
    struct namer n = {m, text};
    int e = name_parts(&n, m->props, sizeof *m->props, m->n_props);

    if (e == 0)
        e = name_parts(&n, m->actions, sizeof *m->actions, m->n_actions);
    return e == 0 ? name_parts(&n, m->events, sizeof *m->events, m->n_events) : e;
}

/* ---- finding ---- */

static const struct model_service *find_service(const struct model *m, unsigned siid)
{
    for (uint32_t i = 0; i < m->n_services; i++)
        if (m->services[i].siid == siid)
            return &m->services[i];
    return NULL;
}

/* iids ascend. */
static const void *find_part(const void *parts, size_t size, uint32_t first, uint32_t n, unsigned iid)
{
    while (n > 0) {
        const struct model_part *middle = part_at((void *) (uintptr_t) parts, size, first + n / 2);

        if (middle->iid == iid)
            return middle;
        if (middle->iid < iid) {
            first += n / 2 + 1;
            n -= n / 2 + 1;
        } else {
            n /= 2;
        }
    }
    return NULL;
}

const struct model_prop *ag_model_find_prop(const struct model *m, unsigned siid, unsigned piid)
{
    const struct model_service *s = find_service(m, siid);

    return s ? find_part(m->props, sizeof *m->props, s->first_prop, s->n_props, piid) : NULL;
}

const struct model_call *ag_model_find_action(const struct model *m, unsigned siid, unsigned aiid)
{
    const struct model_service *s = find_service(m, siid);

    return s ? find_part(m->actions, sizeof *m->actions, s->first_action, s->n_actions, aiid) : NULL;
}

const struct model_call *ag_model_find_event(const struct model *m, unsigned siid, unsigned eiid)
{
    const struct model_service *s = find_service(m, siid);

    return s ? find_part(m->events, sizeof *m->events, s->first_event, s->n_events, eiid) : NULL;
}

/* At most 65535, so at most five digits. */
static const char *read_number(const char *s, unsigned *out)
{
    const char *end = s + 5;

    for (*out = 0; s < end && *s >= '0' && *s <= '9'; s++)
        *out = *out * 10 + (unsigned) (*s - '0');
    return s;
}

static bool read_numeric(const char *name, unsigned *siid, unsigned *iid)
{
    const char *dot = read_number(name, siid), *end;

    if (dot == name || *dot != '.')
        return false;
    end = read_number(dot + 1, iid);
    return end > dot + 1 && *end == '\0';
}

static const void *name_part(const struct model *m, const void *parts, size_t size, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++) {
        const struct model_part *p = part_at((void *) (uintptr_t) parts, size, i);

        if (strcmp(model_str(m, p->path), name) == 0)
            return p;
    }
    return NULL;
}

const struct model_prop *ag_model_name_prop(const struct model *m, const char *name)
{
    unsigned siid, iid;

    return read_numeric(name, &siid, &iid) ? ag_model_find_prop(m, siid, iid)
                                           : name_part(m, m->props, sizeof *m->props, m->n_props, name);
}

const struct model_call *ag_model_name_action(const struct model *m, const char *name)
{
    unsigned siid, iid;

    return read_numeric(name, &siid, &iid) ? ag_model_find_action(m, siid, iid)
                                           : name_part(m, m->actions, sizeof *m->actions, m->n_actions, name);
}

const struct model_call *ag_model_name_event(const struct model *m, const char *name)
{
    unsigned siid, iid;

    return read_numeric(name, &siid, &iid) ? ag_model_find_event(m, siid, iid)
                                           : name_part(m, m->events, sizeof *m->events, m->n_events, name);
}
