/*
 * vae: a variational autoencoder, Kingma and Welling, "Auto-encoding variational Bayes" (2014). The
 * text's `net encoder` gives a mean and a log variance for each number of the code, its `net
 * decoder` what a code z looks like. What is lowered, in nats a picture, is
 *
 *     -log p(x | z) + beta KL(q(z | x) || N(0, I)),   z drawn from q(z | x)
 *
 * with p Bernoulli (the decoder gives logits; grey pictures count as probabilities) or normal with
 * a fixed --sigma. --beta other than 1: Higgins et al., "beta-VAE" (2017). --binarize draws black
 * and white pictures anew at each step, and the same ones in every evaluation. The score `bound` is
 * the loss with beta 1: a bound of -log p(x).
 *
 * Dimensions: D numbers of the code.
 */
#include "method.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct vae {
	size_t far, kl;        /* nodes: -log p(x | z) in units of `unit`, KL */
	double unit, constant; /* nats = unit x far + constant + kl */
	size_t warming;        /* the node that weighs the KL */
	double beta, warmup;
	bool gaussian;
	double sigma;
	size_t index;           /* node; GRAPH_NONE = the rows have none */
	size_t target, moments; /* of the encoder */
};

static int read_options(struct learner *l, struct vae *v, struct cvt_err *e)
{
	const char *word = method_value(l, "likelihood")->text;
	v->beta = method_value(l, "beta")->real;
	v->warmup = method_value(l, "kl-warmup")->real;
	v->sigma = method_value(l, "sigma")->real;
	v->gaussian = word && strcmp(word, "gaussian") == 0;
	if (word && !v->gaussian && strcmp(word, "bernoulli") != 0)
		return cvt_fail(e, CVT_USAGE,
			"--likelihood: there are bernoulli and gaussian, not '%s'", word);
	if (!(v->beta >= 0 && v->beta < INFINITY && v->sigma > 0 && v->sigma < INFINITY))
		return cvt_fail(e, CVT_USAGE, "--beta is at least 0, --sigma above 0");
	l->asks_length = v->warmup > 0 ? "--kl-warmup" : NULL;
	if (!(v->warmup >= 0 && v->warmup < 1))
		return cvt_fail(
			e, CVT_USAGE, "--kl-warmup: a share of the training, from 0 to below 1");
	if (v->gaussian && method_value(l, "binarize")->flag)
		return cvt_fail(e, CVT_USAGE,
			"--binarize goes with --likelihood bernoulli, not with gaussian");
	return CVT_OK;
}

/* An operator on the rows, and on their index if they have one. */
static int add_drawing(struct learner *l, const struct vae *v, const char *op, size_t in,
	size_t *node, struct cvt_err *e)
{
	return graph_op(l->graph, op, op, (size_t[]){in, v->index}, v->index == GRAPH_NONE ? 1 : 2,
		node, e, GRAPH_END);
}

static int check_nets(const struct arch *a, struct cvt_err *e)
{
	bool encoder = false, decoder = false;
	for (size_t i = 0; i < arch_nets(a); i++) {
		encoder = encoder || strcmp(arch_net(a, i), "encoder") == 0;
		decoder = decoder || strcmp(arch_net(a, i), "decoder") == 0;
	}
	if (encoder && decoder && arch_net_inputs(a, "decoder") == 1
		&& strcmp(arch_net_input(a, "decoder", 0), "code") == 0)
		return CVT_OK;
	return cvt_fail(e, CVT_USAGE,
		"%s: --method vae wants two nets, 'net encoder image' and 'net decoder code'; see "
		"cv-view --arch vae",
		arch_source(a));
}

