/* state: a state dict, named tensors with metadata (declared in tensor.h). */
#include "tensor.h"

#include <stdlib.h>
#include <string.h>

void state_free(struct state_dict *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->entry[i].name);
		tensor_free(&d->entry[i].t);
	}
	for (size_t i = 0; i < d->nmeta; i++) {
		free(d->meta[i].key);
		free(d->meta[i].value);
	}
	free(d->entry);
	free(d->meta);
	*d = (struct state_dict){0};
}

int state_add(struct state_dict *d, const char *name, enum dtype dtype, int ndim,
	const size_t *dims, struct tensor **t, struct cvt_err *e)
{
	void *p = d->entry;
	TRY(mem_grow(&p, &d->capacity, d->n + 1, sizeof *d->entry, e));
	d->entry = p;
	struct state_entry *s = &d->entry[d->n];
	*s = (struct state_entry){0};
	TRY(tensor_shape(&s->t, dtype, ndim, dims, e));
	s->name = mem_strdup(name, e);
	if (!s->name) {
		tensor_free(&s->t);
		return CVT_SYSTEM;
	}
	d->n++;
	*t = &s->t;
	return CVT_OK;
}

struct tensor *state_get(const struct state_dict *d, const char *name)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->entry[i].name, name) == 0)
			return &d->entry[i].t;
	return NULL;
}

int state_set_meta(struct state_dict *d, const char *key, const char *value, struct cvt_err *e)
{
	char *copy = mem_strdup(value, e);
	if (!copy)
		return CVT_SYSTEM;
	for (size_t i = 0; i < d->nmeta; i++)
		if (strcmp(d->meta[i].key, key) == 0) {
			free(d->meta[i].value);
			d->meta[i].value = copy;
			return CVT_OK;
		}
	void *p = d->meta;
	int code = mem_grow(&p, &d->meta_capacity, d->nmeta + 1, sizeof *d->meta, e);
	char *name = code == CVT_OK ? mem_strdup(key, e) : NULL;
	if (code == CVT_OK)
		d->meta = p;
	if (!name) {
		free(copy);
		return CVT_SYSTEM;
	}
	d->meta[d->nmeta++] = (struct state_meta){name, copy};
	return CVT_OK;
}

const char *state_meta(const struct state_dict *d, const char *key)
{
	for (size_t i = 0; i < d->nmeta; i++)
		if (strcmp(d->meta[i].key, key) == 0)
			return d->meta[i].value;
	return NULL;
}
