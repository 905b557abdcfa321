/* SPDX-License-Identifier: MIT */
/*
 * Inside the mqtt cloud: mqtt.c holds the session, reports and life, mqtt_sub.c the subscription to commands, mqtt_command.c
 * commands and their answers, mqtt_picture.c what others see of the device at the broker (its status and state), mqtt_ha.c what
 * Home Assistant is told; mqtt_ask.c gets the values for the state.
 */
#ifndef CLIENT_MQTT_PRIV_H
#define CLIENT_MQTT_PRIV_H

#include "libagent/core/json/json.h"
#include "client/cloud/cloud.h"
#include "client/cloud/mqtt/mqtt_conf.h"
#include "client/cloud/core/answer_box.h"
#include "client/cloud/mqtt/core/ha/ha_ask.h"
#include "client/cloud/mqtt/core/ha/ha_vacuum.h"
#include "client/cloud/mqtt/core/prop_state.h"
#include "client/cloud/core/broker_session.h"
#include "client/cloud/core/sub_ladder.h"
#include "client/cloud/io/mqtt_link.h"
#include "libagent/core/log/log.h"

struct open_command;

enum mqtt_topic { MQTT_T_COMMAND, MQTT_T_COMMAND_ACK, MQTT_T_REPORT, MQTT_T_STATUS, MQTT_T_STATE, MQTT_T_VACUUM, MQTT_N_TOPICS };

/* What a cookie of the link stands for: the kind above, a number below. */
enum mqtt_cookie_kind {
    MQTT_COOKIE_REPORT = 1,
    MQTT_COOKIE_ANSWER,
    MQTT_COOKIE_SUB_COMMAND, /* number: the QoS that was asked for */
    MQTT_COOKIE_SUB_STATE,
    MQTT_COOKIE_UNSUB_STATE,
    MQTT_COOKIE_SUB_BIRTH
};

static inline uint64_t mqtt_cookie(enum mqtt_cookie_kind kind, uint32_t n)
{
    return (uint64_t) kind << 32 | n;
}

/* Whether the state topic of an earlier run has been read back; only then it is written. */
enum mqtt_picture { PICTURE_UNKNOWN, PICTURE_READING, PICTURE_KNOWN };

/* mqtt_ha.c: Home Assistant. Times are AG_NEVER while nothing is due. */
struct mqtt_ha {
    uint64_t announce_ms; /* Home Assistant has started: it is told everything again at this time */
    uint64_t clear_ms;    /* the topics in wait are cleared then */
    struct ag_buf wait;   /* one topic per line */
    struct ha_vacuum_state vacuum;
};

/* mqtt_ask.c: the values for the state topic. */
struct mqtt_ask {
    struct ha_ask list;
    unsigned tries;  /* without an answer */
    uint64_t token;  /* of the open question; 0: none */
    uint64_t due_ms; /* the next question */
};

struct mqtt_cloud {
    struct cloud base;
    const struct cloud_env *env;
    struct mqtt_conf conf;
    struct mqtt_link *link;
    uv_timer_t retry, due; /* the next try; the next thing that is overdue in a session */
    struct broker_session broker;
    struct cloud_past past;
    unsigned server; /* of conf.servers, in use or tried next */
    const char *client_id;
    char default_id[32], did[24];
    char *topics[MQTT_N_TOPICS];
    struct sub_ladder sub_command, sub_state;
    struct open_command *commands; /* uthash, by token */
    struct answer_box answers;
    uint64_t next_token;
    struct prop_state state;
    enum mqtt_picture picture;
    uint64_t picture_due_ms; /* while reading: what was retained has come by then */
    bool wipe_state;         /* the device was reset: the last owner's state goes at the next login */
    bool online;             /* the command subscription is settled in this session */
    struct mqtt_ha ha;
    struct mqtt_ask ask;
    bool owes_online, owes_state; /* there was no room for them */
    struct ag_log_gate gate, not_sent;
    uint64_t properties_refused;
};

/* ---- mqtt.c ---- */

/* One line about something refused, and one more in its counter; lines that a peer can provoke are limited. */
void mqtt_cloud_refused(struct mqtt_cloud *m, uint64_t *counter, const char *what, const char *why);
/* Logs it, not too often. */
void mqtt_cloud_not_sent(struct mqtt_cloud *m, const char *what, struct ag_span topic, int r);
/* As mqtt_link_publish(); all but reports are urgent. */
int mqtt_cloud_publish(struct mqtt_cloud *m, const struct mqtt_link_msg *msg, uint64_t cookie);
/* Sets the timer for whatever is overdue next in this session. */
void mqtt_cloud_rearm(struct mqtt_cloud *m);

