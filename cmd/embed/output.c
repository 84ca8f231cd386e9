/* embed_output: which fields cv-embed writes (see embed_output.h). */
#include "output.h"

#include "../../libcore/metric/metric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VIEW_NAME = FIELD_NAME + 24 }; /* batch_add and head_add_field refuse what is too long */

/* ---- what is asked for ------------------------------------------------------------- */

/* `prediction`, and `prediction.FIELD` for further ones. */
static bool is_prediction(const char *field)
{
	return strncmp(field, "prediction", 10) == 0 && (field[10] == '\0' || field[10] == '.');
}

/* A class for each place: (K) becomes one number, (H,W,K) a mask; (H,W,1) stays what it is, as a map
 * without channels. */
static void decide(struct embed_outputs *o, size_t i)
{
	struct shape *s = &o->row[i];
	o->sum[i] = *s;
	o->decides[i] = is_prediction(o->field[i]);
	o->dtype[i] = DT_F4;
	o->last[i] = s->ndim ? s->dims[s->ndim - 1] : 1;
	if (!o->decides[i] || s->ndim == 0)
		return;
	o->softmax[i] = false;
	s->ndim--;
	if (o->last[i] > 1)
		o->dtype[i] = s->ndim && o->last[i] < 256 ? DT_U1 : DT_I4;
}

/* The field that a stage learned, if it is called after it. */
static void find_truth(struct embed_outputs *o, size_t i, const char *stage)
{
	const bool added = strncmp(stage, "head.", 5) == 0;
	(void)snprintf(o->truth[i], FIELD_NAME, "%s", added ? stage + 5 : stage);
	o->head = o->head || is_prediction(o->field[i]) || strcmp(o->truth[i], "label") == 0;
}

/* A feature map as the means over pool x pool equal cells; vectors stay. */
static int add_pool(
	const struct embed_outputs *o, const struct network *n, size_t *node, struct cvt_err *e)
{
	const struct shape *s = &n->graph->node[*node].row;
	const size_t H = s->dims[0], W = s->dims[1];
	if (o->pool == 0 || s->ndim != 3 || (H == 1 && W == 1))
		return CVT_OK;
	if (H != W || H % o->pool)
		return cvt_fail(e, CVT_USAGE,
			"--pool %zu: a map of %zux%zu has no %zu equal cells a side", o->pool, H, W,
			o->pool);
	const size_t cell = H / o->pool;
	return graph_op(
		n->graph, "avgpool", "pool", node, 1, node, e, "K", (double)cell, GRAPH_END);
}

static int add_output(
	struct embed_outputs *o, char *text, const struct network *n, struct cvt_err *e)
{
	char *field = strchr(text, '=');
	const size_t i = o->n;
	if (field)
		*field++ = '\0';
	const char *stage = text;
	size_t named;
	const bool probs =
		strcmp(text, "probs") == 0 && net_stage(&n->net, text, &named, NULL) != CVT_OK;
	const bool logits =
		strcmp(text, "logits") == 0 && net_stage(&n->net, text, &named, NULL) != CVT_OK;
	if (probs || logits)
		stage = "output";
	TRY(net_stage(&n->net, stage, &o->node[i], e));
	if (n->headless && o->node[i] > n->net.embedding)
		return cvt_fail(e, CVT_INPUT,
			"--output %s: the model has no head, it was trained without labels; take "
			"embedding or a stage before it",
			text);
	TRY(add_pool(o, n, &o->node[i], e));
	o->softmax[i] = probs;
	o->head = o->head || probs || o->node[i] == n->net.output;
	const int written = snprintf(o->field[i], FIELD_NAME, "%s", field ? field : text);
	if (written >= FIELD_NAME - 4 || !field_name_ok(o->field[i]))
		return cvt_fail(e, CVT_USAGE,
			"--output: '%s' is no field name; write STAGE=FIELD with at most 43 of a-z "
			"0-9 _ and .",
			field ? field : text);
	for (size_t k = 0; k < i; k++)
		if (strcmp(o->field[k], o->field[i]) == 0)
			return cvt_fail(
				e, CVT_USAGE, "--output: field '%s' comes twice", o->field[i]);
	o->row[i] = n->graph->node[o->node[i]].row;
	find_truth(o, i, stage);
	o->n++;
	return CVT_OK;
}

