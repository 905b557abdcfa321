/* SPDX-License-Identifier: MIT */
#include "agent/apps/web/set_password.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include "agent/apps/web/io/secret.h"
#include "libagent/io/file.h"

enum { ROOM = WEB_PASSWORD_MAX + 3 };

/* A line without its end; false: none, or one that is too long. */
static bool read_line(const char *prompt, char out[ROOM])
{
    struct termios before, silent;
    bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
    bool good;

    if (terminal) {
        silent = before;
        silent.c_lflag &= ~(tcflag_t) ECHO;
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
        fputs(prompt, stderr);
    }
    good = fgets(out, ROOM, stdin);
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        fputc('\n', stderr);
    }
    if (good)
        out[strcspn(out, "\r\n")] = '\0';
    return good;
}

static int complain(const char *text)
{
    fprintf(stderr, "miio_web: %s\n", text);
    return -1;
}

/*
 * Root writes as the owner of the folder: then miio_web may read the file there, and whoever can exchange things in
 * that folder cannot make root touch something else.
 */
static int be_the_owner(const char *path)
{
    char copy[PATH_MAX];
    struct stat st;

    if (geteuid() != 0)
        return 0;
    if (snprintf(copy, sizeof copy, "%s", path) >= (int) sizeof copy)
        return -ENAMETOOLONG;
    if (stat(dirname(copy), &st) < 0 || setegid(st.st_gid) < 0 || seteuid(st.st_uid) < 0)
        return -errno;
    return 0;
}

static int write_hash(const char *path, const char *password)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf line = AG_BUF_INIT;
    struct web_password p = WEB_PASSWORD_COST;
    int r;

    if (web_random(p.salt, sizeof p.salt) < 0 || web_scrypt(&p, (struct ag_span){password, strlen(password)}, p.hash) < 0)
        return complain("libcrypto does not compute the hash");
    r = web_password_print(&p, &line);
    if (r == 0)
        r = be_the_owner(path);
    if (r == 0)
        r = ag_file_write_atomic(path, ag_buf_head(&line), ag_buf_size(&line), 0600);
    if (r < 0)
        fprintf(stderr, "miio_web: %s: %s\n", path, strerror(-r));
    return r;
}

int web_set_password(const char *path)
{
    char first[ROOM] = "", again[ROOM] = "";
    bool asked = isatty(STDIN_FILENO);
    size_t n;
    int r;

    if (!read_line("New password: ", first))
        return complain("no password was given");
    n = strlen(first);
    if (n < WEB_PASSWORD_MIN || n > WEB_PASSWORD_MAX)
        r = complain("a password has 8 to 256 bytes");
    else if (asked && (!read_line("The same again: ", again) || strcmp(first, again) != 0))
        r = complain("the two are not the same");
    else
        r = write_hash(path, first);
    explicit_bzero(first, sizeof first);
    explicit_bzero(again, sizeof again);
    return r;
}
