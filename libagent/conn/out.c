/* SPDX-License-Identifier: MIT */
#include "libagent/conn/out.h"

#include <errno.h>
#include <string.h>
#include "libagent/core/pack/pack.h"

enum { SCRATCH_KEEP = 16 * 1024 };

struct ag_buf *ag_conn_scratch(struct agent_conn *c)
{
    if (c->text.cap > SCRATCH_KEEP)
        ag_buf_deinit(&c->text);
    else
        ag_buf_clear(&c->text);
    return &c->text;
}

static int append_packed(struct ag_buf *out, struct ag_span json)
{
    struct ag_json_view view;
    int r;

    if (ag_json_parse(&json, AG_JSON_DEPTH_MAX, &view) != 0)
        return AGENT_E_JSON;
    r = ag_pack_from_json(json, &view, out);
    return r > 0 ? AGENT_E_JSON : r;
}

int ag_conn_check_form(struct agent_conn *c, struct ag_span json)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf packed = AG_BUF_INIT;
    bool packets = c->state != AGENT_CLOSED && c->places.n == 1 && c->places.at[0].kind == AG_ADDRESS_SEQPACKET;
    size_t n = json.len;

    if (c->encoding == AGENT_MSGPACK) {
        int r = append_packed(&packed, json);

        if (r < 0)
            return r;
        n = ag_buf_size(&packed);
    }
    return packets && n > AG_CONN_READ_MAX ? -EMSGSIZE : 0;
}

int ag_conn_queue_own(struct agent_conn *c, struct ag_span json)
{
    size_t before = ag_buf_size(&c->out);
    int r = c->encoding == AGENT_MSGPACK ? append_packed(&c->out, json) : ag_buf_append_span(&c->out, json);
    uint32_t n = (uint32_t) (ag_buf_size(&c->out) - before);

    if (r == 0 && c->transport.packets) {
        r = n > AG_CONN_READ_MAX ? -EMSGSIZE : ag_buf_append(&c->sizes, &n, sizeof n);
        if (r < 0)
            c->out.len -= n;
    }
    return r;
}

bool ag_conn_has_room(const struct agent_conn *c, size_t n)
{
    return ag_buf_size(&c->out) == 0 || ag_buf_size(&c->out) + n <= c->queue_limit;
}

static bool send_some(struct agent_conn *c)
{
    size_t n = ag_buf_size(&c->out);
    ssize_t put;

    if (c->transport.packets) {
        uint32_t size;

        memcpy(&size, ag_buf_head(&c->sizes), sizeof size);
        n = size;
    }
    put = ag_transport_send(&c->transport, ag_buf_head(&c->out), n);
    if (put == -EAGAIN || put == -EWOULDBLOCK)
        return false;
    if (put < 0) { /* what has come already is still read; the connection ends with the end of the stream */
        ag_conn_logf(c, AGENT_LOG_DEBUG, "sending failed: %s", agent_strerror((int) put));
        c->write_dead = true;
        ag_buf_clear(&c->out);
        ag_buf_clear(&c->sizes);
        return false;
    }
    ag_buf_consume(&c->out, (size_t) put);
    if (c->transport.packets)
        ag_buf_consume(&c->sizes, sizeof(uint32_t));
    return true;
}

void ag_out_write(struct agent_conn *c)
{
    if (c->transport.fd < 0 || !ag_conn_is_up(c) || !ag_transport_is_ours(&c->transport))
        return;
    while (ag_buf_size(&c->out) > 0 && send_some(c))
        ;
    ag_transport_want_write(&c->transport, ag_buf_size(&c->out) > 0);
}

int ag_conn_queue(struct agent_conn *c, struct ag_span json)
{
    if (!ag_conn_is_up(c) || c->write_dead)
        return -ENOTCONN;
    if (ag_buf_size(&c->out) + json.len > c->queue_limit) {
        ag_out_write(c); /* inside a callback much may have piled up that the socket would take */
        if (ag_buf_size(&c->out) + json.len > c->queue_limit)
            return -ENOBUFS;
    }
    return ag_conn_queue_own(c, json);
}
