/* SPDX-License-Identifier: MIT */
/*
 * libagent: an application's connection to miio_agent.
 *
 * An application subscribes to the method names it serves, gets just those commands, answers them, reports
 * properties and events, and asks the daemons for time, country and status. The library starts no thread and owns
 * no loop: it shows one descriptor and one timeout, and works inside agent_process() only.
 *
 *     agent_conn *conn = NULL;
 *     agent_slot *slot = NULL;
 *     int r = agent_new(&conn);
 *
 *     if (r >= 0) r = agent_subscribe(conn, &slot, "set_power", on_set_power, &lamp);
 *     if (r >= 0) r = agent_open(conn, NULL);
 *     if (r >= 0) r = agent_run(conn);
 *     slot = agent_slot_unref(slot);
 *     conn = agent_unref(conn);
 *
 * Return values: 0 or positive is success, negative is -errno or one of AGENT_E_* below; agent_strerror() knows
 * both. Any call may return -EINVAL (an argument is out of range, or NULL where that is not said to be allowed), -ENOMEM,
 * -ECHILD (see Processes) and -ESHUTDOWN (the connection is being closed, or its last reference is gone: nothing new is
 * begun); all of them leave the connection as it was. A function that returns a pointer returns NULL when an argument
 * is NULL.
 *
 * Threads: one thread per connection object, whichever calls agent_process(). Only agent_wake(), agent_post() and
 * agent_stop() may be called from others, and from signal handlers, as long as the object lives; no such call is lost.
 *
 * Processes: a connection object belongs to the process that called agent_new() (so daemon(3) comes first). In a child
 * of fork() every call returns -ECHILD and sends nothing, and the last unref only frees memory and closes the child's
 * descriptors: the parent goes on undisturbed, and its close ends the connection even if the child still lives.
 *
 * Text: methods are C strings in UTF-8 of at most AGENT_METHOD_MAX bytes. params and results are one JSON value
 * as text; NULL stands for an empty array. The library checks that such a value is whole JSON before it sends. Where it
 * makes a JSON string itself (an error's message, did, %s), a byte that belongs to no character becomes U+FFFD.
 *
 * Callbacks run inside agent_process() (or a call that says so) and may call anything in this header, drop any slot,
 * their own included, and drop the connection itself; what waits (agent_run(), agent_call_sync(), agent_query_*())
 * returns -EDEADLK there. That holds for every callback, the log's and the destroy notifiers included. After
 * agent_close() or the last agent_unref() has returned, none of them runs any more.
 *
 * Sources of the numbers: Xiaomi Linux client document, section 2 (ports), section 1.3 (ids, codes).
 */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define AGENT_API                           __attribute__((visibility("default")))
#define AGENT_PRINTF(format_arg, first_arg) __attribute__((format(printf, format_arg, first_arg)))
#else
#define AGENT_API
#define AGENT_PRINTF(format_arg, first_arg)
#endif

/* Of this header; agent_version() gives the library's. 10000 * major + 100 * minor + patch; 0.2.3 is 203. */
#define AGENT_VERSION_NUMBER 100

/* Longest method name or key, in bytes. The agent's own limit is the same by default. */
#define AGENT_METHOD_MAX 128
/* TCP port of miio_agent on loopback. */
#define AGENT_TCP_PORT 54320
/* Stream socket of miio_agent. */
#define AGENT_UNIX_PATH "/run/miio/agent.sock"
/* A call without a timeout of its own ends after this many milliseconds. */
#define AGENT_CALL_TIMEOUT_MS 30000
/* So many calls of agent_post() can wait to be run. */
#define AGENT_POST_MAX 256
/* What followers of the status get while nobody is there to report it. */
#define AGENT_STATUS_UNKNOWN "unknown"

