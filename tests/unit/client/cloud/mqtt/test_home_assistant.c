/* SPDX-License-Identifier: MIT */
/*
 * A model at Home Assistant: what becomes of which property, names, what is gone, bounds. The schema is
 * tests/system/test_ha_model.py's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "client/cloud/mqtt/core/ha/ha_ask.h"
#include "client/cloud/mqtt/core/ha/ha_model.h"
#include "client/cloud/mqtt/core/ha/ha_name.h"
#include "client/cloud/mqtt/core/ha/ha_vacuum.h"
#include "libagent/core/json/json_iter.h"
#include "tests/support/alloc_fail.h"

static const struct ha_model_device D = {"7", "a.b.v1", "a", "34:CE:00:AA:BB:01", "", "1.0", "S", "C",
                                         "R", "A",      "V", HA_MODEL_BYTES_MAX};

#define URN(kind, name) "\"type\":\"urn:miot-spec-v2:" kind ":" name ":00000001:a-b:1\""
#define MODEL(service, members)                                                                                                  \
    "{" URN("device", "x") ",\"services\":[{\"iid\":2," URN("service", service) ",\"description\":\"Thing\"," members "}]}"
#define PROPS(list) "\"properties\":[" list "]"
#define P(iid, name, format, access, more)                                                                                       \
    "{\"iid\":" iid "," URN("property", name) ",\"description\":\"\",\"format\":\"" format "\",\"access\":[" access "]" more "}"
#define RW                    "\"read\",\"write\",\"notify\""
#define RO                    "\"read\",\"notify\""
#define RANGE(min, max, step) ",\"value-range\":[" min "," max "," step "]"
#define V(value, text)        "{\"value\":" value ",\"description\":\"" text "\"}"
#define LIST(list)            ",\"value-list\":[" list "]"
#define UNIT(unit)            ",\"unit\":\"" unit "\""

static void parse(struct model *m, const char *text)
{
    struct model_error e;
    int r = ag_model_parse(m, (struct ag_span){text, strlen(text)}, &e);

    if (r < 0)
        fail_msg("%u: %s", e.line, e.why);
}

/* What the message says of one component, without its frame; NULL: there is none. Ends with the next call. */
static const char *component(const char *model, const char *key)
{
    static struct ag_buf text = AG_BUF_INIT;
    struct ha_model_message message;
    struct ag_span payload, one;
    struct ag_json_view view;
    struct ha_text gone;
    struct model m;

    parse(&m, model);
    assert_int_equal(ha_model_build(&m, &D, AG_SPAN(""), &message, &gone), 0);
    payload = ag_buf_span(&message.payload.b);
    assert_int_equal(ag_json_parse(&payload, 16, &view), 0);
    one = ag_json_get(ag_json_get(payload, "components"), key);
    ag_buf_deinit(&text);
    if (one.p)
        assert_int_equal(ag_buf_append_span(&text, one), 0);
    ha_model_message_deinit(&message);
    ha_text_deinit(&gone);
    ag_model_deinit(&m);
    return one.p ? ag_buf_cstr(&text) : NULL;
}

