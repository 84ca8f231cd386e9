/*
 * cv-read: data sets to a stream. Operands are opened and joined (join.h), a selection says which
 * rows come in which order (selection.h), and the loop writes them, epoch by epoch. A stream whose
 * rows stay in order passes through without being held (pass.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../formats/ahead.h"
#include "../formats/pass.h"
#include "../formats/shuffle_buffer.h"
#include "../formats/source.h"
#include "rate.h"
#include "read/options.h"

/* What is open while rows are written. */
struct work {
	struct ahead *ahead;
	struct join join;
	struct selection *selection;
	struct source *stream; /* instead of join and selection: rows in their own order */
	struct pass *pass;
	struct shuffle_buffer *shuffle; /* NULL = rows leave as they come */
	struct fields *fields;
	struct reshape *reshape;
	struct head head;
	struct stream_writer *out;
	struct batch batch;
	struct rate rate;
};

/* ---- opening ----------------------------------------------------------------------- */

/* Writing what is being read would lose it, should anything fail. */
static int check_output(const struct read_options *o, const char *path, struct cvt_err *e)
{
	struct input *in = NULL;
	struct stat st;
	if (!path || strcmp(path, "-") == 0)
		return output_refuse_input(o->common.output, STDIN_FILENO, e);
	if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
		return CVT_OK; /* opening a pipe would disturb it */
	TRY(input_open(&in, path, e));
	const int code = output_refuse_input(o->common.output, input_fd(in), e);
	input_close(in);
	return code;
}

/* A single operand: a stream that can pass through, or a data set. */
static int open_one(
	struct work *w, const struct read_options *o, const char *path, struct cvt_err *e)
{
	const unsigned char *start = NULL;
	size_t n = 0;
	struct input *in = NULL;
	struct dataset *d = NULL;
	TRY(input_open(&in, path, e));
	const int code = input_is_folder(in) ? CVT_OK : input_peek(in, 8, &start, &n, e);
	if (code != CVT_OK) {
		input_close(in);
		return code;
	}
	const bool other = o->data.format && strcmp(o->data.format, "cvt") != 0;
	const bool stream = n >= 8 && stream_is_magic(start, n) && !other;
	if (stream && read_in_order(o))
		return source_open_input(&w->stream, in, &o->data, e);
	struct dataset_options data = o->data;
	data.in_order = read_keeps_order(o);
	TRY(dataset_open_input(&d, in, &data, e));
	return join_add(&w->join, d, e);
}

static int open_several(struct work *w, const struct read_options *o, const char **path, size_t n,
	struct cvt_err *e)
{
	for (size_t i = 0, group; i < n; i += group) {
		struct dataset *d = NULL;
		struct dataset_options left = o->data;
		left.in_order = read_keeps_order(o);
		const size_t held = join_held(&w->join);
		left.max_memory = held < left.max_memory ? left.max_memory - held : 1;
		TRY(dataset_group(path + i, n - i, &left, &group, e));
		TRY(group > 1 ? dataset_open_list(&d, path + i, group, &left, e)
			      : dataset_open(&d, path[i], &left, e));
		TRY(join_add(&w->join, d, e));
	}
	return CVT_OK;
}

static int open_operands(
	struct work *w, const struct read_options *o, const struct cli *c, struct cvt_err *e)
{
	for (size_t i = 0; i < c->operands; i++)
		TRY(check_output(o, c->operand[i], e));
	if (c->operands == 0)
		TRY(check_output(o, o->common.input, e));
	if (c->operands < 2)
		TRY(open_one(w, o, c->operands ? c->operand[0] : o->common.input, e));
	else {
		const char **path = mem_alloc(c->operands, sizeof *path, e);
		if (!path)
			return CVT_SYSTEM;
		for (size_t i = 0; i < c->operands; i++)
			path[i] = c->operand[i];
		const int code = open_several(w, o, path, c->operands, e);
		free(path);
		TRY(code);
	}
	return w->stream ? CVT_OK : join_agree(&w->join, o->by_number, e);
}

/* ---- what stands in HEAD ----------------------------------------------------------- */

static void forget_history(struct head *h)
{
	for (size_t i = 0; i < h->nprogs; i++)
		free(h->prog[i].text);
	h->nprogs = 0;
}

/* A single stream's history stays before our line, as our line continues it; the histories of
 * several operands, and of what is pasted, follow it one deeper. */
