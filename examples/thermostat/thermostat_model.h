/* SPDX-License-Identifier: MIT */
/*
 * Made by miio_gen from a model of thermostat; it will be overwritten when it is made again.
 *
 * One setter and getter a property, one handler a writable property and action, one function an event. Setters return 1: it is
 * another value than before, and reported; 0: the same; negative: see agent/model.h. Getters return 0 or -ENODATA: nothing yet.
 * Handlers return 0: done; AGENT_MODEL_ACCEPTED: begun; negative: a code of agent/model.h. A string is borrowed for the call.
 */
#ifndef THERMOSTAT_MODEL_H
#define THERMOSTAT_MODEL_H

#include <agent/model.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct thermostat_device;

enum thermostat_thermostat_status {
    THERMOSTAT_THERMOSTAT_STATUS_IDLE = 0, /* Idle */
    THERMOSTAT_THERMOSTAT_STATUS_HEATING = 1 /* Heating */
};

struct thermostat_handlers {
    /* thermostat.on */
    int (*set_thermostat_on)(struct thermostat_device *device, bool value, void *user);
    /* thermostat.target-temperature */
    int (*set_thermostat_target_temperature)(struct thermostat_device *device, double value, void *user);
    /* physical-controls-locked.physical-controls-locked */
    int (*set_physical_controls_locked_physical_controls_locked)(struct thermostat_device *device, bool value, void *user);
    /* thermostat.toggle (2.1): Toggle */
    int (*do_thermostat_toggle)(struct thermostat_device *device, void *user);
    /* The rest of the struct may be left 0. */
    void *reserved;
};

/* handlers is copied and may be NULL. 0, or what agent_model_parse() and agent_device_new() return. */
int thermostat_new(struct thermostat_device **ret, agent_conn *conn, const struct thermostat_handlers *handlers, void *user);
/* Returns NULL, takes NULL. */
struct thermostat_device *thermostat_free(struct thermostat_device *device);
/* What is underneath, for what this header has not. */
agent_device *thermostat_agent_device(struct thermostat_device *device);

/* thermostat.on (2.1): Switch; bool */
int thermostat_set_thermostat_on(struct thermostat_device *device, bool value);
int thermostat_get_thermostat_on(struct thermostat_device *device, bool *ret);

/* thermostat.target-temperature (2.2): Target Temperature; float, celsius, 5 to 30 by 0.5 */
int thermostat_set_thermostat_target_temperature(struct thermostat_device *device, double value);
int thermostat_get_thermostat_target_temperature(struct thermostat_device *device, double *ret);

/* thermostat.status (2.3): Status; uint8 */
int thermostat_set_thermostat_status(struct thermostat_device *device, enum thermostat_thermostat_status value);
int thermostat_get_thermostat_status(struct thermostat_device *device, enum thermostat_thermostat_status *ret);

/* environment.temperature (3.1): Temperature; float, celsius, -20 to 60 by 0.1 */
int thermostat_set_environment_temperature(struct thermostat_device *device, double value);
int thermostat_get_environment_temperature(struct thermostat_device *device, double *ret);

/* physical-controls-locked.physical-controls-locked (4.1): Locked; bool */
int thermostat_set_physical_controls_locked_physical_controls_locked(struct thermostat_device *device, bool value);
int thermostat_get_physical_controls_locked_physical_controls_locked(struct thermostat_device *device, bool *ret);

/* thermostat.target-reached (2.1): Target Reached */
int thermostat_event_thermostat_target_reached(struct thermostat_device *device, double in1_thermostat_target_temperature);

#ifdef __cplusplus
}
#endif

#endif
