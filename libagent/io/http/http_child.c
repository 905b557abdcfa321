/* SPDX-License-Identifier: MIT */
#include "libagent/io/http/http_child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "libagent/core/buf.h"
#include "libagent/io/http/curl_table.h"
#include "libagent/io/http/http_wire.h"

enum { LINE = STDIN_FILENO, NOBODY = 65534, FILE_MAX_BYTES = 4 * 1024 * 1024 };

struct child {
    struct ag_curl curl;
    struct ag_http_request req;
    const char *headers[HTTP_WIRE_REQUEST_HEADERS + 1];
    CURL *easy;
    bool begun;                  /* the present answer's BEGIN is out */
    char error[CURL_ERROR_SIZE]; /* libcurl's words; with TLS they hold the library's reason */
};

/* ---- the line to the program ---- */

static void put_all(const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(LINE, p, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            _exit(1); /* nobody wants to know any more */
        p += done;
        n -= (size_t) done;
    }
}

static void put_frame(const struct http_wire_frame *f)
{
    struct ag_buf out = AG_BUF_INIT;

    if (http_wire_put_frame(&out, f) < 0)
        _exit(1);
    put_all(ag_buf_head(&out), ag_buf_size(&out));
    ag_buf_deinit(&out);
}

static void end(enum ag_http_end how, const char *why)
{
    char text[HTTP_WIRE_WHY_MAX];

    snprintf(text, sizeof text, "%s", why);
    put_frame(&(struct http_wire_frame){.type = HTTP_WIRE_END, .end = how, .bytes = {text, strlen(text) + 1}});
    _exit(0);
}

static void get_all(char *p, size_t n)
{
    while (n > 0) {
        ssize_t got = read(LINE, p, n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            _exit(1);
        p += got;
        n -= (size_t) got;
    }
}

static void get_request(struct child *c)
{
    uint64_t len;
    char *block;

    get_all((char *) &len, sizeof len);
    block = malloc((size_t) len); /* until the end */
    if (!block)
        end(AG_HTTP_E_OTHER, strerror(ENOMEM));
    get_all(block, (size_t) len);
    if (http_wire_get_request((struct ag_span){block, (size_t) len}, &c->req, c->headers) < 0)
        _exit(1);
}

/* ---- the answer as it comes ---- */

static int status_of(struct child *c)
{
    long status = 0;

    c->curl.easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    return (int) status;
}

/* Whole headers only, as many as there is room for. */
static void collect_headers(struct child *c, struct ag_buf *out)
{
    struct curl_header *h = NULL;

    while ((h = c->curl.easy_nextheader(c->easy, CURLH_HEADER, -1, h))) {
        size_t name = strlen(h->name) + 1, value = strlen(h->value) + 1;

        if (ag_buf_size(out) + name + value > HTTP_WIRE_HEADERS_MAX || ag_buf_reserve(out, name + value) < 0)
            return;
        ag_buf_append(out, h->name, name);
        ag_buf_append(out, h->value, value);
    }
}

static void begin(struct child *c)
{
    struct http_wire_frame f = {.type = HTTP_WIRE_BEGIN, .status = status_of(c), .length = UINT64_MAX};
    struct ag_buf headers = AG_BUF_INIT;
    curl_off_t length = -1;

    if (c->begun || f.status == 0)
        return;
    c->begun = true;
    c->curl.easy_getinfo(c->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (length >= 0)
        f.length = (uint64_t) length;
    collect_headers(c, &headers);
    f.bytes = ag_buf_span(&headers);
    put_frame(&f);
    ag_buf_deinit(&headers);
}

static size_t on_body(char *p, size_t size, size_t n, void *user)
{
    struct child *c = user;

    begin(c);
    for (size_t at = 0; at < n * size;) {
        size_t some = n * size - at < HTTP_WIRE_DATA_MAX ? n * size - at : HTTP_WIRE_DATA_MAX;

        put_frame(&(struct http_wire_frame){.type = HTTP_WIRE_DATA, .bytes = {p + at, some}});
        at += some;
    }
    return n * size;
}

/* Each new status line starts over. */
static size_t on_header(char *p, size_t size, size_t n, void *user)
{
    if (n * size > 5 && memcmp(p, "HTTP/", 5) == 0)
        ((struct child *) user)->begun = false;
    return n * size;
}

/* ---- how it ended ---- */

/* A time-out before the connection was up is a failure of the name lookup or the connect. */
static enum ag_http_end timed_out(struct child *c)
{
    curl_off_t named = 0, connected = 0;

    c->curl.easy_getinfo(c->easy, CURLINFO_NAMELOOKUP_TIME_T, &named);
    c->curl.easy_getinfo(c->easy, CURLINFO_CONNECT_TIME_T, &connected);
    if (connected > 0)
        return c->req.timeout_ms && status_of(c) == 0 ? AG_HTTP_E_TIMEOUT : AG_HTTP_E_DISCONNECT;
    return named > 0 ? AG_HTTP_E_CONNECT : AG_HTTP_E_DNS;
}

static enum ag_http_end end_of(struct child *c, CURLcode code)
{
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
    case CURLE_UNSUPPORTED_PROTOCOL: /* also for an answer that is not HTTP */
        return status_of(c) / 100 == 3 ? AG_HTTP_E_PROTOCOL : AG_HTTP_E_OTHER;
    case CURLE_OPERATION_TIMEDOUT:
        return timed_out(c);
    default:
        return AG_HTTP_E_OTHER;
    }
}

/* ---- what is asked ---- */

static bool is_https(const char *url)
{
    return strncasecmp(url, "https://", 8) == 0;
}

static void set_long(struct child *c, CURLoption option, long value)
{
    c->curl.easy_setopt(c->easy, option, value);
}

/* An option that was not taken must not be left out of the request. */
static void must(struct child *c, CURLcode code)
{
    if (code != CURLE_OK)
        end(AG_HTTP_E_OTHER, c->curl.easy_strerror(code));
}

static void set_str(struct child *c, CURLoption option, const char *value)
{
    if (value)
        must(c, c->curl.easy_setopt(c->easy, option, value));
}

static void set_method(struct child *c)
{
    if (c->req.body.p) {
        must(c, c->curl.easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) c->req.body.len));
        must(c, c->curl.easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->req.body.p));
    }
    switch (c->req.method) {
    case AG_HTTP_GET:
        break;
    case AG_HTTP_POST:
        set_long(c, CURLOPT_POST, 1);
        if (!c->req.body.p)
            set_long(c, CURLOPT_POSTFIELDSIZE, 0);
        break;
    case AG_HTTP_PUT:
        set_str(c, CURLOPT_CUSTOMREQUEST, "PUT");
        break;
    case AG_HTTP_DELETE:
        set_str(c, CURLOPT_CUSTOMREQUEST, "DELETE");
        break;
    }
}

