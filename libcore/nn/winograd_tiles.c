/* winograd_tiles: tiles between pictures and their transforms (see winograd_tiles.h). */
#include "winograd_tiles.h"

enum { TILE = 4, INPUT = 6 };
enum { FEW = 32 }; /* channels of which a place has so little work that memory is waited for */

/* A side of a map: pictures, channels last. */
struct side {
	long h, w;
	size_t c;
};

/* Tile n: its picture, and its first output. */
struct tile {
	size_t picture;
	long y, x;
};

size_t winograd_step(size_t n, size_t channels)
{
	return n * channels + WINOGRAD_LINE;
}

static struct side input_side(const struct winograd *m)
{
	return (struct side){(long)m->h, (long)m->w, m->pitch};
}

static struct side output_side(const struct winograd *m)
{
	return (struct side){(long)m->oh, (long)m->ow, m->o};
}

static struct tile tile_at(const struct winograd *m, size_t n)
{
	const size_t each = m->down * m->across, in = n % each;
	return (struct tile){
		n / each, (long)(in / m->across * TILE), (long)(in % m->across * TILE)};
}

/* Floats to place (y, x) of a picture; GRAPH_NONE outside. */
static inline size_t place_of(const struct side *s, size_t picture, long y, long x)
{
	if (y < 0 || y >= s->h || x < 0 || x >= s->w)
		return GRAPH_NONE;
	return (size_t)(((long)picture * s->h + y) * s->w + x) * s->c;
}

/* The size x size places of `from` from tile t's first on. */
static void read_places(const struct side *s, const struct tile *t, long size, const float *from,
	const float *zeros, const float **place)
{
	for (long y = t->y; y < t->y + size; y++)
		for (long x = t->x; x < t->x + size; x++) {
			const size_t at = place_of(s, t->picture, y, x);
			*place++ = at == GRAPH_NONE ? zeros : from + at;
		}
}

/* The places that tile t writes in `to`. */
static void write_places(
	const struct side *s, const struct tile *t, float *to, float *nowhere, float **place)
{
	for (long y = t->y; y < t->y + TILE; y++)
		for (long x = t->x; x < t->x + TILE; x++) {
			const size_t at = place_of(s, t->picture, y, x);
			*place++ = at == GRAPH_NONE ? nowhere : to + at;
		}
}

/* Calls for what the tile below tile t will read beyond its `rows` rows: from row to row places lie too far
 * apart for the processor to see them coming. */
static void call_ahead(const struct side *s, const struct tile *t, long rows, const float *from)
{
	if (s->c > FEW)
		return;
	for (long y = rows; y < rows + TILE; y++) {
		const long place = ((long)t->picture * s->h + t->y + y) * s->w + t->x;
		const float *at = from + (size_t)place * s->c;
		for (size_t k = 0; k < TILE * s->c; k += WINOGRAD_LINE)
			__builtin_prefetch(at + k, 0, 2);
	}
}

void winograd_take_inputs(const struct winograd *m, size_t first, size_t n, const float *x,
	const float *zeros, float *to, size_t step)
{
	const struct side s = input_side(m);
	const float *place[WINOGRAD_POSITIONS];
	for (size_t i = first; i < first + n; i++, to += m->c_step) {
		struct tile t = tile_at(m, i);
		t.y -= (long)m->ph;
		t.x -= (long)m->pw;
		call_ahead(&s, &t, INPUT, x);
		read_places(&s, &t, INPUT, x, zeros, place);
		simd()->winograd_input(place, m->c, to, step);
	}
}

void winograd_take_gradients(const struct winograd *m, size_t first, size_t n, const float *dy,
	const float *zeros, float *to, size_t step)
{
	const struct side s = output_side(m);
	const float *place[TILE * TILE];
	for (size_t i = first; i < first + n; i++, to += m->o_step) {
		const struct tile t = tile_at(m, i);
		call_ahead(&s, &t, TILE, dy);
		read_places(&s, &t, TILE, dy, zeros, place);
		simd()->winograd_gradient(place, m->o, to, step);
	}
}

void winograd_put_outputs(const struct winograd *m, size_t first, size_t n, const float *from,
	size_t step, const struct simd_tail *tail, float *nowhere, float *y)
{
	const struct side s = output_side(m);
	const float *const plus = tail->plus;
	float *place[TILE * TILE];
	const float *add[TILE * TILE];
	for (size_t i = first; i < first + n; i++, from += m->o_step) {
		const struct tile t = tile_at(m, i);
		write_places(&s, &t, y, nowhere, place);
		if (plus)
			read_places(&s, &t, TILE, plus, nowhere, add);
		simd()->winograd_output(from, step, m->o, tail, place, plus ? add : NULL);
	}
}

struct simd_conv winograd_view(const struct winograd *m, size_t n, const float *w)
{
	static const size_t tap = 0;
	return (struct simd_conv){.taps = 1,
		.run = m->c,
		.tap = &tap,
		.outputs = m->o_step,
		.rows = 1,
		.columns = n,
		.x_column = m->c_step,
		.y_column = m->o_step,
		.w = w};
}
