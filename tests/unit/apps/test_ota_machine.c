/* SPDX-License-Identifier: MIT */
/* The firmware states: each row is a story of events, and the decisions each of them leads to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/apps/ota/core/ota_machine.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/*
 * Events: "req <a|b> <d|i|di>", "begin <offset> <total>", "bytes <n> <ms>", "end <name>", "sum <good|bad>",
 * "hook <good|bad>", "cancel", "low", "busy <0|1>", "restart <same|new>". Decisions are printed one after the other.
 */
struct step {
    const char *event, *decisions;
};

static const struct {
    const char *name;
    bool no_split;
    struct step steps[16];
} rows[] = {
    {"download and install",
     false,
     {{"req a di", "save downloading; progress 0; fetch 0; "},
      {"begin 0 1000", ""},
      {"bytes 250 2000", "progress 25; "},
      {"bytes 250 2100", ""},
      {"bytes 500 4000", ""},
      {"end done", "check; "},
      {"sum good", "keep; progress 100; save downloaded; save installing; install; "},
      {"hook good", "save installed; reboot; "}}},
    {"download only waits",
     false,
     {{"req a d", "save downloading; progress 0; fetch 0; "},
      {"begin 0 10", ""},
      {"bytes 10 5000", ""},
      {"end done", "check; "},
      {"sum good", "keep; progress 100; save downloaded; save wait_install; "},
      {"req a i", "check_stored; "},
      {"sum good", "save installing; install; "},
      {"hook good", "save installed; reboot; "}}},
    {"wait_install, new download of another file",
     false,
     {{"req a d", "save downloading; progress 0; fetch 0; "},
      {"end done", "check; "},
      {"sum good", "keep; progress 100; save downloaded; save wait_install; "},
      {"req b d", "save downloading; progress 0; fetch 0; "}}},
    {"wait_install, the same download again",
     false,
     {{"req a d", "save downloading; progress 0; fetch 0; "},
      {"end done", "check; "},
      {"sum good", "keep; progress 100; save downloaded; save wait_install; "},
      {"req a d", "check_stored; "},
      {"sum good", "save downloaded; save wait_install; "}}},
    {"wait_install, install of another file downloads it",
     false,
     {{"req a d", "save downloading; progress 0; fetch 0; "},
      {"end done", "check; "},
      {"sum good", "keep; progress 100; save downloaded; save wait_install; "},
      {"req b i", "save downloading; progress 0; fetch 0; "},
      {"end done", "check; "},
      {"sum good", "keep; progress 100; save downloaded; save installing; install; "}}},
    {"the stored file has rotted",
     false,
     {{"req a d", "save downloading; progress 0; fetch 0; "},
      {"end done", "check; "},
      {"sum good", "keep; progress 100; save downloaded; save wait_install; "},
      {"req a i", "check_stored; "},
      {"sum bad", "save downloading; progress 0; fetch 0; "}}},
    {"install without a download downloads",
     false,
     {{"req a i", "save downloading; progress 0; fetch 0; "},
      {"end done", "check; "},
      {"sum good", "keep; progress 100; save downloaded; save installing; install; "}}},
    {"not split: download only is refused", true, {{"req a d", "refused 2; "}, {"state", "idle"}}},
    {"not split: install downloads too", true, {{"req a i", "save downloading; progress 0; fetch 0; "}}},
    {"not split: both", true, {{"req a di", "save downloading; progress 0; fetch 0; "}}},
    {"busy while downloading",
     false,
     {{"req a d", "save downloading; progress 0; fetch 0; "}, {"req b d", "refused 1; "}, {"state", "downloading"}}},
    {"busy while checking",
     false,
     {{"req a d", "save downloading; progress 0; fetch 0; "}, {"end done", "check; "}, {"req b d", "refused 1; "}}},
    {"busy while installing",
     false,
     {{"req a i", "save downloading; progress 0; fetch 0; "},
      {"end done", "check; "},
      {"sum good", "keep; progress 100; save downloaded; save installing; install; "},
      {"req b di", "refused 1; "},
      {"cancel", "refused; "},
      {"state", "installing"}}},
    {"the device cannot upgrade now",
     false,
     {{"busy 1", ""},
      {"state", "busy"},
      {"req a di", "refused 1; "},
      {"busy 0", ""},
      {"state", "idle"},
      {"req a di", "save downloading; progress 0; fetch 0; "}}},
    {"wrong sum",
     false,
     {{"req a di", "save downloading; progress 0; fetch 0; "},
      {"begin 0 10", ""},
      {"end done", "check; "},
      {"sum bad", "discard; save failed|-33001|down error; "},
      {"req a di", "save downloading; progress 0; fetch 0; "}}},
    {"wrong sum of a stitched file: once more from the start",
     false,
     {{"req a di", "save downloading; progress 0; fetch 0; "},
      {"begin 5 10", ""},
      {"end done", "check; "},
      {"sum bad", "discard; fetch 0; "},
      {"begin 0 10", ""},
      {"end done", "check; "},
      {"sum bad", "discard; save failed|-33001|down error; "}}},
    {"name not found",
     false,
     {{"req a di", "save downloading; progress 0; fetch 0; "},
      {"end dns", "fetch 1000; "},
      {"end dns", "fetch 2000; "},
      {"end dns", "fetch 4000; "},
      {"end dns", "discard; save failed|-33002|dns error; "}}},
    {"no connection",
     false,
     {{"req a di", "save downloading; progress 0; fetch 0; "},
      {"end connect", "fetch 1000; "},
      {"end connect", "fetch 2000; "},
      {"end connect", "fetch 4000; "},
      {"end connect", "discard; save failed|-33003|connect error; "}}},
    {"lost each time",
     false,
     {{"req a di", "save downloading; progress 0; fetch 0; "},
      {"end lost", "fetch 1000; "},
      {"end lost", "fetch 2000; "},
      {"end lost", "fetch 4000; "},
      {"end lost", "discard; save failed|-33004|disconnect; "}}},
    {"a try that got further counts again",
     false,
     {{"req a di", "save downloading; progress 0; fetch 0; "},
      {"begin 0 100", ""},
      {"bytes 10 0", ""},
      {"end lost", "fetch 1000; "},
      {"end lost", "fetch 2000; "},
      {"begin 10 100", ""},
      {"bytes 10 5000", "progress 20; "},
      {"end lost", "fetch 1000; "}}},
    {"the same bytes over and over do not count",
     false,
     {{"req a di", "save downloading; progress 0; fetch 0; "},
      {"begin 0 100", ""},
      {"bytes 10 0", ""},
      {"end lost", "fetch 1000; "},
      {"begin 0 100", ""},
      {"bytes 10 0", ""},
      {"end lost", "fetch 2000; "},
      {"begin 0 100", ""},
      {"bytes 10 0", ""},
      {"end lost", "fetch 4000; "},
      {"begin 0 100", ""},
      {"bytes 10 0", ""},
      {"end lost", "discard; save failed|-33004|disconnect; "}}},
    {"the server has another file",
     false,
     {{"req a di", "save downloading; progress 0; fetch 0; "}, {"end range", "discard; fetch 1000; "}}},
    {"not there",
     false,
     {{"req a di", "save downloading; progress 0; fetch 0; "}, {"end refused", "discard; save failed|-33001|down error; "}}},
    {"no space",
     false,
     {{"req a di", "save downloading; progress 0; fetch 0; "}, {"end local", "discard; save failed|-33020|unknown; "}}},
    {"install fails",
     false,
     {{"req a di", "save downloading; progress 0; fetch 0; "},
      {"end done", "check; "},
      {"sum good", "keep; progress 100; save downloaded; save installing; install; "},
      {"hook bad", "save failed|-33005|install error; "},
      {"req a di", "check_stored; "}}},
    {"canceled",
     false,
     {{"req a di", "save downloading; progress 0; fetch 0; "},
      {"cancel", "stop; discard; save failed|-33006|cancel; "},
      {"end done", ""},
      {"state", "failed"}}},
    {"low energy",
     false,
     {{"req a di", "save downloading; progress 0; fetch 0; "}, {"low", "stop; discard; save failed|-33007|low energy; "}}},
    {"nothing to cancel", false, {{"cancel", "refused; "}}},
    {"after a failure another file",
     false,
     {{"req a di", "save downloading; progress 0; fetch 0; "},
      {"end refused", "discard; save failed|-33001|down error; "},
      {"req b di", "save downloading; progress 0; fetch 0; "}}},
    {"killed while downloading",
     false,
     {{"req a d", "save downloading; progress 0; fetch 0; "},
      {"restart same", "fetch 0; "},
      {"begin 50 100", ""},
      {"bytes 10 9000", "progress 60; "},
      {"end done", "check; "},
      {"sum good", "keep; progress 100; save downloaded; save wait_install; "}}},
    {"killed while waiting",
     false,
     {{"req a d", "save downloading; progress 0; fetch 0; "},
      {"end done", "check; "},
      {"sum good", "keep; progress 100; save downloaded; save wait_install; "},
      {"restart same", "wait_install; "},
      {"state", "wait_install"},
      {"req a i", "check_stored; "},
      {"sum good", "save installing; install; "}}},
    {"killed while installing",
     false,
     {{"req a i", "save downloading; progress 0; fetch 0; "},
      {"end done", "check; "},
      {"sum good", "keep; progress 100; save downloaded; save installing; install; "},
      {"restart same", "rejoin; "},
      {"req b i", "refused 1; "},
      {"hook good", "save installed; reboot; "}}},
    {"killed after a failure",
     false,
     {{"req a di", "save downloading; progress 0; fetch 0; "},
      {"end refused", "discard; save failed|-33001|down error; "},
      {"restart same", "failed|-33001|down error; "},
      {"state", "failed"}}},
    {"the device was restarted",
     false,
     {{"req a d", "save downloading; progress 0; fetch 0; "},
      {"end done", "check; "},
      {"sum good", "keep; progress 100; save downloaded; save wait_install; "},
      {"restart new", ""},
      {"state", "idle"},
      {"req a i", "check_stored; "}}},
    {"restarted while downloading",
     false,
     {{"req a d", "save downloading; progress 0; fetch 0; "},
      {"restart new", "discard; "},
      {"state", "idle"},
      {"req a d", "save downloading; progress 0; fetch 0; "}}},
};

