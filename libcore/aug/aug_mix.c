/* aug-mix: WIDTH chains of effects, mixed with each other and with the picture as it was (Hendrycks
 * et al., "AugMix: A simple data processing method to improve robustness and uncertainty", 2020;
 * torchvision AugMix, whose effects work on tensors; here they are PIL's, as in the paper's code).
 * What moves along stays where it is. */
#include "effect.h"

#include <string.h>

enum { SEVERITY, WIDTH, DEPTH, ALPHA, BINS = 10, MOST_WIDTH = 16, MOST_DEPTH = 3 };

/* All but Identity and Invert, by torchvision's space for them. */
static const struct effect_space space = {.shear = 0.3f,
	.translate = (float)(1.0 / 3.0),
	.share = true,
	.rotate = 30,
	.enhance = 0.9f,
	.bits = 4,
	.bits_less = 4};

static int chain(const double *v, struct rng *g, struct aug_row *r, struct cvt_err *e)
{
	const size_t depth = v[DEPTH] > 0 ? (size_t)v[DEPTH] : 1 + rng_below(g, MOST_DEPTH);
	for (size_t i = 0; i < depth; i++) {
		const enum effect effect = (enum effect)(1 + rng_below(g, Invert - 1));
		const size_t bin = (size_t)rng_below(g, (uint64_t)v[SEVERITY]);
		const bool negative = (rng_u32(g) & 1) != 0;
		const double m = effect_magnitude(&space, effect, bin, BINS, r->H, r->W);
		TRY(effect_apply(
			effect, effect_signed(effect) && negative ? -m : m, FILTER_BILINEAR, r, e));
	}
	return CVT_OK;
}

/* Shares that add up to 1. */
static void dirichlet(struct rng *g, double alpha, float *share, size_t n)
{
	double sum = 0, draw[MOST_WIDTH];
	for (size_t i = 0; i < n; i++)
		sum += draw[i] = rng_gamma(g, alpha);
	for (size_t i = 0; i < n; i++)
		share[i] = (float)(sum > 0 ? draw[i] / sum : 1.0 / (double)n);
}

static void add(float *sum, const unsigned char *p, size_t n, float share)
{
	for (size_t i = 0; i < n; i++)
		sum[i] += share * p[i];
}

static int mix(const struct aug_call *c, struct aug_row *r, float *sum, unsigned char *original)
{
	const size_t n = r->T * r->H * r->W * r->C, width = (size_t)c->v[WIDTH];
	float own[2], share[MOST_WIDTH];
	dirichlet(c->rng, c->v[ALPHA], own, 2);
	dirichlet(c->rng, c->v[ALPHA], share, width);
	memset(sum, 0, n * sizeof *sum);
	memcpy(original, r->image.data, n);
	add(sum, original, n, own[0]);
	for (size_t i = 0; i < width; i++) {
		memcpy(r->image.data, original, n);
		TRY(chain(c->v, c->rng, r, c->e));
		add(sum, r->image.data, n, own[1] * share[i]);
	}
	for (size_t i = 0; i < n; i++)
		r->image.data[i] = (unsigned char)(sum[i] < 255 ? sum[i] : 255);
	return CVT_OK;
}

static int apply(const struct aug_call *c, struct aug_row *r)
{
	const size_t n = r->T * r->H * r->W * r->C;
	if (!c->rng)
		return CVT_OK;
	void *p = r->scratch;
	TRY(mem_grow(&p, &r->scratch_capacity, n * (sizeof(float) + 1), 1, c->e));
	r->scratch = p;
	const size_t planes = r->planes;
	float *boxes = r->boxes, *keypoints = r->keypoints;
	r->planes = 0;
	r->boxes = r->keypoints = NULL;
	const int code = mix(c, r, p, (unsigned char *)p + n * sizeof(float));
	r->planes = planes;
	r->boxes = boxes;
	r->keypoints = keypoints;
	return code;
}

const struct aug_op aug_aug_mix = {
	.name = "aug-mix",
	.help = "mixes WIDTH chains of DEPTH effects (-1: 1 to 3) with the picture",
	.param = {{"SEVERITY", 3, 1, BINS, false, true, NULL},
		{"WIDTH", 3, 1, MOST_WIDTH, false, true, NULL},
		{"DEPTH", -1, -1, 100, false, true, NULL},
		{"ALPHA", 1, 0.001, 1000, false, false, NULL}},
	.draws = true,
	.apply = apply,
};
