/* SPDX-License-Identifier: MIT */
/*
 * The data directory (/etc/miio/ by default): the device's identity, token, network and flags, one small file each. Files are
 * replaced atomically and have mode 0600; client/device/core/device_files.h and wifi_conf.h know their texts.
 */
#ifndef CLIENT_DATA_DIR_H
#define CLIENT_DATA_DIR_H

#include "client/device/core/device_conf.h"
#include "client/device/core/device_files.h"
#include "client/device/core/wifi_conf.h"
#include "libagent/io/file.h"

/* Names of the files. */
#define DATA_CONF    "device.conf"
#define DATA_TOKEN   "device.token"
#define DATA_WIFI    "wifi.conf"
#define DATA_COUNTRY "device.country"
#define DATA_UID     "device.uid"
#define DATA_ENAUTH  "otd_donot_trust_peer"
#define DATA_RESET   "device.reset"  /* a reset is on the disk, and its programs have not all been run */
#define DATA_GIZWITS "gizwits.state" /* client/cloud/gizwits/gizwits.c's */

enum { DATA_PATH_MAX = 512, DATA_ERROR_MAX = 700 };

struct data_dir {
    char path[DATA_PATH_MAX]; /* absolute, ends in '/' */
};

/* path with or without the slash; made absolute, as a daemon changes its directory. 0, -ENAMETOOLONG, -errno. */
int data_dir_init(struct data_dir *d, const char *path);

/* Reads device.conf. 0, or -errno with one line "FILE:LINE: reason" in error. */
int data_dir_load_conf(const struct data_dir *d, struct device_conf *out, char error[DATA_ERROR_MAX]);

/* Its permission bits; -1: it is not there. */
int data_dir_mode(const struct data_dir *d, const char *name);
/* True also when that cannot be told: an owner is not forgotten because a disk fails or is not mounted yet. */
bool data_dir_has(const struct data_dir *d, const char *name);
/* Whole small file, at most 64 KiB. 0 or -errno. */
int data_dir_read(const struct data_dir *d, const char *name, struct ag_buf *out);
int data_dir_write(const struct data_dir *d, const char *name, struct ag_span text);
/* 0 also when it is not there. A failure is logged. */
int data_dir_remove(const struct data_dir *d, const char *name);

/*
 * The token that phones need, of a device that belongs to somebody. A file that is not understood is left as it is, and a
 * token in memory only is used instead: it fits nobody's phone, but nothing is lost. A missing or empty file is made again. All
 * of this is logged. 0 or -errno (no random bytes).
 */
int data_dir_settle_token(const struct data_dir *d, char token[DEVICE_TOKEN_LEN + 1]);

/*
 * Removes all that belongs to an owner: wifi.conf first, which makes the device nobody's, then country, uid, enauth and
 * what killed writers have left; the new token replaces the old one (if the disk is full even then, the file is gone).
 * On the disk when it returns 0. -errno: the first failure, which is in the log; when that was wifi.conf, or the disk takes
 * nothing at all, nothing has changed.
 */
int data_dir_forget_owner(const struct data_dir *d, const char new_token[DEVICE_TOKEN_LEN + 1]);

/* The file holds that token. */
bool data_dir_keeps_token(const struct data_dir *d, const char token[DEVICE_TOKEN_LEN + 1]);

/* 16 random letters and digits. 0 or -EIO. */
int data_dir_draw_token(char token[DEVICE_TOKEN_LEN + 1]);

/* Temporary files with secrets that killed writers, this program or the helper script, have left. 0 or -errno. */
int data_dir_sweep(const struct data_dir *d);

/* One that changes together with others: see libagent/io/file.h. */
int data_dir_stage(const struct data_dir *d, const char *name, struct ag_span text, struct ag_file_stage *out);

/* Warns of files that hold secrets, and of the folder, when others may read or change them. */
void data_dir_look_at_modes(const struct data_dir *d);

/* Empty when there is none. */
void data_dir_read_country(const struct data_dir *d, char country[DEVICE_COUNTRY_MAX + 1]);
/* The owner's number, from device.uid or else wifi.conf; 0: not known. */
uint64_t data_dir_read_uid(const struct data_dir *d);
/* The network of wifi.conf; holds a secret. 0; WIFI_E_*, with what was understood; -errno (out is untouched). */
int data_dir_read_wifi(const struct data_dir *d, struct wifi_conf *out);
/* The network has been joined: removes the mark of a trial from wifi.conf. 0 or -errno. */
int data_dir_end_trial(const struct data_dir *d);

/* The firmware's version from os-release (path NULL: /etc/os-release), "unknown" when it is not there. */
void data_dir_read_version(char version[DEVICE_VERSION_MAX + 1], const char *path, const char *vendor);

#endif
