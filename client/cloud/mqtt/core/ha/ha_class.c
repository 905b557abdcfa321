/* SPDX-License-Identifier: MIT */
/* Home Assistant's device classes and units, by the names of properties. Source: its developer documentation, sensor entity. */
#include <string.h>
#include "client/cloud/mqtt/core/ha/ha_part.h"

#define DEG   "\xc2\xb0"
#define CUBED "\xc2\xb3"
#define MU    "\xce\xbc"

static const struct {
    const char *miot, *ha;
} units[] = {
    {"none", ""},
    {"percentage", "%"},
    {"celsius", DEG "C"},
    {"fahrenheit", DEG "F"},
    {"kelvin", "K"},
    {"second", "s"},
    {"seconds", "s"},
    {"minutes", "min"},
    {"hours", "h"},
    {"days", "d"},
    {"pascal", "Pa"},
    {"arcdegrees", DEG},
    {"rgb", ""},
    {"watt", "W"},
    {"litre", "L"},
    {"mg/m3", "mg/m" CUBED},
    {MU "g/m3", MU "g/m" CUBED},
    {"\xc2\xb5g/m3", MU "g/m" CUBED},
    {"ug/m3", MU "g/m" CUBED},
    {"lux", "lx"},
    {"ampere", "A"},
    {"volt", "V"},
    {"metre", "m"},
    {"meter", "m"},
    {"gram", "g"},
    {"kilogram", "kg"},
    {"hertz", "Hz"},
    {"milliampere", "mA"},
    {"millivolt", "mV"},
};

const char *ha_unit(const char *unit)
{
    for (size_t i = 0; i < ag_array_size(units); i++) {
        if (strcmp(units[i].miot, unit) == 0)
            return units[i].ha;
    }
    return unit;
}

#define MASS_M3  MU "g/m" CUBED
#define PRESSURE "|Pa|bar|cbar|hPa|inHg|kPa|mPa|mbar|mmHg|psi|"

/* units: what the class takes, with '|' around each; "||" stands for none. */
static const struct {
    const char *name, *device_class, *state_class, *units;
} classes[] = {
    {"temperature", "temperature", "measurement", "|" DEG "C|" DEG "F|K|"},
    {"target-temperature", "temperature", "measurement", "|" DEG "C|" DEG "F|K|"},
    {"indoor-temperature", "temperature", "measurement", "|" DEG "C|" DEG "F|K|"},
    {"outdoor-temperature", "temperature", "measurement", "|" DEG "C|" DEG "F|K|"},
    {"water-temperature", "temperature", "measurement", "|" DEG "C|" DEG "F|K|"},
    {"relative-humidity", "humidity", "measurement", "|%|"},
    {"target-humidity", "humidity", "measurement", "|%|"},
    {"soil-moisture", "moisture", "measurement", "|%|"},
    {"pm2.5-density", "pm25", "measurement", "|" MASS_M3 "|"},
    {"pm10-density", "pm10", "measurement", "|" MASS_M3 "|"},
    {"pm1", "pm1", "measurement", "|" MASS_M3 "|"},
    {"tvoc-density", "volatile_organic_compounds", "measurement", "|" MASS_M3 "|mg/m" CUBED "|"},
    {"tvoc-density", "volatile_organic_compounds_parts", "measurement", "|ppb|ppm|"},
    {"co2-density", "carbon_dioxide", "measurement", "|ppm|"},
    {"co-density", "carbon_monoxide", "measurement", "|mg/m" CUBED "|ppb|ppm|" MASS_M3 "|"},
    {"atmospheric-pressure", "atmospheric_pressure", "measurement", PRESSURE},
    {"illumination", "illuminance", "measurement", "|lx|"},
    {"battery-level", "battery", "measurement", "|%|"},
    {"voltage", "voltage", "measurement", "|" MU "V|mV|V|kV|MV|"},
    {"electric-current", "current", "measurement", "|A|mA|" MU "A|"},
    {"electric-power", "power", "measurement", "|mW|W|kW|MW|"},
    {"power-consumption", "energy", "total_increasing", "|Wh|kWh|MWh|J|kJ|MJ|GJ|"},
    {"air-quality-index", "aqi", "measurement", "||"},
    {"left-time", "duration", "measurement", "|s|min|h|d|"},
    {"filter-left-time", "duration", "measurement", "|s|min|h|d|"},
    {"filter-used-time", "duration", "measurement", "|s|min|h|d|"},
    {"working-time", "duration", "measurement", "|s|min|h|d|"},
};

static bool takes(const char *list, const char *unit)
{
    size_t len = strlen(unit);

    for (const char *p = list; p[1]; p = strchr(p + 1, '|')) {
        if (strncmp(p + 1, unit, len) == 0 && p[1 + len] == '|')
            return true;
    }
    return false;
}

struct ha_class ha_class_of(const char *name, const char *unit)
{
    for (size_t i = 0; i < ag_array_size(classes); i++) {
        if (strcmp(classes[i].name, name) == 0 && takes(classes[i].units, unit))
            return (struct ha_class){classes[i].device_class, classes[i].state_class};
    }
    return (struct ha_class){NULL, *unit ? "measurement" : NULL};
}

struct word_pair {
    const char *name, *word;
};

static const struct word_pair binary[] = {
    {"motion-state", "motion"},
    {"motion-detection", "motion"},
    {"occupancy-status", "occupancy"},
    {"contact-state", "opening"},
    {"submersion-state", "moisture"},
    {"smoke-detected", "smoke"},
    {"gas-detected", "gas"},
    {"door-state", "door"},
    {"low-battery", "battery"},
    {"charging", "battery_charging"},
    {"vibration", "vibration"},
    {"connection-state", "connectivity"},
    {"fault", "problem"},
    {"water-shortage-fault", "problem"},
};

static const struct word_pair categories[] = {
    {"fault", "diagnostic"},
    {"firmware-revision", "diagnostic"},
    {"serial-number", "diagnostic"},
    {"serial-no", "diagnostic"},
    {"wifi-strength", "diagnostic"},
    {"wifi-rssi", "diagnostic"},
    {"rssi", "diagnostic"},
    {"ip-address", "diagnostic"},
    {"physical-controls-locked", "config"},
    {"alarm", "config"},
    {"indicator-light", "config"},
    {"temperature-display-unit", "config"},
    {"screen", "config"},
    {"volume", "config"},
    {"country-code", "config"},
    {"buzzer", "config"},
};

static const char *find_word(const struct word_pair *pairs, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(pairs[i].name, name) == 0)
            return pairs[i].word;
    }
    return NULL;
}

const char *ha_binary_class(const char *name)
{
    return find_word(binary, ag_array_size(binary), name);
}

const char *ha_category(const char *service, const char *property, bool writable)
{
    const char *word = find_word(categories, ag_array_size(categories), property);

    if (!word)
        word = find_word(categories, ag_array_size(categories), service);
    if (!word || strcmp(word, "diagnostic") == 0)
        return word;
    return writable ? word : "diagnostic"; /* Home Assistant refuses config for what only shows */
}
