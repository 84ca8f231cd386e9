/* trainer_load: weights and teachers from files (see trainer.h). */
#include "../../formats/safetensors.h"
#include "trainer.h"

#include <stdlib.h>
#include <string.h>

int trainer_read_weights(struct trainer *t, struct cvt_err *e)
{
	t->dict = mem_alloc(t->o.weights.n, sizeof *t->dict, e);
	if (!t->dict)
		return CVT_SYSTEM;
	for (; t->ndicts < t->o.weights.n; t->ndicts++) {
		char stage[256];
		const char *file =
			network_weights_file(t->o.weights.item[t->ndicts], stage, sizeof stage);
		TRY(safetensors_read(file, &t->dict[t->ndicts], e));
		if (t->ndicts == 0 && !*stage
			&& model_info_read(&t->info, &t->dict[0], e) != CVT_OK)
			return cvt_fail_at(e, "%s", file);
		const char *history = state_meta(&t->dict[t->ndicts], "cv.history");
		if (history)
			TRY(network_history_head(history, 1, &t->history, e));
	}
	return CVT_OK;
}

/* The range of parameters under a stage. */
static void range_of(const struct graph *g, const char *stage, size_t *first, size_t *end)
{
	while (*stage && *first < *end && !name_has_prefix(g->param[*first].name, stage))
		++*first;
	while (*stage && *end > *first && !name_has_prefix(g->param[*end - 1].name, stage))
		--*end;
}

/* The end of what a model file of this method holds: further networks (a discriminator, a projector)
 * are there with --keep-all only. */
static size_t kept_end(const struct trainer *t)
{
	const struct learner *l = t->learner;
	size_t last = 0;
	while (last + 1 < l->kept && last + 1 < l->nnets)
		last++;
	return trainer_old_params(t, l->net[0].net.first_param, l->net[last].net.end_param);
}

static int load_one(struct trainer *t, size_t i, struct cvt_err *e)
{
	const struct net *net = &t->learner->net[0].net;
	struct graph *g = t->learner->graph;
	char stage[256], prefix[260];
	const char *file = network_weights_file(t->o.weights.item[i], stage, sizeof stage);
	struct model_load l = {.source = file,
		.partial = t->o.partial,
		.skip_head = t->o.reset_head && !*stage,
		.head_param = net_head_param(net, g),
		.first_param = *stage ? 0 : net->first_param,
		.end_param = *stage ? g->nparams : kept_end(t),
		.extra_end = *stage ? 0 : g->nparams,
		.filled = t->loaded};
	range_of(g, stage, &l.first_param, &l.end_param);
	if (l.first_param == l.end_param)
		return cvt_fail(e, CVT_USAGE, "--weights %s: the network has no stage of that name",
			t->o.weights.item[i]);
	(void)snprintf(prefix, sizeof prefix, "%s.", stage);
	l.prefix = *stage ? prefix : NULL;
	return model_load(g, &t->dict[i], &l, NULL, e);
}

int trainer_check_weights(struct trainer *t, struct cvt_err *e)
{
	t->loaded = mem_alloc(t->learner->graph->nparams, sizeof *t->loaded, e);
	if (!t->loaded)
		return CVT_SYSTEM;
	for (size_t i = 0; i < t->ndicts; i++)
		TRY(load_one(t, i, e));
	return CVT_OK;
}

int trainer_load_weights(struct trainer *t, struct cvt_err *e)
{
	for (size_t i = 0; i < t->ndicts; i++) {
		TRY(load_one(t, i, e));
		state_free(&t->dict[i]);
	}
	return CVT_OK;
}

/* Our K outputs to the teacher's, by their classes' names where both have names. */
static int match_teacher(
	struct trainer *t, const struct network *n, size_t K, size_t **order, struct cvt_err *e)
{
	struct head ours, theirs;
	int32_t *map = NULL;
	*order = mem_alloc(K, sizeof **order, e);
	if (!*order)
		return CVT_SYSTEM;
	for (size_t k = 0; k < K; k++)
		(*order)[k] = k;
	if (!n->info.classes || !t->info.classes || t->o.by_number)
		return CVT_OK;
	head_init(&ours);
	head_init(&theirs);
	int code = network_classes_head(t->info.classes, &ours, e);
	if (code == CVT_OK)
		code = network_classes_head(n->info.classes, &theirs, e);
	const struct head_classes *a = head_classes(&ours, "label");
	const struct head_classes *b = head_classes(&theirs, "label");
	if (code == CVT_OK && a && b)
		code = head_match_classes(a, b, &map, e);
	for (size_t k = 0; map && k < a->n && k < K; k++)
		(*order)[k] = (size_t)map[k];
	free(map);
	head_free(&ours);
	head_free(&theirs);
	return code;
}

int trainer_teacher(void *context, const char *file, size_t K, struct graph **g, size_t *input,
	size_t *output, size_t **order, struct cvt_err *e)
{
	struct trainer *t = context;
	struct network n;
	const char *item[1] = {file};
	const struct cli_many one = {.item = item, .n = 1};
	const struct network_choice choice = {.weights = &one,
		.arch = t->o.teacher_arch,
		.teacher = true,
		.max_memory = t->o.common.network_memory};
	TRY(network_open(&n, &choice, &t->head, e));
	int code = n.others ? cvt_fail(
			   e, CVT_INPUT, "reads %zu fields; a teacher reads one", 1 + n.others)
			    : match_teacher(t, &n, K, order, e);
	if (code == CVT_OK && n.info.history)
		code = network_history_head(n.info.history, 1, &t->history, e);
	if (code != CVT_OK) {
		network_close(&n);
		return cvt_fail_at(e, "%s", file);
	}
	*g = n.graph;
	*input = n.input;
	*output = n.net.output;
	n.graph = NULL;
	if (t->teachers < TRAINER_TEACHERS)
		t->teacher_arch[t->teachers++] = n.arch;
	n.arch = NULL;
	network_close(&n);
	return CVT_OK;
}
