/* SPDX-License-Identifier: MIT */
/* Reads a JSON-RPC request into a job: the strict half of mcu_job_new(). Source: facts of the MIoT spec
 * methods. */
#ifndef MCU_REQUEST_H
#define MCU_REQUEST_H

#include "agent/apps/mcu/core/job.h"
#include "libagent/core/json/json_walk.h"

/* What a request asks for, before there is a job. */
struct mcu_request {
    enum mcu_method method;
    struct ag_json_value params; /* array of a get or set, object of an action */
    struct ag_json_value in;     /* an action's inputs; type AG_JSON_NONE when there are none */
    unsigned n_items;
};

/* 0, MCU_JOB_E_METHOD, MCU_JOB_E_PARAMS. The spans point into text. */
int mcu_request_read(struct ag_span text, struct mcu_request *out);

/* Fills a zeroed job that has room for n_items. 0, MCU_JOB_E_PARAMS, -ENOMEM. */
int mcu_request_fill(const struct mcu_request *req, struct mcu_job *job);

#endif
