/*
 * cv-embed: stream + model to stream. Runs a network over every row and writes what any of its
 * stages gives (`--output embedding`, `logits`, `probs`, or a stage by its path). Rows are run in
 * batches counted from the epoch's start, so the bytes do not depend on how the stream was cut.
 */
#include "embed/network.h"

#include "../formats/relabel.h"
#include "../formats/source.h"
#include "../formats/stream.h"
#include "embed/output.h"
#include "embed/tta.h"
#include "rate.h"

#include <stdlib.h>
#include <string.h>

enum { OPTIONS = 32 };

struct options {
	struct cli_common common;
	struct network_choice network;
	struct cli_many weights;
	const char *outputs, *keep, *format, *tta;
	size_t batch_size, pool;
	bool by_number;
};

struct embed {
	const struct options *o;
	struct cli *cli;
	struct source *in;
	struct stream_writer *out;
	struct network net;
	struct embed_outputs outputs;
	struct par *par;
	struct plan *plan;
	struct batch rows, result; /* waiting for the network; what it gave */
	const struct tta *tta;
	struct tensor version; /* of the pictures */
	struct head head;
	int32_t *relabel;   /* the stream's class numbers to the model's; NULL = the same */
	struct tensor soft; /* labels with the model's columns */
	size_t classes;     /* how many those are */
	uint64_t seed;
	struct rate rate;
};

/* Labels are matched by name; the stream goes on with the model's. */
static int match_labels(struct embed *m, const struct head_classes *want, struct cvt_err *e)
{
	const struct head_classes *have = head_classes(&m->head, "label");
	struct head_field *label = head_field(&m->head, "label");
	m->classes = want->n;
	if (have)
		TRY(head_match_classes(have, want, &m->relabel, e));
	if (have && label && embed_keeps(&m->outputs, "label") && label->dtype == DT_F4
		&& label->ndim == 1) {
		if (label->dims[0] > have->n)
			return cvt_fail(e, CVT_INPUT,
				"%s: soft labels of more classes than the %zu that have a name; "
				"--classes-by-number leaves them as they are",
				source_name(m->in), have->n);
		label->dims[0] = want->n;
	}
	for (size_t k = 0; k < want->n; k++)
		TRY(head_set_class(&m->head, "label", k, want->name[k] ? want->name[k] : "", e));
	return CVT_OK;
}

/* Classes of other fields, of the pixels of a mask say, must be the same ones. */
static int compare_classes(
	const struct embed *m, const struct head_classes *want, struct cvt_err *e)
{
	const struct head_classes *have = head_classes(&m->head, want->field);
	bool same = !have || have->n == want->n;
	for (size_t k = 0; have && same && k < have->n; k++)
		same = have->name[k] && want->name[k] && strcmp(have->name[k], want->name[k]) == 0;
	return same ? CVT_OK
		    : cvt_fail(e, CVT_INPUT,
			    "%s: the classes of '%s' are not those of the model; "
			    "--classes-by-number compares their numbers",
			    source_name(m->in), want->field);
}

/* Where two class lists meet. */
static int match_classes(struct embed *m, struct cvt_err *e)
{
	struct head model;
	head_init(&model);
	int code = CVT_OK;
	if (m->net.info.classes && !m->o->by_number && embed_has_classes(&m->outputs)) {
		code = network_classes_head(m->net.info.classes, &model, e);
		for (size_t i = 0; i < model.nclasses && code == CVT_OK; i++)
			code = strcmp(model.classes[i].field, "label") == 0
				       ? match_labels(m, &model.classes[i], e)
				       : compare_classes(m, &model.classes[i], e);
		if (code == CVT_OK)
			code = embed_name_predictions(&m->outputs, &model, &m->head, e);
	}
	head_free(&model);
	return code;
}

