/* SPDX-License-Identifier: MIT */
/* What the Gizwits stand-in remembers. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "examples/sim/gizwits/gizwits_sim.h"
#include "libagent/io/file.h"

void gzsim_refuse(struct gzsim *s, const char *did, const char *why)
{
    s->n_refused++;
    sim_note("refused", ",\"did\":\"%s\",\"why\":\"%s\"", did, why);
}

enum { FIRMWARE_MAX = 64 << 20 };

static void make_did(char out[GZSIM_DID_LEN + 1])
{
    static const char letters[] = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    uint8_t random[GZSIM_DID_LEN];

    if (getrandom(random, sizeof random, 0) != sizeof random)
        memset(random, 7, sizeof random);
    for (unsigned i = 0; i < GZSIM_DID_LEN; i++)
        out[i] = letters[random[i] % (sizeof letters - 1)];
    out[GZSIM_DID_LEN] = '\0';
}

struct gzsim_device *gzsim_device_add(struct gzsim *s, const char *passcode, const char *mac)
{
    struct gzsim_device *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    do {
        make_did(d->did);
    } while (gzsim_device_find(s, (struct ag_span){d->did, GZSIM_DID_LEN}));
    snprintf(d->passcode, sizeof d->passcode, "%s", passcode);
    snprintf(d->mac, sizeof d->mac, "%s", mac);
    ag_list_append(&s->devices, &d->link);
    return d;
}

struct gzsim_device *gzsim_device_find(struct gzsim *s, struct ag_span did)
{
    ag_list_for_each (it, &s->devices) {
        struct gzsim_device *d = ag_list_entry(it, struct gzsim_device, link);

        if (!d->disabled && ag_span_is(did, d->did, GZSIM_DID_LEN))
            return d;
    }
    return NULL;
}

bool gzsim_device_ping(struct gzsim_device *d, uint64_t now_ms)
{
    uint64_t oldest = d->pings[d->next_ping];
    bool full = d->n_pings == GZSIM_PINGS_MAX;

    d->pings[d->next_ping] = now_ms;
    d->next_ping = (d->next_ping + 1) % GZSIM_PINGS_MAX;
    if (!full)
        d->n_pings++;
    return !full || now_ms - oldest > GZSIM_PINGS_MS;
}

static void md5_hex(struct ag_span bytes, char out[33])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    EVP_Digest(bytes.p, bytes.len, digest, &n, EVP_md5(), NULL);
    for (unsigned i = 0; i < 16; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

int gzsim_firmware_set(struct gzsim *s, int type, const char *version, uint32_t fid, const char *path, bool with_md5)
{
    struct gzsim_firmware *f = &s->firmware[type - 1];
    struct ag_buf bytes = AG_BUF_INIT;
    int r = ag_file_read(path, FIRMWARE_MAX, &bytes);

    if (r < 0)
        return r;
    ag_buf_deinit(&f->bytes);
    f->bytes = bytes;
    snprintf(f->version, sizeof f->version, "%s", version);
    f->fid = fid;
    f->md5[0] = '\0';
    if (with_md5)
        md5_hex(ag_buf_span(&f->bytes), f->md5);
    return 0;
}

void gzsim_state_free(struct gzsim *s)
{
    ag_list_for_each_safe (it, &s->devices)
        free(ag_list_entry(it, struct gzsim_device, link));
    for (unsigned i = 0; i < 2; i++)
        ag_buf_deinit(&s->firmware[i].bytes);
}
