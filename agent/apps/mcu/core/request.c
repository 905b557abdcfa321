/* SPDX-License-Identifier: MIT */
/* Reads a JSON-RPC request into a job. */
#include "agent/apps/mcu/core/job.h"

#include <errno.h>
#include <stdlib.h>
#include "agent/apps/mcu/core/wire/line_value.h"
#include "libagent/core/json/json_walk.h"

enum { DEPTH_MAX = 64 };

/* What a request asks for, before there is a job. */
struct mcu_request {
    enum mcu_method method;
    struct ag_json_value params; /* array of a get or set, object of an action */
    struct ag_json_value in;     /* an action's inputs; type AG_JSON_NONE when there are none */
    unsigned n_items;
};

static int method_of(struct ag_span name, enum mcu_method *out)
{
    if (ag_span_eq(name, "get_properties"))
        *out = MCU_GET;
    else if (ag_span_eq(name, "set_properties"))
        *out = MCU_SET;
    else if (ag_span_eq(name, "action"))
        *out = MCU_ACTION;
    else
        return MCU_JOB_E_METHOD;
    return 0;
}

static int read_action(struct mcu_request *req)
{
    if (req->params.type != AG_JSON_OBJECT)
        return MCU_JOB_E_PARAMS;
    req->in = ag_json_member(req->params, "in");
    if (req->in.type != AG_JSON_NONE && req->in.type != AG_JSON_ARRAY)
        return MCU_JOB_E_PARAMS;
    return 0;
}

/* 0, MCU_JOB_E_METHOD, MCU_JOB_E_PARAMS. The spans point into text. */
static int request_read(struct ag_span text, struct mcu_request *out)
{
    struct mcu_request req = {0};
    struct ag_json_view view;
    struct ag_span name, raw;
    char tmp[32];
    size_t n = 0;
    int r;

    if (ag_json_parse(&text, DEPTH_MAX, &view) != 0)
        return MCU_JOB_E_PARAMS;
    if (!ag_view_str(&view, text.p, AG_M_METHOD, tmp, sizeof tmp, &name))
        return MCU_JOB_E_METHOD;
    r = method_of(name, &req.method);
    if (r != 0)
        return r;
    raw = ag_view_raw(&view, text.p, AG_M_PARAMS);
    req.params = raw.p ? ag_json_value_at(raw.p, raw.p + raw.len) : (struct ag_json_value){AG_JSON_NONE, {NULL, 0}};
    if (req.method == MCU_ACTION)
        r = read_action(&req);
    else if (req.params.type != AG_JSON_ARRAY)
        r = MCU_JOB_E_PARAMS;
    if (r != 0)
        return r;
    if (req.method != MCU_ACTION)
        n = ag_json_count(req.params);
    else if (req.in.type == AG_JSON_ARRAY)
        n = ag_json_count(req.in);
    if (n > MCU_JOB_ITEMS_MAX)
        return MCU_JOB_E_PARAMS;
    req.n_items = (unsigned) n;
    *out = req;
    return 0;
}

static int read_iid(struct ag_json_value object, const char *name, uint32_t *out)
{
    struct ag_json_value v = ag_json_member(object, name);
    uint64_t iid;

    if (v.type != AG_JSON_NUMBER || !ag_span_uint(v.raw, UINT32_MAX, &iid))
        return MCU_JOB_E_PARAMS;
    *out = (uint32_t) iid;
    return 0;
}

/* The did goes back as it came; it may be left out. */
static int read_did(struct mcu_job *job, struct ag_json_value object, struct mcu_slice *out)
{
    struct ag_json_value v = ag_json_member(object, "did");
    int r;

    if (v.type == AG_JSON_NONE)
        return 0;
    if (v.type != AG_JSON_STRING && v.type != AG_JSON_NUMBER)
        return MCU_JOB_E_PARAMS;
    *out = (struct mcu_slice){ag_buf_size(&job->store), v.raw.len};
    r = ag_buf_append_span(&job->store, v.raw);
    return r;
}

static int read_value(struct mcu_job *job, struct ag_json_value object, struct mcu_slice *out)
{
    struct ag_json_value v = ag_json_member(object, "value");
    size_t off = ag_buf_size(&job->store);
    int r = line_value_append(&job->store, v);

    if (r != 0)
        return r > 0 ? MCU_JOB_E_PARAMS : r;
    *out = (struct mcu_slice){off, ag_buf_size(&job->store) - off};
    return 0;
}

static int read_item(struct mcu_job *job, struct ag_json_value v, struct mcu_item *item)
{
    int r = v.type == AG_JSON_OBJECT ? read_iid(v, "piid", &item->piid) : MCU_JOB_E_PARAMS;

    if (r == 0 && job->method != MCU_ACTION)
        r = read_iid(v, "siid", &item->siid);
    if (r == 0 && job->method != MCU_ACTION)
        r = read_did(job, v, &item->did);
    if (r == 0 && job->method != MCU_GET)
        r = read_value(job, v, &item->value);
    return r;
}

static int read_action_ids(struct mcu_job *job, struct ag_json_value params)
{
    int r = read_iid(params, "siid", &job->siid);

    if (r == 0)
        r = read_iid(params, "aiid", &job->aiid);
    if (r == 0)
        r = read_did(job, params, &job->did);
    return r;
}

/* Fills a zeroed job that has room for n_items. 0, MCU_JOB_E_PARAMS, -ENOMEM. */
static int request_fill(const struct mcu_request *req, struct mcu_job *job)
{
    struct ag_json_value list = req->method == MCU_ACTION ? req->in : req->params, v;
    struct ag_json_walk w;
    struct ag_span key;
    int r = 0;

    if (req->method == MCU_ACTION)
        r = read_action_ids(job, req->params);
    if (r != 0 || list.type == AG_JSON_NONE)
        return r;
    ag_json_walk_begin(&w, list);
    for (unsigned i = 0; r == 0 && i < job->n_items && ag_json_walk_next(&w, &key, &v); i++)
        r = read_item(job, v, &job->items[i]);
    return r;
}

static void job_freep(struct mcu_job **job)
{
    mcu_job_free(*job);
}

int mcu_job_new(struct ag_span request, unsigned props_per_get, struct mcu_job **out)
{
    ag_cleanup(job_freep) struct mcu_job *job = NULL;
    struct mcu_request req;
    int r = request_read(request, &req);

    if (r != 0)
        return r;
    job = calloc(1, sizeof *job + req.n_items * sizeof job->items[0]);
    if (!job)
        return -ENOMEM;
    ag_list_init(&job->link);
    job->method = req.method;
    job->n_items = req.n_items;
    job->part_max = req.method == MCU_GET ? props_per_get : MCU_SET_PART_MAX;
    r = request_fill(&req, job);
    if (r != 0)
        return r;
    for (unsigned i = 0; i < job->n_items && job->method != MCU_ACTION; i++) {
        job->part_from = i;
        if (!mcu_job_measure(job))
            return MCU_JOB_E_PARAMS;
    }
    job->part_from = 0;
    if (!mcu_job_measure(job))
        return MCU_JOB_E_PARAMS;
    *out = ag_steal(&job);
    return 0;
}
