/* SPDX-License-Identifier: MIT */
/* The programs of the platform. */
#include "tests/unit/client/client_rig_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/setup/io/hook.h"

struct ear rig_programs_ear;

struct hook {
    hook_fn done;
    void *user;
    struct hook *next;
};

static struct hook *running; /* the one that runs longest first */
static char missing[64];

bool hook_find(char *path_out, size_t room, const char *const dirs[], const char *name)
{
    snprintf(path_out, room, "%s%s", dirs[0], name);
    errno = ENOENT;
    return strstr(missing, name) == NULL;
}

int hook_run(struct hook **out, uv_loop_t *loop, const char *const args[], const char *const env[], unsigned timeout_ms,
             hook_fn done, void *user)
{
    const char *name = strrchr(args[0], '/') + 1;
    struct hook *k, **at = &running;

    (void) loop;
    (void) timeout_ms;
    assert_true(strncmp(env[0], "MIIO_DATA_DIR=", 14) == 0);
    if (strstr(missing, name))
        return -ENOENT;
    k = calloc(1, sizeof *k);
    assert_non_null(k);
    *k = (struct hook){.done = done, .user = user};
    while (*at)
        at = &(*at)->next;
    *at = *out = k;
    rig_hear(&rig_programs_ear, "%s%s%s%s%s", name, args[1] ? " " : "", args[1] ? args[1] : "", args[1] && args[2] ? " " : "",
             args[1] && args[2] ? args[2] : "");
    return 0;
}

static void unlink_hook(struct hook *k)
{
    struct hook **at = &running;

    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
}

void hook_cancel(struct hook *k)
{
    if (!k)
        return;
    unlink_hook(k);
    free(k);
    rig_hear(&rig_programs_ear, "kill");
}

static void program_ends(int status)
{
    struct hook k;

    if (!running)
        rig_fail("no program runs");
    k = *running;
    free(running);
    running = k.next;
    k.done(k.user, status);
}

void rig_program_line(char what, const char *text)
{
    if (what == '<')
        rig_expect(&rig_programs_ear, text);
    else if (what == '=')
        program_ends(atoi(text));
    else if (what == '-')
        strcat(strcat(missing, " "), text);
    else
        missing[0] = '\0';
}

void rig_programs_begin(void)
{
    missing[0] = '\0';
}

void rig_programs_end(void)
{
    assert_null(running);
}
