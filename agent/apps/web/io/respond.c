/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/io/respond.h"

#include <stdio.h>

static const char security[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
                               "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static void add_headers(struct MHD_Response *r, const struct web_request *req)
{
    MHD_add_response_header(r, "Content-Type", req->type ? req->type : "application/json");
    MHD_add_response_header(r, "Content-Security-Policy", security);
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(r, "X-Frame-Options", "DENY");
    MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(r, "Cross-Origin-Resource-Policy", "same-origin");
    if (req->tls) /* without it browsers complain and do nothing */
        MHD_add_response_header(r, "Cross-Origin-Opener-Policy", "same-origin");
    MHD_add_response_header(r, "Cache-Control", req->etag ? "no-cache" : "no-store");
    if (req->etag)
        MHD_add_response_header(r, "ETag", req->etag);
    if (req->disposition)
        MHD_add_response_header(r, "Content-Disposition", req->disposition);
    if (req->set_cookie[0])
        MHD_add_response_header(r, "Set-Cookie", req->set_cookie);
    if (req->status == 405)
        MHD_add_response_header(r, "Allow", req->route.allow);
}

static struct MHD_Response *make_answer(struct web_request *req)
{
    size_t n = ag_buf_size(&req->answer);
    char seconds[16];
    struct MHD_Response *r;

    if (req->fixed)
        r = MHD_create_response_from_buffer(req->fixed_len, (void *) (uintptr_t) req->fixed, MHD_RESPMEM_PERSISTENT);
    else /* the request lives until the answer has been sent */
        r = MHD_create_response_from_buffer(n, (void *) (uintptr_t) ag_buf_span(&req->answer).p, MHD_RESPMEM_PERSISTENT);
    if (r && req->retry_s > 0) {
        snprintf(seconds, sizeof seconds, "%u", req->retry_s);
        MHD_add_response_header(r, "Retry-After", seconds);
    }
    /* what was not read of a body would be taken for the next request */
    if (r && req->status == 413)
        MHD_add_response_header(r, "Connection", "close");
    return r;
}

enum MHD_Result web_respond(struct web_request *req)
{
    struct MHD_Response *r = req->made ? ag_steal(&req->made) : make_answer(req);
    enum MHD_Result done = MHD_NO;

    if (r) {
        add_headers(r, req);
        done = MHD_queue_response(req->conn->mhd, req->status, r);
        MHD_destroy_response(r);
    }
    return done;
}
