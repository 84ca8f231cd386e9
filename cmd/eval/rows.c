/* eval_rows: truth and prediction of the rows of a stream (see eval_rows.h). */
#include "rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double SUM_SLACK = 1e-2; /* how far from 1 rounded probabilities may be */

/* ---- which fields ------------------------------------------------------------------ */

static bool is_number(const struct head_field *f)
{
	return f->dtype == DT_I4 && f->ndim == 0;
}

static bool is_vector(const struct head_field *f)
{
	return f->dtype == DT_F4 && f->ndim == 1 && f->dims[0] != HEAD_VARIES;
}

static bool is_mask(const struct head_field *f)
{
	return (f->dtype == DT_U1 || f->dtype == DT_I4) && (f->ndim == 2 || f->ndim == 3)
	       && !(f->flags & FIELD_WHOLE);
}

/* A number for each pixel: depth. */
static bool is_map(const struct head_field *f)
{
	return f->dtype == DT_F4 && (f->ndim == 2 || (f->ndim == 3 && f->dims[2] == 1))
	       && !(f->flags & FIELD_WHOLE);
}

static int wrong_kind(const char *source, const struct head_field *f, struct cvt_err *e)
{
	return cvt_fail(e, CVT_INPUT,
		"%s: '%s' is neither a class number (<i4), nor a score for each class (<f4), nor a "
		"mask or a map",
		source, f->name);
}

static const struct head_field *named(
	const struct head *h, const char *name, const char *source, struct cvt_err *e)
{
	const struct head_field *f = head_field(h, name);
	if (!f)
		cvt_fail(e, CVT_INPUT, "%s: there is no field '%s'; see cv-view --head", source,
			name);
	return f;
}

/* What prediction.FIELD predicts. */
static const char *truth_of_answer(const struct eval_fields *f)
{
	static const char prefix[] = "prediction.";
	const size_t n = sizeof prefix - 1;
	if (f->answer && strncmp(f->answer, prefix, n) == 0)
		return f->answer + n;
	return f->masks ? "mask" : f->maps ? "depth" : "label";
}

static bool fits(const struct eval_fields *f, const struct head_field *truth)
{
	if (f->masks)
		return is_mask(truth) && truth->dtype == DT_U1;
	return f->maps ? is_map(truth) : is_number(truth) || is_vector(truth);
}

/* Masks are compared with masks, maps with maps, classes with classes. */
static int choose_truth(
	struct eval_fields *f, const struct head *h, const char *source, struct cvt_err *e)
{
	const struct head_field *answer = head_field(h, f->answer ? f->answer : "prediction");
	const struct head_field *t;
	f->masks = answer && is_mask(answer);
	f->maps = answer && is_map(answer);
	if (!f->truth)
		f->truth = truth_of_answer(f);
	t = named(h, f->truth, source, e);
	if (!t)
		return CVT_INPUT;
	return fits(f, t) ? CVT_OK : wrong_kind(source, t, e);
}

static int check_pixels(
	const struct eval_fields *f, const struct head *h, const char *source, struct cvt_err *e)
{
	const struct head_field *a = head_field(h, f->answer), *t = head_field(h, f->truth);
	size_t have = 0, want = 0;
	TRY(tensor_count(a->ndim, a->dims, &have, e));
	TRY(tensor_count(t->ndim, t->dims, &want, e));
	if (have != want)
		return cvt_fail(e, CVT_INPUT, "%s: '%s' has %zu pixels, '%s' has %zu", source,
			f->answer, have, f->truth, want);
	return CVT_OK;
}

/* How many classes the truth has by its names or, when soft, by its columns; 0 = not known. */
static size_t classes_of_truth(const struct eval_fields *f, const struct head *h)
{
	const struct head_classes *names = head_classes(h, f->truth);
	const struct head_field *truth = head_field(h, f->truth);
	const size_t soft = is_vector(truth) ? truth->dims[0] : 0;
	return names && names->n > soft ? names->n : soft;
}

/* The scores of a truth of classes. Those of the label stand for another truth only where nothing
 * else was predicted, and when they are of as many classes. */
