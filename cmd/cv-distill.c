/* cv-distill: teacher to student: cv-train's options and loop (trainer.h) with its own method. */
#include "train/trainer.h"

int main(int argc, char **argv)
{
	const struct cli_program program = {
		.name = "cv-distill",
		.summary = "Trains a small network to imitate larger ones.",
		.usage = "--teacher MODEL --arch NAME -o MODEL [OPTION]... [STREAM|DATASET]",
		.examples = "  cv-read cifar.tar.gz --split train --epochs 30 --shuffle | "
			    "cv-augment pad-crop=4 hflip "
			    "|\n"
			    "    cv-distill --teacher resnet20.safetensors --arch resnet8 -o "
			    "small.safetensors\n"
			    "  cv-embed -w big.safetensors --output logits --keep image,label "
			    "train.cvt |\n"
			    "    cv-distill --arch resnet8 --epochs 30 -o small.safetensors",
	};
	return trainer_main(argc, argv, &program, "distill");
}
