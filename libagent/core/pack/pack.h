/* SPDX-License-Identifier: MIT */
/*
 * Whole messages between the two encodings of the wire: MessagePack-RPC and JSON. pack_value.h says how values map.
 *
 *   [0, msgid, method, params]     {"id":msgid,"method":method,"params":params}
 *   [2, method, params]            {"method":method,"params":params}
 *   [1, msgid, nil, result]        {"id":msgid,"result":result}
 *   [1, msgid, error, nil]         {"id":msgid,"error":error}
 *
 * msgid is an unsigned 32-bit integer. JSON without params gives an empty array; a null error or result beside the
 * other one counts as absent; both at once are refused. Of a JSON text only the members named here travel: other
 * top-level members have no place in the RPC form and are left out.
 *
 * Members other than params that mean something to the agent travel as a map in params:
 *
 *   [0, 1, "register", {"key":"x","mode":"standby"}]   {"id":1,"method":"register","key":"x","mode":"standby"}
 *   also "unregister" {"key"} and "bind" {"address"}. Most RPC libraries put arguments into an array, so these are
 *   understood too: [{"key":"x"}] and positional ["x", "standby"]. What we write is always the map.
 *
 * Messages between applications are notifications in both directions; the id, which belongs to the two applications
 * and not to this connection, is in the map:
 *
 *   [2, "agent.send", {"to":16,"id":7,"method":"m","params":p}]       {"id":7,"_to":16,"method":"m","params":p}
 *   [2, "agent.message", {"from":2,"id":7,"result":r}]                {"id":7,"_from":2,"result":r}
 *
 * An error without an id (bad input, just before the connection is closed) is [2, "agent.error", error].
 */
#ifndef AG_PACK_H
#define AG_PACK_H

#include "libagent/core/buf.h"
#include "libagent/core/json/json.h"

/* Named conditions besides those of pack_scan.h. */
enum {
    AG_PACK_E_SHAPE = 10, /* not one of the message forms above */
    AG_PACK_E_ID,         /* the id is not an unsigned 32-bit integer, or is given twice */
    AG_PACK_E_TYPE,       /* ext: JSON has no such type */
    AG_PACK_E_KEY,        /* a map key that is not a str */
    AG_PACK_E_UTF8,       /* a str that is not UTF-8, a lone surrogate */
    AG_PACK_E_NUMBER      /* NaN, an infinity, a number beyond float 64 */
};

/*
 * Appends the JSON text of one whole MessagePack-RPC message. 0, -ENOMEM or AG_PACK_E_* (out unchanged). The text can
 * be 6 times as long as the message: check it against the limit of where it goes.
 */
int ag_pack_to_json(struct ag_span pack, struct ag_buf *out);

/* Appends the MessagePack-RPC form of a JSON text; v is what the scanner noted of it. As above. */
int ag_pack_from_json(struct ag_span json, const struct ag_json_view *v, struct ag_buf *out);

/*
 * The same for a text that answers a request of the receiver. Some answers of upstream carry a method
 * ({"id":1,"method":"local.time","params":p} for local.query_time); an RPC library waits for a response, so they become
 * [1, 1, nil, p].
 */
int ag_pack_answer_from_json(struct ag_span json, const struct ag_json_view *v, struct ag_buf *out);

/* Short English text for an AG_PACK_E_* or -errno. */
const char *ag_pack_strerror(int r);

#endif
