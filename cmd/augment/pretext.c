/* augment_pretext: labels that operations make, and rows that become several (see
 * augment_pretext.h). */
#include "pretext.h"

#include <stdlib.h>

/* ---- HEAD -------------------------------------------------------------------------- */

static int multiply(size_t *count, size_t by, struct cvt_err *e)
{
	const size_t dims[2] = {*count, by};
	return *count == HEAD_UNKNOWN ? CVT_OK : tensor_count(2, dims, count, e);
}

static int repeated_head(const struct aug_chain *c, struct head *h, struct cvt_err *e)
{
	if (!head_field(h, "group"))
		TRY(head_add_field(h, "group", DT_I8, 0, 0, NULL, e));
	if (!head_field(h, "copy"))
		TRY(head_add_field(h, "copy", DT_I4, 0, 0, NULL, e));
	TRY(multiply(&h->rows, c->copies, e));
	return multiply(&h->val, c->copies, e);
}

int augment_pretext_head(const struct aug_chain *c, struct head *h, struct cvt_err *e)
{
	const struct aug_pretext *p = c->pretext;
	if (!p)
		return CVT_OK;
	if (head_field(h, p->field))
		return cvt_fail(e, CVT_INPUT,
			"the stream has a field '%s' already; cv-read --drop %s leaves it out",
			p->field, p->field);
	TRY(head_add_field(h, p->field, DT_I4, 0, 0, NULL, e));
	TRY(head_add_target(h, p->field, p->loss, e));
	for (size_t k = 0; k < p->classes; k++)
		TRY(head_set_class(h, p->field, k, p->class_name[k], e));
	return c->copies > 1 ? repeated_head(c, h, e) : CVT_OK;
}

/* ---- rows -------------------------------------------------------------------------- */

int augment_pretext_repeat(
	const struct aug_chain *c, const struct batch *kept, struct batch *to, struct cvt_err *e)
{
	size_t rows;
	TRY(tensor_count(2, (const size_t[]){kept->rows, c->copies}, &rows, e));
	size_t *pick = mem_alloc(rows, sizeof *pick, e);
	if (!pick)
		return CVT_SYSTEM;
	for (size_t r = 0; r < rows; r++)
		pick[r] = r / c->copies;
	const int code = batch_gather(to, kept, pick, rows, e);
	free(pick);
	return code;
}

static int add_numbers(struct batch *to, const char *name, enum dtype dtype, struct cvt_err *e)
{
	struct field *f = batch_add(to, name, e);
	if (!f)
		return CVT_SYSTEM;
	f->flags = 0;
	return tensor_shape(&f->t, dtype, 1, &to->rows, e);
}

/* Neighbours of one index (repeated rows) are groups of their own: the copy counts, too. `passed` rows
 * came before, for streams without index. */
static void fill_groups(
	const struct aug_chain *c, const struct batch *to, const int32_t *copy, uint64_t passed)
{
	const struct tensor *index = batch_get(to, "index");
	int64_t *group = batch_get(to, "group")->data;
	for (size_t r = 0; r < to->rows; r++)
		group[r] = (index ? ((const int64_t *)index->data)[r]
				  : (int64_t)(passed + r / c->copies))
			   + ((int64_t)copy[r] << 40);
}

/* The rows of one are consecutive copies of it, so that every further draw is another one. */
static int repeated_fields(
	const struct aug_chain *c, struct batch *to, uint64_t passed, struct cvt_err *e)
{
	const bool grouped = batch_get(to, "group") != NULL, copied = batch_get(to, "copy") != NULL;
	if (!grouped)
		TRY(add_numbers(to, "group", DT_I8, e));
	if (!copied)
		TRY(add_numbers(to, "copy", DT_I4, e));
	int32_t *copy = batch_get(to, "copy")->data;
	for (size_t r = 0; r < to->rows && !copied; r++)
		copy[r] = 0;
	if (!grouped)
		fill_groups(c, to, copy, passed);
	for (size_t r = 0; r < to->rows; r++)
		copy[r] = (int32_t)((uint32_t)copy[r] * c->copies + r % c->copies);
	return CVT_OK;
}

int augment_pretext_fields(
	const struct aug_chain *c, struct batch *to, uint64_t passed, struct cvt_err *e)
{
	if (!c->pretext)
		return CVT_OK;
	TRY(add_numbers(to, c->pretext->field, DT_I4, e));
	return c->copies > 1 ? repeated_fields(c, to, passed, e) : CVT_OK;
}

void augment_pretext_label(
	const struct aug_chain *c, struct batch *to, size_t row, const struct aug_row *made)
{
	if (c->pretext)
		((int32_t *)batch_get(to, c->pretext->field)->data)[row] = made->label;
}