static void print_decisions(struct ota_machine *m, char *out, size_t n)
{
    struct ota_decision d;
    size_t len = strlen(out);

    while (ota_machine_next(m, &d)) {
        static const char *const plain[] = {
            [OTA_DO_STOP_FETCH] = "stop",           [OTA_DO_DISCARD] = "discard", [OTA_DO_CHECK_FETCHED] = "check",
            [OTA_DO_CHECK_STORED] = "check_stored", [OTA_DO_KEEP] = "keep",       [OTA_DO_INSTALL] = "install",
            [OTA_DO_REJOIN_INSTALL] = "rejoin",     [OTA_DO_REBOOT] = "reboot",
        };

        switch (d.what) {
        case OTA_DO_SAVE:
            len += (size_t) snprintf(out + len, n - len, "save ");
            break;
        case OTA_DO_REPORT_STATE:
            len += (size_t) snprintf(out + len, n - len, "%s; ", d.text);
            break;
        case OTA_DO_REPORT_PROGRESS:
            len += (size_t) snprintf(out + len, n - len, "progress %u; ", d.n);
            break;
        case OTA_DO_FETCH:
            len += (size_t) snprintf(out + len, n - len, "fetch %u; ", d.n);
            break;
        default:
            len += (size_t) snprintf(out + len, n - len, "%s; ", plain[d.what]);
        }
    }
}

