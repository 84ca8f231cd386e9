/*
 * sdf: the outlines of the world's classes and of what hides them, as signed distance functions
 * (J. C. Hart, "Sphere tracing", 1996; the plane figures are folklore, collected by I. Quilez).
 * Near the outline they are distances; farther away some are lower bounds, which serves as well for
 * coverage, rims and shadows. All have a radius of about 1 and about equal areas; up is -y.
 */
#include "scene.h"

#include <math.h>

static float larger(float a, float b)
{
	return a > b ? a : b;
}

static float smaller(float a, float b)
{
	return a < b ? a : b;
}

static float length(float x, float y)
{
	return sqrtf(x * x + y * y);
}

static float box(float x, float y, float half_w, float half_h)
{
	const float dx = fabsf(x) - half_w, dy = fabsf(y) - half_h;
	const float outside = length(larger(dx, 0), larger(dy, 0));
	return outside + smaller(larger(dx, dy), 0);
}

static float circle(float x, float y)
{
	return length(x, y) - 0.86f;
}

static float square(float x, float y)
{
	return box(x, y, 0.74f, 0.74f);
}

/* Equilateral: three half planes at the same distance from the centre. */
static float triangle(float x, float y)
{
	y -= 0.14f;
	return larger(fabsf(x) * 0.8660254f - y * 0.5f, y) - 0.56f;
}

/* Beyond the line through the origin with that unit normal, the mirror image. */
static void fold(float *x, float *y, float nx, float ny)
{
	const float beyond = 2 * larger(*x * nx + *y * ny, 0);
	*x -= beyond * nx;
	*y -= beyond * ny;
}

/* Five tips: mirrors at 108 and 36 degrees fold the plane into a tenth, from the tip (0,1) to the
 * notch at 36 degrees. */
static float star(float x, float y)
{
	const float notch_x = 0.46f * 0.58778525f, notch_y = 0.46f * 0.80901699f;
	x = fabsf(x);
	y = -y;
	fold(&x, &y, -0.30901699f, -0.95105652f);
	fold(&x, &y, 0.80901699f, -0.58778525f);
	x = fabsf(x);
	const float ux = notch_x, uy = notch_y - 1;
	return ((y - 1) * ux - x * uy) / length(ux, uy);
}

static float cross(float x, float y)
{
	return smaller(box(x, y, 0.92f, 0.29f), box(x, y, 0.29f, 0.92f));
}

static float ring(float x, float y)
{
	return fabsf(length(x, y) - 0.68f) - 0.22f;
}

/* Two lobes over a rotated square; the tip points down. */
static float heart(float x, float y)
{
	x = fabsf(x) / 1.45f;
	y = (0.72f - y) / 1.45f;
	if (x + y > 1)
		return (length(x - 0.25f, y - 0.75f) - 0.35355339f) * 1.45f;
	const float up = length(x, y - 1), t = 0.5f * larger(x + y, 0);
	const float d = smaller(up, length(x - t, y - t));
	return x > y ? d * 1.45f : -d * 1.45f;
}

static float crescent(float x, float y)
{
	return larger(length(x, y) - 0.95f, 0.76f - length(x - 0.46f, y));
}

static float hexagon(float x, float y)
{
	x = fabsf(x);
	y = fabsf(y);
	return larger(x * 0.8660254f + y * 0.5f, y) - 0.8f;
}

static float arrow(float x, float y)
{
	const float head = larger(fabsf(x) * 0.70710678f - (y + 0.98f) * 0.70710678f, y + 0.1f);
	return smaller(head, box(x, y - 0.4f, 0.27f, 0.56f));
}

/* Long enough to leave the picture at both ends. */
static float bar(float x, float y)
{
	return fabsf(y) - 0.16f + 0 * x;
}

static float cloud(float x, float y)
{
	const float a = length(x + 0.4f, y + 0.1f) - 0.5f, b = length(x - 0.45f, y + 0.2f) - 0.42f;
	return smaller(smaller(a, b), length(x - 0.05f, y - 0.3f) - 0.46f);
}

static float stroke(float x, float y)
{
	return length(larger(fabsf(x) - 0.85f, 0), y) - 0.14f;
}

const char *const shapes_class[SHAPES_CLASSES] = {"circle", "square", "triangle", "star", "cross",
	"ring", "heart", "crescent", "hexagon", "arrow"};

sdf_function *const sdf_table[SDF_KINDS] = {circle, square, triangle, star, cross, ring, heart,
	crescent, hexagon, arrow, bar, cloud, stroke};
