/*
 * method: the list of methods, and what their build() is made of (see method/method.h): nodes for
 * fields, networks on them, losses, phases (the plans that run them: method_plans.c).
 */
#include "method/method.h"
#include "metric/metric.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METHOD(name) extern const struct method method_##name;
#include "method/method.def"
#undef METHOD

const struct method *const methods[] = {
#define METHOD(name) &method_##name,
#include "method/method.def"
#undef METHOD
	NULL,
};

const struct method *method_find(const char *name, struct cvt_err *e)
{
	const char *words[sizeof methods / sizeof *methods] = {0};
	size_t n = 0;
	for (; methods[n]; n++) {
		if (strcmp(name, methods[n]->name) == 0)
			return methods[n];
		words[n] = methods[n]->name;
	}
	const size_t near = mem_nearest(name, words, n);
	if (near < n)
		(void)cvt_fail(e, CVT_USAGE,
			"--method %s: there is no such method; did you mean '%s'?", name,
			words[near]);
	else
		(void)cvt_fail(
			e, CVT_USAGE, "--method %s: there is no such method; see --list", name);
	return NULL;
}

static int full(const char *what, struct cvt_err *e)
{
	return cvt_fail(e, CVT_USAGE, "more %s than a method may have", what);
}

/* ---- fields ------------------------------------------------------------------------ */

const struct method_field *method_field(const struct learner *l, const char *name)
{
	for (size_t i = 0; i < l->facts->nfields; i++)
		if (strcmp(l->facts->field[i].name, name) == 0)
			return &l->facts->field[i];
	return NULL;
}

static int no_field(const struct learner *l, const char *field, struct cvt_err *e)
{
	char have[400] = "";
	for (size_t i = 0, n = 0; i < l->facts->nfields && n < sizeof have - FIELD_NAME; i++)
		n += (size_t)snprintf(have + n, sizeof have - n, " %s", l->facts->field[i].name);
	return cvt_fail(e, CVT_INPUT,
		"the stream has no field '%s', which this training reads; it has:%s", field, have);
}

int method_input(struct learner *l, const char *field, size_t *node, struct cvt_err *e)
{
	for (size_t i = 0; i < l->ninputs; i++)
		if (strcmp(l->input[i].field, field) == 0) {
			*node = l->input[i].node;
			return CVT_OK;
		}
	const struct method_field *f = method_field(l, field);
	if (!f)
		return no_field(l, field, e);
	if (f->flags & FIELD_WHOLE)
		return cvt_fail(e, CVT_INPUT,
			"the rows of '%s' have different sizes; cv-augment resize=32,32", field);
	if (l->ninputs == METHOD_INPUTS)
		return full("fields", e);
	struct learner_input *in = &l->input[l->ninputs++];
	(void)snprintf(in->field, sizeof in->field, "%s", field);
	TRY(graph_input(l->graph, field, f->dtype, &f->row, &in->node, e));
	*node = in->node;
	return CVT_OK;
}

int method_picture(struct learner *l, const char *field, size_t *node, struct cvt_err *e)
{
	const double *m = l->facts->mean, *s = l->facts->std;
	TRY(method_input(l, field, node, e));
	if (!field_is_view(field, "image"))
		return CVT_OK;
	return graph_op(l->graph, "standardize", "input", (size_t[]){*node}, 1, node, e, "mean0",
		m[0], "mean1", m[1], "mean2", m[2], "std0", s[0], "std1", s[1], "std2", s[2],
		GRAPH_END);
}

/* ---- what a method declares -------------------------------------------------------- */

int method_net_on(
	struct learner *l, const struct net_spec *s, const struct net **net, struct cvt_err *e)
{
	if (l->nnets == METHOD_NETS)
		return full("networks", e);
	struct learner_net *ln = &l->net[l->nnets++];
	ln->name = s->net;
	*net = &ln->net;
	return net_build(&ln->net, l->graph, l->facts->arch, s, e);
}

