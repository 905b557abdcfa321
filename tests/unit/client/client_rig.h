/* SPDX-License-Identifier: MIT */
/*
 * The client with everything around it played: a cloud, a store without a disk, sockets, the platform's
 * programs and a clock that only the script moves. What is real: the wiring, all cores, and the files of the
 * data directory. One line each:
 *
 *   A+  A-  A> texts  A< text  A<     application A (A, X, Y, Z) comes, goes, says; the next that it hears; nothing waits
 *   M+  M-  M> text  M< text  M<      the same for the MQTT channels
 *   L> text  L< text  L<  L#          a phone that knows the token, over the LAN; L#: the same datagram once more
 *   B> text  B< text  B<              the Bluetooth helper's datagram
 *   C+  C- why                        the cloud's session comes, goes
 *   C> 7 text  C~ text                its command under token 7; one without an answer
 *   C! ack ID text  C! fail ID [retry]  what became of a report
 *   C! room  C! time SECONDS  C! closed
 *   C= ENOBUFS | 0                    report() and answer() say -ENOBUFS from here on; 0: they take
 *   C< line  C<                       the next that the cloud was told: start, stop, kick, forget, report new|again ID text,
 *                                     answer TOKEN text, ask METHOD; nothing
 *   S ...                             the same of the cloud beside it (mode "several")
 *   D  D! N  D= N                     the store has written what was given; fails to, with -N; can keep nothing, -N
 *   P< line  P<  P= N                 the next program that was run or killed; nothing; the one that runs longest ends with N
 *   P- name  P+                       that program is not there; all are
 *   F+ name text  F- name             a file of the data directory: written, removed
 *   F? name  F! name                  is there, is not
 *   F= N                              so many files may be open
 *   +500                              time passes: timers go off in order
 *   reload command|request|join N     SIGHUP with that option
 *   counter=3                         as client.counters tells it
 *   stop                              the client ends; what it says then can still be heard
 *
 * Lines heard are compared whole, with $DIR for the data directory; one that ends in '*' is the beginning.
 * Ids: commands 100, 101 ...; reports 500, 501 ... At the end of a row ten minutes pass, and nobody has
 * anything left to hear; no timer goes off for ever: nothing else follows.
 */
#ifndef TEST_CLIENT_RIG_H
#define TEST_CLIENT_RIG_H

/*
 * mode: "wired", "several" (wired, with two clouds), "builtin", "external"; NULL-terminated lines. Fails the test with
 * name, line and what came instead.
 */
void client_rig_run(const char *name, const char *mode, const char *const *lines);

#endif
