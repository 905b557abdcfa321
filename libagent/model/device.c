/* SPDX-License-Identifier: MIT */
/*
 * A model served on a connection. Requests go through model_serve_*(), which calls back into do_*() for what the model allows;
 * changes wait in values and leave as one report at the end of the turn.
 *
 * The end of a turn is an agent_post(), and a report under way outlives the device: both know it through a link that is
 * cut when the device goes.
 */
#include <agent/model.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/core/json/json.h"
#include "libagent/core/text/double.h"
#include "libagent/model/core/number.h"
#include "libagent/model/core/serve.h"
#include "libagent/model/core/values.h"
#include "libagent/model/info.h"
#include "libagent/model/model.h"
#include "libagent/model/text.h"

enum { RETRY_MS = 5000, REPORT_TIMEOUT_MS = 30000, ANSWER_MAX = 1024 /* that is kept */ };

struct link {
    unsigned refs;
    agent_device *device; /* NULL: gone */
};

/* A report under way. */
struct report {
    struct link *link;
    uint32_t batch;
};

struct set_handler {
    agent_set_fn fn;
    void *user;
};

struct get_handler {
    agent_get_fn fn;
    void *user;
};

struct action_handler {
    agent_action_fn fn;
    void *user;
};

struct agent_device {
    agent_conn *conn;
    agent_model *model;
    struct model_values values;
    struct link *link;
    agent_slot *slots[4];
    agent_slot *retry;          /* timer; NULL: none runs */
    struct set_handler *on_set; /* one per property and one for the rest; so on_get */
    struct get_handler *on_get;
    struct action_handler *on_action; /* one per action and one for the rest */
    struct model_info info;
    struct ag_buf text;             /* scratch: decoded strings, values under check */
    struct ag_buf answer;           /* scratch, while a request is under way */
    agent_request *request;         /* under way, borrowed */
    const struct model_prop *asked; /* a handler decides about it */
    bool asked_is_set;              /* and has set it itself */
    bool client_is_there;           /* as far as the agent has said */
    bool posted;                    /* the end of the turn is awaited */
    uint32_t batch;                 /* of the last report */
};

/* ---- the link ---- */

static struct link *link_ref(struct link *l)
{
    l->refs++;
    return l;
}

static void link_unref(struct link *l)
{
    if (--l->refs == 0)
        free(l);
}

/* ---- reports ---- */

/* Reports again what did not arrive. */
static void tell_again(agent_device *d)
{
    ag_model_values_retry(&d->values);
    agent_device_flush(d);
}

static void on_retry(agent_conn *conn, void *user)
{
    agent_device *d = user;

    (void) conn;
    d->retry = agent_slot_unref(d->retry);
    tell_again(d);
}

/* What became of a report. WAIT: until the agent, or the client, is back; the library tells us of either. */
enum fate { FATE_DONE, FATE_WAIT, FATE_TRY_AGAIN };

static enum fate fate_of(const agent_device *d, int status, const char *error)
{
    int code = status == AGENT_E_REMOTE ? agent_error_code(error) : 0;

    if (status == AGENT_E_LOST || (code == AGENT_CODE_NOT_CONNECTED && !d->client_is_there))
        return FATE_WAIT;
    if (status == AGENT_E_TIMEOUT || code == AGENT_CODE_BUSY || code == AGENT_CODE_NO_ACK || code == AGENT_CODE_SHUTTING_DOWN)
        return FATE_TRY_AGAIN;
    return FATE_DONE; /* taken, or refused and would be refused again (by a client without a cloud, say) */
}

static void on_reported(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct report *r = user;
    agent_device *d = r->link->device;
    enum fate fate = d ? fate_of(d, status, error) : FATE_DONE;

    (void) result;
    if (fate != FATE_DONE && ag_model_values_untold(&d->values, r->batch) && fate == FATE_TRY_AGAIN && !d->retry &&
        agent_timer(conn, &d->retry, RETRY_MS, 0, on_retry, d) < 0)
        d->retry = NULL;
    link_unref(r->link);
    free(r);
}