static int add_history(
	struct work *w, const struct read_options *o, const struct cli *c, struct cvt_err *e)
{
	struct str line = {0};
	const bool several = !w->stream && w->join.sets > 1;
	const bool one_stream = w->stream || (!several && w->join.head.nprogs > 0);
	if (several || o->common.no_history)
		forget_history(&w->head);
	if (o->common.no_history)
		return CVT_OK;
	int code = cli_history(c, w->head.seed, one_stream, &line, e);
	if (code == CVT_OK)
		code = head_add_prog(&w->head, 0, c->program->name, line.p, e);
	for (size_t i = 0; several && i < w->join.sets && code == CVT_OK; i++)
		code = head_add_history(&w->head, &w->join.set[i].data->head, 1, e);
	if (code == CVT_OK)
		code = fields_add_history(w->fields, &w->head, e);
	free(line.p);
	return code;
}

static int count_rows(struct work *w, const struct read_options *o, struct cvt_err *e)
{
	const size_t n = selection_rows(w->selection);
	if (n == 0 && !o->common.allow_empty)
		return cvt_fail(e, CVT_INPUT,
			"%s: no rows are left to write; --allow-empty lets that pass",
			w->join.set[0].data->name);
	w->head.rows = n;
	w->head.val = w->selection->validates ? w->selection->vals : HEAD_UNKNOWN;
	w->head.epochs =
		o->epochs; /* their numbers end before it: the same HEAD with --start-epoch */
	return CVT_OK;
}

/* With --size alone, pictures keep their channels if those agree; else they become colour. Those of
 * one size agree. */
static int open_reshape(struct work *w, const struct read_options *o, struct cvt_err *e)
{
	struct reshape_options r = o->reshape;
	const struct head_field *image = head_field(&w->head, "image");
	if (!r.height && !r.channels)
		return CVT_OK;
	if (!r.channels && !w->stream && image && (image->flags & FIELD_WHOLE))
		r.channels = join_channels(&w->join);
	return reshape_open(&w->reshape, &r, &w->head, e);
}

static int make_head(
	struct work *w, const struct read_options *o, const struct cli *c, struct cvt_err *e)
{
	TRY(head_copy(&w->head, w->stream ? source_head(w->stream) : &w->join.head, e));
	if (o->common.seed_given || !w->head.has_seed)
		w->head.seed = o->common.seed;
	w->head.has_seed = true;
	if (w->stream)
		TRY(pass_open(&w->pass, &o->rows, &w->head, e));
	else {
		struct selection_options p = o->rows;
		p.seed = w->head.seed;
		TRY(read_check_sets(o, w->join.sets, e));
		TRY(selection_create(&w->selection, &p, &w->join, e));
		TRY(selection_head(w->selection, &w->head, e));
		TRY(count_rows(w, o, e));
	}
	if (o->shuffle_buffer)
		TRY(shuffle_buffer_open(
			&w->shuffle, o->shuffle_buffer, w->head.seed, o->common.max_memory, e));
	TRY(open_reshape(w, o, e));
	TRY(fields_open(&w->fields, &o->fields, &w->head, e));
	return add_history(w, o, c, e);
}

/* ---- rows -------------------------------------------------------------------------- */

static int put_now(struct work *w, struct batch *b, struct cvt_err *e)
{
	if (w->reshape)
		TRY(reshape_rows(w->reshape, b, e));
	TRY(fields_apply(w->fields, b, e));
	rate_add(&w->rate, b->rows);
	return stream_put(w->out, b, e);
}

static int put(struct work *w, struct batch *b, struct cvt_err *e)
{
	struct batch *out;
	if (!w->shuffle)
		return b->rows ? put_now(w, b, e) : CVT_OK;
	for (size_t at = 0; at < b->rows;) {
		TRY(shuffle_buffer_take(w->shuffle, b, &at, &out, e));
		if (out)
			TRY(put_now(w, out, e));
	}
	return CVT_OK;
}

/* Of an epoch or a part: rows do not leave it. */
static int put_rest(struct work *w, struct cvt_err *e)
{
	struct batch *out = NULL;
	if (w->shuffle)
		TRY(shuffle_buffer_flush(w->shuffle, &out, e));
	return out ? put_now(w, out, e) : CVT_OK;
}

/* An epoch of the selection, in batches of handy size. */
static int write_epoch(struct work *w, size_t epoch, struct cvt_err *e)
{
	const size_t most = source_batch_rows(&w->join.head, w->join.largest);
	selection_epoch(w->selection, epoch);
	for (size_t at = 0, n; at < w->selection->n; at += n) {
		const size_t left = w->selection->n - at;
		n = left < most ? left : most;
		TRY(join_read(&w->join, w->selection->row + at, n, left - n, &w->batch, e));
		TRY(selection_fields(w->selection, at, n, &w->batch, e));
		w->batch.epoch = (uint32_t)epoch;
		TRY(put(w, &w->batch, e));
	}
	TRY(put_rest(w, e));
	return stream_put_epoch(w->out, e);
}

static int write_selection(struct work *w, const struct read_options *o, struct cvt_err *e)
{
	for (size_t epoch = o->start_epoch; epoch < o->epochs; epoch++)
		TRY(write_epoch(w, epoch, e));
	return CVT_OK;
}

