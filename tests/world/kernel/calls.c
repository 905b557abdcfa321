/* SPDX-License-Identifier: MIT */
/* libc as the programs see it. Each name of wrapped.txt is here as __wrap_NAME. */
#include "tests/world/kernel/calls.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/wireless.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "tests/world/kernel/files.h"
#include "tests/world/kernel/kernel.h"
#include "tests/world/kernel/net.h"

struct names_of_hosts resolver;
uint64_t booted_us;
bool clock_synced = true;

#define WRAP(type, name, ...)                                                                                                    \
    type __wrap_##name(__VA_ARGS__);                                                                                             \
    type __wrap_##name(__VA_ARGS__)

static long done(long r)
{
    if (r >= 0)
        return r;
    errno = (int) -r;
    return -1;
}

/* ---- memory ---- */

WRAP(void *, malloc, size_t n)
{
    struct proc *p = proc_now();
    void *at = p ? heap_alloc(p, n, false) : malloc(n);

    if (!at)
        errno = ENOMEM;
    return at;
}

WRAP(void *, calloc, size_t n, size_t m)
{
    struct proc *p = proc_now();
    void *at = NULL;
    size_t all;

    if (!__builtin_mul_overflow(n, m, &all))
        at = p ? heap_alloc(p, all, true) : calloc(n, m);
    if (!at)
        errno = ENOMEM;
    return at;
}

WRAP(void, free, void *at)
{
    if (heap_owns(at))
        heap_free(at);
    else
        free(at);
}

WRAP(void *, realloc, void *at, size_t n)
{
    struct proc *p = proc_now();
    void *fresh;

    if (!at)
        return __wrap_malloc(n);
    if (!heap_owns(at))
        return realloc(at, n);
    fresh = heap_realloc(p, at, n);
    if (!fresh)
        errno = ENOMEM;
    return fresh;
}

WRAP(char *, strndup, const char *s, size_t max)
{
    size_t n = strnlen(s, max);
    char *copy = __wrap_malloc(n + 1);

    if (copy) {
        memcpy(copy, s, n);
        copy[n] = '\0';
    }
    return copy;
}

WRAP(char *, strdup, const char *s)
{
    return __wrap_strndup(s, SIZE_MAX);
}

WRAP(int, asprintf, char **out, const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    *out = __wrap_strdup(text);
    return *out ? n : -1;
}

WRAP(int, mallopt, int a, int b)
{
    (void) a;
    (void) b;
    return 1;
}

WRAP(void *, mmap64, void *at, size_t n, int prot, int flags, int fd, off_t off)
{
    void *p = __wrap_calloc(1, n);

    (void) at;
    (void) prot;
    (void) off;
    (void) flags;
    if (fd != -1)
        abort(); /* no program maps files */
    return p ? p : (void *) -1;
}

WRAP(void *, mmap, void *at, size_t n, int prot, int flags, int fd, off_t off)
{
    return __wrap_mmap64(at, n, prot, flags, fd, off);
}

WRAP(int, munmap, void *at, size_t n)
{
    (void) n;
    __wrap_free(at);
    return 0;
}

WRAP(int, madvise, void *at, size_t n, int advice)
{
    (void) at;
    (void) n;
    (void) advice;
    return 0;
}

/* ---- time and chance ---- */

uint64_t monotonic_us(void)
{
    return W.now_us - booted_us + 12 * SECOND;
}

WRAP(int, clock_gettime, clockid_t id, struct timespec *ts)
{
    int64_t us = id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE ? wall_now_us() : (int64_t) monotonic_us();

    *ts = (struct timespec){us / 1000000, us % 1000000 * 1000};
    return 0;
}

WRAP(time_t, time, time_t *out)
{
    time_t t = (time_t) (wall_now_us() / 1000000);

    if (out)
        *out = t;
    return t;
}

WRAP(void, tzset, void)
{
}

WRAP(int, adjtimex, struct timex *t)
{
    t->status = clock_synced ? 0 : STA_UNSYNC;
    return clock_synced ? TIME_OK : TIME_ERROR;
}

int get_random(void *p, size_t n)
{
    uint8_t *at = p;

    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t) rng_next(&W.rng);
    return 0;
}

WRAP(ssize_t, getrandom, void *p, size_t n, unsigned flags)
{
    (void) flags;
    get_random(p, n);
    return (ssize_t) n;
}

static void on_alarm(void *arg, uint64_t pid)
{
    struct proc *p = arg;

    if (!p->alive || (uint64_t) p->pid != pid)
        return;
    p->overdue = true;
    proc_signal(p, SIGALRM);
}

