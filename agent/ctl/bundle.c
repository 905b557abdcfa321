/* SPDX-License-Identifier: MIT */
/* bundle: all that somebody who helps from afar needs to see, in one archive, without any secret. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "agent/ctl/core/redact.h"
#include "agent/ctl/core/tar.h"
#include "agent/ctl/report.h"
#include "libagent/core/text/hex.h"

enum { FILE_READ_MAX = 65536, LOG_PAGES_MAX = 64 };

struct bundle {
    struct ctl *ctl;
    struct report report;
    struct secrets secrets;
    struct ag_buf tar;
    uint64_t now_s;
    int error; /* the first -errno */
};

static void put(struct bundle *b, const char *name, struct ag_span text)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf clean = AG_BUF_INIT;

    if (b->error == 0)
        b->error = redact_text(&clean, text, &b->secrets);
    if (b->error == 0)
        b->error = tar_put(&b->tar, name, ag_buf_span(&clean), b->now_s);
}

static void put_str(struct bundle *b, const char *name, const char *text)
{
    if (text)
        put(b, name, (struct ag_span){text, strlen(text)});
}

/* ---- the data directory ---- */

/* 0 or -errno; a file larger than that is cut. */
static int read_file(const struct bundle *b, const char *name, struct ag_buf *out)
{
    char path[PATH_MAX];
    ssize_t n;
    int fd, r = 0;

    if (snprintf(path, sizeof path, "%s%s", ctl_string(b->report.status_json, "dir"), name) >= (int) sizeof path)
        return -ENAMETOOLONG;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    r = ag_buf_reserve(out, FILE_READ_MAX);
    if (r == 0 && (n = read(fd, out->data + out->len, FILE_READ_MAX)) > 0)
        out->len += (size_t) n;
    close(fd);
    return r;
}

static int add_hex(struct secrets *s, struct ag_span token)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf hex = AG_BUF_SECRET_INIT;
    int r;

    while (token.len > 0 && strchr("\r\n ", token.p[token.len - 1]))
        token.len--;
    r = ag_buf_reserve(&hex, 2 * token.len + 1);
    if (r < 0)
        return r;
    ag_hex(hex.data, token.p, token.len);
    hex.len = 2 * token.len;
    return secrets_add(s, ag_buf_span(&hex));
}

/* What must not be seen, wherever it turns up. */
static void learn_secrets(struct bundle *b)
{
    static const char *const files[] = {"device.token", "wifi.conf", "device.uid", "gizwits.state"};

    for (size_t i = 0; i < ag_array_size(files) && b->error == 0; i++) {
        ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_SECRET_INIT;

        if (read_file(b, files[i], &text) < 0)
            continue;
        b->error = secrets_add_file(&b->secrets, ag_buf_span(&text));
        if (b->error == 0 && i == 0)
            b->error = add_hex(&b->secrets, ag_buf_span(&text));
    }
}

static void put_conf(struct bundle *b)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_SECRET_INIT, clean = AG_BUF_INIT;
    int r = read_file(b, "device.conf", &text);

    if (r < 0) {
        put_str(b, "device.conf", strerror(-r));
        return;
    }
    if (b->error == 0)
        b->error = redact_conf(&clean, ag_buf_span(&text), &b->secrets);
    put(b, "device.conf", ag_buf_span(&clean));
}

/* ---- logs ---- */

static int append_lines(struct ag_buf *out, const cJSON *page)
{
    const cJSON *line;
    int r = 0;

    cJSON_ArrayForEach(line, cJSON_GetObjectItemCaseSensitive(page, "lines"))
    {
        if (r == 0 && cJSON_IsString(line))
            r = ag_buf_append_str(out, line->valuestring);
        if (r == 0)
            r = ag_buf_append_char(out, '\n');
    }
    return r;
}

