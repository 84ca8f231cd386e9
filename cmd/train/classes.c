/*
 * trainer_classes: which classes the network tells apart: the stream's, or those of a loaded model, to
 * which the stream's are matched by name; and that the labels of the rows are among them.
 */
#include "trainer.h"

#include "../../formats/relabel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- how many, and their names ------------------------------------------------------ */

const char *trainer_label_field(const struct trainer *t)
{
	return t->facts.nheads     ? t->facts.head[0].field
	       : t->method->target ? t->method->target
				   : "label";
}

static void advise(struct cvt_err *e, const char *what)
{
	const size_t n = strlen(e->text);
	(void)snprintf(e->text + n, sizeof e->text - n, "%s", what);
}

/* The first head of that field says what its classes are; auxiliary ones share them. */
static bool is_first_of_field(const struct trainer *t, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(t->facts.head[k].field, t->facts.head[i].field) == 0)
			return false;
	return true;
}

/* Heads beside the first: those that the model knows. */
static int match_others(struct trainer *t, const struct head *model, struct cvt_err *e)
{
	for (size_t i = 1; i < t->facts.nheads && !t->o.by_number; i++) {
		const char *field = t->facts.head[i].field;
		const struct head_classes *have = head_classes(&t->head, field);
		const struct head_classes *want = head_classes(model, field);
		if (have && want && is_first_of_field(t, i))
			TRY(head_match_classes(have, want, &t->relabel[i], e));
	}
	return CVT_OK;
}

/* A loaded network keeps its classes; the stream's are matched to them by name. */
static int match_classes(struct trainer *t, const struct head_classes *have, struct cvt_err *e)
{
	struct head model;
	head_init(&model);
	int code = network_classes_head(t->info.classes, &model, e);
	const struct head_classes *want = head_classes(&model, trainer_label_field(t));
	if (code == CVT_OK && have && !t->o.by_number) {
		if (want)
			code = head_match_classes(have, want, &t->relabel[0], e);
		else if (model.nclasses)
			code = cvt_fail(e, CVT_INPUT, "the model's classes are those of '%s'",
				model.classes[0].field);
	}
	if (code == CVT_OK)
		code = match_others(t, &model, e);
	if (code != CVT_OK)
		advise(e, "; --reset-head learns the stream's classes");
	head_free(&model);
	return code;
}

/* Of the first head, then of the others. */
static int copy_class_names(struct trainer *t, struct cvt_err *e)
{
	struct str text = {0};
	TRY(network_classes_text(&t->head, trainer_label_field(t), &text, e));
	for (size_t i = 1; i < t->facts.nheads; i++)
		TRY(network_classes_text(&t->head, t->facts.head[i].field, &text, e));
	free(t->info.classes);
	t->info.classes = text.p;
	return CVT_OK;
}

/* A text may leave open how many classes a certain field has: let FIELD_classes. What --let says
 * stands. */
static int let_classes(struct trainer *t, struct cvt_err *e)
{
	char name[FIELD_NAME + 10];
	for (size_t i = 0; i < t->head.nclasses; i++) {
		const struct head_classes *c = &t->head.classes[i];
		(void)snprintf(name, sizeof name, "%s_classes", c->field);
		if (arch_lets(t->arch, name) && !arch_let_given(t->arch, name))
			TRY(arch_let(t->arch, name, (double)c->n, e));
	}
	return CVT_OK;
}

static size_t count_classes(const struct trainer *t, const struct head_classes *have)
{
	const struct head_field *f = head_field(&t->head, trainer_label_field(t));
	if (t->o.num_classes)
		return t->o.num_classes;
	if (t->info.classes && t->info.nclasses)
		return t->info.nclasses;
	if (have)
		return have->n;
	return f && f->dtype == DT_F4 && f->ndim == 1 ? f->dims[0] : 0;
}

int trainer_choose_classes(struct trainer *t, struct cvt_err *e)
{
	const struct head_classes *have = head_classes(&t->head, trainer_label_field(t));
	if ((t->o.reset_head && t->in) || t->method->unlabelled
		|| (t->o.num_classes && t->o.num_classes != t->info.nclasses)) {
		free(t->info.classes);
		t->info.classes = NULL;
		t->info.nclasses = 0;
	}
	if (t->method->unlabelled)
		return CVT_OK;
	if (t->info.classes)
		TRY(match_classes(t, have, e));
	t->facts.classes = count_classes(t, have);
	if (have && !t->info.classes)
		TRY(copy_class_names(t, e));
	t->info.nclasses = t->facts.classes;
	TRY(let_classes(t, e));
	if (t->facts.classes)
		return arch_let(t->arch, "classes", (double)t->facts.classes, e);
	/* what is learned has none; another head of the text speaks of labels */
	have = head_classes(&t->head, "label");
	if (have && !arch_lets(t->arch, "classes"))
		return arch_let(t->arch, "classes", (double)have->n, e);
	return CVT_OK;
}

