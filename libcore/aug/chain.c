/* chain: operations in the order they were written (see chain.h). */
#include "chain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AUG(name) extern const struct aug_op aug_##name;
#include "aug.def"
#undef AUG

const struct aug_op *const aug_ops[] = {
#define AUG(name) &aug_##name,
#include "aug.def"
#undef AUG
	NULL,
};

enum { WORD = 100, MOST_VIEWS = 256 };

/* ---- reading ----------------------------------------------------------------------- */

static size_t count_ops(void)
{
	size_t n = 0;
	while (aug_ops[n])
		n++;
	return n;
}

static int unknown(const char *name, struct cvt_err *e)
{
	const char *words[128] = {"view", "one-of", "end"};
	char shown[WORD];
	size_t n = 3;
	for (size_t i = 0; i < count_ops() && n < 128; i++)
		words[n++] = aug_ops[i]->name;
	const size_t near = mem_nearest(name, words, n);
	mem_printable(shown, sizeof shown, name);
	if (near < n)
		return cvt_fail(e, CVT_USAGE, "there is no operation '%s'; did you mean '%s'?",
			shown, words[near]);
	if (access(name, F_OK) == 0)
		return cvt_fail(e, CVT_USAGE,
			"there is no operation '%s'; to read the file: cv-augment --input %s",
			shown, shown);
	return cvt_fail(e, CVT_USAGE, "there is no operation '%s'; see cv-augment --list", shown);
}

static bool number(const char *text, double *v)
{
	char *end;
	if (!*text || strspn(text, "+-.0123456789eE") != strlen(text))
		return false;
	*v = strtod(text, &end);
	return *end == '\0' && isfinite(*v);
}

/* The place of a word in "zero|reflect". */
static bool choice(const char *words, const char *text, double *v)
{
	const size_t length = strlen(text);
	size_t k = 0;
	for (const char *s = words; s && *s; k++) {
		const size_t n = strcspn(s, "|");
		if (n == length && strncmp(s, text, n) == 0) {
			*v = (double)k;
			return true;
		}
		s += n + (s[n] == '|');
	}
	return false;
}

static int wrong_value(
	const struct aug_op *op, const struct aug_param *p, const char *text, struct cvt_err *e)
{
	char shown[WORD];
	mem_printable(shown, sizeof shown, text);
	if (p->words)
		return cvt_fail(e, CVT_USAGE, "%s: %s is one of %s, not '%s'", op->name, p->name,
			p->words, shown);
	return cvt_fail(e, CVT_USAGE, "%s: %s is a%s number from %g to %g, not '%s'", op->name,
		p->name, p->whole ? " whole" : "", p->least, p->most, shown);
}

static int read_value(struct aug_step *s, size_t i, const char *text, struct cvt_err *e)
{
	const struct aug_param *p = &s->op->param[i];
	double *v = &s->v[i];
	if (p->words ? choice(p->words, text, v)
		     : number(text, v) && *v >= p->least && *v <= p->most
				&& (!p->whole || *v == floor(*v)))
		return CVT_OK;
	return wrong_value(s->op, p, text, e);
}

/* "A,B,word": by position, but a word may stand for its parameter wherever it comes. */
static int read_values(struct aug_step *s, char *text, struct cvt_err *e)
{
	const struct aug_op *op = s->op;
	bool given[AUG_VALUES] = {false};
	size_t i = 0;
	while (text) {
		char *comma = strchr(text, ',');
		if (comma)
			*comma++ = '\0';
		size_t at = i;
		double v;
		for (size_t k = 0; k < AUG_VALUES && op->param[k].name; k++)
			if (op->param[k].words && choice(op->param[k].words, text, &v))
				at = k;
		if (at >= AUG_VALUES || !op->param[at].name)
			return cvt_fail(
				e, CVT_USAGE, "%s: takes fewer values than are given", op->name);
		if (given[at])
			return cvt_fail(e, CVT_USAGE, "%s: %s is given twice", op->name,
				op->param[at].name);
		TRY(read_value(s, at, text, e));
		given[at] = true;
		i = at == i ? i + 1 : i;
		text = comma;
	}
	for (size_t k = 0; k < AUG_VALUES && op->param[k].name; k++) {
		if (!given[k] && op->param[k].required)
			return cvt_fail(e, CVT_USAGE, "%s: %s is missing; write %s=%s", op->name,
				op->param[k].name, op->name, op->param[k].name);
		if (!given[k])
			s->v[k] = isnan(op->param[k].value) ? s->v[k - 1] : op->param[k].value;
	}
	return CVT_OK;
}

