/* SPDX-License-Identifier: MIT */
/*
 * miio_sim mcu: makes a pseudo terminal and plays the MCU behind it, faults included. miio_mcu --tty takes
 * the path that the ready line names.
 */
#include "examples/sim/sim.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "examples/sim/mcu/mcu_device.h"
#include "examples/sim/sim_options.h"
#include "libagent/core/util.h"

enum { SCRIPT_MAX = 64, LATER_MAX = 32 };

struct later { /* a line that is held back */
    uint64_t due_ms;
    char text[MCU_DEV_LINE_MAX + 2];
};

struct script_line {
    uint64_t at_ms;
    char text[MCU_DEV_LINE_MAX];
};

struct sim {
    struct mcu_device dev;
    int master, slave;
    char name[128];
    const char *link;
    const char *receive;       /* where a new firmware goes; NULL: no XMODEM receiver */
    bool checksum;             /* XMODEM without CRC */
    unsigned drop, dup, noise; /* percent */
    unsigned delay_ms;
    uint32_t random;
    bool trace;
    char in[2048];
    size_t in_len;
    struct later later[LATER_MAX];
    unsigned n_later;
    struct script_line script[SCRIPT_MAX];
    unsigned n_script, script_at;
    uint64_t start_ms;
};

static volatile sig_atomic_t stop_asked, mute_asked;

static void on_signal(int number)
{
    if (number == SIGUSR1)
        mute_asked = !mute_asked;
    else
        stop_asked = 1;
}

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000 + (uint64_t) t.tv_nsec / 1000000;
}

/* xorshift: the same faults for the same --seed. */
static bool chance(struct sim *s, unsigned percent)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 17;
    s->random ^= s->random << 5;
    return s->random % 100 < percent;
}

/* ---- the line ---- */

static void put(struct sim *s, const char *text)
{
    size_t n = strlen(text);

    while (n > 0) {
        ssize_t k = write(s->master, text, n);
        struct pollfd p = {.fd = s->master, .events = POLLOUT};

        if (k < 0 && errno != EAGAIN && errno != EINTR)
            return;
        if (k < 0 && poll(&p, 1, 1000) <= 0)
            return;
        text += k > 0 ? k : 0;
        n -= k > 0 ? (size_t) k : 0;
    }
}

static void put_or_hold(struct sim *s, const char *text)
{
    struct later *l;

    if (s->delay_ms == 0 || s->n_later == LATER_MAX) {
        put(s, text);
        return;
    }
    l = &s->later[s->n_later++];
    l->due_ms = now_ms() + s->random % (s->delay_ms + 1);
    if (s->n_later > 1 && l->due_ms < l[-1].due_ms)
        l->due_ms = l[-1].due_ms; /* a line does not overtake */
    snprintf(l->text, sizeof l->text, "%s", text);
}

static void send_line(struct mcu_device *d, const char *line)
{
    struct sim *s = d->user;
    char text[MCU_DEV_LINE_MAX + 2];

    if (s->trace)
        fprintf(stderr, "> %s\n", line);
    if (mute_asked || chance(s, s->drop))
        return;
    if (chance(s, s->noise))
        put_or_hold(s, "\x01\xff~#\x80");
    snprintf(text, sizeof text, "%s\r", line);
    put_or_hold(s, text);
    if (chance(s, s->dup))
        put_or_hold(s, text);
}

static void release_held(struct sim *s, uint64_t now)
{
    while (s->n_later > 0 && now >= s->later[0].due_ms) {
        put(s, s->later[0].text);
        memmove(s->later, s->later + 1, --s->n_later * sizeof s->later[0]);
    }
}

static void take_line(struct sim *s, char *line)
{
    if (s->trace)
        fprintf(stderr, "< %s\n", line);
    if (*line && !mute_asked && !chance(s, s->drop))
        mcu_dev_line(&s->dev, line, now_ms());
}

static void read_lines(struct sim *s)
{
    ssize_t n = read(s->master, s->in + s->in_len, sizeof s->in - 1 - s->in_len);
    char *cr;

    if (n <= 0)
        return;
    s->in_len += (size_t) n;
    while (s->dev.state != MCU_DEV_UPDATE && (cr = memchr(s->in, '\r', s->in_len))) {
        size_t used = (size_t) (cr - s->in) + 1;

        *cr = '\0';
        take_line(s, s->in);
        s->in_len -= used;
        memmove(s->in, s->in + used, s->in_len);
    }
    if (s->in_len == sizeof s->in - 1)
        s->in_len = 0;
}

