/*
 * tone: what maps each byte by itself, after a look at its channel at most: Pillow's ImageOps, to the
 * bit. Pictures have n pixels of C bytes.
 */
#ifndef CVT_AUG_TONE_H
#define CVT_AUG_TONE_H

#include <stddef.h>

void tone_invert(unsigned char *p, size_t n, size_t C);
/* Keeps that many of the upper bits, 0..8. */
void tone_posterize(unsigned char *p, size_t n, size_t C, int bits);
/* Inverts what is not below the threshold. */
void tone_solarize(unsigned char *p, size_t n, size_t C, double threshold);
/* Each channel's histogram made flat. */
void tone_equalize(unsigned char *p, size_t n, size_t C);
/* Each channel stretched to 0..255. */
void tone_autocontrast(unsigned char *p, size_t n, size_t C);
/* Adds to each channel its own shift, between 0 and 255. */
void tone_shift(unsigned char *p, size_t n, size_t C, const float *shift);

#endif
