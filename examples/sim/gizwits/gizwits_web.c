/* SPDX-License-Identifier: MIT */
/* GService of the Gizwits stand-in: devices, provisioning, firmware. Bodies both ways: key=value&key=value. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "examples/sim/gizwits/gizwits_sim.h"

enum { BODY_MAX = 4096 };

static struct ag_span field(const struct sim_web_request *q, const char *key)
{
    return gz_body_value(q->body, key);
}

static bool is_hex(struct ag_span s, size_t n)
{
    return s.p && s.len == n && strspn(s.p, "0123456789abcdef") >= n;
}

static int web_refuse(struct gzsim *s, struct sim_web_answer *a, unsigned status, const char *why)
{
    gzsim_refuse(s, "http", why);
    a->status = status;
    return ag_buf_printf(&a->body, "error=%s", why);
}

/* 201 and a new DID. The MAC and the product key have one form only. */
static int post_device(struct gzsim *s, const struct sim_web_request *q, struct sim_web_answer *a)
{
    struct ag_span passcode = field(q, "passcode"), mac = field(q, "mac"), key = field(q, "product_key");
    char pass[GZ_PASSCODE_MAX + 1], mac_text[13];
    struct gzsim_device *d;

    if (!passcode.p || passcode.len == 0 || passcode.len > GZ_PASSCODE_MAX)
        return web_refuse(s, a, 400, "no usable passcode");
    if (!is_hex(mac, 12))
        return web_refuse(s, a, 400, "mac is not 12 lower-case hex digits");
    if (!key.p || !ag_span_is(key, s->product_key, strlen(s->product_key)))
        return web_refuse(s, a, 404, "unknown product_key");
    snprintf(pass, sizeof pass, "%.*s", (int) passcode.len, passcode.p);
    snprintf(mac_text, sizeof mac_text, "%.*s", (int) mac.len, mac.p);
    d = gzsim_device_add(s, pass, mac_text);
    if (!d)
        return -ENOMEM;
    sim_note("register", ",\"did\":\"%s\",\"mac\":\"%s\"", d->did, d->mac);
    a->status = 201;
    return ag_buf_printf(&a->body, "did=%s", d->did);
}

static struct gzsim_device *authorised(struct gzsim *s, const struct sim_web_request *q, struct ag_span did)
{
    struct ag_span passcode = field(q, "passcode");
    struct gzsim_device *d = did.p ? gzsim_device_find(s, did) : NULL;

    return d && passcode.p && ag_span_is(passcode, d->passcode, strlen(d->passcode)) ? d : NULL;
}

static int delete_device(struct gzsim *s, const struct sim_web_request *q, struct sim_web_answer *a)
{
    struct gzsim_device *d = authorised(s, q, field(q, "did"));

    if (!d)
        return web_refuse(s, a, 404, "no such device, or wrong passcode");
    d->disabled = true;
    if (d->relay)
        gzsim_relay_drop(d->relay);
    if (s->current == d)
        s->current = NULL;
    sim_note("disable", ",\"did\":\"%s\"", d->did);
    a->status = 200;
    return 0;
}

static int get_provision(struct gzsim *s, const char *did, struct sim_web_answer *a)
{
    if (!gzsim_device_find(s, (struct ag_span){did, strlen(did)})) {
        a->status = 404;
        sim_note("unknown_did", "%s", "");
        return 0;
    }
    sim_note("provision", ",\"did\":\"%s\"", did);
    a->status = 200;
    return ag_buf_printf(&a->body, "host=127.0.0.1&port=%u&server_ts=%lld&log_host=127.0.0.1&log_port=80\r\n", s->mqtt_port,
                         (long long) time(NULL));
}

static int fw_type(struct ag_span v)
{
    if (v.p && ag_span_eq(v, "1"))
        return 1;
    return v.p && ag_span_eq(v, "2") ? 2 : 0;
}

