/* cv-knn: the nearest rows of a bank, for each row of a stream, and what they say about its class.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../formats/source.h"
#include "../libcore/cli.h"
#include "../libcore/knn.h"
#include "eval/print.h"
#include "knn/bank.h"
#include "knn/episodes.h"
#include "knn/fields.h"
#include "knn/verify.h"
#include "rate.h"

/* Queries are gathered into blocks of BLOCK rows, fewer when those would take more than
 * BLOCK_BYTES, however the stream is cut into frames. Memory for them grows from FIRST rows. */
enum { BLOCK = 4096, BLOCK_BYTES = 96 << 20, RAGGED_BYTES = 1 << 16, FIRST = 2 * KNN_PAD };

struct work {
	const struct knn_options *o;
	const struct cli_common *common;
	const struct cli *cli;
	struct bank bank;
	struct source *in;
	struct par *par;
	struct knn *search;
	struct stream_writer *out;
	struct head head;         /* of the output */
	struct knn_fields fields; /* what rows keep and get */
	size_t d, k, block;
	/* the block at hand: rows as they came, in pieces of the stream's frames, less what is
	 * dropped */
	struct batch *piece;
	size_t pieces, piece_capacity, rows;
	size_t capacity; /* rows that there is memory for */
	float *query;
	size_t *row; /* (capacity, k) */
	float *distance;
	struct rate rate;
};

/* ---- the schema -------------------------------------------------------------------- */

/* Predictions speak of the queries' classes, or of the bank's if the queries have no names. */
static int add_class_names(struct work *w, struct cvt_err *e)
{
	const struct head_classes *names = head_classes(&w->bank.head, "label");
	if (!w->o->predict || !names || head_classes(&w->head, "label"))
		return CVT_OK;
	for (size_t i = 0; i < names->n; i++)
		if (names->name[i])
			TRY(head_set_class(&w->head, "label", i, names->name[i], e));
	return CVT_OK;
}

static int add_history(struct work *w, struct cvt_err *e)
{
	const uint64_t seed =
		w->common->seed_given || !w->head.has_seed ? w->common->seed : w->head.seed;
	struct str line = {0};
	w->head.seed = w->head.has_seed ? w->head.seed : seed; /* the first program's travels */
	w->head.has_seed = true;
	if (w->common->no_history)
		return CVT_OK;
	int code = cli_history(w->cli, seed, source_is_stream(w->in), &line, e);
	if (code == CVT_OK)
		code = head_add_prog(&w->head, 0, "cv-knn", line.p, e);
	if (code == CVT_OK)
		code = head_add_history(&w->head, &w->bank.head, 1, e);
	free(line.p);
	return code;
}

static int make_head(struct work *w, struct cvt_err *e)
{
	const struct head *h = source_head(w->in);
	TRY(head_copy(&w->head, h, e));
	TRY(knn_fields_head(&w->fields, h, &w->head, e));
	TRY(add_class_names(w, e));
	return add_history(w, e);
}

/* ---- a block of queries ------------------------------------------------------------ */

/* Bytes that a query takes while its block is gathered. */
static size_t query_bytes(const struct work *w, const struct head *h)
{
	size_t bytes = w->d * sizeof(float) + w->k * (sizeof *w->row + sizeof *w->distance);
	for (size_t i = 0; i < h->nfields; i++) {
		const struct head_field *f = &h->field[i];
		size_t items;
		if (!knn_fields_keeps(&w->fields, h, f))
			continue;
		if (tensor_count(f->ndim, f->dims, &items, NULL) != CVT_OK || items > BLOCK_BYTES
			|| (f->flags & FIELD_WHOLE))
			items = RAGGED_BYTES;
		bytes += items * dtype_size(f->dtype);
	}
	return bytes;
}

static void cut_block(struct work *w)
{
	const size_t fit = BLOCK_BYTES / query_bytes(w, source_head(w->in)) / KNN_PAD * KNN_PAD;
	w->block = fit < KNN_PAD ? KNN_PAD : fit < BLOCK ? fit : BLOCK;
}

