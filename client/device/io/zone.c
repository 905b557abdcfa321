/* SPDX-License-Identifier: MIT */
#include "client/device/io/zone.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "client/device/core/device_files.h"

enum { ZONE_PATH_MAX = 512 };

int zone_link(const char *dir, const char *tz, const char *link)
{
    char target[ZONE_PATH_MAX], fresh[ZONE_PATH_MAX];
    struct stat st;

    if (!device_zone_valid((struct ag_span){tz, strlen(tz)}))
        return -EINVAL;
    if (snprintf(target, sizeof target, "%s/%s", dir, tz) >= (int) sizeof target ||
        snprintf(fresh, sizeof fresh, "%s.new", link) >= (int) sizeof fresh)
        return -ENAMETOOLONG;
    if (stat(target, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -ENOENT;
    if (lstat(link, &st) == 0 && !S_ISLNK(st.st_mode))
        return -EEXIST;
    unlink(fresh);
    if (symlink(target, fresh) < 0)
        return -errno;
    if (rename(fresh, link) < 0) {
        int r = -errno;

        unlink(fresh);
        return r;
    }
    return 0;
}
