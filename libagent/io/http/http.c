/* SPDX-License-Identifier: MIT */
#include "libagent/io/http/http.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "libagent/core/buf.h"
#include "libagent/core/list.h"
#include "libagent/io/http/curl_table.h"
#include "libagent/io/http/http_loop.h"

struct ag_http {
    uv_loop_t *loop;
    uv_timer_t timer;     /* never started: on_closed() comes from its closing at the earliest */
    struct work *work;    /* NULL: no call is under way, and libcurl is not needed */
    struct ag_list calls; /* struct ag_http_call */
    unsigned n_calls;
    unsigned n_open; /* the timer, and works that have not closed yet */
    bool closing;    /* asked for inside a callback of libcurl, calls end when it has returned */
    void (*on_closed)(void *user);
    void *closed_user;
};

/* libcurl from the first call to the last one. */
struct work {
    struct http_loop l;
    struct ag_http *owner;
};

struct ag_http_call {
    struct ag_http *owner;
    struct ag_list link;
    CURL *easy;
    struct curl_slist *headers;
    char *body; /* of the request */
    struct ag_buf answer;
    struct ag_http_request req; /* its pointers to the caller's memory are not used after ag_http_send() */
    uint64_t n_streamed;        /* offset of the next byte */
    enum ag_http_end verdict;   /* why a callback of ours stopped the call; AG_HTTP_OK: it did not */
    bool begun;                 /* on_begin has run */
    bool canceled;
    char error[CURL_ERROR_SIZE]; /* libcurl's words; with TLS they hold the library's reason */
};

/* Takes the call out of libcurl and of the list; it can then be asked for headers and be freed. */
static void call_detach(struct ag_http_call *c)
{
    if (!c->owner)
        return;
    ag_curl()->multi_remove_handle(c->owner->work->l.multi, c->easy);
    ag_list_del(&c->link);
    c->owner->n_calls--;
    c->owner = NULL;
}

/* Whoever gives a name up leaves the thread behind that looks for it. */
static void look_for_resolver(const struct ag_http_call *c)
{
    curl_off_t named = 0;

    ag_curl()->easy_getinfo(c->easy, CURLINFO_NAMELOOKUP_TIME_T, &named);
    if (named == 0 || c->req.max_redirects > 0)
        ag_curl_stay();
}

static void call_free(struct ag_http_call *c)
{
    if (!c)
        return;
    if (c->owner)
        look_for_resolver(c);
    call_detach(c);
    if (c->easy)
        ag_curl()->easy_cleanup(c->easy);
    ag_curl()->slist_free_all(c->headers);
    free(c->body);
    ag_buf_deinit(&c->answer);
    free(c);
}

/* ---- the answer as it comes ---- */

static int call_status(const struct ag_http_call *c)
{
    long status = 0;

    ag_curl()->easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int) status;
}

/* "bytes 100-199/1000" or with a star for an unknown whole. */
static bool call_content_range(const struct ag_http_call *c, uint64_t *from_out, uint64_t *total_out)
{
    const char *value = ag_http_header(c, "Content-Range");
    unsigned long long from, to, total;
    int n = 0;

    if (!value || sscanf(value, "bytes %llu-%llu/%n", &from, &to, &n) != 2 || n == 0)
        return false;
    *from_out = from;
    *total_out = sscanf(value + n, "%llu", &total) == 1 ? total : UINT64_MAX;
    return true;
}

static enum ag_http_end call_begin(struct ag_http_call *c, int status)
{
    uint64_t offset = 0, total = UINT64_MAX;
    curl_off_t length = -1;

