/* reshape: pictures of one size and number of channels (see reshape.h). */
#include "reshape.h"

#include "../../libcore/aug/resample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VIEWS = 64 };

struct reshape {
	struct reshape_options o;
	char name[VIEWS][FIELD_NAME]; /* of the pictures */
	size_t names;
	struct resampler resampler;
	struct tensor made;
	unsigned char *wide; /* a picture with its channels right, before it is resized */
	size_t capacity;
};

static bool is_image(const char *name)
{
	return field_is_view(name, "image") || field_is_view(name, "original");
}

static bool is_picture(const struct head_field *f)
{
	return is_image(f->name) && f->dtype == DT_U1 && (f->ndim == 3 || (f->flags & FIELD_WHOLE));
}

static bool is_mask(const char *name)
{
	return field_is_view(name, "mask") || field_is_view(name, "edge");
}

/* What the head says of a picture's size and channels; 0 = differs. */
static size_t told(const struct head_field *f, int dim)
{
	return (f->flags & FIELD_WHOLE) || f->dims[dim] == HEAD_VARIES ? 0 : f->dims[dim];
}

/* Pictures of different sizes tell them in a table. */
static int check_sizes(const struct head *h, const struct head_field *f, struct cvt_err *e)
{
	char table[FIELD_NAME + 5];
	(void)snprintf(table, sizeof table, "%s.hwc", f->name);
	if (!is_image(f->name) || !(f->flags & FIELD_WHOLE) || head_field(h, table))
		return CVT_OK;
	return cvt_fail(e, CVT_INPUT, "'%s' has no sizes (%s)", f->name, table);
}

/* Fixed where the options or the head fix it; ragged otherwise. */
static int new_shape(struct reshape *r, struct head *h, size_t at, struct cvt_err *e)
{
	struct head_field *f = &h->field[at];
	const struct reshape_options *o = &r->o;
	char table[FIELD_NAME + 5];
	const size_t dims[] = {o->height ? o->height : told(f, 0), o->width ? o->width : told(f, 1),
		o->channels ? o->channels : told(f, 2)};
	if (r->names == VIEWS)
		return cvt_fail(e, CVT_INPUT, "more than %d views of a picture", VIEWS);
	(void)snprintf(r->name[r->names++], FIELD_NAME, "%.*s", FIELD_NAME - 1, f->name);
	if (!dims[0] || !dims[1] || !dims[2])
		return CVT_OK;
	const char *name = r->name[r->names - 1];
	TRY(head_add_field(h, name, DT_U1, 0, 3, dims, e));
	(void)snprintf(table, sizeof table, "%s.at", name);
	head_remove_field(h, table);
	(void)snprintf(table, sizeof table, "%s.hwc", name);
	head_remove_field(h, table);
	return CVT_OK;
}

int reshape_open(
	struct reshape **to, const struct reshape_options *o, struct head *h, struct cvt_err *e)
{
	struct reshape *r = mem_alloc(1, sizeof *r, e);
	int code = r ? CVT_OK : CVT_SYSTEM;
	if (r)
		r->o = *o;
	for (size_t i = 0; code == CVT_OK && i < h->nfields; i++) {
		struct head_field *f = &h->field[i];
		code = check_sizes(h, f, e);
		if (code == CVT_OK && is_picture(f))
			code = new_shape(r, h, i, e);
		else if (o->height && is_mask(f->name) && f->ndim == 2) {
			f->dims[0] = o->height;
			f->dims[1] = o->width;
		}
	}
	if (code != CVT_OK)
		reshape_close(r);
	else
		*to = r;
	return code;
}

void reshape_close(struct reshape *r)
{
	if (!r)
		return;
	resampler_free(&r->resampler);
	tensor_free(&r->made);
	free(r->wide);
	free(r);
}

/* ---- one picture ------------------------------------------------------------------- */

/* ITU-R 601 luma in 16-bit fixed point, as Pillow has it. */
static unsigned char luma(const unsigned char *p)
{
	return (unsigned char)((p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000u) >> 16);
}

