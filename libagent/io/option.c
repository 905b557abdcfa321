/* SPDX-License-Identifier: MIT */
#include "libagent/io/option.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/io/file.h"

int ag_option_number(const char *text, uint64_t least, uint64_t most, uint64_t *out, char *reason, size_t n)
{
    unsigned long long v;
    char *end;

    errno = 0;
    v = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && v >= least && v <= most) {
        *out = v;
        return 0;
    }
    snprintf(reason, n, "must be a number from %" PRIu64 " to %" PRIu64, least, most);
    return -EINVAL;
}

int ag_option_text(const char *text, char *out, size_t room, char *reason, size_t n)
{
    size_t len = strlen(text);

    if (len >= room) {
        snprintf(reason, n, "longer than %zu bytes", room - 1);
        return -EINVAL;
    }
    memcpy(out, text, len + 1);
    return 0;
}

int ag_option_flag(const char *text, bool *out, char *reason, size_t n)
{
    if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0) {
        snprintf(reason, n, "must be yes or no");
        return -EINVAL;
    }
    *out = *text == 'y';
    return 0;
}

int ag_option_path(const char *text, char *out, size_t room, char *reason, size_t n)
{
    int r = ag_option_text(text, out, room, reason, n);

    if (r < 0)
        return r;
    r = ag_file_make_absolute(out, room);
    if (r < 0)
        snprintf(reason, n, "%s", strerror(-r));
    return r < 0 ? -EINVAL : 0;
}

static int set_number(const struct ag_option *row, void *field, const char *value, char *reason, size_t n)
{
    uint64_t v;
    uint32_t small;

    if (ag_option_number(value, row->least, row->most, &v, reason, n) < 0)
        return -EINVAL;
    small = (uint32_t) v;
    memcpy(field, row->size == sizeof v ? (void *) &v : &small, row->size);
    return 0;
}

int ag_option_set(const struct ag_option *row, void *to, const char *value, char *reason, size_t n)
{
    void *field = (char *) to + row->at;

    switch (row->kind) {
    case AG_OPTION_OWN:
        return row->set(to, row, value, reason, n);
    case AG_OPTION_NUMBER:
        return set_number(row, field, value, reason, n);
    case AG_OPTION_FLAG:
        return ag_option_flag(value, field, reason, n);
    case AG_OPTION_PROGRAM:
        if (!strchr(value, '/'))
            break;
        return ag_option_path(value, field, row->size, reason, n);
    case AG_OPTION_PATH:
        return ag_option_path(value, field, row->size, reason, n);
    case AG_OPTION_TEXT:
        break;
    }
    return ag_option_text(value, field, row->size, reason, n);
}

int ag_option_set_key(const struct ag_option *rows, size_t n_rows, void *to, const char *key, const char *value, char *reason,
                      size_t n)
{
    for (size_t i = 0; i < n_rows; i++) {
        if (rows[i].key && strcmp(rows[i].key, key) == 0)
            return ag_option_set(&rows[i], to, value, reason, n);
    }
    return -EINVAL;
}
