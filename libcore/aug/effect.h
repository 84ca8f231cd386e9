/*
 * effect: the operations that learned and random policies are made of, each with a magnitude, as
 * torchvision's autoaugment has them (on PIL pictures), and the magnitudes that a policy's space
 * gives them.
 */
#ifndef CVT_AUG_EFFECT_H
#define CVT_AUG_EFFECT_H

#include "geometry.h"

/* In the order of torchvision's spaces; Invert is AutoAugment's only. */
enum effect {
	Identity,
	ShearX,
	ShearY,
	TranslateX,
	TranslateY,
	Rotate,
	Brightness,
	Color,
	Contrast,
	Sharpness,
	Posterize,
	Solarize,
	AutoContrast,
	Equalize,
	Invert,
	EFFECTS
};

extern const char *const effect_name[EFFECTS];

int effect_apply(enum effect effect, double magnitude, enum aug_filter filter, struct aug_row *r,
	struct cvt_err *e);

/* The greatest magnitudes of a space. */
struct effect_space {
	float shear, translate; /* pixels, or with `share` a share of the side */
	bool share;
	float rotate, enhance;
	int bits, bits_less; /* Posterize: from `bits`, less and less */
};
/* As RandAugment and AutoAugment have it. */
extern const struct effect_space effect_space;

/* The magnitude of bin 0..bins-1 in a picture of H x W, without its sign. */
double effect_magnitude(const struct effect_space *s, enum effect effect, size_t bin, size_t bins,
	size_t H, size_t W);
/* True for those whose magnitude is as often negative. */
bool effect_signed(enum effect effect);

#endif
