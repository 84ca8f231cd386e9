/*
 * cv-augment: operations on pictures, in the order they are written. A filter: rows come and go one
 * frame at a time, and a draw depends on the row and the operation's place, not on how the stream
 * was cut or how many threads there are.
 */
#include "../formats/source.h"
#include "../libcore/cli.h"
#include "augment/mixing.h"
#include "augment/preview.h"
#include "augment/rows.h"
#include "augment/words.h"
#include "rate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
	struct cli_common common;
	const char *format;
	size_t preview;
};

struct augment {
	const struct options *o;
	struct cli *cli;
	struct augment_words words;
	struct aug_chain chain;
	struct source *in;
	struct head head;
	struct par *par;
	struct augment_rows rows;
	struct augment_mixing mixing;
	struct batch some, out_rows;
	struct stream_writer *out;
	struct rate rate;
};

static int write_head(struct augment *m, struct cvt_err *e)
{
	const struct cli_common *c = &m->o->common;
	struct str line = {0};
	struct output *out;
	const uint64_t seed = c->seed_given || !m->head.has_seed ? c->seed : m->head.seed;
	m->rows.seed = m->mixing.seed = seed;
	m->head.seed = m->head.has_seed ? m->head.seed : seed;
	m->head.has_seed = true;
	int code = cli_history(m->cli, seed, source_is_stream(m->in), &line, e);
	if (code == CVT_OK && !c->no_history)
		code = head_add_prog(&m->head, 0, "cv-augment", line.p, e);
	free(line.p);
	TRY(code);
	TRY(output_open(&out, c->output, e));
	return stream_create(&m->out, out, &m->head, e);
}

static int open_input(struct augment *m, struct cvt_err *e)
{
	const struct cli_common *c = &m->o->common;
	const struct dataset_options reading = {
		.format = m->o->format, .max_memory = c->max_memory};
	TRY(cli_refuse_terminal(c->output, e));
	TRY(cli_refuse_stdin(m->cli, e));
	TRY(augment_words_read(&m->words, m->cli->operand, m->cli->operands, e));
	if (m->words.n == 0 && !m->o->preview)
		return cvt_fail(
			e, CVT_USAGE, "say which operations, such as hflip; see cv-augment --list");
	TRY(augment_words_parse(&m->words, &m->chain, e));
	TRY(source_open(&m->in, c->input, &reading, e));
	return output_refuse_input(c->output, source_fd(m->in), e);
}

/* The first rows are read before HEAD is written: they tell what pictures of different sizes are.
 */
static int prepare(
	struct augment *m, struct batch **first, enum stream_event *event, struct cvt_err *e)
{
	TRY(open_input(m, e));
	TRY(head_copy(&m->head, source_head(m->in), e));
	TRY(par_open(&m->par, (unsigned)m->o->common.threads, e));
	const int code = source_next(m->in, first, event, e);
	if (code != CVT_OK) { /* a HEAD all the same, so that the reason can follow it as FAIL */
		struct cvt_err second = {0};
		if (augment_open(&m->rows, &m->chain, NULL, &m->head, m->par, &second) == CVT_OK)
			(void)write_head(m, &second);
		return code;
	}
	TRY(augment_open(
		&m->rows, &m->chain, *event == STREAM_BATCH ? *first : NULL, &m->head, m->par, e));
	if (m->chain.mixes < m->chain.n)
		TRY(augment_mixing_open(&m->mixing, &m->chain, &m->rows.schema, &m->head, e));
	m->mixing.stage = m->rows.stage;
	return write_head(m, e);
}

/* The block of rows in hand, if there is one. */
static int put_block(struct augment *m, struct cvt_err *e)
{
	struct batch *block = &m->mixing.block;
	if (block->rows == 0)
		return CVT_OK;
	TRY(augment_mixing_do(&m->mixing, e));
	TRY(stream_put(m->out, block, e));
	block->rows = 0;
	return CVT_OK;
}

static int put_augmented(struct augment *m, struct batch *b, struct cvt_err *e)
{
	if (m->chain.mixes == m->chain.n)
		return stream_put(m->out, b, e);
	for (size_t at = 0; at < b->rows;) {
		bool full;
		TRY(augment_mixing_take(&m->mixing, b, &at, &full, e));
		if (full)
			TRY(put_block(m, e));
	}
	return CVT_OK;
}

/* Blocks are counted from the epoch's start, or the part's. */
static int end_blocks(struct augment *m, struct cvt_err *e)
{
	TRY(put_block(m, e));
	augment_mixing_rewind(&m->mixing);
	return CVT_OK;
}

/* Small pictures may become large ones: not more of them at a time than memory likes. */
static int put_rows(struct augment *m, struct batch *b, struct cvt_err *e)
{
	const size_t most = augment_most_rows(&m->rows);
	for (size_t at = 0; at < b->rows; at += most) {
		struct batch *from = b;
		if (b->rows > most) {
			const size_t n = b->rows - at < most ? b->rows - at : most;
			TRY(batch_slice(&m->some, b, at, n, e));
			from = &m->some;
		}
		TRY(augment_batch(&m->rows, from, &m->out_rows, e));
		TRY(put_augmented(m, &m->out_rows, e));
	}
	return CVT_OK;
}

