/* reshape: pictures of one size and number of channels (see reshape.h). */
#include "reshape.h"

#include "../../libcore/aug/geometry.h"
#include "../../libcore/aug/resample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VIEWS = 64, PICTURE = FIELD_NAME + 8 };

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

/* A number for each pixel, which is never mixed with its neighbours. */
static bool is_plane(const char *name)
{
	return field_is_view(name, "mask") || field_is_view(name, "edge")
	       || field_is_view(name, "depth");
}

/* The picture that FIELD or FIELD.k lies over: `image`, or `image.k`, if there is that view. */
static void picture_of(char to[PICTURE], const char *field)
{
	const char *view = strchr(field, '.');
	(void)snprintf(to, PICTURE, "image%s", view ? view : "");
}

/* What the head says of a picture's size and channels, dimension 0 to 2; 0 = differs. */
static size_t told(const struct head_field *f, int dim)
{
	const size_t d = (f->flags & FIELD_WHOLE) ? HEAD_VARIES : f->dims[f->ndim - 3 + dim];
	return d == HEAD_VARIES ? 0 : d;
}

/* Pictures and clips are bytes; pictures of different sizes tell them in a table. */
static int check_picture(const struct head *h, const struct head_field *f, struct cvt_err *e)
{
	char table[FIELD_NAME + 5];
	(void)snprintf(table, sizeof table, "%s.hwc", f->name);
	if (f->dtype != DT_U1)
		return cvt_fail(e, CVT_INPUT, "'%s' is %s; --size and --channels work on |u1",
			f->name, dtype_name(f->dtype));
	if ((f->flags & FIELD_WHOLE) && !head_field(h, table))
		return cvt_fail(e, CVT_INPUT, "'%s' has no sizes (%s)", f->name, table);
	if (!(f->flags & FIELD_WHOLE) && f->ndim != 3 && f->ndim != 4)
		return cvt_fail(e, CVT_INPUT,
			"'%s' has %d dimensions a row; a picture has H, W, C and a clip T, H, W, C",
			f->name, f->ndim);
	return CVT_OK;
}

static int add_name(struct reshape *r, const char *name, struct cvt_err *e)
{
	if (r->names == VIEWS)
		return cvt_fail(e, CVT_INPUT, "more than %d views of a picture", VIEWS);
	memcpy(r->name[r->names++], name, FIELD_NAME);
	return CVT_OK;
}

/* Fixed where the options or the head fix it; ragged otherwise. */
static int new_shape(const struct reshape *r, struct head *h, const char *name, struct cvt_err *e)
{
	const struct head_field *f = head_field(h, name);
	const struct reshape_options *o = &r->o;
	char table[FIELD_NAME + 5];
	const size_t dims[] = {f->dims[0], o->height ? o->height : told(f, 0),
		o->width ? o->width : told(f, 1), o->channels ? o->channels : told(f, 2)};
	const int clip = !(f->flags & FIELD_WHOLE) && f->ndim == 4;
	if (!dims[1] || !dims[2] || !dims[3])
		return CVT_OK;
	TRY(head_add_field(h, name, DT_U1, 0, 3 + clip, clip ? dims : dims + 1, e));
	(void)snprintf(table, sizeof table, "%s.at", name);
	head_remove_field(h, table);
	(void)snprintf(table, sizeof table, "%s.hwc", name);
	head_remove_field(h, table);
	return CVT_OK;
}

/* H, W, or T, H, W where the picture is a clip. */
static bool is_flat(int ndim, bool clip)
{
	return ndim == 2 || (ndim == 3 && clip);
}

static void new_plane(const struct reshape_options *o, const struct head *h, struct head_field *f)
{
	char name[PICTURE];
	picture_of(name, f->name);
	const struct head_field *picture = head_field(h, head_field(h, name) ? name : "image");
	const bool clip = picture && !(picture->flags & FIELD_WHOLE) && picture->ndim == 4;
	if ((f->flags & FIELD_WHOLE) || !is_flat(f->ndim, clip))
		return;
	f->dims[f->ndim - 2] = o->height;
	f->dims[f->ndim - 1] = o->width;
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
		if (is_image(f->name)) {
			code = check_picture(h, f, e);
			if (code == CVT_OK)
				code = add_name(r, f->name, e);
		} else if (o->height && is_plane(f->name))
			new_plane(o, h, f);
	}
	for (size_t i = 0; code == CVT_OK && i < r->names; i++)
		code = new_shape(r, h, r->name[i], e);
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

