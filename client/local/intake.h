/* SPDX-License-Identifier: MIT */
/*
 * Where every text comes in, whoever sent it: a cloud, a phone, the Bluetooth helper, an application. Its form and
 * what its sender may do are checked once; it is then served here (serve.h), given to the applications (core/command.h), or
 * passed on to the clouds. An answer goes back to the origin.
 *
 * Each text that wants an answer gets exactly one; what cannot be delivered is counted.
 */
#ifndef CLIENT_INTAKE_H
#define CLIENT_INTAKE_H

#include "client/local/core/command.h"
#include "client/local/local_peers.h"
#include "client/local/serve.h"

/* What the rest of the client does for it; user is struct intake_env's. */
struct intake_host {
    /* Answers: text has any id, or none for an asker without one; view is of text, NULL: not at hand. 0 or -errno: lost. */
    int (*answer_cloud)(void *user, unsigned place, uint64_t token, struct ag_span text);
    void (*answer_phone)(void *user, uint64_t token, struct ag_span text, const struct ag_json_view *view);
    /* text already has the phone's own id. */
    void (*answer_phone_own)(void *user, uint64_t token, struct ag_span text);
    void (*answer_ble)(void *user, struct ag_span text);
    /* A method of a cloud's own. false: it is not one. */
    bool (*offer)(void *user, unsigned peer, struct ag_span text, const struct ag_json_view *view);
    /* A request or report. 0 or -ENOMEM: nothing happened. */
    int (*submit)(void *user, unsigned peer, struct ag_span text, const struct ag_json_view *view);
};

struct intake_env {
    uv_loop_t *loop;
    struct local_peers *peers;
    struct serve *serve;
    unsigned command_timeout_ms, command_grace_ms;
    bool tells_origin; /* commands carry "_origin", see core/tell_origin.h */
    uint32_t random;   /* any number; the first id follows from it */
    const struct intake_host *host;
    void *user;
};

struct intake_stats {
    uint64_t bad_form;       /* texts refused for their form: not one method, an id too long */
    uint64_t answers_lost;   /* the cloud did not take them */
    uint64_t reports_silent; /* without an id, and refused: there was nobody to answer */
};

struct intake {
    struct intake_env env;
    struct command_table commands; /* under way to the applications */
    struct ag_buf scratch;         /* for an answer; may hold a secret */
    struct ag_log_gate log;        /* for lines that others can cause */
    struct intake_stats stats;
};

/* env.peers and env.serve may be opened later. */
void intake_init(struct intake *in, const struct intake_env *env);
void intake_deinit(struct intake *in);

/* From a cloud or a phone: served, or given to the applications. view NULL: the text is not an object with a method. */
void intake_command(struct intake *in, struct origin from, struct ag_span text, const struct ag_json_view *view,
                    bool wants_answer);
/* From an application: an answer, or something to be served or sent up. */
void intake_local(struct intake *in, unsigned peer, struct ag_span text, const struct ag_json_view *view);
/* From the Bluetooth helper, any bytes: served, or refused. */
void intake_ble(struct intake *in, struct ag_span text);

#endif
