/* SPDX-License-Identifier: MIT */
/*
 * libagenttest: an agent inside the unit test of an application. The application's code runs unchanged, on a
 * connection object that has no network behind it, and no agent but this one, which does what the test says.
 * Nothing sleeps: the connection goes by the test's clock, so a timeout of 30 s or a reconnect takes no
 * time, and every run is the same.
 *
 *     agent_conn *conn = NULL;
 *     agent_test *t;
 *     uint32_t id;
 *
 *     agent_new(&conn);
 *     t = agent_test_new(conn, NULL);
 *     lamp_serve(&lamp, conn);                              (the application: subscribes and opens)
 *     id = agent_test_command(t, "set_power", "[\"on\"]");
 *     agent_test_expect_result(t, id, "[\"ok\"]");
 *     agent_test_expect_report(t, "props", "{\"power\":\"on\"}");
 *     conn = agent_unref(conn);
 *     agent_test_free(t);
 *
 * What the application sends is kept until the test takes it: answers are found by the id of their command,
 * calls and reports are taken in the order in which they were sent. Functions that say or expect something
 * first let the connection do all that it can do at this moment (except inside a callback of the connection,
 * where nothing else can run).
 *
 * Unless the test says otherwise, the agent accepts every registration, acknowledges every report, and says that
 * the cloud is connected. All other calls of the application wait for agent_test_answer(), or are served by
 * agent_test_serve().
 *
 * JSON is compared by value: white space, escapes, the order of members and the spelling of numbers do not
 * count. params and results are JSON text; anything else is an error of the test. The connection may use JSON
 * or MessagePack: what is seen here is JSON.
 *
 * Whatever does not hold, or cannot be done, ends the test: a text that says so is passed to the function
 * given to agent_test_new(), and when that returns (or there is none) the text is printed and the program
 * aborted. No function here returns an error.
 *
 * One thread, that of the connection, and one process: a child of fork() can only free what it has. For tests
 * only: do not link this library into an application that is shipped.
 */
#ifndef AGENT_TEST_H
#define AGENT_TEST_H

#include <agent/agent.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct agent_test agent_test;

/*
 * Called with what failed and the place of the test's last call of a function of this header. It need not
 * return: longjmp() and, except inside callbacks of the connection, a C++ exception are fine, and so are the
 * ways in which test frameworks end a test. For cmocka:
 *
 *     print_error("%s\n", text);
 *     _fail(file, line);
 */
typedef void (*agent_test_fail_fn)(const char *text, const char *file, int line);

/*
 * Plays the agent of conn from now on, whatever address it is opened with. Call it before conn is opened and
 * processed, and before its first call or timer, which would go by the machine's clock. One for each
 * connection; conn is borrowed, and may go at any time. fail may be NULL.
 */
AGENT_API agent_test *agent_test_new(agent_conn *conn, agent_test_fail_fn fail);
/* Closes the connection if it still exists; from then on it can only be dropped. Returns NULL, takes NULL. */
AGENT_API agent_test *agent_test_free(agent_test *t);

/* ---- time ---- */

/* Lets the connection do what it can do now: call it after something that the application began by itself. */
AGENT_API void agent_test_run(agent_test *t);
/* Lets so many milliseconds pass: what becomes due on the way happens in order, each at its time. Not inside
 * a callback. */
AGENT_API void agent_test_advance(agent_test *t, unsigned ms);
/*
 * Milliseconds since agent_test_new(). The time also passes when the application waits, in agent_run(),
 * agent_wait(), agent_call_sync() or agent_query_*(): it then jumps to the next moment at which something is
 * due. If nothing ever is, the test has failed. Meanwhile an agent_timer() of the test can feed commands, and
 * end agent_run() with agent_stop().
 */
AGENT_API uint64_t agent_test_now(const agent_test *t);

/* ---- what the agent says ---- */

