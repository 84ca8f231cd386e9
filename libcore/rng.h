/*
 * rng: counter-based random numbers, Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy
 * as 1, 2, 3", SC 2011). A draw depends on its key and on nothing else, so results do not depend on
 * threads, on frames, or on what was drawn before.
 */
#ifndef CVT_RNG_H
#define CVT_RNG_H

#include <stddef.h>
#include <stdint.h>

/* out = Philox4x32-10(counter) under the key. */
void philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);

/* A sequence of draws under one key. */
struct rng {
	uint32_t key[2];
	uint32_t counter[4];
	uint32_t word[4];
	unsigned used; /* words of `word` given out, 4 = refill */
};

/* A filter's draw (DESIGN 4): seed; stage, epoch, index, copy, view, place. */
struct rng_site {
	uint64_t seed;
	uint32_t stage, epoch, copy, view, place;
	uint64_t index;
};
void rng_at(struct rng *r, const struct rng_site *site);
/* Any other purpose: seed, a purpose number (enum rng_purpose) and up to two coordinates. */
enum rng_purpose {
	RNG_SHUFFLE = 1,
	RNG_SPLIT,
	RNG_INIT,
	RNG_LAYER,
	RNG_REPLAY,
	RNG_EPISODE,
	RNG_SHAPES,
	RNG_METHOD,
	RNG_MIX
};
void rng_for(struct rng *r, uint64_t seed, enum rng_purpose purpose, uint64_t a, uint64_t b);

uint32_t rng_u32(struct rng *r);
uint64_t rng_u64(struct rng *r);
/* Uniform in [0, 1), 24 bits. */
float rng_uniform(struct rng *r);
/* Uniform in [low, high). */
float rng_between(struct rng *r, float low, float high);
/* Standard normal (Box-Muller). */
float rng_normal(struct rng *r);
/* Gamma of that shape > 0 and scale 1 (Marsaglia and Tsang, "A simple method for generating gamma
 * variables", 2000). Beta and Dirichlet are shares of such. */
double rng_gamma(struct rng *r, double shape);
/* Uniform in 0..n-1 without bias; n > 0. */
uint64_t rng_below(struct rng *r, uint64_t n);
/* A random permutation of 0..n-1 (Fisher-Yates) into order. */
void rng_permutation(struct rng *r, size_t *order, size_t n);
/* The same of n runs of items, whose items stay together: run i is start[i] .. start[i+1]-1, and start[0]
 * is 0. order gets start[n] items; turn, the permutation of the runs, has room for n. */
void rng_permute_runs(struct rng *r, const size_t *start, size_t n, size_t *turn, size_t *order);

#endif
