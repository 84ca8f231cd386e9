/* maker: from a model file to a network that makes pictures (see maker.h). */
#include "maker.h"

#include "../../formats/safetensors.h"
#include "../embed/network.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_field(struct maker *m, const char *name, enum dtype dtype, const struct shape *row)
{
	struct method_field *f = &m->field[m->facts.nfields++];
	(void)snprintf(f->name, sizeof f->name, "%s", name);
	f->dtype = dtype;
	f->row = *row;
}

/* What the method knew when it trained, from the file alone. */
static int fill_facts(struct maker *m, enum dtype picture, struct cvt_err *e)
{
	const struct shape one = {0};
	double classes;
	if (!m->info.arch || !m->info.method || !m->info.field)
		return cvt_fail(e, CVT_INPUT,
			"does not say how it was trained (cv.arch, cv.method, cv.input)");
	if (!(m->method = method_find(m->info.method, e)))
		return e->code = CVT_INPUT;
	TRY(method_options_read(m->method, m->info.options, m->value, e));
	TRY(arch_parse(&m->arch, "cv.arch", m->info.arch, e));
	add_field(m, m->info.field, picture, &m->info.input);
	add_field(m, "label", DT_I4, &one);
	add_field(m, "index", DT_I8, &one);
	m->facts.arch = m->arch;
	m->facts.field = m->field;
	if (m->info.nclasses == 0 && arch_let_value(m->arch, "classes", &classes))
		m->info.nclasses = (size_t)classes;
	m->facts.classes = m->info.nclasses;
	m->facts.value = m->value;
	m->facts.max_memory = m->o->common.network_memory;
	memcpy(m->facts.mean, m->info.mean, sizeof m->facts.mean);
	memcpy(m->facts.std, m->info.std, sizeof m->facts.std);
	return arch_set_input(m->arch, m->info.field, &m->info.input, e);
}

static int load(struct maker *m, const struct state_dict *d, struct cvt_err *e)
{
	struct graph *g = m->learner->graph;
	const struct model_load l = {
		.source = m->o->weights, .partial = true, .end_param = g->nparams};
	size_t loaded = 0;
	TRY(model_load(g, d, &l, &loaded, e)); /* a discriminator is no part of us */
	if (loaded == g->nparams)
		return CVT_OK;
	const struct model_load all = {.source = m->o->weights, .end_param = g->nparams};
	TRY(model_load(g, d, &all, NULL, e)); /* says what is missing */
	return CVT_OK;
}

static int open_model(
	struct maker *m, enum dtype picture, const struct state_dict *d, struct cvt_err *e)
{
	TRY(model_info_read(&m->info, d, e));
	TRY(fill_facts(m, picture, e));
	TRY(learner_open_generator(&m->learner, m->method, &m->facts, &m->nodes, e));
	TRY(load(m, d, e)); /* would all fit? */
	TRY(graph_finish(m->learner->graph, e));
	return load(m, d, e);
}

int maker_open(struct maker *m, enum dtype picture, struct cvt_err *e)
{
	struct state_dict d = {0};
	int code = safetensors_read(m->o->weights, &d, e);
	if (code == CVT_OK && open_model(m, picture, &d, e) != CVT_OK) {
		e->code = e->code == CVT_USAGE ? CVT_INPUT : e->code;
		code = cvt_fail_at(e, "%s", m->o->weights);
	}
	state_free(&d);
	TRY(code);
	return par_open(&m->par, (unsigned)m->o->common.threads, e);
}

void maker_close(struct maker *m)
{
	rate_stop(&m->rate);
	learner_close(m->learner);
	arch_free(m->arch);
	model_info_free(&m->info);
	par_close(m->par);
	source_close(m->in);
	batch_free(&m->batch);
	head_free(&m->head);
}

int maker_plan(struct maker *m, size_t node, struct plan **p, struct cvt_err *e)
{
	const struct plan_spec spec = {.rows = MAKER_ROWS,
		.threads = par_threads(m->par),
		.keep = &node,
		.nkeep = 1,
		.loss = GRAPH_NONE,
		.fixed = true};
	return plan_create(p, m->learner->graph, &spec, e);
}

size_t maker_items(const struct maker *m, size_t node)
{
	return shape_items(&m->learner->graph->node[node].row);
}

int maker_write_head(
	struct maker *m, const struct cli *cli, struct stream_writer **out, struct cvt_err *e)
{
	const struct gen_options *o = m->o;
	struct str line = {0};
	struct output *file;
	m->head.seed = m->seed;
	m->head.has_seed = true;
	int code = cli_history(cli, m->seed, m->in && source_is_stream(m->in), &line, e);
	if (code == CVT_OK && !o->common.no_history)
		code = head_add_prog(&m->head, 0, "cv-gen", line.p, e);
	if (code == CVT_OK && m->info.history && !o->common.no_history)
		code = network_history_head(m->info.history, 1, &m->head, e);
	free(line.p);
	TRY(code);
	TRY(output_open(&file, o->common.output, e));
	TRY(stream_create(out, file, &m->head, e));
	return rate_start(&m->rate, cli, &m->head, e);
}

int maker_put(struct maker *m, struct stream_writer *out, struct cvt_err *e)
{
	rate_add(&m->rate, m->batch.rows);
	return stream_put(out, &m->batch, e);
}

int maker_finish(struct maker *m, struct stream_writer **out, struct cvt_err *e)
{
	struct stream_writer *w = *out;
	*out = NULL;
	TRY(stream_finish(w, e));
	return rate_finish(&m->rate, e);
}

int maker_bytes(
	const struct maker *m, const float *from, size_t n, unsigned char *to, struct cvt_err *e)
{
	for (size_t i = 0; i < n; i++) {
		const float x = from[i] > 0 ? from[i] < 1 ? from[i] : 1 : 0;
		if (isnan(from[i]))
			return cvt_fail(e, CVT_INPUT,
				"%s: what it makes is not a number; did the training diverge?",
				m->o->weights);
		to[i] = (unsigned char)(x * 255 + 0.5f);
	}
	return CVT_OK;
}