/* For rows queries, at most a block of them. */
static int make_room(struct work *w, size_t rows, struct cvt_err *e)
{
	if (rows <= w->capacity)
		return CVT_OK;
	size_t want = w->capacity ? 2 * w->capacity : FIRST;
	want = want < rows ? knn_padded(rows) : want;
	want = want < w->block ? want : w->block;
	float *query = mem_alloc(want, w->d * sizeof *query, e);
	if (!query)
		return CVT_SYSTEM;
	if (w->rows > 0)
		memcpy(query, w->query, w->rows * w->d * sizeof *query);
	free(w->query);
	free(w->row);
	free(w->distance);
	w->query = query;
	w->row = mem_alloc(want, w->k * sizeof *w->row, e);
	w->distance = mem_alloc(want, w->k * sizeof *w->distance, e);
	w->capacity = want;
	return w->row && w->distance ? CVT_OK : CVT_SYSTEM;
}

/* Searches the rows gathered so far and sends them on. */
static int finish_block(struct work *w, struct cvt_err *e)
{
	if (knn_search(w->search, w->query, w->rows, w->k, w->row, w->distance, e) != CVT_OK)
		return cvt_fail_at(e, "%s: '%s' from row %llu on", source_name(w->in),
			w->fields.searched, (unsigned long long)w->rate.rows);
	size_t at = 0;
	for (size_t i = 0; i < w->pieces; i++) {
		struct batch *piece = &w->piece[i];
		TRY(knn_fields_add(
			&w->fields, piece, w->row + at * w->k, w->distance + at * w->k, e));
		TRY(stream_put(w->out, piece, e));
		at += piece->rows;
	}
	rate_add(&w->rate, w->rows);
	w->rows = w->pieces = 0;
	return CVT_OK;
}

static int next_piece(struct work *w, struct batch **piece, struct cvt_err *e)
{
	void *p = w->piece;
	const size_t old = w->piece_capacity;
	TRY(mem_grow(&p, &w->piece_capacity, w->pieces + 1, sizeof *w->piece, e));
	w->piece = p;
	if (w->piece_capacity > old)
		memset(w->piece + old, 0, (w->piece_capacity - old) * sizeof *w->piece);
	*piece = &w->piece[w->pieces++];
	return CVT_OK;
}

static void copy_queries(float *to, const struct tensor *t, size_t first, size_t n)
{
	const size_t d = tensor_row_items(t);
	if (t->dtype == DT_F4)
		memcpy(to, (const float *)t->data + first * d, n * d * sizeof *to);
	else
		knn_pixels(to, (const unsigned char *)t->data + first * d, n * d);
}

/* Cuts a batch where blocks end. (Removed fields keep their memory until the next batch.) */
static int take_batch(struct work *w, struct batch *b, struct cvt_err *e)
{
	const struct head *h = source_head(w->in);
	const struct tensor vectors = *batch_get(b, w->fields.searched);
	for (size_t i = 0; i < h->nfields; i++)
		if (!knn_fields_keeps(&w->fields, h, &h->field[i]))
			batch_remove(b, h->field[i].name);
	for (size_t at = 0, n; at < b->rows; at += n) {
		struct batch *piece;
		n = b->rows - at < w->block - w->rows ? b->rows - at : w->block - w->rows;
		TRY(make_room(w, w->rows + n, e));
		copy_queries(w->query + w->rows * w->d, &vectors, at, n);
		TRY(next_piece(w, &piece, e));
		TRY(batch_slice(piece, b, at, n, e));
		w->rows += n;
		if (w->rows == w->block)
			TRY(finish_block(w, e));
	}
	return CVT_OK;
}

/* ---- from begin to end ------------------------------------------------------------- */

static int read_bank(struct work *w, struct cvt_err *e)
{
	const struct bank_options b = {.path = w->o->bank,
		.field = w->o->field,
		.data = {.max_memory = w->common->max_memory},
		.max_memory = w->common->max_memory,
		.labelled = w->o->predict};
	TRY(bank_read(&w->bank, &b, e));
	w->k = w->o->k;
	if (w->k <= w->bank.rows.rows)
		return CVT_OK;
	if (w->o->k_given)
		return cvt_fail(e, CVT_USAGE, "-k %zu: %s has %zu rows; use -k %zu or less", w->k,
			w->bank.name, w->bank.rows.rows, w->bank.rows.rows);
	w->k = w->bank.rows.rows;
	return CVT_OK;
}

