/* --drop-path: the linear rule over the blocks of a network (nn/drop_path.h). */
#include "arch_built.h"

#include "../../libcore/nn/drop_path.h"

#include <math.h>

/* The probabilities of the drop-path layers under rate P, against P x (block) / (blocks - 1). */
static void check_rates(const char *name, size_t blocks, size_t branches)
{
	const double P = 0.3;
	const struct how how = {.classes = 10};
	struct built b = {0};
	size_t at = 0;
	b.code = arch_load(&b.arch, name, &b.e);
	if (b.code == CVT_OK)
		b.code = build_net(&b, &how);
	if (b.code == CVT_OK)
		b.code = drop_path_set(b.graph, P, &b.e);
	bool good = b.code == CVT_OK;
	for (size_t i = 0; good && i < b.graph->n; i++)
		if (strcmp(b.graph->node[i].op->name, "drop-path") == 0) {
			const size_t block = at++ / branches;
			const double want = P * (double)block / (double)(blocks - 1);
			good = fabs(b.graph->node[i].arg[0].a - want) < 1e-12;
		}
	check(good && at == blocks * branches, "%s: %zu blocks of %zu branches, from 0 to P %s",
		name, blocks, branches, b.e.text);
	close_built(&b);
}

static void check_text(const char *what, const char *text, double P, int code)
{
	const struct how how = {.classes = 10};
	struct built b;
	build_text(&b, text, &how);
	b.code = b.code == CVT_OK ? drop_path_set(b.graph, P, &b.e) : b.code;
	bool good = b.code == code;
	for (size_t i = 0; good && code == CVT_OK && i < b.graph->n; i++)
		if (strcmp(b.graph->node[i].op->name, "drop-path") == 0) {
			good = fabs(b.graph->node[i].arg[0].a - P) < 1e-12;
		}
	check(good, "%s", what);
	close_built(&b);
}

int main(void)
{
	static const char one[] = "input x 4\n{ linear 4 | drop-path 0.7 } | linear classes\n";
	check_rates("vit-tiny", 12, 2);
	check_rates("convnext-tiny", 18, 1);
	check_text("one block gets P itself", one, 0.2, CVT_OK);
	check_text("P 1 is refused", one, 1, CVT_USAGE);
	check_text(
		"and a network without such layers", "input x 4\nlinear classes\n", 0.2, CVT_USAGE);
	return failures != 0;
}
