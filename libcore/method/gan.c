/*
 * gan: a generative adversarial network. The text's `net generator` makes a picture in 0..1 from
 * `noise` (its input line says how many numbers), its `net discriminator` tells by one logit D
 * whether a picture is real. Each step lowers the non-saturating losses of Goodfellow et al.,
 * "Generative adversarial nets" (2014), in two phases,
 *
 *     generator      softplus(-D(G(z)))
 *     discriminator  softplus(-D(x)) + softplus(D(G(z)))
 *
 * with the settings of Radford, Metz and Chintala, "Unsupervised representation learning with deep
 * convolutional generative adversarial networks" (2016). The generator moves first: then the
 * discriminator learns from the pictures that were just made, and nothing is made twice. Where both
 * nets read `label`, each made picture has the class of a real one in the batch. --label-smoothing F
 * makes the real ones' target 1 - F (one-sided: Salimans et al., "Improved techniques for training
 * GANs", 2016). The model file holds the generator; --keep-all adds the discriminator.
 *
 * Dimensions: D numbers of the noise.
 */
#include "method.h"

#include "../rng.h"

#include <stdlib.h>
#include <string.h>

enum { GENERATOR, DISCRIMINATOR };

struct gan {
	size_t D;
	size_t noise, label;    /* inputs; label GRAPH_NONE = knows no classes */
	size_t made;            /* the generator's picture */
	size_t made_in;         /* what it was, an input of the second phase */
	size_t real, one, zero; /* inputs: targets of the discriminator */
	float *draws, *target;  /* rows x D; three times rows */
	float *seen;            /* made_in of all rows */
};

/* ---- the nets ---------------------------------------------------------------------- */

static int wrong_text(const struct arch *a, struct cvt_err *e)
{
	return cvt_fail(e, CVT_USAGE,
		"%s: --method gan wants 'input noise D', 'net generator noise [label]' and 'net "
		"discriminator image [label]'; see cv-view --arch dcgan",
		arch_source(a));
}

static bool has_net(const struct arch *a, const char *name)
{
	for (size_t i = 0; i < arch_nets(a); i++)
		if (strcmp(arch_net(a, i), name) == 0)
			return true;
	return false;
}

static bool reads(const struct arch *a, const char *net, size_t i, const char *field)
{
	return i < arch_net_inputs(a, net) && strcmp(arch_net_input(a, net, i), field) == 0;
}

static int find_noise(const struct arch *a, struct shape *row, struct cvt_err *e)
{
	for (size_t i = 0; i < arch_inputs(a); i++)
		if (strcmp(arch_input(a, i)->field, "noise") == 0) {
			*row = arch_input(a, i)->row;
			return has_net(a, "generator") && has_net(a, "discriminator")
					       && reads(a, "generator", 0, "noise")
				       ? CVT_OK
				       : wrong_text(a, e);
		}
	return wrong_text(a, e);
}

/* A net of that name on a first node, and on the labels if it reads them. */
static int put_net(struct learner *l, const struct gan *s, const char *name, size_t first,
	const struct net **net, struct cvt_err *e)
{
	const struct arch *a = l->facts->arch;
	const size_t input[2] = {first, s->label}, n = arch_net_inputs(a, name);
	if (n == 0 || n > 2 || (n == 2 && !reads(a, name, 1, "label")))
		return wrong_text(a, e);
	const struct net_spec spec = {.net = name, .input = input, .inputs = n};
	return method_net_on(l, &spec, net, e);
}

static int make(struct learner *l, struct gan *s, const struct net **net, struct cvt_err *e)
{
	struct shape row;
	TRY(find_noise(l->facts->arch, &row, e));
	s->D = shape_items(&row);
	s->label = GRAPH_NONE;
	if (reads(l->facts->arch, "generator", 1, "label")
		|| reads(l->facts->arch, "discriminator", 1, "label"))
		TRY(method_input(l, "label", &s->label, e));
	TRY(graph_input(l->graph, "noise", DT_F4, &row, &s->noise, e));
	TRY(put_net(l, s, "generator", s->noise, net, e));
	s->made = (*net)->output;
	return CVT_OK;
}

/* What the discriminator says of pictures in 0..1, as one number. */
static int judge(struct learner *l, const struct gan *s, size_t picture, const struct net **net,
	struct cvt_err *e)
{
	const double *m = l->facts->mean, *d = l->facts->std;
	TRY(graph_op(l->graph, "standardize", "input", &picture, 1, &picture, e, "mean0", m[0],
		"mean1", m[1], "mean2", m[2], "std0", d[0], "std1", d[1], "std2", d[2], GRAPH_END));
	TRY(put_net(l, s, "discriminator", picture, net, e));
	if (shape_items(&l->graph->node[(*net)->output].row) != 1)
		return cvt_fail(e, CVT_USAGE,
			"%s: the discriminator must end in one number: linear 1",
			arch_source(l->facts->arch));
	return CVT_OK;
}

static int compare(struct learner *l, size_t logit, size_t target, size_t *loss, struct cvt_err *e)
{
	size_t in[3] = {logit, target}, n = 2;
	TRY(method_weigh(l, in, &n, e));
	return graph_op(l->graph, "bce", "loss", in, n, loss, e, GRAPH_END);
}

