/* SPDX-License-Identifier: MIT */
/* The external helper's words on their way to the setup machine, and what the helper is told. */
#include "client/setup/setup_priv.h"

static void on_send(void *user, unsigned peer, struct ag_span text)
{
    struct setup *s = user;

    s->env.host->send(s->env.user, peer, text);
}

static void on_identity(void *user, struct ag_span conf)
{
    struct setup *s = user;
    struct setup_facts f;

    setup_link_look(s, &f);
    setup_helper_identity(&s->machine, conf);
    setup_link_drain(s, &f);
}

static void on_token(void *user, struct ag_span token)
{
    struct setup *s = user;
    struct setup_facts f;

    setup_link_look(s, &f);
    setup_helper_token(&s->machine, token);
    setup_link_drain(s, &f);
}

static void on_country(void *user, struct ag_span country)
{
    struct setup *s = user;
    struct setup_facts f;

    setup_link_look(s, &f);
    setup_helper_country(&s->machine, country);
    setup_link_drain(s, &f);
}

static void on_wifi_status(void *user, bool provisioned)
{
    struct setup *s = user;
    struct setup_facts f;

    setup_link_look(s, &f);
    setup_link_look_at_trial(s, &f);
    setup_helper_wifi(&s->machine, &f, provisioned);
    setup_link_drain(s, &f);
}

/* A script that does not know a question: the files that it would have read tell the same. */
static void on_silent(void *user, const char *question)
{
    struct setup *s = user;
    struct setup_facts f;

    ag_log(AG_LOG_WARNING, "the helper does not answer %s: using the files in %s", question, s->env.dir->path);
    setup_link_look(s, &f);
    setup_link_look_at_trial(s, &f);
    setup_helper_silent(&s->machine, &f);
    setup_link_drain(s, &f);
}

static void on_info(void *user, struct ag_span params)
{
    struct setup *s = user;
    struct ag_json_view view;

    if (params.p && ag_json_parse(&params, 16, &view) == 0) {
        ag_buf_clear(&s->info);
        ag_buf_append_span(&s->info, params);
    }
}

static void on_wifi_connected(void *user)
{
    struct setup *s = user;
    struct setup_facts f;

    setup_link_look(s, &f);
    setup_helper_connected(&s->machine, &f);
    setup_link_drain(s, &f);
}

static void on_wifi_failed(void *user, enum helper_failure how)
{
    struct setup *s = user;
    struct setup_facts f;

    setup_link_look(s, &f);
    setup_helper_failed(&s->machine, &f, how);
    setup_link_drain(s, &f);
}

const struct helper_sink setup_helper_sink = {on_send, on_identity,       on_token,       on_country, on_wifi_status,
                                              on_info, on_wifi_connected, on_wifi_failed, on_silent};

static void warn_of_text(struct setup *s, unsigned peer, struct ag_span method, const char *why)
{
    ag_log_gated(&s->gate, uv_now(s->env.loop), AG_LOG_WARNING, "%.*s from local peer %u: %s",
                 method.len < 64 ? (int) method.len : 64, method.p, peer, why);
}

bool setup_link_helper_text(struct setup *s, unsigned peer, struct ag_span method, struct ag_span text,
                            const struct ag_json_view *view)
{
    enum helper_taken taken;

    if (!s->machine.settings.external) {
        warn_of_text(s, peer, method, "left alone: this client keeps the files itself (helper=builtin)");
        return false;
    }
    if (ag_span_eq(method, "_internal.hello"))
        s->env.host->is_helper(s->env.user, peer);
    taken = helper_text(&s->helper, peer, method, text, view, uv_now(s->env.loop));
    if (taken == HELPER_UNKNOWN)
        warn_of_text(s, peer, method, "not known");
    else if (taken == HELPER_BAD)
        warn_of_text(s, peer, method, "its params do not fit");
    else if (taken == HELPER_NOT_FOR_US)
        ag_log(AG_LOG_DEBUG, "%.*s from local peer %u: nothing to do", (int) method.len, method.p, peer);
    setup_helper_heard(&s->machine);
    return taken != HELPER_UNKNOWN;
}

void setup_link_peer_gone(struct setup *s, unsigned peer)
{
    helper_peer_gone(&s->helper, peer);
}
