/* SPDX-License-Identifier: MIT */
/* get, set, do, watch: a device by the names of its model. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "agent/ctl/events.h"
#include "agent/ctl/names.h"
#include "libagent/core/buf.h"
#include "libagent/core/json/json_walk.h"
#include "libagent/model/core/number.h"
#include "libagent/model/core/value.h"

enum { BATCH_MAX = 50 };

/* A list of properties to ask for. */
struct asked {
    const struct model_prop **props;
    size_t n;
};

static int no_memory(void)
{
    ctl_error("%s", strerror(ENOMEM));
    return CTL_FAILED;
}

/* ---- names ---- */

/* "light" for all of a service's properties, when there is no property of that name. */
static bool is_of_service(const struct model *m, const struct model_prop *p, const char *name)
{
    const char *path = model_str(m, p->path);
    size_t n = strlen(name);

    return strncmp(path, name, n) == 0 && path[n] == '.';
}

static int add_named(struct asked *a, const struct model *m, const char *name, unsigned access)
{
    const struct model_prop *p = ag_model_name_prop(m, name);
    size_t before = a->n;

    if (p) {
        a->props[a->n++] = p;
        return CTL_OK;
    }
    for (uint32_t i = 0; i < m->n_props; i++)
        if (is_of_service(m, &m->props[i], name) && (m->props[i].access & access))
            a->props[a->n++] = &m->props[i];
    if (a->n > before)
        return CTL_OK;
    ctl_error("%s: no such property; miioctl --model FILE get lists them", name);
    return CTL_FAILED;
}

/* No name: all that may be had. The caller frees a->props. */
static int collect(struct asked *a, const struct model *m, int n, char **names, unsigned access)
{
    int r = CTL_OK;

    a->props = calloc(((size_t) n + 1) * (m->n_props + 1), sizeof *a->props);
    if (!a->props)
        return no_memory();
    for (uint32_t i = 0; n == 0 && i < m->n_props; i++)
        if (m->props[i].access & access)
            a->props[a->n++] = &m->props[i];
    for (int i = 0; r == CTL_OK && i < n; i++)
        r = add_named(a, m, names[i], access);
    return r;
}

/* ---- answers ---- */

static const char *code_text(long code)
{
    switch (code) {
    case MODEL_ACCEPTED:
        return "accepted, not finished yet";
    case MODEL_NOT_READABLE:
        return "cannot be read";
    case MODEL_NOT_WRITABLE:
        return "cannot be written";
    case MODEL_NOT_FOUND:
        return "the device has no such thing";
    case MODEL_INTERNAL:
        return "the device could not";
    case MODEL_BAD_VALUE:
        return "the device does not take this value";
    case MODEL_BAD_INPUT:
        return "the device does not take these inputs";
    case MODEL_BAD_DID:
        return "not this device";
    default:
        return "an error of the device's own";
    }
}

static long code_of(struct ag_json_value entry)
{
    struct ag_json_value v =
        entry.type == AG_JSON_OBJECT ? ag_json_member(entry, "code") : (struct ag_json_value){AG_JSON_NONE, {NULL, 0}};

    return v.type == AG_JSON_NUMBER ? strtol(v.raw.p, NULL, 10) : 0;
}

/* Reports a negative code; true: it was none. */
static bool code_is_good(const char *name, struct ag_json_value entry)
{
    long code = code_of(entry);

    if (code < 0)
        ctl_error("%s: %s (%ld)", name, code_text(code), code);
    return code >= 0;
}

/* A command to the device, as if from the cloud. *result_out is for free(). */
static int command(struct ctl *ctl, const char *method, const struct ag_buf *params, char **result_out)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    char *text = NULL;
    int r;

    if (ag_buf_printf(&b, "{\"method\":\"%s\",\"params\":%.*s}", method, (int) ag_buf_size(params), ag_buf_span(params).p) < 0 ||
        !ag_buf_cstr(&b))
        return no_memory();
    r = agent_call_sync(ctl->conn, "agent.call", ag_buf_head(&b), ctl->timeout_ms, &text);
    if (r < 0) {
        ctl_call_error(method, r, text);
        free(text);
        return CTL_FAILED;
    }
    *result_out = text;
    return CTL_OK;
}

