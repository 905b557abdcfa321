/* SPDX-License-Identifier: MIT */
#include "tests/world/home.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include "tests/world/app.h"
#include "tests/world/firmware.h"
#include "tests/world/kernel/calls.h"
#include "tests/world/kernel/files.h"
#include "tests/world/rules/papers.h"
#include "tests/world/rules/pauses.h"
#include "tests/world/scene.h"
#include "tests/world/trouble/trouble.h"
#include "tests/world/uv/spawned.h"

#define WIFI    "/etc/miio/wifi.conf"
#define TOKEN   "/etc/miio/device.token"
#define COUNTRY "/etc/miio/device.country"

enum {
    FIRST_ID = 1000000,
    JOIN_WITHIN_S = 420,
    PATIENCE_S = 400,
    SETTLED_S = 600,
    KEPT_S = 100,
    NAME_MAX_ = 33,
    OWNER = 77,
    CALM_S = 20,
    KEPT_WITHIN_S = 5
};

struct home home;

enum asked { ASKED_NOTHING, ASKED_NETWORK, ASKED_RENEWAL, ASKED_RESET };

static struct {
    char ssid[NAME_MAX_], psk[NAME_MAX_];             /* of the house */
    char given_ssid[NAME_MAX_], given_psk[NAME_MAX_]; /* what the owner has typed */
    char next_psk[NAME_MAX_];                         /* what the router is about to take */
    struct phone owner;
    struct link *link;
    char given_country[4], country[4]; /* country: of the network that the device has; "": nobody can tell */
    enum asked asked;
    uint32_t next_id;
    uint64_t given_us, changed_us; /* of files, by the owner */
    unsigned houses;
} h;

/* ---- the network ---- */

/* Another network, another address: what was on its way is lost. */
static void lose_connections(void)
{
    for (unsigned i = 0; i < scene.shape.n_sides; i++)
        net_forget(scene.sides[i].link);
}

static void net_changes(bool joined, bool ap)
{
    if (home.joined == joined && home.ap == ap)
        return;
    if (ap)
        lose_connections();
    say("network: %s", joined ? "joined" : ap ? "access point" : "none");
    home.joined = joined;
    home.ap = ap;
    home.changed_us = W.now_us;
    for (unsigned i = 0; i < scene.shape.n_sides; i++)
        scene.sides[i].link->away = !joined;
    scene.lan->away = !joined;
    h.link->away = !joined && !ap; /* the owner goes where the device is */
    resolver.away = !joined;
    scene_disturbed("network");
    scene_line_disturbed();
    pauses_start_over();
}

/* name="...": from the first quote to the last of its line, without backslashes. */
static bool conf_value(const char *text, const char *name, char *out, size_t room)
{
    const char *at = strstr(text, name), *end, *last = NULL;
    size_t n = 0;

    if (!at)
        return false;
    at += strlen(name);
    end = at + strcspn(at, "\n");
    for (const char *p = at; p < end; p++)
        if (*p == '"')
            last = p;
    if (*at != '"' || !last || last == at)
        return false;
    for (const char *p = at + 1; p < last && n + 1 < room; p++) {
        if (*p == '\\' && p + 1 < last)
            p++;
        out[n++] = *p;
    }
    out[n] = '\0';
    return true;
}

static bool has_network(char ssid[NAME_MAX_], char psk[NAME_MAX_])
{
    const struct bytes *b = disk_get(WIFI);
    char text[1024];

    if (!b)
        return false;
    snprintf(text, sizeof text, "%.*s", (int) b->n, b->p);
    psk[0] = ssid[0] = '\0';
    if (!conf_value(text, "ssid=", ssid, NAME_MAX_))
        say("wifi.conf names no network");
    conf_value(text, "psk=", psk, NAME_MAX_);
    return true;
}

/* What wifi_start.sh does: joins what wifi.conf names, or opens the access point. */
static int wifi_start(void *user, int status)
{
    char ssid[NAME_MAX_], psk[NAME_MAX_];
    bool fits;

    if ((uint64_t) (uintptr_t) user != home.boots)
        return status;
    if (!has_network(ssid, psk)) {
        net_changes(false, true);
        return 0;
    }
    fits = strcmp(ssid, h.ssid) == 0 && strcmp(psk, h.psk) == 0 && !home.hooks_fail && rng_below(&W.rng, 12) > 0;
    net_changes(fits, false);
    return fits ? 0 : 1;
}