static int send_changes(agent_device *d)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf params = AG_BUF_INIT;
    struct report *report;
    uint32_t batch = d->batch + 1 ? d->batch + 1 : 1;
    int r = ag_model_values_put_changes(&d->values, ag_model_info_did(&d->info), &params);

    if (r < 0 || !ag_buf_cstr(&params) || !(report = malloc(sizeof *report)))
        return -ENOMEM;
    *report = (struct report){link_ref(d->link), batch};
    r = agent_call(d->conn, NULL, "properties_changed", ag_buf_cstr(&params), REPORT_TIMEOUT_MS, on_reported, report);
    if (r < 0) {
        link_unref(report->link);
        free(report);
        return r;
    }
    d->batch = batch;
    ag_model_values_told(&d->values, batch);
    return 0;
}

int agent_device_flush(agent_device *device)
{
    if (!device)
        return -EINVAL;
    if (device->values.n_changed == 0)
        return 0;
    if (agent_get_state(device->conn) < AGENT_CONNECTED)
        return -ENOTCONN; /* on_registered() comes with the next connection */
    return send_changes(device);
}

static void on_turn_end(agent_conn *conn, void *user)
{
    struct link *l = user;

    (void) conn;
    if (l->device) {
        l->device->posted = false;
        agent_device_flush(l->device);
    }
    link_unref(l);
}

static void schedule(agent_device *d)
{
    if (d->posted || d->values.n_changed == 0)
        return;
    if (agent_post(d->conn, on_turn_end, d->link) == 0) {
        link_ref(d->link);
        d->posted = true;
    } else {
        agent_device_flush(d);
    }
}

/* ---- values ---- */

/* out->s is put into text behind what is there already; place_strings() settles where it points. */
static int decode(const struct model_prop *p, uint8_t kind, int64_t units, struct ag_span raw, struct ag_buf *text,
                  struct agent_value *out)
{
    size_t start = text->len;
    long n;

    *out = (struct agent_value){.type = AGENT_VALUE_JSON};
    if (kind == MODEL_VALUE_BOOL) {
        out->type = AGENT_VALUE_BOOL;
        out->b = units != 0;
        return 0;
    }
    if (kind == MODEL_VALUE_NUMBER) {
        out->type = p->format == MODEL_FLOAT ? AGENT_VALUE_DOUBLE : AGENT_VALUE_INT;
        out->d = ag_model_number_double(units, p->scale);
        out->i = p->format == MODEL_FLOAT ? (int64_t) out->d : units;
        return 0;
    }
    if (p->format == MODEL_FLOAT) {
        out->type = AGENT_VALUE_DOUBLE;
        return ag_double_read(raw, &out->d);
    }
    if (ag_buf_reserve(text, raw.len + 1) < 0)
        return -ENOMEM;
    if (kind == MODEL_VALUE_TEXT) {
        out->type = AGENT_VALUE_STRING;
        n = ag_json_unescape(raw, text->data + start, raw.len);
        if (n < 0 || memchr(text->data + start, 0, (size_t) n))
            return MODEL_BAD_VALUE; /* no C string can hold it */
    } else {
        n = (long) raw.len;
        memcpy(text->data + start, raw.p, raw.len);
    }
    text->data[start + (size_t) n] = '\0';
    text->len += (size_t) n + 1;
    out->len = (size_t) n;
    return 0;
}

/* The strings of n values are in text, one after the other. */
static void place_strings(struct agent_value *values, size_t n, const struct ag_buf *text)
{
    const char *at = text->data;

    for (size_t i = 0; i < n; i++) {
        if (values[i].type != AGENT_VALUE_STRING && values[i].type != AGENT_VALUE_JSON)
            continue;
        values[i].s = at;
        at += values[i].len + 1;
    }
}

static int keep(agent_device *d, const struct model_prop *p, const struct model_value *v)
{
    int r = ag_model_values_put(&d->values, p, v);

    if (p == d->asked)
        d->asked_is_set = true;
    if (r > 0)
        schedule(d);
    return r;
}

/* ---- what the core asks for ---- */

static struct agent_asked asked_of(agent_device *d, const struct model_prop *p)
{
    return (struct agent_asked){model_prop_siid(&d->model->m, p), p->iid, d->request};
}

static int do_get(void *user, const struct model_prop *p, struct ag_buf *out)
{
    agent_device *d = user;
    size_t i = (size_t) (p - d->model->m.props);
    const struct get_handler *h = d->on_get[i].fn ? &d->on_get[i] : &d->on_get[d->model->m.n_props];
    struct agent_asked asked = asked_of(d, p);
    int r = h->fn ? h->fn(d, &asked, h->user) : 0;

    return r < 0 ? r : ag_model_values_write(&d->values, p, out);
}

