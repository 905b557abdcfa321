/* SPDX-License-Identifier: MIT */
/*
 * libagent for users of cJSON: values instead of texts. Header only; link libcjson yourself.
 *
 * What is handed in stays the caller's. NULL stands for what the plain call makes of NULL. -ENOMEM also when cJSON
 * cannot print the value; otherwise the codes of the plain call. Beyond 2^53 cJSON loses digits of integers: where
 * they matter, use the texts of agent.h.
 */
#ifndef AGENT_CJSON_H
#define AGENT_CJSON_H

#include <agent/agent.h>
#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The command's params; the caller frees them with cJSON_Delete(). NULL when memory is short, or req is NULL. */
static inline cJSON *agent_cjson_params(const agent_request *req)
{
    const char *params = agent_request_params(req);

    return params ? cJSON_Parse(params) : NULL;
}

/* A result or an error object, as agent_call_fn gets it; the caller frees it with cJSON_Delete(). NULL for NULL. */
static inline cJSON *agent_cjson_parse(const char *text)
{
    return text ? cJSON_Parse(text) : NULL;
}

/* Text of a value, *ret_text NULL for NULL; free it with cJSON_free(). */
static inline int agent_cjson_print_(const cJSON *value, char **ret_text)
{
    *ret_text = value ? cJSON_PrintUnformatted(value) : NULL;
    return value && !*ret_text ? -ENOMEM : 0;
}

static inline int agent_cjson_reply(agent_request *req, const cJSON *result)
{
    char *text;
    int r = agent_cjson_print_(result, &text);

    if (r == 0)
        r = agent_reply(req, text);
    cJSON_free(text);
    return r;
}

static inline int agent_cjson_reply_error(agent_request *req, int code, const char *message, const cJSON *data)
{
    char *text;
    int r = agent_cjson_print_(data, &text);

    if (r == 0)
        r = agent_reply_error_data(req, code, message, text);
    cJSON_free(text);
    return r;
}

static inline int agent_cjson_call(agent_conn *conn, agent_slot **ret_slot, const char *method, const cJSON *params,
                                   unsigned timeout_ms, agent_call_fn fn, void *user)
{
    char *text;
    int r = agent_cjson_print_(params, &text);

    if (r == 0)
        r = agent_call(conn, ret_slot, method, text, timeout_ms, fn, user);
    cJSON_free(text);
    return r;
}

/* *ret_result gets the result, or with AGENT_E_REMOTE the error object, for cJSON_Delete(); ret_result may be NULL. */
static inline int agent_cjson_call_sync(agent_conn *conn, const char *method, const cJSON *params, unsigned timeout_ms,
                                        cJSON **ret_result)
{
    char *text, *answer = NULL;
    int r = agent_cjson_print_(params, &text);

    if (r == 0)
        r = agent_call_sync(conn, method, text, timeout_ms, &answer);
    cJSON_free(text);
    if (answer && ret_result) {
        cJSON *result = cJSON_Parse(answer);

        if (result)
            *ret_result = result;
        else
            r = -ENOMEM;
    }
    free(answer);
    return r;
}

static inline int agent_cjson_notify(agent_conn *conn, const char *method, const cJSON *params)
{
    char *text;
    int r = agent_cjson_print_(params, &text);

    if (r == 0)
        r = agent_notify(conn, method, text);
    cJSON_free(text);
    return r;
}

static inline int agent_cjson_send(agent_conn *conn, agent_slot **ret_slot, uint32_t to, const char *method, const cJSON *params,
                                   unsigned timeout_ms, agent_call_fn fn, void *user)
{
    char *text;
    int r = agent_cjson_print_(params, &text);

    if (r == 0)
        r = agent_send(conn, ret_slot, to, method, text, timeout_ms, fn, user);
    cJSON_free(text);
    return r;
}

/* {"name":value,...} */
static inline int agent_cjson_report_props(agent_conn *conn, const cJSON *object, agent_call_fn fn, void *user)
{
    char *text;
    int r = agent_cjson_print_(object, &text);

    if (r == 0)
        r = agent_report_props(conn, text, fn, user);
    cJSON_free(text);
    return r;
}

static inline int agent_cjson_report_prop(agent_conn *conn, const char *name, const cJSON *value, agent_call_fn fn, void *user)
{
    char *text;
    int r = agent_cjson_print_(value, &text);

    if (r == 0)
        r = agent_report_prop(conn, name, text, fn, user);
    cJSON_free(text);
    return r;
}

/* params: an array, or NULL. */
static inline int agent_cjson_report_event(agent_conn *conn, const char *name, const cJSON *params, agent_call_fn fn, void *user)
{
    char *text;
    int r = agent_cjson_print_(params, &text);

    if (r == 0)
        r = agent_report_event(conn, name, text, fn, user);
    cJSON_free(text);
    return r;
}

static inline int agent_cjson_report_property(agent_conn *conn, const char *did, unsigned siid, unsigned piid, const cJSON *value,
                                              agent_call_fn fn, void *user)
{
    char *text;
    int r = agent_cjson_print_(value, &text);

    if (r == 0)
        r = agent_report_property(conn, did, siid, piid, text, fn, user);
    cJSON_free(text);
    return r;
}

/* arguments: an array, or NULL. */
static inline int agent_cjson_report_miot_event(agent_conn *conn, const char *did, unsigned siid, unsigned eiid,
                                                const cJSON *arguments, agent_call_fn fn, void *user)
{
    char *text;
    int r = agent_cjson_print_(arguments, &text);

    if (r == 0)
        r = agent_report_miot_event(conn, did, siid, eiid, text, fn, user);
    cJSON_free(text);
    return r;
}

#ifdef __cplusplus
}
#endif

#endif
