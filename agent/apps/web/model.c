/* SPDX-License-Identifier: MIT */
/* The model as the page wants it: one list of properties and one of actions, numbers instead of URNs. */
#include <agent/model.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "agent/apps/web/api.h"
#include "libagent/core/log/log.h"

static int put_string(struct ag_buf *out, const char *name, const char *text)
{
    int r = ag_buf_printf(out, ",\"%s\":", name);

    return r == 0 ? ag_buf_append_json_str(out, text, strlen(text)) : r;
}

static int put_choices(struct ag_buf *out, const agent_model *m, const struct agent_part_info *p)
{
    int r = ag_buf_append_str(out, ",\"choices\":[");

    for (unsigned i = 0; r == 0 && i < p->n_choices; i++) {
        const char *text = "";
        double value = 0;

        if (agent_model_choice(m, p->path, i, &value, &text) < 0)
            continue;
        r = ag_buf_printf(out, "%s[%.10g,", i ? "," : "", value);
        if (r == 0)
            r = ag_buf_append_json_str(out, text, strlen(text));
        if (r == 0)
            r = ag_buf_append_char(out, ']');
    }
    return r == 0 ? ag_buf_append_char(out, ']') : r;
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

static int put_property(struct ag_buf *out, const agent_model *m, const struct agent_part_info *p)
{
    int r = ag_buf_printf(out, "{\"siid\":%u,\"iid\":%u,\"kind\":\"%s\",\"read\":%s,\"write\":%s", p->siid, p->iid,
                          kind_of(p->format), p->readable ? "true" : "false", p->writable ? "true" : "false");

    if (r == 0)
        r = put_string(out, "path", p->path);
    if (r == 0)
        r = put_string(out, "text", p->description);
    if (r == 0)
        r = put_string(out, "unit", p->unit);
    if (r == 0 && p->has_range)
        r = ag_buf_printf(out, ",\"range\":[%.10g,%.10g,%.10g]", p->min, p->max, p->step);
    if (r == 0 && p->n_choices > 0)
        r = put_choices(out, m, p);
    return r == 0 ? ag_buf_append_char(out, '}') : r;
}

static int put_action(struct ag_buf *out, const struct agent_part_info *p)
{
    int r = ag_buf_printf(out, "{\"siid\":%u,\"iid\":%u,\"inputs\":%u", p->siid, p->iid, p->n_in);

    if (r == 0)
        r = put_string(out, "path", p->path);
    if (r == 0)
        r = put_string(out, "text", p->description);
    return r == 0 ? ag_buf_append_char(out, '}') : r;
}

static int put_parts(struct ag_buf *out, const agent_model *m, enum agent_part part)
{
    struct agent_part_info p;
    int r = ag_buf_append_char(out, '[');

    for (size_t i = 0; r == 0 && i < agent_model_count(m, part); i++) {
        r = i ? ag_buf_append_char(out, ',') : 0;
        if (r == 0 && agent_model_part(m, part, i, &p) >= 0)
            r = part == AGENT_PART_PROPERTY ? put_property(out, m, &p) : put_action(out, &p);
    }
    return r == 0 ? ag_buf_append_char(out, ']') : r;
}

static int put_model(struct ag_buf *out, const agent_model *m)
{
    int r = ag_buf_append_str(out, "{\"type\":");

    if (r == 0)
        r = ag_buf_append_json_str(out, agent_model_type(m), strlen(agent_model_type(m)));
    if (r == 0)
        r = ag_buf_append_str(out, ",\"properties\":");
    if (r == 0)
        r = put_parts(out, m, AGENT_PART_PROPERTY);
    if (r == 0)
        r = ag_buf_append_str(out, ",\"actions\":");
    if (r == 0)
        r = put_parts(out, m, AGENT_PART_ACTION);
    return r == 0 ? ag_buf_append_char(out, '}') : r;
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
