/*
 * pool: the largest value of each window, and which place it had. A window is a list of `taps`
 * places, each with its offset in floats from the window's first corner and its number; n windows
 * stand in a row, x_step floats apart. Vectors have c channels. Where no gradient follows, winner is NULL.
 */
#include "vmath.h"

typedef uint8_t bytes __attribute__((vector_size(SIMD_WIDTH)));

static inline ivec load_numbers(const uint8_t *p, size_t n)
{
	bytes b = {0};
	memcpy(&b, p, n < SIMD_WIDTH ? n : SIMD_WIDTH);
	return __builtin_convertvector(b, ivec);
}

static inline void store_numbers(uint8_t *p, ivec v, size_t n)
{
	const bytes b = __builtin_convertvector(v, bytes);
	memcpy(p, &b, n < SIMD_WIDTH ? n : SIMD_WIDTH);
}

/* Ties go to the first; a NaN wins over all before it, as in PyTorch. */
static inline __attribute__((always_inline)) void window_max(const bool noted,
	const struct simd_pool *p, const float *x, float *y, uint8_t *winner, size_t n)
{
	vec best = vec_load_some(x + p->tap[0], n);
	ivec number = (ivec){0} + p->number[0];
	for (size_t t = 1; t < p->taps; t++) {
		const vec v = vec_load_some(x + p->tap[t], n);
		const ivec more =
			(v > best) | (v != v); /* NOLINT(misc-redundant-expression): NaN */
		if (noted)
			number = (number & ~more) | (p->number[t] & more);
		best = vec_select(more, v, best);
	}
	vec_store_some(y, best, n);
	if (noted && winner)
		store_numbers(winner, number, n);
}

void KERNEL(pool_max)(const struct simd_pool *p, const float *x, float *y, uint8_t *winner)
{
	for (size_t i = 0; i < p->n; i++, x += p->x_step, y += p->c)
		for (size_t k = 0; k < p->c; k += SIMD_WIDTH)
			if (winner)
				window_max(true, p, x + k, y + k, winner + i * p->c + k, p->c - k);
			else
				window_max(false, p, x + k, y + k, NULL, p->c - k);
}

/* dx of each window's winner += dy */
void KERNEL(pool_max_back)(
	const struct simd_pool *p, const float *dy, const uint8_t *winner, float *dx)
{
	for (size_t i = 0; i < p->n; i++, dx += p->x_step, dy += p->c, winner += p->c)
		for (size_t k = 0; k < p->c; k += SIMD_WIDTH) {
			const size_t left = p->c - k;
			const vec d = vec_load_some(dy + k, left);
			const ivec number = load_numbers(winner + k, left);
			for (size_t t = 0; t < p->taps; t++) {
				const ivec mine = number == p->number[t];
				vec_put_some(dx + p->tap[t] + k, vec_select(mine, d, (vec){0}),
					left, true);
			}
		}
}
