/* SPDX-License-Identifier: MIT */
/* libagent/io/trust: what others could change, and how it is said. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "libagent/core/util.h"
#include "libagent/io/access/trust.h"

enum { STRANGER = 4242, ROOM = 256 };

static char base[] = "/tmp/trust.XXXXXX";

static int make_base(void **state)
{
    (void) state;
    umask(022);
    return mkdtemp(base) && chdir(base) == 0 ? 0 : -1;
}

static int drop_base(void **state)
{
    char command[ROOM];

    (void) state;
    snprintf(command, sizeof command, "rm -rf %s", base);
    return system(command);
}

static const char *in_base(const char *name)
{
    static char path[ROOM];

    snprintf(path, sizeof path, "%s/%s", base, name);
    return path;
}

static void make_file(const char *name, mode_t mode)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void test_files(void **state)
{
    static const struct {
        mode_t mode;
        const char *settings, *secret; /* "": nothing to say */
    } rows[] = {
        {0600, "", ""},
        {0400, "", ""},
        {0700, "", ""},
        {0644, "", "mode 0644 lets others read it: chmod 600"},
        {0640, "", "mode 0640 lets others read it: chmod 600"},
        {0604, "", "mode 0604 lets others read it: chmod 600"},
        {0755, "", "mode 0755 lets others read it: chmod 600"},
        {0660, "mode 0660 lets others write it: chmod go-w", "mode 0660 lets others write it: chmod 600"},
        {0602, "mode 0602 lets others write it: chmod go-w", "mode 0602 lets others write it: chmod 600"},
        {0777, "mode 0777 lets others write it: chmod go-w", "mode 0777 lets others write it: chmod 600"},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        char why[AG_TRUST_WHY_MAX] = "";

        make_file("f", rows[i].mode);
        assert_int_equal(ag_trust_file("f", AG_TRUST_SETTINGS, why), rows[i].settings[0] != '\0');
        assert_string_equal(why, rows[i].settings);
        why[0] = '\0';
        assert_int_equal(ag_trust_file("f", AG_TRUST_SECRET, why), rows[i].secret[0] != '\0');
        assert_string_equal(why, rows[i].secret);
    }
}

static void test_files_that_are_not_looked_at(void **state)
{
    char why[AG_TRUST_WHY_MAX] = "";

    (void) state;
    assert_int_equal(ag_trust_file("missing", AG_TRUST_SECRET, why), 0);
    assert_int_equal(ag_trust_file(base, AG_TRUST_SECRET, why), 0);
    assert_int_equal(ag_trust_file("/dev/null", AG_TRUST_SECRET, why), 0);
    make_file("open", 0666);
    assert_int_equal(symlink("open", "link"), 0);
    assert_int_equal(ag_trust_file("link", AG_TRUST_SETTINGS, why), 1);
    if (geteuid() != 0)
        return;
    make_file("theirs", 0600);
    assert_int_equal(chown("theirs", STRANGER, STRANGER), 0);
    assert_int_equal(ag_trust_file("theirs", AG_TRUST_SETTINGS, why), 1);
    assert_string_equal(why, "it belongs to uid 4242, who can change it: chown");
}

static int trust(const char *name, char why[AG_TRUST_WHY_MAX])
{
    why[0] = '\0';
    return ag_trust_dir(in_base(name), why);
}

static void make_dir(const char *name, mode_t mode)
{
    assert_int_equal(mkdir(name, 0700), 0);
    assert_int_equal(chmod(name, mode), 0);
}

static void test_folders(void **state)
{
    char why[AG_TRUST_WHY_MAX];

    (void) state;
    make_dir("mine", 0700);
    assert_int_equal(trust("mine", why), 0);
    assert_int_equal(trust("mine/", why), 0);
    assert_int_equal(trust("none", why), -ENOENT);
    make_file("file", 0600);
    assert_int_equal(trust("file", why), -ENOTDIR);
    assert_int_equal(chmod("mine", 0755), 0);
    assert_int_equal(trust("mine", why), 0);
    assert_int_equal(chmod("mine", 0770), 0);
    assert_int_equal(trust("mine", why), -EPERM);
    assert_string_equal(why, "mode 0770 lets others write in it: chmod go-w");
    assert_int_equal(chmod("mine", 01777), 0); /* sticky keeps what is there, but lets others lay links */
    assert_int_equal(trust("mine", why), -EPERM);
}

static void test_folders_above(void **state)
{
    char why[AG_TRUST_WHY_MAX], want[AG_TRUST_WHY_MAX];

    (void) state;
    make_dir("shared", 0777);
    make_dir("shared/ota", 0700);
    snprintf(want, sizeof want, "%s/shared lets others put another folder in its place", base);
    assert_int_equal(trust("shared/ota", why), -EPERM);
    assert_string_equal(why, want);
    assert_int_equal(symlink("shared/ota", "clean"), 0); /* where a link leads counts as well */
    assert_int_equal(trust("clean", why), -EPERM);
    assert_int_equal(trust("clean/", why), -EPERM);
    assert_int_equal(chmod("shared", 01777), 0);
    assert_int_equal(trust("shared/ota", why), 0);
    assert_int_equal(trust("clean", why), 0);
    assert_int_equal(chmod("shared", 0775), 0);
    assert_int_equal(trust("shared/ota", why), 0); /* a group of our own */
    if (geteuid() != 0)
        return;
    assert_int_equal(chown("shared", 0, STRANGER), 0);
    assert_int_equal(chmod("shared", 0775), 0);
    assert_int_equal(trust("shared/ota", why), -EPERM);
    assert_int_equal(chmod("shared", 0755), 0);
    assert_int_equal(trust("shared/ota", why), 0);
    assert_int_equal(chown("shared", STRANGER, 0), 0);
    assert_int_equal(trust("shared/ota", why), -EPERM);
    assert_int_equal(chown("shared/ota", STRANGER, 0), 0);
    assert_int_equal(chown("shared", 0, 0), 0);
    assert_int_equal(trust("shared/ota", why), -EPERM);
    assert_string_equal(why, "it belongs to uid 4242, not to root or the user of this program");
    assert_int_equal(lchown("clean", STRANGER, 0), 0);
    assert_int_equal(chown("shared/ota", 0, 0), 0);
    assert_int_equal(trust("clean/", why), -EPERM); /* its owner may point the link elsewhere */
    assert_int_equal(trust("clean", why), -EPERM);
}

static void test_folders_are_made(void **state)
{
    struct stat st;

    (void) state;
    assert_int_equal(ag_trust_make_dir(in_base("a/b/c/"), 0700), 0);
    assert_int_equal(stat("a/b/c", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat("a/b", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0755);
    assert_int_equal(ag_trust_make_dir(in_base("a/b/c"), 0700), 0);
    assert_int_equal(ag_trust_make_dir("rel/ative", 0700), 0);
    assert_int_equal(ag_trust_make_dir("", 0700), -ENOENT);
    assert_int_equal(ag_trust_make_dir("/", 0700), 0);
    make_file("in_the_way", 0600);
    assert_int_equal(ag_trust_make_dir(in_base("in_the_way/x"), 0700), -ENOTDIR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_files_that_are_not_looked_at),
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_folders_above),
        cmocka_unit_test(test_folders_are_made),
    };

    return cmocka_run_group_tests(tests, make_base, drop_base);
}
