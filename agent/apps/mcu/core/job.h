/* SPDX-License-Identifier: MIT */
/*
 * One request on its way through the serial line: get_properties, set_properties or action. It is made from the JSON-RPC text,
 * printed as one or more "down" lines, fed with the MCU's "result" lines, and ends with one answer. Numbers travel as their
 * digits. Long gets and sets are split into parts, asked one after the other.
 */
#ifndef MCU_JOB_H
#define MCU_JOB_H

#include "agent/apps/mcu/core/wire/words.h"
#include "libagent/core/buf.h"
#include "libagent/core/list.h"

enum {
    MCU_DOWN_MAX = 511,     /* bytes of a line of ours without its CR */
    MCU_GET_PART_MAX = 16,  /* a get result has 4 parameters a property, 64 in all */
    MCU_SET_PART_MAX = 21,  /* a set has 3 */
    MCU_JOB_ITEMS_MAX = 256 /* properties or inputs of one request */
};

/* Error codes towards the asker that only an MCU has [MIoT serial, vendor's MCU samples]. */
enum {
    MCU_CODE_ACK_INVALID = -9998,
    MCU_CODE_MODULE = -10000, /* queue full, restarting, updating */
    MCU_CODE_INTERNAL = -4004
};

/* Named conditions. */
enum {
    MCU_JOB_E_METHOD = 1, /* not a method of ours */
    MCU_JOB_E_PARAMS,     /* params of the wrong shape, or an item that no line can hold */
    MCU_JOB_E_INVALID     /* a result that does not fit the request */
};

enum mcu_method { MCU_GET, MCU_SET, MCU_ACTION };

/* Bytes in mcu_job.store; len 0: absent. */
struct mcu_slice {
    size_t off, len;
};

struct mcu_item {
    struct mcu_slice did;    /* raw JSON */
    struct mcu_slice value;  /* of a set or an action's input, in the form of the line */
    struct mcu_slice answer; /* raw JSON */
    uint32_t siid, piid;
    int32_t code;
    bool answered;
};

struct mcu_job {
    struct ag_list link; /* in the bridge's queue or its list of finished jobs */
    void *handle;        /* the caller's own */
    uint64_t deadline_ms;
    enum mcu_method method;
    unsigned part_max;            /* properties per line */
    unsigned part_from, part_end; /* items of the part that is with the MCU, or of the next one */
    struct mcu_slice did;         /* of an action */
    uint32_t siid, aiid;          /* of an action */
    int code;                     /* 0: text is the result's JSON; else the error's code and text its message */
    struct ag_buf text;           /* the answer, once finished */
    struct ag_buf store;
    unsigned n_items;
    struct mcu_item items[];
};

/*
 * Makes a job of a whole JSON-RPC request. props_per_get: 1..MCU_GET_PART_MAX. 0; MCU_JOB_E_METHOD,
 * MCU_JOB_E_PARAMS, -ENOMEM. The text is copied as far as it is needed.
 */
int mcu_job_new(struct ag_span request, unsigned props_per_get, struct mcu_job **out);
/* Returns NULL, takes NULL; unhooks the job. */
struct mcu_job *mcu_job_free(struct mcu_job *job);

/* Prints the line of the part that is due, "down ..." without CR, and returns its length. */
size_t mcu_job_print(const struct mcu_job *job, char line[MCU_DOWN_MAX]);

/* Takes the parameters of a result line for the part. 0; MCU_JOB_E_INVALID (nothing taken), -ENOMEM. */
int mcu_job_result(struct mcu_job *job, const struct mcu_words *words);

/* After a result: true when all parts are answered, else the next part is due. */
bool mcu_job_next_part(struct mcu_job *job);

/* Builds the answer out of the results. 0 or -ENOMEM. */
int mcu_job_finish(struct mcu_job *job);
/* Ends with an error instead. message: a C string; left empty when memory is short. */
void mcu_job_fail(struct mcu_job *job, int code, const char *message);

/* The bytes of a slice. */
static inline struct ag_span mcu_job_bytes(const struct mcu_job *job, struct mcu_slice s)
{
    return (struct ag_span){ag_buf_span(&job->store).p + s.off, s.len};
}

/* Sets the end of the part that begins at part_from. False: not even one item fits a line. */
bool mcu_job_measure(struct mcu_job *job);

#endif
