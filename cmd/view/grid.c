/* view_grid: the first pictures of a stream side by side, with their captions, as one PNG. */
#include "tile.h"

#include "../../formats/png_write.h"

#include <stdlib.h>
#include <string.h>

enum { PICTURES = 64, GAP = 4, MOST_PICTURES = 1 << 16 };

struct grid {
	struct tile *tile;
	size_t n, capacity, bytes;
	size_t together; /* pictures of one row: its views, the frames of a clip */
};

static bool is_shown(const struct head_field *f, const struct view_options *o)
{
	if (!tile_can_show(f))
		return false;
	if (o->field)
		return strcmp(f->name, o->field) == 0;
	return strcmp(f->name, "image") == 0
	       || (strncmp(f->name, "image.", 6) == 0 && f->name[6] >= '0' && f->name[6] <= '9');
}

static int add_tile(struct grid *g, const struct head *h, const struct batch *b,
	const struct head_field *f, size_t row, size_t frame, const struct view_options *o,
	enum overlay which, struct cvt_err *e)
{
	void *p = g->tile;
	if (g->n == MOST_PICTURES)
		return cvt_fail(e, CVT_LIMIT, "more than %d pictures in one grid; lower --count",
			MOST_PICTURES);
	TRY(mem_grow(&p, &g->capacity, g->n + 1, sizeof *g->tile, e));
	g->tile = p;
	struct tile *t = &g->tile[g->n++];
	TRY(tile_make(t, h, b, f, row, frame, o, which, e));
	g->bytes += 3 * t->picture.width * t->picture.height;
	if (g->bytes > o->common.max_memory / 2) /* they and the grid */
		return cvt_fail(e, CVT_LIMIT,
			"more than %zu pictures of this size do not fit; lower --count or --scale, "
			"or raise --max-memory",
			g->n - 1);
	return CVT_OK;
}

/* With --overlay a predicted mask is shown beside the true one. */
static int add_row(struct grid *g, const struct head *h, const struct batch *b, size_t row,
	const struct view_options *o, struct cvt_err *e)
{
	for (size_t i = 0; i < h->nfields; i++) {
		const struct head_field *f = &h->field[i];
		const size_t frames = is_shown(f, o) ? tile_frames(f, b) : 0;
		const bool two = o->overlay && overlay_has_answer(h);
		for (size_t k = 0; k < frames; k++) {
			TRY(add_tile(g, h, b, f, row, k, o, two ? OVERLAY_TRUTH : OVERLAY_ALL, e));
			if (two)
				TRY(add_tile(g, h, b, f, row, k, o, OVERLAY_ANSWER, e));
		}
	}
	return CVT_OK;
}

static int check_fields(
	const struct view_input *in, const struct view_options *o, struct cvt_err *e)
{
	const struct head *h = source_head(in->source);
	for (size_t i = 0; i < h->nfields; i++)
		if (is_shown(&h->field[i], o))
			return CVT_OK;
	return cvt_fail(e, CVT_INPUT, "%s: has no field of pictures%s%s; --field names another",
		in->name, o->field ? " called " : "", o->field ? o->field : "");
}

static int add_rows(
	struct grid *g, struct view_input *in, const struct view_options *o, struct cvt_err *e)
{
	const struct head *h = source_head(in->source);
	const size_t most = o->count ? o->count : PICTURES;
	struct batch *b;
	TRY(check_fields(in, o, e));
	for (size_t rows = 0; rows < most;) {
		TRY(view_next(in, o, &b, NULL, e));
		if (!b)
			break;
		for (size_t r = 0; r < b->rows && rows < most; r++, rows++) {
			TRY(add_row(g, h, b, r, o, e));
			g->together = rows == 0 ? g->n : g->together;
		}
	}
	return g->n ? CVT_OK : cvt_fail(e, CVT_INPUT, "%s: has no pictures to show", in->name);
}

/* ---- layout ------------------------------------------------------------------------ */

struct layout {
	size_t columns, rows, width, height; /* of cells, and of a cell's picture */
	size_t lines, letter;                /* of captions, and how large they are */
};

/* As many columns as make the grid about square, a row's views side by side. */
static size_t choose_columns(const struct grid *g, const struct view_options *o)
{
	size_t columns = 1;
	if (g->n == 0)
		return 1;
	if (o->columns)
		return o->columns < g->n ? o->columns : g->n;
	while (columns * columns < g->n)
		columns++;
	columns = (columns + g->together - 1) / g->together * g->together;
	return columns < g->n ? columns : g->n;
}

static struct layout lay_out(const struct grid *g, const struct view_options *o)
{
	const size_t columns = choose_columns(g, o);
	struct layout l = {.columns = columns ? columns : 1};
	l.rows = (g->n + l.columns - 1) / l.columns;
	for (size_t i = 0; i < g->n; i++) {
		const struct tile *t = &g->tile[i];
		l.width = t->picture.width > l.width ? t->picture.width : l.width;
		l.height = t->picture.height > l.height ? t->picture.height : l.height;
		for (size_t k = 0; k < CAPTIONS; k++)
			if (t->caption[k][0] && l.lines < k + 1)
				l.lines = k + 1;
	}
	l.letter = l.width >= 96 ? 2 : 1;
	return l;
}

static void draw_tile(
	struct canvas *c, const struct tile *t, const struct layout *l, size_t x, size_t y)
{
	canvas_paste(c, &t->picture, x, y);
	y += l->height + l->letter;
	for (size_t k = 0; k < CAPTIONS; k++) {
		const size_t letters = strlen(t->caption[k]) * LETTER_WIDTH * l->letter;
		const size_t scale = letters > l->width + l->letter ? 1 : l->letter;
		canvas_text(c, x, y, scale, l->width, t->ink[k], t->caption[k]);
		y += LETTER_HEIGHT * l->letter;
	}
}

static int draw_grid(
	struct canvas *c, const struct grid *g, const struct view_options *o, struct cvt_err *e)
{
	const struct colour white = {255, 255, 255};
	const struct layout l = lay_out(g, o);
	const size_t step_x = l.width + GAP;
	const size_t step_y = l.height + l.lines * LETTER_HEIGHT * l.letter + GAP;
	TRY(canvas_open(c, l.columns * step_x + GAP, l.rows * step_y + GAP, white, e));
	for (size_t i = 0; i < g->n; i++)
		draw_tile(c, &g->tile[i], &l, GAP + i % l.columns * step_x,
			GAP + i / l.columns * step_y);
	return CVT_OK;
}

int view_grid(
	struct view_input *in, const struct view_options *o, struct output *out, struct cvt_err *e)
{
	struct grid g = {.together = 1};
	struct canvas c = {0};
	int code = add_rows(&g, in, o, e);
	if (code == CVT_OK)
		code = draw_grid(&c, &g, o, e);
	if (code == CVT_OK)
		code = write_png(out, c.rgb, c.width, c.height, 3, e);
	for (size_t i = 0; i < g.n; i++)
		canvas_close(&g.tile[i].picture);
	free(g.tile);
	canvas_close(&c);
	return code;
}
