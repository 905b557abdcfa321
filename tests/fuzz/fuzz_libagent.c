/* SPDX-License-Identifier: MIT */
/*
 * Whatever an agent says, whole and cut: no crash, and the library answers the same. The callbacks drop, subscribe and
 * call on their way.
 */
#include <stdlib.h>
#include <string.h>
#include "libagent/events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t still(void *user)
{
    (void) user;
    return 1000;
}

static int on_request(agent_request *req, void *user)
{
    agent_slot **slot = user;
    size_t n = strlen(agent_request_params(req));

    if (n % 3 == 1)
        *slot = agent_slot_unref(*slot);
    if (n % 5 == 1)
        agent_subscribe(agent_request_conn(req), NULL, agent_request_method(req), on_request, user);
    return n % 7 == 1 ? -1 : agent_reply(req, agent_request_params(req));
}

static void on_end(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    (void) error;
    (void) user;
    if (status == 0)
        agent_notify(conn, "got", result);
}

static void on_status(agent_conn *conn, const char *status, void *user)
{
    (void) user;
    agent_report_event(conn, status, NULL, NULL, NULL);
}

/* What the library says to data, fed in pieces of step bytes. */
static struct ag_buf session(const uint8_t *data, size_t size, size_t step)
{
    agent_conn *conn = ag_conn_new(0, still, ag_conn_end);
    agent_slot *slot = NULL;
    struct ag_buf out;
    char *copy = malloc(size + 1);
    int r = 0;

    if (!conn || !copy)
        abort();
    memcpy(copy, data, size);
    conn->state = AGENT_CONNECTING;
    agent_subscribe(conn, &slot, "m", on_request, &slot);
    agent_subscribe(conn, NULL, "p.*", on_request, &slot);
    agent_follow_status(conn, NULL, on_status, NULL);
    agent_bind(conn, 2, on_request, &slot);
    conn->processing = true;
    ag_conn_on_up(conn, 1000);
    agent_call(conn, NULL, "local.x", NULL, 0, on_end, NULL);
    agent_send(conn, NULL, 4, "x", NULL, 0, on_end, NULL);
    for (size_t at = 0; at < size && r == 0; at += step)
        r = ag_conn_on_bytes(conn, copy + at, size - at < step ? size - at : step);
    out = conn->out;
    ag_buf_init(&conn->out);
    conn->processing = false;
    agent_slot_unref(slot);
    agent_unref(conn);
    free(copy);
    return out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ag_buf whole = session(data, size, size + 1);
    struct ag_buf cut = session(data, size, 1 + size % 7);

    if (ag_buf_size(&whole) != ag_buf_size(&cut) ||
        (ag_buf_size(&whole) > 0 && memcmp(ag_buf_head(&whole), ag_buf_head(&cut), ag_buf_size(&whole)) != 0))
        abort();
    ag_buf_deinit(&whole);
    ag_buf_deinit(&cut);
    return 0;
}
