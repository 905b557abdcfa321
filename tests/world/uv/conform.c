/* SPDX-License-Identifier: MIT */
/*
 * Little programs that print what happens in which order. Built twice, with the real libuv and with the world's: the two
 * traces must be the same (tests/parts/world.cmake). Nothing here depends on how long something takes.
 */
#include <stdio.h>
#include <string.h>
#include <uv.h>

static void on_closed(uv_handle_t *h)
{
    printf(" closed%s", (const char *) h->data);
}

static uv_timer_t four[4];
static int n_fired;

static void on_timer(uv_timer_t *t)
{
    printf(" timer%s", (const char *) t->data);
    if (++n_fired < 4)
        return;
    for (int i = 0; i < 4; i++)
        uv_close((uv_handle_t *) &four[i], on_closed);
}

/* Equal times: in the order of their start. Closing: the last one first. */
static void timers(uv_loop_t *l)
{
    static const char *const names[4] = {"A", "B", "C", "D"};
    static const int at[4] = {20, 5, 20, 0};

    for (int i = 0; i < 4; i++) {
        uv_timer_init(l, &four[i]);
        four[i].data = (void *) names[i];
        uv_timer_start(&four[i], on_timer, (uint64_t) at[i], 0);
    }
    uv_timer_start(&four[0], on_timer, 20, 0); /* again: behind C */
    uv_run(l, UV_RUN_DEFAULT);
}

static uv_prepare_t prepares[2];
static uv_check_t checks[2];
static uv_idle_t idle;
static uv_timer_t beat;
static uv_async_t async;
static int turns;

static void on_prepare(uv_prepare_t *h)
{
    printf(" prepare%s", (const char *) h->data);
}

static void on_check(uv_check_t *h)
{
    printf(" check%s", (const char *) h->data);
    if (++turns < 4)
        return;
    for (int i = 0; i < 2; i++) {
        if (!uv_is_closing((uv_handle_t *) &checks[i]))
            uv_close((uv_handle_t *) &checks[i], on_closed);
        if (!uv_is_closing((uv_handle_t *) &prepares[i]))
            uv_close((uv_handle_t *) &prepares[i], on_closed);
    }
    if (!uv_is_closing((uv_handle_t *) &idle))
        uv_close((uv_handle_t *) &idle, on_closed);
}

static void on_idle(uv_idle_t *h)
{
    printf(" idle%s", (const char *) h->data);
}

/* Idle, prepare, poll, check; of a kind the last started first. */
static void phases(uv_loop_t *l)
{
    static const char *const names[2] = {"1", "2"};

    turns = 0;
    for (int i = 0; i < 2; i++) {
        uv_check_init(l, &checks[i]);
        uv_prepare_init(l, &prepares[i]);
        checks[i].data = prepares[i].data = (void *) names[i];
        uv_check_start(&checks[i], on_check);
        uv_prepare_start(&prepares[i], on_prepare);
    }
    uv_idle_init(l, &idle);
    idle.data = "I";
    uv_idle_start(&idle, on_idle);
    uv_run(l, UV_RUN_DEFAULT);
}

static void on_async(uv_async_t *h)
{
    printf(" async");
    uv_close((uv_handle_t *) h, on_closed);
    uv_close((uv_handle_t *) &beat, on_closed);
}

static void send_twice(uv_timer_t *t)
{
    (void) t;
    printf(" send");
    uv_async_send(&async);
    uv_async_send(&async);
}

/* Two wake-ups are one. */
static void asyncs(uv_loop_t *l)
{
    uv_async_init(l, &async, on_async);
    async.data = "async";
    uv_timer_init(l, &beat);
    beat.data = "beat";
    uv_timer_start(&beat, send_twice, 0, 0);
    uv_run(l, UV_RUN_DEFAULT);
}

static uv_tcp_t server, client, peer;
static uv_connect_t connecting;
static uv_write_t writing[2];
static char room[64];
static int n_read;

static void on_alloc(uv_handle_t *h, size_t n, uv_buf_t *b)
{
    (void) h;
    (void) n;
    *b = uv_buf_init(room, sizeof room);
}

static void on_peer_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    (void) b;
    if (n > 0) {
        n_read += (int) n;
        if (n_read == 10)
            printf(" read%d", n_read);
    } else if (n < 0) {
        printf(" %s", uv_err_name((int) n));
        uv_close((uv_handle_t *) s, on_closed);
        uv_close((uv_handle_t *) &server, on_closed);
    }
}

static void on_connection(uv_stream_t *s, int status)
{
    (void) status;
    uv_tcp_init(s->loop, &peer);
    peer.data = "P";
    uv_accept(s, (uv_stream_t *) &peer);
    uv_read_start((uv_stream_t *) &peer, on_alloc, on_peer_read);
}

static void on_written(uv_write_t *w, int status)
{
    printf(" written%d=%d", (int) (w - writing), status);
    if (w == &writing[1])
        uv_close((uv_handle_t *) &client, on_closed);
}

static void on_connect(uv_connect_t *c, int status)
{
    static char text[] = "hello";
    uv_buf_t b = uv_buf_init(text, 5);

    printf(" connect=%d", status);
    if (status < 0) {
        uv_close((uv_handle_t *) c->handle, on_closed);
        return;
    }
    uv_write(&writing[0], c->handle, &b, 1, on_written);
    uv_write(&writing[1], c->handle, &b, 1, on_written);
    printf(" queued%zu", uv_stream_get_write_queue_size(c->handle));
}

static void streams(uv_loop_t *l)
{
    struct sockaddr_in at;
    int len = sizeof at;

    uv_ip4_addr("127.0.0.1", 0, &at);
    uv_tcp_init(l, &server);
    server.data = "S";
    uv_tcp_bind(&server, (struct sockaddr *) &at, 0);
    uv_listen((uv_stream_t *) &server, 8, on_connection);
    uv_tcp_getsockname(&server, (struct sockaddr *) &at, &len);
    uv_tcp_init(l, &client);
    client.data = "C";
    uv_tcp_connect(&connecting, &client, (struct sockaddr *) &at, on_connect);
    uv_run(l, UV_RUN_DEFAULT);
}

/* Nobody listens; and a connect that is closed before it is done. */
static void refusals(uv_loop_t *l)
{
    struct sockaddr_in at;

    uv_ip4_addr("127.0.0.1", 1, &at);
    uv_tcp_init(l, &client);
    client.data = "C";
    uv_tcp_connect(&connecting, &client, (struct sockaddr *) &at, on_connect);
    uv_run(l, UV_RUN_DEFAULT);
    printf(" alive=%d", uv_loop_alive(l));
}

int main(void)
{
    static const struct {
        const char *name;
        void (*fn)(uv_loop_t *l);
    } all[] = {{"timers", timers}, {"phases", phases}, {"asyncs", asyncs}, {"streams", streams}, {"refusals", refusals}};
    uv_loop_t l;

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        uv_loop_init(&l);
        printf("%s:", all[i].name);
        all[i].fn(&l);
        printf(" end=%d\n", uv_loop_close(&l));
    }
    return 0;
}
