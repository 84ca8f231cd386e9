/* read_options: what can be said to cv-read, understood (see read_options.h). */
#include "options.h"

#include <stdio.h>
#include <string.h>

/* ---- the table --------------------------------------------------------------------- */

static size_t row_options(struct read_options *o, struct cli_option *to)
{
	const struct cli_option list[] = {
		{NULL, 0, CLI_FLAG, NULL, NULL, "What", 0, NULL},
		{"split", 0, CLI_TEXT, "NAME", &o->data.split,
			"train, test, val, or as the data call it", 0, NULL},
		{"format", 0, CLI_TEXT, "NAME", &o->data.format, "not by content: see --list", 0,
			NULL},
		{NULL, 0, CLI_FLAG, NULL, NULL, "Rows", 0, NULL},
		{"classes", 0, CLI_TEXT, "A,B,...", &o->rows.classes,
			"only these, by name or number", CLI_LIST, NULL},
		{"per-class", 0, CLI_COUNT, "K", &o->rows.per_class,
			"K rows a class, drawn by the seed", 0, &o->per_class_given},
		{"skip", 0, CLI_COUNT, "N", &o->rows.skip, "without the first N", 0, NULL},
		{"take", 0, CLI_COUNT, "N", &o->rows.take, "then N at most (before any shuffling)",
			0, &o->takes},
		{"shard", 0, CLI_TEXT, "I/N", &o->shard,
			"every Nth from the Ith on, I counts from 0", 0, NULL},
		{"val-fraction", 0, CLI_REAL, "F", &o->rows.val_fraction,
			"mark that part for validation (part 1), behind the others", 0, NULL},
		{"labelled", 0, CLI_COUNT, "K", &o->rows.labelled,
			"keep K labels a class, set the others to -1", 0, &o->rows.hides},
		{"unlabelled", 0, CLI_COUNT, "D", &o->rows.unlabelled,
			"set the labels of data set D (from 0) to -1", 0, &o->unlabelled},
		{NULL, 0, CLI_FLAG, NULL, NULL, "Order", 0, NULL},
		{"balance", 0, CLI_FLAG, NULL, &o->rows.balance,
			"small classes come again, until all have as many rows", 0, NULL},
		{"shuffle", 0, CLI_FLAG, NULL, &o->rows.shuffle, "anew in every epoch", 0, NULL},
		{"shuffle-buffer", 0, CLI_COUNT, "N", &o->shuffle_buffer,
			"as they go by: the order of N rows is drawn at a time", 0,
			&o->shuffles_by},
		{"epochs", 0, CLI_COUNT, "N", &o->epochs, "write everything N times", 0, NULL},
		{"start-epoch", 0, CLI_COUNT, "E", &o->start_epoch, "begin with epoch E (from 0)",
			0, NULL},
		{"mix", 0, CLI_TEXT, "A:B", &o->mix,
			"A rows of the first, then B of the second ...", 0, NULL},
		{"classes-by-number", 0, CLI_FLAG, NULL, &o->by_number,
			"data sets agree in numbers, not names, of classes", 0, NULL},
		{"episodes", 0, CLI_TEXT, "5x1+15", &o->episodes,
			"few-shot tasks: ways x shots + queries", 0, NULL},
		{"count", 0, CLI_COUNT, "N", &o->rows.episodes, "episodes an epoch (1000)", 0,
			&o->count_given},
	};
	memcpy(to, list, sizeof list);
	return sizeof list / sizeof *list;
}

static size_t field_options(struct read_options *o, struct cli_option *to)
{
	const struct cli_option list[] = {
		{NULL, 0, CLI_FLAG, NULL, NULL, "Fields", 0, NULL},
		{"size", 0, CLI_TEXT, "HxW", &o->size, "resize whole pictures", 0, NULL},
		{"channels", 0, CLI_COUNT, "C", &o->channels, "1 grey or 3 colour", 0,
			&o->channels_given},
		{"drop", 0, CLI_TEXT, "FIELDS", &o->fields.drop, "leave these out", CLI_LIST, NULL},
		{"paste", 0, CLI_TEXT, "FILE", &o->fields.paste,
			"add FILE's fields, joined on index", 0, NULL},
		{"select", 0, CLI_TEXT, "FIELDS", &o->fields.select, "only these (index stays)",
			CLI_LIST, NULL},
		{"rename", 0, CLI_TEXT, "OLD=NEW,...", &o->fields.rename, "call fields otherwise",
			CLI_LIST, NULL},
		{NULL, 0, CLI_FLAG, NULL, NULL, "Limits", 0, NULL},
		{"max-pixels", 0, CLI_BYTES, "N", &o->data.max_pixels, "of a picture (64M)",
			CLI_POSITIVE, NULL},
		{"max-side", 0, CLI_BYTES, "N", &o->data.max_side, "pixels (32k)", CLI_POSITIVE,
			NULL},
		{"max-entries", 0, CLI_BYTES, "N", &o->data.max_entries, "files of a data set (4M)",
			CLI_POSITIVE, NULL},
		{"max-entry-bytes", 0, CLI_BYTES, "N", &o->data.max_entry_bytes, "of one file (1G)",
			CLI_POSITIVE, NULL},
		{"max-expansion", 0, CLI_COUNT, "N", &o->data.max_expansion,
			"times that compressed data may grow (200)", CLI_POSITIVE, NULL},
		{"max-compressed", 0, CLI_BYTES, "N", &o->data.max_compressed,
			"bytes of a PNG or JPEG (512M)", CLI_POSITIVE, NULL},
		{"max-scans", 0, CLI_COUNT, "N", &o->data.max_scans, "of a JPEG (200)",
			CLI_POSITIVE, NULL},
		{"max-chunks", 0, CLI_BYTES, "N", &o->data.max_chunks, "of a PNG (1M)",
			CLI_POSITIVE, NULL},
		{"max-scan-pixels", 0, CLI_BYTES, "N", &o->data.max_scan_pixels,
			"that the scans of a JPEG go over, in all (1536M)", CLI_POSITIVE, NULL},
	};
	memcpy(to, list, sizeof list);
	return sizeof list / sizeof *list;
}

