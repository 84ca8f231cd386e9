/* square: operations whose values are a size (see square.h). */
#include "square.h"

void square_sides(const double *v, size_t *h, size_t *w)
{
	*h = (size_t)v[0];
	*w = (size_t)v[1];
}

int square_inside(const char *op, size_t H, size_t W, size_t h, size_t w, struct cvt_err *e)
{
	if (h <= H && w <= W)
		return CVT_OK;
	return cvt_fail(e, CVT_INPUT,
		"%s: a picture of %zux%zu has no window of %zux%zu; put resize=%zu,%zu before it",
		op, H, W, h, w, h > H ? h : H, w > W ? w : W);
}

int square_crop_size(const char *op, const double *v, size_t *H, size_t *W, struct cvt_err *e)
{
	size_t h, w;
	square_sides(v, &h, &w);
	if (*H && *W)
		TRY(square_inside(op, *H, *W, h, w, e));
	*H = h;
	*W = w;
	return CVT_OK;
}
