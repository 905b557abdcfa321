/* SPDX-License-Identifier: MIT */
/* The second half of a job: what the MCU answered, and the JSON made of it. */
#include "agent/apps/mcu/core/job.h"

#include <errno.h>

struct entry {
    uint32_t siid, piid;
    int32_t code;
    const struct mcu_word *value; /* NULL: none */
};

/* Reads the entry at *at and moves on. A get has a value behind code 0, a set never. */
static bool read_entry(const struct mcu_job *job, const struct mcu_words *words, unsigned *at, struct entry *out)
{
    const struct mcu_word *w = words->param + *at;
    unsigned left = words->n - *at;

    if (left < 3 || !mcu_word_iid(&w[0], &out->siid) || !mcu_word_iid(&w[1], &out->piid) || !mcu_word_code(&w[2], &out->code))
        return false;
    *at += 3;
    out->value = NULL;
    if (job->method == MCU_SET || out->code != 0)
        return true;
    if (left < 4 || !(w[3].bad || mcu_word_is_value(&w[3])))
        return false;
    if (w[3].bad)
        out->code = MCU_CODE_INTERNAL; /* there is a value, but it cannot be passed on */
    else
        out->value = &w[3];
    *at += 1;
    return true;
}

static struct mcu_item *find_item(struct mcu_job *job, const struct mcu_item *from, uint32_t siid, uint32_t piid, bool answered)
{
    for (unsigned i = job->part_from; i < job->part_end; i++) {
        struct mcu_item *item = &job->items[i];

        if (item != from && item->siid == siid && item->piid == piid && item->answered == answered)
            return item;
    }
    return NULL;
}

static int take_entry(struct mcu_job *job, const struct entry *e)
{
    struct mcu_item *item = find_item(job, NULL, e->siid, e->piid, false);
    size_t off = ag_buf_size(&job->store);

    if (!item)
        return 0; /* nobody asked for it */
    if (e->value) {
        if (ag_buf_append_span(&job->store, e->value->raw) < 0)
            return -ENOMEM;
        item->answer = (struct mcu_slice){off, e->value->raw.len};
    }
    item->code = e->code;
    item->answered = true;
    return 0;
}

/* The same property may be asked twice in one request and be answered once. */
static void fill_gaps(struct mcu_job *job)
{
    for (unsigned i = job->part_from; i < job->part_end; i++) {
        struct mcu_item *item = &job->items[i];
        const struct mcu_item *twin;

        if (item->answered)
            continue;
        twin = find_item(job, item, item->siid, item->piid, true);
        item->code = twin ? twin->code : MCU_CODE_INTERNAL;
        if (twin)
            item->answer = twin->answer;
    }
}

static int take_properties(struct mcu_job *job, const struct mcu_words *words)
{
    struct entry e;
    unsigned at = 0;

    if (words->n == 0)
        return MCU_JOB_E_INVALID;
    while (at < words->n)
        if (!read_entry(job, words, &at, &e))
            return MCU_JOB_E_INVALID;
    for (at = 0; at < words->n && read_entry(job, words, &at, &e);)
        if (take_entry(job, &e) < 0)
            return -ENOMEM;
    fill_gaps(job);
    return 0;
}

static bool action_fits(const struct mcu_job *job, const struct mcu_words *words, int32_t *code_out)
{
    uint32_t siid, aiid, piid;

    if (words->n < 3 || !mcu_word_iid(&words->param[0], &siid) || !mcu_word_iid(&words->param[1], &aiid) ||
        !mcu_word_code(&words->param[2], code_out) || siid != job->siid || aiid != job->aiid)
        return false;
    if (*code_out != 0)
        return words->n == 3;
    if (words->n % 2 == 0)
        return false;
    for (unsigned i = 3; i < words->n; i += 2)
        if (!mcu_word_iid(&words->param[i], &piid) || !(words->param[i + 1].bad || mcu_word_is_value(&words->param[i + 1])))
            return false;
    return true;
}

static int begin_object(struct ag_buf *out, struct ag_span did)
{
    if (did.len == 0)
        return ag_buf_append_char(out, '{');
    return ag_buf_printf(out, "{\"did\":%.*s,", (int) did.len, did.p);
}

static int print_action(struct mcu_job *job, const struct mcu_words *words, int32_t code)
{
    struct ag_buf *out = &job->text;
    const char *comma = "";
    uint32_t piid = 0;
    int r = begin_object(out, mcu_job_bytes(job, job->did));

    if (r == 0)
        r = ag_buf_printf(out, "\"siid\":%u,\"aiid\":%u,\"code\":%d", job->siid, job->aiid, (int) code);
    if (r == 0 && code == 0)
        r = ag_buf_append_str(out, ",\"out\":[");
    for (unsigned i = 3; r == 0 && i < words->n; i += 2) {
        struct ag_span value = words->param[i + 1].raw;

        if (words->param[i + 1].bad)
            continue;
        mcu_word_iid(&words->param[i], &piid);
        r = ag_buf_printf(out, "%s{\"piid\":%u,\"value\":%.*s}", comma, piid, (int) value.len, value.p);
        comma = ",";
    }
    if (r == 0)
        r = ag_buf_append_str(out, code == 0 ? "]}" : "}");
    return r;
}

int mcu_job_result(struct mcu_job *job, const struct mcu_words *words)
{
    int32_t code;

    if (job->method != MCU_ACTION)
        return take_properties(job, words);
    if (!action_fits(job, words, &code))
        return MCU_JOB_E_INVALID;
    return print_action(job, words, code);
}

static int print_item(struct mcu_job *job, const struct mcu_item *item)
{
    struct ag_span value = mcu_job_bytes(job, item->answer);
    int r = begin_object(&job->text, mcu_job_bytes(job, item->did));

    if (r == 0)
        r = ag_buf_printf(&job->text, "\"siid\":%u,\"piid\":%u,\"code\":%d", item->siid, item->piid, (int) item->code);
    if (r == 0 && value.len > 0)
        r = ag_buf_printf(&job->text, ",\"value\":%.*s", (int) value.len, value.p);
    return r == 0 ? ag_buf_append_char(&job->text, '}') : r;
}

int mcu_job_finish(struct mcu_job *job)
{
    int r = 0;

    job->code = 0;
    if (job->method == MCU_ACTION)
        return 0; /* printed with its one result */
    r = ag_buf_append_char(&job->text, '[');
    for (unsigned i = 0; r == 0 && i < job->n_items; i++) {
        if (i > 0)
            r = ag_buf_append_char(&job->text, ',');
        if (r == 0)
            r = print_item(job, &job->items[i]);
    }
    return r == 0 ? ag_buf_append_char(&job->text, ']') : r;
}
