/* SPDX-License-Identifier: MIT */
/* Reset and reboot. The order of a reset: the owner's files go, the asker is told, the device forgets what it has in memory, a
   new token is in force, the access point opens. */
#include <errno.h>
#include <string.h>
#include "client/setup/core/setup_part.h"

void setup_reset(struct setup_machine *m, const struct setup_facts *f)
{
    (void) f;
    if (m->settings.external)
        setup_do(m, SETUP_DO_ANSWER, -ENOSYS);
    else if (m->state == SETUP_LEAVING) /* asked once more: it is on the disk already */
        setup_do(m, SETUP_DO_ANSWER, 0);
    else if (m->reboot == SETUP_REBOOT_DUE)
        setup_do(m, SETUP_DO_ANSWER, -EBUSY);
    else
        setup_do(m, SETUP_DO_FORGET, 0);
}

/* How the running program ends no longer matters. */
void setup_reset_leave(struct setup_machine *m, const struct setup_facts *f)
{
    if (setup_place_is_taken(m))
        setup_do(m, SETUP_DO_KILL, 0);
    m->reboot = SETUP_NO_REBOOT;
    m->at_ms = f->now_ms + SETUP_GRACE_MS;
    setup_go(m, SETUP_LEAVING);
}

static void run_programs(struct setup_machine *m, const struct setup_facts *f)
{
    if (f->has_program)
        setup_restore_run(m, f);
    else
        setup_ap_go(m, f);
}

void setup_reset_go(struct setup_machine *m, const struct setup_facts *f)
{
    setup_do(m, SETUP_DO_SAY, SETUP_SAY_RESET);
    setup_do(m, SETUP_DO_CLOUD_FORGET, 0);
    setup_do(m, SETUP_DO_CLOUD_STOP, 0);
    setup_do(m, SETUP_DO_FORGET_REPORTS, 0); /* once more: what came since */
    setup_do(m, SETUP_DO_NEW_TOKEN, 0);
    m->params_are_old = true;
    m->last_uid = 0;
    if (f->has_enauth) /* the last thing that the owner said */
        setup_do(m, SETUP_DO_REMOVE_ENAUTH, 0);
    setup_set_country(m, "");
    run_programs(m, f);
}

/* The last run ended before the maker's part was done or the access point open. */
void setup_reset_resume(struct setup_machine *m, const struct setup_facts *f)
{
    setup_do(m, SETUP_DO_SAY, SETUP_SAY_RESET_RESUMED);
    run_programs(m, f);
}

void setup_restore_run(struct setup_machine *m, const struct setup_facts *f)
{
    (void) f;
    setup_go(m, SETUP_RESTORING);
    setup_do(m, SETUP_DO_RUN, SETUP_RUN_RESTORE);
}

void setup_reboot(struct setup_machine *m, const struct setup_facts *f)
{
    if (m->settings.external || !f->has_program || m->state == SETUP_LEAVING || m->reboot == SETUP_REBOOT_DUE) {
        setup_do(m, SETUP_DO_ANSWER, -ENOSYS);
        return;
    }
    if (m->reboot == SETUP_NO_REBOOT) { /* or its program runs already */
        m->reboot = SETUP_REBOOT_DUE;
        m->reboot_at_ms = f->now_ms + SETUP_GRACE_MS;
    }
    setup_do(m, SETUP_DO_ANSWER, 0);
}

/* Unlike a reset it waits for the end of the program that runs. */
void setup_reboot_tick(struct setup_machine *m, const struct setup_facts *f)
{
    if (m->reboot != SETUP_REBOOT_DUE || setup_place_is_taken(m) || f->now_ms < m->reboot_at_ms)
        return;
    m->reboot = SETUP_REBOOTING;
    setup_do(m, SETUP_DO_RUN, SETUP_RUN_REBOOT);
}
