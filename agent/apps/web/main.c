/* SPDX-License-Identifier: MIT */
/* miio_web: what follows from its settings, signals, exit code. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "agent/apps/web/model.h"
#include "agent/apps/web/set_password.h"
#include "agent/apps/web/settings.h"
#include "agent/apps/web/web.h"
#include "libagent/core/log/log.h"
#include "libagent/io/access/trust.h"
#include "libagent/io/addr.h"
#include "libagent/io/exit_code.h"
#include "libagent/io/file.h"
#include "libagent/io/program.h"

enum { PEM_MAX = 65536, BACKLOG = 128 };

struct program {
    struct web web;
    struct ag_program frame;
};

/* ---- what the options lead to ---- */

/* The password's hash. An exit code, or -1: go on. */
static int read_password(struct web_settings *o)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;
    int r = o->password_file[0] ? ag_file_read(o->password_file, 4096, &text) : -ENOENT;

    if (r == -ENOENT && !o->password_given)
        return -1;
    if (r < 0) {
        fprintf(stderr, "miio_web: %s: %s\n", o->password_file, strerror(-r));
        return AG_EXIT_CONFIG;
    }
    if (!web_password_parse(ag_buf_span(&text), &o->web.password)) {
        fprintf(stderr, "miio_web: %s: no line of miio_web --set-password\n", o->password_file);
        return AG_EXIT_CONFIG;
    }
    ag_trust_warn(o->password_file, AG_TRUST_SECRET);
    o->web.has_password = true;
    return -1;
}

/* Without a password only this machine may reach the page. An exit code, or -1. */
static int check_reach(const struct web_settings *o)
{
    char text[AG_ADDR_TEXT_MAX];

    if (ag_addr_is_local(&o->listen))
        return -1;
    if (!o->web.has_password) {
        fprintf(stderr, "miio_web: --listen %s: beyond loopback a password is needed: miio_web --set-password\n",
                ag_addr_format(&o->listen, text));
        return AG_EXIT_CONFIG;
    }
    if (!o->cert[0])
        ag_log(AG_LOG_WARNING,
               "the page is offered beyond this machine without TLS: who shares the network can read password and sessions");
    return -1;
}

static bool read_pem(const char *path, struct ag_buf *out, const char **text)
{
    int r = path[0] ? ag_file_read(path, PEM_MAX, out) : 0;

    if (r < 0)
        fprintf(stderr, "miio_web: %s: %s\n", path, strerror(-r));
    *text = path[0] ? ag_buf_cstr(out) : NULL;
    return r == 0;
}

/* A listening socket, or -errno. */
static int listen_at(struct ag_addr *a)
{
    int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *) &a->sa, a->len) < 0 || listen(fd, BACKLOG) < 0 || ag_addr_of_socket(fd, a) < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

/* ---- running ---- */

static void stop(void *user)
{
    web_stop(&((struct program *) user)->web);
}

static const struct ag_program_ops ops = {.stop = stop};

static int run(struct web_settings *o)
{
    static struct program p;
    char text[AG_ADDR_TEXT_MAX];
    int r = listen_at(&o->listen);

    if (r < 0) {
        fprintf(stderr, "miio_web: %s: %s\n", ag_addr_format(&o->listen, text), strerror(-r));
        return AG_EXIT_RUNTIME;
    }
    o->web.server.listen_fd = r;
    if (ag_program_start(&p.frame, "miio_web", o->daemonize, &ops, &p) < 0)
        return AG_EXIT_RUNTIME;
    if (web_start(&p.web, &p.frame.loop, &o->web) == 0)
        ag_program_ready(&p.frame, "url=%s://%s/ password=%s", o->cert[0] ? "https" : "http", ag_addr_format(&o->listen, text),
                         o->web.has_password ? "yes" : "no");
    else
        ag_program_stop(&p.frame, AG_EXIT_RUNTIME);
    ag_program_run(&p.frame);
    web_deinit(&p.web);
    return ag_program_end(&p.frame);
}

/* Every file that the settings name. An exit code, or -1. */
static int read_files(struct web_settings *o, struct ag_buf *cert, struct ag_buf *key)
{
    int r = read_password(o);

    if (r < 0)
        r = check_reach(o);
    if (r < 0 && (!read_pem(o->cert, cert, &o->web.server.cert_pem) || !read_pem(o->key, key, &o->web.server.key_pem)))
        r = AG_EXIT_CONFIG;
    ag_trust_warn(o->config, AG_TRUST_SETTINGS);
    ag_trust_warn(o->key, AG_TRUST_SECRET);
    ag_trust_warn(o->networks, AG_TRUST_SETTINGS);
    return r;
}

/* The rest of --check-config. */
static int check_model(const struct web_settings *o)
{
    ag_cleanup(ag_buf_deinit) struct ag_buf text = AG_BUF_INIT;

    if (o->model[0] && web_model_print(o->model, &text) < 0)
        return AG_EXIT_CONFIG; /* the log says why */
    puts("configuration is good");
    return AG_EXIT_OK;
}

int main(int argc, char **argv)
{
    static struct web_settings o;
    ag_cleanup(ag_buf_deinit) struct ag_buf cert = AG_BUF_INIT, key = AG_BUF_SECRET_INIT;
    int r;

    web_settings_init(&o);
    r = web_settings_read(&o, argc, argv);
    if (r >= 0)
        return r;
    if (o.set_password)
        return web_set_password(o.password_file) == 0 ? AG_EXIT_OK : AG_EXIT_RUNTIME;
    if (ag_program_log("miio_web", (int) o.log_level, o.check_only ? "" : o.log_file) < 0)
        return AG_EXIT_RUNTIME;
    r = read_files(&o, &cert, &key);
    if (r < 0 && o.check_only)
        return check_model(&o);
    /* one thread beside the loop, to hash passwords, and only once somebody logs in */
    setenv("UV_THREADPOOL_SIZE", "1", 0);
    return r >= 0 ? r : run(&o);
}
