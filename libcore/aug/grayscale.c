/* grayscale: the luma in all channels (torchvision Grayscale; grayscale:0.2 is
 * RandomGrayscale(0.2)). */
#include "colour.h"

static int apply(const struct aug_call *c, struct aug_row *r)
{
	(void)c;
	colour_grey(r->image.data, r->T * r->H * r->W, r->C);
	return CVT_OK;
}

const struct aug_op aug_grayscale = {
	.name = "grayscale",
	.help = "takes the colour away; the channels stay",
	.apply = apply,
};
