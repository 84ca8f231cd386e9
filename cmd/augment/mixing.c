/* augment_mixing: operations on blocks of rows (see augment_mixing.h). */
#include "mixing.h"

#include "../../libcore/aug/mix.h"

#include <stdlib.h>
#include <string.h>

/* ---- HEAD -------------------------------------------------------------------------- */

/* The number of classes written in the chain, 0 if none is. */
static size_t written_classes(const struct aug_chain *c)
{
	for (size_t i = c->mixes; i < c->n; i++)
		if (c->step[i].op && c->step[i].v[1] > 0)
			return (size_t)c->step[i].v[1];
	return 0;
}

static int see_label(struct augment_mixing *m, struct head *h, struct cvt_err *e)
{
	const struct head_field *f = head_field(h, "label");
	const struct head_classes *names = head_classes(h, "label");
	if (!f)
		return CVT_OK;
	if (f->dtype == DT_F4 && f->ndim == 1 && f->dims[0] != HEAD_VARIES && !f->flags) {
		m->classes = f->dims[0];
		return CVT_OK;
	}
	if (f->dtype != DT_I4 || f->ndim != 0 || f->flags)
		return cvt_fail(e, CVT_INPUT,
			"'label' is neither a class number nor shares; mixup and cutmix mix one a "
			"row");
	m->classes = written_classes(m->chain);
	if (m->classes == 0 && names)
		m->classes = names->n;
	if (m->classes == 0)
		return cvt_fail(e, CVT_INPUT,
			"the stream does not name its classes; say how many with "
			"mixup=ALPHA,CLASSES");
	const size_t K = m->classes;
	head_remove_field(h, "label");
	return head_add_field(h, "label", DT_F4, 0, 1, &K, e);
}

/* Points cannot be mixed, planes only be pasted; a window needs pictures of one size. */
static int see_pictures(const struct augment_mixing *m, struct cvt_err *e)
{
	const struct augment_schema *s = m->schema;
	bool pastes = true;
	for (size_t i = m->chain->mixes; i < m->chain->n; i++)
		if (m->chain->step[i].op)
			pastes = pastes && m->chain->step[i].op->pastes;
	for (int c = 0; c < COMPANIONS; c++)
		if (s->has[c] && (c == BOXES || c == KEYPOINTS || !pastes))
			return cvt_fail(e, CVT_INPUT,
				"'%s' cannot be mixed; cv-read --drop %s leaves it out",
				augment_companion[c], augment_companion[c]);
	for (size_t i = 1; i < s->outs; i++)
		if (s->out_H[i] != s->out_H[0] || s->out_W[i] != s->out_W[0])
			return cvt_fail(e, CVT_INPUT,
				"views differ in size; mixup and cutmix want them equal");
	return CVT_OK;
}

int augment_mixing_open(struct augment_mixing *m, const struct aug_chain *chain,
	const struct augment_schema *schema, struct head *h, struct cvt_err *e)
{
	m->chain = chain;
	m->schema = schema;
	TRY(see_pictures(m, e));
	for (int k = 0; k < 2; k++) {
		m->ring[k] = mem_alloc(AUGMENT_BLOCK, sizeof *m->ring[k], e);
		if (!m->ring[k])
			return CVT_SYSTEM;
	}
	return see_label(m, h, e);
}

void augment_mixing_close(struct augment_mixing *m)
{
	free(m->ring[0]);
	free(m->ring[1]);
	free(m->spare);
	batch_free(&m->block);
}

/* ---- gathering --------------------------------------------------------------------- */

int augment_mixing_take(
	struct augment_mixing *m, const struct batch *b, size_t *at, bool *full, struct cvt_err *e)
{
	const size_t room = AUGMENT_BLOCK - m->block.rows, left = b->rows - *at;
	const size_t n = left < room ? left : room;
	if (m->block.rows == 0)
		TRY(batch_slice(&m->block, b, *at, n, e));
	else if (n > 0)
		TRY(batch_append(&m->block, b, *at, n, e));
	m->block.epoch = b->epoch;
	*at += n;
	*full = m->block.rows == AUGMENT_BLOCK;
	return CVT_OK;
}