/* The queries' field has the bank's name and size. */
static int agree(struct work *w, struct cvt_err *e)
{
	const struct head *h = source_head(w->in);
	const struct head_field *f = NULL;
	size_t d = 0;
	TRY(bank_choose_field(h, w->bank.field, source_name(w->in), &f, e));
	TRY(tensor_count(f->ndim, f->dims, &d, e));
	w->d = w->bank.vectors.d;
	if (d != w->d)
		return cvt_fail(e, CVT_INPUT,
			"%s: '%s' has %zu numbers a row, the bank's has %zu; make both in the same "
			"way",
			source_name(w->in), f->name, d, w->d);
	return CVT_OK;
}

static int settle_fields(struct work *w, struct cvt_err *e)
{
	const struct knn_options *o = w->o;
	const struct tensor *index = batch_get(&w->bank.rows, "index");
	struct knn_fields *k = &w->fields;
	*k = (struct knn_fields){.predict = o->predict,
		.neighbours = o->neighbours,
		.keep = o->keep,
		.searched = w->bank.field,
		.k = w->k,
		.ballot = {.vote = o->ballot, .temperature = o->temperature},
		.index = index && index->dtype == DT_I8 ? index->data : NULL};
	if (!o->predict)
		return CVT_OK;
	size_t *classes = &k->ballot.classes;
	TRY(bank_match_classes(&w->bank, source_head(w->in), o->by_number, classes, e));
	k->ballot.label = batch_get(&w->bank.rows, "label")->data;
	k->sum = mem_alloc(*classes, sizeof *k->sum, e);
	return k->sum ? CVT_OK : CVT_SYSTEM;
}

static int open_search(struct work *w, struct cvt_err *e)
{
	size_t left = w->common->max_memory;
	for (size_t i = 0; i < w->bank.rows.n; i++) {
		const size_t bytes = w->bank.rows.field[i].t.bytes;
		left = left > bytes ? left - bytes : 0;
	}
	if (knn_open(&w->search, w->o->measure, &w->bank.vectors, left, w->par, e) != CVT_OK)
		return cvt_fail_at(e, "%s: '%s'", w->bank.name, w->fields.searched);
	const size_t held = knn_held(w->search);
	knn_allow(w->search, left > held ? left - held : 0);
	return CVT_OK;
}

static int open_all(struct work *w, struct cvt_err *e)
{
	const struct cli_common *c = w->common;
	const char *path = w->cli->operands ? w->cli->operand[0] : c->input;
	const struct dataset_options data = {.format = w->o->format, .max_memory = c->max_memory};
	struct output *out;
	TRY(cli_refuse_terminal(c->output, e));
	TRY(par_open(&w->par, (unsigned)c->threads, e));
	TRY(read_bank(w, e));
	TRY(source_open(&w->in, path, &data, e));
	TRY(output_refuse_input(c->output, source_fd(w->in), e));
	TRY(agree(w, e));
	TRY(settle_fields(w, e));
	TRY(open_search(w, e));
	TRY(make_head(w, e));
	cut_block(w);
	TRY(output_open(&out, c->output, e));
	return stream_create(&w->out, out, &w->head, e);
}

/* Until DONE; CVT_OK with *done unset for everything before. */
static int step(struct work *w, bool *done, struct cvt_err *e)
{
	struct batch *b;
	enum stream_event event;
	TRY(source_next(w->in, &b, &event, e));
	if (source_parts(w->in) > 1)
		return cvt_fail(e, CVT_INPUT,
			"%s: several streams end to end, whose rows share numbers; join them with "
			"cv-read a.cvt b.cvt",
			source_name(w->in));
	if (event == STREAM_BATCH)
		return take_batch(w, b, e);
	if (event == STREAM_OTHER)
		return stream_put_other(w->out, source_other(w->in), e);
	if (w->rows > 0)
		TRY(finish_block(w, e));
	if (event == STREAM_EPOCH)
		return stream_put_epoch(w->out, e);
	*done = true;
	if (w->rate.rows == 0 && !w->common->allow_empty)
		return cvt_fail(e, CVT_INPUT, "%s: no rows; --allow-empty if that is right",
			source_name(w->in));
	return CVT_OK;
}

