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
		TRY(cli_reals(text + length + 1, "--sched", c->value, SCHED_VALUES, &c->given, e));
	for (size_t i = 0; i < c->given; i++)
		if (!(c->value[i] >= 0.0))
			return cvt_fail(
				e, CVT_USAGE, "--sched %s: its numbers must be 0 or more", text);
	return CVT_OK;
}

double sched_factor(const struct sched_choice *c, double from, double to, double epochs)
{
	const double warm = c->warmup_epochs, rest = epochs - warm;
	if (from < warm) {
		const double x = to < warm ? to / warm : 1.0;
		return c->warmup_exponential ? pow(0.01, 1.0 - x) : x;
	}
	struct sched_at at = {.epochs = epochs, .epoch = from - warm, .given = c->given};
	at.x = rest > 0.0 ? at.epoch / rest : 0.0;
	if (at.x > 1.0)
		at.x = 1.0;
	memcpy(at.value, c->value, sizeof at.value);
	return c->sched->factor(&at);
}