static int write_head(struct embed *m, struct cvt_err *e)
{
	const struct options *o = m->o;
	struct str line = {0};
	struct output *out;
	TRY(embed_fields(&m->outputs, &m->head, o->keep, e));
	TRY(match_classes(m, e));
	int code = cli_history(m->cli, m->seed, source_is_stream(m->in), &line, e);
	if (code == CVT_OK && !o->common.no_history)
		code = head_add_prog(&m->head, 0, "cv-embed", line.p, e);
	if (code == CVT_OK && m->net.info.history && !o->common.no_history)
		code = network_history_head(m->net.info.history, 1, &m->head, e);
	free(line.p);
	TRY(code);
	TRY(output_open(&out, o->common.output, e));
	return stream_create(&m->out, out, &m->head, e);
}

/* Versions are averaged, so the network must see pictures alone and give no maps. */
static int check_tta(struct embed *m, struct cvt_err *e)
{
	const struct embed_outputs *out = &m->outputs;
	TRY(tta_find(m->o->tta, &m->tta, e));
	bool map = m->net.others || m->net.graph->node[m->net.input].row.ndim != 3;
	for (size_t i = 0; i < out->n; i++)
		map = map || out->row[i].ndim != 1;
	if (m->tta->n > 1 && map)
		return cvt_fail(e, CVT_USAGE,
			"--tta %s: is for networks that make one vector of a picture; ask for "
			"logits, probs or embedding",
			m->tta->name);
	return CVT_OK;
}

static int prepare(struct embed *m, struct cvt_err *e)
{
	const struct options *o = m->o;
	const struct dataset_options reading = {
		.format = o->format, .max_memory = o->common.max_memory};
	TRY(cli_refuse_terminal(o->common.output, e));
	TRY(cli_refuse_stdin(m->cli, e));
	TRY(source_open(
		&m->in, m->cli->operands ? m->cli->operand[0] : o->common.input, &reading, e));
	TRY(output_refuse_input(o->common.output, source_fd(m->in), e));
	TRY(head_copy(&m->head, source_head(m->in), e));
	struct network_choice choice = o->network;
	choice.max_memory = o->common.network_memory;
	m->seed = choice.seed =
		o->common.seed_given || !m->head.has_seed ? o->common.seed : m->head.seed;
	m->head.seed = m->head.has_seed ? m->head.seed : m->seed; /* the first program's travels */
	m->head.has_seed = true;
	TRY(network_open(&m->net, &choice, &m->head, e));
	TRY(embed_outputs_open(&m->outputs, o->outputs, o->pool, &m->net, &m->head, e));
	TRY(check_tta(m, e));
	TRY(par_open(&m->par, (unsigned)o->common.threads, e));
	const struct plan_spec spec = {.rows = o->batch_size,
		.threads = par_threads(m->par),
		.keep = m->outputs.node,
		.nkeep = m->outputs.n,
		.loss = GRAPH_NONE,
		.fixed = true};
	TRY(plan_create(&m->plan, m->net.graph, &spec, e));
	return write_head(m, e);
}

static int relabel_soft(struct embed *m, struct tensor *t, struct cvt_err *e)
{
	TRY(relabel_shares(m->relabel, t->dims[1], m->classes, t, &m->soft, e));
	return tensor_copy(t, &m->soft, e);
}

static int relabel(struct embed *m, struct batch *b, struct cvt_err *e)
{
	struct tensor *t = batch_get(b, "label");
	const struct head_classes *c = head_classes(source_head(m->in), "label");
	if (!m->relabel || !t || !embed_keeps(&m->outputs, "label"))
		return CVT_OK;
	if (t->dtype == DT_F4 && t->ndim == 2)
		return relabel_soft(m, t, e);
	if (t->dtype != DT_I4)
		return CVT_OK;
	int32_t *label = t->data;
	for (size_t i = 0; i < tensor_items(t); i++)
		if (label[i] >= 0 && (size_t)label[i] < c->n)
			label[i] = m->relabel[label[i]];
	return CVT_OK;
}

