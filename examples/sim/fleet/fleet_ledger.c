/* SPDX-License-Identifier: MIT */
#include "examples/sim/fleet/fleet_ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "examples/sim/fleet/fleet_options.h"

int fleet_ledger_init(struct fleet_ledger *l, unsigned devices, unsigned reports_max, unsigned commands_max)
{
    *l = (struct fleet_ledger){.devices = devices, .reports_max = reports_max};
    l->seen = calloc((size_t) devices * reports_max / 8 + 1, 1);
    l->commands = calloc(commands_max + 1, sizeof *l->commands);
    l->took_ms = calloc(commands_max + 1, sizeof *l->took_ms);
    if (l->seen && l->commands && l->took_ms)
        return 0;
    fleet_ledger_deinit(l);
    return -ENOMEM;
}

void fleet_ledger_deinit(struct fleet_ledger *l)
{
    free(l->seen);
    free(l->commands);
    free(l->took_ms);
    *l = (struct fleet_ledger){0};
}

static bool number_behind(struct ag_span text, const char *what, unsigned *out)
{
    const char *at = memmem(text.p, text.len, what, strlen(what));
    char digits[12];
    size_t left;

    if (!at)
        return false;
    at += strlen(what);
    left = text.len - (size_t) (at - text.p);
    snprintf(digits, sizeof digits, "%.*s", (int) (left < sizeof digits - 1 ? left : sizeof digits - 1), at);
    return sscanf(digits, "%u", out) == 1;
}

static void heard_report(struct fleet_ledger *l, unsigned device, struct ag_span text)
{
    unsigned n;
    size_t bit;

    if (!number_behind(text, "\"n\":", &n) || n >= l->reports_max) {
        l->n_strange++;
        return;
    }
    bit = (size_t) device * l->reports_max + n;
    if (l->seen[bit / 8] >> (bit % 8) & 1)
        l->n_repeats++;
    else
        l->n_reports++;
    l->seen[bit / 8] |= (uint8_t) (1 << (bit % 8));
}

static void heard_answer(struct fleet_ledger *l, uint64_t now_ms, unsigned device, struct ag_span text)
{
    unsigned id;

    if (!number_behind(text, "\"id\":", &id) || id == 0 || id > l->n_commands || (id - 1) % l->devices != device ||
        !memmem(text.p, text.len, "[\"ok\"]", 6)) {
        l->n_strange++; /* an error is, too: the command is sent again */
        return;
    }
    if (l->commands[id - 1].answered) {
        l->n_answers_twice++;
        return;
    }
    l->commands[id - 1].answered = true;
    l->took_ms[l->n_answered++] = (uint32_t) (now_ms - l->commands[id - 1].at_ms);
}

void fleet_ledger_heard(struct fleet_ledger *l, uint64_t now_ms, const char *topic, struct ag_span payload)
{
    char kind[32];
    unsigned did;

    if (sscanf(topic, "miio/%u/%31s", &did, kind) != 2 || did < FLEET_FIRST_DID || did - FLEET_FIRST_DID >= l->devices)
        return; /* of others at the same broker */
    if (strcmp(kind, "report") == 0)
        heard_report(l, did - FLEET_FIRST_DID, payload);
    else if (strcmp(kind, "command_ack") == 0)
        heard_answer(l, now_ms, did - FLEET_FIRST_DID, payload);
}

unsigned fleet_ledger_ask(struct fleet_ledger *l, uint64_t now_ms, unsigned *device_out)
{
    struct fleet_command *c = &l->commands[l->n_commands];

    c->at_ms = c->said_ms = now_ms;
    *device_out = l->n_commands % l->devices;
    return ++l->n_commands;
}

unsigned fleet_ledger_again(struct fleet_ledger *l, uint64_t now_ms, uint64_t before_ms, unsigned *at, unsigned *device_out)
{
    for (; *at < l->n_commands; ++*at) {
        struct fleet_command *c = &l->commands[*at];

        if (c->answered || c->said_ms >= before_ms)
            continue;
        c->said_ms = now_ms;
        l->n_again++;
        *device_out = *at % l->devices;
        return ++*at;
    }
    return 0;
}

unsigned fleet_ledger_unanswered(const struct fleet_ledger *l, unsigned device)
{
    unsigned n = 0;

    for (unsigned i = device; i < l->n_commands; i += l->devices)
        n += !l->commands[i].answered;
    return n;
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

    return x < y ? -1 : x > y;
}

uint32_t fleet_ledger_took(struct fleet_ledger *l, unsigned from, unsigned percent)
{
    unsigned n = l->n_answered - from;

    if (n == 0)
        return 0;
    qsort(l->took_ms + from, n, sizeof *l->took_ms, compare);
    return l->took_ms[from + (n - 1) * percent / 100];
}
