/* scale: each channel times a learned number, gamma (layer scale: Touvron et al., "Going deeper
 * with image transformers", 2021, who start it at 1e-5). An element called gamma is the parameter. */
#include "nn.h"

#include "../simd.h"

#include <string.h>

/* timm's LayerScale is a module that has a gamma, ConvNeXt's block has the gamma itself. */
static const char *leaf(const char *path)
{
	const size_t n = strlen(path);
	return n >= 5 && strcmp(path + n - 5, "gamma") == 0 ? "" : "gamma";
}

static int shape(struct graph *g, struct node *n, struct cvt_err *e)
{
	TRY(nn_like_input(g, n, e));
	const size_t C = nn_last(&n->row);
	n->work_whole = NN_PARTS * C;
	return graph_param(
		g, n, leaf(n->path), PARAM_BIAS, LAYOUT_PLAIN, 1, &C, INIT_VALUE, n->arg[0].a, e);
}

static size_t vectors(const struct nn_io *io)
{
	return io->rows * nn_vectors(&io->node->row);
}

static void forward_vectors(const struct nn_io *io, size_t first, size_t count, size_t slot)
{
	const size_t C = nn_last(&io->node->row);
	(void)slot;
	for (size_t v = first; v < first + count; v++)
		simd()->mul(io->x[0] + v * C, io->w[0], io->y + v * C, C, false);
}

static void forward(const struct nn_io *io)
{
	nn_each(io, vectors(io), nn_last(&io->node->row), forward_vectors);
}

/* The sum comes first: dx may lie in dy's memory. */
static void backward_vectors(const struct nn_io *io, size_t first, size_t count, size_t part)
{
	const size_t C = nn_last(&io->node->row);
	float *sum = io->work + part * C;
	memset(sum, 0, C * sizeof *sum);
	for (size_t v = first; v < first + count; v++) {
		const float *dy = io->dy + v * C;
		if (io->dw[0])
			simd()->mul(io->x[0] + v * C, dy, sum, C, true);
		if (io->dx[0])
			simd()->mul(dy, io->w[0], io->dx[0] + v * C, C, io->add[0]);
	}
}

static void backward(const struct nn_io *io)
{
	const size_t C = nn_last(&io->node->row);
	const size_t parts = nn_parts(io, vectors(io), backward_vectors);
	if (io->dw[0])
		nn_add_parts(io->dw[0], io->work, parts, C, C);
}

const struct nn_op nn_scale = {
	.name = "scale",
	.help = "each channel times a learned number",
	.inputs = 1,
	.flags = NN_BACK_X | NN_INPLACE | NN_AGAIN,
	.arg = {{"init", 1, false, true, false, "where they start"}},
	.shape = shape,
	.forward = forward,
	.backward = backward,
};
