/* SPDX-License-Identifier: MIT */
/*
 * A heap for each process, in a place of its own that is the same in every run: what a process leaves behind when it is
 * killed goes with it, what it has never given back when it ends by itself can be counted, and any allocation can be made
 * to fail. Memory that is given back is overwritten.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "tests/world/kernel/kernel.h"

#define REGION      ((char *) 0x200000000000)
#define REGION_SIZE (UINT64_C(256) << 20)

enum { SMALL = 1024, MAGIC = 0x51ab, FREED = 0xdead, WIPE_MAX = 512 };

struct block {
    uint32_t magic, cls;
    size_t size; /* as asked for */
};

bool heap_owns(const void *at)
{
    return (const char *) at >= REGION && (const char *) at < REGION + PROCS_MAX * REGION_SIZE;
}

void heap_init(struct proc *p)
{
    if (!p->heap.base) {
        char *at = REGION + (uint64_t) p->index * REGION_SIZE;

        p->heap.base = mmap(at, REGION_SIZE, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        if (p->heap.base != at) {
            fprintf(stderr, "world: no room for heaps at %p\n", (void *) at);
            abort();
        }
    }
    p->heap.top = p->heap.base;
}

void heap_drop(struct proc *p)
{
    if (p->heap.top > p->heap.base + (1 << 20))
        madvise(p->heap.base, (size_t) (p->heap.top - p->heap.base), MADV_DONTNEED);
    memset(p->heap.free, 0, sizeof p->heap.free);
    p->heap.top = p->heap.base;
    p->heap.used = p->heap.n_live = 0;
}

/* Steps of 16 bytes, then powers of two. */
static unsigned class_of(size_t n, size_t *room)
{
    unsigned cls = SMALL / 16 + 1;

    if (n <= SMALL) {
        *room = n ? (n + 15) & ~(size_t) 15 : 16;
        return (unsigned) (*room / 16);
    }
    for (*room = 2048; *room < n; *room *= 2)
        cls++;
    return cls;
}

static bool must_fail(struct proc *p)
{
    p->heap.n_allocs++;
    if (p->fail_alloc_in == 0 || --p->fail_alloc_in > 0)
        return false;
    if (--p->fail_allocs > 0)
        p->fail_alloc_in = 1;
    say("%s[%d] an allocation fails", p->program->name, p->pid);
    return true;
}

void *heap_alloc(struct proc *p, size_t n, bool zero)
{
    struct block *b;
    unsigned cls;
    size_t room;

    if (n > REGION_SIZE / 4 || must_fail(p))
        return NULL;
    cls = class_of(n, &room);
    b = p->heap.free[cls];
    if (b) {
        p->heap.free[cls] = *(void **) (b + 1);
    } else {
        if (p->heap.top + sizeof *b + room > p->heap.base + REGION_SIZE)
            return NULL;
        b = (struct block *) p->heap.top;
        p->heap.top += sizeof *b + room;
    }
    *b = (struct block){MAGIC, cls, n};
    p->heap.n_live++;
    p->heap.used += n;
    if (p->heap.used > p->heap.peak)
        p->heap.peak = p->heap.used;
    if (zero)
        memset(b + 1, 0, n);
    else
        memset(b + 1, 0xa5, n < WIPE_MAX ? n : WIPE_MAX);
    return b + 1;
}

void heap_free(void *at)
{
    struct proc *p = &W.procs[((char *) at - REGION) / (ptrdiff_t) REGION_SIZE];
    struct block *b = (struct block *) at - 1;

    if (b->magic != MAGIC) {
        broken("%s[%d] gives back what is not its own (%s)", p->program->name, p->pid,
               b->magic == FREED ? "twice" : "a wild pointer");
        return;
    }
    b->magic = FREED;
    p->heap.n_live--;
    p->heap.used -= b->size;
    memset(at, 0xdd, b->size < WIPE_MAX ? b->size : WIPE_MAX);
    *(void **) at = p->heap.free[b->cls];
    p->heap.free[b->cls] = b;
}

void *heap_realloc(struct proc *p, void *at, size_t n)
{
    struct block *b = (struct block *) at - 1;
    size_t room;
    void *fresh;

    if (class_of(n, &room) == b->cls && !(p->fail_alloc_in == 1)) {
        p->heap.used += n - b->size;
        b->size = n;
        return at;
    }
    fresh = heap_alloc(p, n, false);
    if (!fresh)
        return NULL;
    memcpy(fresh, at, b->size < n ? b->size : n);
    heap_free(at);
    return fresh;
}

void heap_tell(const struct proc *p)
{
    for (const char *at = p->heap.base; at < p->heap.top;) {
        const struct block *b = (const struct block *) (const void *) at;

        if (b->magic == MAGIC)
            say("  block %p of %zu bytes", (const void *) (b + 1), b->size);
        at += sizeof *b + (b->cls <= SMALL / 16 ? (size_t) b->cls * 16 : (size_t) 1024 << (b->cls - SMALL / 16));
    }
}
