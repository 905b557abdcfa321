#include "client/device/io/net_info.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/wireless.h>

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
static void read_address(struct device_info *out, const char *name)
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

static void read_radio(struct device_info *out, const char *name)
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
        snprintf(out->ssid, sizeof out->ssid, "%.*s", (int) rq.u.essid.length, essid);
        if (ioctl(fd, SIOCGIWAP, &rq) == 0) {
            const uint8_t *b = (const uint8_t *) rq.u.ap_addr.sa_data;

            snprintf(out->bssid, sizeof out->bssid, "%02X:%02X:%02X:%02X:%02X:%02X", b[0], b[1], b[2], b[3], b[4],
                     b[5]);
        }
    }
    close(fd);
}

void net_info_read(struct device_info *out)
{
    char name[IFNAMSIZ] = "";

    if (!default_route(name, out->gw))
        out->gw[0] = '\0';
    read_address(out, name);
    if (name[0])
        read_radio(out, name);
}
