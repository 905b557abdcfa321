/* SPDX-License-Identifier: MIT */
#include "libagent/model/core/value.h"

#include <math.h>
#include <string.h>
#include "libagent/core/json/json_walk.h"
#include "libagent/model/core/number.h"

/* How far a number may be from the intended one: what the 24 bits of a float's mantissa cannot hold. */
static int64_t float_slack(const struct model_prop *p, int64_t units)
{
    if (p->format != MODEL_FLOAT)
        return 0;
    return (units < 0 ? -(units + 1) : units) / (1 << 22) + 1;
}

static bool is_choice(const struct model *m, const struct model_prop *p, int64_t *units)
{
    int64_t slack = float_slack(p, *units);

    for (uint32_t i = 0; i < p->n_choices; i++) {
        int64_t value = m->choices[p->first_choice + i].value;

        if (value == *units || (slack > 0 && value - slack <= *units && *units <= value + slack)) {
            *units = value;
            return true;
        }
    }
    return false;
}

/* units is moved onto the grid of min and step when it is near enough. Floats stay within 62 bits, see parse.c. */
static enum model_fault fit(const struct model_prop *p, int64_t *units)
{
    int64_t slack = float_slack(p, *units), near = *units, off;

    if (*units < p->min) {
        if (p->min > INT64_MIN + slack && *units < p->min - slack)
            return MODEL_OUT_OF_RANGE;
        near = p->min;
    } else if (*units > p->max) {
        if (p->max<INT64_MAX - slack && * units> p->max + slack)
            return MODEL_OUT_OF_RANGE;
        near = p->max;
    }
    if (p->step > 0) {
        uint64_t span = (uint64_t) near - (uint64_t) p->min, step = (uint64_t) p->step, rest = span % step;

        off = (int64_t) (rest <= step / 2 ? rest : step - rest);
        if (off > slack)
            return MODEL_OFF_STEP;
        near = rest <= step / 2 ? near - (int64_t) rest : near + (int64_t) (step - rest);
        if (near > p->max)
            return MODEL_OUT_OF_RANGE;
    }
    *units = near;
    return MODEL_FINE;
}

/* A float that may be anything. */
static bool is_free(const struct model_prop *p)
{
    return p->format == MODEL_FLOAT && !p->has_range && p->n_choices == 0;
}

static enum model_fault check_number(const struct model *m, const struct model_prop *p, struct ag_json_value v,
                                     struct model_value *out)
{
    bool exact;

    if (v.type != AG_JSON_NUMBER)
        return MODEL_WRONG_TYPE;
    if (ag_model_number_read(v.raw, p->scale, &out->units, &exact) != 0)
        return is_free(p) ? MODEL_FINE : MODEL_OUT_OF_RANGE;
    if (!exact && is_free(p))
        return MODEL_FINE;
    if (!exact && p->format != MODEL_FLOAT)
        return MODEL_WRONG_TYPE;
    out->kind = MODEL_VALUE_NUMBER;
    if (p->n_choices > 0)
        return is_choice(m, p, &out->units) ? MODEL_FINE : MODEL_NOT_IN_LIST;
    return fit(p, &out->units);
}

static bool all_hex(struct ag_span s)
{
    static const char digits[] = "0123456789abcdefABCDEF";

    for (size_t i = 0; i < s.len; i++)
        if (!memchr(digits, s.p[i], sizeof digits - 1))
            return false;
    return true;
}

static enum model_fault check_text(const struct model_prop *p, struct ag_json_value v, struct model_value *out)
{
    long len;

    if (v.type != AG_JSON_STRING)
        return MODEL_WRONG_TYPE;
    out->kind = MODEL_VALUE_TEXT;
    if (p->format == MODEL_HEX && !all_hex((struct ag_span){v.raw.p + 1, v.raw.len - 2}))
        return MODEL_NOT_HEX;
    if (p->max_len == 0)
        return MODEL_FINE;
    len = ag_json_unescape(v.raw, NULL, p->max_len); /* negative too: half of a surrogate pair */
    return len < 0 ? MODEL_TOO_LONG : MODEL_FINE;
}

enum model_fault ag_model_check(const struct model *m, const struct model_prop *p, struct ag_span raw, struct model_value *out)
{
    struct ag_json_value v = ag_json_value_at(raw.p, raw.p + raw.len);

    *out = (struct model_value){MODEL_VALUE_ANY, 0, v.raw};
    switch ((enum model_format) p->format) {
    case MODEL_BOOL:
        out->kind = MODEL_VALUE_BOOL;
        out->units = v.type == AG_JSON_TRUE;
        return v.type == AG_JSON_TRUE || v.type == AG_JSON_FALSE ? MODEL_FINE : MODEL_WRONG_TYPE;
    case MODEL_STRING:
    case MODEL_HEX:
        return check_text(p, v, out);
    case MODEL_ANY:
        return v.type == AG_JSON_NONE ? MODEL_WRONG_TYPE : MODEL_FINE;
    default:
        return check_number(m, p, v, out);
    }
}

enum model_fault ag_model_check_double(const struct model *m, const struct model_prop *p, double number, struct model_value *out)
{
    double units = number * ag_model_number_power(p->scale), half;

    *out = (struct model_value){MODEL_VALUE_NUMBER, 0, {NULL, 0}};
    if (p->format < MODEL_UINT8 || p->format > MODEL_FLOAT)
        return MODEL_WRONG_TYPE;
    if (!(fabs(units) < 9e18)) /* a NaN too */
        return MODEL_OUT_OF_RANGE;
    half = p->step > 1 && p->n_choices == 0 ? (double) p->step / 2 : 0;
    if (units < (double) p->min - half || units > (double) p->max + half)
        return MODEL_OUT_OF_RANGE;
    if (half > 0)
        units = (double) p->min + round((units - (double) p->min) / (double) p->step) * (double) p->step;
    out->units = (int64_t) round(units);
    if (p->n_choices > 0)
        return is_choice(m, p, &out->units) ? MODEL_FINE : MODEL_NOT_IN_LIST;
    return fit(p, &out->units);
}

const char *ag_model_fault_name(enum model_fault fault)
{
    static const char *const names[MODEL_N_FAULTS] = {
        "fine", "of the wrong type", "out of range", "between two steps", "not in the list", "too long", "not hex digits"};

    return (unsigned) fault < MODEL_N_FAULTS ? names[fault] : "wrong";
}
