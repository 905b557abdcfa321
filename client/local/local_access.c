/* SPDX-License-Identifier: MIT */
#include "client/local/local_access.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "libagent/core/log/log.h"
#include "libagent/io/access/access_file.h"

int local_access_open(struct local_access *a, const char *file, char error[AG_INI_ERROR_MAX])
{
    int r;

    *a = (struct local_access){.asker = AG_CRED_ASKER_INIT};
    ag_access_init(&a->rules, geteuid());
    if (!file) {
        ag_log(AG_LOG_WARNING, AG_ACCESS_NONE_TEXT);
        return 0;
    }
    r = ag_access_read(&a->rules, file, error);
    if (r == AG_ACCESS_E_EMPTY) {
        ag_log(AG_LOG_WARNING, AG_ACCESS_EMPTY_TEXT, file);
        r = 0;
    }
    return r;
}

void local_access_close(struct local_access *a)
{
    ag_access_deinit(&a->rules);
    ag_cred_asker_close(&a->asker);
}

void local_access_reload(struct local_access *a, const char *file)
{
    char error[AG_INI_ERROR_MAX] = "";

    if (file && ag_access_reread(&a->rules, file, error) < 0)
        ag_log(AG_LOG_ERROR, "access rules kept as they were: %s", error);
    else if (!file && a->rules.enabled)
        ag_log(AG_LOG_WARNING, "access rules kept as they were: the configuration no longer names a file");
}

bool local_access_is_owner(const struct local_access *a, const struct local_who *who)
{
    return who && who->known && (who->uid == 0 || who->uid == a->rules.own_uid);
}

bool local_access_may_help(const struct local_access *a, const struct local_who *who)
{
    return local_access_is_owner(a, who) || (who && !who->known && !a->rules.enabled);
}

void local_access_identify(struct local_access *a, int fd, struct local_who *out)
{
    struct ag_cred cred;

    *out = (struct local_who){0};
    if (ag_cred_of_tcp(&a->asker, fd, &cred) == 0)
        *out = (struct local_who){.known = true, .uid = cred.uid};
    free(cred.gids);
    out->trusted = local_access_is_owner(a, out) || (out->known && a->has_agent_user && out->uid == a->agent_uid);
}

bool local_access_may(const struct local_access *a, enum ag_access_verb verb, struct ag_span method, const struct local_who *who)
{
    struct ag_cred cred = {0};

    if (who && who->trusted)
        return true;
    if (who && who->known)
        cred = (struct ag_cred){.known = true, .uid = who->uid};
    return ag_access_check(&a->rules, verb, method, &cred);
}
