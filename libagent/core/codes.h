/* SPDX-License-Identifier: MIT */
/*
 * Error codes of answers, for every program. -32700..-32600 are JSON-RPC 2.0's; -9999, -10000 and -30011 are those of the miIO
 * cloud protocol (the Linux client's document, 1.3); -32000..-32010 are our own, in the range that JSON-RPC leaves to servers.
 */
#ifndef AG_CODES_H
#define AG_CODES_H

enum {
    AG_CODE_PARSE = -32700,           /* the sender's bytes are not a valid text; its connection is closed */
    AG_CODE_INVALID_REQUEST = -32600, /* id or method of a type that cannot be routed, or given twice */
    AG_CODE_NOT_FOUND = -32601,       /* nobody subscribed to the method */
    AG_CODE_INVALID_PARAMS = -32602,  /* a method without what it needs */
    AG_CODE_INTERNAL = -32603,        /* it failed for a reason that the asker cannot change */
    AG_CODE_BUSY = -32000,            /* a queue, quota or memory on the way is full */
    AG_CODE_NOT_PERMITTED = -32001,   /* access rules */
    AG_CODE_NOT_CONNECTED = -32002,   /* no upstream, no cloud */
    AG_CODE_SHUTTING_DOWN = -32003,
    AG_CODE_OWNED = -32004,      /* register: the key has an exclusive owner; bind: the address is taken */
    AG_CODE_REFUSED = -32010,    /* a cloud's own method: the platform said no */
    AG_CODE_ACK_TIMEOUT = -9999, /* the application did not answer in time, or is gone */
    AG_CODE_NOT_MINE = -10000,   /* what old applications say for "method not found" */
    AG_CODE_NO_ACK = -30011      /* upstream or the cloud did not answer in time */
};

#endif
