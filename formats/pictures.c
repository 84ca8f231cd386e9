/* pictures: a data set of picture files (see pictures.h). */
#include "pictures.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ahead.h"

enum { START = 4096 };

bool tree_is_picture(struct tree *t, size_t i)
{
	static const char *const suffixes[] = {
		"png", "jpg", "jpeg", "jpe", "jfif", "pbm", "pgm", "ppm", "pnm", "pam"};
	const char *dot = strrchr(tree_base(t->entry[i].name), '.');
	char suffix[8] = "";
	for (size_t k = 0; dot && dot[k + 1] && k < sizeof suffix - 1; k++)
		suffix[k] = (char)tolower((unsigned char)dot[k + 1]);
	for (size_t k = 0; k < sizeof suffixes / sizeof *suffixes; k++)
		if (strcmp(suffix, suffixes[k]) == 0)
			return true;
	struct tree_buffer b = {0};
	struct cvt_err why;
	const bool seen = tree_start(t, i, 16, &b, &why) == CVT_OK;
	const bool found = seen && picture_codec(b.p, b.n) != NULL;
	if (!seen)
		tree_missed(t, &why);
	free(b.own);
	return found;
}

int pictures_create(struct dataset *d, const struct dataset_options *o, struct cvt_err *e)
{
	struct pictures *p = mem_alloc(1, sizeof *p, e);
	d->state = p;
	if (!p)
		return CVT_SYSTEM;
	p->o = *o;
	return CVT_OK;
}

static bool is_utf8(const char *s, size_t n)
{
	for (size_t k = 1; n > 0 && k > 0; s += k, n -= k)
		k = mem_utf8(s, n);
	return n == 0;
}

/* A file's name may be of any bytes; the field `name` is UTF-8. */
int pictures_add(struct pictures *p, const struct pictures_item *item, struct cvt_err *e)
{
	struct str own = {0};
	void *q = p->item;
	int code = CVT_OK;
	if (!is_utf8(item->name, item->name_bytes))
		code = str_text(&own, item->name, item->name_bytes, false, e);
	if (code == CVT_OK)
		code = mem_grow(&q, &p->capacity, p->n + 1, sizeof *p->item, e);
	if (code != CVT_OK) {
		free(own.p);
		return code;
	}
	p->item = q;
	struct pictures_item *to = &p->item[p->n++];
	*to = *item;
	if (own.p) {
		to->own_name = own.p;
		to->name = own.p;
		to->name_bytes = own.n;
	}
	return CVT_OK;
}

void pictures_close(struct dataset *d)
{
	struct pictures *p = d->state;
	for (size_t i = 0; i < p->n; i++) {
		free(p->item[i].own_name);
		free(p->item[i].caption);
	}
	free(p->item);
	free(p->file.own);
	free(p->room.p);
	free(p);
}

/* ---- measuring --------------------------------------------------------------------- */

/* From its first bytes where they are enough, else from all. What is held can be looked at whole, before
 * there is room for its pixels; of other files the decoder looks. */
static int measure_file(
	struct pictures *p, struct tree *t, size_t entry, struct picture *size, struct cvt_err *e)
{
	struct tree_buffer *b = &p->file;
	bool more = true;
	TRY(tree_start(t, entry, t->held ? SIZE_MAX : START, b, e));
	const struct picture_codec *codec = picture_codec(b->p, b->n);
	int code = codec ? picture_measure(codec, b->p, b->n, &p->o, size, &more, e)
			 : picture_unknown(b->n, e);
	if (code == CVT_OK && more) {
		TRY(tree_load(t, entry, p->o.max_entry_bytes, b, e));
		code = picture_measure(codec, b->p, b->n, &p->o, size, &more, e);
		if (code == CVT_OK && more)
			code = cvt_fail(e, CVT_INPUT, "its header is damaged or cut");
	}
	if (code == CVT_OK && t->entry[entry].size != SIZE_MAX)
		code = picture_affords(
			codec, t->held ? b->p : NULL, t->entry[entry].size, size, &p->o, e);
	return code == CVT_OK ? CVT_OK : tree_fail_at(t, entry, e);
}

static size_t larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

