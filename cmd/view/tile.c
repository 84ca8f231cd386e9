/* view_tile: a row's picture as a tile of the grid (see view_tile.h). */
#include "tile.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Pictures are enlarged while they stay within SMALL pixels, and reduced beyond LARGE. */
enum { SMALL = 128, LARGE = 256, IGNORED = 255 };

/* A picture as it lies in a batch. */
struct picture {
	enum dtype dtype;
	size_t h, w, c;
	const unsigned char *data;
	bool mask;       /* numbers of classes, not brightness */
	float low, high; /* of f4 without a fixed range (depth): what is black, what is white */
};

bool tile_can_show(const struct head_field *f)
{
	const bool number = f->dtype == DT_U1 || f->dtype == DT_F4;
	if (!number || view_is_text(f) || field_is_boxes(f->name))
		return false;
	return (f->flags & FIELD_WHOLE) || (f->ndim >= 2 && f->ndim <= 4);
}

size_t tile_frames(const struct head_field *f, const struct batch *b)
{
	return f->ndim == 4 && !(f->flags & FIELD_WHOLE) ? batch_get(b, f->name)->dims[1] : 1;
}

/* ---- where it lies ----------------------------------------------------------------- */

static const struct tensor *beside(const struct batch *b, const char *name, const char *suffix)
{
	char other[FIELD_NAME + 8];
	(void)snprintf(other, sizeof other, "%s%s", name, suffix);
	return batch_get(b, other);
}

static bool find_ragged(
	struct picture *p, const struct batch *b, const struct head_field *f, size_t row)
{
	const struct tensor *at = beside(b, f->name, ".at"), *hwc = beside(b, f->name, ".hwc");
	if (!at || !hwc)
		return false;
	const int32_t *size = (const int32_t *)hwc->data + 3 * row;
	p->h = (size_t)size[0];
	p->w = (size_t)size[1];
	p->c = (size_t)size[2];
	p->data += (size_t)((const int64_t *)at->data)[row] * dtype_size(p->dtype);
	return true;
}

static void find_range(struct picture *p)
{
	const float *v = (const float *)(const void *)p->data;
	p->low = INFINITY;
	p->high = -INFINITY;
	for (size_t i = 0; i < p->h * p->w * p->c; i++) {
		p->low = v[i] < p->low ? v[i] : p->low;
		p->high = v[i] > p->high ? v[i] : p->high;
	}
}

static bool find_picture(struct picture *p, const struct batch *b, const struct head_field *f,
	size_t row, size_t frame)
{
	const struct tensor *t = batch_get(b, f->name);
	*p = (struct picture){.dtype = t->dtype, .data = t->data, .high = 1};
	if (f->flags & FIELD_WHOLE)
		return find_ragged(p, b, f, row);
	const int first = f->ndim == 4 ? 2 : 1;
	p->h = t->dims[first];
	p->w = t->dims[first + 1];
	p->c = f->ndim == 2 ? 1 : t->dims[first + 2];
	const size_t frames = f->ndim == 4 ? t->dims[1] : 1;
	p->data += (row * frames + frame) * p->h * p->w * p->c * dtype_size(p->dtype);
	p->mask = f->ndim == 2 && p->dtype == DT_U1;
	if (f->ndim == 2 && p->dtype == DT_F4)
		find_range(p);
	return p->h > 0 && p->w > 0 && p->c > 0;
}

/* ---- drawing ----------------------------------------------------------------------- */

static unsigned char sample(const struct picture *p, size_t y, size_t x, size_t channel)
{
	const size_t at = (y * p->w + x) * p->c + (p->c >= 3 ? channel : 0);
	if (p->dtype == DT_U1)
		return p->data[at];
	const float v = ((const float *)(const void *)p->data)[at], range = p->high - p->low;
	const float unit = range > 0 ? (v - p->low) / range : 0;
	return unit > 0 ? unit < 1 ? (unsigned char)lroundf(unit * 255) : 255
			: 0; /* NaN is black */
}

