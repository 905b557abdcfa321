/* SPDX-License-Identifier: MIT */
#include "libagent/text/encode.h"

#include <errno.h>
#include "agent/agent.h"
#include "libagent/core/utf8.h"
#include "libagent/text/format.h"

struct piece {
    size_t start; /* of the text, counted from the head of the buffer */
    size_t value_end;
    enum ag_json_type type;
};

static void undo(struct ag_buf *out, size_t start)
{
    out->len = out->off + start;
}

/* The text since start is one object whose member m is exactly the value that was put in. */
static int check(struct ag_buf *out, const struct piece *p, enum ag_member m)
{
    struct ag_span text = {ag_buf_head(out) + p->start, ag_buf_size(out) - p->start};
    struct ag_json_view view;

    if (text.len > AG_ENCODE_TEXT_MAX)
        return -EMSGSIZE;
    if (ag_json_parse(&text, AG_ENCODE_DEPTH, &view) != 0 || view.twice)
        return AGENT_E_JSON;
    if (m == AG_N_MEMBERS)
        return 0;
    if (view.at[m].end != p->value_end - p->start || (p->type != AG_JSON_NONE && view.at[m].type != p->type))
        return AGENT_E_JSON;
    return 0;
}

/* Appends a value and notes where it ends, not counting white space behind it. */
static int append_value(struct ag_buf *out, const struct ag_value *value, const char *otherwise, struct piece *p)
{
    const char *text = value->text ? value->text : otherwise;
    size_t n;

    p->type = value->type;
    if (value->format) {
        int r = ag_format_json(out, value->format, *value->ap);

        if (r < 0)
            return r;
        while (strchr(" \t\r\n", out->data[out->len - 1]))
            out->len--;
        p->value_end = ag_buf_size(out);
        return 0;
    }
    n = strlen(text);
    while (n > 0 && strchr(" \t\r\n", text[n - 1]))
        n--;
    if (n > AG_ENCODE_TEXT_MAX)
        return -EMSGSIZE;
    p->value_end = ag_buf_size(out) + n;
    return ag_buf_append(out, text, n);
}

static int finish(struct ag_buf *out, const struct piece *p, enum ag_member m, int r)
{
    if (r == 0)
        r = check(out, p, m);
    if (r < 0)
        undo(out, p->start);
    return r;
}

static int append_to(struct ag_buf *out, uint32_t to)
{
    return to ? ag_buf_printf(out, "\"_to\":%u,", (unsigned) to) : 0;
}

int ag_encode_request(struct ag_buf *out, const struct ag_request_parts *m)
{
    struct piece p = {.start = ag_buf_size(out)};
    int r = ag_buf_append_char(out, '{');

    if (r == 0 && m->has_id) {
        r = ag_buf_append(out, "\"id\":", 5);
        if (r == 0)
            r = ag_buf_append_u64(out, m->id);
        if (r == 0)
            r = ag_buf_append_char(out, ',');
    }
    if (r == 0)
        r = append_to(out, m->to);
    if (r == 0)
        r = ag_buf_append(out, "\"method\":", 9);
    if (r == 0)
        r = ag_buf_append_json_str(out, m->method, strlen(m->method));
    if (r == 0)
        r = ag_buf_append(out, ",\"params\":", 10);
    if (r == 0)
        r = append_value(out, &m->params, "[]", &p);
    if (r == 0)
        r = ag_buf_append_char(out, '}');
    return finish(out, &p, AG_M_PARAMS, r);
}

static int append_id(struct ag_buf *out, struct ag_span id, uint32_t to)
{
    int r = ag_buf_append(out, "{\"id\":", 6);

    if (r == 0)
        r = ag_buf_append_span(out, id);
    if (r == 0)
        r = ag_buf_append_char(out, ',');
    if (r == 0)
        r = append_to(out, to);
    return r;
}

int ag_encode_result(struct ag_buf *out, struct ag_span id, uint32_t to, const struct ag_value *result)
{
    struct piece p = {.start = ag_buf_size(out)};
    int r = append_id(out, id, to);

    if (r == 0)
        r = ag_buf_append(out, "\"result\":", 9);
    if (r == 0)
        r = append_value(out, result, "[\"ok\"]", &p);
    if (r == 0)
        r = ag_buf_append_char(out, '}');
    return finish(out, &p, AG_M_RESULT, r);
}

int ag_encode_error(struct ag_buf *out, struct ag_span id, uint32_t to, int code, const char *message, const char *data)
{
    struct piece p = {.start = ag_buf_size(out)};
    int r = data ? ag_encode_check_value(data, AG_JSON_NONE) : 0;

    if (r == 0)
        r = append_id(out, id, to);

    if (r == 0)
        r = ag_buf_printf(out, "\"error\":{\"code\":%d,\"message\":", code);
    if (r == 0)
        r = ag_buf_append_json_str(out, message, strlen(message));
    if (r == 0 && data)
        r = ag_buf_printf(out, ",\"data\":%s", data);
    if (r == 0)
        r = ag_buf_append(out, "}}", 2);
    return finish(out, &p, AG_N_MEMBERS, r);
}

int ag_encode_check_name(const char *name)
{
    size_t n = name ? strlen(name) : 0, at = 0, len;

    if (n == 0)
        return -EINVAL;
    if (n > AGENT_METHOD_MAX)
        return -ENAMETOOLONG;
    for (; at < n; at += len) {
        len = (unsigned char) name[at] < 0x80 ? 1 : ag_utf8_len(name + at, n - at);
        if (len == 0)
            return AGENT_E_JSON;
    }
    return 0;
}

int ag_encode_check_value(const char *value, enum ag_json_type type)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;

    return ag_encode_result(&text, AG_SPAN("0"), 0, &(struct ag_value){.text = value, .type = type});
}

/* {..."method":"register","key":"k"[,"mode":"m"[,"params":{"tell":true}]]} */
static int encode_key(struct ag_buf *out, const uint32_t *id, const char *method, const char *key, const char *mode)
{
    struct piece p = {.start = ag_buf_size(out)};
    bool tell = mode && strcmp(mode, "standby") == 0; /* say that it waits, and that it has taken over */
    int r = ag_buf_append_char(out, '{');

    if (r == 0 && id)
        r = ag_buf_printf(out, "\"id\":%u,", (unsigned) *id);
    if (r == 0)
        r = ag_buf_printf(out, "\"method\":\"%s\",\"key\":", method);
    if (r == 0)
        r = ag_buf_append_json_str(out, key, strlen(key));
    if (r == 0 && mode)
        r = ag_buf_printf(out, ",\"mode\":\"%s\"", mode);
    if (r == 0 && tell)
        r = ag_buf_append_str(out, ",\"params\":{\"tell\":true}");
    if (r == 0)
        r = ag_buf_append_char(out, '}');
    return finish(out, &p, AG_N_MEMBERS, r);
}

int ag_encode_register(struct ag_buf *out, uint32_t id, const char *key, const char *mode)
{
    return encode_key(out, &id, "register", key, mode);
}

int ag_encode_unregister(struct ag_buf *out, const char *key)
{
    return encode_key(out, NULL, "unregister", key, NULL);
}

int ag_encode_bind(struct ag_buf *out, uint32_t id, uint32_t address)
{
    return ag_buf_printf(out, "{\"id\":%u,\"method\":\"bind\",\"address\":%u}", (unsigned) id, (unsigned) address);
}