WRAP(int, setitimer, int which, const struct itimerval *v, struct itimerval *old)
{
    struct proc *p = proc_now();

    (void) which;
    (void) old;
    after((uint64_t) v->it_value.tv_sec * SECOND + (uint64_t) v->it_value.tv_usec, on_alarm, p, (uint64_t) p->pid);
    return 0;
}

/* ---- the process ---- */

WRAP(void, _exit, int code)
{
    proc_exit(code);
}

WRAP(void, exit, int code)
{
    proc_exit(code);
}

WRAP(int, sigaction, int n, const struct sigaction *act, struct sigaction *old)
{
    if (old)
        memset(old, 0, sizeof *old);
    if (act)
        proc_now()->watches[n].handler = act->sa_handler;
    return 0;
}

WRAP(sighandler_t, signal, int n, sighandler_t fn)
{
    proc_now()->watches[n].handler = fn;
    return SIG_DFL;
}

WRAP(int, sigprocmask, int how, const sigset_t *set, sigset_t *old)
{
    (void) how;
    (void) set;
    if (old)
        sigemptyset(old);
    return 0;
}

WRAP(int, pthread_sigmask, int how, const sigset_t *set, sigset_t *old)
{
    return __wrap_sigprocmask(how, set, old);
}

#define NUMBER(type, name, value)                                                                                                \
    WRAP(type, name, void)                                                                                                       \
    {                                                                                                                            \
        return (type) (value);                                                                                                   \
    }
NUMBER(pid_t, getpid, proc_now()->pid)
NUMBER(uid_t, getuid, proc_now()->program->uid)
NUMBER(uid_t, geteuid, proc_now()->program->uid)
NUMBER(gid_t, getgid, proc_now()->program->uid)
NUMBER(gid_t, getegid, proc_now()->program->uid)
NUMBER(pid_t, setsid, 1)
NUMBER(pid_t, fork, done(-ENOSYS))

int uv_hook_kill(int pid, int number); /* of uv/spawn.c */

WRAP(int, kill, pid_t pid, int number)
{
    return (int) done(uv_hook_kill(pid < 0 ? -pid : pid, number));
}

WRAP(pid_t, waitpid, pid_t pid, int *status, int options)
{
    (void) pid;
    (void) status;
    (void) options;
    return (pid_t) done(-ECHILD);
}