    c->begun = true;
    if (status == 206) {
        if (!call_content_range(c, &offset, &total) || offset != c->req.range_from)
            return AG_HTTP_E_RANGE;
    } else {
        ag_curl()->easy_getinfo(c->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        if (length >= 0)
            total = (uint64_t) length;
    }
    c->n_streamed = offset;
    if (c->req.max_stream && total != UINT64_MAX && total > c->req.max_stream)
        return AG_HTTP_E_TOO_BIG;
    if (c->req.on_begin && c->req.on_begin(c->req.user, offset, total) < 0)
        return AG_HTTP_E_ABORTED;
    return AG_HTTP_OK;
}

static enum ag_http_end call_stream(struct ag_http_call *c, int status, const char *p, size_t n)
{
    if (!c->begun) {
        enum ag_http_end end = call_begin(c, status);

        if (end != AG_HTTP_OK)
            return end;
    }
    if (c->canceled)
        return AG_HTTP_E_ABORTED;
    c->n_streamed += n;
    if (c->req.max_stream && c->n_streamed > c->req.max_stream)
        return AG_HTTP_E_TOO_BIG;
    return c->req.on_data(c->req.user, p, n) < 0 ? AG_HTTP_E_ABORTED : AG_HTTP_OK;
}

static bool call_streams(const struct ag_http_call *c, int status)
{
    return c->req.on_data && (status == 200 || status == 206);
}

static size_t call_on_body(char *p, size_t size, size_t n, void *user)
{
    struct ag_http_call *c = user;
    int status = call_status(c);

    n *= size;
    if (c->canceled)
        return 0;
    if (call_streams(c, status))
        c->verdict = call_stream(c, status, p, n);
    else if (n > c->req.max_body - ag_buf_size(&c->answer))
        c->verdict = AG_HTTP_E_TOO_BIG;
    else if (ag_buf_append(&c->answer, p, n) < 0)
        c->verdict = AG_HTTP_E_OTHER;
    return c->verdict == AG_HTTP_OK && !c->canceled ? n : 0;
}

/* Answers of redirects end up in the same buffer; each new status line starts over. */
static size_t call_on_header(char *p, size_t size, size_t n, void *user)
{
    struct ag_http_call *c = user;

    if (n * size > 5 && memcmp(p, "HTTP/", 5) == 0)
        ag_buf_clear(&c->answer);
    return n * size;
}

/* ---- how it ended ---- */

/* A time-out before the connection stood is a matter of names or connecting. */
static enum ag_http_end call_timed_out(const struct ag_http_call *c)
{
    curl_off_t named = 0, connected = 0;
    long status = call_status(c);

