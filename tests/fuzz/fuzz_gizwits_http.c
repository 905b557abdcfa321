/* SPDX-License-Identifier: MIT */
/* Any bytes as an answer of the HTTP interface, as a state file and as a topic. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "client/cloud/gizwits/core/gizwits_store.h"
#include "client/cloud/gizwits/core/gizwits_topic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_bodies(struct ag_span body)
{
    struct gizwits_target target;
    struct gizwits_m2m m2m;
    char did[GIZWITS_DID_MAX + 1];

    if (gizwits_http_parse_did(body, did) == 0)
        assert(gizwits_did_ok(did, strlen(did)));
    if (gizwits_http_parse_provision(body, &m2m) == 0)
        assert(m2m.port > 0 && m2m.host[0]);
    for (int v41 = 0; v41 < 2; v41++)
        if (gizwits_http_parse_target(body, v41, &target) == 0)
            assert(gizwits_url_ok((struct ag_span){target.url, strlen(target.url)}));
}

static void check_store(struct ag_span text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    struct gizwits_store s, back;

    if (gizwits_store_parse(text, &s) < 0)
        return;
    assert(gizwits_store_print(&s, &b) == 0);
    assert(gizwits_store_parse(ag_buf_span(&b), &back) == 0);
    assert(strcmp(s.did, back.did) == 0 && s.sn == back.sn);
}

static void check_topic(struct ag_span text)
{
    struct gizwits_origin o;
    char *topic = malloc(text.len + 1);

    if (!topic)
        return;
    memcpy(topic, text.p, text.len);
    topic[text.len] = '\0';
    if (gizwits_topic_parse(topic, "D", "K", &o) && o.form == GIZWITS_FORM_A)
        assert(gizwits_app_ok((struct ag_span){o.app, strlen(o.app)}));
    free(topic);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ag_span text = {(const char *) data, n};

    check_bodies(text);
    check_store(text);
    if (n > 0)
        check_topic(text);
    return 0;
}
