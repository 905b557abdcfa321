/* SPDX-License-Identifier: MIT */
#include "agent/apps/mcu/io/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { LAST_BYTES_MS = 200, LOOK_MS = 10 };

int mcu_tty_init(struct mcu_tty *tty, uv_loop_t *loop, const char *path)
{
    *tty = (struct mcu_tty){.path = path, .loop = loop, .fd = -1};
    tty->retry.data = tty;
    return uv_timer_init(loop, &tty->retry);
}

/* No echo, no translation, no flow control, no modem lines: the bytes as they are. */
static int set_raw(int fd, bool keep_input)
{
    struct termios t;

    if (tcgetattr(fd, &t) < 0)
        return -errno;
    cfmakeraw(&t);
    t.c_cflag &= ~(tcflag_t) (CSTOPB | CRTSCTS | HUPCL);
    t.c_cflag |= CLOCAL | CREAD;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    if (cfsetspeed(&t, B115200) < 0 || tcsetattr(fd, TCSANOW, &t) < 0)
        return -errno;
    if (!keep_input)
        tcflush(fd, TCIFLUSH); /* MCUs print noise while they start */
    return 0;
}

/* flock keeps out a second bridge, even root's; TIOCEXCL keeps out programs that know nothing of the lock. */
static int lock(int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    return ioctl(fd, TIOCEXCL) < 0 ? -errno : 0;
}

static int open_device(const char *path, bool keep_input)
{
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC), r;

    if (fd < 0)
        return -errno;
    r = isatty(fd) ? lock(fd) : -ENOTTY;
    if (r == 0)
        r = set_raw(fd, keep_input);
    if (r < 0) {
        close(fd);
        return r;
    }
    return fd;
}

static void on_poll_closed(uv_handle_t *h)
{
    free(h);
}

static void drop(struct mcu_tty *tty)
{
    if (tty->poll)
        uv_close((uv_handle_t *) tty->poll, on_poll_closed);
    tty->poll = NULL;
    if (tty->fd >= 0) {
        ioctl(tty->fd, TIOCNXCL); /* a pty keeps the mark after the last close */
        close(tty->fd);
    }
    tty->fd = -1;
    tty->in_len = 0;
}

static void hang_up(struct mcu_tty *tty)
{
    if (tty->fd < 0)
        return;
    drop(tty);
    mcu_tty_keep_trying(tty);
    tty->on_state(tty, false);
}

static void on_poll(uv_poll_t *p, int status, int events)
{
    struct mcu_tty *tty = p->data;

    (void) events;
    if (p != tty->poll)
        return;
    if (status < 0)
        hang_up(tty);
    else
        tty->on_ready(tty);
}

static int watch(struct mcu_tty *tty)
{
    uv_poll_t *p = malloc(sizeof *p);
    int r;

    if (!p)
        return -ENOMEM;
    r = uv_poll_init(tty->loop, p, tty->fd);
    if (r < 0) {
        free(p);
        return r;
    }
    p->data = tty;
    tty->poll = p;
    return 0;
}

int mcu_tty_open(struct mcu_tty *tty)
{
    int fd = open_device(tty->path, tty->keep_input), r;

    tty->error = fd < 0 ? fd : 0;
    if (fd < 0)
        return fd;
    tty->fd = fd;
    tty->in_len = 0;
    r = watch(tty);
    if (r < 0) {
        tty->error = r;
        drop(tty);
        return r;
    }
    mcu_tty_want(tty, false);
    return 0;
}

static void on_retry(uv_timer_t *t)
{
    struct mcu_tty *tty = t->data;

    if (mcu_tty_open(tty) < 0)
        return;
    uv_timer_stop(t);
    tty->on_state(tty, true);
}

void mcu_tty_keep_trying(struct mcu_tty *tty)
{
    if (!tty->closing)
        uv_timer_start(&tty->retry, on_retry, MCU_TTY_RETRY_MS, MCU_TTY_RETRY_MS);
}

void mcu_tty_read(struct mcu_tty *tty)
{
    ssize_t n;

    if (tty->fd < 0 || tty->in_len == sizeof tty->in)
        return;
    n = read(tty->fd, tty->in + tty->in_len, sizeof tty->in - tty->in_len);
    if (n > 0)
        tty->in_len += (size_t) n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        hang_up(tty); /* with VMIN 1 a read of 0 bytes is a hang-up, nothing else */
}

void mcu_tty_consume(struct mcu_tty *tty, size_t n)
{
    tty->in_len -= n;
    memmove(tty->in, tty->in + n, tty->in_len);
}

size_t mcu_tty_write(struct mcu_tty *tty, struct ag_span bytes)
{
    ssize_t n;

    if (tty->fd < 0 || bytes.len == 0)
        return 0;
    n = write(tty->fd, bytes.p, bytes.len);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        hang_up(tty);
    return n > 0 ? (size_t) n : 0;
}

void mcu_tty_want(struct mcu_tty *tty, bool write)
{
    int events = (tty->in_len < sizeof tty->in ? UV_READABLE : 0) | (write ? UV_WRITABLE : 0);

    if (!tty->poll)
        return;
    if (events == 0)
        uv_poll_stop(tty->poll);
    else
        uv_poll_start(tty->poll, events, on_poll);
}

static int unsent_bytes(const struct mcu_tty *tty)
{
    int n = 0;

    return tty->fd >= 0 && ioctl(tty->fd, TIOCOUTQ, &n) == 0 ? n : 0;
}

static void on_last_bytes(uv_timer_t *t)
{
    struct mcu_tty *tty = t->data;
    int unsent = unsent_bytes(tty);

    if (unsent > 0 && uv_now(tty->loop) < tty->close_by_ms)
        return;
    if (unsent > 0)
        tcflush(tty->fd, TCOFLUSH); /* close() would wait for them, up to half a minute */
    drop(tty);
    uv_close((uv_handle_t *) t, NULL);
}

void mcu_tty_close(struct mcu_tty *tty)
{
    tty->closing = true;
    if (tty->poll)
        uv_close((uv_handle_t *) tty->poll, on_poll_closed);
    tty->poll = NULL;
    tty->close_by_ms = uv_now(tty->loop) + LAST_BYTES_MS;
    uv_timer_start(&tty->retry, on_last_bytes, 0, LOOK_MS);
}
