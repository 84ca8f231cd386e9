/*
 * winograd: the transforms of Winograd's convolution F(4x4, 3x3) (Lavin and Gray, "Fast algorithms
 * for convolutional neural networks", 2016), a tile at a time, channels last, so that every step is
 * one operation on registers of channels:
 *
 *     forward    y = A' [(G w G') . (B' x B)] A     x: 6x6 places, w: 3x3, y: 4x4; . by position
 *     weights    dw = G' [(B' x B) . (A dy A')] G   the adjoint of that
 *
 * where . is 36 matrix products over channels, one for each position of the transformed tile: 36
 * multiplications for 16 places instead of 144. A, B, G belong to the interpolation points 0, -5/8,
 * 5/8, -3/2, 3/2 and infinity. All constants of A and B are floats without rounding, and the error is
 * half that of the usual points 0, -1, 1, -2, 2: 6e-7 of the output's standard deviation for 64
 * inputs where the direct sum has 1e-7 (tests/unit/winograd.c measures it).
 */
#include "vmath.h"

enum { IN = 6, OUT = 4, K = 3 };
enum { PANEL = 2 * SIMD_WIDTH };

/* The points p and q, and what the transforms need of them. */
#define P1 0.625F
#define P2 (P1 * P1)
#define P3 (P2 * P1)
#define Q1 1.5F
#define Q2 (Q1 * Q1)
#define Q3 (Q2 * Q1)

#define INLINE static inline __attribute__((always_inline))

/* to = B' d, floats of `to` one place apart */
INLINE void input_line(const vec d[IN], vec to[IN])
{
	const vec even_p = d[4] - d[2] * Q2, odd_p = d[3] - d[1] * Q2;
	const vec even_q = d[4] - d[2] * P2, odd_q = d[3] - d[1] * P2;
	to[0] = d[0] * (P2 * Q2) + (d[4] - d[2] * (P2 + Q2));
	to[1] = even_p + odd_p * P1;
	to[2] = even_p - odd_p * P1;
	to[3] = even_q + odd_q * Q1;
	to[4] = even_q - odd_q * Q1;
	to[5] = d[1] * (P2 * Q2) + (d[5] - d[3] * (P2 + Q2));
}

/* to = A' m */
INLINE void output_line(const vec m[IN], vec to[OUT])
{
	const vec even_p = m[1] + m[2], odd_p = m[1] - m[2];
	const vec even_q = m[3] + m[4], odd_q = m[3] - m[4];
	to[0] = m[0] + even_p + even_q;
	to[1] = odd_p * P1 + odd_q * Q1;
	to[2] = even_p * P2 + even_q * Q2;
	to[3] = odd_p * P3 + (odd_q * Q3 + m[5]);
}

/* to = A d */
INLINE void gradient_line(const vec d[OUT], vec to[IN])
{
	const vec even_p = d[0] + d[2] * P2, odd_p = d[1] * P1 + d[3] * P3;
	const vec even_q = d[0] + d[2] * Q2, odd_q = d[1] * Q1 + d[3] * Q3;
	to[0] = d[0];
	to[1] = even_p + odd_p;
	to[2] = even_p - odd_p;
	to[3] = even_q + odd_q;
	to[4] = even_q - odd_q;
	to[5] = d[3];
}

/* The rows of G are (1, point, point^2) / product of the distances to the other points. */
#define G0 (1 / (P2 * Q2))
#define GP (1 / (2 * P2 * (P2 - Q2)))
#define GQ (1 / (2 * Q2 * (Q2 - P2)))

/* to = G w */
INLINE void weight_line(const vec w[K], vec to[IN])
{
	const vec even_p = w[0] * GP + w[2] * (P2 * GP), odd_p = w[1] * (P1 * GP);
	const vec even_q = w[0] * GQ + w[2] * (Q2 * GQ), odd_q = w[1] * (Q1 * GQ);
	to[0] = w[0] * G0;
	to[1] = even_p + odd_p;
	to[2] = even_p - odd_p;
	to[3] = even_q + odd_q;
	to[4] = even_q - odd_q;
	to[5] = w[2];
}

/* to = G' u */
INLINE void weight_back_line(const vec u[IN], vec to[K])
{
	const vec even_p = u[1] + u[2], odd_p = u[1] - u[2];
	const vec even_q = u[3] + u[4], odd_q = u[3] - u[4];
	to[0] = u[0] * G0 + (even_p * GP + even_q * GQ);
	to[1] = odd_p * (P1 * GP) + odd_q * (Q1 * GQ);
	to[2] = even_p * (P2 * GP) + (even_q * (Q2 * GQ) + u[5]);
}

/* A transform is taken row by row into `half`, then column by column. Those loops stay loops: unrolled
 * they need more registers and addresses than there are. */
#define LOOP _Pragma("GCC unroll 1")

/* to = column j of rows of IN */
INLINE void take_column(const int rows, const vec (*half)[IN], size_t j, vec *to)
{
	for (int i = 0; i < rows; i++)
		to[i] = half[i][j];
}

/* The 36 positions of a tile, `step` floats apart, from its 36 places, c channels each. Whole
 * registers are written. */
void KERNEL(winograd_input)(const float *const *place, size_t c, float *to, size_t step)
{
	for (size_t k = 0; k < c; k += SIMD_WIDTH) {
		vec half[IN][IN], line[IN], out[IN];
		LOOP for (size_t i = 0; i < IN; i++)
		{
			for (size_t j = 0; j < IN; j++)
				line[j] = vec_load_some(place[i * IN + j] + k, c - k);
			input_line(line, half[i]);
		}
		LOOP for (size_t j = 0; j < IN; j++)
		{
			take_column(IN, half, j, line);
			input_line(line, out);
			for (size_t i = 0; i < IN; i++)
				vec_store(to + k + (i * IN + j) * step, out[i]);
		}
	}
}

