/* reorder: where flatten and reshape only rename memory, and where they move it. */
#include "../../libcore/nn/reorder.h"

#include <stdio.h>

static const struct {
	struct shape from, to;
	bool view;
} cases[] = {
	{{3, {28, 28, 1}}, {1, {784}}, true},
	{{1, {784}}, {3, {28, 28, 1}}, true},
	{{3, {1, 1, 64}}, {1, {64}}, true},
	{{3, {28, 28, 1}}, {3, {1, 1, 784}}, true},
	{{3, {4, 8, 2}}, {3, {8, 4, 2}}, true},
	{{3, {4, 4, 2}}, {1, {32}}, false},
	{{1, {32}}, {3, {4, 4, 2}}, false},
	{{3, {2, 2, 4}}, {3, {4, 2, 2}}, false},
	{{3, {28, 28, 1}}, {3, {14, 28, 2}}, false},
};

int main(void)
{
	int failures = 0;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char from[100], to[100];
		const bool good = reorder_is_view(&cases[i].from, &cases[i].to) == cases[i].view;
		printf("%s %s to %s: %s\n", good ? "ok" : "not ok",
			shape_text(&cases[i].from, from, sizeof from),
			shape_text(&cases[i].to, to, sizeof to),
			cases[i].view ? "the same memory" : "another order");
		failures += !good;
	}
	return failures != 0;
}
