/* SPDX-License-Identifier: MIT */
#include "client/cloud/core/answer_box.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void answer_box_init(struct answer_box *b)
{
    *b = (struct answer_box){.n = 0};
    ag_list_init(&b->waiting);
    ag_list_init(&b->on_line);
}

static void answer_free(struct answer_box *b, struct answer *a)
{
    ag_list_del(&a->link);
    b->n--;
    b->bytes -= a->size;
    free(a);
}

void answer_box_clear(struct answer_box *b)
{
    b->n_dropped += b->n;
    while (!ag_list_empty(&b->waiting))
        answer_free(b, ag_list_first(&b->waiting, struct answer, link));
    while (!ag_list_empty(&b->on_line))
        answer_free(b, ag_list_first(&b->on_line, struct answer, link));
}

void answer_box_deinit(struct answer_box *b)
{
    answer_box_clear(b);
}

bool answer_box_keep_place(struct answer_box *b)
{
    if (b->n_open >= ANSWER_BOX_OPEN_MAX || b->n + b->n_open >= ANSWER_BOX_MAX)
        return false;
    b->n_open++;
    return true;
}

void answer_box_give_back(struct answer_box *b)
{
    b->n_open--;
}

static int put(struct answer_box *b, const char *topic, struct ag_span payload)
{
    size_t topic_len = strlen(topic) + 1, size = topic_len + payload.len;
    struct answer *a;

    if (size > ANSWER_BOX_SMALL && b->bytes + size > ANSWER_BOX_BYTES_MAX)
        return -EMSGSIZE;
    a = calloc(1, sizeof *a + size);
    if (!a)
        return -ENOMEM;
    a->size = size;
    a->n = ++b->last;
    memcpy(a->bytes, topic, topic_len);
    if (payload.len > 0)
        memcpy(a->bytes + topic_len, payload.p, payload.len);
    a->topic = a->bytes;
    a->payload = (struct ag_span){a->bytes + topic_len, payload.len};
    ag_list_append(&b->waiting, &a->link);
    b->n++;
    b->bytes += size;
    return 0;
}

int answer_box_put_answer(struct answer_box *b, const char *topic, struct ag_span payload)
{
    int r = put(b, topic, payload);

    if (r != -EMSGSIZE)
        b->n_open--;
    b->n_dropped += r == -ENOMEM;
    return r;
}

int answer_box_put_refusal(struct answer_box *b, const char *topic, struct ag_span payload)
{
    int r = b->n + b->n_open < ANSWER_BOX_MAX ? put(b, topic, payload) : -ENOBUFS;

    b->n_dropped += r < 0;
    return r;
}

struct answer *answer_box_next(const struct answer_box *b)
{
    return ag_list_first(&b->waiting, struct answer, link);
}

void answer_box_sent(struct answer_box *b, struct answer *a)
{
    ag_list_del(&a->link);
    ag_list_append(&b->on_line, &a->link);
}

void answer_box_drop(struct answer_box *b, struct answer *a)
{
    b->n_dropped++;
    answer_free(b, a);
}

/* Numbers grow, and wrap after 4 billion answers: what is older than the other comes first. */
static void wait_again(struct answer_box *b, struct answer *a)
{
    ag_list_del(&a->link);
    ag_list_for_each (it, &b->waiting) {
        if ((int32_t) (ag_list_entry(it, struct answer, link)->n - a->n) > 0) {
            ag_list_add_before(it, &a->link);
            return;
        }
    }
    ag_list_append(&b->waiting, &a->link);
}

/* They come out nearly in order, so the search ends at the head. */
void answer_box_done(struct answer_box *b, uint32_t n, bool out)
{
    ag_list_for_each_safe (it, &b->on_line) {
        struct answer *a = ag_list_entry(it, struct answer, link);

        if (a->n != n)
            continue;
        if (out)
            answer_free(b, a);
        else
            wait_again(b, a);
        return;
    }
}
