/* SPDX-License-Identifier: MIT */
#include "client/device/io/data_dir.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "libagent/core/log/log.h"
#include "libagent/io/access/trust.h"

enum { FILE_MAX_BYTES = 64 * 1024, FILE_PATH_MAX = DATA_PATH_MAX + 64, RANDOM_BYTES = 64 };

int data_dir_init(struct data_dir *d, const char *path)
{
    char cwd[DATA_PATH_MAX] = "";
    int n;

    if (path[0] != '/' && !getcwd(cwd, sizeof cwd))
        return -errno;
    n = snprintf(d->path, sizeof d->path, "%s%s%s%s", cwd, cwd[0] ? "/" : "", path,
                 path[0] && path[strlen(path) - 1] == '/' ? "" : "/");
    return n < (int) sizeof d->path ? 0 : -ENAMETOOLONG;
}

static void file_path(char out[FILE_PATH_MAX], const struct data_dir *d, const char *name)
{
    snprintf(out, FILE_PATH_MAX, "%s%s", d->path, name);
}

int data_dir_mode(const struct data_dir *d, const char *name)
{
    char path[FILE_PATH_MAX];
    struct stat st;

    file_path(path, d, name);
    return stat(path, &st) == 0 ? (int) (st.st_mode & 07777) : -1;
}

bool data_dir_has(const struct data_dir *d, const char *name)
{
    char path[FILE_PATH_MAX];
    struct stat st;

    file_path(path, d, name);
    if (stat(path, &st) == 0)
        return S_ISREG(st.st_mode);
    return (errno != ENOENT && errno != ENOTDIR) || lstat(path, &st) == 0; /* a link to what is not there now */
}

int data_dir_read(const struct data_dir *d, const char *name, struct ag_buf *out)
{
    char path[FILE_PATH_MAX];

    file_path(path, d, name);
    return ag_file_read(path, FILE_MAX_BYTES, out);
}

int data_dir_write(const struct data_dir *d, const char *name, struct ag_span text)
{
    char path[FILE_PATH_MAX];

    file_path(path, d, name);
    return ag_file_write_atomic(path, text.p, text.len, 0600);
}

int data_dir_remove(const struct data_dir *d, const char *name)
{
    char path[FILE_PATH_MAX];
    int r;

    file_path(path, d, name);
    r = ag_file_remove(path);
    if (r < 0)
        ag_log(AG_LOG_ERROR, "%s: cannot be removed: %s", path, strerror(-r));
    return r;
}

int data_dir_stage(const struct data_dir *d, const char *name, struct ag_span text, struct ag_file_stage *out)
{
    char path[FILE_PATH_MAX];

    file_path(path, d, name);
    return ag_file_stage(out, path, text.p, text.len, 0600);
}

/* ---- the owner's ---- */

static void store_token(const struct data_dir *d, const char token[DEVICE_TOKEN_LEN + 1])
{
    int r = data_dir_write(d, DATA_TOKEN, (struct ag_span){token, DEVICE_TOKEN_LEN});

    if (r < 0)
        ag_log(AG_LOG_ERROR, "%s%s: the new token cannot be stored and is lost with this process: %s", d->path, DATA_TOKEN,
               strerror(-r));
}

/* miio_client_helper.sh writes NAME.new. */
static int sweep_one(const struct data_dir *d, const char *name)
{
    char path[FILE_PATH_MAX], fresh[FILE_PATH_MAX + 4];
    int r, first;

    file_path(path, d, name);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    first = ag_file_remove_leftovers(path);
    r = ag_file_remove(fresh);
    first = first ? first : r;
    if (first < 0)
        ag_log(AG_LOG_ERROR, "%s: cannot remove a temporary file that a killed process has left: %s", path, strerror(-first));
    return first;
}

int data_dir_sweep(const struct data_dir *d)
{
    static const char *const names[] = {DATA_TOKEN, DATA_WIFI, DATA_COUNTRY, DATA_UID, DATA_ENAUTH, DATA_RESET, DATA_GIZWITS};
    int first = 0;

    for (size_t i = 0; i < ag_array_size(names); i++) {
        int r = sweep_one(d, names[i]);

        first = first ? first : r;
    }
    return first;
}

