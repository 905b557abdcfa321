/* SPDX-License-Identifier: MIT */
/* The routing rules, one row each: what peers send and what is handed to whom. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "agent/core/router.h"
#include "tests/unit/agent/rig.h"

struct row {
    const char *name;
    const char *lines[40];
};

/* clang-format off: one line of a script is one string */
static const struct row rows[] = {
    {"a command reaches its subscriber only, bytes unchanged",
     {"U+", "A+", "B+", REG("A", "set_power"), REG("B", "get_prop"),
      "U> {\"id\": 1,\"method\":\"set_power\", \"params\":[1.50,\"\\/\"],\"partner_id\":\"x\"}",
      "A< {\"id\": 1,\"method\":\"set_power\", \"params\":[1.50,\"\\/\"],\"partner_id\":\"x\"}", "B<",
      "A> {\"result\":[\"ok\"],\"id\":1}", "U< {\"result\":[\"ok\"],\"id\":1}", "commands=1", "command_answers=1"}},
    {"the whole method name is compared",
     {"U+", "A+", REG("A", "set_power"), "U> {\"id\":1,\"method\":\"set_power2\"}{\"id\":2,\"method\":\"set_powe\"}", "A<",
      "U< {\"id\":1,\"error\":{\"code\":-32601,\"message\":\"Method not found.\"}}"
      "{\"id\":2,\"error\":{\"code\":-32601,\"message\":\"Method not found.\"}}",
      "not_found=2"}},
    {"a method written with escapes is the same method",
     {"U+", "A+", "A> {\"m\\u0065thod\":\"r\\u0065gister\",\"key\":\"set_\\u0070ower\"}",
      "U> {\"id\":1,\"method\":\"\\u0073et_power\"}", "A< {\"id\":1,\"method\":\"\\u0073et_power\"}"}},
    {"nobody subscribed: answered at once; without an id silent",
     {"U+", "U> {\"id\":4294967295,\"method\":\"x\"}{\"method\":\"x\"}",
      "U< {\"id\":4294967295,\"error\":{\"code\":-32601,\"message\":\"Method not found.\"}}", "U<", "not_found=1",
      "not_found_without_id=1"}},
    {"all subscribers get it, the first answer wins",
     {"U+", "A+", "B+", REG("A", "m"), REG("B", "m"), "U> {\"id\":5,\"method\":\"m\"}", "A< {\"id\":5,\"method\":\"m\"}",
      "B< {\"id\":5,\"method\":\"m\"}", "B> {\"id\":5,\"result\":2}", "U< {\"id\":5,\"result\":2}", "A> {\"id\":5,\"result\":1}",
      "U<", "unasked_replies=1", "deliveries=2", "commands=1"}},
    {"only who was asked can answer, and once",
     {"U+", "A+", "B+", REG("A", "m"), "U> {\"id\":5,\"method\":\"m\"}", "A< {\"id\":5,\"method\":\"m\"}",
      "B> {\"id\":5,\"result\":\"forged\"}", "U<", "A> {\"id\":5,\"result\":1}{\"id\":5,\"result\":1}",
      "U< {\"id\":5,\"result\":1}", "U<", "A> {\"id\":6,\"result\":1}{\"result\":1}", "U<", "unasked_replies=4"}},
    {"two commands under one id: each is answered",
     {"U+", "A+", "B+", REG("A", "m"), REG("B", "n"), "U> {\"id\":5,\"method\":\"m\"}{\"id\":5,\"method\":\"n\"}",
      "B> {\"id\":5,\"result\":\"n\"}", "U< {\"id\":5,\"result\":\"n\"}", "A> {\"id\":5,\"result\":\"m\"}",
      "U< {\"id\":5,\"result\":\"m\"}"}},
    {"a silent subscriber: answered at the deadline, not before",
     {"U+", "A+", REG("A", "m"), "U> {\"id\":5,\"method\":\"m\"}", "+3999", "U<", "+1",
      "U< {\"id\":5,\"error\":{\"code\":-9999,\"message\":\"user ack timeout\"}}", "A> {\"id\":5,\"result\":1}", "U<",
      "command_timeouts=1", "unasked_replies=1"}},
    {"the last subscriber dies: answered at once",
     {"U+", "A+", "B+", REG("A", "m"), REG("B", "m"), "U> {\"id\":5,\"method\":\"m\"}", "A-", "U<", "B-",
      "U< {\"id\":5,\"error\":{\"code\":-9999,\"message\":\"user ack timeout\",\"data\":\"subscriber "
      "gone\"}}",
      "subscriber_gone=1"}},
    {"a half closed subscriber can answer no more",
     {"U+", "A+", REG("A", "m"), "U> {\"id\":5,\"method\":\"m\"}", "A/",
      "U< {\"id\":5,\"error\":{\"code\":-9999,\"message\":\"user ack timeout\",\"data\":\"subscriber "
      "gone\"}}",
      "U> {\"id\":6,\"method\":\"m\"}", "U<", "+1000", "U< {\"id\":6,\"error\":{\"code\":-32601"}},
    {"a command waits for a subscriber that has just left",
     {"U+",
      "A+",
      REG("A", "m"),
      REG("A", "n"),
      "A-",
      "+1999",
      "U> {\"id\":5,\"method\":\"m\"}{\"id\":6,\"method\":\"n\"}",
      "U<",
      "+999",
      "B+",
      REG("B", "n"),
      REG("B", "m"),
      "B< {\"id\":5,\"method\":\"m\"}{\"id\":6,\"method\":\"n\"}",
      "+1",
      "U<",
      "B> {\"id\":5,\"result\":1}",
      "U< {\"id\":5,\"result\":1}",
      "+2999",
      "U<",
      "+1",
      "U< {\"id\":6,\"error\":{\"code\":-9999",
      "commands_waited=2",
      "commands_waited_served=2",
      "not_found=0"}},
    {"what waited goes before what comes then",
     {"U+", "A+", REG("A", "m"), "A-", "U> {\"id\":5,\"method\":\"m\"}", "B+", REG("B", "m"), "U> {\"id\":6,\"method\":\"m\"}",
      "B< {\"id\":5,\"method\":\"m\"}{\"id\":6,\"method\":\"m\"}"}},
    {"a registration that says too little, or what nobody knows, is refused by its words",
     {"U+", "A+", "A> {\"id\":1,\"method\":\"register\",\"key\":\"k\",\"mode\":\"mine\"}",
      "A< {\"id\":1,\"error\":{\"code\":-32602,\"message\":\"mode must be shared, exclusive or standby\"}}",
      "A> {\"id\":2,\"method\":\"register\",\"key\":\"k\",\"mode\":7}",
      "A< {\"id\":2,\"error\":{\"code\":-32602,\"message\":\"mode must be shared, exclusive or standby\"}}",
      "A> {\"id\":3,\"method\":\"register\",\"key\":\"\"}", "A< {\"id\":3,\"error\":{\"code\":-32602,",
      "A> {\"id\":4,\"method\":\"register\",\"key\":\"k\",\"mode\":\"shared\"}", "A< {\"id\":4,\"result\":[\"ok\"]}",
      "A> {\"id\":5,\"method\":\"unregister\",\"key\":7}",
      "A< {\"id\":5,\"error\":{\"code\":-32602,\"message\":\"key must be a string\"}}",
      "A> {\"id\":6,\"method\":\"bind\",\"address\":-1}",
      "A< {\"id\":6,\"error\":{\"code\":-32602,\"message\":\"address must be an unsigned 32-bit integer\"}}",
      "A> {\"id\":7,\"method\":\"bind\",\"address\":4294967296}", "A< {\"id\":7,\"error\":{\"code\":-32602,", "A<",
      "keys_refused=3", "binds_refused=2"}},
    {"a call that names no method is refused",
     {"U+", "A+", "A> {\"id\":1,\"method\":\"agent.call\",\"params\":{}}",
      "A< {\"id\":1,\"error\":{\"code\":-32602,\"message\":\"params must be an object with a method\"}}",
      "A> {\"id\":2,\"method\":\"agent.call\",\"params\":7}", "A< {\"id\":2,\"error\":{\"code\":-32602,",
      "A> {\"method\":\"agent.call\",\"params\":{\"method\":7}}", "A<"}},
    {"the log, from a line on; what is no number is the beginning",
     {"U+", "A+", "A> {\"id\":1,\"method\":\"agent.log\"}",
      "A< {\"id\":1,\"result\":", "A> {\"id\":2,\"method\":\"agent.log\",\"params\":{\"from\":5}}", "A< {\"id\":2,\"result\":",
      "A> {\"id\":3,\"method\":\"agent.log\",\"params\":{\"from\":-5}}", "A< {\"id\":3,\"result\":", "A<"}},
    {"it waits a second, no longer",
     {"U+", "A+", REG("A", "lamp.*"), "A-", "U> {\"id\":5,\"method\":\"lamp.on\"}", "+999", "U<", "+1",
      "U< {\"id\":5,\"error\":{\"code\":-32601,\"message\":\"Method not found.\"}}", "U<", "B+", REG("B", "lamp.*"), "B<",
      "commands_waited=1", "commands_waited_served=0", "not_found=1"}},
    {"not for one that left long ago, nor was never there, nor gave the key up itself",
     {"U+", "A+", REG("A", "m"), REG("A", "k"), "A> {\"method\":\"unregister\",\"key\":\"k\"}", "U> {\"id\":1,\"method\":\"k\"}",
      "U< {\"id\":1,\"error\":{\"code\":-32601,\"message\":\"Method not found.\"}}", "A-", "+2001",
      "U> {\"id\":5,\"method\":\"m\"}{\"id\":6,\"method\":\"mm\"}",
      "U< {\"id\":5,\"error\":{\"code\":-32601,\"message\":\"Method not found.\"}}"
      "{\"id\":6,\"error\":{\"code\":-32601,\"message\":\"Method not found.\"}}",
      "commands_waited=0"}},
    {"nor while another subscriber is there; nor without an id",
     {"U+", "A+", "B+", REG("A", "m"), REG("B", "m"), "A-", "U> {\"id\":5,\"method\":\"m\"}", "B< {\"id\":5,\"method\":\"m\"}",
      "B-", "U< {\"id\":5,\"error\":{\"code\":-9999", "U> {\"method\":\"m\"}", "commands_waited=0", "not_found_without_id=1"}},
    {"nor when upstream has gone meanwhile",
     {"U+", "A+", REG("A", "m"), "A-", "U> {\"id\":5,\"method\":\"m\"}", "U-", "U+", "B+", REG("B", "m"), "B<", "+1000", "U<",
      "orphaned_commands=1"}},
    {"agent.call waits, too, and is forgotten with its caller",
     {"A+",
      "B+",
      REG("A", "m"),
      "A-",
      "B> {\"id\":7,\"method\":\"agent.call\",\"params\":{\"method\":\"m\"}}",
      "B<",
      "B/",
      "A+",
      REG("A", "m"),
      "A< {\"id\":1001,\"method\":\"m\",\"params\":[]}",
      "A> {\"id\":1001,\"result\":1}",
      "B< {\"id\":7,\"result\":1}",
      "B=",
      "A-",
      "C+",
      "C> {\"id\":8,\"method\":\"agent.call\",\"params\":{\"method\":\"m\"}}",
      "C-",
      "A+",
      REG("A", "m"),
      "A<",
      "commands_waited=2",
      "commands_waited_orphaned=1",
      "orphaned_commands=1"}},
    {"the end answers what waits",
     {"U+", "A+", REG("A", "m"), "A-", "U> {\"id\":5,\"method\":\"m\"}", "stop",
      "U< {\"id\":5,\"error\":{\"code\":-32003,\"message\":\"shutting down\"}}", "shutdown_answers=1"}},
    {"upstream's junk is stepped over: answers and commands around it arrive",
     {"U+", "A+", REG("A", "m"), "A> {\"id\":3,\"method\":\"q\"}", "U< {\"id\":100,\"method\":\"q\"}",
      "U> [1,2]{\"id\":100,\"result\":1}\"x\"{\"id\":5,\"method\":\"m\"}null 17 {\"id\":6,\"method\":\"m\"}",
      "A< {\"id\":3,\"result\":1}{\"id\":5,\"method\":\"m\"}{\"id\":6,\"method\":\"m\"}", "not_connected=0"}},
    {"an application's junk is its end", {"A+", "A> [1,2]", "A#", "broken_texts=1"}},
    {"who follows local.status is told it at each connect",
     {"A+", "B+", REG("A", "local.status"), REG("B", "local.*"), "U+",
      "U< {\"id\":100,\"method\":\"local.query_status\",\"params\":\"\"}",
      "U> {\"id\":100,\"method\":\"local.status\",\"params\":\"cloud_connected\"}",
      "A< {\"method\":\"local.status\",\"params\":\"cloud_connected\"}", "A<", "B<", "U-", "U+",
      "U< {\"id\":101,\"method\":\"local.query_status\"", "U> {\"id\":101,\"error\":{\"code\":-1}}", "A<",
      "U> {\"id\":101,\"method\":\"local.status\",\"params\":1}", "A< {\"id\":101", "unknown_answers=1"}},
    {"who follows it later is told when he comes, and only he",
     {"U+",
      "A+",
      "B+",
      "C+",
      REG("A", "local.status"),
      "U< {\"id\":100,\"method\":\"local.query_status\",\"params\":\"\"}",
      "U> {\"id\":100,\"method\":\"local.status\",\"params\":\"x\"}",
      "A< {\"method\":\"local.status\",\"params\":\"x\"}",
      REG("B", "m"),
      "U<",
      "B> {\"id\":1,\"method\":\"register\",\"key\":\"local.status\"}",
      "B< {\"id\":1,\"result\":[\"ok\"]}",
      "U< {\"id\":101",
      REG("C", "local.status"),
      "U<",
      "U> {\"id\":101,\"method\":\"local.status\",\"params\":\"y\"}",
      "A<",
      "B< {\"method\":\"local.status\",\"params\":\"y\"}",
      "C< {\"method\":\"local.status\",\"params\":\"y\"}",
      REG("B", "local.status"),
      "U<",
      "unknown_answers=0"}},
    {"each time he comes, also when he left before the answer",
     {"U+",
      "A+",
      REG("A", "local.*"),
      "U< {\"id\":100",
      "A> {\"method\":\"unregister\",\"key\":\"local.*\"}",
      "U> {\"id\":100,\"method\":\"local.status\",\"params\":1}",
      "A<",
      REG("A", "local.*"),
      "U< {\"id\":101",
      "A-",
      "U> {\"id\":101,\"method\":\"local.status\",\"params\":1}",
      "B+",
      REG("B", "local.status"),
      "U< {\"id\":102",
      "A+",
      REG("A", "local.*"),
      "U> {\"id\":102,\"error\":{\"code\":-1}}",
      "B<",
      "A<",
      "B> {\"method\":\"unregister\",\"key\":\"\"}",
      REG("A", "local.status"),
      "U< {\"id\":103",
      "U-",
      "U+",
      "U< {\"id\":104",
      "U> {\"id\":104,\"method\":\"local.status\",\"params\":2}",
      "A< {\"method\":\"local.status\",\"params\":2}"}},
    {"nor is a waiting standby, nor a prefix that others go before",
     {"U+", "A+", "B+", "C+", "A> {\"method\":\"register\",\"key\":\"local.status\",\"mode\":\"exclusive\"}", "U< {\"id\":100",
      "U> {\"id\":100,\"method\":\"local.status\",\"params\":1}", "A< {\"method\":\"local.status\",\"params\":1}",
      "B> {\"method\":\"register\",\"key\":\"local.status\",\"mode\":\"standby\"}", "U<", REG("C", "*"), "U<"}},
    {"a change on the way comes first, as it happened",
     {"U+", "A+", REG("A", "local.status"), "U< {\"id\":100", "U> {\"method\":\"local.status\",\"params\":1}",
      "A< {\"method\":\"local.status\",\"params\":1}", "U> {\"id\":100,\"method\":\"local.status\",\"params\":1}",
      "A< {\"method\":\"local.status\",\"params\":1}", "U> {\"id\":100,\"method\":\"local.status\",\"params\":1}",
      "A< {\"id\":100"}},
    {"members of agent.* written with escapes are the same members",
     {"U+", "A+", "B+", "A> {\"id\":1,\"method\":\"agent.monitor\",\"params\":{\"x\":{\"keys\":1},\"k\\u0065ys\":[\"m\"]}}",
      "A< {\"id\":1,\"result\":[\"ok\"]}", "B> {\"method\":\"n\"}", "A<", "B> {\"method\":\"m\"}",
      "A< {\"method\":\"agent.event\"", "A> {\"id\":2,\"method\":\"agent.monitor\",\"params\":[{\"\\u006fn\":false}]}",
      "A< {\"id\":2,\"result\":[\"ok\"]}", "B> {\"method\":\"m\"}", "A<",
      "A> {\"id\":3,\"method\":\"agent.monitor\",\"params\":{\"keys\":[[\"m\"]]}}", "A< {\"id\":3,\"error\":{\"code\":-32602",
      "A> {\"id\":4,\"method\":\"agent.peers\",\"params\":{\"p\\u0065er\":99}}", "A< {\"id\":4,\"result\":[]}"}},
    {"upstream is not asked when nobody follows", {"A+", REG("A", "m"), "U+", "U<"}},
    {"an old question is not mistaken for a new one",
     {"A+", REG("A", "local.status"), "U+", "U< {\"id\":100", "U-", "U+", "U< {\"id\":101",
      "U> {\"id\":100,\"method\":\"local.time\",\"params\":1}", "A<", "U> {\"id\":101,\"method\":\"other\",\"params\":1}", "A<",
      "U< {\"id\":100,\"error\":{\"code\":-32601", "U> {\"id\":101,\"method\":\"local.status\",\"params\":\"x\"}",
      "A< {\"method\":\"local.status\",\"params\":\"x\"}"}},
    {"a half closed asker still gets its answer",
     {"U+", "A+", "A> {\"id\":3,\"method\":\"q\"}", "A/", "U< {\"id\":100,\"method\":\"q\"}", "U> {\"id\":100,\"result\":1}",
      "A< {\"id\":3,\"result\":1}", "A="}},
    {"a broadcast without id reaches all and wants no answer",
     {"U+", "A+", "B+", REG("A", "local.status"), REG("B", "local.*"),
      "U> {\"method\":\"local.status\",\"params\":\"cloud_connected\"}",
      "A< {\"method\":\"local.status\",\"params\":\"cloud_connected\"}", "B<", "commands_without_id=1"}},
    {"the longest prefix serves what no exact key does",
     {"U+", "A+", "B+", "C+", REG("A", "*"), REG("B", "prop.*"), REG("C", "prop.power.*"),
      "U> {\"id\":1,\"method\":\"prop.power.x\"}", "C< {\"id\":1,\"method\":\"prop.power.x\"}",
      "U> {\"id\":2,\"method\":\"prop.x\"}", "B< {\"id\":2,\"method\":\"prop.x\"}", "U> {\"id\":3,\"method\":\"pro\"}",
      "A< {\"id\":3,\"method\":\"pro\"}", "B<", "C<", "U> {\"id\":4,\"method\":\"prop.power.\"}",
      "C< {\"id\":4,\"method\":\"prop.power.\"}"}},
    {"registering twice is one subscription; unregister one or all",
     {"U+", "A+", REG("A", "m"), REG("A", "m"), REG("A", "n"), "U> {\"method\":\"m\"}", "A< {\"method\":\"m\"}", "A<",
      "A> {\"method\":\"unregister\",\"key\":\"m\"}", "U> {\"method\":\"m\"}{\"method\":\"n\"}", "A< {\"method\":\"n\"}", "A<",
      "A> {\"method\":\"unregister\",\"key\":\"\"}", "U> {\"method\":\"n\"}", "A<"}},
    {"control methods are silent without an id, answered with one, never sent up",
     {"U+", "A+", REG("A", "m"), "A<", "A> {\"id\":1,\"method\":\"register\",\"key\":\"k\"}", "A< {\"id\":1,\"result\":[\"ok\"]}",
      "A> {\"id\":2,\"method\":\"unregister\",\"key\":\"k\"}", "A< {\"id\":2,\"result\":[\"ok\"]}",
      "A> {\"id\":3,\"method\":\"bind\",\"address\":2}", "A< {\"id\":3,\"result\":[\"ok\"]}", "U<"}},
    {"bad keys are refused, the connection stays",
     {"U+", "A+", "A> {\"method\":\"register\"}{\"method\":\"register\",\"key\":5}{\"method\":\"register\",\"key\":\"\"}", "A<",
      "A> {\"id\":1,\"method\":\"register\",\"key\":null}", "A< {\"id\":1,\"error\":{\"code\":-32602", "keys_refused=4"}},
    {"members of control methods may stand in params",
     {"U+", "A+", "A> {\"id\":1,\"method\":\"register\",\"params\":{\"key\":\"m\"}}", "A< {\"id\":1,\"result\":[\"ok\"]}",
      "A> {\"id\":2,\"method\":\"register\",\"params\":[ {\"key\":\"n\"} ]}", "A< {\"id\":2,\"result\":[\"ok\"]}",
      "U> {\"method\":\"m\"}{\"method\":\"n\"}", "A< {\"method\":\"m\"}{\"method\":\"n\"}"}},
    {"exclusive: a second owner is refused, either way",
     {"U+", "A+", "B+", "A> {\"id\":1,\"method\":\"register\",\"key\":\"m\",\"mode\":\"exclusive\"}",
      "A< {\"id\":1,\"result\":[\"ok\"]}", "B> {\"id\":1,\"method\":\"register\",\"key\":\"m\"}",
      "B< {\"id\":1,\"error\":{\"code\":-32004,\"message\":\"key has an owner\"}}", REG("B", "n"),
      "A> {\"id\":2,\"method\":\"register\",\"key\":\"n\",\"mode\":\"exclusive\"}", "A< {\"id\":2,\"error\":{\"code\":-32004",
      "U> {\"method\":\"m\"}", "A< {\"method\":\"m\"}", "B<"}},
    {"standby: takes over when the owner goes, in order of arrival",
     {"U+",
      "A+",
      "B+",
      "C+",
      "A> {\"method\":\"register\",\"key\":\"m\",\"mode\":\"exclusive\"}",
      "B> {\"id\":1,\"method\":\"register\",\"key\":\"m\",\"mode\":\"standby\"}",
      "B< {\"id\":1,\"result\":[\"ok\"]}",
      "C> {\"method\":\"register\",\"key\":\"m\",\"mode\":\"standby\"}",
      "U> {\"id\":1,\"method\":\"m\"}",
      "A< {\"id\":1,\"method\":\"m\"}",
      "B<",
      "C<",
      "A-",
      "U< {\"id\":1,\"error\":{\"code\":-9999",
      "U> {\"id\":2,\"method\":\"m\"}",
      "B< {\"id\":2,\"method\":\"m\"}",
      "C<",
      "B-",
      "U> {\"id\":3,\"method\":\"m\"}",
      "C< {\"id\":3,\"method\":\"m\"}"}},
    {"standby: told when it wants to be, with the key as it was given",
     {"A+", "B+", "C+", "A> {\"method\":\"register\",\"key\":\"m.*\"}",
      "B> {\"id\":1,\"method\":\"register\",\"key\":\"m.*\",\"mode\":\"standby\",\"params\":{\"tell\":true}}",
      "B< {\"id\":1,\"result\":[\"waiting\"]}",
      "C> {\"id\":1,\"method\":\"register\",\"params\":{\"key\":\"m.*\",\"mode\":\"standby\",\"tell\":true}}",
      "C< {\"id\":1,\"result\":[\"waiting\"]}", "A> {\"id\":2,\"method\":\"unregister\",\"key\":\"m.*\"}",
      "A< {\"id\":2,\"result\":[\"ok\"]}", "B< {\"method\":\"agent.owner\",\"params\":{\"key\":\"m.*\"}}", "C<",
      "B> {\"id\":3,\"method\":\"register\",\"key\":\"n\",\"mode\":\"standby\",\"params\":{\"tell\":true}}",
      "B< {\"id\":3,\"result\":[\"ok\"]}", "B-", "C< {\"method\":\"agent.owner\",\"params\":{\"key\":\"m.*\"}}"}},
    {"requests go up under ids of the agent's own and come back under theirs",
     {"U+", "A+", "B+", "A> {\"id\":0,\"method\":\"q\",\"params\":[]}", "B> {\"method\":\"q\",\"id\":0}",
      "U< {\"id\":100,\"method\":\"q\",\"params\":[]}{\"method\":\"q\",\"id\":101}", "U> {\"id\":101,\"result\":[\"b\"]}",
      "B< {\"id\":0,\"result\":[\"b\"]}", "A<", "U> {\"error\":{\"code\":-1},\"id\":100}",
      "A< {\"error\":{\"code\":-1},\"id\":0}", "U> {\"id\":100,\"result\":1}", "A<", "unknown_answers=1", "requests=2",
      "request_answers=2"}},
    {"a request without an id goes up unchanged",
     {"U+", "A+", "A> {\"method\":\"props\",\"params\":{\"a\":1e400}}", "U< {\"method\":\"props\",\"params\":{\"a\":1e400}}",
      "reports=1"}},
    {"a reply with a method of the same family goes to the asker only",
     {"U+", "A+", "B+", REG("B", "local.time"), REG("B", "local.status"), "U< {\"id\":100,\"method\":\"local.query_status\"",
      "A> {\"id\":7,\"method\":\"local.query_time\"}", "U< {\"id\":101,\"method\":\"local.query_time\"}",
      "U> {\"id\":101,\"method\":\"local.time\",\"params\":\"5\"}", "A< {\"id\":7,\"method\":\"local.time\",\"params\":\"5\"}",
      "B<", "U> {\"id\":100,\"error\":{}}", "U> {\"id\":100,\"method\":\"local.status\"}",
      "B< {\"id\":100,\"method\":\"local.status\"}", "A<"}},
    {"a command whose id happens to be that of a request is a command",
     {"U+", "A+", "B+", REG("B", "set_power"), "A> {\"id\":7,\"method\":\"local.query_time\"}",
      "U> {\"id\":100,\"method\":\"set_power\"}", "B< {\"id\":100,\"method\":\"set_power\"}",
      "U> {\"id\":100,\"method\":\"_internal.x\"}", "A<", "U> {\"id\":100,\"result\":1}", "A< {\"id\":7,\"result\":1}",
      "B> {\"id\":100,\"result\":2}"}},
    {"upstream does not answer: -30011 at the deadline",
     {"U+", "A+", "A> {\"id\":7,\"method\":\"q\"}", "+29999", "A<", "+1",
      "A< {\"id\":7,\"error\":{\"code\":-30011,\"message\":\"OT server noack\"}}", "U> {\"id\":100,\"result\":1}", "A<",
      "request_timeouts=1"}},
    {"no upstream: requests are answered at once, reports dropped and counted",
     {"A+", "A> {\"id\":7,\"method\":\"q\"}{\"method\":\"props\"}",
      "A< {\"id\":7,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}", "A<", "not_connected=1",
      "reports_not_connected=1"}},
    {"upstream lost: what was in flight is answered, keys stay",
     {"U+",
      "A+",
      "B+",
      REG("A", "m"),
      "A> {\"id\":7,\"method\":\"q\"}",
      "B> {\"id\":7,\"method\":\"q\"}",
      "U> {\"id\":1,\"method\":\"m\"}",
      "A< {\"id\":1,\"method\":\"m\"}",
      "U-",
      "A< {\"id\":7,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}",
      "B< {\"id\":7,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}",
      "A> {\"id\":1,\"result\":1}",
      "U+",
      "U<",
      "U> {\"id\":1,\"method\":\"m\"}",
      "A< {\"id\":1,\"method\":\"m\"}",
      "orphaned_commands=1",
      "requests=2",
      "requests_cut=2",
      "not_connected=2",
      "+40000",
      "A<"}},
    {"an application leaves: late answers for it are dropped",
     {"U+", "A+", "A> {\"id\":7,\"method\":\"q\"}", "A-", "B+", "U> {\"id\":100,\"result\":1}", "B<", "orphaned_requests=1",
      "unknown_answers=1"}},
    {"ids of every kind",
     {"U+", "A+", "A> {\"id\":\"s\",\"method\":\"q\"}",
      "A< {\"id\":\"s\",\"error\":{\"code\":-32600,\"message\":\"id must be an unsigned 32-bit integer\"}}",
      "A> {\"id\":null,\"method\":\"q\"}",
      "A< {\"id\":null,\"error\":{\"code\":-32600,\"message\":\"id must be an unsigned 32-bit integer\"}}",
      "A> {\"id\":1.0,\"method\":\"q\"}",
      "A< {\"id\":1.0,\"error\":{\"code\":-32600,\"message\":\"id must be an unsigned 32-bit integer\"}}",
      "A> {\"id\":4294967296,\"method\":\"q\"}",
      "A< {\"id\":4294967296,\"error\":{\"code\":-32600,\"message\":\"id must be an unsigned 32-bit "
      "integer\"}}",
      "A> {\"id\":[1],\"method\":\"q\"}",
      "A< {\"id\":null,\"error\":{\"code\":-32600,\"message\":\"id must be an unsigned 32-bit integer\"}}",
      "A> {\"id\":{},\"method\":\"q\"}",
      "A< {\"id\":null,\"error\":{\"code\":-32600,\"message\":\"id must be an unsigned 32-bit integer\"}}",
      "A> {\"id\":true,\"method\":\"q\"}",
      "A< {\"id\":true,\"error\":{\"code\":-32600,\"message\":\"id must be an unsigned 32-bit integer\"}}", "U<",
      "invalid_texts=7"}},
    {"two ids are refused, the first of other equal members counts",
     {"U+", "A+", "A> {\"id\":1,\"method\":\"q\",\"id\":2}", "A< {\"id\":1,\"error\":{\"code\":-32600,\"message\":\"two ids\"}}",
      "U<", REG("A", "m"), "U> {\"method\":\"m\",\"method\":\"n\"}", "A< {\"method\":\"m\",\"method\":\"n\"}",
      "U> {\"id\":1,\"method\":\"m\",\"id\":2}", "U< {\"id\":1,\"error\":{\"code\":-32600,\"message\":\"two ids\"}}", "A<"}},
    {"a method that is no string is refused",
     {"U+", "A+", "A> {\"id\":1,\"method\":5}",
      "A< {\"id\":1,\"error\":{\"code\":-32600,\"message\":\"method must be a string\"}}", "U<"}},
    {"application to application: _to becomes _from, the id stays",
     {"U+", "A+", "B+", "C+", "A> {\"method\":\"bind\",\"address\":2}", "B> {\"method\":\"bind\",\"address\":16}",
      "C> {\"method\":\"bind\",\"address\":4}", "A> {\"id\":123,\"_to\":16,\"method\":\"register\",\"params\":{}}",
      "B< {\"id\":123,\"_from\":2,\"method\":\"register\",\"params\":{}}", "A> {\"_to\":4294967295}", "B< {\"_from\":2}",
      "C< {\"_from\":2}", "A<", "U<", "A> {\"_to\":2}{\"_to\":64}", "A<", "local_nobody=2", "local_texts=3"}},
    {"an unbound sender is 0; a _from of one's own is refused",
     {"A+", "B+", "B> {\"method\":\"bind\",\"address\":1}", "A> {\"_to\":1,\"x\":\"y\"}", "B< {\"_from\":0,\"x\":\"y\"}",
      "A> "
      "{\"_from\":8,\"_to\":1}{\"_\\u0066rom\":8,\"_to\":1}{\"_to\":1,\"_to\":1}{\"_to\":\"1\"}{\"_to\":-1}",
      "B<", "local_invalid=5"}},
    {"a taken address stays with its holder until it leaves",
     {"A+", "B+", "A> {\"method\":\"bind\",\"address\":6}", "B> {\"id\":1,\"method\":\"bind\",\"address\":2}",
      "B< {\"id\":1,\"error\":{\"code\":-32004,\"message\":\"address is taken\"}}", "A-",
      "B> {\"id\":2,\"method\":\"bind\",\"address\":2}", "B< {\"id\":2,\"result\":[\"ok\"]}", "binds_refused=1"}},
    {"ids of every length are given back",
     {"A+",
      "A> {\"id\":0,\"method\":\"q\"}",
      "A< {\"id\":0,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}",
      "A> {\"id\":9,\"method\":\"q\"}",
      "A< {\"id\":9,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}",
      "A> {\"id\":10,\"method\":\"q\"}",
      "A< {\"id\":10,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}",
      "A> {\"id\":99,\"method\":\"q\"}",
      "A< {\"id\":99,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}",
      "A> {\"id\":100,\"method\":\"q\"}",
      "A< {\"id\":100,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}",
      "A> {\"id\":12345678,\"method\":\"q\"}",
      "A< {\"id\":12345678,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}",
      "A> {\"id\":99999999,\"method\":\"q\"}",
      "A< {\"id\":99999999,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}",
      "A> {\"id\":100000000,\"method\":\"q\"}",
      "A< {\"id\":100000000,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}",
      "A> {\"id\":123456789,\"method\":\"q\"}",
      "A< {\"id\":123456789,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}",
      "A> {\"id\":999999999,\"method\":\"q\"}",
      "A< {\"id\":999999999,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}",
      "A> {\"id\":1000000000,\"method\":\"q\"}",
      "A< {\"id\":1000000000,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}",
      "A> {\"id\":4294967295,\"method\":\"q\"}",
      "A< {\"id\":4294967295,\"error\":{\"code\":-32002,\"message\":\"not connected\"}}",
      "A<"}},
    {"address 0 gives the own address up, nobody else's",
     {"A+",
      "B+",
      "A> {\"method\":\"bind\",\"address\":2}",
      "B> {\"id\":1,\"method\":\"bind\",\"address\":0}",
      "B< {\"id\":1,\"result\":[\"ok\"]}",
      "B> {\"_to\":2}",
      "A< {\"_from\":0}",
      "A> {\"id\":1,\"method\":\"bind\",\"address\":0}",
      "A< {\"id\":1,\"result\":[\"ok\"]}",
      "B> {\"_to\":2}",
      "A<",
      "local_nobody=1",
      "B> {\"id\":2,\"method\":\"bind\",\"address\":2}",
      "B< {\"id\":2,\"result\":[\"ok\"]}",
      "B> {\"method\":\"bind\",\"address\":4}",
      "A> {\"_to\":2}",
      "B<",
      "A> {\"_to\":4}",
      "B< {\"_from\":0}",
      "binds_refused=0"}},
    {"bad input: one error, then the end; nobody else notices",
     {"U+", "A+", "B+", "A> {\"id\":1,\"method\":\"q\"}xyz", "U< {\"id\":100,\"method\":\"q\"}", "A#",
      "A< {\"error\":{\"code\":-32700,\"message\":\"not a JSON object\"}}", "A<", "broken_texts=1",
      "B> {\"id\":1,\"method\":\"q\"}", "U< {\"id\":101,\"method\":\"q\"}"}},
    {"shutdown: all that is open is answered, new requests too",
     {"U+", "A+", "B+", REG("A", "m"), "B> {\"id\":7,\"method\":\"q\"}", "U> {\"id\":1,\"method\":\"m\"}",
      "U< {\"id\":100,\"method\":\"q\"}", "stop", "U< {\"id\":1,\"error\":{\"code\":-32003,\"message\":\"shutting down\"}}",
      "B< {\"id\":7,\"error\":{\"code\":-32003,\"message\":\"shutting down\"}}", "B> {\"id\":8,\"method\":\"q\"}",
      "B< {\"id\":8,\"error\":{\"code\":-32003,\"message\":\"shutting down\"}}", "U> {\"id\":2,\"method\":\"m\"}",
      "U< {\"id\":2,\"error\":{\"code\":-32003,\"message\":\"shutting down\"}}"}},
    {"agent.call: as if from the cloud, the answer under the caller's id",
     {
         "U+",
         "A+",
         "B+",
         REG("A", "m"),
         "B> {\"id\":1,\"method\":\"agent.call\",\"params\":{\"method\":\"m\",\"params\":[1]}}",
         "A< {\"id\":1001,\"method\":\"m\",\"params\":[1]}",
         "A> {\"id\":1001,\"result\":2}",
         "B< {\"id\":1,\"result\":2}",
         "U<",
         "B> {\"id\":2,\"method\":\"agent.call\",\"params\":{\"method\":\"none\"}}",
         "B< {\"id\":2,\"error\":{\"code\":-32601",
     }},
    {"agent.call: the caller leaves",
     {"U+", "A+", "B+", REG("A", "m"), "B> {\"id\":1,\"method\":\"agent.call\",\"params\":{\"method\":\"m\"}}",
      "A< {\"id\":1001,\"method\":\"m\",\"params\":[]}", "B-", "A> {\"id\":1001,\"result\":2}", "U<", "orphaned_commands=1",
      "unasked_replies=1"}},
    {"agent.call is for root and the agent's own user only",
     {"U+", "A+", "B+uid=5", "C+unknown", REG("A", "m"), "B> {\"id\":1,\"method\":\"agent.call\",\"params\":{\"method\":\"m\"}}",
      "B< {\"id\":1,\"error\":{\"code\":-32001,\"message\":\"not permitted\"}}", "C> {\"id\":1,\"method\":\"agent.monitor\"}",
      "C< {\"id\":1,\"error\":{\"code\":-32001", "A<", "not_permitted=2"}},
    {"agent.* never goes up",
     {"U+", "A+", "A> {\"id\":1,\"method\":\"agent.x\"}", "A< {\"id\":1,\"error\":{\"code\":-32601", "U<"}},
    {"a monitor sees what is routed, by method",
     {"U+", "A+", "B+", REG("A", "m"), "B> {\"id\":1,\"method\":\"agent.monitor\",\"params\":{\"keys\":[\"m\",\"prop.*\"]}}",
      "B< {\"id\":1,\"result\":[\"ok\"]}", "U> {\"id\":5,\"method\":\"m\"}",
      "B< "
      "{\"method\":\"agent.event\",\"params\":{\"at\":1000,\"kind\":\"command\",\"from\":0,\"to\":[2],"
      "\"text\":{\"id\":5,\"method\":\"m\"}}}",
      "A> {\"id\":5,\"result\":1}{\"id\":9,\"method\":\"q\"}",
      "B< "
      "{\"method\":\"agent.event\",\"params\":{\"at\":1000,\"kind\":\"answer\",\"from\":2,\"to\":[0],"
      "\"text\":{\"id\":5,\"result\":1}}}",
      "B<", "B> {\"id\":2,\"method\":\"agent.monitor\",\"params\":{\"on\":false}}", "B< {\"id\":2,\"result\":[\"ok\"]}",
      "U> {\"id\":5,\"method\":\"m\"}", "B<"}},
    {"a monitor sees what the agent answers itself, and why",
     {"U+",
      "A+",
      "B+",
      "B> {\"id\":1,\"method\":\"agent.monitor\"}",
      "B< {\"id\":1,\"result\":[\"ok\"]}",
      "U> {\"id\":5,\"method\":\"m\"}",
      "U< {\"id\":5,\"error\":{\"code\":-32601",
      "B< {\"method\":\"agent.event\",\"params\":{\"at\":1000,\"kind\":\"command\",\"from\":0,\"to\":[],"
      "\"text\":{\"id\":5,\"method\":\"m\"}}}"
      "{\"method\":\"agent.event\",\"params\":{\"at\":1000,\"kind\":\"answer\",\"by\":\"agent\","
      "\"reason\":\"Method not found.\",\"to\":[0],"
      "\"text\":{\"id\":5,\"error\":{\"code\":-32601,\"message\":\"Method not found.\"}}}}",
      REG("A", "m"),
      "U> {\"id\":6,\"method\":\"m\"}",
      "A< {\"id\":6,\"method\":\"m\"}",
      "B< {\"method\":\"agent.event\",\"params\":{\"at\":1000,\"kind\":\"command\"",
      "A-",
      "B< {\"method\":\"agent.event\",\"params\":{\"at\":1000,\"kind\":\"answer\",\"by\":\"agent\","
      "\"reason\":\"subscriber gone\",\"to\":[0],"
      "\"text\":{\"id\":6,\"error\":{\"code\":-9999,\"message\":\"user ack timeout\",\"data\":\"subscriber gone\"}}}}",
      "U< {\"id\":6,\"error\":{\"code\":-9999",
      "A+",
      "A> {\"id\":7,\"method\":\"q\"}",
      "B< {\"method\":\"agent.event\",\"params\":{\"at\":1000,\"kind\":\"request\"",
      "U-",
      "B< {\"method\":\"agent.event\",\"params\":{\"at\":1000,\"kind\":\"answer\",\"by\":\"agent\","
      "\"reason\":\"not connected\",\"to\":[4],\"text\":{\"id\":7,\"error\":{\"code\":-32002",
      "A< {\"id\":7,\"error\":{\"code\":-32002",
      "A> {\"id\":8,\"method\":\"q\"}",
      "A< {\"id\":8,\"error\":{\"code\":-32002",
      "B< {\"method\":\"agent.event\",\"params\":{\"at\":1000,\"kind\":\"request\",\"from\":4,\"to\":[],"
      "\"text\":{\"id\":8,\"method\":\"q\"}}}"
      "{\"method\":\"agent.event\",\"params\":{\"at\":1000,\"kind\":\"answer\",\"by\":\"agent\""}},
};
/* clang-format on */

