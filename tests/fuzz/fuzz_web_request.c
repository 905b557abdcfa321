/* SPDX-License-Identifier: MIT */
/* Any bytes as a target, a query, a Cookie and Host header, a password file. The first byte says as what. */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include "agent/apps/web/core/gate.h"
#include "agent/apps/web/core/password.h"
#include "agent/apps/web/core/route.h"
#include "libagent/core/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_target(struct ag_span text)
{
    struct web_route r;
    char value[40];

    web_route_find(&r, AG_SPAN("GET"), text);
    assert(r.path.len <= text.len && r.query.len <= text.len);
    assert(r.status != 200 || r.action != WEB_NOWHERE);
    if (web_query_get(r.query, "a", value, sizeof value)) {
        assert(ag_utf8_valid((struct ag_span){value, strlen(value)}));
        for (const char *c = value; *c; c++)
            assert((unsigned char) *c >= ' ');
    } else {
        assert(value[0] == '\0');
    }
    assert(web_query_number(r.query, "a", 1000, 7) <= 1000);
}

static void check_headers(struct ag_span text)
{
    static const char *const names[] = {"lamp"};
    struct ag_span v = web_cookie_get(text, "s");
    struct web_headers h = {.host = text, .origin = text, .content_type = text};

    assert(!v.p || (v.p >= text.p && v.p + v.len <= text.p + text.len));
    web_gate_check(&h, true, names, 1);
    h.host = AG_SPAN("lamp");
    /* what is taken for our own origin ends with our name */
    if (web_gate_check(&h, false, names, 1) == WEB_PASS)
        assert(text.len >= 4 + 7);
}

static void check_password(struct ag_span text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct web_password p, back;

    if (!web_password_parse(text, &p))
        return;
    assert((uint64_t) p.n * p.r * 128 <= WEB_SCRYPT_MEMORY_MAX);
    assert(web_password_print(&p, &b) == 0 && web_password_parse(ag_buf_span(&b), &back));
    assert(memcmp(&p, &back, sizeof p) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ag_span text = {(const char *) data + 1, n - 1};

    if (n == 0)
        return 0;
    switch (data[0] % 3) {
    case 0:
        check_target(text);
        break;
    case 1:
        check_headers(text);
        break;
    default:
        check_password(text);
    }
    return 0;
}
