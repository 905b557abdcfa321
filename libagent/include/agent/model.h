/* SPDX-License-Identifier: MIT */
/*
 * libagentmodel: a device as its MIoT-Spec instance describes it.
 *
 * An agent_model is a parsed instance: which services, properties, actions and events there are, under which names, with
 * which values. An agent_device serves one on a connection: it answers get_properties, set_properties and action, lets
 * through only what the model allows, keeps the last value of each property and reports what changes.
 *
 *     agent_model *model = NULL;
 *     agent_device *device = NULL;
 *     struct agent_model_error why;
 *     int r = agent_model_load(&model, "/etc/miio/model.json", &why);
 *
 *     if (r >= 0) r = agent_device_new(&device, conn, model);
 *     if (r >= 0) r = agent_device_on_set(device, "light.on", on_light, &lamp);
 *     if (r >= 0) r = agent_open(conn, NULL);
 *     ...
 *     agent_device_set_double(device, "environment.temperature", 21.3);
 *
 * Return values: 0 or positive is success, negative is -errno (agent_strerror() knows it). Any call may return -EINVAL
 * (an argument is out of range, or NULL where that is not said to be allowed) and -ENOMEM; both leave everything as it was.
 *
 * Threads: a model never changes and may be read by any thread; its references are counted without a lock, so only one thread may
 * take and drop them. A device belongs to the thread of its connection.
 *
 * Paths: "light.brightness" is the property of that name with the lowest iid, in the service of that name with the lowest
 * iid; "light.brightness@8" is the one with iid 8; "light@5.brightness" the one in service 5. "2.3" is always service 2,
 * iid 3. A path that is not in the model is -ENOENT.
 *
 * Sources of forms and numbers: the public description of MIoT-Spec v2 instances (iids of 1 to 65535), and the device
 * model's methods (codes -4001 to -4007) as phones and cloud use them.
 */
#ifndef AGENT_MODEL_H
#define AGENT_MODEL_H

#include <agent/agent.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of an instance. */
#define AGENT_MODEL_TEXT_MAX 1048576

/* Codes of one property or action in an answer. */
#define AGENT_MODEL_ACCEPTED     1 /* begun, not finished */
#define AGENT_MODEL_NOT_READABLE (-4001)
#define AGENT_MODEL_NOT_WRITABLE (-4002)
#define AGENT_MODEL_NOT_FOUND    (-4003) /* no such property, action or event */
#define AGENT_MODEL_INTERNAL     (-4004) /* the device could not; also for a property without a value yet */
#define AGENT_MODEL_BAD_VALUE    (-4005) /* wrong type, out of range, off step, not in the list, too long */
#define AGENT_MODEL_BAD_INPUT    (-4006) /* of an action: wrong number or value */
#define AGENT_MODEL_BAD_DID      (-4007)

/* A parsed instance, counted. */
typedef struct agent_model agent_model;
/* A model served on a connection; one owner. */
typedef struct agent_device agent_device;

/* ---- the model ---- */

struct agent_model_error {
    unsigned line; /* of the instance, from 1; 0: the whole of it, or its file */
    char why[160]; /* one line, never empty after an error */
};

/* The caller owns one reference. -EINVAL: not an instance, or one that cannot be right; -EFBIG; for the file -ENOENT, -EACCES
   and so on. ret_error may be NULL. */
AGENT_API int agent_model_load(agent_model **ret_model, const char *path, struct agent_model_error *ret_error);
/* The same from memory; text is not needed afterwards. */
AGENT_API int agent_model_parse(agent_model **ret_model, const char *text, size_t n, struct agent_model_error *ret_error);
AGENT_API agent_model *agent_model_ref(agent_model *model);
/* Returns NULL, takes NULL. */
AGENT_API agent_model *agent_model_unref(agent_model *model);
AGENT_API void agent_model_unrefp(agent_model **model);

/* "air-purifier", and "zhimi-rmb1" or "" when the instance has none. Valid while the model lives. */
AGENT_API const char *agent_model_type(const agent_model *model);
AGENT_API const char *agent_model_name(const agent_model *model);

enum agent_part { AGENT_PART_PROPERTY, AGENT_PART_ACTION, AGENT_PART_EVENT };

enum agent_format {
    AGENT_FORMAT_BOOL,
    AGENT_FORMAT_UINT8,
    AGENT_FORMAT_UINT16,
    AGENT_FORMAT_UINT32,
    AGENT_FORMAT_UINT64, /* values up to 2^63-1 */
    AGENT_FORMAT_INT8,
    AGENT_FORMAT_INT16,
    AGENT_FORMAT_INT32,
    AGENT_FORMAT_INT64,
    AGENT_FORMAT_FLOAT,
    AGENT_FORMAT_STRING,
    AGENT_FORMAT_HEX,
    AGENT_FORMAT_NONE /* any JSON value; of an action or event */
};

/* One part of a model. Text is valid while the model lives, and "" where the instance has none. */
struct agent_part_info {
    unsigned siid, iid;
    const char *path;
    const char *description;
    /* of a property */
    enum agent_format format;
    int readable, writable, notifies;
    int has_range;
    double min, max, step; /* with has_range */
    unsigned n_choices;    /* of its value-list, see agent_model_choice() */
    size_t max_length;     /* bytes of a string; 0: no limit of its own */
    const char *unit;
    /* of an action, and of an event (out) */
    unsigned n_in, n_out;
};

