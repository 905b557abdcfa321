/* SPDX-License-Identifier: MIT */
#include "tests/unit/client/client_rig_priv.h"

#include <stdio.h>
#include <stdlib.h>

/* The data directory has another name each time. */
static void name_the_dir(char *line)
{
    char *at;

    while (rig_dir()[0] && (at = strstr(line, rig_dir()))) {
        memcpy(at, "$DIR", 4);
        memmove(at + 4, at + strlen(rig_dir()), strlen(at + strlen(rig_dir())) + 1);
    }
}

void rig_hear(struct ear *e, const char *fmt, ...)
{
    va_list ap;

    if (e->n == RIG_HEARD)
        rig_fail("more is said than can be heard: %s", e->lines[RIG_HEARD - 1]);
    va_start(ap, fmt);
    assert_true(vasprintf(&e->lines[e->n++], fmt, ap) >= 0);
    va_end(ap);
    name_the_dir(e->lines[e->n - 1]);
}

void rig_hear_text(struct ear *e, struct ag_span text)
{
    rig_hear(e, "%.*s", (int) text.len, text.p);
}

void rig_forget_line(struct ear *e)
{
    free(e->lines[0]);
    memmove(e->lines, e->lines + 1, --e->n * sizeof *e->lines);
}

void rig_expect(struct ear *e, const char *want)
{
    size_t n = strlen(want);
    bool part = n > 0 && want[n - 1] == '*';

    if (n == 0) {
        if (e->n > 0)
            rig_fail("nothing was due, but: %s", e->lines[0]);
        return;
    }
    if (e->n == 0)
        rig_fail("nothing came instead of %s", want);
    if (part ? strncmp(e->lines[0], want, n - 1) != 0 : strcmp(e->lines[0], want) != 0)
        rig_fail("this came: %s", e->lines[0]);
    rig_forget_line(e);
}