/* ---- the external helper ---- */

void home_leaves(void)
{
    if (home.joined)
        net_changes(false, false);
}

int home_joins(void)
{
    return wifi_start((void *) (uintptr_t) home.boots, 0);
}

static void fresh_is_heard(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    traffic_forgiven();
}

/* The client forgets what was kept when it hears it. */
void home_helper_is_fresh(void)
{
    traffic_forgiven();
    after(4 * SECOND, fresh_is_heard, NULL, 0);
}

const char *home_helper_kind(void)
{
    struct rng r = {W.seed ^ 0x4e11};
    static const char *const kinds[] = {NULL, "newer", "leaves"};

    return kinds[rng_below(&r, 3)];
}

static void look_for_network(void *arg, uint64_t since_us)
{
    (void) arg;
    if (no_fault_since(since_us) && scene.disturbed_us < since_us && home.joined && home.changed_us < since_us &&
        !disk_find(WIFI))
        broken("the helper has joined a network and left wifi.conf to the client, which has none");
}

void home_helper_leaves_network(void)
{
    if (no_fault_since(W.now_us - CALM_S * SECOND) && scene.disturbed_us + CALM_S * SECOND < W.now_us)
        after(KEPT_WITHIN_S * SECOND, look_for_network, NULL, W.now_us);
}

static int newer_asked_pid; /* the run of the client that has asked in the newer form */

/* Scripts answer either form of this question. */
void home_line(const struct proc *p, const char *line)
{
    if (scene.plan->breadth.width >= WIDTH_ENDS && p == scene.procs[CLIENT] &&
        strstr(line, "does not answer _internal.request_dtoken") && newer_asked_pid != p->pid)
        broken("the helper does not answer one form of a question, and was not asked in the other");
}

/* Never the same within five seconds. Now and then a helper has other things to do. */
int home_helper_asked(const char *text)
{
    static const char *const questions[] = {"_internal.request_dinfo", "_internal.request_dtoken",
                                            "_internal.req_wifi_conf_status"};
    static uint64_t asked_us[3];
    static int pid[3];
    bool forgets = false;

    if (scene.plan->breadth.width < WIDTH_TROUBLES || !runs(CLIENT))
        return 0;
    if (strstr(text, "_internal.request_ot_config"))
        newer_asked_pid = scene.procs[CLIENT]->pid;
    for (int i = 0; i < 3; i++) {
        if (!strstr(text, questions[i]))
            continue;
        if (pid[i] == scene.procs[CLIENT]->pid && asked_us[i] + 4 * SECOND > W.now_us)
            broken("the helper is asked %s twice within %d ms", questions[i], (int) ((W.now_us - asked_us[i]) / MS));
        asked_us[i] = W.now_us;
        pid[i] = scene.procs[CLIENT]->pid;
        if (i == 2 && !disk_find(WIFI)) { /* left alone the client goes by the file itself */
            traffic_forgiven();
            after(8 * SECOND, fresh_is_heard, NULL, 0);
        }
        forgets = rng_below(&W.rng, 3) == 0;
        say("the helper is asked %s%s", questions[i], forgets ? ", and forgets it" : "");
    }
    return forgets;
}

/* ---- the platform's programs ---- */

static int reboot(void *user, int status)
{
    if ((uint64_t) (uintptr_t) user == home.boots)
        for (unsigned i = 0; i < scene.n_programs; i++)
            terminate(i);
    return status;
}

