/* SPDX-License-Identifier: MIT */
#include "tests/unit/client/cloud_rig.h"

#include <unistd.h>
#include "libagent/core/list.h"
#include "libagent/core/log/log.h"
#include "libagent/io/http/http.h"
#include "tests/unit/client/played_timers.h"

struct rig rig;

static void line(const char *fmt, ...) ag_printf_like(1, 2);

static void line(const char *fmt, ...)
{
    char text[4096];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    assert_int_equal(ag_buf_printf(&rig.journal, "%s\n", text), 0);
}

/* ---- the log ---- */

void ag_log(enum ag_log_level level, const char *fmt, ...)
{
    char text[1024];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (level == AG_LOG_ERROR)
        line("ERROR %s", text);
}

bool ag_log_gated(struct ag_log_gate *g, uint64_t now_ms, enum ag_log_level level, const char *fmt, ...)
{
    (void) g;
    (void) now_ms;
    (void) level;
    (void) fmt;
    return true;
}

/* ---- what of libuv is not a timer ---- */

enum { CLOSING = 8 };

static struct {
    uv_handle_t *handle;
    uv_close_cb cb;
} closing[CLOSING];

uint64_t uv_hrtime(void)
{
    return 12345;
}

int uv_is_active(const uv_handle_t *h)
{
    return played_timer_of((const uv_timer_t *) h)->active;
}

void uv_close(uv_handle_t *h, uv_close_cb cb)
{
    unsigned i = 0;

    played_timer_of((uv_timer_t *) h)->active = false;
    while (i < CLOSING && closing[i].handle)
        i++;
    assert_true(i < CLOSING);
    closing[i].handle = h;
    closing[i].cb = cb;
}

static void close_handles(void)
{
    for (unsigned i = 0; i < CLOSING; i++) {
        uv_handle_t *h = closing[i].handle;

        if (!h)
            continue;
        closing[i].handle = NULL;
        played_timer_drop(played_timer_of((uv_timer_t *) h));
        closing[i].cb(h);
    }
}

uint64_t rig_next_timer(void)
{
    const struct played_timer *next = played_timers_next();

    return !next ? UINT64_MAX : next->at_ms > rig.now_ms ? next->at_ms - rig.now_ms : 0;
}

void rig_wait(uint64_t ms)
{
    played_timers_wait(ms, NULL);
}

/* ---- the link ---- */

enum op_kind { OP_PUB, OP_SUB };

struct op {
    struct ag_list link;
    enum op_kind kind;
    bool sub; /* not unsubscribe */
    uint8_t qos;
    uint64_t cookie;
};

struct mqtt_link {
    const struct mqtt_link_events *events;
    void *user;
    struct ag_list ops;
    unsigned in_window;
    bool up, trying, starved, leaving, closing;
    struct mqtt_link_stats stats;
    char host[64];
    unsigned port;
};

static struct mqtt_link the_link;

static void take_config(const struct mqtt_link_config *c)
{
    snprintf(the_link.host, sizeof the_link.host, "%s", c->host);
    the_link.port = c->port;
}

int mqtt_link_open(struct mqtt_link **out, uv_loop_t *loop, const struct mqtt_link_config *config,
                   const struct mqtt_link_limits *limits, const struct mqtt_link_events *events, void *user)
{
    (void) loop;
    (void) limits;
    the_link = (struct mqtt_link){.events = events, .user = user};
    ag_list_init(&the_link.ops);
    take_config(config);
    rig.link_open = true;
    *out = &the_link;
    return 0;
}

int mqtt_link_configure(struct mqtt_link *l, const struct mqtt_link_config *config)
{
    if (l->up || l->trying)
        return -EBUSY;
    take_config(config);
    return 0;
}

int mqtt_link_connect(struct mqtt_link *l)
{
    if (l->up || l->trying)
        return -EBUSY;
    l->trying = true;
    line("connect %s:%u", l->host, l->port);
    return 0;
}

int mqtt_link_disconnect(struct mqtt_link *l)
{
    if (!l->up && !l->trying)
        return -ENOTCONN;
    l->leaving = true;
    line("disconnect");
    return 0;
}

void mqtt_link_close(struct mqtt_link *l)
{
    if (l)
        l->closing = true;
}

bool mqtt_link_is_connected(const struct mqtt_link *l)
{
    return l->up && !l->closing;
}

bool mqtt_link_has_room(struct mqtt_link *l)
{
    l->starved |= l->in_window >= rig.room;
    return l->in_window < rig.room;
}

