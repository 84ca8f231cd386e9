/* model: between a network in a graph and a model file's state dict (see model.h). */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- metadata ---------------------------------------------------------------------- */

static int copy_meta(char **to, const struct state_dict *d, const char *key, struct cvt_err *e)
{
	const char *text = state_meta(d, key);
	if (!text)
		return CVT_OK;
	*to = mem_strdup(text, e);
	return *to ? CVT_OK : CVT_SYSTEM;
}

/* "FIELD 32 32 3" */
static int read_field(struct model_info *m, const char *line, size_t n, struct cvt_err *e)
{
	const size_t word = strcspn(line, " \n");
	const char *s = line + word, *end = line + n;
	m->field = mem_alloc(word + 1, 1, e);
	if (!m->field)
		return CVT_SYSTEM;
	memcpy(m->field, line, word);
	while (s < end && m->input.ndim < TENSOR_DIMS - 1) {
		char *after;
		const unsigned long v = strtoul(s, &after, 10);
		if (after == s || after > end || v == 0 || v > 1u << 24)
			break;
		m->input.dims[m->input.ndim++] = v;
		s = after;
	}
	const bool bare = m->input.ndim == 0 && field_is_view(m->field, "image");
	if (word == 0 || bare || s < end)
		return cvt_fail(
			e, CVT_INPUT, "cv.input: '%.*s' is no field and shape", (int)n, line);
	return CVT_OK;
}

/* "a,b,c" */
static int read_numbers(double *to, size_t *count, const char *s, size_t n, struct cvt_err *e)
{
	const char *end = s + n;
	for (*count = 0; s < end && *count < 4; s++) {
		char *after;
		to[(*count)++] = strtod(s, &after);
		if (after == s || after > end || (after < end && *after != ','))
			return cvt_fail(
				e, CVT_INPUT, "cv.input: '%.*s' are no numbers", (int)n, end - n);
		s = after;
	}
	return CVT_OK;
}

static int read_input(struct model_info *m, const char *text, struct cvt_err *e)
{
	size_t stds = 0;
	for (bool first = true; *text; first = false) {
		const size_t n = strcspn(text, "\n");
		if (first)
			TRY(read_field(m, text, n, e));
		else if (strncmp(text, "mean ", 5) == 0)
			TRY(read_numbers(m->mean, &m->channels, text + 5, n - 5, e));
		else if (strncmp(text, "std ", 4) == 0)
			TRY(read_numbers(m->std, &stds, text + 4, n - 4, e));
		text += n + (text[n] == '\n');
	}
	if (stds != m->channels)
		return cvt_fail(e, CVT_INPUT, "cv.input: mean and std have different lengths");
	return CVT_OK;
}

/* The lines of the first list: those of another field begin with another word. */
static void count_classes(struct model_info *m)
{
	const char *s = m->classes ? m->classes : "";
	const size_t word = strcspn(s, " ") + 1;
	while (strncmp(s, "class", 5) == 0 && strncmp(s, m->classes, word) == 0) {
		m->nclasses++;
		s += strcspn(s, "\n");
		s += *s == '\n';
	}
}

int model_info_read(struct model_info *m, const struct state_dict *d, struct cvt_err *e)
{
	*m = (struct model_info){0};
	TRY(copy_meta(&m->arch, d, "cv.arch", e));
	TRY(copy_meta(&m->classes, d, "cv.classes", e));
	TRY(copy_meta(&m->method, d, "cv.method", e));
	TRY(copy_meta(&m->options, d, "cv.options", e));
	TRY(copy_meta(&m->history, d, "cv.history", e));
	count_classes(m);
	const char *input = state_meta(d, "cv.input");
	return input ? read_input(m, input, e) : CVT_OK;
}

static int format_numbers(
	struct str *s, const char *key, const double *v, size_t n, struct cvt_err *e)
{
	TRY(str_printf(s, e, "\n%s ", key));
	for (size_t i = 0; i < n; i++)
		TRY(str_printf(s, e, "%s%.9g", i ? "," : "", v[i]));
	return CVT_OK;
}

