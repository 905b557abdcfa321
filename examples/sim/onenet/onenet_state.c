/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "examples/sim/onenet/onenet_wire.h"
#include "examples/sim/onenet/onenet_sim.h"
#include "examples/sim/wire/sim_json.h"

void onsim_refuse(struct onsim *s, const char *device, const char *why)
{
    s->n_refused++;
    sim_note("refused", ",\"device\":\"%s\",\"why\":\"%s\"", device, why);
}

enum { TOPICS_PER_PRODUCT = 100, NEVER_ANSWERED_S = 3600 };

/* ---- devices ---- */

int onsim_device_add(struct onsim *s, const char *id, size_t id_len, const char *auth)
{
    struct onsim_device *d = calloc(1, sizeof *d + id_len + strlen(auth) + 2);

    if (!d)
        return -ENOMEM;
    memcpy(d->id, id, id_len);
    strcpy(d->id + id_len + 1, auth);
    d->auth = d->id + id_len + 1;
    ag_list_init(&d->subs);
    ag_list_append(&s->devices, &d->link);
    return 0;
}

struct onsim_device *onsim_device_find(struct onsim *s, struct ag_span id)
{
    ag_list_for_each (it, &s->devices) {
        struct onsim_device *d = ag_list_entry(it, struct onsim_device, link);

        if (ag_span_is(id, d->id, strlen(d->id)))
            return d;
    }
    return NULL;
}

static bool span_is_text(struct ag_span s, const char *text)
{
    return ag_span_is(s, text, strlen(text));
}

uint8_t onsim_judge_login(struct onsim *s, const struct mqtt_connect *c, struct onsim_device **out)
{
    struct onsim_device *d;

    if (c->level != 4)
        return 1;
    d = onsim_device_find(s, c->client_id);
    if (!d)
        return 2;
    if (!span_is_text(c->user, s->product))
        return 4;
    if (!span_is_text(c->password, d->auth) && !span_is_text(c->password, s->api_key))
        return 4;
    *out = d;
    return 0;
}

/* ---- topics ---- */

struct onsim_topic *onsim_topic_find(struct ag_list *list, struct ag_span name)
{
    ag_list_for_each (it, list) {
        struct onsim_topic *t = ag_list_entry(it, struct onsim_topic, link);

        if (span_is_text(name, t->name))
            return t;
    }
    return NULL;
}

int onsim_topic_add(struct ag_list *list, struct ag_span name)
{
    struct onsim_topic *t = calloc(1, sizeof *t + name.len + 1);

    if (!t)
        return -ENOMEM;
    memcpy(t->name, name.p, name.len);
    ag_list_append(list, &t->link);
    return 0;
}

const char *onsim_topic_create(struct onsim *s, struct ag_span name)
{
    const char *fault = on_topic_fault(name, false);

    if (fault)
        return fault;
    if (onsim_topic_find(&s->topics, name))
        return "topic exists";
    if (s->n_topics >= TOPICS_PER_PRODUCT)
        return "a product has at most 100 topics";
    if (onsim_topic_add(&s->topics, name) < 0)
        return "out of memory";
    s->n_topics++;
    sim_note("topic", ",\"name\":\"%.*s\"", (int) name.len, name.p);
    return NULL;
}

static void topics_free(struct ag_list *list)
{
    while (!ag_list_empty(list)) {
        struct onsim_topic *t = ag_list_first(list, struct onsim_topic, link);

        ag_list_del(&t->link);
        free(t);
    }
}

/* ---- commands ---- */

static void make_uuid(char out[37])
{
    unsigned char r[16];

    if (getrandom(r, sizeof r, 0) != sizeof r)
        memset(r, 7, sizeof r);
    snprintf(out, 37, "%02x%02x%02x%02x-%02x%02x-4%01x%02x-a%01x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1], r[2], r[3], r[4],
             r[5], r[6] & 15, r[7], r[8] & 15, r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
}

struct onsim_command *onsim_command_find(struct onsim *s, struct ag_span uuid)
{
    ag_list_for_each (it, &s->commands) {
        struct onsim_command *c = ag_list_entry(it, struct onsim_command, link);

        if (span_is_text(uuid, c->uuid))
            return c;
    }
    return NULL;
}

static void command_send(struct onsim *s, struct onsim_command *c)
{
    char topic[64];

    snprintf(topic, sizeof topic, "$creq/%s", c->uuid);
    if (s->inject(c->device->relay, (struct ag_span){topic, strlen(topic)}, ag_buf_span(&c->payload)) == 0 &&
        c->status == ONSIM_CREATED)
        c->status = ONSIM_SENT;
}

int onsim_command_add(struct onsim *s, struct onsim_device *d, struct ag_span payload, bool resend, unsigned timeout_s,
                      const char **uuid_out)
{
    struct onsim_command *c;

    if (!d->relay && timeout_s == 0)
        return -ENOTCONN;
    c = calloc(1, sizeof *c);
    if (!c || ag_buf_append_span(&c->payload, payload) < 0) {
        free(c);
        return -ENOMEM;
    }
    c->device = d;
    c->status = ONSIM_CREATED;
    c->resend = resend;
    c->until_ms = uv_now(&s->loop) + (timeout_s ? timeout_s : NEVER_ANSWERED_S) * 1000ull;
    make_uuid(c->uuid);
    ag_list_append(&s->commands, &c->link);
    *uuid_out = c->uuid;
    if (d->relay)
        command_send(s, c);
    return 0;
}

/* At login: what has never been sent, and what asks for certainty and has no answer. */
void onsim_commands_send(struct onsim *s, struct onsim_device *d)
{
    ag_list_for_each (it, &s->commands) {
        struct onsim_command *c = ag_list_entry(it, struct onsim_command, link);

        if (c->device == d && uv_now(&s->loop) < c->until_ms &&
            (c->status == ONSIM_CREATED || (c->status == ONSIM_SENT && c->resend)))
            command_send(s, c);
    }
}

static int append_base64(struct ag_buf *out, struct ag_span bytes)
{
    int r = ag_buf_reserve(out, (bytes.len + 2) / 3 * 4 + 1); /* the last: EVP's NUL */

    if (r == 0)
        out->len +=
            (size_t) EVP_EncodeBlock((unsigned char *) out->data + out->len, (const unsigned char *) bytes.p, (int) bytes.len);
    return r;
}

/* "payload":"text", or "base64":"..." */
static int append_bytes(struct ag_buf *out, struct ag_span bytes)
{
    bool text = sim_utf8_valid(bytes);
    int r = ag_buf_append_str(out, text ? ",\"payload\":" : ",\"base64\":\"");

    if (r == 0)
        r = text ? ag_buf_append_json_str(out, bytes.p, bytes.len) : append_base64(out, bytes);
    return r == 0 && !text ? ag_buf_append_char(out, '"') : r;
}

void onsim_answer(struct onsim *s, struct onsim_device *d, struct ag_span uuid, const struct mqtt_publish *p)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct onsim_command *c = onsim_command_find(s, uuid);

    if (!c || c->device != d) {
        onsim_refuse(s, d->id, "$crsp with an unknown uuid");
        return;
    }
    s->n_answers++;
    if (c->status == ONSIM_ANSWERED)
        sim_note("answered_again", ",\"device\":\"%s\",\"uuid\":\"%s\"", d->id, c->uuid);
    c->status = ONSIM_ANSWERED;
    ag_buf_clear(&c->answer);
    if (ag_buf_append_span(&c->answer, p->payload) == 0 && append_bytes(&b, p->payload) == 0)
        sim_note("answer", ",\"device\":\"%s\",\"uuid\":\"%s\",\"qos\":%u%s", d->id, c->uuid, p->qos, ag_buf_cstr(&b));
}

