/* options: what can be said to cv-gen (see gen.h). */
#include "gen.h"

#include <string.h>

void gen_table(struct gen_options *o, struct cli_option table[GEN_OPTIONS])
{
	const struct cli_option list[] = {
		{NULL, 0, CLI_FLAG, NULL, NULL, "Rows", 0, NULL},
		{"count", 'n', CLI_COUNT, "N", &o->count, "how many pictures", 0, NULL},
		{"start", 0, CLI_COUNT, "I", &o->start, "index of the first: the world has no end",
			0, NULL},
		{"split", 0, CLI_TEXT, "train|test", &o->split,
			"test pictures lie at indices from 2^40 up", 0, NULL},
		{"epochs", 0, CLI_COUNT, "N", &o->epochs, "write them that many times", 0, NULL},
		{NULL, 0, CLI_FLAG, NULL, NULL, "Pictures", 0, NULL},
		{"size", 0, CLI_TEXT, "HxW", &o->size, "of the pictures (32x32)", 0, NULL},
		{"fields", 0, CLI_TEXT, "F,...", &o->fields,
			"of image label mask edge depth boxes keypoints caption domain motion "
			"(image,label)",
			CLI_LIST, NULL},
		{"objects", 0, CLI_COUNT, "N", &o->objects,
			"labelled shapes in a picture; the largest is `label`", 0, NULL},
		{"domain", 0, CLI_TEXT, "NAME,...", &o->domain,
			"styles: photo, flat, sketch, neon, night; several take turns", CLI_LIST,
			NULL},
		{"clip", 0, CLI_COUNT, "T", &o->clip, "short films of T frames, which move", 0,
			NULL},
		{NULL, 0, CLI_FLAG, NULL, NULL, "Trained models", 0, NULL},
		{"weights", 'w', CLI_TEXT, "FILE", &o->weights,
			"make pictures with this model (cv-train --method vae or gan)", 0, NULL},
		{"class", 0, CLI_TEXT, "K", &o->class_name,
			"all of this class, a name or a number (each in turn)", 0, NULL},
		{"interpolate", 0, CLI_TEXT, "A..B", &o->interpolate, "from sample A to sample B",
			0, NULL},
		{"steps", 0, CLI_COUNT, "N", &o->steps, "pictures of that way", 0, NULL},
		{"reconstruct", 0, CLI_TEXT, "STREAM|DATASET", &o->reconstruct,
			"these pictures, from their codes; - is standard input", CLI_ROWS, NULL},
		{"bound", 0, CLI_TEXT, "STREAM|DATASET", &o->bound,
			"bounds of their -log p, in nats, in place of pictures", CLI_ROWS, NULL},
		{"samples", 0, CLI_COUNT, "N", &o->samples, "draws for --bound", 0, NULL},
		{"format", 0, CLI_TEXT, "NAME", &o->format,
			"what that input is, if its content does not tell", 0, NULL},
		{NULL, 0, CLI_FLAG, NULL, NULL, NULL, 0, NULL},
	};
	_Static_assert(sizeof list / sizeof *list <= GEN_OPTIONS, "the table is too short");
	*o = (struct gen_options){.count = 1000,
		.objects = 1,
		.epochs = 1,
		.steps = 10,
		.samples = 200,
		.common = {.threads = 1}};
	memcpy(table, list, sizeof list);
}
