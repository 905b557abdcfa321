/* SPDX-License-Identifier: MIT */
/*
 * From a device that belongs to nobody to one on its owner's network, and back: provisioning, joining, reset,
 * reboot, the request for an identity, and what an external helper's words mean. Events go in; decisions come
 * out, to be carried out in order, and what became of each is fed back:
 *
 *     setup_network(m, &facts, kind, &params);
 *     while (setup_next(m, &d))
 *         setup_carried(m, &facts, &d, carry_out(&d));   // 0 or -errno
 *
 * No file, program, socket or clock: what the machine needs to know about them comes as facts with each event; the shell
 * (client/setup/setup.c) gathers them and carries out the decisions.
 *
 * Invariants: of joining, access point, reset and reboot one program runs at a time; a request (network, reset, reboot, zone) is
 * answered by exactly one SETUP_DO_ANSWER; files are changed before the request is answered, and the network only after
 * SETUP_GRACE_MS, so that the answer still gets through.
 *
 * Source: Xiaomi Linux client document, sections 5 to 7, 10 and 11.
 */
#ifndef CLIENT_SETUP_MACHINE_H
#define CLIENT_SETUP_MACHINE_H

#include "client/device/core/device_files.h"
#include "client/local/core/local_cmd.h"
#include "client/setup/core/helper.h"

enum {
    SETUP_GRACE_MS = 500,          /* an answer needs the network that is about to go */
    SETUP_AGAIN_MS = 5000,         /* until the next attempt to start a program that lacked memory, a process or a descriptor */
    SETUP_HELPER_JOIN_MS = 360000, /* five tries of a minute, their pauses, the access point: the helper should speak earlier */
    SETUP_HELPER_MISSED_MS = 5000, /* how often it is logged that no helper has come */
    SETUP_IDENTITY_0_MS = 24 * 3600000, /* did 0: the server works in batches */
    SETUP_IDENTITY_1_MS = 30000
};

enum setup_state {
    SETUP_STARTING,   /* an external helper has not said yet whether there is a network */
    SETUP_AP,         /* nobody's: a phone may bring a network */
    SETUP_AP_OPENING, /* wifi_start.sh opens the access point */
    SETUP_WAITING,    /* a network has come: until the next try to join it */
    SETUP_JOINING,    /* wifi_start.sh joins it */
    SETUP_ASKED,      /* the external helper joins it */
    SETUP_JOINED,     /* the network is there */
    SETUP_LEAVING,    /* reset: the files are gone, the answer is on its way */
    SETUP_RESTORING   /* reset: miio_client_helper.sh restore */
};

/* What moves a state on; a request is checked first and then becomes one of these. */
enum setup_event {
    SETUP_EV_TIME,       /* its deadline has come */
    SETUP_EV_WELL,       /* its program ended with 0 */
    SETUP_EV_BADLY,      /* with anything else, or did not start */
    SETUP_EV_SAVED,      /* a network is in the files */
    SETUP_EV_RESET,      /* the owner's files are gone */
    SETUP_EV_FRESH,      /* the start found no network, or the helper says so */
    SETUP_EV_OWNED,      /* the start found one, or the helper says so */
    SETUP_EV_RESUMED,    /* the start found one that was never joined */
    SETUP_EV_CONNECTED,  /* the helper: joined */
    SETUP_EV_NOT_JOINED, /* the helper: not */
    SETUP_EV_HELPER_AP   /* the helper: the access point is open */
};

/* The platform's programs. The zone's and the identity's run beside the others. */
enum setup_program {
    SETUP_RUN_AP,      /* wifi_start.sh without wifi.conf */
    SETUP_RUN_JOIN,    /* wifi_start.sh */
    SETUP_RUN_RESTORE, /* miio_client_helper.sh VERB */
    SETUP_RUN_REBOOT,
    SETUP_RUN_ZONE,
    SETUP_RUN_IDENTITY
};

enum setup_reboot {
    SETUP_NO_REBOOT,
    SETUP_REBOOT_DUE, /* at after_ms, or when the program that runs has ended */
    SETUP_REBOOTING
};

