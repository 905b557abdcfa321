/* SPDX-License-Identifier: MIT */
/* Chance with a seed: splitmix64. */
#ifndef WORLD_RNG_H
#define WORLD_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t s;
};

static inline uint64_t rng_next(struct rng *r)
{
    uint64_t z = (r->s += 0x9e3779b97f4a7c15ull);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

/* 0 .. n - 1; n 0: 0 */
static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
    return n ? rng_next(r) % n : 0;
}

static inline uint64_t rng_between(struct rng *r, uint64_t low, uint64_t high)
{
    return low + rng_below(r, high - low + 1);
}

static inline bool rng_chance(struct rng *r, uint64_t ppm)
{
    return ppm > 0 && rng_next(r) % 1000000 < ppm;
}

#endif
