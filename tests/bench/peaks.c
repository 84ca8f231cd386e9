/*
 * peaks: what this processor multiplies and adds in its registers alone, GFLOP/s of one thread: floats
 * (as the rows' PEAK), pairs of bfloat16 by vdpbf16ps, tiles of them by AMX; '-' where it has no such.
 * Medians of REPEATS runs.
 */
#include "../../libcore/profile.h"
#include "../../libcore/simd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPEATS = 7, TIMES = 1 << 20 };

static int by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double (*measure)(void))
{
	double figure[REPEATS];
	for (int i = 0; i < REPEATS; i++)
		figure[i] = measure();
	qsort(figure, REPEATS, sizeof *figure, by_size);
	return figure[REPEATS / 2];
}

static void print(const char *name, bool has, double (*measure)(void))
{
	if (has)
		printf("%-16s %.0f\n", name, median(measure) * 1e-9);
	else
		printf("%-16s -\n", name);
}

#ifdef __x86_64__
#include <immintrin.h>

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Keeps a sum from being left out. */
static volatile float kept;

__attribute__((target("avx512f,avx512bf16"))) static double pairs(void)
{
	enum { CHAINS = 12, EACH = 64 };
	__m512 sum[CHAINS];
	const __m512bh one = (__m512bh)_mm512_set1_epi32(0x3f803f80);
	for (int i = 0; i < CHAINS; i++)
		sum[i] = _mm512_setzero_ps();
	const double from = seconds();
	for (int n = 0; n < TIMES; n++)
#pragma GCC unroll 12
		for (int i = 0; i < CHAINS; i++)
			sum[i] = _mm512_dpbf16_ps(sum[i], one, one);
	const double took = seconds() - from;
	for (int i = 1; i < CHAINS; i++)
		sum[0] = _mm512_add_ps(sum[0], sum[i]);
	kept = _mm512_reduce_add_ps(sum[0]);
	return (double)TIMES * CHAINS * EACH / took;
}

__attribute__((target("amx-tile,amx-bf16"))) static double tiles(void)
{
	enum { EACH = 16 * 16 * 64 };
	struct {
		uint8_t palette, start, zero[14];
		uint16_t bytes[16];
		uint8_t lines[16];
	} shapes __attribute__((aligned(64))) = {.palette = 1};
	for (int i = 0; i < 8; i++) {
		shapes.bytes[i] = 64;
		shapes.lines[i] = 16;
	}
	_tile_loadconfig(&shapes);
	_tile_zero(0);
	_tile_zero(1);
	_tile_zero(2);
	_tile_zero(3);
	_tile_zero(4);
	_tile_zero(5);
	_tile_zero(6);
	_tile_zero(7);
	const double from = seconds();
	for (int n = 0; n < TIMES; n++) {
		_tile_dpbf16ps(0, 4, 6);
		_tile_dpbf16ps(1, 4, 7);
		_tile_dpbf16ps(2, 5, 6);
		_tile_dpbf16ps(3, 5, 7);
	}
	const double took = seconds() - from;
	_tile_release();
	return 4.0 * TIMES * EACH / took;
}

static bool has_pairs(void)
{
	return __builtin_cpu_supports("avx512bf16");
}
#else
static double pairs(void)
{
	return 0;
}

static double tiles(void)
{
	return 0;
}

static bool has_pairs(void)
{
	return false;
}
#endif

int main(void)
{
	print("floats", true, profile_peak);
	print("bf16 pairs", has_pairs(), pairs);
	print("bf16 tiles", strcmp(simd()->name, "amx") == 0, tiles);
	return 0;
}
