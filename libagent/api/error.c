/* SPDX-License-Identifier: MIT */
/* Errors in words, and what an error object of the wire says. Knows no connection. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "agent/agent.h"
#include "libagent/core/json/json_walk.h"

/* The kernel's last one (133, 168 on MIPS); for others strerror() may print into memory that threads share. */
enum { ERRNO_KNOWN = EHWPOISON };

AGENT_API int agent_error_code(const char *error)
{
    struct ag_span text = {error, error ? strlen(error) : 0};
    struct ag_json_value v;
    struct ag_json_view view;
    long code;

    if (!error || ag_json_parse(&text, AG_JSON_DEPTH_MAX, &view) != 0)
        return 0;
    v = ag_json_member((struct ag_json_value){AG_JSON_OBJECT, text}, "code");
    if (v.type != AG_JSON_NUMBER && v.type != AG_JSON_STRING)
        return 0;
    code = strtol(v.raw.p + (v.type == AG_JSON_STRING), NULL, 10); /* some write it as a string */
    return code < INT32_MIN || code > INT32_MAX ? 0 : (int) code;
}

AGENT_API const char *agent_strerror(int error)
{
    static const struct {
        int error;
        const char *words;
    } known[] = {
        {AGENT_E_LOST, "connection to the agent lost"},
        {AGENT_E_TIMEOUT, "no answer in time"},
        {AGENT_E_CANCELED, "call ended by closing"},
        {AGENT_E_REMOTE, "the other side answered with an error"},
        {AGENT_E_PROTOCOL, "not the agent's protocol"},
        {AGENT_E_ANSWERED, "request was answered before"},
        {AGENT_E_JSON, "not one JSON value in UTF-8"},
        {AGENT_CODE_METHOD_NOT_FOUND, "nobody serves the method"},
        {AGENT_CODE_INVALID_PARAMS, "params are not as the method wants them"},
        {AGENT_CODE_BUSY, "a queue on the way is full"},
        {AGENT_CODE_NOT_PERMITTED, "refused by access rules"},
        {AGENT_CODE_NOT_CONNECTED, "no upstream connection"},
        {AGENT_CODE_SHUTTING_DOWN, "shutting down"},
        {AGENT_CODE_KEY_TAKEN, "key or address has an owner"},
        {AGENT_CODE_NO_ACK, "upstream did not answer in time"},
        {AGENT_CODE_ACK_TIMEOUT, "application did not answer in time"},
    };

    if (error >= 0)
        return "success";
    for (size_t i = 0; i < ag_array_size(known); i++) {
        if (known[i].error == error)
            return known[i].words;
    }
    return error >= -ERRNO_KNOWN ? strerror(-error) : "unknown error";
}