WRAP(char *, getenv, const char *name)
{
    const char *const *env = proc_now()->program->env;
    size_t n = strlen(name);

    for (; env && *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return (char *) *env + n + 1;
    return NULL;
}

WRAP(int, unsetenv, const char *name)
{
    (void) name;
    return 0;
}

WRAP(int, getrlimit64, int what, struct rlimit *l)
{
    *l = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
    if (what == RLIMIT_NOFILE)
        l->rlim_cur = l->rlim_max = proc_now()->fd_limit;
    return 0;
}

WRAP(int, setrlimit64, int what, const struct rlimit *l)
{
    (void) what;
    (void) l;
    return 0;
}

WRAP(int, getrlimit, int what, struct rlimit *l)
{
    return __wrap_getrlimit64(what, l);
}

WRAP(int, setrlimit, int what, const struct rlimit *l)
{
    return __wrap_setrlimit64(what, l);
}

WRAP(void *, dlopen, const char *name, int flags)
{
    (void) name;
    (void) flags;
    return NULL;
}

WRAP(mode_t, umask, mode_t mask)
{
    (void) mask;
    return 022;
}

/* ---- threads ---- */

/* Its name in the programs: see world.cmake. */
int world_pthread_create(pthread_t *out, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
    struct thr *t = thr_start(proc_now(), fn, arg);

    (void) attr;
    *out = (pthread_t) t;
    return 0;
}

bool thr_is_dead(const struct thr *t);

WRAP(int, pthread_join, pthread_t thread, void **out)
{
    (void) out;
    while (!thr_is_dead((const struct thr *) thread))
        thr_sleep(W.now_us + MS);
    return 0;
}

#define NOTHING(name, ...)                                                                                                       \
    WRAP(int, name, __VA_ARGS__)                                                                                                 \
    {                                                                                                                            \
        return 0;                                                                                                                \
    }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
NOTHING(pthread_detach, pthread_t t)
NOTHING(pthread_attr_init, pthread_attr_t *a)
NOTHING(pthread_attr_destroy, pthread_attr_t *a)
NOTHING(pthread_attr_setdetachstate, pthread_attr_t *a, int s)
NOTHING(pthread_attr_setstacksize, pthread_attr_t *a, size_t n)
NOTHING(pthread_setattr_default_np, const pthread_attr_t *a)
NOTHING(pthread_condattr_init, pthread_condattr_t *a)
NOTHING(pthread_condattr_destroy, pthread_condattr_t *a)
NOTHING(pthread_condattr_setclock, pthread_condattr_t *a, clockid_t c)
NOTHING(pthread_cond_init, pthread_cond_t *c, const pthread_condattr_t *a)
NOTHING(pthread_cond_destroy, pthread_cond_t *c)
NOTHING(pthread_mutex_init, pthread_mutex_t *m, const pthread_mutexattr_t *a)
NOTHING(pthread_mutex_destroy, pthread_mutex_t *m)
NOTHING(pthread_mutex_lock, pthread_mutex_t *m) /* threads leave each other the processor only where they block */
NOTHING(pthread_mutex_unlock, pthread_mutex_t *m)
NOTHING(setvbuf, FILE *f, char *b, int m, size_t n)
NOTHING(fflush, FILE *f)
NOTHING(chown, const char *path, uid_t u, gid_t g)
NOTHING(chdir, const char *path)
NOTHING(fchdir, int fd)
#pragma GCC diagnostic pop

WRAP(int, pthread_cond_signal, pthread_cond_t *c)
{
    (void) c;
    proc_wake(proc_now());
    return 0;
}

WRAP(int, pthread_cond_broadcast, pthread_cond_t *c)
{
    return __wrap_pthread_cond_signal(c);
}

WRAP(int, pthread_cond_wait, pthread_cond_t *c, pthread_mutex_t *m)
{
    (void) c;
    (void) m;
    thr_sleep(NEVER);
    return 0;
}

WRAP(int, pthread_cond_timedwait, pthread_cond_t *c, pthread_mutex_t *m, const struct timespec *until)
{
    uint64_t at = (uint64_t) until->tv_sec * SECOND + (uint64_t) until->tv_nsec / 1000;

    (void) c;
    (void) m;
    thr_sleep(at > monotonic_us() ? W.now_us + at - monotonic_us() : W.now_us);
    return 0;
}

WRAP(int, pthread_once, pthread_once_t *once, void (*fn)(void))
{
    if (*once == 0) {
        *once = 1;
        fn();
    }
    return 0;
}

/* ---- standard output and error; there are no other streams ---- */

static void out_bytes(const char *p, size_t n)
{
    static char lines[PROCS_MAX][1024];
    static size_t used[PROCS_MAX];
    struct proc *me = proc_now();
    int i = me->index;

    for (; n > 0; p++, n--) {
        if (*p == '\n' || used[i] == sizeof lines[0] - 1) {
            lines[i][used[i]] = '\0';
            used[i] = 0;
            if (W.on_line)
                W.on_line(me, lines[i]);
        } else {
            lines[i][used[i]++] = *p;
        }
    }
}

WRAP(int, vfprintf, FILE *f, const char *fmt, va_list ap)
{
    char text[2048];
    int n = vsnprintf(text, sizeof text, fmt, ap);

    (void) f;
    out_bytes(text, n < (int) sizeof text ? (size_t) n : sizeof text - 1);
    return n;
}

WRAP(int, vprintf, const char *fmt, va_list ap)
{
    return __wrap_vfprintf(stdout, fmt, ap);
}

WRAP(int, fprintf, FILE *f, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = __wrap_vfprintf(f, fmt, ap);
    va_end(ap);
    return n;
}

WRAP(int, printf, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = __wrap_vfprintf(stdout, fmt, ap);
    va_end(ap);
    return n;
}

WRAP(int, fputs, const char *s, FILE *f)
{
    (void) f;
    out_bytes(s, strlen(s));
    return 0;
}

WRAP(int, puts, const char *s)
{
    out_bytes(s, strlen(s));
    out_bytes("\n", 1);
    return 0;
}

WRAP(int, fputc, int c, FILE *f)
{
    char b = (char) c;

    (void) f;
    out_bytes(&b, 1);
    return c;
}

WRAP(int, putchar, int c)
{
    return __wrap_fputc(c, stdout);
}

WRAP(size_t, fwrite, const void *p, size_t size, size_t n, FILE *f)
{
    (void) f;
    out_bytes(p, size * n);
    return n;
}

const char *essid;

/* The one file that programs read by lines: the kernel's table of routes. */
WRAP(FILE *, fopen64, const char *path, const char *mode)
{
    static char route[] = "Iface\tDestination\tGateway\tFlags\nwlan0\t00000000\t0100000A\t0003\n";

    if (essid && strcmp(path, "/proc/net/route") == 0)
        return fmemopen(route, sizeof route - 1, mode);
    errno = ENOENT;
    return NULL;
}

WRAP(FILE *, fopen, const char *path, const char *mode)
{
    return __wrap_fopen64(path, mode);
}

WRAP(int, fclose, FILE *f)
{
    return f && f != stdin && f != stdout && f != stderr ? fclose(f) : 0;
}

WRAP(char *, fgets, char *s, int n, FILE *f)
{
    return fgets(s, n, f);
}

/* ---- files ---- */

static struct vopen *file_of(int fd)
{
    struct vfile *f = fd_get(proc_now(), fd);

    return f && (f->kind == V_FILE || f->kind == V_DIR) ? (struct vopen *) f : NULL;
}

static int open_file(const char *path, int flags, mode_t mode)
{
    return (int) done(disk_open(proc_now(), path, flags, mode));
}

WRAP(int, open64, const char *path, int flags, ...)
{
    va_list ap;
    mode_t mode;

    va_start(ap, flags);
    mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return open_file(path, flags, mode);
}

WRAP(int, open, const char *path, int flags, ...)
{
    va_list ap;
    mode_t mode;

    va_start(ap, flags);
    mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return open_file(path, flags, mode);
}

WRAP(int, mkostemp64, char *path, int flags)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    char *x = path + strlen(path) - 6;

    for (int i = 0; i < 6; i++)
        x[i] = letters[rng_below(&W.rng, sizeof letters - 1)];
    return open_file(path, flags | O_RDWR | O_CREAT | O_EXCL, 0600);
}

