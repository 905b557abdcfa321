/*
 * Commands from OneNET on their way through the device: each uuid is executed once and answered under the same uuid.
 * The platform sends an unanswered command again at the next login, so answers are remembered; a repeat is answered
 * from memory, or stays silent while the first one is still being worked on.
 * A core: topics and payloads in, texts out.
 */
#ifndef CLIENT_ONENET_COMMAND_H
#define CLIENT_ONENET_COMMAND_H

#include <stdbool.h>
#include "libagent/core/buf.h"
#include "libagent/core/list.h"

enum {
    ONENET_COMMAND_MAX = 65535, /* bytes of a payload */
    ONENET_COMMANDS_KEPT = 256, /* uuids remembered; the oldest goes */
    ONENET_ANSWER_KEPT_MAX = 16384 /* longer answers are not remembered */
};

struct onenet_commands {
    struct ag_list recent; /* struct onenet_command, oldest first */
    unsigned n;
    uint64_t next_token;
    uint64_t n_taken, n_repeated, n_refused;
};

void onenet_commands_init(struct onenet_commands *c);
void onenet_commands_deinit(struct onenet_commands *c);

/* Named conditions of onenet_commands_take(). */
enum {
    ONENET_COMMAND_E_OPEN = 1, /* a repeat; the first one is not answered yet: nothing to do */
    ONENET_COMMAND_E_ANSWERED, /* a repeat; *again_out is the answer to publish (borrowed) */
    ONENET_COMMAND_E_TOO_LARGE /* refused: over ONENET_COMMAND_MAX */
};

/*
 * A payload that is an object with a method is the command as it stands. Any other text becomes
 * {"method":"onenet.command","params":{"payload":TEXT}}, bytes that are no UTF-8 text {"base64":...}.
 * 0: text_out holds the command (appended), *token_out its number; -ENOMEM; or a condition above.
 */
int onenet_commands_take(struct onenet_commands *c, struct ag_span uuid, struct ag_span payload,
                         struct ag_buf *text_out, uint64_t *token_out, struct ag_span *again_out);

/*
 * The application's answer ({"id":any,"result"|"error":...}) as the platform gets it: under the id that the command
 * carried, or without one. To an onenet.command, a result {"payload":TEXT} or {"base64":...} is sent as those bytes.
 * topic_out: "$crsp/<uuid>"; both appended. 0; -ENOENT: no such token (forgotten, or answered before); -ENOMEM;
 * -EINVAL: not an answer.
 */
int onenet_commands_answer(struct onenet_commands *c, uint64_t token, struct ag_span answer,
                           struct ag_buf *topic_out, struct ag_buf *payload_out);

/* Answers that could not be sent: marks one, and gives them back oldest first after the next login. */
void onenet_commands_unsent(struct onenet_commands *c, uint64_t token);
bool onenet_commands_next_unsent(struct onenet_commands *c, struct ag_buf *topic_out,
                                 struct ag_span *payload_out);

#endif
