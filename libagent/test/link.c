/* SPDX-License-Identifier: MIT */
#include "libagent/test/link.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include "libagent/core/pack/pack.h"

enum { TEXT_MAX = 4 * 1024 * 1024, DEPTH_MAX = 1024, PACKET_MAX = 64 * 1024 };

void ag_test_link_init(struct test_link *l)
{
    l->fd = -1;
    l->packets = l->ended = false;
    ag_framer_init(&l->framer, TEXT_MAX, DEPTH_MAX, NULL);
    ag_buf_init(&l->out);
    ag_buf_init(&l->sizes);
}

int ag_test_link_open(struct test_link *l, bool packets)
{
    int pair[2], type = packets ? SOCK_SEQPACKET : SOCK_STREAM;

    ag_test_link_close(l);
    if (socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return -errno;
    l->fd = pair[0];
    l->packets = packets;
    return pair[1];
}

void ag_test_link_close(struct test_link *l)
{
    if (l->fd >= 0)
        close(l->fd);
    ag_framer_deinit(&l->framer);
    ag_buf_deinit(&l->out);
    ag_buf_deinit(&l->sizes);
    ag_test_link_init(l);
}

int ag_test_link_say(struct test_link *l, struct ag_span json)
{
    size_t before = ag_buf_size(&l->out);
    struct ag_json_view view;
    uint32_t n;
    int r;

    if (ag_json_parse(&json, AG_JSON_DEPTH_MAX, &view) != 0)
        return -EINVAL;
    r = l->framer.kind == AG_FRAMER_PACK ? ag_pack_from_json(json, &view, &l->out) : ag_buf_append_span(&l->out, json);
    n = (uint32_t) (ag_buf_size(&l->out) - before);
    if (r == 0 && l->packets)
        r = n > PACKET_MAX ? -EMSGSIZE : ag_buf_append(&l->sizes, &n, sizeof n);
    if (r < 0)
        l->out.len = l->out.off + before;
    return r > 0 ? -EINVAL : r;
}

static bool send_some(struct test_link *l)
{
    size_t n = ag_buf_size(&l->out);
    ssize_t put;

    if (l->packets) {
        uint32_t size;

        memcpy(&size, ag_buf_head(&l->sizes), sizeof size);
        n = size;
    }
    put = send(l->fd, ag_buf_head(&l->out), n, MSG_NOSIGNAL);
    if (put < 0 && errno != EAGAIN && errno != EINTR) { /* the other end is gone, which a read will tell soon */
        ag_buf_clear(&l->out);
        ag_buf_clear(&l->sizes);
    }
    if (put <= 0)
        return false;
    ag_buf_consume(&l->out, (size_t) put);
    if (l->packets)
        ag_buf_consume(&l->sizes, sizeof(uint32_t));
    return true;
}

bool ag_test_link_flush(struct test_link *l)
{
    bool any = false;

    while (l->fd >= 0 && ag_buf_size(&l->out) > 0 && send_some(l))
        any = true;
    return any;
}

static int hand_out(const struct ag_text *text, test_text_fn fn, void *user)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf json = AG_BUF_INIT;
    int r;

    if (text->kind == AG_FRAMER_JSON)
        return fn(text->bytes, user);
    r = ag_pack_to_json(text->bytes, &json);
    return r == 0 ? fn(ag_buf_span(&json), user) : r > 0 ? -EINVAL : r;
}

static int read_texts(struct test_link *l, size_t n, test_text_fn fn, void *user)
{
    struct ag_text text;
    int r;

    ag_framer_lend(&l->framer, l->in, n);
    while ((r = ag_framer_next(&l->framer, &text)) > 0) {
        r = hand_out(&text, fn, user);
        if (r < 0)
            return r;
    }
    return r == 0 || r == -ENOMEM ? r : -EINVAL;
}

int ag_test_link_read(struct test_link *l, test_text_fn fn, void *user)
{
    ssize_t n;
    int any = 0, r;

    if (l->fd < 0 || l->ended)
        return 0;
    while ((n = recv(l->fd, l->in, sizeof l->in, 0)) > 0) {
        any = 1;
        r = read_texts(l, (size_t) n, fn, user);
        if (r < 0)
            return r;
    }
    l->ended = n == 0 || (errno != EAGAIN && errno != EINTR);
    return any || l->ended;
}