/* How many there are, and the one with that index, service by service. -ENOENT: there are not so many. */
AGENT_API size_t agent_model_count(const agent_model *model, enum agent_part part);
AGENT_API int agent_model_part(const agent_model *model, enum agent_part part, size_t index, struct agent_part_info *ret);
AGENT_API int agent_model_find(const agent_model *model, enum agent_part part, const char *path, struct agent_part_info *ret);
/* An entry of a property's value-list. -ENOENT. */
AGENT_API int agent_model_choice(const agent_model *model, const char *path, unsigned index, double *ret_value,
                                 const char **ret_description);
/* Whether a JSON value may be what a property holds: 0, or AGENT_MODEL_NOT_FOUND, AGENT_MODEL_BAD_VALUE. */
AGENT_API int agent_model_check(const agent_model *model, const char *path, const char *json);

/* ---- the device ---- */

enum agent_value_type { AGENT_VALUE_BOOL, AGENT_VALUE_INT, AGENT_VALUE_DOUBLE, AGENT_VALUE_STRING, AGENT_VALUE_JSON };

/* A value that the model allows. */
struct agent_value {
    enum agent_value_type
        type; /* BOOL of format bool, INT of integers, DOUBLE of float, STRING of string and hex, JSON of none */
    int b;
    int64_t i;
    double d;      /* of INT too; without the sender's rounding: 21.3 for 21.299999 at steps of 0.1 */
    const char *s; /* of STRING, escapes resolved, NUL-terminated; of JSON its text. Borrowed for the call. */
    size_t len;    /* of s */
};

/* Who asked, for handlers that want to know: see agent_request_origin(). */
struct agent_asked {
    unsigned siid, iid;
    agent_request *request; /* borrowed */
};

/*
 * A writable property is to become value. 0: done, the device keeps the value and reports the change;
 * AGENT_MODEL_ACCEPTED: begun, the application sets the value when it is done; negative: a code of the model, or -errno,
 * which is answered as AGENT_MODEL_INTERNAL.
 */
typedef int (*agent_set_fn)(agent_device *device, const struct agent_asked *asked, const struct agent_value *value, void *user);
/*
 * A readable property is asked for: set it with agent_device_set_*() now if it is not kept up to date anyway. 0, or
 * negative as above.
 */
typedef int (*agent_get_fn)(agent_device *device, const struct agent_asked *asked, void *user);
/*
 * An action: in has the n_in values of its inputs, in the order of the model. Its outputs are what the properties of its
 * out list hold when fn returns. Results as for agent_set_fn.
 */
typedef int (*agent_action_fn)(agent_device *device, const struct agent_asked *asked, const struct agent_value *in, size_t n_in,
                               void *user);

/*
 * Subscribes to get_properties, set_properties and action on conn (open or not); the device holds references to conn and
 * model. Other subscriptions of the connection are not touched. -EEXIST: the connection serves one of the three already.
 *
 * Service 1, device-information (manufacturer, model, serial-number, firmware-revision), is filled from miIO.info as far
 * as nothing else is set.
 */
AGENT_API int agent_device_new(agent_device **ret_device, agent_conn *conn, agent_model *model);
/*
 * Unsubscribes and frees, after reporting the changes that still wait. Returns NULL, takes NULL. Not inside a callback of
 * this device.
 */
AGENT_API agent_device *agent_device_free(agent_device *device);
AGENT_API agent_model *agent_device_model(agent_device *device);
AGENT_API agent_conn *agent_device_conn(agent_device *device);

/*
 * Handlers; fn NULL removes one. path NULL: for all that have no handler of their own. Without a handler a writable property
 * takes and keeps what the model allows, a readable one answers what it holds, and an action is answered AGENT_MODEL_INTERNAL.
 */
AGENT_API int agent_device_on_set(agent_device *device, const char *path, agent_set_fn fn, void *user);
AGENT_API int agent_device_on_get(agent_device *device, const char *path, agent_get_fn fn, void *user);
AGENT_API int agent_device_on_action(agent_device *device, const char *path, agent_action_fn fn, void *user);

/*
 * What a property holds from now on. 1: another value than before; 0: the same; -ENOENT: no such property; -EDOM: the
 * model does not allow it (an error in the application).
 *
 * A change of a property that notifies is reported with properties_changed: all changes of one turn in one report, the
 * last value of each; while there is no connection they wait, the last value of each.
 */
AGENT_API int agent_device_set_bool(agent_device *device, const char *path, int value);
AGENT_API int agent_device_set_int(agent_device *device, const char *path, int64_t value);
AGENT_API int agent_device_set_double(agent_device *device, const char *path, double value); /* moved onto the nearest step */
AGENT_API int agent_device_set_string(agent_device *device, const char *path, const char *value);
AGENT_API int agent_device_set_json(agent_device *device, const char *path, const char *json);

/* What it holds. -ENOENT: no such property; -ENODATA: nothing yet. s of ret is valid until the property is set again. */
AGENT_API int agent_device_get(agent_device *device, const char *path, struct agent_value *ret);

/*
 * Reports an event with the values that its arguments' properties hold. fn and user as for agent_call(); fn NULL: without an
 * acknowledgement. -ENODATA: an argument holds nothing yet. Otherwise as agent_report_event().
 */
AGENT_API int agent_device_event(agent_device *device, const char *path, agent_call_fn fn, void *user);
/* Reports the changes that wait now, instead of at the end of the turn. 0, or as agent_call(). */
AGENT_API int agent_device_flush(agent_device *device);

#ifdef __cplusplus
}
#endif

#endif
