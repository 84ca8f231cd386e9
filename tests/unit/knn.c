/* The search against brute force in double precision, its ties, its threads, its refusals; the
 * vote. */
#include "../../libcore/knn.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../libcore/rng.h"
#include "../../libcore/topk.h"

static int failures;

static void check(bool good, const char *what)
{
	printf("%s %s\n", good ? "ok" : "not ok", what);
	failures += !good;
}

static float *random_rows(size_t n, size_t d, uint64_t seed)
{
	struct rng r;
	rng_for(&r, seed, RNG_METHOD, 1, 2);
	float *x = mem_alloc(knn_padded(n) * d, sizeof *x, NULL);
	for (size_t i = 0; i < n * d; i++)
		x[i] = rng_normal(&r);
	return x;
}

static double brute_distance(enum knn_metric metric, const float *q, const float *b, size_t d)
{
	double qb = 0, qq = 0, bb = 0;
	for (size_t i = 0; i < d; i++) {
		qb += (double)q[i] * (double)b[i];
		qq += (double)q[i] * (double)q[i];
		bb += (double)b[i] * (double)b[i];
	}
	if (metric == KNN_DOT)
		return -qb;
	if (metric == KNN_COSINE)
		return 1 - qb / sqrt(qq * bb);
	double sum = 0;
	for (size_t i = 0; i < d; i++)
		sum += ((double)q[i] - (double)b[i]) * ((double)q[i] - (double)b[i]);
	return sqrt(sum);
}

struct pair {
	double distance;
	size_t row;
};

static int by_distance(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	if (x->distance != y->distance)
		return x->distance < y->distance ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

struct answer {
	size_t n, k, *row;
	float *distance;
};

static void answer_free(struct answer *a)
{
	free(a->row);
	free(a->distance);
}

static struct answer ask(enum knn_metric metric, const struct knn_bank *bank, float *query,
	size_t n, size_t k, unsigned threads)
{
	struct answer a = {n, k, mem_alloc(n * k, sizeof *a.row, NULL),
		mem_alloc(n * k, sizeof *a.distance, NULL)};
	struct par *par = NULL;
	struct knn *s = NULL;
	struct cvt_err e = {0};
	int code = par_open(&par, threads, &e);
	if (code == CVT_OK)
		code = knn_open(&s, metric, bank, SIZE_MAX, par, &e);
	if (code == CVT_OK)
		code = knn_search(s, query, n, k, a.row, a.distance, &e);
	if (code != CVT_OK) {
		printf("not ok search: %s\n", e.text);
		failures++;
	}
	knn_close(s);
	par_close(par);
	return a;
}

static bool same(const struct answer *a, const struct answer *b)
{
	return memcmp(a->row, b->row, a->n * a->k * sizeof *a->row) == 0
	       && memcmp(a->distance, b->distance, a->n * a->k * sizeof *a->distance) == 0;
}

/* Rows of noise times `size`, `far` from 0. */
struct cloud {
	float size, far;
};

static float *cloud_rows(struct cloud c, size_t n, size_t d, uint64_t seed)
{
	float *x = random_rows(n, d, seed);
	for (size_t i = 0; i < n * d; i++)
		x[i] = c.far + x[i] * c.size;
	return x;
}

static bool agrees_with_brute_force(
	enum knn_metric metric, struct cloud c, size_t rows, size_t d, size_t n, size_t k)
{
	float *bank = cloud_rows(c, rows, d, 1), *query = cloud_rows(c, n, d, 2);
	struct pair *all = mem_alloc(rows, sizeof *all, NULL);
	struct answer a = ask(metric, &(struct knn_bank){bank, NULL, rows, d}, query, n, k, 2);
	bool good = true;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < rows; j++)
			all[j] = (struct pair){
				brute_distance(metric, query + i * d, bank + j * d, d), j};
		qsort(all, rows, sizeof *all, by_distance);
		for (size_t j = 0; j < k; j++)
			good = good && a.row[i * k + j] == all[j].row
			       && fabs((double)a.distance[i * k + j] - all[j].distance)
					  <= 1e-6 * (1 + fabs(all[j].distance));
	}
	answer_free(&a);
	free(all);
	free(bank);
	free(query);
	return good;
}