static bool on_spawn(const uv_process_options_t *o, struct spawned *out)
{
    const char *name = strrchr(o->file, '/') ? strrchr(o->file, '/') + 1 : o->file, *verb = o->args[1] ? o->args[1] : "";

    if (firmware_spawns(o, out))
        return true;
    say("runs %s %s", name, verb);
    *out = (struct spawned){.after_us = rng_between(&W.rng, 500, 9000) * MS, .user = (void *) (uintptr_t) home.boots};
    if (home.hooks_hang)
        out->after_us = 200 * SECOND;
    if (strcmp(name, "wifi_start.sh") == 0) {
        if (home.joined)
            net_changes(false, false); /* it leaves the network it was in */
        out->at_end = wifi_start;
        return true;
    }
    out->status = home.hooks_fail ? 1 : 0;
    if (strcmp(verb, "restore") == 0)
        traffic_forgiven();
    else if (strcmp(verb, "reboot") == 0)
        out->at_end = reboot;
    else if (strcmp(verb, "identity") == 0)
        out->status = 1;
    return true;
}

/* At the start of the system, again and again: the platform looks after the network it has. */
static void boot_ends(void *arg, uint64_t boots)
{
    (void) arg;
    if (boots == home.boots && !home.joined && !home.ap && wifi_start((void *) (uintptr_t) boots, 0) != 0)
        after(60 * SECOND, boot_ends, NULL, boots);
}

void home_boots(void)
{
    home.boots++;
    firmware_boots();
    if (!scene.shape.wifi)
        return;
    net_changes(false, false);
    after(rng_between(&W.rng, 1000, 9000) * MS, boot_ends, NULL, home.boots);
}

void home_client_starts(void)
{
    if (scene.shape.wifi && !disk_find(WIFI))
        traffic_forgiven();
}

/* ---- the owner ---- */

static void new_house(void)
{
    static const char *const names[] = {"Haus", "a \"quoted\" net", "back\\slash", "\xe5\xae\xb6", "x"};

    h.houses++;
    snprintf(h.ssid, sizeof h.ssid, "%s %u", names[rng_below(&W.rng, 5)], h.houses);
    snprintf(h.psk, sizeof h.psk, "password\"\\%u", h.houses);
}

static void json_text(char *out, size_t room, const char *text)
{
    size_t n = 0;

    for (; *text && n + 3 < room; text++) {
        if (*text == '"' || *text == '\\')
            out[n++] = '\\';
        out[n++] = *text;
    }
    out[n] = '\0';
}

static bool ask(enum asked what, const char *text)
{
    char whole[500];

    if (h.owner.id)
        return false;
    snprintf(whole, sizeof whole, "{\"id\":%u,%s}", h.next_id, text);
    say("the owner asks %s", whole);
    papers_owner_acts();
    h.asked = what;
    return phone_command(&h.owner, h.next_id++, whole);
}

static bool ask_network(enum asked what, const char *ssid, const char *psk, unsigned uid)
{
    static const char *const countries[] = {"de", "us", "sg"};
    char text[400], country[40] = "", a[2 * NAME_MAX_], b[2 * NAME_MAX_];

    json_text(a, sizeof a, ssid);
    json_text(b, sizeof b, psk);
    h.given_country[0] = '\0';
    if (scene.plan->breadth.width >= WIDTH_PHONES && what == ASKED_NETWORK) {
        snprintf(h.given_country, sizeof h.given_country, "%s", countries[rng_below(&scene.traffic, 3)]);
        snprintf(country, sizeof country, ",\"country_domain\":\"%s\"", h.given_country);
    }
    snprintf(text, sizeof text, "\"method\":\"miIO.config_router\",\"params\":{\"ssid\":\"%s\",\"passwd\":\"%s\",\"uid\":%u%s}",
             a, b, uid, country);
    if (!ask(what, text))
        return false;
    snprintf(h.given_ssid, sizeof h.given_ssid, "%s", ssid);
    snprintf(h.given_psk, sizeof h.given_psk, "%s", psk);
    return true;
}

/* The network that was taken is the right one, and nothing came in between. */
static void look_whether_joined(void *arg, uint64_t given_us)
{
    (void) arg;
    if (given_us != h.given_us || home.joined || h.changed_us > given_us || scene.fault_us >= given_us)
        return;
    broken("the device has taken the network of its house %d s ago, and has not joined it", JOIN_WITHIN_S);
}

