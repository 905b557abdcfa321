/* Numbers that every way into the client and out of it shares. Source of the vendor's codes: the Linux client's document, 1.3. */
#ifndef CLIENT_WIRE_H
#define CLIENT_WIRE_H

enum {
    COMMAND_PEERS_MAX = 64, /* places for local peers, the MQTT channels among them */
    COMMAND_ID_MAX = 128    /* bytes of an id as somebody wrote it; a longer one is refused with -32600 */
};

enum {
    CLIENT_CODE_NOT_FOUND = -32601,
    CLIENT_CODE_NOT_MINE = -10000, /* the vendor's for the same */
    CLIENT_CODE_BUSY = -32000,
    CLIENT_CODE_NOT_PERMITTED = -32001,
    CLIENT_CODE_NOT_CONNECTED = -32002,
    CLIENT_CODE_SHUTTING_DOWN = -32003,
    CLIENT_CODE_ACK_TIMEOUT = -9999, /* the vendor's: no application answered */
    CLIENT_CODE_NO_ACK = -30011      /* the vendor's: the cloud did not answer */
};

#endif