static void check_brute_force(void)
{
	static const struct {
		size_t rows, d, n, k;
	} sizes[] = {{1, 1, 1, 1}, {5, 3, 40, 5}, {700, 40, 3, 7}, {3000, 17, 530, 20},
		{1024, 8, 64, 1}, {5000, 33, 12, 100}, {600, 5, 33, 600}, {200, 20000, 14, 3}};
	for (int m = 0; m < KNN_METRICS; m++)
		for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
			char what[100];
			(void)snprintf(what, sizeof what, "%s: %zu queries, bank %zu x %zu, k %zu",
				knn_metrics[m].name, sizes[i].n, sizes[i].rows, sizes[i].d,
				sizes[i].k);
			check(agrees_with_brute_force((enum knn_metric)m, (struct cloud){1, 0},
				      sizes[i].rows, sizes[i].d, sizes[i].n, sizes[i].k),
				what);
		}
}

/* Their products leave the floats; the last ones' numbers are denormal. */
static void check_nearly_0(size_t rows, size_t d)
{
	static const struct cloud clouds[] = {
		{1e-11F, 0}, {1e-17F, 0}, {1e-25F, 0}, {1e-25F, 1e-21F}, {1e-36F, 0}, {1e-40F, 0}};
	for (int m = 0; m < KNN_METRICS; m++)
		for (size_t i = 0; i < sizeof clouds / sizeof *clouds; i++)
			for (size_t n = 1; n <= 20; n += 19) {
				const struct cloud c = clouds[i];
				char what[100];
				if (c.far > 0 && m != KNN_L2)
					continue; /* more rows than are kept are alike for floats */
				(void)snprintf(what, sizeof what,
					"%s: %zu queries, bank %zu x %zu of %g%s",
					knn_metrics[m].name, n, rows, d, (double)c.size,
					c.far > 0 ? " farther from 0" : "");
				check(agrees_with_brute_force((enum knn_metric)m, c, rows, d, n, 5),
					what);
			}
}

/* Every row of the bank stands there many times: the lowest numbers must win. */
static bool lowest_win(enum knn_metric metric, size_t d, size_t n)
{
	enum { ROWS = 2100, K = 9 };
	float *bank = random_rows(ROWS, d, 3), *query = random_rows(n, d, 4);
	for (size_t j = 1; j < ROWS; j++)
		memcpy(bank + j * d, bank, d * sizeof *bank);
	struct answer a = ask(metric, &(struct knn_bank){bank, NULL, ROWS, d}, query, n, K, 1);
	bool good = true;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < K; j++)
			good = good && a.row[i * K + j] == j;
	answer_free(&a);
	free(bank);
	free(query);
	return good;
}

static void check_ties(void)
{
	bool good = true;
	for (int m = 0; m < KNN_METRICS; m++)
		for (size_t d = 1; d < 500; d = d * 3 + 1)
			for (size_t n = 1; n < 700; n = n * 5 + 3)
				good = good && lowest_win((enum knn_metric)m, d, n);
	check(good, "equal rows: the lower number is nearer");
}

static void check_itself(void)
{
	enum { ROWS = 900, D = 50 };
	float *bank = random_rows(ROWS, D, 5), *query = random_rows(ROWS, D, 5);
	struct answer a = ask(KNN_L2, &(struct knn_bank){bank, NULL, ROWS, D}, query, ROWS, 1, 1);
	bool good = true;
	for (size_t i = 0; i < ROWS; i++)
		good = good && a.row[i] == i && a.distance[i] == 0;
	check(good, "a row is nearest to itself, at distance 0");
	answer_free(&a);
	free(bank);
	free(query);
}

static void check_threads(void)
{
	enum { ROWS = 9000, D = 20, N = 1500, K = 20 };
	float *bank = random_rows(ROWS, D, 6), *query = random_rows(N, D, 7);
	const struct knn_bank b = {bank, NULL, ROWS, D};
	struct answer one = ask(KNN_COSINE, &b, query, N, K, 1),
		      two = ask(KNN_COSINE, &b, query, N, K, 2),
		      three = ask(KNN_COSINE, &b, query, N, K, 3);
	check(same(&one, &two) && same(&one, &three), "1, 2 and 3 threads: the same bits");
	answer_free(&one);
	answer_free(&two);
	answer_free(&three);
	free(bank);
	free(query);
}

static void check_bytes(void)
{
	enum { ROWS = 1300, D = 48, N = 77, K = 5 };
	struct rng r;
	rng_for(&r, 8, RNG_METHOD, 0, 0);
	unsigned char *u1 = mem_alloc(ROWS * D, 1, NULL);
	float *f4 = mem_alloc(ROWS * D, sizeof *f4, NULL), *query = random_rows(N, D, 9);
	for (size_t i = 0; i < ROWS * D; i++)
		u1[i] = (unsigned char)(rng_u32(&r) & 255);
	knn_pixels(f4, u1, ROWS * D);
	struct answer a = ask(KNN_L2, &(struct knn_bank){NULL, u1, ROWS, D}, query, N, K, 2);
	struct answer b = ask(KNN_L2, &(struct knn_bank){f4, NULL, ROWS, D}, query, N, K, 1);
	check(same(&a, &b), "a bank of bytes is a bank of floats / 255");
	answer_free(&a);
	answer_free(&b);
	free(u1);
	free(f4);
	free(query);
}

