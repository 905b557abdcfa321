/* SPDX-License-Identifier: MIT */
#include "tests/world/kernel/switch.h"

#include <stdint.h>

#if defined(__x86_64__)
/* Callee-saved registers go onto the old stack and come from the new one: a hundredth of what swapcontext() costs, which
   calls the kernel. */
__asm__(".text\n"
        ".globl ctx_swap\n"
        ".hidden ctx_swap\n"
        ".type ctx_swap,@function\n"
        "ctx_swap:\n"
        "    pushq %rbp\n    pushq %rbx\n    pushq %r12\n    pushq %r13\n    pushq %r14\n    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n    popq %r14\n    popq %r13\n    popq %r12\n    popq %rbx\n    popq %rbp\n"
        "    ret\n"
        ".size ctx_swap,.-ctx_swap\n");
void ctx_swap(void **from_sp, void *to_sp) __attribute__((visibility("hidden")));

void ctx_make(struct ctx *c, char *stack, size_t n, void (*fn)(void))
{
    void **sp = (void **) ((uintptr_t) (stack + n) & ~(uintptr_t) 15);

    *--sp = NULL; /* fn's return address: it never returns */
    *--sp = (void *) fn;
    for (int i = 0; i < 6; i++)
        *--sp = NULL;
    c->sp = sp;
}

void ctx_switch(struct ctx *from, struct ctx *to)
{
    ctx_swap(&from->sp, to->sp);
}
#else
void ctx_make(struct ctx *c, char *stack, size_t n, void (*fn)(void))
{
    getcontext(&c->u);
    c->u.uc_stack.ss_sp = stack;
    c->u.uc_stack.ss_size = n;
    c->u.uc_link = NULL;
    makecontext(&c->u, fn, 0);
}

void ctx_switch(struct ctx *from, struct ctx *to)
{
    swapcontext(&from->u, &to->u);
}
#endif
