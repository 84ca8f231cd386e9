/* network: a network made ready for the rows of a stream (see network.h). */
#include "network.h"

#include "../../formats/safetensors.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts of a model's metadata --------------------------------------------------- */

int network_classes_text(
	const struct head *h, const char *field, struct str *out, struct cvt_err *e)
{
	const struct head_classes *c = head_classes(h, field);
	const bool label = strcmp(field, "label") == 0;
	for (size_t k = 0; c && k < c->n; k++)
		TRY(str_printf(out, e, "class%s%s %zu %s\n", label ? "" : ".", label ? "" : field,
			k, c->name[k] ? c->name[k] : ""));
	return CVT_OK;
}

int network_history_text(const struct head *h, struct str *out, struct cvt_err *e)
{
	for (size_t i = 0; i < h->nprogs; i++)
		TRY(str_printf(out, e, "prog %u %s\n", h->prog[i].depth, h->prog[i].text));
	return CVT_OK;
}

/* The lines are those of a HEAD, so the HEAD's own reader reads them. */
static int read_lines(struct head *h, const char *key, const char *lines, struct cvt_err *e)
{
	struct str text = {0};
	head_init(h);
	int code = str_printf(&text, e, "format cvt 1\n%s", lines);
	if (code == CVT_OK)
		code = head_parse(h, text.p, text.n, e);
	free(text.p);
	return code == CVT_OK ? code : cvt_fail_at(e, "%s", key);
}

int network_classes_head(const char *text, struct head *h, struct cvt_err *e)
{
	struct head lines;
	int code = read_lines(&lines, "cv.classes", text, e);
	for (size_t i = 0; i < lines.nclasses; i++) {
		const struct head_classes *c = &lines.classes[i];
		for (size_t k = 0; k < c->n && code == CVT_OK; k++)
			code = head_set_class(h, c->field, k, c->name[k] ? c->name[k] : "", e);
	}
	head_free(&lines);
	return code;
}

int network_history_head(const char *text, unsigned deeper, struct head *h, struct cvt_err *e)
{
	struct head lines;
	int code = read_lines(&lines, "cv.history", text, e);
	if (code == CVT_OK)
		code = head_add_history(h, &lines, deeper, e);
	head_free(&lines);
	return code;
}

const char *network_weights_file(const char *text, char *stage, size_t size)
{
	const char *equals = strchr(text, '=');
	const size_t n = equals ? (size_t)(equals - text) : 0;
	stage[0] = '\0';
	if (!equals || n >= size || memchr(text, '/', n))
		return text;
	memcpy(stage, text, n);
	stage[n] = '\0';
	return equals + 1;
}

int network_blame_model(int code, const struct cli_many *weights, struct cvt_err *e)
{
	char stage[256];
	if (code != CVT_USAGE || !weights || weights->n == 0 || !e)
		return code;
	e->code = CVT_INPUT;
	return cvt_fail_at(e, "%s", network_weights_file(weights->item[0], stage, sizeof stage));
}

/* ---- pictures ---------------------------------------------------------------------- */

static void field_shape(const struct head_field *f, struct shape *s)
{
	s->ndim = f->ndim < TENSOR_DIMS ? f->ndim : TENSOR_DIMS - 1;
	memcpy(s->dims, f->dims, (size_t)s->ndim * sizeof *s->dims);
}

int network_check_picture(const char *source, const struct shape *want,
	const struct head_field *have, struct cvt_err *e)
{
	struct shape s;
	char is[100], wants[100], mend[64] = "";
	field_shape(have, &s);
	if (have->flags & FIELD_WHOLE)
		return cvt_fail(e, CVT_INPUT,
			"%s: pictures have different sizes, the network wants %s; cv-augment "
			"resize=%zu,%zu",
			source, shape_text(want, wants, sizeof wants), want->dims[0],
			want->dims[1]);
	if (shape_same(want, &s))
		return CVT_OK;
	shape_text(&s, is, sizeof is);
	shape_text(want, wants, sizeof wants);
	if (want->ndim != 3 || s.ndim != 3)
		return cvt_fail(e, CVT_INPUT, "%s: field '%s' is %s, the network wants %s", source,
			have->name, is, wants);
	if (want->dims[2] != s.dims[2])
		(void)snprintf(mend, sizeof mend, "cv-read --channels %zu, then ", want->dims[2]);
	if (want->dims[0] == s.dims[0] && want->dims[1] == s.dims[1])
		return cvt_fail(e, CVT_INPUT,
			"%s: pictures are %s, the network wants %s; cv-read --channels %zu", source,
			is, wants, want->dims[2]);
	return cvt_fail(e, CVT_INPUT,
		"%s: pictures are %s, the network wants %s; %scv-augment resize=%zu,%zu", source,
		is, wants, mend, want->dims[0], want->dims[1]);
}

