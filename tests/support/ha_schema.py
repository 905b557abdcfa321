# SPDX-License-Identifier: MIT
"""Home Assistant's documented schema of MQTT device discovery, and its templates: what a message must be to be taken whole.

Stricter than Home Assistant, which drops unknown keys of components silently: here an unknown or deprecated key is an error, as is
anything that it would reject at once or complain of later.
"""
import json
import re

import jinja2

TEMPLATE = object()

COMMON = {"platform": str, "unique_id": str, "name": (str, type(None)), "default_entity_id": str, "entity_category": str, "icon": str,
          "entity_picture": str, "enabled_by_default": bool, "qos": int, "encoding": str, "retain": bool, "device_class": (str, type(None)),
          "availability_topic": str, "availability_template": TEMPLATE, "payload_available": str, "payload_not_available": str,
          "json_attributes_topic": str, "json_attributes_template": TEMPLATE}
NUMBER = (int, float)


def feature(name, state="value_template"):
    return {f"{name}_command_topic": str, f"{name}_command_template": TEMPLATE, f"{name}_state_topic": str, f"{name}_{state}": TEMPLATE}


PLATFORMS = {
    "switch": {"state_topic": str, "command_topic": str, "payload_on": str, "payload_off": str, "state_on": str, "state_off": str,
               "value_template": TEMPLATE, "command_template": TEMPLATE, "optimistic": bool},
    "binary_sensor": {"state_topic": str, "payload_on": str, "payload_off": str, "value_template": TEMPLATE, "expire_after": int,
                      "force_update": bool, "off_delay": int},
    "sensor": {"state_topic": str, "value_template": TEMPLATE, "state_class": str, "unit_of_measurement": str, "options": list,
               "expire_after": int, "force_update": bool, "suggested_display_precision": int, "last_reset_value_template": TEMPLATE},
    "number": {"state_topic": str, "command_topic": str, "min": NUMBER, "max": NUMBER, "step": NUMBER, "mode": str, "unit_of_measurement": str,
               "payload_reset": str, "value_template": TEMPLATE, "command_template": TEMPLATE, "optimistic": bool},
    "select": {"state_topic": str, "command_topic": str, "options": list, "value_template": TEMPLATE, "command_template": TEMPLATE,
               "optimistic": bool},
    "text": {"state_topic": str, "command_topic": str, "min": int, "max": int, "pattern": str, "mode": str, "value_template": TEMPLATE,
             "command_template": TEMPLATE},
    "button": {"command_topic": str, "payload_press": str, "command_template": TEMPLATE},
    "event": {"state_topic": str, "event_types": list, "value_template": TEMPLATE},
    "update": {"state_topic": str, "value_template": TEMPLATE, "latest_version_topic": str, "latest_version_template": TEMPLATE,
               "command_topic": str, "payload_install": str, "title": str, "release_summary": str, "release_url": str, "display_precision": int},
    "light": {"schema": str, "state_topic": str, "command_topic": str, "command_on_template": TEMPLATE, "command_off_template": TEMPLATE,
              "state_template": TEMPLATE, "brightness_template": TEMPLATE, "color_temp_template": TEMPLATE, "color_temp_kelvin": bool,
              "min_kelvin": int, "max_kelvin": int, "min_mireds": int, "max_mireds": int, "red_template": TEMPLATE, "green_template": TEMPLATE,
              "blue_template": TEMPLATE, "effect_template": TEMPLATE, "effect_list": list, "optimistic": bool},
    "fan": {"state_topic": str, "command_topic": str, "payload_on": str, "payload_off": str, "state_value_template": TEMPLATE,
            "command_template": TEMPLATE, "speed_range_min": int, "speed_range_max": int, "preset_modes": list,
            "payload_oscillation_on": str, "payload_oscillation_off": str, "payload_reset_percentage": str,
            "payload_reset_preset_mode": str, "optimistic": bool,
            **feature("percentage"), **feature("preset_mode"), **feature("oscillation"), **feature("direction")},
    "humidifier": {"state_topic": str, "command_topic": str, "payload_on": str, "payload_off": str, "state_value_template": TEMPLATE,
                   "command_template": TEMPLATE, **feature("target_humidity", "state_template"), "min_humidity": NUMBER, "max_humidity": NUMBER,
                   "modes": list, **feature("mode", "state_template"), "current_humidity_topic": str, "current_humidity_template": TEMPLATE,
                   "action_topic": str, "action_template": TEMPLATE, "payload_reset_humidity": str, "payload_reset_mode": str, "optimistic": bool},
    "climate": {**feature("mode", "state_template"), **feature("fan_mode", "state_template"), **feature("swing_mode", "state_template"),
                **feature("swing_horizontal_mode", "state_template"), **feature("temperature", "state_template"),
                **feature("temperature_high", "state_template"), **feature("temperature_low", "state_template"),
                **feature("target_humidity", "state_template"), **feature("preset_mode"),
                "power_command_topic": str, "power_command_template": TEMPLATE, "payload_on": str, "payload_off": str,
                "current_temperature_topic": str, "current_temperature_template": TEMPLATE, "current_humidity_topic": str,
                "current_humidity_template": TEMPLATE, "action_topic": str, "action_template": TEMPLATE, "value_template": TEMPLATE,
                "modes": list, "fan_modes": list, "swing_modes": list, "swing_horizontal_modes": list, "preset_modes": list, "initial": NUMBER,
                "min_temp": NUMBER, "max_temp": NUMBER, "temp_step": NUMBER, "precision": float, "temperature_unit": str,
                "min_humidity": NUMBER, "max_humidity": NUMBER, "optimistic": bool},
    "water_heater": {**feature("mode", "state_template"), **feature("temperature", "state_template"), "power_command_topic": str,
                     "power_command_template": TEMPLATE, "payload_on": str, "payload_off": str, "current_temperature_topic": str,
                     "current_temperature_template": TEMPLATE, "modes": list, "initial": NUMBER, "min_temp": NUMBER, "max_temp": NUMBER,
                     "precision": float, "temperature_unit": str, "optimistic": bool, "value_template": TEMPLATE},
    "cover": {"command_topic": str, "payload_open": (str, type(None)), "payload_close": (str, type(None)), "payload_stop": (str, type(None)),
              "state_topic": str, "value_template": TEMPLATE, "state_open": str, "state_opening": str, "state_closed": str, "state_closing": str,
              "state_stopped": str, "position_topic": str, "position_template": TEMPLATE, "set_position_topic": str,
              "set_position_template": TEMPLATE, "position_open": int, "position_closed": int, "optimistic": bool},
    "vacuum": {"command_topic": str, "state_topic": str, "payload_start": str, "payload_stop": str, "payload_pause": str,
               "payload_return_to_base": str, "payload_locate": str, "payload_clean_spot": str, "supported_features": list,
               "fan_speed_list": list, "set_fan_speed_topic": str, "send_command_topic": str},
}
NEEDED = {"switch": ["command_topic"], "binary_sensor": ["state_topic"], "sensor": ["state_topic"], "number": ["command_topic"],
          "select": ["command_topic", "options"], "text": ["command_topic"], "button": ["command_topic"],
          "event": ["state_topic", "event_types"], "light": ["command_topic", "command_on_template", "command_off_template"],
          "fan": ["command_topic"], "humidifier": ["command_topic", "target_humidity_command_topic"]}
