/* trainer_numbers: the optimizer and its numbers, as they were said or as they train well (see
 * trainer.h). */
#include "trainer.h"

#include <string.h>

static bool has(const struct graph *g, const char *op)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->node[i].op && strcmp(g->node[i].op->name, op) == 0)
			return true;
	return false;
}

/* A number that the optimizer never reads would be said in vain. */
static int check_read(const struct trainer *t, struct cvt_err *e)
{
	const struct {
		const char *option;
		bool given;
		enum opt_reads by;
	} numbers[] = {{"momentum", t->o.momentum_given && t->o.momentum > 0, OPT_MOMENTUM},
		{"betas", t->o.betas != NULL, OPT_BETAS},
		{"opt-eps", t->o.tricks.epsilon_given, OPT_EPSILON}};
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (numbers[i].given && !(t->opt->reads & numbers[i].by))
			return cvt_fail(e, CVT_USAGE,
				"--%s: --opt %s does not read it; see cv-train(1), Optimizers",
				numbers[i].option, t->opt->name);
	if (t->o.l2_sp > 0 && t->opt->matrix)
		return cvt_fail(e, CVT_USAGE,
			"--l2-sp: --opt %s fixes the size of filters and does not decay them",
			t->opt->name);
	return CVT_OK;
}

/* What is not said is chosen so that it trains well: AdamW for transformers, else gradient descent,
 * in smaller steps where no batch normalisation steadies the network. */
int trainer_choose_numbers(struct trainer *t, struct cvt_err *e)
{
	const struct graph *g = t->learner->graph;
	const char *usual = t->method->opt ? t->method->opt : has(g, "attention") ? "adamw" : "sgd";
	const char *name = t->o.opt ? t->o.opt : usual;
	t->opt = opt_find(name, e);
	if (!t->opt)
		return CVT_USAGE;
	TRY(check_read(t, e));
	struct opt_config *c = &t->facts.opt;
	c->momentum = t->o.momentum_given ? t->o.momentum : t->opt->momentum;
	c->nesterov = t->opt->nesterov && !t->o.no_nesterov && c->momentum > 0;
	if (c->beta2 == 0)
		c->beta2 = t->opt->beta2 > 0 ? t->opt->beta2 : 0.999;
	if (c->epsilon == 0)
		c->epsilon = t->opt->epsilon > 0 ? t->opt->epsilon : 1e-8;
	c->weight_decay = t->o.decay_given ? t->o.weight_decay : t->opt->weight_decay;
	if (!t->o.lr_given && t->method->lr > 0 && strcmp(name, usual) == 0)
		t->o.lr = t->method->lr;
	else if (!t->o.lr_given)
		t->o.lr = t->opt->lr * (strcmp(name, "sgd") == 0 && !has(g, "bn") ? 0.5 : 1.0)
			  * (t->method->lr_factor > 0 ? t->method->lr_factor : 1.0);
	TRY(tricks_lr(&t->o.tricks, t->o.lr_given, t->o.batch_size * t->o.accumulate, &t->o.lr, e));
	if (!t->o.clip_given)
		t->o.clip_norm = t->method->clip_norm;
	return CVT_OK;
}