static int check_pictures(
	const struct learner *l, const struct gan *s, size_t real, struct cvt_err *e)
{
	const struct graph *g = l->graph;
	char a[100], b[100];
	return shape_same(&g->node[real].row, &g->node[s->made].row)
		       ? CVT_OK
		       : cvt_fail(e, CVT_INPUT,
			       "the pictures are %s, the generator makes %s; cv-read --size and "
			       "--channels, or --let (cv-view --arch names them)",
			       shape_text(&g->node[real].row, a, sizeof a),
			       shape_text(&g->node[s->made].row, b, sizeof b));
}

/* ---- the record -------------------------------------------------------------------- */

static int add_targets(struct learner *l, struct gan *s, struct cvt_err *e)
{
	const struct shape one = {1, {1}};
	TRY(graph_input(l->graph, "real", DT_F4, &one, &s->real, e));
	TRY(graph_input(l->graph, "one", DT_F4, &one, &s->one, e));
	return graph_input(l->graph, "zero", DT_F4, &one, &s->zero, e);
}

static int add_phases(struct learner *l, struct gan *s, const struct net *generator, size_t real,
	struct cvt_err *e)
{
	const struct shape row = l->graph->node[s->made].row;
	const struct net *judge_made, *judge_real, *judge_seen;
	struct learner_phase *p;
	size_t loss, loss_real, loss_made;
	TRY(judge(l, s, s->made, &judge_made, e));
	TRY(compare(l, judge_made->output, s->one, &loss, e));
	TRY(graph_input(l->graph, "made", DT_F4, &row, &s->made_in, e));
	TRY(judge(l, s, real, &judge_real, e));
	TRY(judge(l, s, s->made_in, &judge_seen, e));
	TRY(method_phase(l, "generator", loss, &p, e));
	TRY(method_trains(l, p, generator, e));
	p->keep = s->made;
	TRY(compare(l, judge_real->output, s->real, &loss_real, e));
	TRY(compare(l, judge_seen->output, s->zero, &loss_made, e));
	TRY(graph_op(
		l->graph, "sum", "loss", (size_t[]){loss_real, loss_made}, 2, &loss, e, GRAPH_END));
	TRY(method_phase(l, "discriminator", loss, &p, e));
	return method_trains(l, p, judge_made, e);
}

static int build(struct learner *l, struct cvt_err *e)
{
	struct gan *s = l->own = mem_alloc(1, sizeof *s, e);
	const char *field = arch_net_input(l->facts->arch, "discriminator", 0);
	const struct net *generator;
	size_t real;
	if (!s)
		return CVT_SYSTEM;
	TRY(make(l, s, &generator, e));
	TRY(method_input(l, field, &real, e));
	TRY(check_pictures(l, s, real, e));
	TRY(add_targets(l, s, e));
	return add_phases(l, s, generator, real, e);
}

static size_t items(const struct learner *l, size_t node)
{
	return shape_items(&l->graph->node[node].row);
}

static int prepare(struct learner *l, struct cvt_err *e)
{
	struct gan *s = l->own;
	s->draws = mem_alloc(l->rows * s->D, sizeof *s->draws, e);
	s->target = mem_alloc(3 * l->rows, sizeof *s->target, e);
	s->seen = mem_alloc(l->rows * items(l, s->made), sizeof *s->seen, e);
	if (!s->draws || !s->target || !s->seen)
		return CVT_SYSTEM;
	for (size_t r = 0; r < l->rows; r++) {
		s->target[r] = (float)(1 - l->facts->label_smoothing);
		s->target[l->rows + r] = 1;
	}
	return CVT_OK;
}

static void before(struct learner *l, struct plan *p, const struct batch *rows,
	const struct run *run, double x)
{
	struct gan *s = l->own;
	(void)x;
	plan_bind(p, s->real, s->target);
	plan_bind(p, s->one, s->target + l->rows);
	plan_bind(p, s->zero, s->target + 2 * l->rows);
	if (p == l->phase[DISCRIMINATOR].plan) {
		const float *made = plan_value(l->phase[GENERATOR].plan, s->made);
		memcpy(s->seen, made, rows->rows * items(l, s->made) * sizeof *s->seen);
		plan_bind(p, s->made_in, s->seen);
		return;
	}
	for (size_t r = 0; r < rows->rows; r++) {
		struct rng draw;
		rng_for(&draw, run->seed, RNG_METHOD, run->step, r);
		for (size_t i = 0; i < s->D; i++)
			s->draws[r * s->D + i] = rng_normal(&draw);
	}
	plan_bind(p, s->noise, s->draws);
}

static int generate(struct learner *l, struct generator *to, struct cvt_err *e)
{
	struct gan *s = l->own = mem_alloc(1, sizeof *s, e);
	const struct net *net;
	if (!s)
		return CVT_SYSTEM;
	TRY(make(l, s, &net, e));
	*to = (struct generator){
		s->noise, s->label, s->made, GRAPH_NONE, GRAPH_NONE, GRAPH_NONE, GRAPH_NONE};
	return CVT_OK;
}

static void close(struct learner *l)
{
	struct gan *s = l->own;
	if (s) {
		free(s->draws);
		free(s->target);
		free(s->seen);
	}
	free(s);
}

const struct method method_gan = {
	.name = "gan",
	.help = "generator against discriminator (Goodfellow et al. 2014, Radford et al. 2016)",
	.opt = "adam",
	.sched = "constant",
	.lr = 2e-4,
	.beta1 = 0.5,
	.build = build,
	.prepare = prepare,
	.before = before,
	.generate = generate,
	.close = close,
};