static const struct {
    const char *name, *model, *key,
        *has; /* has: parts with '~' between; first a '!' for one that must not be there; NULL: no component */
} rows[] = {
    {"bool rw", MODEL("x", PROPS(P("1", "led", "bool", RW, ""))), "p2_1",
     "\"platform\":\"switch\"~\"unique_id\":\"miio_7_2_1\"~\"name\":\"Led\""},
    {"bool r", MODEL("x", PROPS(P("1", "motion-state", "bool", RO, ""))), "p2_1",
     "\"binary_sensor\"~\"device_class\":\"motion\"~!command_topic"},
    {"bool w", MODEL("x", PROPS(P("1", "led", "bool", "\"write\"", ""))), "p2_1", "\"switch\"~!state_topic"},
    {"no access", MODEL("x", PROPS(P("1", "led", "bool", "", ""))), "p2_1", NULL},
    {"list rw", MODEL("x", PROPS(P("1", "m", "uint8", RW, LIST(V("0", "A") "," V("3", "B"))))), "p2_1",
     "\"select\"~\"options\":[\"A\",\"B\"]~{'A':0,'B':3}[value]"},
    {"list r", MODEL("x", PROPS(P("1", "m", "uint8", RO, LIST(V("0", "A"))))), "p2_1",
     "\"sensor\"~\"device_class\":\"enum\"~\"options\":[\"A\"]~!state_class"},
    {"number rw", MODEL("x", PROPS(P("1", "n", "uint8", RW, RANGE("1", "9", "2")))), "p2_1",
     "\"number\"~\"min\":1,\"max\":9,\"step\":2"},
    {"decimals", MODEL("x", PROPS(P("1", "n", "float", RW, RANGE("-0.5", "9.5", "0.1")))), "p2_1",
     "\"min\":-0.5,\"max\":9.5,\"step\":0.1~| round(1)"},
    {"a step too small", MODEL("x", PROPS(P("1", "n", "float", RW, RANGE("0", "1", "0.00001")))), "p2_1", "\"step\":0.001"},
    {"no range", MODEL("x", PROPS(P("1", "n", "int16", RW, ""))), "p2_1", "\"min\":-32768,\"max\":32767,\"step\":1"},
    {"one value only", MODEL("x", PROPS(P("1", "n", "uint8", RW, RANGE("5", "5", "1")))), "p2_1", "\"sensor\""},
    {"number r", MODEL("x", PROPS(P("1", "n", "uint8", RO, UNIT("percentage")))), "p2_1",
     "\"sensor\"~\"unit_of_measurement\":\"%\"~\"state_class\":\"measurement\""},
    {"a class", MODEL("x", PROPS(P("1", "pm2.5-density", "float", RO, UNIT("\xc2\xb5g/m3")))), "p2_1",
     "\"device_class\":\"pm25\"~\xce\xbcg/m\xc2\xb3"},
    {"a class with another unit", MODEL("x", PROPS(P("1", "temperature", "float", RO, UNIT("percentage")))), "p2_1",
     "!device_class"},
    {"energy", MODEL("x", PROPS(P("1", "power-consumption", "float", RO, UNIT("kWh")))), "p2_1",
     "\"energy\"~\"total_increasing\""},
    {"text", MODEL("x", PROPS(P("1", "t", "string", RW, ",\"max-length\":8"))), "p2_1", "\"text\"~\"max\":8~value | tojson"},
    {"long text", MODEL("x", PROPS(P("1", "t", "string", RW, ",\"max-length\":999"))), "p2_1", "\"max\":255"},
    {"hex", MODEL("x", PROPS(P("1", "t", "hex", RW, ""))), "p2_1", "\"pattern\":"},
    {"anything", MODEL("x", PROPS(P("1", "t", "none", RW, ""))), "p2_1", "\"sensor\"~!command"},
    {"a setting", MODEL("x", PROPS(P("1", "alarm", "bool", RW, ""))), "p2_1", "\"entity_category\":\"config\""},
    {"a setting that shows only", MODEL("x", PROPS(P("1", "alarm", "bool", RO, ""))), "p2_1",
     "\"entity_category\":\"diagnostic\""},
    {"button", MODEL("x", PROPS("") ",\"actions\":[{\"iid\":1," URN("action", "identify") "}]"), "a2_1",
     "\"button\"~\"device_class\":\"identify\"~\\\"aiid\\\":1"},
    {"action with input",
     MODEL("x", PROPS(P("1", "n", "bool", "", "")) ",\"actions\":[{\"iid\":1," URN("action", "do") ",\"in\":[1]}]"), "a2_1",
     NULL},
    {"event", MODEL("x", PROPS("") ",\"events\":[{\"iid\":1," URN("event", "double-click") "}]"), "e2_1",
     "\"event_types\":[\"double-click\"]~\"state_topic\":\"R\"~\"button\""},
    {"outlet", MODEL("outlet", PROPS(P("1", "on", "bool", RW, ""))), "p2_1",
     "\"switch\"~\"name\":null~\"device_class\":\"outlet\""},
    {"light", MODEL("light", PROPS(P("1", "on", "bool", RW, "") "," P("2", "brightness", "uint8", RW, RANGE("1", "100", "1")))),
     "s2", "\"light\"~\"name\":null~v * 255 / 100~brightness * 100 / 255~!color_temp"},
    {"kelvin",
     MODEL("light", PROPS(P("1", "on", "bool", RW, "") "," P("2", "color-temperature", "uint16", RW,
                                                             UNIT("kelvin") RANGE("2700", "6500", "1")))),
     "s2", "\"color_temp_kelvin\":true~\"min_kelvin\":2700,\"max_kelvin\":6500~v | int if"},
    {"mired",
     MODEL("light", PROPS(P("1", "on", "bool", RW, "") "," P("2", "color-temperature", "uint16", RW,
                                                             UNIT("mired") RANGE("153", "500", "1")))),
     "s2", "\"min_kelvin\":2000,\"max_kelvin\":6535~1000000 / v~1000000 / color_temp"},
    {"a temperature of no unit that is known",
     MODEL("light", PROPS(P("1", "on", "bool", RW, "") "," P("2", "color-temperature", "uint8", RW,
                                                             UNIT("percentage") RANGE("0", "100", "1")))),
     "p2_2", "\"number\""},
    {"light without on", MODEL("light", PROPS(P("1", "brightness", "uint8", RW, RANGE("1", "100", "1")))), "s2", NULL},
    {"fan",
     MODEL("fan", PROPS(P("1", "on", "bool", RW, "") "," P("2", "fan-level", "uint8", RW,
                                                           LIST(V("0", "Auto") "," V("4", "Low") "," V("9", "High"))))),
     "s2", "\"fan\"~\"speed_range_max\":2~{4:1,9:2}~{1:4,2:9}"},
    {"fan of percent",
     MODEL("fan", PROPS(P("1", "on", "bool", RW, "") "," P("2", "fan-level", "uint8", RW, RANGE("0", "100", "5")))), "s2",
     "\"speed_range_max\":20"},
    {"cover",
     MODEL("curtain", PROPS(P("1", "motor-control", "uint8", "\"write\"",
                              LIST(V("0", "Pause") "," V("1", "Open") "," V(
                                  "2", "Close"))) "," P("2", "current-position", "uint8", RO, RANGE("0", "100", "1")))),
     "s2", "\"cover\"~\"curtain\"~\"position_open\":100,\"position_closed\":0~!set_position~\\\"value\\\":2"},
    {"climate",
     MODEL("heater", PROPS(P("1", "on", "bool", RW, "") "," P("2", "target-temperature", "float", RW,
                                                              UNIT("celsius") RANGE("16", "30", "0.5")))),
     "s2", "\"climate\"~\"modes\":[\"off\",\"heat\"]~\"temp_step\":0.5~\"precision\":0.1"},
    {"fahrenheit",
     MODEL("heater", PROPS(P("1", "on", "bool", RW, "") "," P("2", "target-temperature", "uint8", RW,
                                                              UNIT("fahrenheit") RANGE("60", "90", "1")))),
     "s2", "\"temperature_unit\":\"F\"~\"precision\":1.0"},
    {"humidifier",
     MODEL("humidifier", PROPS(P("1", "on", "bool", RW, "") "," P("2", "target-humidity", "uint8", RW, RANGE("30", "80", "1")))),
     "s2", "\"humidifier\"~\"min_humidity\":30,\"max_humidity\":80"},
    {"humidifier without a target", MODEL("humidifier", PROPS(P("1", "on", "bool", RW, ""))), "p2_1", "\"switch\""},
    {"water heater",
     MODEL("water-heater", PROPS(P("1", "on", "bool", RW, "") "," P("2", "target-temperature", "uint8", RW,
                                                                    UNIT("celsius") RANGE("30", "75", "1")))),
     "s2", "\"water_heater\"~\"modes\":[\"off\",\"electric\"]"},
    {"a cover with everything",
     MODEL("window-opener",
           PROPS(P("1", "motor-control", "uint8", "\"write\"", LIST(V("0", "Stop") "," V("1", "Up") "," V("2", "Down"))) "," P(
               "2", "current-position", "uint8", RO,
               RANGE("0", "100", "1")) "," P("3", "target-position", "uint8", RW,
                                             RANGE("10", "60",
                                                   "5")) "," P("4", "status", "uint8", RO,
                                                               LIST(V("0", "Stopped") "," V("1", "Opening") "," V(
                                                                   "2", "Closing") "," V("3", "Closed") "," V("4", "Open"))))),
     "s2",
     "\"device_class\":\"window\"~{0:'stopped',1:'opening',2:'closing',3:'closed',4:'open'}~\"set_position_template\"~position * (50) / 100 + (10)~\"position_topic\":\"S\"~!payload_stop\":null"},
    {"a cover without a stop, whose target can be read",
     MODEL("airer", PROPS(P("1", "motor-control", "uint8", "\"write\"", LIST(V("1", "Rise") "," V("2", "Close"))) "," P(
                        "3", "target-position", "uint8", RW, RANGE("0", "100", "1")))),
     "s2", "\"payload_stop\":null~\"set_position_topic\"~\"position_closed\":0~!device_class"},
    {"a cover whose status has words of its own",
     MODEL("curtain", PROPS(P("1", "motor-control", "uint8", "\"write\"", LIST(V("1", "Open") "," V("2", "Close"))) "," P(
                          "4", "status", "uint8", RO, LIST(V("0", "Fine") "," V("1", "Broken"))))),
     "s2", "!value_template~!position"},
    {"that status stands for itself",
     MODEL("curtain", PROPS(P("1", "motor-control", "uint8", "\"write\"", LIST(V("1", "Open") "," V("2", "Close"))) "," P(
                          "4", "status", "uint8", RO, LIST(V("0", "Fine") "," V("1", "Broken"))))),
     "p2_4", "\"options\":[\"Fine\",\"Broken\"]"},
    {"a motor that is no list is no cover", MODEL("curtain", PROPS(P("1", "motor-control", "uint8", RW, RANGE("0", "2", "1")))),
     "s2", NULL},
    {"a motor that only stops is no cover",
     MODEL("curtain", PROPS(P("1", "motor-control", "uint8", RW, LIST(V("0", "Stop") "," V("1", "Open"))))), "s2", NULL},
    {"a position with decimals is none",
     MODEL("blind", PROPS(P("1", "motor-control", "uint8", RW, LIST(V("1", "Open") "," V("2", "Close"))) "," P(
                        "2", "current-position", "float", RO, RANGE("0", "1", "0.1")))),
     "s2", "\"blind\"~!position"},
    {"air conditioner",
     MODEL(
         "air-conditioner",
         PROPS(P("1", "on", "bool", RW, "") "," P(
             "2", "mode", "uint8", RW,
             LIST(V("0", "Auto") "," V("1", "Cool") "," V("2", "Dry") "," V("3", "Fan") "," V("4", "Heat") "," V(
                 "5",
                 "Heat and Cool"))) "," P("3", "target-temperature", "float", RW,
                                          UNIT("celsius") RANGE(
                                              "-5", "30",
                                              "0.5")) "," P("4", "fan-level", "uint8", RW,
                                                            LIST(V("0", "Low") "," V(
                                                                "1",
                                                                "High"))) "," P("5", "vertical-swing", "bool", RW,
                                                                                "") "," P("6", "horizontal-swing", "bool", RW,
                                                                                          "") "," P("7", "target-humidity",
                                                                                                    "uint8", RW,
                                                                                                    RANGE(
                                                                                                        "30",
                                                                                                        "70",
                                                                                                        "1")) "," P("8",
                                                                                                                    "relative-humidity",
                                                                                                                    "uint8", RO,
                                                                                                                    RANGE(
                                                                                                                        "0",
                                                                                                                        "100",
                                                                                                                        "1")) "," P("9",
                                                                                                                                    "temperature",
                                                                                                                                    "float",
                                                                                                                                    RO,
                                                                                                                                    UNIT("celsius") RANGE(
                                                                                                                                        "-40",
                                                                                                                                        "80",
                                                                                                                                        "0.1")))),
     "s2",
     "\"climate\"~\"modes\":[\"off\",\"cool\",\"dry\",\"fan_only\",\"heat\",\"heat_cool\",\"auto\"]~\"min_temp\":-5,\"max_temp\":30~\"current_temperature_topic\":\"S\"~\"fan_modes\":[\"Low\",\"High\"]~"
     "\"swing_modes\":[\"on\",\"off\"]~\"swing_horizontal_modes\":[\"on\",\"off\"]~\"min_humidity\":30,\"max_humidity\":70~\"current_humidity_topic\":\"S\"~'cool':1"},
    {"a thermostat of modes alone",
     MODEL("thermostat",
           PROPS(P("1", "on", "uint8", RW, "") "," P(
               "2", "mode", "uint8", RW,
               LIST(V("0", "Off") "," V("1", "Warm") "," V(
                   "2", "Blow"))) "," P("3", "target-temperature", "uint8", RW,
                                        UNIT("celsius")
                                            RANGE("5", "35", "1")) "," P("4", "fan-level", "uint8", RW,
                                                                         RANGE("0", "3", "1")) "," P("5", "vertical-swing",
                                                                                                     "uint8", RW, ""))),
     "s2", "\"modes\":[\"off\",\"fan_only\",\"heat\"]~'' if m is not defined~!fan_modes~!swing_modes"},
    {"a climate in kelvin is none",
     MODEL("heater", PROPS(P("1", "on", "bool", RW, "") "," P("2", "target-temperature", "uint16", RW,
                                                              UNIT("kelvin") RANGE("280", "310", "1")))),
     "s2", NULL},
    {"a climate without a range is none",
     MODEL("heater", PROPS(P("1", "on", "bool", RW, "") "," P("2", "target-temperature", "string", RW, ""))), "s2", NULL},
    {"a climate that cannot be switched is none",
     MODEL("heater", PROPS(P("2", "target-temperature", "uint8", RW, UNIT("celsius") RANGE("16", "30", "1")))), "s2", NULL},
    {"water heater with modes",
     MODEL("water-heater",
           PROPS(P("1", "on", "bool", RW, "") "," P(
               "2", "target-temperature", "uint8", RW,
               UNIT("celsius")
                   RANGE("30", "75", "1")) "," P("3", "mode", "uint8", RW,
                                                 LIST(V("0", "Off") "," V("1", "Eco") "," V("2", "Heat Pump") "," V(
                                                     "3", "Gas") "," V("4", "Boost") "," V("5", "Max") "," V("6", "Strange"))))),
     "s2", "\"modes\":[\"off\",\"eco\",\"heat_pump\",\"gas\",\"performance\",\"high_demand\",\"electric\"]~.get(m, 'electric')"},
    {"light with colour and effects",
     MODEL("light", PROPS(P("1", "on", "bool", RW, "") "," P("2", "color", "uint32", RW, RANGE("0", "16777215", "1")) "," P(
                        "3", "mode", "uint8", RW, LIST(V("0", "Party") "," V("1", "Night"))) "," P("4", "brightness", "float", RW,
                                                                                                   RANGE("0", "1", "0.01")))),
     "s2",
     "\"red_template\"~// 65536 % 256~\"blue_template\"~\"effect_list\":[\"Party\",\"Night\"]~\"effect_template\"~red * 65536 + green * 256 + blue~[effect] | tojson~| round(3)"},
    {"a colour that is no number is none",
     MODEL("light", PROPS(P("1", "on", "bool", RW, "") "," P("2", "color", "string", RW, ""))), "s2", "!red_template"},
    {"a mode that is no list is a number",
     MODEL("light", PROPS(P("1", "on", "bool", RW, "") "," P("3", "mode", "uint8", RW, RANGE("0", "9", "1")))), "s2",
     "!effect_list"},
    {"fan with modes, swing and direction",
     MODEL("fan",
           PROPS(P("1", "on", "bool", RW, "") "," P("2", "mode", "uint8", RW, LIST(V("0", "Straight") "," V("1", "Sleep"))) "," P(
               "3", "horizontal-swing", "bool", RW,
               "") "," P("4", "wind-reverse", "bool", RW, "") "," P("5", "speed-level", "float", RW, RANGE("0", "1", "0.25")))),
     "s2",
     "\"preset_modes\":[\"Straight\",\"Sleep\"]~\"preset_mode_value_template\"~'oscillate_on'~'reverse'~\"speed_range_max\":4~| round(2)"},
    {"a mode that can only be set shows no state",
     MODEL("fan",
           PROPS(P("1", "on", "bool", RW, "") "," P("2", "mode", "uint8", "\"write\"", LIST(V("0", "A") "," V("1", "B"))))),
     "s2", "\"preset_mode_command_topic\"~!preset_mode_state"},
    {"levels that are no number are none",
     MODEL("fan", PROPS(P("1", "on", "bool", RW, "") "," P("2", "fan-level", "string", RW, ""))), "s2", "!percentage"},
    {"levels below nothing are none",
     MODEL("fan", PROPS(P("1", "on", "bool", RW, "") "," P("2", "fan-level", "int8", RW, RANGE("-5", "5", "1")))), "s2",
     "!percentage"},
    {"dehumidifier with modes",
     MODEL("dehumidifier",
           PROPS(P("1", "on", "bool", RW, "") "," P("2", "target-humidity", "uint8", RW, RANGE("30", "80", "1")) "," P(
               "3", "mode", "uint8", RW, LIST(V("0", "Auto") "," V("1", "Dry"))) "," P("4", "relative-humidity", "uint8", RO,
                                                                                       RANGE("0", "100", "1")))),
     "s2",
     "\"device_class\":\"dehumidifier\"~\"modes\":[\"Auto\",\"Dry\"]~\"current_humidity_topic\":\"S\"~\"mode_state_topic\":\"S\""},
    {"firmware", MODEL("x", PROPS("")), "firmware", "\"update\"~'1.0'"},
};

