/*
 * networks: what unit tests of whole networks begin with: a check that ends the program, numbers, and a
 * text of the zoo or of the test's own, for pictures of a side and channels, with seven classes.
 */
#ifndef CVT_TEST_NETWORKS_H
#define CVT_TEST_NETWORKS_H

#include "../../libcore/arch.h"
#include "../../libcore/rng.h"

#include <stdio.h>
#include <stdlib.h>

static inline void need(int code, const struct cvt_err *e)
{
	if (code == CVT_OK)
		return;
	printf("not ok: %s\n", e->text);
	exit(1);
}

/* n normal numbers; the caller frees. */
static inline float *normals(size_t n, uint64_t seed)
{
	struct rng r;
	float *x = mem_alloc(n, sizeof *x, NULL);
	rng_for(&r, seed, RNG_METHOD, 0, 0);
	for (size_t i = 0; x && i < n; i++)
		x[i] = rng_normal(&r);
	if (!x)
		exit(1);
	return x;
}

/* The zoo's `name`, or, when there is a text, this behind its input; the caller frees. */
static inline struct arch *open_arch(const char *name, const char *text, const struct shape *row)
{
	struct cvt_err e = {0};
	struct str whole = {0};
	struct arch *a;
	if (text) {
		need(str_printf(&whole, &e, "input image %zu %zu %zu\n%s\n", row->dims[0],
			     row->dims[1], row->dims[2], text),
			&e);
		need(arch_parse(&a, name, whole.p, &e), &e);
	} else {
		need(arch_load(&a, name, &e), &e);
	}
	free(whole.p);
	need(arch_let(a, "classes", 7, &e), &e);
	need(arch_set_input(a, "image", row, &e), &e);
	return a;
}

#endif
