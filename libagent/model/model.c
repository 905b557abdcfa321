/* SPDX-License-Identifier: MIT */
#include "libagent/model/model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "libagent/core/buf.h"
#include "libagent/model/core/number.h"
#include "libagent/model/core/value.h"
#include "libagent/model/text.h"

static void say(struct agent_model_error *out, unsigned line, const char *why)
{
    if (!out)
        return;
    out->line = line;
    snprintf(out->why, sizeof out->why, "%s", why);
}

int agent_model_parse(agent_model **ret_model, const char *text, size_t n, struct agent_model_error *ret_error)
{
    struct agent_model *model;
    struct model_error error;
    int r;

    if (!ret_model || !text)
        return -EINVAL;
    model = calloc(1, sizeof *model);
    if (!model) {
        say(ret_error, 0, strerror(ENOMEM));
        return -ENOMEM;
    }
    model->refs = 1;
    r = ag_model_parse(&model->m, (struct ag_span){text, n}, &error);
    if (r < 0) {
        say(ret_error, error.line, r == -ENOMEM ? strerror(ENOMEM) : error.why);
        free(model);
        return r;
    }
    *ret_model = model;
    return 0;
}

static int read_all(int fd, struct ag_buf *out)
{
    ssize_t n;

    do {
        if (ag_buf_size(out) > MODEL_TEXT_MAX)
            return 0; /* the parser says so */
        if (ag_buf_reserve(out, 16384) < 0)
            return -ENOMEM;
        do
            n = read(fd, out->data + out->len, 16384);
        while (n < 0 && errno == EINTR);
        if (n < 0)
            return -errno;
        out->len += (size_t) n;
    } while (n > 0);
    return 0;
}

int agent_model_load(agent_model **ret_model, const char *path, struct agent_model_error *ret_error)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    int fd, r;

    if (!ret_model || !path)
        return -EINVAL;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        r = -errno;
    } else {
        r = read_all(fd, &text);
        close(fd);
    }
    if (r < 0) {
        say(ret_error, 0, strerror(-r));
        return r;
    }
    return agent_model_parse(ret_model, ag_buf_span(&text).p, ag_buf_size(&text), ret_error);
}

agent_model *agent_model_ref(agent_model *model)
{
    if (model)
        model->refs++;
    return model;
}

agent_model *agent_model_unref(agent_model *model)
{
    if (model && --model->refs == 0) {
        ag_model_deinit(&model->m);
        free(model);
    }
    return NULL;
}

void agent_model_unrefp(agent_model **model)
{
    if (model)
        *model = agent_model_unref(*model);
}

const char *agent_model_type(const agent_model *model)
{
    return model ? model_str(&model->m, model->m.type) : "";
}

const char *agent_model_name(const agent_model *model)
{
    return model ? model_str(&model->m, model->m.device_model) : "";
}

/* ---- parts ---- */

static void tell_prop(const struct model *m, const struct model_prop *p, struct agent_part_info *out)
{
    *out = (struct agent_part_info){.siid = model_prop_siid(m, p),
                                    .iid = p->iid,
                                    .path = model_str(m, p->path),
                                    .description = model_str(m, p->description),
                                    .format = (enum agent_format) p->format,
                                    .readable = (p->access & MODEL_READ) != 0,
                                    .writable = (p->access & MODEL_WRITE) != 0,
                                    .notifies = (p->access & MODEL_NOTIFY) != 0,
                                    .has_range = p->has_range,
                                    .n_choices = p->n_choices,
                                    .max_length = p->max_len,
                                    .unit = model_str(m, p->unit)};
    if (p->has_range) {
        out->min = ag_model_number_double(p->min, p->scale);
        out->max = ag_model_number_double(p->max, p->scale);
        out->step = ag_model_number_double(p->step, p->scale);
    }
}

static void tell_call(const struct model *m, const struct model_call *c, struct agent_part_info *out)
{
    *out = (struct agent_part_info){.siid = model_call_siid(m, c),
                                    .iid = c->iid,
                                    .path = model_str(m, c->path),
                                    .description = model_str(m, c->description),
                                    .format = AGENT_FORMAT_NONE,
                                    .unit = "",
                                    .n_in = c->n_in,
                                    .n_out = c->n_out};
}

size_t agent_model_count(const agent_model *model, enum agent_part part)
{
    if (!model)
        return 0;
    switch (part) {
    case AGENT_PART_PROPERTY:
        return model->m.n_props;
    case AGENT_PART_ACTION:
        return model->m.n_actions;
    case AGENT_PART_EVENT:
        return model->m.n_events;
    }
    return 0;
}

int agent_model_part(const agent_model *model, enum agent_part part, size_t index, struct agent_part_info *ret)
{
    if (!model || !ret)
        return -EINVAL;
    if (index >= agent_model_count(model, part))
        return -ENOENT;
    if (part == AGENT_PART_PROPERTY)
        tell_prop(&model->m, &model->m.props[index], ret);
    else
        tell_call(&model->m, part == AGENT_PART_ACTION ? &model->m.actions[index] : &model->m.events[index], ret);
    return 0;
}

int agent_model_find(const agent_model *model, enum agent_part part, const char *path, struct agent_part_info *ret)
{
    const struct model_prop *p = NULL;
    const struct model_call *c = NULL;

    if (!model || !path || !ret)
        return -EINVAL;
    if (part == AGENT_PART_PROPERTY)
        p = ag_model_name_prop(&model->m, path);
    else
        c = part == AGENT_PART_ACTION ? ag_model_name_action(&model->m, path) : ag_model_name_event(&model->m, path);
    if (p)
        tell_prop(&model->m, p, ret);
    else if (c)
        tell_call(&model->m, c, ret);
    return p || c ? 0 : -ENOENT;
}

int agent_model_choice(const agent_model *model, const char *path, unsigned index, double *ret_value,
                       const char **ret_description)
{
    const struct model_prop *p;
    const struct model_choice *choice;

    if (!model || !path || !ret_value || !ret_description)
        return -EINVAL;
    p = ag_model_name_prop(&model->m, path);
    if (!p || index >= p->n_choices)
        return -ENOENT;
    choice = &model->m.choices[p->first_choice + index];
    *ret_value = ag_model_number_double(choice->value, p->scale);
    *ret_description = model_str(&model->m, choice->description);
    return 0;
}

int agent_model_check(const agent_model *model, const char *path, const char *json)
{
    const struct model_prop *p;
    struct model_value v;
    struct ag_span raw;

    if (!model || !path || !json)
        return -EINVAL;
    p = ag_model_name_prop(&model->m, path);
    if (!p)
        return AGENT_MODEL_NOT_FOUND;
    return ag_model_text_value(json, &raw) == 0 && ag_model_check(&model->m, p, raw, &v) == MODEL_FINE ? 0
                                                                                                       : AGENT_MODEL_BAD_VALUE;
}
