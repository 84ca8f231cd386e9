/*
 * trainer_setup: from the command line and the input's HEAD to a learner: which text, which
 * picture, which classes, which heads, which normalisation; then the weights (see trainer.h).
 */
#include "../../libcore/init.h"
#include "../embed/text.h"
#include "trainer.h"

#include <stdlib.h>
#include <string.h>

/* ---- the text and the picture ------------------------------------------------------ */

static int open_text(struct trainer *t, struct cvt_err *e)
{
	if (t->o.arch)
		return text_load(&t->arch, t->o.arch, e);
	if (t->info.arch)
		return network_blame_model(
			arch_parse(&t->arch, "cv.arch", t->info.arch, e), &t->o.weights, e);
	return cvt_fail(
		e, CVT_USAGE, "say which network to train: --arch NAME or FILE; --list names them");
}

/* Without input (--epochs 0) the text says what the rows would be. */
static int imagine_head(struct trainer *t, struct cvt_err *e)
{
	for (size_t i = 0; i < arch_inputs(t->arch); i++) {
		const struct arch_input *in = arch_input(t->arch, i);
		TRY(head_add_field(&t->head, in->field, field_dtype(in->field, in->row.ndim), 0,
			in->row.ndim, in->row.dims, e));
	}
	return head_add_field(&t->head, "label", DT_I4, 0, 0, NULL, e);
}

static int open_source(struct trainer *t, struct cvt_err *e)
{
	const char *name = t->cli.operands ? t->cli.operand[0] : t->o.common.input;
	const struct dataset_options reading = {
		.format = t->o.format, .max_memory = t->o.common.max_memory};
	if (t->o.epochs_given && t->o.epochs == 0 && !name)
		return imagine_head(t, e);
	TRY(source_open(&t->in, name, &reading, e));
	TRY(output_refuse_input(t->o.common.output, source_fd(t->in), e));
	head_free(&t->head);
	TRY(head_copy(&t->head, source_head(t->in), e));
	return t->o.target ? trainer_open_target(t, e) : CVT_OK;
}

static int copy_fields(struct trainer *t, struct cvt_err *e)
{
	t->field = mem_alloc(t->head.nfields, sizeof *t->field, e);
	if (!t->field)
		return CVT_SYSTEM;
	for (size_t i = 0; i < t->head.nfields; i++) {
		const struct head_field *h = &t->head.field[i];
		struct method_field *f = &t->field[i];
		const struct head_classes *c = head_classes(&t->head, h->name);
		memcpy(f->name, h->name, sizeof f->name);
		f->classes = c ? c->n : 0;
		f->dtype = h->dtype;
		f->flags = h->flags;
		f->row.ndim = h->ndim < TENSOR_DIMS ? h->ndim : TENSOR_DIMS - 1;
		for (int k = 0; k < f->row.ndim; k++) {
			f->row.dims[k] = h->dims[k];
			if (h->dims[k] == HEAD_VARIES)
				f->flags |= FIELD_WHOLE;
		}
	}
	t->facts.field = t->field;
	t->facts.nfields = t->head.nfields;
	return CVT_OK;
}

/* The field that the network reads, or the first of its views. */
static const struct head_field *picture_field(const struct trainer *t, const char *name)
{
	const struct head_field *f = head_field(&t->head, name);
	char view[FIELD_NAME + 2];
	(void)snprintf(view, sizeof view, "%.45s.1", name);
	return f ? f : head_field(&t->head, view);
}

/* The network takes the picture as it comes; a loaded one wants the picture that it knows. */
static int choose_picture(struct trainer *t, struct cvt_err *e)
{
	const struct arch_input *in = arch_inputs(t->arch) ? arch_input(t->arch, 0) : NULL;
	const char *name = in ? in->field : "image";
	const struct head_field *f = picture_field(t, name);
	const bool known = t->info.field && strcmp(t->info.field, name) == 0;
	if (!f)
		return CVT_OK; /* the method says what is missing */
	if ((f->flags & FIELD_WHOLE) && in)
		return network_check_picture(name, &in->row, f, e);
	if (known)
		TRY(network_check_picture(name, &t->info.input, f, e));
	else if (in && t->ndicts && in->row.ndim == 3 && f->ndim == 3
		 && in->row.dims[2] != f->dims[2])
		TRY(network_check_picture(name, &in->row, f, e));
	free(t->info.field);
	if (!(t->info.field = mem_strdup(name, e)))
		return CVT_SYSTEM;
	t->info.input.ndim = f->ndim < TENSOR_DIMS ? f->ndim : TENSOR_DIMS - 1;
	memcpy(t->info.input.dims, f->dims, sizeof t->info.input.dims);
	return in ? arch_set_input(t->arch, name, &t->info.input, e) : CVT_OK;
}

