/* SPDX-License-Identifier: MIT */
/*
 * An external helper as vendors have it: it says hello on 54322, gets one text, closes, does what the text asks for, and
 * answers on connections of their own. The files of the data directory are its.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tests/world/app.h"
#include "tests/world/guests/plain.h"

#define DIR "/etc/miio/"

enum { ROOM = 4096, TELLS = 1000, TRIES = 5, PAUSE_MS = 3000, WAIT_MS = 2000, WORD = 128 };

/* ---- the line ---- */

static int dial(void)
{
    return plain_connect(54322, WAIT_MS);
}

static bool put(int fd, const char *text)
{
    return plain_put(fd, text, strlen(text), WAIT_MS);
}

/* Until the client has looked at it: nobody asks once more. */
static void tell(const char *text)
{
    char answer[128];
    bool seen = false;

    for (int i = 0; i < TELLS && !seen; i++) {
        struct pollfd p = {.fd = dial(), .events = POLLIN};

        seen = p.fd >= 0 && put(p.fd, text) && put(p.fd, "{\"id\":1,\"method\":\"_internal.accepted\"}") &&
               poll(&p, 1, 3000) > 0 && recv(p.fd, answer, sizeof answer, 0) > 0;
        if (p.fd >= 0)
            close(p.fd);
        if (!seen)
            poll(NULL, 0, 1000);
    }
}

static bool hear(char text[ROOM])
{
    struct pollfd p = {.fd = dial(), .events = POLLIN};
    size_t n = 0;

    if (p.fd < 0)
        return false;
    if (put(p.fd, "{\"method\":\"_internal.hello\"}"))
        while (n < ROOM - 1 && poll(&p, 1, n > 0 ? 500 : 30000) > 0) {
            ssize_t r = recv(p.fd, text + n, ROOM - 1 - n, 0);

            if (r < 0 && errno == EAGAIN)
                continue;
            if (r <= 0)
                break;
            n += (size_t) r;
        }
    close(p.fd);
    text[n] = '\0';
    return n > 0;
}

/* A member that is a string, without its escapes; false: none, and out is "". */
static bool word(const char *text, const char *name, char out[WORD])
{
    char start[40];
    const char *at;
    size_t n = 0;

    snprintf(start, sizeof start, "\"%s\":\"", name);
    at = strstr(text, start);
    out[0] = '\0';
    if (!at)
        return false;
    for (at += strlen(start); *at && *at != '"' && n < WORD - 1; at++) {
        if (*at == '\\' && at[1])
            at++;
        out[n++] = *at;
    }
    out[n] = '\0';
    return true;
}

static const char *escaped(const char *text, char out[2 * WORD])
{
    size_t n = 0;

    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            out[n++] = '\\';
        out[n++] = *text;
    }
    out[n] = '\0';
    return out;
}

static bool is_newer, leaves_network;

/* ---- files ---- */

