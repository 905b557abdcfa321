#include "agent/core/args.h"

#include <string.h>

/* Behind the string that begins at p. */
static const char *string_end(const char *p)
{
    for (p++; *p != '"'; p++)
        p += *p == '\\';
    return p + 1;
}

static const char *space_end(const char *p)
{
    return p + strspn(p, " \t\r\n");
}

/* Behind the value that begins at p. The text is valid, so brackets need only be counted. */
static const char *value_end(const char *p)
{
    unsigned depth = 0;

    for (;;) {
        if (*p == '"') {
            p = string_end(p);
        } else if (*p == '{' || *p == '[') {
            depth++;
            p++;
        } else if (depth > 0) {
            depth -= *p == '}' || *p == ']';
            p++;
        } else {
            p += strcspn(p, ",}] \t\r\n");
        }
        if (depth == 0)
            return p;
    }
}

struct ag_span args_member(struct ag_span object, struct ag_span name)
{
    const char *p = space_end(object.p + 1);

    while (*p == '"') {
        const char *key = p, *key_end = string_end(p), *value;

        value = space_end(space_end(key_end) + 1); /* over the colon */
        p = value_end(value);
        if (ag_span_is((struct ag_span){key + 1, (size_t) (key_end - key) - 2}, name.p, name.len))
            return (struct ag_span){value, (size_t) (p - value)};
        p = space_end(p);
        p = *p == ',' ? space_end(p + 1) : p;
    }
    return (struct ag_span){NULL, 0};
}
