/*
 * For the tests of the architecture language: a text built on inputs of its own, and one line a
 * check.
 */
#include "../../libcore/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void check(bool good, const char *format, ...) CVT_PRINTF(2, 3);

static void check(bool good, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)fputs(good ? "ok " : "not ok ", stdout);
	(void)vprintf(format, args);
	(void)putchar('\n');
	va_end(args);
	failures += !good;
}

/* A text built on its own inputs; a field without input line is a vector of 64, `label` a number. */
struct built {
	struct arch *arch;
	struct graph *graph;
	struct net net;
	size_t in[8], inputs;
	struct cvt_err e;
	int code;
};

struct how {
	const char *net, *prefix;
	double classes; /* 0 = nobody says */
	bool headless;
};

static int add_inputs(struct built *b, const char *net)
{
	for (b->inputs = 0; b->inputs < arch_net_inputs(b->arch, net); b->inputs++) {
		const char *field = arch_net_input(b->arch, net, b->inputs);
		struct shape row = {1, {64}};
		for (size_t i = 0; i < arch_inputs(b->arch); i++)
			if (strcmp(arch_input(b->arch, i)->field, field) == 0)
				row = arch_input(b->arch, i)->row;
		const bool label = strcmp(field, "label") == 0;
		if (label)
			row.ndim = 0;
		TRY(graph_input(
			b->graph, field, label ? DT_I4 : DT_F4, &row, &b->in[b->inputs], &b->e));
	}
	return CVT_OK;
}

static int build_on(struct built *b, const struct how *how)
{
	const struct net_spec s = {how->net, how->prefix, b->in, b->inputs, how->headless};
	return net_build(&b->net, b->graph, b->arch, &s, &b->e);
}

static int build_net(struct built *b, const struct how *how)
{
	if (how->classes > 0)
		TRY(arch_let(b->arch, "classes", how->classes, &b->e));
	TRY(graph_open(&b->graph, &b->e));
	TRY(add_inputs(b, how->net));
	return build_on(b, how);
}

static void build_text(struct built *b, const char *text, const struct how *how)
{
	*b = (struct built){0};
	b->code = arch_parse(&b->arch, "x", text, &b->e);
	if (b->code == CVT_OK)
		b->code = build_net(b, how);
}

static void close_built(struct built *b)
{
	net_free(&b->net);
	graph_close(b->graph);
	arch_free(b->arch);
}
