/* SPDX-License-Identifier: MIT */
/* Any bytes from the process of an HTTP request, and as a request. */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include "libagent/io/http/http_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_frames(struct ag_span in)
{
    struct http_wire_frame f;
    size_t size;

    while (http_wire_get_frame(in, &f, &size) > 0) {
        ag_cleanup(ag_buf_deinit) struct ag_buf back = AG_BUF_INIT;

        assert(size <= in.len && f.end <= AG_HTTP_E_OTHER);
        if (f.type == HTTP_WIRE_BEGIN) {
            const char *value = http_wire_header(f.bytes, "Content-Range");

            assert(!value || (value > f.bytes.p && value + strlen(value) < f.bytes.p + f.bytes.len));
        }
        assert(http_wire_put_frame(&back, &f) == 0);
        assert(ag_span_is(ag_buf_span(&back), in.p, size));
        in.p += size;
        in.len -= size;
    }
}

static void check_request(struct ag_span block)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf back = AG_BUF_INIT;
    const char *headers[HTTP_WIRE_REQUEST_HEADERS + 1];
    struct ag_http_request req;

    if (http_wire_get_request(block, &req, headers) < 0)
        return;
    assert(req.url && http_wire_put_request(&back, &req) == 0);
    assert(ag_buf_size(&back) == sizeof(uint64_t) + block.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    check_frames((struct ag_span){(const char *) data, n});
    check_request((struct ag_span){(const char *) data, n});
    return 0;
}