WRAP(int, mkostemp, char *path, int flags)
{
    return __wrap_mkostemp64(path, flags);
}

WRAP(int, close, int fd)
{
    return (int) done(fd_close(proc_now(), fd));
}

WRAP(ssize_t, read, int fd, void *p, size_t n)
{
    struct vfile *f = fd_get(proc_now(), fd);
    struct vopen *o = (struct vopen *) f;
    ssize_t r;

    if (!f)
        return done(-EBADF);
    if (f->kind == V_SOCKET)
        return done(vsock_recv((struct vsock *) f, p, n, 0, NULL, NULL));
    if (f->kind == V_EVENT) {
        if (o->count == 0)
            return done(-EAGAIN);
        memcpy(p, &o->count, 8);
        o->count = 0;
        return 8;
    }
    if (f->kind == V_NULL)
        return 0;
    r = vopen_read(o, p, n, o->at);
    if (r > 0)
        o->at += r;
    return done(r);
}

WRAP(ssize_t, write, int fd, const void *p, size_t n)
{
    struct vfile *f = fd_get(proc_now(), fd);
    struct vopen *o = (struct vopen *) f;
    ssize_t r;

    if (fd == 1 || fd == 2) {
        out_bytes(p, n);
        return (ssize_t) n;
    }
    if (!f)
        return done(-EBADF);
    if (f->kind == V_SOCKET)
        return done(vsock_send((struct vsock *) f, p, n, NULL, 0));
    if (f->kind == V_EVENT) {
        uint64_t add;

        memcpy(&add, p, 8);
        o->count += add;
        vfile_changed(f);
        return 8;
    }
    if (f->kind == V_NULL)
        return (ssize_t) n;
    r = vopen_write(o, p, n, o->at);
    if (r > 0)
        o->at += r;
    return done(r);
}

WRAP(ssize_t, pread64, int fd, void *p, size_t n, off_t at)
{
    struct vopen *o = file_of(fd);

    return done(o ? vopen_read(o, p, n, at) : -EBADF);
}

WRAP(ssize_t, pwrite64, int fd, const void *p, size_t n, off_t at)
{
    struct vopen *o = file_of(fd);

    return done(o ? vopen_write(o, p, n, at) : -EBADF);
}

WRAP(ssize_t, pread, int fd, void *p, size_t n, off_t at)
{
    return __wrap_pread64(fd, p, n, at);
}

WRAP(ssize_t, pwrite, int fd, const void *p, size_t n, off_t at)
{
    return __wrap_pwrite64(fd, p, n, at);
}

WRAP(off_t, lseek64, int fd, off_t at, int whence)
{
    struct vopen *o = file_of(fd);

    if (!o)
        return done(-EBADF);
    o->at = at + (whence == SEEK_END ? (off_t) o->node->data.n : whence == SEEK_CUR ? o->at : 0);
    return o->at;
}

WRAP(off_t, lseek, int fd, off_t at, int whence)
{
    return __wrap_lseek64(fd, at, whence);
}

WRAP(int, fstatvfs64, int fd, struct statvfs *st)
{
    if (!file_of(fd))
        return (int) done(-EBADF);
    *st = (struct statvfs){.f_frsize = 4096, .f_blocks = 4096, .f_bavail = disk.full ? 0 : 2048};
    return 0;
}

WRAP(int, fstatvfs, int fd, struct statvfs *st)
{
    return __wrap_fstatvfs64(fd, st);
}

