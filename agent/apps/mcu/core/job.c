/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/core/job.h"

#include <stdio.h>
#include <stdlib.h>

/* Widest code we must expect in a result: "-4007". */
enum { CODE_LEN = 5 };

static const char *const names[] = {[MCU_GET] = "get_properties", [MCU_SET] = "set_properties", [MCU_ACTION] = "action"};

struct mcu_job *mcu_job_free(struct mcu_job *job)
{
    if (!job)
        return NULL;
    ag_list_del(&job->link);
    ag_buf_deinit(&job->text);
    ag_buf_deinit(&job->store);
    free(job);
    return NULL;
}

static size_t n_digits(uint32_t v)
{
    size_t n = 1;

    while (v /= 10)
        n++;
    return n;
}

/* An action is one line of at most 64 parameters; it cannot be split. */
static bool measure_action(struct mcu_job *job)
{
    size_t len = sizeof "down action" + n_digits(job->siid) + 1 + n_digits(job->aiid);

    for (unsigned i = 0; i < job->n_items; i++)
        len += 2 + n_digits(job->items[i].piid) + job->items[i].value.len;
    job->part_end = job->n_items;
    return len <= MCU_DOWN_MAX && 2 + 2 * job->n_items <= MCU_PARAMS_MAX;
}

bool mcu_job_measure(struct mcu_job *job)
{
    size_t down = sizeof "down get_properties" - 1, reply = sizeof "result" - 1;
    unsigned i;

    if (job->method == MCU_ACTION)
        return measure_action(job);
    for (i = job->part_from; i < job->n_items && i - job->part_from < job->part_max; i++) {
        const struct mcu_item *item = &job->items[i];
        size_t ids = 2 + n_digits(item->siid) + n_digits(item->piid);

        down += ids + (job->method == MCU_SET ? 1 + item->value.len : 0);
        reply += ids + 1 + CODE_LEN;
        if (down > MCU_DOWN_MAX || reply > MCU_DOWN_MAX)
            break;
    }
    job->part_end = i;
    return i > job->part_from || job->n_items == 0;
}

static size_t put(char *line, size_t at, const char *p, size_t n)
{
    memcpy(line + at, p, n);
    return at + n;
}

static size_t put_iid(char *line, size_t at, uint32_t iid)
{
    char digits[16];
    int n = snprintf(digits, sizeof digits, " %u", (unsigned) iid);

    return put(line, at, digits, (size_t) n);
}

static size_t put_value(const struct mcu_job *job, char *line, size_t at, struct mcu_slice value)
{
    struct ag_span s = mcu_job_bytes(job, value);

    line[at] = ' ';
    return put(line, at + 1, s.p, s.len);
}

size_t mcu_job_print(const struct mcu_job *job, char line[MCU_DOWN_MAX])
{
    size_t at = put(line, 0, "down ", 5);

    at = put(line, at, names[job->method], strlen(names[job->method]));
    if (job->method == MCU_ACTION)
        at = put_iid(line, put_iid(line, at, job->siid), job->aiid);
    for (unsigned i = job->part_from; i < job->part_end; i++) {
        const struct mcu_item *item = &job->items[i];

        if (job->method != MCU_ACTION)
            at = put_iid(line, at, item->siid);
        at = put_iid(line, at, item->piid);
        if (job->method != MCU_GET)
            at = put_value(job, line, at, item->value);
    }
    return at;
}

bool mcu_job_next_part(struct mcu_job *job)
{
    job->part_from = job->part_end;
    if (job->part_from >= job->n_items)
        return true;
    mcu_job_measure(job);
    return false;
}

void mcu_job_fail(struct mcu_job *job, int code, const char *message)
{
    job->code = code;
    ag_buf_clear(&job->text);
    if (ag_buf_append_str(&job->text, message) < 0)
        ag_buf_clear(&job->text);
}
