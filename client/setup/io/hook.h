/* SPDX-License-Identifier: MIT */
/*
 * Runs a program of the platform (join Wi-Fi, set the zone, reboot) without waiting for it: its exit status comes later.
 * It has a process group of its own, no standard input, standard output and error of the daemon, and a time limit after
 * which the whole group is killed.
 */
#ifndef CLIENT_HOOK_H
#define CLIENT_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct hook;

/*
 * The program of that name in the first of the folders (NULL ends them) that has an executable one. False: none has;
 * path_out is the first path that was tried, and errno says why.
 */
bool hook_find(char *path_out, size_t room, const char *const dirs[], const char *name);

/* status: the exit code; 128 + n when signal n ended it; -ETIMEDOUT when the time was up. Called once. */
typedef void (*hook_fn)(void *user, int status);

/*
 * args ends in NULL, args[0] is the path. env: NULL-terminated NAME=value strings put on top of the daemon's own. 0, or
 * -errno (done is not called then): -ENOENT, -EACCES, -ENOMEM.
 */
int hook_run(struct hook **out, uv_loop_t *loop, const char *const args[], const char *const env[], unsigned timeout_ms,
             hook_fn done, void *user);

/* Kills the program; done is not called. NULL is allowed. */
void hook_cancel(struct hook *h);

#endif
