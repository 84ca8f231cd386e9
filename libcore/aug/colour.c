/* colour: Pillow's arithmetic on 8-bit pictures (see colour.h). */
#include "colour.h"

#include <string.h>

/* Pixels are taken sixteen at a time where loops of that length become vectors. */
enum { PIXELS = 16 };

void colour_grey(unsigned char *p, size_t n, size_t C)
{
	for (size_t i = 0; i < n && C == 3; i++)
		memset(p + 3 * i, luma(p + 3 * i), 3);
}

/* ---- blends ------------------------------------------------------------------------ */

/* A blend with one value for the whole picture is a function of the byte. */
static void blend_constant(unsigned char *p, size_t bytes, unsigned char with, float factor)
{
	unsigned char table[256];
	for (unsigned v = 0; v < 256; v++)
		table[v] = colour_blend(with, (unsigned char)v, factor);
	for (size_t i = 0; i < bytes; i++)
		p[i] = table[p[i]];
}

void colour_brightness(unsigned char *p, size_t n, size_t C, float factor)
{
	blend_constant(p, n * C, 0, factor);
}

void colour_contrast(unsigned char *p, size_t n, size_t C, float factor)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += C == 3 ? luma(p + 3 * i) : p[i];
	blend_constant(p, n * C, (unsigned char)((double)sum / (double)n + 0.5), factor);
}

static void saturate(unsigned char *p, const void *context)
{
	const float factor = *(const float *)context;
	unsigned char grey[3 * PIXELS];
	for (size_t i = 0; i < PIXELS; i++)
		grey[3 * i] = grey[3 * i + 1] = grey[3 * i + 2] = luma(p + 3 * i);
	for (size_t i = 0; i < 3 * PIXELS; i++)
		p[i] = colour_blend(grey[i], p[i], factor);
}

/* Applies f to all n pixels, sixteen at a time; the last ones in a copy. */
static void in_sixteens(unsigned char *p, size_t n,
	void (*f)(unsigned char *p, const void *context), const void *context)
{
	size_t i = 0;
	for (; i + PIXELS <= n; i += PIXELS)
		f(p + 3 * i, context);
	if (i == n)
		return;
	unsigned char rest[3 * PIXELS] = {0};
	memcpy(rest, p + 3 * i, 3 * (n - i));
	f(rest, context);
	memcpy(p + 3 * i, rest, 3 * (n - i));
}

void colour_saturation(unsigned char *p, size_t n, size_t C, float factor)
{
	if (C == 3)
		in_sixteens(p, n, saturate, &factor);
}

/* ---- hue --------------------------------------------------------------------------- */

/* Sixteen pixels between RGB and HSV. */
struct hsv {
	unsigned char r[PIXELS], g[PIXELS], b[PIXELS];
	unsigned char most[PIXELS], least[PIXELS];
	int32_t hue[PIXELS], saturation[PIXELS];
	float at[PIXELS]; /* in the sector of the turned hue */
};

/* What a hue byte means after the turn: sector 0..5 of the circle and the place in it. */
struct hue {
	unsigned sector;
	float at;
};

static void turn_hues(struct hue hue[256], double shift)
{
	const int turn = (int)(shift * 255);
	for (int h = 0; h < 256; h++) {
		const double sixths = (double)((h + turn) & 255) * 6.0 / 255.0;
		const unsigned sector = (unsigned)sixths;
		hue[h] = (struct hue){sector % 6, (float)(sixths - (double)sector)};
	}
}

static void split(const unsigned char *p, struct hsv *x)
{
	for (size_t i = 0; i < PIXELS; i++) {
		x->r[i] = p[3 * i];
		x->g[i] = p[3 * i + 1];
		x->b[i] = p[3 * i + 2];
	}
	for (size_t i = 0; i < PIXELS; i++) {
		const unsigned char r = x->r[i], g = x->g[i], b = x->b[i];
		const unsigned char rg = r > g ? r : g, least_rg = r < g ? r : g;
		x->most[i] = rg > b ? rg : b;
		x->least[i] = least_rg < b ? least_rg : b;
	}
}

/* Convert.c, rgb2hsv: h = 0 + bc - gc, 2 + rc - bc or 4 + gc - rc sixths of the circle, where rc,
 * gc, bc are the distances from the greatest as shares of the range. Greys get a hue that nobody
 * will look at. Choices are masks, so that they become vectors. */
static void to_hsv(struct hsv *x)
{
	float plus[PIXELS], minus[PIXELS], base[PIXELS], range[PIXELS], most[PIXELS];
	for (size_t i = 0; i < PIXELS; i++) {
		const int r = x->r[i], g = x->g[i], b = x->b[i], top = x->most[i];
		const int red = -(r == top), green = -(g == top) & ~red, blue = ~(red | green);
		const int width = top - x->least[i];
		plus[i] = (float)(top - ((b & red) | (r & green) | (g & blue)));
		minus[i] = (float)(top - ((g & red) | (b & green) | (r & blue)));
		base[i] = (float)((2 & green) | (4 & blue));
		range[i] = (float)(width + (width == 0));
		most[i] = (float)(top + (top == 0));
	}
	for (size_t i = 0; i < PIXELS; i++) {
		plus[i] /= range[i];
		minus[i] /= range[i];
		x->saturation[i] = (int32_t)((double)(range[i] / most[i]) * 255.0);
	}
	for (size_t i = 0; i < PIXELS; i++) {
		const float h = (float)((double)base[i] + (double)plus[i] - (double)minus[i]);
		const double turns = (double)h / 6.0 + 1.0;
		const float part = (float)(turns - (double)(int32_t)turns);
		x->hue[i] = (int32_t)((double)part * 255.0);
	}
}

/* Convert.c, hsv2rgb: the levels p, q and t below the value, rounded. */
static void levels(const struct hsv *x, unsigned char level[4][PIXELS])
{
	for (size_t i = 0; i < PIXELS; i++) {
		const double v = (double)x->most[i];
		const float s = (float)((double)x->saturation[i] / 255.0), share = s * x->at[i];
		const double rest = (double)s * (1.0 - (double)x->at[i]);
		level[0][i] = x->most[i];
		level[1][i] = (unsigned char)(int32_t)(v * (1.0 - (double)s) + 0.5);
		level[2][i] = (unsigned char)(int32_t)(v * (1.0 - (double)share) + 0.5);
		level[3][i] = (unsigned char)(int32_t)(v * (1.0 - rest) + 0.5);
	}
}

static void turn(unsigned char *p, const void *context)
{
	enum { V, P, Q, T };
	static const unsigned char order[6][3] = {
		{V, T, P}, {Q, V, P}, {P, V, T}, {P, Q, V}, {T, P, V}, {V, P, Q}};
	const struct hue *hue = context;
	unsigned char level[4][PIXELS];
	struct hsv x;
	split(p, &x);
	to_hsv(&x);
	for (size_t i = 0; i < PIXELS; i++)
		x.at[i] = hue[x.hue[i]].at;
	levels(&x, level);
	for (size_t i = 0; i < PIXELS; i++) {
		const unsigned char *o = order[hue[x.hue[i]].sector];
		if (x.most[i] == x.least[i])
			continue;
		p[3 * i] = level[o[0]][i];
		p[3 * i + 1] = level[o[1]][i];
		p[3 * i + 2] = level[o[2]][i];
	}
}

void colour_hue(unsigned char *p, size_t n, size_t C, double shift)
{
	struct hue hue[256];
	turn_hues(hue, shift);
	if (C == 3)
		in_sixteens(p, n, turn, hue);
}
