/*
 * bf16_tiles: convolutions of pictures in bfloat16, and the gradient of their weights.
 * Both are sums of products of tiles: 16 lines of 32 numbers that belong to one sum each, times 16
 * lines of 16 pairs, whose two belong to neighbouring numbers of a line; two by two of them at a
 * time. Processors with AMX have an instruction for a product of tiles; elsewhere it is written out.
 * Products are exact, sums are floats.
 *
 * The places of a bordered picture stand in one line. A window then begins at equal distances for
 * all places, those at the end of each row as well, where no window fits: those sums are thrown away.
 */
#include "vmath.h"

enum { LINES = 16, DEPTH = 32, TILE = LINES * DEPTH };

/* ---- a square of two by two tiles of sums ------------------------------------------- */

#ifdef __AMX_BF16__
/* Tiles 0 to 3 are the sums, 4 and 5 the lines, 6 and 7 the pairs. */
struct square {
	char unused;
};

struct tile_shapes {
	uint8_t palette, start, zero[14];
	uint16_t bytes[16];
	uint8_t lines[16];
};

static void tiles_begin(void)
{
	struct tile_shapes s __attribute__((aligned(64))) = {.palette = 1};
	for (int i = 0; i < 8; i++) {
		s.bytes[i] = DEPTH * sizeof(uint16_t);
		s.lines[i] = LINES;
	}
	_tile_loadconfig(&s);
}

static void tiles_end(void)
{
	_tile_release();
}

static inline __attribute__((always_inline)) void square_zero(struct square *q)
{
	(void)q;
	_tile_zero(0);
	_tile_zero(1);
	_tile_zero(2);
	_tile_zero(3);
}

/* The sums at p, `step` floats a line; without `low` or `wide` those below or beside the first. */
static inline __attribute__((always_inline)) void square_load(
	struct square *q, const float *p, size_t step, bool low, bool wide)
{
	const size_t bytes = step * sizeof *p;
	square_zero(q);
	_tile_loadd(0, p, bytes);
	if (wide)
		_tile_loadd(1, p + LINES, bytes);
	if (low)
		_tile_loadd(2, p + LINES * step, bytes);
	if (low && wide)
		_tile_loadd(3, p + LINES * step + LINES, bytes);
}

static inline __attribute__((always_inline)) void square_store(
	const struct square *q, float *p, size_t step, bool low, bool wide)
{
	(void)q;
	const size_t bytes = step * sizeof *p;
	_tile_stored(0, p, bytes);
	if (wide)
		_tile_stored(1, p + LINES, bytes);
	if (low)
		_tile_stored(2, p + LINES * step, bytes);
	if (low && wide)
		_tile_stored(3, p + LINES * step + LINES, bytes);
}

/* Adds the products of the lines at a with the pairs at b; those beside stand `beside` further. */
static inline __attribute__((always_inline)) void square_add(struct square *q, const uint16_t *a,
	size_t a_step, const uint16_t *b, size_t b_step, size_t beside, bool low, bool wide)
{
	(void)q;
	const size_t a_bytes = a_step * sizeof *a, b_bytes = b_step * sizeof *b;
	_tile_loadd(6, b, b_bytes);
	_tile_loadd(4, a, a_bytes);
	_tile_dpbf16ps(0, 4, 6);
	if (wide) {
		_tile_loadd(7, b + beside, b_bytes);
		_tile_dpbf16ps(1, 4, 7);
	}
	if (low) {
		_tile_loadd(5, a + LINES * a_step, a_bytes);
		_tile_dpbf16ps(2, 5, 6);
	}
	if (low && wide)
		_tile_dpbf16ps(3, 5, 7);
}
#else
struct square {
	float sum[2 * LINES][2 * LINES];
};

static void tiles_begin(void)
{
}

static void tiles_end(void)
{
}

static void square_zero(struct square *q)
{
	memset(q, 0, sizeof *q);
}