    ag_curl()->easy_getinfo(c->easy, CURLINFO_NAMELOOKUP_TIME_T, &named);
    ag_curl()->easy_getinfo(c->easy, CURLINFO_CONNECT_TIME_T, &connected);
    if (connected > 0)
        return c->req.timeout_ms && status == 0 ? AG_HTTP_E_TIMEOUT : AG_HTTP_E_DISCONNECT;
    return named > 0 ? AG_HTTP_E_CONNECT : AG_HTTP_E_DNS;
}

static enum ag_http_end call_end(const struct ag_http_call *c, CURLcode code)
{
    if (c->verdict != AG_HTTP_OK)
        return c->verdict;
    switch (code) {
    case CURLE_OK:
        return AG_HTTP_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return AG_HTTP_E_DNS;
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
        return AG_HTTP_E_CONNECT;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
        return AG_HTTP_E_TLS;
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
        return AG_HTTP_E_DISCONNECT;
    case CURLE_UNSUPPORTED_PROTOCOL: /* said of an answer that is no HTTP, too */
        return call_status(c) / 100 == 3 ? AG_HTTP_E_PROTOCOL : AG_HTTP_E_OTHER;
    case CURLE_OPERATION_TIMEDOUT:
        return call_timed_out(c);
    default:
        return AG_HTTP_E_OTHER;
    }
}

const char *ag_http_end_name(enum ag_http_end end)
{
    static const char *const names[] = {
        [AG_HTTP_OK] = "ok",
        [AG_HTTP_E_DNS] = "name not found",
        [AG_HTTP_E_CONNECT] = "cannot connect",
        [AG_HTTP_E_TLS] = "TLS refused",
        [AG_HTTP_E_DISCONNECT] = "connection lost",
        [AG_HTTP_E_TIMEOUT] = "timed out",
        [AG_HTTP_E_TOO_BIG] = "answer too large",
        [AG_HTTP_E_RANGE] = "wrong range in the answer",
        [AG_HTTP_E_ABORTED] = "given up",
        [AG_HTTP_E_PROTOCOL] = "sent on to another protocol",
        [AG_HTTP_E_OTHER] = "failed",
    };

    return (size_t) end < ag_array_size(names) ? names[end] : "failed";
}

/* With the last call libcurl goes; its idle connections are closed. */
static void rest_if_idle(struct ag_http *h)
{
    struct work *w = h->work;

    if (h->n_calls > 0 || !w || w->l.in_curl)
        return;
    h->work = NULL;
    http_loop_close(&w->l);
}

static void call_finish(struct ag_http_call *c, CURLcode code)
{
    struct ag_http_result result = {.status = call_status(c)};
    struct ag_http *h = c->owner;

    if (code == CURLE_OK && call_streams(c, result.status) && !c->begun)
        c->verdict = call_begin(c, result.status); /* a body of no bytes */
    result.end = call_end(c, code);
    result.body = ag_buf_span(&c->answer);
    result.why = result.end == AG_HTTP_OK                     ? ""
                 : result.end == AG_HTTP_E_TLS && c->error[0] ? c->error
                 : result.end == AG_HTTP_E_OTHER              ? ag_curl()->easy_strerror(code)
                                                              : ag_http_end_name(result.end);
    if (code == CURLE_OPERATION_TIMEDOUT)
        look_for_resolver(c);
    call_detach(c); /* on_done may close everything */
    if (!c->canceled) {
        c->canceled = true; /* a cancel from inside has nothing to do */
        c->req.on_done(c->req.user, &result);
    }
    call_free(c);
    rest_if_idle(h);
}

static void http_on_done(struct http_loop *l, CURL *easy, CURLcode code)
{
    struct ag_http_call *c = NULL;

    (void) l;
    ag_curl()->easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &c);
    call_finish(c, code);
}

/* ---- beginning ---- */

static bool is_https(const char *url)
{
    return strncasecmp(url, "https://", 8) == 0;
}

static bool url_allowed(const char *url)
{
    return url && (strncasecmp(url, "http://", 7) == 0 || is_https(url));
}

static int call_set_body(struct ag_http_call *c, const struct ag_http_request *req)
{
    CURL *e = c->easy;

    if (req->body.p) {
        c->body = malloc(req->body.len + 1);
        if (!c->body)
            return -ENOMEM;
        memcpy(c->body, req->body.p, req->body.len);
        ag_curl()->easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) req->body.len);
        ag_curl()->easy_setopt(e, CURLOPT_POSTFIELDS, c->body);
    }
    switch (req->method) {
    case AG_HTTP_GET:
        if (req->body.p)
            return -EINVAL;
        break;
    case AG_HTTP_POST:
        ag_curl()->easy_setopt(e, CURLOPT_POST, 1L);
        if (!req->body.p)
            ag_curl()->easy_setopt(e, CURLOPT_POSTFIELDSIZE, 0L);
        break;
    case AG_HTTP_PUT:
        ag_curl()->easy_setopt(e, CURLOPT_CUSTOMREQUEST, "PUT");
        break;
    case AG_HTTP_DELETE:
        ag_curl()->easy_setopt(e, CURLOPT_CUSTOMREQUEST, "DELETE");
        break;
    }
    return 0;
}

static int call_set_headers(struct ag_http_call *c, const struct ag_http_request *req)
{
    for (const char *const *h = req->headers; h && *h; h++) {
        struct curl_slist *longer = ag_curl()->slist_append(c->headers, *h);

        if (!longer)
            return -ENOMEM;
        c->headers = longer;
    }
    ag_curl()->easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
    return 0;
}

