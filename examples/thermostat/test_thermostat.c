/* SPDX-License-Identifier: MIT */
/*
 * Made by miio_gen; it will be overwritten when it is made again. Every property takes a value of the model and gives it back; needs no agent.
 *
 *     cc test_thermostat.c thermostat_model.c $(pkg-config --cflags --libs libagentmodel) && ./a.out
 */
#undef NDEBUG
#include "thermostat_model.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    struct thermostat_device *device = NULL;
    agent_conn *conn = NULL;

    assert(agent_new(&conn) == 0);
    assert(thermostat_new(&device, conn, NULL, NULL) == 0);
    {
        bool got;

        assert(thermostat_set_thermostat_on(device, false) >= 0);
        assert(thermostat_get_thermostat_on(device, &got) == 0);
        assert(got == false);
    }
    {
        double got;

        assert(thermostat_set_thermostat_target_temperature(device, 5) >= 0);
        assert(thermostat_get_thermostat_target_temperature(device, &got) == 0);
        assert(!(got < 5) && !(got > 5));
    }
    {
        enum thermostat_thermostat_status got;

        assert(thermostat_set_thermostat_status(device, THERMOSTAT_THERMOSTAT_STATUS_IDLE) >= 0);
        assert(thermostat_get_thermostat_status(device, &got) == 0);
        assert(got == THERMOSTAT_THERMOSTAT_STATUS_IDLE);
    }
    {
        double got;

        assert(thermostat_set_environment_temperature(device, -20) >= 0);
        assert(thermostat_get_environment_temperature(device, &got) == 0);
        assert(!(got < -20) && !(got > -20));
    }
    {
        bool got;

        assert(thermostat_set_physical_controls_locked_physical_controls_locked(device, false) >= 0);
        assert(thermostat_get_physical_controls_locked_physical_controls_locked(device, &got) == 0);
        assert(got == false);
    }
    assert(strlen(agent_model_type(agent_device_model(thermostat_agent_device(device)))) > 0);
    thermostat_free(device);
    agent_unref(conn);
    puts("ok");
    return 0;
}
