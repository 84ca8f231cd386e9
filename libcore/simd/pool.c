/*
 * pool: the largest value of each window, and which place it had. A window is a list of `taps`
 * places, `across` neighbours a line, each with its offset in floats from the window's first corner and
 * its number, which counts on within a line; `rows` times n windows stand x_row and x_step floats apart.
 * Vectors have c channels, results lie without gaps in lines y_row apart, and winners as results do.
 * Where no gradient follows, winner is NULL.
 *
 * Of few channels a register takes several windows of a line: a permutation brings together what their
 * place t holds, and another one takes their gradients apart.
 */
#include "vmath.h"

/* Numbers of the first n lanes (all if there are enough) as bytes at p. */
static inline ivec load_numbers(const uint8_t *p, size_t n)
{
#if SIMD_WIDTH == 16
	const __mmask16 some = n < SIMD_WIDTH ? lanes_before(n) : (__mmask16)-1;
	return (ivec)_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(some, p));
#else
	uint8_t b[SIMD_WIDTH] = {0};
	memcpy(b, p, n < SIMD_WIDTH ? n : SIMD_WIDTH);
#if SIMD_WIDTH == 8
	return (ivec)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)b));
#else
	return (ivec){b[0], b[1], b[2], b[3]};
#endif
#endif
}

static inline void store_numbers(uint8_t *p, ivec v, size_t n)
{
#if SIMD_WIDTH == 16
	const __mmask16 some = n < SIMD_WIDTH ? lanes_before(n) : (__mmask16)-1;
	_mm_mask_storeu_epi8(p, some, _mm512_cvtepi32_epi8((__m512i)v));
#else
	typedef uint8_t bytes __attribute__((vector_size(SIMD_WIDTH)));
	const bytes b = __builtin_convertvector(v, bytes);
	memcpy(p, &b, n < SIMD_WIDTH ? n : SIMD_WIDTH);
#endif
}

/* Lane i becomes lane at[i] of v. */
static inline vec turn(vec v, ivec at)
{
#if SIMD_WIDTH == 16
	return (vec)_mm512_permutexvar_ps((__m512i)at, (__m512)v);
#elif SIMD_WIDTH == 8
	return (vec)_mm256_permutevar8x32_ps((__m256)v, (__m256i)at);
#else
	vec to = v;
	for (int i = 0; i < SIMD_WIDTH; i++)
		to[i] = v[at[i]];
	return to;
#endif
}

/* ... of a, or of b behind it. */
static inline vec pick(vec a, vec b, ivec at)
{
#if SIMD_WIDTH == 16
	return (vec)_mm512_permutex2var_ps((__m512)a, (__m512i)at, (__m512)b);
#else
	const ivec last = (ivec){0} + (SIMD_WIDTH - 1);
	return vec_select(at > last, turn(b, at & last), turn(a, at & last));
#endif
}

/* ---- forward ----------------------------------------------------------------------- */

/* How many windows a register takes, and from where in their line its lanes come. Two registers reach all
 * of them; 0 windows: one takes only channels of one. */
struct gather {
	size_t windows;
	ivec from;
};

static struct gather gather_of(const struct simd_pool *p)
{
	struct gather g = {0};
	if (p->n < 2 || 2 * p->c > SIMD_WIDTH || p->x_step > 2 * p->c)
		return g;
	int32_t from[SIMD_WIDTH] = {0};
	g.windows = SIMD_WIDTH / p->c;
	for (size_t w = 0; w < g.windows; w++)
		for (size_t k = 0; k < p->c; k++)
			from[w * p->c + k] = (int32_t)(w * p->x_step + k);
	memcpy(&g.from, from, sizeof from);
	return g;
}

/* The first floats of a register, or of two through a permutation. */
static inline vec load_lanes(const float *x, size_t floats, const struct gather *g)
{
	if (!g)
		return vec_load_some(x, floats);
	if (floats <= SIMD_WIDTH)
		return turn(vec_load_some(x, floats), g->from);
	return pick(vec_load(x), vec_load_some(x + SIMD_WIDTH, floats - SIMD_WIDTH), g->from);
}

/* n lanes, made of `floats` of each place. Ties go to the first; a NaN wins over all before it, as in
 * PyTorch. */
static inline __attribute__((always_inline)) void window_max(const size_t taps,
	const struct simd_pool *p, const struct gather *g, const float *x, size_t floats, float *y,
	uint8_t *winner, size_t n)
{
	vec best = load_lanes(x + p->tap[0], floats, g);
	ivec number = (ivec){0} + p->number[0];
	for (size_t t = 1; t < taps; t++) {
		const vec v = load_lanes(x + p->tap[t], floats, g);
		const ivec more =
			(v > best) | (v != v); /* NOLINT(misc-redundant-expression): NaN */
		number = (number & ~more) | (p->number[t] & more);
		best = vec_select(more, v, best);
	}
	vec_store_some(y, vec_max(vec_all(p->relu ? 0 : -__builtin_inff()), best), n);
	if (!winner)
		return;
	if (p->relu)
		number |= ~(best > 0.0F); /* SIMD_NO_WINNER */
	store_numbers(winner, number, n);
}

