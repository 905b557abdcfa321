/* SPDX-License-Identifier: MIT */
/*
 * An application on the MQTT API instead of the socket: libmosquitto runs the loop and calls back. The lamp answers
 * set_power on miio/command_ack and reports its state on miio/report.
 *
 *     mosquitto &  miio_client --mqtt-api 127.0.0.1:1883 &  example_mqtt_callback 127.0.0.1 1883
 */
#include <cjson/cJSON.h>
#include <mosquitto.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t ending;

static void on_signal(int number)
{
    (void) number;
    ending = 1;
}

static void send_text(struct mosquitto *m, const char *channel, const char *text)
{
    mosquitto_publish(m, NULL, channel, (int) strlen(text), text, 1, false);
}

static void on_connect(struct mosquitto *m, void *user, int rc)
{
    (void) user;
    if (rc != 0) {
        fprintf(stderr, "broker: %s\n", mosquitto_connack_string(rc));
        return;
    }
    mosquitto_subscribe(m, NULL, "miio/command", 1);
    mosquitto_subscribe(m, NULL, "miio/report_ack", 1);
}

static void on_subscribe(struct mosquitto *m, void *user, int mid, int n, const int *granted)
{
    int *left = user;

    (void) m;
    (void) mid;
    (void) n;
    (void) granted;
    if (--*left == 0) {
        puts("ready");
        fflush(stdout);
    }
}

/* Every application sees every command; what is not ours is meant for another one. */
static void on_command(struct mosquitto *m, const cJSON *command)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(command, "id");
    const cJSON *method = cJSON_GetObjectItemCaseSensitive(command, "method");
    const cJSON *value = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(command, "params"), 0);
    char text[128];

    if (!cJSON_IsString(method) || strcmp(method->valuestring, "set_power") != 0 || !cJSON_IsNumber(id))
        return;
    printf("set_power %s\n", cJSON_IsString(value) ? value->valuestring : "?");
    fflush(stdout);
    snprintf(text, sizeof text, "{\"id\":%.0f,\"result\":[\"ok\"]}", id->valuedouble);
    send_text(m, "miio/command_ack", text);
    if (cJSON_IsString(value) && strlen(value->valuestring) < 32) {
        snprintf(text, sizeof text, "{\"id\":1,\"method\":\"props\",\"params\":{\"power\":\"%s\"}}", value->valuestring);
        send_text(m, "miio/report", text);
    }
}

static void on_message(struct mosquitto *m, void *user, const struct mosquitto_message *msg)
{
    cJSON *text = cJSON_ParseWithLength(msg->payload, (size_t) msg->payloadlen);

    (void) user;
    if (strcmp(msg->topic, "miio/command") == 0)
        on_command(m, text);
    else
        printf("report acknowledged: %.*s\n", msg->payloadlen, (const char *) msg->payload);
    fflush(stdout);
    cJSON_Delete(text);
}

int main(int argc, char **argv)
{
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    int port = argc > 2 ? atoi(argv[2]) : 1883, subscriptions = 2, rc;
    struct mosquitto *m;

    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    mosquitto_lib_init();
    m = mosquitto_new(NULL, true, &subscriptions);
    if (!m)
        return EXIT_FAILURE;
    mosquitto_connect_callback_set(m, on_connect);
    mosquitto_subscribe_callback_set(m, on_subscribe);
    mosquitto_message_callback_set(m, on_message);
    rc = mosquitto_connect(m, host, port, 60);
    while (rc == MOSQ_ERR_SUCCESS && !ending)
        rc = mosquitto_loop(m, 1000, 1);
    if (rc != MOSQ_ERR_SUCCESS && !ending)
        fprintf(stderr, "broker: %s\n", mosquitto_strerror(rc));
    mosquitto_destroy(m);
    mosquitto_lib_cleanup();
    return ending ? EXIT_SUCCESS : EXIT_FAILURE;
}
