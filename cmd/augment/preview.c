/* augment_preview: the same pictures under each operation, for eyes (see augment_preview.h). */
#include "preview.h"

#include "../../formats/png_write.h"
#include "../../libcore/aug/mix.h"
#include "../view/canvas.h"
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GAP = 2, LARGE = 128, SMALL = 64, STRIPS = 256, TITLE = 100 };

/* One line of the grid: words first..first+count-1 of the chain. */
struct strip {
	char title[TITLE];
	const char *const *word;
	size_t count, place;
	bool whole; /* the chain, with its chances */
	struct canvas tile[AUGMENT_PREVIEW];
};

struct preview {
	struct aug_row original[AUGMENT_PREVIEW], work[AUGMENT_PREVIEW];
	uint64_t index[AUGMENT_PREVIEW];
	size_t n, zoom, shrink;
	uint64_t seed;
	struct strip *strip;
	size_t strips;
	char (*text)[TITLE]; /* of all operations, with examples of their values */
	const char **listed;
};

/* ---- strips ------------------------------------------------------------------------ */

static int add_strip(
	struct preview *p, const char *const *word, size_t count, size_t place, struct cvt_err *e)
{
	if (p->strips == STRIPS)
		return cvt_fail(e, CVT_USAGE, "--preview shows at most %d operations", STRIPS - 1);
	struct strip *s = &p->strip[p->strips++];
	s->word = word;
	s->count = count;
	s->place = place;
	for (size_t i = 0, at = 0; i < count && at < TITLE; i++)
		at += (size_t)snprintf(s->title + at, TITLE - at, i ? " %s" : "%s", word[i]);
	if (count == 0)
		(void)snprintf(s->title, TITLE, "as it is");
	return CVT_OK;
}

static bool is_word(const char *word, const char *name)
{
	const size_t n = strlen(name);
	return strncmp(word, name, n) == 0 && (word[n] == '\0' || word[n] == ':' || word[n] == '=');
}

/* Each operation by itself, a one-of with all that is in it. */
static int add_words(struct preview *p, const struct augment_words *w, struct cvt_err *e)
{
	for (size_t i = 0; i < w->n;) {
		size_t count = 1;
		if (is_word(w->word[i], "one-of"))
			while (i + count < w->n && strcmp(w->word[i + count - 1], "end") != 0)
				count++;
		if (!is_word(w->word[i], "view"))
			TRY(add_strip(p, w->word + i, count, i, e));
		i += count;
	}
	if (p->strips <= 2)
		return CVT_OK;
	TRY(add_strip(p, w->word, w->n, 0, e));
	p->strip[p->strips - 1].whole = true;
	return CVT_OK;
}

static int add_all(struct preview *p, struct cvt_err *e)
{
	p->text = mem_alloc(STRIPS, sizeof *p->text, e);
	p->listed = mem_alloc(STRIPS, sizeof *p->listed, e);
	if (!p->text || !p->listed)
		return CVT_SYSTEM;
	for (size_t i = 0; i < STRIPS && aug_ops[i]; i++) {
		const struct aug_op *op = aug_ops[i];
		(void)snprintf(p->text[i], TITLE, "%s%s%s", op->name, op->example ? "=" : "",
			op->example ? op->example : "");
		p->listed[i] = p->text[i];
		TRY(add_strip(p, &p->listed[i], 1, i, e));
	}
	return CVT_OK;
}

/* ---- pictures ---------------------------------------------------------------------- */

static int fill(struct aug_row *to, const unsigned char *pixels, struct cvt_err *e)
{
	const size_t bytes = to->T * to->H * to->W * to->C;
	void *q = to->image.data;
	to->image.size = to->C;
	TRY(mem_grow(&q, &to->image.capacity, bytes + 1, 1, e));
	to->image.data = q;
	memcpy(q, pixels, bytes);
	return CVT_OK;
}

static int copy(struct aug_row *to, const struct aug_row *from, struct cvt_err *e)
{
	to->T = 1;
	to->H = from->H;
	to->W = from->W;
	to->C = from->C;
	return fill(to, from->image.data, e);
}