static enum ota_fetch_end end_of(const char *name)
{
    static const char *const names[] = {"done", "dns", "connect", "lost", "server", "range", "refused", "local"};

    for (size_t i = 0; i < ag_array_size(names); i++)
        if (strcmp(name, names[i]) == 0)
            return (enum ota_fetch_end) i;
    fail_msg("no such end: %s", name);
    return OTA_FETCH_DONE;
}

static void do_request(struct ota_machine *m, const char *file, const char *proc, char *out, size_t n)
{
    struct ota_request req = {.url = "http://127.0.0.1/f", .download = strchr(proc, 'd'), .install = strchr(proc, 'i')};
    int r;

    strcpy(req.md5, file[0] == 'a' ? A : B);
    r = ota_machine_request(m, &req);
    if (r != 0)
        snprintf(out, n, "refused %d; ", r);
}

static void do_event(struct ota_machine *m, const char *event, char *out, size_t n)
{
    char word[3][32] = {"", "", ""};

    sscanf(event, "%31s %31s %31s", word[0], word[1], word[2]);
    if (strcmp(word[0], "req") == 0) {
        do_request(m, word[1], word[2], out, n);
    } else if (strcmp(word[0], "begin") == 0) {
        ota_machine_on_begin(m, strtoull(word[1], NULL, 10), strtoull(word[2], NULL, 10));
    } else if (strcmp(word[0], "bytes") == 0) {
        ota_machine_on_bytes(m, strtoull(word[1], NULL, 10), strtoull(word[2], NULL, 10));
    } else if (strcmp(word[0], "end") == 0) {
        ota_machine_on_fetched(m, end_of(word[1]));
    } else if (strcmp(word[0], "sum") == 0) {
        ota_machine_on_checked(m, word[1][0] == 'g');
    } else if (strcmp(word[0], "hook") == 0) {
        ota_machine_on_installed(m, word[1][0] == 'g');
    } else if (strcmp(word[0], "cancel") == 0 || strcmp(word[0], "low") == 0) {
        if (ota_machine_cancel(m, word[0][0] == 'c' ? OTA_E_CANCEL : OTA_E_LOW_ENERGY) != 0)
            snprintf(out, n, "refused; ");
    } else if (strcmp(word[0], "busy") == 0) {
        ota_machine_set_busy(m, word[1][0] == '1');
    } else if (strcmp(word[0], "state") == 0) {
        snprintf(out, n, "%s", ota_state_name(ota_machine_state(m)));
    } else if (strcmp(word[0], "restart") == 0) {
        struct ota_saved saved = m->s;
        struct ota_settings settings = m->settings;

        ota_machine_init(m, &settings);
        ota_machine_restore(m, &saved, word[1][0] == 's');
    } else {
        fail_msg("no such event: %s", event);
    }
    print_decisions(m, out, n);
}

