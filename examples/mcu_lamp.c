/* SPDX-License-Identifier: MIT */
/*
 * One lesson: how little an MCU needs to sit behind miio_mcu (or a Xiaomi module). Three rules carry it: one
 * line out, then wait for its one answer; answer each "down"; when no answer comes, send the line
 * again.
 *
 * siid 2: piid 1 switch (bool), piid 2 brightness (1..100), aiid 1 toggle, eiid 1 key pressed.
 */
#include "examples/mcu_lamp.h"

#include <string.h>

#define POLL_MS  200u
#define REPLY_MS 1000u
#define LINE_MAX 512u

enum { ST_IDLE, ST_WAIT };

static char in[LINE_MAX + 1], out[LINE_MAX + 2];
static unsigned in_len, out_len;
static uint8_t state, start_step, tries, report_due, event_due, lamp_on, brightness = 50;
static uint32_t since;

/* ---- writing a line ---- */

static void put(const char *s)
{
    while (*s && out_len < LINE_MAX)
        out[out_len++] = *s++;
}

static void put_number(long v)
{
    char digits[12];
    unsigned n = sizeof digits - 1;
    unsigned long u = v < 0 ? 0ul - (unsigned long) v : (unsigned long) v;

    digits[n] = '\0';
    do
        digits[--n] = (char) ('0' + u % 10);
    while (u /= 10);
    if (v < 0)
        digits[--n] = '-';
    put(" ");
    put(digits + n);
}

static void begin(const char *command)
{
    out_len = 0;
    put(command);
}

static void send(void)
{
    out[out_len++] = '\r';
    tries = 1;
    state = ST_WAIT;
    since = board_millis();
    board_write(out, out_len);
}

static void say(const char *line)
{
    begin(line);
    send();
}

/* ---- reading words ---- */

static const char *skip(const char *p)
{
    while (*p && *p != ' ')
        p++;
    while (*p == ' ')
        p++;
    return p;
}

static int word_is(const char *p, const char *word)
{
    unsigned n = (unsigned) strlen(word);

    return strncmp(p, word, n) == 0 && (p[n] == ' ' || p[n] == '\0');
}

static long number(const char *p)
{
    long v = 0;
    int minus = *p == '-';

    for (p += minus; *p >= '0' && *p <= '9' && v < 100000; p++)
        v = v * 10 + (*p - '0');
    return minus ? -v : v;
}

/* ---- the lamp ---- */

static void put_state(long piid)
{
    if (piid == 1)
        put(lamp_on ? " true" : " false");
    else
        put_number(brightness);
}

static int set(long siid, long piid, const char *value)
{
    long v = number(value);

    if (siid != 2 || (piid != 1 && piid != 2))
        return -4003;
    if (piid == 1 && !word_is(value, "true") && !word_is(value, "false"))
        return -4005;
    if (piid == 2 && (v < 1 || v > 100))
        return -4005;
    if (piid == 1)
        lamp_on = (uint8_t) word_is(value, "true");
    else
        brightness = (uint8_t) v;
    report_due = 1;
    return 0;
}

static void get_properties(const char *p)
{
    begin("result");
    while (*p) {
        long siid = number(p), piid = number(p = skip(p));
        int known = siid == 2 && (piid == 1 || piid == 2);

        p = skip(p);
        put_number(siid);
        put_number(piid);
        put_number(known ? 0 : -4003);
        if (known)
            put_state(piid);
    }
    send();
}

static void set_properties(const char *p)
{
    begin("result");
    while (*p) {
        long siid = number(p), piid = number(p = skip(p));
        const char *value = skip(p);

        p = skip(value);
        put_number(siid);
        put_number(piid);
        put_number(set(siid, piid, value));
    }
    send();
}

static void action(const char *p)
{
    long siid = number(p), aiid = number(skip(p));
    int known = siid == 2 && aiid == 1;

    begin("result");
    put_number(siid);
    put_number(aiid);
    put_number(known ? 0 : -4003);
    if (known) {
        lamp_on = !lamp_on;
        report_due = 1;
    }
    send();
}

static void rest(void)
{
    state = ST_IDLE;
    since = board_millis();
}

static void down(const char *p)
{
    const char *args = skip(p);

    if (word_is(p, "get_properties"))
        get_properties(args);
    else if (word_is(p, "set_properties"))
        set_properties(args);
    else if (word_is(p, "action"))
        action(args);
    else if (word_is(p, "update_fw"))
        say("result \"busy\""); /* this sample has no boot loader */
    else if (word_is(p, "MIIO_mcu_version_req"))
        say("mcu_version 0001");
    else
        rest(); /* none, MIIO_net_change: nothing to answer */
}

/* ---- what is due ---- */

static void report(void)
{
    begin("properties_changed 2 1");
    put_state(1);
    put(" 2 2");
    put_state(2);
    send();
    report_due = 0;
}

static void next(void)
{
    static const char *const start[] = {"echo off", "model acme.lamp.v1", "mcu_version 0001"};

    if (start_step < sizeof start / sizeof start[0]) {
        say(start[start_step++]);
    } else if (report_due) {
        report();
    } else if (event_due) {
        event_due = 0;
        say("event_occured 2 1");
    } else if (board_millis() - since >= POLL_MS) {
        say("get_down");
    }
}

static void line(void)
{
    in[in_len] = '\0';
    in_len = 0;
    if (strncmp(in, "down ", 5) == 0)
        down(in + 5);
    else if (state == ST_WAIT)
        rest(); /* ok or error */
}

void mcu_lamp_byte(char c)
{
    if (c == '\r')
        line();
    else if (in_len < LINE_MAX)
        in[in_len++] = c;
}

void mcu_lamp_poll(void)
{
    if (state == ST_IDLE) {
        next();
    } else if (board_millis() - since >= REPLY_MS) {
        if (tries++ >= 3) {
            rest();
            return;
        }
        since = board_millis();
        board_write(out, out_len);
    }
}

void mcu_lamp_key(void)
{
    lamp_on = !lamp_on;
    report_due = event_due = 1;
}

void mcu_lamp_init(void)
{
    in_len = 0;
    start_step = 0;
    rest();
}