static int read_option(
	const char *text, const char *what, double *to, size_t channels, struct cvt_err *e)
{
	size_t n;
	TRY(cli_reals(text, what, to, 4, &n, e));
	for (size_t i = n; n == 1 && i < channels; i++)
		to[i] = to[0];
	if (n != 1 && n != channels)
		return cvt_fail(e, CVT_USAGE, "%s: %zu numbers for pictures of %zu channels", what,
			n, channels);
	return CVT_OK;
}

int network_normalisation(struct model_info *info, const struct network_choice *c,
	const struct head *h, size_t channels, struct cvt_err *e)
{
	const bool own = info->channels == channels, streams = !own && h->channels == channels;
	if (channels > 4)
		return cvt_fail(e, CVT_INPUT, "pictures of %zu channels; at most 4 are supported",
			channels);
	for (size_t i = 0; i < channels && !own; i++) {
		info->mean[i] = streams ? h->mean[i] : 0.5;
		info->std[i] = streams ? h->std[i] : 0.5;
	}
	info->channels = channels;
	if (c->mean)
		TRY(read_option(c->mean, "--mean", info->mean, channels, e));
	if (c->std)
		TRY(read_option(c->std, "--std", info->std, channels, e));
	for (size_t i = 0; i < channels; i++)
		if (!(info->std[i] > 0))
			return cvt_fail(e, CVT_USAGE, "--std: must be above 0");
	return CVT_OK;
}

/* ---- opening ----------------------------------------------------------------------- */

/* What is at hand while a network is opened. */
struct opening {
	struct network *n;
	const struct network_choice *choice;
	const struct head *head;
	struct state_dict *dict; /* one a weights file */
	size_t ndicts;
};

static int read_weights(struct opening *o, struct cvt_err *e)
{
	const struct cli_many *w = o->choice->weights;
	const size_t n = w ? w->n : 0;
	o->dict = mem_alloc(n, sizeof *o->dict, e);
	if (!o->dict)
		return CVT_SYSTEM;
	for (; o->ndicts < n; o->ndicts++) {
		char stage[256];
		const char *file = network_weights_file(w->item[o->ndicts], stage, sizeof stage);
		TRY(safetensors_read(file, &o->dict[o->ndicts], e));
		if (o->ndicts == 0)
			TRY(model_info_read(&o->n->info, &o->dict[0], e)
					? cvt_fail_at(e, "%s", file)
					: CVT_OK);
	}
	return CVT_OK;
}

static int blame(const struct opening *o, int code, struct cvt_err *e)
{
	return o->choice->arch ? code : network_blame_model(code, o->choice->weights, e);
}

static int open_text(struct opening *o, struct cvt_err *e)
{
	struct network *n = o->n;
	if (o->choice->arch)
		return text_load(&n->arch, o->choice->arch, e);
	if (n->info.arch)
		return blame(o, arch_parse(&n->arch, "cv.arch", n->info.arch, e), e);
	return cvt_fail(e, CVT_USAGE,
		o->ndicts ? "%s carries no cv.arch; say --arch NAME or FILE" : "%s",
		o->ndicts ? o->choice->weights->item[0] : "say -w MODEL or --arch NAME");
}

/* How many outputs the last layer of a bare weights file has. */
static size_t classes_of_weights(const struct state_dict *d)
{
	for (size_t i = d->n; i-- > 0;)
		if (d->entry[i].t.ndim == 2)
			return d->entry[i].t.dims[0];
	return 0;
}

static int choose_classes(struct opening *o, struct cvt_err *e)
{
	struct network *n = o->n;
	const struct head_classes *c = head_classes(o->head, "label");
	size_t classes = o->choice->num_classes;
	if (!classes)
		classes = n->info.nclasses;
	if (!classes && o->ndicts)
		classes = classes_of_weights(&o->dict[0]);
	if (!classes && c)
		classes = c->n;
	n->info.nclasses = classes;
	return classes ? arch_let(n->arch, "classes", (double)classes, e) : CVT_OK;
}

