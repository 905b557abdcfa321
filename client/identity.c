#include "client/identity.h"

#include <inttypes.h>
#include "client/client.h"
#include "libagent/core/log.h"

enum { LIMIT_MS = 120000, AGAIN_DID0_MS = 24 * 3600 * 1000, AGAIN_DID1_MS = 30000 };

void identity_take(struct client *c, const struct device_conf *fresh)
{
    c->conf->did = fresh->did;
    memcpy(c->conf->key, fresh->key, sizeof c->conf->key);
    memcpy(c->conf->mac, fresh->mac, sizeof c->conf->mac);
    memcpy(c->conf->model, fresh->model, sizeof c->conf->model);
    memcpy(c->conf->vendor, fresh->vendor, sizeof c->conf->vendor);
    c->lan.did = fresh->did;
    data_dir_read_version(c->version, c->options.os_release, c->conf->vendor);
}

static void read_again(struct client *c)
{
    char error[DATA_ERROR_MAX];
    struct device_conf fresh;

    if (data_dir_load_conf(&c->options.dir, &fresh, error) < 0) {
        ag_log(AG_LOG_ERROR, "%s", error);
        return;
    }
    if (!identity_is_missing(fresh.did)) {
        identity_take(c, &fresh);
        c->identity.asking = false;
        ag_log(AG_LOG_INFO, "identity received: did %" PRIu64, fresh.did);
    } else {
        ag_log(AG_LOG_WARNING, "the identity program ended well, but device.conf has no did yet");
    }
    device_conf_deinit(&fresh);
    if (!c->identity.asking)
        client_identity_known(c);
}

static void on_hook(void *user, int status)
{
    struct client *c = user;

    c->identity.hook = NULL;
    c->identity.next_at_ms = uv_now(c->loop) + c->identity.pause_ms;
    if (status == 0)
        read_again(c);
    else
        ag_log(AG_LOG_INFO, "no identity yet (%d), again in %u s", status, c->identity.pause_ms / 1000);
    client_rearm(c);
}

void identity_ask(struct client *c)
{
    bool after_joining = c->conf->did == 1;

    c->identity.asking = true;
    c->identity.next_at_ms = 0;
    c->identity.pause_ms = c->options.identity_pause_ms ? c->options.identity_pause_ms
                           : after_joining              ? AGAIN_DID1_MS
                                                        : AGAIN_DID0_MS;
    client_event(c, after_joining ? DEVICE_EV_ASK_IDENTITY_1 : DEVICE_EV_ASK_IDENTITY_0);
}

void identity_tick(struct client *c, uint64_t now_ms)
{
    if (!c->identity.asking || c->identity.hook || now_ms < c->identity.next_at_ms)
        return;
    c->identity.next_at_ms = now_ms + c->identity.pause_ms;
    provision_run_helper(c, &c->identity.hook, "identity", LIMIT_MS, on_hook);
}

uint64_t identity_next_deadline(const struct client *c)
{
    return c->identity.asking && !c->identity.hook ? c->identity.next_at_ms : UINT64_MAX;
}

void identity_deinit(struct client *c)
{
    hook_cancel(c->identity.hook);
    c->identity.hook = NULL;
    c->identity.asking = false;
}
