/* SPDX-License-Identifier: MIT */
#include "examples/sim/mcu/mcu_device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mcu_dev_prop *find(struct mcu_device *d, unsigned long siid, unsigned long piid)
{
    for (unsigned i = 0; i < d->n_props; i++)
        if (d->prop[i].siid == siid && d->prop[i].piid == piid)
            return &d->prop[i];
    return NULL;
}

bool mcu_dev_set(struct mcu_device *d, unsigned long siid, unsigned long piid, const char *value, bool read_only)
{
    struct mcu_dev_prop *p = find(d, siid, piid);

    if (strlen(value) >= sizeof p->value || (!p && d->n_props == MCU_DEV_PROPS_MAX))
        return false;
    if (!p)
        p = &d->prop[d->n_props++];
    p->siid = siid;
    p->piid = piid;
    p->read_only = read_only;
    strcpy(p->value, value);
    return true;
}

/* ---- what we say ---- */

static void send(struct mcu_device *d, const char *line, enum mcu_dev_state state, uint64_t now_ms)
{
    if (line != d->sent)
        snprintf(d->sent, sizeof d->sent, "%s", line);
    d->state = state;
    d->due_ms = now_ms + d->reply_ms;
    d->send(d, d->sent);
}

bool mcu_dev_say(struct mcu_device *d, const char *line, uint64_t now_ms)
{
    if (d->state != MCU_DEV_IDLE)
        return false;
    d->tries = 1;
    send(d, line, MCU_DEV_WAIT_OK, now_ms);
    return true;
}

static void say(struct mcu_device *d, const char *line, uint64_t now_ms)
{
    d->tries = 1;
    send(d, line, MCU_DEV_WAIT_OK, now_ms);
}

void mcu_dev_start(struct mcu_device *d, uint64_t now_ms)
{
    d->state = MCU_DEV_IDLE;
    d->step = 0;
    d->update_said = false;
    d->due_ms = now_ms;
}

static void poll_module(struct mcu_device *d, uint64_t now_ms)
{
    d->tries = 1;
    send(d, "get_down", MCU_DEV_WAIT_DOWN, now_ms);
}

static void next_step(struct mcu_device *d, uint64_t now_ms)
{
    char line[64];

    switch (d->step++) {
    case 0:
        say(d, "echo off", now_ms);
        break;
    case 1:
        snprintf(line, sizeof line, "model %s", d->model);
        say(d, line, now_ms);
        break;
    case 2:
        snprintf(line, sizeof line, "mcu_version %s", d->version);
        say(d, line, now_ms);
        break;
    default:
        d->step = 3;
        poll_module(d, now_ms);
        break;
    }
}

void mcu_dev_tick(struct mcu_device *d, uint64_t now_ms)
{
    if (d->state == MCU_DEV_UPDATE || now_ms < d->due_ms)
        return;
    if (d->state == MCU_DEV_IDLE) {
        next_step(d, now_ms);
    } else if (d->tries++ < MCU_DEV_TRIES) {
        d->n_resent++;
        send(d, d->sent, d->state, now_ms);
    } else {
        d->state = MCU_DEV_IDLE;
        d->update_said = false;
    }
}

/* ---- what we are asked ---- */

struct words {
    char *at;
};

/* Our module writes no bare space inside a string, as MCU code expects. */
static char *next_word(struct words *w)
{
    char *word;

    while (*w->at == ' ')
        w->at++;
    if (*w->at == '\0')
        return NULL;
    word = w->at;
    w->at += strcspn(w->at, " ");
    if (*w->at)
        *w->at++ = '\0';
    return word;
}

static bool next_id(struct words *w, unsigned long *out)
{
    char *word = next_word(w);

    if (word)
        *out = strtoul(word, NULL, 10);
    return word != NULL;
}

static void get_properties(struct mcu_device *d, struct words *w, uint64_t now_ms)
{
    char line[MCU_DEV_LINE_MAX] = "result";
    unsigned long siid, piid;
    size_t n = strlen(line);

    while (next_id(w, &siid) && next_id(w, &piid) && n < sizeof line) {
        const struct mcu_dev_prop *p = find(d, siid, piid);

        n += (size_t) snprintf(line + n, sizeof line - n, p ? " %lu %lu 0 %s" : " %lu %lu -4003", siid, piid, p ? p->value : "");
    }
    say(d, line, now_ms);
}