static int take_rows(struct preview *p, size_t n, const struct batch *b, struct cvt_err *e)
{
	const char *name = batch_get(b, "image") ? "image" : "image.1";
	const struct tensor *t = batch_get(b, name), *index = batch_get(b, "index");
	if (!t || t->dtype != DT_U1)
		return cvt_fail(e, CVT_INPUT, "the stream has no pictures of |u1");
	if (!batch_is_ragged(b, name) && (t->ndim < 4 || t->ndim > 5))
		return cvt_fail(e, CVT_INPUT, "'%s' has %d dimensions a row; a picture has H, W, C",
			name, t->ndim - 1);
	for (size_t i = 0; i < b->rows && p->n < n; i++) {
		struct aug_row *r = &p->original[p->n];
		const unsigned char *pixels = augment_locate(b, name, i, r);
		if (r->H == 0 || r->W == 0 || (r->C != 1 && r->C != 3))
			return cvt_fail(e, CVT_INPUT, "a picture of %zux%zux%zu", r->H, r->W, r->C);
		r->T = 1;
		TRY(fill(r, pixels, e));
		p->index[p->n++] = index ? (uint64_t)((const int64_t *)index->data)[i] : i;
	}
	return CVT_OK;
}

static int read_rows(struct preview *p, size_t n, struct source *in, struct cvt_err *e)
{
	enum stream_event event = STREAM_BATCH;
	while (event != STREAM_DONE && p->n < n) {
		struct batch *b;
		TRY(source_next(in, &b, &event, e));
		if (event == STREAM_BATCH)
			TRY(take_rows(p, n, b, e));
	}
	if (p->n == 0)
		return cvt_fail(e, CVT_INPUT, "%s: no rows", source_name(in));
	const struct aug_row *r = &p->original[0];
	const size_t side = r->H > r->W ? r->H : r->W;
	p->shrink = (side + LARGE - 1) / LARGE;
	p->zoom = side < SMALL ? SMALL / side : 1;
	return CVT_OK;
}

/* ---- one strip --------------------------------------------------------------------- */

static int make_tile(
	const struct preview *p, const struct aug_row *r, struct canvas *to, struct cvt_err *e)
{
	const struct colour white = {255, 255, 255};
	const size_t H = r->H * p->zoom / p->shrink, W = r->W * p->zoom / p->shrink;
	TRY(canvas_open(to, W ? W : 1, H ? H : 1, white, e));
	for (size_t i = 0; i < H * W; i++) {
		const size_t y = i / W * p->shrink / p->zoom, x = i % W * p->shrink / p->zoom;
		const unsigned char *from = r->image.data + (y * r->W + x) * r->C;
		for (size_t c = 0; c < 3; c++)
			to->rgb[3 * i + c] = from[r->C == 3 ? c : 0];
	}
	return CVT_OK;
}

/* Rows of one size, mixed as a block. */
static int mix_rows(struct preview *p, const struct aug_chain *c, struct cvt_err *e)
{
	const struct rng_site site = {.seed = p->seed};
	const struct aug_row *first = &p->work[0];
	const size_t bytes = first->H * first->W * first->C;
	const struct mix_shape shape = {first->H, first->H, first->W, first->C};
	struct mix mix;
	for (size_t i = 0; i < p->n; i++)
		if (p->work[i].H != first->H || p->work[i].W != first->W
			|| p->work[i].C != first->C)
			return CVT_OK; /* sizes differ: the strip shows them as they are */
	unsigned char *all = mem_alloc(p->n + 1, bytes, e);
	if (!all)
		return CVT_SYSTEM;
	for (size_t i = 0; i < p->n; i++)
		memcpy(all + i * bytes, p->work[i].image.data, bytes);
	for (size_t i = 0; aug_chain_mix(c, &i, &site, first->H, first->W, &mix);)
		mix_bytes(&mix, &shape, all, NULL, p->n, all + p->n * bytes);
	for (size_t i = 0; i < p->n; i++)
		memcpy(p->work[i].image.data, all + i * bytes, bytes);
	free(all);
	return CVT_OK;
}

