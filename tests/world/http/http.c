/* SPDX-License-Identifier: MIT */
/*
 * libagent/io/http/http.h without libcurl: HTTP/1.1 on the simulated libuv, compiled into the programs of the world. No
 * redirects, no TLS: its servers know neither.
 */
#include "libagent/io/http/http.h"
#include "libagent/io/http/http_child.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEAD_MAX = 4096, BLOCK = 4096, LOOK_MS = 1000 };

struct name { /* asked for on a thread of its own, which may outlive the call */
    struct ag_http_call *call;
    uv_async_t async;
    char host[128];
    struct sockaddr_in at;
    int r;
    bool ended, closed;
};

struct ag_http {
    uv_loop_t *loop;
    uv_timer_t idle; /* its closing makes ag_http_close() end outside of it */
    struct ag_http_call *calls;
    unsigned n_calls, n_open;
    bool closing;
    void (*on_closed)(void *user);
    void *user;
};

struct ag_http_call {
    struct ag_http *h;
    struct ag_http_call *next;
    struct ag_http_request req;
    struct name *name;
    uv_tcp_t tcp;
    uv_timer_t timer;
    uv_connect_t connect;
    uv_write_t write;
    unsigned n_open;
    bool has_tcp, connected, ended, in_body;
    uint16_t port;
    char *out;
    size_t out_n;
    uint64_t began_ms, heard_ms;
    char head[HEAD_MAX + 1], block[BLOCK];
    size_t head_n;
    int status;
    uint64_t left, at; /* of the body: UINT64_MAX until the end of the stream */
    char *body;
    size_t body_n;
};

/* ---- ends ---- */

static void put(struct ag_http *h)
{
    void (*fn)(void *user) = h->on_closed;
    void *user = h->user;

    if (--h->n_open > 0)
        return;
    free(h);
    if (fn)
        fn(user);
}

static void on_call_closed(uv_handle_t *u)
{
    struct ag_http_call *c = u->data;

    if (--c->n_open > 0)
        return;
    free(c->out);
    free(c->body);
    put(c->h);
    free(c);
}

static void on_name_closed(uv_handle_t *u)
{
    struct name *n = u->data;

    n->closed = true;
    if (n->ended)
        free(n);
}

static void leave(struct ag_http_call *c)
{
    struct ag_http_call **at = &c->h->calls;

    if (c->ended)
        return;
    c->ended = true;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    c->h->n_calls--;
    if (c->name) {
        c->name->call = NULL;
        uv_close((uv_handle_t *) &c->name->async, on_name_closed);
    }
    if (c->has_tcp)
        uv_close((uv_handle_t *) &c->tcp, on_call_closed);
    uv_close((uv_handle_t *) &c->timer, on_call_closed);
}

static void end(struct ag_http_call *c, enum ag_http_end how)
{
    bool keeps = !c->req.on_data || (c->status != 200 && c->status != 206);
    struct ag_http_result r = {how, c->status, {NULL, 0}, how == AG_HTTP_OK ? "" : ag_http_end_name(how)};

    if (c->ended)
        return;
    if (keeps)
        r.body = (struct ag_span){c->body ? c->body : "", c->body_n};
    leave(c);
    c->req.on_done(c->req.user, &r);
}

/* ---- the answer ---- */

const char *ag_http_header(const struct ag_http_call *c, const char *name)
{
    static char value[256];
    size_t n = strlen(name);

    for (const char *p = strstr(c->head, "\r\n"); p; p = strstr(p + 2, "\r\n"))
        if (strncasecmp(p + 2, name, n) == 0 && p[2 + n] == ':') {
            const char *v = p + 3 + n + strspn(p + 3 + n, " ");

            snprintf(value, sizeof value, "%.*s", (int) strcspn(v, "\r"), v);
            return value;
        }
    return NULL;
}

static bool streams(const struct ag_http_call *c)
{
    return c->req.on_data && (c->status == 200 || c->status == 206);
}

static void take_body(struct ag_http_call *c, const char *p, size_t n)
{
    if (n > c->left)
        n = (size_t) c->left;
    if (c->left != UINT64_MAX)
        c->left -= n;
    c->at += n;
    if (n > 0 && streams(c)) {
        if (c->req.max_stream && c->at > c->req.max_stream)
            end(c, AG_HTTP_E_TOO_BIG);
        else if (c->req.on_data(c->req.user, p, n) < 0)
            end(c, AG_HTTP_E_ABORTED);
    } else if (n > 0) {
        size_t max = c->req.max_body ? c->req.max_body : AG_HTTP_BODY_MAX;
        char *more = c->body_n + n <= max ? realloc(c->body, c->body_n + n) : NULL;

        if (!more) {
            end(c, c->body_n + n > max ? AG_HTTP_E_TOO_BIG : AG_HTTP_E_OTHER);
            return;
        }
        c->body = more;
        memcpy(c->body + c->body_n, p, n);
        c->body_n += n;
    }
    if (!c->ended && c->left == 0)
        end(c, AG_HTTP_OK);
}

