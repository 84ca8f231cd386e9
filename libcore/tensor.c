/* tensor: an array of numbers with a shape (see tensor.h; batches are batch.c). */
#include "tensor.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	size_t size;
} dtypes[DT_COUNT] = {
	[DT_U1] = {"|u1", 1},
	[DT_I4] = {"<i4", 4},
	[DT_I8] = {"<i8", 8},
	[DT_F4] = {"<f4", 4},
};

size_t dtype_size(enum dtype t)
{
	return dtypes[t].size;
}

const char *dtype_name(enum dtype t)
{
	return dtypes[t].name;
}

bool dtype_parse(const char *text, enum dtype *t)
{
	for (int i = 0; i < DT_COUNT; i++)
		if (strcmp(text, dtypes[i].name) == 0) {
			*t = (enum dtype)i;
			return true;
		}
	return false;
}

int tensor_count(int ndim, const size_t *dims, size_t *items, struct cvt_err *e)
{
	size_t n = 1;
	if (ndim < 0 || ndim > TENSOR_DIMS)
		return cvt_fail(
			e, CVT_INPUT, "%d dimensions; at most %d are allowed", ndim, TENSOR_DIMS);
	for (int i = 0; i < ndim; i++)
		if (!mem_mul(n, dims[i], &n))
			return cvt_fail(
				e, CVT_INPUT, "a tensor of that shape does not fit in memory");
	*items = n;
	return CVT_OK;
}

int tensor_shape(
	struct tensor *t, enum dtype dtype, int ndim, const size_t *dims, struct cvt_err *e)
{
	size_t items, bytes;
	TRY(tensor_count(ndim, dims, &items, e));
	if (!mem_mul(items, dtype_size(dtype), &bytes))
		return cvt_fail(e, CVT_INPUT, "a tensor of that shape does not fit in memory");
	if (bytes > t->capacity || !t->data) {
		void *p = mem_alloc(bytes, 1, e);
		if (!p)
			return CVT_SYSTEM;
		if (t->capacity)
			free(t->data);
		t->data = p;
		t->capacity = bytes ? bytes : 1;
	}
	t->dtype = dtype;
	t->ndim = ndim;
	memmove(t->dims, dims, (size_t)ndim * sizeof *dims);
	for (int i = ndim; i < TENSOR_DIMS; i++)
		t->dims[i] = 0;
	t->bytes = bytes;
	return CVT_OK;
}

int tensor_rows(struct tensor *t, size_t rows, struct cvt_err *e)
{
	size_t bytes, want;
	if (t->ndim < 1 || !mem_mul(rows, tensor_row_bytes(t), &bytes))
		return cvt_fail(e, CVT_INPUT, "a tensor of that shape does not fit in memory");
	if (bytes > t->capacity) {
		want = bytes < 2 * t->capacity ? 2 * t->capacity : bytes;
		void *p = mem_alloc(want, 1, e);
		if (!p)
			return CVT_SYSTEM;
		if (t->data && t->bytes)
			memcpy(p, t->data, t->bytes);
		if (t->capacity)
			free(t->data);
		t->data = p;
		t->capacity = want;
	}
	t->dims[0] = rows;
	t->bytes = bytes;
	return CVT_OK;
}

void tensor_free(struct tensor *t)
{
	if (t->capacity)
		free(t->data);
	*t = (struct tensor){0};
}

size_t tensor_items(const struct tensor *t)
{
	return t->bytes / dtype_size(t->dtype);
}

size_t tensor_row_items(const struct tensor *t)
{
	size_t n = 1;
	for (int i = 1; i < t->ndim; i++)
		n *= t->dims[i];
	return n;
}

size_t tensor_row_bytes(const struct tensor *t)
{
	return tensor_row_items(t) * dtype_size(t->dtype);
}

int tensor_copy(struct tensor *to, const struct tensor *from, struct cvt_err *e)
{
	TRY(tensor_shape(to, from->dtype, from->ndim, from->dims, e));
	if (from->bytes)
		memcpy(to->data, from->data, from->bytes);
	return CVT_OK;
}

bool tensor_same_row_shape(const struct tensor *a, const struct tensor *b)
{
	if (a->dtype != b->dtype || a->ndim != b->ndim)
		return false;
	for (int i = 1; i < a->ndim; i++)
		if (a->dims[i] != b->dims[i])
			return false;
	return true;
}