static int format_input(const struct model_info *m, struct str *s, struct cvt_err *e)
{
	TRY(str_puts(s, m->field, e));
	for (int i = 0; i < m->input.ndim; i++)
		TRY(str_printf(s, e, " %zu", m->input.dims[i]));
	if (m->channels == 0)
		return CVT_OK;
	TRY(format_numbers(s, "mean", m->mean, m->channels, e));
	return format_numbers(s, "std", m->std, m->channels, e);
}

static int set_if(struct state_dict *d, const char *key, const char *value, struct cvt_err *e)
{
	return value ? state_set_meta(d, key, value, e) : CVT_OK;
}

int model_info_write(const struct model_info *m, struct state_dict *d, struct cvt_err *e)
{
	struct str input = {0};
	TRY(set_if(d, "cv.arch", m->arch, e));
	int code = m->field ? format_input(m, &input, e) : CVT_OK;
	if (code == CVT_OK)
		code = set_if(d, "cv.input", input.p, e);
	free(input.p);
	TRY(code);
	TRY(set_if(d, "cv.classes", m->classes, e));
	TRY(set_if(d, "cv.method", m->method, e));
	TRY(set_if(d, "cv.options", m->options, e));
	return set_if(d, "cv.history", m->history, e);
}

void model_info_free(struct model_info *m)
{
	free(m->arch);
	free(m->field);
	free(m->classes);
	free(m->method);
	free(m->options);
	free(m->history);
	*m = (struct model_info){0};
}

/* ---- weights ----------------------------------------------------------------------- */

bool model_reserves(const char *name)
{
	static const char *const prefix[] = {"optimizer.", "ema.", "state.", "best."};
	for (size_t i = 0; i < sizeof prefix / sizeof *prefix; i++)
		if (strncmp(name, prefix[i], strlen(prefix[i])) == 0)
			return true;
	return strcmp(name, "__metadata__") == 0;
}

/* PyTorch counts batches in every batch norm; nobody reads it. Checkpoints keep their own under
 * reserved prefixes. */
static bool passed_over(const char *name)
{
	static const char counter[] = "num_batches_tracked";
	const size_t n = strlen(name), c = sizeof counter - 1;
	return model_reserves(name) || (n >= c && strcmp(name + n - c, counter) == 0);
}

static void dims_text(int ndim, const size_t *dims, char *text, size_t size)
{
	size_t at = 0;
	(void)snprintf(text, size, "()");
	for (int i = 0; i < ndim && at < size; i++) {
		const int n = snprintf(text + at, size - at, "%s%zu%s", i ? "," : "(", dims[i],
			i == ndim - 1 ? ")" : "");
		at += n > 0 ? (size_t)n : 0;
	}
}

/* Equal but for dimensions of 1: a linear layer is a 1x1 convolution, (D) is (1,D). */
static bool dims_fit(const struct param *p, const struct tensor *t)
{
	int i = 0, k = 0;
	for (;;) {
		while (i < p->ndim && p->dims[i] == 1)
			i++;
		while (k < t->ndim && t->dims[k] == 1)
			k++;
		if (i == p->ndim || k == t->ndim)
			return i == p->ndim && k == t->ndim;
		if (p->dims[i++] != t->dims[k++])
			return false;
	}
}

/* A convolution over the whole map has a linear layer's elements in the same order: "a linear layer
 * into a 1x1 convolution of equal element count" and first layers of equal meaning. */
static bool shapes_fit(const struct param *p, const struct tensor *t)
{
	if (t->dtype != DT_F4 || tensor_items(t) != p->items)
		return false;
	return dims_fit(p, t) || (p->ndim > 1 && t->ndim > 1 && p->dims[0] == t->dims[0]);
}

static int no_such_tensor(
	const struct state_dict *d, const struct model_load *o, const char *want, struct cvt_err *e)
{
	const char **words = mem_alloc(d->n, sizeof *words, e);
	if (!words)
		return CVT_SYSTEM;
	for (size_t i = 0; i < d->n; i++)
		words[i] = d->entry[i].name;
	const size_t near = mem_nearest(want, words, d->n);
	free(words);
	if (near < d->n)
		return cvt_fail(e, CVT_INPUT,
			"%s: tensor '%s' is missing (the file has '%s'); --partial loads what fits",
			o->source, want, d->entry[near].name);
	return cvt_fail(e, CVT_INPUT, "%s: tensor '%s' is missing; --partial loads what fits",
		o->source, want);
}