static int choose_scores(
	struct eval_fields *f, const struct head *h, const char *source, struct cvt_err *e)
{
	static const char *const scores[] = {"logits", "probs", NULL};
	const bool label = strcmp(f->truth, "label") == 0;
	const size_t K = label ? 0 : classes_of_truth(f, h);
	if (f->masks || f->maps || (f->answer && !label))
		return CVT_OK;
	for (const char *const *s = scores; *s && !f->score; s++)
		if (head_field(h, *s) && is_vector(head_field(h, *s)))
			f->score = *s;
	const size_t have = f->score ? head_field(h, f->score)->dims[0] : K;
	if (K && have != K)
		return cvt_fail(e, CVT_INPUT,
			"%s: '%s' has %zu classes, '%s' has %zu; name what predicts it with "
			"--predicted",
			source, f->truth, K, f->score, have);
	return CVT_OK;
}

static int choose_answer(
	struct eval_fields *f, const struct head *h, const char *source, struct cvt_err *e)
{
	if (f->answer && !named(h, f->answer, source, e))
		return CVT_INPUT;
	if (!f->answer && head_field(h, "prediction"))
		f->answer = "prediction";
	if (f->answer && is_vector(head_field(h, f->answer)))
		f->score = f->answer;
	else if (f->answer && !is_number(head_field(h, f->answer)) && !f->masks && !f->maps)
		return wrong_kind(source, head_field(h, f->answer), e);
	TRY(choose_scores(f, h, source, e));
	if (!f->answer && !f->score)
		return cvt_fail(e, CVT_INPUT,
			"%s: no 'prediction', 'logits' or 'probs'; cv-embed --output logits makes "
			"them, or "
			"cv-knn --bank FILE",
			source);
	f->probs = f->score && strstr(f->score, "logits") == NULL;
	return CVT_OK;
}

int eval_check_part(const struct head *h, const char *source, struct cvt_err *e)
{
	const struct head_field *part = head_field(h, "part");
	if (!part)
		return cvt_fail(
			e, CVT_INPUT, "%s: no 'part'; cv-read --val-fraction makes it", source);
	return is_number(part) ? CVT_OK
			       : cvt_fail(e, CVT_INPUT, "%s: 'part' is not one <i4 a row", source);
}

int eval_choose(struct eval_fields *f, const struct head *h, const char *source, struct cvt_err *e)
{
	TRY(choose_truth(f, h, source, e));
	TRY(choose_answer(f, h, source, e));
	const struct head_classes *names = head_classes(h, f->truth);
	const size_t known = classes_of_truth(f, h);
	f->classes = f->score ? head_field(h, f->score)->dims[0] : names ? names->n : 0;
	f->most = known > f->classes ? known : f->classes;
	f->has = f->masks  ? METRIC_MASK
		 : f->maps ? METRIC_MAP
			   : METRIC_ANSWER | (f->score ? METRIC_SCORE : 0u);
	if (f->masks || f->maps)
		TRY(check_pixels(f, h, source, e));
	return f->by_part ? eval_check_part(h, source, e) : CVT_OK;
}

/* ---- the rows ---------------------------------------------------------------------- */

/* The class of a row; below 0 if it is unknown. Soft labels: the greatest. */
static int truth_of(const struct eval_rows *rows, const struct eval_fields *f,
	const struct batch *b, size_t row, int32_t *to, struct cvt_err *e)
{
	const struct tensor *t = batch_get(b, f->truth);
	if (t->dtype == DT_I4) {
		*to = ((const int32_t *)t->data)[row];
		return CVT_OK;
	}
	const size_t k = t->dims[1];
	const float *soft = (const float *)t->data + row * k;
	const int32_t best = metric_argmax(soft, k);
	if (k && best < 0)
		return cvt_fail(e, CVT_INPUT, "row %llu: '%s' is not a number",
			(unsigned long long)rows->read + row, f->truth);
	*to = best >= 0 && soft[best] > 0 ? best : -1;
	return CVT_OK;
}