static void check_row(size_t i)
{
    const char *text = component(rows[i].model, rows[i].key);
    char parts[2048], *rest = parts, *part;

    if (!rows[i].has || !text) {
        if (rows[i].has || text)
            fail_msg("%s: %s", rows[i].name, text ? text : "no such component");
        return;
    }
    snprintf(parts, sizeof parts, "%s", rows[i].has);
    while ((part = strsep(&rest, "~"))) {
        bool unwanted = *part == '!';

        if (!strstr(text, part + unwanted) != unwanted)
            fail_msg("%s: %s%s in %s", rows[i].name, unwanted ? "" : "no ", part + unwanted, text);
    }
}

static void each_kind_becomes_its_component(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++)
        check_row(i);
}

static void what_a_service_takes_is_told_once(void **state)
{
    (void) state;
    assert_null(component(rows[25].model, "p2_1"));
    assert_null(component(rows[25].model, "p2_2"));
    /* a mode with words for some of its values stays a select as well */
    assert_non_null(component(
        MODEL("heater",
              PROPS(P("1", "on", "bool", RW, "") "," P("2", "mode", "uint8", RW, LIST(V("0", "Heat") "," V("1", "Defog"))) "," P(
                  "3", "target-temperature", "uint8", RW, RANGE("16", "30", "1")))),
        "p2_2"));
}