static void begin_body(struct ag_http_call *c)
{
    const char *length = ag_http_header(c, "Content-Length"), *range;
    uint64_t total = UINT64_MAX, from = 0;

    c->in_body = true;
    c->left = length ? strtoull(length, NULL, 10) : UINT64_MAX;
    range = c->status == 206 ? ag_http_header(c, "Content-Range") : NULL;
    if (range && sscanf(range, "bytes %lu-", (unsigned long *) &from) == 1 && from != c->req.range_from) {
        end(c, AG_HTTP_E_RANGE);
        return;
    }
    c->at = from;
    if (c->left != UINT64_MAX)
        total = from + c->left;
    if (streams(c) && c->req.max_stream && total != UINT64_MAX && total > c->req.max_stream)
        end(c, AG_HTTP_E_TOO_BIG);
    else if (streams(c) && c->req.on_begin && c->req.on_begin(c->req.user, from, total) < 0)
        end(c, AG_HTTP_E_ABORTED);
}

static void take(struct ag_http_call *c, const char *p, size_t n)
{
    while (n > 0 && !c->in_body && !c->ended) {
        if (c->head_n == HEAD_MAX) {
            end(c, AG_HTTP_E_OTHER);
            return;
        }
        c->head[c->head_n++] = *p++;
        n--;
        if (c->head_n < 4 || memcmp(c->head + c->head_n - 4, "\r\n\r\n", 4) != 0)
            continue;
        c->head[c->head_n] = '\0';
        if (sscanf(c->head, "HTTP/1.1 %d", &c->status) != 1) {
            end(c, AG_HTTP_E_OTHER);
            return;
        }
        begin_body(c);
        if (!c->ended && c->left == 0)
            end(c, AG_HTTP_OK);
    }
    if (!c->ended && c->in_body && n > 0)
        take_body(c, p, n);
}

/* ---- the line ---- */

static void on_alloc(uv_handle_t *u, size_t n, uv_buf_t *out)
{
    struct ag_http_call *c = u->data;

    (void) n;
    *out = uv_buf_init(c->block, BLOCK);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct ag_http_call *c = s->data;

    if (c->ended)
        return;
    c->heard_ms = uv_now(c->h->loop);
    if (n > 0)
        take(c, buf->base, (size_t) n);
    else if (n < 0)
        end(c, n == UV_EOF && c->in_body && c->left == UINT64_MAX ? AG_HTTP_OK : AG_HTTP_E_DISCONNECT);
}

static void on_written(uv_write_t *w, int status)
{
    struct ag_http_call *c = w->data;

    if (status < 0 && status != UV_ECANCELED)
        end(c, AG_HTTP_E_DISCONNECT);
}

static void on_connected(uv_connect_t *k, int status)
{
    struct ag_http_call *c = k->data;
    uv_buf_t buf = uv_buf_init(c->out, (unsigned) c->out_n);

    if (c->ended)
        return;
    if (status < 0) {
        end(c, AG_HTTP_E_CONNECT);
        return;
    }
    c->connected = true;
    c->heard_ms = uv_now(c->h->loop);
    c->write.data = c;
    if (uv_write(&c->write, (uv_stream_t *) &c->tcp, &buf, 1, on_written) < 0 ||
        uv_read_start((uv_stream_t *) &c->tcp, on_alloc, on_read) < 0)
        end(c, AG_HTTP_E_DISCONNECT);
}

static void on_name(uv_async_t *a)
{
    struct name *n = a->data;
    struct ag_http_call *c = n->call;
    struct sockaddr_in at = n->at;
    int r = n->r;

    if (!c || !n->ended)
        return;
    c->name = NULL;
    n->call = NULL;
    uv_close((uv_handle_t *) a, on_name_closed);
    if (r != 0) {
        end(c, AG_HTTP_E_DNS);
        return;
    }
    at.sin_port = htons(c->port);
    uv_tcp_init(c->h->loop, &c->tcp);
    c->tcp.data = c->connect.data = c;
    c->has_tcp = true;
    c->n_open++;
    if (uv_tcp_connect(&c->connect, &c->tcp, (struct sockaddr *) &at, on_connected) < 0)
        end(c, AG_HTTP_E_CONNECT);
}

static void *look_up(void *arg)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
    struct name *n = arg;

    n->r = getaddrinfo(n->host, NULL, &hints, &found);
    if (n->r == 0) {
        memcpy(&n->at, found->ai_addr, sizeof n->at);
        freeaddrinfo(found);
    }
    n->ended = true;
    if (n->closed)
        free(n);
    else if (n->call)
        uv_async_send(&n->async);
    return NULL;
}