void mqtt_link_get_stats(const struct mqtt_link *l, struct mqtt_link_stats *out)
{
    *out = l->stats;
    out->in_window = l->in_window;
}

static void op_new(struct mqtt_link *l, enum op_kind kind, bool sub, uint8_t qos, uint64_t cookie)
{
    struct op *o = calloc(1, sizeof *o);

    assert_non_null(o);
    o->kind = kind;
    o->sub = sub;
    o->qos = qos;
    o->cookie = cookie;
    ag_list_append(&l->ops, &o->link);
    l->in_window += kind == OP_PUB;
}

int mqtt_link_publish(struct mqtt_link *l, const struct mqtt_link_msg *m, uint64_t cookie)
{
    if (!mqtt_link_is_connected(l))
        return -ENOTCONN;
    if (l->in_window >= rig.room) {
        l->starved = true;
        return -ENOBUFS;
    }
    rig.n_pub++;
    snprintf(rig.last_topic, sizeof rig.last_topic, "%s", m->topic);
    ag_buf_clear(&rig.last_payload);
    assert_int_equal(ag_buf_append_span(&rig.last_payload, m->payload), 0);
    if (!rig.quiet)
        line("pub %s %u %s%.*s", m->topic, m->qos, m->retain ? "r " : "", (int) m->payload.len, m->payload.p);
    op_new(l, OP_PUB, false, m->qos, cookie);
    return 0;
}

int mqtt_link_subscribe(struct mqtt_link *l, const char *filter, int qos, uint64_t cookie)
{
    if (!mqtt_link_is_connected(l))
        return -ENOTCONN;
    line("sub %s %d", filter, qos);
    op_new(l, OP_SUB, true, (uint8_t) qos, cookie);
    return 0;
}

int mqtt_link_unsubscribe(struct mqtt_link *l, const char *filter, uint64_t cookie)
{
    if (!mqtt_link_is_connected(l))
        return -ENOTCONN;
    line("unsub %s", filter);
    op_new(l, OP_SUB, false, 0, cookie);
    return 0;
}

static void op_finish(struct mqtt_link *l, struct op *o, int result)
{
    bool publish = o->kind == OP_PUB;
    uint64_t cookie = o->cookie;

    ag_list_del(&o->link);
    l->in_window -= publish;
    free(o);
    if (cookie && !l->closing)
        l->events->done(l->user, cookie, result);
    if (publish && l->starved && l->up && !l->closing && l->events->room) {
        l->starved = false;
        l->events->room(l->user);
    }
}

void rig_done(unsigned n)
{
    for (; n > 0; n--) {
        struct op *found = NULL;

        ag_list_for_each (it, &the_link.ops) {
            found = ag_list_entry(it, struct op, link);
            if (found->kind == OP_PUB)
                break;
            found = NULL;
        }
        if (!found)
            return;
        op_finish(&the_link, found, 0);
    }
}

void rig_done_all(int grant)
{
    while (!ag_list_empty(&the_link.ops)) {
        struct op *o = ag_list_first(&the_link.ops, struct op, link);

        op_finish(&the_link, o, !o->sub ? 0 : grant < 0 ? o->qos : grant);
    }
}

const char *rig_bring_up(int grant)
{
    rig_up();
    rig_done_all(grant);
    return rig_take();
}

void rig_up(void)
{
    assert_true(the_link.trying);
    the_link.trying = false;
    the_link.up = rig.link_up = true;
    the_link.events->connected(the_link.user);
}

/* What does not survive: QoS 0, and subscriptions. */
static void drop_ops(struct mqtt_link *l)
{
    ag_list_for_each_safe (it, &l->ops) {
        struct op *o = ag_list_entry(it, struct op, link);

        if (o->kind == OP_SUB || o->qos == 0)
            op_finish(l, o, MQTT_LINK_DONE_LOST);
    }
}

void rig_lost(enum mqtt_link_loss loss, int code)
{
    assert_true(the_link.up || the_link.trying);
    the_link.up = the_link.trying = the_link.leaving = rig.link_up = false;
    drop_ops(&the_link);
    the_link.events->lost(the_link.user, loss, code, "gone");
}

void rig_message_bytes(const char *topic, struct ag_span payload)
{
    const struct mqtt_link_msg m = {.topic = topic, .payload = payload};

    the_link.events->message(the_link.user, &m);
}