/* Conditions that are not an errno. */
#define AGENT_E_LOST     (-4001) /* the connection ended before the answer came, or cannot carry the text */
#define AGENT_E_TIMEOUT  (-4002) /* no answer within the call's timeout */
#define AGENT_E_CANCELED (-4003) /* agent_close() or the last unref ended the call; agent_stop() a waiting one */
#define AGENT_E_REMOTE   (-4004) /* the other side answered with an error object */
#define AGENT_E_PROTOCOL (-4005) /* the agent sent something that is not the protocol */
#define AGENT_E_ANSWERED (-4006) /* this request has been answered already, or its asker is gone */
#define AGENT_E_JSON     (-4007) /* a text is not UTF-8, or not one JSON value of the kind asked for */

/* JSON-RPC error codes that the daemons use; a maker's own are -5000 to -9999. */
#define AGENT_CODE_METHOD_NOT_FOUND (-32601) /* nobody subscribed to the method */
#define AGENT_CODE_INVALID_PARAMS   (-32602)
#define AGENT_CODE_BUSY             (-32000) /* a queue on the way is full */
#define AGENT_CODE_NOT_PERMITTED    (-32001) /* refused by access rules */
#define AGENT_CODE_NOT_CONNECTED    (-32002) /* the agent has no upstream */
#define AGENT_CODE_SHUTTING_DOWN    (-32003)
#define AGENT_CODE_KEY_TAKEN        (-32004) /* register: the key has an owner; bind: the address has */
#define AGENT_CODE_NO_ACK           (-30011) /* upstream did not answer in time */
#define AGENT_CODE_ACK_TIMEOUT      (-9999)  /* an application did not answer in time */

/* A connection to the agent, counted. It lives on while a callback of it runs. */
typedef struct agent_conn agent_conn;
/* One subscription, timer or call under way, counted; dropping the last reference ends it. */
typedef struct agent_slot agent_slot;
/* A command that arrived, counted; it can be kept and answered later. */
typedef struct agent_request agent_request;

enum agent_state {
    AGENT_CLOSED,     /* not opened, or agent_close() was called */
    AGENT_CONNECTING, /* trying, or waiting to try again */
    AGENT_CONNECTED,  /* the socket is up; registrations are being sent to the agent */
    AGENT_READY       /* each subscription that existed at the connect is in force, or was refused and on_registered (or
                         agent_slot_status(), and the log) says why */
};

enum agent_encoding { AGENT_JSON, AGENT_MSGPACK };

enum agent_log_level { AGENT_LOG_ERROR, AGENT_LOG_WARNING, AGENT_LOG_INFO, AGENT_LOG_DEBUG };

/* How a key is subscribed. */
enum agent_mode {
    AGENT_SHARED,    /* beside others */
    AGENT_EXCLUSIVE, /* refused (-EEXIST to on_registered) when the key has an owner */
    AGENT_STANDBY    /* takes over when the owner goes */
};

/*
 * A command of a subscribed method. The request is borrowed: agent_request_ref() to keep it beyond the callback.
 * Return 0, or a negative value to have the command answered with error -5001 "failed" if it was not answered yet.
 * A command without an id wants no answer; agent_reply() is then accepted and sends nothing.
 */
typedef int (*agent_request_fn)(agent_request *req, void *user);

/*
 * The end of a call; comes exactly once. status: 0, result is the answer's JSON; AGENT_E_REMOTE, error is the error
 * object's JSON; otherwise AGENT_E_LOST, _TIMEOUT or _CANCELED, nothing else. result and error are borrowed; the one
 * that does not apply is NULL. For local queries result is what is in the answer's params. TIMEOUT is reported only when no
 * answer is waiting in the socket.
 */
typedef void (*agent_call_fn)(agent_conn *conn, int status, const char *result, const char *error, void *user);

/* status of a subscription: a standby waits behind the owner of the key. */
#define AGENT_WAITING 1

