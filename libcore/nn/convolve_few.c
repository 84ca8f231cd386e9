/*
 * convolve_few: convolutions of few channels, of which the kernels of simd/conv.c, with the channels of one
 * place in their lanes, would leave most empty. Backward each place of dy spreads to its window of dx
 * instead (simd/conv_spread.c): on dx itself, or on a copy with its border, which is cut off at the end.
 */
#include "convolve.h"

#include <string.h>

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