static int pass_on(struct augment *m, struct batch *b, enum stream_event event, struct cvt_err *e)
{
	if (event == STREAM_EPOCH) {
		TRY(end_blocks(m, e));
		return stream_put_epoch(m->out, e);
	}
	if (event == STREAM_OTHER)
		return stream_put_other(m->out, source_other(m->in), e);
	rate_add(&m->rate, b->rows);
	return put_rows(m, b, e);
}

static int run(struct augment *m, struct cvt_err *e)
{
	struct batch *b = NULL;
	enum stream_event event;
	TRY(prepare(m, &b, &event, e));
	TRY(rate_start(&m->rate, m->cli, source_head(m->in), e));
	for (size_t parts = 1; event != STREAM_DONE;) {
		if (source_parts(m->in) != parts) { /* concatenated: our parts follow theirs */
			TRY(end_blocks(m, e));
			TRY(stream_put_part(m->out, e));
		}
		parts = source_parts(m->in);
		TRY(pass_on(m, b, event, e));
		TRY(source_next(m->in, &b, &event, e));
	}
	TRY(end_blocks(m, e));
	if (m->rate.rows == 0 && !m->o->common.allow_empty)
		return cvt_fail(e, CVT_INPUT, "%s: no rows; --allow-empty lets that pass",
			source_name(m->in));
	struct stream_writer *out = m->out;
	m->out = NULL;
	TRY(stream_finish(out, e));
	return rate_finish(&m->rate, e);
}

static int preview(struct augment *m, struct cvt_err *e)
{
	const struct cli_common *c = &m->o->common;
	struct output *out;
	TRY(cli_refuse(
		m->cli, "metrics", "counts the rows of a stream; --preview writes a picture", e));
	if (m->o->preview > AUGMENT_PREVIEW)
		return cvt_fail(e, CVT_USAGE, "--preview shows 1 to %d pictures, not %zu",
			AUGMENT_PREVIEW, m->o->preview);
	TRY(open_input(m, e));
	TRY(output_open(&out, c->output, e));
	const struct head *h = source_head(m->in);
	const uint64_t seed = c->seed_given || !h->has_seed ? c->seed : h->seed;
	const int code = augment_preview(&m->words, m->in, m->o->preview, seed, out, e);
	if (code == CVT_OK)
		return output_commit(out, e);
	output_abandon(out);
	return code;
}

static void list(void)
{
	for (size_t i = 0; aug_ops[i]; i++) {
		const struct aug_op *op = aug_ops[i];
		printf("%s\t%s", op->name, op->help);
		for (size_t k = 0; k < AUG_VALUES && op->param[k].name; k++)
			printf("%s%s", k ? "," : " (=", op->param[k].name);
		printf("%s", op->param[0].name ? ")" : "");
		if (op->prob > 0)
			printf("; with probability %g unless given", op->prob);
		printf("\n");
	}
	printf("view\tbegins the chain of the next view(s) (=COUNT)\n"
	       "one-of\ttakes one of the operations up to `end`\n");
}

static void close_all(struct augment *m)
{
	rate_stop(&m->rate);
	augment_close(&m->rows);
	augment_mixing_close(&m->mixing);
	batch_free(&m->some);
	batch_free(&m->out_rows);
	par_close(m->par);
	head_free(&m->head);
	aug_chain_free(&m->chain);
	augment_words_free(&m->words);
	source_close(m->in);
}

int main(int argc, char **argv)
{
	struct options o = {.common = {.threads = 1}};
	struct cli_option table[] = {
		{NULL, 0, CLI_FLAG, NULL, NULL, "Input", 0, NULL},
		{"format", 0, CLI_TEXT, "NAME", &o.format,
			"what the input is, if its content does not tell", 0, NULL},
		{"preview", 0, CLI_COUNT, "N", &o.preview,
			"no stream: a PNG of N pictures under each operation (or all there are)", 0,
			NULL},
		{NULL, 0, CLI_FLAG, NULL, NULL, NULL, 0, NULL},
	};
	const struct cli_program program = {
		.name = "cv-augment",
		.summary =
			"Operations on pictures in the order written: NAME[:PROBABILITY][=A,B].\n"
			"view[=COUNT] begins the chain of the next view(s); one-of A B end takes "
			"one;\n"
			"@FILE reads a chain. Validation rows (part 1) are never drawn on.",
		.usage = "[OPTION]... OPERATION...",
		.examples = "  cv-read cifar.tar.gz --split train --epochs 20 | cv-augment "
			    "pad-crop=4 hflip | cv-train ...\n"
			    "  cv-augment view=2 random-resized-crop=32,0.2,1 hflip "
			    "color-jitter:0.8=.4,.4,.4,.1 grayscale:0.2\n"
			    "  cv-augment -i photos/ resize=64 -o small.cvt",
		.options = table,
		.common = &o.common,
	};
	struct cli cli;
	struct cvt_err e = {0};
	struct augment m = {.o = &o, .cli = &cli};
	bool done;
	head_init(&m.head);
	int code = cli_parse(&cli, &program, argc, argv, &done, &e);
	if (code == CVT_OK && !done && o.common.list)
		list();
	else if (code == CVT_OK && !done)
		code = o.preview ? preview(&m, &e) : run(&m, &e);
	const bool told = code != CVT_OK && stream_give_up(m.out, program.name, &e);
	close_all(&m);
	return cli_end(&cli, code, &e, told);
}