static bool in_part(const struct eval_fields *f, const struct batch *b, size_t row)
{
	const struct tensor *part = f->by_part ? batch_get(b, "part") : NULL;
	return !part || ((const int32_t *)part->data)[row] == f->part;
}

static int make_room(struct eval_rows *to, const struct eval_fields *f, size_t rows, size_t classes,
	struct cvt_err *e)
{
	const size_t dims[2] = {rows, classes};
	TRY(tensor_shape(&to->truth, DT_I4, 1, dims, e));
	TRY(tensor_shape(&to->answer, DT_I4, 1, dims, e));
	if (f->score)
		TRY(tensor_shape(&to->score, DT_F4, 2, dims, e));
	return CVT_OK;
}

/* Where the measures take scores for probabilities, or make some of them. */
static int check_scores(const struct eval_fields *f, const float *score, size_t k, int32_t best,
	unsigned long long row, struct cvt_err *e)
{
	double sum = 0, least = 0;
	for (size_t i = 0; i < k; i++) {
		sum += (double)score[i];
		least = fmin(least, (double)score[i]);
	}
	if (!f->sums)
		return CVT_OK;
	if (!isfinite(score[best]))
		return cvt_fail(e, CVT_INPUT,
			"row %llu: '%s' is infinite, which makes no probabilities; did the "
			"training diverge?",
			row, f->score);
	if (!f->probs || (fabs(sum - 1) <= SUM_SLACK && least >= -SUM_SLACK))
		return CVT_OK;
	if (least < -SUM_SLACK)
		return cvt_fail(e, CVT_INPUT,
			"row %llu: '%s' has a probability of %g; are they logits? cv-read --rename "
			"%s=logits says so",
			row, f->score, least, f->score);
	return cvt_fail(e, CVT_INPUT,
		"row %llu: '%s' sums to %g instead of 1; are they logits? cv-read --rename "
		"%s=logits "
		"says so",
		row, f->score, sum, f->score);
}

/* Row `row` of b, whose truth is known, as row n of what counts. */
static int take_row(struct eval_rows *to, const struct eval_fields *f, const struct batch *b,
	size_t row, size_t n, struct cvt_err *e)
{
	const struct tensor *answer = f->answer ? batch_get(b, f->answer) : NULL;
	const struct tensor *score = f->score ? batch_get(b, f->score) : NULL;
	const int32_t *truth = to->truth.data;
	int32_t *best = to->answer.data;
	const unsigned long long at = (unsigned long long)to->read + row;
	if (score) {
		const size_t k = score->dims[1];
		float *s = (float *)to->score.data + n * k;
		memcpy(s, (const float *)score->data + row * k, k * sizeof *s);
		best[n] = metric_argmax(s, k);
		if (best[n] < 0)
			return cvt_fail(e, CVT_INPUT,
				"row %llu: '%s' is not a number; did the training diverge?", at,
				f->score);
		if ((size_t)truth[n] >= k)
			return cvt_fail(e, CVT_INPUT,
				"row %llu: '%s' is class %d, but '%s' has %zu classes", at,
				f->truth, truth[n], f->score, k);
		TRY(check_scores(f, s, k, best[n], at, e));
	}
	if (answer && answer->dtype == DT_I4)
		best[n] = ((const int32_t *)answer->data)[row];
	if (f->most && best[n] >= 0 && (size_t)best[n] >= f->most)
		return cvt_fail(e, CVT_INPUT,
			"row %llu: '%s' is class %d, but '%s' has %zu classes", at, f->answer,
			best[n], f->truth, f->most);
	return CVT_OK;
}

static int take_classes(
	struct eval_rows *to, const struct eval_fields *f, const struct batch *b, struct cvt_err *e)
{
	const struct tensor *score = f->score ? batch_get(b, f->score) : NULL;
	const size_t classes = score ? score->dims[1] : 0;
	size_t n = 0;
	TRY(make_room(to, f, b->rows, classes, e));
	for (size_t i = 0; i < b->rows; i++) {
		int32_t *truth = (int32_t *)to->truth.data + n;
		if (!in_part(f, b, i))
			continue;
		TRY(truth_of(to, f, b, i, truth, e));
		if (*truth < 0)
			to->unlabelled++;
		else
			TRY(take_row(to, f, b, i, n++, e));
	}
	to->r = (struct metric_rows){.rows = n,
		.classes = classes,
		.truth = to->truth.data,
		.answer = to->answer.data,
		.score = score ? to->score.data : NULL,
		.probs = f->probs};
	return CVT_OK;
}

