/* SPDX-License-Identifier: MIT */
#include "libagent/io/lookup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Stands in front of the C library's: "mute" is answered when the test says so, "bad" with an error. */
static sem_t asked, answer;

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out)
{
    (void) port;
    if (strcmp(host, "mute") == 0) {
        sem_post(&asked);
        sem_wait(&answer);
    }
    if (strcmp(host, "bad") == 0)
        return EAI_NONAME;
    *out = calloc(1, sizeof **out);
    (*out)->ai_family = hints->ai_family;
    return 0;
}

void freeaddrinfo(struct addrinfo *a)
{
    free(a);
}

struct world {
    uv_loop_t loop;
    struct ag_lookup *lookup;
    int n_done;
    bool found;
    char why[128];
};

static void on_done(void *user, struct addrinfo *found, const char *why)
{
    struct world *w = user;

    w->n_done++;
    w->found = found != NULL;
    w->why[0] = '\0';
    strncat(w->why, why ? why : "", sizeof w->why - 1);
    if (found)
        freeaddrinfo(found);
}

static void start(struct world *w, const char *host)
{
    const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};

    memset(w, 0, sizeof *w);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    assert_int_equal(ag_lookup_start(&w->lookup, &w->loop, host, "80", &hints, on_done, w), 0);
    assert_int_equal(w->n_done, 0);
}

static void end(struct world *w)
{
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
}

static void test_found(void **state)
{
    struct world w;

    (void) state;
    start(&w, "good");
    end(&w);
    assert_int_equal(w.n_done, 1);
    assert_true(w.found);
    assert_string_equal(w.why, "");
}

static void test_not_found(void **state)
{
    struct world w;

    (void) state;
    start(&w, "bad");
    end(&w);
    assert_int_equal(w.n_done, 1);
    assert_false(w.found);
    assert_string_equal(w.why, gai_strerror(EAI_NONAME));
}

/* The loop ends while the thread still waits for its server: end() would hang otherwise. */
static void test_given_up(void **state)
{
    struct world w;

    (void) state;
    start(&w, "mute");
    sem_wait(&asked);
    ag_lookup_cancel(w.lookup);
    end(&w);
    assert_int_equal(w.n_done, 0);
    sem_post(&answer);
}

static void test_given_up_when_the_answer_is_there(void **state)
{
    struct world w;

    (void) state;
    for (int i = 0; i < 100; i++) {
        start(&w, "good");
        ag_lookup_cancel(w.lookup); /* before, while or after the thread has it */
        end(&w);
        assert_int_equal(w.n_done, 0);
    }
    ag_lookup_cancel(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found),
        cmocka_unit_test(test_not_found),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_given_up_when_the_answer_is_there),
    };

    sem_init(&asked, 0, 0);
    sem_init(&answer, 0, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
