/* SPDX-License-Identifier: MIT */
#include "libagent/core/pack/pack_scan.h"

void ag_pack_scan_init(struct ag_pack_scan *s, unsigned max_depth, uint32_t max_size)
{
    s->off = 0;
    s->max_size = max_size;
    s->depth = 0;
    s->max_depth = (uint16_t) (max_depth < 1 ? 1 : max_depth > AG_PACK_DEPTH_MAX ? AG_PACK_DEPTH_MAX : max_depth);
    s->head_left = 0;
    s->skip = 0;
}

/* What follows a type byte. */
struct head {
    uint8_t length_field; /* bytes that give a length or a count */
    uint8_t fixed;        /* payload bytes of fixed size, or the type byte of an ext */
    uint8_t what;         /* enum head_what */
};

enum head_what { HEAD_BYTES, HEAD_ARRAY, HEAD_MAP, HEAD_BAD };

static struct head head_of(uint8_t c)
{
    static const struct head table[32] = {
        [0x00] = {0, 0, HEAD_BYTES},  [0x01] = {0, 0, HEAD_BAD},   [0x02] = {0, 0, HEAD_BYTES}, [0x03] = {0, 0, HEAD_BYTES},
        [0x04] = {1, 0, HEAD_BYTES},  [0x05] = {2, 0, HEAD_BYTES}, [0x06] = {4, 0, HEAD_BYTES}, [0x07] = {1, 1, HEAD_BYTES},
        [0x08] = {2, 1, HEAD_BYTES},  [0x09] = {4, 1, HEAD_BYTES}, [0x0a] = {0, 4, HEAD_BYTES}, [0x0b] = {0, 8, HEAD_BYTES},
        [0x0c] = {0, 1, HEAD_BYTES},  [0x0d] = {0, 2, HEAD_BYTES}, [0x0e] = {0, 4, HEAD_BYTES}, [0x0f] = {0, 8, HEAD_BYTES},
        [0x10] = {0, 1, HEAD_BYTES},  [0x11] = {0, 2, HEAD_BYTES}, [0x12] = {0, 4, HEAD_BYTES}, [0x13] = {0, 8, HEAD_BYTES},
        [0x14] = {0, 2, HEAD_BYTES},  [0x15] = {0, 3, HEAD_BYTES}, [0x16] = {0, 5, HEAD_BYTES}, [0x17] = {0, 9, HEAD_BYTES},
        [0x18] = {0, 17, HEAD_BYTES}, [0x19] = {1, 0, HEAD_BYTES}, [0x1a] = {2, 0, HEAD_BYTES}, [0x1b] = {4, 0, HEAD_BYTES},
        [0x1c] = {2, 0, HEAD_ARRAY},  [0x1d] = {4, 0, HEAD_ARRAY}, [0x1e] = {2, 0, HEAD_MAP},   [0x1f] = {4, 0, HEAD_MAP},
    };

    if (c >= 0xc0 && c <= 0xdf)
        return table[c - 0xc0];
    if ((c & 0xf0) == 0x90)
        return (struct head){0, 0, HEAD_ARRAY};
    if ((c & 0xf0) == 0x80)
        return (struct head){0, 0, HEAD_MAP};
    return (struct head){0, 0, HEAD_BYTES}; /* fixint, fixstr */
}

/* A value has ended: so may have the containers around it. true when the outermost has. */
static bool value_ended(struct ag_pack_scan *s)
{
    while (s->depth > 0) {
        if (--s->left[s->depth - 1] > 0)
            return false;
        s->depth--;
    }
    return true;
}

/* The head of a value is complete. 0 goes on, -1 the outermost value has ended, else AG_PACK_E_*. */
static int value_headed(struct ag_pack_scan *s, struct head h, uint64_t len)
{
    uint64_t n = h.what == HEAD_MAP ? 2 * len : len;

    if (n > s->max_size)
        return AG_PACK_E_SIZE; /* each element takes a byte at least */
    if (h.what == HEAD_BYTES) {
        s->skip = len + h.fixed;
        return s->skip == 0 && value_ended(s) ? -1 : 0;
    }
    if (s->depth == s->max_depth)
        return AG_PACK_E_DEPTH;
    if (n == 0)
        return value_ended(s) ? -1 : 0;
    s->left[s->depth++] = n;
    return 0;
}

static int take_head(struct ag_pack_scan *s, uint8_t c)
{
    struct head h = head_of(c);

    if (h.what == HEAD_BAD)
        return AG_PACK_E_SYNTAX;
    if (h.length_field > 0) {
        s->head = c;
        s->head_left = h.length_field;
        s->len = 0;
        return 0;
    }
    if ((c & 0xe0) == 0xa0)
        return value_headed(s, h, c & 0x1f);
    if ((c & 0xe0) == 0x80)
        return value_headed(s, h, c & 0x0f);
    return value_headed(s, h, 0);
}

int ag_pack_scan(struct ag_pack_scan *s, const char *p, size_t n, size_t *used_out)
{
    size_t i = 0;
    int r = 0;

    while (i < n && r == 0) {
        if (s->skip > 0) {
            size_t step = n - i < s->skip ? n - i : (size_t) s->skip;

            s->skip -= step;
            i += step;
            if (s->skip == 0 && value_ended(s))
                r = -1;
            continue;
        }
        if (s->head_left > 0) {
            s->len = s->len << 8 | (uint8_t) p[i++];
            if (--s->head_left == 0)
                r = value_headed(s, head_of(s->head), s->len);
            continue;
        }
        r = take_head(s, (uint8_t) p[i++]);
    }
    s->off += (uint32_t) i;
    *used_out = i;
    return r;
}
