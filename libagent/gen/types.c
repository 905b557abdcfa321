/* SPDX-License-Identifier: MIT */
#include "libagent/gen/types.h"

#include <limits.h>

bool type_is_enum(const struct model *m, const struct model_prop *p)
{
    if (p->n_choices == 0 || p->format == MODEL_FLOAT)
        return false;
    for (uint32_t i = 0; i < p->n_choices; i++)
        if (m->choices[p->first_choice + i].value > INT_MAX || m->choices[p->first_choice + i].value < INT_MIN)
            return false;
    return true;
}

static const char *plain_type(const struct model_prop *p)
{
    static const char *const types[MODEL_N_FORMATS] = {
        [MODEL_BOOL] = "bool ",       [MODEL_UINT8] = "uint8_t ", [MODEL_UINT16] = "uint16_t ",    [MODEL_UINT32] = "uint32_t ",
        [MODEL_UINT64] = "uint64_t ", [MODEL_INT8] = "int8_t ",   [MODEL_INT16] = "int16_t ",      [MODEL_INT32] = "int32_t ",
        [MODEL_INT64] = "int64_t ",   [MODEL_FLOAT] = "double ",  [MODEL_STRING] = "const char *", [MODEL_HEX] = "const char *",
        [MODEL_ANY] = "const char *"};

    return types[p->format];
}

void put_type(struct writer *w, const struct names *n, const struct model_prop *p)
{
    if (type_is_enum(n->m, p))
        put(w, "enum %s_%s ", n->prefix, n->props[p - n->m->props]);
    else
        put(w, "%s", plain_type(p));
}

void put_from_value(struct writer *w, const struct names *n, const struct model_prop *p, const char *v)
{
    if (p->format == MODEL_BOOL)
        put(w, "%s->b != 0", v);
    else if (p->format == MODEL_FLOAT)
        put(w, "%s->d", v);
    else if (p->format >= MODEL_STRING)
        put(w, "%s->s", v);
    else if (type_is_enum(n->m, p))
        put(w, "(enum %s_%s) %s->i", n->prefix, n->props[p - n->m->props], v);
    else if (p->format == MODEL_INT64)
        put(w, "%s->i", v);
    else
        put(w, "(%.*s) %s->i", (int) strlen(plain_type(p)) - 1, plain_type(p), v);
}

const char *type_setter(const struct model_prop *p)
{
    return p->format == MODEL_BOOL     ? "bool"
           : p->format == MODEL_FLOAT  ? "double"
           : p->format == MODEL_ANY    ? "json"
           : p->format >= MODEL_STRING ? "string"
                                       : "int";
}

const char *type_cast(const struct model_prop *p)
{
    return p->format >= MODEL_UINT8 && p->format <= MODEL_INT32 ? "(int64_t) " : "";
}
