/* tta: versions of pictures (see tta.h). */
#include "tta.h"

#include <string.h>

static const struct tta all[] = {
	{"none", 1, {{0, false, 1.0f}}},
	{"flip", 2, {{0, false, 0.5f}, {0, true, 0.5f}}},
	{"flip+shift", 6,
		{{0, false, 0.25f}, {0, true, 0.25f}, {1, false, 0.125f}, {1, true, 0.125f},
			{-1, false, 0.125f}, {-1, true, 0.125f}}},
};

int tta_find(const char *text, const struct tta **t, struct cvt_err *e)
{
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(text ? text : "none", all[i].name) == 0) {
			*t = &all[i];
			return CVT_OK;
		}
	return cvt_fail(e, CVT_USAGE, "--tta %s: should be none, flip or flip+shift", text);
}

/* Where place i of n comes from: i - shift, reflected at the borders without repeating them. */
static size_t reflected(size_t i, int shift, size_t n)
{
	const long last = (long)n - 1, at = (long)i - shift;
	const long inside = at < 0 ? -at : at > last ? 2 * last - at : at;
	return inside < 0 || inside > last ? i : (size_t)inside;
}

void tta_make(const struct tta_version *v, const struct tensor *from, struct tensor *to)
{
	const size_t N = from->dims[0], H = from->dims[1], W = from->dims[2];
	const size_t pixel = tensor_row_bytes(from) / (H * W);
	char *y = to->data;
	for (size_t n = 0; n < N; n++)
		for (size_t h = 0; h < H; h++)
			for (size_t w = 0; w < W; w++, y += pixel) {
				const size_t column = v->mirror ? W - 1 - w : w;
				const size_t x = (n * H + reflected(h, v->shift, H)) * W
						 + reflected(column, v->shift, W);
				memcpy(y, (const char *)from->data + x * pixel, pixel);
			}
}
