/* trainer_tricks: the craft of training (see tricks.h). */
#include "tricks.h"

#include "../../libcore/nn/drop_path.h"

#include <string.h>

size_t tricks_options(struct tricks *t, struct cli_option *to)
{
	const struct cli_option list[] = {
		{NULL, 0, CLI_FLAG, NULL, NULL, "Craft", 0, NULL},
		{"lr-base", 0, CLI_REAL, "F", &t->lr_base,
			"learning rate for --lr-base-batch rows a step; grows with those there are",
			0, &t->lr_base_given},
		{"lr-base-batch", 0, CLI_COUNT, "N", &t->lr_base_batch, "of --lr-base", 0, NULL},
		{"warmup", 0, CLI_TEXT, "NAME", &t->warmup,
			"how --warmup-epochs rise: linear, or exponential from a hundredth", 0,
			NULL},
		{"opt-eps", 0, CLI_REAL, "F", &t->epsilon,
			"added to roots; default: 1e-8, adagrad 1e-10", 0, &t->epsilon_given},
		{"muon", 0, CLI_TEXT, "LR[,MOMENTUM[,STEPS]]", &t->muon,
			"of muon's filters; default: 0.24,0.6,3", 0, NULL},
		{"mixup", 0, CLI_REAL, "A", &t->mixup,
			"mix the pictures and labels of a batch, shares from Beta(A,A)", 0, NULL},
		{"cutmix", 0, CLI_REAL, "A", &t->cutmix,
			"paste a window of one onto another; with --mixup half of the batches", 0,
			NULL},
		{"drop-path", 0, CLI_REAL, "P", &t->drop_path,
			"of the deepest drop-path layer; the others less in proportion", 0,
			&t->drop_path_given},
		{"zero-init-residual", 0, CLI_FLAG, NULL, &t->zero_init,
			"residual branches that end in bn begin with a scale of 0", 0, NULL},
		{"find-lr", 0, CLI_TEXT, "NAME", &t->find_lr,
			"no model: lr from 1e-6 to 10 in --steps (100), curve in NAME.tsv, "
			"NAME.png",
			0, NULL},
		{"whiten", 0, CLI_TEXT, "STAGE", &t->whiten,
			"filters of that convolution whiten the first batch, and stay", 0, NULL},
		{"bias-lr-scale", 0, CLI_REAL, "F", &t->bias_lr_scale,
			"learning rate of the norms' biases, times F", 0, NULL},
		{"decay-all", 0, CLI_FLAG, NULL, &t->decay_all,
			"weight decay on biases and norms, too", 0, NULL},
		{"swa", 0, CLI_REAL, "START", &t->swa_start,
			"keep the plain mean of the weights from this share of the training on", 0,
			&t->swa_given},
		{"lookahead", 0, CLI_TEXT, "K[,ALPHA[,POWER]]", &t->lookahead,
			"every K steps go back to ALPHA (0.5) of the way; 1-(1-ALPHA)x^POWER", 0,
			NULL},
	};
	memcpy(to, list, sizeof list);
	t->bias_lr_scale = 1.0;
	t->lr_base_batch = 256;
	return sizeof list / sizeof *list;
}

static int parse_lookahead(const struct tricks *t, struct train_lookahead *to, struct cvt_err *e)
{
	double v[3] = {0, 0.5, 0};
	size_t n = 0;
	if (!t->lookahead)
		return CVT_OK;
	TRY(cli_reals(t->lookahead, "--lookahead", v, 3, &n, e));
	if (!(v[0] >= 1 && v[0] <= 1e6 && v[0] == (double)(size_t)v[0]) || !(v[1] > 0 && v[1] <= 1)
		|| !(v[2] >= 0 && v[2] <= 100))
		return cvt_fail(e, CVT_USAGE,
			"--lookahead %s: should be K[,ALPHA[,POWER]], a number of steps, a share "
			"above 0, and a power: 5,0.5",
			t->lookahead);
	*to = (struct train_lookahead){(size_t)v[0], v[1], v[2]};
	return CVT_OK;
}

