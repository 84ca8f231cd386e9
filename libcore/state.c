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
	free(d->entries_sorted.by_name);
	free(d->meta_sorted.by_name);
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

static int by_name(const void *a, const void *b)
{
	const struct state_name *x = a, *y = b;
	const int order = strcmp(x->name, y->name);
	return order ? order : (x->at > y->at) - (x->at < y->at);
}

static int names_alloc(struct state_names *s, size_t n, struct cvt_err *e)
{
	free(s->by_name);
	s->n = 0;
	s->by_name = mem_alloc(n, sizeof *s->by_name, e);
	return s->by_name ? CVT_OK : CVT_SYSTEM;
}

int state_sort(struct state_dict *d, struct cvt_err *e)
{
	struct state_names *names = &d->entries_sorted, *keys = &d->meta_sorted;
	TRY(names_alloc(names, d->n, e));
	TRY(names_alloc(keys, d->nmeta, e));
	for (names->n = 0; names->n < d->n; names->n++)
		names->by_name[names->n] = (struct state_name){d->entry[names->n].name, names->n};
	for (keys->n = 0; keys->n < d->nmeta; keys->n++)
		keys->by_name[keys->n] = (struct state_name){d->meta[keys->n].key, keys->n};
	qsort(names->by_name, names->n, sizeof *names->by_name, by_name);
	qsort(keys->by_name, keys->n, sizeof *keys->by_name, by_name);
	return CVT_OK;
}

/* Where the first of that name is among the sorted; SIZE_MAX. */
static size_t names_find(const struct state_names *s, const char *name)
{
	size_t low = 0, high = s->n;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		if (strcmp(s->by_name[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->n && strcmp(s->by_name[low].name, name) == 0 ? s->by_name[low].at
								     : SIZE_MAX;
}

size_t state_find(const struct state_dict *d, const char *name)
{
	size_t i = names_find(&d->entries_sorted, name);
	if (i < d->n)
		return i;
	for (i = d->entries_sorted.n; i < d->n && strcmp(d->entry[i].name, name) != 0;)
		i++;
	return i;
}

struct tensor *state_get(const struct state_dict *d, const char *name)
{
	const size_t at = state_find(d, name);
	return at < d->n ? &d->entry[at].t : NULL;
}

int state_add_meta(struct state_dict *d, const char *key, const char *value, struct cvt_err *e)
{
	void *p = d->meta;
	TRY(mem_grow(&p, &d->meta_capacity, d->nmeta + 1, sizeof *d->meta, e));
	d->meta = p;
	const struct state_meta m = {mem_strdup(key, e), mem_strdup(value, e)};
	if (!m.key || !m.value) {
		free(m.key);
		free(m.value);
		return CVT_SYSTEM;
	}
	d->meta[d->nmeta++] = m;
	return CVT_OK;
}

static size_t find_meta(const struct state_dict *d, const char *key)
{
	size_t i = names_find(&d->meta_sorted, key);
	if (i < d->nmeta)
		return i;
	for (i = d->meta_sorted.n; i < d->nmeta && strcmp(d->meta[i].key, key) != 0;)
		i++;
	return i;
}

int state_set_meta(struct state_dict *d, const char *key, const char *value, struct cvt_err *e)
{
	const size_t i = find_meta(d, key);
	if (i == d->nmeta)
		return state_add_meta(d, key, value, e);
	char *copy = mem_strdup(value, e);
	if (!copy)
		return CVT_SYSTEM;
	free(d->meta[i].value);
	d->meta[i].value = copy;
	return CVT_OK;
}

const char *state_meta(const struct state_dict *d, const char *key)
{
	const size_t i = find_meta(d, key);
	return i < d->nmeta ? d->meta[i].value : NULL;
}
