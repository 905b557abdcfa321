/* SPDX-License-Identifier: MIT */
/*
 * The clouds of the list, each with a link of its own: whether it runs, whether there is a session, who waits for it. The
 * first of the list is the primary: the device's state and local.status speak of it. A link has a fixed place, its cloud's,
 * so that another list (SIGHUP) moves none that stays.
 *
 * Part of the client: what a cloud's events mean for commands, uplink and reports is here and nowhere else.
 */
#ifndef CLIENT_CLOUD_LINK_H
#define CLIENT_CLOUD_LINK_H

#include "client/cloud/cloud.h"
#include "client/cloud/cloud_list.h"
#include "client/device/core/device_conf.h"
#include "client/local/core/origin.h"
#include "libagent/core/json/json.h"
#include "libagent/core/list.h"

struct client;

struct cloud_link {
    struct client *client;
    const struct cloud_ops *ops; /* NULL: not in the list */
    struct cloud *cloud;         /* NULL while stopped */
    struct cloud_env env;
    bool connected;
    bool stopping;
    bool restart;             /* start again when stop() is complete */
    struct device_conf fresh; /* settings for then, while has_fresh: those of now are lent to it until it has gone */
    bool has_fresh;
    uint64_t since_ms;    /* when it came, started or went */
    uint64_t try_at_ms;   /* when the try under way began, or the next one does */
    struct ag_list calls; /* struct cloud_call.link: applications that wait for a method of the cloud's own */
    const char *word;     /* as cloud.status told last; NULL: not yet */
};

struct cloud_links {
    struct cloud_link at[CLOUDS_MAX]; /* by place */
    unsigned order[CLOUDS_MAX];       /* places in the order of the list */
    unsigned n;
};

/* list: of cloud_list_parse(). */
void cloud_links_init(struct client *c, const char *list);
/*
 * Another list, with the settings that it was read from. A link that stays with its settings as they were is not touched; one
 * with others starts again, its reports kept; the others end or begin.
 */
void cloud_links_take_list(struct client *c, const char *list, const struct device_conf *fresh);
/* The network is there: each one may be tried, or tried again now. */
void cloud_links_go_online(struct client *c);
/* Starts those that do not run. */
void cloud_links_start(struct client *c);
void cloud_links_stop(struct client *c, bool restart);
/* At the end of the client: each one that runs counts as open until it is gone. */
void cloud_links_close(struct client *c);

/* They may have to go to another server. */
void cloud_links_kick(struct client *c);
/* The device was reset: vendors that offer a way hear of it. */
void cloud_links_forget(struct client *c);
/* SIGHUP: certificates. */
void cloud_links_reload(struct client *c);
/* What miIO.info says has changed. */
void cloud_links_info_changed(struct client *c);

/* The answer to a command of theirs. 0 or -errno. */
int cloud_links_answer(struct client *c, struct origin to, struct ag_span text);
/* A method of a cloud's own (onenet.publish ...). true: it has taken it. */
bool cloud_link_offer(struct client *c, unsigned peer, struct ag_span text, const struct ag_json_view *view);
void cloud_link_forget_peer(struct client *c, unsigned peer);

/* Seconds until one of them must run, at most s; 0: busy now. */
unsigned cloud_links_wakeup_s(const struct client *c, unsigned s);
/* Those that are there, in the order of the list. NULL: no more. */
struct cloud_link *cloud_links_nth(const struct client *c, unsigned i);
/* "ot,mqtt"; "none". */
const char *cloud_links_names(const struct client *c, char out[CLOUD_LIST_MAX]);
bool cloud_link_takes(const struct cloud_link *l);
void cloud_links_list(const struct client *c, struct cloud_list *out);

/* ---- between cloud_link.c, cloud_links.c and cloud_call.c ---- */

extern const struct cloud_events cloud_link_events;
bool cloud_link_is_running(const struct cloud_link *l);
void cloud_link_begin(struct cloud_link *l);
void cloud_link_end(struct cloud_link *l, bool restart);
void cloud_link_go_online(struct cloud_link *l);
/* What has come with another list. When the cloud is gone. */
void cloud_link_take_fresh(struct cloud_link *l);
/* With several clouds, when one of their words is another one: cloud.status. */
void cloud_links_tell_words(struct client *c);
void cloud_calls_end(struct cloud_link *l);

#endif
