/* SPDX-License-Identifier: MIT */
#include "examples/sim/standin.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sim_note(const char *event, const char *fmt, ...)
{
    va_list ap;

    printf("{\"event\":\"%s\"", event);
    va_start(ap, fmt);
    vprintf(fmt, ap);
    va_end(ap);
    puts("}");
    fflush(stdout);
}

size_t sim_from_hex(char *text)
{
    size_t n = 0;
    unsigned v;

    for (char *p = text; p[0] && p[1] && sscanf(p, "%2x", &v) == 1; p += 2)
        text[n++] = (char) v;
    return n;
}

/* ---- standard input ---- */

static void on_input_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct sim_standin *s = h->data;

    if (ag_buf_reserve(&s->line, suggested) < 0)
        *buf = uv_buf_init(NULL, 0);
    else
        *buf = uv_buf_init(s->line.data + s->line.len, (unsigned) (s->line.cap - s->line.len));
}

static void on_input(uv_stream_t *st, ssize_t n, const uv_buf_t *buf)
{
    struct sim_standin *s = st->data;
    char *end;

    (void) buf;
    if (n < 0) {
        uv_read_stop(st);
        return;
    }
    s->line.len += (size_t) n;
    while (ag_buf_size(&s->line) > 0 && (end = memchr(ag_buf_head(&s->line), '\n', ag_buf_size(&s->line)))) {
        char *line = s->line.data + s->line.off;
        size_t len = (size_t) (end - line) + 1;

        *end = '\0';
        s->ops->line(s->user, line);
        ag_buf_consume(&s->line, len);
    }
}

static void start_input(struct sim_standin *s, uv_loop_t *loop)
{
    if (uv_guess_handle(0) != UV_NAMED_PIPE || uv_pipe_init(loop, &s->input.pipe, 0) != 0)
        return;
    s->has_input = true;
    s->input.stream.data = s;
    if (uv_pipe_open(&s->input.pipe, 0) == 0)
        uv_read_start(&s->input.stream, on_input_alloc, on_input);
}

/* ---- start and end ---- */

static void on_signal(uv_signal_t *sig, int number)
{
    struct sim_standin *s = sig->data;

    (void) number;
    s->ops->stop(s->user);
}

void sim_standin_start(struct sim_standin *s, uv_loop_t *loop, const struct sim_standin_ops *ops, void *user)
{
    *s = (struct sim_standin){.ops = ops, .user = user, .line = AG_BUF_INIT};
    uv_signal_init(loop, &s->sigint);
    uv_signal_init(loop, &s->sigterm);
    s->sigint.data = s->sigterm.data = s;
    uv_signal_start(&s->sigint, on_signal, SIGINT);
    uv_signal_start(&s->sigterm, on_signal, SIGTERM);
    start_input(s, loop);
}

static void on_input_closed(uv_handle_t *h)
{
    struct sim_standin *s = h->data;

    ag_buf_deinit(&s->line);
}

void sim_standin_stop(struct sim_standin *s)
{
    uv_close((uv_handle_t *) &s->sigint, NULL);
    uv_close((uv_handle_t *) &s->sigterm, NULL);
    if (s->has_input)
        uv_close((uv_handle_t *) &s->input.pipe, on_input_closed);
}