/*
 * status: 0 in force, AGENT_WAITING (AGENT_STANDBY only; 0 comes when it has taken over), -EEXIST owned by another,
 * -EPERM refused, otherwise the agent's error code, which is negative; after AGENT_CODE_BUSY the agent is asked again every
 * 5 s, and fn gets what changes. Called after each connect. An agent that has never answered, and does not within 200 ms, is
 * an old one, and fn gets 0; a different answer that comes later is passed to fn too. One that has answered before is waited
 * for.
 */
typedef void (*agent_registered_fn)(agent_slot *slot, int status, void *user);
/* The same for agent_bind(): 0 the address is this connection's, -EEXIST it is another's, and so on. */
typedef void (*agent_bound_fn)(agent_conn *conn, uint32_t address, int status, void *user);
typedef void (*agent_state_fn)(agent_conn *conn, enum agent_state state, void *user);
typedef void (*agent_log_fn)(enum agent_log_level level, const char *text, void *user);
typedef void (*agent_post_fn)(agent_conn *conn, void *user);
typedef void (*agent_timer_fn)(agent_conn *conn, void *user);
typedef void (*agent_destroy_fn)(void *user);

/* ---- connection ---- */

/* A new connection object in state AGENT_CLOSED; the caller owns one reference. 0, -ENOMEM, -EMFILE. */
AGENT_API int agent_new(agent_conn **ret_conn);
AGENT_API agent_conn *agent_ref(agent_conn *conn);
/* Returns NULL, takes NULL. The last one closes as agent_close() does, ends subscriptions and timers, runs what waits in
   agent_post(), and frees; inside a callback of this connection it does so at once, and frees when that callback has
   returned. From then on nothing new is begun (-ESHUTDOWN), whoever still holds a reference. */
AGENT_API agent_conn *agent_unref(agent_conn *conn);
AGENT_API void agent_unrefp(agent_conn **conn);

/* JSON (default) or MessagePack-RPC. Before agent_open(). -EBUSY when open. */
AGENT_API int agent_set_encoding(agent_conn *conn, enum agent_encoding encoding);
/* fn NULL removes it. Called on every change, from agent_process(); for AGENT_CLOSED from agent_close() itself. */
AGENT_API int agent_set_on_state(agent_conn *conn, agent_state_fn fn, void *user);
/* Without it the library is silent. fn NULL removes it. Called from agent_process() and agent_close(). That no agent can be
   reached is a warning only once, until one has been reached. */
AGENT_API int agent_set_log(agent_conn *conn, agent_log_fn fn, enum agent_log_level max_level, void *user);
/* The first and the longest pause before a new try, in ms (100, 5000). Each pause doubles the last, with jitter. */
AGENT_API int agent_set_reconnect(agent_conn *conn, unsigned first_ms, unsigned max_ms);
/*
 * Bytes that may wait to be sent (2 MiB), the library's own registrations among them; beyond it the sending calls return
 * -ENOBUFS. Calls that wait for a connection have the same amount for themselves. One text is at most 1 MiB (-EMSGSIZE),
 * 64 KiB on a packet socket: the agent takes no more.
 */
AGENT_API int agent_set_queue_limit(agent_conn *conn, size_t bytes);
/*
 * Reports without an acknowledgement wait for a connection as calls do, at most max_ms, in order with them and within
 * their bounds (-ENOBUFS). What finds none in that time, or waits at agent_close(), is given up with a line in the log. 0
 * (default): such a report returns -ENOTCONN while there is no connection.
 */
AGENT_API int agent_set_report_wait(agent_conn *conn, unsigned max_ms);

/*
 * Begins to connect; returns at once. address: "unix:/path", "seqpacket:/path", "tcp:HOST:PORT" (numeric HOST) or
 * NULL: $MIIO_AGENT if set (the same forms), else AGENT_UNIX_PATH, then TCP 127.0.0.1:54320, in turn.
 * After a loss it connects again by itself and registers all subscriptions again. -EBUSY when open already.
 */
