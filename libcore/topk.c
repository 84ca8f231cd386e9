/* topk: the best few of a long series of keys (see topk.h). */
#include "topk.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void topk_start(struct topk *t, uint64_t *item, size_t keep)
{
	*t = (struct topk){.item = item, .keep = keep, .bar = -INFINITY};
}

/* Greater floats become smaller integers: positive ones by flipping all but the sign, negative ones
 * are in that order already above them. Adding 0 makes -0 and 0 one. */
static uint64_t item_of(float key, uint32_t row)
{
	const float k = key + 0.0f;
	uint32_t bits;
	memcpy(&bits, &k, sizeof bits);
	const uint32_t order = bits >> 31 ? bits : bits ^ 0x7fffffff;
	return (uint64_t)order << 32 | row;
}

static float key_of(uint64_t item)
{
	const uint32_t order = (uint32_t)(item >> 32);
	const uint32_t bits = order >> 31 ? order : order ^ 0x7fffffff;
	float key;
	memcpy(&key, &bits, sizeof key);
	return key;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static uint64_t median(uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t low = a < b ? a : b, high = a < b ? b : a;
	return c < low ? low : c > high ? high : c;
}

/* Hoare's partition of item[low..high]: at least one item on either side, the left ones not greater
 * than the right ones; returns the last of the left. */
static size_t part(uint64_t *item, size_t low, size_t high)
{
	const uint64_t pivot = median(item[low], item[low + (high - low) / 2], item[high]);
	size_t i = low, j = high;
	for (;;) {
		while (item[i] < pivot)
			i++;
		while (item[j] > pivot)
			j--;
		if (i >= j)
			return j < high ? j : high - 1;
		const uint64_t swap = item[i];
		item[i++] = item[j];
		item[j--] = swap;
	}
}

/* Quickselect; a series that was made to defeat the median of three is sorted instead. */
void topk_select(uint64_t *item, size_t n, size_t keep)
{
	size_t low = 0, high = n ? n - 1 : 0, patience = 64;
	while (keep < n && low < high && patience--) {
		const size_t last = part(item, low, high);
		if (last + 1 == keep)
			return;
		if (last < keep)
			low = last + 1;
		else
			high = last;
	}
	if (keep < n && low < high)
		qsort(item + low, high - low + 1, sizeof *item, by_value);
}

float topk_worst(uint64_t *item, size_t n, size_t keep)
{
	uint64_t worst = 0;
	if (n < keep)
		return -INFINITY;
	topk_select(item, n, keep);
	for (size_t i = 0; i < keep; i++)
		worst = item[i] > worst ? item[i] : worst;
	return key_of(worst);
}

/* Halves a full list: the worst of what stays is the new bar. */
static void prune(struct topk *t)
{
	t->bar = topk_worst(t->item, t->n, t->keep);
	t->n = t->keep;
}

void topk_put(struct topk *t, float key, uint32_t row)
{
	if (!(key > t->bar))
		return;
	t->item[t->n++] = item_of(key, row);
	if (t->n == 2 * t->keep)
		prune(t);
}

void topk_offer_keys(struct topk *t, const float *key, uint32_t first)
{
	int any = 0;
	for (size_t i = 0; i < TOPK_CHUNK; i++)
		any |= key[i] > t->bar;
	for (uint32_t i = 0; any && i < TOPK_CHUNK; i++)
		topk_put(t, key[i], first + i);
}

void topk_offer(struct topk *t, const float *product, const float *scale, const float *offset,
	size_t n, uint32_t first)
{
	for (size_t j = 0; j < n; j += TOPK_CHUNK) {
		float key[TOPK_CHUNK];
		for (size_t i = 0; i < TOPK_CHUNK; i++)
			key[i] = topk_key(product[j + i], scale[j + i], offset[j + i]);
		topk_offer_keys(t, key, first + (uint32_t)j);
	}
}