/* ---- names ---- */

static void names_are_told_apart(void **state)
{
    static const char model[] = "{" URN(
        "device",
        "x") ",\"services\":["
             "{\"iid\":2," URN("service", "left") ",\"description\":\"Left\"," PROPS("{\"iid\":1," URN(
                 "property",
                 "on") ",\"description\":\"On\",\"format\":\"bool\",\"access\":[\"read\"]},"
                       "{\"iid\":2," URN(
                           "property",
                           "weekly-program") ",\"description\":\"  \",\"format\":\"bool\",\"access\":[\"read\"]}") "},"
                                                                                                                   "{\"iid\":3," URN("service", "right") ",\"description\":\"Right\"," PROPS(
                                                                                                                       "{\"iid\":1," URN(
                                                                                                                           "property",
                                                                                                                           "on") ",\"description\":\"On\",\"format\":\"bool\",\"access\":[\"read\"]},"
                                                                                                                                 "{\"iid\":2," URN(
                                                                                                                                     "property",
                                                                                                                                     "on") ",\"description\":\"On\",\"format\":\"bool\",\"access\":[\"read\"]},"
                                                                                                                                           "{\"iid\":3," URN(
                                                                                                                                               "property",
                                                                                                                                               "right") ",\"description\":\"Right\",\"format\":\"bool\",\"access\":[\"read\"]}") "}]}";
    static const char *const want[] = {"Left On", "Weekly program", "Right On (3.1)", "Right On (3.2)", "Right"};
    struct ha_names names;
    struct model m;

    (void) state;
    parse(&m, model);
    assert_int_equal(ha_names_init(&names, &m), 0);
    for (size_t i = 0; i < ag_array_size(want); i++)
        assert_string_equal(ha_name_of_prop(&names, &m, &m.props[i]), want[i]);
    ha_names_deinit(&names);
    ag_model_deinit(&m);
}

