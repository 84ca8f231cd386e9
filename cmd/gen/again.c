/*
 * maker_again: what a trained network makes of pictures that exist (see maker.h): `--reconstruct`
 * shows the picture of each one's code beside the `original`; `--bound` says how likely the picture
 * is, in nats: `elbo`, the mean of log w over --samples draws from its posterior, and `iwae`, log
 * mean w, which is nearer to log p(x) (Burda, Grosse and Salakhutdinov 2016). Both are given as
 * bounds of -log p(x): smaller is better.
 */
#include "maker.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SAMPLES = 1 << 24 };

struct again {
	struct maker *m;
	struct plan *read, *make; /* picture to code or posterior; that to picture or log w */
	float *code;              /* what `read` gave */
	double *weight;           /* draws x rows */
	const char *field;        /* of the pictures */
	struct batch rows;        /* that wait for a whole batch, whatever the frames */
};

/* ---- fields ------------------------------------------------------------------------ */

static int choose_fields(struct again *a, struct cvt_err *e)
{
	static const char *const pass[] = {"label", "name", "part", "index"};
	struct head *h = &a->m->head;
	const struct head *from = source_head(a->m->in);
	const struct head_field *picture = head_field(from, a->field);
	TRY(head_copy(h, from, e));
	for (size_t i = h->nfields; i-- > 0;) {
		bool keep = false;
		for (size_t k = 0; k < sizeof pass / sizeof *pass; k++)
			keep = keep || strcmp(h->field[i].name, pass[k]) == 0;
		if (!keep)
			head_remove_field(h, h->field[i].name);
	}
	if (!a->m->o->bound) {
		TRY(head_add_field(h, "image", DT_U1, 0, picture->ndim, picture->dims, e));
		return head_add_field(
			h, "original", picture->dtype, 0, picture->ndim, picture->dims, e);
	}
	TRY(head_add_field(h, "elbo", DT_F4, 0, 0, NULL, e));
	return head_add_field(h, "iwae", DT_F4, 0, 0, NULL, e);
}

static int shape_batch(struct again *a, size_t n, struct cvt_err *e)
{
	struct batch *b = &a->m->batch;
	b->rows = n;
	for (size_t i = 0; i < a->m->head.nfields; i++) {
		const struct head_field *f = &a->m->head.field[i];
		struct field *to = batch_add(b, f->name, e);
		const struct tensor *from =
			batch_get(&a->rows, strcmp(f->name, "original") == 0 ? a->field : f->name);
		size_t dims[TENSOR_DIMS] = {n};
		if (!to)
			return CVT_SYSTEM;
		const bool copied = from && strcmp(f->name, "image") != 0;
		memcpy(dims + 1, copied ? from->dims + 1 : f->dims, (size_t)f->ndim * sizeof *dims);
		TRY(tensor_shape(&to->t, f->dtype, f->ndim + 1, dims, e));
		if (copied)
			memcpy(to->t.data, from->data, n * tensor_row_bytes(from));
	}
	return CVT_OK;
}

/* ---- running ----------------------------------------------------------------------- */

static void bind(const struct again *a, struct plan *p)
{
	const struct learner *l = a->m->learner;
	for (size_t i = 0; i < l->ninputs; i++) {
		const struct tensor *x = batch_get(&a->rows, l->input[i].field);
		if (x)
			plan_bind(p, l->input[i].node, x->data);
	}
}

/* The draws of one row: their mean, and the logarithm of the mean of their exponentials. */
static void put_bounds(const struct again *a, size_t n)
{
	const size_t draws = a->m->o->samples;
	float *elbo = batch_get(&a->m->batch, "elbo")->data;
	float *iwae = batch_get(&a->m->batch, "iwae")->data;
	for (size_t r = 0; r < n; r++) {
		double sum = 0, top = -INFINITY, shares = 0;
		for (size_t k = 0; k < draws; k++) {
			sum += a->weight[k * MAKER_ROWS + r];
			top = fmax(top, a->weight[k * MAKER_ROWS + r]);
		}
		for (size_t k = 0; k < draws; k++)
			shares += exp(a->weight[k * MAKER_ROWS + r] - top);
		elbo[r] = (float)-(sum / (double)draws);
		iwae[r] = (float)-(top + log(shares / (double)draws));
	}
}

static void weigh(struct again *a, struct run *run, size_t n)
{
	for (size_t k = 0; k < a->m->o->samples; k++) {
		run->step = k;
		plan_forward(a->make, run, n);
		const float *w = plan_value(a->make, a->m->nodes.log_weight);
		for (size_t r = 0; r < n; r++)
			a->weight[k * MAKER_ROWS + r] = (double)w[r];
	}
	put_bounds(a, n);
}