DEPRECATED = {"object_id", "schema_legacy", "battery_level", "aux_command_topic", "power_state_topic", "send_if_off", "hold_modes",
              "color_mode", "color_temp", "hs", "rgb", "xy"}
CLASSES = {
    "binary_sensor": "battery battery_charging carbon_monoxide cold connectivity door garage_door gas heat light lock moisture motion moving "
                     "occupancy opening plug power presence problem running safety smoke sound tamper update vibration window",
    "switch": "outlet switch", "cover": "awning blind curtain damper door garage gate shade shutter window", "button": "identify restart update",
    "event": "button doorbell motion", "update": "firmware", "humidifier": "humidifier dehumidifier"}
UNITS = {  # of the classes that are used; "" is none
    "temperature": "°C °F K", "humidity": "%", "moisture": "%", "battery": "%", "pm25": "μg/m³", "pm10": "μg/m³", "pm1": "μg/m³",
    "carbon_dioxide": "ppm", "carbon_monoxide": "mg/m³ ppb ppm μg/m³", "volatile_organic_compounds": "μg/m³ mg/m³",
    "volatile_organic_compounds_parts": "ppb ppm", "illuminance": "lx", "voltage": "μV mV V kV MV", "current": "A mA μA",
    "power": "mW W kW MW GW TW", "energy": "J kJ MJ GJ mWh Wh kWh MWh GWh TWh", "duration": "μs ms s min h d",
    "atmospheric_pressure": "Pa bar cbar hPa inHg kPa mPa mbar mmHg psi", "aqi": ""}