static void entity_ids_are_what_home_assistant_takes(void **state)
{
    static const char *const pairs[][2] = {{"light.brightness@8", "light_brightness_8"},
                                           {"pm2.5-density", "pm2_5_density"},
                                           {"a--b.-c-", "a_b_c"},
                                           {"ABC", "abc"},
                                           {"\xe6\xb8\xa9", "2_3"},
                                           {"-", "2_3"},
                                           {"", "2_3"}};

    (void) state;
    for (size_t i = 0; i < ag_array_size(pairs); i++) {
        char out[80];

        ha_entity_of(out, sizeof out, pairs[i][0], 2, 3);
        assert_string_equal(out, pairs[i][1]);
    }
}

/* ---- what is gone ---- */

static void what_is_gone_is_cut_down_first(void **state)
{
    static const char model[] = MODEL("x", PROPS(P("1", "a", "bool", RW, "") "," P("2", "b", "bool", RO, "")));
    static const struct {
        const char *keep;
        bool gone;
        const char *has, *has_not;
    } cases[] = {
        {"", false, NULL, NULL},
        {"homeassistant/device/miio_7/config\np2_1 switch\np2_2 binary_sensor\nfirmware update\n", false, NULL, NULL},
        {"p2_9 sensor\n", true, "\"p2_9\":{\"platform\":\"sensor\"}", NULL},
        {"p2_2 switch\n", true, "\"p2_2\":{\"platform\":\"switch\"}", "\"platform\":\"binary_sensor\""},
        {"p2_1 light\np2_2 light\nfirmware light\n", true, "{\"p2_1\":{\"platform\":\"light\"},\"p2_2\"", "unique_id"},
        {"a\"b sensor\n}} x\nsensor \n sensor\n", false, NULL, NULL},
    };
    struct model m;

    (void) state;
    parse(&m, model);
    for (size_t i = 0; i < ag_array_size(cases); i++) {
        struct ha_model_message message;
        struct ag_json_view view;
        struct ag_span text;
        struct ha_text gone;

        assert_int_equal(ha_model_build(&m, &D, (struct ag_span){cases[i].keep, strlen(cases[i].keep)}, &message, &gone), 0);
        assert_int_equal(ag_buf_size(&gone.b) > 0, cases[i].gone);
        if (cases[i].gone) {
            assert_non_null(strstr(ag_buf_cstr(&gone.b), cases[i].has));
            assert_true(!cases[i].has_not || !strstr(gone.b.data, cases[i].has_not));
            text = ag_buf_span(&gone.b);
            assert_int_equal(ag_json_parse(&text, 16, &view), 0);
        }
        ha_model_message_deinit(&message);
        ha_text_deinit(&gone);
    }
    ag_model_deinit(&m);
}