/* A map of one pixel is a vector: embeddings are (N,D). */
static void squeeze(struct shape *s)
{
	if (s->ndim == 3 && s->dims[0] == 1 && s->dims[1] == 1) {
		s->dims[0] = s->dims[2];
		s->ndim = 1;
	}
}

/* One network runs all views, so each must be what the first one is. */
static int count_views(
	struct embed_outputs *o, const struct network *n, const struct head *h, struct cvt_err *e)
{
	char view[VIEW_NAME];
	o->views = 1;
	if (head_field(h, o->input))
		return CVT_OK;
	o->numbered = true;
	for (;; o->views++) {
		(void)snprintf(view, sizeof view, "%s.%zu", o->input, o->views + 1);
		const struct head_field *f = head_field(h, view);
		if (!f)
			return CVT_OK;
		TRY(network_check_picture(view, &n->info.input, f, e));
		if (f->dtype != n->dtype)
			return cvt_fail(e, CVT_INPUT, "field '%s' is %s, the views before it %s",
				view, dtype_name(f->dtype), dtype_name(n->dtype));
	}
}

/* Fields whose form STREAM.md fixes, and how many dimensions a row of them has when it is f4; what is
 * never f4 has none. */
static const struct form {
	const char *name;
	int least, most;
} forms[] = {
	{"index", 1, 0},
	{"name", 1, 0},
	{"part", 1, 0},
	{"domain", 1, 0},
	{"role", 1, 0},
	{"copy", 1, 0},
	{"group", 1, 0},
	{"mask", 1, 0},
	{"edge", 1, 0},
	{"caption", 1, 0},
	{"rotation", 1, 0},
	{"context", 1, 0},
	{"jigsaw", 1, 0},
	{"order", 1, 0},
	{"ab", 1, 0},
	{"weight", 0, 0},
	{"label", 1, 1},
	{"box", 1, 1},
	{"boxes", 2, 2},
	{"proposals", 2, 2},
	{"detections", 2, 2},
	{"keypoints", 2, 2},
	{"depth", 2, 3},
	{"image", 3, 3},
	{"original", 3, 3},
};

static bool ends_in(const char *name, const char *tail)
{
	const size_t n = strlen(name), k = strlen(tail);
	return n > k && strcmp(name + n - k, tail) == 0;
}

/* A field that other programs would take for something else. */
static int check_form(const struct embed_outputs *o, size_t i, struct cvt_err *e)
{
	const char *name = o->field[i];
	const int ndim = o->row[i].ndim;
	bool wrong = ends_in(name, ".at") || ends_in(name, ".hwc");
	for (size_t k = 0; k < sizeof forms / sizeof *forms; k++)
		if (field_is_view(name, forms[k].name))
			wrong = ndim < forms[k].least || ndim > forms[k].most;
	return wrong ? cvt_fail(e, CVT_USAGE,
		       "--output: '%s' is a field of another form (cv-stream(5)); write "
		       "STAGE=FIELD with another name",
		       name)
		     : CVT_OK;
}

int embed_outputs_open(struct embed_outputs *o, const char *text, size_t pool,
	const struct network *n, const struct head *h, struct cvt_err *e)
{
	char *copy, *word[EMBED_OUTPUTS];
	size_t words;
	*o = (struct embed_outputs){.pool = pool};
	(void)snprintf(o->input, sizeof o->input, "%s", n->info.field);
	TRY(cli_words(
		text ? text : "embedding", "--output", &copy, word, EMBED_OUTPUTS, &words, e));
	int code = CVT_OK;
	for (size_t i = 0; i < words && code == CVT_OK; i++)
		code = add_output(o, word[i], n, e);
	free(copy);
	for (size_t i = 0; i < o->n && code == CVT_OK; i++) {
		squeeze(&o->row[i]);
		decide(o, i);
		code = check_form(o, i, e);
	}
	return code == CVT_OK ? count_views(o, n, h, e) : code;
}

void embed_outputs_close(struct embed_outputs *o)
{
	for (size_t i = 0; i < o->nkeep; i++)
		free(o->keep[i]);
	free(o->keep);
	*o = (struct embed_outputs){0};
}

