/* simd: chooses the kernels for this processor, once (see simd.h). */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* syscall */
#endif
#include "simd.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

extern const struct simd simd_table_portable;
#ifdef __x86_64__
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

extern const struct simd simd_table_avx2, simd_table_avx512, simd_table_amx;
#endif

/* Best first; the last one runs everywhere. */
static const struct simd *const tables[] = {
#ifdef __x86_64__
	&simd_table_amx,
	&simd_table_avx512,
	&simd_table_avx2,
#endif
	&simd_table_portable,
};
enum { TABLES = sizeof tables / sizeof *tables };

#ifdef __x86_64__
/* Its tiles are large, so that a process has to ask the kernel for the place to save them. */
static bool has_amx(void)
{
	enum { ASK_PERMISSION = 0x1023, TILE_DATA = 18, TILES = 1 << 24, BF16 = 1 << 22 };
	unsigned a, b, c, d;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & TILES) && (d & BF16)
	       && syscall(SYS_arch_prctl, ASK_PERMISSION, TILE_DATA) == 0;
}
#endif

static bool processor_has(const char *name)
{
#ifdef __x86_64__
	const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
	if (strcmp(name, "avx2") == 0)
		return avx2;
	const bool avx512 =
		avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
		&& __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
	if (strcmp(name, "avx512") == 0)
		return avx512;
	if (strcmp(name, "amx") == 0)
		return avx512 && __builtin_cpu_supports("avx512bf16") && has_amx();
#endif
	return strcmp(name, "portable") == 0;
}

/* Its number among the tables; TABLES if the processor has no such. */
static size_t number_of(const char *name)
{
	size_t i = 0;
	while (i < TABLES && !(strcmp(tables[i]->name, name) == 0 && processor_has(name)))
		i++;
	return i;
}

const struct simd *simd_named(const char *name)
{
	const size_t i = number_of(name);
	return i < TABLES ? tables[i] : NULL;
}

/* Written once, by choose. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const struct simd *chosen;

static void choose(void)
{
	const char *forced = getenv("CVT_SIMD");
	size_t i = forced ? number_of(forced) : TABLES;
	if (i == TABLES)
		for (i = 0; i + 1 < TABLES && !processor_has(tables[i]->name); i++)
			;
	chosen = tables[i];
}

const struct simd *simd(void)
{
	pthread_once(&once, choose);
	return chosen;
}