/* So does an untrained one with the other fields that it reads. What is missing, and rows of different
 * sizes, the method tells. */
static int choose_others(struct trainer *t, struct cvt_err *e)
{
	const size_t inputs = arch_has_main(t->arch) && !t->ndicts ? arch_inputs(t->arch) : 0;
	for (size_t i = 1; i < inputs; i++) {
		const char *name = arch_input(t->arch, i)->field;
		const struct head_field *f = head_field(&t->head, name);
		struct shape row = {.ndim = f ? f->ndim : 0};
		bool fixed = f && !(f->flags & FIELD_WHOLE) && f->ndim < TENSOR_DIMS;
		for (int d = 0; fixed && d < f->ndim; d++) {
			row.dims[d] = f->dims[d];
			fixed = f->dims[d] != HEAD_VARIES;
		}
		if (fixed)
			TRY(arch_set_input(t->arch, name, &row, e));
	}
	return CVT_OK;
}

/* Channels of the picture that is normalised, which need not be the first field; 0 = there is none. */
static size_t picture_channels(const struct trainer *t)
{
	const struct shape *s = &t->info.input;
	if (t->info.field && field_is_view(t->info.field, "image") && s->ndim > 0)
		return s->dims[s->ndim - 1];
	for (size_t i = 1; i < arch_inputs(t->arch); i++) {
		const struct arch_input *in = arch_input(t->arch, i);
		if (field_is_view(in->field, "image") && in->row.ndim > 0)
			return in->row.dims[in->row.ndim - 1];
	}
	return 0;
}

static int choose_normalisation(struct trainer *t, struct cvt_err *e)
{
	const struct network_choice c = {.mean = t->o.mean, .std = t->o.std};
	const size_t channels = picture_channels(t);
	if (!channels) {
		t->info.channels = 0;
		return CVT_OK;
	}
	TRY(network_normalisation(&t->info, &c, &t->head, channels, e));
	memcpy(t->facts.mean, t->info.mean, sizeof t->facts.mean);
	memcpy(t->facts.std, t->info.std, sizeof t->facts.std);
	return CVT_OK;
}

/* ---- heads ------------------------------------------------------------------------- */

static int copy_word(
	char *to, size_t size, const char *from, size_t n, const char *all, struct cvt_err *e)
{
	if (n == 0 || n >= size)
		return cvt_fail(e, CVT_USAGE,
			"--head %s: should be FIELD:LOSS[:WEIGHT][@STAGE], as mask:cross-entropy",
			all);
	memcpy(to, from, n);
	to[n] = '\0';
	return CVT_OK;
}

/* FIELD:LOSS[:WEIGHT][@STAGE] */
static int parse_head(struct method_head *h, const char *text, struct cvt_err *e)
{
	const char *at = strchr(text, '@'), *end = at ? at : text + strlen(text);
	const char *colon = memchr(text, ':', (size_t)(end - text));
	const char *second = colon ? memchr(colon + 1, ':', (size_t)(end - colon - 1)) : NULL;
	char number[64];
	*h = (struct method_head){.weight = 1.0};
	if (!colon)
		return copy_word(
			number, sizeof number, text, 0, text, e); /* says how it should be */
	TRY(copy_word(h->field, sizeof h->field, text, (size_t)(colon - text), text, e));
	TRY(copy_word(h->loss, sizeof h->loss, colon + 1,
		(size_t)((second ? second : end) - colon - 1), text, e));
	if (second) {
		TRY(copy_word(
			number, sizeof number, second + 1, (size_t)(end - second - 1), text, e));
		TRY(cli_real(number, "--head", &h->weight, e));
	}
	if (!(h->weight >= 0))
		return cvt_fail(
			e, CVT_USAGE, "--head %s: a weight is at least 0, or the loss grows", text);
	return at ? copy_word(h->stage, sizeof h->stage, at + 1, strlen(at + 1), text, e) : CVT_OK;
}