bool embed_has_classes(const struct embed_outputs *o)
{
	return o->head;
}

/* ---- the schema -------------------------------------------------------------------- */

static void field_name(const struct embed_outputs *o, size_t i, size_t view, char name[VIEW_NAME])
{
	if (o->numbered)
		(void)snprintf(name, VIEW_NAME, "%.43s.%zu", o->field[i], view + 1);
	else
		(void)snprintf(name, VIEW_NAME, "%s", o->field[i]);
}

static bool listed(char *const *word, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(word[i], name) == 0)
			return true;
	return false;
}

/* `index` travels always. A ragged field takes its table along. */
static bool is_kept(const char *name, char *const *word, size_t n, bool all)
{
	char base[FIELD_NAME];
	(void)snprintf(base, sizeof base, "%.*s", (int)strcspn(name, "."), name);
	if (strcmp(name, "index") == 0)
		return true;
	return all ? !field_is_view(name, "image") : listed(word, n, name) || listed(word, n, base);
}

bool embed_keeps(const struct embed_outputs *o, const char *name)
{
	return listed(o->keep, o->nkeep, name);
}

static int keep_fields(struct embed_outputs *o, struct head *h, char *const *word, size_t n,
	bool all, struct cvt_err *e)
{
	o->keep = mem_alloc(h->nfields, sizeof *o->keep, e);
	if (!o->keep)
		return CVT_SYSTEM;
	for (size_t i = 0; i < h->nfields; i++) {
		const char *name = h->field[i].name;
		bool replaced = false;
		for (size_t k = 0; k < o->n; k++)
			replaced = replaced || strcmp(o->field[k], name) == 0;
		if (replaced || !is_kept(name, word, n, all))
			continue;
		o->keep[o->nkeep] = mem_strdup(name, e);
		if (!o->keep[o->nkeep])
			return CVT_SYSTEM;
		o->nkeep++;
	}
	for (size_t i = h->nfields; i-- > 0;)
		if (!listed(o->keep, o->nkeep, h->field[i].name))
			head_remove_field(h, h->field[i].name);
	return CVT_OK;
}

int embed_fields(struct embed_outputs *o, struct head *h, const char *keep, struct cvt_err *e)
{
	enum { MOST = 64 };
	char *copy = NULL, *word[MOST], name[VIEW_NAME];
	size_t n = 0;
	if (keep)
		TRY(cli_words(keep, "--keep", &copy, word, MOST, &n, e));
	for (size_t i = 0; i < n; i++)
		if (!head_field(h, word[i])) {
			const int code = cvt_fail(
				e, CVT_INPUT, "--keep: the stream has no field '%s'", word[i]);
			free(copy);
			return code;
		}
	const int code = keep_fields(o, h, word, n, !keep, e);
	free(copy);
	TRY(code);
	for (size_t i = 0; i < o->n; i++)
		for (size_t v = 0; v < o->views; v++) {
			field_name(o, i, v, name);
			TRY(head_add_field(
				h, name, o->dtype[i], 0, o->row[i].ndim, o->row[i].dims, e));
		}
	return CVT_OK;
}

int embed_name_predictions(
	const struct embed_outputs *o, const struct head *model, struct head *h, struct cvt_err *e)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct head_classes *c = head_classes(model, o->truth[i]);
		if (!c && model->nclasses && model->classes[0].n == o->last[i])
			c = &model->classes[0];
		for (size_t k = 0; c && o->dtype[i] != DT_F4 && k < c->n; k++)
			TRY(head_set_class(h, o->field[i], k, c->name[k] ? c->name[k] : "", e));
	}
	return CVT_OK;
}

/* ---- the rows ---------------------------------------------------------------------- */

int embed_keep(const struct embed_outputs *o, struct batch *result, const struct batch *rows,
	struct cvt_err *e)
{
	result->n = 0;
	result->rows = rows->rows;
	result->epoch = rows->epoch;
	for (size_t i = 0; i < o->nkeep; i++) {
		const struct field *from = batch_field(rows, o->keep[i]);
		struct field *to = batch_add(result, o->keep[i], e);
		if (!to)
			return CVT_SYSTEM;
		to->flags = from->flags;
		TRY(tensor_copy(&to->t, &from->t, e));
	}
	return CVT_OK;
}

