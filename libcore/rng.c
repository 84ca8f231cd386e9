/* rng: counter-based random numbers (see rng.h). */
#include "rng.h"

#include <math.h>
#include <string.h>

void philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4])
{
	uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
	uint32_t k0 = key[0], k1 = key[1];
	for (int round = 0; round < 10; round++) {
		const uint64_t p = (uint64_t)0xD2511F53u * c0, q = (uint64_t)0xCD9E8D57u * c2;
		c0 = (uint32_t)(q >> 32) ^ c1 ^ k0;
		c1 = (uint32_t)q;
		c2 = (uint32_t)(p >> 32) ^ c3 ^ k1;
		c3 = (uint32_t)p;
		k0 += 0x9E3779B9u;
		k1 += 0xBB67AE85u;
	}
	out[0] = c0;
	out[1] = c1;
	out[2] = c2;
	out[3] = c3;
}

/* The key of a site: what varies slowly is hashed into it, so that the counter is left for the row. */
static void derive(struct rng *r, uint64_t seed, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
	const uint32_t counter[4] = {a, b, c, d};
	uint32_t out[4];
	philox(key, counter, out);
	memset(r, 0, sizeof *r);
	r->key[0] = out[0];
	r->key[1] = out[1];
	r->used = 4;
}

void rng_at(struct rng *r, const struct rng_site *s)
{
	derive(r, s->seed, s->stage, s->epoch, s->copy, s->view << 16 ^ s->place);
	r->counter[2] = (uint32_t)s->index;
	r->counter[3] = (uint32_t)(s->index >> 32);
}

void rng_for(struct rng *r, uint64_t seed, enum rng_purpose purpose, uint64_t a, uint64_t b)
{
	derive(r, seed, 0xffffffffu, (uint32_t)purpose, (uint32_t)a, (uint32_t)(a >> 32));
	r->counter[2] = (uint32_t)b;
	r->counter[3] = (uint32_t)(b >> 32);
}

uint32_t rng_u32(struct rng *r)
{
	if (r->used == 4) {
		philox(r->key, r->counter, r->word);
		if (++r->counter[0] == 0)
			r->counter[1]++;
		r->used = 0;
	}
	return r->word[r->used++];
}

uint64_t rng_u64(struct rng *r)
{
	const uint64_t high = rng_u32(r);
	return high << 32 | rng_u32(r);
}

float rng_uniform(struct rng *r)
{
	return (float)(rng_u32(r) >> 8) * 0x1p-24f;
}

float rng_between(struct rng *r, float low, float high)
{
	return low + (high - low) * rng_uniform(r);
}

float rng_normal(struct rng *r)
{
	const double u = ((double)rng_u32(r) + 0.5) * 0x1p-32, v = (double)rng_u32(r) * 0x1p-32;
	return (float)(sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v));
}

double rng_gamma(struct rng *r, double shape)
{
	const double more = shape < 1 ? shape + 1 : shape, d = more - 1.0 / 3;
	const double c = 1 / sqrt(9 * d);
	double x, v, u;
	do {
		x = (double)rng_normal(r);
		v = 1 + c * x;
		v = v * v * v;
		u = ((double)rng_u32(r) + 0.5) * 0x1p-32;
	} while (v <= 0 || log(u) >= 0.5 * x * x + d - d * v + d * log(v));
	if (shape < 1) /* Gamma(a) = Gamma(a + 1) U^(1/a) */
		v *= pow(((double)rng_u32(r) + 0.5) * 0x1p-32, 1 / shape);
	return d * v;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	const uint64_t reject =
		(0 - n) % n; /* 2^64 mod n: values below it would be drawn too often */
	uint64_t x;
	do
		x = rng_u64(r);
	while (x < reject);
	return x % n;
}

void rng_permutation(struct rng *r, size_t *order, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const size_t j = (size_t)rng_below(r, i + 1);
		order[i] = order[j];
		order[j] = i;
	}
}

void rng_permute_runs(struct rng *r, const size_t *start, size_t n, size_t *turn, size_t *order)
{
	rng_permutation(r, turn, n);
	for (size_t k = 0; k < n; k++)
		for (size_t i = start[turn[k]]; i < start[turn[k] + 1]; i++)
			*order++ = i;
}