static void set_headers(struct child *c)
{
    struct curl_slist *list = NULL;

    for (const char *const *h = c->headers; *h; h++) {
        list = c->curl.slist_append(list, *h);
        if (!list)
            must(c, CURLE_OUT_OF_MEMORY);
    }
    must(c, c->curl.easy_setopt(c->easy, CURLOPT_HTTPHEADER, list));
}

static void set_limits(struct child *c)
{
    const struct ag_http_request *r = &c->req;

    set_long(c, CURLOPT_CONNECTTIMEOUT_MS, (long) (r->connect_timeout_ms ? r->connect_timeout_ms : AG_HTTP_CONNECT_MS));
    set_long(c, CURLOPT_TIMEOUT_MS, (long) r->timeout_ms);
    set_long(c, CURLOPT_LOW_SPEED_LIMIT, 1);
    set_long(c, CURLOPT_LOW_SPEED_TIME, (long) (r->stall_timeout_s ? r->stall_timeout_s : AG_HTTP_STALL_S));
    set_long(c, CURLOPT_FOLLOWLOCATION, r->max_redirects ? 1 : 0);
    set_long(c, CURLOPT_MAXREDIRS, (long) r->max_redirects);
}

/* What was asked for under TLS stays under TLS, wherever the server redirects it. */
static void set_protocols(struct child *c)
{
    const char *protocols = is_https(c->req.url) ? "https" : "http,https";

    set_str(c, CURLOPT_PROTOCOLS_STR, protocols);
    set_str(c, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
}

/* Read while the process still has the program's rights; what is read stays until the end. */
static void set_file(struct child *c, CURLoption option, const char *path)
{
    struct curl_blob blob = {.flags = CURL_BLOB_NOCOPY};
    char why[HTTP_WIRE_WHY_MAX];
    struct stat st;
    ssize_t n = -1;
    int fd;

    if (!path)
        return;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX_BYTES) {
        blob.data = malloc((size_t) st.st_size + 1);
        n = blob.data ? read(fd, blob.data, (size_t) st.st_size) : -1;
    }
    if (n < 0) {
        snprintf(why, sizeof why, "error setting certificate file: %s", path);
        end(AG_HTTP_E_TLS, why);
    }
    blob.len = (size_t) n;
    must(c, c->curl.easy_setopt(c->easy, option, &blob));
    close(fd);
}

