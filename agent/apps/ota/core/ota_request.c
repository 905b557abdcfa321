/* SPDX-License-Identifier: MIT */
#include "agent/apps/ota/core/ota_request.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>
#include "libagent/core/json/json.h"

enum { DEPTH_MAX = 32 };

static void json_freep(cJSON **j)
{
    cJSON_Delete(*j);
}

bool ota_hex_copy(char *out, const char *text, size_t n)
{
    if (strlen(text) != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isxdigit((unsigned char) text[i]))
            return false;
    for (size_t i = 0; i < n; i++)
        out[i] = (char) tolower((unsigned char) text[i]);
    out[n] = '\0';
    return true;
}

bool ota_url_ok(const char *url)
{
    const char *host = NULL;

    if (strlen(url) > OTA_URL_MAX)
        return false;
    if (strncasecmp(url, "http://", 7) == 0)
        host = url + 7;
    else if (strncasecmp(url, "https://", 8) == 0)
        host = url + 8;
    if (!host || *host == '\0' || *host == '/')
        return false;
    for (const char *p = url; *p; p++)
        if ((unsigned char) *p <= ' ' || *p == 0x7f)
            return false;
    return true;
}

static bool has_word(const char *list, const char *word)
{
    size_t n = strlen(word);

    while (*list) {
        size_t len = strcspn(list, " \t,");

        if (len == n && strncasecmp(list, word, n) == 0)
            return true;
        list += len;
        list += strspn(list, " \t,");
    }
    return false;
}

static const char *read_proc(struct ota_request *out, const cJSON *proc)
{
    out->download = out->install = true;
    if (!proc || cJSON_IsNull(proc))
        return NULL;
    if (!cJSON_IsString(proc))
        return "proc is not a string";
    if (proc->valuestring[0] == '\0')
        return NULL;
    out->download = has_word(proc->valuestring, "dnld");
    out->install = has_word(proc->valuestring, "install");
    return out->download || out->install ? NULL : "proc names neither dnld nor install";
}

static const char *read_mode(struct ota_request *out, const cJSON *mode)
{
    out->silent = false;
    if (!mode || cJSON_IsNull(mode))
        return NULL;
    if (!cJSON_IsString(mode))
        return "mode is not a string";
    out->silent = strcasecmp(mode->valuestring, "silent") == 0;
    return NULL;
}

static const char *read_members(struct ota_request *out, const cJSON *object)
{
    const cJSON *url = cJSON_GetObjectItemCaseSensitive(object, "app_url");
    const cJSON *md5 = cJSON_GetObjectItemCaseSensitive(object, "file_md5");
    const cJSON *sha256 = cJSON_GetObjectItemCaseSensitive(object, "file_sha256");
    const char *why;

    if (!cJSON_IsString(url) || !ota_url_ok(url->valuestring))
        return "app_url is not an http or https address";
    memcpy(out->url, url->valuestring, strlen(url->valuestring) + 1);
    if (!cJSON_IsString(md5) || !ota_hex_copy(out->md5, md5->valuestring, OTA_MD5_LEN))
        return "file_md5 is not 32 hex digits";
    if (sha256 && (!cJSON_IsString(sha256) || !ota_hex_copy(out->sha256, sha256->valuestring, OTA_SHA256_LEN)))
        return "file_sha256 is not 64 hex digits";
    why = read_proc(out, cJSON_GetObjectItemCaseSensitive(object, "proc"));
    return why ? why : read_mode(out, cJSON_GetObjectItemCaseSensitive(object, "mode"));
}

/* The object itself, or the only element of an array. */
static const cJSON *find_object(const cJSON *command)
{
    const cJSON *params = cJSON_GetObjectItemCaseSensitive(command, "params");

    if (!params)
        params = cJSON_GetObjectItemCaseSensitive(command, "param");
    if (cJSON_IsArray(params) && cJSON_GetArraySize(params) == 1)
        params = params->child;
    return cJSON_IsObject(params) ? params : NULL;
}

int ota_request_parse(struct ota_request *out, struct ag_span text, const char **why_out)
{
    ag_cleanup(json_freep) cJSON *command = NULL;
    struct ota_request req = {.url = ""};
    struct ag_json_view view;
    const cJSON *object;
    const char *why;

    if (ag_json_parse(&text, DEPTH_MAX, &view) != 0) {
        *why_out = "not a JSON object";
        return -EINVAL;
    }
    if (memmem(text.p, text.len, "\\u0000", 6)) { /* it would end a string early below */
        *why_out = "a NUL inside a string";
        return -EINVAL;
    }
    errno = 0;
    command = cJSON_ParseWithLength(text.p, text.len);
    if (!command && errno == ENOMEM)
        return -ENOMEM;
    if (!command) { /* the grammar has been checked; cJSON also wants paired surrogates and numbers of bounded
                       length */
        *why_out = "a lone surrogate or an overlong number";
        return -EINVAL;
    }
    object = find_object(command);
    why = object ? read_members(&req, object) : "params is not an object";
    if (why) {
        *why_out = why;
        return -EINVAL;
    }
    *out = req;
    return 0;
}
