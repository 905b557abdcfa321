/* SPDX-License-Identifier: MIT */
/*
 * Whom a path leaves room for: files and folders that a daemon believes, runs or keeps secrets in should be in the hands
 * of root and the daemon's own user only. The answers are one phrase for the log, so that all programs say the same.
 */
#ifndef AG_TRUST_H
#define AG_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { AG_TRUST_WHY_MAX = 160 };

enum ag_trust_kind {
    AG_TRUST_SETTINGS, /* a file that is believed or run: others may read it, not write it */
    AG_TRUST_SECRET    /* a file with a key or token: mode 0600 and no wider */
};

/*
 * Looks at a file (through symbolic links). 0: nothing to say, also when it cannot be looked at (whoever opens it says
 * so); 1: why holds what is wrong and what to do, for a warning: "mode 0644 lets others read it: chmod 600".
 */
int ag_trust_file(const char *path, enum ag_trust_kind kind, char why[AG_TRUST_WHY_MAX]);

/* The same, and says it as a warning in the log. path NULL or "": nothing. */
void ag_trust_warn(const char *path, enum ag_trust_kind kind);

/*
 * A folder for files that nobody else may replace: it must be a folder, belong to root or this process' user and be
 * writable by no one else, and no folder above it may let another user put a different one in its place (a sticky one,
 * as /tmp, does not). path is absolute. 0; -EPERM (why is filled) or another -errno (why names it).
 */
int ag_trust_dir(const char *path, char why[AG_TRUST_WHY_MAX]);

/* Makes a folder and those above it that are missing: mode for the last one, 0755 for the others, less what the umask
   takes. 0 (also when it is there) or -errno. */
int ag_trust_make_dir(const char *path, mode_t mode);

#endif
