/* SPDX-License-Identifier: MIT */
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
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "libagent/io/addr.h"
#include "libagent/io/daemon.h"
#include "libagent/io/file.h"
#include "libagent/io/inifile.h"
#include "tests/support/alloc_fail.h"

/* ---- addresses ---- */

static const struct {
    const char *in;
    int kind;         /* -1: refused */
    const char *text; /* printed form, or the reason */
} addrs[] = {
    {"127.0.0.1:54320", AG_ADDR_INET, "127.0.0.1:54320"},
    {"tcp:127.0.0.1:0", AG_ADDR_INET, "127.0.0.1:0"},
    {"0.0.0.0:65535", AG_ADDR_INET, "0.0.0.0:65535"},
    {"[::1]:54320", AG_ADDR_INET, "[::1]:54320"},
    {"[2001:0db8::0001]:1", AG_ADDR_INET, "[2001:db8::1]:1"},
    {"none", AG_ADDR_NONE, "none"},
    {"/run/miio/agent.sock", AG_ADDR_UNIX, "/run/miio/agent.sock"},
    {"unix:/a", AG_ADDR_UNIX, "/a"},
    {"unix:none", AG_ADDR_NONE, "none"},
    {"@name", AG_ADDR_UNIX, "@name"},
    {"seqpacket:/tmp/miio_agent.socket", AG_ADDR_SEQPACKET, "/tmp/miio_agent.socket"},
    {"", -1, "expected ADDR:PORT"},
    {"54320", -1, "expected ADDR:PORT"},
    {":54320", -1, "the address is empty"},
    {"localhost:1", -1, "not a numeric address"},
    {"127.0.0.1:", -1, "the port is not a number of 0..65535"},
    {"127.0.0.1:65536", -1, "the port is not a number of 0..65535"},
    {"127.0.0.1:+1", -1, "the port is not a number of 0..65535"},
    {"127.0.0.1: 1", -1, "the port is not a number of 0..65535"},
    {"127.0.0.1:1x", -1, "the port is not a number of 0..65535"},
    {"127.0.0.1:123456", -1, "the port is not a number of 0..65535"},
    {"127.0.0.256:1", -1, "not a numeric address"},
    {"::1:80", -1, "an IPv6 address needs brackets: [ADDR]:PORT"},
    {"[::1]80", -1, "expected [ADDR]:PORT"},
    {"[::1", -1, "expected [ADDR]:PORT"},
    {"[]:1", -1, "the address is empty"},
    {"[127.0.0.1]:1", -1, "not a numeric address"},
    {"unix:relative", -1, "expected an absolute path, @NAME or none"},
    {"unix:", -1, "expected an absolute path, @NAME or none"},
    {"/", -1, "the path is empty"},
    {"udp:1.2.3.4:5", -1, "an IPv6 address needs brackets: [ADDR]:PORT"},
};

static void addresses(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(addrs); i++) {
        struct ag_addr a;
        const char *reason = "";
        char text[AG_ADDR_TEXT_MAX];
        int r = ag_addr_parse(addrs[i].in, &a, &reason);

        if (r != (addrs[i].kind < 0 ? -EINVAL : 0))
            fail_msg("%s: %d", addrs[i].in, r);
        if (r == 0)
            assert_int_equal(a.kind, addrs[i].kind);
        assert_string_equal(r == 0 ? ag_addr_format(&a, text) : reason, addrs[i].text);
    }
}

static void long_path_is_refused(void **state)
{
    char path[200];
    struct ag_addr a;
    char text[AG_ADDR_TEXT_MAX];

    (void) state;
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[107] = '\0';
    assert_int_equal(ag_addr_parse(path, &a, NULL), 0);
    assert_string_equal(ag_addr_format(&a, text), path);
    path[107] = 'x';
    path[108] = '\0';
    assert_int_equal(ag_addr_parse(path, &a, NULL), -EINVAL);
}

