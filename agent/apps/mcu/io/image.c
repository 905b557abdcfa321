/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/io/image.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "libagent/io/digest/digest.h"
#include "libagent/io/file.h"

static bool is_md5(const char *s)
{
    return strlen(s) == 32 && strspn(s, "0123456789abcdefABCDEF") == 32;
}

static int check_md5(const struct ag_buf *image, const char *md5)
{
    struct ag_digest *d = ag_digest_new(AG_DIGEST_MD5);
    char hex[AG_DIGEST_HEX];
    bool r = d && ag_digest_add(d, ag_buf_head(image), ag_buf_size(image)) && ag_digest_end(d, hex);

    ag_digest_free(d);
    if (!r)
        return -ENOTSUP;
    return strcasecmp(hex, md5) == 0 ? 0 : -EBADMSG;
}

int mcu_image_read(const char *path, const char *md5, size_t max, struct ag_buf *out)
{
    struct stat st;
    int r;

    if (!is_md5(md5))
        return -EINVAL;
    if (stat(path, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_size == 0)
        return -EINVAL;
    r = ag_file_read(path, max, out);
    if (r == 0)
        r = check_md5(out, md5);
    if (r < 0)
        ag_buf_deinit(out);
    return r;
}

const char *mcu_image_error(int error)
{
    switch (error) {
    case -EINVAL:
        return "the image is empty or no regular file, or md5 is not 32 hex digits";
    case -EBADMSG:
        return "the image's md5 differs";
    case -EFBIG:
        return "the image is too large";
    default:
        return strerror(-error);
    }
}
