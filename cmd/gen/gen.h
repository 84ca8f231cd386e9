/*
 * gen: what cv-gen is made of. Every source of pictures is a file here that reads its own part of
 * the options, writes HEAD and rows, and finishes the stream; cv-gen.c only says which.
 */
#ifndef CVT_GEN_H
#define CVT_GEN_H

#include "../../formats/stream.h"
#include "../../libcore/cli.h"
#include "../rate.h"

struct gen_options {
	struct cli_common common;
	size_t count, start, epochs;
	/* shapes */
	const char *split, *size, *fields, *domain;
	size_t objects, clip;
	/* trained models */
	const char *weights, *class_name, *reconstruct, *bound, *interpolate, *format;
	size_t steps, samples;
};

enum { GEN_OPTIONS = 24 };

/* The options of cv-gen, which write into o; fills in the defaults. */
void gen_table(struct gen_options *o, struct cli_option table[GEN_OPTIONS]);

/* Each leaves in *out a stream that is open and must be given up when it fails; NULL after the end. */

/* `cv-gen shapes`: the embedded data set (libcore/shapes/shapes.h). */
int gen_shapes(const struct gen_options *o, const struct cli *cli, struct stream_writer **out,
	struct cvt_err *e);

/* `cv-gen -w MODEL`: pictures that a trained network makes. */
int gen_model(const struct gen_options *o, const struct cli *cli, struct stream_writer **out,
	struct cvt_err *e);

#endif
