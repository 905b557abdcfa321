/* SPDX-License-Identifier: MIT */
#include "tests/world/stand/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/world/kernel/kernel.h"
#include "tests/world/kernel/net.h"

enum { PIECE = 4096 };

struct conn {
    struct http_server *h;
    struct vsock *s; /* NULL: gone */
    char in[4096];
    size_t n;
    bool asked;
    struct http_answer answer;
    size_t sent;
};

static void drop(struct conn *c)
{
    if (c->s)
        act_close(c->s, false);
    c->s = NULL;
}

static void send_piece(void *arg, uint64_t unused)
{
    struct conn *c = arg;
    size_t n = c->answer.n - c->sent;

    (void) unused;
    if (!c->s) {
        free(c);
        return;
    }
    if (c->answer.piece_us && n > PIECE)
        n = PIECE;
    act_send(c->s, c->answer.body + c->sent, n);
    c->sent += n;
    if (c->sent == c->answer.n || (c->h->cut_after && c->sent >= c->h->cut_after)) {
        drop(c);
        free(c);
        return;
    }
    after(c->answer.piece_us, send_piece, c, 0);
}

static void answer(struct conn *c, const struct http_ask *ask)
{
    struct http_answer *a = &c->answer;
    char head[600];
    int n;

    c->h->n_asks++;
    if (c->h->fails)
        a->status = 500;
    else
        c->h->on_ask(c->h->user, ask, a);
    if (!a->body) {
        a->body = a->text;
        a->n = strlen(a->text);
    }
    n = snprintf(head, sizeof head, "HTTP/1.1 %d X\r\n%sContent-Length: %zu\r\n\r\n", a->status, a->headers, a->n);
    act_send(c->s, head, (size_t) n);
    send_piece(c, 0);
}

static const char *header(const char *head, const char *name)
{
    const char *at = strstr(head, name);

    return at ? at + strlen(name) : NULL;
}

static void on_data(void *user, struct vsock *s, const char *p, size_t n)
{
    struct http_ask ask = {.range_from = 0};
    struct conn *c = user;
    const char *body, *length, *range;
    size_t want;

    (void) s;
    if (c->asked || c->n + n >= sizeof c->in) {
        broken("an HTTP server was sent more than a request");
        return;
    }
    memcpy(c->in + c->n, p, n);
    c->n += n;
    c->in[c->n] = '\0';
    body = strstr(c->in, "\r\n\r\n");
    if (!body)
        return;
    body += 4;
    length = header(c->in, "Content-Length: ");
    want = length ? strtoul(length, NULL, 10) : 0;
    if (c->n - (size_t) (body - c->in) < want || c->h->mute)
        return;
    if (sscanf(c->in, "%7s %299s HTTP/1.1\r\n", ask.method, ask.path) != 2 || !strstr(c->in, "\r\nHost: ") ||
        want >= sizeof ask.body) {
        broken("an HTTP server was sent no request: %.100s", c->in);
        return;
    }
    range = header(c->in, "Range: bytes=");
    ask.range_from = range ? strtoull(range, NULL, 10) : 0;
    memcpy(ask.body, body, want);
    c->asked = true;
    answer(c, &ask);
}

static void on_closed(void *user, struct vsock *s)
{
    struct conn *c = user;
    bool sending = c->asked;

    (void) s;
    drop(c);
    if (!sending)
        free(c);
}

static const struct act_events EVENTS = {on_data, on_closed};

static void on_accept(void *user, struct vsock *s)
{
    struct conn *c = calloc(1, sizeof *c);

    c->h = user;
    c->s = s;
    act_take(s, &EVENTS, c);
}

void http_open(struct http_server *h, uint32_t ip, uint16_t port)
{
    act_listen(ip, port, on_accept, h);
}
