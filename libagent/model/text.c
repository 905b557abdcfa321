#include "libagent/model/text.h"

#include <errno.h>
#include "libagent/core/json/json_walk.h"

enum { VALUE_DEPTH_MAX = 64 };

int ag_model_text_value(struct ag_buf *text, const char *json, struct ag_span *raw_out)
{
    struct ag_json_view view;
    struct ag_span whole;

    ag_buf_clear(text);
    if (ag_buf_append_str(text, "{\"v\":") < 0 || ag_buf_append_str(text, json) < 0 || ag_buf_append_char(text, '}') < 0)
        return -ENOMEM;
    whole = ag_buf_span(text);
    if (ag_json_parse(&whole, VALUE_DEPTH_MAX, &view) != 0 || ag_json_count((struct ag_json_value){AG_JSON_OBJECT, whole}) != 1)
        return -EDOM;
    *raw_out = ag_json_member((struct ag_json_value){AG_JSON_OBJECT, whole}, "v").raw;
    return 0;
}