static int do_set(void *user, const struct model_prop *p, const struct model_value *value)
{
    agent_device *d = user;
    size_t i = (size_t) (p - d->model->m.props);
    const struct set_handler *h = d->on_set[i].fn ? &d->on_set[i] : &d->on_set[d->model->m.n_props];
    struct agent_asked asked = asked_of(d, p);
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct agent_value v;
    int r = decode(p, value->kind, value->units, value->raw, &text, &v);

    if (r != 0)
        return r;
    place_strings(&v, 1, &text);
    d->asked = p;
    d->asked_is_set = false;
    r = h->fn ? h->fn(d, &asked, &v, h->user) : 0;
    d->asked = NULL;
    if (r == 0 && !d->asked_is_set)
        r = keep(d, p, value) < 0 ? -ENOMEM : 0;
    return r;
}

static int put_outputs(agent_device *d, const struct model_call *action, struct ag_buf *out)
{
    const struct model *m = &d->model->m;
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < action->n_out; i++) {
        if (i > 0)
            r = ag_buf_append_char(out, ',');
        if (r == 0)
            r = ag_model_values_write(&d->values, &m->props[m->args[action->first_out + i]], out);
    }
    return r;
}

static int do_act(void *user, const struct model_call *action, const struct model_value *in, struct ag_buf *out)
{
    agent_device *d = user;
    const struct model *m = &d->model->m;
    size_t i = (size_t) (action - m->actions);
    const struct action_handler *h = d->on_action[i].fn ? &d->on_action[i] : &d->on_action[m->n_actions];
    struct agent_asked asked = {model_call_siid(m, action), action->iid, d->request};
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct agent_value values[MODEL_ARGS_MAX];
    int r;

    if (!h->fn)
        return MODEL_INTERNAL;
    for (uint32_t n = 0; n < action->n_in; n++) {
        r = decode(&m->props[m->args[action->first_in + n]], in[n].kind, in[n].units, in[n].raw, &text, &values[n]);
        if (r != 0)
            return r == MODEL_BAD_VALUE ? MODEL_BAD_INPUT : r;
    }
    place_strings(values, action->n_in, &text);
    r = h->fn(d, &asked, values, action->n_in, h->user);
    return r == 0 ? put_outputs(d, action, out) : r;
}

static const struct model_ops ops = {do_get, do_set, do_act};

/* ---- requests ---- */

typedef int (*serve_fn)(const struct model *m, const struct model_ops *ops, void *user, struct ag_span params,
                        struct ag_buf *out);

static int serve(agent_request *req, agent_device *d, serve_fn fn, const char *wanted)
{
    const char *params = agent_request_params(req), *answer;
    int r;

    d->request = req;
    ag_buf_clear(&d->answer);
    r = fn(&d->model->m, &ops, d, (struct ag_span){params, strlen(params)}, &d->answer);
    d->request = NULL;
    answer = r < 0 ? NULL : ag_buf_cstr(&d->answer);
    r = answer         ? agent_reply(req, answer)
        : r == -EINVAL ? agent_reply_error(req, AGENT_CODE_INVALID_PARAMS, wanted)
                       : agent_reply_error(req, AGENT_CODE_BUSY, "out of memory");
    if (d->answer.cap > ANSWER_MAX)
        ag_buf_deinit(&d->answer);
    return r;
}

static int on_get_properties(agent_request *req, void *user)
{
    return serve(req, user, ag_model_serve_get, "params must be an array");
}

static int on_set_properties(agent_request *req, void *user)
{
    return serve(req, user, ag_model_serve_set, "params must be an array");
}

static int on_action(agent_request *req, void *user)
{
    return serve(req, user, ag_model_serve_action, "params must be an object");
}

/* ---- what the client knows ---- */

/* Comes after each connect. */
static void on_registered(agent_slot *slot, int status, void *user)
{
    agent_device *d = user;

    (void) slot;
    (void) status;
    ag_model_info_ask(&d->info);
    tell_again(d);
}

static void on_status(agent_conn *conn, const char *status, void *user)
{
    agent_device *d = user;
    bool was_there = d->client_is_there;

    (void) conn;
    d->client_is_there = strcmp(status, AGENT_STATUS_UNKNOWN) != 0;
    if (d->client_is_there && !was_there)
        tell_again(d);
}

