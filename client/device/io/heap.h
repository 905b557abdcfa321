/* How the C library gives memory back. */
#ifndef CLIENT_HEAP_H
#define CLIENT_HEAP_H

/*
 * Blocks of 128 KiB and more go back to the system as soon as they are freed. Left to itself, glibc raises that limit
 * to the largest block ever freed, and a burst of large texts stays in the process for good.
 */
void heap_settle(void);

#endif