static int net_on_fields(struct learner *l, const char *name, bool headless, const struct net **net,
	struct cvt_err *e)
{
	const struct arch *a = l->facts->arch;
	const size_t n = arch_net_inputs(a, name);
	size_t input[METHOD_INPUTS];
	if (n > METHOD_INPUTS)
		return full("networks", e);
	for (size_t i = 0; i < n; i++)
		TRY(method_picture(l, arch_net_input(a, name, i), &input[i], e));
	const struct net_spec spec = {
		.net = name, .input = input, .inputs = n, .headless = headless};
	return method_net_on(l, &spec, net, e);
}

int method_net(struct learner *l, const char *name, const struct net **net, struct cvt_err *e)
{
	return net_on_fields(l, name, false, net, e);
}

int method_body(struct learner *l, const char *name, const struct net **net, struct cvt_err *e)
{
	return net_on_fields(l, name, true, net, e);
}

int method_phase(struct learner *l, const char *name, size_t loss, struct learner_phase **phase,
	struct cvt_err *e)
{
	if (l->nphases == METHOD_PHASES)
		return full("phases", e);
	struct learner_phase *p = &l->phase[l->nphases++];
	*p = (struct learner_phase){
		.name = name, .loss = loss, .keep = GRAPH_NONE, .period = 1, .lr_scale = 1.0};
	if (phase)
		*phase = p;
	return CVT_OK;
}

int method_trains(
	struct learner *l, struct learner_phase *p, const struct net *net, struct cvt_err *e)
{
	if (!p->trains)
		p->trains = mem_alloc(l->graph->nparams, sizeof *p->trains, e);
	if (!p->trains)
		return CVT_SYSTEM;
	for (size_t i = net->first_param; i < net->end_param; i++)
		p->trains[i] = true;
	return CVT_OK;
}

int method_keep(struct learner *l, size_t node, struct cvt_err *e)
{
	if (l->nkeep == METHOD_KEEP)
		return full("kept values", e);
	l->keep[l->nkeep++] = node;
	return CVT_OK;
}

int method_state(struct learner *l, const char *name, int ndim, const size_t *dims, float **data,
	struct cvt_err *e)
{
	if (l->nstates == METHOD_STATES || ndim > 4)
		return full("states", e);
	struct learner_state *s = &l->state[l->nstates];
	s->name = name;
	s->ndim = ndim;
	memcpy(s->dims, dims, (size_t)ndim * sizeof *dims);
	TRY(tensor_count(ndim, dims, &s->items, e));
	*data = s->data = mem_alloc(s->items, sizeof *s->data, e);
	if (!s->data)
		return CVT_SYSTEM;
	l->nstates++;
	return CVT_OK;
}

int method_score(struct learner *l, const char *name, bool higher, size_t *place, struct cvt_err *e)
{
	if (l->nscores == METHOD_SCORES)
		return full("scores", e);
	*place = l->nscores++;
	(void)snprintf(l->score[*place].name, sizeof l->score->name, "%s", name);
	l->score[*place].higher = higher;
	return CVT_OK;
}

int method_tally(struct learner *l, size_t n, size_t *first, struct cvt_err *e)
{
	double *more = mem_alloc(l->ntally + n, sizeof *more, e);
	if (!more)
		return CVT_SYSTEM;
	free(l->tally);
	l->tally = more;
	*first = l->ntally;
	l->ntally += n;
	return CVT_OK;
}

int method_watch(struct learner *l, const char *name, const char *param, struct cvt_err *e)
{
	struct learner_watched *w = &l->watched[l->nwatched];
	if (l->nwatched == METHOD_WATCHED)
		return full("watched parameters", e);
	(void)snprintf(w->name, sizeof w->name, "%s", name);
	w->param = graph_find_param(l->graph, param);
	if (w->param == GRAPH_NONE)
		return cvt_fail(e, CVT_USAGE, "there is no parameter '%s' to watch", param);
	l->nwatched++;
	return CVT_OK;
}