const struct tensor *embed_view(const struct embed_outputs *o, const struct batch *rows, size_t v)
{
	char name[FIELD_NAME + 24];
	if (!o->numbered)
		return batch_get(rows, o->input);
	(void)snprintf(name, sizeof name, "%s.%zu", o->input, v + 1);
	return batch_get(rows, name);
}

/* p = exp(x - max) / sum, over the last dimension. */
static void softmax(float *x, size_t vectors, size_t k)
{
	for (size_t i = 0; i < vectors; i++, x += k) {
		float most = x[0];
		double sum = 0;
		for (size_t c = 1; c < k; c++)
			most = x[c] > most ? x[c] : most;
		for (size_t c = 0; c < k; c++) {
			x[c] = expf(x[c] - most);
			sum += (double)x[c];
		}
		for (size_t c = 0; c < k; c++)
			x[c] = (float)((double)x[c] / sum);
	}
}

int embed_begin(
	const struct embed_outputs *o, struct batch *result, size_t n, size_t v, struct cvt_err *e)
{
	for (size_t i = 0; i < o->n; i++) {
		char name[VIEW_NAME];
		size_t dims[TENSOR_DIMS] = {n};
		const struct shape *row = &o->sum[i];
		field_name(o, i, v, name);
		struct field *f = batch_add(result, name, e);
		if (!f)
			return CVT_SYSTEM;
		memcpy(dims + 1, row->dims, (size_t)row->ndim * sizeof *dims);
		TRY(tensor_shape(&f->t, DT_F4, row->ndim + 1, dims, e));
		memset(f->t.data, 0, f->t.bytes);
	}
	return CVT_OK;
}

static struct tensor *output_of(
	const struct embed_outputs *o, struct batch *result, size_t i, size_t v)
{
	char name[VIEW_NAME];
	field_name(o, i, v, name);
	return batch_get(result, name);
}

void embed_collect(const struct embed_outputs *o, struct batch *result, const struct plan *p,
	size_t v, float weight)
{
	for (size_t i = 0; i < o->n; i++) {
		struct tensor *t = output_of(o, result, i, v);
		const float *value = plan_value(p, o->node[i]);
		float *sum = t->data;
		if (weight == 1.0f) /* keeps the sign of -0 */
			memcpy(sum, value, t->bytes);
		else
			for (size_t k = 0; k < tensor_items(t); k++)
				sum[k] += weight * value[k];
	}
}

/* The class of every place, in the same memory: it is read before it is written. */
static int settle(const struct embed_outputs *o, size_t i, struct tensor *t, struct cvt_err *e)
{
	const struct shape *row = &o->row[i];
	size_t dims[TENSOR_DIMS] = {t->dims[0]};
	const size_t k = o->last[i], size = dtype_size(o->dtype[i]), places = tensor_items(t) / k;
	const float *x = t->data;
	for (size_t p = 0; p < places && k > 1; p++) {
		const int32_t number = metric_argmax(x + p * k, k); /* -1, 255 where it is none */
		memcpy((char *)t->data + p * size, &number, size);  /* little-endian */
	}
	memcpy(dims + 1, row->dims, (size_t)row->ndim * sizeof *dims);
	return tensor_shape(t, o->dtype[i], row->ndim + 1, dims, e);
}

int embed_end(const struct embed_outputs *o, struct batch *result, size_t v, struct cvt_err *e)
{
	for (size_t i = 0; i < o->n; i++) {
		struct tensor *t = output_of(o, result, i, v);
		if (o->softmax[i])
			softmax(t->data, tensor_items(t) / o->last[i], o->last[i]);
		if (o->decides[i])
			TRY(settle(o, i, t, e));
	}
	return CVT_OK;
}

int embed_list(struct cvt_err *e)
{
	(void)e;
	for (const struct arch_zoo *z = arch_zoo; z->name; z++) {
		const char *help = z->text + strspn(z->text, "# ");
		printf("%s\t%.*s\n", z->name, (int)strcspn(help, "\n"), help);
	}
	return CVT_OK;
}
