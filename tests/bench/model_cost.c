/* SPDX-License-Identifier: MIT */
/*
 * What a checked set of one property costs over a plain subscription: the same command, answered by hand or by a model.
 * model_cost.py compiles it against the release build and counts.
 *
 *   model_cost plain|model MODEL    serves set_properties at $MIIO_AGENT until the method "done" comes
 *   model_cost memory MODEL         says how many bytes of the heap the model takes, and the model with a device that
 *                                   holds a value of each property
 *   model_cost check MODEL N        N checks of each of four values
 */
#include <agent/model.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int die(const char *what, int r)
{
    fprintf(stderr, "model_cost: %s: %s\n", what, agent_strerror(r));
    return 1;
}

static int on_done(agent_request *req, void *user)
{
    agent_stop(user, 0);
    return agent_reply(req, NULL);
}

static int on_plain(agent_request *req, void *user)
{
    (void) user;
    return agent_reply(req, "[{\"did\":\"1\",\"siid\":2,\"piid\":5,\"code\":0}]");
}

static int on_set(agent_device *device, const struct agent_asked *asked, const struct agent_value *value, void *user)
{
    (void) device;
    (void) asked;
    (void) user;
    return value->type == AGENT_VALUE_DOUBLE ? 0 : AGENT_MODEL_INTERNAL; /* kept; an equal value is not reported */
}

static int check(const agent_model *model, int n)
{
    static const char *const values[] = {"21.5", "99", "\"x\"", "20.25"};

    for (int i = 0; i < n; i++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++)
            if ((agent_model_check(model, "2.5", values[v]) == 0) != (v == 0))
                return 1;
    return 0;
}

static int fill(agent_device *device, const agent_model *model)
{
    struct agent_part_info part;
    int r = 0;

    for (size_t i = 0; r >= 0 && agent_model_part(model, AGENT_PART_PROPERTY, i, &part) == 0; i++)
        r = agent_device_set_double(device, part.path, part.max);
    return r < 0 ? r : 0;
}

int main(int argc, char **argv)
{
    size_t before = mallinfo2().uordblks, read;
    struct agent_model_error why;
    agent_model *model = NULL;
    agent_device *device = NULL;
    agent_conn *conn = NULL;
    int r;

    if (argc < 3 || (r = agent_model_load(&model, argv[2], &why)) < 0)
        return die("model", -22);
    read = mallinfo2().uordblks - before;
    if (strcmp(argv[1], "check") == 0) {
        r = check(model, argc > 3 ? atoi(argv[3]) : 0);
        agent_model_unref(model);
        return r;
    }
    if ((r = agent_new(&conn)) < 0)
        return die("connection", r);
    before = mallinfo2().uordblks;
    if (strcmp(argv[1], "plain") == 0)
        r = agent_subscribe(conn, NULL, "set_properties", on_plain, NULL);
    else if ((r = agent_device_new(&device, conn, model)) == 0)
        r = agent_device_on_set(device, NULL, on_set, NULL);
    if (r >= 0)
        r = agent_subscribe(conn, NULL, "done", on_done, conn);
    if (strcmp(argv[1], "memory") == 0) {
        r = fill(device, model);
        printf("%zu %zu\n", read, read + mallinfo2().uordblks - before);
    } else if (r >= 0 && (r = agent_open(conn, NULL)) >= 0) {
        r = agent_run(conn);
    }
    agent_device_free(device);
    agent_unref(conn);
    agent_model_unref(model);
    return r < 0 ? die("run", r) : 0;
}