static void network_is_taken(bool own)
{
    phones_take_token(h.owner.token);
    home.phone_out = false;
    h.given_us = W.now_us;
    if (own && strcmp(h.given_psk, h.psk) == 0)
        after(JOIN_WITHIN_S * SECOND, look_whether_joined, NULL, h.given_us);
}

static void is_given_away(void)
{
    h.changed_us = W.now_us;
    home.phone_out = true;
    if (disk_has_after_cut(WIFI))
        broken("a reset is said to be done, and wifi.conf would be there after a power cut");
    traffic_owner_gone();
}

static void on_owner_answer(void *user, uint32_t id, const char *text)
{
    bool ok = strstr(text, "\"result\":[\"ok\"]") != NULL;

    (void) user;
    say("the owner is answered %s", text);
    papers_owner_acts();
    if (id + 1 != h.next_id)
        return;
    if (!ok && h.asked == ASKED_NETWORK && strstr(text, "busy") && home.ap && home.changed_us + 60 * SECOND < W.now_us &&
        scene.fault_us + 120 * SECOND < W.now_us && scene.plan->breadth.width >= WIDTH_TROUBLES)
        broken("the device has been at its access point for a minute, and is busy when it is given a network");
    if (ok && h.asked == ASKED_NETWORK) {
        snprintf(h.country, sizeof h.country, "%s", h.given_country);
        network_is_taken(true);
    } else if (ok && h.asked == ASKED_RENEWAL) {
        snprintf(h.psk, sizeof h.psk, "%s", h.next_psk);
        network_is_taken(true);
    } else if (ok && h.asked == ASKED_RESET) {
        is_given_away();
    }
    h.asked = ASKED_NOTHING;
}

static void on_owner_tired(void *user, uint32_t id)
{
    (void) user;
    say("the owner gives up %u", id);
    h.country[0] = '\0';
    papers_owner_acts();
    if (h.asked == ASKED_RESET) { /* it may have heard all the same */
        traffic_forgiven();
        home.phone_out = true;
    } else if (h.asked != ASKED_NOTHING)
        phones_take_token(h.owner.token);
    h.asked = ASKED_NOTHING;
}

/* A reset by the button: the platform deletes the network and starts the client again. */
static void press_button(void *arg, uint64_t houses)
{
    (void) arg;
    if (houses && houses != h.houses)
        return;
    if (disk.read_only || disk.failing) { /* nothing can be deleted now */
        after(60 * SECOND, press_button, NULL, h.houses);
        return;
    }
    say("the button is held");
    papers_owner_acts();
    h.changed_us = W.now_us;
    scene_disturbed("button");
    scene_line_disturbed();
    disk_remove(WIFI);
    lose_connections();
    traffic_owner_gone();
    if (runs(CLIENT))
        proc_kill(scene.procs[CLIENT]);
    if (scene.helper && runs(scene.helper))
        proc_kill(scene.procs[scene.helper]);
    home.boots++;
    net_changes(false, false);
    after(3 * SECOND, boot_ends, NULL, home.boots);
}

/* Now and then the owner looks: a device that opens its access point is given the network. One in ten mistypes. */
static void owner_looks(void *arg, uint64_t n)
{
    bool careless = scene.helper && scene.plan->breadth.width >= WIDTH_TROUBLES;

    (void) arg;
    if (scene.over)
        return;
    after(rng_between(&scene.traffic, 30, 400) * SECOND, owner_looks, NULL, n + 1);
    if (!home.ap && !home.joined && home.changed_us + PATIENCE_S * SECOND < W.now_us)
        press_button(NULL, 0); /* nothing helps */
    else if (home.ap && !home.joined)
        ask_network(ASKED_NETWORK, h.ssid, rng_below(&scene.traffic, careless ? 3 : 10) ? h.psk : "mistyped", OWNER);
}

void home_moves(void)
{
    if (!scene.shape.wifi)
        return;
    h.changed_us = W.now_us;
    new_house();
    say("another house: %s", h.ssid);
    lose_connections();
    if (home.joined)
        net_changes(false, false);
    after(rng_between(&W.rng, 60, 900) * SECOND, press_button, NULL, h.houses);
}