/* The rows that wait, through the network and on. */
static int run_rows(struct again *a, struct stream_writer *out, struct cvt_err *e)
{
	struct maker *m = a->m;
	const struct generator *g = &m->nodes;
	const size_t from = m->o->bound ? g->posterior : g->code;
	const size_t n = a->rows.rows;
	struct run run = {.par = m->par, .seed = m->seed};
	if (n == 0)
		return CVT_OK;
	bind(a, a->read);
	bind(a, a->make);
	plan_forward(a->read, &run, n);
	memcpy(a->code, plan_value(a->read, from), n * maker_items(m, from) * sizeof *a->code);
	TRY(shape_batch(a, n, e));
	plan_bind(a->make, m->o->bound ? g->posterior_in : g->noise, a->code);
	if (m->o->bound) {
		weigh(a, &run, n);
	} else {
		plan_forward(a->make, &run, n);
		TRY(maker_bytes(m, plan_value(a->make, g->picture), n * maker_items(m, g->picture),
			batch_get(&m->batch, "image")->data, e));
	}
	a->rows.n = a->rows.rows = 0; /* the memory stays */
	return maker_put(m, out, e);
}

static int take_rows(
	struct again *a, const struct batch *b, struct stream_writer *out, struct cvt_err *e)
{
	for (size_t first = 0; first < b->rows;) {
		const size_t room = MAKER_ROWS - a->rows.rows, left = b->rows - first;
		const size_t n = left < room ? left : room;
		TRY(batch_append(&a->rows, b, first, n, e));
		first += n;
		if (a->rows.rows == MAKER_ROWS)
			TRY(run_rows(a, out, e));
	}
	return CVT_OK;
}

static int run_all(struct again *a, struct stream_writer *out, struct cvt_err *e)
{
	for (;;) {
		struct batch *b;
		enum stream_event event;
		TRY(source_next(a->m->in, &b, &event, e));
		if (source_parts(a->m->in) > 1)
			return cvt_fail(e, CVT_INPUT,
				"%s: has several parts, whose rows share numbers; cv-read a.cvt "
				"b.cvt joins them",
				source_name(a->m->in));
		TRY(event == STREAM_BATCH ? take_rows(a, b, out, e) : run_rows(a, out, e));
		if (event == STREAM_DONE)
			break;
		if (event == STREAM_EPOCH)
			TRY(stream_put_epoch(out, e));
	}
	return a->m->rate.rows || a->m->o->common.allow_empty
		       ? CVT_OK
		       : cvt_fail(e, CVT_INPUT, "%s: no rows; --allow-empty lets that pass",
			       source_name(a->m->in));
}

static int prepare(struct again *a, struct cvt_err *e)
{
	struct maker *m = a->m;
	const struct generator *g = &m->nodes;
	const size_t from = m->o->bound ? g->posterior : g->code;
	const size_t to = m->o->bound ? g->log_weight : g->picture;
	if (from == GRAPH_NONE || to == GRAPH_NONE)
		return cvt_fail(e, CVT_USAGE, "--%s: %s (--method %s) has no way back to a code",
			m->o->bound ? "bound" : "reconstruct", m->o->weights, m->method->name);
	a->field = m->info.field;
	if (m->o->samples == 0 || m->o->samples > MOST_SAMPLES)
		return cvt_fail(e, CVT_USAGE, "--samples %zu: should be from 1 to %d",
			m->o->samples, MOST_SAMPLES);
	TRY(choose_fields(a, e));
	TRY(maker_plan(m, from, &a->read, e));
	TRY(maker_plan(m, to, &a->make, e));
	a->code = mem_alloc(MAKER_ROWS * maker_items(m, from), sizeof *a->code, e);
	a->weight = mem_alloc(MAKER_ROWS * m->o->samples, sizeof *a->weight, e);
	return a->code && a->weight ? CVT_OK : CVT_SYSTEM;
}

static int run(
	struct again *a, const struct cli *cli, struct stream_writer **out, struct cvt_err *e)
{
	TRY(prepare(a, e));
	TRY(maker_write_head(a->m, cli, out, e));
	TRY(run_all(a, *out, e));
	return maker_finish(a->m, out, e);
}

int maker_again(
	struct maker *m, const struct cli *cli, struct stream_writer **out, struct cvt_err *e)
{
	struct again a = {.m = m};
	const int code = run(&a, cli, out, e);
	plan_free(a.read);
	plan_free(a.make);
	batch_free(&a.rows);
	free(a.code);
	free(a.weight);
	return code;
}
