/* view_arch: architecture texts, and what they come to. */
#ifndef CVT_VIEW_ARCH_H
#define CVT_VIEW_ARCH_H

#include "view.h"

/* The zoo, name<TAB>help. */
int view_arch_list(struct output *out, struct cvt_err *e);
/* The text of --arch NAME|FILE or of a model (`in`; NULL without one). With --summary: every
 * element that has a path, with the shape of its output, its parameters, and floating-point
 * operations a row. */
int view_arch(const struct view_input *in, const struct view_options *o, struct output *out,
	struct cvt_err *e);

#endif