static int wrong_shape(const struct param *p, const struct tensor *t, const struct model_load *o,
	struct cvt_err *e)
{
	char have[120], want[120];
	dims_text(t->ndim, t->dims, have, sizeof have);
	dims_text(p->ndim, p->dims, want, sizeof want);
	return cvt_fail(e, CVT_INPUT,
		"%s: tensor '%s' is %s %s, the network wants %s; --partial leaves it out",
		o->source, p->name, dtype_name(t->dtype), have, want);
}

/* Fills parameter i from the file; marks the entry as taken. */
static int load_param(struct graph *g, size_t i, const struct state_dict *d,
	const struct model_load *o, bool *taken, size_t *loaded, struct cvt_err *e)
{
	const struct param *p = &g->param[i];
	const char *prefix = o->prefix ? o->prefix : "";
	const bool prefixed = strncmp(p->name, prefix, strlen(prefix)) == 0;
	const char *name = p->name + (prefixed ? strlen(prefix) : 0);
	const size_t at = state_find(d, name);
	if (at < d->n)
		taken[at] = true;
	if (o->skip_head && i >= o->head_param)
		return CVT_OK;
	if (at == d->n)
		return o->partial ? CVT_OK : no_such_tensor(d, o, name, e);
	if (!shapes_fit(p, &d->entry[at].t))
		return o->partial ? CVT_OK : wrong_shape(p, &d->entry[at].t, o, e);
	if (g->weight)
		param_import(g, i, param_data(g, i), d->entry[at].t.data);
	if (o->filled)
		o->filled[i] = true;
	++*loaded;
	return CVT_OK;
}

int model_load(struct graph *g, const struct state_dict *d, const struct model_load *o,
	size_t *loaded, struct cvt_err *e)
{
	size_t count = 0;
	bool *taken = mem_alloc(d->n, sizeof *taken, e);
	int code = taken ? CVT_OK : CVT_SYSTEM;
	for (size_t i = o->first_param; i < o->end_param && code == CVT_OK; i++)
		code = load_param(g, i, d, o, taken, &count, e);
	for (size_t i = o->end_param; i < o->extra_end && code == CVT_OK; i++)
		if (state_find(d, g->param[i].name) < d->n)
			code = load_param(g, i, d, o, taken, &count, e);
	for (size_t i = 0; i < d->n && code == CVT_OK && !o->partial; i++)
		if (!taken[i] && !passed_over(d->entry[i].name))
			code = cvt_fail(e, CVT_INPUT,
				"%s: the network has no parameter '%s'; --partial leaves it out",
				o->source, d->entry[i].name);
	if (code == CVT_OK && count == 0 && o->end_param > o->first_param)
		code = cvt_fail(
			e, CVT_INPUT, "%s: none of its tensors fits the network", o->source);
	free(taken);
	if (loaded)
		*loaded = count;
	return code;
}

int model_save(const struct graph *g, size_t first, size_t end, const char *prefix,
	const char *under, const float *weights, const float *buffers, struct state_dict *d,
	struct cvt_err *e)
{
	const size_t skip = prefix ? strlen(prefix) : 0;
	for (size_t i = first; i < end; i++) {
		const struct param *p = &g->param[i];
		const float *slab = p->kind == PARAM_BUFFER ? buffers : weights;
		struct str name = {0};
		struct tensor *t = NULL;
		int code = str_printf(&name, e, "%s%s", under ? under : "", p->name + skip);
		if (code == CVT_OK)
			code = state_add(d, name.p, DT_F4, p->ndim, p->dims, &t, e);
		free(name.p);
		TRY(code);
		param_export(g, i, slab ? slab + p->offset : param_data(g, i), t->data);
	}
	return CVT_OK;
}
