/*
 * maker_sample: pictures from noise (see maker.h). Row `index` follows from the seed, its index and
 * its class alone. --interpolate A..B goes from the noise of row A to that of row B on the sphere
 * between them (White, "Sampling generative networks", 2016): a straight line would lead through
 * codes that are shorter than any that is drawn.
 *
 * Dimensions: D numbers of the noise.
 */
#include "maker.h"

#include "../../libcore/rng.h"
#include "../embed/network.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct sample {
	struct maker *m;
	struct plan *plan;
	size_t D, from, to; /* of --interpolate */
	size_t rows;
	bool path;          /* --interpolate */
	int32_t one;        /* class of every row; -1 = each in turn */
	float *noise, *end; /* MAKER_ROWS x D; both ends of a path */
	int32_t *label;
};

/* "3..8" */
static int read_path(struct sample *s, const char *text, struct cvt_err *e)
{
	char number[40];
	const char *dots = strstr(text, "..");
	const size_t n = dots ? (size_t)(dots - text) : 0;
	if (n == 0 || n >= sizeof number)
		return cvt_fail(e, CVT_USAGE,
			"--interpolate %s: should be A..B, the numbers of two samples", text);
	memcpy(number, text, n);
	number[n] = '\0';
	TRY(cli_count(number, "--interpolate", &s->from, e));
	TRY(cli_count(dots + 2, "--interpolate", &s->to, e));
	s->path = true;
	s->rows = s->m->o->steps;
	return s->rows >= 2 ? CVT_OK : cvt_fail(e, CVT_USAGE, "--steps: at least 2");
}

/* --class NAME or NUMBER */
static int read_class(struct sample *s, const char *text, struct cvt_err *e)
{
	const struct maker *m = s->m;
	size_t k;
	if (m->nodes.label == GRAPH_NONE)
		return cvt_fail(e, CVT_USAGE, "--class: %s knows no classes", m->o->weights);
	TRY(head_find_class(&m->head, "label", m->info.nclasses, text, "--class", &k, e));
	s->one = (int32_t)k;
	return CVT_OK;
}

static int prepare(struct sample *s, struct cvt_err *e)
{
	struct maker *m = s->m;
	const struct gen_options *o = m->o;
	const struct shape *row = &m->learner->graph->node[m->nodes.picture].row;
	struct head *h = &m->head;
	TRY(head_add_field(h, "image", DT_U1, 0, row->ndim, row->dims, e));
	if (m->nodes.label != GRAPH_NONE)
		TRY(head_add_field(h, "label", DT_I4, 0, 0, NULL, e));
	TRY(head_add_field(h, "index", DT_I8, 0, 0, NULL, e));
	s->rows = o->count;
	if (o->interpolate)
		TRY(read_path(s, o->interpolate, e));
	if (s->rows == 0 && !o->common.allow_empty)
		return cvt_fail(
			e, CVT_INPUT, "no rows are asked for; --allow-empty lets that pass");
	if (o->start > SIZE_MAX >> 4 || s->rows > (SIZE_MAX >> 4) - o->start)
		return cvt_fail(e, CVT_USAGE, "--start: indices end at 2^60");
	h->rows = s->rows;
	h->val = 0;
	h->epochs = 1;
	h->index = s->path ? s->rows : o->start + s->rows;
	s->D = maker_items(m, m->nodes.noise);
	s->noise = mem_alloc(MAKER_ROWS * s->D, sizeof *s->noise, e);
	s->end = mem_alloc(2 * s->D, sizeof *s->end, e);
	s->label = mem_alloc(MAKER_ROWS, sizeof *s->label, e);
	if (!s->noise || !s->end || !s->label)
		return CVT_SYSTEM;
	return maker_plan(m, m->nodes.picture, &s->plan, e);
}

static void draw(const struct sample *s, uint64_t index, float *noise)
{
	struct rng r;
	rng_for(&r, s->m->seed, RNG_METHOD, 0, index);
	for (size_t i = 0; i < s->D; i++)
		noise[i] = rng_normal(&r);
}

