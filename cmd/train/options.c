/* options: what can be said to cv-train and cv-distill, the methods' own options among it, and what it
 * means (see trainer.h). */
#include "trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static size_t network_options(struct trainer_options *o, struct cli_option *to)
{
	const struct cli_option list[] = {
		{NULL, 0, CLI_FLAG, NULL, NULL, "Network", 0, NULL},
		{"arch", 0, CLI_TEXT, "NAME|FILE", &o->arch,
			"architecture; default: the weights' own", 0, NULL},
		{"let", 0, CLI_TEXT, "NAME=N,...", &o->lets,
			"values of the architecture's lets, such as width=16", CLI_LIST, NULL},
		{"weights", 'w', CLI_MANY, "[STAGE=]FILE", &o->weights,
			"start from a model, or put one under STAGE", 0, NULL},
		{"partial", 0, CLI_FLAG, NULL, &o->partial, "load what fits, draw the rest", 0,
			NULL},
		{"reset-head", 0, CLI_FLAG, NULL, &o->reset_head,
			"draw what follows the embedding anew", 0, NULL},
		{"freeze", 0, CLI_TEXT, "PREFIX,...", &o->freeze,
			"parameters that stay as they are", CLI_LIST, NULL},
		{"unfreeze-at", 0, CLI_COUNT, "N", &o->unfreeze_at,
			"let them learn, too, after N epochs", 0, NULL},
		{"l2-sp", 0, CLI_REAL, "F", &o->l2_sp,
			"weight decay of what was loaded, towards where it started", 0, NULL},
		{"lr-scale", 0, CLI_TEXT, "PREFIX=F,...", &o->lr_scale,
			"learning rate of these parameters, times F", CLI_LIST, NULL},
		{"num-classes", 0, CLI_COUNT, "N", &o->num_classes,
			"outputs; default: as many as the input names", 0, NULL},
		{"classes-by-number", 0, CLI_FLAG, NULL, &o->by_number, "do not match class names",
			0, NULL},
		{"mean", 0, CLI_TEXT, "A,B,C", &o->mean, "of the pictures after /255", 0, NULL},
		{"std", 0, CLI_TEXT, "A,B,C", &o->std, "likewise", 0, NULL},
	};
	memcpy(to, list, sizeof list);
	return sizeof list / sizeof *list;
}

static size_t learning_options(struct trainer_options *o, struct cli_option *to)
{
	const struct cli_option list[] = {
		{NULL, 0, CLI_FLAG, NULL, NULL, "Learning", 0, NULL},
		{"method", 0, CLI_TEXT, "NAME", &o->method, "how it learns; --list names them", 0,
			NULL},
		{"head", 0, CLI_MANY, "FIELD:LOSS[:WEIGHT][@STAGE]", &o->heads,
			"what is learned; default: the stream's target, else label:cross-entropy",
			0, NULL},
		{"epochs", 0, CLI_COUNT, "N", &o->epochs,
			"default: as many as come; replays a stream of one; 0 only loads and "
			"writes",
			0, &o->epochs_given},
		{"steps", 0, CLI_COUNT, "N", &o->steps, "stop after N updates", 0, NULL},
		{"target", 0, CLI_TEXT, "FILE", &o->target,
			"rows of another domain, one behind each of the input; their labels are "
			"not "
			"read",
			0, NULL},
		{"batch-size", 'b', CLI_COUNT, "N", &o->batch_size, "rows a step", 0, NULL},
		{"drop-last", 0, CLI_FLAG, NULL, &o->drop_last,
			"leave out an epoch's last, smaller batch", 0, NULL},
		{"accumulate", 0, CLI_COUNT, "N", &o->accumulate, "batches an update", 0, NULL},
	};
	memcpy(to, list, sizeof list);
	return sizeof list / sizeof *list;
}