static void set_channels(
	const unsigned char *p, size_t pixels, size_t from, unsigned char *to, size_t channels)
{
	for (size_t i = 0; i < pixels; i++, p += from, to += channels)
		if (channels == 1)
			to[0] = from == 3 ? luma(p) : p[0];
		else
			for (size_t k = 0; k < channels; k++)
				to[k] = from == channels ? p[k] : p[0];
}

struct size {
	size_t h, w, c;
};

static struct size size_after(const struct reshape_options *o, struct size s)
{
	return (struct size){o->height ? o->height : s.h, o->width ? o->width : s.w,
		o->channels ? o->channels : s.c};
}

static int resize(struct reshape *r, const unsigned char *p, struct size from, unsigned char *to,
	struct size want, struct cvt_err *e)
{
	const struct resample_from f = {p, from.w * from.c, from.h, from.w, from.c};
	if (from.h == 0 || from.w == 0)
		return cvt_fail(e, CVT_INPUT, "a picture without pixels cannot be resized");
	if (from.h == want.h && from.w == want.w) {
		memcpy(to, p, from.h * from.w * from.c);
		return CVT_OK;
	}
	return resample_picture(&r->resampler, &f, to, want.h, want.w, e);
}

/* Channels and size, whichever makes the picture smaller first (spreading grey commutes with the
 * filter; luma comes before it, as when a grey picture is opened). */
static int make_picture(struct reshape *r, const unsigned char *p, struct size from,
	unsigned char *to, struct size want, struct cvt_err *e)
{
	void *wide = r->wide;
	const bool sized = from.h != want.h || from.w != want.w, spread = from.c < want.c;
	const size_t pixels = spread && sized ? want.h * want.w : from.h * from.w;
	const size_t between = spread ? from.c : want.c;
	if (from.c == want.c)
		return resize(r, p, from, to, want, e);
	TRY(mem_grow(&wide, &r->capacity, pixels * between + 1, 1, e));
	r->wide = wide;
	if (!sized)
		set_channels(p, pixels, from.c, to, want.c);
	else if (spread) {
		TRY(resize(r, p, from, r->wide, want, e));
		set_channels(r->wide, pixels, from.c, to, want.c);
	} else {
		set_channels(p, pixels, from.c, r->wide, want.c);
		from.c = want.c;
		return resize(r, r->wide, from, to, want, e);
	}
	return CVT_OK;
}

/* ---- rows -------------------------------------------------------------------------- */

/* The pictures of a field, of one size or ragged. */
struct gallery {
	const unsigned char *bytes;
	const int64_t *at; /* NULL = one size */
	const int32_t *hwc;
	struct size size;
};

static struct size size_of(const struct gallery *g, size_t i)
{
	if (!g->at)
		return g->size;
	return (struct size){
		(size_t)g->hwc[3 * i], (size_t)g->hwc[3 * i + 1], (size_t)g->hwc[3 * i + 2]};
}

static struct gallery gallery_of(const struct batch *b, const char *name)
{
	const struct tensor *t = batch_get(b, name);
	char table[FIELD_NAME + 5];
	struct gallery g = {.bytes = t->data};
	if (!batch_is_ragged(b, name)) {
		g.size = (struct size){t->dims[1], t->dims[2], t->dims[3]};
		return g;
	}
	(void)snprintf(table, sizeof table, "%s.at", name);
	g.at = batch_get(b, table)->data;
	(void)snprintf(table, sizeof table, "%s.hwc", name);
	g.hwc = batch_get(b, table)->data;
	return g;
}

/* Gives `made` the room of all pictures after; *fixed when all are of one size by the options. */
static int make_room(
	struct reshape *r, const struct gallery *g, size_t n, bool *fixed, struct cvt_err *e)
{
	const struct size s = size_after(&r->o, g->size);
	const size_t dims[] = {n, s.h, s.w, s.c};
	size_t all = 0, one;
	*fixed = s.h && s.w && s.c;
	if (*fixed)
		return tensor_shape(&r->made, DT_U1, 4, dims, e);
	for (size_t i = 0; i < n; i++) {
		const struct size k = size_after(&r->o, size_of(g, i));
		const size_t three[] = {k.h, k.w, k.c};
		TRY(tensor_count(3, three, &one, e));
		if (!mem_add(all, one, &all))
			return cvt_fail(e, CVT_INPUT, "pictures of that size do not fit in memory");
	}
	return tensor_shape(&r->made, DT_U1, 1, &all, e);
}

