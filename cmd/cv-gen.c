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
	struct gen_options o = {.count = 1000,
		.objects = 1,
		.epochs = 1,
		.steps = 10,
		.samples = 200,
		.common = {.threads = 1}};
	struct cli_option table[] = {
		{NULL, 0, CLI_FLAG, NULL, NULL, "Rows", 0, NULL},
		{"count", 'n', CLI_COUNT, "N", &o.count, "how many pictures", 0, NULL},
		{"start", 0, CLI_COUNT, "I", &o.start, "index of the first: the world has no end",
			0, NULL},
		{"split", 0, CLI_TEXT, "train|test", &o.split,
			"test pictures lie at indices from 2^40 up", 0, NULL},
		{"epochs", 0, CLI_COUNT, "N", &o.epochs, "write them that many times", 0, NULL},
		{NULL, 0, CLI_FLAG, NULL, NULL, "Pictures", 0, NULL},
		{"size", 0, CLI_TEXT, "HxW", &o.size, "of the pictures (32x32)", 0, NULL},
		{"fields", 0, CLI_TEXT, "F,...", &o.fields,
			"of image label mask edge depth boxes keypoints caption domain motion "
			"(image,label)",
			0, NULL},
		{"objects", 0, CLI_COUNT, "N", &o.objects,
			"labelled shapes in a picture; the largest is `label`", 0, NULL},
		{"domain", 0, CLI_TEXT, "NAME,...", &o.domain,
			"styles: photo, flat, sketch, neon, night; several take turns", 0, NULL},
		{"clip", 0, CLI_COUNT, "T", &o.clip, "short films of T frames, which move", 0,
			NULL},
		{NULL, 0, CLI_FLAG, NULL, NULL, "Trained models", 0, NULL},
		{"weights", 'w', CLI_TEXT, "FILE", &o.weights,
			"make pictures with this model (cv-train --method vae or gan)", 0, NULL},
		{"class", 0, CLI_TEXT, "K", &o.class_name,
			"all of this class, a name or a number (each in turn)", 0, NULL},
		{"interpolate", 0, CLI_TEXT, "A..B", &o.interpolate, "from sample A to sample B", 0,
			NULL},
		{"steps", 0, CLI_COUNT, "N", &o.steps, "pictures of that way", 0, NULL},
		{"reconstruct", 0, CLI_TEXT, "STREAM|DATASET", &o.reconstruct,
			"these pictures, from their codes; - is standard input", CLI_SOURCE, NULL},
		{"bound", 0, CLI_TEXT, "STREAM|DATASET", &o.bound,
			"bounds of their -log p, in nats, in place of pictures", CLI_SOURCE, NULL},
		{"samples", 0, CLI_COUNT, "N", &o.samples, "draws for --bound", 0, NULL},
		{"format", 0, CLI_TEXT, "NAME", &o.format,
			"what that input is, if its content does not tell", 0, NULL},
		{NULL, 0, CLI_FLAG, NULL, NULL, NULL, 0, NULL},
	};
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