AGENT_API int agent_open(agent_conn *conn, const char *address);
/*
 * Sends what is queued as far as the socket takes it, closes, completes calls with AGENT_E_CANCELED, runs what waits in
 * agent_post(), and calls the log's and the state's functions (all of these run inside and begin nothing new: -ESHUTDOWN).
 * Subscriptions stay with the object for another agent_open(); timers rest until then. Idempotent.
 */
AGENT_API void agent_close(agent_conn *conn);
AGENT_API enum agent_state agent_get_state(agent_conn *conn);

/* ---- fitting into a loop ---- */

/* Poll this descriptor for agent_get_events() (poll.h flags). It stays the same from agent_new() to the last unref; it is
   the object's, for polling only. */
AGENT_API int agent_get_fd(agent_conn *conn);
AGENT_API int agent_get_events(agent_conn *conn);
/* Milliseconds until agent_process() must be called although nothing is readable; -1: no limit. */
AGENT_API int agent_get_timeout_ms(agent_conn *conn);
/*
 * Reads, writes, runs timers and callbacks, never blocks. Positive: there may be more to do, call again; 0: wait;
 * -ENOMEM: it gave up the connection for want of memory, and connects again later. A lost connection is not an error
 * here, see agent_set_on_state(). Inside a callback it does nothing and returns 0.
 *
 * What callbacks send leaves in one write at the end of the turn. What is sent outside of them leaves at once, or, when
 * the socket is full, as soon as it takes more.
 */
AGENT_API int agent_process(agent_conn *conn);
/* Waits until there is something to process or agent_wake() was called, at most timeout_ms (-1: no limit). 1 yes, 0 time
   is up, -EINTR. */
AGENT_API int agent_wait(agent_conn *conn, int timeout_ms);
/* Processes and waits until agent_stop(). Returns the status given to that; AGENT_E_CANCELED when a callback dropped the
   last reference; -EDEADLK inside a callback. */
AGENT_API int agent_run(agent_conn *conn);
/* Ends agent_run(), or the next one when none runs; until then what waits (agent_call_sync(), agent_query_*()) ends with
   AGENT_E_CANCELED. Also from callbacks, other threads and signal handlers. */
AGENT_API void agent_stop(agent_conn *conn, int status);
/* Makes the descriptor readable once, or agent_get_timeout_ms() 0: whatever the order of a loop's steps, it turns once
   more after this call. Any thread, any signal handler. */
AGENT_API void agent_wake(agent_conn *conn);
/* Has agent_process() run fn once, in the order of the calls. Any thread, any signal handler. -ENOBUFS: AGENT_POST_MAX of
   them wait. What still waits at agent_close() or the last unref runs inside that call. */
AGENT_API int agent_post(agent_conn *conn, agent_post_fn fn, void *user);
/*
 * Calls fn after first_ms, then every interval_ms; interval_ms 0: just once, which ends the slot. A late call does not
 * shift the others; those that were missed are left out. For programs without a loop of their own. ret_slot may be NULL:
 * then the timer lives as long as the connection.
 */
AGENT_API int agent_timer(agent_conn *conn, agent_slot **ret_slot, unsigned first_ms, unsigned interval_ms, agent_timer_fn fn,
                          void *user);

/* ---- commands ---- */

/*
 * Asks for the commands of one method, or with a key that ends in '*' of all methods with that prefix. The agent is told now
 * or as soon as it is connected. ret_slot may be NULL: then the subscription lives as long as the connection. on_registered
 * may be NULL. -EEXIST: this connection has the key already. -ENAMETOOLONG. AGENT_E_JSON: the key is not UTF-8.
 */
AGENT_API int agent_subscribe(agent_conn *conn, agent_slot **ret_slot, const char *key, agent_request_fn fn, void *user);
AGENT_API int agent_subscribe_mode(agent_conn *conn, agent_slot **ret_slot, const char *key, enum agent_mode mode,
                                   agent_request_fn fn, agent_registered_fn on_registered, void *user);
