/* SPDX-License-Identifier: MIT */
/* libagent/io/http against a small scripted server in a thread: every way a call can end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "libagent/core/buf.h"
#include "libagent/io/http/http.h"
#include "libagent/io/http/http_child.h"

/* ---- the server: one connection after the other, one request each ---- */

struct server {
    int fd;
    unsigned port;
    pthread_t thread;
};

static void put(int fd, const char *text)
{
    (void) !write(fd, text, strlen(text));
}

/* A request with its body, terminated. */
static void read_request(int fd, char *buf, size_t n)
{
    size_t len = 0, want = 0;
    char *end = NULL, *cl;

    while (len + 1 < n) {
        ssize_t r = read(fd, buf + len, n - 1 - len);

        if (r <= 0)
            break;
        len += (size_t) r;
        buf[len] = '\0';
        end = strstr(buf, "\r\n\r\n");
        if (!end)
            continue;
        cl = strstr(buf, "Content-Length: ");
        want = cl ? strtoul(cl + 16, NULL, 10) : 0;
        if (len >= (size_t) (end + 4 - buf) + want)
            break;
    }
    buf[len] = '\0';
}

static void echo(int fd, const char *request)
{
    const char *body = strstr(request, "\r\n\r\n");
    char head[256], line[128];
    size_t n;

    snprintf(line, sizeof line, "%.*s|", (int) strcspn(request, " "), request);
    n = strlen(line) + (body ? strlen(body + 4) : 0);
    snprintf(head, sizeof head, "HTTP/1.1 201 Created\r\nX-Kind: echo\r\nContent-Length: %zu\r\n\r\n%s", n, line);
    put(fd, head);
    put(fd, body ? body + 4 : "");
}

static void range(int fd, const char *request)
{
    const char *r = strstr(request, "Range: bytes=");
    unsigned from = r ? (unsigned) strtoul(r + 13, NULL, 10) : 0;
    static const char whole[] = "0123456789";
    char head[256];

    if (!r) {
        put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
        return;
    }
    snprintf(head, sizeof head, "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes %u-9/10\r\nContent-Length: %u\r\n\r\n",
             from, 10 - from);
    put(fd, head);
    put(fd, whole + from);
}

static void serve(int fd, const char *request)
{
    const char *path = strchr(request, ' ');
    char any[1];

    if (!path)
        return;
    path++;
    if (strncmp(path, "/echo", 5) == 0)
        echo(fd, request);
    else if (strncmp(path, "/range", 6) == 0)
        range(fd, request);
    else if (strncmp(path, "/wrongrange", 11) == 0)
        put(fd, "HTTP/1.1 206 P\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n0123456789");
    else if (strncmp(path, "/norange", 8) == 0)
        put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
    else if (strncmp(path, "/cut", 4) == 0)
        put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234");
    else if (strncmp(path, "/empty", 6) == 0)
        put(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    else if (strncmp(path, "/nobody", 7) == 0)
        put(fd, "HTTP/1.1 204 No Content\r\n\r\n");
    else if (strncmp(path, "/missing", 8) == 0)
        put(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope");
    else if (strncmp(path, "/chunked", 8) == 0)
        put(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n");
    else if (strncmp(path, "/jump", 5) == 0)
        put(fd, "HTTP/1.1 302 Found\r\nLocation: /norange\r\nContent-Length: 4\r\n\r\njump");
    else if (strncmp(path, "/circle", 7) == 0)
        put(fd, "HTTP/1.1 302 Found\r\nLocation: /circle\r\nContent-Length: 0\r\n\r\n");
    else if (strncmp(path, "/file", 5) == 0)
        put(fd, "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n");
    else if (strncmp(path, "/garbage", 8) == 0)
        put(fd, "SSH-2.0-none\r\n");
    else if (strncmp(path, "/silent", 7) == 0)
        (void) !read(fd, any, 1); /* until the caller has had enough */
}

static void *server_run(void *arg)
{
    struct server *s = arg;

    for (;;) {
        int fd = accept(s->fd, NULL, NULL);
        char request[8192] = "";

        if (fd < 0)
            return NULL;
        read_request(fd, request, sizeof request);
        serve(fd, request);
        shutdown(fd, SHUT_RDWR);
        close(fd);
    }
}

static void server_start(struct server *s)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;

    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *) &a, sizeof a), 0);
    assert_int_equal(listen(s->fd, 16), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *) &a, &n), 0);
    s->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, server_run, s), 0);
}

static void server_stop(struct server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->fd);
}

/* ---- the caller ---- */

enum when { NEVER, AT_ONCE, IN_BEGIN, IN_DATA, IN_DONE };

