/* SPDX-License-Identifier: MIT */
/* The settings of miio_web, from its command line and its file. */
#ifndef WEB_SETTINGS_H
#define WEB_SETTINGS_H

#include <limits.h>
#include "agent/apps/web/options.h"
#include "libagent/io/addr.h"

#define WEB_PASSWORD_FILE "/etc/miio/web.password"

struct web_settings {
    struct web_options web; /* its pointers lead into this object */
    struct ag_addr listen;
    /* "": not given */
    char password_file[PATH_MAX], cert[PATH_MAX], key[PATH_MAX], model[PATH_MAX], networks[PATH_MAX], log_file[PATH_MAX];
    char miioctl[PATH_MAX], agent[PATH_MAX], config[PATH_MAX];
    char names[WEB_NAMES_MAX][WEB_NAME_MAX + 1];
    uint64_t session_minutes, log_level;
    bool password_given, set_password, check_only, daemonize;
};

void web_settings_init(struct web_settings *s);
/* The file first, whatever its place: the command line wins. -1: go on; else the exit code, and standard error has the reason. */
int web_settings_read(struct web_settings *s, int argc, char **argv);

#endif
