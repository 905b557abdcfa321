/* SPDX-License-Identifier: MIT */
#include "client/device/io/net_info.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/wireless.h>

/* The members of device_info that are kept. */
struct facts {
    char ssid[33], bssid[18];
    char local_ip[46], mask[46], gw[46];
    bool radio; /* a wireless interface: the access point may change unnoticed */
};

struct net_info {
    uv_loop_t *loop;
    uv_poll_t poll; /* with a socket only */
    int fd;         /* rtnetlink; -1: none to be had */
    bool known, stale, listens, closing;
    uint64_t read_at_ms;
    struct facts facts;
    void (*closed)(void *user);
    void *user;
};

/* The interface of the default route and its gateway. false: none. */
static bool default_route(char name[IFNAMSIZ], char gw[46])
{
    char line[256], ifname[64];
    unsigned long dest, via, flags;
    bool found = false;
    FILE *f = fopen("/proc/net/route", "re");

    while (f && !found && fgets(line, sizeof line, f)) {
        if (sscanf(line, "%63s %lx %lx %lx", ifname, &dest, &via, &flags) != 4 || dest != 0 || !(flags & 1))
            continue;
        snprintf(name, IFNAMSIZ, "%.15s", ifname);
        found = inet_ntop(AF_INET, &(struct in_addr){(in_addr_t) via}, gw, 46) != NULL;
    }
    if (f)
        fclose(f);
    return found;
}

static void text_of(char out[46], const struct sockaddr *sa)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *) (const void *) sa;

    if (sa)
        inet_ntop(AF_INET, &in->sin_addr, out, 46);
}

/* The address of that interface; without a name, of the first one that is up and not loopback. */
static void read_address(struct facts *out, const char *name)
{
    struct ifaddrs *all = NULL;

    if (getifaddrs(&all) < 0)
        return;
    for (struct ifaddrs *i = all; i; i = i->ifa_next) {
        if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || !(i->ifa_flags & IFF_UP))
            continue;
        if (name[0] ? strcmp(i->ifa_name, name) != 0 : (i->ifa_flags & IFF_LOOPBACK) != 0)
            continue;
        text_of(out->local_ip, i->ifa_addr);
        text_of(out->mask, i->ifa_netmask);
        break;
    }
    freeifaddrs(all);
}

static void read_radio(struct facts *out, const char *name)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct iwreq rq = {0};
    char essid[IW_ESSID_MAX_SIZE + 1] = "";

    if (fd < 0)
        return;
    snprintf(rq.ifr_name, IFNAMSIZ, "%.15s", name);
    rq.u.essid.pointer = essid;
    rq.u.essid.length = IW_ESSID_MAX_SIZE;
    if (ioctl(fd, SIOCGIWESSID, &rq) == 0) {
        out->radio = true;
        snprintf(out->ssid, sizeof out->ssid, "%.*s", (int) rq.u.essid.length, essid);
        if (ioctl(fd, SIOCGIWAP, &rq) == 0) {
            const uint8_t *b = (const uint8_t *) rq.u.ap_addr.sa_data;

            snprintf(out->bssid, sizeof out->bssid, "%02X:%02X:%02X:%02X:%02X:%02X", b[0], b[1], b[2], b[3], b[4], b[5]);
        }
    }
    close(fd);
}

static void read_facts(struct facts *out)
{
    char name[IFNAMSIZ] = "";

    memset(out, 0, sizeof *out);
    if (!default_route(name, out->gw))
        out->gw[0] = '\0';
    read_address(out, name);
    if (name[0])
        read_radio(out, name);
}

static void tell(struct device_info *out, const struct facts *f)
{
    memcpy(out->ssid, f->ssid, sizeof out->ssid);
    memcpy(out->bssid, f->bssid, sizeof out->bssid);
    memcpy(out->local_ip, f->local_ip, sizeof out->local_ip);
    memcpy(out->mask, f->mask, sizeof out->mask);
    memcpy(out->gw, f->gw, sizeof out->gw);
}

/* ---- what the kernel says of itself ---- */

/* One message is enough until somebody asks again: however often the network changes, that is one wake-up. */
static void on_change(uv_poll_t *p, int status, int events)
{
    struct net_info *n = p->data;

    (void) status;
    (void) events;
    n->stale = true;
    uv_poll_stop(p);
}

/* The content does not matter: every message means the same. -1: the socket has failed. */
static int drain(int fd)
{
    char scratch[4096];
    ssize_t r;

    do
        r = recv(fd, scratch, sizeof scratch, MSG_DONTWAIT);
    while (r > 0 || (r < 0 && (errno == ENOBUFS || errno == EINTR))); /* ENOBUFS: some were lost, as good as read */
    return r < 0 && errno == EAGAIN ? 0 : -1;
}

static int netlink_socket(void)
{
    struct sockaddr_nl at = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE), small = 4096;

    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small); /* it fills while nobody asks */
    if (fd >= 0 && bind(fd, (struct sockaddr *) (void *) &at, sizeof at) < 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* Listens before it reads: what changes from then on is reported again. */
static void refresh(struct net_info *n)
{
    if (n->fd >= 0)
        n->listens = drain(n->fd) == 0 && uv_poll_start(&n->poll, UV_READABLE, on_change) == 0;
    read_facts(&n->facts);
    n->known = true;
    n->stale = false;
    n->read_at_ms = uv_now(n->loop);
}

static bool is_fresh(const struct net_info *n)
{
    if (!n->known || n->stale)
        return false;
    return (n->listens && !n->facts.radio) || uv_now(n->loop) - n->read_at_ms < NET_INFO_FRESH_MS;
}

void net_info_get(struct net_info *n, struct device_info *out)
{
    struct facts once;

    if (!n) {
        read_facts(&once);
        tell(out, &once);
        return;
    }
    if (!is_fresh(n))
        refresh(n);
    tell(out, &n->facts);
}

/* ---- life ---- */

int net_info_open(struct net_info **out, uv_loop_t *loop, void (*closed)(void *user), void *user)
{
    struct net_info *n = calloc(1, sizeof *n);

    if (!n)
        return -ENOMEM;
    n->loop = loop;
    n->closed = closed;
    n->user = user;
    n->fd = netlink_socket();
    n->poll.data = n;
    if (n->fd >= 0 && uv_poll_init(loop, &n->poll, n->fd) < 0) {
        close(n->fd);
        n->fd = -1;
    }
    *out = n;
    return 0;
}

static void end(struct net_info *n)
{
    void (*closed)(void *user) = n->closed;
    void *user = n->user;

    free(n);
    closed(user);
}

static void on_closed(uv_handle_t *h)
{
    struct net_info *n = h->data;

    close(n->fd);
    end(n);
}

void net_info_close(struct net_info *n)
{
    if (!n || n->closing)
        return;
    n->closing = true;
    if (n->fd >= 0)
        uv_close((uv_handle_t *) &n->poll, on_closed);
    else
        end(n);
}
