/* SPDX-License-Identifier: MIT */
#include "libagent/io/http/http_wire.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

enum { NUMBER = sizeof(uint64_t), FRAME_HEAD = 1 + NUMBER, BLOCK_MAX = 64 * 1024 * 1024 };

/* ---- pieces ---- */

static int put_number(struct ag_buf *out, uint64_t n)
{
    return ag_buf_append(out, &n, sizeof n);
}

/* A length and the bytes with a NUL; no text is the largest length. */
static int put_text(struct ag_buf *out, const char *p, size_t len)
{
    int r = put_number(out, p ? len : UINT64_MAX);

    if (r == 0 && p)
        r = ag_buf_append(out, p, len);
    return r == 0 && p ? ag_buf_append_char(out, '\0') : r;
}

static int put_str(struct ag_buf *out, const char *s)
{
    return put_text(out, s, s ? strlen(s) : 0);
}

static bool get_number(struct ag_span *in, uint64_t *out)
{
    if (in->len < sizeof *out)
        return false;
    memcpy(out, in->p, sizeof *out);
    in->p += sizeof *out;
    in->len -= sizeof *out;
    return true;
}

static bool get_text(struct ag_span *in, struct ag_span *out)
{
    uint64_t len;

    *out = (struct ag_span){NULL, 0};
    if (!get_number(in, &len))
        return false;
    if (len == UINT64_MAX)
        return true;
    if (len >= in->len || in->p[len] != '\0')
        return false;
    *out = (struct ag_span){in->p, (size_t) len};
    in->p += len + 1;
    in->len -= (size_t) len + 1;
    return true;
}

static bool get_str(struct ag_span *in, const char **out)
{
    struct ag_span text;

    if (!get_text(in, &text) || (text.p && strlen(text.p) != text.len))
        return false;
    *out = text.p;
    return true;
}

/* ---- the request ---- */

static size_t count(const char *const *headers)
{
    size_t n = 0;

    while (headers && headers[n])
        n++;
    return n;
}

static int put_block(struct ag_buf *out, const struct ag_http_request *req)
{
    const uint64_t numbers[] = {(uint64_t) req->method, req->connect_timeout_ms, req->timeout_ms,    req->stall_timeout_s,
                                req->max_redirects,     req->range_from,         count(req->headers)};
    int r = ag_buf_append(out, numbers, sizeof numbers);

    if (r == 0)
        r = put_str(out, req->url);
    if (r == 0)
        r = put_text(out, req->body.p, req->body.len);
    if (r == 0)
        r = put_str(out, req->ca_file);
    if (r == 0)
        r = put_str(out, req->cert_file);
    if (r == 0)
        r = put_str(out, req->key_file);
    for (const char *const *h = req->headers; r == 0 && h && *h; h++)
        r = put_str(out, *h);
    return r;
}

int http_wire_put_request(struct ag_buf *out, const struct ag_http_request *req)
{
    uint64_t len;
    int r;

    if (count(req->headers) > HTTP_WIRE_REQUEST_HEADERS || req->body.len > BLOCK_MAX)
        return -E2BIG;
    r = put_number(out, 0);
    if (r == 0)
        r = put_block(out, req);
    if (r < 0)
        return r;
    len = ag_buf_size(out) - sizeof len;
    memcpy(out->data + out->off, &len, sizeof len);
    return 0;
}

static bool get_headers(struct ag_span *in, uint64_t n, const char **headers)
{
    if (n > HTTP_WIRE_REQUEST_HEADERS)
        return false;
    for (uint64_t i = 0; i < n; i++)
        if (!get_str(in, &headers[i]) || !headers[i])
            return false;
    headers[n] = NULL;
    return in->len == 0;
}