/* A line of windows. */
static inline __attribute__((always_inline)) void line_max(const size_t taps,
	const struct simd_pool *p, const struct gather *g, const float *x, float *y,
	uint8_t *winner)
{
	const size_t c = p->c;
	for (size_t i = 0; i < p->n && g->windows; i += g->windows) {
		const size_t n = p->n - i < g->windows ? p->n - i : g->windows;
		window_max(taps, p, g, x + i * p->x_step, (n - 1) * p->x_step + c, y + i * c,
			winner ? winner + i * c : NULL, n * c);
	}
	for (size_t i = 0; i < p->n && !g->windows; i++)
		for (size_t k = 0; k < c; k += SIMD_WIDTH)
			window_max(taps, p, NULL, x + i * p->x_step + k, c - k, y + i * c + k,
				winner ? winner + i * c + k : NULL, c - k);
}

void KERNEL(pool_max)(const struct simd_pool *p, const float *x, float *y, uint8_t *winner)
{
	const struct gather g = gather_of(p);
	for (size_t r = 0; r < p->rows; r++, x += p->x_row, y += p->y_row) {
		uint8_t *numbers = winner ? winner + r * p->y_row : NULL;
		if (p->taps == 4)
			line_max(4, p, &g, x, y, numbers);
		else
			line_max(p->taps, p, &g, x, y, numbers);
	}
}

/* ---- backward ---------------------------------------------------------------------- */

/* How many windows a register of gradients holds, what they reach being whole registers without gaps: where
 * their lanes come from, and how many places to the right of the line's first one they are. */
enum { REGISTERS = 4 };
struct scatter {
	size_t windows;
	ivec from[REGISTERS], place[REGISTERS];
};

static void scatter_of(const struct simd_pool *p, struct scatter *s)
{
	s->windows = 0;
	if (p->n < 2 || 2 * p->c > SIMD_WIDTH || p->across > REGISTERS
		|| p->x_step != p->across * p->c)
		return;
	int32_t from[REGISTERS * SIMD_WIDTH] = {0}, place[REGISTERS * SIMD_WIDTH] = {0};
	s->windows = SIMD_WIDTH / p->c;
	for (size_t w = 0, i = 0; w < s->windows; w++)
		for (size_t t = 0; t < p->across; t++)
			for (size_t k = 0; k < p->c; k++, i++) {
				from[i] = (int32_t)(w * p->c + k);
				place[i] = (int32_t)t;
			}
	memcpy(s->from, from, sizeof from);
	memcpy(s->place, place, sizeof place);
}

/* n windows side by side. */
static inline __attribute__((always_inline)) void windows_back(const size_t across,
	const struct simd_pool *p, const struct scatter *s, const float *dy, const uint8_t *winner,
	size_t n, float *dx, bool add)
{
	const vec d = vec_load_some(dy, n * p->c), own = (vec)load_numbers(winner, n * p->c);
	const size_t floats = n * p->x_step;
	vec of[REGISTERS];
	ivec number[REGISTERS];
	for (size_t r = 0; r < across; r++) {
		of[r] = turn(d, s->from[r]);
		number[r] = (ivec)turn(own, s->from[r]) - s->place[r];
	}
	for (size_t t = 0; t < p->taps; t += across)
		for (size_t r = 0; r < across && r * SIMD_WIDTH < floats; r++) {
			const ivec mine = number[r] == p->number[t];
			vec_put_some(dx + p->tap[t] + r * SIMD_WIDTH,
				vec_select(mine, of[r], (vec){0}), floats - r * SIMD_WIDTH, add);
		}
}

/* One window. */
static inline __attribute__((always_inline)) void window_back(const size_t taps,
	const struct simd_pool *p, const float *dy, const uint8_t *winner, float *dx, bool add)
{
	for (size_t k = 0; k < p->c; k += SIMD_WIDTH) {
		const size_t left = p->c - k;
		const vec d = vec_load_some(dy + k, left);
		const ivec number = load_numbers(winner + k, left);
		for (size_t t = 0; t < taps; t++) {
			const ivec mine = number == p->number[t];
			vec_put_some(dx + p->tap[t] + k, vec_select(mine, d, (vec){0}), left, add);
		}
	}
}

static inline __attribute__((always_inline)) void line_back(const size_t taps, const size_t across,
	const struct simd_pool *p, const struct scatter *s, const float *dy, const uint8_t *winner,
	float *dx, bool add)
{
	const size_t c = p->c;
	for (size_t i = 0; i < p->n && s->windows; i += s->windows)
		windows_back(across, p, s, dy + i * c, winner + i * c,
			p->n - i < s->windows ? p->n - i : s->windows, dx + i * p->x_step, add);
	for (size_t i = 0; i < p->n && !s->windows; i++)
		window_back(taps, p, dy + i * c, winner + i * c, dx + i * p->x_step, add);
}

/* dx of each window's winner = dy and of its other places 0; or with add, += that: what windows that
 * overlap need. */
void KERNEL(pool_max_back)(
	const struct simd_pool *p, const float *dy, const uint8_t *winner, float *dx, bool add)
{
	struct scatter s;
	scatter_of(p, &s);
	for (size_t r = 0; r < p->rows; r++) {
		const size_t from = r * p->y_row;
		if (p->taps == 4 && p->across == 2 && !add)
			line_back(4, 2, p, &s, dy + from, winner + from, dx + r * p->x_row, false);
		else
			line_back(p->taps, p->across, p, &s, dy + from, winner + from,
				dx + r * p->x_row, add);
	}
}