static void sync_dir(void)
{
    int fd = open(DIR, O_RDONLY | O_DIRECTORY);

    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

static bool write_all(int fd, const char *text)
{
    for (size_t n = strlen(text); n > 0;) {
        ssize_t r = write(fd, text, n);

        if (r <= 0)
            return false;
        text += r;
        n -= (size_t) r;
    }
    return true;
}

static bool save(const char *name, const char *text)
{
    char path[64], fresh[72];
    bool done;
    int fd;

    snprintf(path, sizeof path, DIR "%s", name);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    unlink(fresh);
    fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
        return false;
    done = write_all(fd, text) && fsync(fd) == 0 && rename(fresh, path) == 0;
    if (!done)
        unlink(fresh);
    close(fd);
    sync_dir();
    return done;
}

static void forget(const char *name)
{
    char path[64];

    snprintf(path, sizeof path, DIR "%s", name);
    unlink(path);
    sync_dir();
}

static size_t load(const char *name, char *out, size_t room)
{
    char path[64];
    ssize_t n = 0, r;
    int fd;

    snprintf(path, sizeof path, DIR "%s", name);
    fd = open(path, O_RDONLY);
    if (fd >= 0) {
        while ((size_t) n < room - 1 && (r = read(fd, out + n, room - 1 - (size_t) n)) > 0)
            n += r;
        close(fd);
    }
    out[n > 0 ? n : 0] = '\0';
    return n > 0 ? (size_t) n : 0;
}

static bool has_wifi(void)
{
    return access(DIR "wifi.conf", R_OK) == 0;
}

/* ---- questions ---- */

static const char *conf(const char *text, const char *name, char out[WORD])
{
    char start[40];
    const char *at;

    snprintf(start, sizeof start, "\n%s=", name);
    at = strstr(text, start);
    snprintf(out, WORD, "%.*s", at ? (int) strcspn(at + strlen(start), "\n") : 0, at ? at + strlen(start) : "");
    return out;
}

static void answer_dinfo(void)
{
    char text[ROOM], answer[ROOM], did[WORD], key[WORD], mac[WORD], model[WORD], vendor[WORD];

    text[0] = '\n';
    load("device.conf", text + 1, sizeof text - 1);
    snprintf(answer, sizeof answer,
             "{\"method\":\"_internal.response_dinfo\",\"params\":{\"did\":%s,\"key\":\"%s\",\"vendor\":\"%s\",\"mac\":\"%s\","
             "\"model\":\"%s\"}}",
             conf(text, "did", did), conf(text, "key", key), conf(text, "vendor", vendor), conf(text, "mac", mac),
             conf(text, "model", model));
    tell(answer);
}

static void answer_token(const char *text, char unsaved[WORD])
{
    char token[ROOM], answer[200], offered[WORD];
    bool newer = strstr(text, "_internal.request_ot_config");

    if (!has_wifi()) {
        forget("device.token");
        forget("device.country");
        forget("device.uid");
        forget("otd_donot_trust_peer");
    }
    if (load("device.token", token, sizeof token) < 16) {
        word(text, "ntoken", offered);
        snprintf(unsaved, WORD, "%s", save("device.token", offered) ? "" : offered);
        snprintf(token, sizeof token, "%s", offered);
    }
    token[16] = '\0';
    snprintf(answer, sizeof answer,
             newer ? "{\"method\":\"_internal.res_ot_config\",\"params\":{\"token\":\"%s\",\"country\":\"\"}}"
                   : "{\"method\":\"_internal.response_dtoken\",\"params\":\"%s\"}",
             token);
    tell(answer);
    if (!newer)
        tell("{\"method\":\"_internal.response_dcountry\",\"params\":\"\"}");
}

static void answer_wifi(void)
{
    bool has = has_wifi();

    if (!has)
        home_helper_is_fresh();
    tell(has ? "{\"method\":\"_internal.res_wifi_conf_status\",\"params\":1}"
             : "{\"method\":\"_internal.res_wifi_conf_status\",\"params\":0}");
}

/* false: the disk takes nothing now. */
static bool save_wifi(const char *text)
{
    char ssid[WORD], psk[WORD], uid[WORD], a[2 * WORD], b[2 * WORD], old[ROOM], whole[1024];

    word(text, "ssid", ssid);
    word(text, "passwd", psk);
    word(text, "uid", uid);
    if ((!uid[0] || strcmp(uid, "0") == 0) && load("device.uid", old, sizeof old) > 0)
        snprintf(uid, sizeof uid, "%.*s", (int) strcspn(old, "\n"), old);
    snprintf(whole, sizeof whole, "ssid=\"%s\"\npsk=\"%s\"\nkey_mgmt=WPA\nuid=%s\n", escaped(ssid, a), escaped(psk, b), uid);
    return save("device.uid", uid) && save("wifi.conf", whole);
}

static void wifi_start(const char *text, char unsaved[WORD])
{
    bool saved;

    if (unsaved[0] && save("device.token", unsaved))
        unsaved[0] = '\0';
    saved = save_wifi(text);
    for (int i = 0; i < TRIES; i++) {
        home_leaves();
        poll(NULL, 0, (int) (500 + app_chance(8000)));
        if (home_joins() == 0) {
            for (int k = 0; !saved && k < TELLS; k++) { /* else it would not find its network at the next start */
                poll(NULL, 0, 1000);
                saved = save_wifi(text);
            }
            if (leaves_network)
                forget("wifi.conf");
            tell(is_newer ? "{\"method\":\"_internal.wifi_connected\",\"params\":{\"result\":\"ok\"}}"
                          : "{\"method\":\"_internal.wifi_connected\"}");
            if (leaves_network)
                home_helper_leaves_network();
            return;
        }
        poll(NULL, 0, PAUSE_MS);
    }
    forget("wifi.conf");
    forget("device.uid");
    forget("device.country");
    home_joins();
    tell("{\"method\":\"_internal.wifi_ap_mode\",\"params\":null}");
}

static void serve(const char *text, char unsaved[WORD])
{
    if (home_helper_asked(text))
        return;
    if (strstr(text, "_internal.info"))
        tell("{\"method\":\"_internal.info\",\"partner_id\":\"\",\"params\":{\"hw_ver\":\"Linux\",\"fw_ver\":\"1.0.0\",\"ap\":"
             "{\"ssid\":\"x\",\"bssid\":\"AA:BB\",\"rssi\":-50},\"netif\":{\"localIp\":\"10.0.0.2\",\"mask\":\"255.255.255.0\","
             "\"gw\":\"10.0.0.1\"}}}");
    else if (strstr(text, "_internal.request_dinfo"))
        answer_dinfo();
    else if (strstr(text, is_newer ? "_internal.request_ot_config" : "_internal.request_dtoken"))
        answer_token(text, unsaved);
    else if (strstr(text, "_internal.req_wifi_conf_status"))
        answer_wifi();
    else if (strstr(text, "_internal.wifi_start"))
        wifi_start(text, unsaved);
}

int main(int argc, char **argv)
{
    char text[ROOM], unsaved[WORD] = ""; /* a token that the disk did not take */

    is_newer = argc > 1 && strcmp(argv[1], "newer") == 0;
    leaves_network = argc > 1 && strcmp(argv[1], "leaves") == 0;
    tell("{\"method\":\"_internal.helper_ready\"}");
    for (;;) {
        if (hear(text))
            serve(text, unsaved);
        else
            poll(NULL, 0, 1000);
    }
}