static void check_refusals(void)
{
	enum { ROWS = 40, D = 4 };
	static const float bad[] = {NAN, INFINITY, 1e30f};
	float *bank = random_rows(ROWS, D, 10), *query = random_rows(1, D, 11);
	struct knn *s = NULL;
	struct cvt_err e = {0};
	size_t row;
	float distance;
	bool refused = true;
	for (size_t i = 0; i < 3; i++) {
		bank[17 * D + 2] = bad[i];
		refused = refused
			  && knn_open(&s, KNN_L2, &(struct knn_bank){bank, NULL, ROWS, D}, 0, NULL,
				     &e)
				     == CVT_INPUT
			  && strstr(e.text, "row 17");
	}
	check(refused, "NaN, infinity and 1e30 in a bank are refused by row");
	bank[17 * D + 2] = 0;
	check(knn_open(&s, KNN_L2, &(struct knn_bank){bank, NULL, 0, D}, 0, NULL, &e) == CVT_INPUT,
		"an empty bank is refused");
	if (knn_open(&s, KNN_L2, &(struct knn_bank){bank, NULL, ROWS, D}, 0, NULL, &e) != CVT_OK)
		return check(false, e.text);
	query[3] = NAN;
	check(knn_search(s, query, 1, 1, &row, &distance, &e) == CVT_INPUT
			&& strstr(e.text, "row 0"),
		"NaN in a query is refused");
	check(knn_search(s, query, 0, 1, &row, &distance, &e) == CVT_OK, "no queries are no error");
	check(knn_search(s, query, 1, ROWS + 1, &row, &distance, &e) == CVT_USAGE,
		"more neighbours than rows are refused");
	knn_close(s);
	free(bank);
	free(query);
}

static void check_zero_rows(void)
{
	enum { ROWS = 33, D = 3 };
	float *bank = mem_alloc(ROWS * D, sizeof *bank, NULL), *query = random_rows(1, D, 12);
	struct answer a = ask(KNN_COSINE, &(struct knn_bank){bank, NULL, ROWS, D}, query, 1, 2, 1);
	check(a.row[0] == 0 && a.row[1] == 1 && a.distance[0] == 1,
		"rows of zeros are at distance 1");
	answer_free(&a);
	free(bank);
	free(query);
}

/* Rows of all lengths among others, whose reciprocals may be beyond a float: the direction counts. */
static bool short_rows_found(size_t n, float size)
{
	enum { ROWS = 200, D = 8, K = 3, QUERIES = 20 };
	float *bank = random_rows(ROWS, D, 14), *query = random_rows(QUERIES, D, 15);
	bool good = true;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < D; j++)
			bank[(3 + 7 * i) * D + j] = size * query[i * D + j];
	struct answer a = ask(KNN_COSINE, &(struct knn_bank){bank, NULL, ROWS, D}, query, n, K, 1);
	for (size_t i = 0; i < n; i++)
		good = good && a.row[i * K] == 3 + 7 * i && a.distance[i * K] < 1e-4F;
	answer_free(&a);
	free(bank);
	free(query);
	return good;
}

static void check_short_rows(void)
{
	static const float size[] = {1e-7F, 1e-15F, 1e-30F, 1e-38F, 1e-41F, 1e-43F};
	bool good = true;
	for (size_t i = 0; i < sizeof size / sizeof *size; i++)
		good = good && short_rows_found(1, size[i]) && short_rows_found(20, size[i]);
	check(good, "rows that are nearly 0 are found among others");
}

/* Of cosine and dot, its length is no matter. */
static void check_short_queries(void)
{
	enum { ROWS = 900, D = 40, N = 30, K = 4 };
	bool good = true;
	for (int m = 0; m < KNN_METRICS; m++) {
		float *bank = random_rows(ROWS, D, 16), *query = random_rows(N, D, 17);
		const struct knn_bank b = {bank, NULL, ROWS, D};
		struct answer want = ask((enum knn_metric)m, &b, query, N, K, 1);
		for (size_t i = 0; i < N * D; i++)
			query[i] = i / D % 2 ? query[i] : ldexpf(query[i], -90);
		struct answer all = ask((enum knn_metric)m, &b, query, N, K, 1);
		struct answer one = ask((enum knn_metric)m, &b, query, 1, K, 1);
		good = good && memcmp(all.row, one.row, K * sizeof *one.row) == 0;
		good = good
		       && (m == KNN_L2 || memcmp(all.row, want.row, N * K * sizeof *all.row) == 0);
		good = good && (m != KNN_COSINE || same(&all, &want));
		answer_free(&want);
		answer_free(&all);
		answer_free(&one);
		free(bank);
		free(query);
	}
	check(good, "queries that are nearly 0, among others");
}

