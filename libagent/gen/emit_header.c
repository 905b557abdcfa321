/* SPDX-License-Identifier: MIT */
#include "libagent/gen/emit.h"

#include <inttypes.h>
#include "libagent/gen/types.h"
#include "libagent/model/core/number.h"

bool part_is_platform(const struct model *m, const struct model_prop *p)
{
    const struct model_service *s = &m->services[p->service];

    return s->siid == 1 && strcmp(model_str(m, s->name), "device-information") == 0;
}

static bool is_output(const struct model *m, const struct model_call *calls, uint32_t n, uint32_t prop)
{
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t a = 0; a < calls[i].n_out; a++)
            if (m->args[calls[i].first_out + a] == prop)
                return true;
    return false;
}

bool part_is_told(const struct model *m, const struct model_prop *p)
{
    uint32_t i = (uint32_t) (p - m->props);

    return (p->access & (MODEL_READ | MODEL_NOTIFY)) || is_output(m, m->actions, m->n_actions, i) ||
           is_output(m, m->events, m->n_events, i);
}

void put_inputs(struct writer *w, const struct names *n, uint32_t first, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        put(w, ", ");
        put_type(w, n, &n->m->props[n->m->args[first + i]]);
        put(w, "in%" PRIu32 "_%s", i + 1, n->props[n->m->args[first + i]]);
    }
}

/* ---- comments ---- */

static void put_limits(struct writer *w, const struct model_prop *p)
{
    char a[MODEL_NUMBER_TEXT], b[MODEL_NUMBER_TEXT], c[MODEL_NUMBER_TEXT];

    if (p->has_range) {
        ag_model_number_write(p->min, p->scale, a);
        ag_model_number_write(p->max, p->scale, b);
        ag_model_number_write(p->step, p->scale, c);
        put(w, ", %s to %s by %s", a, b, c);
    }
    if (p->max_len)
        put(w, ", at most %" PRIu32 " bytes", p->max_len);
}

static void put_about(struct writer *w, const struct names *n, const struct model_prop *p)
{
    const struct model *m = n->m;

    put(w, "/* %s (%u.%u): ", model_str(m, p->path), model_prop_siid(m, p), p->iid);
    put_comment(w, model_str(m, p->description));
    put(w, "; %s", ag_model_format_name((enum model_format) p->format));
    if (model_str(m, p->unit)[0]) {
        put(w, ", ");
        put_comment(w, model_str(m, p->unit));
    }
    put_limits(w, p);
    put(w, " */\n");
}

static void put_call_about(struct writer *w, const struct names *n, const struct model_call *c, const char *indent)
{
    put(w, "%s/* %s (%u.%u): ", indent, model_str(n->m, c->path), model_call_siid(n->m, c), c->iid);
    put_comment(w, model_str(n->m, c->description));
    put(w, " */\n");
}

/* ---- declarations ---- */

static void put_enum(struct writer *w, const struct names *n, const struct model_prop *p)
{
    char prefix[GEN_NAME_MAX], name[GEN_NAME_MAX];

    names_upper(n->prefix, prefix);
    names_upper(n->props[p - n->m->props], name);
    put(w, "enum %s_%s {\n", n->prefix, n->props[p - n->m->props]);
    for (uint32_t i = 0; i < p->n_choices; i++) {
        const struct model_choice *c = &n->m->choices[p->first_choice + i];

        put(w, "    %s_%s_%s = ", prefix, name, n->choices[p->first_choice + i]);
        if (c->value == INT32_MIN)
            put(w, "-2147483647 - 1");
        else
            put(w, "%" PRId64, c->value);
        put(w, "%s /* ", i + 1 < p->n_choices ? "," : "");
        put_comment(w, model_str(n->m, c->description));
        put(w, " */\n");
    }
    put(w, "};\n\n");
}

static void put_properties(struct writer *w, const struct names *n)
{
    for (uint32_t i = 0; i < n->m->n_props; i++) {
        const struct model_prop *p = &n->m->props[i];

        if (!part_is_told(n->m, p))
            continue;
        put_about(w, n, p);
        put(w, "int %s_set_%s(struct %s_device *device, ", n->prefix, n->props[i], n->prefix);
        put_type(w, n, p);
        put(w, "value);\nint %s_get_%s(struct %s_device *device, ", n->prefix, n->props[i], n->prefix);
        put_type(w, n, p);
        put(w, "*ret);\n\n");
    }
}

static void put_handlers(struct writer *w, const struct names *n)
{
    const struct model *m = n->m;

    put(w, "struct %s_handlers {\n", n->prefix);
    for (uint32_t i = 0; i < m->n_props; i++) {
        if (!part_is_writable(&m->props[i]))
            continue;
        put(w, "    /* ");
        put_comment(w, model_str(m, m->props[i].path));
        put(w, " */\n    int (*set_%s)(struct %s_device *device, ", n->props[i], n->prefix);
        put_type(w, n, &m->props[i]);
        put(w, "value, void *user);\n");
    }
    for (uint32_t i = 0; i < m->n_actions; i++) {
        put_call_about(w, n, &m->actions[i], "    ");
        put(w, "    int (*do_%s)(struct %s_device *device", n->actions[i], n->prefix);
        put_inputs(w, n, m->actions[i].first_in, m->actions[i].n_in);
        put(w, ", void *user);\n");
    }
    put(w, "    /* The rest of the struct may be left 0. */\n    void *reserved;\n};\n\n");
}

void emit_header(struct writer *w, const struct names *n)
{
    const struct model *m = n->m;
    char guard[GEN_NAME_MAX];

    names_upper(n->prefix, guard);
    put(w,
        GEN_LICENSE
        "/*\n * Made by miio_gen from a model of %s; it will be overwritten when it is made again.\n *\n"
        " * One setter and getter a property, one handler a writable property and action, one function an event. Setters return 1: it is\n"
        " * another value than before, and reported; 0: the same; negative: see agent/model.h. Getters return 0 or -ENODATA: nothing yet.\n"
        " * Handlers return 0: done; AGENT_MODEL_ACCEPTED: begun; negative: a code of agent/model.h. A string is borrowed for the call.\n */\n",
        n->prefix);
    put(w,
        "#ifndef %s_MODEL_H\n#define %s_MODEL_H\n\n#include <agent/model.h>\n#include <stdbool.h>\n#include <stdint.h>\n\n"
        "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\nstruct %s_device;\n\n",
        guard, guard, n->prefix);
    for (uint32_t i = 0; i < m->n_props; i++)
        if (type_is_enum(m, &m->props[i]))
            put_enum(w, n, &m->props[i]);
    put_handlers(w, n);
    put(w,
        "/* handlers is copied and may be NULL. 0, or what agent_model_parse() and agent_device_new() return. */\n"
        "int %s_new(struct %s_device **ret, agent_conn *conn, const struct %s_handlers *handlers, void *user);\n"
        "/* Returns NULL, takes NULL. */\nstruct %s_device *%s_free(struct %s_device *device);\n"
        "/* What is underneath, for what this header has not. */\nagent_device *%s_agent_device(struct %s_device *device);\n\n",
        n->prefix, n->prefix, n->prefix, n->prefix, n->prefix, n->prefix, n->prefix, n->prefix);
    put_properties(w, n);
    for (uint32_t i = 0; i < m->n_events; i++) {
        put_call_about(w, n, &m->events[i], "");
        put(w, "int %s_event_%s(struct %s_device *device", n->prefix, n->events[i], n->prefix);
        put_inputs(w, n, m->events[i].first_out, m->events[i].n_out);
        put(w, ");\n\n");
    }
    put(w, "#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}