/* The rows of a stream as they come. Once `--take` has its rows of a stream of one epoch, nobody
 * waits for the rest. */
static int pass_stream(struct work *w, const struct read_options *o, struct cvt_err *e)
{
	const bool one_epoch = source_head(w->stream)->epochs == 1;
	size_t parts = source_parts(w->stream);
	enum stream_event event;
	do {
		struct batch *b, *chosen;
		TRY(source_next(w->stream, &b, &event, e));
		if (event == STREAM_BATCH) {
			TRY(pass_rows(w->pass, b, &chosen, e));
			if (source_parts(w->stream) != parts) {
				TRY(put_rest(w, e));
				TRY(stream_put_part(w->out, e));
			}
			parts = source_parts(w->stream);
			TRY(put(w, chosen, e));
		} else if (event == STREAM_EPOCH) {
			TRY(put_rest(w, e));
			TRY(stream_put_epoch(w->out, e));
			pass_epoch(w->pass);
		} else if (event == STREAM_OTHER)
			TRY(stream_put_other(w->out, source_other(w->stream), e));
	} while (event != STREAM_DONE && !(one_epoch && pass_has_enough(w->pass)));
	TRY(put_rest(w, e)); /* of an epoch that was left early */
	if (event == STREAM_BATCH)
		TRY(stream_put_epoch(w->out, e));
	if (w->rate.rows == 0 && !o->common.allow_empty)
		return cvt_fail(e, CVT_INPUT,
			"%s: no rows are left to write; --allow-empty lets that pass",
			source_name(w->stream));
	return CVT_OK;
}

static int create_output(struct work *w, const struct read_options *o, struct cvt_err *e)
{
	struct output *out = NULL;
	TRY(cli_refuse_terminal(o->common.output, e));
	TRY(output_open(&out, o->common.output, e));
	return stream_create(&w->out, out, &w->head, e);
}

static int run(struct work *w, const struct read_options *o, const struct cli *c, struct cvt_err *e)
{
	TRY(cli_refuse_stdin(c, e));
	TRY(open_operands(w, o, c, e));
	TRY(make_head(w, o, c, e));
	TRY(create_output(w, o, e));
	TRY(rate_start(&w->rate, c, &w->head, e));
	TRY(w->stream ? pass_stream(w, o, e) : write_selection(w, o, e));
	struct stream_writer *out = w->out;
	w->out = NULL;
	TRY(stream_finish(out, e));
	return rate_finish(&w->rate, e);
}

static void close_all(struct work *w)
{
	rate_stop(&w->rate);
	fields_close(w->fields);
	reshape_close(w->reshape);
	pass_close(w->pass);
	shuffle_buffer_close(w->shuffle);
	selection_close(w->selection);
	source_close(w->stream);
	join_close(&w->join);
	ahead_close(w->ahead);
	batch_free(&w->batch);
	head_free(&w->head);
}

static void list_formats(void)
{
	for (size_t i = 0; formats[i]; i++)
		printf("%s\t%s\n", formats[i]->name, formats[i]->help);
}

/* ---- the command line -------------------------------------------------------------- */

static const char summary[] = "Data sets to a stream: what they are is decided by their content.";
static const char examples[] =
	"  cv-read fashion/ --split train --shuffle --epochs 20 | cv-train --arch resnet8 -o "
	"net.st\n"
	"  cv-read photos.tar --size 64x64 --val-fraction 0.1 -o photos.cvt\n"
	"  cv-read labelled/ others/ --mix 64:64 --unlabelled 1 --shuffle | ...";

int main(int argc, char **argv)
{
	struct read_options o = {.common = {.threads = 1}, .epochs = 1};
	struct cli_option table[READ_OPTIONS];
	read_table(&o, table);
	const struct cli_program program = {
		.name = "cv-read",
		.summary = summary,
		.usage = "[OPTION]... [DATA]...",
		.examples = examples,
		.options = table,
		.common = &o.common,
		.operands_are_source = true,
	};
	struct cli c;
	struct cvt_err e = {0};
	struct work w = {0};
	bool done, quiet = false;
	int code = cli_parse(&c, &program, argc, argv, &done, &e);
	if (code == CVT_OK && !done && o.common.list)
		list_formats();
	else if (code == CVT_OK && !done) {
		head_init(&w.head);
		code = read_understand(&o, &e);
		if (code == CVT_OK)
			code = ahead_create(&w.ahead, (unsigned)o.common.threads, &e);
		o.data.ahead = w.ahead;
		if (code == CVT_OK)
			code = run(&w, &o, &c, &e);
		if (code != CVT_OK)
			quiet = stream_give_up(w.out, program.name, &e);
		close_all(&w);
	}
	return cli_end(&c, code, &e, quiet);
}