static void on_info(void *user, const struct model_prop *p, const char *text)
{
    agent_device *d = user;

    if (!ag_model_values_get(&d->values, p))
        agent_device_set_string(d, model_str(&d->model->m, p->path), text);
}

/* ---- start and end ---- */

static int subscribe(agent_device *d)
{
    int r = agent_subscribe_mode(d->conn, &d->slots[0], "get_properties", AGENT_SHARED, on_get_properties, on_registered, d);

    if (r >= 0)
        r = agent_subscribe(d->conn, &d->slots[1], "set_properties", on_set_properties, d);
    if (r >= 0)
        r = agent_subscribe(d->conn, &d->slots[2], "action", on_action, d);
    return r >= 0 ? agent_follow_status(d->conn, &d->slots[3], on_status, d) : r;
}

int agent_device_new(agent_device **ret_device, agent_conn *conn, agent_model *model)
{
    agent_device *d;
    int r;

    if (!ret_device || !conn || !model)
        return -EINVAL;
    d = calloc(1, sizeof *d);
    if (!d)
        return -ENOMEM;
    d->conn = agent_ref(conn);
    d->model = agent_model_ref(model);
    d->link = calloc(1, sizeof *d->link);
    d->on_set = calloc(model->m.n_props + 1, sizeof *d->on_set);
    d->on_get = calloc(model->m.n_props + 1, sizeof *d->on_get);
    d->on_action = calloc(model->m.n_actions + 1, sizeof *d->on_action);
    ag_model_info_init(&d->info, conn, &model->m, on_info, d);
    r = ag_model_values_init(&d->values, &model->m);
    if (d->link) {
        d->link->refs = 1;
        d->link->device = d;
    }
    if (!d->link || !d->on_set || !d->on_get || !d->on_action)
        r = -ENOMEM;
    if (r >= 0)
        r = subscribe(d);
    if (r < 0) {
        agent_device_free(d);
        return r;
    }
    *ret_device = d;
    return 0;
}

agent_device *agent_device_free(agent_device *d)
{
    if (!d)
        return NULL;
    if (d->values.m)
        agent_device_flush(d);
    for (size_t i = 0; i < ag_array_size(d->slots); i++)
        agent_slot_unref(d->slots[i]);
    agent_slot_unref(d->retry);
    ag_model_info_deinit(&d->info);
    if (d->link) {
        d->link->device = NULL;
        link_unref(d->link);
    }
    if (d->values.m)
        ag_model_values_deinit(&d->values);
    free(d->on_set);
    free(d->on_get);
    free(d->on_action);
    ag_buf_deinit(&d->text);
    ag_buf_deinit(&d->answer);
    agent_model_unref(d->model);
    agent_unref(d->conn);
    free(d);
    return NULL;
}

agent_model *agent_device_model(agent_device *device)
{
    return device ? device->model : NULL;
}

agent_conn *agent_device_conn(agent_device *device)
{
    return device ? device->conn : NULL;
}

/* ---- handlers ---- */

static const struct model_prop *find(const agent_device *d, const char *path)
{
    return ag_model_name_prop(&d->model->m, path);
}

/* Where the handler of path is kept; path NULL: that of the rest. -ENOENT. */
static long prop_index(const agent_device *d, const char *path)
{
    const struct model_prop *p = path ? find(d, path) : NULL;

    return !path ? (long) d->model->m.n_props : p ? (long) (p - d->model->m.props) : -ENOENT;
}

int agent_device_on_set(agent_device *device, const char *path, agent_set_fn fn, void *user)
{
    long i = device ? prop_index(device, path) : -EINVAL;

    if (i < 0)
        return (int) i;
    device->on_set[i] = (struct set_handler){fn, user};
    return 0;
}

int agent_device_on_get(agent_device *device, const char *path, agent_get_fn fn, void *user)
{
    long i = device ? prop_index(device, path) : -EINVAL;

    if (i < 0)
        return (int) i;
    device->on_get[i] = (struct get_handler){fn, user};
    return 0;
}

int agent_device_on_action(agent_device *device, const char *path, agent_action_fn fn, void *user)
{
    const struct model_call *a = NULL;

    if (!device)
        return -EINVAL;
    if (path && !(a = ag_model_name_action(&device->model->m, path)))
        return -ENOENT;
    device->on_action[a ? (uint32_t) (a - device->model->m.actions) : device->model->m.n_actions] =
        (struct action_handler){fn, user};
    return 0;
}

