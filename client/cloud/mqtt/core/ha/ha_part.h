/* SPDX-License-Identifier: MIT */
/*
 * Inside the device discovery: the message while it is written, and what its parts share. ha_part.c frames a component and
 * finds what it is made of, ha_template.c writes templates and commands, ha_class.c knows classes and units, ha_name.c names;
 * ha_light.c, ha_air.c (climate, water_heater), ha_fan.c (fan, humidifier), ha_cover.c, ha_vacuum.c and ha_plain.c (one
 * property, action or event) write components. ha_model.c is built on all of them: it walks the model and frames the message.
 */
#ifndef CLIENT_HA_PART_H
#define CLIENT_HA_PART_H

#include "client/cloud/mqtt/core/ha/ha_choice.h"
#include "client/cloud/mqtt/core/ha/ha_device.h"
#include "client/cloud/mqtt/core/ha/ha_name.h"

enum { HA_CHOICES_MAX = 256 }; /* of a list that is offered as such; a longer one becomes a number */

struct ha_part {
    const struct model *m;
    const struct ha_model_device *d;
    struct ha_names names;
    bool *taken, *action_taken; /* by index: some component has it */
    bool has_main;              /* one component carries the device's own name */
    bool has_vacuum;            /* there is one state topic for them */
    struct ha_text out;         /* the members of "components" */
    struct ha_text list;        /* see ha_model_message.components */
    size_t out_mark;
    unsigned n, n_left_out;
};

/* ---- ha_part.c: the frame of a component ---- */

struct ha_head {
    const char *platform;
    char key[32]; /* in "components", and behind miio_DID_ in the unique id */
    char unique[32];
    const char *name;     /* NULL: the device's own */
    const char *entity;   /* the entity id behind its platform and miio_DID_ */
    const char *category; /* entity_category; NULL: none */
    const char *device_class;
};

void ha_begin(struct ha_part *h, const struct ha_head *head);
void ha_end(struct ha_part *h, const struct ha_head *head);
/* A service as one component of that platform. */
void ha_begin_service(struct ha_part *h, struct ha_head *head, const struct model_service *s, const char *platform);

/* The first property of the service with that name and all of that access that no component has; NULL: none. */
const struct model_prop *ha_find(const struct ha_part *h, const struct model_service *s, const char *name, unsigned access);
/* The same for a reading that others may show, too; in the service, or in one of the environment. */
const struct model_prop *ha_find_reading(const struct ha_part *h, const struct model_service *s, const char *name);
const struct model_call *ha_find_action(const struct ha_part *h, const struct model_service *s, const char *name);
void ha_take(struct ha_part *h, const struct model_prop *p); /* NULL allowed */
bool ha_taken(const struct ha_part *h, const struct model_prop *p);
bool ha_service_is(const struct ha_part *h, const struct model_service *s, const char *const *names);

static inline const char *ha_prop_name(const struct ha_part *h, const struct model_prop *p)
{
    return model_str(h->m, p->name);
}

static inline bool ha_readable(const struct model_prop *p)
{
    return p->access & (MODEL_READ | MODEL_NOTIFY);
}

static inline bool ha_writable(const struct model_prop *p)
{
    return p->access & MODEL_WRITE;
}

static inline bool ha_is_number(const struct model_prop *p)
{
    return p->format >= MODEL_UINT8 && p->format <= MODEL_FLOAT;
}

/* Offered as a list. */
static inline bool ha_is_list(const struct model_prop *p)
{
    return p->n_choices > 0 && p->n_choices <= HA_CHOICES_MAX;
}

/* ---- ha_template.c ---- */

void ha_number(struct ha_text *t, const struct model_prop *p, int64_t units);
/* Most digits behind the point that a value of the property has; 6 when nothing says it. */
unsigned ha_decimals(const struct model_prop *p);
/* value_json['2.3'] */
void ha_value(struct ha_text *t, const struct ha_part *h, const struct model_prop *p);
/* {% set NAME = value_json['2.3'] %} */
void ha_set(struct ha_text *t, const struct ha_part *h, const struct model_prop *p, const char *name);

