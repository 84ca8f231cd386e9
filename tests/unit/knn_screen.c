/* What is found with a copy of the bank in whole numbers, and what many queries find together, is what each
 * finds without, to the last bit, on any data, any number of threads, any processor; rows that cannot be near
 * are not read; memory is asked for. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../libcore/knn.h"
#include "../../libcore/rng.h"
#include "processors.h"

enum { MOST_K = 40, WARM = 5, FEW = 5, QUERIES = 45 };
static int failures;

static void check(bool good, const char *what)
{
	if (!good)
		printf("not ok %s\n", what);
	failures += !good;
}

/* How row j of a bank differs from noise. */
enum kind {
	NOISE,
	CLUSTERS,
	EQUAL,
	TWINS,
	ZEROS,
	CONSTANT,
	SPIKES,
	SIZES,
	FAR,
	TINY,
	NEARLY_0,
	SHORT_ONES,
	HUGE_ROWS,
	LEVELS,
	KINDS
};
static const char *const kinds[KINDS] = {"noise", "clusters", "all equal", "a hundred twins",
	"zeros", "constant rows", "spikes", "of all sizes", "far from 0", "tiny", "nearly 0",
	"short ones", "huge", "levels"};

static void make_row(
	enum kind kind, struct rng *r, const float *first, size_t j, size_t d, float *x)
{
	const float size = ldexpf(1, (int)(j % 40) - 20), level = rng_normal(r);
	for (size_t i = 0; i < d; i++) {
		const float v = rng_normal(r);
		const float near = first[i] + 1e-4F * v;
		switch (kind) {
		case CLUSTERS:
			x[i] = j % 3 ? near : v;
			break;
		case EQUAL:
			x[i] = first[i];
			break;
		case TWINS:
			x[i] = j % 7 ? v : first[i];
			break;
		case ZEROS:
			x[i] = j % 2 ? v : 0;
			break;
		case CONSTANT:
			x[i] = level;
			break;
		case SPIKES:
			x[i] = i == j % d ? 1000 * v : v;
			break;
		case SIZES:
			x[i] = size * v;
			break;
		case FAR:
			x[i] = 1000 + v;
			break;
		case TINY:
			x[i] = 1e-12F * v;
			break;
		case NEARLY_0:
			x[i] = 1e-25F * v;
			break;
		case SHORT_ONES:
			x[i] = j % 3 ? v : 1e-41F * v;
			break;
		case HUGE_ROWS:
			x[i] = 1e16F * v;
			break;
		case LEVELS: /* a row is rounded as a whole, up or down */
			x[i] = 1 + 1e-5F * (float)(j * 997 % 9973);
			break;
		default:
			x[i] = v;
		}
	}
}

/* Rows, then queries: some like rows, one of zeros, one very short. */
static float *make_rows(enum kind kind, size_t rows, size_t d)
{
	struct rng r;
	rng_for(&r, 1, RNG_METHOD, rows, d);
	float *first = mem_alloc(d, sizeof *first, NULL);
	float *x = mem_alloc(rows + knn_padded(QUERIES), d * sizeof *x, NULL), *q = x + rows * d;
	for (size_t i = 0; i < d; i++)
		first[i] = rng_normal(&r);
	for (size_t j = 0; j < rows + QUERIES; j++)
		make_row(kind, &r, first, j, d, x + j * d);
	for (size_t i = 0; i < d; i++) {
		q[i] = x[i];
		q[3 * d + i] = 0;
		q[4 * d + i] *= 1e-30F;
	}
	free(first);
	return x;
}

struct answer {
	size_t row[QUERIES * MOST_K];
	float distance[QUERIES * MOST_K];
};

static struct knn *opened(
	enum knn_metric m, const struct knn_bank *b, struct par *par, size_t allowed)
{
	struct cvt_err e = {0};
	struct knn *s = NULL;
	if (knn_open(&s, m, b, SIZE_MAX, par, &e) != CVT_OK) {
		printf("not ok %s\n", e.text);
		exit(1);
	}
	knn_allow(s, allowed);
	return s;
}

static void ask(struct knn *s, float *query, size_t n, size_t k, struct answer *a)
{
	struct cvt_err e = {0};
	memset(a, 0, sizeof *a);
	check(knn_search(s, query, n, k, a->row, a->distance, &e) == CVT_OK, e.text);
}

