/* SPDX-License-Identifier: MIT */
/* Loaded before the C library: the wireless driver tells a network's name of any bytes, $FAKE_SSID in hex digits. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/wireless.h>

typedef int ioctl_fn(int, unsigned long, ...);

static int tell_ssid(struct iwreq *rq)
{
    const char *hex = getenv("FAKE_SSID");
    size_t n = hex ? strlen(hex) / 2 : 0;
    unsigned char *to = rq->u.essid.pointer;

    for (size_t i = 0; i < n; i++)
        sscanf(hex + 2 * i, "%2hhx", &to[i]);
    rq->u.essid.length = (unsigned short) n;
    return 0;
}

__attribute__((visibility("default"))) int ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    void *arg;

    va_start(ap, request);
    arg = va_arg(ap, void *);
    va_end(ap);
    if (request == SIOCGIWESSID)
        return tell_ssid(arg);
    if (request == SIOCGIWAP) {
        memset(((struct iwreq *) arg)->u.ap_addr.sa_data, 0xab, 6);
        return 0;
    }
    return ((ioctl_fn *) dlsym(RTLD_NEXT, "ioctl"))(fd, request, arg);
}
