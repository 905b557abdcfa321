/* SPDX-License-Identifier: MIT */
/*
 * What each property of a device holds now, and which changes wait to be reported. One change of a property replaces an
 * earlier one that has not been reported yet; a value equal to the one held is no change.
 */
#ifndef MODEL_CORE_VALUES_H
#define MODEL_CORE_VALUES_H

#include "libagent/core/buf.h"
#include "libagent/model/core/value.h"

struct model_held {
    uint8_t kind; /* enum model_value_kind behind `known` */
    bool known, changed;
    bool owed;      /* was reported, and did not arrive */
    uint32_t batch; /* that reported it last; 0: none */
    int64_t units;  /* bool and number */
    char *text;     /* others: JSON text, owned */
};

struct model_values {
    const struct model *m;   /* borrowed */
    struct model_held *held; /* one per property */
    uint32_t n_changed;
};

/* 0 or -ENOMEM. */
int ag_model_values_init(struct model_values *v, const struct model *m);
void ag_model_values_deinit(struct model_values *v);

/* value has passed ag_model_check(). 1: another than before; 0: the same; -ENOMEM (nothing changed). */
int ag_model_values_put(struct model_values *v, const struct model_prop *p, const struct model_value *value);

/* NULL: not known yet. */
const struct model_held *ag_model_values_get(const struct model_values *v, const struct model_prop *p);

/* Appends the value as JSON. 0; -ENOENT: not known yet; -ENOMEM. */
int ag_model_values_write(const struct model_values *v, const struct model_prop *p, struct ag_buf *out);

/*
 * Appends the params of properties_changed with every change that waits, in the order of the model:
 * [{"did":..,"siid","piid","value"},..]. did: a JSON string with its quotes, or empty to leave the member out. 0 or
 * -ENOMEM (out is then to be thrown away).
 */
int ag_model_values_put_changes(const struct model_values *v, struct ag_span did, struct ag_buf *out);
/* What ag_model_values_put_changes() wrote is on its way as batch (not 0). */
void ag_model_values_told(struct model_values *v, uint32_t batch);
/* That batch did not arrive: what no later batch has reported is owed. true: something is. */
bool ag_model_values_untold(struct model_values *v, uint32_t batch);
/* The way is free again: what is owed is to be reported with the next changes. */
void ag_model_values_retry(struct model_values *v);

#endif
