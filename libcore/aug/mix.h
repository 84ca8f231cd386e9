/*
 * mix: pictures mixed with others of their batch, and labels with theirs: Mixup (Zhang et al.,
 * "mixup: Beyond Empirical Risk Minimization", 2018) and CutMix (Yun et al., "CutMix: Regularization
 * Strategy to Train Strong Classifiers with Localizable Features", 2019), with one draw for all rows
 * and partners as torchvision's references pair them: each row with the one before it, the first
 * with the last (torch.roll).
 *
 * Dimensions: N rows of the batch, of which a ring of n are mixed; H, W, C of a picture; K classes.
 */
#ifndef CVT_AUG_MIX_H
#define CVT_AUG_MIX_H

#include "../rng.h"

#include <stdbool.h>
#include <stddef.h>

/* What was drawn for a batch: x = own x + (1 - own) partner everywhere, or (paste) the partner's
 * pixels in the window, whose share of the area is 1 - own. */
struct mix {
	float own;
	bool paste;
	size_t y, x, h, w; /* the window */
};

/* own ~ Beta(alpha, alpha). */
void mix_draw_mixup(struct mix *m, double alpha, struct rng *g);
/* A window of the share 1 - Beta(alpha, alpha) around a place drawn evenly, cut at the borders; own
 * is what is really left. */
void mix_draw_cutmix(struct mix *m, double alpha, size_t H, size_t W, struct rng *g);

/* A row: `lines` lines (T x H) of W items of C numbers, `height` of them a picture (H). */
struct mix_shape {
	size_t lines, height, W, C;
};

/* Which rows are mixed with which: those whose shares of K classes are known (shares NULL: all) are
 * ring[0], the others ring[1], n[k] rows each; validation rows (part 1) and rows of weight 0 are in
 * neither (NULL: there are none). */
void mix_rings(const float *shares, size_t K, const float *weight, const int32_t *part, size_t rows,
	size_t *const ring[2], size_t n[2]);
/* Mixes the rows ring[0..n) of data (ring = NULL: rows 0..n-1) in place; spare holds one row. Bytes
 * are rounded to the nearest. */
void mix_bytes(const struct mix *m, const struct mix_shape *s, unsigned char *data,
	const size_t *ring, size_t n, unsigned char *spare);
void mix_floats(const struct mix *m, const struct mix_shape *s, float *data, const size_t *ring,
	size_t n, float *spare);
/* Labels as shares of K classes: 1 for the class, all 0 where it is unknown (not in 0..K-1). */
void mix_one_hot(const int32_t *label, size_t N, size_t K, float *shares);
/* The shares of the rows of the ring, mixed as their pictures are; spare holds K. */
void mix_shares(
	const struct mix *m, size_t K, float *shares, const size_t *ring, size_t n, float *spare);

#endif