/* The picture in 0..1 that is to be made again, and the encoder on it. */
static int encode(struct learner *l, struct vae *v, struct cvt_err *e)
{
	const double *m = l->facts->mean, *s = l->facts->std;
	const struct net *net;
	size_t picture, input;
	TRY(check_nets(l->facts->arch, e));
	TRY(method_input(l, arch_net_input(l->facts->arch, "encoder", 0), &picture, e));
	v->index = GRAPH_NONE;
	if (method_field(l, "index"))
		TRY(method_input(l, "index", &v->index, e));
	const bool drawn = method_value(l, "binarize")->flag;
	if (drawn)
		TRY(add_drawing(l, v, "binarize", picture, &v->target, e));
	else
		TRY(graph_op(l->graph, "standardize", "target", &picture, 1, &v->target, e, "mean0",
			0.0, "mean1", 0.0, "mean2", 0.0, "std0", 1.0, "std1", 1.0, "std2", 1.0,
			GRAPH_END));
	TRY(graph_op(l->graph, "standardize", "input", drawn ? &v->target : &picture, 1, &input, e,
		"mean0", m[0], "mean1", m[1], "mean2", m[2], "std0", s[0], "std1", s[1], "std2",
		s[2], GRAPH_END));
	const struct net_spec spec = {.net = "encoder", .input = &input, .inputs = 1};
	TRY(method_net_on(l, &spec, &net, e));
	v->moments = net->output;
	return CVT_OK;
}

static int decode(
	struct learner *l, const struct vae *v, size_t code, size_t *made, struct cvt_err *e)
{
	const struct shape want = l->graph->node[v->target].row;
	const struct net_spec spec = {.net = "decoder", .input = &code, .inputs = 1};
	const struct net *net;
	char a[100], b[100];
	TRY(method_net_on(l, &spec, &net, e));
	*made = net->output;
	const struct shape *have = &l->graph->node[*made].row;
	return shape_same(&want, have)
		       ? CVT_OK
		       : cvt_fail(e, CVT_INPUT,
			       "the pictures are %s, the decoder makes %s; cv-read --size and "
			       "--channels, or --let (cv-view --arch names them)",
			       shape_text(&want, a, sizeof a), shape_text(have, b, sizeof b));
}

/* -log p(x | z): in nats it is unit x far + constant. */
static int add_likelihood(struct learner *l, struct vae *v, size_t made, struct cvt_err *e)
{
	const double items = (double)shape_items(&l->graph->node[made].row);
	const double variance = v->sigma * v->sigma;
	v->unit = v->gaussian ? items / (2 * variance) : items;
	v->constant = v->gaussian ? items * 0.5 * log(2 * 3.14159265358979324 * variance) : 0;
	size_t in[3] = {made, v->target}, n = 2;
	TRY(method_weigh(l, in, &n, e));
	return graph_op(l->graph, v->gaussian ? "mse" : "bce", "loss.picture", in, n, &v->far, e,
		GRAPH_END);
}

static int add_losses(struct learner *l, struct vae *v, size_t *loss, struct cvt_err *e)
{
	struct graph *g = l->graph;
	size_t prior, far, kl;
	/* N(0, I): mean 0, log variance 0 */
	TRY(graph_op(g, "times", "prior", &v->moments, 1, &prior, e, "F", 0.0, GRAPH_END));
	TRY(graph_op(g, "stop", "prior", &prior, 1, &prior, e, GRAPH_END));
	size_t in[3] = {v->moments, prior}, n = 2;
	TRY(method_weigh(l, in, &n, e));
	TRY(graph_op(g, "gauss-kl", "loss.code", in, n, &v->kl, e, GRAPH_END));
	TRY(graph_op(g, "times", "loss.a", &v->far, 1, &far, e, "F", v->unit, GRAPH_END));
	TRY(graph_op(g, "times", "loss.b", &v->kl, 1, &kl, e, "F", v->beta, GRAPH_END));
	v->warming = kl;
	return graph_op(g, "sum", "loss", (size_t[]){far, kl}, 2, loss, e, GRAPH_END);
}

static int build(struct learner *l, struct cvt_err *e)
{
	struct vae *v = l->own = mem_alloc(1, sizeof *v, e);
	size_t z, made, loss;
	if (!v)
		return CVT_SYSTEM;
	TRY(read_options(l, v, e));
	TRY(encode(l, v, e));
	TRY(add_drawing(l, v, "reparameterize", v->moments, &z, e));
	TRY(decode(l, v, z, &made, e));
	TRY(add_likelihood(l, v, made, e));
	TRY(add_losses(l, v, &loss, e));
	TRY(method_keep(l, v->far, e));
	TRY(method_keep(l, v->kl, e));
	l->kept = 2;
	return method_phase(l, "", loss, NULL, e);
}

/* The KL's weight grows over the first --kl-warmup of the training (Bowman et al., "Generating
 * sentences from a continuous space", 2016), so that the code is not given up before it says
 * anything. */
