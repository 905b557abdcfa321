/* SPDX-License-Identifier: MIT */
/* Files that are read and written whole. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "libagent/io/file.h"
#include "libagent/io/inifile.h"
#include "tests/support/alloc_fail.h"
#include "tests/unit/libagent/io/work_dir.h"

static void absolute_paths(void **state)
{
    char cwd[4096], expected[8192], path[8192] = "sub/f", small[8] = "sub/f";

    (void) state;
    assert_non_null(getcwd(cwd, sizeof cwd));
    snprintf(expected, sizeof expected, "%s/sub/f", cwd);
    assert_int_equal(ag_file_make_absolute(path, sizeof path), 0);
    assert_string_equal(path, expected);
    assert_int_equal(ag_file_make_absolute(path, sizeof path), 0); /* stays */
    assert_string_equal(path, expected);
    assert_int_equal(ag_file_make_absolute(path, strlen(expected) + 1), 0);
    strcpy(path, "sub/f");
    assert_int_equal(ag_file_make_absolute(path, strlen(expected)), -ENAMETOOLONG);
    assert_string_equal(path, "sub/f");
    assert_int_equal(ag_file_make_absolute(path, strlen(expected) + 1), 0);
    assert_string_equal(path, expected);
    if (strlen(cwd) > 2)
        assert_int_equal(ag_file_make_absolute(small, sizeof small), -ENAMETOOLONG);
    path[0] = '\0';
    assert_int_equal(ag_file_make_absolute(path, sizeof path), 0);
    assert_string_equal(path, "");
}

