/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include "agent/apps/mcu/io/image.h"
#include "libagent/core/log/log.h"

enum { CODE_UPDATE = -5001, PERCENT_STEP = 5 };

/* As the cloud wants an upgrade's failure; the reason is in mcu.info [Xiaomi Linux client, section 9, ota_state]. */
#define FAILED "failed|-33005|install error"

static void cjson_freep(cJSON **j)
{
    cJSON_Delete(*j);
}

static void freep(char **p)
{
    free(*p);
}

/* Resolved, so that no link leads out of the directory. */
static bool is_below(const char *path, const char *dir)
{
    ag_cleanup(freep) char *real = realpath(path, NULL);
    ag_cleanup(freep) char *real_dir = realpath(dir, NULL);
    size_t n = real_dir ? strlen(real_dir) : 0;

    return real && real_dir && strncmp(real, real_dir, n) == 0 && (real[n] == '/' || real_dir[n - 1] == '/');
}

static void start_update(struct mcu_service *s, agent_request *req, const char *file, const char *md5, bool report)
{
    struct mcu_bridge *b = s->bridge;
    int r;

    if (b->update.state != MCU_UPDATE_NONE) {
        agent_reply_error(req, CODE_UPDATE, "an update is running");
        return;
    }
    if (s->tty->fd < 0) {
        agent_reply_error(req, CODE_UPDATE, "the serial device is not there");
        return;
    }
    if (!is_below(file, s->conf->update_dir)) {
        agent_reply_error(req, CODE_UPDATE, "the image is not below update_dir");
        return;
    }
    ag_buf_deinit(&s->image);
    r = mcu_image_read(file, md5, MCU_UPDATE_IMAGE_MAX, &s->image);
    if (r == 0)
        r = mcu_bridge_update(b, (const uint8_t *) ag_buf_head(&s->image), ag_buf_size(&s->image), s->conf->xmodem_1k,
                              uv_now(s->loop));
    if (r < 0) {
        ag_buf_deinit(&s->image);
        agent_reply_error(req, CODE_UPDATE, mcu_image_error(r));
        return;
    }
    s->report = report;
    ag_log(AG_LOG_INFO, "update of the MCU begins: %s, %zu bytes", file, ag_buf_size(&s->image));
    agent_reply(req, NULL);
}

/* params are {"file","md5"[,"report"]} or that in an array. */
static void serve_update(struct mcu_service *s, agent_request *req)
{
    ag_cleanup(cjson_freep) cJSON *json = cJSON_Parse(agent_request_params(req));
    const cJSON *object = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, 0) : json;
    const cJSON *file = cJSON_GetObjectItemCaseSensitive(object, "file");
    const cJSON *md5 = cJSON_GetObjectItemCaseSensitive(object, "md5");
    const cJSON *report = cJSON_GetObjectItemCaseSensitive(object, "report");

    if (cJSON_IsString(file) && cJSON_IsString(md5) && (!report || cJSON_IsBool(report)))
        start_update(s, req, file->valuestring, md5->valuestring, !cJSON_IsFalse(report));
    else
        agent_reply_error(req, AGENT_CODE_INVALID_PARAMS, "params must be {\"file\":PATH,\"md5\":HEX[,\"report\":BOOL]}");
}

static const char *state_name(const struct mcu_update *u)
{
    static const char *const names[] = {
        [MCU_UPDATE_NONE] = "idle",
        [MCU_UPDATE_ASKING] = "asking",
        [MCU_UPDATE_SENDING] = "sending",
        [MCU_UPDATE_INSTALLING] = "installing",
    };

    return names[u->state];
}

static void serve_info(struct mcu_service *s, agent_request *req)
{
    const struct mcu_bridge *b = s->bridge;
    struct ag_buf out = AG_BUF_INIT;
    const char *text;

    ag_buf_printf(&out, "{\"tty\":\"%s\",\"model\":\"%s\",\"mcu_version\":\"%s\",\"net\":\"%s\",",
                  s->tty->fd >= 0 ? "open" : "absent", mcu_bridge_model(b), b->mcu_version, mcu_net_name(mcu_bridge_net(b)));
    ag_buf_printf(&out, "\"update\":{\"state\":\"%s\",\"progress\":%u,\"result\":\"%s\"},", state_name(&b->update),
                  xmodem_sender_percent(&b->update.x), mcu_update_end_text(&b->update));
    ag_buf_printf(&out,
                  "\"lines\":%llu,\"bad_lines\":%llu,\"bad_values\":%llu,\"downs\":%llu,\"results\":%llu,\"timeouts\":%llu,"
                  "\"refused\":%llu,\"events_expired\":%llu,\"reports_refused\":%llu}",
                  (unsigned long long) b->n.lines, (unsigned long long) b->n.bad_lines, (unsigned long long) b->n.bad_values,
                  (unsigned long long) b->n.downs, (unsigned long long) b->n.results, (unsigned long long) b->n.timeouts,
                  (unsigned long long) b->n.refused, (unsigned long long) b->reports.events.n_expired,
                  (unsigned long long) b->reports.n_given_up);
    text = ag_buf_cstr(&out);
    if (!text || agent_reply(req, text) < 0)
        agent_reply_error(req, CODE_UPDATE, "out of memory");
    ag_buf_deinit(&out);
}

bool mcu_service_run(struct mcu_service *s, agent_request *req)
{
    const char *method = agent_request_method(req);

    if (strcmp(method, "mcu.update") == 0)
        serve_update(s, req);
    else if (strcmp(method, "mcu.info") == 0)
        serve_info(s, req);
    else
        return false;
    return true;
}

static void show_state(struct mcu_service *s, const char *state)
{
    char object[64];

    snprintf(object, sizeof object, "{\"ota_state\":\"%s\"}", state);
    if (s->report)
        mcu_link_props(s->link, object);
}

static void show_progress(struct mcu_service *s, unsigned percent)
{
    char object[64];

    s->shown_percent = percent;
    snprintf(object, sizeof object, "{\"ota_progress\":%u}", percent);
    if (s->report)
        mcu_link_props(s->link, object);
}

static void show_end(struct mcu_service *s)
{
    const struct mcu_update *u = &s->bridge->update;

    ag_log(u->end == MCU_UPDATE_INSTALLED ? AG_LOG_INFO : AG_LOG_WARNING, "update of the MCU: %s", mcu_update_end_text(u));
    show_state(s, u->end == MCU_UPDATE_INSTALLED ? "installed" : FAILED);
}

void mcu_service_show_update(struct mcu_service *s)
{
    const struct mcu_update *u = &s->bridge->update;
    unsigned percent = xmodem_sender_percent(&u->x);

    if (u->end == MCU_UPDATE_RUNNING && s->shown_end != MCU_UPDATE_RUNNING) {
        show_state(s, "installing");
        s->shown_percent = 0;
    }
    if (u->state != MCU_UPDATE_NONE &&
        (percent >= s->shown_percent + PERCENT_STEP || (percent == 100 && s->shown_percent != 100)))
        show_progress(s, percent);
    if (u->end != s->shown_end && u->end != MCU_UPDATE_RUNNING)
        show_end(s);
    s->shown_end = u->end;
    if (!u->image)
        ag_buf_deinit(&s->image);
}

void mcu_service_deinit(struct mcu_service *s)
{
    ag_buf_deinit(&s->image);
}
