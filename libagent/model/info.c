/* SPDX-License-Identifier: MIT */
#include "libagent/model/info.h"

#include <stdio.h>
#include <string.h>
#include "libagent/core/json/json_walk.h"

enum { ASK_MS = 5000, DID_MAX = 20, TEXT_MAX = 128 };

void ag_model_info_init(struct model_info *i, agent_conn *conn, const struct model *m, model_info_fn fn, void *user)
{
    *i = (struct model_info){.conn = conn, .m = m, .fn = fn, .user = user};
}

void ag_model_info_deinit(struct model_info *i)
{
    i->did_call = agent_slot_unref(i->did_call);
    i->info_call = agent_slot_unref(i->info_call);
}

struct ag_span ag_model_info_did(const struct model_info *i)
{
    return (struct ag_span){i->did, strlen(i->did)};
}

const char *ag_model_info_did_text(struct model_info *i)
{
    size_t n = strlen(i->did);

    if (n < 3)
        return NULL;
    memcpy(i->did_bare, i->did + 1, n - 2);
    i->did_bare[n - 2] = '\0';
    return i->did_bare;
}

/* A number, or a string of digits. */
static void on_did(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct model_info *i = user;
    size_t n = result ? strlen(result) : 0;
    bool quoted = n > 2 && result[0] == '"';
    const char *digits = result ? result + quoted : NULL;

    (void) conn;
    (void) error;
    i->did_call = agent_slot_unref(i->did_call);
    n -= 2 * quoted;
    if (status == 0 && n > 0 && n <= DID_MAX && strspn(digits, "0123456789") == n)
        snprintf(i->did, sizeof i->did, "\"%.*s\"", (int) n, digits);
}

/* ---- device-information ---- */

static void tell(struct model_info *i, const char *name, const char *text)
{
    for (uint32_t n = 0; n < i->m->n_props; n++) {
        const struct model_prop *p = &i->m->props[n];

        if (strcmp(model_str(i->m, i->m->services[p->service].name), "device-information") == 0 &&
            strcmp(model_str(i->m, p->name), name) == 0)
            i->fn(i->user, p, text);
    }
}

static bool member_text(struct ag_json_value object, const char *name, char out[TEXT_MAX])
{
    struct ag_json_value v = ag_json_member(object, name);
    long n = v.type == AG_JSON_STRING ? ag_json_unescape(v.raw, out, TEXT_MAX - 1) : -1;

    if (n <= 0)
        return false;
    out[n] = '\0';
    return true;
}

/* Members of miIO.info and what they are in device-information; the last one up to its first dot. */
static const struct {
    char member[7], name[18];
} told[] = {{"fw_ver", "firmware-revision"}, {"mac", "serial-number"}, {"model", "model"}, {"model", "manufacturer"}};

static void on_info(agent_conn *conn, int status, const char *result, const char *error, void *user)
{
    struct model_info *i = user;
    struct ag_json_value object;
    char text[TEXT_MAX];

    (void) conn;
    (void) error;
    i->info_call = agent_slot_unref(i->info_call);
    if (status != 0 || result[0] != '{')
        return;
    object = ag_json_value_at(result, result + strlen(result));
    i->told = true;
    for (size_t n = 0; n < ag_array_size(told); n++) {
        if (!member_text(object, told[n].member, text))
            continue;
        if (n == ag_array_size(told) - 1)
            text[strcspn(text, ".")] = '\0';
        tell(i, told[n].name, text);
    }
}

void ag_model_info_ask(struct model_info *i)
{
    if (!i->did[0] && !i->did_call && agent_call(i->conn, &i->did_call, "local.query_did", NULL, ASK_MS, on_did, i) < 0)
        i->did_call = NULL;
    if (!i->told && !i->info_call && agent_call(i->conn, &i->info_call, "miIO.info", NULL, ASK_MS, on_info, i) < 0)
        i->info_call = NULL;
}