struct caller {
    struct ag_http *http;
    struct ag_http_call *call;
    struct ag_buf data;
    char body[256], why[128], header[64];
    enum ag_http_end end;
    int status, n_done, n_begin;
    uint64_t offset, total;
    bool closed;
    enum when cancel, close, abort;
    bool cancelled;
};

static void caller_closed(void *user)
{
    ((struct caller *) user)->closed = true;
}

static void caller_cancel(struct caller *c)
{
    c->cancelled = true;
    ag_http_cancel(c->call);
}

static int caller_act(struct caller *c, enum when now)
{
    if (c->cancel == now)
        caller_cancel(c);
    if (c->close == now)
        ag_http_close(c->http, caller_closed, c);
    return c->abort == now ? -1 : 0;
}

static int caller_begin(void *user, uint64_t offset, uint64_t total)
{
    struct caller *c = user;

    c->n_begin++;
    c->offset = offset;
    c->total = total;
    return caller_act(c, IN_BEGIN);
}

static int caller_data(void *user, const void *p, size_t n)
{
    struct caller *c = user;

    assert_int_equal(ag_buf_append(&c->data, p, n), 0);
    return caller_act(c, IN_DATA);
}

static void caller_done(void *user, const struct ag_http_result *r)
{
    struct caller *c = user;
    const char *kind = ag_http_header(c->call, "X-Kind");

    c->n_done++;
    c->end = r->end;
    c->status = r->status;
    snprintf(c->body, sizeof c->body, "%.*s", (int) r->body.len, r->body.p);
    snprintf(c->why, sizeof c->why, "%s", r->why);
    snprintf(c->header, sizeof c->header, "%s", kind ? kind : "");
    caller_act(c, IN_DONE);
}

