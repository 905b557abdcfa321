/* SPDX-License-Identifier: MIT */
#include "client/cloud/io/mqtt_inbox.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EVENT_COST = 128, MEMORY_RETRY_MS = 20, MAX_SPARE = 64 };

/* Waits by a clock that nobody sets: a step back of the device's clock would stop the connection's thread. */
static int cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    int r = pthread_condattr_init(&attr);

    if (r != 0)
        return r;
    r = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    if (r == 0)
        r = pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
    return r;
}

int mqtt_inbox_init(struct mqtt_inbox *b, size_t max_bytes, uv_async_t *wake)
{
    int r;

    memset(b, 0, sizeof *b);
    b->max_bytes = max_bytes;
    b->wake = wake;
    ag_list_init(&b->events);
    ag_list_init(&b->taken);
    b->up = (struct mqtt_inbox_event){.type = MQTT_INBOX_UP, .fixed = true};
    b->lent = (struct mqtt_inbox_event){.type = MQTT_INBOX_LENT, .fixed = true};
    b->down = (struct mqtt_inbox_event){.type = MQTT_INBOX_DOWN, .fixed = true};
    b->ended = (struct mqtt_inbox_event){.type = MQTT_INBOX_ENDED, .fixed = true};
    b->down.data = b->why;
    r = pthread_mutex_init(&b->lock, NULL);
    if (r != 0)
        return -r;
    r = cond_init(&b->room);
    if (r != 0)
        pthread_mutex_destroy(&b->lock);
    return -r;
}

void mqtt_inbox_deinit(struct mqtt_inbox *b)
{
    struct mqtt_inbox_event *e;

    while ((e = mqtt_inbox_take(b)))
        mqtt_inbox_release(b, e);
    ag_spares_deinit(&b->spares);
    ag_spares_deinit(&b->used);
    pthread_cond_destroy(&b->room);
    pthread_mutex_destroy(&b->lock);
}

static size_t event_cost(const struct mqtt_inbox_event *e)
{
    return e->fixed ? 0 : e->len + EVENT_COST;
}

static void append(struct mqtt_inbox *b, struct mqtt_inbox_event *e)
{
    b->owes_wake |= ag_list_empty(&b->events);
    ag_list_append(&b->events, &e->link);
    b->bytes += event_cost(e);
}

void mqtt_inbox_wake(struct mqtt_inbox *b)
{
    if (b->owes_wake)
        uv_async_send(b->wake);
    b->owes_wake = false;
}

static void put_fixed(struct mqtt_inbox *b, struct mqtt_inbox_event *e)
{
    pthread_mutex_lock(&b->lock);
    append(b, e);
    mqtt_inbox_wake(b); /* under the lock: after the end the loop may destroy the box */
    pthread_mutex_unlock(&b->lock);
}

void mqtt_inbox_put_up(struct mqtt_inbox *b)
{
    put_fixed(b, &b->up);
}

void mqtt_inbox_put_lent(struct mqtt_inbox *b)
{
    put_fixed(b, &b->lent);
}

void mqtt_inbox_put_down(struct mqtt_inbox *b, int loss, int code, const char *why)
{
    b->down.a = loss;
    b->down.b = code;
    b->why[0] = '\0';
    strncat(b->why, why, sizeof b->why - 1);
    b->down.len = strlen(b->why);
    put_fixed(b, &b->down);
}

void mqtt_inbox_put_ended(struct mqtt_inbox *b)
{
    put_fixed(b, &b->ended);
}

static void wait_ms(struct mqtt_inbox *b, unsigned ms)
{
    struct timespec until;

    mqtt_inbox_wake(b);
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long) ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&b->room, &b->lock, &until);
}

/* The lock is held. data_len 0: without data. An acknowledgement cannot be asked for again, so a lack of memory is waited out. */
static struct mqtt_inbox_event *event_new(struct mqtt_inbox *b, size_t data_len)
{
    while (!b->shut) {
        struct mqtt_inbox_event *e = data_len > 0 ? malloc(sizeof *e + data_len + 1) : ag_spares_take(&b->spares, sizeof *e);

        if (e) {
            *e = (struct mqtt_inbox_event){.len = data_len, .data = data_len > 0 ? (char *) (e + 1) : NULL};
            if (e->data)
                e->data[data_len] = '\0';
            return e;
        }
        wait_ms(b, MEMORY_RETRY_MS);
    }
    return NULL;
}

