/* SPDX-License-Identifier: MIT */
/* The packet of the LAN and of the OT cloud (docs/protocol.md, "Packet"), rewritten for the drivers; time and processor time. */
#ifndef BENCH_CLIENT_WIRE_H
#define BENCH_CLIENT_WIRE_H
#define OPENSSL_SUPPRESS_DEPRECATED 1
#include <dirent.h>
#include <openssl/aes.h>
#include <openssl/md5.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct wire {
    uint8_t secret[16], iv[16];
    AES_KEY enc, dec;
    uint64_t did;
};

static inline void wire_init(struct wire *w, const char *secret, uint64_t did)
{
    uint8_t key[16], both[32];

    memcpy(w->secret, secret, 16);
    w->did = did;
    MD5(w->secret, 16, key);
    memcpy(both, key, 16);
    memcpy(both + 16, w->secret, 16);
    MD5(both, 32, w->iv);
    AES_set_encrypt_key(key, 128, &w->enc);
    AES_set_decrypt_key(key, 128, &w->dec);
}

static inline void wire_head(uint8_t *p, size_t len, uint64_t did, uint32_t stamp)
{
    p[0] = 0x21, p[1] = 0x31, p[2] = (uint8_t) (len >> 8), p[3] = (uint8_t) len;
    for (int i = 0; i < 8; i++)
        p[4 + i] = (uint8_t) (did >> (56 - 8 * i));
    for (int i = 0; i < 4; i++)
        p[12 + i] = (uint8_t) (stamp >> (24 - 8 * i));
}

/* out: at least n + 48. Returns the packet's length. */
static inline size_t wire_encode(const struct wire *w, uint8_t *out, const char *text, size_t n, uint32_t stamp)
{
    size_t pad = 16 - n % 16, body = n ? n + pad : 0;
    uint8_t plain[4200], iv[16];

    memcpy(iv, w->iv, 16);
    wire_head(out, 32 + body, w->did, stamp);
    memcpy(out + 16, w->secret, 16);
    if (body) {
        memcpy(plain, text, n);
        memset(plain + n, (int) pad, pad);
        AES_cbc_encrypt(plain, out + 32, body, &w->enc, iv, AES_ENCRYPT);
    }
    MD5(out, 32 + body, out + 16);
    return 32 + body;
}

/* p is changed. Returns the text's length, -1 when the packet is wrong. text: at least n bytes. */
static inline int wire_decode(const struct wire *w, uint8_t *p, size_t n, char *text)
{
    uint8_t sum[16], want[16], iv[16];

    if (n < 32 || n % 16 || p[0] != 0x21 || p[1] != 0x31 || (size_t) (p[2] << 8 | p[3]) != n)
        return -1;
    memcpy(want, p + 16, 16);
    memcpy(p + 16, w->secret, 16);
    MD5(p, n, sum);
    if (memcmp(sum, want, 16) != 0)
        return -1;
    if (n == 32)
        return 0;
    memcpy(iv, w->iv, 16);
    AES_cbc_encrypt(p + 32, (uint8_t *) text, n - 32, &w->dec, iv, AES_DECRYPT);
    n = n - 32 - (uint8_t) text[n - 33];
    text[n] = '\0';
    return (int) n;
}

static inline uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t) t.tv_sec * 1000000000u + (uint64_t) t.tv_nsec;
}

/* Time on a processor of all threads of pid, in ns. */
static inline uint64_t cpu_ns(int pid)
{
    char path[320];
    uint64_t sum = 0;
    struct dirent *e;
    DIR *d;

    snprintf(path, sizeof path, "/proc/%d/task", pid);
    d = opendir(path);
    while (d && (e = readdir(d))) {
        unsigned long long ns = 0;
        FILE *f;

        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, e->d_name);
        f = fopen(path, "r");
        if (f && fscanf(f, "%llu", &ns) == 1)
            sum += ns;
        if (f)
            fclose(f);
    }
    if (d)
        closedir(d);
    return sum;
}

/* "--pid NAME=PID" of the drivers. */
struct watched {
    char name[32];
    int pid;
    uint64_t before;
};

static inline void watch_add(struct watched *w, int *n, const char *arg)
{
    const char *eq = strchr(arg, '=');

    if (!eq || *n >= 8)
        return;
    snprintf(w[*n].name, sizeof w[*n].name, "%.*s", (int) (eq - arg), arg);
    w[(*n)++].pid = atoi(eq + 1);
}

static inline void watch_begin(struct watched *w, int n)
{
    for (int i = 0; i < n; i++)
        w[i].before = cpu_ns(w[i].pid);
}

static inline void watch_print(const struct watched *w, int n, double per)
{
    for (int i = 0; i < n; i++)
        printf(" cpu_%s_us=%.2f", w[i].name, (double) (cpu_ns(w[i].pid) - w[i].before) / 1000 / per);
}

static inline int by_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *) a, y = *(const uint32_t *) b;

    return x < y ? -1 : x > y;
}
#endif