/* Cuts "NAME:PROB=VALUES" in place. */
static int cut_word(char *word, char **values, double *prob, bool *has_prob, struct cvt_err *e)
{
	*values = strchr(word, '=');
	if (*values)
		*(*values)++ = '\0';
	char *colon = strchr(word, ':');
	*has_prob = colon != NULL;
	if (!colon)
		return CVT_OK;
	*colon++ = '\0';
	if (!number(colon, prob) || *prob < 0 || *prob > 1)
		return cvt_fail(
			e, CVT_USAGE, "%s: a probability is from 0 to 1, not '%s'", word, colon);
	return CVT_OK;
}

static int add_step(struct aug_chain *c, const struct aug_step *s, struct cvt_err *e)
{
	void *p = c->step;
	TRY(mem_grow(&p, &c->capacity, c->n + 1, sizeof *c->step, e));
	c->step = p;
	c->step[c->n++] = *s;
	c->part[c->parts - 1].end = c->n;
	return CVT_OK;
}

static int add_part(struct aug_chain *c, size_t views, struct cvt_err *e)
{
	void *p = c->part;
	TRY(mem_grow(&p, &c->parts_capacity, c->parts + 1, sizeof *c->part, e));
	c->part = p;
	c->part[c->parts++] = (struct aug_part){c->n, c->n, views};
	c->views += views;
	if (c->views > MOST_VIEWS)
		return cvt_fail(e, CVT_USAGE, "view: more than %d views", MOST_VIEWS);
	return CVT_OK;
}

static int read_view(struct aug_chain *c, const char *values, struct cvt_err *e)
{
	double count = 1;
	if (values
		&& (!number(values, &count) || count < 1 || count > MOST_VIEWS
			|| count != floor(count)))
		return cvt_fail(e, CVT_USAGE, "view: a count is from 1 to %d, not '%s'", MOST_VIEWS,
			values);
	return add_part(c, (size_t)count, e);
}

/* A pretext operation labels every row, whichever view is made of it. */
static int take_pretext(
	struct aug_chain *c, const struct aug_step *s, bool within, struct cvt_err *e)
{
	const char *name = s->op->name;
	if (c->pretext)
		return cvt_fail(e, CVT_USAGE,
			"%s: there is a pretext operation before it; one cv-augment makes one",
			name);
	if (within || c->parts > 1 || s->prob < 1)
		return cvt_fail(e, CVT_USAGE,
			"%s: labels every row, so it takes no probability and stands before view, "
			"not within one-of",
			name);
	c->pretext = s->op->pretext;
	c->copies = c->pretext->copies;
	return CVT_OK;
}

static int read_operation(struct aug_chain *c, struct aug_step *s, const char *name, char *values,
	bool has_prob, bool within, struct cvt_err *e)
{
	for (size_t i = 0; aug_ops[i]; i++)
		if (strcmp(name, aug_ops[i]->name) == 0)
			s->op = aug_ops[i];
	if (!s->op)
		return unknown(name, e);
	if (!has_prob && s->op->prob > 0)
		s->prob = s->op->prob;
	c->draws = c->draws || s->op->draws || s->prob < 1;
	TRY(read_values(s, values, e));
	if (s->op->check)
		TRY(s->op->check(s->v, e));
	if (s->op->pretext)
		TRY(take_pretext(c, s, within, e));
	return add_step(c, s, e);
}