/* A command: begin, entries separated by commas, end. entry_begin and entry_end hold a value that the caller writes. */
void ha_command_begin(struct ha_text *t);
void ha_entry_begin(struct ha_text *t, const struct ha_part *h, const struct model_prop *p);
void ha_entry_end(struct ha_text *t);
void ha_entry(struct ha_text *t, const struct ha_part *h, const struct model_prop *p, const char *value);
void ha_command_end(struct ha_text *t);
/* A whole command for one property; the value is a JSON text or a template. */
void ha_command(struct ha_text *t, const struct ha_part *h, const struct model_prop *p, const char *value);
void ha_action(struct ha_text *t, const struct ha_part *h, const struct model_call *a);

/* An expression, limited to the property's range and rounded to its step; least replaces its minimum. */
void ha_snap(struct ha_text *t, const struct model_prop *p, const char *expression, int64_t least);

/* ,"KEY_topic":state,"KEY_TEMPLATE":... and the like: members with templates of one property. */
void ha_put_bool_state(struct ha_part *h, const char *topic, const char *template, const struct model_prop *p, const char *on,
                       const char *off);
void ha_put_number_state(struct ha_part *h, const char *topic, const char *template, const struct model_prop *p);
void ha_put_choice_state(struct ha_part *h, const char *topic, const char *template, const struct model_prop *p,
                         const struct ha_choices *c);
void ha_put_bool_command(struct ha_part *h, const char *topic, const char *template, const struct model_prop *p, const char *on);
void ha_put_number_command(struct ha_part *h, const char *topic, const char *template, const struct model_prop *p);
void ha_put_choice_command(struct ha_part *h, const char *topic, const char *template, const struct model_prop *p,
                           const struct ha_choices *c);

/* ,"KEY":["a","b"] */
void ha_put_texts(struct ha_part *h, const char *key, const struct ha_choices *c);

/* The choices of a property; numbers has the texts of their values. */
struct ha_prop_choices {
    struct ha_choices c;
    char *numbers;
};
void ha_prop_choices_read(struct ha_part *h, const struct model_prop *p, struct ha_prop_choices *out);
void ha_prop_choices_deinit(struct ha_prop_choices *c);

/* Home Assistant's own words for the values of a list: by description. words[i] for choice i; NULL: none. */
typedef const char *ha_word_fn(const char *lower);
/* {0:'auto',2:'cool'}; or turned: the other way round, where the first value of a word counts. */
void ha_word_map(struct ha_text *t, const struct ha_part *h, const struct model_prop *p, ha_word_fn *word, bool turned);
/* Whether each value has a word of its own. */
bool ha_words_cover(const struct ha_part *h, const struct model_prop *p, ha_word_fn *word);
/* The value that has the word, as a choice; NULL. */
const struct model_choice *ha_word_choice(const struct ha_part *h, const struct model_prop *p, ha_word_fn *word,
                                          const char *wanted);
/* word(description in lower case). */
const char *ha_word_of(const struct ha_part *h, const struct model_choice *c, ha_word_fn *word);

/* ---- ha_class.c ---- */

/* As Home Assistant writes it; "" for none. */
const char *ha_unit(const char *unit);
struct ha_class {
    const char *device_class; /* NULL: none */
    const char *state_class;  /* of sensors; NULL: none */
};
/* Of a number by its name, when its unit is one that the class takes. unit is Home Assistant's. */
struct ha_class ha_class_of(const char *name, const char *unit);
const char *ha_binary_class(const char *name);
/* "config", "diagnostic" or NULL. */
const char *ha_category(const char *service, const char *property, bool writable);

/* ---- components; false: the service lacks what is needed ---- */

bool ha_light(struct ha_part *h, const struct model_service *s);
bool ha_climate(struct ha_part *h, const struct model_service *s);
bool ha_water_heater(struct ha_part *h, const struct model_service *s);
bool ha_fan(struct ha_part *h, const struct model_service *s);
bool ha_humidifier(struct ha_part *h, const struct model_service *s);
bool ha_cover(struct ha_part *h, const struct model_service *s);
bool ha_vacuum(struct ha_part *h, const struct model_service *s);

void ha_plain_prop(struct ha_part *h, const struct model_prop *p);
void ha_plain_action(struct ha_part *h, const struct model_call *a);
void ha_plain_event(struct ha_part *h, const struct model_call *e);
void ha_firmware(struct ha_part *h);

#endif
