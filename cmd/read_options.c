/* read_options: what can be said to cv-read, understood (see read_options.h). */
#include "read_options.h"

#include <stdio.h>
#include <string.h>

/* "A:B", "I/N", "HxW": numbers with one kind of separator between them. */
static int numbers(const char *text, const char *what, char separator, size_t *to, size_t max,
	size_t *n, struct cvt_err *e)
{
	char word[32];
	*n = 0;
	for (const char *s = text;; s++) {
		const size_t length = strcspn(s, (const char[]){separator, '\0'});
		if (*n == max || length >= sizeof word)
			return cvt_fail(e, CVT_USAGE, "%s: '%s' cannot be understood", what, text);
		(void)snprintf(word, sizeof word, "%.*s", (int)length, s);
		TRY(cli_count(word, what, &to[(*n)++], e));
		s += length;
		if (!*s)
			return CVT_OK;
	}
}

static int understand_size(struct read_options *o, struct cvt_err *e)
{
	size_t side[2], n = 0;
	if (o->size) {
		TRY(numbers(o->size, "--size", 'x', side, 2, &n, e));
		o->reshape.height = side[0];
		o->reshape.width = side[n - 1];
		if (side[0] == 0 || side[n - 1] == 0 || side[0] > 32768 || side[n - 1] > 32768)
			return cvt_fail(
				e, CVT_USAGE, "--size: write HEIGHTxWIDTH, each from 1 to 32768");
	}
	o->reshape.channels = o->channels;
	if (o->channels && o->channels != 1 && o->channels != 3)
		return cvt_fail(e, CVT_USAGE, "--channels: pictures have 1 (grey) or 3 (colour)");
	return CVT_OK;
}

static int understand_shard(struct read_options *o, struct cvt_err *e)
{
	size_t part[2], n = 0;
	if (!o->shard)
		return CVT_OK;
	TRY(numbers(o->shard, "--shard", '/', part, 2, &n, e));
	if (n != 2 || part[1] == 0 || part[0] >= part[1])
		return cvt_fail(e, CVT_USAGE,
			"--shard: '%s' should be I/N with I from 0 to N-1 (0/2 and 1/2 are the "
			"halves)",
			o->shard);
	o->rows.shard = part[0];
	o->rows.shards = part[1];
	return CVT_OK;
}

static int understand_mix(struct read_options *o, struct cvt_err *e)
{
	if (!o->mix)
		return CVT_OK;
	TRY(numbers(o->mix, "--mix", ':', o->rows.mix, SELECTION_MIX, &o->rows.mixed, e));
	for (size_t i = 0; i < o->rows.mixed; i++)
		if (o->rows.mix[i] == 0)
			return cvt_fail(e, CVT_USAGE, "--mix: a part of 0 rows makes no mix");
	return CVT_OK;
}

static int understand_episodes(struct read_options *o, struct cvt_err *e)
{
	char word[64];
	size_t n, part[2], queries = 0;
	if (!o->episodes)
		return o->rows.episodes ? cvt_fail(
			       e, CVT_USAGE, "--count: goes with --episodes WAYSxSHOTS+QUERIES")
					: CVT_OK;
	const char *plus = strchr(o->episodes, '+');
	const size_t length = plus ? (size_t)(plus - o->episodes) : strlen(o->episodes);
	(void)snprintf(word, sizeof word, "%.*s", (int)length, o->episodes);
	TRY(numbers(word, "--episodes", 'x', part, 2, &n, e));
	if (plus)
		TRY(cli_count(plus + 1, "--episodes", &queries, e));
	if (n != 2 || part[0] == 0 || part[1] == 0)
		return cvt_fail(e, CVT_USAGE,
			"--episodes: '%s' should be WAYSxSHOTS+QUERIES, as 5x1+15", o->episodes);
	o->rows.ways = part[0];
	o->rows.shots = part[1];
	o->rows.queries = queries;
	o->rows.episodes = o->rows.episodes ? o->rows.episodes : 1000;
	return CVT_OK;
}

int read_understand(struct read_options *o, struct cvt_err *e)
{
	TRY(understand_size(o, e));
	TRY(understand_shard(o, e));
	TRY(understand_mix(o, e));
	TRY(understand_episodes(o, e));
	if (!(o->rows.val_fraction >= 0 && o->rows.val_fraction < 1))
		return cvt_fail(e, CVT_USAGE, "--val-fraction: should be from 0 to below 1");
	if (o->epochs == 0 || o->start_epoch >= o->epochs)
		return cvt_fail(e, CVT_USAGE,
			"--epochs %zu --start-epoch %zu leave no epoch to write", o->epochs,
			o->start_epoch);
	if (o->epochs > UINT32_MAX)
		return cvt_fail(e, CVT_USAGE, "--epochs: at most %u", UINT32_MAX);
	o->rows.take = o->takes ? o->rows.take : SIZE_MAX;
	o->rows.unlabelled = o->unlabelled ? o->rows.unlabelled : SIZE_MAX;
	o->data.max_memory = o->fields.max_memory = o->common.max_memory;
	o->rows.seed = o->common.seed;
	return CVT_OK;
}

int read_check_sets(const struct read_options *o, size_t sets, struct cvt_err *e)
{
	if (o->mix && (sets < 2 || o->rows.mixed != sets))
		return cvt_fail(e, CVT_USAGE,
			"--mix: '%s' has %zu parts for %zu data sets; write A:B", o->mix,
			o->rows.mixed, sets);
	if (o->unlabelled && o->rows.unlabelled >= sets)
		return cvt_fail(e, CVT_USAGE, "--unlabelled: the data sets are numbered 0 to %zu",
			sets - 1);
	return CVT_OK;
}

bool read_in_order(const struct read_options *o)
{
	const struct selection_options *p = &o->rows;
	return !p->shuffle && o->epochs == 1 && !p->per_class && p->val_fraction == 0 && !p->hides
	       && !o->unlabelled && !p->mixed && !p->ways && !o->data.split;
}
