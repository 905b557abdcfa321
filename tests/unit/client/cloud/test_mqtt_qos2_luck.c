/* SPDX-License-Identifier: MIT */
/* Commands of QoS 2 from a strict broker over hundreds of connections that are cut by the dice. */
#include <stdio.h>
#include <string.h>
#include "tests/unit/client/cloud/qos2_rig.h"

struct flight {
    unsigned id;
    int command; /* its number; -1: free */
    bool released;
};

struct play {
    struct fixture *f;
    struct flight flights[4]; /* in order */
    int n_flights, next, n_released;
    unsigned seed;
    bool alike, kept;
    bool ended[MAX_COMMANDS]; /* PUBCOMP came */
    bool released[MAX_COMMANDS];
};

static unsigned dice(struct play *p, unsigned n)
{
    p->seed = p->seed * 1103515245u + 12345u;
    return (p->seed >> 16) % n;
}

static const char *text_of(const struct play *p, int command)
{
    static char text[16];

    snprintf(text, sizeof text, p->alike ? "same" : "c%03d", command);
    return text;
}

static unsigned lowest_free_id(const struct play *p)
{
    unsigned id = 1;

    for (int i = 0; i < p->n_flights; i++)
        if (p->flights[i].id == id) {
            id++;
            i = -1;
        }
    return id;
}

static void resume(struct play *p)
{
    login(p->f, &p->f->a, p->kept);
    if (!p->kept)
        p->n_flights = 0;
    for (int i = 0; i < p->n_flights; i++) {
        struct flight *w = &p->flights[i];

        if (w->released)
            put_small(&p->f->a, PUBREL, w->id);
        else
            put_publish(&p->f->a, QOS2 | DUP, w->id, text_of(p, w->command));
    }
}

static void take(struct play *p, const struct packet *got)
{
    for (int i = 0; i < p->n_flights; i++) {
        struct flight *w = &p->flights[i];

        if (w->id != id_of(got))
            continue;
        if (got->first == PUBREC) {
            w->released = p->released[w->command] = true;
            put_small(&p->f->a, PUBREL, w->id);
        } else if (got->first == PUBCOMP) {
            p->ended[w->command] = true;
            memmove(w, w + 1, (size_t) (p->n_flights - i - 1) * sizeof *w);
            p->n_flights--;
        }
        return;
    }
}

static void serve(struct play *p)
{
    struct played_broker *b = &p->f->a;
    struct packet got;

    turn(p->f, b->fd);
    while (b->fd >= 0 && have_packet(b, &got)) {
        if (got.first == 0)
            broker_cut(b);
        else if (got.first == SUBSCRIBE)
            put(b, (uint8_t[]){SUBACK, 3, got.body[0], got.body[1], 2}, 5);
        else
            take(p, &got);
        if (b->fd >= 0 && dice(p, 12) == 0)
            broker_cut(b);
    }
    if (b->fd < 0)
        resume(p);
}

/* Whatever was ended with PUBCOMP has been delivered. */
static bool all_there(const struct play *p)
{
    int n = 0;

    for (int i = 0; i < p->next; i++) {
        n += p->ended[i];
        if (!p->alike && p->ended[i] && !strstr(p->f->messages, text_of(p, i)))
            return false;
    }
    return p->f->n_messages >= n;
}

static void play(struct fixture *f, unsigned seed, bool alike, bool kept)
{
    enum { N = 200 };
    struct play p = {.f = f, .seed = seed, .alike = alike, .kept = kept};
    int subscribed = 1;

    open_link(f, !kept);
    f->again = true;
    while (p.next < N || p.n_flights > 0) {
        if (!kept && f->n_connected > subscribed && mqtt_link_is_connected(f->link)) {
            subscribed = f->n_connected;
            mqtt_link_subscribe(f->link, "t", 2, 0);
        }
        if (p.next < N && p.n_flights < 3 && (kept || subscribed == f->n_connected) && f->a.fd >= 0 && dice(&p, 2)) {
            struct flight *w = &p.flights[p.n_flights];

            *w = (struct flight){lowest_free_id(&p), p.next++, false};
            p.n_flights++;
            put_publish(&f->a, QOS2, w->id, text_of(&p, w->command));
        }
        serve(&p);
    }
    while (!all_there(&p))
        turn(f, -1);
    f->again = false;
    mqtt_link_close(f->link);
    wait_for(f, &f->n_closed, 1);
    if (kept && alike)
        assert_int_equal(f->n_messages, N);
    for (int i = 0; i < N && !alike; i++) {
        const char *at = strstr(f->messages, text_of(&p, i));

        assert_true(!kept || at);
        assert_true(!at || p.released[i]);
        assert_null(at ? strstr(at + 1, text_of(&p, i)) : NULL);
    }
    print_message("seed %u: %d sessions\n", seed, f->n_connected);
}

static void commands_of_a_kept_session_come_once_each(void **state)
{
    play(*state, 1, false, true);
}

static void alike_commands_of_a_kept_session_come_once_each(void **state)
{
    play(*state, 2, true, true);
}

static void commands_of_clean_sessions_come_once_at_most(void **state)
{
    play(*state, 3, false, false);
}

#define ROW(fn) cmocka_unit_test_setup_teardown(fn, qos2_setup, qos2_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(commands_of_a_kept_session_come_once_each),
        ROW(alike_commands_of_a_kept_session_come_once_each),
        ROW(commands_of_clean_sessions_come_once_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
