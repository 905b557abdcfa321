/* SPDX-License-Identifier: MIT */
#include "libagent/core/text/brief.h"

#include <stdio.h>

enum { NAME_MAX_SHOWN = 64, ID_MAX_SHOWN = 32 };

/* What the text is: its method, or the kind of an answer. */
static struct ag_span subject(char name[NAME_MAX_SHOWN], struct ag_span text, const struct ag_json_view *view)
{
    struct ag_span method;

    if (ag_view_has(view, AG_M_METHOD))
        return ag_view_str(view, text.p, AG_M_METHOD, name, NAME_MAX_SHOWN, &method) ? method
                                                                                     : AG_SPAN("a method of an odd name");
    return ag_view_has(view, AG_M_ERROR) ? AG_SPAN("error") : AG_SPAN("result");
}

void ag_brief(char out[AG_BRIEF_MAX], struct ag_span text, const struct ag_json_view *view)
{
    char name[NAME_MAX_SHOWN];
    struct ag_span what = subject(name, text, view), id = ag_view_raw(view, text.p, AG_M_ID);
    bool shown = id.p && id.len <= ID_MAX_SHOWN;

    snprintf(out, AG_BRIEF_MAX, "%.*s%s%.*s, %zu bytes", (int) what.len, what.p, id.p ? ", id " : "",
             shown  ? (int) id.len
             : id.p ? 3
                    : 0,
             shown ? id.p : "...", text.len);
    for (char *p = out; *p; p++)
        if ((unsigned char) *p < ' ' || *p == 0x7f)
            *p = '?';
}
