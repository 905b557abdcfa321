/* SPDX-License-Identifier: MIT */
/* miIO.ota and the state file: any bytes. What is accepted must be usable as it stands. */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include "agent/apps/ota/core/ota_request.h"
#include "agent/apps/ota/core/ota_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_request(struct ag_span text)
{
    struct ota_request req;
    const char *why = NULL;
    int r = ota_request_parse(&req, text, &why);

    if (r < 0) {
        assert(why);
        return;
    }
    assert(ota_url_ok(req.url));
    assert(strlen(req.md5) == OTA_MD5_LEN);
    assert(req.download || req.install);
}

static void check_store(struct ag_span text)
{
    struct ota_saved s, again;
    ag_cleanup(ag_buf_deinit) struct ag_buf printed = AG_BUF_INIT;
    char boot[OTA_BOOT_ID_MAX + 1];

    if (ota_store_parse(text, &s, boot) < 0)
        return;
    if (s.req.download == false && s.req.install == false)
        return; /* idle may know of no upgrade */
    assert(ota_store_print(&printed, &s, boot) == 0);
    assert(ota_store_parse(ag_buf_span(&printed), &again, boot) == 0);
    assert(s.state == again.state && strcmp(s.req.url, again.req.url) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ag_span text = {(const char *) data, n};

    check_request(text);
    check_store(text);
    return 0;
}
