/* Programs that the device maker runs at reboot, restore and factory. Each gets a time limit and is then
 * ended. */
#ifndef MCU_HOOKS_H
#define MCU_HOOKS_H

#include <uv.h>
#include "libagent/core/list.h"

struct mcu_hooks {
    uv_loop_t *loop;
    struct ag_list running; /* struct hook */
    unsigned timeout_ms;    /* then SIGTERM, and SIGKILL as long after that */
};

void mcu_hooks_init(struct mcu_hooks *h, uv_loop_t *loop, unsigned timeout_ms);

/*
 * Runs program with verb as its one argument and MIIO_TTY in its environment; its output goes to our standard
 * error. 0 or a libuv error; how it ended is logged. program "" does nothing.
 */
int mcu_hooks_run(struct mcu_hooks *h, const char *program, const char *verb, const char *tty);

/* Lets go: what runs goes on by itself, without a time limit. A hook that reboots must not be waited for. */
void mcu_hooks_close(struct mcu_hooks *h);

#endif
