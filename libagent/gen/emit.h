/* SPDX-License-Identifier: MIT */
/* The files that miio_gen writes. Each is a whole file in w. */
#ifndef GEN_EMIT_H
#define GEN_EMIT_H

#include "libagent/gen/names.h"
#include "libagent/gen/writer.h"

/* For files that are made again each time; PREFIX.c is the maker's own. */
#define GEN_LICENSE "/* SPDX-License-Identifier: MIT */\n"

/* PREFIX_model.h: types, setters, getters, events, handlers. */
void emit_header(struct writer *w, const struct names *n);
/* PREFIX_model.c: the same over libagentmodel; instance: the instance's text, which the glue carries. */
void emit_glue(struct writer *w, const struct names *n, struct ag_span instance);
/* PREFIX.c: an application that runs, for the maker to go on from. */
void emit_app(struct writer *w, const struct names *n);
/* test_PREFIX.c: what the model promises, checked without an agent. */
void emit_test(struct writer *w, const struct names *n);

/* Shared by them. Whether the application has a say in it. */
static inline bool part_is_writable(const struct model_prop *p)
{
    return (p->access & MODEL_WRITE) != 0;
}

/* A property that has a value to show: readable or notifying, or the output or argument of something. */
bool part_is_told(const struct model *m, const struct model_prop *p);
/* device-information is the platform's. */
bool part_is_platform(const struct model *m, const struct model_prop *p);
/* ", uint8_t level, const char *name": an action's inputs or an event's arguments. */
void put_inputs(struct writer *w, const struct names *n, uint32_t first, uint32_t count);

#endif