/* One word; *open is the one-of that is being filled, SIZE_MAX if none. */
static int read_word(
	struct aug_chain *c, char *word, uint32_t place, size_t *open, struct cvt_err *e)
{
	struct aug_step s = {.prob = 1, .place = place};
	char *values;
	bool has_prob;
	TRY(cut_word(word, &values, &s.prob, &has_prob, e));
	const bool view = strcmp(word, "view") == 0, one_of = strcmp(word, "one-of") == 0;
	const bool end = strcmp(word, "end") == 0;
	if (*open != SIZE_MAX && (view || one_of))
		return cvt_fail(
			e, CVT_USAGE, "one-of: '%s' cannot stand in it; close it with end", word);
	if ((view && has_prob) || (values && one_of) || (end && (values || has_prob)))
		return cvt_fail(e, CVT_USAGE, "%s: takes no %s", word,
			has_prob && !one_of ? "probability" : "values");
	if (view)
		return read_view(c, values, e);
	if (one_of) {
		*open = c->n;
		c->draws = true;
		return add_step(c, &s, e);
	}
	if (end) {
		if (*open == SIZE_MAX || c->n - *open < 2)
			return cvt_fail(e, CVT_USAGE,
				"end: closes a one-of with at least one operation in it");
		c->step[*open].choices = c->n - *open - 1;
		*open = SIZE_MAX;
		return CVT_OK;
	}
	return read_operation(c, &s, word, values, has_prob, *open != SIZE_MAX, e);
}

static bool on_blocks(const struct aug_step *s)
{
	return (s->op ? s->op : s[1].op)->mix != NULL;
}

/* Steps on blocks of rows are the chain's end and no part's. */
static int part_mixes(struct aug_chain *c, struct cvt_err *e)
{
	c->mixes = c->n;
	for (size_t i = 0; i < c->n; i += 1 + c->step[i].choices) {
		const struct aug_step *s = &c->step[i];
		c->wrong = s->place;
		for (size_t k = 1; k <= s->choices; k++)
			if (on_blocks(&s[k]) != on_blocks(s))
				return cvt_fail(e, CVT_USAGE,
					"one-of: '%s' works on blocks of rows, '%s' on single ones",
					s[on_blocks(s) ? 1 : k].op->name,
					s[on_blocks(s) ? k : 1].op->name);
		if (on_blocks(s) && c->mixes == c->n)
			c->mixes = i;
		if (!on_blocks(s) && c->mixes < c->n)
			return cvt_fail(e, CVT_USAGE,
				"mixup, cutmix: work on blocks of rows, behind everything else; "
				"write '%s' before them",
				(s->op ? s->op : s[1].op)->name);
	}
	if (c->mixes < c->n)
		c->wrong = c->step[c->mixes].place;
	if (c->mixes < c->n && c->mixes < c->part[c->parts - 1].first)
		return cvt_fail(e, CVT_USAGE,
			"mixup, cutmix: work on blocks of rows; write them behind the last view");
	c->part[c->parts - 1].end = c->mixes;
	return CVT_OK;
}

int aug_chain_parse(struct aug_chain *c, const char *const *word, size_t n, struct cvt_err *e)
{
	size_t open = SIZE_MAX;
	*c = (struct aug_chain){.copies = 1};
	TRY(add_part(c, 0, e));
	for (size_t i = 0; i < n; i++) {
		c->wrong = i;
		char *copy = mem_strdup(word[i], e);
		const int code = copy ? read_word(c, copy, (uint32_t)i, &open, e) : CVT_SYSTEM;
		free(copy);
		TRY(code);
	}
	if (open != SIZE_MAX) {
		c->wrong = c->step[open].place;
		return cvt_fail(
			e, CVT_USAGE, "one-of: is not closed; write end behind its operations");
	}
	TRY(part_mixes(c, e));
	return c->pretext && c->mixes < c->n ? cvt_fail(e, CVT_USAGE,
		       "%s: mixes rows, and what a mixture's '%s' is nobody knows",
		       c->step[c->mixes].op->name, c->pretext->field)
					     : CVT_OK;
}

void aug_chain_free(struct aug_chain *c)
{
	free(c->step);
	free(c->part);
	*c = (struct aug_chain){0};
}

/* ---- sizes ------------------------------------------------------------------------- */

static int step_size(const struct aug_step *s, size_t *H, size_t *W, size_t *C, struct cvt_err *e)
{
	const size_t h = *H, w = *W;
	if (s->op->size)
		TRY(s->op->size(s->v, H, W, C, e));
	if (s->prob < 1 && (*H != h || *W != w))
		return cvt_fail(e, CVT_USAGE,
			"%s:%g would make pictures of different sizes; leave the "
			"probability out",
			s->op->name, s->prob);
	return CVT_OK;
}