WRAP(int, fsync, int fd)
{
    struct vopen *o = file_of(fd);

    return (int) done(o ? vopen_sync(o) : -EBADF);
}

WRAP(int, fdatasync, int fd)
{
    return __wrap_fsync(fd);
}

WRAP(int, ftruncate64, int fd, off_t n)
{
    struct vopen *o = file_of(fd);

    return (int) done(o ? vopen_truncate(o, n) : -EBADF);
}

WRAP(int, ftruncate, int fd, off_t n)
{
    return __wrap_ftruncate64(fd, n);
}

WRAP(int, fchmod, int fd, mode_t mode)
{
    struct vopen *o = file_of(fd);

    if (!o)
        return (int) done(-EBADF);
    o->node->mode = mode;
    return 0;
}

WRAP(int, fstat64, int fd, struct stat *st)
{
    struct vfile *f = fd_get(proc_now(), fd);

    if (!f)
        return (int) done(-EBADF);
    memset(st, 0, sizeof *st);
    if (f->kind == V_FILE || f->kind == V_DIR)
        inode_stat(((struct vopen *) f)->node, st);
    return 0;
}

WRAP(int, stat64, const char *path, struct stat *st)
{
    return (int) done(disk_stat(path, st));
}

WRAP(int, fstat, int fd, struct stat *st)
{
    return __wrap_fstat64(fd, st);
}

WRAP(int, stat, const char *path, struct stat *st)
{
    return __wrap_stat64(path, st);
}

WRAP(int, lstat, const char *path, struct stat *st)
{
    return __wrap_stat64(path, st);
}

WRAP(int, lstat64, const char *path, struct stat *st)
{
    return __wrap_stat64(path, st);
}

WRAP(int, access, const char *path, int mode)
{
    const struct inode *i = disk_find(path);

    if (!i)
        return (int) done(-ENOENT);
    if ((mode & W_OK) && disk.read_only)
        return (int) done(-EROFS);
    return (mode & X_OK) && !(i->mode & 0111) ? (int) done(-EACCES) : 0;
}

WRAP(int, rename, const char *a, const char *b)
{
    return (int) done(disk_rename(a, b));
}

WRAP(int, link, const char *a, const char *b)
{
    return (int) done(disk_link(a, b));
}

WRAP(int, unlink, const char *path)
{
    return (int) done(disk_unlink(path));
}

WRAP(int, unlinkat, int fd, const char *name, int flags)
{
    struct vopen *o = file_of(fd);
    char path[600];

    (void) flags;
    if (!o)
        return (int) done(-EBADF);
    snprintf(path, sizeof path, "%s/%s", o->path, name);
    return __wrap_unlink(path);
}

WRAP(int, mkdir, const char *path, mode_t mode)
{
    return (int) done(disk_mkdir(path, mode));
}

WRAP(int, symlink, const char *to, const char *path)
{
    return (int) done(disk_symlink(to, path));
}

WRAP(char *, getcwd, char *out, size_t n)
{
    char *at = out ? out : __wrap_malloc(n ? n : 8);

    if (at)
        strcpy(at, "/");
    return at;
}

WRAP(char *, realpath, const char *path, char *out)
{
    (void) out;
    if (!disk_find(path)) {
        errno = ENOENT;
        return NULL;
    }
    if (!out)
        return __wrap_strdup(path);
    return strcpy(out, path);
}

WRAP(int, flock, int fd, int how)
{
    struct vopen *o = file_of(fd);

    (void) how;
    if (!o)
        return fd_get(proc_now(), fd) ? 0 : (int) done(-EBADF);
    if (o->node->locked_by && o->node->locked_by != proc_now() && o->node->locked_by->alive)
        return (int) done(-EWOULDBLOCK);
    o->node->locked_by = proc_now();
    return 0;
}

struct folder {
    int fd;
    unsigned at;
    struct dirent entry;
};

WRAP(DIR *, fdopendir, int fd)
{
    struct folder *d = __wrap_calloc(1, sizeof *d);

    if (d)
        d->fd = fd;
    return (DIR *) d;
}

WRAP(struct dirent *, readdir64, DIR *dir)
{
    struct folder *d = (struct folder *) dir;
    const char *name = disk_entry(file_of(d->fd)->path, d->at++);

    if (!name)
        return NULL;
    snprintf(d->entry.d_name, sizeof d->entry.d_name, "%s", name);
    return &d->entry;
}

WRAP(struct dirent *, readdir, DIR *dir)
{
    return __wrap_readdir64(dir);
}

WRAP(int, dirfd, DIR *dir)
{
    return ((struct folder *) dir)->fd;
}