/* Leaves this server for the next one, at once. */
void mqtt_cloud_leave(struct mqtt_cloud *m);

/* ---- mqtt_sub.c: the subscription to commands ---- */

/* Logged in. */
void mqtt_sub_begin(struct mqtt_cloud *m);
/* The answer to a request with that QoS. */
void mqtt_sub_answered(struct mqtt_cloud *m, uint8_t asked, int result);
/* Time has passed. */
void mqtt_sub_overdue(struct mqtt_cloud *m, uint64_t now_ms);
/* The session has ended; cut: not by us. */
void mqtt_sub_lost(struct mqtt_cloud *m, bool cut, uint64_t now_ms);

/* ---- mqtt_command.c ---- */

void mqtt_commands_init(struct mqtt_cloud *m);
void mqtt_commands_deinit(struct mqtt_cloud *m);
void mqtt_command_come(struct mqtt_cloud *m, const struct mqtt_link_msg *msg);
int mqtt_command_answer(struct cloud *base, uint64_t token, struct ag_span text);
/* Sends what waits, as far as there is room. */
void mqtt_answers_send(struct mqtt_cloud *m);

/* ---- mqtt_picture.c ---- */

/* The command subscription is settled: "online", and the state, which is read back first when that is still to do. */
void mqtt_picture_online(struct mqtt_cloud *m);
void mqtt_picture_offline(struct mqtt_cloud *m);
/* Somebody may have missed them: "online" and the state once more. */
void mqtt_picture_again(struct mqtt_cloud *m);
/* There is room: what found none goes now. */
void mqtt_picture_room(struct mqtt_cloud *m);
/* A report has gone out. view: of its text, or NULL. */
void mqtt_picture_report(struct mqtt_cloud *m, struct ag_span text, const struct ag_json_view *view);
/* Something on the state topic. */
void mqtt_picture_come(struct mqtt_cloud *m, const struct mqtt_link_msg *msg);
void mqtt_picture_subscribed(struct mqtt_cloud *m, int result);
void mqtt_picture_unsubscribed(struct mqtt_cloud *m);
/* Time has passed. */
void mqtt_picture_overdue(struct mqtt_cloud *m, uint64_t now_ms);
uint64_t mqtt_picture_due_ms(const struct mqtt_cloud *m);
void mqtt_picture_lost(struct mqtt_cloud *m, uint64_t now_ms);
/* The device was reset. */
void mqtt_picture_forget(struct cloud *base);

/* ---- mqtt_ha.c ---- */

/* The list or model that settings name: 0, or -EINVAL with one line in why. */
int mqtt_ha_check(const struct mqtt_conf *conf, char *why, size_t n);
void mqtt_ha_deinit(struct mqtt_cloud *m);
/* A session is up: what the device is goes to Home Assistant. */
void mqtt_ha_connected(struct mqtt_cloud *m);
void mqtt_ha_announce(struct mqtt_cloud *m);
void mqtt_ha_subscribed(struct mqtt_cloud *m, int result);
/* false: the message is not Home Assistant's. */
bool mqtt_ha_come(struct mqtt_cloud *m, const struct mqtt_link_msg *msg);
void mqtt_ha_reload(struct mqtt_cloud *m);
uint64_t mqtt_ha_due_ms(const struct mqtt_cloud *m);
void mqtt_ha_overdue(struct mqtt_cloud *m, uint64_t now_ms);

/* ---- mqtt_ask.c ---- */

void mqtt_ask_deinit(struct mqtt_cloud *m);
/* From now on all that the model lets read; NULL: nothing. */
void mqtt_ask_all(struct mqtt_cloud *m, const struct model *model);
/* A command was carried out: properties that do not notify may have changed. */
void mqtt_ask_soon(struct mqtt_cloud *m);
/* false: not the answer to a question of ours. */
bool mqtt_ask_answer(struct mqtt_cloud *m, uint64_t token, struct ag_span text);
uint64_t mqtt_ask_due_ms(const struct mqtt_cloud *m);
void mqtt_ask_overdue(struct mqtt_cloud *m, uint64_t now_ms);

#endif
