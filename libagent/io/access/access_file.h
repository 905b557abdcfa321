/* SPDX-License-Identifier: MIT */
/*
 * The file of access rules, the same for every daemon (--access FILE), and as the section [access] of
 * agent.conf:
 *
 *     default = allow | deny              what no rule names (allow)
 *     enabled = yes | no                  no: as if there were no file
 *     VERB[,VERB...] PATTERN = WHO ...    a rule
 *
 * VERB: register, call, inject, serve, send, bind, monitor, or any (all but inject and monitor). PATTERN: a
 * method, a prefix with '*', for send and bind also an address. WHO: a user's name or number, @GROUP by name
 * or number, @console (root and the daemon's own user), * (everyone); nothing: nobody but @console. A section
 * line [access] may be before them.
 *
 * Users and groups are looked up while reading. A rule for a group also names, one by one, the users that the
 * group has at that moment: a peer on TCP has no groups that could be asked for.
 */
#ifndef AG_ACCESS_FILE_H
#define AG_ACCESS_FILE_H

#include "libagent/core/access.h"
#include "libagent/io/inifile.h"

/*
 * One NAME = VALUE. 0, or -EINVAL or -ENOMEM with the reason for people in reason (n bytes). What is odd but
 * allowed is logged as a warning.
 */
int ag_access_item(struct ag_access *a, const char *name, const char *value, char *reason, size_t n);

/*
 * Adds the rules of a file to those that *a has and switches it on, unless the file says "enabled = no". 0;
 * AG_ACCESS_E_EMPTY: nothing is in the file, so only what is closed anyway is kept for the owner (worth a
 * warning at the start); or -errno: error holds one line, *a is half filled and has only to be ended.
 */
int ag_access_read(struct ag_access *a, const char *path, char error[AG_INI_ERROR_MAX]);

enum { AG_ACCESS_E_EMPTY = 1 };

/*
 * The same at SIGHUP: *a is replaced by what the file says now. It stays as it was, and error says why, when
 * the file cannot be read, has a mistake, or holds nothing while rules are on (a file that is just being
 * written, a full disk). 0 or -errno.
 */
int ag_access_reread(struct ag_access *a, const char *path, char error[AG_INI_ERROR_MAX]);

/* A user's name or number. 0, or -ENOENT (no such user). For options like upstream_user as well. */
int ag_access_user(const char *text, uint32_t *uid_out);

/* The line every daemon logs at its start, as a warning, when it has no rules. */
#define AG_ACCESS_NONE_TEXT "no access rules: every local user may do everything (see --access)"
/* For AG_ACCESS_E_EMPTY; %s: the file. */
#define AG_ACCESS_EMPTY_TEXT "%s: holds no access rule; to switch rules off write enabled = no"

#endif
