/* SPDX-License-Identifier: MIT */
/*
 * Commands from OneNET on their way through the device: each uuid is executed once and answered under the same uuid.
 * The platform sends an unanswered command again at the next login, so answers are remembered; a repeat is answered
 * from memory, or not at all while the first one is still being worked on. One that is being worked on is never
 * forgotten. How many may be open, and getting answers out, is the caller's (client/cloud/core/answer_box.h).
 * A core: topics and payloads in, texts out.
 */
#ifndef CLIENT_ONENET_COMMAND_H
#define CLIENT_ONENET_COMMAND_H

#include <stdbool.h>
#include "libagent/core/buf.h"
#include "libagent/core/list.h"

enum {
    ONENET_COMMAND_MAX = 65535,        /* bytes of a payload */
    ONENET_COMMANDS_KEPT = 2048,       /* answered uuids remembered; the oldest goes */
    ONENET_ANSWER_KEPT_MAX = 16384,    /* longer answers are not remembered */
    ONENET_ANSWERS_KEPT_MAX = 1 << 20, /* bytes of remembered answers together; the oldest are forgotten first */
    ONENET_ID_MAX = 128                /* bytes of the id inside a payload */
};

struct onenet_command;

struct onenet_commands {
    struct onenet_command *by_uuid, *by_token; /* uthash */
    struct ag_list answered;                   /* of them, in the order of the answers */
    struct ag_list replied;                    /* of those, the ones whose answer is kept */
    unsigned n_answered;
    size_t bytes;         /* of remembered answers */
    struct ag_buf notice; /* what a repeat gets whose answer is not remembered */
    uint64_t next_token;
    uint64_t n_taken, n_repeated;
};

void onenet_commands_init(struct onenet_commands *c);
void onenet_commands_deinit(struct onenet_commands *c);

/* Named conditions of onenet_commands_take(). */
enum {
    ONENET_COMMAND_E_OPEN = 1,  /* a repeat; the first one is not answered yet: nothing to do */
    ONENET_COMMAND_E_ANSWERED,  /* a repeat; *again_out is the answer to publish (borrowed) */
    ONENET_COMMAND_E_TOO_LARGE, /* over ONENET_COMMAND_MAX */
    ONENET_COMMAND_E_ID,        /* its id is over ONENET_ID_MAX */
    ONENET_COMMAND_E_FULL       /* it is new, and there is no room */
};

/*
 * A payload that is an object with a method is the command itself. Any other text becomes
 * {"method":"onenet.command","params":{"payload":TEXT}}, bytes that are no UTF-8 text {"base64":...}.
 * room: a new command may be executed now.
 * 0: text_out holds the command (appended), *token_out its number; -ENOMEM; or a condition above.
 */
int onenet_commands_take(struct onenet_commands *c, struct ag_span uuid, struct ag_span payload, bool room,
                         struct ag_buf *text_out, uint64_t *token_out, struct ag_span *again_out);

/* {"id"?:..,"error":{..}}: why a command is not executed, under the id that its payload has. 0 or -ENOMEM. */
int onenet_command_refusal(struct ag_buf *out, struct ag_span payload, int code, const char *message);

/*
 * The application's answer ({"id":any,"result"|"error":...}) as the platform gets it: under the id that the command
 * carried, or without one. To an onenet.command, a result {"payload":TEXT} or {"base64":...} is sent as those bytes.
 * topic_out: "$crsp/<uuid>"; both appended. 0; -ENOENT: no such token (answered before); -ENOMEM, -EINVAL (not an
 * answer): it is still open, and is to be answered with an error.
 */
int onenet_commands_answer(struct onenet_commands *c, uint64_t token, struct ag_span answer, struct ag_buf *topic_out,
                           struct ag_buf *payload_out);

/* Replaces the answer that is remembered for a repeat: it could not be sent as it was. */
void onenet_commands_amend(struct onenet_commands *c, uint64_t token, struct ag_span payload);

#endif