int http_wire_get_request(struct ag_span block, struct ag_http_request *out, const char **headers)
{
    struct ag_http_request req = {.headers = headers};
    uint64_t n[7];

    for (size_t i = 0; i < ag_array_size(n); i++)
        if (!get_number(&block, &n[i]))
            return -EBADMSG;
    if (n[0] > AG_HTTP_DELETE || !get_str(&block, &req.url) || !req.url || !get_text(&block, &req.body) ||
        !get_str(&block, &req.ca_file) || !get_str(&block, &req.cert_file) || !get_str(&block, &req.key_file) ||
        !get_headers(&block, n[6], headers))
        return -EBADMSG;
    req.method = (enum ag_http_method) n[0];
    req.connect_timeout_ms = (unsigned) n[1];
    req.timeout_ms = (unsigned) n[2];
    req.stall_timeout_s = (unsigned) n[3];
    req.max_redirects = (unsigned) n[4];
    req.range_from = n[5];
    *out = req;
    return 0;
}

/* ---- the answer ---- */

int http_wire_put_frame(struct ag_buf *out, const struct http_wire_frame *f)
{
    size_t numbers = f->type == HTTP_WIRE_BEGIN ? 2 : f->type == HTTP_WIRE_END ? 1 : 0;
    char type = (char) f->type;
    int r = ag_buf_append(out, &type, 1);

    if (r == 0)
        r = put_number(out, numbers * NUMBER + f->bytes.len);
    if (r == 0 && numbers > 0)
        r = put_number(out, f->type == HTTP_WIRE_BEGIN ? (uint64_t) f->status : (uint64_t) f->end);
    if (r == 0 && numbers > 1)
        r = put_number(out, f->length);
    return r == 0 ? ag_buf_append_span(out, f->bytes) : r;
}

static size_t len_max(enum http_wire_type type)
{
    switch (type) {
    case HTTP_WIRE_BEGIN:
        return 2 * NUMBER + HTTP_WIRE_HEADERS_MAX;
    case HTTP_WIRE_DATA:
        return HTTP_WIRE_DATA_MAX;
    case HTTP_WIRE_END:
        return NUMBER + HTTP_WIRE_WHY_MAX;
    }
    return 0;
}

static bool get_begin(struct ag_span *in, struct http_wire_frame *f)
{
    uint64_t status;

    if (!get_number(in, &status) || !get_number(in, &f->length) || status < 1 || status > 999)
        return false;
    f->status = (int) status;
    return in->len == 0 || in->p[in->len - 1] == '\0';
}

static bool get_end(struct ag_span *in, struct http_wire_frame *f)
{
    uint64_t end;

    if (!get_number(in, &end) || end > AG_HTTP_E_OTHER)
        return false;
    f->end = (enum ag_http_end) end;
    return in->len > 0 && in->p[in->len - 1] == '\0';
}

int http_wire_get_frame(struct ag_span in, struct http_wire_frame *out, size_t *size_out)
{
    struct http_wire_frame f = {0};
    struct ag_span rest;
    uint64_t len;

    if (in.len < FRAME_HEAD)
        return 0;
    rest = (struct ag_span){in.p + 1, in.len - 1};
    f.type = (enum http_wire_type)(unsigned char) in.p[0];
    get_number(&rest, &len);
    if (len > len_max(f.type) || len_max(f.type) == 0)
        return -EBADMSG;
    if (rest.len < len)
        return 0;
    rest.len = (size_t) len;
    if ((f.type == HTTP_WIRE_BEGIN && !get_begin(&rest, &f)) || (f.type == HTTP_WIRE_END && !get_end(&rest, &f)))
        return -EBADMSG;
    f.bytes = rest;
    *out = f;
    *size_out = FRAME_HEAD + (size_t) len;
    return 1;
}

const char *http_wire_header(struct ag_span headers, const char *name)
{
    const char *p = headers.p, *found = NULL;
    size_t left = headers.len;

    while (left > 0) { /* the last byte is a NUL */
        size_t n = strlen(p) + 1;

        if (n == left)
            break;
        if (strcasecmp(p, name) == 0)
            found = p + n;
        n += strlen(p + n) + 1;
        p += n;
        left -= n;
    }
    return found;
}