static int apply_strip(
	struct preview *p, struct strip *s, const struct aug_chain *c, struct cvt_err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		struct rng_site site = {.seed = p->seed, .index = p->index[i]};
		TRY(copy(&p->work[i], &p->original[i], e));
		TRY(aug_chain_apply(c, 0, &site, false, &p->work[i], e));
		site.view = c->parts > 1;
		if (c->parts > 1)
			TRY(aug_chain_apply(c, 1, &site, false, &p->work[i], e));
	}
	if (c->mixes < c->n)
		TRY(mix_rows(p, c, e));
	for (size_t i = 0; i < p->n; i++)
		TRY(make_tile(p, &p->work[i], &s->tile[i], e));
	return CVT_OK;
}

/* By itself an operation strikes always; the whole chain has its chances. */
static int do_strip(struct preview *p, struct strip *s, struct cvt_err *e)
{
	struct aug_chain c;
	int code = aug_chain_parse(&c, s->word, s->count, e);
	for (size_t i = 0; code == CVT_OK && i < c.n; i++) {
		c.step[i].place += (uint32_t)s->place;
		c.step[i].prob = s->whole ? c.step[i].prob : 1;
	}
	if (code == CVT_OK)
		code = apply_strip(p, s, &c, e);
	aug_chain_free(&c);
	return code;
}

/* ---- the grid ---------------------------------------------------------------------- */

static int draw(const struct preview *p, struct canvas *c, struct cvt_err *e)
{
	const struct colour white = {255, 255, 255}, black = {0, 0, 0};
	const size_t scale = 2, title = LETTER_HEIGHT * scale;
	size_t w = 1, height = GAP, y = GAP;
	for (size_t k = 0; k < p->strips; k++) {
		size_t h = 1;
		for (size_t i = 0; i < p->n; i++) {
			const struct canvas *t = &p->strip[k].tile[i];
			w = t->width > w ? t->width : w;
			h = t->height > h ? t->height : h;
		}
		height += h + title + GAP;
	}
	const size_t width = p->n * (w + GAP) + GAP, least = LETTER_WIDTH * scale * 40;
	TRY(canvas_open(c, width > least ? width : least, height, white, e));
	for (size_t k = 0; k < p->strips; k++) {
		size_t h = 1;
		canvas_text(c, GAP, y + scale, scale, c->width - GAP, black, p->strip[k].title);
		for (size_t i = 0; i < p->n; i++) {
			const struct canvas *t = &p->strip[k].tile[i];
			canvas_paste(c, t, GAP + i * (w + GAP), y + title);
			h = t->height > h ? t->height : h;
		}
		y += h + title + GAP;
	}
	return CVT_OK;
}

static void close_preview(struct preview *p)
{
	for (size_t i = 0; i < AUGMENT_PREVIEW; i++) {
		aug_row_free(&p->original[i]);
		aug_row_free(&p->work[i]);
	}
	for (size_t k = 0; p->strip && k < p->strips; k++)
		for (size_t i = 0; i < p->n; i++)
			canvas_close(&p->strip[k].tile[i]);
	free(p->strip);
	free(p->text);
	free(p->listed);
	free(p);
}

static int make(struct preview *p, const struct augment_words *words, struct source *in, size_t n,
	struct canvas *c, struct cvt_err *e)
{
	p->strip = mem_alloc(STRIPS, sizeof *p->strip, e);
	if (!p->strip)
		return CVT_SYSTEM;
	TRY(add_strip(p, NULL, 0, 0, e));
	TRY(words->n ? add_words(p, words, e) : add_all(p, e));
	TRY(read_rows(p, n, in, e));
	for (size_t k = 0; k < p->strips; k++) {
		int code = do_strip(p, &p->strip[k], e);
		if (code == CVT_INPUT && words->n == 0) { /* the example does not fit these */
			p->strip[k].count = 0;
			code = do_strip(p, &p->strip[k], e);
		}
		TRY(code);
	}
	return draw(p, c, e);
}

int augment_preview(const struct augment_words *words, struct source *in, size_t n, uint64_t seed,
	struct output *out, struct cvt_err *e)
{
	struct preview *p = mem_alloc(1, sizeof *p, e);
	struct canvas c = {0};
	if (!p)
		return CVT_SYSTEM;
	p->seed = seed;
	int code = make(p, words, in, n, &c, e);
	if (code == CVT_OK)
		code = write_png(out, c.rgb, c.width, c.height, 3, e);
	canvas_close(&c);
	close_preview(p);
	return code;
}