static int post_check_v41(struct gzsim *s, const char *did, const struct sim_web_request *q, struct sim_web_answer *a)
{
    struct ag_span version = field(q, "soft_version");
    int type = fw_type(field(q, "type"));
    const struct gzsim_firmware *f = type ? &s->firmware[type - 1] : NULL;

    if (!authorised(s, q, (struct ag_span){did, strlen(did)}))
        return web_refuse(s, a, 404, "no such device, or wrong passcode");
    if (!f || !version.p || !field(q, "hard_version").p)
        return web_refuse(s, a, 400, "type, hard_version or soft_version is missing");
    sim_note("ota_check", ",\"api\":\"4.1\",\"type\":%d,\"soft_version\":\"%.*s\"", type, (int) version.len, version.p);
    if (!f->version[0]) {
        a->status = 204;
        return 0;
    }
    a->status = 200;
    return ag_buf_printf(&a->body, "soft_ver=%s&download_url=http://127.0.0.1:%u/firmware/%d?a=1&b=2", f->version, s->http_port,
                         type);
}

static int get_check_v40(struct gzsim *s, const struct sim_web_request *q, struct sim_web_answer *a)
{
    static const char *const needed[] = {"did", "product_key", "type", "hard_version", "soft_version", "current_fid"};
    const char *did = sim_web_argument(q, "did"), *type_text = sim_web_argument(q, "type");
    int type = type_text ? fw_type((struct ag_span){type_text, strlen(type_text)}) : 0;

    for (size_t i = 0; i < ag_array_size(needed); i++)
        if (!sim_web_argument(q, needed[i]))
            return web_refuse(s, a, 400, "an argument is missing");
    if (!type || !gzsim_device_find(s, (struct ag_span){did, strlen(did)}))
        return web_refuse(s, a, 404, "no such device or type");
    sim_note("ota_check", ",\"api\":\"4.0\",\"type\":%d,\"current_fid\":\"%s\"", type, sim_web_argument(q, "current_fid"));
    if (!s->firmware[type - 1].version[0]) {
        a->status = 204;
        return 0;
    }
    a->status = 200;
    return ag_buf_printf(&a->body, "target_fid=%u&download_url=http://127.0.0.1:%u/firmware/%d", s->firmware[type - 1].fid,
                         s->http_port, type);
}

static int get_firmware(struct gzsim *s, const char *name, struct sim_web_answer *a)
{
    int type = fw_type((struct ag_span){name, strlen(name)});
    const struct gzsim_firmware *f = type ? &s->firmware[type - 1] : NULL;

    if (!f || !f->version[0]) {
        a->status = 404;
        return 0;
    }
    a->status = 200;
    a->file = &f->bytes;
    a->headers[0].name = "Soft-Version";
    a->headers[0].value = f->version;
    if (f->md5[0]) {
        a->headers[1].name = "Firmware-MD5";
        a->headers[1].value = f->md5;
    }
    sim_note("download", ",\"type\":%d", type);
    return 0;
}

static int serve(void *user, const struct sim_web_request *q, struct sim_web_answer *a)
{
    struct gzsim *s = user;
    const char *url = q->url;
    bool get = strcmp(q->method, "GET") == 0, post = strcmp(q->method, "POST") == 0, del = strcmp(q->method, "DELETE") == 0;
    static const char v41[] = "/dev/ota/v4.1/update_and_check/";

    if (s->down) {
        a->status = 503;
        return 0;
    }
    if (q->too_long)
        return web_refuse(s, a, 413, "body over 4096 bytes");
    if (strcmp(url, "/dev/devices") == 0 && post)
        return post_device(s, q, a);
    if (strcmp(url, "/dev/devices") == 0 && del)
        return delete_device(s, q, a);
    if (strncmp(url, "/dev/devices/", 13) == 0 && get)
        return get_provision(s, url + 13, a);
    if (strncmp(url, v41, sizeof v41 - 1) == 0 && post)
        return post_check_v41(s, url + sizeof v41 - 1, q, a);
    if (strcmp(url, "/dev/ota/target_fid") == 0 && get)
        return get_check_v40(s, q, a);
    if (strncmp(url, "/firmware/", 10) == 0 && get)
        return get_firmware(s, url + 10, a);
    return web_refuse(s, a, 404, "no such resource");
}

int gzsim_web_start(struct gzsim *s, uint16_t port)
{
    int r = sim_web_start(&s->web, &s->loop, port, BODY_MAX, serve, s);

    if (r == 0)
        s->http_port = sim_web_port(s->web);
    return r;
}
