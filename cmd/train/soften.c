/*
 * trainer_soften: labels as shares of the classes, (N) i4 to (N,K) f4, where --mixup or --cutmix will
 * mix them: the rows of a batch with another label, everything else borrowed.
 */
#include "trainer.h"

#include "../../libcore/aug/mix.h"

#include <stdlib.h>
#include <string.h>

static struct method_field *label_of(const struct trainer *t)
{
	for (size_t i = 0; i < t->facts.nfields; i++)
		if (strcmp(t->field[i].name, "label") == 0)
			return &t->field[i];
	return NULL;
}

int trainer_soften_field(struct trainer *t, struct cvt_err *e)
{
	const struct train_options *o = &t->train_options;
	struct method_field *f = label_of(t);
	if (o->mixup == 0.0 && o->cutmix == 0.0)
		return CVT_OK;
	if (!f || t->facts.classes == 0)
		return cvt_fail(e, CVT_USAGE,
			"--mixup and --cutmix mix labels, and the input has no 'label' of classes");
	if (f->dtype == DT_F4)
		return CVT_OK;
	if (f->dtype != DT_I4 || f->row.ndim != 0)
		return cvt_fail(e, CVT_USAGE, "--mixup and --cutmix need one label a row");
	f->dtype = DT_F4;
	f->row = (struct shape){1, {t->facts.classes}};
	t->softens = true;
	return CVT_OK;
}

/* Height and width of a picture; 0 for what is none. */
static void sides(const struct learner *l, size_t input, size_t side[2])
{
	const struct shape *s = &l->graph->node[l->input[input].node].row;
	const bool picture = field_is_view(l->input[input].field, "image") && s->ndim >= 3;
	for (size_t k = 0; k < 2; k++)
		side[k] = picture ? s->dims[(size_t)s->ndim - 3 + k] : 0;
}

/* One window is drawn for all. */
static int check_sides(const struct learner *l, struct cvt_err *e)
{
	size_t first[2] = {0}, other[2];
	for (size_t i = 0; i < l->ninputs; i++) {
		sides(l, i, other);
		if (!first[0])
			memcpy(first, other, sizeof first);
		if (other[0] && memcmp(first, other, sizeof first) != 0)
			return cvt_fail(e, CVT_USAGE,
				"--cutmix: pictures of %zux%zu and of %zux%zu; it wants them equal",
				first[0], first[1], other[0], other[1]);
	}
	return CVT_OK;
}

int trainer_check_mixed(const struct trainer *t, struct cvt_err *e)
{
	const struct train_options *o = &t->train_options;
	const struct learner *l = t->learner;
	for (size_t i = 0; i < l->ninputs && (o->mixup > 0.0 || o->cutmix > 0.0); i++) {
		const char *field = l->input[i].field;
		if (!field_is_view(field, "image") && strcmp(field, "label") != 0
			&& strcmp(field, "weight") != 0 && strcmp(field, "index") != 0)
			return cvt_fail(e, CVT_USAGE,
				"--mixup and --cutmix mix pictures and labels, not '%s', which "
				"this training reads",
				field);
	}
	return o->cutmix > 0.0 ? check_sides(l, e) : CVT_OK;
}

int trainer_soften(struct trainer *t, struct batch **rows, struct cvt_err *e)
{
	struct batch *from = *rows, *to = &t->softened;
	const size_t K = t->facts.classes, dims[2] = {from->rows, K};
	const struct tensor *label = batch_get(from, "label");
	if (!t->softens || !label)
		return CVT_OK;
	TRY(tensor_shape(&t->shares, DT_F4, 2, dims, e));
	mix_one_hot(label->data, from->rows, K, t->shares.data);
	trainer_soften_close(t);
	to->rows = from->rows;
	to->epoch = from->epoch;
	for (size_t i = 0; i < from->n; i++) {
		struct field *f = batch_add(to, from->field[i].name, e);
		if (!f)
			return CVT_SYSTEM;
		f->flags = from->field[i].flags;
		f->t = &from->field[i].t == label ? t->shares : from->field[i].t;
		f->t.capacity = 0;
	}
	*rows = to;
	return CVT_OK;
}

void trainer_soften_close(struct trainer *t)
{
	for (size_t i = 0; i < t->softened.n; i++)
		t->softened.field[i].t = (struct tensor){0};
	batch_free(&t->softened);
	t->softened = (struct batch){0};
}
