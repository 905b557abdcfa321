/* SPDX-License-Identifier: MIT */
/* miio_gen: writes typed C from a model of a device. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "libagent/gen/emit.h"

enum { EXIT_USAGE = 2 };

static const char usage[] =
    "usage: miio_gen [-n NAME] -o DIR MODEL\n"
    "Writes DIR/NAME_model.h, NAME_model.c and test_NAME.c from a MIoT-Spec instance, and once NAME.c, which is yours.\n"
    "  -o, --output DIR  where to; made when it is not there\n"
    "  -n, --name NAME   what everything begins with (default: the device's name in the model)\n"
    "  -v, --version     print the version\n"
    "  -h, --help        print this help\n";

static int fail(const char *what, int error)
{
    fprintf(stderr, "miio_gen: %s: %s\n", what, strerror(error));
    return EXIT_FAILURE;
}

static int read_file(const char *path, struct ag_buf *out)
{
    FILE *f = fopen(path, "rb");
    size_t n;
    int r = 0;

    if (!f)
        return -errno;
    do {
        if (ag_buf_reserve(out, 65536) < 0) {
            r = -ENOMEM;
            break;
        }
        n = fread(out->data + out->len, 1, 65536, f);
        out->len += n;
        if (ferror(f))
            r = -errno;
    } while (n > 0 && r == 0 && out->len <= MODEL_TEXT_MAX);
    fclose(f);
    return r;
}

/* White space between tokens is not worth a byte of the device's memory. */
static int put_compact(struct ag_buf *out, struct ag_span s)
{
    bool in_string = false;
    int r = 0;

    for (size_t i = 0; r == 0 && i < s.len; i++) {
        char c = s.p[i];

        if (!in_string && (c == ' ' || c == '\n' || c == '\r' || c == '\t'))
            continue;
        r = ag_buf_append_char(out, c);
        if (in_string && c == '\\' && r == 0)
            r = ag_buf_append_char(out, s.p[++i]);
        else if (c == '"')
            in_string = !in_string;
    }
    return r;
}

/* ---- files ---- */

static bool is_same(const char *path, const struct ag_buf *text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf old = AG_BUF_INIT;

    return read_file(path, &old) == 0 && ag_buf_size(&old) == ag_buf_size(text) &&
           memcmp(ag_buf_span(&old).p, ag_buf_span(text).p, ag_buf_size(text)) == 0;
}

/* once: an existing file stays. One that would not change is not touched, so that make has nothing to do. */
static int save(const char *dir, const char *before, const char *name, const char *after, struct writer *w, bool once)
{
    char path[4096];
    int fd;

    if (w->error)
        return fail("cannot write", -w->error);
    if ((size_t) snprintf(path, sizeof path, "%s/%s%s%s", dir, before, name, after) >= sizeof path)
        return fail(dir, ENAMETOOLONG);
    if (!once && is_same(path, &w->text))
        return EXIT_SUCCESS;
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (once ? O_EXCL : O_TRUNC), 0644);
    if (fd < 0)
        return once && errno == EEXIST ? EXIT_SUCCESS : fail(path, errno);
    for (size_t at = 0; at < ag_buf_size(&w->text);) {
        ssize_t n = write(fd, ag_buf_span(&w->text).p + at, ag_buf_size(&w->text) - at);

        if (n < 0) {
            int error = errno;

            close(fd);
            unlink(path); /* half a file is worse than none */
            return fail(path, error);
        }
        at += (size_t) n;
    }
    return close(fd) < 0 ? fail(path, errno) : EXIT_SUCCESS;
}

static int write_all(const char *dir, const struct names *n, struct ag_span instance)
{
    ag_cleanup(writer_deinit) struct writer header = {0}, glue = {0}, app = {0}, test = {0};
    int r;

    emit_header(&header, n);
    emit_glue(&glue, n, instance);
    emit_app(&app, n);
    emit_test(&test, n);
    if (mkdir(dir, 0777) < 0 && errno != EEXIST)
        return fail(dir, errno);
    r = save(dir, "", n->prefix, "_model.h", &header, false);
    if (r == 0)
        r = save(dir, "", n->prefix, "_model.c", &glue, false);
    if (r == 0)
        r = save(dir, "test_", n->prefix, ".c", &test, false);
    return r == 0 ? save(dir, "", n->prefix, ".c", &app, true) : r;
}

static int generate(const char *path, const char *dir, const char *name)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT, compact = AG_BUF_INIT;
    struct model_error error;
    struct names names;
    struct model m;
    int r = read_file(path, &text);

    if (r < 0)
        return fail(path, -r);
    r = ag_model_parse(&m, ag_buf_span(&text), &error);
    if (r == -ENOMEM)
        return fail(path, ENOMEM);
    if (r < 0) {
        if (error.line)
            fprintf(stderr, "miio_gen: %s:%u: %s\n", path, error.line, error.why);
        else
            fprintf(stderr, "miio_gen: %s: %s\n", path, error.why);
        return EXIT_FAILURE;
    }
    r = put_compact(&compact, ag_buf_span(&text));
    if (r == 0)
        r = names_init(&names, &m, name);
    if (r == 0) {
        r = write_all(dir, &names, ag_buf_span(&compact));
        names_deinit(&names);
    } else {
        r = r == -EINVAL
                ? (fprintf(stderr, "miio_gen: name \"%s\" is not a C identifier of at most 63 characters\n", name), EXIT_USAGE)
                : fail(path, -r);
    }
    ag_model_deinit(&m);
    return r;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"name", required_argument, NULL, 'n'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const char *dir = NULL, *name = NULL;
    int c;

    while ((c = getopt_long(argc, argv, "o:n:vh", options, NULL)) != -1) {
        switch (c) {
        case 'o':
            dir = optarg;
            break;
        case 'n':
            name = optarg;
            break;
        case 'v':
            puts("miio_gen " MIIO_VERSION);
            return EXIT_SUCCESS;
        case 'h':
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        default:
            fputs(usage, stderr);
            return EXIT_USAGE;
        }
    }
    if (!dir || optind + 1 != argc) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    return generate(argv[optind], dir, name);
}
