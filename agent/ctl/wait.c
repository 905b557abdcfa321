/* SPDX-License-Identifier: MIT */
/* wait: until somebody serves a method. For scripts that start things and then use them. */
#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "agent/ctl/ctl.h"

enum { LOOK_MS = 50 };

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000 + (uint64_t) t.tv_nsec / 1000000;
}

/* The key itself, or for a method a prefix that covers it. */
static bool covers(const char *subscribed, const char *key)
{
    size_t n = strlen(subscribed);

    if (strcmp(subscribed, key) == 0)
        return true;
    return n > 0 && subscribed[n - 1] == '*' && key[0] && key[strlen(key) - 1] != '*' && strncmp(subscribed, key, n - 1) == 0;
}

static bool serves(const cJSON *peer, const char *key)
{
    const cJSON *one;

    cJSON_ArrayForEach(one, cJSON_GetObjectItemCaseSensitive(peer, "keys")) if (cJSON_IsString(one) &&
                                                                                covers(one->valuestring, key)) return true;
    return false;
}

/* agent.peers cuts long lists of keys; asked for one peer it gives all. */
static bool serves_whole(struct ctl *ctl, const cJSON *peer, const char *key)
{
    ag_cleanup(ctl_delete_json) cJSON *whole = NULL;
    char params[64];

    if (serves(peer, key))
        return true;
    if (ctl_number(peer, "n_keys") <= cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(peer, "keys")) +
                                          cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(peer, "standby")))
        return false;
    snprintf(params, sizeof params, "{\"peer\":%.0f}", ctl_number(peer, "peer"));
    return ctl_ask(ctl, "agent.peers", params, &whole) == CTL_OK && serves(cJSON_GetArrayItem(whole, 0), key);
}

/* CTL_OK and *all_out, or CTL_FAILED; standard error says why. */
static int look(struct ctl *ctl, int n, char **keys, bool *all_out)
{
    ag_cleanup(ctl_delete_json) cJSON *peers = NULL;
    int r = ctl_ask(ctl, "agent.peers", NULL, &peers);
    const cJSON *peer;

    *all_out = r == CTL_OK;
    for (int i = 0; i < n && *all_out; i++) {
        bool found = false;

        cJSON_ArrayForEach(peer, peers) found = found || serves_whole(ctl, peer, keys[i]);
        *all_out = found;
    }
    return r;
}

static bool is_time(uint64_t until_ms)
{
    return now_ms() >= until_ms || ctl_interrupted();
}

/* The library goes on trying by itself while the agent is not there. */
static int wait_for_agent(struct ctl *ctl, uint64_t until_ms)
{
    int r = agent_new(&ctl->conn);

    if (r == 0)
        r = agent_open(ctl->conn, ctl->address);
    if (r < 0) {
        ctl_error("%s: %s", ctl->address ? ctl->address : "$MIIO_AGENT", agent_strerror(r));
        return r == -EINVAL ? CTL_USAGE : CTL_FAILED;
    }
    ctl_handle_signals(ctl);
    while (agent_get_state(ctl->conn) < AGENT_READY && !is_time(until_ms)) {
        agent_wait(ctl->conn, LOOK_MS);
        agent_process(ctl->conn);
    }
    return CTL_OK;
}

int ctl_wait(struct ctl *ctl, int argc, char **argv)
{
    static const struct ag_option rows[] = {CTL_OPTION_TIME(struct ctl, timeout_ms)};
    uint64_t until_ms;
    bool all = false;
    int r = ctl_options(rows, ag_array_size(rows), AG_WORDS_ANYWHERE, argc, argv, ctl);

    if (r != CTL_OK || argc == optind)
        return CTL_USAGE;
    until_ms = now_ms() + ctl->timeout_ms;
    r = wait_for_agent(ctl, until_ms);
    while (r == CTL_OK && !all && !is_time(until_ms)) {
        if (agent_get_state(ctl->conn) == AGENT_READY)
            r = look(ctl, argc - optind, argv + optind, &all);
        if (r == CTL_OK && !all && !is_time(until_ms)) {
            agent_wait(ctl->conn, LOOK_MS);
            agent_process(ctl->conn);
        }
    }
    if (r == CTL_OK && !all) {
        ctl_error("not all of them were subscribed to within %u ms", ctl->timeout_ms);
        r = CTL_FAILED;
    }
    return r;
}