WRAP(int, closedir, DIR *dir)
{
    __wrap_close(((struct folder *) dir)->fd);
    __wrap_free(dir);
    return 0;
}

WRAP(int, dup2, int a, int b)
{
    (void) a;
    return b;
}

WRAP(int, pipe2, int fds[2], int flags)
{
    (void) fds;
    (void) flags;
    return (int) done(-ENOSYS);
}

WRAP(int, fcntl64, int fd, int what, ...)
{
    if (what == F_DUPFD_CLOEXEC)
        return (int) done(-EINVAL); /* no second descriptor of anything here */
    return fd_get(proc_now(), fd) ? 0 : (int) done(-EBADF);
}

WRAP(int, fcntl, int fd, int what, ...)
{
    (void) what;
    return __wrap_fcntl64(fd, what);
}

static int open_plain(enum vkind kind, uint64_t count)
{
    struct vopen *o = calloc(1, sizeof *o);

    o->base.kind = kind;
    o->count = count;
    return (int) done(fd_open(proc_now(), &o->base));
}

WRAP(int, eventfd, unsigned n, int flags)
{
    (void) flags;
    return open_plain(V_EVENT, n);
}

WRAP(int, epoll_create1, int flags)
{
    (void) flags;
    return open_plain(V_EPOLL, 0);
}

/* libagent keeps a set, which loops of others look at as at any descriptor. */
WRAP(int, epoll_ctl, int set, int op, int fd, struct epoll_event *e)
{
    struct vopen *o = (struct vopen *) fd_get(proc_now(), set);
    unsigned i = 0;

    if (!o || o->base.kind != V_EPOLL)
        return (int) done(-EBADF);
    while (i < o->n_watched && o->watched[i].fd != fd)
        i++;
    if (op == EPOLL_CTL_DEL) {
        if (i < o->n_watched)
            o->watched[i] = o->watched[--o->n_watched];
        return 0;
    }
    if (i == sizeof o->watched / sizeof o->watched[0])
        return (int) done(-ENOSPC);
    o->watched[i].fd = fd;
    o->watched[i].events = e->events;
    o->n_watched += i == o->n_watched;
    return 0;
}

/* ---- sockets ---- */

static struct vsock *sock_of(int fd)
{
    struct vfile *f = fd_get(proc_now(), fd);

    return f && f->kind == V_SOCKET ? (struct vsock *) f : NULL;
}

#define SOCK_OR_FAIL(s, fd)                                                                                                      \
    struct vsock *s = sock_of(fd);                                                                                               \
    if (!s)                                                                                                                      \
    return (int) done(-EBADF)

WRAP(int, socket, int family, int type, int protocol)
{
    struct proc *p = proc_now();

    (void) protocol;
    if (family == AF_INET6)
        return (int) done(-EAFNOSUPPORT);
    return (int) done(fd_open(p, &vsock_new(p, family, type & 15)->base));
}

WRAP(int, bind, int fd, const struct sockaddr *sa, socklen_t len)
{
    SOCK_OR_FAIL(s, fd);
    return (int) done(vsock_bind(s, sa, len));
}

WRAP(int, listen, int fd, int backlog)
{
    SOCK_OR_FAIL(s, fd);
    return (int) done(vsock_listen(s, backlog));
}

WRAP(int, connect, int fd, const struct sockaddr *sa, socklen_t len)
{
    SOCK_OR_FAIL(s, fd);
    return (int) done(vsock_connect(s, sa, len));
}

WRAP(int, accept4, int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
    struct proc *p = proc_now();
    struct vsock *o;

    SOCK_OR_FAIL(s, fd);
    (void) sa;
    (void) len;
    (void) flags;
    if (s->n_backlog == 0)
        return (int) done(-EAGAIN);
    if (fd_count(p) >= p->fd_limit)
        return (int) done(-EMFILE);
    o = vsock_accept(s, p);
    return (int) done(fd_open(p, &o->base));
}

WRAP(ssize_t, send, int fd, const void *p, size_t n, int flags)
{
    SOCK_OR_FAIL(s, fd);
    (void) flags;
    return done(vsock_send(s, p, n, NULL, 0));
}

WRAP(ssize_t, sendto, int fd, const void *p, size_t n, int flags, const struct sockaddr *to, socklen_t len)
{
    SOCK_OR_FAIL(s, fd);
    (void) flags;
    return done(vsock_send(s, p, n, to, len));
}

/* IP_PKTINFO: which address of the device is meant. 0: nobody says. */
static uint32_t source_of(const struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR((struct msghdr *) m, c))
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
            return ntohl(((struct in_pktinfo *) (void *) CMSG_DATA(c))->ipi_spec_dst.s_addr);
    return 0;
}