/* A command for a method the application has subscribed to. Returns its id. params NULL: an empty array. */
AGENT_API uint32_t agent_test_command(agent_test *t, const char *method, const char *params);
/* The same without an id: no answer is wanted. */
AGENT_API void agent_test_notify(agent_test *t, const char *method, const char *params);
/* A message from another application, whose address is from; this one has claimed an address. Returns its
 * id. */
AGENT_API uint32_t agent_test_message(agent_test *t, uint32_t from, const char *method, const char *params);
/* Any text, a JSON object, as it is. If it is a command, its answer can be expected by its id. */
AGENT_API void agent_test_say(agent_test *t, const char *text);
/* From now on this is the client's status ("cloud_retry", ...), for those who ask and those who follow it. */
AGENT_API void agent_test_status(agent_test *t, const char *status);

/* ---- what the application sent ---- */

/* Takes the next text that was not taken yet, JSON; NULL: there is none. Valid until the next call of this
 * function. */
AGENT_API const char *agent_test_next(agent_test *t);
/* There is no such text. */
AGENT_API void agent_test_expect_nothing(agent_test *t);
/* Takes the answer to a command or message: result is its result. NULL: any. */
AGENT_API void agent_test_expect_result(agent_test *t, uint32_t id, const char *result);
/* Takes the answer: an error of this code. 0: any. */
AGENT_API void agent_test_expect_error(agent_test *t, uint32_t id, int code);
/* Takes the next call or report: a call of this method that wants an answer. Returns its id. params NULL:
 * any. */
AGENT_API uint32_t agent_test_expect_call(agent_test *t, const char *method, const char *params);
/* Takes the next call or report: of this method, with an id or without. Returns the id, 0: none. params NULL:
 * any. */
AGENT_API uint32_t agent_test_expect_report(agent_test *t, const char *method, const char *params);
/* 1: the agent has the key in force; 0: it has not. */
AGENT_API int agent_test_has_key(agent_test *t, const char *key);

/* ---- answers to the application ---- */

/* Answers a call; once. result NULL: ["ok"]. */
AGENT_API void agent_test_answer(agent_test *t, uint32_t id, const char *result);
AGENT_API void agent_test_answer_error(agent_test *t, uint32_t id, int code, const char *message);
/* From now on answers each call of this method at once, and the test does not see it: for what the application
   asks of others, and what it waits for in agent_call_sync() and agent_query_*(). result NULL: no longer. */
AGENT_API void agent_test_serve(agent_test *t, const char *method, const char *result);
/* The same with a function, which calls agent_test_answer() or agent_test_answer_error(), at once or later; id
   0: no answer is wanted. fn NULL: no longer. */
typedef void (*agent_test_call_fn)(agent_test *t, uint32_t id, const char *params, void *user);
AGENT_API void agent_test_serve_by(agent_test *t, const char *method, agent_test_call_fn fn, void *user);
/* on 0: reports (props, prop.*, event.*, properties_changed, event_occured) are no longer acknowledged: like
   other calls they wait for agent_test_answer(). */
AGENT_API void agent_test_acknowledge(agent_test *t, int on);

/* ---- trouble ---- */

/* These, and the settings for answers above, hold for what the agent has not looked at yet; so they can be
 * set before the application connects. */

/* From now on refuses registrations of key with this code (AGENT_CODE_NOT_PERMITTED, ...). 0: no longer. */
AGENT_API void agent_test_refuse(agent_test *t, const char *key, int code);
/* The same for claims of an address. */
AGENT_API void agent_test_refuse_address(agent_test *t, int code);
/* on 1: another application has the key for itself, so AGENT_STANDBY waits and the other modes are refused.
   0: it is gone, and whoever waits takes over. */
AGENT_API void agent_test_other_owner(agent_test *t, const char *key, int on);
/* From now on what the agent answers by itself (registrations, served calls, acknowledgements) comes so many
 * milliseconds later. */