static int put_ids(struct ag_buf *b, const struct model *m, const struct model_prop *p, bool first)
{
    return ag_buf_printf(b, "%s{\"did\":\"%s\",\"siid\":%u,\"piid\":%u", first ? "" : ",", model_str(m, p->path),
                         model_prop_siid(m, p), p->iid);
}

/* ---- get ---- */

static void print_got(struct ctl *ctl, const struct model_prop *p, struct ag_json_value value, bool first)
{
    const char *path = model_str(ctl->model, p->path);

    if (ctl->json) {
        printf("%s\"%s\":%.*s", first ? "" : ",", path, (int) value.raw.len, value.raw.p);
        return;
    }
    printf("%s%-32s%s ", ctl_bold(ctl), path, ctl_plain(ctl));
    names_print_value(ctl, p, value.raw);
    putchar('\n');
}

static int get_batch(struct ctl *ctl, const struct model_prop **props, size_t n, bool *first)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf params = AG_BUF_INIT;
    ag_cleanup(ctl_free_text) char *text = NULL;
    struct ag_json_value list, entry, value;
    struct ag_json_walk w;
    struct ag_span key;
    int r = ag_buf_append_char(&params, '[');

    for (size_t i = 0; r == 0 && i < n; i++) {
        r = put_ids(&params, ctl->model, props[i], i == 0);
        if (r == 0)
            r = ag_buf_append_char(&params, '}');
    }
    if (r < 0 || ag_buf_append_char(&params, ']') < 0)
        return no_memory();
    r = command(ctl, "get_properties", &params, &text);
    if (r != CTL_OK)
        return r;
    list = ag_json_value_at(text, text + strlen(text));
    if (list.type != AG_JSON_ARRAY || ag_json_count(list) != n) {
        ctl_error("get_properties: the device answered %s", text);
        return CTL_FAILED;
    }
    ag_json_walk_begin(&w, list);
    for (size_t i = 0; i < n && ag_json_walk_next(&w, &key, &entry); i++) {
        value = entry.type == AG_JSON_OBJECT ? ag_json_member(entry, "value") : (struct ag_json_value){AG_JSON_NONE, {NULL, 0}};
        if (!code_is_good(model_str(ctl->model, props[i]->path), entry) || value.type == AG_JSON_NONE) {
            r = CTL_FAILED;
            continue;
        }
        print_got(ctl, props[i], value, *first);
        *first = false;
    }
    return r;
}

int ctl_get(struct ctl *ctl, int argc, char **argv)
{
    struct asked a = {NULL, 0};
    bool first = true;
    int r = names_need(ctl);

    if (r == CTL_OK)
        r = collect(&a, ctl->model, argc - 1, argv + 1, MODEL_READ);
    if (r == CTL_OK)
        r = ctl_connect(ctl);
    if (r == CTL_OK && ctl->json)
        putchar('{');
    for (size_t i = 0; r != CTL_USAGE && ctl->conn && i < a.n; i += BATCH_MAX) {
        int got = get_batch(ctl, a.props + i, a.n - i < BATCH_MAX ? a.n - i : BATCH_MAX, &first);

        r = r == CTL_OK ? got : r;
    }
    if (ctl->conn && ctl->json)
        puts("}");
    free(a.props);
    return r;
}

/* ---- values from the command line ---- */

static bool is_word(const char *text, const char *a, const char *b)
{
    return strcasecmp(text, a) == 0 || strcasecmp(text, b) == 0;
}

/* "Auto" of a value-list; false: none, or several are called so. */
static bool is_described(const struct model *m, const struct model_prop *p, const char *text, struct ag_buf *out)
{
    const struct model_choice *found = NULL;
    char number[MODEL_NUMBER_TEXT];

    for (uint32_t i = 0; i < p->n_choices; i++) {
        const struct model_choice *c = &m->choices[p->first_choice + i];

        if (!model_str(m, c->description)[0] || strcasecmp(model_str(m, c->description), text) != 0)
            continue;
        if (found)
            return false;
        found = c;
    }
    return found && ag_buf_append(out, number, ag_model_number_write(found->value, p->scale, number)) == 0;
}