static void whole_files(void **state)
{
    struct ag_buf b = AG_BUF_INIT;
    struct stat st;

    (void) state;
    assert_int_equal(ag_file_read("f", 10, &b), -ENOENT);
    assert_int_equal(ag_file_write_atomic("f", "hello", 5, 0600), 0);
    assert_int_equal(stat("f", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(ag_file_read("f", 4, &b), -EFBIG);
    assert_int_equal(ag_buf_size(&b), 0);
    assert_int_equal(ag_file_read("f", 5, &b), 0);
    assert_string_equal(ag_buf_cstr(&b), "hello");
    assert_int_equal(ag_file_write_atomic("./f", "", 0, 0644), 0);
    assert_int_equal(stat("f", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(ag_file_write_atomic("no/such/f", "x", 1, 0600), -ENOENT);
    assert_int_equal(ag_file_read(".", 10, &b), -EISDIR);
    assert_int_equal(ag_file_remove("f"), 0);
    assert_int_equal(ag_file_remove("f"), 0);
    assert_int_equal(mkdir("d", 0700), 0);
    assert_int_equal(ag_file_remove("d"), -EINVAL);
    assert_true(ag_file_write_atomic("d", "x", 1, 0600) < 0); /* and no temporary file stays: drop_dir() sees it */
    assert_int_equal(rmdir("d"), 0);
    ag_buf_deinit(&b);
}

static void a_link_is_removed_not_followed(void **state)
{
    struct ag_buf b = AG_BUF_INIT;

    (void) state;
    assert_int_equal(ag_file_write_atomic("target", "x", 1, 0600), 0);
    assert_int_equal(symlink("target", "link"), 0);
    assert_int_equal(ag_file_remove("link"), 0);
    assert_int_equal(access("link", F_OK), -1);
    assert_int_equal(symlink("target", "link"), 0);
    assert_int_equal(ag_file_write_atomic("link", "new", 3, 0600), 0); /* takes the link's place */
    assert_int_equal(ag_file_read("target", 10, &b), 0);
    assert_string_equal(ag_buf_cstr(&b), "x");
    assert_int_equal(ag_file_remove("link"), 0);
    assert_int_equal(ag_file_remove("target"), 0);
    ag_buf_deinit(&b);
}

/* out and out2 lie beside the folder in, and in keep lies what is never read. */
static void files_that_others_name(void **state)
{
    static const struct {
        const char *name; /* % in front: absolute, behind the working directory */
        int r;
    } rows[] = {
        {"f", 0},
        {"%/in/f", 0},
        {"sub/f", 0},
        {"%/in//sub///f", 0},
        {"./sub/./f", 0},
        {"none", -ENOENT},
        {"f/f", -ENOTDIR},
        {"", -EPERM},
        {"/", -EPERM},
        {"%/in", -EPERM},
        {"%/in/", -EPERM},
        {"%/in2/f", -EPERM},
        {"/etc/passwd", -EPERM},
        {"../in2/f", -EPERM},
        {"sub/../f", -EPERM},
        {"%/in/../in2/f", -EPERM},
        {"sub/..", -EPERM},
        {"link", -EPERM},
        {"inner", -EPERM},
        {"folder/f", -ENOTDIR},
        {"fifo", -EPERM},
        {"sub", -EPERM},
        {"sub/", -EPERM},
        {"second", -EPERM},
        {"keep/f", -EPERM},
        {"big", -EFBIG},
    };
    ag_cleanup(ag_buf_deinit) struct ag_buf b = AG_BUF_INIT;
    char cwd[256], dir[300], name[600], nul[] = "f\0x";
    int root;

    (void) state;
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_int_equal(system("mkdir -p in/sub in/keep in2 && for f in in/f in/sub/f in/keep/f in2/f; do echo ok >$f; done && "
                            "ln -s ../in2/f in/link && ln -s f in/inner && ln -s ../in2 in/folder && ln in2/f in/second && "
                            "mkfifo in/fifo && echo longer >in/big"),
                     0);
    for (size_t i = 0; i < 2 * ag_array_size(rows); i++) {
        const char *row = rows[i / 2].name;
        int r;

        snprintf(dir, sizeof dir, "%s/in%s", cwd, i % 2 ? "//" : ""); /* however the owner ends it */
        snprintf(name, sizeof name, "%s%s", row[0] == '%' ? cwd : "", row + (row[0] == '%'));
        r = ag_file_read_below(dir, (struct ag_span){name, strlen(name)}, "in/keep", 3, &b);
        if (r != rows[i / 2].r || ag_buf_size(&b) != (r == 0 ? 3 : 0))
            fail_msg("%s in %s: %d", name, dir, r);
        ag_buf_clear(&b);
    }
    assert_int_equal(ag_file_read_below(dir, (struct ag_span){nul, 3}, NULL, 9, &b), -EPERM);
    assert_int_equal(ag_file_read_below(dir, AG_SPAN("keep/f"), NULL, 9, &b), 0);
    assert_int_equal(ag_file_read_below(dir, AG_SPAN("f"), "in/no such", 9, &b), -EPERM); /* not to be compared */
    assert_int_equal(ag_file_read_below("/no/such", AG_SPAN("f"), NULL, 9, &b), -ENOENT);
    snprintf(name, sizeof name, "%s/in/big", cwd);
    root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(root >= 0);
    if (faccessat(root, name + 1, F_OK, 0) == 0) /* qemu-user -L takes "/" for another folder */
        assert_int_equal(ag_file_read_below("/", (struct ag_span){name, strlen(name)}, NULL, 9, &b), 0);
    close(root);
    assert_int_equal(system("rm -r in in2"), 0);
}

static void stages(void **state)
{
    struct ag_file_stage one = AG_FILE_STAGE_INIT, two = AG_FILE_STAGE_INIT;
    struct ag_buf b = AG_BUF_INIT;

    (void) state;
    ag_file_stage_drop(&one);
    assert_int_equal(ag_file_stage(&one, "one", "1", 1, 0600), 0);
    assert_int_equal(ag_file_stage(&two, "./two", "2", 1, 0600), 0);
    assert_int_equal(access("one", F_OK), -1);
    assert_int_equal(ag_file_stage_commit(&one), 0);
    ag_file_stage_drop(&one);
    ag_file_stage_drop(&two);
    assert_int_equal(access("two", F_OK), -1); /* nor a temporary file: drop_dir() sees it */
    assert_int_equal(ag_file_read("one", 10, &b), 0);
    assert_int_equal(ag_file_stage(&two, "no/such/two", "2", 1, 0600), -ENOENT);
    assert_int_equal(mkdir("d", 0700), 0);
    assert_int_equal(ag_file_stage(&two, "d", "2", 1, 0600), 0);
    assert_true(ag_file_stage_commit(&two) < 0);
    assert_int_equal(rmdir("d"), 0);
    assert_int_equal(ag_file_remove("one"), 0);
    ag_buf_deinit(&b);
}

static void touch(const char *name)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    close(fd);
}

static void leftovers(void **state)
{
    static const char *const gone[] = {".wifi.conf.AbC123", ".wifi.conf.zzzzzz"};
    static const char *const stay[] = {".wifi.conf.backup2", ".wifi.conf.short",  "wifi.conf.AbC123",
                                       ".wifi.conf.a-b-c-",  ".wifi.conx.AbC123", ".wifi.confAbC123"};

    (void) state;
    for (size_t i = 0; i < ag_array_size(gone); i++)
        touch(gone[i]);
    for (size_t i = 0; i < ag_array_size(stay); i++)
        touch(stay[i]);
    assert_int_equal(ag_file_remove_leftovers("wifi.conf"), 0);
    assert_int_equal(ag_file_remove_leftovers("./wifi.conf"), 0);
    assert_int_equal(ag_file_remove_leftovers("no/such/wifi.conf"), 0);
    for (size_t i = 0; i < ag_array_size(gone); i++)
        assert_int_equal(access(gone[i], F_OK), -1);
    for (size_t i = 0; i < ag_array_size(stay); i++)
        assert_int_equal(ag_file_remove(stay[i]), 0); /* -1 would show that it went */
    assert_int_equal(ag_file_remove_leftovers("wifi.conf"), 0);
}

/* A writer that is killed leaves what the sweep finds: its own name for the file says so. */
static void a_killed_writer_is_swept_up(void **state)
{
    struct ag_file_stage s;
    int status;
    pid_t pid = fork();

    (void) state;
    if (pid == 0) {
        if (ag_file_stage(&s, "secret", "key", 3, 0600) == 0)
            raise(SIGKILL);
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(ag_file_remove_leftovers("secret"), 0); /* drop_dir() sees what is left */
}

static void large_files_come_whole(void **state)
{
    enum { BIG = 300 * 1000 };
    char *data = malloc(BIG);
    struct ag_buf b = AG_BUF_INIT;

    (void) state;
    assert_non_null(data);
    for (int i = 0; i < BIG; i++)
        data[i] = (char) (i * 31);
    assert_int_equal(ag_file_write_atomic("big", data, BIG, 0600), 0);
    assert_int_equal(ag_buf_append_str(&b, "before"), 0);
    assert_int_equal(ag_file_read("big", BIG, &b), 0);
    assert_int_equal(ag_buf_size(&b), BIG + 6);
    assert_memory_equal(ag_buf_head(&b) + 6, data, BIG);
    assert_int_equal(ag_file_remove("big"), 0);
    ag_buf_deinit(&b);
    free(data);
}

static int count_item(void *user, const struct ag_ini_item *item, char *reason, size_t n)
{
    (void) user;
    (void) item;
    (void) reason;
    (void) n;
    return 0;
}

/* Short of memory: an error, the old file as it was, nothing left behind (drop_dir sees that). */
static void write_and_read(void *user)
{
    struct ag_buf b = AG_BUF_INIT, items = AG_BUF_INIT;
    char error[AG_INI_ERROR_MAX] = "";
    int w, r, i;

    (void) user;
    w = ag_file_write_atomic("f.ini", "[s]\na=2\n", 8, 0600);
    r = ag_file_read("f.ini", 100, &b);
    assert_true(w == 0 || w == -ENOMEM);
    assert_true(r == 0 || r == -ENOMEM);
    if (r == 0)
        assert_true(ag_span_is(ag_buf_span(&b), w == 0 ? "[s]\na=2\n" : "[s]\na=1\n", 8));
    else
        assert_int_equal(ag_buf_size(&b), 0);
    i = ag_ini_parse_file("f.ini", count_item, &items, error);
    if (i != 0 && (i != -ENOMEM || !strstr(error, "f.ini")))
        fail_msg("%d %s", i, error);
    ag_buf_deinit(&b);
    ag_buf_deinit(&items);
    r = ag_file_remove("f.ini");
    if (r == -ENOMEM)
        r = ag_file_remove("f.ini");
    assert_int_equal(r, 0);
    while ((r = ag_file_write_atomic("f.ini", "[s]\na=1\n", 8, 0600)) == -ENOMEM)
        ;
    assert_int_equal(r, 0);
}

static void memory_may_fail_anywhere(void **state)
{
    (void) state;
    assert_int_equal(ag_file_write_atomic("f.ini", "[s]\na=1\n", 8, 0600), 0);
    alloc_fail_sweep(write_and_read, NULL);
    assert_int_equal(ag_file_remove("f.ini"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absolute_paths),
        cmocka_unit_test_setup_teardown(whole_files, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(a_link_is_removed_not_followed, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(files_that_others_name, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(stages, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(leftovers, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(a_killed_writer_is_swept_up, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(large_files_come_whole, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(memory_may_fail_anywhere, make_dir, drop_dir),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
