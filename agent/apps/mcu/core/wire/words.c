/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/core/wire/words.h"

#include <string.h>
#include "libagent/core/json/json.h"
#include "libagent/core/utf8.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Length of the escape that begins at the backslash p, 0 when it is none. */
static size_t escape_len(const char *p, size_t n)
{
    if (n < 2)
        return 0;
    if (p[1] != 'u')
        return p[1] != '\0' && strchr("\"\\/bfnrt", p[1]) ? 2 : 0;
    if (n < 6)
        return 0;
    for (size_t i = 2; i < 6; i++)
        if (!is_hex(p[i]))
            return 0;
    return 6;
}

/* Half a surrogate pair has no UTF-8 form. */
static bool decodes(struct ag_span string)
{
    char decoded[512];

    return string.len <= sizeof decoded && ag_json_unescape(string, decoded, sizeof decoded) >= 0;
}

/* Length of the quoted string at p with both quotes, 0 when it has no end. */
static size_t string_len(const char *p, size_t n, bool *bad_out)
{
    bool escaped = false, bad = false;
    size_t i = 1;

    while (i < n && p[i] != '"') {
        unsigned char c = (unsigned char) p[i];
        size_t step = c == '\\' ? escape_len(p + i, n - i) : c < 0x20 || c == 0x7f ? 0 : ag_utf8_len(p + i, n - i);

        escaped = escaped || c == '\\';
        bad = bad || step == 0;
        i += step > 0 ? step : 1;
    }
    if (i >= n)
        return 0;
    *bad_out = bad || (escaped && !decodes((struct ag_span){p, i + 1}));
    return i + 1;
}

static size_t bareword_len(const char *p, size_t n)
{
    size_t i = 0;

    while (i < n && p[i] > ' ' && p[i] < 0x7f && p[i] != '"')
        i++;
    return i;
}

static size_t command_len(const char *p, size_t n)
{
    size_t i = 0;

    while (i < n && ((p[i] >= 'a' && p[i] <= 'z') || is_digit(p[i]) || p[i] == '_'))
        i++;
    return i;
}

static size_t skip_spaces(struct ag_span line, size_t i)
{
    while (i < line.len && line.p[i] == ' ')
        i++;
    return i;
}

int mcu_words_parse(struct ag_span line, struct mcu_words *out)
{
    size_t i = skip_spaces(line, 0), len;

    len = command_len(line.p + i, line.len - i);
    if (len == 0)
        return MCU_WORDS_E_SYNTAX;
    out->command = (struct ag_span){line.p + i, len};
    out->n = out->n_bad = 0;
    for (i += len; i < line.len; i += len) {
        bool bad = false;
        const char *p;

        if (line.p[i] != ' ')
            return MCU_WORDS_E_SYNTAX;
        i = skip_spaces(line, i);
        if (i == line.len)
            return 0;
        p = line.p + i;
        len = *p == '"' ? string_len(p, line.len - i, &bad) : bareword_len(p, line.len - i);
        if (len == 0)
            return MCU_WORDS_E_SYNTAX;
        if (out->n == MCU_PARAMS_MAX)
            return MCU_WORDS_E_TOO_MANY;
        out->param[out->n++] = (struct mcu_word){{p, len}, *p == '"', bad};
        out->n_bad += bad;
    }
    return 0;
}

static size_t digits_len(const char *p, size_t n)
{
    size_t i = 0;

    while (i < n && is_digit(p[i]))
        i++;
    return i;
}

/* RFC 8259, section 6. */
static bool is_number(struct ag_span s)
{
    size_t i = s.len > 0 && s.p[0] == '-', len = digits_len(s.p + i, s.len - i);

    if (len == 0 || (len > 1 && s.p[i] == '0'))
        return false;
    i += len;
    if (i < s.len && s.p[i] == '.') {
        len = digits_len(s.p + i + 1, s.len - i - 1);
        if (len == 0)
            return false;
        i += 1 + len;
    }
    if (i < s.len && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        if (i < s.len && (s.p[i] == '+' || s.p[i] == '-'))
            i++;
        len = digits_len(s.p + i, s.len - i);
        if (len == 0)
            return false;
        i += len;
    }
    return i == s.len;
}

bool mcu_word_is(const struct mcu_word *w, const char *text)
{
    return !w->quoted && ag_span_is(w->raw, text, strlen(text));
}

bool mcu_word_is_value(const struct mcu_word *w)
{
    return (w->quoted && !w->bad) || mcu_word_is(w, "true") || mcu_word_is(w, "false") || is_number(w->raw);
}

/* Unlike a JSON number an id or code may have leading zeros. */
static bool read_digits(struct ag_span s, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;

    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.p[i]))
            return false;
        v = v * 10 + (uint64_t) (s.p[i] - '0');
        if (v > max)
            return false;
    }
    *out = v;
    return true;
}

bool mcu_word_iid(const struct mcu_word *w, uint32_t *out)
{
    uint64_t v;

    if (w->quoted || !read_digits(w->raw, UINT32_MAX, &v))
        return false;
    *out = (uint32_t) v;
    return true;
}

bool mcu_word_code(const struct mcu_word *w, int32_t *out)
{
    bool minus = w->raw.len > 0 && w->raw.p[0] == '-';
    struct ag_span digits = {w->raw.p + minus, w->raw.len - minus};
    uint64_t v;

    if (w->quoted || !read_digits(digits, (uint64_t) INT32_MAX + minus, &v))
        return false;
    *out = (int32_t) (minus ? -(int64_t) v : (int64_t) v);
    return true;
}
