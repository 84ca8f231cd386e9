/*
 * net_names: the elements of a network by their paths, while it is built. Two elements may share a
 * path that nobody wrote (positions within nameless braces); then the named one, else the
 * outermost, else the latest is meant.
 */
#include "net_build.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a */
static size_t slot_of(const char *path)
{
	uint32_t h = 2166136261u;
	for (; *path; path++)
		h = (h ^ (unsigned char)*path) * 16777619u;
	return h % NET_SLOTS;
}

int net_names_open(struct net_builder *b)
{
	b->slot = mem_alloc(NET_SLOTS, sizeof *b->slot, b->e);
	if (!b->slot)
		return CVT_SYSTEM;
	for (size_t i = 0; i < NET_SLOTS; i++)
		b->slot[i] = GRAPH_NONE;
	return CVT_OK;
}

void net_names_cut(struct net_builder *b, size_t n)
{
	while (b->n > n) {
		struct net_element *el = &b->element[--b->n];
		b->slot[slot_of(el->path)] = el->before;
		free(el->path);
	}
}

void net_names_close(struct net_builder *b)
{
	net_names_cut(b, 0);
	free(b->element);
	free(b->slot);
}

const struct net_element *net_names_find(
	const struct net_builder *b, const struct net_frame *f, const char *path)
{
	const struct net_element *best = NULL;
	for (size_t i = b->slot[slot_of(path)]; i != GRAPH_NONE; i = b->element[i].before) {
		const struct net_element *el = &b->element[i];
		const bool hidden = i >= f->hide && i < f->unhide;
		if (!hidden && strcmp(el->path, path) == 0 && (!best || el->rank < best->rank))
			best = el;
	}
	return best;
}

int net_names_add(struct net_builder *b, const struct net_element *el)
{
	void *p = b->element;
	TRY(mem_grow(&p, &b->capacity, b->n + 1, sizeof *b->element, b->e));
	b->element = p;
	struct net_element *to = &b->element[b->n];
	*to = *el;
	to->path = mem_strdup(el->path, b->e);
	if (!to->path)
		return CVT_SYSTEM;
	size_t *slot = &b->slot[slot_of(to->path)];
	to->before = *slot;
	*slot = b->n++;
	return CVT_OK;
}

const struct net_element *net_names_outward(
	const struct net_builder *b, const struct net_frame *f, const char *path)
{
	struct str full = {0};
	const struct net_element *found = NULL;
	size_t scope = f->scope;
	for (bool root = false; !found && !root;) {
		root = scope == 0;
		full.n = 0;
		if (str_add(&full, b->path.p, scope, b->e) || (scope && str_puts(&full, ".", b->e))
			|| str_puts(&full, path, b->e))
			break;
		found = net_names_find(b, f, full.p);
		while (scope > 0 && b->path.p[--scope] != '.')
			;
	}
	free(full.p);
	return found;
}

/* The end of a path that says it best: "layer1.0" for layer9.0, "bn" for b. Inputs are no elements to
 * repeat. */
int net_names_unknown(
	const struct net_builder *b, struct arch_pos at, const char *mark, const char *path)
{
	const size_t inputs = *mark == '@' ? arch_net_inputs(b->arch, b->subnet->name) : 0;
	const char **word = mem_alloc(b->n + inputs, sizeof *word, b->e);
	if (!word)
		return CVT_SYSTEM;
	size_t n = 0;
	for (size_t i = 0; i < b->n; i++)
		word[n++] = b->element[i].path;
	for (size_t i = 0; i < inputs; i++)
		word[n++] = arch_net_input(b->arch, b->subnet->name, i);
	const size_t near = mem_nearest(path, word, n);
	char shown[ARCH_WORD], nearest[ARCH_WORD];
	arch_word(shown, path, strlen(path));
	if (near < n)
		arch_word(nearest, word[near], strlen(word[near]));
	const int code = near < n
				 ? arch_fail(b->arch, at, b->e,
					 "%s%s: no element of that name comes before; did you "
					 "mean '%s%s'?",
					 mark, shown, mark, nearest)
				 : arch_fail(b->arch, at, b->e,
					 "%s%s: no element of that name comes before", mark, shown);
	free(word);
	return code;
}

int net_names_publish(const struct net_builder *b)
{
	static const struct net_frame everywhere;
	struct net *net = b->net;
	void *p = NULL;
	TRY(mem_grow(&p, &net->capacity, b->n + 1, sizeof *net->stage, b->e));
	net->stage = p;
	for (size_t i = 0; i < b->n; i++) {
		const struct net_element *el = &b->element[i];
		if (net_names_find(b, &everywhere, el->path) != el)
			continue;
		char *path = mem_strdup(el->path, b->e);
		if (!path)
			return CVT_SYSTEM;
		net->stage[net->nstages++] = (struct net_stage){path, el->node};
	}
	return CVT_OK;
}