/* Rows of one shape and a type that a layer can read. */
static int check_field(const struct head_field *f, struct cvt_err *e)
{
	if (f->dtype == DT_I8)
		return cvt_fail(e, CVT_INPUT, "field '%s' is %s; a network reads |u1, <i4 or <f4",
			f->name, dtype_name(f->dtype));
	for (int i = 0; i < f->ndim && !(f->flags & FIELD_WHOLE); i++)
		if (f->dims[i] == HEAD_VARIES)
			return cvt_fail(e, CVT_INPUT,
				"the rows of '%s' have no fixed length, as a network wants it",
				f->name);
	return CVT_OK;
}

/* The student agrees with the stream, so another size of that would move the trouble to the student. */
static int check_picture(const struct opening *o, const char *source, const struct shape *want,
	const struct head_field *have, struct cvt_err *e)
{
	struct shape s;
	char is[100], wants[100];
	field_shape(have, &s);
	if (!o->choice->teacher || (have->flags & FIELD_WHOLE) || want->ndim != 3 || s.ndim != 3
		|| shape_same(want, &s))
		return network_check_picture(source, want, have, e);
	const size_t *t = want->dims, *d = s.dims;
	const char *file = o->choice->weights->item[0];
	return cvt_fail(e, CVT_INPUT,
		"%s: this teacher reads pictures of %s, the student %s; in place of --teacher let "
		"the stream bring its logits: cv-read --size %zux%zu --channels %zu | cv-embed -w "
		"%s --output logits --keep image%s%s | cv-read --size %zux%zu --channels %zu",
		file, shape_text(want, wants, sizeof wants), shape_text(&s, is, sizeof is), t[0],
		t[1], t[2], file, head_field(o->head, "label") ? ",label" : "",
		head_field(o->head, "part") ? ",part" : "", d[0], d[1], d[2]);
}

/* The stream's field and the row the network wants of it: a loaded network's own, else as it comes.
 */
static int choose_picture(struct opening *o, struct cvt_err *e)
{
	struct network *n = o->n;
	const struct arch_input *in = arch_inputs(n->arch) ? arch_input(n->arch, 0) : NULL;
	const char *field = in ? in->field : "image";
	char view[FIELD_NAME + 2];
	(void)snprintf(view, sizeof view, "%.40s.1", field);
	const struct head_field *f = head_field(o->head, field);
	if (!f)
		f = head_field(
			o->head, view); /* several views, which go through one network in turn */
	if (!f)
		return cvt_fail(e, CVT_INPUT,
			"the stream has no field '%s', which the network reads", field);
	n->dtype = f->dtype;
	TRY(check_field(f, e));
	if (o->ndicts && (n->info.field || in))
		TRY(check_picture(o, field, n->info.field ? &n->info.input : &in->row, f, e));
	else if (f->flags & FIELD_WHOLE)
		return cvt_fail(
			e, CVT_INPUT, "pictures have different sizes; cv-augment resize=32,32");
	if (!n->info.field && !(n->info.field = mem_strdup(field, e)))
		return CVT_SYSTEM;
	field_shape(f, &n->info.input);
	return blame(o, arch_set_input(n->arch, field, &n->info.input, e), e);
}

/* What the text reads besides: as the rows have it, which a loaded network must have been made for. */
static int choose_others(struct opening *o, struct cvt_err *e)
{
	struct network *n = o->n;
	const size_t inputs = arch_has_main(n->arch) ? arch_net_inputs(n->arch, NULL) : 0;
	if (inputs > NETWORK_INPUTS)
		return blame(o,
			cvt_fail(e, CVT_USAGE, "%s: reads more than %d fields",
				arch_source(n->arch), NETWORK_INPUTS),
			e);
	for (size_t i = 1; i < inputs; i++) {
		const struct arch_input *in = arch_input(n->arch, i);
		const struct head_field *f = head_field(o->head, in->field);
		struct shape row;
		if (!f)
			return cvt_fail(e, CVT_INPUT,
				"the stream has no field '%s', which the network reads", in->field);
		TRY(check_field(f, e));
		if (o->ndicts || (f->flags & FIELD_WHOLE))
			TRY(network_check_picture(in->field, &in->row, f, e));
		field_shape(f, &row);
		TRY(blame(o, arch_set_input(n->arch, in->field, &row, e), e));
		n->other[n->others++].field = in->field;
	}
	return CVT_OK;
}

static int add_normalisation(struct network *n, size_t *node, struct cvt_err *e)
{
	const struct model_info *m = &n->info;
	return graph_op(n->graph, "standardize", "input", (size_t[]){*node}, 1, node, e, "mean0",
		m->mean[0], "mean1", m->mean[1], "mean2", m->mean[2], "std0", m->std[0], "std1",
		m->std[1], "std2", m->std[2], GRAPH_END);
}

