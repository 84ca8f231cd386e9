/*
 * read_options: what can be said to cv-read, understood: sizes, shards, mixes, episodes.
 */
#ifndef CVT_READ_OPTIONS_H
#define CVT_READ_OPTIONS_H

#include "../../formats/fields.h"
#include "../../formats/selection.h"
#include "../../libcore/cli.h"
#include "reshape.h"

struct read_options {
	struct cli_common common;
	struct dataset_options data;
	struct selection_options rows;
	struct fields_options fields;
	struct reshape_options reshape;
	size_t epochs, start_epoch, channels;
	size_t shuffle_buffer; /* rows; 0 = none */
	bool by_number;
	const char *shard, *mix, *size, *episodes;
	bool takes, unlabelled, shuffles_by, per_class_given, channels_given, count_given;
};

enum { READ_OPTIONS = 64 };

/* The options of cv-read, which write into o. */
void read_table(struct read_options *o, struct cli_option table[READ_OPTIONS]);
/* Fills in what the words say, once the line is parsed; CVT_USAGE. */
int read_understand(struct read_options *o, struct cvt_err *e);
/* Do they fit that many data sets? CVT_USAGE. */
int read_check_sets(const struct read_options *o, size_t sets, struct cvt_err *e);
/* Rows come in their own order, though perhaps more than once, or with gaps. */
bool read_keeps_order(const struct read_options *o);
/* Nothing is asked that needs rows twice, or in another order. */
bool read_in_order(const struct read_options *o);

#endif
