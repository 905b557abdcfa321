/* SPDX-License-Identifier: MIT */
/* call, send, listen: texts through the agent. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/ctl/ctl.h"
#include "libagent/core/buf.h"

/* Prints what a call ended with. Takes text. */
static int print_answer(const struct ctl *ctl, const char *method, int status, char *text)
{
    int r = CTL_OK;

    if (status == -EINVAL || status == AGENT_E_JSON || status == -ENAMETOOLONG) {
        ctl_error("%s: %s", method, status == AGENT_E_JSON ? "params are not one JSON value" : agent_strerror(status));
        r = CTL_USAGE;
    } else if (ctl->json && (status == 0 || status == AGENT_E_REMOTE)) {
        printf("{\"%s\":", status == 0 ? "result" : "error");
        ctl_put_json(stdout, text);
        puts("}");
        r = status == 0 ? CTL_OK : CTL_FAILED;
    } else if (ctl->json) {
        printf("{\"error\":{\"message\":\"%s\"}}\n", agent_strerror(status));
        r = CTL_FAILED;
    } else if (status == 0) {
        puts(text);
    } else {
        ctl_call_error(method, status, text);
        r = CTL_FAILED;
    }
    free(text);
    return r;
}

/* {"method":"m","params":p}; params are checked as a part of it by the library. */
static int build_call(struct ag_buf *b, const char *method, const char *params)
{
    int r = ag_buf_append_str(b, "{\"method\":");

    if (r == 0)
        r = ag_buf_append_json_str(b, method, strlen(method));
    if (r == 0)
        r = ag_buf_printf(b, ",\"params\":%s}", params ? params : "[]");
    return r == 0 && !ag_buf_cstr(b) ? -ENOMEM : r;
}

int ctl_call(struct ctl *ctl, int argc, char **argv)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    char *text = NULL;
    int r;

    if (argc < 2 || argc > 3 || argv[1][0] == '\0')
        return CTL_USAGE;
    r = ctl_connect(ctl);
    if (r != CTL_OK)
        return r;
    r = build_call(&b, argv[1], argc == 3 ? argv[2] : NULL);
    if (r == 0)
        r = agent_call_sync(ctl->conn, "agent.call", ag_buf_head(&b), ctl->timeout_ms, &text);
    return print_answer(ctl, argv[1], r, text);
}

int ctl_send(struct ctl *ctl, int argc, char **argv)
{
    static const struct ag_option rows[] = {{.name = "no-ack", .letter = 'n', .kind = AG_OPTION_FLAG, .size = sizeof(bool)}};
    bool no_ack = false;
    char *text = NULL;
    const char *params;
    int r = ctl_options(rows, ag_array_size(rows), AG_WORDS_BEHIND, argc, argv, &no_ack);

    if (r != CTL_OK || argc - optind < 1 || argc - optind > 2)
        return CTL_USAGE;
    params = argc - optind == 2 ? argv[optind + 1] : NULL;
    r = ctl_connect(ctl);
    if (r != CTL_OK)
        return r;
    if (no_ack) {
        r = agent_notify(ctl->conn, argv[optind], params);
        return r < 0 ? print_answer(ctl, argv[optind], r, NULL) : CTL_OK;
    }
    r = agent_call_sync(ctl->conn, argv[optind], params, ctl->timeout_ms, &text);
    return print_answer(ctl, argv[optind], r, text);
}

/* ---- listen ---- */

struct listener {
    struct ctl *ctl;
    const char *reply;        /* NULL: answers nothing */
    unsigned time_ms;         /* to listen; 0: for ever */
    unsigned n_left;          /* commands still to see; 0: for ever */
    bool enough;              /* they have been seen: what comes in the same turn is left alone */
    int n_keys, n_registered; /* the latter since the last connect */
};

static int on_command(agent_request *req, void *user)
{
    struct listener *l = user;

    if (l->enough)
        return agent_request_ignore(req);
    if (l->ctl->json)
        ctl_write_line(stdout, agent_request_text(req));
    else
        printf("%s%s%s %s\n", ctl_bold(l->ctl), agent_request_method(req), ctl_plain(l->ctl), agent_request_params(req));
    fflush(stdout);
    if (l->n_left > 0 && --l->n_left == 0) {
        l->enough = true;
        agent_stop(l->ctl->conn, 0);
    }
    return l->reply ? agent_reply(req, l->reply) : agent_request_ignore(req);
}

static void on_registered(agent_slot *slot, int status, void *user)
{
    struct listener *l = user;

    (void) slot;
    if (status < 0) {
        ctl_error("subscription refused: %s", agent_strerror(status));
        agent_stop(l->ctl->conn, status);
    } else if (++l->n_registered == l->n_keys) {
        fprintf(stderr, "miioctl: ready\n");
    }
}

static void on_state(agent_conn *conn, enum agent_state state, void *user)
{
    struct listener *l = user;

    (void) conn;
    if (state == AGENT_CONNECTING) {
        l->n_registered = 0;
        fprintf(stderr, "miioctl: connection lost, trying again\n");
    }
}

int ctl_listen(struct ctl *ctl, int argc, char **argv)
{
    static const struct ag_option rows[] = {
        {.name = "reply", .letter = 'r', .set = ctl_set_pointer, AG_OPTION_FIELD(struct listener, reply)},
        CTL_OPTION_COUNT(struct listener, n_left),
        CTL_OPTION_TIME(struct listener, time_ms),
    };
    struct listener l = {.ctl = ctl};
    int r = ctl_options(rows, ag_array_size(rows), AG_WORDS_ANYWHERE, argc, argv, &l);

    if (r != CTL_OK || optind == argc)
        return CTL_USAGE;
    r = ctl_connect(ctl);
    if (r != CTL_OK)
        return r;
    agent_set_on_state(ctl->conn, on_state, &l);
    l.n_keys = argc - optind;
    for (; optind < argc; optind++) {
        int e = agent_subscribe_mode(ctl->conn, NULL, argv[optind], AGENT_SHARED, on_command, on_registered, &l);

        if (e == -EEXIST) {
            l.n_keys--; /* given twice */
        } else if (e < 0) {
            ctl_error("%s: %s", argv[optind], agent_strerror(e));
            return CTL_USAGE;
        }
    }
    ctl_end_after(l.time_ms);
    r = agent_run(ctl->conn); /* an agent_stop() status below 0 has already been reported */
    agent_close(ctl->conn);   /* callbacks hold l */
    if (ctl_time_is_over() && l.n_left > 0) {
        ctl_error("%u more were waited for", l.n_left);
        return CTL_FAILED;
    }
    return r < 0 ? CTL_FAILED : CTL_OK;
}
