/* SPDX-License-Identifier: MIT */
/*
 * The one interface between the client and a cloud. cloud= in device.conf lists the clouds in use; an application written
 * once works on all of them. Each implementation has a folder of its own here: ot, gizwits, onenet, mqtt.
 *
 * Everything here happens on the loop's thread. A cloud owns its connections, timers and threads, and frees them
 * between stop() and its on_closed. It never touches LAN, local sockets or files outside its own state
 * directory (env->data_dir).
 *
 * A command from a cloud is a JSON text {"id"?,"method","params"} as it came (or as the cloud translated it), plus a
 * token: a number that the cloud chose and that answer() gives back. It stands for the wire id, the uuid, or the sender and
 * serial number. A report is a JSON text {"id","method","params"} whose id is already the client's own,
 * report_id; acked() or failed() names that id exactly once, unless the cloud is stopped first.
 */
#ifndef CLIENT_CLOUD_H
#define CLIENT_CLOUD_H

#include <stdbool.h>
#include <uv.h>
#include "client/cloud/core/cloud_facts.h"
#include "client/cloud/core/counter.h"
#include "libagent/core/buf.h"
#include "libagent/core/json/json.h"

struct cloud;

/* Bytes of a command's id as its sender wrote it; a longer one is refused with -32600. */
enum { CLOUD_ID_MAX = 128 };

/* A cloud's events. user is cloud_env.user. Spans are borrowed for the time of the call. */
struct cloud_events {
    /* The session is up: the first message that proves it has come. Again after each lost(). */
    void (*connected)(void *user);
    /* The session ended, or a try failed; the cloud tries again by itself. why is for the log. */
    void (*lost)(void *user, const char *why);
    /* A command; wants_answer: answer(token) is expected, once. */
    void (*command)(void *user, uint64_t token, struct ag_span text, bool wants_answer);
    /* answer: the object that the application gets, without its id, e.g. {"result":["ok"]}. */
    void (*acked)(void *user, uint32_t report_id, struct ag_span answer);
    /* It could not be delivered now. retry: keep it and give it again after the next connected(). */
    void (*failed)(void *user, uint32_t report_id, bool retry, int code, const char *message);
    /* Reports that met -ENOBUFS can be offered again. acked() and failed() say so too; this one comes when it was something
       else that filled the line. NULL where the client does not care. */
    void (*room)(void *user);
    /* The server told the time; NULL where the client does not care. */
    void (*time_known)(void *user, int64_t unix_s);
    /* stop() is complete: nothing of this cloud is open. */
    void (*closed)(void *user);
};

/* What the client gives a cloud. Everything is borrowed and outlives the cloud. */
struct cloud_env {
    uv_loop_t *loop;
    const struct device_conf *conf; /* identity and the cloud's own keys, see client/device/core/device_conf.h */
    const struct cloud_events *events;
    void *user;
    const char *data_dir;  /* ends in '/' */
    const char *token_hex; /* the device token as 32 hex digits; a secret */
    /* Appends the params of _otc.info and miIO.info, a JSON object. 0 or -ENOMEM. */
    int (*device_info)(void *user, struct ag_buf *out);
};

/* The clouds' places. They are bits in the store's file and never change; a new cloud gets the next one. */
enum cloud_place { CLOUD_OT, CLOUD_GIZWITS, CLOUD_ONENET, CLOUD_MQTT, CLOUDS_MAX };

struct cloud_ops {
    const char *name; /* "ot", ... */
    enum cloud_place place;
    /* Checks the configuration: 0, or -EINVAL with one line (key and reason) in why. No side effects. */
    int (*check)(const struct device_conf *conf, char *why, size_t n);
    int (*create)(struct cloud **out, const struct cloud_env *env); /* 0, -ENOMEM, -EINVAL */
    void (*start)(struct cloud *c);
    /* Ends in events.closed; the struct is freed after that call. */
    void (*stop)(struct cloud *c);
    /*
     * Sends a report. 0: acked() or failed() will follow (also within this call); -ENOTCONN: not connected;
     * -EMSGSIZE, -EINVAL: this cloud cannot carry it (nothing follows); -ENOBUFS: window full, offer it again later.
     * view: of the text, when it has been scanned; NULL: it has not. Borrowed.
     * at_s: when the application reported it, Unix seconds; 0: just now, or at a time that nobody knows.
     * repeat: it may have been sent before under the same id.
     */
    int (*report)(struct cloud *c, uint32_t report_id, struct ag_span text, const struct ag_json_view *view, uint32_t at_s,
                  bool repeat);
    /* report() would not return -ENOBUFS now, whatever else it returns. false: acked(), failed() or room() follows once that
       has changed. NULL: not known. */
    bool (*has_room)(struct cloud *c);
    /*
     * Whether report() could ever take this text, in whatever state the connection is: 0, or -EMSGSIZE, -EINVAL as report()
     * would return, so that an application hears the same while the cloud is away. -ENOMEM. NULL: it takes every report.
     */
    int (*carries)(const struct device_conf *conf, struct ag_span text);
    /*
     * The answer to a command: text is {"id"?:<whatever>,"result"|"error"...}; the cloud puts its own id in. 0: taken:
     * it leaves at once, or when the line has room, or after the next login; a cloud that may find no room for an answer
     * refuses the command before it gives it to command(). What is lost all the same is in a counter. -ENOENT: nothing
     * is open under this token (answered before, or forgotten by a reset).
     */
    int (*answer)(struct cloud *c, uint64_t token, struct ag_span text);
    /*
     * A method that belongs to this cloud (onenet.*, gizwits.*), called by an application. 0: answered through
     * done(user, text) later or at once, text as in answer(); -ENOSYS: not a method of this cloud. May be NULL.
     */
    int (*local_method)(struct cloud *c, struct ag_span method, struct ag_span params,
                        void (*done)(void *user, struct ag_span text), void *user);
    /* Drop the link and start over now (Wi-Fi joined, wake-up). */
    void (*kick)(struct cloud *c);
    /* Seconds until the cloud must run again: its keepalive, or the next try while it is away. 0: busy now, also while a try
       is under way. For suspend. */
    unsigned (*wakeup_s)(struct cloud *c);
    /* The device was reset: tells the vendor, if the protocol has a way. May be NULL. */
    void (*forget)(struct cloud *c);
    /* ms until the next try while there is no session; AG_NEVER: none is waited for. May be NULL. */
    uint64_t (*next_try_ms)(const struct cloud *c);
    /* What device_info() says has changed: the vendor is told soon. May be NULL. */
    void (*info_changed)(struct cloud *c);
    /* SIGHUP: certificates and the like are read again. May be NULL. */
    void (*reload)(struct cloud *c);
    /* Tells every counter since the start; what was dropped begins with "cloud.dropped.", what was refused with
       "cloud.refused.". May be NULL. */
    void (*counters)(const struct cloud *c, counter_fn *tell, void *user);
    /* Its condition; out is all zero before the call. May be NULL. */
    void (*facts)(const struct cloud *c, struct cloud_facts *out);
};

/* First member of every implementation's struct. */
struct cloud {
    const struct cloud_ops *ops;
};

/*
 * The clouds of this build, as the program lists them (client/cloud/built/clouds.c). NULL when none has that name; "none"
 * is NULL too.
 */
const struct cloud_ops *cloud_find(const char *name);

#endif
