/* SPDX-License-Identifier: MIT */
#include "libagent/io/http/http_loop.h"

#include <errno.h>
#include <stdlib.h>
#include "libagent/io/http/curl_table.h"

struct http_sock {
    uv_poll_t poll;
    struct ag_list link;
    struct http_loop *owner;
    curl_socket_t fd;
};

static void http_loop_put(struct http_loop *l)
{
    if (--l->n_open > 0)
        return;
    ag_curl_close();
    l->on_closed(l);
}

static void sock_on_closed(uv_handle_t *h)
{
    struct http_sock *s = h->data;
    struct http_loop *l = s->owner;

    free(s);
    http_loop_put(l);
}

static void sock_close(struct http_sock *s)
{
    ag_list_del(&s->link);
    uv_poll_stop(&s->poll);
    uv_close((uv_handle_t *) &s->poll, sock_on_closed);
}

static void timer_on_closed(uv_handle_t *h)
{
    http_loop_put(h->data);
}

/* Hands out what has finished. A callback may remove handles and close, so nothing of curl's is kept over it.
 */
static void http_loop_drain(struct http_loop *l)
{
    CURLMsg *msg;
    int left;

    while (!l->closing && (msg = ag_curl()->multi_info_read(l->multi, &left))) {
        CURL *easy = msg->easy_handle;
        CURLcode code = msg->data.result;

        if (msg->msg == CURLMSG_DONE)
            l->on_done(l, easy, code);
    }
}

static void http_loop_drive(struct http_loop *l, curl_socket_t fd, int flags)
{
    int running;

    l->n_open++; /* a hold: close may come from inside */
    l->in_curl = true;
    ag_curl()->multi_socket_action(l->multi, fd, flags, &running);
    l->in_curl = false;
    l->on_turn(l);
    http_loop_drain(l);
    http_loop_put(l);
}

static void sock_on_ready(uv_poll_t *poll, int status, int events)
{
    struct http_sock *s = poll->data;
    int flags = 0;

    if (status < 0)
        flags = CURL_CSELECT_ERR;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    http_loop_drive(s->owner, s->fd, flags);
}

static struct http_sock *sock_open(struct http_loop *l, curl_socket_t fd)
{
    struct http_sock *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    if (uv_poll_init_socket(l->loop, &s->poll, fd) < 0) {
        free(s);
        return NULL;
    }
    s->poll.data = s;
    s->owner = l;
    s->fd = fd;
    ag_list_append(&l->socks, &s->link);
    l->n_open++;
    return s;
}

/* libcurl tells which events of which socket it waits for. */
static int http_loop_on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *sock_user)
{
    struct http_loop *l = user;
    struct http_sock *s = sock_user;
    int events = 0;

    (void) easy;
    if (what == CURL_POLL_REMOVE) {
        if (s)
            sock_close(s);
        ag_curl()->multi_assign(l->multi, fd, NULL);
        return 0;
    }
    if (!s) {
        s = sock_open(l, fd);
        if (!s)
            return -1;
        ag_curl()->multi_assign(l->multi, fd, s);
    }
    if (what & CURL_POLL_IN)
        events |= UV_READABLE;
    if (what & CURL_POLL_OUT)
        events |= UV_WRITABLE;
    return uv_poll_start(&s->poll, events, sock_on_ready) < 0 ? -1 : 0;
}

static void timer_on_fire(uv_timer_t *t)
{
    http_loop_drive(t->data, CURL_SOCKET_TIMEOUT, 0);
}

static int http_loop_on_timer(CURLM *multi, long timeout_ms, void *user)
{
    struct http_loop *l = user;

    (void) multi;
    if (l->closing || timeout_ms < 0)
        uv_timer_stop(&l->timer);
    else
        uv_timer_start(&l->timer, timer_on_fire, (uint64_t) timeout_ms, 0);
    return 0;
}

int http_loop_open(struct http_loop *l, uv_loop_t *loop)
{
    if (!ag_curl_open())
        return -EIO;
    l->multi = ag_curl()->multi_init();
    if (!l->multi) {
        ag_curl_close();
        return -EIO;
    }
    l->loop = loop;
    l->in_curl = l->closing = false;
    ag_list_init(&l->socks);
    uv_timer_init(loop, &l->timer);
    l->timer.data = l;
    l->n_open = 1;
    ag_curl()->multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, http_loop_on_socket);
    ag_curl()->multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
    ag_curl()->multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, http_loop_on_timer);
    ag_curl()->multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
    return 0;
}

void http_loop_close(struct http_loop *l)
{
    if (l->closing)
        return;
    l->closing = true;
    ag_curl()->multi_cleanup(l->multi); /* idle connections leave through http_loop_on_socket() */
    l->multi = NULL;
    ag_list_for_each_safe (it, &l->socks)
        sock_close(ag_list_entry(it, struct http_sock, link));
    uv_timer_stop(&l->timer);
    uv_close((uv_handle_t *) &l->timer, timer_on_closed);
}
