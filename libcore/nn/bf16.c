/* bf16: convolutions in bfloat16 (see bf16.h; the products are simd/bf16_tiles.c). */
#include "bf16.h"

#include <string.h>

enum { LINES = 16, DEPTH = 32, TILE = LINES * DEPTH, PANEL = 2 * LINES };
enum { PLACES = 2048 }; /* of some pictures that are worth a pass */
enum { MOST_PICTURES = 64, LEAST_SUMS = 4, MOST_SUMS = 16 };
enum { SUM_FLOATS = 1 << 22 }; /* that partial sums may take in all */

/* Places of a picture as it is laid. */
static size_t line_places(const struct bf16_map *m)
{
	return m->sh * m->sw * m->lines * m->pitch;
}

void bf16_finish(struct bf16_map *m)
{
	const struct phase *p = m->phase;
	m->c_step = nn_round_up(m->c, LINES);
	m->o_step = nn_round_up(m->o, LINES);
	m->places = nn_round_up((p->rows - 1) * m->pitch + p->columns, DEPTH);
	m->plane = nn_round_up(line_places(m) + DEPTH - 1, DEPTH);
	if (m->plane % TILE == 0) /* channels would meet in the cache */
		m->plane += DEPTH;
	m->pictures = nn_clamp(PLACES / m->places, 1, MOST_PICTURES);
	m->sums = nn_clamp(SUM_FLOATS / (m->taps * m->c_step * m->o_step), LEAST_SUMS, MOST_SUMS);
}

/* ---- memory, in numbers of two bytes -------------------------------------------------- */

/* Runs of a phase's window, and steps of each. */
static size_t runs_of(const struct phase *p)
{
	return p->taps / p->across;
}

static size_t steps_of(const struct bf16_map *m, const struct phase *p)
{
	return (p->across * m->c + DEPTH - 1) / DEPTH;
}

/* Where the weights of a phase begin; those of the one behind the last: all. */
static size_t packed_before(const struct bf16_map *m, size_t phase)
{
	size_t tiles = 0;
	for (size_t k = 0; k < phase; k++)
		tiles += runs_of(&m->phase[k]) * steps_of(m, &m->phase[k]);
	return tiles * TILE * (m->o_step / LINES);
}

/* A picture as it is laid, and what the last windows' tiles read beyond. */
static size_t picture_numbers(const struct bf16_map *m)
{
	return nn_round_up((line_places(m) + PANEL) * m->c, DEPTH) + DEPTH;
}

/* Of one picture, for the gradient. */
static size_t x_numbers(const struct bf16_map *m)
{
	return m->plane * m->c_step;
}

static size_t dy_numbers(const struct bf16_map *m)
{
	return m->places * m->o_step;
}

static size_t strip_numbers(const struct bf16_map *m)
{
	return DEPTH * m->c_step;
}

static size_t sum_floats(const struct bf16_map *m)
{
	return m->taps * m->c_step * m->o_step;
}

size_t bf16_work(const struct bf16_map *m)
{
	return packed_before(m, m->phases) / 2;
}

size_t bf16_thread_work(const struct bf16_map *m)
{
	return m->pictures * picture_numbers(m) / 2;
}

size_t bf16_gradient_work(const struct bf16_map *m)
{
	return m->sums * sum_floats(m);
}

/* A vector of zeros, a strip of pairs, then x and dy of the pictures at hand. */
size_t bf16_gradient_thread_work(const struct bf16_map *m)
{
	return (m->c_step > m->o_step ? m->c_step : m->o_step)
	       + (strip_numbers(m) + m->pictures * (x_numbers(m) + dy_numbers(m))) / 2;
}

/* One call, for the blocks of par_for. */
struct job {
	const struct bf16_map *m;
	const struct nn_io *io;
	const float *w; /* weights, with the steps of bf16_pack */
	size_t c_step, o_step;
	const struct phase *phase;
	const float *x, *dy;
	const struct simd_tail *tail;
	float *y, *dw;
	const uint16_t *packed;
	uint16_t *into;
	float *sums;
	size_t rows, each, blocks; /* of the gradient: rows of a partial sum, how many there are */
};