static int measure_all(struct dataset *d, struct pictures *p, struct cvt_err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		struct pictures_item *x = &p->item[i];
		const struct picture *first = &p->item[0].size;
		TRY(measure_file(p, d->tree, x->entry, &x->size, e));
		p->ragged = p->ragged || x->size.height != first->height
			    || x->size.width != first->width || x->size.channels != first->channels;
		d->channels = i == 0 || d->channels == x->size.channels ? x->size.channels : 0;
		if (i > 0 && x->size.channels != p->item[i - 1].size.channels)
			p->ragged = true;
		d->largest = larger(d->largest, picture_bytes(&x->size));
		p->name_bytes = larger(p->name_bytes, x->name_bytes);
		p->caption_bytes = larger(p->caption_bytes, x->caption ? strlen(x->caption) : 0);
		p->has_mask = p->has_mask || x->mask != SIZE_MAX;
		p->has_label = p->has_label || x->label >= 0;
	}
	p->has_name = p->name_bytes > 0;
	p->has_caption = p->caption_bytes > 0;
	return CVT_OK;
}

static int add_image(struct dataset *d, const struct pictures *p, struct cvt_err *e)
{
	const struct picture *s = &p->item[0].size;
	const size_t fixed[] = {s->height, s->width, s->channels}, bytes[] = {HEAD_VARIES},
		     three[] = {3};
	if (!p->ragged)
		return head_add_field(&d->head, "image", DT_U1, 0, 3, fixed, e);
	TRY(head_add_field(&d->head, "image", DT_U1, FIELD_WHOLE, 1, bytes, e));
	TRY(dataset_add_number(d, "image.at", DT_I8, e));
	return head_add_field(&d->head, "image.hwc", DT_I4, 0, 1, three, e);
}

int pictures_finish(struct dataset *d, struct cvt_err *e)
{
	struct pictures *p = d->state;
	const size_t varies[] = {HEAD_VARIES};
	if (p->n == 0)
		return cvt_fail(e, CVT_INPUT, "%s: has no pictures in it", d->name);
	TRY(measure_all(d, p, e));
	if (p->n > 1)
		TRY(ahead_start(p->o.ahead, e));
	d->rows = p->n;
	TRY(add_image(d, p, e));
	if (p->has_mask) {
		const struct picture *s = &p->item[0].size;
		const size_t dims[] = {s->height, s->width};
		if (p->ragged)
			return cvt_fail(e, CVT_INPUT,
				"%s: has masks for pictures of different sizes; make them agree "
				"first",
				d->name);
		TRY(head_add_field(&d->head, "mask", DT_U1, 0, 2, dims, e));
	}
	if (p->has_label)
		TRY(dataset_add_number(d, "label", DT_I4, e));
	TRY(dataset_add_number(d, "index", DT_I8, e));
	if (p->has_name)
		TRY(head_add_field(&d->head, "name", DT_U1, 0, 1, varies, e));
	if (p->has_caption)
		TRY(head_add_field(&d->head, "caption", DT_U1, 0, 1, varies, e));
	return CVT_OK;
}

/* ---- rows -------------------------------------------------------------------------- */

static struct ahead_file file_of(const struct dataset *d, const struct pictures_item *x, bool mask)
{
	const struct picture grey = {x->size.height, x->size.width, 1};
	return mask ? (struct ahead_file){x->mask, false, grey}
		    : (struct ahead_file){x->entry, d->tree->held, x->size};
}

/* The files of n rows, of which the first goes to `to`; `mask`: without the first row's picture. */
static void look_ahead(
	const struct dataset *d, const size_t *pick, size_t n, bool mask, unsigned char *to)
{
	const struct pictures *p = d->state;
	struct ahead *a = p->o.ahead;
	bool more = true;
	ahead_empty(a, &p->o, d->tree);
	for (size_t i = 0; i < n && pick[i] < p->n && more; i++) {
		const struct pictures_item *x = &p->item[pick[i]];
		const struct ahead_file image = file_of(d, x, false), over = file_of(d, x, true);
		if (i > 0 || !mask)
			more = ahead_add(a, &image);
		if (more && x->mask != SIZE_MAX)
			more = ahead_add(a, &over);
	}
	ahead_decode(a, to);
}

/* The picture of the row *pick, or its mask, to `to`; n rows are wanted from that on. */
static int decode_file(const struct dataset *d, const size_t *pick, size_t n, bool mask,
	unsigned char *to, struct cvt_err *e)
{
	struct pictures *p = d->state;
	struct tree_buffer *b = &p->file;
	const struct ahead_file f = file_of(d, &p->item[*pick], mask);
	if (ahead_helps(p->o.ahead)) {
		if (!ahead_has(p->o.ahead, d->tree, f.entry))
			look_ahead(d, pick, n, mask, to);
		return ahead_take(p->o.ahead, to, e);
	}
	TRY(tree_load(d->tree, f.entry, p->o.max_entry_bytes, b, e));
	const int code = picture_decode(b->p, b->n, f.seen, &f.size, &p->o, &p->room, to, e);
	return code == CVT_OK ? CVT_OK : tree_fail_at(d->tree, f.entry, e);
}