/* The tables of the ragged result are written over those of the source, row by row. */
static int make_gallery(struct reshape *r, struct batch *b, const char *name, struct cvt_err *e)
{
	const struct gallery g = gallery_of(b, name);
	bool fixed;
	TRY(make_room(r, &g, b->rows, &fixed, e));
	unsigned char *to = r->made.data;
	int64_t *at = NULL;
	int32_t *hwc = NULL;
	char table[FIELD_NAME + 5], sizes[FIELD_NAME + 5];
	(void)snprintf(table, sizeof table, "%s.at", name);
	(void)snprintf(sizes, sizeof sizes, "%s.hwc", name);
	if (!fixed) {
		at = batch_get(b, table)->data;
		hwc = batch_get(b, sizes)->data;
	}
	size_t from = 0, end = 0;
	for (size_t i = 0; i < b->rows; i++) {
		const struct size s = size_of(&g, i), want = size_after(&r->o, s);
		end = from + s.h * s.w * s.c;
		TRY(make_picture(r, g.bytes + from, s, to, want, e));
		from = end;
		to += want.h * want.w * want.c;
		if (hwc) {
			hwc[3 * i] = (int32_t)want.h;
			hwc[3 * i + 1] = (int32_t)want.w;
			hwc[3 * i + 2] = (int32_t)want.c;
			at[i + 1] = to - (unsigned char *)r->made.data;
		}
	}
	struct field *f = batch_field(b, name);
	TRY(tensor_copy(&f->t, &r->made, e));
	if (fixed) {
		f->flags = 0;
		batch_remove(b, table);
		batch_remove(b, sizes);
	}
	return CVT_OK;
}

static int make_masks(struct reshape *r, struct tensor *t, struct cvt_err *e)
{
	const size_t n = t->dims[0], h = t->dims[1], w = t->dims[2];
	const size_t dims[] = {n, r->o.height, r->o.width};
	TRY(tensor_shape(&r->made, DT_U1, 3, dims, e));
	unsigned char *to = r->made.data;
	const unsigned char *from = t->data;
	for (size_t i = 0; i < n; i++, from += h * w)
		for (size_t y = 0; y < dims[1]; y++)
			for (size_t x = 0; x < dims[2]; x++)
				*to++ = from[(2 * y + 1) * h / (2 * dims[1]) * w
					     + (2 * x + 1) * w / (2 * dims[2])];
	return tensor_copy(t, &r->made, e);
}

/* Boxes follow picture `image`. */
static void scale_boxes(const struct reshape *r, const struct gallery *g, struct tensor *t)
{
	const size_t m = t->dims[1], k = t->dims[2];
	float *box = t->data;
	for (size_t i = 0; i < t->dims[0] * m; i++, box += k) {
		const struct size s = size_of(g, i / m);
		for (size_t j = k - 4; j < k; j++)
			box[j] *= (j - k) % 2 == 0 ? (float)r->o.width / (float)s.w
						   : (float)r->o.height / (float)s.h;
	}
}

int reshape_rows(struct reshape *r, struct batch *b, struct cvt_err *e)
{
	for (size_t i = 0; r->o.height && i < b->n; i++) {
		struct field *f = &b->field[i];
		if (is_mask(f->name) && f->t.dtype == DT_U1 && f->t.ndim == 3)
			TRY(make_masks(r, &f->t, e));
		else if (field_is_view(f->name, "boxes") && f->t.dtype == DT_F4 && f->t.ndim == 3
			 && f->t.dims[2] >= 4 && batch_get(b, "image")) {
			const struct gallery g = gallery_of(b, "image");
			scale_boxes(r, &g, &f->t);
		}
	}
	for (size_t i = 0; i < r->names; i++)
		if (batch_get(b, r->name[i]))
			TRY(make_gallery(r, b, r->name[i], e));
	return CVT_OK;
}
