#include "client/io/data_dir.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include "libagent/io/file.h"

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

bool data_dir_has(const struct data_dir *d, const char *name)
{
    char path[FILE_PATH_MAX];
    struct stat st;

    file_path(path, d, name);
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
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

    file_path(path, d, name);
    return ag_file_remove(path);
}

static void wipe(struct ag_buf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->cap);
    ag_buf_deinit(b);
}

int data_dir_load_conf(const struct data_dir *d, struct device_conf *out, char error[DATA_ERROR_MAX])
{
    ag_cleanup(wipe) struct ag_buf text = AG_BUF_INIT;
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

int data_dir_settle_token(const struct data_dir *d, char token[DEVICE_TOKEN_LEN + 1])
{
    ag_cleanup(wipe) struct ag_buf text = AG_BUF_INIT;
    uint8_t random[RANDOM_BYTES];

    if (data_dir_read(d, DATA_TOKEN, &text) == 0 && device_token_parse(token, ag_buf_span(&text)))
        return 0;
    do {
        if (getrandom(random, sizeof random, 0) != (ssize_t) sizeof random)
            return -EIO;
    } while (!device_token_make(token, random, sizeof random));
    return data_dir_write(d, DATA_TOKEN, (struct ag_span){token, DEVICE_TOKEN_LEN});
}

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
    uint64_t uid = 0;

    if (data_dir_read(d, DATA_UID, &text) == 0)
        device_uid_parse(&uid, ag_buf_span(&text));
    return uid;
}

void data_dir_read_version(char version[DEVICE_VERSION_MAX + 1], const char *path, const char *vendor)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;

    memcpy(version, "unknown", sizeof "unknown");
    if (ag_file_read(path ? path : "/etc/os-release", FILE_MAX_BYTES, &text) == 0)
        device_version_find(version, ag_buf_span(&text), vendor);
}
