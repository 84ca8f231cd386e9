/*
 * trainer_class_weight: --class-weight, what each class counts for in cross-entropy
 * (loss/cross_entropy.c): numbers for all classes in order, NAME=NUMBER for some of them, or `balanced`
 * (also --balance), where the operator follows the classes' shares by itself.
 */
#include "trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int trainer_choose_class_weight(struct trainer *t, struct cvt_err *e)
{
	const char *text = t->o.class_weight;
	if (t->o.balance && text && strcmp(text, "balanced") != 0)
		return cvt_fail(e, CVT_USAGE,
			"--balance is --class-weight balanced, which '%s' contradicts; leave one "
			"out",
			text);
	if (t->o.balance || (text && strcmp(text, "balanced") == 0))
		t->facts.class_weighting = CLASS_WEIGHT_BALANCED;
	else if (text)
		t->facts.class_weighting = CLASS_WEIGHT_GIVEN;
	return CVT_OK;
}

/* What is being understood. */
struct weights {
	const struct trainer *t;
	struct head head; /* the names of the classes */
	char **word, *copy;
	size_t n;
	double *weight; /* of each class */
};

static int read_weight(struct weights *w, size_t i, bool named, struct cvt_err *e)
{
	char *word = w->word[i], *equals = strrchr(word, '=');
	size_t k = i;
	if ((equals != NULL) != named)
		return cvt_fail(e, CVT_USAGE,
			"--class-weight: '%s' among others that are not written so", word);
	if (named) {
		*equals = '\0';
		TRY(head_find_class(&w->head, trainer_label_field(w->t), w->t->facts.classes, word,
			"--class-weight", &k, e));
	}
	TRY(cli_real(named ? equals + 1 : word, "--class-weight", &w->weight[k], e));
	return w->weight[k] >= 0 && isfinite((float)w->weight[k])
		       ? CVT_OK
		       : cvt_fail(e, CVT_USAGE, "--class-weight: %g should be 0 or more",
			       w->weight[k]);
}

/* "1,2,0.5", or "cat=2,dog=0.5" and 1 for the others. */
static int read_weights(struct weights *w, struct cvt_err *e)
{
	const size_t K = w->t->facts.classes, most = K + 1;
	w->weight = mem_alloc(most, sizeof *w->weight, e);
	w->word = mem_alloc(most, sizeof *w->word, e);
	if (!w->weight || !w->word)
		return CVT_SYSTEM;
	if (w->t->info.classes)
		TRY(network_classes_head(w->t->info.classes, &w->head, e));
	TRY(cli_words(w->t->o.class_weight, "--class-weight", &w->copy, w->word, most, &w->n, e));
	const bool named = strchr(w->word[0], '=') != NULL;
	if (!named && w->n != K)
		return cvt_fail(e, CVT_USAGE,
			"--class-weight: %zu numbers for %zu classes; give each one its own, or "
			"write NAME=NUMBER for some",
			w->n, K);
	for (size_t k = 0; k < K; k++)
		w->weight[k] = 1;
	for (size_t i = 0; i < w->n; i++)
		TRY(read_weight(w, i, named, e));
	return CVT_OK;
}

static bool is_class_weight(const struct param *p)
{
	const char *dot = strrchr(p->name, '.');
	return p->kind == PARAM_BUFFER && dot && strcmp(dot, ".class_weight") == 0;
}

static int fill(struct trainer *t, const double *weight, struct cvt_err *e)
{
	const struct graph *g = t->learner->graph;
	bool any = false;
	for (size_t i = 0; i < g->nparams; i++) {
		if (!is_class_weight(&g->param[i]))
			continue;
		any = true;
		for (size_t k = 0; weight && k < g->param[i].items; k++)
			param_data(g, i)[k] = (float)weight[k];
	}
	return any ? CVT_OK
		   : cvt_fail(e, CVT_USAGE,
			   "--class-weight: --method %s compares no classes by cross-entropy here",
			   t->method->name);
}

int trainer_fill_class_weight(struct trainer *t, struct cvt_err *e)
{
	struct weights w = {.t = t};
	if (t->facts.class_weighting != CLASS_WEIGHT_GIVEN)
		return t->facts.class_weighting == CLASS_WEIGHT_BALANCED ? fill(t, NULL, e)
									 : CVT_OK;
	head_init(&w.head);
	int code = read_weights(&w, e);
	if (code == CVT_OK)
		code = fill(t, w.weight, e);
	head_free(&w.head);
	free(w.copy);
	free(w.word);
	free(w.weight);
	return code;
}
