/* SPDX-License-Identifier: MIT */
/* Topics: a command's answer keeps the uuid byte for byte; a topic that passes holds nothing a broker would object to. */
#include <stdint.h>
#include <stdlib.h>
#include "client/cloud/onenet/core/onenet_topic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct ag_span topic = {(const char *) data, n}, uuid;
    struct ag_buf b = AG_BUF_INIT;

    if (onenet_topic_is_command(topic, &uuid)) {
        if (onenet_topic_answer(&b, uuid) != 0 || b.len != n || memcmp(b.data, "$crsp/", 6) != 0 ||
            memcmp(b.data + 6, data + 6, n - 6) != 0 || onenet_topic_check(topic, true) == 0)
            abort();
    }
    if (onenet_topic_check(topic, true) == 0 &&
        (n == 0 || memchr(data, '#', n) || memchr(data, '+', n) || memchr(data, '\0', n) || data[0] == '$'))
        abort();
    if (onenet_topic_check(topic, false) == 0 && onenet_topic_check(topic, true) != 0)
        abort();
    ag_buf_deinit(&b);
    return 0;
}
