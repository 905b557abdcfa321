/* SPDX-License-Identifier: MIT */
/*
 * get_properties, set_properties and action against a model: what the model forbids is answered here and never reaches the
 * device. Entries are answered in the order asked, one each; a bad one does not stop the others; did, siid and piid come back as
 * they were written.
 *
 * Source of forms and codes: the device model's methods, as phones and cloud use them.
 */
#ifndef MODEL_CORE_SERVE_H
#define MODEL_CORE_SERVE_H

#include "libagent/core/buf.h"
#include "libagent/model/core/value.h"

/*
 * What the device does. Results: 0; MODEL_ACCEPTED: begun, not finished; negative: a code of the model, -errno becomes
 * MODEL_INTERNAL.
 */
struct model_ops {
    /* Appends the value as JSON to out. */
    int (*get)(void *user, const struct model_prop *p, struct ag_buf *out);
    int (*set)(void *user, const struct model_prop *p, const struct model_value *value);
    /* in: one value per input of the action, in its order. out: the values of its outputs are appended, with commas between. */
    int (*act)(void *user, const struct model_call *action, const struct model_value *in, struct ag_buf *out);
};

/*
 * Append the result to out. params has passed ag_json_parse() as part of its text. 0; -EINVAL: params does not have the form
 * of the method (nothing was done; out unchanged); -ENOMEM (out is then to be thrown away).
 */
int ag_model_serve_get(const struct model *m, const struct model_ops *ops, void *user, struct ag_span params, struct ag_buf *out);
int ag_model_serve_set(const struct model *m, const struct model_ops *ops, void *user, struct ag_span params, struct ag_buf *out);
int ag_model_serve_action(const struct model *m, const struct model_ops *ops, void *user, struct ag_span params,
                          struct ag_buf *out);

#endif
