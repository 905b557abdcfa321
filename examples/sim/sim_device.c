/* SPDX-License-Identifier: MIT */
/*
 * miio_sim device: a device that is not there, from its model alone. It keeps what it is told, its sensors wander, its
 * events happen now and then. An application on libagentmodel like any other.
 */
#include <agent/model.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "examples/sim/sim.h"
#include "examples/sim/sim_options.h"
#include "libagent/core/util.h"

enum { BEAT_MS = 1000, EVENT_EVERY = 60, SWITCH_EVERY = 20, INTERVAL_MAX_MS = 3600000 };

struct device {
    agent_device *agent;
    const char *address, *path;
    unsigned interval_ms;
    uint64_t random;
    bool quiet, still;
};

static agent_conn *running; /* for the signal handler */

static void on_signal(int number)
{
    (void) number;
    agent_stop(running, 0);
}

/* Marsaglia's xorshift: the same seed, the same device. */
static unsigned dice(struct device *d, unsigned sides)
{
    d->random ^= d->random << 13;
    d->random ^= d->random >> 7;
    d->random ^= d->random << 17;
    return (unsigned) (d->random >> 33) % sides;
}

/* ---- what is told ---- */

static void say_value(const struct device *d, const char *verb, const char *path, const struct agent_value *v)
{
    if (d->quiet)
        return;
    printf("%s %s", verb, path);
    if (v && v->type == AGENT_VALUE_BOOL)
        printf(" %s", v->b ? "true" : "false");
    else if (v && v->type == AGENT_VALUE_INT)
        printf(" %lld", (long long) v->i);
    else if (v && v->type == AGENT_VALUE_DOUBLE)
        printf(" %.9g", v->d);
    else if (v)
        printf(" %s", v->s);
    putchar('\n');
    fflush(stdout);
}

static const char *path_of(const struct device *d, enum agent_part part, const struct agent_asked *asked)
{
    struct agent_part_info info;
    char number[24];

    snprintf(number, sizeof number, "%u.%u", asked->siid, asked->iid);
    return agent_model_find(agent_device_model(d->agent), part, number, &info) == 0 ? info.path : "?";
}

static int on_set(agent_device *agent, const struct agent_asked *asked, const struct agent_value *value, void *user)
{
    struct device *d = user;

    (void) agent;
    say_value(d, "set", path_of(d, AGENT_PART_PROPERTY, asked), value);
    return 0;
}

static int on_action(agent_device *agent, const struct agent_asked *asked, const struct agent_value *in, size_t n_in, void *user)
{
    struct device *d = user;

    (void) agent;
    say_value(d, "do", path_of(d, AGENT_PART_ACTION, asked), n_in > 0 ? &in[0] : NULL);
    return 0;
}

/* ---- what happens by itself ---- */

static double start_of(const struct agent_part_info *p)
{
    if (!p->has_range)
        return 0;
    return p->min + (p->max - p->min) / 2;
}

static void set_choice(struct device *d, const struct agent_part_info *p, unsigned index)
{
    const char *description;
    double value;

    if (agent_model_choice(agent_device_model(d->agent), p->path, index, &value, &description) == 0)
        agent_device_set_double(d->agent, p->path, value);
}

/* A sensor drifts by some steps, and turns back at the ends of its range. */
static void wander(struct device *d, const struct agent_part_info *p)
{
    struct agent_value v;
    double step = p->step > 0 ? p->step : 1, now;

    if (!p->has_range || agent_device_get(d->agent, p->path, &v) != 0)
        return;
    now = v.d + step * ((double) dice(d, 7) - 3);
    now = now < p->min ? p->min : now > p->max ? p->max : now;
    agent_device_set_double(d->agent, p->path, now);
}

static void live(struct device *d, const struct agent_part_info *p)
{
    struct agent_value v;

    if (p->writable || !p->readable || p->format == AGENT_FORMAT_STRING || p->format == AGENT_FORMAT_HEX ||
        p->format == AGENT_FORMAT_NONE)
        return;
    if (p->format != AGENT_FORMAT_BOOL && p->n_choices == 0)
        wander(d, p);
    else if (dice(d, SWITCH_EVERY) != 0)
        return;
    else if (p->n_choices > 0)
        set_choice(d, p, dice(d, p->n_choices));
    else if (agent_device_get(d->agent, p->path, &v) == 0)
        agent_device_set_bool(d->agent, p->path, !v.b);
}

static void on_beat(agent_conn *conn, void *user)
{
    struct device *d = user;
    agent_model *model = agent_device_model(d->agent);
    size_t n_events = agent_model_count(model, AGENT_PART_EVENT);
    struct agent_part_info p;

    (void) conn;
    for (size_t i = 0; agent_model_part(model, AGENT_PART_PROPERTY, i, &p) == 0; i++)
        live(d, &p);
    if (n_events > 0 && dice(d, EVENT_EVERY) == 0 &&
        agent_model_part(model, AGENT_PART_EVENT, dice(d, (unsigned) n_events), &p) == 0 &&
        agent_device_event(d->agent, p.path, NULL, NULL) >= 0)
        say_value(d, "event", p.path, NULL);
}