/* The lock is held. */
static struct mqtt_inbox_event *message_new(struct mqtt_inbox *b, int flags, const char *topic, const void *payload, size_t len)
{
    size_t topic_len = strlen(topic);
    struct mqtt_inbox_event *e = event_new(b, topic_len + 1 + len);

    if (!e)
        return NULL;
    e->type = MQTT_INBOX_MESSAGE;
    e->a = flags;
    e->topic_len = topic_len;
    memcpy(e->data, topic, topic_len + 1);
    if (len > 0)
        memcpy(e->data + topic_len + 1, payload, len);
    return e;
}

void mqtt_inbox_put_message(struct mqtt_inbox *b, int flags, const char *topic, const void *payload, size_t len)
{
    size_t cost = strlen(topic) + len + EVENT_COST;
    struct mqtt_inbox_event *e;

    pthread_mutex_lock(&b->lock);
    while (!b->shut && b->bytes > 0 && b->bytes + cost > b->max_bytes) {
        mqtt_inbox_wake(b);
        pthread_cond_wait(&b->room, &b->lock);
    }
    e = message_new(b, flags, topic, payload, len);
    if (e)
        append(b, e);
    pthread_mutex_unlock(&b->lock);
}

struct mqtt_inbox_event *mqtt_inbox_hold_message(struct mqtt_inbox *b, int flags, const char *topic, const void *payload,
                                                 size_t len)
{
    struct mqtt_inbox_event *e;

    pthread_mutex_lock(&b->lock);
    e = message_new(b, flags, topic, payload, len);
    pthread_mutex_unlock(&b->lock);
    return e;
}

void mqtt_inbox_put_held(struct mqtt_inbox *b, struct mqtt_inbox_event *e)
{
    pthread_mutex_lock(&b->lock);
    append(b, e);
    pthread_mutex_unlock(&b->lock);
}

void mqtt_inbox_drop_held(struct mqtt_inbox_event *e)
{
    free(e);
}

/* No wait for room: acknowledgements are bounded by the window of what was sent. */
void mqtt_inbox_put_done(struct mqtt_inbox *b, int mid, int result)
{
    struct mqtt_inbox_event *e;

    pthread_mutex_lock(&b->lock);
    e = event_new(b, 0);
    if (e) {
        e->type = MQTT_INBOX_DONE;
        e->a = mid;
        e->b = result;
        append(b, e);
    }
    pthread_mutex_unlock(&b->lock);
}

/* What there is, for what has been used up. */
static void trade(struct mqtt_inbox *b)
{
    struct ag_spare *s;

    pthread_mutex_lock(&b->lock);
    ag_list_splice(&b->taken, &b->events);
    if (b->used_bytes > 0)
        pthread_cond_signal(&b->room);
    b->bytes -= b->used_bytes;
    while ((s = b->used.first)) {
        b->used.first = s->next;
        ag_spares_give(&b->spares, s, MAX_SPARE);
    }
    pthread_mutex_unlock(&b->lock);
    b->used.n = 0;
    b->used_bytes = 0;
}

struct mqtt_inbox_event *mqtt_inbox_take(struct mqtt_inbox *b)
{
    struct mqtt_inbox_event *e;

    if (ag_list_empty(&b->taken))
        trade(b);
    e = ag_list_first(&b->taken, struct mqtt_inbox_event, link);
    if (e)
        ag_list_del(&e->link);
    return e;
}

void mqtt_inbox_release(struct mqtt_inbox *b, struct mqtt_inbox_event *e)
{
    b->used_bytes += event_cost(e);
    if (e->type == MQTT_INBOX_DONE)
        ag_spares_give(&b->used, e, MAX_SPARE);
    else if (!e->fixed)
        free(e);
}

void mqtt_inbox_shut(struct mqtt_inbox *b)
{
    pthread_mutex_lock(&b->lock);
    b->shut = true;
    pthread_cond_signal(&b->room);
    pthread_mutex_unlock(&b->lock);
}