/* Behind the output, which is in place by now: nothing may go wrong for metrics that nobody wants. */
static int write_metrics(const struct work *w, struct cvt_err *e)
{
	struct report r = {0};
	if (!w->common->metrics)
		return CVT_OK;
	int code = report_count(&r, "bank", w->bank.rows.rows, e);
	if (code == CVT_OK)
		code = report_count(&r, "neighbours", w->k, e);
	if (code == CVT_OK)
		code = rate_report(&w->rate, &r, e);
	if (code == CVT_OK)
		code = eval_write_metrics(w->common->metrics, &r, e);
	report_free(&r);
	return code;
}

static int run(struct work *w, struct cvt_err *e)
{
	bool done = false;
	TRY(open_all(w, e));
	TRY(rate_start(&w->rate, w->cli, source_head(w->in), e));
	while (!done)
		TRY(step(w, &done, e));
	struct stream_writer *out = w->out;
	w->out = NULL;
	TRY(stream_finish(out, e));
	rate_stop(&w->rate);
	return write_metrics(w, e);
}

static void close_all(struct work *w)
{
	rate_stop(&w->rate);
	for (size_t i = 0; i < w->piece_capacity; i++)
		batch_free(&w->piece[i]);
	free(w->piece);
	free(w->query);
	free(w->row);
	free(w->distance);
	free(w->fields.sum);
	knn_close(w->search);
	head_free(&w->head);
	source_close(w->in);
	bank_free(&w->bank);
	par_close(w->par);
}

static int list(void)
{
	for (int i = 0; i < KNN_METRICS; i++)
		printf("%s\t%s\n", knn_metrics[i].name, knn_metrics[i].help);
	return CVT_OK;
}

int main(int argc, char **argv)
{
	struct knn_options o;
	struct cli_common common = {.threads = 1};
	struct cli_option table[KNN_OPTIONS];
	knn_table(&o, table);
	const struct cli_program program = {
		.name = "cv-knn",
		.summary = "Nearest neighbours in a bank: classify each row of a stream, or search "
			   "for it; few-shot tasks; verification.",
		.usage = "--bank FILE | --episodes [5x1+15] | --verify PAIRS [OPTION]... [INPUT]",
		.examples =
			"  cv-read fashion --split train | cv-embed -w net.safetensors >bank.cvt\n"
			"  cv-read fashion --split test | cv-embed -w net.safetensors |\n"
			"    cv-knn --bank bank.cvt | cv-eval\n"
			"  cv-knn --bank train.cvt --metric l2 -k 5 --output neighbours test.cvt "
			">near.cvt\n"
			"  cv-knn --episodes 5x1+15 --count 1000 features.cvt",
		.options = table,
		.common = &common,
		.operands_are_source = true,
		.output_is_stage = true,
	};
	struct cvt_err e = {0};
	struct cli c;
	bool done;
	int code = cli_parse(&c, &program, argc, argv, &done, &e);
	if (code == CVT_OK && !done && common.list) {
		done = true;
		code = list();
	}
	if (code == CVT_OK && !done)
		code = knn_understand(&o, &c, &e);
	struct work w = {.o = &o, .common = &common, .cli = &c};
	bool quiet = false;
	if (code == CVT_OK && !done)
		code = o.scores_episodes ? knn_score_episodes(&o, &c, &e)
		       : o.pairs         ? knn_verify(&o, &c, &e)
					 : run(&w, &e);
	close_all(&w);
	if (code != CVT_OK)
		quiet = stream_give_up(w.out, "cv-knn", &e);
	return cli_end(&c, code, &e, quiet);
}