/* The pictures of a view, in each version, through the network. */
static int run_versions(struct embed *m, const struct tensor *rows, size_t v, struct cvt_err *e)
{
	const struct run run = {.par = m->par};
	for (size_t i = 0; i < m->net.others; i++)
		plan_bind(m->plan, m->net.other[i].node,
			batch_get(&m->rows, m->net.other[i].field)->data);
	if (m->tta->n > 1)
		TRY(tensor_shape(&m->version, rows->dtype, rows->ndim, rows->dims, e));
	for (size_t k = 0; k < m->tta->n; k++) {
		const struct tta_version *version = &m->tta->version[k];
		if (m->tta->n > 1)
			tta_make(version, rows, &m->version);
		plan_bind(m->plan, m->net.input, m->tta->n > 1 ? m->version.data : rows->data);
		plan_forward(m->plan, &run, rows->dims[0]);
		embed_collect(&m->outputs, &m->result, m->plan, v, version->weight);
	}
	return CVT_OK;
}

/* The rows that wait, through the network and on. */
static int run_rows(struct embed *m, struct cvt_err *e)
{
	const size_t n = m->rows.rows;
	if (n == 0)
		return CVT_OK;
	TRY(embed_keep(&m->outputs, &m->result, &m->rows, e));
	for (size_t v = 0; v < m->outputs.views; v++) {
		TRY(embed_begin(&m->outputs, &m->result, n, v, e));
		TRY(run_versions(m, embed_view(&m->outputs, &m->rows, v), v, e));
		TRY(embed_end(&m->outputs, &m->result, v, e));
	}
	TRY(relabel(m, &m->result, e));
	m->rows.n = m->rows.rows = 0; /* the memory stays */
	rate_add(&m->rate, n);
	return stream_put(m->out, &m->result, e);
}

/* Fills up to a whole batch; what is left waits for the next frame, unless that has other constants. */
static int take_rows(struct embed *m, const struct batch *b, struct cvt_err *e)
{
	if (batch_constants_differ(&m->rows, b))
		TRY(run_rows(m, e));
	for (size_t first = 0; first < b->rows;) {
		const size_t room = m->o->batch_size - m->rows.rows, left = b->rows - first;
		const size_t n = left < room ? left : room;
		TRY(batch_append(&m->rows, b, first, n, e));
		first += n;
		if (m->rows.rows == m->o->batch_size)
			TRY(run_rows(m, e));
	}
	return CVT_OK;
}

static int run(struct embed *m, struct cvt_err *e)
{
	struct batch *b;
	enum stream_event event = STREAM_BATCH;
	TRY(rate_start(&m->rate, m->cli, source_head(m->in), e));
	for (size_t parts = 1; event != STREAM_DONE; parts = source_parts(m->in)) {
		TRY(source_next(m->in, &b, &event, e));
		if (source_parts(m->in) != parts) { /* concatenated: our parts follow theirs */
			TRY(run_rows(m, e));
			TRY(stream_put_part(m->out, e));
		}
		if (event == STREAM_BATCH)
			TRY(take_rows(m, b, e));
		else
			TRY(run_rows(m, e));
		if (event == STREAM_EPOCH)
			TRY(stream_put_epoch(m->out, e));
		else if (event == STREAM_OTHER)
			TRY(stream_put_other(m->out, source_other(m->in), e));
	}
	if (m->rate.rows == 0 && !m->o->common.allow_empty)
		return cvt_fail(e, CVT_INPUT, "%s: no rows; --allow-empty lets that pass",
			source_name(m->in));
	struct stream_writer *out = m->out;
	m->out = NULL;
	TRY(stream_finish(out, e));
	return rate_finish(&m->rate, e);
}

static void close_all(struct embed *m)
{
	rate_stop(&m->rate);
	batch_free(&m->rows);
	batch_free(&m->result);
	tensor_free(&m->version);
	tensor_free(&m->soft);
	plan_free(m->plan);
	par_close(m->par);
	embed_outputs_close(&m->outputs);
	network_close(&m->net);
	head_free(&m->head);
	free(m->relabel);
	source_close(m->in);
}

static int understand(struct options *o, const struct cli *c, struct cvt_err *e)
{
	o->network.weights = &o->weights;
	if (c->operands > 1)
		return cvt_fail(e, CVT_USAGE, "one input at a time; cv-read joins several");
	if (o->batch_size == 0)
		return cvt_fail(e, CVT_USAGE, "--batch-size: must be at least 1");
	return CVT_OK;
}

