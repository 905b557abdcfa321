/* SPDX-License-Identifier: MIT */
/* The decisions of the setup machine, carried out. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include "client/setup/setup_priv.h"

static int set_token(struct setup *s, char token[DEVICE_TOKEN_LEN + 1], int r)
{
    if (r == 0)
        r = s->env.host->set_token(s->env.user, token);
    explicit_bzero(token, DEVICE_TOKEN_LEN + 1);
    return r;
}

/* If the disk does not take it, it is stored with the network: else the owner's phone would be shut out after the next start. */
static void note_token(struct setup *s, const char token[DEVICE_TOKEN_LEN + 1], bool stored)
{
    explicit_bzero(s->unstored, sizeof s->unstored);
    if (!stored)
        memcpy(s->unstored, token, sizeof s->unstored);
}

static void note_token_by_file(struct setup *s, const char token[DEVICE_TOKEN_LEN + 1])
{
    note_token(s, token, data_dir_keeps_token(s->env.dir, token));
}

static int own_token(struct setup *s)
{
    char token[DEVICE_TOKEN_LEN + 1] = "";
    int r;

    if (!s->machine.settings.external) /* the helper may be writing */
        data_dir_sweep(s->env.dir);
    r = data_dir_settle_token(s->env.dir, token);
    if (r == 0)
        note_token(s, token, data_dir_has(s->env.dir, DATA_TOKEN)); /* one that is not understood stays as it is */
    return set_token(s, token, r);
}

static int fresh_token(struct setup *s)
{
    char token[DEVICE_TOKEN_LEN + 1] = "";
    int r = setup_files_fresh_token(s->env.dir, token);

    if (r == 0)
        note_token_by_file(s, token);
    return set_token(s, token, r);
}

/* Its script may have it in memory only, and be gone when the network comes. */
static int helpers_token(struct setup *s)
{
    int r = s->env.host->set_token(s->env.user, s->machine.token);

    if (r == 0)
        note_token_by_file(s, s->machine.token);
    return r;
}

/* If the disk takes nothing, a reset is refused before anything is given up, even reports in memory. */
static int look_at_disk(const struct setup *s, const char *token)
{
    struct ag_file_stage probe = AG_FILE_STAGE_INIT;
    int r = data_dir_stage(s->env.dir, DATA_TOKEN, (struct ag_span){token, DEVICE_TOKEN_LEN}, &probe);

    ag_file_stage_drop(&probe);
    return r == -ENOSPC || r == -EDQUOT ? 0 : r; /* removing makes room */
}

static int forget(struct setup *s)
{
    char token[DEVICE_TOKEN_LEN + 1];
    int r = data_dir_draw_token(token);

    if (r == 0)
        r = look_at_disk(s, token);
    if (r == 0)
        r = s->env.host->forget_reports(s->env.user);
    if (r == 0) {
        data_dir_write(s->env.dir, DATA_RESET, (struct ag_span){"", 0}); /* a full disk has none: then nothing can be resumed */
        r = data_dir_forget_owner(s->env.dir, token);
        if (r < 0 && data_dir_has(s->env.dir, DATA_WIFI))
            data_dir_remove(s->env.dir, DATA_RESET);
    }
    if (r == 0)
        memcpy(s->new_token, token, sizeof s->new_token);
    else
        ag_log(AG_LOG_ERROR, "reset: %s: refused", strerror(-r));
    explicit_bzero(token, sizeof token);
    return r;
}

static int new_token(struct setup *s)
{
    int r;

    note_token_by_file(s, s->new_token);
    r = set_token(s, s->new_token, 0);
    if (r < 0)
        ag_log(AG_LOG_ERROR, "no new token: %s", strerror(-r));
    s->env.host->owner_gone(s->env.user);
    return r;
}

static int save(struct setup *s)
{
    int r = setup_files_save(s->env.dir, &s->machine.params, s->unstored[0] ? s->unstored : NULL);

    if (r == 0)
        explicit_bzero(s->unstored, sizeof s->unstored);
    else
        ag_log(AG_LOG_ERROR, "%s%s: %s", s->env.dir->path, DATA_WIFI, strerror(-r));
    return r;
}

static int end_trial(struct setup *s)
{
    int r = data_dir_end_trial(s->env.dir);

    if (r < 0)
        ag_log(AG_LOG_WARNING, "%s%s: %s: the next start joins again", s->env.dir->path, DATA_WIFI, strerror(-r));
    return r;
}

static int link_zone(struct setup *s)
{
    int r = setup_files_link_zone(s->env.conf, s->machine.zone);

    if (r < 0)
        ag_log_gated(&s->gate, uv_now(s->env.loop), AG_LOG_WARNING, "zone %s: %s", s->machine.zone, strerror(-r));
    return r;
}

static int read_identity(struct setup *s)
{
    char error[DATA_ERROR_MAX];
    struct device_conf fresh;
    int r = data_dir_load_conf(s->env.dir, &fresh, error);

    if (r < 0) {
        ag_log(AG_LOG_ERROR, "%s", error);
        return -EINVAL;
    }
    if (!identity_is_missing(fresh.did)) {
        setup_files_take_identity(s->env.conf, &fresh);
        s->env.host->identity(s->env.user);
    } else {
        r = -EAGAIN;
    }
    device_conf_deinit(&fresh);
    return r;
}

static int take_identity(struct setup *s, struct ag_span conf)
{
    struct device_conf_error err;
    struct device_conf fresh;
    int r = device_conf_parse(&fresh, conf.p, conf.len, &err);

    if (r < 0) {
        ag_log_gated(&s->gate, uv_now(s->env.loop), AG_LOG_ERROR, "the helper's identity: %s", err.why);
        return r;
    }
    setup_files_take_identity(s->env.conf, &fresh);
    device_conf_deinit(&fresh);
    s->env.host->identity(s->env.user);
    return 0;
}

