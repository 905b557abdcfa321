/* SPDX-License-Identifier: MIT */
/*
 * The time zone as a symbolic link in a writable place; /etc/localtime or /etc/TZ of a read-only root points to it.
 * Source: Xiaomi Linux client document, section 5.2.
 */
#ifndef CLIENT_ZONE_H
#define CLIENT_ZONE_H

/*
 * Points link at <dir>/<tz>, atomically. The zone must be a plain file below dir, and what is at link must be a
 * symbolic link or nothing. 0, -EINVAL (name), -ENOENT (no such zone), -EEXIST (something else is there) or -errno.
 */
int zone_link(const char *dir, const char *tz, const char *link);

#endif