static void caller_run(struct caller *c, struct ag_http_request *req, struct server *s, const char *path)
{
    uv_loop_t loop;
    char url[256];

    if (path[0] == '/')
        snprintf(url, sizeof url, "http://127.0.0.1:%u%s", s->port, path);
    else
        snprintf(url, sizeof url, "%s", path);
    req->url = url;
    req->on_done = caller_done;
    req->user = c;
    uv_loop_init(&loop);
    assert_int_equal(ag_http_new(&c->http, &loop), 0);
    assert_int_equal(ag_http_send(c->http, req, &c->call), 0);
    if (c->cancel == AT_ONCE)
        caller_cancel(c);
    while (c->n_done == 0 && !c->closed && !c->cancelled)
        uv_run(&loop, UV_RUN_ONCE);
    if (c->close == NEVER)
        ag_http_close(c->http, caller_closed, c);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(c->closed);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* ---- tests ---- */

static const struct row {
    const char *name, *path;
    struct ag_http_request req;
    bool stream;
    enum ag_http_end end;
    int status;
    const char *body; /* or the streamed bytes */
    uint64_t offset, total;
} rows[] = {
    {"body in memory", "/norange", {0}, false, AG_HTTP_OK, 200, "0123456789", 0, 0},
    {"chunked", "/chunked", {0}, false, AG_HTTP_OK, 200, "0123456789", 0, 0},
    {"post with a body", "/echo", {.method = AG_HTTP_POST, .body = {"a=1&b=2", 7}}, false, AG_HTTP_OK, 201, "POST|a=1&b=2", 0, 0},
    {"post without one", "/echo", {.method = AG_HTTP_POST}, false, AG_HTTP_OK, 201, "POST|", 0, 0},
    {"delete with a body",
     "/echo",
     {.method = AG_HTTP_DELETE, .body = {"did=x", 5}},
     false,
     AG_HTTP_OK,
     201,
     "DELETE|did=x",
     0,
     0},
    {"put", "/echo", {.method = AG_HTTP_PUT, .body = {"z", 1}}, false, AG_HTTP_OK, 201, "PUT|z", 0, 0},
    {"no content", "/nobody", {0}, false, AG_HTTP_OK, 204, "", 0, 0},
    {"a bad status is an answer", "/missing", {0}, false, AG_HTTP_OK, 404, "nope", 0, 0},
    {"too big for memory", "/norange", {.max_body = 9}, false, AG_HTTP_E_TOO_BIG, 200, "", 0, 0},
    {"just fits", "/norange", {.max_body = 10}, false, AG_HTTP_OK, 200, "0123456789", 0, 0},
    {"cut", "/cut", {0}, false, AG_HTTP_E_DISCONNECT, 200, "01234", 0, 0},
    {"not HTTP", "/garbage", {0}, false, AG_HTTP_E_OTHER, 0, "", 0, 0},
    {"no redirects allowed", "/jump", {0}, false, AG_HTTP_OK, 302, "jump", 0, 0},
    {"a redirect", "/jump", {.max_redirects = 3}, false, AG_HTTP_OK, 200, "0123456789", 0, 0},
    {"a circle", "/circle", {.max_redirects = 3}, false, AG_HTTP_E_OTHER, 302, "", 0, 0},
    {"redirect to a file", "/file", {.max_redirects = 3}, false, AG_HTTP_E_PROTOCOL, 302, "", 0, 0},
    {"whole call too slow", "/silent", {.timeout_ms = 200}, false, AG_HTTP_E_TIMEOUT, 0, "", 0, 0},
    {"silence", "/silent", {.stall_timeout_s = 1}, false, AG_HTTP_E_DISCONNECT, 0, "", 0, 0},
    {"refused", "http://127.0.0.1:1/", {0}, false, AG_HTTP_E_CONNECT, 0, "", 0, 0},
    {"no such name", "http://device.invalid/", {0}, false, AG_HTTP_E_DNS, 0, "", 0, 0},
    {"streamed", "/range", {0}, true, AG_HTTP_OK, 200, "0123456789", 0, 10},
    {"streamed from the middle", "/range", {.range_from = 4}, true, AG_HTTP_OK, 206, "456789", 4, 10},
    {"server without ranges", "/norange", {.range_from = 4}, true, AG_HTTP_OK, 200, "0123456789", 0, 10},
    {"another range than asked", "/wrongrange", {.range_from = 4}, true, AG_HTTP_E_RANGE, 206, "", 0, 0},
    {"streamed, unknown length", "/chunked", {0}, true, AG_HTTP_OK, 200, "0123456789", 0, UINT64_MAX},
    {"streamed, empty", "/empty", {0}, true, AG_HTTP_OK, 200, "", 0, 0},
    {"streamed, cut", "/cut", {0}, true, AG_HTTP_E_DISCONNECT, 200, "01234", 0, 10},
    {"a 404 is not streamed", "/missing", {0}, true, AG_HTTP_OK, 404, "nope", 0, 0},
    {"stream too long by its header", "/norange", {.max_stream = 9}, true, AG_HTTP_E_TOO_BIG, 200, "", 0, 0},
    {"stream too long by its bytes", "/chunked", {.max_stream = 9}, true, AG_HTTP_E_TOO_BIG, 200, "01234", 0, UINT64_MAX},
};

static void test_ends(void **state)
{
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        const struct row *row = &rows[i];
        struct ag_http_request req = row->req;
        struct caller c = {.data = AG_BUF_INIT};
        struct ag_span got;

        if (row->stream) {
            req.on_begin = caller_begin;
            req.on_data = caller_data;
        }
        caller_run(&c, &req, *state, row->path);
        got = row->stream && row->status != 404 ? ag_buf_span(&c.data) : (struct ag_span){c.body, strlen(c.body)};
        if (c.n_done != 1 || c.end != row->end || c.status != row->status || !ag_span_is(got, row->body, strlen(row->body)) ||
            c.offset != row->offset || c.total != row->total || (c.why[0] == '\0') != (c.end == AG_HTTP_OK))
            fail_msg("%s: done %d end %d (%s) status %d got '%.*s' offset %llu total %llu", row->name, c.n_done, c.end, c.why,
                     c.status, (int) got.len, got.p, (unsigned long long) c.offset, (unsigned long long) c.total);
        ag_buf_deinit(&c.data);
    }
}

static void test_headers(void **state)
{
    const char *const headers[] = {"Content-Type: text/x-test", NULL};
    struct ag_http_request req = {.headers = headers};
    struct caller c = {.data = AG_BUF_INIT};

    caller_run(&c, &req, *state, "/echo");
    assert_string_equal(c.header, "echo");
}

/* Every place that may give up: nothing leaks (the sanitizer tells), on_done comes at most once. */
static void test_giving_up(void **state)
{
    static const struct {
        const char *name;
        enum when cancel, close, abort;
        int n_done;
    } cases[] = {
        {"canceled at once", AT_ONCE, NEVER, NEVER, 0}, {"canceled in begin", IN_BEGIN, NEVER, NEVER, 0},
        {"canceled in data", IN_DATA, NEVER, NEVER, 0}, {"canceled in done", IN_DONE, NEVER, NEVER, 1},
        {"closed in begin", NEVER, IN_BEGIN, NEVER, 0}, {"closed in data", NEVER, IN_DATA, NEVER, 0},
        {"closed in done", NEVER, IN_DONE, NEVER, 1},   {"aborted in begin", NEVER, NEVER, IN_BEGIN, 1},
        {"aborted in data", NEVER, NEVER, IN_DATA, 1},
    };

    for (size_t i = 0; i < ag_array_size(cases); i++) {
        struct ag_http_request req = {.on_begin = caller_begin, .on_data = caller_data};
        struct caller c = {.data = AG_BUF_INIT};

        c.cancel = cases[i].cancel;
        c.close = cases[i].close;
        c.abort = cases[i].abort;
        caller_run(&c, &req, *state, "/norange");
        if (c.n_done != cases[i].n_done)
            fail_msg("%s: on_done %d times", cases[i].name, c.n_done);
        if (c.abort != NEVER)
            assert_int_equal(c.end, AG_HTTP_E_ABORTED);
        ag_buf_deinit(&c.data);
    }
}