/* A CA that is given is the only one: the system's are not used. */
static void set_tls(struct child *c)
{
    set_file(c, CURLOPT_CAINFO_BLOB, c->req.ca_file);
    if (c->req.ca_file)
        must(c, c->curl.easy_setopt(c->easy, CURLOPT_CAPATH, (char *) NULL));
    set_file(c, CURLOPT_SSLCERT_BLOB, c->req.cert_file);
    set_file(c, CURLOPT_SSLKEY_BLOB, c->req.key_file);
    set_str(c, CURLOPT_KEYPASSWD, ""); /* a key with a pass phrase is an error: OpenSSL would ask for it at a terminal */
}

static void set_options(struct child *c)
{
    char range[32];

    set_long(c, CURLOPT_NOSIGNAL, 1);
    set_long(c, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    c->curl.easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error);
    c->curl.easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
    c->curl.easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
    c->curl.easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_header);
    c->curl.easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
    snprintf(range, sizeof range, "%llu-", (unsigned long long) c->req.range_from);
    set_str(c, CURLOPT_RANGE, c->req.range_from > 0 ? range : NULL);
    set_str(c, CURLOPT_URL, c->req.url);
    set_limits(c);
    set_protocols(c);
    set_tls(c);
    set_method(c);
    set_headers(c);
}

/* ---- this process ---- */

/* The program keeps its memory low only for itself. */
static void lift(int what)
{
    struct rlimit l;

    if (getrlimit(what, &l) == 0) {
        l.rlim_cur = l.rlim_max;
        setrlimit(what, &l);
    }
}

static void settle(void)
{
    signal(SIGPIPE, SIG_IGN); /* the connection to a server may break */
    prctl(PR_SET_NAME, "miio_http");
    lift(RLIMIT_DATA);
#ifdef SYS_close_range /* where there is none: each of the program's is closed by exec */
    syscall(SYS_close_range, 3u, ~0u, 0u);
#endif
}

/*
 * A process that a stranger could take over gets no rights. Where the system forbids a change of user, root's capabilities
 * are dropped all the same.
 */
static void drop_rights(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};

    if (geteuid() == 0 && setgroups(0, NULL) == 0 && setgid(NOBODY) == 0 && setuid(NOBODY) < 0)
        end(AG_HTTP_E_OTHER, "root's rights cannot be given up");
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    syscall(SYS_capset, &head, none);
    prctl(PR_SET_DUMPABLE, 0);
}

/* After the rights: a change of user takes this back. */
static void end_with_program(void)
{
    struct pollfd line = {.fd = LINE};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (poll(&line, 1, 0) > 0)
        _exit(1); /* it had ended before */
}

void ag_http_child(int argc, char **argv)
{
    static struct child c; /* gone with the process */
    CURLcode code;

    if (argc != 2 || strcmp(argv[1], AG_HTTP_CHILD_ARG) != 0)
        return;
    settle();
    get_request(&c);
    if (!ag_curl_load(&c.curl))
        end(AG_HTTP_E_OTHER, "no usable libcurl");
    c.easy = c.curl.easy_init();
    if (!c.easy)
        end(AG_HTTP_E_OTHER, strerror(ENOMEM));
    set_options(&c);
    drop_rights();
    end_with_program();
    code = c.curl.easy_perform(c.easy);
    begin(&c);
    if (code == CURLE_OK)
        end(AG_HTTP_OK, "");
    if (end_of(&c, code) == AG_HTTP_E_TLS && c.error[0])
        end(AG_HTTP_E_TLS, c.error);
    end(end_of(&c, code), end_of(&c, code) == AG_HTTP_E_OTHER ? c.curl.easy_strerror(code) : ag_http_end_name(end_of(&c, code)));
}