static void bound_sockets_tell_their_address(void **state)
{
    static const struct {
        const char *addr;
        int type;
    } cases[] = {{"127.0.0.1:0", SOCK_STREAM}, {"@miio_test_addr", SOCK_STREAM}, {"seqpacket:@miio_test_addr2", SOCK_SEQPACKET}};

    (void) state;
    for (size_t i = 0; i < ag_array_size(cases); i++) {
        struct ag_addr a, got;
        int fd;

        assert_int_equal(ag_addr_parse(cases[i].addr, &a, NULL), 0);
        fd = socket(a.sa.ss_family, cases[i].type | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &a.sa, a.len), 0);
        assert_int_equal(ag_addr_of_socket(fd, &got), 0);
        assert_int_equal(got.kind, a.kind);
        assert_true(ag_addr_is_local(&got));
        if (a.kind == AG_ADDR_INET)
            assert_int_not_equal(ag_addr_port(&got), 0);
        else
            assert_true(ag_addr_equal(&a, &got));
        close(fd);
    }
    assert_int_equal(ag_addr_of_socket(-1, &(struct ag_addr){0}), -EBADF);
}

static void equality_and_locality(void **state)
{
    static const struct {
        const char *a, *b;
        bool equal, local; /* local: of a */
    } rows[] = {
        {"127.0.0.1:1", "tcp:127.0.0.1:1", true, true},
        {"127.0.0.1:1", "127.0.0.1:2", false, true},
        {"127.9.9.9:1", "127.0.0.1:1", false, true},
        {"10.0.0.1:1", "10.0.0.1:1", true, false},
        {"[::1]:5", "[0::1]:5", true, true},
        {"[::2]:5", "[::1]:5", false, false},
        {"/a", "unix:/a", true, true},
        {"/a", "seqpacket:/a", false, true},
        {"none", "none", true, false},
        {"0.0.0.0:1", "none", false, false},
    };

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        struct ag_addr a, b;

        assert_int_equal(ag_addr_parse(rows[i].a, &a, NULL), 0);
        assert_int_equal(ag_addr_parse(rows[i].b, &b, NULL), 0);
        if (ag_addr_equal(&a, &b) != rows[i].equal || ag_addr_is_local(&a) != rows[i].local)
            fail_msg("%s %s", rows[i].a, rows[i].b);
    }
}

/* ---- files ---- */

static int make_dir(void **state)
{
    char *dir = strdup("/tmp/miio_io_XXXXXX");

    *state = dir ? mkdtemp(dir) : NULL;
    return *state && chdir(*state) == 0 ? 0 : -1;
}

static int drop_dir(void **state)
{
    int r = chdir("/") < 0 || rmdir(*state) < 0 ? -1 : 0; /* fails when a test has left something behind */

    free(*state);
    return r;
}

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

static int listener(const char *path, int type)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    strcpy(un.sun_path, path);
    assert_true(fd >= 0 && bind(fd, (struct sockaddr *) &un, sizeof un) == 0 && listen(fd, 1) == 0);
    return fd;
}

static void stale_sockets(void **state)
{
    int fd;

    (void) state;
    assert_int_equal(ag_file_remove_stale_socket("s", SOCK_STREAM), 0);
    fd = listener("s", SOCK_STREAM);
    assert_int_equal(ag_file_remove_stale_socket("s", SOCK_STREAM), -EADDRINUSE);
    assert_int_equal(ag_file_remove_stale_socket("s", SOCK_SEQPACKET), -EADDRINUSE);
    close(fd);
    assert_int_equal(ag_file_remove_stale_socket("s", SOCK_STREAM), 0);
    assert_int_equal(access("s", F_OK), -1);
    assert_int_equal(ag_file_write_atomic("s", "x", 1, 0600), 0);
    assert_int_equal(ag_file_remove_stale_socket("s", SOCK_STREAM), -EEXIST);
    assert_int_equal(ag_file_remove("s"), 0);
}

/* ---- ini files ---- */

