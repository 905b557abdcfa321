/* SPDX-License-Identifier: MIT */
#include "libagent/gen/emit.h"

#include <inttypes.h>
#include <stdio.h>
#include "libagent/gen/types.h"

enum { LITERAL_LINE = 96, LITERAL_MAX = 4000 }; /* C promises room for 4095 bytes in a literal */

static void put_path(struct writer *w, const struct names *n, const struct model_prop *p)
{
    put(w, "\"%u.%u\"", model_prop_siid(n->m, p), p->iid);
}

/* The instance as pieces that any compiler takes. */
static void put_instance(struct writer *w, struct ag_span s)
{
    put(w, "static const char *const pieces[] = {\n");
    for (size_t piece = 0; piece < s.len; piece += LITERAL_MAX) {
        size_t end = piece + LITERAL_MAX < s.len ? piece + LITERAL_MAX : s.len;

        for (size_t at = piece; at < end; at += LITERAL_LINE) {
            put(w, "    ");
            put_literal(w, s.p + at, at + LITERAL_LINE < end ? LITERAL_LINE : end - at);
            put(w, "%s\n", at + LITERAL_LINE < end ? "" : ",");
        }
    }
    put(w, "};\n\n");
    put(w,
        "static int parse(agent_model **ret)\n{\n    size_t n = 0, at = 0, i;\n    char *text;\n    int r;\n\n"
        "    for (i = 0; i < sizeof pieces / sizeof pieces[0]; i++)\n        n += strlen(pieces[i]);\n"
        "    text = (char *) malloc(n + 1);\n    if (!text)\n        return -ENOMEM;\n"
        "    for (i = 0; i < sizeof pieces / sizeof pieces[0]; at += strlen(pieces[i++]))\n        strcpy(text + at, pieces[i]);\n"
        "    r = agent_model_parse(ret, text, n, NULL);\n    free(text);\n    return r;\n}\n\n");
}

static void put_set_handler(struct writer *w, const struct names *n, uint32_t i)
{
    put(w,
        "static int on_set_%s(agent_device *agent, const struct agent_asked *asked, const struct agent_value *value, void *user)\n{\n"
        "    struct %s_device *device = (struct %s_device *) user;\n\n    (void) agent;\n    (void) asked;\n"
        "    return device->handlers.set_%s(device, ",
        n->props[i], n->prefix, n->prefix, n->props[i]);
    put_from_value(w, n, &n->m->props[i], "value");
    put(w, ", device->user);\n}\n\n");
}

static void put_action_handler(struct writer *w, const struct names *n, uint32_t i)
{
    const struct model_call *a = &n->m->actions[i];
    char value[24];

    put(w,
        "static int on_do_%s(agent_device *agent, const struct agent_asked *asked, const struct agent_value *in, size_t n_in, void *user)\n{\n"
        "    struct %s_device *device = (struct %s_device *) user;\n\n    (void) agent;\n    (void) asked;\n    (void) in;\n    (void) n_in;\n"
        "    return device->handlers.do_%s(device",
        n->actions[i], n->prefix, n->prefix, n->actions[i]);
    for (uint32_t arg = 0; arg < a->n_in; arg++) {
        snprintf(value, sizeof value, "(&in[%" PRIu32 "])", arg);
        put(w, ", ");
        put_from_value(w, n, &n->m->props[n->m->args[a->first_in + arg]], value);
    }
    put(w, ", device->user);\n}\n\n");
}

static void put_install(struct writer *w, const struct names *n)
{
    const struct model *m = n->m;

    put(w, "static int install(struct %s_device *device)\n{\n    int r = 0;\n\n    (void) device;\n", n->prefix);
    for (uint32_t i = 0; i < m->n_props; i++) {
        if (!part_is_writable(&m->props[i]))
            continue;
        put(w, "    if (r == 0 && device->handlers.set_%s)\n        r = agent_device_on_set(device->agent, ", n->props[i]);
        put_path(w, n, &m->props[i]);
        put(w, ", on_set_%s, device);\n", n->props[i]);
    }
    for (uint32_t i = 0; i < m->n_actions; i++)
        put(w,
            "    if (r == 0 && device->handlers.do_%s)\n        r = agent_device_on_action(device->agent, \"%u.%u\", on_do_%s, device);\n",
            n->actions[i], model_call_siid(m, &m->actions[i]), m->actions[i].iid, n->actions[i]);
    put(w, "    return r;\n}\n\n");
}