static void test_stories(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct ota_settings settings = {.split = !rows[i].no_split, .n_retries = 3, .retry_ms = 1000, .progress_ms = 1000};
        struct ota_machine m;

        ota_machine_init(&m, &settings);
        for (const struct step *s = rows[i].steps; s->event; s++) {
            char out[512] = "";

            do_event(&m, s->event, out, sizeof out);
            if (strcmp(out, s->decisions) != 0)
                fail_msg("%s, step %td (%s): '%s'", rows[i].name, s - rows[i].steps, s->event, out);
        }
    }
}

static void check_progress(struct ota_machine *m, unsigned *last, unsigned *n)
{
    struct ota_decision d;

    while (ota_machine_next(m, &d)) {
        if (d.what != OTA_DO_REPORT_PROGRESS)
            continue;
        assert_true(d.n >= *last);
        *last = d.n;
        ++*n;
    }
}

static void test_progress_never_falls(void **state)
{
    struct ota_settings settings = {.split = true, .n_retries = 9, .retry_ms = 1, .progress_ms = 0};
    struct ota_request req = {.url = "http://h/", .md5 = A, .install = true};
    struct ota_machine m;
    unsigned last = 0, n = 0;

    (void) state;
    ota_machine_init(&m, &settings);
    assert_int_equal(ota_machine_request(&m, &req), 0);
    check_progress(&m, &last, &n);
    for (unsigned round = 0; round < 3; round++) {
        ota_machine_on_begin(&m, round == 1 ? 300 : 0, 1000); /* the third server knows no ranges */
        for (unsigned i = 0; i < 600; i++) {
            ota_machine_on_bytes(&m, 1, i);
            check_progress(&m, &last, &n);
        }
        ota_machine_on_fetched(&m, round == 2 ? OTA_FETCH_DONE : OTA_FETCH_DISCONNECT);
        check_progress(&m, &last, &n);
    }
    assert_true(n > 50);
}

/* The pause of the try that a failed one leads to. */
static int pause_after_a_failure(struct ota_machine *m)
{
    struct ota_decision d;
    int pause = -1;

    ota_machine_on_begin(m, 0, 1000);
    ota_machine_on_fetched(m, OTA_FETCH_DISCONNECT);
    while (ota_machine_next(m, &d))
        pause = d.what == OTA_DO_FETCH ? (int) d.n : pause;
    return pause;
}

static void test_pauses_double_up_to_ten_minutes(void **state)
{
    static const int want[] = {100000, 200000, 400000, 600000, 600000, 600000};
    struct ota_settings settings = {.n_retries = 20, .retry_ms = 100000};
    struct ota_request req = {.url = "http://h/", .md5 = A, .install = true};
    struct ota_decision d;
    struct ota_machine m;

    (void) state;
    ota_machine_init(&m, &settings);
    assert_int_equal(ota_machine_request(&m, &req), 0);
    while (ota_machine_next(&m, &d)) {
    }
    for (unsigned i = 0; i < sizeof want / sizeof want[0]; i++)
        assert_int_equal(pause_after_a_failure(&m), want[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stories),
        cmocka_unit_test(test_progress_never_falls),
        cmocka_unit_test(test_pauses_double_up_to_ten_minutes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
