/* SPDX-License-Identifier: MIT */
/*
 * A parsed MIoT-Spec v2 instance: what a device is made of. Built once by ag_model_parse(), never changed afterwards, so it may
 * be shared and read from anywhere. All text lies in one block, all lists in arrays; an index is a position in its array.
 *
 * Source of the format and its numbers: the public description of instances (URN, iid, format, access, value-range).
 */
#ifndef MODEL_CORE_SPEC_H
#define MODEL_CORE_SPEC_H

#include <stdbool.h>
#include "libagent/core/util.h"

enum {
    MODEL_TEXT_MAX = 1 << 20, /* bytes of an instance */
    MODEL_DEPTH_MAX = 32,
    MODEL_IID_MAX = 65535,
    MODEL_ARGS_MAX = 64, /* inputs, outputs, arguments of one action or event */
    MODEL_NAME_MAX = 96, /* bytes of one name of a URN */
    MODEL_REASON_MAX = 160
};

enum model_format {
    MODEL_BOOL,
    MODEL_UINT8,
    MODEL_UINT16,
    MODEL_UINT32,
    MODEL_UINT64, /* values up to 2^63-1 */
    MODEL_INT8,
    MODEL_INT16,
    MODEL_INT32,
    MODEL_INT64,
    MODEL_FLOAT,
    MODEL_STRING,
    MODEL_HEX,
    MODEL_ANY, /* "none": a value of any kind */
    MODEL_N_FORMATS
};

enum { MODEL_READ = 1, MODEL_WRITE = 2, MODEL_NOTIFY = 4 };

/* Offset of a NUL-terminated string in model.text; 0 is "". */
typedef uint32_t model_text;

struct model_service {
    uint16_t siid;
    model_text name; /* of the URN */
    model_text description;
    uint32_t first_prop, n_props;
    uint32_t first_action, n_actions;
    uint32_t first_event, n_events;
};

struct model_choice { /* an entry of a value-list */
    int64_t value;    /* in the property's units */
    model_text description;
};

/* What properties, actions and events begin with: they are sorted, named and found alike. */
struct model_part {
    uint32_t service; /* index */
    uint16_t iid;
    model_text name; /* of the URN */
    model_text path; /* "light.brightness@8": unique */
};
/* As the first members, under their own names too. */
#define MODEL_PART                                                                                                               \
    union {                                                                                                                      \
        struct model_part part;                                                                                                  \
        struct {                                                                                                                 \
            uint32_t service;                                                                                                    \
            uint16_t iid;                                                                                                        \
            model_text name;                                                                                                     \
            model_text path;                                                                                                     \
        };                                                                                                                       \
    }

struct model_prop {
    MODEL_PART;
    uint8_t format;   /* enum model_format */
    uint8_t access;   /* MODEL_READ ... */
    uint8_t scale;    /* min, max, step and choices count units of 10^-scale */
    bool has_range;   /* min, max, step are the instance's; otherwise min and max are the format's and step is 0 */
    uint32_t max_len; /* bytes of a string; 0: no limit of its own */
    uint32_t first_choice, n_choices;
    model_text description;
    model_text unit; /* "" for none */
    int64_t min, max, step;
};

/* An action, or an event, which has no in list and whose arguments are the out list. */
struct model_call {
    MODEL_PART;
    uint32_t first_in, n_in; /* in model.args: indices of properties */
    uint32_t first_out, n_out;
    model_text description;
};

struct model {
    char *text; /* one block; starts with a NUL */
    size_t text_len;
    model_text type, description; /* of the device */
    model_text device_model;      /* "vendor.model.v1" as the URN has it: "vendor-model-v1"; "" when it has none */
    struct model_service *services;
    struct model_prop *props; /* service by service, in ascending iid */
    struct model_call *actions, *events;
    struct model_choice *choices;
    uint32_t *args;
    uint32_t n_services, n_props, n_actions, n_events, n_choices, n_args;
};

struct model_error {
    unsigned line; /* of the instance, from 1; 0: the whole */
    char why[MODEL_REASON_MAX];
};

/*
 * Reads an instance. 0; -EINVAL with line and reason in *error: it is not JSON, or cannot be right; -EFBIG: over
 * MODEL_TEXT_MAX (reason too); -ENOMEM. *out is for ag_model_deinit() after 0 only.
 */
int ag_model_parse(struct model *out, struct ag_span text, struct model_error *error);
void ag_model_deinit(struct model *m);

static inline const char *model_str(const struct model *m, model_text t)
{
    return m->text + t;
}

const char *ag_model_format_name(enum model_format format);
/* The least and the largest value of an integer format, at scale 0; of others INT64_MIN and INT64_MAX. */
void ag_model_format_bounds(enum model_format format, int64_t *min_out, int64_t *max_out);

/* ---- finding ---- */

/* NULL: there is none. */
const struct model_prop *ag_model_find_prop(const struct model *m, unsigned siid, unsigned piid);
const struct model_call *ag_model_find_action(const struct model *m, unsigned siid, unsigned aiid);
const struct model_call *ag_model_find_event(const struct model *m, unsigned siid, unsigned eiid);

/*
 * By name: "2.3" is siid.iid; "light.brightness" the property of that name with the lowest iid, in the service of that name with
 * the lowest siid; "light.brightness@8" the one with iid 8; "light@5.brightness" the one in service 5. Each property, action
 * and event has exactly one such path, which does not change when others are added with higher numbers.
 */
const struct model_prop *ag_model_name_prop(const struct model *m, const char *name);
const struct model_call *ag_model_name_action(const struct model *m, const char *name);
const struct model_call *ag_model_name_event(const struct model *m, const char *name);

static inline unsigned model_prop_siid(const struct model *m, const struct model_prop *p)
{
    return m->services[p->service].siid;
}

static inline unsigned model_call_siid(const struct model *m, const struct model_call *c)
{
    return m->services[c->service].siid;
}

#endif
