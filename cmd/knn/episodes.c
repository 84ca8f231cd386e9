/* knn_episodes: few-shot tasks scored (see episodes.h). */
#include "episodes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "../../formats/source.h"
#include "../../libcore/episode.h"
#include "../../libcore/par.h"
#include "../eval/print.h"
#include "bank.h"

/* ---- one task ---------------------------------------------------------------------- */

/* A task's vectors, and what scoring them needs; grows with the largest. */
struct pad {
	size_t capacity, n, d;
	float *x, *mean, *distance, *share;
	int32_t *label, *role, *way, *slot;
	size_t *row, *number;
	double *sum;
};

static void pad_free(struct pad *p)
{
	free(p->x);
	free(p->mean);
	free(p->distance);
	free(p->share);
	free(p->label);
	free(p->role);
	free(p->way);
	free(p->slot);
	free(p->row);
	free(p->number);
	free(p->sum);
}

static int grow(void *to, size_t old, size_t n, size_t size, struct cvt_err *e)
{
	void *p;
	memcpy(&p, to, sizeof p);
	TRY(mem_grow(&p, &old, n, size, e));
	memcpy(to, &p, sizeof p);
	return CVT_OK;
}

/* Room for n vectors of d floats. */
static int pad_room(struct pad *p, size_t n, struct cvt_err *e)
{
	const size_t old = p->capacity, twice = 2 * old > n ? 2 * old : n;
	const size_t want = n <= old ? old : twice, d = p->d * sizeof(float);
	if (n <= old)
		return CVT_OK;
	TRY(grow(&p->x, old, want, d, e));
	TRY(grow(&p->mean, old, want, d, e));
	TRY(grow(&p->distance, old, want, sizeof *p->distance, e));
	TRY(grow(&p->share, old, want, sizeof *p->share, e));
	TRY(grow(&p->label, old, want, sizeof *p->label, e));
	TRY(grow(&p->role, old, want, sizeof *p->role, e));
	TRY(grow(&p->way, old, want, sizeof *p->way, e));
	TRY(grow(&p->slot, old, want, sizeof *p->slot, e));
	TRY(grow(&p->row, old, want, sizeof *p->row, e));
	TRY(grow(&p->number, old, want, sizeof *p->number, e));
	TRY(grow(&p->sum, old, want, sizeof *p->sum, e));
	p->capacity = want;
	return CVT_OK;
}

/* The k support vectors nearest to q, nearest first, into row and distance; returns how many. */
static size_t near_support(const struct pad *p, const float *q, enum knn_metric metric, size_t k)
{
	size_t have = 0;
	for (size_t v = 0; v < p->n; v++) {
		if (p->role[v] != 0 || p->label[v] < 0)
			continue;
		const float far = (float)knn_distance(metric, q, p->x + v * p->d, p->d);
		size_t at = have < k ? have++ : k;
		for (; at > 0 && p->distance[at - 1] > far; at--)
			if (at < k) {
				p->distance[at] = p->distance[at - 1];
				p->row[at] = p->row[at - 1];
			}
		if (at < k) {
			p->distance[at] = far;
			p->row[at] = v;
		}
	}
	return have;
}

/* Classes as 0.. in the order of the means, for votes. */
static void number_classes(struct pad *p, size_t ways)
{
	for (size_t v = 0; v < p->n; v++) {
		p->slot[v] = 0;
		for (size_t k = 0; k < ways; k++)
			if (p->way[k] == p->label[v])
				p->slot[v] = (int32_t)k;
	}
}

static int32_t answer(const struct knn_options *o, const struct pad *p, size_t v, size_t ways)
{
	const float *q = p->x + v * p->d;
	if (!o->k_given)
		return episode_nearest(q, o->measure, p->mean, p->way, ways, p->d);
	const struct knn_ballot b = {o->ballot, o->temperature, ways, p->slot};
	const size_t k = near_support(p, q, o->measure, o->k < p->n ? o->k : p->n);
	return p->way[knn_count_votes(&b, k, p->row, p->distance, p->sum, p->share)];
}

/* The share of the task's queries that are told right; NAN when it has none. */
static double score(const struct knn_options *o, struct pad *p, size_t *queries)
{
	const struct episode s = {p->n, p->d, p->x, p->label, p->role};
	const size_t ways = episode_means(&s, o->measure, p->mean, p->way);
	size_t right = 0;
	*queries = 0;
	number_classes(p, ways);
	for (size_t v = 0; v < p->n && ways; v++) {
		if (p->role[v] != 1 || p->label[v] < 0)
			continue;
		++*queries;
		right += answer(o, p, v, ways) == p->label[v];
	}
	return *queries ? (double)right / (double)*queries : NAN;
}

/* ---- figures ----------------------------------------------------------------------- */

struct tasks {
	double *share;
	size_t n, capacity;
	uint64_t queries;
};

static int add_task(struct tasks *t, double share, size_t queries, struct cvt_err *e)
{
	if (!queries)
		return CVT_OK;
	void *p = t->share;
	TRY(mem_grow(&p, &t->capacity, t->n + 1, sizeof *t->share, e));
	t->share = p;
	t->share[t->n++] = share;
	t->queries += queries;
	return CVT_OK;
}

