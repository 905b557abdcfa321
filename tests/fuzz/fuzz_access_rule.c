/* SPDX-License-Identifier: MIT */
/* One item of a file of rules: whatever is there is understood or refused with a reason, and asking afterwards gives
 * nobody a closed method unless the rule names it. Input: name, NUL, value. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "libagent/core/log/log.h"
#include "libagent/io/access/access_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char *text_of(const uint8_t *p, size_t n)
{
    char *s = malloc(n + 1);

    assert(s);
    memcpy(s, p, n);
    s[n] = '\0';
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const uint8_t *cut = n ? memchr(data, 0, n) : NULL;
    char *name = text_of(data, cut ? (size_t) (cut - data) : n);
    char *value = text_of(cut ? cut + 1 : data, cut ? (size_t) (data + n - cut - 1) : 0);
    struct ag_cred stranger = {.known = true, .uid = 4000000000u};
    char reason[256] = "";
    struct ag_access a;

    ag_log_set_level(AG_LOG_ERROR);
    ag_access_init(&a, 1);
    a.enabled = true;
    if (strlen(value) <= AG_INI_LINE_MAX && !strchr(value, '@')) { /* groups read files: too slow */
        if (ag_access_item(&a, name, value, reason, sizeof reason) < 0)
            assert(reason[0]);
        else if (!strstr(name, "_int") && strcmp(name, "enabled") != 0)
            assert(!ag_access_check(&a, AG_ACCESS_CALL, AG_SPAN("_internal.x"), &stranger));
    }
    ag_access_deinit(&a);
    free(name);
    free(value);
    return 0;
}
