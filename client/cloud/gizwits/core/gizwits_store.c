/* SPDX-License-Identifier: MIT */
#include "client/cloud/gizwits/core/gizwits_store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "libagent/core/json/json.h"
#include "libagent/core/text/saved_line.h"

enum { LINE_MAX_LEN = 128 };

static void plain(char *out, const char *version)
{
    size_t n = 0;

    for (; version[n]; n++) /* a line break would begin another value */
        out[n] = (unsigned char) version[n] < ' ' ? '?' : version[n];
    out[n] = '\0';
}

int gizwits_store_print(const struct gizwits_store *s, struct ag_buf *out)
{
    char version[2][GIZWITS_VERSION_MAX + 1];

    plain(version[0], s->version[0]);
    plain(version[1], s->version[1]);
    return ag_buf_printf(out,
                         "passcode=%s\ndid=%s\nold_passcode=%s\nold_did=%s\nfid1=%u\nfid2=%u\nversion1=%s\nversion2=%s\n"
                         "sn=%u\nend=1\n",
                         s->passcode, s->did, s->old_passcode, s->old_did, s->fid[0], s->fid[1], version[0], version[1], s->sn);
}

static bool read_did(char *out, const char *value)
{
    if (value[0] && !gizwits_did_ok(value, strlen(value)))
        return false;
    memcpy(out, value, strlen(value) + 1);
    return true;
}

static bool read_passcode(char *out, const char *value)
{
    if (value[0] && !gizwits_passcode_ok(value))
        return false;
    memcpy(out, value, strlen(value) + 1);
    return true;
}

static bool read_version(char *out, const char *value)
{
    if (strlen(value) > GIZWITS_VERSION_MAX)
        return false;
    memcpy(out, value, strlen(value) + 1);
    return true;
}

static bool read_u32(uint32_t *out, const char *value)
{
    uint64_t v;

    if (!ag_span_uint((struct ag_span){value, strlen(value)}, UINT32_MAX, &v))
        return false;
    *out = (uint32_t) v;
    return true;
}

static bool read_line(struct gizwits_store *s, const char *name, const char *value, bool *ended)
{
    if (strcmp(name, "passcode") == 0)
        return read_passcode(s->passcode, value);
    if (strcmp(name, "old_passcode") == 0)
        return read_passcode(s->old_passcode, value);
    if (strcmp(name, "did") == 0)
        return read_did(s->did, value);
    if (strcmp(name, "old_did") == 0)
        return read_did(s->old_did, value);
    if (strcmp(name, "fid1") == 0 || strcmp(name, "fid2") == 0)
        return read_u32(&s->fid[name[3] - '1'], value);
    if (strcmp(name, "version1") == 0 || strcmp(name, "version2") == 0)
        return read_version(s->version[name[7] - '1'], value);
    if (strcmp(name, "sn") == 0)
        return read_u32(&s->sn, value);
    if (strcmp(name, "end") == 0)
        *ended = true;
    return true;
}

int gizwits_store_parse(struct ag_span text, struct gizwits_store *out)
{
    struct gizwits_store s = {.sn = 0};
    char line[LINE_MAX_LEN], *name, *value;
    bool ended = false;
    int r;

    while ((r = ag_saved_line(&text, line, sizeof line, &name, &value)) > 0)
        if (!read_line(&s, name, value, &ended))
            return -EINVAL;
    if (r < 0)
        return r;
    if (!ended || (s.did[0] && !s.passcode[0]) || (s.old_did[0] && !s.old_passcode[0]))
        return -EINVAL;
    *out = s;
    return 0;
}