/* A field's values; a picture (a u1 field, or an f4 one in 0..1) is normalised first, other fields go
 * in as they are. */
static int add_input(struct opening *o, const char *field, enum dtype dtype, const struct shape *s,
	size_t *input, size_t *node, struct cvt_err *e)
{
	struct network *n = o->n;
	TRY(graph_input(n->graph, field, dtype, s, input, e));
	*node = *input;
	if (!field_is_view(field, "image"))
		return CVT_OK;
	const size_t channels = s->ndim ? s->dims[s->ndim - 1] : 0;
	TRY(network_normalisation(&n->info, o->choice, o->head, channels, e));
	return add_normalisation(n, node, e);
}

static int build(struct opening *o, struct cvt_err *e)
{
	struct network *n = o->n;
	size_t node[1 + NETWORK_INPUTS];
	TRY(graph_open(&n->graph, e));
	TRY(add_input(o, n->info.field, n->dtype, &n->info.input, &n->input, &node[0], e));
	for (size_t i = 0; i < n->others; i++) {
		struct network_input *x = &n->other[i];
		const struct head_field *f = head_field(o->head, x->field);
		struct shape row;
		field_shape(f, &row);
		TRY(add_input(o, x->field, f->dtype, &row, &x->node, &node[1 + i], e));
	}
	const struct net_spec spec = {.input = node, .inputs = 1 + n->others};
	TRY(blame(o, net_build(&n->net, n->graph, n->arch, &spec, e), e));
	n->graph->learns_not = true;
	n->graph->most = o->choice->max_memory;
	return CVT_OK;
}

/* True if the file has no tensor of those that only the head uses: it was trained without one. */
static bool lacks_head(const struct network *n, const struct state_dict *d, size_t head)
{
	for (size_t i = head; i < n->net.end_param; i++)
		if (state_get(d, n->graph->param[i].name))
			return false;
	return head < n->net.end_param;
}

static int load(struct opening *o, struct cvt_err *e)
{
	struct network *n = o->n;
	const size_t head = net_head_param(&n->net, n->graph);
	n->headless = o->ndicts == 1 && n->info.method && lacks_head(n, &o->dict[0], head);
	for (size_t i = 0; i < o->ndicts; i++) {
		char stage[256], prefix[260] = "";
		const char *file =
			network_weights_file(o->choice->weights->item[i], stage, sizeof stage);
		if (*stage)
			(void)snprintf(prefix, sizeof prefix, "%s.", stage);
		size_t first = n->net.first_param, end = n->net.end_param;
		while (*prefix && first < end
			&& strncmp(n->graph->param[first].name, prefix, strlen(prefix)) != 0)
			first++;
		while (*prefix && end > first
			&& strncmp(n->graph->param[end - 1].name, prefix, strlen(prefix)) != 0)
			end--;
		const struct model_load l = {.source = file,
			.prefix = *prefix ? prefix : NULL,
			.partial = o->choice->partial,
			.first_param = first,
			.end_param = n->headless ? head : end};
		TRY(model_load(n->graph, &o->dict[i], &l, NULL, e));
	}
	return CVT_OK;
}

static int open_all(struct opening *o, struct cvt_err *e)
{
	TRY(read_weights(o, e));
	TRY(open_text(o, e));
	TRY(text_lets(o->n->arch, o->choice->lets, false, e));
	TRY(choose_classes(o, e));
	TRY(choose_picture(o, e));
	TRY(choose_others(o, e));
	TRY(build(o, e));
	TRY(load(o, e)); /* would all fit? */
	TRY(graph_finish(o->n->graph, e));
	graph_init_params(o->n->graph, o->choice->seed);
	return load(o, e);
}

int network_open(
	struct network *n, const struct network_choice *c, const struct head *h, struct cvt_err *e)
{
	struct opening o = {.n = n, .choice = c, .head = h};
	*n = (struct network){0};
	const int code = open_all(&o, e);
	for (size_t i = 0; o.dict && i < (c->weights ? c->weights->n : 0); i++)
		state_free(&o.dict[i]);
	free(o.dict);
	if (code != CVT_OK)
		network_close(n);
	return code;
}

void network_close(struct network *n)
{
	net_free(&n->net);
	graph_close(n->graph);
	arch_free(n->arch);
	model_info_free(&n->info);
	*n = (struct network){0};
}
