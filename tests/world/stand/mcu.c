/* SPDX-License-Identifier: MIT */
#include "tests/world/stand/mcu.h"

#include <stdio.h>
#include <string.h>
#include "tests/world/kernel/kernel.h"

enum { LINE_MAX_ = 511, REPLY_WITHIN_S = 30, LOADER_WAITS_S = 90, BLOCK_WAITS_S = 4 };

static void put_line(struct mcu_stand *m, const char *text)
{
    act_send(m->line, text, strlen(text));
    act_send(m->line, "\r", 1);
    m->waits = true;
    m->asked_us = W.now_us;
    m->n_lines++;
}

/* Two numbers of what a down asks for; whatever the values are, they are taken. */
static void serve(struct mcu_stand *m, const char *down)
{
    unsigned siid, piid;
    size_t n = 0;
    int len;

    m->n_downs++;
    if (strncmp(down, "get_properties ", 15) == 0) {
        n = (size_t) snprintf(m->result, sizeof m->result, "result");
        for (down += 15; sscanf(down, "%u %u%n", &siid, &piid, &len) == 2; down += len)
            n += (size_t) snprintf(m->result + n, sizeof m->result - n, " %u %u 0 %llu", siid, piid,
                                   (unsigned long long) m->value);
    } else if (strncmp(down, "set_properties ", 15) == 0) {
        n = (size_t) snprintf(m->result, sizeof m->result, "result");
        for (down += 15; sscanf(down, "%u %u %*s%n", &siid, &piid, &len) == 2; down += len)
            n += (size_t) snprintf(m->result + n, sizeof m->result - n, " %u %u 0", siid, piid);
    } else if (sscanf(down, "action %u %u", &siid, &piid) == 2) {
        snprintf(m->result, sizeof m->result, rng_below(&W.rng, 4) ? "result %u %u 0" : "error \"not today\" -5003", siid, piid);
    } else if (strcmp(down, "MIIO_mcu_version_req") == 0) {
        snprintf(m->result, sizeof m->result, "mcu_version %04u", 17 + m->version);
    } else if (strcmp(down, "update_fw") == 0 && m->image) {
        m->update_asked_us = W.now_us;
        snprintf(m->result, sizeof m->result, rng_below(&W.rng, 5) ? "result \"ready\"" : "result \"busy\"");
    } else if (strcmp(down, "MIIO_model_req") == 0) {
        snprintf(m->result, sizeof m->result, "model world.test.v1");
    } else if (strncmp(down, "MIIO_net_change ", 16) != 0 && strcmp(down, "none") != 0) {
        broken("the MCU was told something unknown: %.200s", down);
    }
}

static void on_line(struct mcu_stand *m, const char *text)
{
    if (!m->waits) {
        broken("the MCU was sent a line that it had not asked for: %.200s", text);
        return;
    }
    m->waits = false;
    if (m->is_ready && strcmp(text, "ok") == 0)
        xmodem_begin(&m->loader, rng_below(&W.rng, 4) > 0);
    m->is_ready = false;
    if (strncmp(text, "down ", 5) == 0)
        serve(m, text + 5);
    else if (strcmp(text, "ok") != 0 && strcmp(text, "error") != 0)
        say("the MCU hears %.200s", text);
}

/* ---- its boot loader ---- */

static void loader_says(struct mcu_stand *m, uint8_t byte)
{
    if (m->line && byte)
        act_send(m->line, &byte, 1);
}

static void loader_takes(struct mcu_stand *m, uint8_t byte)
{
    uint8_t answer = xmodem_take(&m->loader, byte);

    if (answer == XM_ACK && m->loader.on && rng_below(&W.rng, 60) == 0)
        answer = 0; /* lost */
    loader_says(m, answer);
    if (!m->loader.done)
        return;
    say("the MCU has its firmware, %zu bytes", m->loader.n);
    if (!xmodem_has(&m->loader, m->image, m->n_image))
        broken("the MCU was given firmware that is not the one that was meant: %zu bytes", m->loader.n);
    m->loader.done = false;
    m->version++;
    m->given_us = W.now_us;
    m->n_updates++;
    m->boots_us = W.now_us + rng_between(&W.rng, 1, 20) * SECOND;
    snprintf(m->result, sizeof m->result, "mcu_version %04u", 17 + m->version);
}

static void loader_turn(struct mcu_stand *m)
{
    if (W.now_us - m->loader.heard_us > LOADER_WAITS_S * SECOND)
        m->loader.on = false; /* nobody comes: it starts what it had */
    else if (m->loader.n == 0 || W.now_us - m->loader.heard_us > BLOCK_WAITS_S * SECOND)
        loader_says(m, xmodem_call(&m->loader));
}

static void on_data(void *user, struct vsock *s, const char *p, size_t n)
{
    struct mcu_stand *m = user;

    if (s != m->line)
        return;
    for (; n > 0; p++, n--) {
        if (m->loader.on) {
            if (!m->mute)
                loader_takes(m, (uint8_t) *p);
            continue;
        }
        if (*p != '\r') {
            if (m->n == LINE_MAX_ || *p == '\n')
                broken("the MCU was sent a line that is too long, or a LF");
            else
                m->in[m->n++] = *p;
            continue;
        }
        m->in[m->n] = '\0';
        m->n = 0;
        on_line(m, m->in);
    }
}

static void on_closed(void *user, struct vsock *s)
{
    struct mcu_stand *m = user;

    if (s == m->line)
        m->line = NULL;
    act_close(s, false);
}

static const struct act_events EVENTS = {on_data, on_closed};

struct vfile *mcu_open(struct mcu_stand *m, struct proc *p)
{
    struct vsock *near;

    if (m->line)
        act_close(m->line, false);
    near = vsock_pair(p, &m->line);
    act_take(m->line, &EVENTS, m);
    m->n = 0;
    m->waits = m->is_ready = false;
    m->loader.was_away = true;
    if (W.now_us >= m->boots_us)
        m->result[0] = '\0';
    return &near->base;
}

void mcu_turn(struct mcu_stand *m)
{
    char text[64];

    if (!m->line || m->mute || W.now_us < m->boots_us)
        return;
    if (m->loader.on) {
        loader_turn(m);
        return;
    }
    if (m->waits && W.now_us - m->asked_us < REPLY_WITHIN_S * SECOND)
        return;
    if (m->result[0]) {
        m->is_ready = strcmp(m->result, "result \"ready\"") == 0;
        if (m->is_ready)
            m->ready_us = W.now_us;
        if (strcmp(m->result, "result \"busy\"") == 0)
            m->busy_us = W.now_us;
        put_line(m, m->result);
        m->result[0] = '\0';
    } else if (rng_below(&W.rng, 12) == 0) {
        snprintf(text, sizeof text, "properties_changed 2 1 %llu", (unsigned long long) ++m->value);
        put_line(m, text);
    } else if (rng_below(&W.rng, 40) == 0) {
        put_line(m, rng_below(&W.rng, 2) ? "net" : "time");
    } else {
        put_line(m, rng_below(&W.rng, 200) ? "get_down" : "g\"arbage \x01");
    }
}

void mcu_hang_up(struct mcu_stand *m)
{
    if (m->line)
        act_close(m->line, false);
    m->line = NULL;
}