static int check_loss(const struct method_head *h, struct cvt_err *e)
{
	const char *words[64] = {0};
	size_t n = 0;
	for (; n < 64 && loss_ops[n]; n++) {
		words[n] = loss_ops[n]->name;
		if (strcmp(words[n], h->loss) == 0)
			return CVT_OK;
	}
	const size_t near = mem_nearest(h->loss, words, n);
	return cvt_fail(e, CVT_USAGE, "--head %s:%s: there is no such loss; %s%s%s", h->field,
		h->loss, near < n ? "did you mean '" : "see --list", near < n ? words[near] : "",
		near < n ? "'?" : "");
}

/* What --head says, else what a pretext task upstream wants learned, if the method learns heads: the
 * others know what they read. */
static int choose_heads(struct trainer *t, struct cvt_err *e)
{
	struct method_facts *f = &t->facts;
	const size_t asked = t->o.heads.n, wanted = t->method->heads ? t->head.ntargets : 0;
	const size_t n = asked ? asked : wanted;
	if (asked && !t->method->heads)
		return cvt_fail(e, CVT_USAGE, "--head: --method %s has no heads to choose",
			t->method->name);
	if (n > METHOD_HEADS)
		return cvt_fail(e, CVT_USAGE, "--head: at most %d of them", METHOD_HEADS);
	for (; f->nheads < n; f->nheads++) {
		struct method_head *h = &f->head[f->nheads];
		*h = (struct method_head){.weight = 1.0};
		if (asked)
			TRY(parse_head(h, t->o.heads.item[f->nheads], e));
		else {
			(void)snprintf(
				h->field, sizeof h->field, "%s", t->head.target[f->nheads].field);
			(void)snprintf(
				h->loss, sizeof h->loss, "%s", t->head.target[f->nheads].loss);
		}
		TRY(check_loss(h, e));
		if (!head_field(&t->head, h->field))
			return cvt_fail(e, CVT_INPUT, "the input has no field '%s' to learn from",
				h->field);
	}
	return CVT_OK;
}

/* ---- the rows ---------------------------------------------------------------------- */

static int next_rows(void *context, struct batch **rows, enum train_event *event, struct cvt_err *e)
{
	struct trainer *t = context;
	enum stream_event seen;
	do
		TRY(source_next(t->in, rows, &seen, e));
	while (seen == STREAM_OTHER);
	if (source_parts(t->in) > 1)
		return cvt_fail(e, CVT_INPUT,
			"%s: has several parts, whose rows share numbers; cv-read a.cvt b.cvt "
			"joins them",
			source_name(t->in));
	*event = seen == STREAM_BATCH   ? TRAIN_ROWS
		 : seen == STREAM_EPOCH ? TRAIN_EPOCH
					: TRAIN_DONE;
	if (seen != STREAM_BATCH)
		return CVT_OK;
	TRY(trainer_check_labels(t, *rows, e));
	if (t->target)
		TRY(trainer_mix_target(t, rows, e));
	return trainer_soften(t, rows, e);
}

/* HEAD's `rows` counts validation rows, too. */
void trainer_source(struct trainer *t, struct train_source *s)
{
	const struct head *h = &t->head;
	const bool known =
		h->rows != HEAD_UNKNOWN && (h->val != HEAD_UNKNOWN || !head_field(h, "part"));
	*s = (struct train_source){.context = t,
		.next = next_rows,
		.name = source_name(t->in),
		.rows = TRAIN_UNKNOWN,
		.epochs = h->epochs == HEAD_UNKNOWN ? TRAIN_UNKNOWN : h->epochs};
	if (known)
		s->rows = (h->rows - (h->val != HEAD_UNKNOWN ? h->val : 0)) * (t->target ? 2 : 1);
	if (!source_is_stream(t->in))
		s->epochs = 1;
}

/* ---- the learner ------------------------------------------------------------------- */

