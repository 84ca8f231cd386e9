/*
 * trainer_find_lr: the learning-rate range test (Smith, "Cyclical learning rates for training neural
 * networks", WACV 2017): the rate grows by one factor a step, from far too little to far too much,
 * until the loss is four times its best; the curve goes to NAME.tsv and NAME.png, and no model is
 * written. The loss is smoothed as Howard and Gugger's fastai does: the mean with weights 0.95^k.
 */
#include "trainer.h"

#include "../../formats/output.h"
#include "../../formats/png_write.h"
#include "../view/plot.h"

#include <math.h>
#include <stdlib.h>

enum { WIDTH = 720, HEIGHT = 360, COLUMNS = 3 };

void trainer_find_report(void *context, const struct train_report *r)
{
	struct trainer *t = context;
	struct finder *f = &t->finder;
	void *p = f->point;
	struct cvt_err e;
	trainer_report(context, r);
	if (r->epoch_end || !isfinite(r->batch_loss) || f->done
		|| mem_grow(&p, &f->capacity, f->n + 1, COLUMNS * sizeof *f->point, &e) != CVT_OK)
		return;
	f->point = p;
	f->sum = 0.95 * f->sum + 0.05 * r->batch_loss;
	const double smooth = f->sum / (1.0 - pow(0.95, (double)f->n + 1));
	const double point[COLUMNS] = {r->lr, r->batch_loss, smooth};
	for (size_t i = 0; i < COLUMNS; i++)
		f->point[f->n * COLUMNS + i] = point[i];
	f->n++;
	if (f->n == 1 || smooth < f->best) {
		f->best = smooth;
		f->at_best = r->lr;
	}
	f->done = smooth > f->best + 3.0 * fabs(f->best); /* a learned likelihood may be negative */
}

static int write_text(const struct finder *f, struct output *out, struct cvt_err *e)
{
	struct str text = {0};
	int code = str_puts(&text, "lr\tloss\tsmoothed\n", e);
	for (size_t i = 0; i < f->n && code == CVT_OK; i++)
		code = str_printf(&text, e, "%.9g\t%.9g\t%.9g\n", f->point[i * COLUMNS],
			f->point[i * COLUMNS + 1], f->point[i * COLUMNS + 2]);
	if (code == CVT_OK)
		code = output_write(out, text.p, text.n, e);
	free(text.p);
	return code;
}

static int write_picture(const struct finder *f, struct output *out, struct cvt_err *e)
{
	const struct plot_line line[2] = {
		{f->point, f->point + 1, f->n, COLUMNS, {200, 200, 200}, false},
		{f->point, f->point + 2, f->n, COLUMNS, {230, 60, 60}, false}};
	const struct plot p = {.title = "loss",
		.below = "learning rate",
		.log_x = true,
		.line = line,
		.n = 2,
		.low = 0.0,
		.high = 2.0 * f->point[1]};
	struct canvas c;
	TRY(canvas_open(&c, WIDTH, HEIGHT, (struct colour){255, 255, 255}, e));
	plot_draw(&c, &p, 0, 0, WIDTH, HEIGHT);
	const int code = write_png(out, c.rgb, c.width, c.height, 3, e);
	canvas_close(&c);
	return code;
}

static int write_file(const struct trainer *t, const char *suffix,
	int (*write)(const struct finder *f, struct output *out, struct cvt_err *e),
	struct cvt_err *e)
{
	struct str name = {0};
	struct output *out = NULL;
	int code = str_printf(&name, e, "%s%s", t->o.tricks.find_lr, suffix);
	if (code == CVT_OK)
		code = output_open(&out, name.p, e);
	free(name.p);
	TRY(code);
	code = write(&t->finder, out, e);
	if (code == CVT_OK)
		return output_commit(out, e);
	output_abandon(out);
	return code;
}

int trainer_find_check(const struct trainer *t, struct cvt_err *e)
{
	static const char *const suffixes[] = {".tsv", ".png"};
	int code = CVT_OK;
	if (!*t->o.tricks.find_lr)
		return cvt_fail(
			e, CVT_USAGE, "--find-lr: files without a name; is a variable not set?");
	for (size_t i = 0; i < 2 && code == CVT_OK; i++) {
		struct str name = {0};
		code = str_printf(&name, e, "%s%s", t->o.tricks.find_lr, suffixes[i]);
		if (code == CVT_OK)
			code = cli_refuse_read(&t->cli, name.p, NULL, e);
		free(name.p);
	}
	return code;
}

/* What the curve says; one that the input cut short has its best wherever it ended. */
static void tell(const struct trainer *t, bool diverged)
{
	const struct finder *f = &t->finder;
	const char *name = t->o.tricks.find_lr;
	const double last = f->point[(f->n - 1) * COLUMNS], high = t->train_options.find_high;
	if (diverged || f->done || last > 0.99 * high)
		cli_note(&t->cli,
			"%s.tsv, %s.png: the loss is lowest at %.3g; a tenth of that is a good "
			"--lr",
			name, name, f->at_best);
	else
		cli_note(&t->cli,
			"%s.tsv, %s.png: the rows were over at a rate of %.2g, which was to grow "
			"to "
			"%g; bring more epochs (cv-read --epochs N), or grow faster (--steps %zu)",
			name, name, last, high, f->n / t->o.accumulate);
}

int trainer_find_end(struct trainer *t, bool diverged, struct cvt_err *e)
{
	const struct finder *f = &t->finder;
	if (f->n < 2)
		return cvt_fail(
			e, CVT_DIVERGED, "--find-lr: the loss is no number after %zu steps", f->n);
	TRY(write_file(t, ".tsv", write_text, e));
	TRY(write_file(t, ".png", write_picture, e));
	tell(t, diverged);
	return CVT_OK;
}
