/* SPDX-License-Identifier: MIT */
#include "agent/ctl/core/redact.h"

#include <errno.h>
#include <stdlib.h>
#include "libagent/core/grow.h"

/* Settings whose values may leave the device. */
static const char *const harmless[] = {
    "did",
    "mac",
    "model",
    "vendor",
    "access",
    "agent_user",
    "ble",
    "cloud",
    "command_grace",
    "command_timeout",
    "country",
    "helper",
    "hooks",
    "join_pause",
    "join_tries",
    "lan",
    "lan_stamp_window",
    "local",
    "loglevel",
    "memory_limit",
    "mqtt_api",
    "ot_host",
    "ot_interval",
    "ot_port",
    "ot_transport",
    "provisioning",
    "request_timeout",
    "spool",
    "spool_max_age_s",
    "spool_max_bytes",
    "spool_max_reports",
    "gizwits_server",
    "gizwits_retry",
    "gizwits_keepalive",
    "onenet_server",
    "onenet_keepalive",
    "onenet_qos",
    "onenet_clean_session",
    "mqtt_server",
    "mqtt_tls",
    "mqtt_ca",
    "mqtt_cert",
    "mqtt_qos",
    "mqtt_keepalive",
    "mqtt_prefix",
    "mqtt_clean_session",
    "mqtt_command_qos",
    "mqtt_state",
    "ot_window",
    "ot_keepalive_ms",
    "ot_resend_ms",
    "tell_origin",
};

static void wipe_free(char *s)
{
    explicit_bzero(s, strlen(s));
    free(s);
}

void secrets_deinit(struct secrets *s)
{
    for (size_t i = 0; i < s->n; i++)
        wipe_free(s->list[i]);
    free(s->list);
    *s = (struct secrets){0};
}

int secrets_add(struct secrets *s, struct ag_span value)
{
    char *copy;

    if (value.len < REDACT_LEN_MIN)
        return 0;
    if (AG_GROW(s->list, s->cap, s->n + 1) < 0)
        return -ENOMEM;
    copy = malloc(value.len + 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, value.p, value.len);
    copy[value.len] = '\0';
    s->list[s->n++] = copy;
    return 0;
}

static struct ag_span trimmed(struct ag_span t)
{
    while (t.len > 0 && strchr(" \t\r\"'", t.p[0]))
        t = (struct ag_span){t.p + 1, t.len - 1};
    while (t.len > 0 && strchr(" \t\r\"'", t.p[t.len - 1]))
        t.len--;
    return t;
}

/* The first line of text, which goes on behind it. */
static struct ag_span take_line(struct ag_span *text)
{
    const char *end = memchr(text->p, '\n', text->len);
    struct ag_span line = {text->p, end ? (size_t) (end - text->p) : text->len};

    text->p += line.len + (end != NULL);
    text->len -= line.len + (end != NULL);
    return line;
}

/* false: no NAME=VALUE. */
static bool split(struct ag_span line, struct ag_span *name, struct ag_span *value)
{
    const char *equals = line.len > 0 ? memchr(line.p, '=', line.len) : NULL;

    if (!equals)
        return false;
    *name = trimmed((struct ag_span){line.p, (size_t) (equals - line.p)});
    *value = trimmed((struct ag_span){equals + 1, line.len - (size_t) (equals - line.p) - 1});
    return true;
}

int secrets_add_file(struct secrets *s, struct ag_span text)
{
    int r = 0;

    while (text.len > 0 && r == 0) {
        struct ag_span line = take_line(&text), name, value;

        r = secrets_add(s, split(line, &name, &value) ? value : trimmed(line));
    }
    return r;
}

static bool is_harmless(struct ag_span name)
{
    for (size_t i = 0; i < ag_array_size(harmless); i++)
        if (ag_span_is(name, harmless[i], strlen(harmless[i])))
            return true;
    return false;
}

/* A comment may hold an old setting, and a line without '=' anything. */
static int redact_line(struct ag_buf *out, struct ag_span line, struct secrets *s)
{
    struct ag_span name, value, all = trimmed(line);
    int r = 0;

    if (all.len == 0)
        return 0;
    if (all.p[0] == '#' || all.p[0] == ';' || all.p[0] == '[' || !split(line, &name, &value))
        return ag_buf_append_str(out, all.p[0] == '[' ? "[***]" : "***");
    if (is_harmless(name))
        return ag_buf_append_span(out, line);
    r = secrets_add(s, value);
    if (r == 0)
        r = ag_buf_append_span(out, name);
    return r == 0 ? ag_buf_append_str(out, "=***") : r;
}

int redact_conf(struct ag_buf *out, struct ag_span conf, struct secrets *s)
{
    int r = 0;

    while (conf.len > 0 && r == 0) {
        r = redact_line(out, take_line(&conf), s);
        if (r == 0)
            r = ag_buf_append_char(out, '\n');
    }
    return r;
}

/* The longest secret that begins there; 0: none. */
static size_t secret_at(struct ag_span text, const struct secrets *s)
{
    size_t longest = 0;

    for (size_t i = 0; i < s->n; i++) {
        size_t n = strlen(s->list[i]);

        if (n > longest && n <= text.len && memcmp(text.p, s->list[i], n) == 0)
            longest = n;
    }
    return longest;
}

int redact_text(struct ag_buf *out, struct ag_span text, const struct secrets *s)
{
    int r = 0;

    while (text.len > 0 && r == 0) {
        size_t n = secret_at(text, s);

        r = n > 0 ? ag_buf_append_str(out, "***") : ag_buf_append_char(out, text.p[0]);
        n = n > 0 ? n : 1;
        text = (struct ag_span){text.p + n, text.len - n};
    }
    return r;
}