static void run_row(const struct row *row)
{
    struct rig g;

    assert_int_equal(rig_init(&g), 0);
    if (rig_run(&g, row->lines) < 0) {
        print_error("%s\n  %s\n", row->name, g.error);
        rig_deinit(&g);
        fail();
    }
    rig_deinit(&g);
}

static void test_rules(void **state)
{
    (void) state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        run_row(&rows[i]);
}

/* clang-format off */
static void test_access_rules(void **state)
{
    static const char *const lines[] = {
        "U+", "A+", "B+uid=5", "C+uid=6", "C> {\"id\":1,\"method\":\"register\",\"key\":\"miIO.ota\"}",
        "C< {\"id\":1,\"error\":{\"code\":-32001,\"message\":\"not permitted\"}}",
        "B> {\"id\":1,\"method\":\"register\",\"key\":\"miIO.ota\"}", "B< {\"id\":1,\"result\":[\"ok\"]}",
        "C> {\"id\":2,\"method\":\"_internal.wifi_start\"}", "C< {\"id\":2,\"error\":{\"code\":-32001",
        NULL};
    static const char *const after[] = {"U> {\"id\":9,\"method\":\"miIO.ota\"}",
                                        "U< {\"id\":9,\"error\":{\"code\":-32001,\"message\":\"not permitted\"}}", "B<", NULL};
    struct ag_access_who who = {AG_ACCESS_USER, 5};
    struct rig g;

    (void) state;
    assert_int_equal(rig_init(&g), 0);
    assert_int_equal(ag_access_add(&g.router.access, AG_ACCESS_REGISTER, AG_SPAN("miIO.ota"), &who, 1), 0);
    g.router.access.enabled = true;
    if (rig_run(&g, lines) < 0)
        fail_msg("%s", g.error);
    ag_access_deinit(&g.router.access); /* a reload took the right away */
    router_reconfigure(&g.router);
    if (rig_run(&g, after) < 0)
        fail_msg("%s", g.error);
    rig_deinit(&g);
}
/* clang-format on */

