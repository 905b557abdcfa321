/* SPDX-License-Identifier: MIT */
/*
 * Whether a value may be what a property holds. Nothing is allocated, and no floating point decides.
 */
#ifndef MODEL_CORE_VALUE_H
#define MODEL_CORE_VALUE_H

#include "libagent/model/core/spec.h"

/* Codes of the device model, as get_properties, set_properties and action answer them. */
enum model_code {
    MODEL_OK = 0,
    MODEL_ACCEPTED = 1, /* accepted, not finished */
    MODEL_NOT_READABLE = -4001,
    MODEL_NOT_WRITABLE = -4002,
    MODEL_NOT_FOUND = -4003, /* no such property, action or event */
    MODEL_INTERNAL = -4004,
    MODEL_BAD_VALUE = -4005,
    MODEL_BAD_INPUT = -4006, /* of an action */
    MODEL_BAD_DID = -4007
};

/* ANY: only raw says what it is; also a float that neither a range nor its property's units hold. */
enum model_value_kind { MODEL_VALUE_BOOL, MODEL_VALUE_NUMBER, MODEL_VALUE_TEXT, MODEL_VALUE_ANY };

/* A value that has passed the check. */
struct model_value {
    uint8_t kind;       /* enum model_value_kind */
    int64_t units;      /* bool: 0 or 1; numbers: in units of 10^-scale of the property, on its grid */
    struct ag_span raw; /* the JSON value as it came */
};

/* Why a value was refused, for people. */
enum model_fault {
    MODEL_FINE,
    MODEL_WRONG_TYPE,
    MODEL_OUT_OF_RANGE,
    MODEL_OFF_STEP,
    MODEL_NOT_IN_LIST,
    MODEL_TOO_LONG,
    MODEL_NOT_HEX,
    MODEL_N_FAULTS
};

/*
 * raw: one JSON value that has passed ag_json_parse(). A number of an integer format may be written in any form ("50", "50.0",
 * "5e1") but must be whole; one of format float may differ from its step by what a 32-bit float cannot hold, and *out has the
 * number meant. A string is measured in bytes of UTF-8.
 */
enum model_fault ag_model_check(const struct model *m, const struct model_prop *p, struct ag_span raw, struct model_value *out);

/* A number of the application's own making: moved onto the nearest step, or the nearest whole number. *out has no raw. */
enum model_fault ag_model_check_double(const struct model *m, const struct model_prop *p, double number, struct model_value *out);

/* For people: "out of range". */
const char *ag_model_fault_name(enum model_fault fault);

#endif
