/* SPDX-License-Identifier: MIT */
/* Made by miio_gen; it will be overwritten when it is made again. */
#include "thermostat_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct thermostat_device {
    agent_device *agent;
    struct thermostat_handlers handlers;
    void *user;
};

static const char *const pieces[] = {
    "{\"type\":\"urn:miot-spec-v2:device:thermostat:0000A031:acme-heat1:1\",\"description\":\"Thermostat\",\"s"
    "ervices\":[{\"iid\":2,\"type\":\"urn:miot-spec-v2:service:thermostat:0000784A:acme-heat1:1\",\"descripti"
    "on\":\"Thermostat\",\"properties\":[{\"iid\":1,\"type\":\"urn:miot-spec-v2:property:on:00000006:acme-heat1"
    ":1\",\"description\":\"Switch\",\"format\":\"bool\",\"access\":[\"read\",\"write\",\"notify\"]},{\"iid\":2,\"type\":\""
    "urn:miot-spec-v2:property:target-temperature:00000021:acme-heat1:1\",\"description\":\"Target Temper"
    "ature\",\"format\":\"float\",\"access\":[\"read\",\"write\",\"notify\"],\"unit\":\"celsius\",\"value-range\":[5,30,"
    "0.5]},{\"iid\":3,\"type\":\"urn:miot-spec-v2:property:status:00000007:acme-heat1:1\",\"description\":\"St"
    "atus\",\"format\":\"uint8\",\"access\":[\"read\",\"notify\"],\"value-list\":[{\"value\":0,\"description\":\"Idle\"}"
    ",{\"value\":1,\"description\":\"Heating\"}]}],\"actions\":[{\"iid\":1,\"type\":\"urn:miot-spec-v2:action:togg"
    "le:00002811:acme-heat1:1\",\"description\":\"Toggle\",\"in\":[],\"out\":[]}],\"events\":[{\"iid\":1,\"type\":\"u"
    "rn:acme-spec:event:target-reached:00005001:acme-heat1:1\",\"description\":\"Target Reached\",\"argumen"
    "ts\":[2]}]},{\"iid\":3,\"type\":\"urn:miot-spec-v2:service:environment:0000780A:acme-heat1:1\",\"descrip"
    "tion\":\"Environment\",\"properties\":[{\"iid\":1,\"type\":\"urn:miot-spec-v2:property:temperature:0000002"
    "0:acme-heat1:1\",\"description\":\"Temperature\",\"format\":\"float\",\"access\":[\"read\",\"notify\"],\"unit\":\""
    "celsius\",\"value-range\":[-20,60,0.1]}]},{\"iid\":4,\"type\":\"urn:miot-spec-v2:service:physical-contro"
    "ls-locked:00007807:acme-heat1:1\",\"description\":\"Buttons\",\"properties\":[{\"iid\":1,\"type\":\"urn:miot"
    "-spec-v2:property:physical-controls-locked:0000001D:acme-heat1:1\",\"description\":\"Locked\",\"format"
    "\":\"bool\",\"access\":[\"read\",\"write\",\"notify\"]}]}]}",
};

