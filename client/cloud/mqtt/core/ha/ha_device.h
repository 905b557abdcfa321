/* SPDX-License-Identifier: MIT */
/* The device that a discovery message announces. */
#ifndef CLIENT_HA_DEVICE_H
#define CLIENT_HA_DEVICE_H

/*
 * Bytes of the message: what brokers take by default (NATS 1 MiB, EMQX 1 MB). A component takes some 800 bytes, so a vacuum
 * of 300 properties needs a quarter of it. What does not fit is left out, the last components first, and counted.
 */
enum { HA_MODEL_BYTES_MIN = 32768, HA_MODEL_BYTES_MAX = 1000000 };

/* Strings are borrowed; "" where there is none. */
struct ha_model_device {
    const char *did; /* decimal */
    const char *model, *vendor, *mac, *sn;
    const char *fw_version;
    const char *state_topic, *command_topic, *report_topic, *status_topic, *vacuum_topic;
    unsigned bytes_max; /* of the message, HA_MODEL_BYTES_MIN to HA_MODEL_BYTES_MAX */
};

#endif
