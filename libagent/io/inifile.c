/* SPDX-License-Identifier: MIT */
#include "libagent/io/inifile.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>
#include "libagent/io/file.h"

enum { SECTION_MAX = 49 }; /* inih cuts longer ones */

struct parse {
    struct ag_span left; /* text not yet read */
    int line;
    ag_ini_fn fn;
    void *user;
    int error_line; /* 0: none so far */
    char reason[256];
};

static void parse_fail(struct parse *p, const char *why)
{
    if (p->error_line > 0)
        return;
    p->error_line = p->line;
    if (why)
        snprintf(p->reason, sizeof p->reason, "%s", why);
}

static const char not_a_setting[] = "neither NAME = VALUE nor [SECTION]";

static const char *section_oddity(const char *s, size_t n)
{
    const char *end = memchr(s, ']', n);

    if (!end)
        return "section without ']'";
    if (end - s - 1 > SECTION_MAX)
        return "section name longer than 49 bytes";
    for (end++; end < s + n && *end != ';' && *end != '#'; end++)
        if (*end != ' ' && *end != '\t')
            return "text behind a section's ']'";
    return NULL;
}

/* What inih would silently take, but not as it is written; NULL: nothing. n is without the line's end. */
static const char *line_oddity(const char *s, size_t n)
{
    if (n > AG_INI_LINE_MAX)
        return "line longer than 199 bytes";
    if (memchr(s, '\0', n))
        return "NUL byte";
    if (n > 0 && (*s == ' ' || *s == '\t') && !strchr(";#", s[strspn(s, " \t")]))
        return "indented line (values cannot go on in a second line)";
    if (n > 0 && *s == '[')
        return section_oddity(s, n);
    if (n > 0 && !strchr(";# \t", *s) && !strpbrk(s, "=:")) /* inih would report it, but go on */
        return not_a_setting;
    return NULL;
}

/* inih's reader: one line at a time into its buffer, as fgets() would. */
static char *read_line(char *out, int size, void *user)
{
    struct parse *p = user;
    const char *end, *why;
    char copy[AG_INI_LINE_MAX + 2];
    size_t len;

    if (p->left.len == 0 || p->error_line > 0)
        return NULL;
    p->line++;
    end = memchr(p->left.p, '\n', p->left.len);
    len = end ? (size_t) (end - p->left.p) : p->left.len;
    if (len > AG_INI_LINE_MAX + 1 || (int) len >= size) {
        parse_fail(p, "line longer than 199 bytes");
        return NULL;
    }
    memcpy(copy, p->left.p, len);
    p->left.p += len + (end != NULL);
    p->left.len -= len + (end != NULL);
    if (len > 0 && copy[len - 1] == '\r')
        len--;
    copy[len] = '\0';
    why = line_oddity(copy, len);
    if (why) {
        parse_fail(p, why);
        return NULL;
    }
    memcpy(out, copy, len + 1);
    return out;
}

static int on_item(void *user, const char *section, const char *name, const char *value)
{
    struct parse *p = user;
    struct ag_ini_item item = {section, name, value ? value : "", p->line};

    if (p->error_line > 0)
        return 0;
    if (!*name) {
        parse_fail(p, "a line without a name");
        return 0;
    }
    if (p->fn(p->user, &item, p->reason, sizeof p->reason) != 0) {
        if (!p->reason[0])
            snprintf(p->reason, sizeof p->reason, "unknown name '%s'", name);
        parse_fail(p, NULL);
        return 0;
    }
    return 1;
}

int ag_ini_parse_text(const char *label, struct ag_span text, ag_ini_fn fn, void *user, char error[AG_INI_ERROR_MAX])
{
    struct parse p = {.left = text, .fn = fn, .user = user};
    int r;

    if (text.len >= 3 && memcmp(text.p, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
        p.left.p += 3;
        p.left.len -= 3;
    }
    r = ini_parse_stream(read_line, &p, on_item, &p);
    if (p.error_line > 0) {
        snprintf(error, AG_INI_ERROR_MAX, "%s:%d: %s", label, p.error_line, p.reason);
        return -EINVAL;
    }
    if (r > 0) {
        snprintf(error, AG_INI_ERROR_MAX, "%s:%d: %s", label, r, not_a_setting);
        return -EINVAL;
    }
    if (r < 0) {
        snprintf(error, AG_INI_ERROR_MAX, "%s: out of memory", label);
        return -ENOMEM;
    }
    return 0;
}

int ag_ini_parse_file(const char *path, ag_ini_fn fn, void *user, char error[AG_INI_ERROR_MAX])
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    int r = ag_file_read(path, AG_INI_FILE_MAX, &text);

    if (r == -EFBIG)
        snprintf(error, AG_INI_ERROR_MAX, "%s: longer than %d bytes", path, AG_INI_FILE_MAX);
    else if (r < 0)
        snprintf(error, AG_INI_ERROR_MAX, "%s: %s", path, strerror(-r));
    if (r < 0)
        return r;
    return ag_ini_parse_text(path, ag_buf_span(&text), fn, user, error);
}