static void square_load(struct square *q, const float *p, size_t step, bool low, bool wide)
{
	const size_t lines = low ? 2 * LINES : LINES, width = wide ? 2 * LINES : LINES;
	for (size_t i = 0; i < lines; i++)
		memcpy(q->sum[i], p + i * step, width * sizeof *p);
}

static void square_store(const struct square *q, float *p, size_t step, bool low, bool wide)
{
	const size_t lines = low ? 2 * LINES : LINES, width = wide ? 2 * LINES : LINES;
	for (size_t i = 0; i < lines; i++)
		memcpy(p + i * step, q->sum[i], width * sizeof *p);
}

/* Four lines times one register of outputs. */
static inline void add_lines(
	float *sum, const uint16_t *a, size_t a_step, const uint16_t *b, size_t b_step)
{
	enum { ROWS = 4 };
	vec s[ROWS];
	for (int r = 0; r < ROWS; r++)
		s[r] = vec_load(sum + r * 2 * LINES);
	for (size_t k = 0; k < LINES; k++, a += 2, b += b_step) {
		const ivec both = (ivec)vec_load((const float *)(const void *)b);
		const vec first = (vec)(both << 16), second = (vec)(both & ~0xffff);
		for (size_t r = 0; r < ROWS; r++) {
			int32_t pair;
			memcpy(&pair, a + r * a_step, sizeof pair);
			const ivec p = pair - (ivec){0};
			s[r] += (vec)(p << 16) * first;
			s[r] += (vec)(p & ~0xffff) * second;
		}
	}
	for (int r = 0; r < ROWS; r++)
		vec_store(sum + r * 2 * LINES, s[r]);
}

static void square_add(struct square *q, const uint16_t *a, size_t a_step, const uint16_t *b,
	size_t b_step, size_t beside, bool low, bool wide)
{
	const size_t lines = low ? 2 * LINES : LINES, width = wide ? 2 * LINES : LINES;
	for (size_t i = 0; i < lines; i += 4)
		for (size_t o = 0; o < width; o += SIMD_WIDTH)
			add_lines(&q->sum[i][o], a + i * a_step, a_step,
				b + o / LINES * beside + o % LINES * 2, b_step);
}
#endif

/* ---- convolution ---------------------------------------------------------------------- */

/* The sums of `n` places from `place` on, with the tail, to where they belong. */
static void put(const struct simd_bf16 *c, size_t place, size_t n, size_t first,
	float sum[2 * LINES][2 * LINES], const float *plus, float *y)
{
	const vec least = tail_least(&c->tail);
	const size_t left = c->outputs - first, lanes = left < 2 * LINES ? left : 2 * LINES;
	size_t row = place / c->pitch, column = place % c->pitch;
	for (size_t i = 0; i < n; i++) {
		const size_t at = row * c->y_row + column * c->y_column + first;
		for (size_t o = 0; o < lanes && column < c->columns; o += SIMD_WIDTH) {
			vec v = vec_load(&sum[i][o]);
			if (c->tail.bias)
				v += vec_load_some(c->tail.bias + first + o, lanes - o);
			if (plus)
				v += vec_load_some(plus + at + o, lanes - o);
			vec_store_some(y + at + o, vec_max(least, v), lanes - o);
		}
		if (++column == c->pitch) {
			column = 0;
			row++;
		}
	}
}

static inline __attribute__((always_inline)) void block(const struct simd_bf16 *c,
	const uint16_t *x, const uint16_t *w, bool low, bool wide, float sum[2 * LINES][2 * LINES])
{
	const size_t each = wide ? 2 * TILE : TILE;
	struct square q;
	square_zero(&q);
	for (size_t k = 0; k < c->runs; k++) {
		const uint16_t *run = x + c->tap[k * c->tap_step] * c->c;
		for (size_t s = 0; s < c->steps; s++, w += each)
			square_add(&q, run + s * DEPTH, c->c, w, DEPTH, TILE, low, wide);
	}
	square_store(&q, sum[0], 2 * LINES, low, wide);
}

