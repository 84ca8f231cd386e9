/*
 * convolve_few: convolutions of few channels, of which the kernels of simd/conv.c, with the channels of one
 * place in their lanes, would leave most empty.
 *
 * Backward each place of dy spreads to its window of dx instead (simd/conv_spread.c): on dx itself, or on a
 * copy with its border, which is cut off at the end.
 *
 * Forward, and for the gradient of the weights, neighbouring places of y stand abreast in a register: to the
 * kernels they are one place of that many more outputs, whose window is the union of theirs. In a row of it
 * the weights of place q begin q steps later, with zeros before and behind.
 */
#include "convolve.h"

#include <string.h>

/* ---- dx from windows that spread ------------------------------------------------------- */

/* dy as the kernel's x, bordered dx as its y. */
static struct simd_spread spread_view(const struct convolve *c)
{
	const struct window *v = &c->v;
	const size_t line = (v->w + 2 * v->pw) * v->c;
	return (struct simd_spread){.inputs = c->outputs,
		.down = v->kh,
		.run = v->kw * v->c,
		.channels = v->c,
		.rows = v->oh,
		.columns = v->ow,
		.x_row = v->ow * c->outputs,
		.x_column = c->outputs,
		.y_row = v->sh * line,
		.y_column = v->sw * v->c,
		.y_down = v->dh * line};
}

/* It pays when it multiplies clearly fewer registers; to add one to dx costs as much as some products. */
bool convolve_spreads_well(const struct convolve *c)
{
	enum { TO_ADD = 6 };
	const size_t width = simd()->width;
	const struct simd_spread s = spread_view(c);
	if (c->groups != 1 || c->v.dw != 1)
		return false;
	size_t phases = 0;
	for (size_t i = 0; i < c->phases; i++)
		phases += c->phase[i].rows * c->phase[i].columns * c->phase[i].taps;
	const size_t ours = s.rows * s.columns * s.down * nn_round_up(s.run, width) / width;
	const size_t theirs = phases * nn_round_up(c->inputs, width) / width;
	return 4 * ours * (c->outputs + TO_ADD) <= 3 * theirs * c->outputs;
}

void convolve_spread_pack(const struct convolve *c, const float *w, const float *scale, float *to)
{
	const struct simd_spread s = spread_view(c);
	simd()->conv_spread_pack(&s, w, scale, to);
}

/* What the windows are added to: the bias everywhere, or zeros. */
static void begin(const struct convolve *c, const float *bias, size_t places, float *to)
{
	if (!bias) {
		memset(to, 0, places * c->v.c * sizeof *to);
		return;
	}
	for (size_t i = 0; i < places; i++, to += c->v.c)
		memcpy(to, bias, c->v.c * sizeof *to);
}

/* Lines of bordered dx without their border, and what is still to be done. */
static void end(
	const struct convolve *c, const struct simd_tail *tail, const float *bordered, float *dx)
{
	const struct window *v = &c->v;
	const size_t line = v->w * v->c, full = line + 2 * v->pw * v->c;
	bordered += v->ph * full + v->pw * v->c;
	for (size_t i = 0; i < v->h; i++, bordered += full) {
		float *to = dx + i * line;
		if (tail->plus)
			simd()->sum(bordered, tail->plus + i * line, to, line);
		else
			memcpy(to, bordered, line * sizeof *to);
	}
}

void convolve_spread(const struct convolve *c, const float *packed, const float *dy,
	const struct simd_tail *tail, float *scratch, float *dx)
{
	const struct window *v = &c->v;
	const bool adds = tail->plus == dx && !tail->bias;
	const bool bare = v->ph == 0 && v->pw == 0 && (!tail->plus || adds);
	float *to = bare ? dx : scratch;
	struct simd_spread s = spread_view(c);
	s.w = packed;
	if (!bare || !adds)
		begin(c, tail->bias, (v->h + 2 * v->ph) * (v->w + 2 * v->pw), to);
	simd()->conv_spread(&s, dy, to);
	if (!bare)
		end(c, tail, to, dx);
	if (tail->relu)
		simd()->relu(dx, dx, v->h * v->w * v->c);
}

/* ---- places of y abreast ------------------------------------------------------------- */

/* Floats of a row of the window that `abreast` places have together. */
static size_t joint_run(const struct convolve *c, size_t abreast)
{
	return (c->v.kw + (abreast - 1) * c->v.sw) * c->inputs;
}

/* The number that multiplies fewest registers, if it is worth it: a joint run is read once for all of them. */
size_t convolve_abreast(const struct convolve *c)
{
	const size_t most = simd()->width / c->outputs;
	size_t best = 1;
	if (c->groups != 1 || c->v.dw != 1)
		return 1;
	for (size_t n = 2; n <= most; n++)
		if (c->v.ow % n == 0 && joint_run(c, n) * best < joint_run(c, best) * n)
			best = n;
	return 4 * joint_run(c, best) <= 3 * joint_run(c, 1) * best ? best : 1;
}

size_t convolve_abreast_floats(const struct convolve *c)
{
	return c->v.kh * joint_run(c, c->abreast) * simd()->width;
}

/* Where the weights of place q begin in a joint run of row i; such a run has a register for each float. */
static size_t abreast_place(const struct convolve *c, size_t i, size_t q)
{
	const size_t width = simd()->width, step = c->v.sw * c->inputs;
	return (i * joint_run(c, c->abreast) + q * step) * width + q * c->outputs;
}

void convolve_abreast_pack(const struct convolve *c, const float *w, const float *scale, float *to)
{
	const size_t run = c->v.kw * c->inputs, o = c->outputs, width = simd()->width;
	memset(to, 0, convolve_abreast_floats(c) * sizeof *to);
	for (size_t i = 0; i < c->v.kh; i++)
		for (size_t q = 0; q < c->abreast; q++) {
			const float *from = w + i * run * o;
			float *at = to + abreast_place(c, i, q);
			for (size_t r = 0; r < run; r++, from += o, at += width)
				for (size_t k = 0; k < o; k++)
					at[k] = from[k] * (scale ? scale[k] : 1);
		}
}

void convolve_abreast_unpack_add(const struct convolve *c, const float *from, float *dw)
{
	const size_t run = c->v.kw * c->inputs, o = c->outputs, width = simd()->width;
	for (size_t i = 0; i < c->v.kh; i++)
		for (size_t q = 0; q < c->abreast; q++) {
			const float *at = from + abreast_place(c, i, q);
			float *to = dw + i * run * o;
			for (size_t r = 0; r < run; r++, at += width, to += o)
				for (size_t k = 0; k < o; k++)
					to[k] += at[k];
		}
}

void convolve_abreast_bias(const struct convolve *c, struct simd_tail *tail, float *bias)
{
	if (!tail->bias)
		return;
	for (size_t i = 0; i < c->abreast * c->outputs; i++)
		bias[i] = tail->bias[i % c->outputs];
	tail->bias = bias;
}