STATE_CLASSES = {"measurement", "measurement_angle", "total", "total_increasing"}
TOTALS = {"energy"}
MODES = {"climate": {"auto", "off", "cool", "heat", "dry", "fan_only", "heat_cool"},
         "water_heater": {"off", "eco", "electric", "gas", "heat_pump", "high_demand", "performance"}}
FEATURES = {"start", "stop", "pause", "return_home", "status", "locate", "clean_spot", "fan_speed", "send_command"}
LISTS = ["options", "event_types", "effect_list", "preset_modes", "modes", "fan_modes", "swing_modes", "swing_horizontal_modes",
         "supported_features", "fan_speed_list"]
KEY = re.compile(r"[a-zA-Z0-9_-]+\Z")
ENTITY = re.compile(r"(?!.+__)(?!_)[\da-z_]+(?<!_)\.(?!_)[\da-z_]+(?<!_)\Z")

ENVIRONMENT = jinja2.Environment(undefined=jinja2.Undefined)
ENVIRONMENT.filters["to_json"] = json.dumps
ENVIRONMENT.filters["from_json"] = json.loads


class Bad(AssertionError):
    pass


def need(truth, *what):
    if not truth:
        raise Bad(" ".join(str(w) for w in what))


def object_of(value, required, optional, where):
    need(isinstance(value, dict), where, "is no object")
    need(set(required) <= set(value), where, "lacks", set(required) - set(value))
    need(set(value) <= set(required) | set(optional), where, "has unknown", set(value) - set(required) - set(optional))


def is_topic(text, publish):
    return 0 < len(text.encode()) <= 65535 and not re.search(r"[\x00-\x1f\x7f]", text) and not (publish and re.search("[+#]", text))


def unique_texts(values, where):
    need(values and all(isinstance(v, str) and v for v in values) and len(set(values)) == len(values), where, "is no list of different texts:", values)


def check_device(device):
    object_of(device, ["name"], ["identifiers", "connections", "manufacturer", "model", "model_id", "serial_number", "hw_version", "sw_version",
                                 "suggested_area", "via_device", "configuration_url"], "device")
    need(device.get("identifiers") or device.get("connections"), "device has no identity")
    for kind, value in device.get("connections", []):
        need(kind != "mac" or re.match(r"([0-9a-f]{2}:){5}[0-9a-f]{2}\Z", value), "mac", value)
    for key, value in device.items():
        need(key in ("identifiers", "connections") or (isinstance(value, str) and value), "device", key, value)


def check_type(where, key, kind, value):
    if kind is TEMPLATE:
        need(isinstance(value, str), where, key, "is no template")
        try:
            ENVIRONMENT.parse(value)
        except jinja2.TemplateSyntaxError as e:
            raise Bad(f"{where} {key}: {e}: {value}") from e
        return
    need(isinstance(value, kind) and (kind is bool or not isinstance(value, bool)), where, key, "has the wrong type:", repr(value))
    if key.endswith("topic"):
        need(is_topic(value, "command" in key or "set_" in key), where, key, value)


def check_numeric(where, c):
    unit, kind = c.get("unit_of_measurement", ""), c.get("device_class")
    if c["platform"] == "sensor" and kind == "enum":
        need(c.get("options") and "state_class" not in c and not unit, where, "enum")
        return
    need("options" not in c, where, "options without enum")
    if kind:
        need(kind in UNITS, where, "unknown class", kind)
        need(unit in (UNITS[kind].split(" ") if UNITS[kind] else [""]), where, kind, "does not come in", unit)
    state_class = c.get("state_class")
    if state_class:
        need(state_class in STATE_CLASSES and (state_class.startswith("total") == (kind in TOTALS)), where, state_class, kind)


def together(where, c, *keys):
    need(len({k in c for k in keys}) == 1, where, "goes only together:", keys)


