/* SPDX-License-Identifier: MIT */
/*
 * Builds texts from parts of others. A routed text is never printed anew: the bytes around the replaced
 * member go through untouched.
 */
#ifndef AG_MESSAGE_H
#define AG_MESSAGE_H

#include "libagent/core/buf.h"
#include "libagent/core/json/json.h"

/* text with the bytes of one member's value replaced. 0 or -ENOMEM (out unchanged). */
int ag_msg_splice_value(struct ag_buf *out, struct ag_span text, const struct ag_member_at *at, struct ag_span value);

/* text with its id's value replaced by the decimal id. 0 or -ENOMEM. */
int ag_msg_splice_id(struct ag_buf *out, struct ag_span text, const struct ag_json_view *v, uint64_t id);

/* text with "id":<id> in it: the value replaced, or the member put in front. 0 or -ENOMEM. */
int ag_msg_put_id(struct ag_buf *out, struct ag_span text, const struct ag_json_view *view, uint64_t id);

/* The same, with the view of the new text, counted from its own first byte; text as ag_json_parse() leaves it. */
int ag_msg_put_id_seen(struct ag_buf *out, struct ag_span text, const struct ag_json_view *view, uint64_t id,
                       struct ag_json_view *view_out);

/* The same with the bytes of an id as somebody wrote it. */
int ag_msg_put_raw_id(struct ag_buf *out, struct ag_span text, const struct ag_json_view *view, struct ag_span id);

/* {"id":<id>,"error":{"code":<code>,"message":"<message>"}}; data, when not NULL, is a string beside message.
   id is the raw id text of the request ("null" when it has none). 0 or -ENOMEM (out unchanged). */
int ag_msg_error(struct ag_buf *out, struct ag_span id, int code, const char *message, const char *data);

#endif