static void put_asked(struct msghdr *m, size_t room, uint32_t ip)
{
    const struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(ip), .ipi_addr.s_addr = htonl(ip)};
    struct cmsghdr *c = m->msg_control;

    m->msg_controllen = 0;
    if (!ip || !c || room < CMSG_SPACE(sizeof info))
        return;
    *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
    memcpy(CMSG_DATA(c), &info, sizeof info);
    m->msg_controllen = CMSG_SPACE(sizeof info);
}

WRAP(ssize_t, sendmsg, int fd, const struct msghdr *m, int flags)
{
    SOCK_OR_FAIL(s, fd);
    (void) flags;
    s->leaves_from = source_of(m);
    return done(vsock_send(s, m->msg_iov[0].iov_base, m->msg_iov[0].iov_len, m->msg_name, m->msg_namelen));
}

/* What fails ends it, and is told when it is the first. */
WRAP(int, sendmmsg, int fd, struct mmsghdr *m, unsigned n, int flags)
{
    for (unsigned i = 0; i < n; i++) {
        ssize_t sent = __wrap_sendmsg(fd, &m[i].msg_hdr, flags);

        if (sent < 0)
            return i > 0 ? (int) i : -1;
        m[i].msg_len = (unsigned) sent;
    }
    return (int) n;
}

WRAP(ssize_t, recvfrom, int fd, void *p, size_t n, int flags, struct sockaddr *from, socklen_t *len)
{
    SOCK_OR_FAIL(s, fd);
    return done(vsock_recv(s, p, n, flags, from, len));
}

WRAP(ssize_t, recv, int fd, void *p, size_t n, int flags)
{
    return __wrap_recvfrom(fd, p, n, flags, NULL, NULL);
}

WRAP(ssize_t, recvmsg, int fd, struct msghdr *m, int flags)
{
    SOCK_OR_FAIL(s, fd);
    size_t room = m->msg_controllen;
    ssize_t n;

    m->msg_controllen = 0;
    m->msg_flags = 0;
    s->asked = 0;
    n = vsock_recv(s, m->msg_iov[0].iov_base, m->msg_iov[0].iov_len, flags, m->msg_name, m->msg_name ? &m->msg_namelen : NULL);
    put_asked(m, room, s->asked);
    return done(n);
}

WRAP(int, shutdown, int fd, int how)
{
    SOCK_OR_FAIL(s, fd);
    return (int) done(vsock_shutdown(s, how));
}

WRAP(int, getsockname, int fd, struct sockaddr *sa, socklen_t *len)
{
    SOCK_OR_FAIL(s, fd);
    return (int) done(vsock_name(s, false, sa, len));
}

WRAP(int, getpeername, int fd, struct sockaddr *sa, socklen_t *len)
{
    SOCK_OR_FAIL(s, fd);
    return (int) done(vsock_name(s, true, sa, len));
}

WRAP(int, setsockopt, int fd, int level, int what, const void *v, socklen_t len)
{
    (void) level;
    (void) what;
    (void) v;
    (void) len;
    return sock_of(fd) ? 0 : (int) done(-EBADF);
}

WRAP(int, getsockopt, int fd, int level, int what, void *v, socklen_t *len)
{
    SOCK_OR_FAIL(s, fd);
    if (level == IPPROTO_TCP && what == TCP_INFO) {
        struct tcp_info info = {.tcpi_state = vsock_established(s) ? TCP_ESTABLISHED : TCP_CLOSE_WAIT};

        memcpy(v, &info, *len < sizeof info ? *len : sizeof info);
        return 0;
    }
    if (level == SOL_SOCKET && what == SO_PEERCRED) {
        const struct vsock *peer = vsock_peer(s);
        struct ucred u = {
            .pid = peer ? peer->pid : 0, .uid = peer ? (uid_t) peer->uid : (uid_t) -1, .gid = peer ? (gid_t) peer->uid : 0};

        memcpy(v, &u, sizeof u);
        *len = sizeof u;
        return 0;
    }
    if (level == SOL_SOCKET && (what == SO_ERROR || what == SO_ACCEPTCONN || what == SO_TYPE)) {
        int n = what == SO_ERROR ? s->err : what == SO_TYPE ? s->type : s->state == S_LISTEN;

        if (what == SO_ERROR)
            s->err = 0;
        memcpy(v, &n, sizeof n);
        *len = sizeof n;
        return 0;
    }
    return (int) done(-ENOPROTOOPT);
}

static int tell_essid(struct iwreq *rq)
{
    size_t n = essid ? strlen(essid) : 0;

    if (!essid)
        return (int) done(-EOPNOTSUPP);
    memcpy(rq->u.essid.pointer, essid, n);
    rq->u.essid.length = (unsigned short) n;
    return 0;
}

