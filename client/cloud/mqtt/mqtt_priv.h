/*
 * Inside the mqtt cloud: mqtt.c holds the session, reports and life, mqtt_command.c commands and their answers,
 * mqtt_picture.c what others see of the device at the broker: its status, state and discovery messages.
 */
#ifndef CLIENT_MQTT_PRIV_H
#define CLIENT_MQTT_PRIV_H

#include "client/cloud/cloud.h"
#include "client/cloud/mqtt/mqtt_conf.h"
#include "client/cloud/core/answer_box.h"
#include "client/cloud/mqtt/core/prop_state.h"
#include "client/cloud/core/reconnect.h"
#include "client/cloud/core/sub_ladder.h"
#include "client/cloud/io/mqtt_link.h"
#include "libagent/core/list.h"
#include "libagent/core/log.h"

enum mqtt_topic {
    MQTT_T_COMMAND,
    MQTT_T_COMMAND_ACK,
    MQTT_T_REPORT,
    MQTT_T_STATUS,
    MQTT_T_STATE,
    MQTT_N_TOPICS
};

/* What a cookie of the link stands for: the kind above, a number below. */
enum mqtt_cookie_kind {
    MQTT_COOKIE_REPORT = 1,
    MQTT_COOKIE_ANSWER,
    MQTT_COOKIE_SUB_COMMAND, /* number: the QoS that was asked for */
    MQTT_COOKIE_SUB_STATE,
    MQTT_COOKIE_UNSUB_STATE
};

static inline uint64_t mqtt_cookie(enum mqtt_cookie_kind kind, uint32_t n)
{
    return (uint64_t) kind << 32 | n;
}

/* Whether the state topic of an earlier run has been read back; only then it is written. */
enum mqtt_picture { PICTURE_UNKNOWN, PICTURE_READING, PICTURE_KNOWN };

struct mqtt_counters {
    uint64_t commands; /* given to applications */
    uint64_t commands_refused;
    uint64_t answers_refused; /* replaced by an error: too large, or none */
    uint64_t properties_refused;
    uint64_t subscriptions_refused;
};

struct mqtt_cloud {
    struct cloud base;
    const struct cloud_env *env;
    struct mqtt_conf conf;
    struct mqtt_link *link;
    uv_timer_t retry, due; /* the next try; the next thing that is overdue in a session */
    struct reconnect reconnect;
    unsigned server; /* of conf.servers, in use or tried next */
    char client_id[64], did[24];
    char *topics[MQTT_N_TOPICS];
    struct sub_ladder sub_command, sub_state;
    struct ag_list commands; /* struct open_command */
    struct answer_box answers;
    uint64_t next_token;
    struct ag_list in_flight; /* struct in_flight: reports in the link's window */
    struct prop_state state;
    enum mqtt_picture picture;
    uint64_t picture_due_ms; /* reading, all that was kept has been asked for: it has come by then */
    bool wipe_state;         /* the device was reset: the last owner's state goes at the next login */
    bool online;             /* the command subscription is settled in this session */
    bool owes_online, owes_state; /* the line had no room for them */
    struct ag_log_gate gate;
    struct mqtt_counters count;
    uint64_t last_sent_ms;
    bool stopping;
    unsigned n_open; /* link and timers that are still to close */
};

/* ---- mqtt.c ---- */

/* One line about something refused, and one more in its counter; lines that a peer can provoke are limited. */
void mqtt_cloud_refused(struct mqtt_cloud *m, uint64_t *counter, const char *what, const char *why);
/* As mqtt_link_publish(); all but reports are urgent. */
int mqtt_cloud_publish(struct mqtt_cloud *m, const struct mqtt_link_msg *msg, uint64_t cookie);
/* Sets the timer for whatever is overdue next in this session. */
void mqtt_cloud_rearm(struct mqtt_cloud *m);

/* ---- mqtt_command.c ---- */

void mqtt_commands_init(struct mqtt_cloud *m);
void mqtt_commands_deinit(struct mqtt_cloud *m);
void mqtt_command_come(struct mqtt_cloud *m, const struct mqtt_link_msg *msg);
int mqtt_command_answer(struct cloud *base, uint64_t token, struct ag_span text);
/* Sends what waits, as far as there is room. */
void mqtt_answers_send(struct mqtt_cloud *m);

/* ---- mqtt_picture.c ---- */

/* A session is up: discovery messages go. */
void mqtt_picture_discovery(struct mqtt_cloud *m);
/* The command subscription is settled: "online", and the state, which is read back first when that is still to do. */
void mqtt_picture_online(struct mqtt_cloud *m);
void mqtt_picture_offline(struct mqtt_cloud *m);
/* There is room: what found none before goes now. */
void mqtt_picture_room(struct mqtt_cloud *m);
/* A report has gone out. */
void mqtt_picture_report(struct mqtt_cloud *m, struct ag_span text);
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

#endif