static void before(struct learner *l, struct plan *p, const struct batch *rows,
	const struct run *run, double x)
{
	(void)p;
	(void)rows;
	const struct vae *v = l->own;
	const double part = run->train && v->warmup > 0 && x < v->warmup ? x / v->warmup : 1;
	l->graph->node[v->warming].arg[0].a = v->beta * part;
}

/* What the losses are means over. */
static double weigh_rows(const struct batch *rows)
{
	const struct tensor *weight = batch_get(rows, "weight");
	double sum = weight ? 0 : (double)rows->rows;
	for (size_t i = 0; weight && i < rows->rows; i++)
		sum += (double)((const float *)weight->data)[i];
	return sum;
}

static void score(const struct learner *l, const struct plan *p, const struct batch *rows,
	struct score_sum *sum)
{
	const struct vae *v = l->own;
	const double far = (double)*plan_value(p, v->far), kl = (double)*plan_value(p, v->kl);
	const double count = weigh_rows(rows);
	sum->sum += (v->unit * far + v->constant + kl) * count;
	sum->count += count;
	sum[1].sum += kl * count;
	sum[1].count += count;
}

/* The mean alone, of moments. */
static int add_code(
	struct learner *l, const struct vae *v, size_t D, size_t *code, struct cvt_err *e)
{
	const struct nn_value two[NN_ARGS] = {
		{2, 2, NULL, true}, {(double)D, (double)D, NULL, true}};
	TRY(graph_add(l->graph, nn_find("reshape"), "code", &v->moments, 1, two, 2, code, e));
	return graph_op(l->graph, "take", "code", code, 1, code, e, "I", 0.0, GRAPH_END);
}

static int add_bound(
	struct learner *l, const struct vae *v, size_t D, struct generator *to, struct cvt_err *e)
{
	const struct shape row = {1, {2 * D}};
	size_t z, made;
	to->posterior = v->moments;
	TRY(graph_input(l->graph, "posterior", DT_F4, &row, &to->posterior_in, e));
	TRY(add_drawing(l, v, "reparameterize", to->posterior_in, &z, e));
	TRY(decode(l, v, z, &made, e));
	return graph_op(l->graph, "log-weight", "bound",
		(size_t[]){v->target, made, z, to->posterior_in}, 4, &to->log_weight, e, "sigma",
		v->gaussian ? v->sigma : 0.0, GRAPH_END);
}

static int generate(struct learner *l, struct generator *to, struct cvt_err *e)
{
	struct vae *v = l->own = mem_alloc(1, sizeof *v, e);
	if (!v)
		return CVT_SYSTEM;
	TRY(read_options(l, v, e));
	TRY(encode(l, v, e));
	const size_t D = shape_items(&l->graph->node[v->moments].row) / 2;
	const struct shape row = {1, {D}};
	TRY(graph_input(l->graph, "noise", DT_F4, &row, &to->noise, e));
	TRY(decode(l, v, to->noise, &to->picture, e));
	if (!v->gaussian)
		TRY(graph_op(l->graph, "sigmoid", "picture", &to->picture, 1, &to->picture, e,
			GRAPH_END));
	TRY(add_code(l, v, D, &to->code, e));
	return add_bound(l, v, D, to, e);
}

static void close(struct learner *l)
{
	free(l->own);
}

const struct method method_vae = {
	.name = "vae",
	.help = "variational autoencoder: encoder, code, decoder (Kingma and Welling 2014)",
	.options = {{"beta", "F", "weight of the code's divergence from N(0, 1)", CLI_REAL, 1},
		{"kl-warmup", "F", "share of the training in which --beta grows from 0", CLI_REAL,
			0},
		{"likelihood", "NAME", "of pictures: bernoulli (default) or gaussian", CLI_TEXT, 0},
		{"sigma", "F", "standard deviation of gaussian pixels", CLI_REAL, 0.1},
		{"binarize", NULL, "draw black and white pictures anew at each step", CLI_FLAG, 0}},
	.score_name = {{"bound", false}, {"kl", false}},
	.opt = "adam",
	.unlabelled = true,
	.build = build,
	.before = before,
	.score = score,
	.generate = generate,
	.close = close,
};
