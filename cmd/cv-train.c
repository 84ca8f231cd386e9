/* cv-train: stream to model. What it does is trainer.h's; here is what it is called and how it is
 * used. */
#include "train/trainer.h"

int main(int argc, char **argv)
{
	const struct cli_program program = {
		.name = "cv-train",
		.summary = "Trains a network on a stream and writes a model.",
		.usage = "--arch NAME -o MODEL [OPTION]... [STREAM|DATASET]",
		.examples = "  cv-read fashion/ --split train --epochs 20 --shuffle | cv-augment "
			    "pad-crop=4 hflip |\n"
			    "    cv-train --arch resnet20 -o net.safetensors\n"
			    "  cv-train --arch lenet5 --epochs 5 -o digits.safetensors "
			    "mnist-train.cvt\n"
			    "  cv-read pets/ --size 32x32 | cv-train -w net.safetensors "
			    "--reset-head --freeze layer1 "
			    "-o pets.safetensors",
	};
	return trainer_main(argc, argv, &program, "classify");
}