/* A packet socket's texts stay apart. */
static void test_packets(void **state)
{
    static const char *const lines[] = {"U+", "A+packet", REG("A", "m"), "U> {\"method\":\"m\"}{\"method\":\"m\" }", NULL};
    struct rig g;
    const char *p;
    uint32_t len;

    (void) state;
    assert_int_equal(rig_init(&g), 0);
    assert_int_equal(rig_run(&g, lines), 0);
    p = ag_buf_head(&rig_peer(&g, 'A')->peer.out);
    memcpy(&len, p, 4);
    assert_int_equal(len, 14);
    assert_memory_equal(p + 4, "{\"method\":\"m\"}", 14);
    memcpy(&len, p + 18, 4);
    assert_int_equal(len, 15);
    rig_deinit(&g);
}

/* What is larger than a packet may be is refused, to the asker or by an error in the answer's place. */
static void test_large_for_a_packet(void **state)
{
    static const char *const start[] = {
        "U+", "A+packet", REG("A", "m"), "A> {\"id\":7,\"method\":\"q\"}", "U< {\"id\":100,\"method\":\"q\"}", NULL};
    static const char *const refused[] = {"U< {\"id\":1,\"error\":{\"code\":-32000,\"message\":\"subscriber busy\"}}",
                                          "transcode_failures=2", NULL};
    static const char error[] = "{\"id\":7,\"error\":{\"code\":-32000,\"message\":\"the answer does not fit this connection\"}}";
    char text[1200];
    struct rig g;
    int n;

    (void) state;
    assert_int_equal(rig_init(&g), 0);
    g.router.limits.packet_text = 1000;
    assert_int_equal(rig_run(&g, start), 0);
    n = snprintf(text, sizeof text, "{\"id\":1,\"method\":\"m\",\"params\":\"%01000d\"}", 0);
    rig_feed(&g, 'U', text, (size_t) n);
    n = snprintf(text, sizeof text, "{\"id\":100,\"result\":\"%01000d\"}", 0);
    rig_feed(&g, 'U', text, (size_t) n);
    if (rig_run(&g, refused) < 0)
        fail_msg("%s", g.error);
    assert_int_equal(ag_buf_size(&rig_peer(&g, 'A')->peer.out), 4 + sizeof error - 1);
    assert_memory_equal(ag_buf_head(&rig_peer(&g, 'A')->peer.out) + 4, error, sizeof error - 1);
    rig_deinit(&g);
}