static void call_set_limits(CURL *e, const struct ag_http_request *req)
{
    unsigned connect_ms = req->connect_timeout_ms ? req->connect_timeout_ms : AG_HTTP_CONNECT_MS;
    unsigned stall_s = req->stall_timeout_s ? req->stall_timeout_s : AG_HTTP_STALL_S;

    ag_curl()->easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long) connect_ms);
    ag_curl()->easy_setopt(e, CURLOPT_TIMEOUT_MS, (long) req->timeout_ms);
    ag_curl()->easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
    ag_curl()->easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long) stall_s);
    ag_curl()->easy_setopt(e, CURLOPT_FOLLOWLOCATION, req->max_redirects ? 1L : 0L);
    ag_curl()->easy_setopt(e, CURLOPT_MAXREDIRS, (long) req->max_redirects);
}

static int call_set_str(CURL *e, CURLoption option, const char *value)
{
    return !value || ag_curl()->easy_setopt(e, option, value) == CURLE_OK ? 0 : -ENOMEM;
}

/* What was asked for under TLS stays there, wherever the server sends it. */
static int call_set_protocols(CURL *e, const char *url)
{
    const char *protocols = is_https(url) ? "https" : "http,https";

    if (ag_curl()->easy_setopt(e, CURLOPT_PROTOCOLS_STR, protocols) != CURLE_OK ||
        ag_curl()->easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, protocols) != CURLE_OK)
        return -ENOTSUP;
    return 0;
}

/* A CA that cannot be set must not fall back to the system's. */
static int call_set_tls(CURL *e, const struct ag_http_request *req)
{
    int r = call_set_str(e, CURLOPT_CAINFO, req->ca_file);

    if (r == 0)
        r = call_set_str(e, CURLOPT_SSLCERT, req->cert_file);
    if (r == 0)
        r = call_set_str(e, CURLOPT_SSLKEY, req->key_file);
    if (r == 0) /* a key with a pass phrase is an error: OpenSSL would ask for it at a terminal */
        r = call_set_str(e, CURLOPT_KEYPASSWD, "");
    return r;
}

static void call_set_callbacks(struct ag_http_call *c)
{
    CURL *e = c->easy;

    ag_curl()->easy_setopt(e, CURLOPT_PRIVATE, c);
    ag_curl()->easy_setopt(e, CURLOPT_ERRORBUFFER, c->error);
    ag_curl()->easy_setopt(e, CURLOPT_WRITEFUNCTION, call_on_body);
    ag_curl()->easy_setopt(e, CURLOPT_WRITEDATA, c);
    ag_curl()->easy_setopt(e, CURLOPT_HEADERFUNCTION, call_on_header);
    ag_curl()->easy_setopt(e, CURLOPT_HEADERDATA, c);
}