WRAP(int, ioctl, int fd, unsigned long what, ...)
{
    struct vsock *s = sock_of(fd);
    va_list ap;

    if (s && what == SIOCGIWESSID) {
        int r;

        va_start(ap, what);
        r = tell_essid(va_arg(ap, struct iwreq *));
        va_end(ap);
        return r;
    }

    if (s && s->tty && (what == TIOCEXCL || what == TIOCNXCL))
        return 0;
    if (!s || (what != FIONREAD && what != TIOCOUTQ))
        return (int) done(-ENOTTY);
    va_start(ap, what);
    *va_arg(ap, int *) = what == FIONREAD ? (int) vsock_pending(s) : 0;
    va_end(ap);
    return 0;
}

WRAP(int, isatty, int fd)
{
    const struct vsock *s = sock_of(fd);

    if (s && s->tty)
        return 1;
    errno = ENOTTY;
    return 0;
}

WRAP(int, tcgetattr, int fd, struct termios *t)
{
    memset(t, 0, sizeof *t);
    return __wrap_isatty(fd) ? 0 : -1;
}

WRAP(int, tcsetattr, int fd, int how, const struct termios *t)
{
    (void) how;
    (void) t;
    return __wrap_isatty(fd) ? 0 : -1;
}

WRAP(int, tcflush, int fd, int which)
{
    (void) which;
    return __wrap_isatty(fd) ? 0 : -1;
}

static int look(struct pollfd *fds, nfds_t n)
{
    struct proc *p = proc_now();
    int ready = 0;

    for (nfds_t i = 0; i < n; i++) {
        struct vfile *f = fd_get(p, fds[i].fd);
        unsigned r = f ? vfile_ready(f) : POLLNVAL;

        if (fds[i].fd < 0)
            r = 0;
        fds[i].revents = (short) (r & ((unsigned) fds[i].events | POLLERR | POLLHUP | POLLNVAL));
        ready += fds[i].revents != 0;
    }
    return ready;
}

WRAP(int, poll, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    uint64_t until = timeout_ms < 0 ? NEVER : W.now_us + (uint64_t) timeout_ms * MS;
    int ready;

    for (;;) {
        ready = look(fds, n);
        if (ready > 0 || timeout_ms == 0)
            return ready;
        if (W.now_us >= until)
            return 0;
        thr_sleep(until);
        if (proc_now()->signals)
            return (int) done(-EINTR);
    }
}

/* ---- names ---- */

uint32_t resolver_find(const char *name)
{
    struct in_addr in;

    if (inet_pton(AF_INET, name, &in) == 1)
        return ntohl(in.s_addr);
    for (unsigned i = 0; i < resolver.n; i++)
        if (strcmp(resolver.at[i].name, name) == 0)
            return resolver.at[i].ip;
    return 0;
}

static void nap(uint64_t us)
{
    uint64_t until = W.now_us + us;

    while (W.now_us < until)
        thr_sleep(until);
}

int resolver_ask(const char *name, uint32_t *ip)
{
    struct in_addr in;

    if (inet_pton(AF_INET, name, &in) != 1) {
        if (resolver.mute)
            nap(40 * SECOND);
        if (resolver.mute || resolver.failing || resolver.away)
            return EAI_AGAIN;
        nap(rng_between(&W.rng, 1, 80) * MS);
    }
    *ip = resolver_find(name);
    return *ip ? 0 : EAI_NONAME;
}

struct found {
    struct addrinfo info;
    struct sockaddr_in in;
};

WRAP(int, getaddrinfo, const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out)
{
    struct found *f;
    uint32_t ip = LOOPBACK_IP;
    int r = host ? resolver_ask(host, &ip) : 0;

    if (r != 0)
        return r;
    f = __wrap_calloc(1, sizeof *f);
    if (!f)
        return EAI_MEMORY;
    f->in = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t) (port ? atoi(port) : 0)), .sin_addr.s_addr = htonl(ip)};
    f->info = (struct addrinfo){.ai_family = AF_INET,
                                .ai_socktype = hints ? hints->ai_socktype : SOCK_STREAM,
                                .ai_addrlen = sizeof f->in,
                                .ai_addr = (struct sockaddr *) &f->in};
    *out = &f->info;
    return 0;
}

WRAP(void, freeaddrinfo, struct addrinfo *a)
{
    __wrap_free(a);
}

WRAP(int, getifaddrs, struct ifaddrs **out)
{
    *out = NULL;
    return 0;
}

WRAP(void, freeifaddrs, struct ifaddrs *a)
{
    (void) a;
}
