/*
 * again: values that backward reads but that are not kept until then: they give up their memory after
 * their last reader of forward, and are computed a second time just before the first backward that reads
 * them (Chen et al., "Training deep nets with sublinear memory cost", 2016), but only what costs little
 * (NN_AGAIN) and from what is there anyway: a norm and a relu behind a convolution from its output (Rota
 * Bulo et al., "In-place activated BatchNorm", 2018), a block's sum from these and the block before.
 *
 * The graph and the spec alone decide, and the second time gives the same bits, so no result depends on
 * it. What is computed again stays until backward has read it last.
 */
#include "plan.h"

/* A plan that would give up fewer floats than these keeps them: what is gained is not worth the time. */
enum { LEAST = 1 << 25 };

/* ---- which ------------------------------------------------------------------------- */

static void mark_heads(struct plan *p, const struct plan_spec *s)
{
	for (size_t i = 0; i < p->nodes; i++)
		p->slot[i].head =
			p->slot[i].used && plan_is_view(p, i) ? p->slot[plan_viewed(p, i)].head : i;
	for (size_t i = 0; i < s->nkeep; i++)
		p->slot[p->slot[s->keep[i]].head].kept = true;
}

/* Readers come from the last to the first, as in backward: the first that is noted stands. */
static void want(struct plan *p, size_t node, size_t reader)
{
	struct slot *t = &p->slot[p->slot[node].head];
	if (t->wanted == GRAPH_NONE || t->wanted < reader)
		t->wanted = reader;
}

static void mark_wanted(struct plan *p)
{
	for (size_t i = p->nodes; i-- > 0;) {
		const struct node *n = &p->graph->node[i];
		const unsigned flags = p->slot[i].back ? plan_flags(p, i) : 0;
		if (flags & NN_BACK_Y)
			want(p, i, i);
		for (size_t k = 0; k < n->nin && (flags & NN_BACK_X); k++)
			want(p, n->in[k], i);
	}
}

/* Can backward compute the value of node i from what it has, or can have in the same way? Inputs come
 * before it, so that `twice` says that of them. */
static bool can_again(const struct plan *p, size_t i)
{
	const struct node *n = &p->graph->node[i];
	const struct slot *t = &p->slot[i];
	bool can = t->used && t->head == i && !t->kept && n->nin > 0 && n->dtype == DT_F4
		   && (plan_flags(p, i) & NN_AGAIN);
	for (size_t k = 0; k < n->nin && can; k++) {
		const size_t head = p->slot[n->in[k]].head;
		const struct slot *in = &p->slot[head];
		const bool bound = !p->graph->node[head].op->forward;
		can = bound || in->kept || in->twice || in->wanted != GRAPH_NONE;
	}
	return can;
}

/* `twice` of what can be computed again becomes that of what must be: what backward reads, and what that
 * is computed from. Returns the floats that backward reads. */
static size_t choose(struct plan *p)
{
	size_t floats = 0;
	for (size_t i = 0; i < p->nodes; i++) {
		struct slot *t = &p->slot[i];
		const struct node *n = &p->graph->node[i];
		t->twice = can_again(p, i);
		if (t->twice && t->wanted != GRAPH_NONE)
			floats += p->rows * n->mult * shape_items(&n->row);
	}
	for (size_t i = p->nodes; i-- > 0;) {
		struct slot *t = &p->slot[i];
		const struct node *n = &p->graph->node[i];
		t->twice = t->twice && t->wanted != GRAPH_NONE;
		for (size_t k = 0; k < n->nin && t->twice; k++)
			want(p, n->in[k], t->wanted);
	}
	return floats;
}

/* ---- when -------------------------------------------------------------------------- */

/* Before each backward, what is wanted there, in the order of forward. */
static void list_again(struct plan *p)
{
	for (size_t i = p->nodes; i-- > 0;) {
		struct slot *t = &p->slot[i];
		if (!t->twice)
			continue;
		t->next_again = p->slot[t->wanted].first_again;
		p->slot[t->wanted].first_again = i;
	}
}

static void take_turn(struct plan *p, size_t node, enum pass pass)
{
	p->slot[node].time[pass] = p->steps + p->turns;
	p->turn[p->turns++] = (struct turn){node, pass};
}

void plan_take_turns(struct plan *p, const struct plan_spec *s)
{
	mark_heads(p, s);
	if (s->loss != GRAPH_NONE && s->again != AGAIN_NEVER) {
		mark_wanted(p);
		const bool pays = choose(p) >= LEAST || s->again == AGAIN_ALWAYS;
		for (size_t i = 0; i < p->nodes; i++)
			p->slot[i].twice = p->slot[i].twice && pays;
	}
	list_again(p);
	for (size_t i = 0; i < p->nodes; i++) { /* of a view as of what it views */
		p->slot[i].twice = p->slot[p->slot[i].head].twice;
		p->slot[i].time[PASS_FORWARD] = p->slot[i].step;
	}
	for (size_t i = p->nodes; i-- > 0;) {
		if (!p->slot[i].back)
			continue;
		for (size_t k = p->slot[i].first_again; k != GRAPH_NONE; k = p->slot[k].next_again)
			take_turn(p, k, PASS_AGAIN);
		take_turn(p, i, PASS_BACKWARD);
	}
}
