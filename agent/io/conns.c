/* SPDX-License-Identifier: MIT */
#include "agent/io/conns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FDS_OF_OUR_OWN = 32 };

int conns_init(struct conns *s, uv_loop_t *loop, struct router *router)
{
    *s = (struct conns){.loop = loop, .router = router, .asker = AG_CRED_ASKER_INIT, .spare_fd = -1};
    for (size_t i = 0; i < ag_array_size(s->gates); i++)
        s->gates[i] = (struct ag_log_gate){.burst = i < AG_LOG_DEBUG ? 10 : 200, .period_ms = 10000};
    ag_list_init(&s->all);
    ag_list_init(&s->lingering);
    s->read_buf = malloc(CONNS_READ_MAX);
    if (!s->read_buf)
        return -ENOMEM;
    s->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return 0;
}

/* Applications never get the last descriptors: a new connection to upstream must always be possible. */
void conns_fit(struct conns *s)
{
    uint32_t max = s->router->limits.connections;
    rlim_t wanted = (rlim_t) max + FDS_OF_OUR_OWN;
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
        if (l.rlim_cur < wanted) {
            l.rlim_cur = wanted < l.rlim_max ? wanted : l.rlim_max;
            setrlimit(RLIMIT_NOFILE, &l);
        }
        if (l.rlim_cur < wanted)
            max = l.rlim_cur > 2 * FDS_OF_OUR_OWN ? (uint32_t) l.rlim_cur - FDS_OF_OUR_OWN : (uint32_t) l.rlim_cur / 2;
    }
    if (max < s->router->limits.connections && max != s->max)
        conns_log(s, AG_LOG_WARNING, "only %u connections: no more descriptors are allowed", max);
    s->max = max;
}

void conns_deinit(struct conns *s)
{
    if (!s->read_buf)
        return;
    ag_framer_pool_deinit(&s->parts);
    free(s->read_buf);
    s->read_buf = NULL;
    if (s->spare_fd >= 0)
        close(s->spare_fd);
    ag_cred_asker_close(&s->asker);
}

uint64_t conns_now(const struct conns *s)
{
    return uv_now(s->loop);
}

void conns_log(struct conns *s, enum ag_log_level level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    ag_log_gated_v(&s->gates[level], conns_now(s), level, fmt, ap);
    va_end(ap);
}