void rig_message(const char *topic, const char *payload, bool retain)
{
    const struct mqtt_link_msg m = {.topic = topic, .payload = {payload, strlen(payload)}, .retain = retain};

    the_link.events->message(the_link.user, &m);
}

static void close_link(void)
{
    if (!rig.link_open || !the_link.closing)
        return;
    rig.link_open = false;
    while (!ag_list_empty(&the_link.ops)) {
        struct op *o = ag_list_first(&the_link.ops, struct op, link);

        ag_list_del(&o->link);
        free(o);
    }
    the_link.events->closed(the_link.user);
}

/* ---- HTTP ---- */

enum { CALLS_MAX = 8 };

struct ag_http_call {
    bool used;
    void (*on_done)(void *user, const struct ag_http_result *result);
    void *user;
};

struct ag_http {
    struct ag_http_call calls[CALLS_MAX];
    unsigned next;
    void (*on_closed)(void *user);
    void *user;
};

static struct ag_http the_http;

int ag_http_new(struct ag_http **out, uv_loop_t *loop)
{
    (void) loop;
    the_http = (struct ag_http){.next = 0};
    *out = &the_http;
    return 0;
}

void ag_http_close(struct ag_http *h, void (*on_closed)(void *user), void *user)
{
    memset(h->calls, 0, sizeof h->calls);
    h->on_closed = on_closed;
    h->user = user;
}

int ag_http_send(struct ag_http *h, const struct ag_http_request *req, struct ag_http_call **out)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};
    struct ag_http_call *c = &h->calls[h->next++ % CALLS_MAX];

    line("http %s %s %.*s", methods[req->method], req->url, (int) req->body.len, req->body.len ? req->body.p : "");
    *c = (struct ag_http_call){true, req->on_done, req->user};
    if (out)
        *out = c;
    return 0;
}

void ag_http_cancel(struct ag_http_call *call)
{
    if (call)
        call->used = false;
}

const char *ag_http_header(const struct ag_http_call *call, const char *name)
{
    (void) call;
    (void) name;
    return NULL;
}

const char *ag_http_end_name(enum ag_http_end end)
{
    (void) end;
    return "http error";
}

void rig_http(int status, const char *body)
{
    const struct ag_http_result result = {AG_HTTP_OK, status, {body, strlen(body)}, ""};

    for (unsigned i = 0; i < CALLS_MAX; i++) {
        struct ag_http_call *c = &the_http.calls[(the_http.next + i) % CALLS_MAX];

        if (!c->used)
            continue;
        c->used = false;
        c->on_done(c->user, &result);
        return;
    }
    fail_msg("no HTTP call is open");
}

/* ---- the client ---- */

static void on_connected(void *user)
{
    (void) user;
    line("up");
}

static void on_lost(void *user, const char *why)
{
    (void) user;
    line("lost %s", why);
    rig.told_next_ms = rig.ops->next_try_ms ? rig.ops->next_try_ms(rig.cloud) : 0;
}

static void on_command(void *user, uint64_t token, struct ag_span text, bool wants_answer)
{
    (void) user;
    rig.n_commands++;
    if (wants_answer)
        rig.last_token = token;
    if (!rig.quiet && wants_answer)
        line("command %u %.*s", (unsigned) token, (int) text.len, text.p);
    else if (!rig.quiet)
        line("told %.*s", (int) text.len, text.p);
    if (wants_answer && rig.echo)
        assert_int_equal(rig_answer(token, "{\"id\":1,\"result\":[\"ok\"]}"), 0);
}

static void on_acked(void *user, uint32_t id, struct ag_span answer)
{
    (void) user;
    (void) answer;
    line("acked %u", id);
}

static void on_failed(void *user, uint32_t id, bool retry, int code, const char *message)
{
    (void) user;
    (void) code;
    (void) message;
    line("failed %u%s", id, retry ? " retry" : "");
}

static void on_room(void *user)
{
    (void) user;
    if (!rig.quiet)
        line("room");
}

static void on_closed(void *user)
{
    (void) user;
    rig.n_closed++;
    line("closed");
}

static const struct cloud_events EVENTS = {
    .connected = on_connected,
    .lost = on_lost,
    .command = on_command,
    .acked = on_acked,
    .failed = on_failed,
    .room = on_room,
    .closed = on_closed,
};

static void fail_why(const char *why)
{
    fail_msg("%s", why);
}

