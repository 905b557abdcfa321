/* SPDX-License-Identifier: MIT */
/*
 * Provisioning, reset, identity and helper of one device: finds out what is there, asks the setup machine
 * (core/setup_machine.h), and carries out its decisions: files, the platform's programs, the external helper's texts. For
 * everything else it asks its host.
 *
 * Init, open, then a tick at each setup_link_next_deadline(); setup_link_close() kills the programs that run, and after
 * setup_link_deinit() the struct may go.
 */
#ifndef CLIENT_SETUP_H
#define CLIENT_SETUP_H

#include <uv.h>
#include "client/device/core/device_state.h"
#include "client/device/io/data_dir.h"
#include "client/setup/core/setup_machine.h"
#include "client/setup/io/hook.h"
#include "libagent/core/log/log.h"

/* What the rest of the client does for it. */
struct setup_host {
    void (*state)(void *user, enum device_event ev);
    /* The token that phones and the cloud are to use. 0 or -errno. */
    int (*set_token)(void *user, const char token[DEVICE_TOKEN_LEN + 1]);
    void (*owner_gone)(void *user);  /* answers kept for phones are forgotten */
    void (*provisioned)(void *user); /* setup_link_reveals_token() may have changed */
    void (*identity)(void *user);    /* the conf has another did, key, mac, model or vendor */
    void (*country)(void *user);     /* the conf has another country */
    void (*online)(void *user);      /* the cloud may be tried, or tried again now */
    void (*cloud_stop)(void *user);
    void (*cloud_forget)(void *user);
    int (*forget_reports)(void *user);                            /* 0 or -errno */
    void (*send)(void *user, unsigned peer, struct ag_span text); /* to the helper's socket */
    void (*is_helper)(void *user, unsigned peer);                 /* it said hello */
};

struct setup_env {
    uv_loop_t *loop;
    const struct data_dir *dir;
    struct device_conf *conf;
    const char *hooks;   /* folder of the platform's programs; NULL: the data directory, then share/miio */
    const char *country; /* NULL: what the phone brought */
    const struct setup_host *host;
    void *user;
};

struct setup {
    struct setup_env env;
    struct setup_machine machine;
    struct helper helper;                 /* the external one */
    struct hook *place, *zone, *identity; /* the programs that run; NULL: none */
    int last_status;                      /* of the program that asks for an identity */
    int answer, start_result;
    bool draining;
    char new_token[DEVICE_TOKEN_LEN + 1]; /* after a reset, while the last answer leaves under the old one; a secret */
    char unstored[DEVICE_TOKEN_LEN + 1];  /* the token in force that the disk did not take; empty: it has it; a secret */
    struct ag_buf info;                   /* params of the helper's last _internal.info, an object; empty: none */
    struct ag_log_gate gate;              /* for lines that a helper can provoke */
};

void setup_link_init(struct setup *s, const struct setup_env *env, const struct setup_settings *settings);
/* Goes through the boot order as far as it can. 0 or -errno with one line in error. */
int setup_link_open(struct setup *s, char error[DATA_ERROR_MAX]);
void setup_link_close(struct setup *s);
void setup_link_deinit(struct setup *s);

/* Requests; core/setup_machine.h says what their answers mean. */
int setup_link_network(struct setup *s, enum origin_kind from, const struct router_params *params);
int setup_link_zone(struct setup *s, const char *zone);
int setup_link_reset(struct setup *s);
int setup_link_reboot(struct setup *s);
/* miIO.config enauth: only the owner's phone from now on. 0 or -errno. */
int setup_link_trust_owner_only(struct setup *s);

/* An _internal.* text, or local.status of an external helper. false: it means nothing here, which has been logged. */
bool setup_link_helper_text(struct setup *s, unsigned peer, struct ag_span method, struct ag_span text,
                            const struct ag_json_view *view);
void setup_link_peer_gone(struct setup *s, unsigned peer);

void setup_link_reload(struct setup *s, unsigned join_tries, unsigned join_pause_ms);
void setup_link_tick(struct setup *s, uint64_t now_ms);
/* AG_NEVER: none. */
uint64_t setup_link_next_deadline(const struct setup *s);

/* How many of the platform's programs are missing; their names are in out. */
unsigned setup_link_missing_programs(const struct setup *s, const char *out[2]);
/* hello may reveal the token: the device belongs to nobody. */
bool setup_link_reveals_token(const struct setup *s);
/* A helper has ever come, or none is needed. */
bool setup_link_has_helper(const struct setup *s);

#endif
