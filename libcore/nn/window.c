/* window: the geometry of convolutions and pools (see window.h). */
#include "window.h"

#include <math.h>

static int whole(const struct node *n, size_t argument, double value, size_t least, size_t most,
	size_t *to, struct cvt_err *e)
{
	if (!(value >= (double)least && value <= (double)most) || value != floor(value))
		return cvt_fail(e, CVT_USAGE, "%s: %s must be a whole number from %zu to %zu",
			n->op->name, n->op->arg[argument].name, least, most);
	*to = (size_t)value;
	return CVT_OK;
}

int window_number(const struct node *n, size_t argument, size_t least, size_t most, size_t *to,
	struct cvt_err *e)
{
	return whole(n, argument, n->arg[argument].a, least, most, to, e);
}

int window_pair(const struct node *n, size_t argument, size_t least, size_t most, size_t *to_h,
	size_t *to_w, struct cvt_err *e)
{
	TRY(whole(n, argument, n->arg[argument].a, least, most, to_h, e));
	return whole(n, argument, n->arg[argument].b, least, most, to_w, e);
}

int window_picture(const struct graph *g, const struct node *n, struct window *v, struct cvt_err *e)
{
	TRY(nn_need_float(g, n, 0, e));
	const struct shape *s = nn_input_shape(g, n, 0);
	if (s->ndim != 3) {
		char text[100];
		return cvt_fail(e, CVT_USAGE, "%s: takes a picture (H x W x C), not a row of %s",
			n->op->name, shape_text(s, text, sizeof text));
	}
	v->h = s->dims[0];
	v->w = s->dims[1];
	v->c = s->dims[2];
	return CVT_OK;
}

int window_fit(const struct node *n, struct window *v, struct cvt_err *e)
{
	const size_t reach_h = (v->kh - 1) * v->dh + 1, reach_w = (v->kw - 1) * v->dw + 1;
	const size_t room_h = v->h + 2 * v->ph, room_w = v->w + 2 * v->pw;
	if (room_h < reach_h || room_w < reach_w)
		return cvt_fail(e, CVT_INPUT,
			"%s: a window of %zux%zu does not fit a picture of %zux%zu; resize the "
			"pictures (cv-augment resize=...)",
			n->op->name, reach_h, reach_w, v->h, v->w);
	v->oh = (room_h - reach_h) / v->sh + 1;
	v->ow = (room_w - reach_w) / v->sw + 1;
	return CVT_OK;
}