static bool same(const struct answer *a, const struct answer *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

/* One query at a time and all of them, with the copy and without. */
static bool finds_the_same(
	enum knn_metric m, const struct knn_bank *b, float *query, size_t k, unsigned threads)
{
	struct par *par = NULL;
	struct cvt_err e = {0};
	check(par_open(&par, threads, &e) == CVT_OK, e.text);
	struct knn *plain = opened(m, b, par, 0), *screened = opened(m, b, par, SIZE_MAX);
	struct answer want, got;
	bool good = true;
	for (int i = 0; i < WARM; i++)
		ask(screened, query, 1, k, &got);
	for (size_t i = 0; i < FEW; i++) {
		ask(plain, query + i * b->d, 1, k, &want);
		ask(screened, query + i * b->d, 1, k, &got);
		good = good && same(&want, &got);
	}
	ask(plain, query, 3, k, &want);
	ask(screened, query, 3, k, &got);
	good = good && same(&want, &got);
	knn_close(plain);
	knn_close(screened);
	par_close(par);
	return good;
}

/* Many queries at once and one by one. Where more rows than are kept are equally near but for what floats can
 * tell, the way of their sums decides, and these kinds are left out. */
static bool finds_together(
	enum knn_metric m, const struct knn_bank *b, float *query, size_t k, unsigned threads)
{
	struct par *par = NULL;
	struct cvt_err e = {0};
	check(par_open(&par, threads, &e) == CVT_OK, e.text);
	struct knn *s = opened(m, b, par, 0);
	struct answer all, one;
	bool good = true;
	ask(s, query, QUERIES, k, &all);
	for (size_t i = 0; i < QUERIES; i++) {
		ask(s, query + i * b->d, 1, k, &one);
		good = good && memcmp(one.row, all.row + i * k, k * sizeof *all.row) == 0
		       && memcmp(one.distance, all.distance + i * k, k * sizeof *all.distance) == 0;
	}
	knn_close(s);
	par_close(par);
	return good;
}

static void check_kind(enum kind kind, size_t rows, size_t d, size_t k, unsigned threads)
{
	float *x = make_rows(kind, rows, d),
	      *query = mem_alloc(knn_padded(QUERIES), d * sizeof *x, NULL);
	unsigned char *u1 = mem_alloc(rows, d, NULL);
	char what[100];
	for (size_t i = 0; i < rows * d; i++)
		u1[i] = (unsigned char)(int)fminf(255, fabsf(100 * x[i]));
	for (int m = 0; m < KNN_METRICS; m++) {
		(void)snprintf(what, sizeof what, "%s: %s, %zu x %zu, k %zu, %u threads",
			knn_metrics[m].name, kinds[kind], rows, d, k, threads);
		memcpy(query, x + rows * d, QUERIES * d * sizeof *x);
		const struct knn_bank floats = {x, NULL, rows, d}, bytes = {NULL, u1, rows, d};
		check(finds_the_same((enum knn_metric)m, &floats, query, k, threads), what);
		check(finds_the_same((enum knn_metric)m, &bytes, query, k, threads), what);
		if (kind == CLUSTERS || kind == SPIKES || kind == FAR || kind == CONSTANT
			|| (kind == LEVELS && m != KNN_DOT))
			continue;
		check(finds_together((enum knn_metric)m, &floats, query, k, threads), what);
		check(finds_together((enum knn_metric)m, &bytes, query, k, threads), what);
	}
	free(x);
	free(query);
	free(u1);
}

static void check_all(void)
{
	static const struct {
		size_t rows, d, k;
	} sizes[] = {{1, 32, 1}, {40, 32, 40}, {500, 33, 3}, {900, 200, 20}, {9100, 64, 1},
		{130, 4100, 7}};
	for (int kind = 0; kind < KINDS; kind++)
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
			check_kind((enum kind)kind, sizes[i].rows, sizes[i].d, sizes[i].k,
				1 + (unsigned)i % 3);
}

/* Rows far from the query become the query behind the search's back: with the copy nothing is noticed. With
 * less memory than it wants there is no copy. */
static bool reads_all(size_t allowed)
{
	enum { ROWS = 5000, D = 64, K = 3 };
	float *x = make_rows(NOISE, ROWS, D), *query = x + ROWS * D;
	const struct knn_bank b = {x, NULL, ROWS, D};
	struct knn *s = opened(KNN_L2, &b, NULL, allowed);
	struct answer before, after;
	memcpy(query, x, D * sizeof *x);
	for (int i = 0; i < WARM; i++)
		ask(s, query, 1, K, &before);
	for (size_t j = 0; j < ROWS; j++)
		if (knn_distance(KNN_L2, query, x + j * D, D) > 11)
			memcpy(x + j * D, query, D * sizeof *x);
	ask(s, query, 1, K, &after);
	knn_close(s);
	free(x);
	return !same(&before, &after);
}

static void check_reading(void)
{
	enum { WANTED = 5000 * (64 + 60) };
	check(!reads_all(WANTED), "rows that cannot be near are not read");
	check(reads_all(5000 * (64 + 50)), "no copy where memory is not allowed");
	check(reads_all(0), "no copy if nothing is said");
}

static void check_processor(void)
{
	check_all();
	check_reading();
	printf("%s few queries with a copy of the bank in whole numbers, and many\n",
		failures ? "not ok" : "ok");
}

int main(void)
{
	return on_processors(check_processor, &failures);
}
