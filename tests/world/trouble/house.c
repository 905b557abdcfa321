/* SPDX-License-Identifier: MIT */
#include "tests/world/trouble/house.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "tests/world/kernel/files.h"
#include "tests/world/trouble/trouble.h"

#define LIST  "/etc/miio/ha.json"
#define MODEL "/etc/miio/model.json"

static const char list[] = "{\"properties\":[{\"name\":\"label\",\"type\":\"text\",\"set\":\"app0.label\"},"
                           "{\"name\":\"mode\",\"type\":\"select\",\"options\":[\"a\",\"b \\\"c\\\"\"],\"set\":\"app0.mode\"}]}";

static const char model[] =
    "{\"type\":\"urn:miot-spec-v2:device:light:0000A001:world-v1:1\",\"description\":\"Light\",\"services\":[{\"iid\":2,"
    "\"type\":\"urn:miot-spec-v2:service:light:00007802:world-v1:1\",\"description\":\"Light\",\"properties\":[{\"iid\":1,"
    "\"type\":\"urn:miot-spec-v2:property:mode:00000008:world-v1:1\",\"description\":\"Mode\",\"format\":\"uint8\","
    "\"access\":[\"read\",\"write\",\"notify\"],\"value-list\":[{\"value\":0,\"description\":\"Auto\"},"
    "{\"value\":1,\"description\":\"Auto\"},{\"value\":2,\"description\":\"\"},{\"value\":3,\"description\":\"None\"}]}]}]}";

int house_conf(char *out, size_t room)
{
    if (troubles.house == 1) {
        disk_put(LIST, list, sizeof list - 1);
        return snprintf(out, room, "ha_properties=" LIST "\n");
    }
    if (troubles.house == 2) {
        disk_put(MODEL, model, sizeof model - 1);
        return snprintf(out, room, "model_file=" MODEL "\nha_poll=0\n");
    }
    return 0;
}

/* What a user chooses is what is sent only when no two options read the same, and each reads as something. */
static void look_at_options(const cJSON *options, const char *topic)
{
    const cJSON *a, *b;

    cJSON_ArrayForEach(a, options)
    {
        if (!cJSON_IsString(a) || !a->valuestring[0] || strcasecmp(a->valuestring, "none") == 0)
            broken("Home Assistant is told of an option that it cannot show: %s", topic);
        for (b = a->next; b; b = b->next)
            if (cJSON_IsString(a) && cJSON_IsString(b) && strcmp(a->valuestring, b->valuestring) == 0)
                broken("Home Assistant is told of two options \"%s\": %s", a->valuestring, topic);
    }
}

/* A value within JSON that is not written as JSON breaks on quotes, and can set something else. */
static void look_at(const cJSON *json, const char *topic)
{
    const cJSON *each;

    cJSON_ArrayForEach(each, json)
    {
        const char *name = each->string ? each->string : "";

        if (strcmp(name, "options") == 0)
            look_at_options(each, topic);
        else if (strcmp(name, "command_template") == 0 && cJSON_IsString(each) && strstr(each->valuestring, "value") &&
                 !strstr(each->valuestring, "tojson"))
            broken("Home Assistant is told a template that breaks on quotes: %s", each->valuestring);
        else
            look_at(each, topic);
    }
}

void house_told(const char *topic, const char *text)
{
    cJSON *json;

    if (strncmp(topic, "homeassistant/", 14) != 0 || !text[0])
        return;
    json = cJSON_Parse(text);
    if (!json)
        broken("Home Assistant is told what is no JSON: %s", topic);
    look_at(json, topic);
    cJSON_Delete(json);
}