static int parse_scales(struct trainer *t, struct cvt_err *e)
{
	char *word[TRAINER_SCALES];
	size_t n = 0;
	if (!t->o.lr_scale)
		return CVT_OK;
	TRY(cli_words(t->o.lr_scale, "--lr-scale", &t->scale_text, word, TRAINER_SCALES, &n, e));
	for (size_t i = 0; i < n; i++) {
		char *equals = strchr(word[i], '=');
		const struct graph *g = t->learner->graph;
		bool any = false;
		if (!equals)
			return cvt_fail(
				e, CVT_USAGE, "--lr-scale %s: should be PREFIX=FACTOR", word[i]);
		*equals = '\0';
		for (size_t p = 0; p < g->nparams; p++)
			any = any || name_has_prefix(g->param[p].name, word[i]);
		if (!any)
			return cvt_fail(e, CVT_USAGE,
				"--lr-scale %s: no parameter of the network begins so; see cv-view "
				"--arch",
				word[i]);
		t->scale[i].prefix = word[i];
		TRY(cli_real(equals + 1, "--lr-scale", &t->scale[i].factor, e));
		if (!(t->scale[i].factor >= 0))
			return cvt_fail(e, CVT_USAGE,
				"--lr-scale %s=%g: a factor is at least 0, or the loss grows",
				word[i], t->scale[i].factor);
	}
	t->train_options.lr_scale = t->scale;
	t->train_options.nlr_scale = n;
	return CVT_OK;
}

static int freeze(const struct trainer *t, struct cvt_err *e)
{
	const struct graph *g = t->learner->graph;
	TRY(learner_freeze(t->learner, t->o.freeze, e));
	for (size_t i = 0; i < g->nparams; i++)
		if (g->param[i].kind != PARAM_BUFFER && !g->param[i].frozen)
			return CVT_OK;
	return t->o.unfreeze_at
		       ? CVT_OK
		       : cvt_fail(e, CVT_USAGE, "--freeze %s: nothing is left that could learn",
			       t->o.freeze);
}

static int open_learner(struct trainer *t, struct cvt_err *e)
{
	t->facts.arch = t->arch;
	t->facts.label_smoothing = t->o.label_smoothing;
	t->facts.bf16 = strcmp(t->o.precision, "bf16") == 0;
	t->facts.value = t->value;
	t->facts.max_memory = t->o.common.network_memory;
	t->facts.context = t;
	t->facts.teacher = trainer_teacher;
	TRY(trainer_choose_class_weight(t, e));
	TRY(learner_open(&t->learner, t->method, &t->facts, e));
	TRY(trainer_choose_numbers(t, e));
	TRY(trainer_check_weights(t, e));
	if (!t->o.epochs_given || t->o.epochs > 0)
		TRY(learner_charge(t->learner, t->opt, e));
	TRY(graph_finish(t->learner->graph, e));
	if (t->o.tricks.zero_init)
		TRY(init_zero_residual(t->learner->graph, e));
	graph_init_params(t->learner->graph, t->seed);
	TRY(trainer_fill_class_weight(t, e));
	TRY(trainer_load_weights(t, e));
	if (t->o.freeze)
		TRY(freeze(t, e));
	TRY(tricks_learner(&t->o.tricks, t->learner, &t->train_options, e));
	return parse_scales(t, e);
}

int trainer_setup(struct trainer *t, struct cvt_err *e)
{
	TRY(trainer_read_weights(t, e));
	TRY(open_text(t, e));
	TRY(text_lets(t->arch, t->o.lets, false, e));
	TRY(open_source(t, e));
	t->seed = t->o.common.seed_given || !t->head.has_seed ? t->o.common.seed : t->head.seed;
	TRY(copy_fields(t, e));
	TRY(choose_picture(t, e));
	TRY(choose_others(t, e));
	TRY(choose_normalisation(t, e));
	TRY(choose_heads(t, e));
	TRY(trainer_choose_classes(t, e));
	TRY(trainer_check_label_known(t, e));
	TRY(trainer_soften_field(t, e));
	TRY(trainer_add_heads(t, e));
	TRY(open_learner(t, e));
	return trainer_check_mixed(t, e);
}