static unsigned char pixel(const struct tensor *t, size_t i)
{
	if (t->dtype == DT_U1)
		return ((const unsigned char *)t->data)[i];
	const int32_t v = ((const int32_t *)t->data)[i];
	return v < 0 || v > METRIC_IGNORE ? METRIC_IGNORE : (unsigned char)v;
}

static int take_masks(
	struct eval_rows *to, const struct eval_fields *f, const struct batch *b, struct cvt_err *e)
{
	const struct tensor *truth = batch_get(b, f->truth), *answer = batch_get(b, f->answer);
	const size_t pixels = tensor_row_items(truth), dims[2] = {b->rows, pixels};
	size_t n = 0;
	TRY(tensor_shape(&to->truth_mask, DT_U1, 2, dims, e));
	TRY(tensor_shape(&to->answer_mask, DT_U1, 2, dims, e));
	unsigned char *t = to->truth_mask.data, *a = to->answer_mask.data;
	for (size_t i = 0; i < b->rows; i++) {
		if (!in_part(f, b, i))
			continue;
		bool known = false;
		for (size_t p = 0; p < pixels; p++) {
			t[n * pixels + p] = pixel(truth, i * pixels + p);
			a[n * pixels + p] = pixel(answer, i * pixels + p);
			known = known || t[n * pixels + p] != METRIC_IGNORE;
		}
		n += known;
		to->unlabelled += !known;
	}
	to->r = (struct metric_rows){
		.rows = n, .pixels = pixels, .truth_mask = t, .answer_mask = a};
	return CVT_OK;
}

/* A map counts when it has a truth somewhere; depth is above 0 (metric/depth.c). */
static bool is_known(const float *map, size_t pixels)
{
	for (size_t p = 0; p < pixels; p++)
		if (map[p] > 0)
			return true;
	return false;
}

static int take_maps(
	struct eval_rows *to, const struct eval_fields *f, const struct batch *b, struct cvt_err *e)
{
	const struct tensor *truth = batch_get(b, f->truth), *answer = batch_get(b, f->answer);
	const size_t pixels = tensor_row_items(truth), dims[2] = {b->rows, pixels};
	size_t n = 0;
	TRY(tensor_shape(&to->truth_map, DT_F4, 2, dims, e));
	TRY(tensor_shape(&to->answer_map, DT_F4, 2, dims, e));
	float *t = to->truth_map.data, *a = to->answer_map.data;
	for (size_t i = 0; i < b->rows; i++) {
		const float *map = (const float *)truth->data + i * pixels;
		if (!in_part(f, b, i))
			continue;
		memcpy(t + n * pixels, map, pixels * sizeof *t);
		memcpy(a + n * pixels, (const float *)answer->data + i * pixels,
			pixels * sizeof *a);
		const bool known = is_known(map, pixels);
		n += known;
		to->unlabelled += !known;
	}
	to->r = (struct metric_rows){.rows = n, .pixels = pixels, .truth_map = t, .answer_map = a};
	return CVT_OK;
}

int eval_take(struct eval_rows *rows, const struct eval_fields *f, const struct batch *b,
	struct cvt_err *e)
{
	TRY(f->masks      ? take_masks(rows, f, b, e)
		: f->maps ? take_maps(rows, f, b, e)
			  : take_classes(rows, f, b, e));
	rows->read += b->rows;
	return CVT_OK;
}

void eval_rows_free(struct eval_rows *rows)
{
	tensor_free(&rows->truth);
	tensor_free(&rows->answer);
	tensor_free(&rows->score);
	tensor_free(&rows->truth_mask);
	tensor_free(&rows->answer_mask);
	tensor_free(&rows->truth_map);
	tensor_free(&rows->answer_map);
	*rows = (struct eval_rows){0};
}