/* The pictures of a field, of one size or ragged; a clip is `frames` of them a row. */
struct gallery {
	const unsigned char *bytes;
	bool clip;
	size_t frames;
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
	struct gallery g = {.bytes = t->data, .frames = 1};
	if (!batch_is_ragged(b, name)) {
		const size_t *dims = t->dims + t->ndim - 3;
		g.clip = t->ndim == 5;
		g.frames = g.clip ? t->dims[1] : 1;
		g.size = (struct size){dims[0], dims[1], dims[2]};
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
	const size_t dims[] = {n, s.h, s.w, s.c}, clip[] = {n, g->frames, s.h, s.w, s.c};
	size_t all = 0, one;
	*fixed = s.h && s.w && s.c;
	if (*fixed)
		return tensor_shape(&r->made, DT_U1, g->clip ? 5 : 4, g->clip ? clip : dims, e);
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
	for (size_t i = 0; i < b->rows * g.frames; i++) {
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

/* The items under the new items' centres, by Pillow's steps, as cv-augment takes them (geometry.c). */
static void resize_plane(
	const unsigned char *from, size_t h, size_t w, unsigned char *to, struct size to_size)
{
	const size_t size = to_size.c;
	const double down = (double)h / (double)to_size.h, across = (double)w / (double)to_size.w;
	double y = down * 0.5;
	for (size_t i = 0; i < to_size.h; i++, y += down) {
		const unsigned char *line = from + (size_t)y * w * size;
		double x = across * 0.5;
		for (size_t j = 0; j < to_size.w; j++, x += across, to += size)
			memcpy(to, line + (size_t)x * size, size);
	}
}

static int make_plane(struct reshape *r, struct tensor *t, struct cvt_err *e)
{
	const size_t h = t->dims[t->ndim - 2], w = t->dims[t->ndim - 1],
		     size = dtype_size(t->dtype);
	const struct size want = {r->o.height, r->o.width, size};
	size_t dims[TENSOR_DIMS], frames;
	memcpy(dims, t->dims, sizeof dims);
	dims[t->ndim - 2] = want.h;
	dims[t->ndim - 1] = want.w;
	TRY(tensor_count(t->ndim - 2, dims, &frames, e));
	if (h == 0 || w == 0)
		return cvt_fail(e, CVT_INPUT, "a mask without pixels cannot be resized");
	TRY(tensor_shape(&r->made, t->dtype, t->ndim, dims, e));
	unsigned char *to = r->made.data;
	const unsigned char *from = t->data;
	for (size_t i = 0; i < frames; i++)
		resize_plane(from + i * h * w * size, h, w, to + i * want.h * want.w * size, want);
	return tensor_copy(t, &r->made, e);
}

/* From a picture of size s, to what the options say. */
static struct aug_map map_of(const struct reshape *r, struct size s)
{
	return (struct aug_map){{(double)r->o.width / (double)s.w, 0, 0, 0,
		(double)r->o.height / (double)s.h, 0, 0, 0}};
}

/* Boxes and keypoints of each row go where their picture shows them, as `cv-augment resize` has
 * them. */
static void move_points(const struct reshape *r, const struct gallery *g, struct tensor *t)
{
	const size_t items = tensor_row_items(t), each = t->dims[2];
	for (size_t i = 0; i < t->dims[0]; i++) {
		float *row = (float *)t->data + i * items;
		const struct aug_map m = map_of(r, size_of(g, i * g->frames));
		struct aug_row moved = {.M = t->dims[1], .K = t->dims[1]};
		*(each == 5 ? &moved.boxes : &moved.keypoints) = row;
		aug_map_points(&moved, &m, r->o.height, r->o.width);
	}
}

/* The corners are the last four numbers of a box, whatever stands before them. */
static void scale_boxes(const struct reshape *r, const struct gallery *g, struct tensor *t)
{
	const size_t m = t->dims[1], k = t->dims[2];
	float *box = t->data;
	for (size_t i = 0; i < t->dims[0] * m; i++, box += k) {
		const struct aug_map map = map_of(r, size_of(g, i / m * g->frames));
		for (size_t j = k - 4; j < k; j += 2) {
			box[j] = (float)(map.m[0] * (double)box[j]);
			box[j + 1] = (float)(map.m[4] * (double)box[j + 1]);
		}
	}
}

/* What lies over a picture: planes, boxes, keypoints. */
static int make_companion(struct reshape *r, struct batch *b, struct field *f, struct cvt_err *e)
{
	struct tensor *t = &f->t;
	char name[PICTURE];
	picture_of(name, f->name);
	if (!batch_get(b, name))
		(void)snprintf(name, sizeof name, "image");
	const struct tensor *picture = batch_get(b, name);
	const bool points = t->dtype == DT_F4 && t->ndim == 3 && !f->flags && picture;
	if (is_plane(f->name) && !f->flags)
		return is_flat(t->ndim - 1, picture && picture->ndim == 5) ? make_plane(r, t, e)
									   : CVT_OK;
	if (!points)
		return CVT_OK;
	const struct gallery g = gallery_of(b, name);
	if ((field_is_view(f->name, "boxes") && t->dims[2] == 5)
		|| (field_is_view(f->name, "keypoints") && t->dims[2] == 3))
		move_points(r, &g, t);
	else if (field_is_boxes(f->name) && t->dims[2] >= 4)
		scale_boxes(r, &g, t);
	return CVT_OK;
}

int reshape_rows(struct reshape *r, struct batch *b, struct cvt_err *e)
{
	for (size_t i = 0; r->o.height && i < b->n; i++)
		TRY(make_companion(r, b, &b->field[i], e));
	for (size_t i = 0; i < r->names; i++)
		if (batch_get(b, r->name[i]))
			TRY(make_gallery(r, b, r->name[i], e));
	return CVT_OK;
}
