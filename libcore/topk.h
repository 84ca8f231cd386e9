/*
 * topk: the best few of a long series of keys, seen once. Candidates that beat the worst of the
 * best are appended to a list twice the size that is kept; a full list is halved by selection,
 * which moves the bar. That is cheaper than a heap: one append a candidate, and few candidates.
 *
 * A candidate is one number: the key's bits, made to order as an integer, above the row. The
 * smaller number is the better one: greater key first, then lower row, a total order.
 */
#ifndef CVT_TOPK_H
#define CVT_TOPK_H

#include <stddef.h>
#include <stdint.h>

struct topk {
	uint64_t *item; /* 2 * keep of them */
	size_t keep, n;
	float bar; /* keys at or below it cannot come in any more */
};

void topk_start(struct topk *t, uint64_t *item, size_t keep);
/* One row; rows come in rising order. Keys of -infinity never come in. */
void topk_put(struct topk *t, float key, uint32_t row);
static inline float topk_key(float product, float scale, float offset)
{
	return product * scale - offset;
}

enum { TOPK_CHUNK = 32 };
/* Rows first..first+31 with these keys. */
void topk_offer_keys(struct topk *t, const float *key, uint32_t first);
/* Rows first..first+n-1, n a multiple of TOPK_CHUNK, with the keys product * scale - offset. */
void topk_offer(struct topk *t, const float *product, const float *scale, const float *offset,
	size_t n, uint32_t first);
/* Moves the `keep` smallest of n items to the front, in no order. */
void topk_select(uint64_t *item, size_t n, size_t keep);
/* The key of the last of them; -infinity where n is less than keep. */
float topk_worst(uint64_t *item, size_t n, size_t keep);
static inline uint32_t topk_row(uint64_t item)
{
	return (uint32_t)item;
}

#endif