static int remove_owned(const struct data_dir *d)
{
    static const char *const names[] = {DATA_COUNTRY, DATA_UID, DATA_ENAUTH};
    int first = 0;

    for (size_t i = 0; i < ag_array_size(names); i++) {
        int r = data_dir_remove(d, names[i]);

        first = first ? first : r;
    }
    return first;
}

/* The new token replaces the old one: as staged, or, if the disk was too full for that, once there is room. What matters is that
   the old one goes. */
static int replace_token(const struct data_dir *d, struct ag_file_stage *staged, const char *token)
{
    int r = staged->path ? ag_file_stage_commit(staged) : data_dir_remove(d, DATA_TOKEN);

    if (r < 0)
        ag_log(AG_LOG_ERROR, "%s%s: %s", d->path, DATA_TOKEN, strerror(-r));
    else if (!data_dir_has(d, DATA_TOKEN))
        store_token(d, token);
    return r;
}

int data_dir_forget_owner(const struct data_dir *d, const char new_token[DEVICE_TOKEN_LEN + 1])
{
    struct ag_file_stage token = AG_FILE_STAGE_INIT;
    int r = data_dir_stage(d, DATA_TOKEN, (struct ag_span){new_token, DEVICE_TOKEN_LEN}, &token), first;

    if (r < 0 && r != -ENOSPC && r != -EDQUOT) {
        ag_log(AG_LOG_ERROR, "%s%s: no new token can be stored: %s", d->path, DATA_TOKEN, strerror(-r));
        return r;
    }
    r = data_dir_remove(d, DATA_WIFI);
    if (r < 0) {
        ag_file_stage_drop(&token);
        return r;
    }
    first = remove_owned(d);
    r = replace_token(d, &token, new_token);
    first = first ? first : r;
    r = data_dir_sweep(d); /* last: what is staged looks like what a killed writer leaves */
    return first ? first : r;
}

void data_dir_look_at_modes(const struct data_dir *d)
{
    static const char *const names[] = {DATA_CONF, DATA_TOKEN, DATA_WIFI, DATA_GIZWITS};
    char path[FILE_PATH_MAX], why[AG_TRUST_WHY_MAX];

    for (size_t i = 0; i < ag_array_size(names); i++) {
        file_path(path, d, names[i]);
        if (ag_trust_file(path, AG_TRUST_SECRET, why) > 0)
            ag_log(AG_LOG_WARNING, "%s: %s", path, why);
    }
    if (ag_trust_dir(d->path, why) == -EPERM)
        ag_log(AG_LOG_WARNING, "%s: %s", d->path, why);
}

int data_dir_load_conf(const struct data_dir *d, struct device_conf *out, char error[DATA_ERROR_MAX])
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_SECRET_INIT;
    struct device_conf_error err;
    int r = data_dir_read(d, DATA_CONF, &text);

    if (r == -EFBIG) {
        snprintf(error, DATA_ERROR_MAX, "%s%s: longer than %d bytes", d->path, DATA_CONF, FILE_MAX_BYTES);
        return r;
    }
    if (r < 0) {
        snprintf(error, DATA_ERROR_MAX, "%s%s: %s", d->path, DATA_CONF, strerror(-r));
        return r;
    }
    r = device_conf_parse(out, ag_buf_span(&text).p, ag_buf_size(&text), &err);
    if (r == -EINVAL && err.line > 0)
        snprintf(error, DATA_ERROR_MAX, "%s%s:%u: %s", d->path, DATA_CONF, err.line, err.why);
    else if (r < 0)
        snprintf(error, DATA_ERROR_MAX, "%s%s: %s", d->path, DATA_CONF, r == -EINVAL ? err.why : strerror(-r));
    return r;
}

