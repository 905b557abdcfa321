/* SPDX-License-Identifier: MIT */
/*
 * A lamp: a small but whole application. Serves get_prop, set_power, set_bright and toggle, and reports its properties
 * whenever they change, whoever changed them.
 *
 *     ./example_lamp [--agent ADDRESS] [--name NAME]
 *
 * test_lamp.c tests it.
 */
#include <agent/cjson.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct lamp {
    agent_conn *conn;
    const char *name; /* for the lines it prints */
    bool on;
    int bright;
};

static void say(const struct lamp *lamp, const char *what, const char *text)
{
    printf("%s: %s %s\n", lamp->name, what, text);
    fflush(stdout);
}

static void on_ack(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    (void) conn;
    if (status < 0)
        say((struct lamp *) user, "report failed:", error ? error : agent_strerror(status));
    else
        say((struct lamp *) user, "report acknowledged:", result);
}

static void report(struct lamp *lamp)
{
    agent_reportf(lamp->conn, "props", on_ack, lamp, "{%s:%s,%s:%d}", "power", lamp->on ? "on" : "off", "bright", lamp->bright);
}

static cJSON *prop(const struct lamp *lamp, const char *name)
{
    if (name && strcmp(name, "power") == 0)
        return cJSON_CreateString(lamp->on ? "on" : "off");
    if (name && strcmp(name, "bright") == 0)
        return cJSON_CreateNumber(lamp->bright);
    return cJSON_CreateNull(); /* a property this lamp does not have */
}

/* ["power","bright"] -> ["on",80]: of any length, so with a JSON library; simpler params need none, see below */
static int on_get_prop(agent_request *req, void *user)
{
    struct lamp *lamp = (struct lamp *) user;
    cJSON *names = agent_cjson_params(req), *values = cJSON_CreateArray(), *name;
    int r;

    say(lamp, agent_request_method(req), agent_request_params(req));
    cJSON_ArrayForEach(name, names) cJSON_AddItemToArray(values, prop(lamp, cJSON_GetStringValue(name)));
    r = agent_cjson_reply(req, values);
    cJSON_Delete(names);
    cJSON_Delete(values);
    return r;
}

/* ["on"] or ["off"] */
static int on_set_power(agent_request *req, void *user)
{
    struct lamp *lamp = (struct lamp *) user;
    char word[8] = "";
    bool on;

    say(lamp, agent_request_method(req), agent_request_params(req));
    agent_param_str(req, "0", word, sizeof word);
    on = strcmp(word, "on") == 0;
    if (!on && strcmp(word, "off") != 0)
        return agent_reply_error(req, AGENT_CODE_INVALID_PARAMS, "expected [\"on\"] or [\"off\"]");
    agent_reply(req, NULL); /* ["ok"] */
    if (on != lamp->on) {
        lamp->on = on;
        report(lamp);
    }
    return 0;
}

/* [1..100] */
static int on_set_bright(agent_request *req, void *user)
{
    struct lamp *lamp = (struct lamp *) user;
    int64_t bright;

    say(lamp, agent_request_method(req), agent_request_params(req));
    agent_request_answer_errors(req, 1); /* what cannot be read is answered by the library: -32602 */
    if (agent_param_int(req, "0", 1, 100, &bright) < 0)
        return 0;
    agent_reply(req, NULL);
    lamp->bright = (int) bright;
    report(lamp);
    return 0;
}

static int on_toggle(agent_request *req, void *user)
{
    struct lamp *lamp = (struct lamp *) user;

    say(lamp, agent_request_method(req), agent_request_params(req));
    lamp->on = !lamp->on;
    agent_reply(req, NULL);
    report(lamp);
    return 0;
}

static void on_state(agent_conn *conn, enum agent_state state, void *user)
{
    (void) conn;
    if (state == AGENT_READY)
        say((struct lamp *) user, "ready", "");
}

static int serve(struct lamp *lamp, const char *address)
{
    static const struct {
        const char *method;
        agent_request_fn fn;
    } methods[] = {{"get_prop", on_get_prop}, {"set_power", on_set_power}, {"set_bright", on_set_bright}, {"toggle", on_toggle}};
    int r = agent_set_on_state(lamp->conn, on_state, lamp);

    for (size_t i = 0; r >= 0 && i < sizeof methods / sizeof methods[0]; i++)
        r = agent_subscribe(lamp->conn, NULL, methods[i].method, methods[i].fn, lamp);
    return r < 0 ? r : agent_open(lamp->conn, address);
}

#ifndef LAMP_IN_A_TEST
static agent_conn *running; /* for the signal handler */

static void on_signal(int signum)
{
    (void) signum;
    agent_stop(running, 0);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"agent", required_argument, NULL, 'a'}, {"name", required_argument, NULL, 'n'}, {NULL, 0, NULL, 0}};
    struct lamp lamp = {NULL, "lamp", false, 80};
    const char *address = NULL;
    int c, r;

    while ((c = getopt_long(argc, argv, "a:n:", options, NULL)) != -1) {
        if (c == 'a')
            address = optarg;
        else if (c == 'n')
            lamp.name = optarg;
        else
            return 2;
    }
    r = agent_new(&lamp.conn);
    if (r >= 0) {
        running = lamp.conn;
        signal(SIGTERM, on_signal);
        signal(SIGINT, on_signal);
        r = serve(&lamp, address);
    }
    if (r >= 0)
        r = agent_run(lamp.conn);
    if (r < 0)
        fprintf(stderr, "lamp: %s\n", agent_strerror(r));
    lamp.conn = agent_unref(lamp.conn);
    return r < 0;
}
#endif
