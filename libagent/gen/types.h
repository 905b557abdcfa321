/* SPDX-License-Identifier: MIT */
/* The C type of a property, and how a value of libagentmodel becomes one. */
#ifndef GEN_TYPES_H
#define GEN_TYPES_H

#include "libagent/gen/names.h"
#include "libagent/gen/writer.h"

/* Whether its value-list makes an enum: of an integer format whose values an int holds. */
bool type_is_enum(const struct model *m, const struct model_prop *p);

/* "uint8_t ", "const char *", "enum lamp_light_mode ": what stands before a name. */
void put_type(struct writer *w, const struct names *n, const struct model_prop *p);

/* The expression that reads a struct agent_value named v as that type. */
void put_from_value(struct writer *w, const struct names *n, const struct model_prop *p, const char *v);

/* "bool", "int", "double", "string", "json": which agent_device_set_ function takes it. */
const char *type_setter(const struct model_prop *p);
/* How it is passed to that: a cast, or "". */
const char *type_cast(const struct model_prop *p);

#endif