static size_t optimizer_options(struct trainer_options *o, struct cli_option *to)
{
	const struct cli_option list[] = {
		{"lr", 0, CLI_REAL, "F", &o->lr,
			"learning rate; default: sgd 0.1 (0.05 without batch norm), adam 0.001; "
			"distill half",
			0, &o->lr_given},
		{"opt", 0, CLI_TEXT, "NAME", &o->opt,
			"optimizer; default: sgd, for networks with attention adamw, gan and vae "
			"adam",
			0, NULL},
		{"momentum", 0, CLI_REAL, "F", &o->momentum, "default: sgd, lars, muon 0.9, else 0",
			0, &o->momentum_given},
		{"no-nesterov", 0, CLI_FLAG, NULL, &o->no_nesterov, "plain momentum", 0, NULL},
		{"betas", 0, CLI_TEXT, "A,B", &o->betas, "of adam and adamw; B of rmsprop", 0,
			NULL},
		{"weight-decay", 0, CLI_REAL, "F", &o->weight_decay,
			"default: sgd 5e-4, adam 0, adamw 0.05; not on biases and norms", 0,
			&o->decay_given},
		{"sched", 0, CLI_TEXT, "NAME[=A[,B]]", &o->sched,
			"how the learning rate falls; gan: constant", 0, &o->sched_given},
		{"warmup-epochs", 0, CLI_REAL, "F", &o->warmup_epochs,
			"rise to it in a straight line", 0, NULL},
		{"label-smoothing", 0, CLI_REAL, "F", &o->label_smoothing,
			"share of the target that is uniform", 0, NULL},
		{"class-weight", 0, CLI_TEXT, "W,...", &o->class_weight,
			"what classes count for: a number each, NAME=W for some, or balanced",
			CLI_LIST, NULL},
		{"balance", 0, CLI_FLAG, NULL, &o->balance, "--class-weight balanced", 0, NULL},
		{"clip-norm", 0, CLI_REAL, "F", &o->clip_norm,
			"longest gradient; default: distill 5, else any", 0, &o->clip_given},
		{"clip-value", 0, CLI_REAL, "F", &o->clip_value, "largest part of it", 0, NULL},
		{"model-ema", 0, CLI_REAL, "DECAY", &o->ema,
			"keep the running average of weights and statistics", 0, NULL},
		{"precision", 0, CLI_TEXT, "NAME", &o->precision,
			"fp32, or bf16: convolutions round what they multiply", 0, NULL},
		{"patience", 0, CLI_COUNT, "N", &o->patience,
			"stop after N epochs without a better validation, keep the best", 0, NULL},
		{"keep-all", 0, CLI_FLAG, NULL, &o->keep_all,
			"write the method's further networks and heads, too", 0, NULL},
	};
	memcpy(to, list, sizeof list);
	return sizeof list / sizeof *list;
}

static size_t other_options(struct trainer_options *o, struct cli_option *to)
{
	const struct cli_option list[] = {
		{NULL, 0, CLI_FLAG, NULL, NULL, "Going on", 0, NULL},
		{"resume", 0, CLI_TEXT, "auto|FILE", &o->resume,
			"go on from the checkpoint, if there is one", CLI_NEUTRAL, NULL},
		{"checkpoint-every", 0, CLI_TEXT, "TIME", &o->checkpoint_every,
			"beside each epoch's end: 30s, 10m, 1h; 0 = not", CLI_NEUTRAL, NULL},
		{"profile", 0, CLI_FLAG, NULL, &o->profile,
			"tell at the end which operators took the time", CLI_NEUTRAL, NULL},
		{"format", 0, CLI_TEXT, "NAME", &o->format,
			"what the input is, if its content does not tell", 0, NULL},
		{"teacher-arch", 0, CLI_TEXT, "NAME|FILE", &o->teacher_arch,
			"architecture of teachers that carry none", 0, NULL},
	};
	memcpy(to, list, sizeof list);
	return sizeof list / sizeof *list;
}

static void *value_of(struct method_value *v, enum cli_type type)
{
	switch (type) {
	case CLI_FLAG:
		return &v->flag;
	case CLI_COUNT:
		return &v->count;
	case CLI_REAL:
		return &v->real;
	case CLI_MANY:
		return &v->many;
	default:
		return &v->text;
	}
}

static bool in_table(const struct cli_option *table, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (table[i].name && strcmp(table[i].name, name) == 0)
			return true;
	return false;
}

/* The options of all methods; one that several have stands once. */
static void add_method_options(struct trainer_options *o, struct cli_option *table, size_t n)
{
	size_t v = 0;
	table[n++] = (struct cli_option){.help = "Methods' own"};
	for (size_t m = 0; methods[m]; m++)
		for (const struct method_option *a = methods[m]->options; a->name; a++) {
			if (in_table(table, n, a->name) || n + 1 >= TRAINER_OPTIONS)
				continue;
			struct method_value *value = &o->value[v++];
			value->real = a->value;
			value->count = a->type == CLI_COUNT ? (size_t)a->value : 0;
			table[n++] = (struct cli_option){a->name, 0, a->type, a->arg,
				value_of(value, a->type), a->help, 0, &value->given};
		}
	table[n] = (struct cli_option){0};
}

void trainer_table(struct trainer_options *o, struct cli_option table[TRAINER_OPTIONS])
{
	size_t n = network_options(o, table);
	n += learning_options(o, table + n);
	n += optimizer_options(o, table + n);
	n += other_options(o, table + n);
	n += tricks_options(&o->tricks, table + n);
	add_method_options(o, table, n);
}

/* What was given, else the method's own default: the table shows that of the first method only. */
static void take_value(
	struct method_value *to, const struct method_value *v, const struct method_option *own)
{
	*to = *v;
	if (v->given)
		return;
	to->real = own->value;
	to->count = own->type == CLI_COUNT ? (size_t)own->value : 0;
}