int trainer_check_label_known(const struct trainer *t, struct cvt_err *e)
{
	const struct head_field *f = head_field(&t->head, trainer_label_field(t));
	const char *loss = t->facts.nheads ? t->facts.head[0].loss : "cross-entropy";
	const bool asks = !t->method->own_classes && !t->method->unlabelled;
	if (t->facts.classes || !asks || !f || strcmp(loss, "cross-entropy") != 0)
		return CVT_OK;
	return cvt_fail(e, CVT_USAGE,
		"the input does not say how many classes '%s' has; --num-classes N",
		trainer_label_field(t));
}

/* ---- the labels of the rows --------------------------------------------------------- */

/* A label beyond the classes would make the loss meaningless. In masks of bytes 255 is unknown. */
static int check_field(const struct trainer *t, const char *field, const struct tensor *label,
	size_t K, struct cvt_err *e)
{
	const int32_t *y = label->data;
	const unsigned char *b = label->data;
	const size_t n = label->dtype == DT_I4 || label->dtype == DT_U1 ? tensor_items(label) : 0;
	const bool first = strcmp(field, trainer_label_field(t)) == 0;
	for (size_t i = 0; i < n && K; i++) {
		const int32_t k = label->dtype == DT_I4 ? y[i] : b[i] == 255 ? -1 : b[i];
		if (k >= 0 && (size_t)k >= K)
			return cvt_fail(e, CVT_INPUT,
				"%s: a row has %s %d, but %s tells apart %zu classes%s",
				source_name(t->in), field, k, first ? "the network" : "its head", K,
				first ? "; --num-classes says how many there are" : "");
	}
	return CVT_OK;
}

/* Shares of the classes: their columns change places, of which the network was built for as many. */
static int relabel_soft(
	const struct head_classes *have, const int32_t *to, struct tensor *label, struct cvt_err *e)
{
	const size_t K = label->dims[1];
	struct tensor made = {0};
	bool fits = K == have->n;
	for (size_t k = 0; k < K && fits; k++)
		fits = to[k] >= 0 && (size_t)to[k] < K;
	if (!fits)
		return cvt_fail(e, CVT_INPUT,
			"soft labels of %zu numbers for %zu classes do not have the model's; "
			"--reset-head learns the stream's",
			K, have->n);
	TRY(relabel_shares(to, K, K, label, &made, e));
	memcpy(label->data, made.data, made.bytes);
	tensor_free(&made);
	return CVT_OK;
}

static int relabel(const struct trainer *t, const int32_t *to, const char *field,
	struct tensor *label, struct cvt_err *e)
{
	const struct head_classes *have = head_classes(&t->head, field);
	if (to && label->dtype == DT_F4 && label->ndim == 2)
		return relabel_soft(have, to, label, e);
	int32_t *y = label->data;
	unsigned char *b = label->data;
	for (size_t i = 0; i < tensor_items(label) && to; i++)
		if (label->dtype == DT_I4 && y[i] >= 0 && (size_t)y[i] < have->n)
			y[i] = to[y[i]];
		else if (label->dtype == DT_U1 && b[i] < have->n && to[b[i]] < 255)
			b[i] = (unsigned char)to[b[i]];
	return CVT_OK;
}

int trainer_check_labels(const struct trainer *t, const struct batch *rows, struct cvt_err *e)
{
	struct tensor *label = batch_get(rows, trainer_label_field(t));
	if (label) {
		TRY(relabel(t, t->relabel[0], trainer_label_field(t), label, e));
		TRY(check_field(t, trainer_label_field(t), label, t->facts.classes, e));
	}
	for (size_t i = 1; i < t->facts.nheads; i++) {
		const char *field = t->facts.head[i].field;
		const struct head_classes *c = head_classes(&t->head, field);
		struct tensor *other = batch_get(rows, field);
		if (!other)
			continue;
		TRY(check_field(t, field, other, c ? c->n : t->learner->head_classes[i], e));
		TRY(relabel(t, t->relabel[i], field, other, e));
	}
	return CVT_OK;
}
