/*
 * exact: sums in double precision of floats, the same to the last bit on every kind of processor: eight sums
 * side by side, each product rounded (no fused multiply and add), added in one order.
 */
#include "vmath.h"

enum { SUMS = 8, WIDTH = SIMD_WIDTH / 2, PARTS = SUMS / WIDTH };
typedef double part __attribute__((vector_size(WIDTH * 8)));
typedef float floats __attribute__((vector_size(WIDTH * 4)));

static inline part load_part(const float *p)
{
	floats f;
	memcpy(&f, p, sizeof f);
	return __builtin_convertvector(f, part);
}

static inline double add_up(const part *parts)
{
	double s[SUMS];
	memcpy(s, parts, sizeof s);
	return ((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7]));
}

static inline void add_products(part *s, const float *a, const float *b)
{
	for (int p = 0; p < PARTS; p++)
		s[p] += load_part(a + p * WIDTH) * load_part(b + p * WIDTH);
}

static inline void add_squares(part *s, const float *a, const float *b)
{
	for (int p = 0; p < PARTS; p++) {
		const part x = load_part(a + p * WIDTH) - load_part(b + p * WIDTH);
		s[p] += x * x;
	}
}

/* Fewer than SUMS numbers, zeros behind. */
static inline void copy_rest(const float *from, size_t n, float *to)
{
	memset(to, 0, SUMS * sizeof *to);
	memcpy(to, from, n * sizeof *to);
}

/* a . b */
double KERNEL(exact_dot)(const float *a, const float *b, size_t n)
{
	part s[PARTS] = {{0}};
	float x[SUMS], y[SUMS];
	size_t i = 0;
	for (; i + SUMS <= n; i += SUMS)
		add_products(s, a + i, b + i);
	copy_rest(a + i, n - i, x);
	copy_rest(b + i, n - i, y);
	add_products(s, x, y);
	return add_up(s);
}

/* |a - b|^2 */
double KERNEL(exact_square)(const float *a, const float *b, size_t n)
{
	part s[PARTS] = {{0}};
	float x[SUMS], y[SUMS];
	size_t i = 0;
	for (; i + SUMS <= n; i += SUMS)
		add_squares(s, a + i, b + i);
	copy_rest(a + i, n - i, x);
	copy_rest(b + i, n - i, y);
	add_squares(s, x, y);
	return add_up(s);
}

/* |x|^2, in twice as many sums: long arrays are read as fast as memory gives them. */
double KERNEL(exact_norm)(const float *x, size_t n)
{
	part s[2 * PARTS] = {{0}};
	float rest[2 * SUMS] = {0};
	size_t i = 0;
	for (; i + 2 * SUMS <= n; i += 2 * SUMS) {
		add_products(s, x + i, x + i);
		add_products(s + PARTS, x + i + SUMS, x + i + SUMS);
	}
	memcpy(rest, x + i, (n - i) * sizeof *x);
	add_products(s, rest, rest);
	add_products(s + PARTS, rest + SUMS, rest + SUMS);
	return add_up(s) + add_up(s + PARTS);
}