static int call_set_options(struct ag_http_call *c, const struct ag_http_request *req)
{
    CURL *e = c->easy;
    char range[32];
    int r;

    ag_curl()->easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    ag_curl()->easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* giving up must not wait for the resolver's thread */
    ag_curl()->easy_setopt(e, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
    call_set_callbacks(c);
    call_set_limits(e, req);
    snprintf(range, sizeof range, "%llu-", (unsigned long long) req->range_from);
    r = call_set_protocols(e, req->url);
    if (r == 0)
        r = call_set_tls(e, req);
    if (r == 0)
        r = call_set_str(e, CURLOPT_RANGE, req->range_from > 0 ? range : NULL);
    if (r == 0)
        r = call_set_str(e, CURLOPT_URL, req->url);
    if (r == 0)
        r = call_set_body(c, req);
    if (r == 0)
        r = call_set_headers(c, req);
    return r;
}

/* ---- life ---- */

static void http_put(struct ag_http *h)
{
    void (*on_closed)(void *user) = h->on_closed;
    void *user = h->closed_user;

    if (--h->n_open > 0)
        return;
    free(h);
    if (on_closed)
        on_closed(user);
}

static void work_on_closed(struct http_loop *l)
{
    struct work *w = ag_container_of(l, struct work, l);
    struct ag_http *h = w->owner;

    free(w);
    http_put(h);
}

/* Ends every call. */
static void http_close_now(struct ag_http *h)
{
    ag_list_for_each_safe (it, &h->calls)
        call_free(ag_list_entry(it, struct ag_http_call, link));
    rest_if_idle(h);
}

/* What callbacks asked for while libcurl was running. */
static void work_on_turn(struct http_loop *l)
{
    struct ag_http *h = ag_container_of(l, struct work, l)->owner;
    bool any = false;

    ag_list_for_each_safe (it, &h->calls) {
        struct ag_http_call *c = ag_list_entry(it, struct ag_http_call, link);

        any |= c->canceled;
        if (c->canceled)
            call_free(c);
    }
    if (h->closing)
        http_close_now(h);
    else if (any)
        rest_if_idle(h);
}

static int work_open(struct ag_http *h)
{
    struct work *w = calloc(1, sizeof *w);
    int r;

    if (!w)
        return -ENOMEM;
    w->owner = h;
    w->l.on_done = http_on_done;
    w->l.on_turn = work_on_turn;
    w->l.on_closed = work_on_closed;
    r = http_loop_open(&w->l, h->loop);
    if (r < 0) {
        free(w);
        return r;
    }
    h->work = w;
    h->n_open++;
    return 0;
}

int ag_http_new(struct ag_http **out, uv_loop_t *loop)
{
    struct ag_http *h = calloc(1, sizeof *h);
    int r;

    if (!h)
        return -ENOMEM;
    ag_list_init(&h->calls);
    h->loop = loop;
    r = work_open(h); /* it says now whether there is a libcurl */
    if (r < 0) {
        free(h);
        return r;
    }
    uv_timer_init(loop, &h->timer);
    h->timer.data = h;
    h->n_open++;
    *out = h;
    return 0;
}

static void on_timer_closed(uv_handle_t *t)
{
    http_put(t->data);
}

void ag_http_close(struct ag_http *h, void (*on_closed)(void *user), void *user)
{
    if (!h || h->closing)
        return;
    h->on_closed = on_closed;
    h->closed_user = user;
    h->closing = true;
    uv_close((uv_handle_t *) &h->timer, on_timer_closed);
    if (h->work && !h->work->l.in_curl)
        http_close_now(h);
}

/* ---- calls ---- */

static int call_begin_all(struct ag_http *h, struct ag_http_call *c, const struct ag_http_request *req)
{
    int r;

    c->easy = ag_curl()->easy_init();
    if (!c->easy)
        return -ENOMEM;
    r = call_set_options(c, req);
    if (r == 0 && ag_curl()->multi_add_handle(h->work->l.multi, c->easy) != CURLM_OK)
        r = -ENOMEM;
    return r;
}

int ag_http_send(struct ag_http *h, const struct ag_http_request *req, struct ag_http_call **out)
{
    struct ag_http_call *c;
    int r;

    if (!req->on_done || !url_allowed(req->url))
        return -EINVAL;
    if (h->closing)
        return -ESHUTDOWN;
    if (h->n_calls >= AG_HTTP_CALLS_MAX)
        return -EBUSY;
    r = h->work ? 0 : work_open(h);
    if (r < 0)
        return r;
    c = calloc(1, sizeof *c);
    if (!c) {
        rest_if_idle(h);
        return -ENOMEM;
    }
    c->req = *req;
    if (c->req.max_body == 0)
        c->req.max_body = AG_HTTP_BODY_MAX;
    r = call_begin_all(h, c, req);
    if (r < 0) {
        call_free(c);
        rest_if_idle(h);
        return r;
    }
    c->owner = h;
    ag_list_append(&h->calls, &c->link);
    h->n_calls++;
    if (out)
        *out = c;
    return 0;
}

void ag_http_cancel(struct ag_http_call *call)
{
    struct ag_http *h;

    if (!call || call->canceled)
        return;
    h = call->owner;
    call->canceled = true;
    if (h->work->l.in_curl)
        return;
    call_free(call);
    rest_if_idle(h);
}

const char *ag_http_header(const struct ag_http_call *call, const char *name)
{
    struct curl_header *header;

    if (ag_curl()->easy_header(call->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return NULL;
    return header->value;
}
