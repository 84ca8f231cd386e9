/* knn_verify: pairs of rows told apart by their distance (see verify.h). */
#include "verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../formats/source.h"
#include "../../libcore/par.h"
#include "../../libcore/rng.h"
#include "../../libcore/roc.h"
#include "../eval/print.h"
#include "bank.h"

struct pair {
	size_t a, b; /* rows of the bank */
	bool same;
};

struct work {
	const struct knn_options *o;
	struct bank bank;
	size_t n, most, capacity; /* pairs: there are, that --max-memory allows, with room */
	struct pair *pair;
	struct roc_item *item;
};

static int check_room(const struct work *w, size_t n, struct cvt_err *e)
{
	return n <= w->most ? CVT_OK
			    : cvt_fail(e, CVT_LIMIT,
				    "--verify %s: more than %zu pairs do not fit; raise "
				    "--max-memory",
				    w->o->pairs, w->most);
}

static int add_pair(struct work *w, size_t a, size_t b, bool same, struct cvt_err *e)
{
	void *p = w->pair;
	TRY(check_room(w, w->n + 1, e));
	TRY(mem_grow(&p, &w->capacity, w->n + 1, sizeof *w->pair, e));
	w->pair = p;
	w->pair[w->n++] = (struct pair){a, b, same};
	return CVT_OK;
}

/* ---- pairs from a text ------------------------------------------------------------- */

struct numbered {
	int64_t index;
	size_t row;
};

static int compare_numbered(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;
	return (x->index > y->index) - (x->index < y->index);
}

static bool find_row(const struct numbered *all, size_t n, long long index, size_t *row)
{
	const struct numbered key = {.index = index};
	const struct numbered *found = bsearch(&key, all, n, sizeof *all, compare_numbered);
	*row = found ? found->row : 0;
	return found != NULL;
}

/* The whole number at *s, which moves behind it. */
static bool take_number(const char **s, long long *to)
{
	char *end;
	errno = 0;
	*to = strtoll(*s, &end, 10);
	const bool good = end > *s && errno == 0;
	*s = end;
	return good;
}

/* INDEX INDEX 0|1, between blanks; what follows a # is a comment. */
static int read_line(struct work *w, const struct numbered *all, const char *line, size_t number,
	struct cvt_err *e)
{
	long long index[2], same;
	size_t row[2];
	const char *s = line + strspn(line, " \t\r\n");
	if (!*s || *s == '#')
		return CVT_OK;
	if (!take_number(&s, &index[0]) || !take_number(&s, &index[1]) || !take_number(&s, &same)
		|| same < 0 || same > 1 || s[strspn(s, " \t\r\n")])
		return cvt_fail(e, CVT_INPUT,
			"%s:%zu: should be two row numbers and 1 (of one class) or 0", w->o->pairs,
			number);
	for (int i = 0; i < 2; i++)
		if (!find_row(all, w->bank.rows.rows, index[i], &row[i]))
			return cvt_fail(e, CVT_INPUT, "%s:%zu: %s has no row %lld", w->o->pairs,
				number, w->bank.name, index[i]);
	return add_pair(w, row[0], row[1], same == 1, e);
}

static int read_lines(struct work *w, FILE *f, const struct numbered *all, struct cvt_err *e)
{
	char line[200];
	for (size_t number = 1; fgets(line, sizeof line, f); number++) {
		if (!strchr(line, '\n') && !feof(f))
			return cvt_fail(
				e, CVT_INPUT, "%s:%zu: the line is too long", w->o->pairs, number);
		TRY(read_line(w, all, line, number, e));
	}
	return ferror(f) ? cvt_fail_errno(e, "%s", w->o->pairs) : CVT_OK;
}

static int read_pairs(struct work *w, struct cvt_err *e)
{
	const struct tensor *index = batch_get(&w->bank.rows, "index");
	const size_t n = w->bank.rows.rows;
	struct numbered *all = mem_alloc(n, sizeof *all, e);
	if (!all)
		return CVT_SYSTEM;
	for (size_t i = 0; i < n; i++)
		all[i] = (struct numbered){
			index ? ((const int64_t *)index->data)[i] : (int64_t)i, i};
	qsort(all, n, sizeof *all, compare_numbered);
	FILE *f = fopen(w->o->pairs, "r");
	int code = f ? read_lines(w, f, all, e) : cvt_fail_errno(e, "%s", w->o->pairs);
	if (f && fclose(f) != 0 && code == CVT_OK)
		code = cvt_fail_errno(e, "%s", w->o->pairs);
	free(all);
	return code;
}

/* ---- pairs from labels ------------------------------------------------------------- */

