/* SPDX-License-Identifier: MIT */
/*
 * The clouds of the list, each with a link of its own: whether it runs, whether there is a session, who waits for it. The
 * first of the list is the primary: the device's state and local.status speak of it. A link has a fixed place, its cloud's,
 * so that another list (SIGHUP) moves none that stays.
 *
 * What a cloud's events mean for commands and reports is its host's concern; what they mean for the device's state is here.
 *
 * Init, then go_online when the network is there; cloud_links_close() ends them all. The device outlives them.
 */
#ifndef CLIENT_CLOUD_LINKS_H
#define CLIENT_CLOUD_LINKS_H

#include "client/cloud/cloud.h"
#include "client/cloud/cloud_list.h"
#include "client/device/core/device_conf.h"
#include "client/device/device.h"
#include "libagent/core/backoff.h"
#include "libagent/core/json/json.h"
#include "libagent/core/list.h"
#include "libagent/core/log/log.h"

struct cloud_links;

/* What the rest of the client does for them; user is struct cloud_links_env's. A cloud is named by its place. */
struct cloud_links_host {
    /* view NULL: the text is no object with a method. wants_answer: cloud_links_answer() is expected, once. */
    void (*command)(void *user, unsigned place, uint64_t token, struct ag_span text, const struct ag_json_view *view,
                    bool wants_answer);
    /* Of a report, as in struct cloud_events. More may be given from then on. */
    void (*acked)(void *user, unsigned place, uint32_t id, struct ag_span answer);
    void (*failed)(void *user, unsigned place, uint32_t id, bool retry, int code, const char *message);
    /* It may take more. */
    void (*room)(void *user, unsigned place);
    /* The session has ended: what is under way to it will not be acknowledged. */
    void (*lost)(void *user, unsigned place);
    /* It has ended; started again, it may give the same tokens. */
    void (*gone)(void *user, unsigned place);
    /* The answer to a method of a cloud's own, with the application's id. */
    void (*answer)(void *user, unsigned peer, struct ag_span text);
    /* cloud.status has changed; text is the whole of it. */
    void (*status)(void *user, struct ag_span text);
    /* As struct cloud_env.device_info. */
    int (*device_info)(void *user, struct ag_buf *out);
    /* Another list, and the settings with its routes. 0, or -errno, which is in the log: the old one stays. */
    int (*list)(void *user, const struct cloud_list *list, const struct device_conf *fresh);
    /* One of those that cloud_links_close() ends is closed. */
    void (*closed)(void *user);
};

struct cloud_links_env {
    uv_loop_t *loop;
    struct device *device;
    const char *data_dir; /* ends in '/' */
    const struct cloud_links_host *host;
    void *user;
};

struct cloud_link {
    struct cloud_links *all;
    const struct cloud_ops *ops; /* NULL: not in the list */
    struct cloud *cloud;         /* NULL while stopped */
    struct cloud_env env;
    bool connected;
    bool stopping;
    bool restart;             /* start again when stop() is complete */
    struct device_conf fresh; /* while has_fresh: its next settings; the running cloud still borrows the present ones */
    bool has_fresh;
    uint64_t since_ms;    /* when it connected, started or was lost */
    uint64_t try_at_ms;   /* when the try under way began, or the next one does */
    uint64_t begin_at_ms; /* it could not start: when that is tried again; AG_NEVER: it could */
    struct ag_backoff begin_pauses;
    struct ag_list calls; /* struct cloud_call.link: applications that wait for a method of the cloud's own */
    struct ag_log_gate gate;
    bool loss_untold; /* too many lines: its return is not logged either */
    const char *word; /* as cloud.status reported it last; NULL: not yet */
};

struct cloud_links {
    struct cloud_links_env env;
    struct cloud_link at[CLOUDS_MAX]; /* by place */
    unsigned order[CLOUDS_MAX];       /* places in the order of the list */
    unsigned n;
    bool closing;
};

/* list: of cloud_list_parse(), for the call only. */
void cloud_links_init(struct cloud_links *c, const struct cloud_links_env *env, const char *list);
/*
 * Another list, with the settings that it was read from. A link that stays and whose settings are the same is not touched; one
 * with other settings starts again and keeps its reports; the rest end or begin.
 */
void cloud_links_take_list(struct cloud_links *c, const char *list, const struct device_conf *fresh);
/* The network is there: each one may be tried, or tried again now. */
void cloud_links_go_online(struct cloud_links *c);
/* What is under way is kept; they do not start again by themselves. */
void cloud_links_stop(struct cloud_links *c);
/* At the end of the client. closed() comes for each that was not stopped before, also within the call: cloud_links_n_open()
   tells how often. */
void cloud_links_close(struct cloud_links *c);
unsigned cloud_links_n_open(const struct cloud_links *c);

/* All start over now: they may have to go to another server. */
void cloud_links_kick(struct cloud_links *c);
/* The device was reset: vendors hear of it where the protocol has a way. */
void cloud_links_forget(struct cloud_links *c);
/* SIGHUP: certificates. */
void cloud_links_reload(struct cloud_links *c);
/* What miIO.info says has changed. */
void cloud_links_info_changed(struct cloud_links *c);

/* The answer to a command of theirs. 0 or -errno. */
int cloud_links_answer(struct cloud_links *c, unsigned place, uint64_t token, struct ag_span text);
/* As struct cloud_ops.report; -ENOTCONN: it is not in the list. */
int cloud_links_report(struct cloud_links *c, unsigned place, uint32_t id, struct ag_span text, const struct ag_json_view *view,
                       uint32_t at_s, bool repeat);
/* A session takes reports; there is room for one more; it could ever carry this text (0 or -errno). */
bool cloud_links_takes(const struct cloud_links *c, unsigned place);
bool cloud_links_has_room(const struct cloud_links *c, unsigned place);
int cloud_links_carries(const struct cloud_links *c, unsigned place, struct ag_span text);

/* A method of a cloud's own (onenet.publish ...), called by an application. true: answered by answer(), now or later. */
bool cloud_links_offer(struct cloud_links *c, unsigned peer, struct ag_span text, const struct ag_json_view *view);
/* Its answers go nowhere from now on. */
void cloud_links_forget_peer(struct cloud_links *c, unsigned peer);

/* When a cloud that could not start (no memory, an unreadable file) is tried again; AG_NEVER: none waits for that. */
uint64_t cloud_links_next_deadline(const struct cloud_links *c);
void cloud_links_tick(struct cloud_links *c, uint64_t now_ms);

/* Seconds until one of them must run, at most s; 0: busy now. */
unsigned cloud_links_wakeup_s(const struct cloud_links *c, unsigned s);
/* Those of the list, in its order. NULL: there is none at i. */
struct cloud_link *cloud_links_nth(const struct cloud_links *c, unsigned i);
bool cloud_link_is_running(const struct cloud_link *l);
/* Of cloud.status: "cloud_connected" ...; "off". */
const char *cloud_link_word(const struct cloud_link *l);
/* {"ot":"cloud_connected"}, appended. 0 or -ENOMEM. */
int cloud_links_put_words(const struct cloud_links *c, struct ag_buf *out);
/* "ot,mqtt"; "none". */
const char *cloud_links_names(const struct cloud_links *c, char out[CLOUD_LIST_MAX]);
void cloud_links_list(const struct cloud_links *c, struct cloud_list *out);

#endif
