/*
 * The client's side of an external helper (--helper=external): what its answers mean for the device. With it the client
 * leaves device.conf's identity, token, country and wifi.conf to the helper, and looks at the files itself only where the
 * helper's script does not know a question.
 */
#ifndef CLIENT_HELPER_LINK_H
#define CLIENT_HELPER_LINK_H

#include "client/setup/core/helper.h"
#include "libagent/core/log.h"

struct client;

struct helper_link {
    struct helper core;
    struct ag_log_gate gate; /* for lines that a helper can provoke */
    struct ag_buf info;      /* params of the helper's last _internal.info, an object; empty: none */
    uint64_t warn_at_ms;     /* when to say again that no helper has come; UINT64_MAX: one has */
    uint64_t join_until_ms;  /* a join is under way; UINT64_MAX: none */
};

void helper_link_init(struct client *c);
void helper_link_deinit(struct client *c);
/* An _internal.* text, or with an external helper local.status. false: it means nothing here, which has been told. */
bool helper_link_text(struct client *c, unsigned peer, struct ag_span method, struct ag_span text,
                      const struct ag_json_view *view);
/* Writes the files, as some scripts leave that to the client, and asks the helper to join. 0, -EBUSY, -ENOMEM, -errno. */
int helper_link_join(struct client *c, const struct router_params *p);
void helper_link_tick(struct client *c, uint64_t now_ms);
uint64_t helper_link_next_deadline(const struct client *c);

#endif
