/* SPDX-License-Identifier: MIT */
/* Reading the params of a command: a path into them, the type, the value; and the answer when it is not there. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "libagent/core/json/json_walk.h"
#include "libagent/core/text/double.h"
#include "libagent/conn/request.h"
#include "libagent/text/number.h"

enum { STEP_MAX = 64, EXPECTED_MAX = 96, WORDS_MAX = 256 };

/* ---- the path ---- */

/* The next step of the path, decoded: '~1' is '/', '~0' is '~'. Returns what is behind it, NULL when it is too long. */
static const char *read_step_name(const char *at, char step[STEP_MAX + 1])
{
    size_t n = 0;

    for (; *at && *at != '/'; at++) {
        char c = *at;

        if (c == '~' && (at[1] == '0' || at[1] == '1'))
            c = *++at == '0' ? '~' : '/';
        if (n == STEP_MAX)
            return NULL;
        step[n++] = c;
    }
    step[n] = '\0';
    return at;
}

static struct ag_json_value element(struct ag_json_value array, const char *step)
{
    struct ag_json_value v, none = {AG_JSON_NONE, {NULL, 0}};
    struct ag_json_walk w;
    struct ag_span key;
    uint64_t i;

    if (!ag_span_uint((struct ag_span){step, strlen(step)}, UINT32_MAX, &i))
        return none;
    ag_json_walk_begin(&w, array);
    while (ag_json_walk_next(&w, &key, &v))
        if (i-- == 0)
            return v;
    return none;
}

static struct ag_json_value find(const struct agent_request *req, const char *at)
{
    struct ag_json_value v = ag_json_value_at(req->params, req->params + req->params_len);
    char step[STEP_MAX + 1];

    while (*at && v.type != AG_JSON_NONE) {
        at = read_step_name(at, step);
        if (at && v.type == AG_JSON_OBJECT)
            v = ag_json_member(v, step);
        else if (at && v.type == AG_JSON_ARRAY)
            v = element(v, step);
        else
            v.type = AG_JSON_NONE;
        if (!at)
            break;
        at += *at == '/';
    }
    return v;
}

AGENT_API enum agent_type agent_param_type(const agent_request *req, const char *at)
{
    static const uint8_t types[] = {
        [AG_JSON_NONE] = AGENT_TYPE_NONE,     [AG_JSON_STRING] = AGENT_TYPE_STRING, [AG_JSON_NUMBER] = AGENT_TYPE_NUMBER,
        [AG_JSON_TRUE] = AGENT_TYPE_BOOL,     [AG_JSON_FALSE] = AGENT_TYPE_BOOL,    [AG_JSON_NULL] = AGENT_TYPE_NULL,
        [AG_JSON_OBJECT] = AGENT_TYPE_OBJECT, [AG_JSON_ARRAY] = AGENT_TYPE_ARRAY};

    return req && at ? (enum agent_type) types[find(req, at).type] : AGENT_TYPE_NONE;
}

AGENT_API int agent_param_count(const agent_request *req, const char *at)
{
    struct ag_json_value v;
    size_t n;

    if (!req || !at)
        return -EINVAL;
    v = find(req, at);
    if (v.type == AG_JSON_NONE)
        return -ENOENT;
    if (v.type != AG_JSON_OBJECT && v.type != AG_JSON_ARRAY)
        return -EBADMSG;
    n = ag_json_count(v);
    return n > INT_MAX ? -ERANGE : (int) n;
}

/* ---- what is reported when it cannot be read ---- */

/* Returns r unchanged. The first failure answers the command, when that is wanted, and says what is expected. */
static int __attribute__((format(printf, 4, 5))) failed(struct agent_request *req, const char *at, int r, const char *form, ...)
{
    char expected[EXPECTED_MAX], words[WORDS_MAX];
    va_list ap;

    if (!req->answers_errors || req->answered)
        return r;
    va_start(ap, form);
    vsnprintf(expected, sizeof expected, form, ap);
    va_end(ap);
    snprintf(words, sizeof words, "%.128s: %s%s", *at ? at : "params", r == -ENOENT ? "missing, " : "", expected);
    if (agent_reply_error(req, AGENT_CODE_INVALID_PARAMS, words) == AGENT_E_JSON) /* a name that is not UTF-8, or cut */
        agent_reply_error(req, AGENT_CODE_INVALID_PARAMS, expected);
    return r;
}

AGENT_API int agent_request_answer_errors(agent_request *req, int on)
{
    if (!req)
        return -EINVAL;
    req->answers_errors = on != 0;
    return 0;
}

