/* SPDX-License-Identifier: MIT */
/*
 * device.conf: the device's identity and settings, name=value lines. '#' at the start of a line is a comment; the last
 * line of a name wins; blanks and CR around name and value are trimmed; everything behind the first '=' is the value.
 * A core: bytes in, values out; reading the file is client/device/io's business.
 * Source: Xiaomi Linux client document, section 4.1.
 */
#ifndef CLIENT_DEVICE_CONF_H
#define CLIENT_DEVICE_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * "model" is the device's name, "coolvendor.prod.v1"; a value that holds a '/' or ends in ".json" is the file of the device's
 * model instead, and both lines may be there. The file's path is kept under this name, which device.conf may use as well.
 */
#define DEVICE_CONF_MODEL_FILE "model_file"

struct device_conf {
    uint64_t did;   /* 0 and 1 ask the cloud for an identity */
    char key[17];   /* 16 characters, a secret; empty only with did 0 or 1, or with a cloud that needs none */
    char mac[18];   /* "AA:BB:CC:DD:EE:FF", upper case */
    char model[24]; /* at most 23 characters */
    char vendor[64];
    struct device_conf_entry *entries; /* every line, unknown names included */
    size_t n_entries, entries_cap;
};

/* 0 and 1: there is none yet. */
static inline bool identity_is_missing(uint64_t did)
{
    return did <= 1;
}

/* Where and why a file was refused. */
struct device_conf_error {
    unsigned line; /* 1-based; 0: the file as a whole */
    char why[96];
};

/* 0, -ENOMEM, or -EINVAL with *err filled. out is valid only on 0. */
int device_conf_parse(struct device_conf *out, const char *text, size_t n, struct device_conf_error *err);
void device_conf_deinit(struct device_conf *c);

/* The value of a name, NULL when absent. Exact name match. Lives as long as the conf. */
const char *device_conf_get(const struct device_conf *c, const char *name);

/* A decimal integer between min and max. 0 and *out (the fallback when absent), or -EINVAL with *err filled. */
int device_conf_get_int(const struct device_conf *c, const char *name, long min, long max, long fallback, long *out,
                        struct device_conf_error *err);

/*
 * Puts name=value behind the file's lines, so that it wins. This is how the command line overrides the file: -H, -p,
 * --transport, -i and -C become ot_host, ot_port, ot_transport, ot_interval and country. The country that config_router
 * brought (device.country) is set as country, too, and may change: the value set before is replaced, and what
 * device_conf_get() returned for it is no longer valid. 0, -ENOMEM, -EINVAL (value too long). The entry has line 0.
 */
int device_conf_set(struct device_conf *c, const char *name, const char *value);

/* Selects names. */
typedef bool device_conf_mine_fn(const void *user, const char *name);

/* Both have the same values for the selected names, or neither has one. */
bool device_conf_same(const struct device_conf *a, const struct device_conf *b, device_conf_mine_fn *mine, const void *user);

/*
 * Replaces the lines of the selected names by those of from: new settings of one part, read while the program runs. What
 * device_conf_get() returned for them is no longer valid. 0, or -ENOMEM: nothing has changed.
 */
int device_conf_replace(struct device_conf *c, const struct device_conf *from, device_conf_mine_fn *mine, const void *user);

/* Every line in the file's order, i from 0 to n_entries - 1. */
void device_conf_nth(const struct device_conf *c, size_t i, const char **name_out, const char **value_out);

/* The line of the last entry of that name, 0 when absent; for error messages. */
unsigned device_conf_line(const struct device_conf *c, const char *name);

#endif
