/* effect: what policies are made of (see effect.h). */
#include "effect.h"

#include "colour.h"
#include "smooth.h"
#include "tone.h"
#include "warp.h"

#include <math.h>

#define DEGREES (180 / 3.14159265358979323846)

const char *const effect_name[EFFECTS] = {"Identity", "ShearX", "ShearY", "TranslateX",
	"TranslateY", "Rotate", "Brightness", "Color", "Contrast", "Sharpness", "Posterize",
	"Solarize", "AutoContrast", "Equalize", "Invert"};

const struct effect_space effect_space = {.shear = 0.3f,
	.translate = (float)(150.0 / 331.0),
	.share = true,
	.rotate = 30,
	.enhance = 0.9f,
	.bits = 8,
	.bits_less = 4};

/* ---- applying ---------------------------------------------------------------------- */

static int move(enum effect effect, double magnitude, enum aug_filter filter, struct aug_row *r,
	struct cvt_err *e)
{
	struct aug_affine a = {.scale = 1};
	a.at_corner = effect == ShearX || effect == ShearY;
	if (effect == ShearX)
		a.shear_x = atan(magnitude) * DEGREES;
	else if (effect == ShearY)
		a.shear_y = atan(magnitude) * DEGREES;
	else if (effect == TranslateX)
		a.tx = trunc(magnitude);
	else
		a.ty = trunc(magnitude);
	return aug_affine_apply(r, &a, filter, e);
}

static void enhance(enum effect effect, float factor, unsigned char *p, size_t n, size_t C)
{
	if (effect == Brightness)
		colour_brightness(p, n, C, factor);
	else if (effect == Color)
		colour_saturation(p, n, C, factor);
	else
		colour_contrast(p, n, C, factor);
}

static void tone(enum effect effect, double magnitude, unsigned char *p, size_t n, size_t C)
{
	if (effect == Posterize)
		tone_posterize(p, n, C, (int)magnitude);
	else if (effect == Solarize)
		tone_solarize(p, n, C, magnitude);
	else if (effect == AutoContrast)
		tone_autocontrast(p, n, C);
	else if (effect == Equalize)
		tone_equalize(p, n, C);
	else if (effect == Invert)
		tone_invert(p, n, C);
}

int effect_apply(enum effect effect, double magnitude, enum aug_filter filter, struct aug_row *r,
	struct cvt_err *e)
{
	const size_t n = r->H * r->W;
	if (effect >= ShearX && effect <= TranslateY)
		return move(effect, magnitude, filter, r, e);
	if (effect == Rotate)
		return aug_turn(r, magnitude, filter, e);
	if (effect == Sharpness)
		return smooth_sharpen(r, (float)(1 + magnitude), e);
	for (size_t t = 0; t < r->T; t++) {
		unsigned char *p = r->image.data + t * n * r->C;
		if (effect >= Brightness && effect <= Contrast)
			enhance(effect, (float)(1 + magnitude), p, n, r->C);
		else
			tone(effect, magnitude, p, n, r->C);
	}
	return CVT_OK;
}

/* ---- magnitudes -------------------------------------------------------------------- */

/* torch.linspace: in float, from the nearer end. */
static double linspace(float from, float to, size_t bin, size_t bins)
{
	const float step = (to - from) / (float)(bins - 1);
	return (double)(bin < bins / 2 ? from + step * (float)bin
				       : to - step * (float)(bins - 1 - bin));
}

double effect_magnitude(const struct effect_space *s, enum effect effect, size_t bin, size_t bins,
	size_t H, size_t W)
{
	const float side = (float)(effect == TranslateX ? W : H);
	switch (effect) {
	case ShearX:
	case ShearY:
		return linspace(0, s->shear, bin, bins);
	case TranslateX:
	case TranslateY:
		return linspace(0, s->share ? s->translate * side : s->translate, bin, bins);
	case Rotate:
		return linspace(0, s->rotate, bin, bins);
	case Brightness:
	case Color:
	case Contrast:
	case Sharpness:
		return linspace(0, s->enhance, bin, bins);
	case Posterize:
		return s->bits
		       - nearbyint((double)bin / ((double)(bins - 1) / (double)s->bits_less));
	case Solarize:
		return linspace(255, 0, bin, bins);
	default:
		return 0;
	}
}

bool effect_signed(enum effect effect)
{
	return effect >= ShearX && effect <= Sharpness;
}