/* ---- the values ---- */

/* An escaped NUL would end a C string early. */
static bool holds_nul(struct ag_span raw)
{
    const char *p = raw.p, *end = raw.p + raw.len;

    while ((p = memchr(p, '\\', (size_t) (end - p)))) {
        if (p[1] == 'u' && memcmp(p + 2, "0000", 4) == 0)
            return true;
        p += 2;
    }
    return false;
}

static int type_error(struct ag_json_value v)
{
    return v.type == AG_JSON_NONE ? -ENOENT : -EBADMSG;
}

AGENT_API int agent_param_str(agent_request *req, const char *at, char *buf, size_t n)
{
    struct ag_json_value v;
    long len;

    if (!req || !at || !buf || n == 0)
        return -EINVAL;
    v = find(req, at);
    if (v.type != AG_JSON_STRING)
        return failed(req, at, type_error(v), "a string is expected");
    len = ag_json_unescape(v.raw, NULL, SIZE_MAX);
    if (len < 0 || holds_nul(v.raw))
        return failed(req, at, -EBADMSG, "not a text");
    if ((size_t) len >= n)
        return failed(req, at, -ERANGE, "longer than %zu bytes", n - 1);
    ag_json_unescape(v.raw, buf, n - 1);
    buf[len] = '\0';
    return 0;
}

/* The whole number there, as its size without the sign. 0: the size is within its limits; else why not. */
static int read_whole(agent_request *req, const char *at, uint64_t max_negative, uint64_t max, bool *negative, uint64_t *size)
{
    struct ag_json_value v = find(req, at);
    int r = v.type == AG_JSON_NUMBER ? ag_number_whole(v.raw, negative, size) : type_error(v);

    return r == 0 && *size > (*negative ? max_negative : max) ? -ERANGE : r;
}

AGENT_API int agent_param_int(agent_request *req, const char *at, int64_t min, int64_t max, int64_t *ret)
{
    bool negative;
    uint64_t size;
    int64_t value;
    int r;

    if (!req || !at || !ret || min > max)
        return -EINVAL;
    r = read_whole(req, at, (uint64_t) INT64_MAX + 1, INT64_MAX, &negative, &size);
    value = r < 0 ? 0 : (int64_t) (negative ? -size : size);
    if (r == 0 && (value < min || value > max))
        r = -ERANGE;
    if (r < 0)
        return failed(req, at, r, "a whole number of %" PRId64 " to %" PRId64 " is expected", min, max);
    *ret = value;
    return 0;
}

AGENT_API int agent_param_uint(agent_request *req, const char *at, uint64_t min, uint64_t max, uint64_t *ret)
{
    bool negative;
    uint64_t size;
    int r;

    if (!req || !at || !ret || min > max)
        return -EINVAL;
    r = read_whole(req, at, 0, max, &negative, &size);
    if (r == 0 && size < min)
        r = -ERANGE;
    if (r < 0)
        return failed(req, at, r, "a whole number of %" PRIu64 " to %" PRIu64 " is expected", min, max);
    *ret = size;
    return 0;
}

AGENT_API int agent_param_double(agent_request *req, const char *at, double min, double max, double *ret)
{
    struct ag_json_value v;
    double value = 0;
    int r;

    if (!req || !at || !ret || !(min <= max))
        return -EINVAL;
    v = find(req, at);
    r = v.type == AG_JSON_NUMBER ? ag_double_read(v.raw, &value) : type_error(v);
    if (r == 0 && !(value >= min && value <= max && isfinite(value)))
        r = -ERANGE;
    if (r < 0)
        return failed(req, at, r, "a number of %.6g to %.6g is expected", min, max);
    *ret = value;
    return 0;
}

AGENT_API int agent_param_bool(agent_request *req, const char *at, int *ret)
{
    struct ag_json_value v;

    if (!req || !at || !ret)
        return -EINVAL;
    v = find(req, at);
    if (v.type != AG_JSON_TRUE && v.type != AG_JSON_FALSE)
        return failed(req, at, type_error(v), "true or false is expected");
    *ret = v.type == AG_JSON_TRUE;
    return 0;
}

AGENT_API int agent_param_raw(agent_request *req, const char *at, const char **ret_text, size_t *ret_len)
{
    struct ag_json_value v;

    if (!req || !at || !ret_text || !ret_len)
        return -EINVAL;
    v = find(req, at);
    if (v.type == AG_JSON_NONE)
        return failed(req, at, -ENOENT, "a value is expected");
    *ret_text = v.raw.p;
    *ret_len = v.raw.len;
    return 0;
}
