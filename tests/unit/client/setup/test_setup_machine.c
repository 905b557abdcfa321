/* SPDX-License-Identifier: MIT */
/* From nobody's device to its owner's network and back: stories of events, and the decisions each of them leads to; then long
   walks at random, in which nothing may happen twice, at once or for ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "client/setup/core/setup_part.h"
#include "tests/unit/client/setup/setup_rig.h"
#include "tests/unit/client/setup/setup_stories.h"

static void run(const struct setup_story *story)
{
    struct setup_rig r;

    setup_rig_open(&r, story->mode);
    for (const struct setup_step *s = story->steps; s->line; s++) {
        setup_rig_do(&r, s->line);
        if (getenv("SETUP_STORIES")) /* to see what they are now */
            printf("%s\n", r.out);
        else if (strcmp(r.out, s->decisions) != 0)
            fail_msg("%s, step %td (%s): '%s'", story->name, s - story->steps, s->line, r.out);
    }
    setup_rig_close(&r);
}

static void test_stories(void **state)
{
    static const struct setup_story *const tables[] = {stories_network, stories_leaving, stories_helper};

    (void) state;
    for (size_t i = 0; i < ag_array_size(tables); i++)
        for (const struct setup_story *story = tables[i]; story->name; story++)
            run(story);
}

/* ---- walks ---- */

static unsigned draw(unsigned *seed, unsigned n)
{
    *seed = *seed * 1103515245 + 12345;
    return (*seed >> 16) % n;
}

/* A request is answered once, and nothing else is. */
static void check_answers(const struct setup_rig *r, const char *line)
{
    static const char *const requests[] = {"network", "zone ", "reset", "reboot"};
    unsigned want = 0;

    for (size_t i = 0; i < ag_array_size(requests); i++)
        want += strncmp(line, requests[i], strlen(requests[i])) == 0;
    if (r->n_answers != want)
        fail_msg("%s: %u answers, %s", line, r->n_answers, r->out);
}

/* Who is not joining knows no key any more; what waits has a deadline or a program. */
static void check_rest(const struct setup_rig *r, const char *line)
{
    static const struct router_params nothing;
    const struct setup_machine *m = &r->m;

    if (!setup_is_joining(m) && m->state != SETUP_LEAVING && memcmp(&m->params, &nothing, sizeof nothing) != 0)
        fail_msg("%s: params stay in state %s", line, setup_rig_state(r));
    if (setup_is_busy(m) && r->n_place == 0 && !r->running[SETUP_RUN_IDENTITY] && setup_next_deadline(m) == UINT64_MAX)
        fail_msg("%s: state %s has no end", line, setup_rig_state(r));
    assert_int_equal(r->n_place, setup_place_is_taken(m));
}

static void end_a_program(struct setup_rig *r, unsigned *seed)
{
    static const char *const names[] = {"ap", "join", "restore", "reboot", "zone", "identity"};
    unsigned first = draw(seed, 6);
    char line[32];

    r->n_answers = 0;
    for (unsigned i = 0; i < 6; i++) {
        unsigned p = (first + i) % 6;

        if (!r->running[p])
            continue;
        snprintf(line, sizeof line, "ended %s %u", names[p], draw(seed, 2));
        setup_rig_do(r, line);
        return;
    }
}

static const char *const words[] = {"network lan 5 sg",
                                    "network lan -",
                                    "network ble 6",
                                    "network lan 0 - Europe/Berlin",
                                    "zone UTC",
                                    "reset",
                                    "reboot",
                                    "reload 2 50",
                                    "wait 100",
                                    "wait 500",
                                    "wait 3000",
                                    "wait 400000",
                                    "enauth 1",
                                    "program 0",
                                    "program 1",
                                    "link 1",
                                    "link 0",
                                    "did 1",
                                    "did 7",
                                    "heard",
                                    "identity",
                                    "token 0123456789abcdef",
                                    "wifi_said 0",
                                    "wifi_said 1",
                                    "connected",
                                    "failed",
                                    "ap",
                                    "silent",
                                    "fail run",
                                    "short run",
                                    "fail save",
                                    "fail forget",
                                    "fail ask_join",
                                    "fail set_token"};

static void walk(const char *mode, unsigned seed, bool seen[SETUP_RIG_STATES])
{
    struct setup_rig r;

    setup_rig_open(&r, mode);
    setup_rig_do(&r, "start");
    for (unsigned i = 0; i < 4000; i++) {
        /* a builtin helper says nothing */
        unsigned n = draw(&seed, ag_array_size(words) + 8);
        const char *line = n < ag_array_size(words) ? words[n] : NULL;
        bool of_helper = n >= 19 && n <= 27;

        if (of_helper && strcmp(mode, "external") != 0)
            line = NULL;
        if (line)
            setup_rig_do(&r, line);
        else
            end_a_program(&r, &seed);
        check_answers(&r, line ? line : "ended");
        check_rest(&r, line ? line : "ended");
        seen[r.m.state] = true;
    }
    setup_rig_close(&r);
}

static void test_walks(void **state)
{
    static const char *const modes[] = {"builtin", "external", "wired"};
    bool seen[SETUP_RIG_STATES] = {false};

    (void) state;
    for (unsigned seed = 1; seed <= 30; seed++)
        walk(modes[seed % 3], seed, seen);
    for (unsigned i = 0; i < SETUP_RIG_STATES; i++)
        assert_true(seen[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stories),
        cmocka_unit_test(test_walks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
