/* SPDX-License-Identifier: MIT */
/*
 * Who may do what with the client, and who is at the other end of a local socket: the rules of --access (the same file
 * as the agent's), asked for each way in. Trusted are root, the user that the client runs under, and --agent-user: the
 * agent asks the rules for its applications itself, so what comes from it has been allowed.
 *
 *   54322        call: the method of each text; serve: which commands and broadcasts a socket sees
 *   BLE port     call: its method
 *   MQTT API     call: like a socket of a user that no rule names; it sees what is not closed
 *
 * Without a file everybody may do everything. Only the external helper must be root or the client's own user, or must have left
 * before the kernel could be asked, as the vendor's miio_send_line does; with a file, one that has left is nobody.
 */
#ifndef CLIENT_LOCAL_ACCESS_H
#define CLIENT_LOCAL_ACCESS_H

#include "client/local/io/local_conn.h"
#include "libagent/core/access.h"
#include "libagent/io/access/cred.h"
#include "libagent/io/inifile.h"

struct local_access {
    struct ag_access rules;
    struct ag_cred_asker asker;
    bool has_agent_user;
    uint32_t agent_uid; /* when has_agent_user */
};

/* file NULL: no rules, which is logged. 0 or -errno with one line in error; local_access_close() is due in any case. */
int local_access_open(struct local_access *a, const char *file, char error[AG_INI_ERROR_MAX]);
void local_access_close(struct local_access *a);

/* SIGHUP. A file that cannot be read, or an option that is gone, changes nothing; it is logged. */
void local_access_reload(struct local_access *a, const char *file);

/* Who is at the other end of a socket just accepted. */
void local_access_identify(struct local_access *a, int fd, struct local_who *out);

/* who NULL: nobody that could be asked. method: the decoded name. */
bool local_access_may(const struct local_access *a, enum ag_access_verb verb, struct ag_span method, const struct local_who *who);

/* Root or the client's own user. */
bool local_access_is_owner(const struct local_access *a, const struct local_who *who);
/* Who may be the external helper, see above. */
bool local_access_may_help(const struct local_access *a, const struct local_who *who);

#endif