/* (H,W,1) and (H,W) are the same numbers: both become vectors. */
static int match_shapes(struct learner *l, size_t in[2], struct cvt_err *e)
{
	const struct node *x = &l->graph->node[in[0]], *t = &l->graph->node[in[1]];
	if (t->dtype != DT_F4 || shape_same(&x->row, &t->row)
		|| shape_items(&x->row) != shape_items(&t->row))
		return CVT_OK;
	TRY(graph_op(l->graph, "flatten", "output", &in[0], 1, &in[0], e, GRAPH_END));
	return graph_op(l->graph, "flatten", "target", &in[1], 1, &in[1], e, GRAPH_END);
}

/* Weights are for the classes of `label` and of heads; given ones for as many as there are of them. */
static enum class_weighting class_weighting(
	const struct learner *l, size_t output, const char *field)
{
	const struct method_facts *f = l->facts;
	const struct shape *row = &l->graph->node[output].row;
	const size_t K = row->ndim ? row->dims[row->ndim - 1] : 1;
	bool asked = strcmp(field, "label") == 0;
	for (size_t i = 0; i < f->nheads; i++)
		asked = asked || strcmp(field, f->head[i].field) == 0;
	const bool fits = f->class_weighting != CLASS_WEIGHT_GIVEN || K == f->classes;
	return asked && fits ? f->class_weighting : CLASS_WEIGHT_NONE;
}

int method_weigh(struct learner *l, size_t *in, size_t *n, struct cvt_err *e)
{
	const struct method_field *f = method_field(l, "weight");
	if (!f)
		return CVT_OK;
	if (f->dtype != DT_F4 || shape_items(&f->row) != 1)
		return cvt_fail(
			e, CVT_INPUT, "the field 'weight' should be one number (<f4) a row");
	return method_input(l, "weight", &in[(*n)++], e);
}

int method_loss(struct learner *l, const char *loss, size_t output, const char *field,
	double label_smoothing, size_t *node, struct cvt_err *e)
{
	char path[FIELD_NAME + 40];
	size_t in[3] = {output}, n = 2;
	TRY(method_input(l, field, &in[1], e));
	TRY(match_shapes(l, in, e));
	TRY(method_weigh(l, in, &n, e));
	(void)snprintf(path, sizeof path, "loss.%s", field);
	const bool classes = strcmp(loss, "cross-entropy") == 0;
	return graph_op(l->graph, loss, path, in, n, node, e, classes ? "smoothing" : NULL,
		label_smoothing, "weights", (double)class_weighting(l, output, field), GRAPH_END);
}

const struct method_value *method_value(const struct learner *l, const char *option)
{
	size_t i = 0;
	while (l->method->options[i].name && strcmp(l->method->options[i].name, option) != 0)
		i++;
	return &l->facts->value[i];
}

/* ---- for the loop ------------------------------------------------------------------ */

static int open_graph(struct learner **out, const struct method *m,
	const struct method_facts *facts, struct generator *generator, struct cvt_err *e)
{
	struct learner *l = *out = mem_alloc(1, sizeof *l, e);
	if (!l)
		return CVT_SYSTEM;
	l->method = m;
	l->facts = facts;
	l->val_loss = GRAPH_NONE;
	l->kept = 1;
	for (size_t i = 0, k; i < METHOD_SCORES && m->score && m->score_name[i].name; i++)
		(void)method_score(l, m->score_name[i].name, m->score_name[i].higher, &k, e);
	int code = graph_open(&l->graph, e);
	if (code == CVT_OK) {
		l->graph->bf16 = facts->bf16;
		l->graph->most = facts->max_memory;
		l->graph->learns_not = generator != NULL;
		code = generator ? m->generate(l, generator, e) : m->build(l, e);
	}
	if (code != CVT_OK) {
		learner_close(l);
		*out = NULL;
	} else if (l->val_loss == GRAPH_NONE && l->nphases)
		l->val_loss = l->phase[0].loss;
	return code;
}

int learner_open(struct learner **out, const struct method *m, const struct method_facts *facts,
	struct cvt_err *e)
{
	return open_graph(out, m, facts, NULL, e);
}

