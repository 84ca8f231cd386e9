/*
 * cv-gen: generates pictures. `cv-gen shapes` draws the embedded data set, `cv-gen -w MODEL` asks a
 * network that was trained to make some; what each is lies in gen/.
 */
#include "gen/gen.h"

#include <stdio.h>
#include <string.h>

/* Options of what was not asked for. */
static int refuse_others(const struct gen_options *o, const struct cli *cli, struct cvt_err *e)
{
	TRY(cli_refuse(cli, "input", "nothing is read; --reconstruct and --bound name what is", e));
	if (!o->weights)
		return cli_refuse(cli, "class interpolate steps reconstruct bound samples format",
			"asks a trained model; say -w FILE", e);
	TRY(cli_refuse(cli, "epochs split size fields objects domain clip",
		"is of 'shapes'; a model makes what it learned", e));
	TRY(o->interpolate ? cli_refuse(cli, "count start",
		    "is of samples in a row; --interpolate A..B makes --steps N", e)
			   : cli_refuse(cli, "steps",
				   "counts the pictures of --interpolate A..B; add it", e));
	if (!o->bound)
		TRY(cli_refuse(cli, "samples", "counts the draws of --bound FILE; add it", e));
	if (o->bound || o->reconstruct)
		return cli_refuse(cli, "count start class",
			"is of new pictures; --reconstruct and --bound take the rows that they are "
			"given",
			e);
	return cli_refuse(cli, "format", "says what --reconstruct or --bound reads; add one", e);
}

static int run(const struct gen_options *o, const struct cli *cli, struct stream_writer **out,
	struct cvt_err *e)
{
	TRY(refuse_others(o, cli, e));
	if (o->weights)
		return gen_model(o, cli, out, e);
	if (cli->operands && strcmp(cli->operand[0], "shapes") == 0)
		return gen_shapes(o, cli, out, e);
	return cvt_fail(
		e, CVT_USAGE, "say what to generate: cv-gen shapes, or -w MODEL (cv-gen --list)");
}

int main(int argc, char **argv)
{
	struct gen_options o;
	struct cli_option table[GEN_OPTIONS];
	const struct cli_program program = {
		.name = "cv-gen",
		.summary = "Generates pictures: the embedded data set, or what a trained model "
			   "makes.",
		.usage = "shapes|-w MODEL [OPTION]...",
		.examples = "  cv-gen shapes -n 10000 | cv-read --epochs 5 --shuffle | cv-train "
			    "--arch resnet8 -o "
			    "net.st\n"
			    "  cv-gen shapes --split test -n 64 | cv-view -o shapes.png\n"
			    "  cv-gen shapes --fields image,mask,boxes --objects 3 --size 64x64 -n "
			    "1000 -o scenes.cvt\n"
			    "  cv-gen -w gan.safetensors --class 3 -n 64 | cv-view -o threes.png",
		.options = table,
		.common = &o.common,
	};
	struct cli cli;
	struct cvt_err e = {0};
	struct stream_writer *out = NULL;
	bool done;
	gen_table(&o, table);
	int code = cli_parse(&cli, &program, argc, argv, &done, &e);
	if (code == CVT_OK && !done && o.common.list)
		printf("shapes\tan endless world of textured, lit, partly hidden shapes in ten "
		       "classes\n");
	else if (code == CVT_OK && !done)
		code = run(&o, &cli, &out, &e);
	if (code != CVT_OK)
		(void)stream_give_up(out, program.name, &e);
	return cli_end(&cli, code, &e, false);
}