void read_table(struct read_options *o, struct cli_option table[READ_OPTIONS])
{
	const struct cli_option end = {0};
	size_t n = row_options(o, table);
	n += field_options(o, table + n);
	table[n] = end;
}

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
	size_t side[2] = {0}, n = 0;
	if (o->size) {
		TRY(numbers(o->size, "--size", 'x', side, 2, &n, e));
		o->reshape.height = side[0];
		o->reshape.width = side[n > 1];
		if (o->reshape.height == 0 || o->reshape.width == 0 || o->reshape.height > 32768
			|| o->reshape.width > 32768)
			return cvt_fail(
				e, CVT_USAGE, "--size: write HEIGHTxWIDTH, each from 1 to 32768");
	}
	o->reshape.channels = o->channels;
	if (o->channels_given && o->channels != 1 && o->channels != 3)
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
		if (o->rows.mix[i] == 0 || o->rows.mix[i] > 65536)
			return cvt_fail(e, CVT_USAGE, "--mix: a part has from 1 to 65536 rows");
	return CVT_OK;
}

static int understand_episodes(struct read_options *o, struct cvt_err *e)
{
	if (o->count_given && (!o->episodes || o->rows.episodes == 0))
		return cvt_fail(e, CVT_USAGE,
			"--count: goes with --episodes WAYSxSHOTS+QUERIES, and is at least 1");
	if (!o->episodes)
		return CVT_OK;
	TRY(episodes_parse(o->episodes, &o->rows.size, e));
	if (o->mix || o->rows.val_fraction > 0 || o->rows.shuffle || o->rows.hides || o->unlabelled)
		return cvt_fail(e, CVT_USAGE,
			"--episodes: draw their rows by class, so --mix, --val-fraction, "
			"--shuffle, "
			"--labelled and --unlabelled have no place beside them");
	o->rows.episodes = o->rows.episodes ? o->rows.episodes : 1000;
	return CVT_OK;
}

static int understand_balance(const struct read_options *o, struct cvt_err *e)
{
	if (o->rows.balance && (o->mix || o->rows.size.ways))
		return cvt_fail(e, CVT_USAGE,
			"--balance: --%s chooses how often rows come by itself; balance a data set "
			"first, into a file",
			o->mix ? "mix" : "episodes");
	return CVT_OK;
}

static int understand_shuffle(struct read_options *o, struct cvt_err *e)
{
	if (!o->shuffles_by)
		return CVT_OK;
	if (o->shuffle_buffer < 2)
		return cvt_fail(
			e, CVT_USAGE, "--shuffle-buffer: it takes two rows to shuffle them");
	if (o->rows.size.ways)
		return cvt_fail(
			e, CVT_USAGE, "--shuffle-buffer: would tear apart the tasks of --episodes");
	o->rows.shuffle = false; /* the buffer does it */
	return CVT_OK;
}

int read_understand(struct read_options *o, struct cvt_err *e)
{
	TRY(understand_size(o, e));
	TRY(understand_shard(o, e));
	TRY(understand_mix(o, e));
	TRY(understand_episodes(o, e));
	TRY(understand_balance(o, e));
	TRY(understand_shuffle(o, e));
	if (o->per_class_given && o->rows.per_class == 0)
		return cvt_fail(e, CVT_USAGE, "--per-class: at least 1 row of each class");
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
	o->fields.by_number = o->by_number;
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
	return !p->shuffle && !p->balance && o->epochs == 1 && !p->per_class && p->val_fraction == 0
	       && !p->hides && !o->unlabelled && !p->mixed && !p->size.ways && !o->data.split;
}

bool read_keeps_order(const struct read_options *o)
{
	return !o->rows.shuffle && !o->rows.size.ways;
}