/* ---- values from the application ---- */

int agent_device_set_json(agent_device *device, const char *path, const char *json)
{
    const struct model_prop *p;
    struct model_value v;
    struct ag_span raw;

    if (!device || !path || !json)
        return -EINVAL;
    if (!(p = find(device, path)))
        return -ENOENT;
    return ag_model_text_value(json, &raw) == 0 && ag_model_check(&device->model->m, p, raw, &v) == MODEL_FINE
               ? keep(device, p, &v)
               : -EDOM;
}

int agent_device_set_bool(agent_device *device, const char *path, int value)
{
    return agent_device_set_json(device, path, value ? "true" : "false");
}

int agent_device_set_int(agent_device *device, const char *path, int64_t value)
{
    char text[MODEL_NUMBER_TEXT];

    ag_model_number_write(value, 0, text);
    return agent_device_set_json(device, path, text);
}

int agent_device_set_double(agent_device *device, const char *path, double value)
{
    const struct model_prop *p;
    struct model_value v;
    char text[AG_DOUBLE_TEXT];

    if (!device || !path)
        return -EINVAL;
    if (!(p = find(device, path)))
        return -ENOENT;
    if (p->format == MODEL_FLOAT && !p->has_range && p->n_choices == 0 && value - value == 0) { /* finite */
        ag_double_print(value, false, text);
        return agent_device_set_json(device, path, text);
    }
    return ag_model_check_double(&device->model->m, p, value, &v) == MODEL_FINE ? keep(device, p, &v) : -EDOM;
}

int agent_device_set_string(agent_device *device, const char *path, const char *value)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf json = AG_BUF_INIT;

    if (!device || !path || !value)
        return -EINVAL;
    if (ag_buf_append_json_str(&json, value, strlen(value)) < 0 || !ag_buf_cstr(&json))
        return -ENOMEM;
    return agent_device_set_json(device, path, ag_buf_cstr(&json));
}

int agent_device_get(agent_device *device, const char *path, struct agent_value *ret)
{
    const struct model_prop *p;
    const struct model_held *h;
    struct ag_span raw = {"", 0};
    int r;

    if (!device || !path || !ret)
        return -EINVAL;
    if (!(p = find(device, path)))
        return -ENOENT;
    if (!(h = ag_model_values_get(&device->values, p)))
        return -ENODATA;
    if (h->text)
        raw = (struct ag_span){h->text, strlen(h->text)};
    ag_buf_clear(&device->text);
    r = decode(p, h->kind, h->units, raw, &device->text, ret);
    if (r == 0)
        place_strings(ret, 1, &device->text);
    return r == MODEL_BAD_VALUE ? -EILSEQ : r;
}

/* ---- events ---- */

static int put_arguments(agent_device *d, const struct model_call *event, struct ag_buf *out)
{
    const struct model *m = &d->model->m;
    int r = ag_buf_append_char(out, '[');

    for (uint32_t i = 0; r == 0 && i < event->n_out; i++) {
        const struct model_prop *p = &m->props[m->args[event->first_out + i]];

        r = ag_buf_printf(out, "%s{\"piid\":%u,\"value\":", i ? "," : "", p->iid);
        if (r == 0)
            r = ag_model_values_write(&d->values, p, out);
        if (r == 0)
            r = ag_buf_append_char(out, '}');
    }
    return r == 0 ? ag_buf_append_char(out, ']') : r;
}

int agent_device_event(agent_device *device, const char *path, agent_call_fn fn, void *user)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf arguments = AG_BUF_INIT;
    const struct model_call *event;
    int r;

    if (!device || !path)
        return -EINVAL;
    if (!(event = ag_model_name_event(&device->model->m, path)))
        return -ENOENT;
    r = put_arguments(device, event, &arguments);
    if (r < 0)
        return r == -ENOENT ? -ENODATA : r;
    if (!ag_buf_cstr(&arguments))
        return -ENOMEM;
    agent_device_flush(device); /* earlier changes are reported first */
    return agent_report_miot_event(device->conn, ag_model_info_did_text(&device->info), model_call_siid(&device->model->m, event),
                                   event->iid, ag_buf_cstr(&arguments), fn, user);
}