/* Two tiles of places from `place` on (one if there are no more), and of outputs. */
static void run_block(const struct simd_bf16 *c, const uint16_t *x, const uint16_t *w, bool low,
	bool wide, float sum[2 * LINES][2 * LINES])
{
	if (low && wide)
		block(c, x, w, true, true, sum);
	else if (wide)
		block(c, x, w, false, true, sum);
	else if (low)
		block(c, x, w, true, false, sum);
	else
		block(c, x, w, false, false, sum);
}

/* One picture with one panel of weights. */
static void run_picture(const struct simd_bf16 *c, const uint16_t *x, const uint16_t *w,
	size_t first, const float *plus, float *y)
{
	const size_t places = (c->rows - 1) * c->pitch + c->columns;
	float sum[2 * LINES][2 * LINES] __attribute__((aligned(64)));
	for (size_t p = 0; p < places; p += 2 * LINES) {
		const size_t n = places - p < 2 * LINES ? places - p : 2 * LINES;
		run_block(c, x + p * c->c, w, n > LINES, c->outputs - first > LINES, sum);
		put(c, p, n, first, sum, plus, y);
	}
}

/* y = conv(x), with the tail. Reads x up to 31 places and 31 numbers beyond the last window. A panel of
 * weights stays near while all pictures pass. */
void KERNEL(bf16_conv)(const struct simd_bf16 *c, const uint16_t *x, float *y)
{
	const uint16_t *w = c->w;
	tiles_begin();
	for (size_t first = 0; first < c->outputs; first += 2 * LINES) {
		for (size_t i = 0; i < c->pictures; i++)
			run_picture(c, x + i * c->x_picture, w, first,
				c->tail.plus ? c->tail.plus + i * c->y_picture : NULL,
				y + i * c->y_picture);
		w += c->runs * c->steps * (c->outputs - first > LINES ? 2 * TILE : TILE);
	}
	tiles_end();
}

/* ---- the gradient of the weights -------------------------------------------------------- */

static inline __attribute__((always_inline)) void gradient_square(
	const struct simd_bf16_gradient *g, const uint16_t *x, const uint16_t *dy, bool low,
	bool wide, float *sum)
{
	struct square q;
	square_load(&q, sum, g->o, low, wide);
	for (size_t p = 0; p < g->pictures; p++, x += g->x_picture, dy += g->dy_picture)
		for (size_t s = 0; s < g->steps; s++)
			square_add(&q, x + s * DEPTH, g->plane, dy + s * DEPTH * g->o, 2 * g->o,
				DEPTH, low, wide);
	square_store(&q, sum, g->o, low, wide);
}

/* Two by two tiles of weights at every place of the window. */
static void gradient_of(const struct simd_bf16_gradient *g, size_t c, size_t o)
{
	const bool low = g->c - c > LINES, wide = g->o - o > LINES;
	const uint16_t *dy = g->dy + 2 * o;
	for (size_t t = 0; t < g->taps; t++) {
		const uint16_t *x = g->x + c * g->plane + g->tap[t];
		float *sum = g->sum + (t * g->c + c) * g->o + o;
		if (low && wide)
			gradient_square(g, x, dy, true, true, sum);
		else if (wide)
			gradient_square(g, x, dy, false, true, sum);
		else if (low)
			gradient_square(g, x, dy, true, false, sum);
		else
			gradient_square(g, x, dy, false, false, sum);
	}
}

/* sum[place of the window][channel][output] += sum over pictures and places of x dy. */
void KERNEL(bf16_gradient)(const struct simd_bf16_gradient *g)
{
	tiles_begin();
	for (size_t c = 0; c < g->c; c += 2 * LINES)
		for (size_t o = 0; o < g->o; o += 2 * LINES)
			gradient_of(g, c, o);
	tiles_end();
}
