/* SPDX-License-Identifier: MIT */
/*
 * The heap of a daemon that shares a small device. Memory that large texts needed for a moment goes back to the kernel when they
 * are gone. And there is a roof: an allocation beyond it fails, which the whole program can handle, instead of using up the
 * device's memory. The roof is for what none of our limits sees in time: a packet of any size that a broker sends.
 */
#ifndef CLIENT_HEAP_H
#define CLIENT_HEAP_H

#include <stddef.h>
#include <sys/resource.h>

/*
 * At the start, before the first thread. Blocks of 128 KiB and more go back to the system as soon as they are freed: left to
 * itself, glibc raises that limit to the largest block ever freed, and a burst of large texts stays in the process for good.
 * Threads get stacks of 512 KiB, since the kernel counts 8 MiB stacks as if they were used.
 */
void heap_settle(void);

/* After a load: free memory of the allocator goes back to the system. */
void heap_give_back(void);

/* From now on the process may grow by so many bytes; stacks of future threads do not count. Does nothing where the kernel does
   not tell the present size, a lower limit is in force, or a sanitizer needs the room. */
void heap_set_roof(size_t more);

/* Children inherit limits: called around the start of one, so that it gets the usual ones. */
struct heap_limits {
    struct rlimit data, stack;
};
struct heap_limits heap_lift_roof(void);
void heap_restore_roof(const struct heap_limits *limits);

#endif