static int on_item(void *user, const struct ag_ini_item *item, char *reason, size_t n)
{
    if (strcmp(item->name, "bad") == 0)
        return -1;
    if (strcmp(item->name, "worse") == 0) {
        snprintf(reason, n, "%s is no number", item->value);
        return 1;
    }
    assert_int_equal(ag_buf_printf(user, "%d:%s.%s=%s;", item->line, item->section, item->name, item->value), 0);
    return 0;
}

#define Y20  "yyyyyyyyyyyyyyyyyyyy"
#define Y180 Y20 Y20 Y20 Y20 Y20 Y20 Y20 Y20 Y20

static const struct {
    const char *in, *items, *error; /* error NULL: good */
} inis[] = {
    {"", "", NULL},
    {"a=1", "1:.a=1;", NULL},
    {"a = 1 \r\n\n# c\n; c\n[s]\nb: x y\nc=\n", "1:.a=1;6:s.b=x y;7:s.c=;", NULL},
    {"a=1 ; rest\nb=1;2\nc=#1\n", "1:.a=1;2:.b=1;2;3:.c=#1;", NULL},
    {"\xef\xbb\xbf"
     "a=1\n",
     "1:.a=1;", NULL},
    {"[s] ; comment\na=b=c\n", "2:s.a=b=c;", NULL},
    {"  # indented comment\n   \na=1\n", "3:.a=1;", NULL},
    {"a=" Y180 "yyyyyyyyyyyyyyyyy\n", "1:.a=" Y180 "yyyyyyyyyyyyyyyyy;", NULL},
    {"a=" Y180 "yyyyyyyyyyyyyyyyyy\n", "", "f:1: line longer than 199 bytes"},
    {"a=1\nb=" Y180 Y180 "\nc=2\n", "1:.a=1;", "f:2: line longer than 199 bytes"},
    {"a=1\nrubbish\nb=2\n", "1:.a=1;", "f:2: neither NAME = VALUE nor [SECTION]"},
    {"a=1\n more\n", "1:.a=1;", "f:2: indented line (values cannot go on in a second line)"},
    {"[s\na=1\n", "", "f:1: section without ']'"},
    {"[s] x\na=1\n", "", "f:1: text behind a section's ']'"},
    {"[" Y20 Y20 Y20 "]\n", "", "f:1: section name longer than 49 bytes"},
    {"=1\n", "", "f:1: a line without a name"},
    {"a=1\nbad=2\nc=3\n", "1:.a=1;", "f:2: unknown name 'bad'"},
    {"worse=x\n", "", "f:1: x is no number"},
};

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

static void ini_texts(void **state)
{
    (void) state;
    for (size_t i = 0; i < ag_array_size(inis); i++) {
        struct ag_buf items = AG_BUF_INIT;
        char error[AG_INI_ERROR_MAX] = "";
        int r = ag_ini_parse_text("f", (struct ag_span){inis[i].in, strlen(inis[i].in)}, on_item, &items, error);

        if (r != (inis[i].error ? -EINVAL : 0) || strcmp(error, inis[i].error ? inis[i].error : "") != 0)
            fail_msg("%s: %d %s", inis[i].in, r, error);
        if (strcmp(ag_buf_cstr(&items), inis[i].items) != 0)
            fail_msg("%s: %s", inis[i].in, ag_buf_cstr(&items));
        ag_buf_deinit(&items);
    }
}

static void ini_nul_and_files(void **state)
{
    struct ag_buf items = AG_BUF_INIT;
    char error[AG_INI_ERROR_MAX];

    (void) state;
    assert_int_equal(ag_ini_parse_text("f", (struct ag_span){"a=1\0\n", 5}, on_item, &items, error), -EINVAL);
    assert_string_equal(error, "f:1: NUL byte");
    assert_int_equal(ag_ini_parse_file("no.ini", on_item, &items, error), -ENOENT);
    assert_string_equal(error, "no.ini: No such file or directory");
    assert_int_equal(ag_file_write_atomic("x.ini", "[s]\na=1\n", 8, 0600), 0);
    assert_int_equal(ag_ini_parse_file("x.ini", on_item, &items, error), 0);
    assert_string_equal(ag_buf_cstr(&items), "2:s.a=1;");
    assert_int_equal(ag_file_remove("x.ini"), 0);
    ag_buf_deinit(&items);
}

