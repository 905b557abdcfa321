/* SPDX-License-Identifier: MIT */
#include "libagent/gen/emit.h"

#include <inttypes.h>
#include "libagent/gen/types.h"
#include "libagent/model/core/number.h"

/* A first value that the model allows. */
static void put_default(struct writer *w, const struct names *n, const struct model_prop *p)
{
    char text[MODEL_NUMBER_TEXT], prefix[GEN_NAME_MAX], name[GEN_NAME_MAX];
    int64_t units = p->n_choices > 0 ? n->m->choices[p->first_choice].value : p->min > 0 ? p->min : p->max < 0 ? p->max : 0;

    if (p->has_range && p->n_choices == 0)
        units = p->min; /* 0 may be between two steps */
    if (p->format == MODEL_BOOL) {
        put(w, "false");
    } else if (type_is_enum(n->m, p)) {
        names_upper(n->prefix, prefix);
        names_upper(n->props[p - n->m->props], name);
        put(w, "%s_%s_%s", prefix, name, n->choices[p->first_choice]);
    } else if (p->format >= MODEL_STRING) {
        put(w, p->format == MODEL_ANY ? "\"null\"" : "\"\"");
    } else if (units == INT64_MIN) {
        put(w, "INT64_MIN");
    } else {
        ag_model_number_write(units, p->scale, text);
        put(w, "%s%s", text,
            p->format == MODEL_FLOAT || (units <= INT32_MAX && units >= -INT32_MAX) ? ""
            : units > INT32_MAX && units <= UINT32_MAX                              ? "u"
                                                                                    : "LL");
    }
}

static void put_setter_stub(struct writer *w, const struct names *n, uint32_t i)
{
    put(w, "/* ");
    put_comment(w, model_str(n->m, n->m->props[i].path));
    put(w, " */\nstatic int set_%s(struct %s_device *device, ", n->props[i], n->prefix);
    put_type(w, n, &n->m->props[i]);
    put(w,
        "value, void *user)\n{\n    (void) device;\n    (void) value;\n    (void) user;\n    printf(\"set %%s\\n\", \"%s\");\n"
        "    return 0; /* done: the device keeps the value and reports it */\n}\n\n",
        n->props[i]);
}

static void put_action_stub(struct writer *w, const struct names *n, uint32_t i)
{
    const struct model_call *a = &n->m->actions[i];

    put(w, "/* ");
    put_comment(w, model_str(n->m, a->path));
    put(w, " */\nstatic int do_%s(struct %s_device *device", n->actions[i], n->prefix);
    put_inputs(w, n, a->first_in, a->n_in);
    put(w, ", void *user)\n{\n    (void) device;\n");
    for (uint32_t arg = 0; arg < a->n_in; arg++)
        put(w, "    (void) in%" PRIu32 "_%s;\n", arg + 1, n->props[n->m->args[a->first_in + arg]]);
    put(w, "    (void) user;\n    printf(\"do %%s\\n\", \"%s\");\n    return 0;\n}\n\n", n->actions[i]);
}

