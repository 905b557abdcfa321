/* SPDX-License-Identifier: MIT */
#include "agent/ctl/ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static agent_conn *running; /* for the signal handler */
static volatile sig_atomic_t interrupted, time_is_over;

void ctl_error(const char *fmt, ...)
{
    va_list ap;

    fflush(stdout);
    fputs("miioctl: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

void ctl_free_text(char **s)
{
    free(*s);
}

/* ---- connection ---- */

static void on_log(enum agent_log_level level, const char *text, void *user)
{
    struct ctl *ctl = user;
    size_t n = strlen(ctl->reason);

    if (level == AGENT_LOG_INFO && strchr(text, ':') && n < sizeof ctl->reason - 3)
        snprintf(ctl->reason + n, sizeof ctl->reason - n, "%s%s", n ? "; " : "", text);
    else if (level <= AGENT_LOG_WARNING)
        ctl->unreachable = true;
}

static void on_signal(int signum)
{
    interrupted = 1;
    if (signum == SIGALRM)
        time_is_over = 1;
    agent_stop(running, 0);
}

void ctl_end_after(unsigned ms)
{
    const struct itimerval t = {.it_value = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000}};

    signal(SIGALRM, on_signal);
    if (ms > 0)
        setitimer(ITIMER_REAL, &t, NULL);
}

bool ctl_time_is_over(void)
{
    return time_is_over;
}

bool ctl_interrupted(void)
{
    return interrupted;
}

int ctl_connect(struct ctl *ctl)
{
    int r = agent_new(&ctl->conn);

    if (r == 0)
        r = agent_set_log(ctl->conn, on_log, AGENT_LOG_INFO, ctl);
    if (r == 0)
        r = agent_open(ctl->conn, ctl->address);
    if (r < 0) {
        ctl_error("%s %s: %s", ctl->address ? "--agent" : "$MIIO_AGENT", ctl->address ? ctl->address : getenv("MIIO_AGENT"),
                  r == -EINVAL ? "expected unix:PATH, seqpacket:PATH or tcp:HOST:PORT" : agent_strerror(r));
        return r == -EINVAL ? CTL_USAGE : CTL_FAILED;
    }
    while (agent_get_state(ctl->conn) < AGENT_CONNECTED && !ctl->unreachable) {
        agent_wait(ctl->conn, -1);
        agent_process(ctl->conn);
    }
    if (ctl->unreachable) {
        ctl_error("cannot reach miio_agent (%s)", ctl->reason);
        return CTL_FAILED;
    }
    agent_set_log(ctl->conn, NULL, AGENT_LOG_ERROR, NULL);
    ctl_handle_signals(ctl);
    return CTL_OK;
}

void ctl_handle_signals(const struct ctl *ctl)
{
    running = ctl->conn;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
}

void ctl_call_error(const char *method, int status, const char *error)
{
    ag_cleanup(ctl_delete_json) cJSON *e = error ? cJSON_Parse(error) : NULL;
    const char *message = ctl_string(e, "message"), *data = ctl_string(e, "data");
    const char *hint = "";

    if (status != AGENT_E_REMOTE) {
        ctl_error("%s: %s", method, agent_strerror(status));
        return;
    }
    switch (agent_error_code(error)) {
    case AGENT_CODE_METHOD_NOT_FOUND:
        hint = " (no application subscribed to it: see miioctl list)";
        break;
    case AGENT_CODE_NOT_PERMITTED:
        hint = " (root or the agent's own user may)";
        break;
    case AGENT_CODE_NOT_CONNECTED:
        hint = " (miio_client is not running, or not reached by the agent)";
        break;
    default:
        break;
    }
    ctl_error("%s: error %d: %s%s%s%s", method, agent_error_code(error), message[0] ? message : error, data[0] ? ": " : "", data,
              hint);
}

int ctl_ask_text(struct ctl *ctl, const char *method, const char *params, char **result_out)
{
    char *text = NULL;
    int r = agent_call_sync(ctl->conn, method, params, ctl->timeout_ms, &text);

    if (r < 0) {
        ctl_call_error(method, r, text);
        free(text);
        return CTL_FAILED;
    }
    *result_out = text;
    return CTL_OK;
}

int ctl_ask(struct ctl *ctl, const char *method, const char *params, cJSON **result_out)
{
    ag_cleanup(ctl_free_text) char *text = NULL;
    cJSON *result;
    int r = ctl_ask_text(ctl, method, params, &text);

    if (r != CTL_OK)
        return r;
    result = cJSON_Parse(text);
    if (!result) {
        ctl_error("%s: out of memory", method);
        return CTL_FAILED;
    }
    *result_out = result;
    return CTL_OK;
}

/* ---- options of a command ---- */

int ctl_options(const struct ag_option *rows, size_t n_rows, enum ag_words words, int argc, char **argv, void *to)
{
    char program[32];
    const struct ag_command_line line = {program, NULL, rows, n_rows, words};

    snprintf(program, sizeof program, "miioctl %s", argv[0]);
    return ag_command_line_read(&line, argc, argv, to) < 0 ? CTL_OK : CTL_USAGE;
}

int ctl_set_pointer(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    (void) reason;
    (void) n;
    memcpy((char *) to + row->at, &value, row->size);
    return 0;
}

/* ---- output ---- */

const char *ctl_bold(const struct ctl *ctl)
{
    return ctl->colour ? "\033[1m" : "";
}

const char *ctl_dim(const struct ctl *ctl)
{
    return ctl->colour ? "\033[2m" : "";
}

const char *ctl_red(const struct ctl *ctl)
{
    return ctl->colour ? "\033[31m" : "";
}

const char *ctl_green(const struct ctl *ctl)
{
    return ctl->colour ? "\033[32m" : "";
}

const char *ctl_plain(const struct ctl *ctl)
{
    return ctl->colour ? "\033[0m" : "";
}

void ctl_put_json(FILE *to, const char *json)
{
    for (const char *p = json; *p; p++)
        if (*p != '\n' && *p != '\r') /* they cannot be inside a string */
            putc(*p, to);
}

bool ctl_write_line(FILE *to, const char *json)
{
    ctl_put_json(to, json);
    putc('\n', to);
    return fflush(to) == 0 && !ferror(to);
}

double ctl_number(const cJSON *object, const char *name)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(object, name);

    return cJSON_IsNumber(v) ? v->valuedouble : 0;
}

const char *ctl_string(const cJSON *object, const char *name)
{
    const char *s = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

    return s ? s : "";
}

const char *ctl_age(double ms, char *buf, size_t n)
{
    unsigned long s = (unsigned long) (ms / 1000);

    if (s < 120)
        snprintf(buf, n, "%lus", s);
    else if (s < 7200)
        snprintf(buf, n, "%lum", s / 60);
    else if (s < 48 * 3600)
        snprintf(buf, n, "%luh %lum", s / 3600, s / 60 % 60);
    else
        snprintf(buf, n, "%lud %luh", s / 86400, s / 3600 % 24);
    return buf;
}