static int parse(agent_model **ret)
{
    size_t n = 0, at = 0, i;
    char *text;
    int r;

    for (i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
        n += strlen(pieces[i]);
    text = (char *) malloc(n + 1);
    if (!text)
        return -ENOMEM;
    for (i = 0; i < sizeof pieces / sizeof pieces[0]; at += strlen(pieces[i++]))
        strcpy(text + at, pieces[i]);
    r = agent_model_parse(ret, text, n, NULL);
    free(text);
    return r;
}

static int on_set_thermostat_on(agent_device *agent, const struct agent_asked *asked, const struct agent_value *value, void *user)
{
    struct thermostat_device *device = (struct thermostat_device *) user;

    (void) agent;
    (void) asked;
    return device->handlers.set_thermostat_on(device, value->b != 0, device->user);
}

static int on_set_thermostat_target_temperature(agent_device *agent, const struct agent_asked *asked, const struct agent_value *value, void *user)
{
    struct thermostat_device *device = (struct thermostat_device *) user;

    (void) agent;
    (void) asked;
    return device->handlers.set_thermostat_target_temperature(device, value->d, device->user);
}

static int on_set_physical_controls_locked_physical_controls_locked(agent_device *agent, const struct agent_asked *asked, const struct agent_value *value, void *user)
{
    struct thermostat_device *device = (struct thermostat_device *) user;

    (void) agent;
    (void) asked;
    return device->handlers.set_physical_controls_locked_physical_controls_locked(device, value->b != 0, device->user);
}

static int on_do_thermostat_toggle(agent_device *agent, const struct agent_asked *asked, const struct agent_value *in, size_t n_in, void *user)
{
    struct thermostat_device *device = (struct thermostat_device *) user;

    (void) agent;
    (void) asked;
    (void) in;
    (void) n_in;
    return device->handlers.do_thermostat_toggle(device, device->user);
}

static int install(struct thermostat_device *device)
{
    int r = 0;

    (void) device;
    if (r == 0 && device->handlers.set_thermostat_on)
        r = agent_device_on_set(device->agent, "2.1", on_set_thermostat_on, device);
    if (r == 0 && device->handlers.set_thermostat_target_temperature)
        r = agent_device_on_set(device->agent, "2.2", on_set_thermostat_target_temperature, device);
    if (r == 0 && device->handlers.set_physical_controls_locked_physical_controls_locked)
        r = agent_device_on_set(device->agent, "4.1", on_set_physical_controls_locked_physical_controls_locked, device);
    if (r == 0 && device->handlers.do_thermostat_toggle)
        r = agent_device_on_action(device->agent, "2.1", on_do_thermostat_toggle, device);
    return r;
}

int thermostat_new(struct thermostat_device **ret, agent_conn *conn, const struct thermostat_handlers *handlers, void *user)
{
    struct thermostat_device *device;
    agent_model *model = NULL;
    int r;

    if (!ret || !conn)
        return -EINVAL;
    device = (struct thermostat_device *) calloc(1, sizeof *device);
    if (!device)
        return -ENOMEM;
    if (handlers)
        device->handlers = *handlers;
    device->user = user;
    r = parse(&model);
    if (r >= 0)
        r = agent_device_new(&device->agent, conn, model);
    agent_model_unref(model);
    if (r >= 0)
        r = install(device);
    if (r < 0)
        device = thermostat_free(device);
    else
        *ret = device;
    return r;
}

struct thermostat_device *thermostat_free(struct thermostat_device *device)
{
    if (device)
        agent_device_free(device->agent);
    free(device);
    return NULL;
}

agent_device *thermostat_agent_device(struct thermostat_device *device)
{
    return device ? device->agent : NULL;
}

int thermostat_set_thermostat_on(struct thermostat_device *device, bool value)
{
    return device ? agent_device_set_bool(device->agent, "2.1", value) : -EINVAL;
}

int thermostat_get_thermostat_on(struct thermostat_device *device, bool *ret)
{
    struct agent_value held, *value = &held;
    int r = device && ret ? agent_device_get(device->agent, "2.1", value) : -EINVAL;

    if (r == 0)
        *ret = value->b != 0;
    return r;
}

int thermostat_set_thermostat_target_temperature(struct thermostat_device *device, double value)
{
    return device ? agent_device_set_double(device->agent, "2.2", value) : -EINVAL;
}

int thermostat_get_thermostat_target_temperature(struct thermostat_device *device, double *ret)
{
    struct agent_value held, *value = &held;
    int r = device && ret ? agent_device_get(device->agent, "2.2", value) : -EINVAL;

    if (r == 0)
        *ret = value->d;
    return r;
}

int thermostat_set_thermostat_status(struct thermostat_device *device, enum thermostat_thermostat_status value)
{
    return device ? agent_device_set_int(device->agent, "2.3", (int64_t) value) : -EINVAL;
}

int thermostat_get_thermostat_status(struct thermostat_device *device, enum thermostat_thermostat_status *ret)
{
    struct agent_value held, *value = &held;
    int r = device && ret ? agent_device_get(device->agent, "2.3", value) : -EINVAL;

    if (r == 0)
        *ret = (enum thermostat_thermostat_status) value->i;
    return r;
}

int thermostat_set_environment_temperature(struct thermostat_device *device, double value)
{
    return device ? agent_device_set_double(device->agent, "3.1", value) : -EINVAL;
}

int thermostat_get_environment_temperature(struct thermostat_device *device, double *ret)
{
    struct agent_value held, *value = &held;
    int r = device && ret ? agent_device_get(device->agent, "3.1", value) : -EINVAL;

    if (r == 0)
        *ret = value->d;
    return r;
}

int thermostat_set_physical_controls_locked_physical_controls_locked(struct thermostat_device *device, bool value)
{
    return device ? agent_device_set_bool(device->agent, "4.1", value) : -EINVAL;
}

int thermostat_get_physical_controls_locked_physical_controls_locked(struct thermostat_device *device, bool *ret)
{
    struct agent_value held, *value = &held;
    int r = device && ret ? agent_device_get(device->agent, "4.1", value) : -EINVAL;

    if (r == 0)
        *ret = value->b != 0;
    return r;
}

int thermostat_event_thermostat_target_reached(struct thermostat_device *device, double in1_thermostat_target_temperature)
{
    int r = device ? 0 : -EINVAL;

    if (r >= 0)
        r = thermostat_set_thermostat_target_temperature(device, in1_thermostat_target_temperature);
    return r < 0 ? r : agent_device_event(device->agent, "2.1", NULL, NULL);
}
