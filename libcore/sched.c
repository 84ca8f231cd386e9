/* sched: the list of schedules and their warm-up (see sched/sched.h). */
#include "sched/sched.h"

#include "cli.h"

#include <math.h>
#include <string.h>

#define SCHED(name) extern const struct sched sched_##name;
#include "sched/sched.def"
#undef SCHED

const struct sched *const scheds[] = {
#define SCHED(name) &sched_##name,
#include "sched/sched.def"
#undef SCHED
	NULL,
};

const char *sched_shares(const double *value, size_t given)
{
	for (size_t i = 0; i < given; i++)
		if (value[i] > 1.0)
			return "A, B and C are shares from 0 to 1";
	return NULL;
}

static int find(const struct sched **s, const char *name, struct cvt_err *e)
{
	const char *words[sizeof scheds / sizeof *scheds] = {0};
	size_t n = 0;
	for (; scheds[n]; n++) {
		words[n] = scheds[n]->name;
		if (strcmp(name, words[n]) == 0) {
			*s = scheds[n];
			return CVT_OK;
		}
	}
	const size_t near = mem_nearest(name, words, n);
	if (near < n)
		return cvt_fail(e, CVT_USAGE,
			"--sched %s: there is no such schedule; did you mean '%s'?", name,
			words[near]);
	return cvt_fail(e, CVT_USAGE, "--sched %s: there is no such schedule; see --list", name);
}

static int read_values(
	struct sched_choice *c, const char *text, const char *values, struct cvt_err *e)
{
	double value[SCHED_VALUES];
	if (c->sched->takes == 0)
		return cvt_fail(
			e, CVT_USAGE, "--sched %s: %s takes no numbers", text, c->sched->name);
	TRY(cli_reals(values, "--sched", value, SCHED_VALUES, &c->given, e));
	if (c->given > c->sched->takes)
		return cvt_fail(e, CVT_USAGE, "--sched %s: %s takes %zu number%s at most", text,
			c->sched->name, c->sched->takes, c->sched->takes > 1 ? "s" : "");
	for (size_t i = 0; i < c->given; i++)
		if (!(value[i] >= 0.0))
			return cvt_fail(
				e, CVT_USAGE, "--sched %s: its numbers must be 0 or more", text);
	const char *why = c->sched->wrong ? c->sched->wrong(value, c->given) : NULL;
	if (why)
		return cvt_fail(e, CVT_USAGE, "--sched %s: %s", text, why);
	memcpy(c->value, value, c->given * sizeof *value);
	return CVT_OK;
}

int sched_parse(struct sched_choice *c, const char *text, struct cvt_err *e)
{
	char name[64];
	const size_t length = strcspn(text, "=");
	if (length >= sizeof name)
		return cvt_fail(e, CVT_USAGE, "--sched: there is no such schedule; see --list");
	memcpy(name, text, length);
	name[length] = '\0';
	TRY(find(&c->sched, name, e));
	c->given = 0;
	memcpy(c->value, c->sched->value, sizeof c->value);
	if (text[length] == '=')
		TRY(read_values(c, text, text + length + 1, e));
	return CVT_OK;
}

double sched_factor(const struct sched_choice *c, double from, double to, double epochs)
{
	const double warm = c->warmup_epochs, rest = epochs - warm;
	if (from < warm) {
		const double x = to < warm ? to / warm : 1.0;
		return c->warmup_exponential ? pow(0.01, 1.0 - x) : x;
	}
	struct sched_at at = {.epochs = rest, .epoch = from - warm, .given = c->given};
	at.x = rest > 0.0 ? at.epoch / rest : 0.0;
	at.step = rest > 0.0 && to > from ? (to - from) / rest : 0.0;
	if (at.x > 1.0)
		at.x = 1.0;
	memcpy(at.value, c->value, sizeof at.value);
	return c->sched->factor(&at);
}