/* The method's options in its own order; one that it does not have must not be given. */
static int take_method_options(struct trainer *t, const struct cli_option *table, struct cvt_err *e)
{
	const struct method_option *own = t->method->options;
	const struct method_value *values = t->o.value;
	for (size_t i = 0; table[i].name || table[i].help; i++) {
		const bool *given = table[i].given;
		const struct method_value *v = NULL;
		size_t k = 0;
		for (size_t j = 0; j < sizeof t->o.value / sizeof *values; j++)
			if (given == &values[j].given)
				v = &values[j];
		while (v && own[k].name && strcmp(own[k].name, table[i].name) != 0)
			k++;
		if (v && own[k].name)
			take_value(&t->value[k], v, &own[k]);
		else if (v && v->given)
			return cvt_fail(e, CVT_USAGE, "--%s: --method %s has no such option",
				table[i].name, t->method->name);
	}
	return CVT_OK;
}

/* "10m" to seconds. */
static int parse_time(const char *text, double *seconds, struct cvt_err *e)
{
	char number[40];
	const size_t n = strlen(text);
	const char unit = n ? text[n - 1] : '\0';
	const double factor = unit == 'm' ? 60 : unit == 'h' ? 3600 : 1;
	const bool has_unit = unit == 'm' || unit == 'h' || unit == 's';
	(void)snprintf(number, sizeof number, "%.*s", (int)(n - has_unit), text);
	TRY(cli_real(number, "--checkpoint-every", seconds, e));
	*seconds *= factor;
	return *seconds >= 0
		       ? CVT_OK
		       : cvt_fail(e, CVT_USAGE, "--checkpoint-every %s: should be from 0 up", text);
}

static int check_numbers(const struct trainer_options *o, struct cvt_err *e)
{
	const struct {
		const char *name;
		double value, low, high; /* low <= value < high */
	} reals[] = {{"lr", o->lr, 0, INFINITY}, {"momentum", o->momentum, 0, 1},
		{"weight-decay", o->weight_decay, 0, INFINITY}, {"l2-sp", o->l2_sp, 0, INFINITY},
		{"warmup-epochs", o->warmup_epochs, 0, INFINITY},
		{"label-smoothing", o->label_smoothing, 0, 1},
		{"clip-norm", o->clip_norm, 0, INFINITY},
		{"clip-value", o->clip_value, 0, INFINITY}, {"model-ema", o->ema, 0, 1}};
	for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
		if (!(reals[i].value >= reals[i].low && reals[i].value < reals[i].high))
			return cvt_fail(e, CVT_USAGE, "--%s %g: should be from %g to below %g",
				reals[i].name, reals[i].value, reals[i].low, reals[i].high);
	if (o->unfreeze_at && !o->freeze)
		return cvt_fail(e, CVT_USAGE, "--unfreeze-at: say what, by --freeze PREFIX,...");
	if (o->l2_sp > 0 && o->weights.n == 0)
		return cvt_fail(
			e, CVT_USAGE, "--l2-sp: draws towards loaded weights; add --weights");
	if (o->tricks.muon && !(o->opt && strcmp(o->opt, "muon") == 0))
		return cvt_fail(e, CVT_USAGE, "--muon: are the numbers of --opt muon; add it");
	if (strcmp(o->precision, "fp32") != 0 && strcmp(o->precision, "bf16") != 0)
		return cvt_fail(e, CVT_USAGE, "--precision '%s': fp32 or bf16", o->precision);
	if (o->batch_size == 0 || o->accumulate == 0)
		return cvt_fail(e, CVT_USAGE, "--batch-size and --accumulate are at least 1");
	return CVT_OK;
}

int trainer_understand(struct trainer *t, const struct cli_option *table, struct cvt_err *e)
{
	struct trainer_options *o = &t->o;
	struct opt_config *c = &t->facts.opt;
	double betas[2] = {0.9, 0.0};
	size_t n = 2;
	TRY(check_numbers(o, e));
	if (t->cli.operands > 1)
		return cvt_fail(e, CVT_USAGE, "one input at a time; cv-read joins several");
	if (!o->epochs_given || o->epochs > 0)
		TRY(cli_refuse_stdin(&t->cli, e));
	if (!(t->method = method_find(o->method, e)) || (o->opt && !opt_find(o->opt, e)))
		return CVT_USAGE;
	TRY(take_method_options(t, table, e));
	if (t->method->sched && !o->sched_given)
		o->sched = t->method->sched;
	if (t->method->beta1 > 0)
		betas[0] = t->method->beta1;
	TRY(sched_parse(&t->train_options.sched, o->sched, e));
	TRY(tricks_understand(&o->tricks, o->ema, &t->train_options, e));
	if (o->betas)
		TRY(cli_reals(o->betas, "--betas", betas, 2, &n, e));
	if (n != 2 || !(betas[0] >= 0 && betas[0] < 1 && betas[1] >= 0 && betas[1] < 1))
		return cvt_fail(e, CVT_USAGE, "--betas: two numbers from 0 to below 1");
	*c = (struct opt_config){.beta1 = betas[0], .beta2 = betas[1]};
	TRY(tricks_opt(&o->tricks, c, e));
	return parse_time(o->checkpoint_every, &t->train_options.checkpoint_every, e);
}