/* ---- bounds ---- */

static void put_large(struct ag_buf *b, unsigned n)
{
    assert_int_equal(
        ag_buf_printf(b, "{" URN("device", "x") ",\"services\":[{\"iid\":2," URN("service", "x") ",\"properties\":["), 0);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(
            ag_buf_printf(b,
                          "%s"
                          "{\"iid\":%u," URN("property", "n") ",\"description\":\"\",\"format\":\"uint16\",\"access\":[" RW "]}",
                          i ? "," : "", i + 1),
            0);
    assert_int_equal(ag_buf_append_str(b, "]}]}"), 0);
}

static void a_message_has_a_bound(void **state)
{
    static const struct {
        unsigned n, bytes_max;
        bool all;
    } sizes[] = {{300, HA_MODEL_BYTES_MAX, true},
                 {300, 300000, true},
                 {300, HA_MODEL_BYTES_MIN, false},
                 {4000, HA_MODEL_BYTES_MAX, false}};

    (void) state;
    for (size_t i = 0; i < ag_array_size(sizes); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
        struct ha_model_device d = D;
        struct ha_model_message message;
        struct ha_text gone;
        struct model m;

        d.bytes_max = sizes[i].bytes_max;
        put_large(&text, sizes[i].n);
        parse(&m, ag_buf_cstr(&text));
        assert_int_equal(ha_model_build(&m, &d, AG_SPAN(""), &message, &gone), 0);
        assert_true(ag_buf_size(&message.payload.b) <= (sizes[i].all ? 300000 : sizes[i].bytes_max));
        assert_int_equal(message.n + message.n_left_out, sizes[i].n + 1);
        assert_int_equal(message.n_left_out > 0, !sizes[i].all);
        ha_model_message_deinit(&message);
        ha_text_deinit(&gone);
        ag_model_deinit(&m);
    }
}

