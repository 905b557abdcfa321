/* SPDX-License-Identifier: MIT */
/*
 * miioctl: one connection to the agent, one command from the user. Each command is a function that returns an exit code:
 * 0 done, 1 it failed (said on standard error), 2 wrong usage.
 */
#ifndef CTL_H
#define CTL_H

#include <cjson/cJSON.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include "agent/agent.h"
#include "libagent/core/util.h"
#include "libagent/io/command_line.h"

enum { CTL_OK, CTL_FAILED, CTL_USAGE };

struct model;

struct ctl {
    agent_conn *conn;
    const char *address; /* NULL: the usual places */
    unsigned timeout_ms;
    bool json, colour;
    const struct model *model; /* of --model; NULL: none */
    bool unreachable;          /* the agent could not be reached at the first try */
    char reason[256];          /* why */
};

/* A command: argv[0] is its name. */
typedef int (*ctl_fn)(struct ctl *ctl, int argc, char **argv);

int ctl_list(struct ctl *ctl, int argc, char **argv);
int ctl_call(struct ctl *ctl, int argc, char **argv);
int ctl_send(struct ctl *ctl, int argc, char **argv);
int ctl_listen(struct ctl *ctl, int argc, char **argv);
int ctl_monitor(struct ctl *ctl, int argc, char **argv);
int ctl_replay(struct ctl *ctl, int argc, char **argv);
int ctl_top(struct ctl *ctl, int argc, char **argv);
int ctl_wait(struct ctl *ctl, int argc, char **argv);
int ctl_stats(struct ctl *ctl, int argc, char **argv);
int ctl_bundle(struct ctl *ctl, int argc, char **argv);
int ctl_check(struct ctl *ctl, int argc, char **argv);
int ctl_status(struct ctl *ctl, int argc, char **argv);
int ctl_get(struct ctl *ctl, int argc, char **argv);
int ctl_set(struct ctl *ctl, int argc, char **argv);
int ctl_do(struct ctl *ctl, int argc, char **argv);
int ctl_watch(struct ctl *ctl, int argc, char **argv);

/* ---- connection ---- */

/* Waits until the agent is reached. CTL_OK, or CTL_FAILED and a line on standard error. */
int ctl_connect(struct ctl *ctl);
/* From now on SIGINT and SIGTERM end what runs on this connection. */
void ctl_handle_signals(const struct ctl *ctl);
/* A call and its parsed result, which the caller deletes. CTL_OK, or CTL_FAILED and a line on standard error. */
int ctl_ask(struct ctl *ctl, const char *method, const char *params, cJSON **result_out);
/* The same, result as text for free(). */
int ctl_ask_text(struct ctl *ctl, const char *method, const char *params, char **result_out);
/* True once SIGINT or SIGTERM has come. */
bool ctl_interrupted(void);
/* Ends the command after so long, as if by such a signal. 0: never. */
void ctl_end_after(unsigned ms);
/* That time is over. */
bool ctl_time_is_over(void);

/* ---- options of a command ---- */

/* Into the struct to; the words follow them, from optind. CTL_OK, or CTL_USAGE and a line on standard error. */
int ctl_options(const struct ag_option *rows, size_t n_rows, enum ag_words words, int argc, char **argv, void *to);
/* For a row: the field is a pointer to the value itself. */
int ctl_set_pointer(void *to, const struct ag_option *row, const char *value, char *reason, size_t n);

/* Rows that several commands have. The fields are unsigned, and 0 when the option is not given. */
#define CTL_OPTION_COUNT(type, member)                                                                                           \
    {                                                                                                                            \
        .name = "count", .letter = 'n', .kind = AG_OPTION_NUMBER, AG_OPTION_FIELD(type, member), .least = 1, .most = UINT_MAX    \
    }
#define CTL_OPTION_TIME(type, member)                                                                                            \
    {                                                                                                                            \
        .name = "time", .letter = 't', .kind = AG_OPTION_NUMBER, AG_OPTION_FIELD(type, member), .least = 1, .most = 86400000     \
    }

/* ---- output ---- */

void ctl_error(const char *fmt, ...) ag_printf_like(1, 2);
/* One line for a failed call: the agent's error object, or the library's code. */
void ctl_call_error(const char *method, int status, const char *error);

/* SGR parameters; "" when colour is off. */
const char *ctl_bold(const struct ctl *ctl);
const char *ctl_dim(const struct ctl *ctl);
const char *ctl_red(const struct ctl *ctl);
const char *ctl_green(const struct ctl *ctl);
const char *ctl_plain(const struct ctl *ctl);

/* A JSON text without the line ends between its tokens. */
void ctl_put_json(FILE *to, const char *json);
/* The same as a line of its own. false: it could not be written. */
bool ctl_write_line(FILE *to, const char *json);

/* Numbers and strings of a cJSON object, with defaults for absent ones. */
double ctl_number(const cJSON *object, const char *name);
const char *ctl_string(const cJSON *object, const char *name);

/* "3d 4h", "12 s" */
const char *ctl_age(double ms, char *buf, size_t n);

static inline void ctl_delete_json(cJSON **j)
{
    cJSON_Delete(*j);
}

void ctl_free_text(char **s);

#endif
