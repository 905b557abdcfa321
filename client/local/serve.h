/* SPDX-License-Identifier: MIT */
/*
 * The methods that the client answers itself. core/local_cmd.h knows their forms and who may call them, the host does or tells
 * what they ask for. The answer is left in the caller's buffer; nothing is sent from here.
 */
#ifndef CLIENT_SERVE_H
#define CLIENT_SERVE_H

#include "client/device/device.h"
#include "client/device/io/net_info.h"
#include "client/local/core/local_cmd.h"
#include "libagent/core/json/json.h"
#include "libagent/core/log/log.h"

/* What keeps the device from sleeping. */
struct serve_work {
    bool busy;        /* something is under way */
    uint64_t next_ms; /* the next deadline; AG_NEVER: none */
};

/* What the rest of the client does for it; user is struct serve_env's. Results: 0 or -errno. */
struct serve_host {
    /* ---- asked ---- */
    void (*work)(void *user, struct serve_work *out);
    /* Seconds until a cloud must run, at most s; 0: busy now. */
    unsigned (*cloud_wakeup_s)(void *user, unsigned s);
    /* What the helper said about the device, an object; empty: nothing. */
    struct ag_span (*told_info)(void *user);
    void (*joins)(void *user, unsigned *joined_out, unsigned *failed_out);
    /* Objects, appended. */
    int (*put_status)(void *user, struct ag_buf *out);
    int (*put_counters)(void *user, struct ag_buf *out);
    int (*put_cloud_words)(void *user, struct ag_buf *out);
    /* ---- done ---- */
    void (*info_changed)(void *user); /* what miIO.info says has changed */
    int (*trust_owner_only)(void *user);
    int (*set_zone)(void *user, const char *zone);
    int (*set_network)(void *user, enum origin_kind from, const struct router_params *params); /* > 0: ROUTER_E_* */
    int (*reboot)(void *user);                                                                 /* -ENOSYS: nobody can */
    int (*reset)(void *user);
    /* A text of the helper's. false: it means nothing here. */
    bool (*helper_text)(void *user, unsigned peer, struct ag_span method, struct ag_span text, const struct ag_json_view *view);
};

struct serve_env {
    uv_loop_t *loop;
    struct device *device;
    bool external_helper;
    struct ag_log_gate *log; /* for lines that others can cause */
    const struct serve_host *host;
    void *user;
};

struct serve {
    struct serve_env env;
    struct net_info *net; /* borrowed; NULL: read from the kernel each time */
    struct mcu_info mcu;  /* as its bridge reported */
    uint64_t n_not_permitted, n_bad_form;
};

void serve_init(struct serve *s, const struct serve_env *env);

/* true: it was one of them, and out, empty before, has the answer, if any, under the asker's id. false: *tag_out is for
   serve_fallback(). Secrets in text are wiped. */
bool serve_method(struct serve *s, struct origin from, struct ag_span text, const struct ag_json_view *view, struct ag_buf *out,
                  unsigned *tag_out);
/* What no application took, e.g. miIO.reboot. true: done, and out has the answer under the id 0, or nothing. */
bool serve_fallback(struct serve *s, unsigned tag, struct ag_buf *out);

/* The object of miIO.info and _otc.info, appended. 0 or -ENOMEM. */
int serve_put_info(struct serve *s, struct ag_buf *out, bool with_token);
/* From device.conf, or else the MCU's; may be empty. */
const char *serve_model(const struct serve *s);

#endif
