/* SPDX-License-Identifier: MIT */
/* The texts that an OT session makes from those it is given. All are appended to out: 0, -ENOMEM, -EINVAL. */
#ifndef CLIENT_OT_TEXT_H
#define CLIENT_OT_TEXT_H

#include <stdint.h>
#include "libagent/core/buf.h"
#include "libagent/core/json/json.h"

enum { OT_DEPTH_MAX = 128 };

/* An answer object with this id in place of its own, or in front when it has none. -EINVAL: not an object. */
int ot_text_with_id(struct ag_buf *out, struct ag_span text, uint64_t id);

/* An object without its id member; everything else unchanged. */
int ot_text_without_id(struct ag_buf *out, struct ag_span text, const struct ag_json_view *v);

#endif
