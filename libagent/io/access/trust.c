/* SPDX-License-Identifier: MIT */
#include "libagent/io/access/trust.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "libagent/core/log/log.h"

static bool is_ours(uid_t uid)
{
    return uid == 0 || uid == geteuid();
}

int ag_trust_file(const char *path, enum ag_trust_kind kind, char why[AG_TRUST_WHY_MAX])
{
    struct stat st;
    unsigned mode;

    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    mode = (unsigned) st.st_mode & 07777;
    if (!is_ours(st.st_uid))
        snprintf(why, AG_TRUST_WHY_MAX, "it belongs to uid %u, who can change it: chown", (unsigned) st.st_uid);
    else if (mode & (S_IWGRP | S_IWOTH))
        snprintf(why, AG_TRUST_WHY_MAX, "mode %04o lets others write it: chmod %s", mode,
                 kind == AG_TRUST_SECRET ? "600" : "go-w");
    else if (kind == AG_TRUST_SECRET && (mode & (S_IRGRP | S_IROTH)))
        snprintf(why, AG_TRUST_WHY_MAX, "mode %04o lets others read it: chmod 600", mode);
    else
        return 0;
    return 1;
}

void ag_trust_warn(const char *path, enum ag_trust_kind kind)
{
    char why[AG_TRUST_WHY_MAX];

    if (path && *path && ag_trust_file(path, kind, why) > 0)
        ag_log(AG_LOG_WARNING, "%s: %s", path, why);
}

/* A folder above: in a sticky one only the owner can replace a file. A group of our own is one of our own making. */
static bool lets_others_replace(const struct stat *st)
{
    if (!is_ours(st->st_uid))
        return true;
    if (!S_ISDIR(st->st_mode) || (st->st_mode & S_ISVTX))
        return false; /* the mode of a symbolic link says nothing */
    if (st->st_mode & S_IWOTH)
        return true;
    return (st->st_mode & S_IWGRP) && st->st_gid != 0 && st->st_gid != getegid();
}

/* Each folder that the path leads through, "/" first; last the path itself, which may be a link. */
static int look_above(const char *path, char why[AG_TRUST_WHY_MAX])
{
    char part[PATH_MAX];
    struct stat st;

    for (size_t i = 0; path[i] && i + 1 < sizeof part; i++) {
        bool last = path[i + 1] == '\0';

        if (path[i] != '/' && !last)
            continue;
        snprintf(part, sizeof part, "%.*s", (int) (i > 0 ? path[i] == '/' ? i : i + 1 : 1), path);
        if (lstat(part, &st) < 0) {
            int r = -errno;

            snprintf(why, AG_TRUST_WHY_MAX, "%.100s: %s", part, strerror(-r));
            return r;
        }
        if (lets_others_replace(&st)) {
            snprintf(why, AG_TRUST_WHY_MAX, "%.100s lets others put another folder in its place", part);
            return -EPERM;
        }
    }
    return 0;
}

static int look_at_dir(const char *path, char why[AG_TRUST_WHY_MAX])
{
    struct stat st;
    int r = stat(path, &st) < 0 ? -errno : S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;

    if (r < 0) {
        snprintf(why, AG_TRUST_WHY_MAX, "%s", strerror(-r));
        return r;
    }
    if (!is_ours(st.st_uid)) {
        snprintf(why, AG_TRUST_WHY_MAX, "it belongs to uid %u, not to root or the user of this program", (unsigned) st.st_uid);
        return -EPERM;
    }
    if (st.st_mode & (S_IWGRP | S_IWOTH)) {
        snprintf(why, AG_TRUST_WHY_MAX, "mode %04o lets others write in it: chmod go-w", (unsigned) st.st_mode & 07777);
        return -EPERM;
    }
    return 0;
}

int ag_trust_dir(const char *path, char why[AG_TRUST_WHY_MAX])
{
    char real[PATH_MAX];
    int r = look_at_dir(path, why);

    if (r == 0)
        r = look_above(path, why); /* as it is written, links included ... */
    if (r == 0 && !realpath(path, real)) {
        r = -errno;
        snprintf(why, AG_TRUST_WHY_MAX, "%s", strerror(-r));
    }
    return r == 0 ? look_above(real, why) : r; /* ... and where they lead */
}

int ag_trust_make_dir(const char *path, mode_t mode)
{
    char part[PATH_MAX];
    size_t n = strlen(path);

    if (n == 0 || n >= sizeof part)
        return n == 0 ? -ENOENT : -ENAMETOOLONG;
    memcpy(part, path, n + 1);
    while (n > 1 && part[n - 1] == '/')
        part[--n] = '\0';
    for (size_t i = 1; i < n; i++) {
        if (part[i] != '/')
            continue;
        part[i] = '\0';
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return -errno;
        part[i] = '/';
    }
    return mkdir(part, mode) < 0 && errno != EEXIST ? -errno : 0;
}
