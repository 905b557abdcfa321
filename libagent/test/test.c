/* SPDX-License-Identifier: MIT */
#include "libagent/test/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WORDS_MAX = 4096 };

_Noreturn void ag_test_fail(struct agent_test *t, const char *format, ...)
{
    const char *file = t && t->file ? t->file : "agent_test";
    char words[WORDS_MAX];
    va_list ap;

    va_start(ap, format);
    vsnprintf(words, sizeof words, format, ap);
    va_end(ap);
    if (t)
        t->failed = true;
    if (t && t->fail)
        t->fail(words, file, t->line);
    fprintf(stderr, "%s:%d: %s\n", file, t ? t->line : 0, words);
    abort();
}

void ag_test_must(struct agent_test *t, int r)
{
    if (r < 0)
        ag_test_fail(t, "%s", agent_strerror(r));
}

void *ag_test_alloc(struct agent_test *t, size_t n)
{
    void *p = calloc(1, n);

    if (!p)
        ag_test_fail(t, "out of memory");
    return p;
}

bool ag_test_is_ours(const struct agent_test *t)
{
    return t->owner == getpid();
}

void ag_test_text_free(struct test_text *text)
{
    if (!text)
        return;
    if (text->link.next)
        ag_list_del(&text->link);
    ag_buf_deinit(&text->json);
    free(text);
}

struct test_service *ag_test_service_find(struct agent_test *t, const char *method)
{
    ag_list_for_each (it, &t->services) {
        struct test_service *s = ag_list_entry(it, struct test_service, link);

        if (strcmp(s->method, method) == 0)
            return s;
    }
    return NULL;
}
