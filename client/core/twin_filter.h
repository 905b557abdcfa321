/*
 * Datagrams that a network delivers twice, for messages that carry no id to tell a repeat by: two are twins
 * when their checksum (which covers stamp and text) and their sender are the same and they come within a
 * fifth of a second. Longer would be wrong: phones that do not count time send the same bytes again when they
 * mean it again.
 *
 * Keeps the last sixteen; all zero is an empty filter.
 */
#ifndef CLIENT_TWIN_FILTER_H
#define CLIENT_TWIN_FILTER_H

#include <stdbool.h>
#include <stdint.h>

enum { TWIN_FILTER_N = 16, TWIN_FILTER_MS = 200, TWIN_SUM_LEN = 16 };

struct twin_filter {
    struct {
        uint8_t sum[TWIN_SUM_LEN];
        uint64_t whose;
        uint64_t until_ms; /* 0: free */
    } seen[TWIN_FILTER_N];
    unsigned next;
};

/* true: the twin of one that came just before. false: it is new, and remembered. */
bool twin_filter_seen(struct twin_filter *f, const uint8_t sum[TWIN_SUM_LEN], uint64_t whose,
                      uint64_t now_ms);

#endif