static int set_property(struct mcu_device *d, unsigned long siid, unsigned long piid, const char *value)
{
    const struct mcu_dev_prop *p = find(d, siid, piid);

    if (!p)
        return -4003;
    if (p->read_only)
        return -4002;
    if (!mcu_dev_set(d, siid, piid, value, false))
        return -4005;
    d->report = true;
    d->report_siid = siid;
    d->report_piid = piid;
    return 0;
}

static void set_properties(struct mcu_device *d, struct words *w, uint64_t now_ms)
{
    char line[MCU_DEV_LINE_MAX] = "result", *value;
    unsigned long siid, piid;
    size_t n = strlen(line);

    while (next_id(w, &siid) && next_id(w, &piid) && (value = next_word(w)) && n < sizeof line)
        n += (size_t) snprintf(line + n, sizeof line - n, " %lu %lu %d", siid, piid, set_property(d, siid, piid, value));
    say(d, line, now_ms);
}

/* An action returns its inputs. */
static void action(struct mcu_device *d, struct words *w, uint64_t now_ms)
{
    char line[MCU_DEV_LINE_MAX], *word;
    unsigned long siid = 0, aiid = 0;
    size_t n;

    next_id(w, &siid);
    next_id(w, &aiid);
    n = (size_t) snprintf(line, sizeof line, "result %lu %lu 0", siid, aiid);
    while ((word = next_word(w)) && n < sizeof line)
        n += (size_t) snprintf(line + n, sizeof line - n, " %s", word);
    say(d, line, now_ms);
}

static void serve(struct mcu_device *d, char *text, uint64_t now_ms)
{
    struct words w = {text};
    const char *method = next_word(&w);

    d->n_downs++;
    if (!method || strcmp(method, "none") == 0 || strcmp(method, "MIIO_net_change") == 0) {
        d->state = MCU_DEV_IDLE;
        d->due_ms = now_ms + (method && strcmp(method, "none") == 0 ? d->poll_ms : 0);
    } else if (strcmp(method, "get_properties") == 0) {
        get_properties(d, &w, now_ms);
    } else if (strcmp(method, "set_properties") == 0) {
        set_properties(d, &w, now_ms);
    } else if (strcmp(method, "action") == 0) {
        action(d, &w, now_ms);
    } else if (strcmp(method, "MIIO_mcu_version_req") == 0) {
        d->step = 2;
        next_step(d, now_ms);
    } else if (strcmp(method, "MIIO_model_req") == 0) {
        d->step = 1;
        next_step(d, now_ms);
    } else if (strcmp(method, "update_fw") == 0) {
        d->update_said = !d->busy;
        say(d, d->busy ? "result \"busy\"" : "result \"ready\"", now_ms);
    } else {
        say(d, "error \"undefined command\" -9999", now_ms);
    }
}

static void acknowledged(struct mcu_device *d, bool good, uint64_t now_ms)
{
    char line[MCU_DEV_LINE_MAX];
    const struct mcu_dev_prop *p;

    d->state = d->update_said && good ? MCU_DEV_UPDATE : MCU_DEV_IDLE;
    d->update_said = false;
    d->due_ms = now_ms;
    if (d->state == MCU_DEV_UPDATE || !d->report)
        return;
    d->report = false;
    p = find(d, d->report_siid, d->report_piid);
    snprintf(line, sizeof line, "properties_changed %lu %lu %s", p->siid, p->piid, p->value);
    say(d, line, now_ms);
}

void mcu_dev_line(struct mcu_device *d, char *line, uint64_t now_ms)
{
    bool ok = strcmp(line, "ok") == 0, error = strcmp(line, "error") == 0;

    if (d->state == MCU_DEV_UPDATE)
        return;
    if (strncmp(line, "down ", 5) == 0)
        serve(d, line + 5, now_ms);
    else if (d->state == MCU_DEV_WAIT_OK && (ok || error))
        acknowledged(d, ok, now_ms);
    else if (d->state == MCU_DEV_WAIT_DOWN && error)
        /* A command is open that we know nothing about: its line was lost. Say so, so that nobody waits.
         */
        say(d, "error \"command lost\" -5099", now_ms);
}

void mcu_dev_updated(struct mcu_device *d, bool good, uint64_t now_ms)
{
    if (good)
        snprintf(d->version, sizeof d->version, "%04u", (unsigned) (strtoul(d->version, NULL, 10) + 1) % 10000u);
    mcu_dev_start(d, now_ms);
}
