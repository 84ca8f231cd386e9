/*
 * tta: test-time augmentation: a picture is run in several versions, and what the network gives is
 * their weighted mean. `flip` is the picture and its mirror; `flip+shift` adds both of them moved by
 * one pixel up and left, and down and right (what comes in is reflected), half of the weight: the
 * multi-view evaluation of K. Jordan, "94% on CIFAR-10 in 3.29 seconds" (2024).
 */
#ifndef CVT_TTA_H
#define CVT_TTA_H

#include "../../libcore/tensor.h"

enum { TTA_VERSIONS = 6 };

struct tta {
	const char *name;
	size_t n;
	struct tta_version {
		int shift; /* pixels, down and right */
		bool mirror;
		float weight;
	} version[TTA_VERSIONS];
};

/* By name; NULL text = none: the picture alone. CVT_USAGE naming what there is. */
int tta_find(const char *text, const struct tta **t, struct cvt_err *e);
/* The pictures (N,H,W,C) in one version; both of one shape and type. */
void tta_make(const struct tta_version *v, const struct tensor *from, struct tensor *to);

#endif
