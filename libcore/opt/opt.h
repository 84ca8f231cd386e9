/*
 * opt: optimizers as records over slabs. An optimizer knows neither networks nor names: it sees a
 * stretch of weights, their gradient and its own state, all flat, and passes over them once. The
 * gradient is cleared on the way, so that the next backward pass adds to nothing.
 *
 * To add one: one file here that ends in its struct opt, one line in opt.def.
 */
#ifndef CVT_OPT_H
#define CVT_OPT_H

#include "../par.h"

enum { OPT_STATES = 2 };

/* Which numbers of the config an optimizer reads, beside those that all read. */
enum opt_reads { OPT_MOMENTUM = 1, OPT_BETAS = 2, OPT_EPSILON = 4 };

/* What the user may turn; each optimizer reads its own share. */
struct opt_config {
	double momentum; /* sgd's; the first beta of the others is beta1 */
	bool nesterov;
	double beta1, beta2, epsilon;
	double weight_decay;
	struct opt_muon {
		double lr, momentum; /* of the filters; the rest has lr and momentum */
		size_t steps;        /* of Newton and Schulz's iteration */
	} muon;
};

/* What one step is. */
struct opt_step {
	const struct opt_config *config;
	double lr;
	double factor;         /* what the schedule makes of every rate; it is in lr already */
	double decay;          /* weight decay of this stretch (0 for biases and norms) */
	float grad_scale;      /* the gradient counts times this (clipping by norm, accumulation) */
	float grad_limit;      /* then each part is clipped to +-this; INFINITY = not */
	uint64_t t;            /* number of this step, from 1 */
	double w_norm, g_norm; /* of the whole parameter, if opt.norms; g's is scaled */
};

struct opt_slice {
	size_t n;
	float *w, *g;
	float *state[OPT_STATES];
};

struct opt {
	const char *name, *help;
	const char *state[OPT_STATES];   /* names of its slabs in a checkpoint; NULL = none */
	double lr, weight_decay;         /* defaults: what trains well when nothing is said */
	double momentum, beta2, epsilon; /* likewise; beta2 0 = 0.999, epsilon 0 = 1e-8 */
	unsigned reads;                  /* of enum opt_reads */
	bool nesterov;                   /* looks ahead unless told not to */
	bool norms;                      /* needs those of whole parameters */
	void (*update)(const struct opt_step *s, const struct opt_slice *x);
	/* For convolutions' filters, in place of update; NULL = none. They are a matrix of
	 * inputs x outputs, row-major; work has matrix_work(inputs, outputs) floats. matrix_open makes
	 * ready what so many threads need for it, once or more often; CVT_SYSTEM. */
	void (*matrix)(const struct opt_step *s, const struct opt_slice *x, size_t inputs,
		size_t outputs, float *work);
	size_t (*matrix_work)(size_t inputs, size_t outputs);
	int (*matrix_open)(unsigned threads, struct cvt_err *e);
};

extern const struct opt *const opts[]; /* in the order of opt.def, NULL-terminated */
const struct opt *opt_find(const char *name, struct cvt_err *e);

/* The gradient of part i as the step wants it. */
static inline float opt_gradient(const struct opt_step *s, float g)
{
	g *= s->grad_scale;
	return g > s->grad_limit ? s->grad_limit : g < -s->grad_limit ? -s->grad_limit : g;
}

#endif
