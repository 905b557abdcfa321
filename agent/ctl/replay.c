/*
 * replay: the commands of a recording, sent again one after the other in their order. With --assert each answer must
 * equal the recorded one, numbers by value and members in any order.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/ctl/ctl.h"

struct replay {
    struct ctl *ctl;
    const char *path;
    cJSON *events; /* array, line by line */
    bool assert;
    unsigned sent, same, different, failed;
};

static void close_file(FILE **f)
{
    if (*f)
        fclose(*f);
}

static int load(struct replay *p)
{
    ag_cleanup(close_file) FILE *f = fopen(p->path, "re");
    ag_cleanup(ctl_free_text) char *line = NULL;
    size_t room = 0;
    unsigned n = 0;

    if (!f) {
        ctl_error("%s: %s", p->path, strerror(errno));
        return CTL_FAILED;
    }
    while (getline(&line, &room, f) > 0) {
        cJSON *event;

        n++;
        if (line[strspn(line, " \t\r\n")] == '\0')
            continue;
        event = cJSON_Parse(line);
        if (!cJSON_IsObject(event)) {
            ctl_error("%s: line %u: not an event as miioctl monitor -w writes it", p->path, n);
            cJSON_Delete(event);
            return CTL_FAILED;
        }
        cJSON_AddItemToArray(p->events, event);
    }
    return CTL_OK;
}

static const cJSON *text_of(const cJSON *event, const char *kind)
{
    if (strcmp(ctl_string(event, "kind"), kind) != 0)
        return NULL;
    return cJSON_GetObjectItemCaseSensitive(event, "text");
}

/* The answer recorded for the command of this event: the next one with its id. */
static const cJSON *recorded_answer(const cJSON *event, const cJSON *id)
{
    for (const cJSON *e = event->next; e; e = e->next) {
        const cJSON *text = text_of(e, "answer");

        if (text && cJSON_Compare(cJSON_GetObjectItemCaseSensitive(text, "id"), id, true))
            return text;
    }
    return NULL;
}

/* Whether the answer (result or error text by status) is the recorded one. */
static bool equal(const cJSON *recorded, int status, const char *text)
{
    ag_cleanup(ctl_delete_json) cJSON *now = cJSON_Parse(text);
    const cJSON *then = cJSON_GetObjectItemCaseSensitive(recorded, status == 0 ? "result" : "error");

    return cJSON_Compare(now, then, true);
}

static void judge(struct replay *p, const cJSON *command, const cJSON *recorded, int status, const char *text)
{
    const char *method = ctl_string(command, "method");

    if (status != 0 && status != AGENT_E_REMOTE) {
        ctl_call_error(method, status, text);
        p->failed++;
        return;
    }
    if (p->ctl->json)
        printf("{\"method\":\"%s\",\"%s\":%s}\n", method, status == 0 ? "result" : "error", text);
    else
        printf("%s %s\n", method, text);
    if (!recorded) {
        if (p->assert)
            printf("  (no answer was recorded)\n");
        return;
    }
    if (equal(recorded, status, text)) {
        p->same++;
    } else {
        ag_cleanup(ctl_free_text) char *then = cJSON_PrintUnformatted(recorded);

        p->different++;
        if (p->assert)
            ctl_error("%s: answer differs from the recorded %s", method, then ? then : "one");
    }
}

static int send_again(struct replay *p, const cJSON *event, const cJSON *command)
{
    ag_cleanup(ctl_delete_json) cJSON *call = cJSON_CreateObject();
    const cJSON *params = cJSON_GetObjectItemCaseSensitive(command, "params");
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(command, "id");
    ag_cleanup(ctl_free_text) char *text = NULL, *answer = NULL;
    int r;

    cJSON_AddStringToObject(call, "method", ctl_string(command, "method"));
    if (params)
        cJSON_AddItemToObject(call, "params", cJSON_Duplicate(params, true));
    text = cJSON_PrintUnformatted(call);
    if (!text)
        return CTL_FAILED;
    p->sent++;
    if (!id) {
        r = agent_notify(p->ctl->conn, "agent.call", text);
        if (r < 0)
            judge(p, command, NULL, r, NULL);
        return CTL_OK;
    }
    r = agent_call_sync(p->ctl->conn, "agent.call", text, p->ctl->timeout_ms, &answer);
    judge(p, command, recorded_answer(event, id), r, answer);
    return CTL_OK;
}

static int send_all(struct replay *p)
{
    const cJSON *event;
    int r = CTL_OK;

    cJSON_ArrayForEach(event, p->events)
    {
        const cJSON *command = text_of(event, "command");

        if (command && r == CTL_OK && !ctl_interrupted())
            r = send_again(p, event, command);
    }
    if (!p->ctl->json)
        printf("%u commands sent, %u answers as recorded, %u different, %u failed\n", p->sent, p->same, p->different,
               p->failed);
    if (r == CTL_OK && (p->failed || (p->assert && p->different)))
        r = CTL_FAILED;
    return r;
}

int ctl_replay(struct ctl *ctl, int argc, char **argv)
{
    static const struct option options[] = {{"assert", no_argument, NULL, 'a'}, {NULL, 0, NULL, 0}};
    struct replay p = {.ctl = ctl};
    int c, r;

    while ((c = getopt_long(argc, argv, "a", options, NULL)) != -1) {
        if (c != 'a')
            return CTL_USAGE;
        p.assert = true;
    }
    if (argc - optind != 1)
        return CTL_USAGE;
    p.path = argv[optind];
    p.events = cJSON_CreateArray();
    r = load(&p);
    if (r == CTL_OK)
        r = ctl_connect(ctl);
    if (r == CTL_OK)
        r = send_all(&p);
    cJSON_Delete(p.events);
    return r;
}
