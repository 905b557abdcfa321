/* SPDX-License-Identifier: MIT */
/*
 * Access rules: who may do what with which methods. One set for each daemon, off until enabled; the file they
 * come from is read by libagent/io/access/access_file.h.
 *
 * A rule names verbs, a pattern (a method, or a prefix with '*'), and users and groups. For a method the rule
 * with the longest pattern counts, an exact name before any prefix, of equal ones the first. What no rule
 * names is allowed, or refused after "default = deny". The owner (root, and the uid the daemon runs under)
 * may do everything.
 *
 * Closed methods are the owner's alone once rules are on, whatever way they come, until a rule with the same
 * or a longer pattern gives them to somebody: _internal.*, miIO.* but miIO.info, local.ble.*, agent.* but
 * agent.info. The list is here and nowhere else. agent.log and client.log are so whether rules are on or not.
 */
#ifndef AG_ACCESS_H
#define AG_ACCESS_H

#include <string.h>
#include "libagent/core/cred.h"
#include "libagent/core/util.h"

/* Bits. What the pattern of a rule is compared with is behind each. */
enum ag_access_verb {
    AG_ACCESS_REGISTER = 1 << 0, /* get a method's commands from the agent: the key */
    AG_ACCESS_CALL = 1 << 1,     /* send up requests and reports (54320 and 54322), agent.* included: the method */
    AG_ACCESS_INJECT = 1 << 2,   /* agent.call, a command as if from the cloud: its method. Strict */
    AG_ACCESS_SERVE = 1 << 3,    /* see and answer commands on a socket of the client (54322): the method */
    AG_ACCESS_SEND = 1 << 4,     /* a text with "_to": its method, and each address in decimal (one bit: 1, 2, 4 ...) */
    AG_ACCESS_BIND = 1 << 5,     /* claim an address: the address in decimal */
    AG_ACCESS_MONITOR = 1 << 6   /* see copies of what is routed: the key. Strict */
};

enum {
    /* Verbs whose unnamed methods are the owner's, rules on or off. */
    AG_ACCESS_STRICT = AG_ACCESS_INJECT | AG_ACCESS_MONITOR,
    /* The word "any" in a file: strict ones have to be named. */
    AG_ACCESS_ANY = AG_ACCESS_REGISTER | AG_ACCESS_CALL | AG_ACCESS_SERVE | AG_ACCESS_SEND | AG_ACCESS_BIND,
    AG_ACCESS_PATTERN_MAX = 1024
};

struct ag_access_who {
    uint8_t kind; /* enum below */
    uint32_t id;
};

enum { AG_ACCESS_USER, AG_ACCESS_GROUP, AG_ACCESS_ALL };

struct ag_access_rule; /* access.c */

/* The fields may be read; written by the functions below and by the reader of the file. */
struct ag_access {
    bool enabled;
    bool deny; /* what no rule names */
    uint32_t own_uid;
    uint32_t n_items; /* what files have said so far: rules and switches */
    struct ag_access_rule *rules;
};

/* Off, with no rule. own_uid: geteuid() of the daemon. */
void ag_access_init(struct ag_access *a, uint32_t own_uid);
void ag_access_deinit(struct ag_access *a);

/* Copies pattern and who. n_who 0: nobody but the owner. 0 or -ENOMEM; -EINVAL: pattern empty or too long. */
int ag_access_add(struct ag_access *a, unsigned verbs, struct ag_span pattern, const struct ag_access_who *who, size_t n_who);

/* Root and the daemon's own user, whatever the rules. An unknown peer is neither. */
bool ag_access_is_owner(const struct ag_access *a, const struct ag_cred *c);

/* The daemons' own logs: the owner's alone, rules on or off, unless a rule names the method. */
static inline bool ag_access_is_private(struct ag_span method)
{
    return (method.len == 9 && memcmp(method.p, "agent.log", 9) == 0) ||
           (method.len == 10 && memcmp(method.p, "client.log", 10) == 0);
}

/* A closed method, whoever asks and whether rules are on or not. method: the decoded name. */
bool ag_access_is_closed(struct ag_span method);

/*
 * May this peer do this with this method? method: the decoded name; any bytes, also none. With rules off
 * everybody may do everything but the strict verbs. For a text with no peer behind it that could be asked (a
 * broker's, say) pass an all-zero struct ag_cred.
 */
bool ag_access_check(const struct ag_access *a, enum ag_access_verb verb, struct ag_span method, const struct ag_cred *c);

/* The same for a key that may end in '*': every method it stands for has to be allowed. */
bool ag_access_check_key(const struct ag_access *a, enum ag_access_verb verb, struct ag_span key, const struct ag_cred *c);

/* The same as ag_access_check(), but what no rule names is the owner's, as for a strict verb. */
bool ag_access_check_strict(const struct ag_access *a, enum ag_access_verb verb, struct ag_span method, const struct ag_cred *c);

/* AG_ACCESS_SEND: a method (or none) to the addresses of a mask. A rule for either has to allow it where
 * there is one. */
bool ag_access_check_send(const struct ag_access *a, struct ag_span method, uint32_t mask, const struct ag_cred *c);

#endif
