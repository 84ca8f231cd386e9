/*
 * cv-gen: generates pictures. `cv-gen shapes` draws the embedded data set, `cv-gen -w MODEL` asks a
 * network that was trained to make some; what each is lies in gen/.
 */
#include "gen/gen.h"

#include <stdio.h>
#include <string.h>

static int run(const struct gen_options *o, const struct cli *cli, struct stream_writer **out,
	struct cvt_err *e)
{
	if (o->weights && (o->size || o->fields || o->domain || o->clip || o->objects != 1))
		return cvt_fail(e, CVT_USAGE,
			"--size, --fields, --objects, --domain and --clip are of 'shapes'; a model "
			"makes what it learned");
	if (o->weights)
		return gen_model(o, cli, out, e);
	if (o->reconstruct || o->bound || o->interpolate || o->class_name)
		return cvt_fail(e, CVT_USAGE,
			"--class, --interpolate, --reconstruct and --bound ask a trained model: "
			"say -w "
			"FILE");
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
