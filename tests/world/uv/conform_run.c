/* SPDX-License-Identifier: MIT */
/* Starts conform.c in the world and prints what it prints. */
#include <stdio.h>
#include "tests/world/kernel/kernel.h"

main_fn world_conform_module_main;

static void on_line(struct proc *p, const char *line)
{
    (void) p;
    puts(line);
}

int main(void)
{
    static char *argv[] = {"conform", NULL};
    static struct program g = {.name = "conform", .main = world_conform_module_main, .argv = argv};

    world_init(1);
    W.on_line = on_line;
    proc_start(&g);
    world_run(60 * SECOND);
    if (W.failed)
        puts(W.promise);
    return W.failed;
}
