/* SPDX-License-Identifier: MIT */
#include "libagent/io/http/http_request.h"

const char *ag_http_end_name(enum ag_http_end end)
{
    static const char *const names[] = {
        [AG_HTTP_OK] = "ok",
        [AG_HTTP_E_DNS] = "name not found",
        [AG_HTTP_E_CONNECT] = "cannot connect",
        [AG_HTTP_E_TLS] = "TLS refused",
        [AG_HTTP_E_DISCONNECT] = "connection lost",
        [AG_HTTP_E_TIMEOUT] = "timed out",
        [AG_HTTP_E_TOO_BIG] = "answer too large",
        [AG_HTTP_E_RANGE] = "wrong range in the answer",
        [AG_HTTP_E_ABORTED] = "given up",
        [AG_HTTP_E_PROTOCOL] = "sent on to another protocol",
        [AG_HTTP_E_OTHER] = "failed",
    };

    return (size_t) end < ag_array_size(names) ? names[end] : "failed";
}