/* Every property has a value from the start; device-information comes from what the client knows. */
static void set_first_values(struct device *d)
{
    agent_model *model = agent_device_model(d->agent);
    struct agent_part_info p;

    for (size_t i = 0; agent_model_part(model, AGENT_PART_PROPERTY, i, &p) == 0; i++) {
        if (strncmp(p.path, "device-information.", 19) == 0)
            continue;
        if (p.n_choices > 0)
            set_choice(d, &p, 0);
        else if (p.format == AGENT_FORMAT_BOOL)
            agent_device_set_bool(d->agent, p.path, 0);
        else if (p.format == AGENT_FORMAT_STRING || p.format == AGENT_FORMAT_HEX)
            agent_device_set_string(d->agent, p.path, "");
        else if (p.format == AGENT_FORMAT_NONE)
            agent_device_set_json(d->agent, p.path, "null");
        else
            agent_device_set_double(d->agent, p.path, start_of(&p));
    }
}

/* ---- start ---- */

static void usage(FILE *f)
{
    fprintf(f, "usage: miio_sim device --model FILE [options]\n\n"
               "  --model FILE     MIoT-Spec instance of the device\n"
               "  -a, --agent ADDRESS  unix:PATH, seqpacket:PATH, tcp:HOST:PORT (default: as every application)\n"
               "  --interval MS    how often its sensors move (1000)\n"
               "  --still          they do not\n"
               "  --seed N         another course of things\n"
               "  -q, --quiet      print nothing but errors\n"
               "  -h, --help       print this help\n");
}

static void on_log(enum agent_log_level level, const char *text, void *user)
{
    (void) level;
    (void) user;
    fprintf(stderr, "miio_sim device: %s\n", text);
}

static int fail(int r)
{
    fprintf(stderr, "miio_sim device: %s\n", agent_strerror(r));
    return SIM_RUNTIME;
}

static int serve(struct device *d, agent_model *model)
{
    int r = agent_new(&running);

    if (r >= 0)
        r = agent_set_log(running, on_log, AGENT_LOG_WARNING, NULL);
    if (r >= 0)
        r = agent_device_new(&d->agent, running, model);
    if (r >= 0) {
        set_first_values(d);
        r = agent_device_on_set(d->agent, NULL, on_set, d);
    }
    if (r >= 0)
        r = agent_device_on_action(d->agent, NULL, on_action, d);
    if (r >= 0 && !d->still)
        r = agent_timer(running, NULL, d->interval_ms, d->interval_ms, on_beat, d);
    if (r >= 0)
        r = agent_open(running, d->address);
    if (r >= 0) {
        signal(SIGINT, on_signal);
        signal(SIGTERM, on_signal);
        printf("device %s, %zu properties\n", agent_model_type(model), agent_model_count(model, AGENT_PART_PROPERTY));
        fflush(stdout);
        r = agent_run(running);
    }
    d->agent = agent_device_free(d->agent);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    running = agent_unref(running);
    return r < 0 ? fail(r) : SIM_OK;
}

static const struct ag_option rows[] = {
    {.name = "agent", .letter = 'a', .set = sim_set_pointer, AG_OPTION_FIELD(struct device, address)},
    {.name = "quiet", .letter = 'q', .kind = AG_OPTION_FLAG, AG_OPTION_FIELD(struct device, quiet)},
    SIM_TEXT("model", struct device, path),
    SIM_FLAG("still", struct device, still),
    SIM_NUMBER("interval", struct device, interval_ms, 1, INTERVAL_MAX_MS),
    SIM_NUMBER("seed", struct device, random, 1, UINT32_MAX),
};

int sim_device(int argc, char **argv)
{
    struct device d = {.interval_ms = BEAT_MS, .random = 88172645463325252u};
    struct agent_model_error why;
    agent_model *model = NULL;
    int code = sim_options("device", usage, rows, ag_array_size(rows), AG_WORDS_NONE, argc, argv, &d);

    if (code >= 0)
        return code;
    if (!d.path) {
        usage(stderr);
        return SIM_USAGE;
    }
    if (agent_model_load(&model, d.path, &why) < 0) {
        if (why.line)
            fprintf(stderr, "miio_sim device: %s:%u: %s\n", d.path, why.line, why.why);
        else
            fprintf(stderr, "miio_sim device: %s: %s\n", d.path, why.why);
        return SIM_RUNTIME;
    }
    code = serve(&d, model);
    agent_model_unref(model);
    return code;
}