/* ---- daemons ---- */

enum child { READY, FAILS, DIES };

/* Runs ag_daemon_start() in a process of its own and returns what its starter would see. */
static int start_as(enum child how, char *out, size_t n)
{
    int fds[2], status;
    ssize_t got, len = 0;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        struct ag_daemon d = AG_DAEMON_INIT;

        dup2(fds[1], STDOUT_FILENO);
        close(fds[0]);
        close(fds[1]);
        if (ag_daemon_start(&d) < 0)
            _exit(99);
        if (how == FAILS)
            _exit(78);
        if (how == DIES)
            kill(getpid(), SIGKILL);
        _exit(ag_daemon_ready(&d, "listen=%s", "x:1") == 0 ? 0 : 98);
    }
    close(fds[1]);
    while ((got = read(fds[0], out + len, n - 1 - (size_t) len)) > 0) /* ends when the daemon lets go of its output */
        len += got;
    out[len] = '\0';
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void the_starter_learns_the_outcome(void **state)
{
    char out[100];

    (void) state;
    assert_int_equal(start_as(READY, out, sizeof out), 0);
    assert_string_equal(out, "ready listen=x:1\n");
    assert_int_equal(start_as(FAILS, out, sizeof out), 78);
    assert_string_equal(out, "");
    assert_int_equal(start_as(DIES, out, sizeof out), 1);
}

static void notify(void **state)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    static const char name[] = "\0miio_test_notify";
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    char got[64];
    ssize_t n;

    (void) state;
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(ag_daemon_notify("READY=1"), 0);
    memcpy(un.sun_path, name, sizeof name - 1);
    assert_int_equal(bind(fd, (struct sockaddr *) &un, (socklen_t) (offsetof(struct sockaddr_un, sun_path) + sizeof name - 1)),
                     0);
    setenv("NOTIFY_SOCKET", "@miio_test_notify", 1);
    assert_int_equal(ag_daemon_notify("READY=1\nSTATUS=up"), 1);
    n = recv(fd, got, sizeof got, 0);
    assert_int_equal(n, 17);
    assert_memory_equal(got, "READY=1\nSTATUS=up", 17);
    setenv("NOTIFY_SOCKET", "relative", 1);
    assert_int_equal(ag_daemon_notify("READY=1"), -EINVAL);
    setenv("NOTIFY_SOCKET", "/no/such/socket", 1);
    assert_int_equal(ag_daemon_notify("READY=1"), -ENOENT);
    unsetenv("NOTIFY_SOCKET");
    close(fd);
}

static void watchdog_period(void **state)
{
    static const struct {
        const char *usec;
        bool ours;
        uint64_t ms;
    } rows[] = {{NULL, true, 0},           {"", true, 0},          {"0", true, 0},
                {"-5", true, 0},           {"9x", true, 0},        {"1999", true, 1},
                {"60000000", true, 30000}, {"60000000", false, 0}, {"99999999999999999999", true, 0}};
    char pid[16];

    (void) state;
    for (size_t i = 0; i < ag_array_size(rows); i++) {
        snprintf(pid, sizeof pid, "%d", (int) getpid() + !rows[i].ours);
        setenv("WATCHDOG_PID", pid, 1);
        if (rows[i].usec)
            setenv("WATCHDOG_USEC", rows[i].usec, 1);
        else
            unsetenv("WATCHDOG_USEC");
        if (ag_daemon_watchdog_ms() != rows[i].ms)
            fail_msg("row %zu: %llu", i, (unsigned long long) ag_daemon_watchdog_ms());
    }
    unsetenv("WATCHDOG_PID");
    unsetenv("WATCHDOG_USEC");
}