/* ---- the vacuum, and what is asked ---- */

static const char VACUUM[] =
    MODEL("vacuum",
          PROPS(P("1", "status", "uint8", RO,
                  LIST(V("1", "Idle") "," V("2", "Sweeping") "," V("3", "Go Charging") "," V("4", "Charging") "," V(
                      "5", "Odd")))) ",\"actions\":[{\"iid\":1," URN("action",
                                                                     "start-sweep") "},{\"iid\":2," URN("action",
                                                                                                        "stop-sweeping") "}]");

static void a_vacuums_status_has_words(void **state)
{
    static const char *const pairs[][2] = {{"1", "{\"state\":\"idle\"}"},      {"2", "{\"state\":\"cleaning\"}"},
                                           {"3", "{\"state\":\"returning\"}"}, {"4", "{\"state\":\"docked\"}"},
                                           {"5", "{\"state\":null}"},          {"\"x\"", "{\"state\":null}"}};
    struct ha_vacuum_state v;
    struct model m;

    (void) state;
    parse(&m, VACUUM);
    ha_vacuum_state_init(&v, &m);
    assert_string_equal(v.key, "2.1");
    for (size_t i = 0; i < ag_array_size(pairs); i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf out = AG_BUF_INIT;

        assert_int_equal(ha_vacuum_state_print(&v, (struct ag_span){pairs[i][0], strlen(pairs[i][0])}, &out), 0);
        assert_string_equal(ag_buf_cstr(&out), pairs[i][1]);
    }
    ag_model_deinit(&m);
    assert_non_null(strstr(component(VACUUM, "s2"), "\"supported_features\":[\"start\",\"stop\",\"status\"]"));
    assert_null(component(VACUUM, "a2_1"));
}