static float *scratch(const struct job *j, unsigned thread)
{
	return j->io->thread_work + thread * j->io->thread_stride;
}

/* ---- weights ------------------------------------------------------------------------- */

/* Weight of number r of run k for output o. */
static const float *weight_at(const struct job *j, size_t k, size_t r, size_t o)
{
	const struct phase *p = j->phase;
	const size_t tap = p->first + k * p->across + r / j->m->c;
	return j->w + j->m->weight[tap] + r % j->m->c * j->c_step + o * j->o_step;
}

/* A tile where outputs are neighbours: two rows of the matrix, side by side. */
static void pack_rows(
	const struct job *j, size_t k, size_t step, size_t first, size_t lanes, uint16_t *to)
{
	const float none[LINES] = {0};
	const size_t run = j->phase->across * j->m->c;
	for (size_t i = 0; i < LINES; i++) {
		const size_t r = step * DEPTH + 2 * i;
		const float *a = r < run ? weight_at(j, k, r, first) : none;
		const float *b = r + 1 < run ? weight_at(j, k, r + 1, first) : none;
		simd()->bf16_pairs(a, b, lanes, to + i * DEPTH);
	}
}

/* A tile where the numbers of a run are: the columns of its outputs, turned. */
static void pack_columns(
	const struct job *j, size_t k, size_t step, size_t first, size_t lanes, uint16_t *to)
{
	uint16_t column[TILE] = {0};
	const size_t c = j->m->c, run = j->phase->across * c, begin = step * DEPTH;
	const size_t end = begin + DEPTH < run ? begin + DEPTH : run;
	for (size_t o = 0; o < lanes; o++)
		for (size_t r = begin, n; r < end; r += n) {
			n = c - r % c; /* as far as they are neighbours */
			n = n < end - r ? n : end - r;
			simd()->bf16_round(
				weight_at(j, k, r, first + o), n, column + o * DEPTH + (r - begin));
		}
	simd()->bf16_turn(column, DEPTH, to, DEPTH);
}

static void pack_tile(const struct job *j, size_t k, size_t step, size_t first, uint16_t *to)
{
	const size_t left = j->m->o - first, lanes = left < LINES ? left : LINES;
	if (lanes < LINES)
		memset(to, 0, TILE * sizeof *to);
	if (j->o_step == 1)
		pack_rows(j, k, step, first, lanes, to);
	else
		pack_columns(j, k, step, first, lanes, to);
}

static void pack_panel(void *context, size_t panel, unsigned thread)
{
	(void)thread;
	const struct job *j = context;
	const size_t runs = runs_of(j->phase), steps = steps_of(j->m, j->phase);
	uint16_t *to = j->into + panel * runs * steps * 2 * TILE;
	size_t first;
	const size_t outputs = par_span(j->m->o, PANEL, panel, &first);
	for (size_t k = 0; k < runs; k++)
		for (size_t s = 0; s < steps; s++)
			for (size_t o = 0; o < outputs; o += LINES, to += TILE)
				pack_tile(j, k, s, first + o, to);
}

void bf16_pack(const struct nn_io *io, const struct bf16_map *m, const float *w, size_t c_step,
	size_t o_step, float *packed)
{
	for (size_t k = 0; k < m->phases; k++) {
		struct job j = {
			.m = m, .w = w, .c_step = c_step, .o_step = o_step, .phase = &m->phase[k]};
		j.into = (uint16_t *)(void *)packed + packed_before(m, k);
		par_for(io->run->par, par_blocks(m->o, PANEL), pack_panel, &j);
	}
}

/* ---- a map ------------------------------------------------------------------------- */