/* The boot loader: the real XMODEM receiver of lrzsz on the same line. */
static void receive_firmware(struct sim *s)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        fcntl(s->master, F_SETFL, fcntl(s->master, F_GETFL) & ~O_NONBLOCK);
        dup2(s->master, 0);
        dup2(s->master, 1);
        if (s->checksum)
            execlp("rx", "rx", "-b", "-q", s->receive, (char *) NULL);
        else
            execlp("rx", "rx", "-b", "-q", "-c", s->receive, (char *) NULL);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        if (stop_asked)
            kill(pid, SIGTERM);
    }
    fcntl(s->master, F_SETFL, fcntl(s->master, F_GETFL) | O_NONBLOCK);
    s->in_len = 0;
    printf("update %s\n", status == 0 ? "received" : "failed");
    fflush(stdout);
    mcu_dev_updated(&s->dev, status == 0, now_ms() + 300);
}

/* ---- set-up ---- */

static int open_pty(struct sim *s)
{
    struct termios t;

    s->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (s->master < 0 || grantpt(s->master) < 0 || unlockpt(s->master) < 0 || ptsname_r(s->master, s->name, sizeof s->name) != 0)
        return -1;
    s->slave = open(s->name, O_RDWR | O_NOCTTY | O_CLOEXEC); /* held, so that the bridge may come and go */
    if (s->slave < 0 || tcgetattr(s->slave, &t) < 0)
        return -1;
    cfmakeraw(&t);
    if (tcsetattr(s->slave, TCSANOW, &t) < 0)
        return -1;
    if (!s->link)
        return 0;
    unlink(s->link);
    return symlink(s->name, s->link);
}

static void run_script(struct sim *s, uint64_t now)
{
    while (s->script_at < s->n_script && now - s->start_ms >= s->script[s->script_at].at_ms &&
           mcu_dev_say(&s->dev, s->script[s->script_at].text, now))
        s->script_at++;
}

static int next_wait(const struct sim *s, uint64_t now)
{
    uint64_t due = s->dev.due_ms;

    if (s->n_later > 0 && s->later[0].due_ms < due)
        due = s->later[0].due_ms;
    if (due > now + 50)
        due = now + 50;
    return due > now ? (int) (due - now) : 0;
}

static void run(struct sim *s)
{
    s->start_ms = now_ms();
    mcu_dev_start(&s->dev, s->start_ms);
    while (!stop_asked) {
        struct pollfd p = {.fd = s->master, .events = POLLIN};
        uint64_t now = now_ms();

        release_held(s, now);
        run_script(s, now);
        mcu_dev_tick(&s->dev, now);
        if (poll(&p, 1, next_wait(s, now_ms())) > 0)
            read_lines(s);
        if (s->dev.state == MCU_DEV_UPDATE && s->receive)
            receive_firmware(s);
    }
}

/* Lines "MS LINE": what the MCU says on its own, MS milliseconds after its start. */
static int read_script(struct sim *s, const char *path)
{
    char line[MCU_DEV_LINE_MAX + 32];
    FILE *f = fopen(path, "r");

    if (!f)
        return -errno;
    while (s->n_script < SCRIPT_MAX && fgets(line, sizeof line, f)) {
        struct script_line *l = &s->script[s->n_script];
        char *text;

        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        l->at_ms = strtoull(line, &text, 10);
        snprintf(l->text, sizeof l->text, "%s", text + strspn(text, " "));
        s->n_script++;
    }
    fclose(f);
    return 0;
}