static void what_can_be_read_is_asked_for_in_batches(void **state)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT, command = AG_BUF_INIT;
    struct ha_ask a;
    struct model m;
    unsigned batches = 0;

    (void) state;
    put_large(&text, 40);
    parse(&m, ag_buf_cstr(&text));
    assert_int_equal(ha_ask_init(&a, &m), 0);
    ha_ask_begin(&a, false);
    for (; ha_ask_next(&a, "7", &command) == 1; batches++)
        ag_buf_clear(&command);
    assert_int_equal(batches, 3);
    ha_ask_begin(&a, true); /* all of them tell by themselves */
    assert_int_equal(ha_ask_next(&a, "7", &command), 0);
    ha_ask_deinit(&a);
    ag_model_deinit(&m);
    parse(&m, MODEL("x", PROPS(P("1", "a", "bool", "\"read\"", "") "," P("2", "b", "bool", RO, "") "," P("3", "c", "bool",
                                                                                                         "\"write\"", ""))));
    assert_int_equal(ha_ask_init(&a, &m), 0);
    ha_ask_begin(&a, true);
    assert_int_equal(ha_ask_next(&a, "7", &command), 1);
    assert_string_equal(ag_buf_cstr(&command),
                        "{\"id\":\"state\",\"method\":\"get_properties\",\"params\":[{\"did\":\"7\",\"siid\":2,\"piid\":1}]}");
    ha_ask_deinit(&a);
    ag_model_deinit(&m);
}

static void everything_once(void *user)
{
    const struct model *m = user;
    struct ha_model_message message;
    struct ha_text gone;
    struct ha_ask a;

    ha_model_build(m, &D, AG_SPAN("p2_9 sensor\n"), &message, &gone);
    ha_model_message_deinit(&message);
    ha_text_deinit(&gone);
    if (ha_ask_init(&a, m) == 0)
        ha_ask_deinit(&a);
}

static void short_memory_leaves_nothing_behind(void **state)
{
    static const size_t some[] = {4, 5, 8, 15, 25, 26, 30, 32, 33};
    struct model m;

    (void) state;
    for (size_t i = 0; i < ag_array_size(some); i++) {
        parse(&m, rows[some[i]].model);
        alloc_fail_sweep(everything_once, &m);
        ag_model_deinit(&m);
    }
    parse(&m, VACUUM);
    alloc_fail_sweep(everything_once, &m);
    ag_model_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_becomes_its_component),
        cmocka_unit_test(what_a_service_takes_is_told_once),
        cmocka_unit_test(names_are_told_apart),
        cmocka_unit_test(entity_ids_are_what_home_assistant_takes),
        cmocka_unit_test(what_is_gone_is_cut_down_first),
        cmocka_unit_test(a_message_has_a_bound),
        cmocka_unit_test(a_vacuums_status_has_words),
        cmocka_unit_test(what_can_be_read_is_asked_for_in_batches),
        cmocka_unit_test(short_memory_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
