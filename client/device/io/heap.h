/* SPDX-License-Identifier: MIT */
/*
 * The heap of a daemon that shares a small device. Memory that large texts needed for a moment goes back to the kernel when they
 * are gone; and there is a roof: what would go beyond it fails, which all of the tree can stand, in place of taking the device's
 * memory. The roof is for what no limit of ours sees before it is there: a packet of any size that a broker sends.
 */
#ifndef CLIENT_HEAP_H
#define CLIENT_HEAP_H

#include <stddef.h>
#include <sys/resource.h>

/*
 * At the start, before the first thread. Blocks of 128 KiB and more go back to the system as soon as they are freed: left to
 * itself, glibc raises that limit to the largest block ever freed, and a burst of large texts stays in the process for good.
 * Threads get stacks of 512 KiB, since the kernel counts a stack of 8 as if it were used.
 */
void heap_settle(void);

/* Behind a load that is over: what the allocator holds free goes back to the system. */
void heap_give_back(void);

/* From now on the process may have so many bytes more than it has; stacks of its threads to come are not counted. Nothing happens
   where the kernel does not tell, a lower limit is there already, or a sanitizer needs the room. */
void heap_set_roof(size_t more);

/* Children inherit limits: around the start of one, so that it gets the usual ones. */
struct heap_limits {
    struct rlimit data, stack;
};
struct heap_limits heap_lift_roof(void);
void heap_restore_roof(const struct heap_limits *limits);

#endif
