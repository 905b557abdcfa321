/* SPDX-License-Identifier: MIT */
/* Shared by the parts of setup_machine.*: the machine itself, joining, reset and reboot, the identity, the external helper. */
#ifndef CLIENT_SETUP_PART_H
#define CLIENT_SETUP_PART_H

#include "client/setup/core/setup_machine.h"

/* What a state does at an event. */
typedef void setup_act(struct setup_machine *m, const struct setup_facts *f);

/* Queues a decision. */
void setup_do(struct setup_machine *m, enum setup_do what, int n);
/* Lets the state's row of the table act; false: it has none for that. */
bool setup_step(struct setup_machine *m, const struct setup_facts *f, enum setup_event e);

static inline void setup_go(struct setup_machine *m, enum setup_state s)
{
    m->state = s;
    m->wants_program = false;
}

/* One of the programs that share a place runs. */
static inline bool setup_place_is_taken(const struct setup_machine *m)
{
    bool is_of_state = m->state == SETUP_AP_OPENING || m->state == SETUP_JOINING || m->state == SETUP_RESTORING;

    return (is_of_state && !m->wants_program) || m->reboot == SETUP_REBOOTING;
}

/* setup_join.c */
setup_act setup_join_begin, setup_join_try, setup_join_done, setup_join_missed, setup_join_resume;
setup_act setup_ap_go, setup_ap_run, setup_ap_open;
void setup_join_saved(struct setup_machine *m, const struct setup_facts *f, int r);
void setup_drop_network(struct setup_machine *m, const struct setup_facts *f);
void setup_forget_params(struct setup_machine *m);
void setup_set_provisioned(struct setup_machine *m, bool provisioned);
void setup_set_country(struct setup_machine *m, const char *country);
void setup_joined(struct setup_machine *m, const struct setup_facts *f); /* the network is there, whoever joined it */
void setup_zone_begin(struct setup_machine *m, const struct setup_facts *f, const char *zone, bool asked);
void setup_zone_carried(struct setup_machine *m, const struct setup_facts *f, enum setup_do what, int r);

/* setup_reset.c */
setup_act setup_reset_leave, setup_reset_go, setup_reset_resume, setup_restore_run;
void setup_reboot_tick(struct setup_machine *m, const struct setup_facts *f);

/* setup_identity.c */
void setup_online(struct setup_machine *m, const struct setup_facts *f); /* the network is there: the cloud, or a did first */
void setup_identity_tick(struct setup_machine *m, const struct setup_facts *f);
void setup_identity_ended(struct setup_machine *m, const struct setup_facts *f, int status);
void setup_identity_read(struct setup_machine *m, int r);

/* setup_dialogue.c */
setup_act setup_helper_fresh, setup_helper_owned, setup_helper_resume;
setup_act setup_asked_joined, setup_asked_failed, setup_asked_mute, setup_was_reset;
void setup_helper_carried(struct setup_machine *m, const struct setup_facts *f, enum setup_do what, int r);
void setup_ask_join(struct setup_machine *m);
void setup_helper_tick(struct setup_machine *m, const struct setup_facts *f);

#endif