int data_dir_draw_token(char token[DEVICE_TOKEN_LEN + 1])
{
    uint8_t random[RANDOM_BYTES];

    do {
        if (getrandom(random, sizeof random, 0) != (ssize_t) sizeof random)
            return -EIO;
    } while (!device_token_make(token, random, sizeof random));
    explicit_bzero(random, sizeof random);
    return 0;
}

int data_dir_settle_token(const struct data_dir *d, char token[DEVICE_TOKEN_LEN + 1])
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_SECRET_INIT;
    int found = data_dir_read(d, DATA_TOKEN, &text), r;

    if (found == 0 && device_token_parse(token, ag_buf_span(&text)))
        return 0;
    r = data_dir_draw_token(token);
    if (r < 0)
        return r;
    if (found == 0 && !device_token_is_blank(ag_buf_span(&text)))
        ag_log(AG_LOG_ERROR,
               "%s%s: neither 16 printable characters nor 32 hex digits: kept as it is; no phone can "
               "talk to the device until it is repaired and the client restarted",
               d->path, DATA_TOKEN);
    else if (found < 0 && (found != -ENOENT || data_dir_has(d, DATA_TOKEN)))
        ag_log(AG_LOG_ERROR, "%s%s: %s: no phone can talk to the device", d->path, DATA_TOKEN,
               found == -ENOENT ? "a link to a file that is not there" : strerror(-found));
    else {
        ag_log(found == 0 ? AG_LOG_ERROR : AG_LOG_WARNING,
               "%s%s: %s: a new token is drawn; phones that know an old one are shut out", d->path, DATA_TOKEN,
               found == 0 ? "empty" : "not there");
        store_token(d, token);
    }
    return 0;
}

bool data_dir_keeps_token(const struct data_dir *d, const char token[DEVICE_TOKEN_LEN + 1])
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_SECRET_INIT;
    char kept[DEVICE_TOKEN_LEN + 1] = "";
    bool same = data_dir_read(d, DATA_TOKEN, &text) == 0 && device_token_parse(kept, ag_buf_span(&text)) &&
                memcmp(kept, token, DEVICE_TOKEN_LEN) == 0;

    explicit_bzero(kept, sizeof kept);
    return same;
}

/* ---- small values ---- */

void data_dir_read_country(const struct data_dir *d, char country[DEVICE_COUNTRY_MAX + 1])
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;

    country[0] = '\0';
    if (data_dir_read(d, DATA_COUNTRY, &text) == 0)
        device_country_parse(country, ag_buf_span(&text));
}

uint64_t data_dir_read_uid(const struct data_dir *d)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    struct wifi_conf w = {0};
    uint64_t uid = 0;

    if (data_dir_read(d, DATA_UID, &text) == 0 && device_uid_parse(&uid, ag_buf_span(&text)))
        return uid;
    data_dir_read_wifi(d, &w); /* whatever the name and the key are like */
    uid = w.uid;
    explicit_bzero(&w, sizeof w);
    return uid;
}

int data_dir_read_wifi(const struct data_dir *d, struct wifi_conf *out)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_SECRET_INIT;
    int r = data_dir_read(d, DATA_WIFI, &text);

    return r < 0 ? r : wifi_conf_parse(out, ag_buf_span(&text));
}

int data_dir_end_trial(const struct data_dir *d)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_SECRET_INIT, fresh = AG_BUF_SECRET_INIT;
    int r = data_dir_read(d, DATA_WIFI, &text);

    if (r == 0)
        r = wifi_conf_without_mark(&fresh, ag_buf_span(&text));
    return r > 0 ? data_dir_write(d, DATA_WIFI, ag_buf_span(&fresh)) : r;
}

void data_dir_read_version(char version[DEVICE_VERSION_MAX + 1], const char *path, const char *vendor)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;

    memcpy(version, "unknown", sizeof "unknown");
    if (ag_file_read(path ? path : "/etc/os-release", FILE_MAX_BYTES, &text) == 0)
        device_version_find(version, ag_buf_span(&text), vendor);
}