static void send_again(void *user, const struct ag_http_result *r)
{
    struct caller *c = user;
    struct ag_http_request req = {.url = "http://127.0.0.1:1/", .on_done = send_again, .user = c};

    c->end = r->end;
    if (++c->n_done == 3)
        assert_int_equal(ag_http_send(c->http, &req, NULL), 0);
}

static void count_open(uv_handle_t *h, void *n)
{
    *(int *) n += !uv_is_closing(h);
}

/* Without a call nothing is left open but the handle that is closed at the end; with the next one all is there again. */
static void test_rests_between_calls(void **state)
{
    struct caller c = {.data = AG_BUF_INIT};
    struct server *s = *state;
    char url[64];
    struct ag_http_request req = {.url = url, .on_done = send_again, .user = &c};
    uv_loop_t loop;

    snprintf(url, sizeof url, "http://127.0.0.1:%u/norange", s->port);
    uv_loop_init(&loop);
    assert_int_equal(ag_http_new(&c.http, &loop), 0);
    for (int i = 1; i <= 3; i++) {
        int n_open = 0;

        c.end = AG_HTTP_E_OTHER;
        assert_int_equal(ag_http_send(c.http, &req, NULL), 0);
        uv_run(&loop, UV_RUN_DEFAULT);
        assert_int_equal(c.n_done, i == 3 ? 4 : i);
        assert_int_equal(c.end, i == 3 ? AG_HTTP_E_CONNECT : AG_HTTP_OK);
        uv_walk(&loop, count_open, &n_open);
        assert_int_equal(n_open, 1);
    }
    ag_http_close(c.http, caller_closed, &c);
    assert_false(c.closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(c.closed);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_refused_requests(void **state)
{
    struct ag_http_request req = {.url = "file:///etc/passwd", .on_done = caller_done};
    struct caller c = {.data = AG_BUF_INIT};
    struct ag_http *h;
    uv_loop_t loop;

    (void) state;
    uv_loop_init(&loop);
    assert_int_equal(ag_http_new(&h, &loop), 0);
    assert_int_equal(ag_http_send(h, &req, NULL), -EINVAL);
    req.url = "http://127.0.0.1:1/";
    req.user = &c;
    for (int i = 0; i < AG_HTTP_CALLS_MAX; i++)
        assert_int_equal(ag_http_send(h, &req, NULL), 0);
    assert_int_equal(ag_http_send(h, &req, NULL), -EBUSY);
    ag_http_close(h, NULL, NULL);
    assert_int_equal(ag_http_send(h, &req, NULL), -ESHUTDOWN);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(c.n_done, 0);
}

/* Nothing can be opened, so no process can be started: the call ends with the reason, unless it is given up before. */
static void test_no_process(void **state)
{
    struct ag_http_request req = {.url = "http://127.0.0.1:1/", .on_done = caller_done};
    struct caller c = {.data = AG_BUF_INIT};
    struct ag_http_call *given_up;
    struct rlimit before, now;
    uv_loop_t loop;

    (void) state;
    req.user = &c;
    uv_loop_init(&loop);
    assert_int_equal(ag_http_new(&c.http, &loop), 0);
    getrlimit(RLIMIT_NOFILE, &before);
    now = before;
    now.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &now);
    assert_int_equal(ag_http_send(c.http, &req, &c.call), 0);
    assert_int_equal(ag_http_send(c.http, &req, &given_up), 0);
    ag_http_cancel(given_up);
    setrlimit(RLIMIT_NOFILE, &before);
    assert_int_equal(c.n_done, 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(c.n_done, 1);
    assert_int_equal(c.end, AG_HTTP_E_OTHER);
    assert_string_equal(c.why, "no process for the request: Too many open files");
    ag_http_close(c.http, caller_closed, &c);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_true(c.closed);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static int setup(void **state)
{
    static struct server s;

    signal(SIGPIPE, SIG_IGN);
    server_start(&s);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    server_stop(*state);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_giving_up),
        cmocka_unit_test(test_rests_between_calls),
        cmocka_unit_test(test_refused_requests),
        cmocka_unit_test(test_no_process),
    };

    ag_http_child(argc, argv);
    return cmocka_run_group_tests(tests, setup, teardown);
}
