/* selection_fields: what a selection writes beside the rows it chose (see selection.h). */
#include <stdio.h>
#include <string.h>

#include "selection.h"

enum { PART, DOMAIN, COPY, GROUP, ROLE, LABEL, CLASS, FIELDS };

static const struct {
	const char *name;
	enum dtype dtype;
} fields[FIELDS] = {
	[PART] = {"part", DT_I4},
	[DOMAIN] = {"domain", DT_I4},
	[COPY] = {"copy", DT_I4},
	[GROUP] = {"group", DT_I8},
	[ROLE] = {"role", DT_I4},
	[LABEL] = {"label", DT_I4}, /* 0.. within the episode */
	[CLASS] = {"class", DT_I4}, /* what the data call it */
};

static bool is_given(const struct selection *p, size_t field)
{
	switch (field) {
	case PART:
		return p->validates;
	case DOMAIN:
		return p->o.mixed > 0;
	case COPY:
		return p->o.mixed > 0 || p->o.size.ways > 0 || p->o.balance;
	default:
		return p->o.size.ways > 0;
	}
}

static int64_t value(const struct selection *p, size_t field, size_t place)
{
	const size_t size = episodes_rows(&p->o.size);
	switch (field) {
	case PART:
		return place >= p->n - p->vals;
	case DOMAIN:
		return (int64_t)join_set_of(p->join, p->row[place]);
	case COPY:
		return p->copy[place];
	case GROUP:
		return (int64_t)(p->epoch * p->o.episodes + place / size);
	case ROLE:
		return episodes_is_query(&p->o.size, place % size);
	case LABEL:
		return (int64_t)episodes_way(&p->o.size, place % size);
	default:
		return p->label[p->row[place]];
	}
}

/* The names of the classes go with the numbers that the data call them by. */
static int move_class_names(struct head *h, struct cvt_err *e)
{
	struct head_classes *c = head_classes(h, "label");
	if (head_field(h, "class"))
		return cvt_fail(e, CVT_INPUT,
			"--episodes: the rows have a field 'class' already, where episodes keep "
			"the class "
			"of a row; cv-read --drop class first");
	if (c)
		(void)snprintf(c->field, sizeof c->field, "class");
	return CVT_OK;
}

int selection_head(const struct selection *p, struct head *h, struct cvt_err *e)
{
	const size_t none[1] = {0};
	if (p->o.size.ways)
		TRY(move_class_names(h, e));
	for (size_t k = 0; k < FIELDS; k++)
		if (is_given(p, k))
			TRY(head_add_field(h, fields[k].name, fields[k].dtype, 0, 0, none, e));
	return CVT_OK;
}

/* -1, or all zero when soft, is an unknown label. */
static void hide(const struct selection *p, size_t at, size_t n, struct tensor *label)
{
	const size_t row = tensor_row_bytes(label);
	for (size_t i = 0; i < n; i++)
		if (p->hidden[p->row[at + i]])
			memset((char *)label->data + i * row, label->dtype == DT_F4 ? 0 : 0xff,
				row);
}

static int add_field(const struct selection *p, size_t k, size_t at, size_t n, struct batch *b,
	struct cvt_err *e)
{
	struct field *f = batch_add(b, fields[k].name, e);
	if (!f)
		return CVT_SYSTEM;
	f->flags = 0;
	TRY(tensor_shape(&f->t, fields[k].dtype, 1, &n, e));
	for (size_t i = 0; i < n; i++) {
		const int64_t v = value(p, k, at + i);
		if (fields[k].dtype == DT_I8)
			((int64_t *)f->t.data)[i] = v;
		else
			((int32_t *)f->t.data)[i] = (int32_t)v;
	}
	return CVT_OK;
}

int selection_fields(
	const struct selection *p, size_t at, size_t n, struct batch *b, struct cvt_err *e)
{
	struct tensor *label = batch_get(b, "label");
	if (p->hidden && label)
		hide(p, at, n, label);
	for (size_t k = 0; k < FIELDS; k++)
		if (is_given(p, k))
			TRY(add_field(p, k, at, n, b, e));
	return CVT_OK;
}
