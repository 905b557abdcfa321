/* SPDX-License-Identifier: MIT */
#include "libagent/core/log/log_ring.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

int ag_log_ring_init(struct ag_log_ring *r, size_t cap, uint32_t max_lines)
{
    char *bytes = malloc(cap);

    if (!bytes)
        return -ENOMEM;
    *r = (struct ag_log_ring){.bytes = bytes, .cap = cap, .max_lines = max_lines};
    return 0;
}

void ag_log_ring_deinit(struct ag_log_ring *r)
{
    free(r->bytes);
    *r = (struct ag_log_ring){0};
}

/* The byte at that distance behind the oldest one. */
static char *byte_at(const struct ag_log_ring *r, size_t i)
{
    return &r->bytes[(r->at + i) % r->cap];
}

/* Length of the line that begins there, without its end. */
static size_t line_len(const struct ag_log_ring *r, size_t i)
{
    size_t n = 0;

    while (*byte_at(r, i + n) != '\n')
        n++;
    return n;
}

static void drop_oldest(struct ag_log_ring *r)
{
    size_t n = line_len(r, 0) + 1;

    r->at = (r->at + n) % r->cap;
    r->len -= n;
    r->n_lines--;
}

void ag_log_ring_add(struct ag_log_ring *r, const char *line, size_t len)
{
    if (!r->bytes)
        return;
    if (len > r->cap - 1)
        len = r->cap - 1;
    while (r->n_lines > 0 && (r->n_lines >= r->max_lines || r->cap - r->len < len + 1))
        drop_oldest(r);
    for (size_t i = 0; i < len; i++)
        *byte_at(r, r->len + i) = line[i] == '\n' ? ' ' : line[i];
    *byte_at(r, r->len + len) = '\n';
    r->len += len + 1;
    r->n_lines++;
    r->next++;
}

/* The line that begins at i as a JSON string; its parts may lie at both ends. */
static int put_line(const struct ag_log_ring *r, size_t i, size_t len, struct ag_buf *line, struct ag_buf *out)
{
    size_t start = (r->at + i) % r->cap, first = r->cap - start < len ? r->cap - start : len;
    int e;

    ag_buf_clear(line);
    e = ag_buf_append(line, r->bytes + start, first);
    if (e == 0)
        e = ag_buf_append(line, r->bytes, len - first);
    return e == 0 ? ag_buf_append_json_str(out, len ? ag_buf_head(line) : "", len) : e;
}

int ag_log_ring_put(const struct ag_log_ring *r, uint64_t from, struct ag_buf *out)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf line = AG_BUF_INIT;
    uint64_t n = r->next - r->n_lines;
    size_t begun = out->len, i = 0;
    bool first = true;
    int e = ag_buf_append_str(out, "{\"lines\":[");

    for (; n < r->next && e == 0 && out->len - begun < AG_LOG_RING_PAGE; n++) {
        size_t len = line_len(r, i);

        if (n >= from) {
            if (!first)
                e = ag_buf_append_char(out, ',');
            if (e == 0)
                e = put_line(r, i, len, &line, out);
            first = false;
        }
        i += len + 1;
    }
    return e < 0 ? e : ag_buf_printf(out, "],\"next\":%" PRIu64 ",\"more\":%s}", n, n < r->next ? "true" : "false");
}