/* Page after page; what is not available is noted in its place. */
static void put_log(struct bundle *b, const char *method, const char *name)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf lines = AG_BUF_INIT;
    char params[64] = "{\"from\":0}";
    bool more = true;

    for (int i = 0; i < LOG_PAGES_MAX && more && b->error == 0; i++) {
        ag_cleanup(ctl_free_text) char *text = NULL;
        ag_cleanup(ctl_delete_json) cJSON *page = NULL;
        int r = agent_call_sync(b->ctl->conn, method, params, b->ctl->timeout_ms, &text);

        if (r < 0) {
            b->error = ag_buf_printf(&lines, "%s: %s\n", method, r == AGENT_E_REMOTE && text ? text : agent_strerror(r));
            break;
        }
        page = cJSON_Parse(text);
        b->error = append_lines(&lines, page);
        more = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(page, "more"));
        snprintf(params, sizeof params, "{\"from\":%.0f}", ctl_number(page, "next"));
    }
    put(b, name, ag_buf_span(&lines));
}

/* ---- all of it ---- */

static void put_versions(struct bundle *b)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;

    if (b->error == 0)
        b->error = ag_buf_printf(&text, "miioctl %s\nmiio_agent %s\nmiio_client %s\n", agent_version(),
                                 ctl_string(b->report.info_json, "version"),
                                 b->report.status_json ? ctl_string(b->report.status_json, "version") : b->report.why);
    put(b, "versions.txt", ag_buf_span(&text));
}

static void put_all(struct bundle *b)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf conf = AG_BUF_SECRET_INIT, shown = AG_BUF_INIT;

    if (b->report.status_json) {
        learn_secrets(b);
        if (b->error == 0 && read_file(b, "device.conf", &conf) == 0)
            b->error = redact_conf(&shown, ag_buf_span(&conf), &b->secrets); /* its secrets, before anything is written */
    }
    put_versions(b);
    put_str(b, "agent-info.json", b->report.info);
    put_str(b, "agent-stats.json", b->report.stats);
    put_str(b, "list.json", b->report.peers);
    put_str(b, "client-status.json", b->report.status);
    put_str(b, "client-counters.json", b->report.counters);
    if (b->report.status_json) {
        put_conf(b);
        put_log(b, "client.log", "client.log");
    }
    put_log(b, "agent.log", "agent.log");
    if (b->error == 0)
        b->error = tar_end(&b->tar);
}

/* A new file, or one of ours rewritten, which nobody else reads; "-": standard output. */
static int write_file(const char *path, struct ag_span bytes)
{
    bool out = strcmp(path, "-") == 0;
    int fd = out ? dup(STDOUT_FILENO) : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int r = fd < 0 || (!out && fchmod(fd, 0600) < 0) ? -errno : 0;

    while (r == 0 && bytes.len > 0) {
        ssize_t n = write(fd, bytes.p, bytes.len);

        if (n < 0 && errno != EINTR)
            r = -errno;
        else if (n > 0)
            bytes = (struct ag_span){bytes.p + n, bytes.len - (size_t) n};
    }
    if (fd >= 0 && close(fd) < 0 && r == 0)
        r = -errno;
    return r;
}

int ctl_bundle(struct ctl *ctl, int argc, char **argv)
{
    struct bundle b = {.ctl = ctl, .tar = AG_BUF_INIT, .now_s = (uint64_t) time(NULL)};
    int e = argc == 2 ? ctl_connect(ctl) : CTL_USAGE;

    if (e == CTL_OK)
        e = report_ask(ctl, &b.report);
    if (e == CTL_OK) {
        put_all(&b);
        if (b.error == 0)
            b.error = write_file(argv[1], ag_buf_span(&b.tar));
        if (b.error < 0) {
            ctl_error("%s: %s", argv[1], strerror(-b.error));
            e = CTL_FAILED;
        }
    }
    report_deinit(&b.report);
    secrets_deinit(&b.secrets);
    ag_buf_deinit(&b.tar);
    return e;
}
