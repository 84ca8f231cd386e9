/* tone: byte by byte (see tone.h). */
#include "tone.h"

#include <stdint.h>
#include <string.h>

enum { LEVELS = 256 };

/* Every C-th byte from p on through a table. */
static void look_up(unsigned char *p, size_t n, size_t C, const unsigned char table[LEVELS])
{
	for (size_t i = 0; i < n * C; i += C)
		p[i] = table[p[i]];
}

static void count(const unsigned char *p, size_t n, size_t C, uint32_t histogram[LEVELS])
{
	memset(histogram, 0, LEVELS * sizeof *histogram);
	for (size_t i = 0; i < n * C; i += C)
		histogram[p[i]]++;
}

void tone_invert(unsigned char *p, size_t n, size_t C)
{
	for (size_t i = 0; i < n * C; i++)
		p[i] = (unsigned char)~p[i];
}

void tone_posterize(unsigned char *p, size_t n, size_t C, int bits)
{
	const unsigned char mask = (unsigned char)(0xff00u >> bits);
	for (size_t i = 0; i < n * C; i++)
		p[i] &= mask;
}

void tone_solarize(unsigned char *p, size_t n, size_t C, double threshold)
{
	unsigned char table[LEVELS];
	for (int v = 0; v < LEVELS; v++)
		table[v] = (unsigned char)((double)v < threshold ? v : 255 - v);
	look_up(p, n * C, 1, table);
}

/* The sum of the counts below a level, in steps of an even share. */
static void flatten(unsigned char *p, size_t n, size_t C)
{
	uint32_t histogram[LEVELS];
	unsigned char table[LEVELS];
	size_t last = LEVELS - 1;
	count(p, n, C, histogram);
	while (last > 0 && histogram[last] == 0)
		last--;
	const size_t step = (n - histogram[last]) / 255;
	if (step == 0)
		return;
	size_t sum = step / 2;
	for (size_t v = 0; v < LEVELS; sum += histogram[v++])
		table[v] = (unsigned char)(sum / step > 255 ? 255 : sum / step);
	look_up(p, n, C, table);
}

void tone_equalize(unsigned char *p, size_t n, size_t C)
{
	for (size_t c = 0; c < C; c++)
		flatten(p + c, n, C);
}

static void stretch(unsigned char *p, size_t n, size_t C)
{
	unsigned char table[LEVELS];
	int low = 255, high = 0;
	for (size_t i = 0; i < n * C; i += C) {
		low = p[i] < low ? p[i] : low;
		high = p[i] > high ? p[i] : high;
	}
	if (high <= low)
		return;
	const double scale = 255.0 / (high - low), offset = -low * scale;
	for (int v = 0; v < LEVELS; v++) {
		const double to = v * scale + offset;
		table[v] = (unsigned char)(to < 0 ? 0 : to > 255 ? 255 : to);
	}
	look_up(p, n, C, table);
}

void tone_autocontrast(unsigned char *p, size_t n, size_t C)
{
	for (size_t c = 0; c < C; c++)
		stretch(p + c, n, C);
}

void tone_shift(unsigned char *p, size_t n, size_t C, const float *shift)
{
	unsigned char table[LEVELS];
	for (size_t c = 0; c < C; c++) {
		for (int v = 0; v < LEVELS; v++) {
			const float to = (float)v + shift[c];
			table[v] = (unsigned char)(to < 0 ? 0 : to > 255 ? 255 : to);
		}
		look_up(p + c, n, C, table);
	}
}
