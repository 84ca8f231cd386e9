/* Products of small matrices as they lie, the gradients of dense layers and the turning of rows into columns, for
 * every kind of processor that this one is, against plain loops in double precision and against the portable version; nothing is written
 * beside the result, and nothing beside the vectors is read into it. */
#include "../../libcore/simd.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../../libcore/rng.h"

enum { MOST = 83, STEP = MOST + 5, ROOM = MOST * STEP };
static const float untouched = 12345.5F;
static float A[ROOM], B[ROOM];
static int failures;

static void check(bool good, const char *what, const char *processor)
{
	printf("%s %s of %s\n", good ? "ok" : "not ok", what, processor);
	failures += !good;
}

static void fill(float *to, size_t n, uint64_t seed)
{
	struct rng r;
	rng_for(&r, seed, RNG_METHOD, 0, 0);
	for (size_t i = 0; i < n; i++)
		to[i] = rng_normal(&r);
}

static void clear(float *to)
{
	for (size_t i = 0; i < ROOM; i++)
		to[i] = untouched;
}

/* A with its rows or, turned, its columns one behind the other; B with NaN beyond its vectors. */
static bool product_is_right(const struct simd *s, size_t m, size_t n, size_t k, bool turned)
{
	static float b[ROOM], c[ROOM], plain[ROOM];
	const struct simd_product p = {m, n, k, turned ? 1 : STEP, turned ? STEP : 1, STEP, STEP};
	for (size_t i = 0; i < ROOM; i++)
		b[i] = i % STEP < n && i / STEP < k ? B[i] : NAN;
	clear(c);
	clear(plain);
	s->product(&p, A, b, c);
	simd_named("portable")->product(&p, A, b, plain);
	bool good = true;
	for (size_t i = 0; i < ROOM; i++) {
		const size_t row = i / STEP, column = i % STEP;
		if (row >= m || column >= n) {
			good = good && c[i] == untouched;
			continue;
		}
		double want = 0;
		for (size_t j = 0; j < k; j++)
			want += (double)A[row * p.a_row + j * p.a_column]
				* (double)B[j * STEP + column];
		good = good && fabs((double)c[i] - want) <= 2e-5 * (1 + fabs(want))
		       && fabs((double)c[i] - (double)plain[i]) <= 2e-5 * (1 + fabs(want));
	}
	return good;
}

/* The same bits in a tile of any height: rows one by one, and all together. */
static bool rows_are_alike(const struct simd *s, size_t m, size_t n, size_t k)
{
	static float all[ROOM], one[ROOM];
	const struct simd_product p = {m, n, k, STEP, 1, STEP, STEP};
	const struct simd_product single = {1, n, k, STEP, 1, STEP, STEP};
	clear(all);
	clear(one);
	s->product(&p, A, B, all);
	for (size_t i = 0; i < m; i++)
		s->product(&single, A + i * STEP, B, one + i * STEP);
	return memcmp(all, one, sizeof all) == 0;
}

/* C grows by A' B, rows of A and of B being those of dy and of x. */
static bool weights_are_right(const struct simd *s, size_t rows, size_t inputs, size_t outputs)
{
	static float x[ROOM], dw[ROOM];
	const struct simd_dense d = {rows, inputs, outputs, STEP, STEP, STEP};
	bool good = true;
	for (size_t i = 0; i < ROOM; i++)
		x[i] = i % STEP < inputs && i / STEP < rows ? B[i] : NAN;
	clear(dw);
	for (size_t i = 0; i < outputs * STEP; i++)
		dw[i] = i % STEP < inputs ? A[ROOM - 1 - i] : untouched;
	s->dense_weights(&d, x, A, dw);
	for (size_t i = 0; i < ROOM; i++) {
		const size_t o = i / STEP, in = i % STEP;
		if (o >= outputs || in >= inputs) {
			good = good && dw[i] == untouched;
			continue;
		}
		double want = (double)A[ROOM - 1 - i];
		for (size_t n = 0; n < rows; n++)
			want += (double)A[n * STEP + o] * (double)B[n * STEP + in];
		good = good && fabs((double)dw[i] - want) <= 2e-5 * (1 + fabs(want));
	}
	return good;
}

static bool turn_is_right(const struct simd *s, size_t rows, size_t columns)
{
	static float to[ROOM];
	bool good = true;
	clear(to);
	s->turn(A, STEP, rows, columns, to, STEP);
	for (size_t i = 0; i < ROOM; i++) {
		const size_t c = i / STEP, r = i % STEP;
		const bool inside = c < columns && r < rows;
		const size_t from = inside ? (r * STEP + c) % ROOM : 0;
		good = good && to[i] == (inside ? A[from] : untouched);
	}
	return good;
}

static void check_processor(const char *name)
{
	static const size_t sizes[] = {
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 15, 16, 17, 19, 31, 32, 33, 48, 64, 65, 80, 83};
	enum { SIZES = sizeof sizes / sizeof *sizes };
	const struct simd *s = simd_named(name);
	if (!s) {
		printf("skip kernels of %s: this processor has it not\n", name);
		return;
	}
	bool by_rows = true, by_columns = true, alike = true, weights = true, turns = true;
	for (size_t i = 0; i < SIZES; i++)
		for (size_t j = 0; j < SIZES; j++) {
			const size_t k = sizes[(5 * i + j) % SIZES];
			by_rows = by_rows && product_is_right(s, sizes[i], sizes[j], k, false);
			by_columns = by_columns && product_is_right(s, sizes[i], sizes[j], k, true);
			alike = alike && rows_are_alike(s, sizes[i], sizes[j], k);
			weights = weights && weights_are_right(s, k, sizes[j], sizes[i]);
			turns = turns && turn_is_right(s, sizes[i], sizes[j]);
		}
	check(by_rows, "products by rows", name);
	check(by_columns, "products by columns", name);
	check(alike, "products of one row and of many", name);
	check(weights, "gradients of weights", name);
	check(product_is_right(s, 7, 33, 0, false), "products of nothing", name);
	check(turns, "turn", name);
}

int main(void)
{
	fill(A, ROOM, 1);
	fill(B, ROOM, 2);
	check_processor("portable");
	check_processor("avx2");
	check_processor("avx512");
	check_processor("amx");
	return failures != 0;
}