AGENT_API agent_slot *agent_slot_ref(agent_slot *slot);
/* Returns NULL, takes NULL. The last one unsubscribes, or gives up the call (its callback does not run then). */
AGENT_API agent_slot *agent_slot_unref(agent_slot *slot);
AGENT_API void agent_slot_unrefp(agent_slot **slot);
/* Gives the caller's reference to the connection: the slot lives as long as that, a call's or a single timer's until its
   end. Returns NULL, takes NULL. */
AGENT_API agent_slot *agent_slot_give(agent_slot *slot);
/* fn is called once when user (of the call that made the slot) is no longer used: when the slot has ended, or inside the
   last unref of the slot or the connection, and not while a callback of the slot runs. fn NULL removes it. */
AGENT_API int agent_slot_set_destroy(agent_slot *slot, agent_destroy_fn fn);
/* The last status that on_registered of a subscription got; -EINPROGRESS while the agent has not answered, -ENOTCONN without
   a connection. -EINVAL: not a subscription. */
AGENT_API int agent_slot_status(agent_slot *slot);

AGENT_API agent_request *agent_request_ref(agent_request *req);
/* Returns NULL, takes NULL. The last one of an unanswered request with an id answers error -5001 "failed". */
AGENT_API agent_request *agent_request_unref(agent_request *req);
AGENT_API void agent_request_unrefp(agent_request **req);
AGENT_API const char *agent_request_method(const agent_request *req);
/* The params as JSON text, "[]" when the command has none. Valid while the request lives. */
AGENT_API const char *agent_request_params(const agent_request *req);
/* The whole command as it came, JSON text. */
AGENT_API const char *agent_request_text(const agent_request *req);
/*
 * 1 and *ret_id, which may be NULL; 0 when the command has no id and so wants no answer; -ERANGE: its id is not an
 * unsigned 32-bit number (agent_reply() still sends it back as it came).
 */
AGENT_API int agent_request_id(const agent_request *req, uint32_t *ret_id);
/* Sender's address mask of an app-to-app message, 0 otherwise. */
AGENT_API uint32_t agent_request_from(const agent_request *req);
/*
 * Where the command came from, when miio_client has tell_origin=on (docs/protocol.md C9): the text of its member
 * "_origin": "cloud", "lan" or "ble"; otherwise NULL. For the log and the user; who may do what has been decided before.
 * Without that option it is what the sender claims. NULL with AGENT_MSGPACK, whose protocol has no place for it.
 */
AGENT_API const char *agent_request_origin(const agent_request *req);
/* NULL when the request outlived its connection object. */
AGENT_API agent_conn *agent_request_conn(const agent_request *req);

/*
 * Params, read without an allocation (except for doubles of more than 60 digits, -ENOMEM). at says which: the name of a
 * member ("power"), the number of an element ("0"), or a path of these ("0/siid"); "" is the params as a whole. In a
 * name '~1' stands for '/' and '~0' for '~'.
 *
 * 0; -ENOENT: not there; -EBADMSG: of another type, or a string that no C string can hold; -ERANGE: a number outside of
 * min to max, or a string that is longer than the buffer. On failure *ret and buf are as they were. Escapes, white space
 * and numbers such as 1e2 and 50.0 are understood, whatever the locale.
 */