/* ---- data points ---- */

struct point_context {
    struct onsim *s;
    struct onsim_device *d;
    const struct mqtt_publish *p;
};

/* What subscribers get: text as it is, JSON compact, binary raw. */
static int append_value(struct ag_buf *out, const struct on_value *v)
{
    if (v->kind == ON_VALUE_FLOAT)
        return ag_buf_printf(out, "%.9g", (double) v->number);
    if (v->kind == ON_VALUE_JSON)
        return sim_json_compact(out, v->value);
    return ag_buf_append_span(out, v->value);
}

static void note_point(const struct point_context *c, const struct on_value *v, struct ag_span value)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    int r = ag_buf_append_json_str(&b, v->stream.p, v->stream.len);

    if (r == 0 && v->time.len > 0)
        r = ag_buf_printf(&b, ",\"at\":\"%.*s\"", (int) v->time.len, v->time.p);
    if (r == 0 && v->kind == ON_VALUE_BINARY)
        r = ag_buf_printf(&b, ",\"bytes\":%zu", v->value.len);
    else if (r == 0)
        r = ag_buf_append_str(&b, ",\"value\":");
    if (r == 0 && v->kind == ON_VALUE_TEXT)
        r = ag_buf_append_json_str(&b, value.p, value.len);
    else if (r == 0 && v->kind != ON_VALUE_BINARY)
        r = ag_buf_append_span(&b, value);
    if (r == 0)
        sim_note("point", ",\"device\":\"%s\",\"type\":%d,\"qos\":%u,\"dup\":%s,\"stream\":%s", c->d->id,
                 c->p->payload.p[0] & 0x3f, c->p->qos, c->p->dup ? "true" : "false", ag_buf_cstr(&b));
}

static int on_point(void *user, const struct on_value *v)
{
    const struct point_context *c = user;
    ag_cleanup(ag_buf_deinit) struct ag_buf value = AG_BUF_INIT, topic = AG_BUF_INIT;

    if (append_value(&value, v) < 0)
        return -ENOMEM;
    c->s->n_points++;
    note_point(c, v, ag_buf_span(&value));
    if (ag_buf_printf(&topic, "/%s/%.*s", c->d->id, (int) v->stream.len, v->stream.p) == 0 &&
        !on_topic_fault(ag_buf_span(&topic), true) && ag_buf_cstr(&topic))
        sim_mqtt_publish(&c->s->link, ag_buf_cstr(&topic), ag_buf_span(&value), c->p->qos);
    return 0;
}

void onsim_data(struct onsim *s, struct onsim_device *d, const struct mqtt_publish *p)
{
    struct point_context c = {s, d, p};
    int e = p->retain ? 0 : on_points_read(p->payload, on_point, &c);

    if (p->retain) {
        onsim_refuse(s, d->id, "$dp with retain");
    } else if (e != 0) {
        s->n_dp_bad++;
        onsim_refuse(s, d->id, on_points_fault(e));
    }
}

void onsim_state_free(struct onsim *s)
{
    while (!ag_list_empty(&s->commands)) {
        struct onsim_command *c = ag_list_first(&s->commands, struct onsim_command, link);

        ag_list_del(&c->link);
        ag_buf_deinit(&c->payload);
        ag_buf_deinit(&c->answer);
        free(c);
    }
    while (!ag_list_empty(&s->devices)) {
        struct onsim_device *d = ag_list_first(&s->devices, struct onsim_device, link);

        ag_list_del(&d->link);
        topics_free(&d->subs);
        free(d->qos2_open);
        free(d);
    }
    topics_free(&s->topics);
}