/* Two rows of one class, then two of different ones, by turns. */
static int draw_pairs(struct work *w, size_t n, uint64_t seed, struct cvt_err *e)
{
	static const struct episodes_size one = {1, 2, 0}, two = {2, 1, 0};
	const struct episodes_rows rows = {
		batch_get(&w->bank.rows, "label")->data, NULL, w->bank.rows.rows};
	struct episodes same = {0}, other = {0};
	size_t row[2], scratch[8];
	int code = episodes_open(&same, &one, &rows, NULL, e);
	if (code == CVT_OK)
		code = episodes_open(&other, &two, &rows, NULL, e);
	for (size_t i = 0; i < n && code == CVT_OK; i++) {
		episodes_draw(i % 2 ? &other : &same, seed, 0, i, row, scratch);
		code = add_pair(w, row[0], row[1], i % 2 == 0, e);
	}
	episodes_close(&same);
	episodes_close(&other);
	if (code == CVT_INPUT)
		return cvt_fail(e, code, "%s: pairs need two classes, one of them with two rows",
			w->bank.name);
	return code;
}

/* ---- distances --------------------------------------------------------------------- */

enum { BLOCK = 256 };

/* A row as floats: its own, or made of bytes in `room`. */
static const float *vector(const struct knn_bank *b, size_t row, float *room)
{
	if (b->f4)
		return b->f4 + row * b->d;
	knn_pixels(room, b->u1 + row * b->d, b->d);
	return room;
}

struct measuring {
	const struct work *w;
	float *room; /* two vectors a thread */
};

static void measure_block(void *context, size_t block, unsigned thread)
{
	const struct measuring *m = context;
	const struct knn_bank *b = &m->w->bank.vectors;
	float *room = m->room + 2 * b->d * thread;
	size_t first;
	const size_t end = par_span(m->w->n, BLOCK, block, &first) + first;
	for (size_t i = first; i < end; i++) {
		const struct pair *p = &m->w->pair[i];
		const double far = knn_distance(m->w->o->measure, vector(b, p->a, room),
			vector(b, p->b, room + b->d), b->d);
		m->w->item[i] = (struct roc_item){-far, p->same};
	}
}

static int measure(struct work *w, unsigned threads, struct roc *r, struct cvt_err *e)
{
	struct par *par = NULL;
	struct measuring m = {.w = w};
	TRY(par_open(&par, threads, e));
	m.room = mem_alloc(par_threads(par), 2 * w->bank.vectors.d * sizeof *m.room, e);
	w->item = mem_alloc(w->n, sizeof *w->item, e);
	const int code = m.room && w->item ? CVT_OK : CVT_SYSTEM;
	if (code == CVT_OK) {
		par_for(par, par_blocks(w->n, BLOCK), measure_block, &m);
		roc_measure(w->item, w->n, r);
	}
	free(m.room);
	par_close(par);
	return code;
}

/* ---- from begin to end ------------------------------------------------------------- */

static int tell(const struct work *w, const struct roc *r, const struct cli_common *common,
	struct cvt_err *e)
{
	struct report to = {0};
	struct str text = {0};
	int code = report_share(&to, "auc", r->auc, e);
	if (code == CVT_OK)
		code = report_share(&to, "eer", r->eer, e);
	if (code == CVT_OK)
		code = report_share(&to, "distance", -r->threshold, e);
	if (code == CVT_OK)
		code = report_count(&to, "pairs", w->n, e);
	if (code == CVT_OK)
		code = report_count(&to, "same", r->positives, e);
	if (code == CVT_OK)
		code = eval_print(&text, &to, NULL, EVAL_TEXT, e);
	if (code == CVT_OK)
		code = eval_write(common->output, &text, e);
	if (code == CVT_OK)
		code = eval_write_metrics(common->metrics, &to, e);
	free(text.p);
	report_free(&to);
	return code;
}

static int run(struct work *w, const struct cli *c, struct cvt_err *e)
{
	const struct cli_common *common = c->program->common;
	const char *pairs = w->o->pairs;
	const bool drawn = *pairs && strspn(pairs, "0123456789") == strlen(pairs);
	const struct bank_options b = {.path = c->operands ? c->operand[0] : common->input,
		.field = w->o->field,
		.data = {.format = w->o->format, .max_memory = common->max_memory},
		.max_memory = common->max_memory,
		.labelled = drawn};
	struct roc r;
	size_t n = 0;
	if (drawn)
		TRY(cli_count(pairs, "--verify", &n, e));
	w->most = common->max_memory / (sizeof *w->pair + sizeof *w->item);
	TRY(check_room(w, n, e));
	TRY(bank_read(&w->bank, &b, e));
	const struct head *h = &w->bank.head;
	const uint64_t seed = common->seed_given || !h->has_seed ? common->seed : h->seed;
	TRY(drawn ? draw_pairs(w, n, seed, e) : read_pairs(w, e));
	if (w->n == 0)
		return cvt_fail(e, CVT_INPUT, "%s: has no pairs", pairs);
	TRY(measure(w, (unsigned)common->threads, &r, e));
	return tell(w, &r, common, e);
}

int knn_verify(const struct knn_options *o, const struct cli *c, struct cvt_err *e)
{
	struct work w = {.o = o};
	const int code = run(&w, c, e);
	bank_free(&w.bank);
	free(w.pair);
	free(w.item);
	return code;
}
