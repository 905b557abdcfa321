/* SPDX-License-Identifier: MIT */
#include "tests/world/rules/papers.h"

#include <string.h>
#include "tests/world/kernel/files.h"
#include "tests/world/scene.h"

#define DIR "/etc/miio/"

/* HEED_S: tries to join, each with a program that may hang, and the way back to what there was before. */
enum { ROOM = 2048, HEED_S = 900 };

enum { CONF, TOKEN, COUNTRY, WIFI, PAPERS };

static struct paper {
    const char *path;
    bool there;
    size_t n;
    char text[ROOM];
} papers[PAPERS] = {
    {.path = DIR "device.conf"}, {.path = DIR "device.token"}, {.path = DIR "device.country"}, {.path = DIR "wifi.conf"}};

static uint64_t acted_us;

void papers_owner_acts(void)
{
    acted_us = W.now_us;
}

static bool is_as_it_was(const struct paper *p)
{
    const struct bytes *b = disk_get(p->path);

    return b ? p->there && b->n == p->n && memcmp(b->p, p->text, b->n) == 0 : !p->there;
}

static void take(struct paper *p)
{
    const struct bytes *b = disk_get(p->path);

    p->there = b != NULL;
    p->n = b ? b->n < ROOM ? b->n : ROOM : 0;
    if (b)
        memcpy(p->text, b->p, p->n);
}

/* That a network has been joined is written when the disk allows it. */
static bool is_on_trial(const struct paper *p)
{
    static const char mark[] = "# not joined yet";

    return memmem(p->text, p->n, mark, sizeof mark - 1) != NULL;
}

/* A device that is in nobody's network draws itself a token. An external helper's files are its own. */
static bool may_change(unsigned which)
{
    if (which == CONF)
        return false;
    if ((which == WIFI || which == COUNTRY) && is_on_trial(&papers[WIFI])) /* they go together */
        return true;
    return scene.helper || acted_us + HEED_S * SECOND > W.now_us || (which == TOKEN && scene.shape.wifi && !papers[WIFI].there);
}

static void look(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    for (unsigned i = 0; i < PAPERS; i++) {
        if (is_as_it_was(&papers[i]))
            continue;
        if (!may_change(i))
            broken("%s was changed, and the owner has done nothing for %llu s", papers[i].path,
                   (unsigned long long) ((W.now_us - acted_us) / SECOND));
        take(&papers[i]);
    }
    if (!scene.over)
        after(SECOND, look, NULL, 0);
}

void papers_begin(void)
{
    for (unsigned i = 0; i < PAPERS; i++)
        take(&papers[i]);
    after(SECOND, look, NULL, 0);
}