void augment_mixing_rewind(struct augment_mixing *m)
{
	m->number = 0;
}

/* ---- mixing ------------------------------------------------------------------------ */

/* Class numbers become shares. */
static int soften(struct augment_mixing *m, struct cvt_err *e)
{
	const size_t n = m->block.rows, dims[2] = {n, m->classes};
	struct tensor soft = {0};
	const struct tensor *t = batch_get(&m->block, "label");
	if (!t || t->dtype != DT_I4)
		return CVT_OK;
	const int32_t *label = t->data;
	for (size_t i = 0; i < n; i++)
		if (label[i] >= 0 && (size_t)label[i] >= m->classes)
			return cvt_fail(e, CVT_INPUT, "label %d: there are %zu classes, from 0",
				(int)label[i], m->classes);
	TRY(tensor_shape(&soft, DT_F4, 2, dims, e));
	mix_one_hot(label, n, m->classes, soft.data);
	batch_remove(&m->block, "label");
	struct field *f = batch_add(&m->block, "label", e);
	if (!f) {
		tensor_free(&soft);
		return CVT_SYSTEM;
	}
	f->flags = 0;
	tensor_free(&f->t);
	f->t = soft;
	return CVT_OK;
}

static const void *of_type(const struct batch *b, const char *field, enum dtype dtype)
{
	const struct tensor *t = batch_get(b, field);
	return t && t->dtype == dtype ? t->data : NULL;
}

static void find_rings(struct augment_mixing *m)
{
	const struct batch *b = &m->block;
	mix_rings(m->classes ? of_type(b, "label", DT_F4) : NULL, m->classes,
		of_type(b, "weight", DT_F4), of_type(b, "part", DT_I4), b->rows, m->ring, m->n);
}

/* One field of the block: pictures are bytes, depth is not. */
static int mix_field(struct augment_mixing *m, const struct mix *mix, const char *base, size_t view,
	size_t C, struct cvt_err *e)
{
	char name[AUGMENT_NAME];
	struct tensor *t = batch_get(&m->block, augment_out_name(m->schema, base, view, name));
	const size_t H = m->schema->out_H[view], W = m->schema->out_W[view];
	const struct mix_shape s = {tensor_row_items(t) / (W * C), H, W, C};
	TRY(mem_grow(&m->spare, &m->spare_capacity, tensor_row_bytes(t), 1, e));
	for (int k = 0; k < 2; k++)
		if (t->dtype == DT_F4)
			mix_floats(mix, &s, t->data, m->ring[k], m->n[k], m->spare);
		else
			mix_bytes(mix, &s, t->data, m->ring[k], m->n[k], m->spare);
	return CVT_OK;
}

static int mix_rows(struct augment_mixing *m, const struct mix *mix, struct cvt_err *e)
{
	struct tensor *label = batch_get(&m->block, "label");
	for (size_t v = 0; v < m->schema->outs; v++) {
		TRY(mix_field(m, mix, "image", v, m->schema->C, e));
		for (int c = 0; c < BOXES; c++)
			if (m->schema->has[c])
				TRY(mix_field(m, mix, augment_companion[c], v, 1, e));
	}
	if (!label || m->classes == 0)
		return CVT_OK;
	TRY(mem_grow(&m->spare, &m->spare_capacity, m->classes * sizeof(float), 1, e));
	mix_shares(mix, m->classes, label->data, m->ring[0], m->n[0], m->spare);
	return CVT_OK;
}

int augment_mixing_do(struct augment_mixing *m, struct cvt_err *e)
{
	const struct rng_site site = {
		.seed = m->seed, .stage = m->stage, .epoch = m->block.epoch, .index = m->number++};
	struct mix mix;
	TRY(soften(m, e));
	find_rings(m);
	for (size_t i = 0;
		aug_chain_mix(m->chain, &i, &site, m->schema->out_H[0], m->schema->out_W[0], &mix);)
		TRY(mix_rows(m, &mix, e));
	return CVT_OK;
}