static int choice_size(const struct aug_step *s, size_t *H, size_t *W, size_t *C, struct cvt_err *e)
{
	size_t h = 0, w = 0;
	for (size_t k = 1; k <= s->choices; k++) {
		size_t h2 = *H, w2 = *W;
		TRY(step_size(&s[k], &h2, &w2, C, e));
		if (k > 1 && (h2 != h || w2 != w))
			return cvt_fail(e, CVT_USAGE,
				"one-of: '%s' and '%s' make pictures of different sizes",
				s[1].op->name, s[k].op->name);
		h = h2;
		w = w2;
	}
	if (s->prob < 1 && (h != *H || w != *W))
		return cvt_fail(
			e, CVT_USAGE, "one-of:%g would make pictures of different sizes", s->prob);
	*H = h;
	*W = w;
	return CVT_OK;
}

int aug_chain_size(
	const struct aug_chain *c, size_t part, size_t *H, size_t *W, size_t *C, struct cvt_err *e)
{
	for (size_t i = c->part[part].first; i < c->part[part].end; i++) {
		const struct aug_step *s = &c->step[i];
		TRY(s->op ? step_size(s, H, W, C, e) : choice_size(s, H, W, C, e));
		i += s->choices;
	}
	return CVT_OK;
}

/* ---- applying ---------------------------------------------------------------------- */

static int apply_step(const struct aug_step *s, const struct rng_site *site, bool frozen,
	struct aug_row *row, struct cvt_err *e)
{
	struct rng_site at = *site;
	struct rng rng;
	at.place = s->place;
	rng_at(&rng, &at);
	if (s->prob < 1 && (frozen || rng_uniform(&rng) >= (float)s->prob))
		return CVT_OK;
	const struct aug_call call = {s->v, frozen && s->op->draws ? NULL : &rng, &at, e};
	return s->op->apply(&call, row);
}

/* The choice has its own draw, at the place of the word one-of. A frozen row takes the first if
 * that makes another size. */
static const struct aug_step *choose(
	const struct aug_step *s, const struct rng_site *site, bool frozen)
{
	struct rng_site at = *site;
	struct rng rng;
	if (frozen)
		return s[1].op->size ? &s[1] : NULL;
	at.place = s->place;
	rng_at(&rng, &at);
	if (s->prob < 1 && rng_uniform(&rng) >= (float)s->prob)
		return NULL;
	return &s[1 + rng_below(&rng, s->choices)];
}

/* What the row is called once it has become several: each draws for itself. */
static uint32_t copy_after(
	const struct aug_chain *c, const struct rng_site *site, const struct aug_row *row)
{
	return (uint32_t)(site->copy * c->copies + row->copy);
}

int aug_chain_apply(const struct aug_chain *c, size_t part, const struct rng_site *site,
	bool frozen, struct aug_row *row, struct cvt_err *e)
{
	struct rng_site at = *site;
	if (part > 0)
		at.copy = copy_after(c, site, row);
	for (size_t i = c->part[part].first; i < c->part[part].end; i++) {
		const struct aug_step *s = &c->step[i];
		const struct aug_step *taken = s->op ? s : choose(s, &at, frozen);
		if (taken)
			TRY(apply_step(taken, &at, frozen, row, e));
		if (s->op && s->op->pretext)
			at.copy = copy_after(c, site, row);
		i += s->choices;
	}
	return CVT_OK;
}

bool aug_chain_mix(const struct aug_chain *c, size_t *i, const struct rng_site *site, size_t H,
	size_t W, struct mix *m)
{
	while (c->mixes + *i < c->n) {
		const struct aug_step *s = &c->step[c->mixes + *i];
		const struct aug_step *taken = s->op ? s : choose(s, site, false);
		struct rng_site at = *site;
		struct rng rng;
		*i += 1 + s->choices;
		if (!taken)
			continue;
		at.place = taken->place;
		rng_at(&rng, &at);
		if (taken->prob < 1 && rng_uniform(&rng) >= (float)taken->prob)
			continue;
		taken->op->mix(taken->v, &rng, H, W, m);
		return true;
	}
	return false;
}