def check_platform(where, c):
    platform = c["platform"]
    if platform in ("sensor", "number"):
        check_numeric(where, c)
    elif c.get("device_class"):
        need(c["device_class"] in CLASSES.get(platform, "").split(), where, "unknown class", c["device_class"])
    if platform == "number":
        need(c.get("min", 1) < c.get("max", 100) and c.get("step", 1) >= 0.001, where, "bounds")
    if platform == "text":
        need(0 <= c.get("min", 0) <= c.get("max", 255) <= 255, where, "bounds")
        re.compile(c.get("pattern", ""))
    if platform in MODES:
        need(set(c.get("modes", [])) <= MODES[platform], where, "modes", c.get("modes"))
        need(c.get("temperature_unit", "C") in ("C", "F") and c.get("precision", 0.1) in (0.1, 0.5, 1.0), where, "temperatures")
        need(c.get("min_temp", 7) < c.get("max_temp", 35), where, "temperatures")
    if platform in ("climate", "humidifier"):
        need(0 <= c.get("min_humidity", 30) < c.get("max_humidity", 99) <= 100, where, "humidities")
    if platform == "climate":
        need("target_humidity_state_topic" not in c or "target_humidity_command_topic" in c, where, "target humidity")
    if platform == "fan":
        together(where, c, "preset_modes", "preset_mode_command_topic")
        need(0 < c.get("speed_range_min", 1) < c.get("speed_range_max", 100), where, "speed range")
        need("None" not in c.get("preset_modes", []), where, "preset None")
    if platform == "humidifier":
        together(where, c, "modes", "mode_command_topic")
        need("None" not in c.get("modes", []), where, "mode None")
    if platform == "select":
        need("none" not in [o.lower() for o in c["options"]], where, "option None")
    if platform == "cover":
        need("set_position_topic" not in c or "position_topic" in c, where, "set_position_topic alone")
        need("value_template" not in c or "state_topic" in c, where, "value_template alone")
        need("position_template" not in c or "position_topic" in c, where, "position_template alone")
        need("set_position_template" not in c or "set_position_topic" in c, where, "set_position_template alone")
    if platform == "light":
        need(c.get("schema") == "template", where, "a light's commands are JSON: schema template")
        need(len({k in c for k in ("red_template", "green_template", "blue_template")}) == 1, where, "half a colour")
        need(("color_temp_template" in c) == ("min_kelvin" in c) and c.get("min_kelvin", 1) < c.get("max_kelvin", 2), where, "kelvin")
    if platform == "vacuum":
        need(set(c.get("supported_features", [])) <= FEATURES, where, "features")


def check_component(key, c):
    where = f"component {key}"
    need(KEY.match(key), where, "key")
    need(isinstance(c, dict) and c.get("platform") in PLATFORMS, where, "platform", c)
    known = {**COMMON, **PLATFORMS[c["platform"]]}
    need(not set(c) & DEPRECATED - set(PLATFORMS[c["platform"]]), where, "deprecated", set(c) & DEPRECATED)
    need(set(c) <= set(known), where, "unknown keys", set(c) - set(known))
    need(set(NEEDED.get(c["platform"], [])) <= set(c), where, "lacks", NEEDED.get(c["platform"]))
    need(c.get("unique_id"), where, "unique_id")
    for k, value in c.items():
        check_type(where, k, known[k], value)
    for k in LISTS:
        if k in c:
            unique_texts(c[k], f"{where} {k}")
    need(c.get("name", None) is None or c["name"].strip() == c["name"] != "", where, "name", repr(c.get("name")))
    need(c.get("entity_category") in (None, "config", "diagnostic"), where, "entity_category")
    need(c.get("entity_category") != "config" or c["platform"] not in ("sensor", "binary_sensor"), where, "config of what only shows")
    entity = c.get("default_entity_id", "x.y")
    need(ENTITY.match(entity) and entity.split(".")[0] in (c["platform"], "x"), where, entity)
    need(":" in c.get("icon", ":"), where, "icon")
    check_platform(where, c)


def check(payload):
    """The message as a dictionary; Bad with the reason."""
    def no_twins(pairs):
        need(len({k for k, _ in pairs}) == len(pairs), "a key is given twice:", [k for k, _ in pairs])
        return dict(pairs)
    message = json.loads(payload, object_pairs_hook=no_twins)
    object_of(message, ["device", "origin", "components"], ["availability", "availability_mode", "availability_topic", "state_topic",
                                                             "command_topic", "qos", "encoding"], "message")
    object_of(message["origin"], ["name"], ["sw_version", "support_url"], "origin")
    check_device(message["device"])
    seen = set()
    for key, c in message["components"].items():
        check_component(key, c)
        need((c["platform"], c["unique_id"]) not in seen, "unique_id twice:", c["unique_id"])
        seen.add((c["platform"], c["unique_id"]))
    return message


def render_state(template, state):
    """What Home Assistant makes of the text of a state topic."""
    values = {"value": state if isinstance(state, str) else json.dumps(state)}
    try:
        values["value_json"] = json.loads(values["value"])
    except ValueError:
        pass
    return ENVIRONMENT.from_string(template).render(**values).strip()


def render_command(template, **values):
    return ENVIRONMENT.from_string(template).render(**values).strip()