/* An option beats what a phone brought. */
static int use_country(struct setup *s)
{
    const char *next = s->env.country ? s->env.country : s->machine.country, *now = device_conf_get(s->env.conf, "country");
    int r;

    if (strcmp(next, now ? now : "") == 0)
        return 0;
    r = device_conf_set(s->env.conf, "country", next);
    if (r < 0) {
        ag_log(AG_LOG_ERROR, "country: out of memory");
        return r;
    }
    ag_log(AG_LOG_INFO, "country %s", next[0] ? next : "not given: mainland");
    s->env.host->country(s->env.user);
    return 0;
}

static void say(struct setup *s, enum setup_say what)
{
    const struct setup_machine *m = &s->machine;

    switch (what) {
    case SETUP_SAY_RESUMED:
        ag_log(AG_LOG_INFO, "the last run ended while it joined \"%s\": going on", m->params.wifi.ssid);
        break;
    case SETUP_SAY_JOIN_FAILED:
        ag_log(AG_LOG_WARNING, "joining \"%s\" failed %u times, back to the access point", m->params.wifi.ssid, m->tries);
        break;
    case SETUP_SAY_RESET:
        ag_log(AG_LOG_WARNING, "reset: the device forgets its network and its owner");
        break;
    case SETUP_SAY_RESET_RESUMED:
        ag_log(AG_LOG_INFO, "the last run ended during a reset: going on");
        break;
    case SETUP_SAY_HELPER_RESET:
        ag_log(AG_LOG_WARNING, "the helper is in AP mode: the device has been reset");
        break;
    case SETUP_SAY_NO_HELPER:
        ag_log(AG_LOG_WARNING, "no helper has come: is miio_client_helper.sh running?");
        break;
    case SETUP_SAY_HELPER_MUTE:
        ag_log(AG_LOG_WARNING, "the helper did not say how joining ended");
        break;
    case SETUP_SAY_BAD_TOKEN:
        ag_log_gated(&s->gate, uv_now(s->env.loop), AG_LOG_ERROR,
                     "the helper's token is neither 16 printable characters nor 32 hex digits");
        break;
    case SETUP_SAY_IDENTITY:
        ag_log(AG_LOG_INFO, "identity received: did %" PRIu64, s->env.conf->did);
        break;
    case SETUP_SAY_NO_IDENTITY:
        ag_log(AG_LOG_WARNING, "the identity program ended well, but device.conf has no did yet");
        break;
    case SETUP_SAY_IDENTITY_LATER:
        ag_log(AG_LOG_INFO, "no identity yet (%d), again in %u s", s->last_status, m->identity_pause_ms / 1000);
        break;
    }
}

static void kill_place(struct setup *s)
{
    hook_cancel(s->place);
    s->place = NULL;
}

int setup_link_carry_out(struct setup *s, const struct setup_decision *d)
{
    const struct setup_host *host = s->env.host;
    void *user = s->env.user;

    switch (d->what) {
    case SETUP_DO_ANSWER:
        s->answer = d->n;
        break;
    case SETUP_DO_STATE:
        host->state(user, (enum device_event) d->n);
        break;
    case SETUP_DO_PROVISIONED:
        host->provisioned(user);
        break;
    case SETUP_DO_COUNTRY:
        return use_country(s);
    case SETUP_DO_ONLINE:
        host->online(user);
        break;
    case SETUP_DO_CLOUD_STOP:
        host->cloud_stop(user);
        break;
    case SETUP_DO_CLOUD_FORGET:
        host->cloud_forget(user);
        break;
    case SETUP_DO_FRESH_TOKEN:
        return s->start_result = fresh_token(s);
    case SETUP_DO_OWN_TOKEN:
        return s->start_result = own_token(s);
    case SETUP_DO_SET_TOKEN:
        return helpers_token(s);
    case SETUP_DO_SAVE:
        return save(s);
    case SETUP_DO_END_TRIAL:
        return end_trial(s);
    case SETUP_DO_DROP:
        setup_files_drop(s->env.dir);
        break;
    case SETUP_DO_FORGET:
        return forget(s);
    case SETUP_DO_END_RESET:
        return data_dir_remove(s->env.dir, DATA_RESET);
    case SETUP_DO_NEW_TOKEN:
        return new_token(s);
    case SETUP_DO_REMOVE_ENAUTH:
        return data_dir_remove(s->env.dir, DATA_ENAUTH);
    case SETUP_DO_REMOVE_WIFI:
        return data_dir_remove(s->env.dir, DATA_WIFI);
    case SETUP_DO_FORGET_REPORTS:
        return host->forget_reports(user);
    case SETUP_DO_RUN:
        return setup_program_run(s, (enum setup_program) d->n);
    case SETUP_DO_KILL:
        kill_place(s);
        break;
    case SETUP_DO_LINK_ZONE:
        return link_zone(s);
    case SETUP_DO_ASK_ZONE:
        return helper_ask_zone(&s->helper, s->machine.zone);
    case SETUP_DO_ASK_JOIN:
        return helper_ask_wifi_start(&s->helper, &s->machine.params);
    case SETUP_DO_ASK_INFO:
        return helper_ask_info(&s->helper);
    case SETUP_DO_STAGE:
        s->helper.stage = (enum helper_stage) d->n;
        break;
    case SETUP_DO_READ_IDENTITY:
        return read_identity(s);
    case SETUP_DO_TAKE_IDENTITY:
        return take_identity(s, d->text);
    case SETUP_DO_LOOK_AT_HOOKS:
        setup_programs_look(s);
        break;
    case SETUP_DO_SAY:
        say(s, (enum setup_say) d->n);
        break;
    }
    return 0;
}