static struct colour pixel(const struct picture *p, size_t y, size_t x)
{
	if (p->mask) {
		const unsigned char k = sample(p, y, x, 0);
		const struct colour none = {0, 0, 0};
		return k == 0 || k == IGNORED ? none : colour_of(k);
	}
	const struct colour c = {sample(p, y, x, 0), sample(p, y, x, 1), sample(p, y, x, 2)};
	return c;
}

static struct zoom zoom_of(const struct picture *p, size_t wanted)
{
	const size_t side = p->h > p->w ? p->h : p->w;
	struct zoom z = {wanted, 1};
	if (!wanted) {
		z.up = side < SMALL ? SMALL / side : 1;
		z.down = (side + LARGE - 1) / LARGE;
	}
	return z;
}

static int draw_picture(
	struct canvas *c, const struct picture *p, const struct zoom *z, struct cvt_err *e)
{
	const struct colour black = {0, 0, 0};
	const size_t h = (p->h + z->down - 1) / z->down, w = (p->w + z->down - 1) / z->down;
	TRY(canvas_open(c, w * z->up, h * z->up, black, e));
	for (size_t y = 0; y < c->height; y++)
		for (size_t x = 0; x < c->width; x++) {
			const struct colour v = pixel(p, y / z->up * z->down, x / z->up * z->down);
			memcpy(c->rgb + 3 * (y * c->width + x),
				&(const unsigned char[3]){v.r, v.g, v.b}, 3);
		}
	return CVT_OK;
}

/* ---- captions ---------------------------------------------------------------------- */

/* A class number of a row: the field itself, or the largest of its K values; -1 = unknown. */
static long class_of(const struct batch *b, const char *field, size_t row)
{
	const struct tensor *t = batch_get(b, field);
	if (t && t->dtype == DT_I4 && t->ndim == 1)
		return ((const int32_t *)t->data)[row];
	if (!t || t->dtype != DT_F4 || t->ndim != 2 || t->dims[1] == 0)
		return -1;
	const float *v = (const float *)t->data + row * t->dims[1];
	size_t best = 0;
	for (size_t k = 1; k < t->dims[1]; k++)
		best = v[k] > v[best] ? k : best;
	return v[best] == 0 ? -1 : (long)best; /* all zero = unknown (soft labels) */
}

static void name_class(char *to, const struct head *h, const char *field, long number)
{
	const char *name = view_class(h, field, number);
	if (!name)
		name = view_class(h, "label", number);
	if (name)
		(void)snprintf(to, CAPTION, "%s", name);
	else if (number >= 0)
		(void)snprintf(to, CAPTION, "%ld", number);
	else
		to[0] = '\0';
}

static void write_captions(struct tile *t, const struct head *h, const struct batch *b, size_t row)
{
	static const char *const guesses[] = {"prediction", "probs", "logits"};
	const struct colour plain = {40, 40, 40}, right = {20, 130, 40}, wrong = {200, 30, 30};
	const long label = class_of(b, "label", row);
	t->ink[0] = plain;
	name_class(t->caption[0], h, "label", label);
	for (size_t i = 0; i < sizeof guesses / sizeof *guesses; i++) {
		if (!batch_get(b, guesses[i]))
			continue;
		const long guess = class_of(b, guesses[i], row);
		t->ink[1] = label < 0 ? plain : guess == label ? right : wrong;
		name_class(t->caption[1], h, guesses[i], guess);
		return;
	}
}

int tile_make(struct tile *t, const struct head *h, const struct batch *b,
	const struct head_field *f, size_t row, size_t frame, const struct view_options *o,
	enum overlay which, struct cvt_err *e)
{
	struct picture p;
	*t = (struct tile){0};
	if (!find_picture(&p, b, f, row, frame))
		return cvt_fail(e, CVT_INPUT, "field %s holds no pictures", f->name);
	const struct zoom z = zoom_of(&p, o->scale);
	TRY(draw_picture(&t->picture, &p, &z, e));
	if (o->overlay)
		overlay_draw(&t->picture, h, b, row, &z, which);
	write_captions(t, h, b, row);
	if (which != OVERLAY_ALL)
		(void)snprintf(t->caption[1], CAPTION, "%s",
			which == OVERLAY_TRUTH ? "truth" : "prediction");
	return CVT_OK;
}
