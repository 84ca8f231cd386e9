/*
 * init: the initialisations, as torch.nn.init defines them (see init.h). With fans i and o:
 * kaiming (He et al. 2015) has the variance 2 / i, xavier (Glorot and Bengio 2010) 2 / (i + o);
 * orthogonal is Saxe et al. 2013; dirac passes its input on (Zagoruyko and Komodakis 2017).
 */
#include "init.h"

#include "rng.h"

#include <math.h>
#include <string.h>

/* ---- by name ----------------------------------------------------------------------- */

static double kaiming_normal(double in, double out)
{
	(void)out;
	return sqrt(2 / in);
}

static double kaiming_uniform(double in, double out)
{
	(void)out;
	return sqrt(6 / in);
}

static double kaiming_out(double in, double out)
{
	(void)in;
	return sqrt(2 / out);
}

static double xavier_normal(double in, double out)
{
	return sqrt(2 / (in + out));
}

static double xavier_uniform(double in, double out)
{
	return sqrt(6 / (in + out));
}

static double pytorch(double in, double out)
{
	(void)out;
	return 1 / sqrt(in);
}

static double small(double in, double out)
{
	(void)in;
	(void)out;
	return 0.02;
}

static const struct {
	const char *name;
	enum param_init kind;
	double (*scale)(double fan_in, double fan_out);
} names[] = {
	{"kaiming", INIT_KAIMING_NORMAL, kaiming_normal},
	{"kaiming-normal", INIT_KAIMING_NORMAL, kaiming_normal},
	{"kaiming-uniform", INIT_UNIFORM, kaiming_uniform},
	{"kaiming-out", INIT_KAIMING_NORMAL, kaiming_out},
	{"xavier", INIT_UNIFORM, xavier_uniform},
	{"xavier-normal", INIT_KAIMING_NORMAL, xavier_normal},
	{"xavier-uniform", INIT_UNIFORM, xavier_uniform},
	{"pytorch", INIT_UNIFORM, pytorch},
	{"trunc-normal", INIT_TRUNC_NORMAL, small},
	{"orthogonal", INIT_ORTHOGONAL, pytorch},
	{"dirac", INIT_DIRAC, pytorch},
	{"partial-dirac", INIT_PARTIAL_DIRAC, pytorch},
	{"zero", INIT_ZERO, pytorch},
};
enum { NAMES = sizeof names / sizeof *names };

int init_choose(const struct node *n, size_t arg, double fan_in, double fan_out, struct init *i,
	struct cvt_err *e)
{
	const char *word = n->arg[arg].word, *known[NAMES];
	if (!n->arg[arg].given || !word)
		return CVT_OK;
	for (size_t k = 0; k < NAMES; k++) {
		known[k] = names[k].name;
		if (strcmp(word, known[k]) == 0) {
			*i = (struct init){names[k].kind, names[k].scale(fan_in, fan_out), true};
			return CVT_OK;
		}
	}
	const size_t near = mem_nearest(word, known, NAMES);
	return cvt_fail(e, CVT_USAGE, "%s: there is no init '%.40s'; %s%s", n->op->name, word,
		near < NAMES ? "did you mean " : "cv-arch(5) lists them",
		near < NAMES ? known[near] : "");
}

/* ---- numbers ----------------------------------------------------------------------- */

/* Normal within -2..2, by rejection: torch.nn.init.trunc_normal_ cuts there, not at a number of
 * deviations. */
static float truncated_normal(struct rng *r, float deviation)
{
	float v;
	do
		v = deviation * rng_normal(r);
	while (fabsf(v) > 2);
	return v;
}

static float draw(const struct param *p, struct rng *r)
{
	const float scale = (float)p->scale;
	switch (p->init) {
	case INIT_ONE:
		return 1;
	case INIT_VALUE:
		return scale;
	case INIT_KAIMING_NORMAL:
		return scale * rng_normal(r);
	case INIT_ORTHOGONAL:
		return rng_normal(r);
	case INIT_UNIFORM:
	case INIT_PARTIAL_DIRAC:
		return rng_between(r, -scale, scale);
	case INIT_TRUNC_NORMAL:
		return truncated_normal(r, scale);
	case INIT_ZERO:
	case INIT_DIRAC:
		break;
	}
	return 0;
}

/* ---- structure --------------------------------------------------------------------- */

/* A weight as a matrix in its slab: outputs x (inputs x places of the window). */
struct matrix {
	float *w;
	size_t outputs, rest, output_step, rest_step;
};

static struct matrix matrix_of(const struct param *p, float *w)
{
	const size_t outputs = p->dims[0], rest = p->items / outputs;
	return p->layout == LAYOUT_PLAIN ? (struct matrix){w, outputs, rest, rest, 1}
					 : (struct matrix){w, outputs, rest, 1, outputs};
}

/* Filter c is 1 at the middle of channel c, for as many as there are channels. */
static void set_dirac(const struct param *p, float *w)
{
	const size_t outputs = p->dims[0], inputs = p->dims[1];
	const size_t kh = p->ndim == 4 ? p->dims[2] : 1, kw = p->ndim == 4 ? p->dims[3] : 1;
	const size_t middle = kh / 2 * kw + kw / 2, window = kh * kw;
	const struct matrix m = matrix_of(p, w);
	const bool plain = p->layout == LAYOUT_PLAIN;
	for (size_t c = 0; c < outputs && c < inputs; c++) {
		float *filter = w + c * m.output_step;
		for (size_t i = 0; i < m.rest; i++)
			filter[i * m.rest_step] = 0;
		filter[(plain ? c * window + middle : middle * inputs + c) * m.rest_step] = 1;
	}
}

/* Of two vectors of n items that lie `stride` apart. */
static double dot(const float *a, const float *b, size_t n, size_t stride)
{
	double sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += (double)a[i * stride] * (double)b[i * stride];
	return sum;
}

/* Rows (columns, if there are fewer) become orthonormal: Gram-Schmidt, each by those before it, twice
 * is enough. */
static void make_orthogonal(const struct param *p, float *w)
{
	const struct matrix m = matrix_of(p, w);
	const bool wide = m.outputs <= m.rest;
	const size_t vectors = wide ? m.outputs : m.rest, n = wide ? m.rest : m.outputs;
	const size_t step = wide ? m.output_step : m.rest_step;
	const size_t stride = wide ? m.rest_step : m.output_step;
	for (size_t v = 0; v < vectors; v++) {
		float *x = w + v * step;
		for (size_t k = 0; k < 2 * v; k++) {
			const float *before = w + k % v * step;
			const float d = (float)dot(x, before, n, stride);
			for (size_t i = 0; i < n; i++)
				x[i * stride] -= d * before[i * stride];
		}
		const float scale = (float)(1 / sqrt(dot(x, x, n, stride)));
		for (size_t i = 0; i < n; i++)
			x[i * stride] *= scale;
	}
}

void init_param(const struct graph *g, size_t i, uint64_t seed)
{
	const struct param *p = &g->param[i];
	float *w = param_data(g, i);
	struct rng r;
	rng_for(&r, seed, RNG_INIT, i, 0);
	for (size_t k = 0; k < p->items; k++)
		w[k] = draw(p, &r);
	if (p->init == INIT_DIRAC || p->init == INIT_PARTIAL_DIRAC)
		set_dirac(p, w);
	else if (p->init == INIT_ORTHOGONAL)
		make_orthogonal(p, w);
}