/* The same for the gradients dy of a tile's 16 places. */
void KERNEL(winograd_gradient)(const float *const *place, size_t c, float *to, size_t step)
{
	for (size_t k = 0; k < c; k += SIMD_WIDTH) {
		vec half[OUT][IN], line[OUT], out[IN];
		LOOP for (size_t i = 0; i < OUT; i++)
		{
			for (size_t j = 0; j < OUT; j++)
				line[j] = vec_load_some(place[i * OUT + j] + k, c - k);
			gradient_line(line, half[i]);
		}
		LOOP for (size_t j = 0; j < IN; j++)
		{
			take_column(OUT, half, j, line);
			gradient_line(line, out);
			for (size_t i = 0; i < IN; i++)
				vec_store(to + k + (i * IN + j) * step, out[i]);
		}
	}
}

/* A tile's 16 places from its 36 positions, of which whole registers are read. The tail's `plus` has
 * places of its own, or is NULL. */
void KERNEL(winograd_output)(const float *m, size_t step, size_t c, const struct simd_tail *tail,
	float *const *place, const float *const *plus)
{
	const vec least = tail_least(tail);
	for (size_t k = 0; k < c; k += SIMD_WIDTH) {
		vec half[OUT][IN], line[IN], out[OUT];
		const vec b = tail->bias ? vec_load_some(tail->bias + k, c - k) : (vec){0};
		LOOP for (size_t j = 0; j < IN; j++)
		{
			for (size_t i = 0; i < IN; i++)
				line[i] = vec_load(m + k + (i * IN + j) * step);
			output_line(line, out);
			for (size_t i = 0; i < OUT; i++)
				half[i][j] = out[i];
		}
		LOOP for (size_t i = 0; i < OUT; i++)
		{
			output_line(half[i], out);
			for (size_t j = 0; j < OUT; j++) {
				out[j] += b;
				if (plus)
					out[j] += vec_load_some(plus[i * OUT + j] + k, c - k);
				vec_store_some(
					place[i * OUT + j] + k, vec_max(least, out[j]), c - k);
			}
		}
	}
}

/* Outputs first, first + 1, ... of input r, of the window's nine places; 0 beyond the last. */
INLINE void load_window(const struct simd_weights *p, size_t r, size_t first, vec w[K][K])
{
	const size_t left = p->outputs - first;
	const vec scale = p->scale ? vec_load_some(p->scale + first, left) : vec_all(1);
	for (size_t t = 0; t < K * K; t++) {
		const float *from = p->w + p->tap[t] + r * p->run_step + first * p->output_step;
		if (p->output_step == 1) {
			w[t / K][t % K] = vec_load_some(from, left) * scale;
			continue;
		}
		float gathered[SIMD_WIDTH] = {0};
		for (size_t k = 0; k < SIMD_WIDTH && k < left; k++)
			gathered[k] = from[k * p->output_step];
		w[t / K][t % K] = vec_load(gathered) * scale;
	}
}

/* Where outputs from `first` on of input r lie in a position's packed matrix (conv.c). */
static inline size_t packed_place(const struct simd_weights *p, size_t r, size_t first)
{
	const size_t panel = first / PANEL * PANEL;
	const size_t width = p->outputs - panel > SIMD_WIDTH ? PANEL : SIMD_WIDTH;
	return panel * p->run + r * width + first % PANEL;
}

/* Inputs r..r+n of the nine matrices of p into 36 packed ones, `step` floats apart. */
void KERNEL(winograd_pack)(const struct simd_weights *p, size_t r, size_t n, float *to, size_t step)
{
	for (size_t first = 0; first < p->outputs; first += SIMD_WIDTH)
		for (size_t i = r; i < r + n; i++) {
			vec w[K][K], half[K][IN], line[K], out[IN];
			float *at = to + packed_place(p, i, first);
			load_window(p, i, first, w);
			for (size_t k = 0; k < K; k++)
				weight_line(w[k], half[k]);
			LOOP for (size_t j = 0; j < IN; j++)
			{
				take_column(K, half, j, line);
				weight_line(line, out);
				for (size_t k = 0; k < IN; k++)
					vec_store(at + (k * IN + j) * step, out[k]);
			}
		}
}

/* w += the gradient of the nine matrices from that of the 36 packed ones; output_step is 1. */
void KERNEL(winograd_unpack_add)(
	const struct simd_weights *p, size_t r, size_t n, const float *from, size_t step, float *w)
{
	for (size_t end = r + n; r < end; r++)
		for (size_t first = 0; first < p->outputs; first += SIMD_WIDTH) {
			vec half[K][IN], line[IN], out[K];
			const float *at = from + packed_place(p, r, first);
			float *to = w + r * p->run_step + first;
			LOOP for (size_t j = 0; j < IN; j++)
			{
				for (size_t i = 0; i < IN; i++)
					line[i] = vec_load(at + (i * IN + j) * step);
				weight_back_line(line, out);
				for (size_t i = 0; i < K; i++)
					half[i][j] = out[i];
			}
			for (size_t i = 0; i < K; i++) {
				weight_back_line(half[i], out);
				for (size_t j = 0; j < K; j++)
					vec_put_some(to + p->tap[i * K + j], out[j],
						p->outputs - first, true);
			}
		}
}
