/*
 * Access rules: who may do what with which methods. Off until enabled. A rule names a verb, a method pattern
 * (a name, or a prefix with '*'), and users and groups. For a method the rule with the longest pattern
 * counts, an exact name before any prefix, of equal ones the first; with no rule it is allowed. Root and the
 * agent's own user may do everything. Enabling adds rules that keep _internal.*, miIO.ota, miIO.reboot,
 * miIO.restore and agent.* for them.
 */
#ifndef AGENT_CORE_ACCESS_H
#define AGENT_CORE_ACCESS_H

#include "agent/core/peer.h"

enum access_verb {
    ACCESS_REGISTER = 1, /* get the commands of a method */
    ACCESS_SEND = 2      /* send requests and reports of a method, agent.* included */
};

struct access_who {
    uint8_t kind; /* enum below */
    uint32_t id;
};

enum { ACCESS_USER, ACCESS_GROUP, ACCESS_ALL };

struct access_rule {
    struct access_rule *next;
    uint8_t verbs; /* ACCESS_* */
    bool prefix;
    uint16_t len;
    uint32_t n_who;
    struct access_who *who; /* behind the name in the same block */
    char pattern[];
};

struct access {
    bool enabled;
    uint32_t own_uid;
    struct access_rule *rules;
};

void access_init(struct access *a, uint32_t own_uid);
void access_deinit(struct access *a);

/* Copies pattern and who. n_who 0: nobody but root. 0 or -ENOMEM; -EINVAL: pattern empty or longer than 1024.
 */
int access_add(struct access *a, unsigned verbs, struct ag_span pattern, const struct access_who *who,
               size_t n_who);

/* Turns the rules on, after the last access_add(). 0 or -ENOMEM. */
int access_enable(struct access *a);

/* Root and the agent's own user, whatever the rules. */
bool access_is_owner(const struct access *a, const struct peer_cred *c);
bool access_check_rules(const struct access *a, enum access_verb verb, struct ag_span method,
                        const struct peer_cred *c);
static inline bool access_check(const struct access *a, enum access_verb verb, struct ag_span method,
                                const struct peer_cred *c)
{
    return !a->enabled || access_check_rules(a, verb, method, c);
}

/* The same whether rules are on or not; with none for this method only the owner may. For agent.call and
 * monitor. */
bool access_check_strict(const struct access *a, enum access_verb verb, struct ag_span method,
                         const struct peer_cred *c);

#endif