void rig_begin(void)
{
    memset(closing, 0, sizeof closing); /* of a test that failed */
    played_timers_begin(&rig.now_ms, fail_why);
    rig = (struct rig){.now_ms = 1000000, .room = UINT32_MAX, .journal = AG_BUF_INIT, .last_payload = AG_BUF_INIT};
}

void rig_line(const char *text)
{
    line("%s", text);
}

void rig_open(const struct cloud_ops *ops, const char *lines)
{
    struct device_conf_error err;
    char text[1024];
    int n;

    rig_begin();
    rig.ops = ops;
    snprintf(rig.dir, sizeof rig.dir, "/tmp/cloud-rig-XXXXXX");
    assert_non_null(mkdtemp(rig.dir));
    strcat(rig.dir, "/");
    n = snprintf(text, sizeof text, "did=7\nkey=0123456789abcdef\nmac=00:11:22:33:44:55\nvendor=v\nmodel=m\ncloud=%s\n%s",
                 ops->name, lines);
    assert_int_equal(device_conf_parse(&rig.conf, text, (size_t) n, &err), 0);
    rig.env = (struct cloud_env){.conf = &rig.conf, .events = &EVENTS, .user = &rig, .data_dir = rig.dir};
    assert_int_equal(ops->create(&rig.cloud, &rig.env), 0);
    ops->start(rig.cloud);
}

void rig_finish(void)
{
    close_handles();
    close_link();
    if (the_http.on_closed)
        the_http.on_closed(the_http.user);
    the_http = (struct ag_http){.next = 0};
    assert_true(played_timers_empty());
    ag_buf_deinit(&rig.journal);
    ag_buf_deinit(&rig.last_payload);
}

void rig_close(void)
{
    char path[96];

    rig.ops->stop(rig.cloud);
    rig.ops->stop(rig.cloud); /* a second one does nothing */
    rig_finish();
    assert_int_equal(rig.n_closed, 1);
    device_conf_deinit(&rig.conf);
    snprintf(path, sizeof path, "%smqtt.discovery", rig.dir);
    unlink(path);
    snprintf(path, sizeof path, "%sgizwits.state", rig.dir);
    unlink(path);
    rmdir(rig.dir);
}

const char *rig_take(void)
{
    static char last[65536];

    snprintf(last, sizeof last, "%.*s", (int) ag_buf_size(&rig.journal), ag_buf_size(&rig.journal) ? rig.journal.data : "");
    ag_buf_clear(&rig.journal);
    return last;
}

void rig_expect(const char *want)
{
    const char *got = rig_take();

    if (strcmp(got, want) != 0)
        fail_msg("at %u ms:\n%sinstead of:\n%s", (unsigned) (rig.now_ms - 1000000), got, want);
}

static const char *wanted_counter;
static uint64_t counter_value;

static void tell(void *user, const char *name, uint64_t n)
{
    (void) user;
    if (strcmp(name, wanted_counter) == 0)
        counter_value = n;
}

uint64_t rig_counter(const char *name)
{
    wanted_counter = name;
    counter_value = 0;
    rig.ops->counters(rig.cloud, tell, NULL);
    return counter_value;
}

static void keep_name(void *user, const char *name, uint64_t n)
{
    const char **at = user;

    (void) n;
    while (*at && strcmp(*at, name) < 0)
        at++;
    for (; name; at++) {
        const char *next = *at;

        *at = name;
        name = next;
    }
}

const char *rig_counter_names(void)
{
    static char text[2048];
    const char *names[64] = {NULL};
    size_t len = 0;

    rig.ops->counters(rig.cloud, keep_name, names);
    for (size_t i = 0; names[i]; i++)
        len += (size_t) snprintf(text + len, sizeof text - len, "%s%s", i ? " " : "", names[i]);
    return text;
}

int rig_report(uint32_t id, const char *text, bool repeat)
{
    return rig.ops->report(rig.cloud, id, (struct ag_span){text, strlen(text)}, NULL, 0, repeat);
}

int rig_answer(uint64_t token, const char *text)
{
    return rig.ops->answer(rig.cloud, token, (struct ag_span){text, strlen(text)});
}

static void on_method_done(void *user, struct ag_span text)
{
    (void) user;
    rig.n_told++;
    line("told %.*s", (int) text.len, text.p);
}

int rig_method(const char *method, const char *params)
{
    return rig.ops->local_method(rig.cloud, (struct ag_span){method, strlen(method)}, (struct ag_span){params, strlen(params)},
                                 on_method_done, &rig);
}