enum setup_do {
    SETUP_DO_ANSWER,      /* n: 0, ROUTER_E_* or -errno, to who asked */
    SETUP_DO_STATE,       /* n: enum device_event, reported to applications */
    SETUP_DO_PROVISIONED, /* provisioned may have changed: what hello reveals depends on it */
    SETUP_DO_COUNTRY,     /* country is the one in use */
    SETUP_DO_ONLINE,      /* the network is there: the cloud may be tried, or tried again now */
    SETUP_DO_CLOUD_STOP,
    SETUP_DO_CLOUD_FORGET, /* what the cloud keeps of the owner */
    SETUP_DO_FRESH_TOKEN,  /* the last owner's files go, and a new token is in force */
    SETUP_DO_OWN_TOKEN,    /* the token of the file is in force */
    SETUP_DO_SET_TOKEN,    /* token is in force */
    SETUP_DO_SAVE,         /* params: country, uid and wifi.conf, all or none */
    SETUP_DO_END_TRIAL,    /* the mark in wifi.conf goes */
    SETUP_DO_DROP,         /* wifi.conf, uid and country go */
    SETUP_DO_FORGET,       /* reset: reports and files go, a new token is drawn for NEW_TOKEN */
    SETUP_DO_END_RESET,    /* the mark that FORGET left goes: the platform's programs have run */
    SETUP_DO_NEW_TOKEN,    /* the one that FORGET drew is in force; answers kept for phones go */
    SETUP_DO_REMOVE_ENAUTH,
    SETUP_DO_REMOVE_WIFI,
    SETUP_DO_FORGET_REPORTS,
    SETUP_DO_RUN,           /* n: enum setup_program; setup_ended() follows unless it fails */
    SETUP_DO_KILL,          /* the one that runs; setup_ended() does not follow */
    SETUP_DO_LINK_ZONE,     /* zone_link */
    SETUP_DO_ASK_ZONE,      /* the helper */
    SETUP_DO_ASK_JOIN,      /* the helper, with params */
    SETUP_DO_ASK_INFO,      /* the helper */
    SETUP_DO_STAGE,         /* n: enum helper_stage: what the helper is asked next */
    SETUP_DO_READ_IDENTITY, /* from device.conf: 0; -EAGAIN: there is still none */
    SETUP_DO_TAKE_IDENTITY, /* from text: the helper's device.conf lines */
    SETUP_DO_LOOK_AT_HOOKS, /* logs which of the platform's programs are missing */
    SETUP_DO_SAY            /* n: enum setup_say, to the log */
};

enum setup_say {
    SETUP_SAY_RESUMED,     /* going on with a network of the last run */
    SETUP_SAY_JOIN_FAILED, /* all tries are used up */
    SETUP_SAY_RESET,
    SETUP_SAY_RESET_RESUMED, /* going on with a reset of the last run */
    SETUP_SAY_HELPER_RESET,  /* the helper has reset the device */
    SETUP_SAY_NO_HELPER,
    SETUP_SAY_HELPER_MUTE, /* it did not say how joining ended */
    SETUP_SAY_BAD_TOKEN,   /* of the helper's */
    SETUP_SAY_IDENTITY,    /* it has come */
    SETUP_SAY_NO_IDENTITY, /* the program ended well, but there is none */
    SETUP_SAY_IDENTITY_LATER
};

struct setup_decision {
    enum setup_do what;
    int n;
    struct ag_span text; /* borrowed from the event */
};

struct setup_settings {
    bool external; /* an external helper keeps the files */
    bool wired;    /* no provisioning: the network is there */
    unsigned join_tries, join_pause_ms;
    unsigned identity_pause_ms; /* 0: as in the vendor's document */
};

/* What is there when the event comes. */
struct setup_facts {
    uint64_t now_ms;
    uint64_t did;   /* 0 and 1: none yet */
    bool has_model; /* device.conf names one */
    bool has_wifi, has_enauth;
    bool has_reset;   /* the mark of FORGET: a reset is not over */
    bool has_program; /* miio_client_helper.sh */
    bool has_zone_link;
    uint64_t uid;                         /* the owner's; 0: not known */
    char country[DEVICE_COUNTRY_MAX + 1]; /* of device.country; empty: none */
    bool has_trial;                       /* passed to setup_start(), setup_helper_wifi() and setup_helper_silent() only */
    struct wifi_conf trial;               /* when has_trial: the network of wifi.conf, never joined so far; holds a secret */
};

enum { SETUP_DECISIONS_MAX = 16 };

