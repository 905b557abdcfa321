/*
 * The data directory (/etc/miio/ by default): the device's identity, token, network and flags, one small file each. Files are
 * replaced in one step and have mode 0600; their texts are client/core/device_files' and wifi_conf's business.
 */
#ifndef CLIENT_DATA_DIR_H
#define CLIENT_DATA_DIR_H

#include "client/core/device_conf.h"
#include "client/core/device_files.h"
#include "client/core/wifi_conf.h"

/* Names of the files. */
#define DATA_CONF    "device.conf"
#define DATA_TOKEN   "device.token"
#define DATA_WIFI    "wifi.conf"
#define DATA_COUNTRY "device.country"
#define DATA_UID     "device.uid"
#define DATA_ENAUTH  "otd_donot_trust_peer"

enum { DATA_PATH_MAX = 512, DATA_ERROR_MAX = 700 };

struct data_dir {
    char path[DATA_PATH_MAX]; /* absolute, ends in '/' */
};

/* path with or without the slash, made absolute (a daemon leaves its directory). 0, -ENAMETOOLONG, -errno. */
int data_dir_init(struct data_dir *d, const char *path);

/* Reads device.conf. 0, or -errno with one line "FILE:LINE: reason" in error. */
int data_dir_load_conf(const struct data_dir *d, struct device_conf *out, char error[DATA_ERROR_MAX]);

bool data_dir_has(const struct data_dir *d, const char *name);
/* Whole small file, at most 64 KiB. 0 or -errno. */
int data_dir_read(const struct data_dir *d, const char *name, struct ag_buf *out);
int data_dir_write(const struct data_dir *d, const char *name, struct ag_span text);
/* 0 also when it is not there. */
int data_dir_remove(const struct data_dir *d, const char *name);

/* The token of device.token, or a new random one that is stored. 0 or -errno. */
int data_dir_settle_token(const struct data_dir *d, char token[DEVICE_TOKEN_LEN + 1]);
/* Empty when there is none. */
void data_dir_read_country(const struct data_dir *d, char country[DEVICE_COUNTRY_MAX + 1]);
uint64_t data_dir_read_uid(const struct data_dir *d);

/* The firmware's version out of os-release (path NULL: /etc/os-release), "unknown" when it is not told. */
void data_dir_read_version(char version[DEVICE_VERSION_MAX + 1], const char *path, const char *vendor);

#endif