static int tell(const struct tasks *t, const struct cli_common *common, struct cvt_err *e)
{
	struct report r = {0};
	struct str text = {0};
	double mean, half;
	episode_interval(t->share, t->n, &mean, &half);
	int code = report_share(&r, "accuracy", mean, e);
	if (code == CVT_OK)
		code = report_share(&r, "interval", half, e);
	if (code == CVT_OK)
		code = report_count(&r, "episodes", t->n, e);
	if (code == CVT_OK)
		code = report_count(&r, "queries", t->queries, e);
	if (code == CVT_OK)
		code = eval_print(&text, &r, NULL, EVAL_TEXT, e);
	if (code == CVT_OK)
		code = eval_write(common->output, &text, e);
	if (code == CVT_OK)
		code = eval_write_metrics(common->metrics, &r, e);
	free(text.p);
	report_free(&r);
	return code;
}

/* ---- tasks of the input ------------------------------------------------------------ */

struct stream {
	const struct knn_options *o;
	struct source *in;
	struct pad pad;
	struct tasks tasks;
	const char *field;
	int64_t group; /* of the rows in the pad */
	size_t max_memory;
};

static int end_task(struct stream *s, struct cvt_err *e)
{
	size_t queries;
	if (s->pad.n == 0)
		return CVT_OK;
	const double share = score(s->o, &s->pad, &queries);
	s->pad.n = 0;
	return add_task(&s->tasks, share, queries, e);
}

static void copy_vector(const struct tensor *t, size_t row, size_t d, float *to)
{
	if (t->dtype == DT_F4)
		memcpy(to, (const float *)t->data + row * d, d * sizeof *to);
	else
		knn_pixels(to, (const unsigned char *)t->data + row * d, d);
}

static int take_rows(struct stream *s, const struct batch *b, struct cvt_err *e)
{
	const struct tensor *x = batch_get(b, s->field);
	const int64_t *group = batch_get(b, "group")->data;
	const int32_t *label = batch_get(b, "label")->data, *role = batch_get(b, "role")->data;
	struct pad *p = &s->pad;
	for (size_t i = 0; i < b->rows; i++) {
		if (group[i] != s->group)
			TRY(end_task(s, e));
		if ((p->n + 1) * p->d > s->max_memory / (4 * sizeof(float)))
			return cvt_fail(e, CVT_LIMIT,
				"%s: task %lld does not fit; raise --max-memory",
				source_name(s->in), (long long)group[i]);
		TRY(pad_room(p, p->n + 1, e));
		copy_vector(x, i, p->d, p->x + p->n * p->d);
		p->label[p->n] = label[i];
		p->role[p->n++] = role[i];
		s->group = group[i];
	}
	return CVT_OK;
}

static int need_field(const struct stream *s, const char *name, enum dtype dtype, struct cvt_err *e)
{
	const struct head_field *f = head_field(source_head(s->in), name);
	if (f && f->dtype == dtype && f->ndim == 0)
		return CVT_OK;
	return cvt_fail(e, CVT_INPUT,
		"%s: brings no tasks: it has no '%s' of one whole number; make them with cv-read "
		"--episodes 5x1+15, or draw them here with --episodes 5x1+15",
		source_name(s->in), name);
}

static int read_tasks(struct stream *s, struct cvt_err *e)
{
	const struct head_field *f;
	TRY(need_field(s, "group", DT_I8, e));
	TRY(need_field(s, "role", DT_I4, e));
	TRY(need_field(s, "label", DT_I4, e));
	TRY(bank_choose_field(source_head(s->in), s->o->field, source_name(s->in), &f, e));
	TRY(tensor_count(f->ndim, f->dims, &s->pad.d, e));
	s->field = f->name;
	for (;;) {
		struct batch *b;
		enum stream_event event;
		TRY(source_next(s->in, &b, &event, e));
		if (event == STREAM_BATCH)
			TRY(take_rows(s, b, e));
		else
			TRY(end_task(s, e));
		if (event == STREAM_DONE)
			return CVT_OK;
	}
}

/* ---- tasks that are drawn ---------------------------------------------------------- */

struct drawing {
	const struct knn_options *o;
	struct bank input, bank; /* the bank holds the support if there is one */
	struct episodes episodes;
	uint64_t seed;
	struct pad *pad; /* one a thread */
	double *share;
};

/* In tasks labels count from 0 in each: rows of one label are of many classes. */
static int refuse_tasks(const struct bank *b, struct cvt_err *e)
{
	if (!head_field(&b->head, "role") || !head_field(&b->head, "group"))
		return CVT_OK;
	return cvt_fail(e, CVT_USAGE,
		"%s: brings tasks of its own, whose labels are not the classes; --episodes alone "
		"scores them",
		b->name);
}

