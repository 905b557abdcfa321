/* SPDX-License-Identifier: MIT */
#include "agent/apps/ota/core/ota_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/core/text/saved_line.h"

int ota_store_print(struct ag_buf *out, const struct ota_saved *s, const char *boot_id)
{
    const char *proc = s->req.download && s->req.install ? "dnld install" : s->req.install ? "install" : "dnld";

    return ag_buf_printf(out,
                         "boot=%s\nstate=%s\ncode=%d\nprogress=%u\nurl=%s\nmd5=%s\nsha256=%s\nproc=%s\nmode=%s\n"
                         "part=%d\nstored=%s\nend=1\n",
                         boot_id, ota_state_name(s->state), s->code, s->progress, s->req.url, s->req.md5, s->req.sha256, proc,
                         s->req.silent ? "silent" : "normal", s->has_part, s->stored_md5);
}

static bool read_hex(char *out, const char *value, size_t n)
{
    if (value[0] == '\0') {
        out[0] = '\0';
        return true;
    }
    return ota_hex_copy(out, value, n);
}

static bool read_number(const char *value, long min, long max, long *out)
{
    char *end;
    long v;

    errno = 0;
    v = strtol(value, &end, 10);
    if (errno || end == value || *end || v < min || v > max)
        return false;
    *out = v;
    return true;
}

/* false: a value that no ota_store_print() has written. */
static bool read_line(struct ota_saved *s, char *boot, bool *ended, const char *name, const char *value)
{
    long v = 0;

    if (strcmp(name, "state") == 0)
        return ota_state_parse(value, &s->state);
    if (strcmp(name, "code") == 0 && read_number(value, -33100, 0, &v))
        s->code = (int) v;
    else if (strcmp(name, "progress") == 0 && read_number(value, 0, 100, &v))
        s->progress = (unsigned) v;
    else if (strcmp(name, "part") == 0 && read_number(value, 0, 1, &v))
        s->has_part = v == 1;
    else if (strcmp(name, "code") == 0 || strcmp(name, "progress") == 0 || strcmp(name, "part") == 0)
        return false;
    else if (strcmp(name, "md5") == 0)
        return read_hex(s->req.md5, value, OTA_MD5_LEN);
    else if (strcmp(name, "sha256") == 0)
        return read_hex(s->req.sha256, value, OTA_SHA256_LEN);
    else if (strcmp(name, "stored") == 0)
        return read_hex(s->stored_md5, value, OTA_MD5_LEN);
    else if (strcmp(name, "mode") == 0)
        s->req.silent = strcmp(value, "silent") == 0;
    else if (strcmp(name, "proc") == 0) {
        s->req.download = strstr(value, "dnld") != NULL;
        s->req.install = strstr(value, "install") != NULL;
    } else if (strcmp(name, "url") == 0) {
        if (value[0] && !ota_url_ok(value))
            return false;
        memcpy(s->req.url, value, strlen(value) + 1);
    } else if (strcmp(name, "boot") == 0) {
        if (strlen(value) > OTA_BOOT_ID_MAX)
            return false;
        memcpy(boot, value, strlen(value) + 1);
    } else if (strcmp(name, "end") == 0) {
        *ended = true;
    }
    return true;
}

/* States that need an upgrade's particulars to go on. */
static bool is_whole(const struct ota_saved *s)
{
    if (s->state == OTA_BUSY)
        return false;
    if (s->state == OTA_IDLE)
        return true;
    return s->req.url[0] && s->req.md5[0] && (s->req.download || s->req.install);
}

int ota_store_parse(struct ag_span text, struct ota_saved *out, char *boot_out)
{
    struct ota_saved s = {.state = OTA_IDLE};
    char boot[OTA_BOOT_ID_MAX + 1] = "";
    char line[OTA_URL_MAX + 64], *name, *value;
    bool ended = false;
    int r;

    while ((r = ag_saved_line(&text, line, sizeof line, &name, &value)) > 0)
        if (!read_line(&s, boot, &ended, name, value))
            return -EINVAL;
    if (r < 0)
        return r;
    if (!ended || !is_whole(&s))
        return -EINVAL;
    *out = s;
    memcpy(boot_out, boot, sizeof boot);
    return 0;
}
