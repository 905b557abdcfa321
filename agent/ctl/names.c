/* SPDX-License-Identifier: MIT */
#include "agent/ctl/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/core/buf.h"
#include "libagent/core/json/json_walk.h"
#include "libagent/model/core/value.h"

enum { NAMES_SHOWN_MAX = 8 };

/* ---- the file ---- */

static int read_file(const char *path, struct ag_buf *out)
{
    FILE *f = fopen(path, "rbe");
    int r = f ? 0 : -errno;
    size_t n = 1;

    while (r == 0 && n > 0 && ag_buf_size(out) <= MODEL_TEXT_MAX) {
        if (ag_buf_reserve(out, 65536) < 0) {
            r = -ENOMEM;
            break;
        }
        n = fread(out->data + out->len, 1, 65536, f);
        out->len += n;
        if (ferror(f))
            r = -errno;
    }
    if (f)
        fclose(f);
    return r;
}

struct model *names_load(const char *path)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct model *m = calloc(1, sizeof *m);
    struct model_error error = {0, ""};
    int r = m ? read_file(path, &text) : -ENOMEM;

    if (r == 0)
        r = ag_model_parse(m, ag_buf_span(&text), &error);
    if (r == 0)
        return m;
    if (error.why[0] && error.line)
        ctl_error("%s:%u: %s", path, error.line, error.why);
    else
        ctl_error("%s: %s", path, error.why[0] ? error.why : strerror(-r));
    free(m);
    return NULL;
}

void names_free(struct model *m)
{
    if (m)
        ag_model_deinit(m);
    free(m);
}

int names_need(const struct ctl *ctl)
{
    if (ctl->model)
        return CTL_OK;
    ctl_error("--model FILE is needed: the MIoT-Spec instance of the device ($MIIO_MODEL does as well)");
    return CTL_USAGE;
}

/* ---- names behind a text ---- */

static bool number_of(struct ag_json_value object, const char *name, unsigned *out)
{
    struct ag_json_value v = ag_json_member(object, name);
    uint64_t n;

    if (v.type != AG_JSON_NUMBER || !ag_span_uint(v.raw, MODEL_IID_MAX, &n))
        return false;
    *out = (unsigned) n;
    return true;
}

/* NULL: the model has no such part, or the object names none. */
static const char *path_of(const struct model *m, struct ag_json_value object)
{
    const struct model_prop *p = NULL;
    const struct model_call *c = NULL;
    unsigned siid, iid;

    if (object.type != AG_JSON_OBJECT || !number_of(object, "siid", &siid))
        return NULL;
    if (number_of(object, "piid", &iid))
        p = ag_model_find_prop(m, siid, iid);
    else if (number_of(object, "aiid", &iid))
        c = ag_model_find_action(m, siid, iid);
    else if (number_of(object, "eiid", &iid))
        c = ag_model_find_event(m, siid, iid);
    return p ? model_str(m, p->path) : c ? model_str(m, c->path) : NULL;
}

static void print_paths(const struct ctl *ctl, struct ag_json_value v)
{
    struct ag_json_walk w;
    struct ag_json_value entry;
    struct ag_span key;
    const char *path;
    unsigned n = 0;

    if (v.type == AG_JSON_OBJECT && (path = path_of(ctl->model, v)))
        printf("  %s%s%s", ctl_dim(ctl), path, ctl_plain(ctl));
    if (v.type != AG_JSON_ARRAY)
        return;
    for (ag_json_walk_begin(&w, v); n <= NAMES_SHOWN_MAX && ag_json_walk_next(&w, &key, &entry);) {
        path = path_of(ctl->model, entry);
        if (!path)
            continue;
        printf("%s%s%s%s", n ? " " : "  ", ctl_dim(ctl), n == NAMES_SHOWN_MAX ? "..." : path, ctl_plain(ctl));
        n++;
    }
}

void names_print_behind(const struct ctl *ctl, const char *text)
{
    struct ag_json_value whole = ag_json_value_at(text, text + strlen(text)), v;

    if (!ctl->model || whole.type != AG_JSON_OBJECT)
        return;
    v = ag_json_member(whole, "params");
    print_paths(ctl, v.type == AG_JSON_NONE ? ag_json_member(whole, "result") : v);
}

/* ---- values ---- */

void names_print_value(const struct ctl *ctl, const struct model_prop *p, struct ag_span raw)
{
    struct model_value v;

    printf("%.*s", (int) raw.len, raw.p);
    if (ag_model_check(ctl->model, p, raw, &v) != MODEL_FINE)
        return;
    for (uint32_t i = 0; i < p->n_choices; i++) {
        const struct model_choice *c = &ctl->model->choices[p->first_choice + i];

        if (c->value == v.units && model_str(ctl->model, c->description)[0])
            printf(" %s%s%s", ctl_dim(ctl), model_str(ctl->model, c->description), ctl_plain(ctl));
    }
    if (p->n_choices == 0 && model_str(ctl->model, p->unit)[0])
        printf(" %s%s%s", ctl_dim(ctl), model_str(ctl->model, p->unit), ctl_plain(ctl));
}
