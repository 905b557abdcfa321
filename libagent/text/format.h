/* SPDX-License-Identifier: MIT */
/* JSON by a format, as agent.h describes it at agent_replyf(). */
#ifndef AG_FORMAT_H
#define AG_FORMAT_H

#include "libagent/core/buf.h"

/* Appends. 0, -ENOMEM, -EINVAL (a conversion that is none of ours, a double that is no number). Whether the whole is
   one JSON value is not looked at. */
int ag_format_json(struct ag_buf *out, const char *format, va_list ap);

#endif
