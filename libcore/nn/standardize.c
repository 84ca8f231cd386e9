/* standardize: the first operation of a network on pictures: (v - mean) / std for each channel,
 * where v is x / 255 of bytes and x of floats (which are in 0..1). In this order, and in float, it
 * is to the bit what torchvision's ToTensor and Normalize give. */
#include "nn.h"

#include "../simd.h"

enum { MEAN, STD = 3 };
enum { BYTES = 256 };

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	const struct node *in = &g->node[n->in[0]];
	const size_t C = nn_last(&in->row);
	if (in->dtype != DT_U1 && in->dtype != DT_F4)
		return cvt_fail(e, CVT_INPUT, "standardize: takes u1 or f4 pictures, not %s",
			dtype_name(in->dtype));
	if (in->row.ndim == 0)
		return cvt_fail(e, CVT_INPUT, "standardize: takes pictures, not one number a row");
	if (C != 1 && C != 3)
		return cvt_fail(e, CVT_INPUT, "standardize: takes 1 or 3 channels, not %zu", C);
	for (size_t c = 0; c < C; c++)
		if (!(n->arg[STD + c].a > 0))
			return cvt_fail(e, CVT_USAGE, "standardize: std must be above 0, not %g",
				n->arg[STD + c].a);
	n->row = in->row;
	n->work_whole = C * BYTES;
	return CVT_OK;
}

static float standardized(const struct nn_io *io, size_t c, float v)
{
	return (v - (float)io->node->arg[MEAN + c].a) / (float)io->node->arg[STD + c].a;
}

/* There are only so many bytes: each has its value in a table. */
static void fill_table(const struct nn_io *io)
{
	for (size_t c = 0; c < nn_last(&io->node->row); c++)
		for (size_t v = 0; v < BYTES; v++)
			io->work[c * BYTES + v] = standardized(io, c, (float)v / 255);
}

static void forward_bytes(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t C = nn_last(&io->node->row);
	const uint8_t *x = nn_input(io, 0);
	(void)slot;
	simd()->channel_bytes(x + first * C, count, C, io->work, io->y + first * C);
}

static void forward_pixels(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t C = nn_last(&io->node->row);
	(void)slot;
	float mean_std[6];
	for (size_t c = 0; c < C; c++) {
		mean_std[c] = (float)io->node->arg[MEAN + c].a;
		mean_std[C + c] = (float)io->node->arg[STD + c].a;
	}
	simd()->channel_standard(io->x[0] + first * C, count, C, mean_std, io->y + first * C);
}

static void each_pixel(const struct nn_io *io, nn_range *work)
{
	nn_each(io, io->rows * nn_vectors(&io->node->row), nn_last(&io->node->row), work);
}

static void forward(const struct nn_io *io)
{
	const bool bytes = io->graph->node[io->node->in[0]].dtype == DT_U1;
	if (bytes)
		fill_table(io);
	each_pixel(io, bytes ? forward_bytes : forward_pixels);
}

static void backward_pixels(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t C = nn_last(&io->node->row);
	(void)slot;
	for (size_t c = 0; c < C; c++) {
		const float std = (float)io->node->arg[STD + c].a;
		for (size_t i = first * C + c; i < (first + count) * C; i += C)
			nn_put(&io->dx[0][i], io->dy[i] / std, io->add[0]);
	}
}

/* Bytes have no gradient; a generated picture has. */
static void backward(const struct nn_io *io)
{
	if (io->dx[0])
		each_pixel(io, backward_pixels);
}

const struct nn_op nn_standardize = {
	.name = "standardize",
	.help = "pictures as (x / 255 - mean) / std for each channel",
	.inputs = 1,
	.flags = NN_INPLACE,
	.arg = {{"mean0", 0.5, false, false, false, "of the first channel"},
		{"mean1", 0.5, false, false, false, "of the second"},
		{"mean2", 0.5, false, false, false, "of the third"},
		{"std0", 0.5, false, false, false, "of the first channel"},
		{"std1", 0.5, false, false, false, "of the second"},
		{"std2", 0.5, false, false, false, "of the third"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