static void put_life(struct writer *w, const struct names *n)
{
    const char *p = n->prefix;

    put(w,
        "int %s_new(struct %s_device **ret, agent_conn *conn, const struct %s_handlers *handlers, void *user)\n{\n"
        "    struct %s_device *device;\n    agent_model *model = NULL;\n    int r;\n\n    if (!ret || !conn)\n        return -EINVAL;\n"
        "    device = (struct %s_device *) calloc(1, sizeof *device);\n    if (!device)\n        return -ENOMEM;\n"
        "    if (handlers)\n        device->handlers = *handlers;\n    device->user = user;\n    r = parse(&model);\n    if (r >= 0)\n"
        "        r = agent_device_new(&device->agent, conn, model);\n    agent_model_unref(model);\n    if (r >= 0)\n        r = install(device);\n"
        "    if (r < 0)\n        device = %s_free(device);\n    else\n        *ret = device;\n    return r;\n}\n\n",
        p, p, p, p, p, p);
    put(w,
        "struct %s_device *%s_free(struct %s_device *device)\n{\n    if (device)\n        agent_device_free(device->agent);\n    free(device);\n"
        "    return NULL;\n}\n\nagent_device *%s_agent_device(struct %s_device *device)\n{\n    return device ? device->agent : NULL;\n}\n\n",
        p, p, p, p, p);
}

static void put_property(struct writer *w, const struct names *n, uint32_t i)
{
    const struct model_prop *p = &n->m->props[i];

    put(w, "int %s_set_%s(struct %s_device *device, ", n->prefix, n->props[i], n->prefix);
    put_type(w, n, p);
    put(w, "value)\n{\n    return device ? agent_device_set_%s(device->agent, ", type_setter(p));
    put_path(w, n, p);
    put(w, ", %svalue) : -EINVAL;\n}\n\n", type_is_enum(n->m, p) ? "(int64_t) " : type_cast(p));
    put(w, "int %s_get_%s(struct %s_device *device, ", n->prefix, n->props[i], n->prefix);
    put_type(w, n, p);
    put(w,
        "*ret)\n{\n    struct agent_value held, *value = &held;\n    int r = device && ret ? agent_device_get(device->agent, ");
    put_path(w, n, p);
    put(w, ", value) : -EINVAL;\n\n    if (r == 0)\n        *ret = ");
    put_from_value(w, n, p, "value");
    put(w, ";\n    return r;\n}\n\n");
}

static void put_event(struct writer *w, const struct names *n, uint32_t i)
{
    const struct model_call *e = &n->m->events[i];

    put(w, "int %s_event_%s(struct %s_device *device", n->prefix, n->events[i], n->prefix);
    put_inputs(w, n, e->first_out, e->n_out);
    put(w, ")\n{\n    int r = device ? 0 : -EINVAL;\n\n");
    for (uint32_t a = 0; a < e->n_out; a++) {
        uint32_t prop = n->m->args[e->first_out + a];

        put(w, "    if (r >= 0)\n        r = %s_set_%s(device, in%" PRIu32 "_%s);\n", n->prefix, n->props[prop], a + 1,
            n->props[prop]);
    }
    put(w, "    return r < 0 ? r : agent_device_event(device->agent, \"%u.%u\", NULL, NULL);\n}\n\n", model_call_siid(n->m, e),
        e->iid);
}

void emit_glue(struct writer *w, const struct names *n, struct ag_span instance)
{
    const struct model *m = n->m;

    put(w,
        GEN_LICENSE
        "/* Made by miio_gen; it will be overwritten when it is made again. */\n#include \"%s_model.h\"\n\n#include <errno.h>\n#include <stdlib.h>\n"
        "#include <string.h>\n\nstruct %s_device {\n    agent_device *agent;\n    struct %s_handlers handlers;\n    void *user;\n};\n\n",
        n->prefix, n->prefix, n->prefix);
    put_instance(w, instance);
    for (uint32_t i = 0; i < m->n_props; i++)
        if (part_is_writable(&m->props[i]))
            put_set_handler(w, n, i);
    for (uint32_t i = 0; i < m->n_actions; i++)
        put_action_handler(w, n, i);
    put_install(w, n);
    put_life(w, n);
    for (uint32_t i = 0; i < m->n_props; i++)
        if (part_is_told(m, &m->props[i]))
            put_property(w, n, i);
    for (uint32_t i = 0; i < m->n_events; i++)
        put_event(w, n, i);
    /* the file ends with one line end */
    if (!w->error && ag_buf_size(&w->text) > 1)
        w->text.len--;
}