int tricks_understand(
	const struct tricks *t, double ema, struct train_options *to, struct cvt_err *e)
{
	to->decay_all = t->decay_all;
	to->bias_lr_scale = t->bias_lr_scale;
	to->swa = t->swa_given;
	to->swa_start = t->swa_start;
	to->sched.warmup_exponential = t->warmup && strcmp(t->warmup, "exponential") == 0;
	if (t->warmup && !to->sched.warmup_exponential && strcmp(t->warmup, "linear") != 0)
		return cvt_fail(
			e, CVT_USAGE, "--warmup %s: should be linear or exponential", t->warmup);
	to->mixup = t->mixup;
	to->cutmix = t->cutmix;
	if (!(t->mixup >= 0.0 && t->mixup < 1e3) || !(t->cutmix >= 0.0 && t->cutmix < 1e3))
		return cvt_fail(e, CVT_USAGE, "--mixup %g, --cutmix %g: should be 0 or more",
			t->mixup, t->cutmix);
	if (!(t->bias_lr_scale > 0.0))
		return cvt_fail(
			e, CVT_USAGE, "--bias-lr-scale %g: should be above 0", t->bias_lr_scale);
	if (t->swa_given && !(t->swa_start >= 0.0 && t->swa_start < 1.0))
		return cvt_fail(e, CVT_USAGE, "--swa %g: should be a share from 0 to below 1",
			t->swa_start);
	TRY(parse_lookahead(t, &to->lookahead, e));
	if ((ema > 0.0) + to->swa + (to->lookahead.every > 0) > 1)
		return cvt_fail(e, CVT_USAGE,
			"--model-ema, --swa and --lookahead each keep their own average; choose "
			"one");
	return CVT_OK;
}

int tricks_learner(
	const struct tricks *t, struct learner *l, struct train_options *to, struct cvt_err *e)
{
	if (t->drop_path_given)
		TRY(drop_path_set(l->graph, t->drop_path, e));
	return t->whiten ? train_choose_whiten(l, t->whiten, &to->whiten, e) : CVT_OK;
}

int tricks_opt(const struct tricks *t, struct opt_config *c, struct cvt_err *e)
{
	double v[3] = {0.24, 0.6, 3};
	size_t n = 0;
	if (t->muon)
		TRY(cli_reals(t->muon, "--muon", v, 3, &n, e));
	if (!(v[0] >= 0 && v[0] < 1e6 && v[1] >= 0 && v[1] < 1 && v[2] >= 1 && v[2] <= 20))
		return cvt_fail(e, CVT_USAGE,
			"--muon %s: should be LR[,MOMENTUM[,STEPS]], as 0.24,0.6,3", t->muon);
	if (t->epsilon_given && !(t->epsilon > 0 && t->epsilon < 1e6))
		return cvt_fail(e, CVT_USAGE, "--opt-eps %g: should be above 0", t->epsilon);
	c->muon = (struct opt_muon){v[0], v[1], (size_t)v[2]};
	c->epsilon = t->epsilon;
	return CVT_OK;
}

int tricks_lr(const struct tricks *t, bool lr_given, size_t rows, double *lr, struct cvt_err *e)
{
	if (!t->lr_base_given)
		return CVT_OK;
	if (lr_given)
		return cvt_fail(e, CVT_USAGE, "--lr and --lr-base say two things; choose one");
	if (!(t->lr_base >= 0.0 && t->lr_base < 1e30) || t->lr_base_batch == 0)
		return cvt_fail(e, CVT_USAGE,
			"--lr-base %g, --lr-base-batch %zu: should be a rate, and rows", t->lr_base,
			t->lr_base_batch);
	/* Goyal et al., "Accurate, large minibatch SGD" (2017) */
	*lr = t->lr_base * (double)rows / (double)t->lr_base_batch;
	return CVT_OK;
}