/* The JSON value that a word stands for with this property. 0 or -ENOMEM. */
static int put_word(struct ag_buf *out, const struct model *m, const struct model_prop *p, const char *text)
{
    size_t n = strlen(text);

    if (p->format == MODEL_BOOL && is_word(text, "on", "true"))
        return ag_buf_append_str(out, "true");
    if (p->format == MODEL_BOOL && is_word(text, "off", "false"))
        return ag_buf_append_str(out, "false");
    if ((p->format == MODEL_STRING || p->format == MODEL_HEX) && text[0] != '"')
        return ag_buf_append_json_str(out, text, n);
    if (is_described(m, p, text, out))
        return 0;
    return ag_buf_append_str(out, text);
}

static void say_wrong(const struct model *m, const struct model_prop *p, const char *text, enum model_fault fault)
{
    char low[MODEL_NUMBER_TEXT], high[MODEL_NUMBER_TEXT], step[MODEL_NUMBER_TEXT];

    if (fault == MODEL_NOT_IN_LIST || (fault == MODEL_WRONG_TYPE && p->n_choices > 0)) {
        fprintf(stderr, "miioctl: %s: %s is none of", model_str(m, p->path), text);
        for (uint32_t i = 0; i < p->n_choices; i++) {
            const struct model_choice *c = &m->choices[p->first_choice + i];

            ag_model_number_write(c->value, p->scale, low);
            fprintf(stderr, "%s %s %s", i ? "," : "", low, model_str(m, c->description));
        }
        fputc('\n', stderr);
    } else if (p->has_range && fault != MODEL_WRONG_TYPE) {
        ag_model_number_write(p->min, p->scale, low);
        ag_model_number_write(p->max, p->scale, high);
        ag_model_number_write(p->step, p->scale, step);
        ctl_error("%s: %s is %s: %s to %s by %s", model_str(m, p->path), text, ag_model_fault_name(fault), low, high, step);
    } else {
        ctl_error("%s: %s is %s: wanted is %s", model_str(m, p->path), text, ag_model_fault_name(fault),
                  ag_model_format_name((enum model_format) p->format));
    }
}

/* Appends the value of a property as JSON. What the model forbids is not sent. */
static int put_value(struct ag_buf *out, const struct model *m, const struct model_prop *p, const char *text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct ag_json_view view;
    struct model_value v;
    struct ag_span whole;
    enum model_fault fault = MODEL_WRONG_TYPE;

    if (ag_buf_append_str(&b, "{\"v\":") < 0 || put_word(&b, m, p, text) < 0 || ag_buf_append_char(&b, '}') < 0)
        return no_memory();
    whole = ag_buf_span(&b);
    if (ag_json_parse(&whole, MODEL_DEPTH_MAX, &view) == 0 && ag_json_count((struct ag_json_value){AG_JSON_OBJECT, whole}) == 1)
        fault = ag_model_check(m, p, ag_json_member((struct ag_json_value){AG_JSON_OBJECT, whole}, "v").raw, &v);
    if (fault != MODEL_FINE) {
        say_wrong(m, p, text, fault);
        return CTL_FAILED;
    }
    return ag_buf_append_span(out, v.raw) < 0 ? no_memory() : CTL_OK;
}

/* ---- set ---- */

static int put_setting(struct ag_buf *params, const struct model *m, const char *name, const char *text, bool first)
{
    const struct model_prop *p = ag_model_name_prop(m, name);
    int r;

    if (!p) {
        ctl_error("%s: no such property", name);
        return CTL_FAILED;
    }
    if (!(p->access & MODEL_WRITE)) {
        ctl_error("%s: cannot be written", name);
        return CTL_FAILED;
    }
    if (put_ids(params, m, p, first) < 0 || ag_buf_append_str(params, ",\"value\":") < 0)
        return no_memory();
    r = put_value(params, m, p, text);
    return r == CTL_OK && ag_buf_append_char(params, '}') < 0 ? no_memory() : r;
}

static int print_settings(const struct ctl *ctl, const char *text, char **names)
{
    struct ag_json_value list = ag_json_value_at(text, text + strlen(text)), entry;
    struct ag_json_walk w;
    struct ag_span key;
    int r = CTL_OK;

    if (list.type != AG_JSON_ARRAY) {
        ctl_error("set_properties: the device answered %s", text);
        return CTL_FAILED;
    }
    if (ctl->json)
        ctl_write_line(stdout, text);
    for (ag_json_walk_begin(&w, list); ag_json_walk_next(&w, &key, &entry) && *names; names += 2) {
        if (!code_is_good(*names, entry))
            r = CTL_FAILED;
        else if (code_of(entry) == MODEL_ACCEPTED && !ctl->json)
            printf("%s: %s\n", *names, code_text(MODEL_ACCEPTED));
    }
    return r;
}