/* sin((1 - t) w) / sin w a + sin(t w) / sin w b, w the angle between a and b. */
static void between(const struct sample *s, double t, float *to)
{
	const float *a = s->end, *b = s->end + s->D;
	double ab = 0, aa = 0, bb = 0;
	for (size_t i = 0; i < s->D; i++) {
		ab += (double)a[i] * (double)b[i];
		aa += (double)a[i] * (double)a[i];
		bb += (double)b[i] * (double)b[i];
	}
	const double cosine = ab / sqrt(aa * bb + 1e-30);
	const double w = acos(cosine < -1 ? -1 : cosine > 1 ? 1 : cosine), sine = sin(w);
	const double p = sine > 1e-6 ? sin((1 - t) * w) / sine : 1 - t;
	const double q = sine > 1e-6 ? sin(t * w) / sine : t;
	for (size_t i = 0; i < s->D; i++)
		to[i] = (float)(p * (double)a[i] + q * (double)b[i]);
}

/* Noise and labels of a whole block of rows from index `first` on. */
static void fill(struct sample *s, uint64_t first)
{
	const size_t K = s->m->info.nclasses ? s->m->info.nclasses : 1;
	for (size_t r = 0; r < MAKER_ROWS; r++) {
		const uint64_t index = first + r;
		if (s->path)
			between(s, (double)index / (double)(s->rows - 1), s->noise + r * s->D);
		else
			draw(s, index, s->noise + r * s->D);
		s->label[r] = s->one >= 0 ? s->one : (int32_t)((s->path ? s->from : index) % K);
	}
}

/* Rows [skip, skip + n) of the block that begins at index `first`. */
static int put_rows(struct sample *s, uint64_t first, size_t skip, size_t n,
	struct stream_writer *out, struct cvt_err *e)
{
	struct maker *m = s->m;
	struct batch *b = &m->batch;
	const size_t items = maker_items(m, m->nodes.picture);
	b->rows = n;
	for (size_t i = 0; i < m->head.nfields; i++) {
		const struct head_field *f = &m->head.field[i];
		size_t dims[TENSOR_DIMS] = {n};
		struct field *to = batch_add(b, f->name, e);
		if (!to)
			return CVT_SYSTEM;
		memcpy(dims + 1, f->dims, (size_t)f->ndim * sizeof *dims);
		TRY(tensor_shape(&to->t, f->dtype, f->ndim + 1, dims, e));
	}
	int64_t *index = batch_get(b, "index")->data;
	for (size_t r = 0; r < n; r++)
		index[r] = (int64_t)(first + skip + r);
	if (batch_get(b, "label"))
		memcpy(batch_get(b, "label")->data, s->label + skip, n * sizeof *s->label);
	TRY(maker_bytes(m, plan_value(s->plan, m->nodes.picture) + skip * items, n * items,
		batch_get(b, "image")->data, e));
	return maker_put(m, out, e);
}

/* Blocks begin at multiples of their size and are always made whole, so that a row's bits do not
 * depend on where the others begin. */
static int write_rows(struct sample *s, struct stream_writer *out, struct cvt_err *e)
{
	struct maker *m = s->m;
	const struct run run = {.par = m->par, .seed = m->seed};
	const uint64_t start = s->path ? 0 : m->o->start, end = start + s->rows;
	for (uint64_t at = start; at < end;) {
		const uint64_t first = at - at % MAKER_ROWS, next = first + MAKER_ROWS;
		const size_t n = (size_t)((next < end ? next : end) - at);
		fill(s, first);
		plan_bind(s->plan, m->nodes.noise, s->noise);
		if (m->nodes.label != GRAPH_NONE)
			plan_bind(s->plan, m->nodes.label, s->label);
		plan_forward(s->plan, &run, MAKER_ROWS);
		TRY(put_rows(s, first, (size_t)(at - first), n, out, e));
		at += n;
	}
	return stream_put_epoch(out, e);
}

static int run(
	struct sample *s, const struct cli *cli, struct stream_writer **out, struct cvt_err *e)
{
	struct maker *m = s->m;
	TRY(prepare(s, e));
	if (m->nodes.label != GRAPH_NONE && m->info.classes)
		TRY(network_classes_head(m->info.classes, &m->head, e));
	s->one = -1;
	if (m->o->class_name)
		TRY(read_class(s, m->o->class_name, e));
	TRY(maker_write_head(m, cli, out, e));
	draw(s, s->from, s->end);
	draw(s, s->to, s->end + s->D);
	TRY(write_rows(s, *out, e));
	return maker_finish(m, out, e);
}

int maker_sample(
	struct maker *m, const struct cli *cli, struct stream_writer **out, struct cvt_err *e)
{
	struct sample s = {.m = m};
	const int code = run(&s, cli, out, e);
	plan_free(s.plan);
	free(s.noise);
	free(s.end);
	free(s.label);
	return code;
}
