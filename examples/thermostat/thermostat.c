/*
 * A thermostat with a room around it. miio_gen wrote this file once from thermostat.json; what the maker changed is the
 * room, what the switch and the target do, and the first values. Values are checked before they come here, kept and
 * reported by the library.
 *
 *     cc thermostat.c thermostat_model.c $(pkg-config --cflags --libs libagentmodel)
 *     ./a.out [MILLISECONDS OF A STEP]
 */
#include "thermostat_model.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- the maker's own: a room that a heater warms ---- */

#define OUTSIDE 15.0
#define WARMS 0.2  /* degrees a step */
#define COOLS 0.1
#define SLACK 0.5  /* below the target, before it heats again */

/* The heater by the room's temperature: on below the target, off at it, as it was in between. */
static int control(struct thermostat_device *device, bool on, double target)
{
    enum thermostat_thermostat_status was = THERMOSTAT_THERMOSTAT_STATUS_IDLE, now;
    double room = 0;

    thermostat_get_thermostat_status(device, &was);
    thermostat_get_environment_temperature(device, &room);
    now = was;
    if (!on || room >= target)
        now = THERMOSTAT_THERMOSTAT_STATUS_IDLE;
    else if (room < target - SLACK)
        now = THERMOSTAT_THERMOSTAT_STATUS_HEATING;
    if (on && was == THERMOSTAT_THERMOSTAT_STATUS_HEATING && room >= target)
        thermostat_event_thermostat_target_reached(device, target);
    return thermostat_set_thermostat_status(device, now) < 0 ? -1 : 0;
}

/* A step of time: the room warms or cools, to a tenth of a degree. */
static void step(agent_conn *conn, void *user)
{
    struct thermostat_device *device = user;
    enum thermostat_thermostat_status status = THERMOSTAT_THERMOSTAT_STATUS_IDLE;
    double room = OUTSIDE, target = 0;
    bool on = false;

    (void) conn;
    thermostat_get_thermostat_status(device, &status);
    thermostat_get_environment_temperature(device, &room);
    if (status == THERMOSTAT_THERMOSTAT_STATUS_HEATING)
        room += WARMS;
    else if (room - COOLS > OUTSIDE)
        room -= COOLS;
    thermostat_set_environment_temperature(device, room);
    thermostat_get_thermostat_on(device, &on);
    thermostat_get_thermostat_target_temperature(device, &target);
    control(device, on, target);
}

/* ---- what miio_gen prepared ---- */

/* thermostat.on; the value is not kept yet while this runs */
static int set_thermostat_on(struct thermostat_device *device, bool value, void *user)
{
    double target = 0;

    (void) user;
    thermostat_get_thermostat_target_temperature(device, &target);
    printf("switched %s\n", value ? "on" : "off");
    return control(device, value, target) < 0 ? AGENT_MODEL_INTERNAL : 0;
}

/* thermostat.target-temperature */
static int set_thermostat_target_temperature(struct thermostat_device *device, double value, void *user)
{
    bool on = false;

    (void) user;
    thermostat_get_thermostat_on(device, &on);
    printf("target %g\n", value);
    return control(device, on, value) < 0 ? AGENT_MODEL_INTERNAL : 0;
}

/* thermostat.toggle */
static int do_thermostat_toggle(struct thermostat_device *device, void *user)
{
    bool on = false;

    thermostat_get_thermostat_on(device, &on);
    if (set_thermostat_on(device, !on, user) != 0)
        return AGENT_MODEL_INTERNAL;
    return thermostat_set_thermostat_on(device, !on) < 0 ? AGENT_MODEL_INTERNAL : 0;
}

/* What the device holds when it starts. */
static int set_first_values(struct thermostat_device *device)
{
    int r = 0;

    if (r >= 0)
        r = thermostat_set_thermostat_on(device, false);
    if (r >= 0)
        r = thermostat_set_thermostat_target_temperature(device, 20);
    if (r >= 0)
        r = thermostat_set_thermostat_status(device, THERMOSTAT_THERMOSTAT_STATUS_IDLE);
    if (r >= 0)
        r = thermostat_set_environment_temperature(device, OUTSIDE);
    if (r >= 0)
        r = thermostat_set_physical_controls_locked_physical_controls_locked(device, false);
    return r;
}

static void on_log(enum agent_log_level level, const char *text, void *user)
{
    (void) level;
    (void) user;
    fprintf(stderr, "thermostat: %s\n", text);
}

int main(int argc, char **argv)
{
    static const struct thermostat_handlers handlers = {
        .set_thermostat_on = set_thermostat_on,
        .set_thermostat_target_temperature = set_thermostat_target_temperature,
        .do_thermostat_toggle = do_thermostat_toggle,
    };
    unsigned step_ms = argc > 1 ? (unsigned) strtoul(argv[1], NULL, 10) : 1000;
    struct thermostat_device *device = NULL;
    agent_conn *conn = NULL;
    int r = agent_new(&conn);

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (r >= 0)
        r = agent_set_log(conn, on_log, AGENT_LOG_WARNING, NULL);
    if (r >= 0)
        r = thermostat_new(&device, conn, &handlers, NULL);
    if (r >= 0)
        r = set_first_values(device);
    if (r >= 0)
        r = agent_timer(conn, NULL, step_ms, step_ms ? step_ms : 1000, step, device);
    if (r >= 0)
        r = agent_open(conn, NULL);
    if (r >= 0)
        r = agent_run(conn);
    if (r < 0)
        fprintf(stderr, "thermostat: %s\n", agent_strerror(r));
    thermostat_free(device);
    agent_unref(conn);
    return r < 0;
}
