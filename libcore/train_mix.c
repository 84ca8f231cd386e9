/*
 * train_mix: --mixup and --cutmix on the batch that is about to be learned from: its pictures, and its
 * labels as shares of the classes, with one draw for all rows (aug/mix.h). With both, half of the
 * batches get one and half the other, as in timm. Draws are Philox(seed; MIX, step, batch of it).
 */
#include "train_private.h"

#include "aug/mix.h"

#include <stdlib.h>
#include <string.h>

static struct mix draw(const struct train *t, const struct run *run, const struct tensor *image)
{
	const double mixup = t->o.mixup, cutmix = t->o.cutmix;
	struct mix m;
	struct rng g;
	rng_for(&g, run->seed, RNG_MIX, run->step, 0);
	const bool first = mixup > 0.0 && (cutmix == 0.0 || rng_uniform(&g) < 0.5f);
	if (first)
		mix_draw_mixup(&m, mixup, &g);
	else
		mix_draw_cutmix(
			&m, cutmix, image->dims[image->ndim - 3], image->dims[image->ndim - 2], &g);
	return m;
}

/* (N,H,W,C), or clips (N,T,H,W,C). */
static bool is_picture(const char *name, const struct tensor *t)
{
	return field_is_view(name, "image") && (t->ndim == 4 || t->ndim == 5);
}

/* Rows whose label is unknown are mixed among themselves, those of weight 0 not at all. */
struct rings {
	size_t *room; /* of both */
	size_t *ring[2], n[2];
};

static int open_rings(struct rings *r, const struct batch *rows, struct cvt_err *e)
{
	const struct tensor *label = batch_get(rows, "label"), *weight = batch_get(rows, "weight");
	const bool shares = label && label->dtype == DT_F4 && label->ndim == 2;
	r->room = mem_alloc(2 * rows->rows, sizeof *r->room, e);
	if (!r->room)
		return CVT_SYSTEM;
	r->ring[0] = r->room;
	r->ring[1] = r->room + rows->rows;
	mix_rings(shares ? label->data : NULL, shares ? label->dims[1] : 0,
		weight && weight->dtype == DT_F4 ? weight->data : NULL, NULL, rows->rows, r->ring,
		r->n);
	return CVT_OK;
}

static void mix_picture(
	const struct mix *m, const struct tensor *t, const struct rings *r, void *spare)
{
	const size_t H = t->dims[t->ndim - 3], W = t->dims[t->ndim - 2], C = t->dims[t->ndim - 1];
	const struct mix_shape s = {tensor_row_items(t) / (W * C), H, W, C};
	for (int k = 0; k < 2; k++)
		if (t->dtype == DT_U1)
			mix_bytes(m, &s, t->data, r->ring[k], r->n[k], spare);
		else if (t->dtype == DT_F4)
			mix_floats(m, &s, t->data, r->ring[k], r->n[k], spare);
}

/* Room for the longest row. */
static void *open_spare(const struct batch *rows, struct cvt_err *e)
{
	size_t most = 1;
	for (size_t i = 0; i < rows->n; i++)
		if (tensor_row_bytes(&rows->field[i].t) > most)
			most = tensor_row_bytes(&rows->field[i].t);
	return mem_alloc(most, 1, e);
}

int train_mix(
	const struct train *t, const struct batch *rows, const struct run *run, struct cvt_err *e)
{
	const struct tensor *label = batch_get(rows, "label");
	const struct tensor *first = NULL;
	struct rings r = {0};
	struct mix m;
	if (t->o.mixup == 0.0 && t->o.cutmix == 0.0)
		return CVT_OK;
	TRY(open_rings(&r, rows, e));
	void *spare = open_spare(rows, e);
	for (size_t i = 0; i < rows->n && spare; i++) {
		const struct tensor *x = &rows->field[i].t;
		if (!is_picture(rows->field[i].name, x))
			continue;
		if (!first)
			m = draw(t, run, first = x);
		mix_picture(&m, x, &r, spare);
	}
	if (first && label && label->dtype == DT_F4)
		mix_shares(&m, label->dims[1], label->data, r.ring[0], r.n[0], spare);
	free(spare);
	free(r.room);
	return spare ? CVT_OK : CVT_SYSTEM;
}