/* Room for pictures of different size, and the tables. */
static int start_ragged(const struct pictures *p, const size_t *pick, size_t n, struct batch *out,
	struct cvt_err *e)
{
	size_t all = 0;
	for (size_t i = 0; i < n; i++)
		if (!mem_add(all, picture_bytes(&p->item[pick[i]].size), &all)
			|| all > head_rows_most(p->o.max_memory))
			return cvt_fail(e, CVT_LIMIT,
				"pictures that are read together take more than %zu MiB; raise "
				"--max-memory",
				p->o.max_memory >> 20);
	const size_t ends = n + 1;
	struct tensor *at = batch_get(out, "image.at"), *hwc = batch_get(out, "image.hwc");
	TRY(tensor_shape(batch_get(out, "image"), DT_U1, 1, &all, e));
	TRY(tensor_shape(at, DT_I8, 1, &ends, e));
	int64_t *end = at->data;
	int32_t *side = hwc->data;
	end[0] = 0;
	for (size_t i = 0; i < n; i++) {
		const struct picture *s = &p->item[pick[i]].size;
		end[i + 1] = end[i] + (int64_t)picture_bytes(s);
		side[3 * i] = (int32_t)s->height;
		side[3 * i + 1] = (int32_t)s->width;
		side[3 * i + 2] = (int32_t)s->channels;
	}
	return CVT_OK;
}

static int fill_texts(
	struct batch *out, const char *field, size_t n, size_t bytes, struct cvt_err *e)
{
	const size_t dims[] = {n, bytes};
	struct tensor *t = batch_get(out, field);
	TRY(tensor_shape(t, DT_U1, 2, dims, e));
	memset(t->data, 0, t->bytes);
	return CVT_OK;
}

static int start_rows(struct dataset *d, const struct pictures *p, const size_t *pick, size_t n,
	struct batch *out, struct cvt_err *e)
{
	TRY(dataset_start(d, pick, n, out, e));
	if (p->ragged)
		TRY(start_ragged(p, pick, n, out, e));
	if (p->has_name)
		TRY(fill_texts(out, "name", n, p->name_bytes, e));
	return p->has_caption ? fill_texts(out, "caption", n, p->caption_bytes, e) : CVT_OK;
}

static void put_text(
	struct batch *out, const char *field, size_t row, const char *text, size_t bytes)
{
	const struct tensor *t = batch_get(out, field);
	if (bytes)
		memcpy((char *)t->data + row * t->dims[1], text, bytes);
}

/* A mask is a grey picture of the same size; where there is none, all is 255, "ignore". */
static int put_mask(const struct dataset *d, const size_t *pick, size_t n, size_t row,
	struct batch *out, struct cvt_err *e)
{
	const struct pictures *p = d->state;
	const struct tensor *t = batch_get(out, "mask");
	unsigned char *to = (unsigned char *)t->data + row * tensor_row_bytes(t);
	if (p->item[*pick].mask != SIZE_MAX)
		return decode_file(d, pick, n, true, to, e);
	memset(to, 255, tensor_row_bytes(t));
	return CVT_OK;
}

int pictures_read(
	struct dataset *d, const size_t *pick, size_t n, struct batch *out, struct cvt_err *e)
{
	const struct pictures *p = d->state;
	TRY(start_rows(d, p, pick, n, out, e));
	unsigned char *to = batch_get(out, "image")->data;
	const struct tensor *t = p->has_label ? batch_get(out, "label") : NULL;
	for (size_t i = 0; i < n; i++) {
		const struct pictures_item *x = &p->item[pick[i]];
		const size_t wanted = n - i + d->behind;
		TRY(decode_file(d, pick + i, wanted, false, to, e));
		to += picture_bytes(&x->size);
		if (p->has_mask)
			TRY(put_mask(d, pick + i, wanted, i, out, e));
		if (t)
			((int32_t *)t->data)[i] = x->label;
		if (p->has_name)
			put_text(out, "name", i, x->name, x->name_bytes);
		if (p->has_caption)
			put_text(
				out, "caption", i, x->caption, x->caption ? strlen(x->caption) : 0);
	}
	return CVT_OK;
}

int pictures_labels(struct dataset *d, int32_t *label, struct cvt_err *e)
{
	const struct pictures *p = d->state;
	(void)e;
	for (size_t i = 0; i < p->n; i++)
		label[i] = p->item[i].label;
	return CVT_OK;
}