void emit_app(struct writer *w, const struct names *n)
{
    const struct model *m = n->m;
    const char *p = n->prefix;

    put(w,
        "/*\n * The application of the device, yours to change: miio_gen writes it once and leaves it alone from then on.\n *\n"
        " *     cc %s.c %s_model.c $(pkg-config --cflags --libs libagentmodel)\n */\n#include \"%s_model.h\"\n\n#include <stdio.h>\n\n",
        p, p, p);
    for (uint32_t i = 0; i < m->n_props; i++)
        if (part_is_writable(&m->props[i]))
            put_setter_stub(w, n, i);
    for (uint32_t i = 0; i < m->n_actions; i++)
        put_action_stub(w, n, i);
    put(w,
        "/* What the device holds when it starts. */\nstatic int set_first_values(struct %s_device *device)\n{\n    int r = 0;\n\n",
        p);
    for (uint32_t i = 0; i < m->n_props; i++) {
        if (!part_is_told(m, &m->props[i]) || part_is_platform(m, &m->props[i]))
            continue;
        put(w, "    if (r >= 0)\n        r = %s_set_%s(device, ", p, n->props[i]);
        put_default(w, n, &m->props[i]);
        put(w, ");\n");
    }
    put(w,
        "    (void) device;\n    return r;\n}\n\nstatic void on_log(enum agent_log_level level, const char *text, void *user)\n{\n"
        "    (void) level;\n    (void) user;\n    fprintf(stderr, \"%s: %%s\\n\", text);\n}\n\n",
        p);
    put(w, "int main(void)\n{\n    static const struct %s_handlers handlers = {\n", p);
    for (uint32_t i = 0; i < m->n_props; i++)
        if (part_is_writable(&m->props[i]))
            put(w, "        .set_%s = set_%s,\n", n->props[i], n->props[i]);
    for (uint32_t i = 0; i < m->n_actions; i++)
        put(w, "        .do_%s = do_%s,\n", n->actions[i], n->actions[i]);
    put(w,
        "        .reserved = NULL,\n    };\n    struct %s_device *device = NULL;\n    agent_conn *conn = NULL;\n    int r = agent_new(&conn);\n\n"
        "    if (r >= 0)\n        r = agent_set_log(conn, on_log, AGENT_LOG_WARNING, NULL);\n"
        "    if (r >= 0)\n        r = %s_new(&device, conn, &handlers, NULL);\n    if (r >= 0)\n        r = set_first_values(device);\n"
        "    if (r >= 0)\n        r = agent_open(conn, NULL);\n    if (r >= 0)\n        r = agent_run(conn);\n    if (r < 0)\n"
        "        fprintf(stderr, \"%s: %%s\\n\", agent_strerror(r));\n    %s_free(device);\n    agent_unref(conn);\n    return r < 0;\n}\n",
        p, p, p, p);
}

/* ---- the test ---- */

static void put_round_trip(struct writer *w, const struct names *n, uint32_t i)
{
    const struct model_prop *p = &n->m->props[i];
    bool text = p->format >= MODEL_STRING;

    put(w, "    {\n        ");
    put_type(w, n, p);
    put(w, "got;\n\n        assert(%s_set_%s(device, ", n->prefix, n->props[i]);
    put_default(w, n, p);
    put(w, ") >= 0);\n        assert(%s_get_%s(device, &got) == 0);\n        assert(", n->prefix, n->props[i]);
    put(w, text ? "strcmp(got, " : p->format == MODEL_FLOAT ? "!(got < " : "got == ");
    put_default(w, n, p);
    if (p->format == MODEL_FLOAT) {
        put(w, ") && !(got > ");
        put_default(w, n, p);
    }
    put(w, text ? ") == 0);\n" : p->format == MODEL_FLOAT ? "));\n" : ");\n");
    put(w, "    }\n");
}

void emit_test(struct writer *w, const struct names *n)
{
    const struct model *m = n->m;
    const char *p = n->prefix;

    put(w,
        GEN_LICENSE
        "/*\n * Made by miio_gen; it will be overwritten when it is made again. Every property takes a value of the model and gives it back; needs no agent.\n *\n"
        " *     cc test_%s.c %s_model.c $(pkg-config --cflags --libs libagentmodel) && ./a.out\n */\n#undef NDEBUG\n#include \"%s_model.h\"\n\n"
        "#include <assert.h>\n#include <stdio.h>\n#include <string.h>\n\nint main(void)\n{\n    struct %s_device *device = NULL;\n    agent_conn *conn = NULL;\n\n"
        "    assert(agent_new(&conn) == 0);\n    assert(%s_new(&device, conn, NULL, NULL) == 0);\n",
        p, p, p, p, p);
    for (uint32_t i = 0; i < m->n_props; i++)
        if (part_is_told(m, &m->props[i]))
            put_round_trip(w, n, i);
    put(w,
        "    assert(strlen(agent_model_type(agent_device_model(%s_agent_device(device)))) > 0);\n    %s_free(device);\n    agent_unref(conn);\n"
        "    puts(\"ok\");\n    return 0;\n}\n",
        p, p);
}