/* Line y of the bordered picture, where its places belong. */
static void lay_line(const struct bf16_map *m, const float *from, size_t y, uint16_t *to)
{
	uint16_t *line = to + (y % m->sh * m->sw * m->lines + y / m->sh) * m->pitch * m->c;
	if (m->sw == 1) {
		simd()->bf16_round(from, m->w * m->c, line + m->left * m->c);
		return;
	}
	for (size_t j = 0; j < m->w; j++) {
		const size_t x = j + m->left;
		const size_t place = x % m->sw * m->lines * m->pitch + x / m->sw;
		simd()->bf16_round(from + j * m->c, m->c, line + place * m->c);
	}
}

static void lay_picture(const struct bf16_map *m, const float *from, uint16_t *to)
{
	memset(to, 0, picture_numbers(m) * sizeof *to);
	for (size_t i = 0; i < m->h; i++)
		lay_line(m, from + i * m->w * m->c, i + m->top, to);
}

static void run_phase(const struct job *j, size_t k, size_t pictures, const uint16_t *x, size_t at)
{
	const struct bf16_map *m = j->m;
	const struct phase *p = &m->phase[k];
	const struct simd_bf16 view = {.pictures = pictures,
		.x_picture = picture_numbers(m),
		.y_picture = m->y_picture,
		.runs = runs_of(p),
		.steps = steps_of(m, p),
		.c = m->c,
		.pitch = m->pitch,
		.rows = p->rows,
		.columns = p->columns,
		.outputs = m->o,
		.y_row = m->y_row,
		.y_column = m->y_column,
		.tap = m->tap + p->first,
		.tap_step = p->across,
		.w = j->packed + packed_before(m, k),
		.tail = {j->tail->bias, j->tail->plus ? j->tail->plus + at : NULL, j->tail->relu}};
	simd()->bf16_conv(&view, x, j->y + at);
}

static void run_block(void *context, size_t block, unsigned thread)
{
	const struct job *j = context;
	const struct bf16_map *m = j->m;
	uint16_t *x = (uint16_t *)(void *)scratch(j, thread);
	size_t first;
	const size_t n = par_span(j->rows, m->pictures, block, &first);
	for (size_t i = 0; i < n; i++)
		lay_picture(m, j->x + (first + i) * m->h * m->w * m->c, x + i * picture_numbers(m));
	for (size_t k = 0; k < m->phases; k++)
		run_phase(j, k, n, x, first * m->y_picture + m->phase[k].at);
}

void bf16_run(const struct nn_io *io, const struct bf16_map *m, const float *packed, size_t rows,
	const float *x, const struct simd_tail *tail, float *y)
{
	struct job j = {.m = m,
		.io = io,
		.x = x,
		.tail = tail,
		.y = y,
		.rows = rows,
		.packed = (const uint16_t *)(const void *)packed};
	par_for(io->run->par, par_blocks(rows, m->pictures), run_block, &j);
}

/* ---- the gradient of the weights ----------------------------------------------------- */

/* The places of a picture as it is laid, one after the other. */
struct walk {
	const float *p, *zeros;
	size_t h, w, c, top, left, sh, sw, lines, pitch;
	size_t a, b, row, column; /* the next one: residues, line and column among its like */
};

static const float *next_place(struct walk *l)
{
	const size_t i = l->row * l->sh + l->a - l->top; /* wrap before the picture */
	const size_t j = l->column * l->sw + l->b - l->left;
	const bool inside = i < l->h && j < l->w && l->a < l->sh;
	if (++l->column == l->pitch) {
		l->column = 0;
		l->row++;
	}
	if (l->row == l->lines) {
		l->row = 0;
		l->b++;
	}
	if (l->b == l->sw) {
		l->b = 0;
		l->a++;
	}
	return inside ? l->p + (i * l->w + j) * l->c : l->zeros;
}

/* The next n pairs of places, `step` channels each. */
static void lay_pairs(struct walk *l, size_t n, size_t step, uint16_t *to)
{
	for (; n > 0; n--, to += 2 * step) {
		const float *a = next_place(l), *b = next_place(l);
		simd()->bf16_pairs(a, b, l->c, to);
		memset(to + 2 * l->c, 0, 2 * (step - l->c) * sizeof *to);
	}
}