/* Rows that are nearly 0 are all as far from it. */
static void check_long_query(void)
{
	enum { ROWS = 300, D = 16, K = 5 };
	float *bank = cloud_rows((struct cloud){1e-40F, 0}, ROWS, D, 18);
	float *query = cloud_rows((struct cloud){1e18F, 0}, 1, D, 19);
	struct answer a = ask(KNN_L2, &(struct knn_bank){bank, NULL, ROWS, D}, query, 1, K, 1);
	bool good = true;
	for (size_t j = 0; j < K; j++)
		good = good && a.row[j] < ROWS
		       && a.distance[j] == (float)knn_distance(KNN_L2, query, bank, D);
	check(good, "a query far from rows that are nearly 0");
	answer_free(&a);
	free(bank);
	free(query);
}

static void check_held(void)
{
	enum { ROWS = 1000, D = 16, ROOM = ROWS * (16 + 8 + 4 * D) + 1000 };
	struct knn *s = NULL;
	struct cvt_err e = {0};
	for (int i = 0; i < 2; i++) {
		float *bank = cloud_rows(
			i ? (struct cloud){1, 1000} : (struct cloud){1e-20F, 0}, ROWS, D, 20);
		const struct knn_bank b = {bank, NULL, ROWS, D};
		check(knn_open(&s, KNN_L2, &b, ROWS * 4 * D, NULL, &e) == CVT_LIMIT,
			"a copy that there is no room for is refused");
		check(knn_open(&s, KNN_L2, &b, ROOM, NULL, &e) == CVT_OK && knn_held(s) <= ROOM
				&& knn_held(s) > ROWS * (16 + 4 * D),
			"what is held is told");
		knn_close(s);
		free(bank);
	}
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void check_select(void)
{
	enum { N = 200 };
	uint64_t a[N], b[N];
	struct rng r;
	bool good = true;
	rng_for(&r, 13, RNG_METHOD, 0, 0);
	for (int round = 0; round < 400; round++) {
		const size_t n = 1 + rng_below(&r, N), keep = 1 + rng_below(&r, n);
		for (size_t i = 0; i < n; i++)
			a[i] = b[i] = round % 2 ? i : rng_below(&r, 50) << 32 | i;
		topk_select(a, n, keep);
		qsort(a, keep, sizeof *a, by_value);
		qsort(b, n, sizeof *b, by_value);
		good = good && memcmp(a, b, keep * sizeof *a) == 0;
	}
	check(good, "selection finds what sorting finds");
}

static void check_votes(void)
{
	const int32_t label[] = {2, 0, 1, 0};
	const size_t row[] = {0, 1, 2, 3};
	const float distance[] = {0, 1, 1, 1}, equal[] = {3, 3, 3, 3};
	double sum[3];
	float share[3];
	struct knn_ballot b = {KNN_UNIFORM, 1, 3, label};
	check(knn_count_votes(&b, 4, row, distance, sum, share) == 0 && share[0] == 0.5F
			&& share[2] == 0.25F,
		"uniform votes");
	check(knn_count_votes(&b, 3, row, distance, sum, share) == 0,
		"a tie goes to the lower class");
	b.vote = KNN_WEIGHTED;
	check(knn_count_votes(&b, 4, row, distance, sum, share) == 2
			&& fabs((double)share[2] - 1 / (1 + 3 * exp(-1))) < 1e-6,
		"weighted votes");
	b.temperature = 1e-6;
	check(knn_count_votes(&b, 4, row, equal, sum, share) == 0 && share[0] == 0.5F,
		"a low temperature overflows nothing");
}

int main(void)
{
	check_brute_force();
	check_ties();
	check_itself();
	check_threads();
	check_bytes();
	check_refusals();
	check_zero_rows();
	check_nearly_0(300, 16);
	check_nearly_0(2000, 90);
	check_short_rows();
	check_short_queries();
	check_long_query();
	check_held();
	check_select();
	check_votes();
	return failures != 0;
}
