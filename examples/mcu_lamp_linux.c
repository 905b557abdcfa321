/* SPDX-License-Identifier: MIT */
/*
 * The board of mcu_lamp.c when it is a Linux process: a serial device or pseudo terminal in place of the
 * UART, the key (any byte) on standard input. Usage: example_mcu_lamp DEVICE
 */
#include "examples/mcu_lamp.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static int line_fd = -1;

uint32_t board_millis(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint32_t) ((uint64_t) t.tv_sec * 1000 + (uint64_t) t.tv_nsec / 1000000);
}

void board_write(const char *p, unsigned n)
{
    while (n > 0) {
        ssize_t k = write(line_fd, p, n);

        if (k <= 0)
            return; /* the line is gone; what is unanswered is sent again */
        p += k;
        n -= (unsigned) k;
    }
}

static int open_line(const char *path)
{
    struct termios t;

    line_fd = open(path, O_RDWR | O_NOCTTY);
    if (line_fd < 0 || tcgetattr(line_fd, &t) < 0)
        return -1;
    cfmakeraw(&t);
    cfsetspeed(&t, B115200);
    return tcsetattr(line_fd, TCSANOW, &t);
}

int main(int argc, char **argv)
{
    struct pollfd p[2] = {{.events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    char buf[256];
    ssize_t n;

    if (argc != 2 || open_line(argv[1]) < 0) {
        perror(argc == 2 ? argv[1] : "usage: mcu_lamp DEVICE");
        return 1;
    }
    p[0].fd = line_fd;
    mcu_lamp_init();
    for (;;) {
        poll(p, 2, 20);
        if (p[0].revents) {
            n = read(line_fd, buf, sizeof buf);
            if (n <= 0)
                return 0;
            for (ssize_t i = 0; i < n; i++)
                mcu_lamp_byte(buf[i]);
        }
        if (p[1].revents && read(STDIN_FILENO, buf, 1) != 1)
            return 0; /* end of input: switched off */
        else if (p[1].revents)
            mcu_lamp_key();
        mcu_lamp_poll();
    }
}
