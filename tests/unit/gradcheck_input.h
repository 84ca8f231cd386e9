/* The inputs of gradcheck.c: what the letters of gradcheck_cases.h mean. */
#include "../../libcore/graph.h"

#include <stdlib.h>
#include <string.h>

#include "../../libcore/rng.h"

enum { ROWS = 3 }; /* of a batch */

struct input {
	char kind;
	bool wanted; /* its gradient */
	size_t classes, items, bytes;
	struct shape row;
	enum dtype dtype;
	void *data; /* ROWS rows */
	size_t node;
};

static void read_shape(const char *text, struct shape *s)
{
	char *end;
	for (*s = (struct shape){0}; *text; text = *end ? end + 1 : end)
		s->dims[s->ndim++] = strtoul(text, &end, 10);
}

/* Spread values: a permutation of multiples of a gap, so that no two come near each other. */
static float spread(size_t i, size_t items, double shift)
{
	const size_t n = items < 200 ? items : 200, place = (i * 7919 + 3) % n;
	return (float)(((double)place - (double)n / 2 + 0.25 + shift) * 0.05);
}

static float real_value(const struct input *in, size_t i, struct rng *r)
{
	const size_t C = in->row.ndim ? in->row.dims[in->row.ndim - 1] : 1;
	switch (in->kind) {
	case 's':
		return spread(i, in->items, 0);
	case 't':
		return spread(i + 1, in->items, 0.5);
	case 'p':
		return (0.5f + rng_uniform(r)) / (float)C;
	case 'q':
		return i / C == 1 ? 0 : (0.5f + rng_uniform(r)) / (float)C;
	case 'v':
	case 'w':
		return i == 1 ? 0 : 0.5f + (float)i;
	default:
		return rng_normal(r);
	}
}

static void fill(struct input *in, struct rng *r)
{
	for (size_t i = 0; i < in->items; i++) {
		const size_t k = in->classes ? (size_t)rng_below(r, in->classes) : 0;
		if (in->dtype == DT_F4)
			((float *)in->data)[i] = real_value(in, i, r);
		else if (in->dtype == DT_I4)
			((int32_t *)in->data)[i] = i == 1 ? -1 : (int32_t)k;
		else
			((uint8_t *)in->data)[i] = in->kind == 'u' && i == 1 ? 255 : (uint8_t)k;
	}
}

static void read_input(struct input *in, const char *text, struct rng *r)
{
	const char *blank = strchr(text, ' ');
	in->kind = text[0];
	in->classes = blank > text + 1 ? strtoul(text + 1, NULL, 10) : 0;
	in->dtype = in->kind == 'i' ? DT_I4 : in->kind == 'u' || in->kind == 'b' ? DT_U1 : DT_F4;
	in->wanted = in->dtype == DT_F4 && in->kind != 'q' && in->kind != 'c' && in->kind != 'v';
	if (in->kind == 'b')
		in->classes = 256;
	read_shape(blank + 1, &in->row);
	in->items = ROWS * shape_items(&in->row);
	in->bytes = in->items * dtype_size(in->dtype);
	in->data = malloc(in->bytes);
	fill(in, r);
}