static void fill_table(struct options *o, struct cli_option *to)
{
	const struct cli_option list[] = {
		{NULL, 0, CLI_FLAG, NULL, NULL, "Network", 0, NULL},
		{"weights", 'w', CLI_MANY, "[STAGE=]FILE", &o->weights,
			"model file (more than one: under STAGE)", 0, NULL},
		{"let", 0, CLI_TEXT, "NAME=N,...", &o->network.lets,
			"values of the architecture's lets, such as width=16", CLI_LIST, NULL},
		{"arch", 0, CLI_TEXT, "NAME|FILE", &o->network.arch,
			"architecture, when the model carries none", 0, NULL},
		{"partial", 0, CLI_FLAG, NULL, &o->network.partial,
			"load what fits, leave the rest untrained", 0, NULL},
		{"num-classes", 0, CLI_COUNT, "N", &o->network.num_classes, "outputs of the head",
			0, NULL},
		{"mean", 0, CLI_TEXT, "A,B,C", &o->network.mean, "of the pictures after /255", 0,
			NULL},
		{"std", 0, CLI_TEXT, "A,B,C", &o->network.std, "likewise", 0, NULL},
		{NULL, 0, CLI_FLAG, NULL, NULL, "Rows", 0, NULL},
		{"output", 0, CLI_TEXT, "STAGE[=FIELD],...", &o->outputs,
			"what to write: embedding (default), logits, probs, any stage", CLI_LIST,
			NULL},
		{"pool", 0, CLI_COUNT, "N", &o->pool,
			"feature maps as their means over N x N cells; default: as they are", 0,
			NULL},
		{"keep", 0, CLI_TEXT, "FIELDS", &o->keep,
			"pass on these fields of the rows; default: all but pictures", CLI_LIST,
			NULL},
		{"tta", 0, CLI_TEXT, "VERSIONS", &o->tta,
			"mean over versions of a picture: flip, or flip+shift (6 of them)", 0,
			NULL},
		{"batch-size", 'b', CLI_COUNT, "N", &o->batch_size, "rows run at a time", 0, NULL},
		{"classes-by-number", 0, CLI_FLAG, NULL, &o->by_number, "do not match class names",
			0, NULL},
		{"format", 0, CLI_TEXT, "NAME", &o->format,
			"what the input is, if its content does not tell", 0, NULL},
		{NULL, 0, CLI_FLAG, NULL, NULL, NULL, 0, NULL},
	};
	_Static_assert(sizeof list <= OPTIONS * sizeof *list, "raise OPTIONS");
	memcpy(to, list, sizeof list);
}

int main(int argc, char **argv)
{
	struct options o = {.batch_size = 128};
	struct cli_option table[OPTIONS];
	fill_table(&o, table);
	const struct cli_program program = {
		.name = "cv-embed",
		.summary = "Runs a network over a stream and writes what its stages give.",
		.usage = "[OPTION]... [STREAM|DATASET]",
		.examples = "  cv-read cifar.tar.gz --split test | cv-embed -w net.safetensors "
			    "--output logits | "
			    "cv-eval\n"
			    "  cv-gen shapes -n 1000 | cv-embed --arch resnet20 >untrained.cvt\n"
			    "  cv-embed -w net.safetensors --output layer2=features photos/ "
			    ">maps.cvt",
		.options = table,
		.common = &o.common,
		.operands_are_source = true,
		.output_is_stage = true,
	};
	struct cli cli;
	struct cvt_err e = {0};
	struct embed m = {.o = &o, .cli = &cli};
	bool done;
	int code = cli_parse(&cli, &program, argc, argv, &done, &e);
	if (code == CVT_OK && !done && o.common.list)
		code = embed_list(&e);
	else if (code == CVT_OK && !done) {
		code = understand(&o, &cli, &e);
		if (code == CVT_OK)
			code = prepare(&m, &e);
		if (code == CVT_OK)
			code = run(&m, &e);
	}
	const bool told = code != CVT_OK && stream_give_up(m.out, program.name, &e);
	close_all(&m);
	return cli_end(&cli, code, &e, told);
}
