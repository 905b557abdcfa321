/*
 * Error codes the agent answers with. -32700..-32600 are JSON-RPC 2.0's; -9999 and -30011 are those of the
 * miIO cloud protocol; -32000..-32004 are the agent's own, in the range JSON-RPC leaves to servers.
 */
#ifndef AGENT_CORE_CODES_H
#define AGENT_CORE_CODES_H

enum {
    CODE_PARSE = -32700,           /* the sender's bytes are no text of ours; its connection is closed */
    CODE_INVALID_REQUEST = -32600, /* id or method of a type that cannot be routed, or given twice */
    CODE_NOT_FOUND = -32601,       /* nobody subscribed to the method */
    CODE_INVALID_PARAMS = -32602,  /* a control method without what it needs */
    CODE_BUSY = -32000,            /* a queue or quota on the way is full */
    CODE_NOT_PERMITTED = -32001,   /* access rules */
    CODE_NOT_CONNECTED = -32002,   /* no upstream */
    CODE_SHUTTING_DOWN = -32003,
    CODE_OWNED = -32004,      /* register: the key has an exclusive owner; bind: the address is taken */
    CODE_ACK_TIMEOUT = -9999, /* the application did not answer in time, or is gone */
    CODE_NO_ACK = -30011      /* upstream did not answer in time */
};

#endif