void home_renews(void)
{
    if (!scene.shape.wifi || !home.joined)
        return;
    phone_take_token(&h.owner, scene.phones[0].token);
    snprintf(h.next_psk, sizeof h.next_psk, "renewed%u", h.next_id);
    ask_network(ASKED_RENEWAL, h.ssid, h.next_psk, 0);
}

static void ask_reset(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    if (home.joined)
        ask(ASKED_RESET, "\"method\":\"miIO.restore\",\"params\":[]");
}

static void clouds_are_back(void *arg, uint64_t unused)
{
    (void) arg;
    (void) unused;
    scene_is_down(false);
}

/* Reports wait for their clouds then, and are the last owner's. */
static void give_away_kept(void)
{
    say("no cloud takes reports for a while");
    for (unsigned i = 0; i < scene.shape.n_sides; i++)
        scene.sides[i].link->down = true;
    scene_is_down(true);
    scene_disturbed("clouds");
    scene_line_disturbed();
    after(KEPT_S * SECOND, ask_reset, NULL, 0);
    after((KEPT_S + 20) * SECOND, clouds_are_back, NULL, 0);
}

void home_gives_away(bool by_button, bool kept)
{
    if (!scene.shape.wifi)
        return;
    if (by_button)
        press_button(NULL, 0);
    else if (kept && home.joined && scene.plan->breadth.width >= WIDTH_KEPT)
        give_away_kept();
    else
        ask_reset(NULL, 0);
}

void home_is_rebooted(void)
{
    struct side *s = &scene.sides[rng_below(&W.rng, scene.shape.n_sides)];
    char text[100];

    snprintf(text, sizeof text, "{\"id\":%llu,\"method\":\"miIO.reboot\",\"params\":[]}",
             (unsigned long long) scene.next_command);
    scene.next_command += side_gives(s, scene.next_command, text);
}

/* ---- begin and end ---- */

void home_open(void)
{
    char text[200], a[2 * NAME_MAX_], b[2 * NAME_MAX_];

    home.joined = true;
    uv_spawn_decides = on_spawn;
    if (!scene.shape.wifi)
        return;
    disk_put_dir("/hooks");
    if (!scene.helper) {
        disk_put_program("/hooks/wifi_start.sh");
        disk_put_program("/hooks/miio_client_helper.sh");
    }
    new_house();
    h.next_id = FIRST_ID;
    h.link = net_host(IP(10, 0, 0, 78), "owner", 3 * MS);
    h.owner.learns = h.owner.may_be_old = true;
    for (unsigned i = 0; i < scene.shape.n_phones; i++)
        scene.phones[i].may_be_old = true;
    h.owner.on_answer = on_owner_answer;
    h.owner.on_given_up = on_owner_tired;
    phone_open(&h.owner, IP(10, 0, 0, 78), 40000, h.link, DID, scene.phones[0].token);
    if (scene.shape.fresh) {
        disk_remove(TOKEN);
    } else {
        json_text(a, sizeof a, h.ssid);
        json_text(b, sizeof b, h.psk);
        disk_put(WIFI, text,
                 (size_t) snprintf(text, sizeof text, "ssid=\"%s\"\npsk=\"%s\"\nkey_mgmt=WPA\nuid=%d\n", a, b, OWNER));
    }
    home_boots();
    after(20 * SECOND, owner_looks, NULL, 0);
}

bool home_is_settled(void)
{
    return !scene.shape.wifi || (home.joined && home.changed_us + SETTLED_S * SECOND < W.now_us);
}

/* A device that is in its network has the token that its owner knows. */
void home_at_rest(void)
{
    const struct bytes *token = disk_get(TOKEN), *country = disk_get(COUNTRY);

    if (scene.shape.wifi && (!home.joined || h.changed_us + 1200 * SECOND > W.now_us || scene.helper))
        return; /* an external helper's files are its own */
    if (!token || token->n < 16 || memcmp(token->p, scene.phones[0].token, 16) != 0)
        broken("device.token is not what its owner knows");
    if (scene.shape.wifi && h.country[0] && (!country || country->n < 2 || memcmp(country->p, h.country, 2) != 0))
        broken("device.country is not %s, which its owner has said", h.country);
}
