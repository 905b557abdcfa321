/* SPDX-License-Identifier: MIT */
#include "libagent/gen/writer.h"

void writer_deinit(struct writer *w)
{
    ag_buf_deinit(&w->text);
}

void put(struct writer *w, const char *fmt, ...)
{
    va_list ap;

    if (w->error)
        return;
    va_start(ap, fmt);
    w->error = ag_buf_vprintf(&w->text, fmt, ap);
    va_end(ap);
}

static void put_char(struct writer *w, char c)
{
    if (!w->error)
        w->error = ag_buf_append_char(&w->text, c);
}

void put_comment(struct writer *w, const char *text)
{
    char last = '\0';

    for (; *text; text++) {
        char c = (unsigned char) *text < ' ' || *text == '\\' ? ' ' : *text;

        if ((last == '*' && c == '/') || (last == '/' && c == '*'))
            put_char(w, ' ');
        put_char(w, c);
        last = c;
    }
}

void put_literal(struct writer *w, const char *text, size_t n)
{
    put_char(w, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char) text[i];

        if (c == '"' || c == '\\')
            put_char(w, '\\');
        if (c >= ' ' && c < 0x7f && c != '?')
            put_char(w, (char) c);
        else
            put(w, "\\%03o", c); /* always three digits: the next one cannot join; '?' may not begin a trigraph */
    }
    put_char(w, '"');
}
