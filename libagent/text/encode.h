/* SPDX-License-Identifier: MIT */
/*
 * Builds the JSON texts that the library sends. What an application hands in (method, params, result) is checked as
 * part of the finished text, so nothing that is not exactly one JSON value can leave, nor add members of its own.
 */
#ifndef AG_ENCODE_H
#define AG_ENCODE_H

#include <stdbool.h>
#include "libagent/core/buf.h"
#include "libagent/core/json/json.h"

/* The agent's own limits; it closes a connection that sends more. */
enum { AG_ENCODE_DEPTH = 128, AG_ENCODE_TEXT_MAX = 1024 * 1024 };

/* One JSON value of the application: a text, or a format with its arguments. With neither, each use has its own default. */
struct ag_value {
    const char *text;
    const char *format;
    va_list *ap;
    enum ag_json_type type; /* the type it must have; AG_JSON_NONE: any */
};

struct ag_request_parts {
    const char *method;
    struct ag_value params; /* none: [] */
    bool has_id;
    uint32_t id;
    uint32_t to; /* 0: not to applications */
};

/*
 * Each appends one whole text. 0, -ENOMEM, -EMSGSIZE (beyond AG_ENCODE_TEXT_MAX), AGENT_E_JSON, -EINVAL (the format); out
 * is unchanged on failure.
 */
int ag_encode_request(struct ag_buf *out, const struct ag_request_parts *m);
/* id is the raw text of the request's id. No result: ["ok"] */
int ag_encode_result(struct ag_buf *out, struct ag_span id, uint32_t to, const struct ag_value *result);
/* data is JSON text or NULL */
int ag_encode_error(struct ag_buf *out, struct ag_span id, uint32_t to, int code, const char *message, const char *data);
/* mode NULL leaves the member out */
int ag_encode_register(struct ag_buf *out, uint32_t id, const char *key, const char *mode);
int ag_encode_unregister(struct ag_buf *out, const char *key);
/* 0: a method or key that can be sent; -EINVAL: it is not; -ENAMETOOLONG; AGENT_E_JSON: not UTF-8. */
int ag_encode_check_name(const char *name);
/* 0: one JSON value of that type, white space around it allowed; AGENT_E_JSON, -EMSGSIZE, -ENOMEM. */
int ag_encode_check_value(const char *value, enum ag_json_type type);
int ag_encode_bind(struct ag_buf *out, uint32_t id, uint32_t address);

#endif