int ctl_set(struct ctl *ctl, int argc, char **argv)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf params = AG_BUF_INIT;
    ag_cleanup(ctl_free_text) char *text = NULL;
    int r = names_need(ctl);

    if (argc < 3 || argc % 2 == 0)
        return CTL_USAGE;
    if (r == CTL_OK && ag_buf_append_char(&params, '[') < 0)
        r = no_memory();
    for (int i = 1; r == CTL_OK && i < argc; i += 2)
        r = put_setting(&params, ctl->model, argv[i], argv[i + 1], i == 1);
    if (r == CTL_OK && ag_buf_append_char(&params, ']') < 0)
        r = no_memory();
    if (r == CTL_OK)
        r = ctl_connect(ctl);
    if (r == CTL_OK)
        r = command(ctl, "set_properties", &params, &text);
    return r == CTL_OK ? print_settings(ctl, text, argv + 1) : r;
}

/* ---- do ---- */

static int put_inputs(struct ag_buf *params, const struct model *m, const struct model_call *a, int argc, char **argv)
{
    int r = CTL_OK;

    if ((uint32_t) argc != a->n_in) {
        fprintf(stderr, "miioctl: %s takes", model_str(m, a->path));
        for (uint32_t i = 0; i < a->n_in; i++)
            fprintf(stderr, " %s", model_str(m, m->props[m->args[a->first_in + i]].name));
        fputs(a->n_in ? "\n" : " nothing\n", stderr);
        return CTL_FAILED;
    }
    for (int i = 0; r == CTL_OK && i < argc; i++) {
        if (i > 0 && ag_buf_append_char(params, ',') < 0)
            return no_memory();
        r = put_value(params, m, &m->props[m->args[a->first_in + (uint32_t) i]], argv[i]);
    }
    return r;
}

static void print_outputs(const struct ctl *ctl, const struct model_call *a, struct ag_json_value out)
{
    struct ag_json_walk w;
    struct ag_json_value v;
    struct ag_span key;

    if (out.type != AG_JSON_ARRAY)
        return;
    ag_json_walk_begin(&w, out);
    for (uint32_t i = 0; i < a->n_out && ag_json_walk_next(&w, &key, &v); i++)
        print_got((struct ctl *) ctl, &ctl->model->props[ctl->model->args[a->first_out + i]], v, i == 0);
}

int ctl_do(struct ctl *ctl, int argc, char **argv)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf params = AG_BUF_INIT;
    ag_cleanup(ctl_free_text) char *text = NULL;
    const struct model_call *a;
    struct ag_json_value answer;
    int r = names_need(ctl);

    if (argc < 2)
        return CTL_USAGE;
    if (r != CTL_OK)
        return r;
    a = ag_model_name_action(ctl->model, argv[1]);
    if (!a) {
        ctl_error("%s: no such action", argv[1]);
        return CTL_FAILED;
    }
    if (ag_buf_printf(&params, "{\"did\":\"%s\",\"siid\":%u,\"aiid\":%u,\"in\":[", model_str(ctl->model, a->path),
                      model_call_siid(ctl->model, a), a->iid) < 0)
        return no_memory();
    r = put_inputs(&params, ctl->model, a, argc - 2, argv + 2);
    if (r == CTL_OK && ag_buf_append_str(&params, "]}") < 0)
        r = no_memory();
    if (r == CTL_OK)
        r = ctl_connect(ctl);
    if (r == CTL_OK)
        r = command(ctl, "action", &params, &text);
    if (r != CTL_OK)
        return r;
    answer = ag_json_value_at(text, text + strlen(text));
    if (ctl->json)
        ctl_write_line(stdout, text);
    if (!code_is_good(argv[1], answer))
        return CTL_FAILED;
    if (!ctl->json && code_of(answer) == MODEL_ACCEPTED)
        printf("%s: %s\n", argv[1], code_text(MODEL_ACCEPTED));
    if (!ctl->json && answer.type == AG_JSON_OBJECT)
        print_outputs(ctl, a, ag_json_member(answer, "out"));
    return CTL_OK;
}

/* ---- watch ---- */

