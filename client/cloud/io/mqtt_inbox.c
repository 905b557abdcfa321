/* SPDX-License-Identifier: MIT */
#include "client/cloud/io/mqtt_inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { EVENT_COST = 128, MEMORY_RETRY_MS = 20 };

/* Waits by a clock that nobody sets: a step back of the device's own would hold the connection's thread. */
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
    b->up = (struct mqtt_inbox_event){.type = MQTT_INBOX_UP, .fixed = true};
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
        mqtt_inbox_release(e);
    pthread_cond_destroy(&b->room);
    pthread_mutex_destroy(&b->lock);
}

static size_t event_cost(const struct mqtt_inbox_event *e)
{
    return e->fixed ? 0 : e->len + EVENT_COST;
}

static void append(struct mqtt_inbox *b, struct mqtt_inbox_event *e)
{
    bool first = ag_list_empty(&b->events);

    ag_list_append(&b->events, &e->link);
    b->bytes += event_cost(e);
    if (first)
        uv_async_send(b->wake);
}

static void put_fixed(struct mqtt_inbox *b, struct mqtt_inbox_event *e)
{
    pthread_mutex_lock(&b->lock);
    append(b, e);
    pthread_mutex_unlock(&b->lock);
}

void mqtt_inbox_put_up(struct mqtt_inbox *b, bool session_present)
{
    b->up.a = session_present;
    put_fixed(b, &b->up);
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

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long) ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&b->room, &b->lock, &until);
}

/* The lock is held. An acknowledgement cannot be asked for again, so a lack of memory is waited out. */
static struct mqtt_inbox_event *event_new(struct mqtt_inbox *b, size_t len)
{
    while (!b->shut) {
        struct mqtt_inbox_event *e = malloc(sizeof *e + len + 1);

        if (e) {
            *e = (struct mqtt_inbox_event){.len = len, .data = (char *) (e + 1)};
            e->data[len] = '\0';
            return e;
        }
        wait_ms(b, MEMORY_RETRY_MS);
    }
    return NULL;
}

void mqtt_inbox_put_message(struct mqtt_inbox *b, int flags, const char *topic, const void *payload, size_t len)
{
    size_t topic_len = strlen(topic);
    struct mqtt_inbox_event *e;

    pthread_mutex_lock(&b->lock);
    while (!b->shut && b->bytes > 0 && b->bytes + topic_len + len + EVENT_COST > b->max_bytes)
        pthread_cond_wait(&b->room, &b->lock);
    e = event_new(b, topic_len + 1 + len);
    if (e) {
        e->type = MQTT_INBOX_MESSAGE;
        e->a = flags;
        e->topic_len = topic_len;
        memcpy(e->data, topic, topic_len + 1);
        if (len > 0)
            memcpy(e->data + topic_len + 1, payload, len);
        append(b, e);
    }
    pthread_mutex_unlock(&b->lock);
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

struct mqtt_inbox_event *mqtt_inbox_take(struct mqtt_inbox *b)
{
    struct mqtt_inbox_event *e;

    pthread_mutex_lock(&b->lock);
    e = ag_list_first(&b->events, struct mqtt_inbox_event, link);
    if (e) {
        ag_list_del(&e->link);
        b->bytes -= event_cost(e);
        pthread_cond_signal(&b->room);
    }
    pthread_mutex_unlock(&b->lock);
    return e;
}

void mqtt_inbox_release(struct mqtt_inbox_event *e)
{
    if (!e->fixed)
        free(e);
}

void mqtt_inbox_shut(struct mqtt_inbox *b)
{
    pthread_mutex_lock(&b->lock);
    b->shut = true;
    pthread_cond_signal(&b->room);
    pthread_mutex_unlock(&b->lock);
}
