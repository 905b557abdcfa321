/* SPDX-License-Identifier: MIT */
/* Counters of the whole agent: every text that is not delivered is in one of them. Names are those of
 * agent.stats. */
#ifndef AGENT_CORE_STATS_H
#define AGENT_CORE_STATS_H

#include <stdint.h>
#include "libagent/core/buf.h"

/* clang-format off */
#define STATS_COUNTERS(X) \
    X(texts_from_apps)          /* whole texts read */ \
    X(texts_from_upstream) \
    X(commands)                 /* downward, delivered to at least one subscriber */ \
    X(commands_without_id)      /* of these: nobody answers them */ \
    X(deliveries)               /* copies of commands handed to subscribers */ \
    X(command_answers)          /* applications' answers passed on */ \
    X(command_answers_lost)     /* an application had asked, and its queue did not take the answer */ \
    X(requests)                 /* upward with an id, passed on */ \
    X(reports)                  /* upward without an id, passed on */ \
    X(request_answers)          /* upstream's answers passed on */ \
    X(request_answers_lost)     /* the application's queue did not take the answer */ \
    X(local_texts)              /* copies delivered from application to application */ \
    X(not_found)                /* commands nobody subscribed to */ \
    X(not_found_without_id) \
    X(commands_waited)          /* commands whose last subscriber had just left, kept a moment for another */ \
    X(commands_waited_served)   /* of these: one came */ \
    X(commands_waited_orphaned) /* and of these the asker went away */ \
    X(command_timeouts) \
    X(request_timeouts) \
    X(subscriber_gone)          /* commands whose subscribers all left before answering */ \
    X(subscriber_busy)          /* commands refused because of a subscriber's limits */ \
    X(commands_over_limit)      /* commands refused because too many are open in all */ \
    X(requests_over_limit) \
    X(not_permitted) \
    X(not_connected)            /* requests answered because there is no upstream */ \
    X(requests_cut)             /* of these: passed on before upstream went away */ \
    X(reports_not_connected)    /* reports dropped because there is no upstream */ \
    X(upstream_busy)            /* requests answered because the queue to upstream is full */ \
    X(reports_upstream_busy)    /* reports dropped for the same reason */ \
    X(answers_upstream_busy)    /* applications' answers replaced by an error for the same reason */ \
    X(unasked_replies)          /* from applications: late, second, unknown or unasked; dropped */ \
    X(unknown_answers)          /* from upstream: nothing open under that id; dropped */ \
    X(orphaned_commands)        /* asker went away before the answer */ \
    X(orphaned_requests)        /* application went away before the answer */ \
    X(shutdown_answers) \
    X(invalid_texts)            /* JSON objects that cannot be routed */ \
    X(broken_texts)             /* not JSON, too large, too deep: the sender was closed */ \
    X(local_nobody)             /* texts with _to that no other application is bound to */ \
    X(local_invalid)            /* texts with _to that cannot be routed */ \
    X(keys_refused) \
    X(binds_refused) \
    X(queue_overflows)          /* applications closed because they did not read */ \
    X(upstream_overflows)       /* upstream closed because it did not read */ \
    X(total_overflows)          /* peers closed because all queues together were too large */ \
    X(out_of_memory)            /* texts or peers given up for want of memory */ \
    X(monitor_drops)            /* events a monitor did not read in time */ \
    X(upstream_lost_texts)      /* texts in the queue when upstream was lost, at most */ \
    X(peer_lost_texts)          /* the same for applications */ \
    X(transcode_failures)       /* texts that have no MessagePack form, or are too large for a packet */ \
    X(connections)              /* accepted */ \
    X(connections_refused)      /* over the limit */ \
    X(half_closed_dropped)      /* applications that had ended their stream, given up for the sake of others */ \
    X(accept_failures)          /* no descriptor left */ \
    X(upstream_connects) \
    X(upstream_losses) \
    X(upstream_self_connects) \
    X(upstream_passed_over)     /* values from it that are no object, too large, too deep or not UTF-8 */ \
    X(upstream_refused)         /* connected, but the other side is not who may be upstream */
/* clang-format on */

struct stats {
#define STATS_FIELD(name) uint64_t name;
    STATS_COUNTERS(STATS_FIELD)
#undef STATS_FIELD
};

/* The i-th counter; NULL: there are no more. */
const char *stats_nth(const struct stats *s, size_t i, uint64_t *value_out);
/* Appends {"name":value,...}. 0 or -ENOMEM. */
int stats_print(const struct stats *s, struct ag_buf *out);

#endif