struct watch {
    struct events events;
    struct asked asked; /* n 0: everything */
    bool enough;        /* as many as wanted have been seen: what comes in the same turn is left out */
};

static bool is_wanted(const struct watch *w, const struct model_prop *p)
{
    for (size_t i = 0; i < w->asked.n; i++)
        if (w->asked.props[i] == p)
            return true;
    return w->asked.n == 0;
}

static void seen_one(struct watch *w)
{
    fflush(stdout);
    w->enough = events_seen(&w->events);
}

static bool ids_of(struct ag_json_value object, const char *iid_name, unsigned *siid, unsigned *iid)
{
    uint64_t s, i;

    if (object.type != AG_JSON_OBJECT || !ag_span_uint(ag_json_member(object, "siid").raw, MODEL_IID_MAX, &s) ||
        !ag_span_uint(ag_json_member(object, iid_name).raw, MODEL_IID_MAX, &i))
        return false;
    *siid = (unsigned) s;
    *iid = (unsigned) i;
    return true;
}

static void show_change(struct watch *w, struct ag_json_value entry)
{
    const struct model_prop *p;
    struct ag_json_value value;
    unsigned siid, piid;

    if (!ids_of(entry, "piid", &siid, &piid))
        return;
    p = ag_model_find_prop(w->events.ctl->model, siid, piid);
    value = ag_json_member(entry, "value");
    if (w->enough || !p || value.type == AG_JSON_NONE || !is_wanted(w, p))
        return;
    if (w->events.ctl->json)
        putchar('{');
    print_got(w->events.ctl, p, value, true);
    if (w->events.ctl->json)
        puts("}");
    seen_one(w);
}

static void show_event(struct watch *w, struct ag_json_value event)
{
    const struct model_call *e;
    struct ag_json_value arguments;
    unsigned siid, eiid;

    if (w->enough || w->asked.n > 0 || !ids_of(event, "eiid", &siid, &eiid))
        return;
    e = ag_model_find_event(w->events.ctl->model, siid, eiid);
    if (!e)
        return;
    arguments = ag_json_member(event, "arguments");
    if (w->events.ctl->json)
        printf("{\"%s\":%.*s}\n", model_str(w->events.ctl->model, e->path), arguments.raw.p ? (int) arguments.raw.len : 2,
               arguments.raw.p ? arguments.raw.p : "[]");
    else
        printf("%s%s%s %.*s\n", ctl_bold(w->events.ctl), model_str(w->events.ctl->model, e->path), ctl_plain(w->events.ctl),
               (int) arguments.raw.len, arguments.raw.p ? arguments.raw.p : "");
    seen_one(w);
}

static int on_event(agent_request *req, void *user)
{
    const char *params = agent_request_params(req);
    struct watch *w = user;
    struct ag_json_value text = ag_json_member(ag_json_value_at(params, params + strlen(params)), "text"), list, entry;
    struct ag_json_walk walk;
    struct ag_span key;

    if (text.type != AG_JSON_OBJECT)
        return 0; /* too long for a monitor, or an answer */
    list = ag_json_member(text, "params");
    if (list.type == AG_JSON_OBJECT)
        show_event(w, list);
    if (list.type == AG_JSON_ARRAY)
        for (ag_json_walk_begin(&walk, list); ag_json_walk_next(&walk, &key, &entry);)
            show_change(w, entry);
    return 0;
}

int ctl_watch(struct ctl *ctl, int argc, char **argv)
{
    static const struct ag_option rows[] = {
        CTL_OPTION_COUNT(struct watch, events.n_left),
        CTL_OPTION_TIME(struct watch, events.time_ms),
    };
    struct watch w = {.events = {.ctl = ctl,
                                 .params = "{\"keys\":[\"properties_changed\",\"event_occured\"]}",
                                 .word = "watching",
                                 .fn = on_event,
                                 .user = &w}};
    int r = ctl_options(rows, ag_array_size(rows), AG_WORDS_ANYWHERE, argc, argv, &w);

    if (r == CTL_OK)
        r = names_need(ctl);
    if (r == CTL_OK && argc > optind)
        r = collect(&w.asked, ctl->model, argc - optind, argv + optind, MODEL_NOTIFY);
    if (r == CTL_OK)
        r = events_follow(&w.events);
    free(w.asked.props);
    return r;
}