struct setup_machine {
    struct setup_settings settings;
    enum setup_state state;
    enum setup_reboot reboot;
    enum helper_stage stage; /* of an external helper */
    bool provisioned;        /* wifi.conf is there, or none is needed */
    unsigned tries;          /* to join the network under way */
    uint64_t at_ms;          /* deadline of WAITING, ASKED and LEAVING, and of the next start when wants_program */
    bool wants_program;      /* AP_OPENING and RESTORING: their program could not be started yet */
    uint64_t reboot_at_ms;
    uint64_t save_ms;      /* when to try again to store the joined network; AG_NEVER: it is stored */
    uint64_t country_ms;   /* when to try again to set the country; AG_NEVER: it is set */
    uint64_t no_helper_ms; /* when to log again that none has come; AG_NEVER: one has */
    bool wants_identity, identity_runs;
    uint64_t identity_at_ms;
    unsigned identity_pause_ms;
    bool network_is_asked, zone_is_asked; /* somebody waits for the answer */
    bool is_connected;                    /* the helper said so before it said whether there is a network */
    bool zone_runs, zone_is_set;
    bool params_are_old;                  /* wiped once no decision needs them */
    unsigned n_joined, n_failed;          /* since the start */
    uint64_t last_uid;                    /* the owner whose new network failed, until there is another; 0: none */
    char country[DEVICE_COUNTRY_MAX + 1]; /* the one that a phone brought; empty: none */
    char zone[64];
    char token[DEVICE_TOKEN_LEN + 1]; /* of SET_TOKEN; a secret */
    struct router_params params;      /* of the network under way, zero without one; holds a secret */
    struct setup_decision queue[SETUP_DECISIONS_MAX];
    unsigned n_queued, n_taken;
};

void setup_machine_init(struct setup_machine *m, const struct setup_settings *settings);
/* Wipes the secrets. */
void setup_machine_deinit(struct setup_machine *m);

/* ---- events ---- */

/* The process has started. An external helper's words lead on. */
void setup_start(struct setup_machine *m, const struct setup_facts *f);
/* SIGHUP: tries and pause of the settings, the country of the file. */
void setup_reload(struct setup_machine *m, const struct setup_facts *f, unsigned tries, unsigned pause_ms);
/* config_router. Answered by 0 (begun), ROUTER_E_UID, -EBUSY, -EPERM (a stranger, or a device that takes no
   network), or the -errno of the files, and then nothing has changed. */
void setup_network(struct setup_machine *m, const struct setup_facts *f, enum origin_kind from,
                   const struct router_params *params);
/* Answered by 0, or by an error when it could not be set. */
void setup_zone(struct setup_machine *m, const struct setup_facts *f, const char *zone);
/* miIO.restore and miIO.reboot when no application took them. Answered by 0, -ENOSYS (not possible here),
   -EBUSY, or the -errno of the disk, and then the reset has not taken place. */
void setup_reset(struct setup_machine *m, const struct setup_facts *f);
void setup_reboot(struct setup_machine *m, const struct setup_facts *f);
/* A program of RUN has ended; status 0: successfully. */
void setup_ended(struct setup_machine *m, const struct setup_facts *f, enum setup_program program, int status);
/* The time of setup_next_deadline() may have come. */
void setup_tick(struct setup_machine *m, const struct setup_facts *f);

/* The external helper: */
void setup_helper_heard(struct setup_machine *m); /* anything at all */
void setup_helper_identity(struct setup_machine *m, struct ag_span conf);
void setup_helper_token(struct setup_machine *m, struct ag_span token);
void setup_helper_country(struct setup_machine *m, struct ag_span country);
void setup_helper_wifi(struct setup_machine *m, const struct setup_facts *f, bool provisioned);
void setup_helper_connected(struct setup_machine *m, const struct setup_facts *f);
void setup_helper_failed(struct setup_machine *m, const struct setup_facts *f, enum helper_failure how);
void setup_helper_silent(struct setup_machine *m, const struct setup_facts *f); /* no answer to the question of this stage */

/* ---- decisions ---- */

/* Takes the next one. false: none left. */
bool setup_next(struct setup_machine *m, struct setup_decision *out);
/* What became of it: 0 or -errno. */
void setup_carried(struct setup_machine *m, const struct setup_facts *f, const struct setup_decision *d, int r);

/* AG_NEVER: none. */
uint64_t setup_next_deadline(const struct setup_machine *m);
/* Something is under way during which the device must not sleep. */
bool setup_is_busy(const struct setup_machine *m);
bool setup_is_joining(const struct setup_machine *m);
/* Whether the state reacts to that event. */
bool setup_state_knows(enum setup_state s, enum setup_event e);

#endif
