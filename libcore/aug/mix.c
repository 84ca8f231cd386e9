/* mix: pictures and labels mixed with others of their batch (see mix.h). */
#include "mix.h"

#include <math.h>
#include <string.h>

/* ---- drawing ----------------------------------------------------------------------- */

void mix_draw_mixup(struct mix *m, double alpha, struct rng *g)
{
	const double a = rng_gamma(g, alpha), b = rng_gamma(g, alpha);
	*m = (struct mix){.own = a + b > 0 ? (float)(a / (a + b)) : 0.5f};
}

/* torchvision, references/classification/transforms.py, RandomCutmix. */
void mix_draw_cutmix(struct mix *m, double alpha, size_t H, size_t W, struct rng *g)
{
	mix_draw_mixup(m, alpha, g);
	const double half = 0.5 * sqrt(1 - (double)m->own);
	const size_t x = (size_t)rng_below(g, W), y = (size_t)rng_below(g, H);
	const size_t w = (size_t)(half * (double)W), h = (size_t)(half * (double)H);
	const size_t x1 = x + w < W ? x + w : W, y1 = y + h < H ? y + h : H;
	m->paste = true;
	m->x = x > w ? x - w : 0;
	m->y = y > h ? y - h : 0;
	m->w = x1 - m->x;
	m->h = y1 - m->y;
	m->own = 1 - (float)(m->w * m->h) / (float)(W * H);
}

/* ---- mixing ------------------------------------------------------------------------ */

/* One row with its partner. */
typedef void mixer(const struct mix *m, const struct mix_shape *s, void *own, const void *partner);

static void blend_bytes(
	const struct mix *m, const struct mix_shape *s, void *own, const void *partner)
{
	const uint32_t share = (uint32_t)(m->own * 65536 + 0.5f), rest = 65536 - share;
	unsigned char *to = own;
	const unsigned char *from = partner;
	for (size_t i = 0, n = s->lines * s->W * s->C; i < n; i++)
		to[i] = (unsigned char)((to[i] * share + from[i] * rest + 32768) >> 16);
}

static void blend_floats(
	const struct mix *m, const struct mix_shape *s, void *own, const void *partner)
{
	float *to = own;
	const float *from = partner;
	for (size_t i = 0, n = s->lines * s->W * s->C; i < n; i++)
		to[i] = m->own * to[i] + (1 - m->own) * from[i];
}

/* The window of every frame; C counts bytes here. */
static void paste(const struct mix *m, const struct mix_shape *s, void *own, const void *partner)
{
	const size_t line = s->W * s->C;
	for (size_t i = 0; i < s->lines; i++) {
		const size_t y = i % s->height, at = i * line + m->x * s->C;
		if (y >= m->y && y < m->y + m->h)
			memcpy((char *)own + at, (const char *)partner + at, m->w * s->C);
	}
}

/* From the last row back, so that each partner is still what it was. */
static void go_round(const struct mix *m, const struct mix_shape *s, mixer *f, void *data,
	size_t bytes, const size_t *ring, size_t n, void *spare)
{
	char *rows = data;
	if (n < 2)
		return;
	memcpy(spare, rows + (ring ? ring[n - 1] : n - 1) * bytes, bytes);
	for (size_t i = n; i-- > 0;) {
		char *own = rows + (ring ? ring[i] : i) * bytes;
		f(m, s, own, i > 0 ? rows + (ring ? ring[i - 1] : i - 1) * bytes : spare);
	}
}

void mix_bytes(const struct mix *m, const struct mix_shape *s, unsigned char *data,
	const size_t *ring, size_t n, unsigned char *spare)
{
	go_round(
		m, s, m->paste ? paste : blend_bytes, data, s->lines * s->W * s->C, ring, n, spare);
}

void mix_floats(const struct mix *m, const struct mix_shape *s, float *data, const size_t *ring,
	size_t n, float *spare)
{
	const size_t bytes = s->lines * s->W * s->C * sizeof(float);
	struct mix_shape in_bytes = *s;
	in_bytes.C *= sizeof(float);
	if (m->paste)
		go_round(m, &in_bytes, paste, data, bytes, ring, n, spare);
	else
		go_round(m, s, blend_floats, data, bytes, ring, n, spare);
}

void mix_one_hot(const int32_t *label, size_t N, size_t K, float *shares)
{
	for (size_t i = 0; i < N * K; i++)
		shares[i] = 0;
	for (size_t i = 0; i < N; i++)
		if (label[i] >= 0 && (size_t)label[i] < K)
			shares[i * K + (size_t)label[i]] = 1;
}

static bool known(const float *shares, size_t K)
{
	for (size_t k = 0; k < K; k++)
		if (shares[k] != 0)
			return true;
	return false;
}

void mix_rings(const float *shares, size_t K, const float *weight, const int32_t *part, size_t rows,
	size_t *const ring[2], size_t n[2])
{
	n[0] = n[1] = 0;
	for (size_t i = 0; i < rows; i++) {
		const int k = shares && !known(shares + i * K, K);
		if (!(weight && weight[i] == 0) && !(part && part[i] == 1))
			ring[k][n[k]++] = i;
	}
}

void mix_shares(
	const struct mix *m, size_t K, float *shares, const size_t *ring, size_t n, float *spare)
{
	const struct mix_shape s = {1, 1, 1, K};
	go_round(m, &s, blend_floats, shares, K * sizeof(float), ring, n, spare);
}