AGENT_API void agent_test_slow(agent_test *t, unsigned ms);
/* on 1: the agent never answers registrations and claims, like the vendor's old one. */
AGENT_API void agent_test_old(agent_test *t, int on);
/* Ends the connection; when the application connects again, that is accepted. */
AGENT_API void agent_test_drop(agent_test *t);
/* The agent goes away: the connection ends, and new ones are refused. */
AGENT_API void agent_test_stop(agent_test *t);
/* It is back. */
AGENT_API void agent_test_start(agent_test *t);

/* Notes the place for what may fail next; returns t. The macros below call it each time. */
AGENT_API agent_test *agent_test_here(agent_test *t, const char *file, int line);

#ifndef AGENT_TEST_NO_PLACES
#define AGENT_TEST_HERE(t)                            agent_test_here(t, __FILE__, __LINE__)
#define agent_test_run(t)                             agent_test_run(AGENT_TEST_HERE(t))
#define agent_test_advance(t, ms)                     agent_test_advance(AGENT_TEST_HERE(t), ms)
#define agent_test_command(t, method, params)         agent_test_command(AGENT_TEST_HERE(t), method, params)
#define agent_test_notify(t, method, params)          agent_test_notify(AGENT_TEST_HERE(t), method, params)
#define agent_test_message(t, from, method, params)   agent_test_message(AGENT_TEST_HERE(t), from, method, params)
#define agent_test_say(t, text)                       agent_test_say(AGENT_TEST_HERE(t), text)
#define agent_test_status(t, status)                  agent_test_status(AGENT_TEST_HERE(t), status)
#define agent_test_next(t)                            agent_test_next(AGENT_TEST_HERE(t))
#define agent_test_expect_nothing(t)                  agent_test_expect_nothing(AGENT_TEST_HERE(t))
#define agent_test_expect_result(t, id, result)       agent_test_expect_result(AGENT_TEST_HERE(t), id, result)
#define agent_test_expect_error(t, id, code)          agent_test_expect_error(AGENT_TEST_HERE(t), id, code)
#define agent_test_expect_call(t, method, params)     agent_test_expect_call(AGENT_TEST_HERE(t), method, params)
#define agent_test_expect_report(t, method, params)   agent_test_expect_report(AGENT_TEST_HERE(t), method, params)
#define agent_test_has_key(t, key)                    agent_test_has_key(AGENT_TEST_HERE(t), key)
#define agent_test_answer(t, id, result)              agent_test_answer(AGENT_TEST_HERE(t), id, result)
#define agent_test_answer_error(t, id, code, message) agent_test_answer_error(AGENT_TEST_HERE(t), id, code, message)
#define agent_test_serve(t, method, result)           agent_test_serve(AGENT_TEST_HERE(t), method, result)
#define agent_test_serve_by(t, method, fn, user)      agent_test_serve_by(AGENT_TEST_HERE(t), method, fn, user)
#define agent_test_acknowledge(t, on)                 agent_test_acknowledge(AGENT_TEST_HERE(t), on)
#define agent_test_refuse(t, key, code)               agent_test_refuse(AGENT_TEST_HERE(t), key, code)
#define agent_test_refuse_address(t, code)            agent_test_refuse_address(AGENT_TEST_HERE(t), code)
#define agent_test_other_owner(t, key, on)            agent_test_other_owner(AGENT_TEST_HERE(t), key, on)
#define agent_test_slow(t, ms)                        agent_test_slow(AGENT_TEST_HERE(t), ms)
#define agent_test_old(t, on)                         agent_test_old(AGENT_TEST_HERE(t), on)
#define agent_test_drop(t)                            agent_test_drop(AGENT_TEST_HERE(t))
#define agent_test_stop(t)                            agent_test_stop(AGENT_TEST_HERE(t))
#define agent_test_start(t)                           agent_test_start(AGENT_TEST_HERE(t))
#endif

#ifdef __cplusplus
}
#endif

#endif