/* x[channel][place]: strips of 16 pairs, turned. */
static void lay_x(
	const struct bf16_map *m, const float *x, const float *zeros, uint16_t *strip, uint16_t *to)
{
	struct walk l = {x, zeros, m->h, m->w, m->c, m->top, m->left, m->sh, m->sw, m->lines,
		m->pitch, 0, 0, 0, 0};
	for (size_t p = 0; p < m->plane; p += DEPTH) {
		lay_pairs(&l, LINES, m->c_step, strip);
		for (size_t c = 0; c < m->c; c += LINES)
			simd()->bf16_turn(
				strip + 2 * c, 2 * m->c_step, to + c * m->plane + p, m->plane);
	}
}

static void lay_dy(const struct bf16_map *m, const float *dy, const float *zeros, uint16_t *to)
{
	const struct phase *p = m->phase;
	struct walk l = {
		dy, zeros, p->rows, p->columns, m->o, 0, 0, 1, 1, GRAPH_NONE, m->pitch, 0, 0, 0, 0};
	lay_pairs(&l, m->places / 2, m->o_step, to);
}

/* Some pictures' share, from row `first` on. */
static void add_pictures(const struct job *j, size_t first, size_t n, float *sum, float *work)
{
	const struct bf16_map *m = j->m;
	const size_t zeros = m->c_step > m->o_step ? m->c_step : m->o_step;
	uint16_t *strip = (uint16_t *)(void *)(work + zeros), *x = strip + strip_numbers(m);
	uint16_t *dy = x + m->pictures * x_numbers(m);
	const struct simd_bf16_gradient g = {.pictures = n,
		.steps = m->places / DEPTH,
		.taps = m->taps,
		.tap = m->tap,
		.c = m->c_step,
		.o = m->o_step,
		.plane = m->plane,
		.x_picture = x_numbers(m),
		.dy_picture = dy_numbers(m),
		.x = x,
		.dy = dy,
		.sum = sum};
	memset(work, 0, zeros * sizeof *work);
	for (size_t i = 0; i < n; i++) {
		const size_t row = first + i;
		lay_x(m, j->x + row * m->h * m->w * m->c, work, strip, x + i * x_numbers(m));
		lay_dy(m, j->dy + row * m->y_picture, work, dy + i * dy_numbers(m));
	}
	simd()->bf16_gradient(&g);
}

static void gradient_block(void *context, size_t block, unsigned thread)
{
	const struct job *j = context;
	const struct bf16_map *m = j->m;
	float *sum = j->sums + block * sum_floats(m);
	size_t first;
	size_t left = par_span(j->rows, j->each, block, &first);
	memset(sum, 0, sum_floats(m) * sizeof *sum);
	for (size_t n; left > 0; left -= n, first += n) {
		n = left < m->pictures ? left : m->pictures;
		add_pictures(j, first, n, sum, scratch(j, thread));
	}
}

/* Row r of all matrices: the partial sums in order, then into dw. */
static void add_row(void *context, size_t r, unsigned thread)
{
	(void)thread;
	const struct job *j = context;
	const struct bf16_map *m = j->m;
	const size_t tap = r / m->c, at = (tap * m->c_step + r % m->c) * m->o_step;
	for (size_t b = 1; b < j->blocks; b++)
		simd()->add(j->sums + at, j->sums + b * sum_floats(m) + at, m->o);
	simd()->add(j->dw + r * m->o, j->sums + at, m->o);
}

void bf16_gradient(const struct nn_io *io, const struct bf16_map *m, size_t rows, const float *x,
	const float *dy, float *dw)
{
	struct job j = {
		.m = m, .io = io, .x = x, .dy = dy, .dw = dw, .sums = io->work, .rows = rows};
	j.each = (rows + m->sums - 1) / m->sums;
	j.blocks = (rows + j.each - 1) / j.each;
	par_for(io->run->par, j.blocks, gradient_block, &j);
	par_for(io->run->par, m->taps * m->c, add_row, &j);
}
