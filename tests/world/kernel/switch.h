/* SPDX-License-Identifier: MIT */
/* One stack of calls to another. */
#ifndef WORLD_SWITCH_H
#define WORLD_SWITCH_H

#include <stddef.h>

#if defined(__x86_64__)
struct ctx {
    void *sp;
};
#else
#include <ucontext.h>
struct ctx {
    ucontext_t u;
};
#endif

void ctx_make(struct ctx *c, char *stack, size_t n, void (*fn)(void));
void ctx_switch(struct ctx *from, struct ctx *to);

#endif