static void on_look(uv_timer_t *t)
{
    struct ag_http_call *c = t->data;
    uint64_t now = uv_now(c->h->loop), stall = c->req.stall_timeout_s ? c->req.stall_timeout_s : AG_HTTP_STALL_S;
    uint64_t connect = c->req.connect_timeout_ms ? c->req.connect_timeout_ms : AG_HTTP_CONNECT_MS;

    if (c->req.timeout_ms && now - c->began_ms >= c->req.timeout_ms)
        end(c, AG_HTTP_E_TIMEOUT);
    else if (!c->connected && now - c->began_ms >= connect)
        end(c, AG_HTTP_E_CONNECT);
    else if (c->connected && now - c->heard_ms >= stall * 1000)
        end(c, AG_HTTP_E_DISCONNECT);
}

/* ---- calls ---- */

static int write_request(struct ag_http_call *c, const char *host, const char *path)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};
    const struct ag_http_request *r = &c->req;
    char text[2048];
    int n = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: %s\r\n", methods[r->method], path, host);

    for (size_t i = 0; r->headers && r->headers[i]; i++)
        if (r->headers[i][strlen(r->headers[i]) - 1] != ':')
            n += snprintf(text + n, sizeof text - (size_t) n, "%s\r\n", r->headers[i]);
    if (r->range_from)
        n += snprintf(text + n, sizeof text - (size_t) n, "Range: bytes=%llu-\r\n", (unsigned long long) r->range_from);
    if (r->body.p)
        n += snprintf(text + n, sizeof text - (size_t) n, "Content-Length: %zu\r\n", r->body.len);
    n += snprintf(text + n, sizeof text - (size_t) n, "\r\n");
    c->out_n = (size_t) n + r->body.len;
    c->out = malloc(c->out_n);
    if (!c->out)
        return -ENOMEM;
    memcpy(c->out, text, (size_t) n);
    if (r->body.len)
        memcpy(c->out + n, r->body.p, r->body.len);
    return 0;
}

static int open_call(struct ag_http_call *c, const char *url)
{
    pthread_t thread;
    char host[128];
    unsigned port = 80;
    int n = 0;

    if (strncmp(url, "http://", 7) != 0 || sscanf(url + 7, "%127[^:/]%n", host, &n) != 1)
        return -EINVAL;
    url += 7 + n;
    if (*url == ':')
        port = (unsigned) strtoul(url + 1, (char **) (uintptr_t) &url, 10);
    c->port = (uint16_t) port;
    n = write_request(c, host, *url ? url : "/");
    if (n < 0)
        return n;
    c->name = calloc(1, sizeof *c->name);
    if (!c->name)
        return -ENOMEM;
    c->name->call = c;
    snprintf(c->name->host, sizeof c->name->host, "%s", host);
    uv_async_init(c->h->loop, &c->name->async, on_name);
    c->name->async.data = c->name;
    pthread_create(&thread, NULL, look_up, c->name);
    return 0;
}

int ag_http_send(struct ag_http *h, const struct ag_http_request *req, struct ag_http_call **out)
{
    struct ag_http_call *c;
    int r;

    if (h->closing)
        return -ESHUTDOWN;
    if (h->n_calls >= AG_HTTP_CALLS_MAX)
        return -EBUSY;
    if (!req->on_done)
        return -EINVAL;
    c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->h = h;
    c->req = *req;
    r = open_call(c, req->url);
    c->req.url = NULL;
    c->req.headers = NULL;
    c->req.body = (struct ag_span){NULL, 0};
    if (r < 0) {
        free(c->out);
        free(c);
        return r;
    }
    uv_timer_init(h->loop, &c->timer);
    c->timer.data = c;
    c->n_open = 1;
    c->began_ms = uv_now(h->loop);
    uv_timer_start(&c->timer, on_look, LOOK_MS, LOOK_MS);
    c->next = h->calls;
    h->calls = c;
    h->n_calls++;
    h->n_open++;
    if (out)
        *out = c;
    return 0;
}

void ag_http_cancel(struct ag_http_call *c)
{
    if (c)
        leave(c);
}

static void on_idle_closed(uv_handle_t *u)
{
    put(u->data);
}

int ag_http_new(struct ag_http **out, uv_loop_t *loop)
{
    struct ag_http *h = calloc(1, sizeof *h);

    if (!h)
        return -ENOMEM;
    h->loop = loop;
    h->n_open = 1;
    uv_timer_init(loop, &h->idle);
    h->idle.data = h;
    *out = h;
    return 0;
}

void ag_http_close(struct ag_http *h, void (*on_closed)(void *user), void *user)
{
    if (h->closing)
        return;
    h->closing = true;
    h->on_closed = on_closed;
    h->user = user;
    while (h->calls)
        leave(h->calls);
    uv_close((uv_handle_t *) &h->idle, on_idle_closed);
}

const char *ag_http_end_name(enum ag_http_end e)
{
    static const char *const names[] = {"ok",           "dns error", "connect error",  "TLS error",
                                        "disconnected", "timeout",   "answer too big", "another range",
                                        "aborted",      "protocol",  "failed"};

    return names[e];
}

void ag_http_child(int argc, char **argv)
{
    (void) argc;
    (void) argv;
}
