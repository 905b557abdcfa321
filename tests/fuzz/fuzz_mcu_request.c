/* SPDX-License-Identifier: MIT */
/*
 * A JSON-RPC request and the MCU's result lines for it, one a line: each down line fits the limits, holds no
 * control byte, and is itself a line of the grammar; the answer is JSON.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "agent/apps/mcu/core/job.h"
#include "libagent/core/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool good)
{
    if (!good)
        abort();
}

static struct ag_span next_line(struct ag_span *rest)
{
    const char *at = memchr(rest->p, '\n', rest->len);
    struct ag_span line = {rest->p, at ? (size_t) (at - rest->p) : rest->len};
    size_t used = line.len + (at ? 1 : 0);

    rest->p += used;
    rest->len -= used;
    return line;
}

static void check_down(const struct mcu_job *job)
{
    char line[MCU_DOWN_MAX];
    struct mcu_words words;
    size_t len = mcu_job_print(job, line);

    check(len <= MCU_DOWN_MAX);
    check(mcu_words_parse((struct ag_span){line, len}, &words) == 0);
    check(ag_span_eq(words.command, "down"));
}

static void check_answer(struct mcu_job *job)
{
    struct ag_buf whole = AG_BUF_INIT;
    struct ag_json_view view;
    struct ag_span text;

    check(mcu_job_finish(job) == 0);
    check(ag_buf_printf(&whole, "{\"result\":%.*s}", (int) ag_buf_size(&job->text), ag_buf_span(&job->text).p) == 0);
    text = ag_buf_span(&whole);
    check(ag_json_parse(&text, 64, &view) == 0);
    ag_buf_deinit(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ag_span rest = {(const char *) data, n}, request = next_line(&rest);
    struct mcu_words words;
    struct mcu_job *job;
    bool done;

    if (n > 65536 || mcu_job_new(request, MCU_GET_PART_MAX, &job) != 0)
        return 0;
    for (done = job->n_items == 0 && job->method != MCU_ACTION; !done;) {
        struct ag_span line = next_line(&rest);

        check_down(job);
        if (line.len > 512 || mcu_words_parse(line, &words) != 0 || mcu_job_result(job, &words) != 0)
            break;
        done = mcu_job_next_part(job);
    }
    if (done)
        check_answer(job);
    mcu_job_free(job);
    return 0;
}
