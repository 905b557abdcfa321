/*
 * Runs a program of the platform (join Wi-Fi, set the zone, reboot) without waiting for it: its exit status comes later.
 * It has a process group of its own, no standard input, standard output and error of the daemon, and a time limit after
 * which the whole group is killed.
 */
#ifndef CLIENT_HOOK_H
#define CLIENT_HOOK_H

#include <uv.h>

struct hook;

/* status: the exit code; 128 + n when signal n ended it; -ETIMEDOUT when the time was up. Comes once. */
typedef void (*hook_fn)(void *user, int status);

/*
 * args ends in NULL, args[0] is the path. env: NULL-terminated NAME=value strings put on top of the daemon's own. 0, or
 * -errno (done is not called then): -ENOENT, -EACCES, -ENOMEM.
 */
int hook_run(struct hook **out, uv_loop_t *loop, const char *const args[], const char *const env[],
             unsigned timeout_ms, hook_fn done, void *user);

/* Nobody wants to know any more: the program is killed, done is not called. NULL is allowed. */
void hook_cancel(struct hook *h);

#endif
