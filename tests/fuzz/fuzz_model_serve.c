/* SPDX-License-Identifier: MIT */
/*
 * First byte: get_properties, set_properties or action; the rest: its params. The result is one JSON value, with an entry
 * for each one asked, and no value reaches the device that the model forbids.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "libagent/core/json/json_walk.h"
#include "libagent/model/core/serve.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char instance[] =
    "{\"type\":\"urn:x:device:lamp:00000001\",\"services\":[{\"iid\":2,\"type\":\"urn:x:service:light:00000001\",\"properties\":["
    "{\"iid\":1,\"type\":\"urn:x:property:on:00000001\",\"format\":\"bool\",\"access\":[\"read\",\"write\"]},"
    "{\"iid\":2,\"type\":\"urn:x:property:level:00000001\",\"format\":\"uint8\",\"access\":[\"read\",\"write\"],\"value-range\":[1,100,1]},"
    "{\"iid\":3,\"type\":\"urn:x:property:name:00000001\",\"format\":\"string\",\"access\":[\"write\"],\"max-length\":8},"
    "{\"iid\":4,\"type\":\"urn:x:property:heat:00000001\",\"format\":\"float\",\"access\":[\"read\"],\"value-range\":[0,50,0.1]},"
    "{\"iid\":5,\"type\":\"urn:x:property:any:00000001\",\"format\":\"none\",\"access\":[\"write\"]}],"
    "\"actions\":[{\"iid\":1,\"type\":\"urn:x:action:a:00000001\",\"in\":[],\"out\":[1]},{\"iid\":2,\"type\":\"urn:x:action:b:00000001\",\"in\":[2,5,3]}]}]}";

static int get(void *user, const struct model_prop *p, struct ag_buf *out)
{
    const struct model *m = user;

    assert(p >= m->props && (p->access & MODEL_READ));
    return ag_buf_append_str(out, "0");
}

static int set(void *user, const struct model_prop *p, const struct model_value *value)
{
    const struct model *m = user;
    struct model_value again;

    assert((p->access & MODEL_WRITE) && ag_model_check(m, p, value->raw, &again) == MODEL_FINE && again.units == value->units);
    return (int) (value->units & 1);
}

static int act(void *user, const struct model_call *action, const struct model_value *in, struct ag_buf *out)
{
    const struct model *m = user;
    struct model_value again;

    for (uint32_t i = 0; i < action->n_in; i++)
        assert(ag_model_check(m, &m->props[m->args[action->first_in + i]], in[i].raw, &again) == MODEL_FINE);
    return ag_buf_append_str(out, "1,2");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct model_ops ops = {get, set, act};
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT, out = AG_BUF_INIT, whole = AG_BUF_INIT;
    struct ag_json_value params;
    struct ag_json_view view;
    struct model_error error;
    struct ag_span s;
    struct model m;
    int r;

    if (n < 2 || ag_buf_printf(&text, "{\"p\":%.*s}", (int) (n - 1), (const char *) data + 1) < 0)
        return 0;
    s = ag_buf_span(&text);
    if (ag_json_parse(&s, 32, &view) != 0)
        return 0;
    params = ag_json_member((struct ag_json_value){AG_JSON_OBJECT, s}, "p");
    r = ag_model_parse(&m, AG_SPAN(instance), &error);
    assert(r == 0);
    r = data[0] % 3 == 0   ? ag_model_serve_get(&m, &ops, &m, params.raw, &out)
        : data[0] % 3 == 1 ? ag_model_serve_set(&m, &ops, &m, params.raw, &out)
                           : ag_model_serve_action(&m, &ops, &m, params.raw, &out);
    assert(r == 0 || r == -EINVAL);
    if (r == 0) {
        assert(ag_buf_printf(&whole, "{\"r\":%s}", ag_buf_cstr(&out)) == 0);
        s = ag_buf_span(&whole);
        assert(ag_json_parse(&s, 64, &view) == 0);
        if (data[0] % 3 < 2)
            assert(ag_json_count(params) == ag_json_count(ag_json_member((struct ag_json_value){AG_JSON_OBJECT, s}, "r")));
    }
    ag_model_deinit(&m);
    return 0;
}