/* MessagePack-RPC on one side, JSON on the other. */
static void test_pack(void **state)
{
    static const char reg[] = "\x94\x00\x01\xa8register\x81\xa3key\xa1m";
    static const char answer[] = "\x94\x01\x05\xc0\x2a";
    static const char request[] = "\x94\x00\x07\xa1q\x90";
    static const char *const start[] = {"U+", "A+", NULL};
    static const char *const command[] = {"U> {\"id\":5,\"method\":\"m\",\"params\":[1]}", NULL};
    static const char *const answered[] = {"U< {\"id\":5,\"result\":42}", NULL};
    static const char *const requested[] = {"U< {\"id\":100,\"method\":\"q\",\"params\":[]}", "U> {\"id\":100,\"result\":true}",
                                            NULL};
    struct rig g;
    struct ag_buf *out;

    (void) state;
    assert_int_equal(rig_init(&g), 0);
    out = &rig_peer(&g, 'A')->peer.out;
    assert_int_equal(rig_run(&g, start), 0);
    assert_true(rig_feed(&g, 'A', reg, sizeof reg - 1));
    assert_int_equal(ag_buf_size(out), 8);
    assert_memory_equal(ag_buf_head(out), "\x94\x01\x01\xc0\x91\xa2ok", 8);
    router_sent(&g.router, &rig_peer(&g, 'A')->peer, 8);
    assert_int_equal(rig_run(&g, command), 0);
    assert_int_equal(ag_buf_size(out), 7);
    assert_memory_equal(ag_buf_head(out), "\x94\x00\x05\xa1m\x91\x01", 7);
    router_sent(&g.router, &rig_peer(&g, 'A')->peer, 7);
    assert_true(rig_feed(&g, 'A', answer, sizeof answer - 1));
    assert_int_equal(rig_run(&g, answered), 0);
    assert_true(rig_feed(&g, 'A', request, sizeof request - 1));
    assert_int_equal(rig_run(&g, requested), 0);
    assert_memory_equal(ag_buf_head(out), "\x94\x01\x07\xc0\xc3", 5);
    rig_deinit(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules), cmocka_unit_test(test_access_rules),       cmocka_unit_test(test_packets),
        cmocka_unit_test(test_pack),  cmocka_unit_test(test_large_for_a_packet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
