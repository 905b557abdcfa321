/* SPDX-License-Identifier: MIT */
#include "agent/apps/ota/ota_fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { MAX_REDIRECTS = 5, LOOK_BYTES = 256 * 1024 };

static void fetch_close(struct ota_fetch *f)
{
    f->call = NULL;
    if (f->fd >= 0) {
        fdatasync(f->fd);
        close(f->fd);
        f->fd = -1;
    }
}

/* Another n bytes leave enough space for others. Where that is unknown, the disk itself will say no. */
static bool has_room(struct ota_fetch *f, uint64_t n)
{
    struct statvfs fs;
    uint64_t free_bytes;

    if (fstatvfs(f->fd, &fs) < 0 || fs.f_blocks == 0)
        return true;
    free_bytes = (uint64_t) fs.f_bavail * fs.f_frsize;
    if (free_bytes >= f->keep_free && free_bytes - f->keep_free >= n)
        return true;
    f->no_room = true;
    return false;
}

static int fetch_on_begin(void *user, uint64_t offset, uint64_t total)
{
    struct ota_fetch *f = user;

    if (offset != f->at && ftruncate(f->fd, (off_t) offset) < 0)
        return -errno;
    if (lseek(f->fd, (off_t) offset, SEEK_SET) < 0)
        return -errno;
    f->at = f->looked_at = offset;
    if (!has_room(f, total == UINT64_MAX ? 0 : total - offset))
        return -ENOSPC;
    f->on_begin(f->user, offset, total);
    return 0;
}

static int fetch_on_data(void *user, const void *p, size_t n)
{
    struct ota_fetch *f = user;
    const char *bytes = p;

    if (f->at - f->looked_at >= LOOK_BYTES) {
        f->looked_at = f->at;
        if (!has_room(f, n))
            return -ENOSPC;
    }
    for (size_t done = 0; done < n;) {
        ssize_t put = write(f->fd, bytes + done, n - done);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return -EIO;
        done += (size_t) put;
    }
    f->at += n;
    f->on_bytes(f->user, n);
    return 0;
}

/* 416 says how long the whole file is: we may have it all. */
static enum ota_fetch_end no_such_range(const struct ota_fetch *f)
{
    const char *range = ag_http_header(f->call, "Content-Range");
    unsigned long long whole;

    if (range && sscanf(range, "bytes */%llu", &whole) == 1 && whole == f->at)
        return OTA_FETCH_DONE;
    return OTA_FETCH_RANGE;
}

static enum ota_fetch_end end_of_status(const struct ota_fetch *f, int status)
{
    if (status == 200 || status == 206)
        return OTA_FETCH_DONE;
    if (status == 416)
        return no_such_range(f);
    return status >= 500 || status == 429 ? OTA_FETCH_SERVER : OTA_FETCH_REFUSED;
}

static enum ota_fetch_end end_of(const struct ota_fetch *f, const struct ag_http_result *r)
{
    switch (r->end) {
    case AG_HTTP_OK:
        return end_of_status(f, r->status);
    case AG_HTTP_E_DNS:
        return OTA_FETCH_DNS;
    case AG_HTTP_E_CONNECT:
    case AG_HTTP_E_TLS:
        return OTA_FETCH_CONNECT;
    case AG_HTTP_E_DISCONNECT:
    case AG_HTTP_E_TIMEOUT:
        return OTA_FETCH_DISCONNECT;
    case AG_HTTP_E_RANGE:
        return OTA_FETCH_RANGE;
    case AG_HTTP_E_TOO_BIG:
    case AG_HTTP_E_PROTOCOL:
        return OTA_FETCH_REFUSED;
    case AG_HTTP_E_ABORTED:
        return OTA_FETCH_LOCAL;
    default:
        return OTA_FETCH_SERVER;
    }
}

/* OpenSSL's text is valid only during the call. */
static const char *tls_reason(struct ota_fetch *f, const struct ag_http_result *r)
{
    snprintf(f->tls_reason, sizeof f->tls_reason, "%s", r->why);
    return f->tls_reason;
}

static void fetch_on_done(void *user, const struct ag_http_result *r)
{
    struct ota_fetch *f = user;
    enum ota_fetch_end end = end_of(f, r);

    f->why = f->no_room                ? "too little space is left"
             : r->end == AG_HTTP_OK    ? "status of the server"
             : r->end == AG_HTTP_E_TLS ? tls_reason(f, r)
                                       : ag_http_end_name(r->end);
    fetch_close(f);
    f->on_end(f->user, end);
}

int ota_fetch_start(struct ota_fetch *f, const char *url, const char *path)
{
    struct ag_http_request req = {
        .url = url,
        .max_redirects = MAX_REDIRECTS,
        .max_stream = f->max_bytes,
        .ca_file = f->ca_file,
        .on_begin = fetch_on_begin,
        .on_data = fetch_on_data,
        .on_done = fetch_on_done,
        .user = f,
    };
    off_t size;
    int r;

    if (f->call)
        return -EBUSY;
    f->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (f->fd < 0)
        return -errno;
    f->no_room = false;
    size = lseek(f->fd, 0, SEEK_END);
    f->at = size > 0 ? (uint64_t) size : 0;
    req.range_from = f->at;
    r = size < 0 ? -errno : ag_http_send(f->http, &req, &f->call);
    if (r < 0)
        fetch_close(f);
    return r;
}

void ota_fetch_stop(struct ota_fetch *f)
{
    if (!f->call)
        return;
    ag_http_cancel(f->call);
    fetch_close(f);
}
