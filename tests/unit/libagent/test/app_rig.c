/* SPDX-License-Identifier: MIT */
#include "tests/unit/libagent/test/app_rig.h"
#include <stdio.h>
#include <string.h>

jmp_buf app_failure;
int app_failing;
char app_failed_text[4096];
int app_failed_line;
agent_request *app_kept;

void app_failed(const char *text, const char *file, int line)
{
    if (app_failing) {
        snprintf(app_failed_text, sizeof app_failed_text, "%s", text);
        app_failed_line = line;
        longjmp(app_failure, 1);
    }
    print_error("%s\n", text);
    _fail(file, line);
}

void app_note(struct app *app, const char *fmt, ...)
{
    size_t n = strlen(app->seen);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(app->seen + n, sizeof app->seen - n, fmt, ap);
    va_end(ap);
}

void assert_seen(struct app *app, const char *expected)
{
    assert_string_equal(app->seen, expected);
    app->seen[0] = '\0';
}

void app_begin(struct app *app)
{
    memset(app, 0, sizeof *app);
    assert_int_equal(agent_new(&app->conn), 0);
    app->t = agent_test_new(app->conn, app_failed);
}

void app_end(struct app *app)
{
    app->conn = agent_unref(app->conn);
    app->t = agent_test_free(app->t);
}

int app_on_request(agent_request *req, void *user)
{
    app_note(user, "%s%s;", agent_request_method(req), agent_request_params(req));
    if (strcmp(agent_request_method(req), "fail") == 0)
        return agent_reply_error_data(req, -5004, "no", "[1]");
    return agent_reply(req, NULL);
}

void app_on_end(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    (void) conn;
    app_note(user, "%d %s;", status, result ? result : error ? error : "-");
}

void app_on_state(agent_conn *conn, enum agent_state state, void *user)
{
    static const char *const names[] = {"closed", "connecting", "connected", "ready"};

    (void) conn;
    app_note(user, "%s;", names[state]);
}

void app_on_registered(agent_slot *slot, int status, void *user)
{
    (void) slot;
    app_note(user, "%d;", status);
}

void app_on_timer(agent_conn *conn, void *user)
{
    (void) conn;
    app_note(user, "%d;", (int) agent_test_now(((struct app *) user)->t));
}

void app_serve(struct app *app, const char *key)
{
    assert_int_equal(agent_subscribe(app->conn, NULL, key, app_on_request, app), 0);
}

void app_open(struct app *app)
{
    assert_int_equal(agent_open(app->conn, NULL), 0);
}

int app_on_keep(agent_request *req, void *user)
{
    (void) user;
    app_kept = agent_request_ref(req);
    return 0;
}

void app_on_served(agent_test *t, uint32_t id, const char *params, void *user)
{
    app_note(user, "served %s;", params);
    if (id && strcmp(params, "[0]") != 0)
        agent_test_answer(t, id, params);
    else if (id)
        agent_test_answer_error(t, id, -32002, NULL);
}
