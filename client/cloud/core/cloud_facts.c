/* SPDX-License-Identifier: MIT */
#include "client/cloud/core/cloud_facts.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

const char *cloud_loss_word(enum cloud_loss loss)
{
    static const char *const words[CLOUD_N_LOSSES] = {
        [CLOUD_LOSS_NONE] = "none",         [CLOUD_LOSS_UNREACHABLE] = "unreachable",
        [CLOUD_LOSS_TLS] = "tls",           [CLOUD_LOSS_LOGIN] = "login",
        [CLOUD_LOSS_REFUSED] = "refused",   [CLOUD_LOSS_SILENT] = "silent",
        [CLOUD_LOSS_REGISTER] = "register", [CLOUD_LOSS_CUT] = "cut",
    };

    return words[loss];
}

void cloud_past_note(struct cloud_past *p, enum cloud_loss loss, const char *why, uint64_t now_ms)
{
    p->loss = loss;
    p->at_ms = now_ms;
    snprintf(p->why, sizeof p->why, "%s", why ? why : "");
}

void cloud_facts_refused(struct cloud_facts *f, const char *topic, const char *how)
{
    snprintf(f->refused, sizeof f->refused, "%s", topic);
    f->refused_how = how;
}

void cloud_facts_server(struct cloud_facts *f, const char *host, unsigned port)
{
    bool v6 = strchr(host, ':') != NULL;

    snprintf(f->server, sizeof f->server, "%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", port);
}