static int read_sides(
	struct drawing *w, const char *path, const struct cli_common *common, struct cvt_err *e)
{
	struct bank_options b = {.path = path,
		.field = w->o->field,
		.data = {.format = w->o->format, .max_memory = common->max_memory},
		.max_memory = common->max_memory,
		.labelled = true};
	size_t classes;
	TRY(bank_read(&w->input, &b, e));
	TRY(refuse_tasks(&w->input, e));
	w->seed = common->seed_given || !w->input.head.has_seed ? common->seed : w->input.head.seed;
	if (!w->o->bank)
		return CVT_OK;
	b.path = w->o->bank;
	b.data.format = NULL;
	b.field = w->input.field;
	TRY(bank_read(&w->bank, &b, e));
	TRY(refuse_tasks(&w->bank, e));
	if (w->bank.vectors.d != w->input.vectors.d)
		return cvt_fail(e, CVT_INPUT,
			"%s: '%s' has %zu numbers a row, the input's has %zu; make both in the "
			"same "
			"way",
			w->bank.name, w->bank.field, w->bank.vectors.d, w->input.vectors.d);
	return bank_match_classes(&w->bank, &w->input.head, w->o->by_number, &classes, e);
}

static void draw_task(void *context, size_t task, unsigned thread)
{
	const struct drawing *w = context;
	const struct episodes_size *size = &w->episodes.size;
	struct pad *p = &w->pad[thread];
	size_t queries;
	p->n = episodes_rows(size);
	episodes_draw(&w->episodes, w->seed, 0, task, p->number, p->number + p->n);
	for (size_t i = 0; i < p->n; i++) {
		p->role[i] = episodes_is_query(size, i);
		p->label[i] = (int32_t)episodes_way(size, i);
		const struct bank *from = p->role[i] || !w->o->bank ? &w->input : &w->bank;
		copy_vector(
			batch_get(&from->rows, from->field), p->number[i], p->d, p->x + i * p->d);
	}
	w->share[task] = score(w->o, p, &queries);
}

static int open_pads(struct drawing *w, unsigned threads, struct cvt_err *e)
{
	const struct episodes_size *z = &w->o->draws;
	w->pad = mem_alloc(threads, sizeof *w->pad, e);
	w->share = mem_alloc(w->o->count, sizeof *w->share, e);
	for (unsigned t = 0; w->pad && w->share && t < threads; t++) {
		w->pad[t].d = w->input.vectors.d;
		TRY(pad_room(&w->pad[t], episodes_rows(z) + z->ways + z->shots + z->queries, e));
	}
	return w->pad && w->share ? CVT_OK : CVT_SYSTEM;
}

static int draw_tasks(struct drawing *w, struct par *par, struct tasks *t, struct cvt_err *e)
{
	const struct bank *support = w->o->bank ? &w->bank : &w->input;
	const struct episodes_rows from = {
		batch_get(&support->rows, "label")->data, NULL, support->rows.rows};
	const struct episodes_rows asked = {
		batch_get(&w->input.rows, "label")->data, NULL, w->input.rows.rows};
	TRY(episodes_open(&w->episodes, &w->o->draws, &from, w->o->bank ? &asked : NULL, e));
	TRY(open_pads(w, par_threads(par), e));
	par_for(par, w->o->count, draw_task, w);
	for (size_t i = 0; i < w->o->count; i++)
		TRY(add_task(t, w->share[i], w->o->draws.ways * w->o->draws.queries, e));
	return CVT_OK;
}

/* ---- both -------------------------------------------------------------------------- */

static int score_drawn(const struct knn_options *o, const char *path,
	const struct cli_common *common, struct tasks *t, struct cvt_err *e)
{
	struct drawing w = {.o = o};
	struct par *par = NULL;
	int code = par_open(&par, (unsigned)common->threads, e);
	if (code == CVT_OK)
		code = read_sides(&w, path, common, e);
	if (code == CVT_OK)
		code = draw_tasks(&w, par, t, e);
	for (unsigned i = 0; w.pad && i < par_threads(par); i++)
		pad_free(&w.pad[i]);
	free(w.pad);
	free(w.share);
	episodes_close(&w.episodes);
	bank_free(&w.input);
	bank_free(&w.bank);
	par_close(par);
	return code;
}

static int score_stream(const struct knn_options *o, const char *path,
	const struct cli_common *common, struct tasks *t, struct cvt_err *e)
{
	struct stream s = {.o = o, .max_memory = common->max_memory};
	const struct dataset_options data = {.format = o->format, .max_memory = common->max_memory};
	int code = source_open(&s.in, path, &data, e);
	if (code == CVT_OK)
		code = read_tasks(&s, e);
	if (code == CVT_OK && s.tasks.n == 0)
		code = cvt_fail(e, CVT_INPUT, "%s: has no task with support and queries",
			source_name(s.in));
	*t = s.tasks;
	pad_free(&s.pad);
	source_close(s.in);
	return code;
}

int knn_score_episodes(const struct knn_options *o, const struct cli *c, struct cvt_err *e)
{
	const struct cli_common *common = c->program->common;
	const char *path = c->operands ? c->operand[0] : common->input;
	struct tasks t = {0};
	int code = o->draws.ways ? score_drawn(o, path, common, &t, e)
				 : score_stream(o, path, common, &t, e);
	if (code == CVT_OK)
		code = tell(&t, common, e);
	free(t.share);
	return code;
}