static void usage(FILE *f)
{
    fputs("usage: miio_sim mcu [options]\n"
          "\n"
          "Plays an MCU on a new pseudo terminal; give its path to miio_mcu --tty.\n"
          "\n"
          "  --link PATH          symbolic link to the terminal\n"
          "  --prop S.P=VALUE     a property: number, true, false or \"text\" (repeatable)\n"
          "  --read-only S.P=VALUE\n"
          "  --model NAME         (demo.mcu.v1)\n"
          "  --mcu-version NNNN   (0001)\n"
          "  --poll MS            between get_down and the next (200)\n"
          "  --reply-timeout MS   after which a line is said again (400)\n"
          "  --script FILE        lines \"MS LINE\" that the MCU says of its own\n"
          "  --receive FILE       accepts a new firmware by XMODEM (rx of lrzsz)\n"
          "  --checksum           XMODEM with checksum instead of CRC\n"
          "  --busy               refuses a new firmware\n"
          "  --drop P% --dup P% --noise P%   lines lost, said twice, spoilt\n"
          "  --delay MS           lines held back up to MS\n"
          "  --seed N             of the faults (1)\n"
          "  --trace              lines to standard error\n"
          "SIGUSR1 makes it fall silent, and speak again.\n",
          f);
}

static bool add_prop(struct sim *s, const char *text, bool read_only)
{
    char *end;
    unsigned long siid = strtoul(text, &end, 10), piid;

    if (*end != '.')
        return false;
    piid = strtoul(end + 1, &end, 10);
    return *end == '=' && end[1] && mcu_dev_set(&s->dev, siid, piid, end + 1, read_only);
}

static int take_prop(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    snprintf(reason, n, "must be SIID.PIID=VALUE");
    return add_prop(to, value, strcmp(row->name, "read-only") == 0) ? 0 : -EINVAL;
}

static int take_script(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    (void) row;
    if (read_script(to, value) == 0)
        return 0;
    snprintf(reason, n, "%s", strerror(errno));
    return -EINVAL;
}

static int take_seed(void *to, const struct ag_option *row, const char *value, char *reason, size_t n)
{
    struct sim *s = to;
    uint64_t seed;

    (void) row;
    if (ag_option_number(value, 0, UINT32_MAX, &seed, reason, n) < 0)
        return -EINVAL;
    s->random = (uint32_t) seed | 1u << 16;
    return 0;
}

static const struct ag_option rows[] = {
    SIM_TEXT("link", struct sim, link),
    SIM_OWN("prop", take_prop),
    SIM_OWN("read-only", take_prop),
    SIM_TEXT("model", struct sim, dev.model),
    {.name = "mcu-version", .kind = AG_OPTION_TEXT, AG_OPTION_FIELD(struct sim, dev.version)},
    SIM_BY("poll", sim_set_ms, struct sim, dev.poll_ms),
    SIM_BY("reply-timeout", sim_set_ms, struct sim, dev.reply_ms),
    SIM_OWN("script", take_script),
    SIM_TEXT("receive", struct sim, receive),
    SIM_FLAG("checksum", struct sim, checksum),
    SIM_FLAG("busy", struct sim, dev.busy),
    SIM_BY("drop", sim_set_percent, struct sim, drop),
    SIM_BY("dup", sim_set_percent, struct sim, dup),
    SIM_BY("noise", sim_set_percent, struct sim, noise),
    SIM_BY("delay", sim_set_ms, struct sim, delay_ms),
    SIM_OWN("seed", take_seed),
    SIM_FLAG("trace", struct sim, trace),
};

int sim_mcu(int argc, char **argv)
{
    static struct sim s = {.dev = {.model = "demo.mcu.v1", .version = "0001", .poll_ms = 200, .reply_ms = 400, .send = send_line},
                           .random = 1u << 16 | 1};
    struct sigaction action = {.sa_handler = on_signal};
    int r;

    s.dev.user = &s;
    mcu_dev_set(&s.dev, 2, 1, "false", false);
    mcu_dev_set(&s.dev, 2, 2, "50", false);
    mcu_dev_set(&s.dev, 3, 1, "21.500000", true);
    mcu_dev_set(&s.dev, 3, 2, "\"living\\u0020room\"", false);
    r = sim_options("mcu", usage, rows, ag_array_size(rows), AG_WORDS_ANYWHERE, argc, argv, &s);
    if (r >= 0)
        return r;
    if (open_pty(&s) < 0) {
        perror("miio_sim mcu: pseudo terminal");
        return SIM_RUNTIME;
    }
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    printf("ready tty=%s%s%s\n", s.name, s.link ? " link=" : "", s.link ? s.link : "");
    fflush(stdout);
    run(&s);
    if (s.link)
        unlink(s.link);
    fprintf(stderr, "miio_sim mcu: %lu downs, %lu lines said again\n", s.dev.n_downs, s.dev.n_resent);
    return SIM_OK;
}