enum agent_type {
    AGENT_TYPE_NONE, /* not there */
    AGENT_TYPE_STRING,
    AGENT_TYPE_NUMBER,
    AGENT_TYPE_BOOL,
    AGENT_TYPE_NULL,
    AGENT_TYPE_OBJECT,
    AGENT_TYPE_ARRAY
};
AGENT_API enum agent_type agent_param_type(const agent_request *req, const char *at);
/* Number of elements or members; negative as above. */
AGENT_API int agent_param_count(const agent_request *req, const char *at);
/* buf gets at most n bytes, the terminating NUL included. */
AGENT_API int agent_param_str(agent_request *req, const char *at, char *buf, size_t n);
AGENT_API int agent_param_int(agent_request *req, const char *at, int64_t min, int64_t max, int64_t *ret);
AGENT_API int agent_param_uint(agent_request *req, const char *at, uint64_t min, uint64_t max, uint64_t *ret);
AGENT_API int agent_param_double(agent_request *req, const char *at, double min, double max, double *ret);
/* 1 or 0. */
AGENT_API int agent_param_bool(agent_request *req, const char *at, int *ret);
/* The JSON text of a value as it came, without a terminating NUL; valid while the request lives. */
AGENT_API int agent_param_raw(agent_request *req, const char *at, const char **ret_text, size_t *ret_len);
/* on 1: from now on the first of agent_param_str() to _raw() that fails answers this request with
   AGENT_CODE_INVALID_PARAMS and the name of the param; the handler just returns. 0: no longer. */
AGENT_API int agent_request_answer_errors(agent_request *req, int on);

/*
 * Answers; once. result NULL sends ["ok"]. AGENT_E_ANSWERED, AGENT_E_JSON, AGENT_E_LOST (the connection that brought
 * it is gone), -ENOBUFS.
 */
AGENT_API int agent_reply(agent_request *req, const char *result);
/*
 * The same as printf(), for JSON: agent_replyf(req, "[%s,%d]", "on", 80) answers ["on",80]. The conversions:
 *
 *     %s          const char *: a JSON string with its quotes and escapes; NULL is null. %.*s and %.5s: so many bytes
 *     %d %i %u    integers, with l, ll, z or j: %lld, PRId64
 *     %f %g %e    double, whatever the locale; without a precision, as many digits as it takes
 *     %c          int: true or false
 *     %p          const char *: JSON text that goes in as it is; NULL is null
 *     %%          a percent sign
 *
 * Anything else, and a double that is not a number, is -EINVAL; a text that is not one JSON value AGENT_E_JSON.
 */
AGENT_API int agent_replyf(agent_request *req, const char *format, ...) AGENT_PRINTF(2, 3);
/* message NULL: "error". */
AGENT_API int agent_reply_error(agent_request *req, int code, const char *message);
/* With the member data, JSON text, in the error object; NULL: without. */
AGENT_API int agent_reply_error_data(agent_request *req, int code, const char *message, const char *data);
/* Sends no answer, now or later: for an observer beside another subscriber, whose answer is to be the first.
   AGENT_E_ANSWERED. */
AGENT_API int agent_request_ignore(agent_request *req);

/* ---- calls and reports ---- */

/*
 * Sends {"id","method","params"} up and completes fn once. timeout_ms 0: AGENT_CALL_TIMEOUT_MS. While there is no
 * connection the call waits for one within its timeout. ret_slot may be NULL. -ENAMETOOLONG, AGENT_E_JSON, -EMSGSIZE,
 * -ENOBUFS.
 */
AGENT_API int agent_call(agent_conn *conn, agent_slot **ret_slot, const char *method, const char *params, unsigned timeout_ms,
                         agent_call_fn fn, void *user);
/*
 * The same, blocking; other callbacks of the connection run meanwhile. 0 and *ret_result, a heap string for free();
 * AGENT_E_REMOTE with the error object there instead; AGENT_E_TIMEOUT, AGENT_E_LOST, AGENT_E_CANCELED. ret_result may be
 * NULL. It waits for a connection too, but on a closed one returns -ENOTCONN. Not from inside a callback (-EDEADLK).
 */
AGENT_API int agent_call_sync(agent_conn *conn, const char *method, const char *params, unsigned timeout_ms, char **ret_result);
/* The error object of the last agent_call_sync() or agent_query_*() when that returned AGENT_E_REMOTE, else NULL. Valid
   until the next one. */
AGENT_API const char *agent_last_error(agent_conn *conn);
/* Sends {"method","params"} up without an id: no answer comes. -ENOTCONN when there is no connection. */
AGENT_API int agent_notify(agent_conn *conn, const char *method, const char *params);

