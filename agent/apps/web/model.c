/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/model.h"

#include <agent/model.h>
#include <string.h>
#include "libagent/core/json/json_out.h"
#include "libagent/core/log/log.h"

static void put_string(struct ag_json_out *o, const char *name, const char *text)
{
    ag_json_out_name(o, name);
    ag_json_out_str(o, text);
}

static void put_number(struct ag_json_out *o, const char *name, unsigned n)
{
    ag_json_out_name(o, name);
    ag_json_out_printf(o, "%u", n);
}

static void put_choices(struct ag_json_out *o, const agent_model *m, const struct agent_part_info *p)
{
    ag_json_out_name(o, "choices");
    ag_json_out_open(o, '[');
    for (unsigned i = 0; i < p->n_choices; i++) {
        const char *text = "";
        double value = 0;

        if (agent_model_choice(m, p->path, i, &value, &text) < 0)
            continue;
        ag_json_out_open(o, '[');
        ag_json_out_printf(o, "%.10g", value);
        ag_json_out_str(o, text);
        ag_json_out_close(o, ']');
    }
    ag_json_out_close(o, ']');
}

static const char *kind_of(enum agent_format f)
{
    switch (f) {
    case AGENT_FORMAT_BOOL:
        return "bool";
    case AGENT_FORMAT_STRING:
    case AGENT_FORMAT_HEX:
        return "string";
    case AGENT_FORMAT_NONE:
        return "json";
    case AGENT_FORMAT_FLOAT:
        return "float";
    default:
        return "int";
    }
}

static void put_property(struct ag_json_out *o, const agent_model *m, const struct agent_part_info *p)
{
    put_number(o, "siid", p->siid);
    put_number(o, "iid", p->iid);
    put_string(o, "kind", kind_of(p->format));
    ag_json_out_name(o, "read");
    ag_json_out_bool(o, p->readable);
    ag_json_out_name(o, "write");
    ag_json_out_bool(o, p->writable);
    put_string(o, "path", p->path);
    put_string(o, "text", p->description);
    put_string(o, "unit", p->unit);
    if (p->has_range) {
        ag_json_out_name(o, "range");
        ag_json_out_printf(o, "[%.10g,%.10g,%.10g]", p->min, p->max, p->step);
    }
    if (p->n_choices > 0)
        put_choices(o, m, p);
}

static void put_action(struct ag_json_out *o, const struct agent_part_info *p)
{
    put_number(o, "siid", p->siid);
    put_number(o, "iid", p->iid);
    put_number(o, "inputs", p->n_in);
    put_string(o, "path", p->path);
    put_string(o, "text", p->description);
}

static void put_parts(struct ag_json_out *o, const agent_model *m, enum agent_part part)
{
    struct agent_part_info p;

    ag_json_out_open(o, '[');
    for (size_t i = 0; i < agent_model_count(m, part); i++) {
        if (agent_model_part(m, part, i, &p) < 0)
            continue;
        ag_json_out_open(o, '{');
        if (part == AGENT_PART_PROPERTY)
            put_property(o, m, &p);
        else
            put_action(o, &p);
        ag_json_out_close(o, '}');
    }
    ag_json_out_close(o, ']');
}

static int put_model(struct ag_buf *out, const agent_model *m)
{
    struct ag_json_out o = ag_json_out_begin(out);

    ag_json_out_open(&o, '{');
    put_string(&o, "type", agent_model_type(m));
    ag_json_out_name(&o, "properties");
    put_parts(&o, m, AGENT_PART_PROPERTY);
    ag_json_out_name(&o, "actions");
    put_parts(&o, m, AGENT_PART_ACTION);
    ag_json_out_close(&o, '}');
    return ag_json_out_end(&o);
}

int web_model_print(const char *path, struct ag_buf *out)
{
    struct agent_model_error why;
    agent_model *m = NULL;
    int r = agent_model_load(&m, path, &why);

    if (r < 0) {
        ag_log(AG_LOG_ERROR, "%s:%u: %s", path, why.line, why.why);
        return r;
    }
    r = put_model(out, m);
    agent_model_unref(m);
    return r;
}