int learner_open_generator(struct learner **out, const struct method *m,
	const struct method_facts *facts, struct generator *to, struct cvt_err *e)
{
	*to = (struct generator){
		GRAPH_NONE, GRAPH_NONE, GRAPH_NONE, GRAPH_NONE, GRAPH_NONE, GRAPH_NONE, GRAPH_NONE};
	if (!m->generate)
		return cvt_fail(e, CVT_INPUT, "was trained by --method %s, which makes no pictures",
			m->name);
	return open_graph(out, m, facts, to, e);
}

void learner_close(struct learner *l)
{
	if (!l)
		return;
	if (l->method->close)
		l->method->close(l);
	for (size_t i = 0; i < l->nphases; i++) {
		plan_free(l->phase[i].plan);
		free(l->phase[i].trains);
		free(l->phase[i].wants);
		for (size_t k = 0; k < OPT_STATES; k++)
			free(l->phase[i].state[k]);
	}
	plan_free(l->eval);
	free(l->thaws);
	for (size_t i = 0; i < l->nstates; i++)
		free(l->state[i].data);
	for (size_t i = 0; i < l->nnets; i++)
		net_free(&l->net[i].net);
	free(l->tally);
	graph_close(l->graph);
	free(l);
}

bool name_has_prefix(const char *name, const char *prefix)
{
	const size_t n = strlen(prefix);
	return strncmp(name, prefix, n) == 0 && (name[n] == '\0' || name[n] == '.' || n == 0);
}

static int freeze_prefix(struct learner *l, const char *prefix, struct cvt_err *e)
{
	struct graph *g = l->graph;
	bool any = false;
	for (size_t i = 0; i < g->nparams; i++) {
		if (!name_has_prefix(g->param[i].name, prefix))
			continue;
		l->thaws[i] = l->thaws[i] || !g->param[i].frozen;
		any = g->param[i].frozen = true;
	}
	return any ? CVT_OK
		   : cvt_fail(e, CVT_USAGE,
			   "--freeze %s: no parameter of the network begins so; see cv-view --arch",
			   prefix);
}

int learner_freeze(struct learner *l, const char *prefixes, struct cvt_err *e)
{
	char *copy = NULL, *word[64];
	size_t n = 0;
	if (!l->thaws && !(l->thaws = mem_alloc(l->graph->nparams, sizeof *l->thaws, e)))
		return CVT_SYSTEM;
	int code = cli_words(prefixes, "--freeze", &copy, word, 64, &n, e);
	for (size_t i = 0; i < n && code == CVT_OK; i++)
		code = freeze_prefix(l, word[i], e);
	free(copy);
	return code;
}

void learner_bind(const struct learner *l, struct plan *p, const struct batch *rows, size_t first)
{
	for (size_t i = 0; i < l->ninputs; i++) {
		const struct tensor *x = batch_get(rows, l->input[i].field);
		if (x)
			plan_bind(p, l->input[i].node,
				(const char *)x->data + first * (x->bytes / rows->rows));
	}
}

/* ---- scores ------------------------------------------------------------------------ */

/* The class that a row of labels means; below 0 = unknown. */
static int32_t true_class(const struct tensor *label, size_t row, size_t classes)
{
	if (label->dtype == DT_F4) {
		const float *t = (const float *)label->data + row * classes;
		const int32_t k = metric_argmax(t, classes);
		return k >= 0 && t[k] > 0.0f ? k : -1;
	}
	if (label->dtype == DT_U1) {
		const unsigned char k = ((const unsigned char *)label->data)[row];
		return k == 255 ? -1 : k; /* unknown, as the losses have it */
	}
	return ((const int32_t *)label->data)[row];
}

void score_accuracy(const float *logits, size_t classes, const struct tensor *label,
	const struct tensor *weight, size_t rows, struct score_sum *sum)
{
	const float *w = weight ? weight->data : NULL;
	for (size_t r = 0; r < rows; r++) {
		const int32_t k = true_class(label, r, classes);
		if (k < 0 || (w && w[r] == 0.0f))
			continue;
		sum->count += 1.0;
		sum->sum += metric_argmax(logits + r * classes, classes) == k;
	}
}