/* Reports. fn NULL: without an id, so without an acknowledgement; see agent_set_report_wait(). With fn as agent_call(). */
/* object must be an object. */
AGENT_API int agent_report_props(agent_conn *conn, const char *object, agent_call_fn fn, void *user);
/* method prop.<name>, value is put into an array. */
AGENT_API int agent_report_prop(agent_conn *conn, const char *name, const char *value, agent_call_fn fn, void *user);
/* method event.<name>, params an array or NULL. */
AGENT_API int agent_report_event(agent_conn *conn, const char *name, const char *params, agent_call_fn fn, void *user);
/* MIoT: did NULL leaves the member out; value is JSON text, arguments an array or NULL. */
AGENT_API int agent_report_property(agent_conn *conn, const char *did, unsigned siid, unsigned piid, const char *value,
                                    agent_call_fn fn, void *user);
AGENT_API int agent_report_miot_event(agent_conn *conn, const char *did, unsigned siid, unsigned eiid, const char *arguments,
                                      agent_call_fn fn, void *user);
/* Any report, its params as agent_replyf() makes them: agent_reportf(conn, "props", NULL, NULL, "{%s:%g}", "temp", 21.5).
   method is the whole name ("prop.temp", "event.click", "properties_changed"). */
AGENT_API int agent_reportf(agent_conn *conn, const char *method, agent_call_fn fn, void *user, const char *format, ...)
    AGENT_PRINTF(5, 6);

/* ---- application to application ---- */

/*
 * Claims a one-bit address and has messages to it delivered to fn. Claimed again at each connect; an address that
 * is taken stays with its holder, as agent_set_on_bound() reports. One address at a time: a new one replaces the old one.
 * Address 0 (fn may be NULL) gives it up, at the agent too; the vendor's old agent keeps it until the connection ends.
 */
AGENT_API int agent_bind(agent_conn *conn, uint32_t address, agent_request_fn fn, void *user);
/* agent_process() tells fn what became of each claim; NULL removes it. Set it before agent_bind(). */
AGENT_API int agent_set_on_bound(agent_conn *conn, agent_bound_fn fn, void *user);
/* Sends method to each application whose address bit is in to; fn gets the first answer. fn NULL: no answer is wanted, and
   ret_slot must be NULL. */
AGENT_API int agent_send(agent_conn *conn, agent_slot **ret_slot, uint32_t to, const char *method, const char *params,
                         unsigned timeout_ms, agent_call_fn fn, void *user);

/* ---- what the client daemon knows ---- */

typedef void (*agent_status_fn)(agent_conn *conn, const char *status, void *user);
/* Follows local.status: asks for it at each connect and reports every change, by name ("cloud_connected", ...), and
   AGENT_STATUS_UNKNOWN when the agent is lost, or answers that the client is away. ret_slot may be NULL. */
AGENT_API int agent_follow_status(agent_conn *conn, agent_slot **ret_slot, agent_status_fn fn, void *user);
/* One-liners over agent_call_sync(), with a timeout of five seconds. -ENOBUFS: longer than buf. AGENT_E_PROTOCOL: an
   answer of another kind. */
AGENT_API int agent_query_time(agent_conn *conn, int64_t *ret_unix_s);
AGENT_API int agent_query_country(agent_conn *conn, char *buf, size_t n);
AGENT_API int agent_query_status(agent_conn *conn, char *buf, size_t n);

/* ---- misc ---- */

/* Knows errno values, AGENT_E_* and AGENT_CODE_*. Never NULL. */
AGENT_API const char *agent_strerror(int error);
/* The code member of an error object as agent_call_fn gets it; 0 when there is none. */
AGENT_API int agent_error_code(const char *error);
/* Of the library at run time, "0.1.0". */
AGENT_API const char *agent_version(void);

#ifdef __cplusplus
}
#endif

#endif