static void the_journal_is_known(void **state)
{
    char stream[64], other[64];
    struct stat st;
    int fds[2];

    (void) state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(fstat(fds[1], &st), 0);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long) st.st_dev, (unsigned long long) st.st_ino);
    snprintf(other, sizeof other, "%llu:%llu", (unsigned long long) st.st_dev, (unsigned long long) st.st_ino + 1);
    assert_true(ag_daemon_is_journal(stream, fds[1]));
    assert_false(ag_daemon_is_journal(other, fds[1]));
    assert_false(ag_daemon_is_journal(NULL, fds[1]));
    assert_false(ag_daemon_is_journal("", fds[1]));
    assert_false(ag_daemon_is_journal("8", fds[1]));
    assert_false(ag_daemon_is_journal(strcat(stream, "x"), fds[1]));
    close(fds[0]);
    close(fds[1]);
}

/* In a child, because the numbers of handed-over sockets are fixed. 0, or the line that failed. */
static int listen_fds_child(void)
{
    struct ag_listen_fd fds[2];
    char pid[16];
    size_t n = 7;

    snprintf(pid, sizeof pid, "%d", (int) getpid());
    if (dup2(STDERR_FILENO, 3) < 0 || dup2(STDERR_FILENO, 4) < 0)
        return __LINE__;
    setenv("LISTEN_PID", "1", 1);
    setenv("LISTEN_FDS", "2", 1);
    if (ag_daemon_listen_fds(fds, 2, &n) != 0 || n != 0 || getenv("LISTEN_FDS"))
        return __LINE__;
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "2", 1);
    setenv("LISTEN_FDNAMES", "tcp:agent.socket", 1);
    if (ag_daemon_listen_fds(fds, 2, &n) != 0 || n != 2)
        return __LINE__;
    if (fds[0].fd != 3 || fds[1].fd != 4 || strcmp(fds[0].name, "tcp") != 0 || strcmp(fds[1].name, "agent.socket") != 0)
        return __LINE__;
    if (!(fcntl(3, F_GETFD) & FD_CLOEXEC) || ag_daemon_listen_fds(fds, 2, &n) != 0 || n != 0)
        return __LINE__;
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "3", 1);
    if (ag_daemon_listen_fds(fds, 2, &n) != -E2BIG || n != 0)
        return __LINE__;
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", "2x", 1);
    return ag_daemon_listen_fds(fds, 2, &n) == -EINVAL ? 0 : __LINE__;
}

static void sockets_from_systemd(void **state)
{
    int status;
    pid_t pid = fork();

    (void) state;
    if (pid == 0) {
        int line = listen_fds_child();

        if (line != 0)
            fprintf(stderr, "failed in line %d\n", line);
        _exit(line != 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Nothing of it leaves by itself: no loop that turns, no handler that helps. */
static void leaving_has_an_end(void **state)
{
    int status;
    pid_t child = fork();

    (void) state;
    if (child == 0) {
        ag_daemon_leave(7);
        ag_daemon_leave(8); /* the first word counts */
        for (;;)
            pause();
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses),
        cmocka_unit_test(long_path_is_refused),
        cmocka_unit_test(bound_sockets_tell_their_address),
        cmocka_unit_test(equality_and_locality),
        cmocka_unit_test(absolute_paths),
        cmocka_unit_test_setup_teardown(whole_files, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(a_link_is_removed_not_followed, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(files_that_others_name, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(stages, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(leftovers, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(a_killed_writer_is_swept_up, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(large_files_come_whole, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(stale_sockets, make_dir, drop_dir),
        cmocka_unit_test_setup_teardown(memory_may_fail_anywhere, make_dir, drop_dir),
        cmocka_unit_test(ini_texts),
        cmocka_unit_test_setup_teardown(ini_nul_and_files, make_dir, drop_dir),
        cmocka_unit_test(the_starter_learns_the_outcome),
        cmocka_unit_test(notify),
        cmocka_unit_test(watchdog_period),
        cmocka_unit_test(the_journal_is_known),
        cmocka_unit_test(sockets_from_systemd),
        cmocka_unit_test(leaving_has_an_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
