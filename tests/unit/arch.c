/*
 * The architecture language: names and shapes against lists that PyTorch wrote (golden/arch), the
 * published numbers of parameters, and what a text means: stages, sharing, heads.
 */
#include "arch_built.h"

static size_t count_params(const struct graph *g)
{
	size_t n = 0;
	for (size_t i = 0; i < g->nparams; i++)
		n += g->param[i].kind == PARAM_BUFFER ? 0 : g->param[i].items;
	return n;
}

/* ---- names, as PyTorch writes them ------------------------------------------------- */

static const struct reference {
	const char *name;
	double classes;
	size_t params; /* as published or printed by the network's own code */
} references[] = {
	{"resnet18", 10, 11173962},
	{"resnet50", 10, 23520842},
	{"densenet-small", 10, 310026},
	{"resnet20", 10, 269722},
	{"lenet5", 10, 61706},
	{"vgg11", 10, 9750922},
	{"inception-small", 10, 260650},
	{"vit-tiny", 10, 5362762},
	{"resnet34", 10, 21282122},
	{"resnet152", 10, 58156618},
	{"resnet18-imagenet", 1000, 11689512},
	{"resnet34-imagenet", 1000, 21797672},
	{"resnet50-imagenet", 1000, 25557032},
	{"resnet152-imagenet", 1000, 60192808},
	{"alexnet", 1000, 61100840},
	{"vgg11-imagenet", 1000, 132863336},
	{"vgg16", 1000, 138357544},
	{"googlenet", 1000, 13004888},
	{"wrn-16-4", 10, 2748890},
	{"wrn-28-10", 10, 36479194},
	{"densenet121", 1000, 7978856},
	{"efficientnet-b0", 1000, 5288548},
	{"mobilenet-v2", 1000, 3504872},
	{"convnext-tiny", 1000, 28589128},
	{"vit-small", 1000, 22050664},
	{"mlp-mixer", 1000, 59880472},
	{"airbench", 10, 1972792},
	{"tv-googlenet-3a", 0, 155872},
	{"tv-inception-6b", 0, 1297408},
	{"vit-tiny-imagenet", 1000, 5717416},
	{"preact-resnet", 10, 272250},
};

/* "conv1.weight 64,3,7,7" */
static void describe(const struct param *p, char *to, size_t size)
{
	size_t at = (size_t)snprintf(to, size, "%s ", p->name);
	for (int i = 0; i < p->ndim && at < size; i++)
		at += (size_t)snprintf(to + at, size - at, "%s%zu", i ? "," : "", p->dims[i]);
}

/* The first line that is not ours goes to `what`. (The order is ours: that of the text.) */
static bool same_names(const struct graph *g, FILE *names, char *what, size_t size)
{
	char line[256], ours[256];
	size_t lines = 0;
	for (; fgets(line, sizeof line, names); lines++) {
		line[strcspn(line, "\n")] = '\0';
		char name[256];
		(void)snprintf(name, sizeof name, "%.*s", (int)strcspn(line, " "), line);
		const size_t at = graph_find_param(g, name);
		(void)snprintf(what, size, "'%s' is missing", line);
		if (at == GRAPH_NONE)
			return false;
		describe(&g->param[at], ours, sizeof ours);
		(void)snprintf(what, size, "'%s' should be '%s'", ours, line);
		if (strcmp(ours, line) != 0)
			return false;
	}
	(void)snprintf(what, size, "%zu parameters instead of %zu", g->nparams, lines);
	return g->nparams == lines;
}

static void test_reference(const struct reference *r)
{
	char path[256], what[600] = "no list of names";
	struct built b = {0};
	(void)snprintf(path, sizeof path, "tests/golden/arch/%s.arch", r->name);
	FILE *own = fopen(path, "r");
	if (own)
		(void)fclose(own);
	b.code = arch_load(&b.arch, own ? path : r->name, &b.e);
	const struct how how = {.classes = r->classes};
	if (b.code == CVT_OK)
		b.code = build_net(&b, &how);
	check(b.code == CVT_OK, "%s builds %s", r->name, b.e.text);
	if (b.code == CVT_OK) {
		(void)snprintf(path, sizeof path, "tests/golden/arch/%s.names", r->name);
		FILE *names = fopen(path, "r");
		const bool same = names && same_names(b.graph, names, what, sizeof what);
		check(same, "%s has PyTorch's names and shapes%s%s", r->name, same ? "" : ": ",
			same ? "" : what);
		check(count_params(b.graph) == r->params, "%s has %zu parameters (%zu)", r->name,
			r->params, count_params(b.graph));
		if (names)
			(void)fclose(names);
	}
	close_built(&b);
}

/* The name of the text's first `net` statement, into name; "" = it has none. */
static void first_net(const char *text, char *name, size_t size)
{
	const char *net = strstr(text, "\nnet ");
	const char *word = net ? net + 5 : "";
	(void)snprintf(name, size, "%.*s", (int)strcspn(word, " \n"), word);
}

static void test_zoo(void)
{
	const char *before = "";
	for (const struct arch_zoo *z = arch_zoo; z->name; z++) {
		struct built b;
		char help[200], net[100];
		first_net(z->text, net, sizeof net);
		const struct how how = {.classes = 7, .net = *net ? net : NULL};
		build_text(&b, z->text, &how);
		check(b.code == CVT_OK && strcmp(before, z->name) < 0
				&& strlen(arch_zoo_help(z, help, sizeof help)) > 10,
			"the zoo's %s builds %s", z->name, b.e.text);
		before = z->name;
		close_built(&b);
	}
}

/* ---- what a text means ------------------------------------------------------------- */

/* Texts with the parameters they must have, joined by blanks. */
static const struct {
	const char *what, *text, *names;
} meanings[] = {
	{"positions are nn.Sequential's, lines go on",
		"linear 3 bias=0\nrelu | linear 3 bias=0\n# x\n\nrelu\nlinear 2 bias=0",
		"0.weight 2.weight 4.weight"},
	{"input, let and def take no position",
		"linear 3 bias=0\nlet a = 2\ndef m = relu\nlinear a bias=0", "0.weight 1.weight"},
	{"a group adds its level", "g: ( linear 3 bias=0 | ( linear 3 bias=0 ) )",
		"g.0.weight g.1.0.weight"},
	{"a macro call adds its level", "def m c = relu | linear c bias=0\nm 3 | x: m c=4",
		"0.1.weight x.1.weight"},
	{"a macro's own parentheses add none", "def m = ( fc: linear 3 bias=0 | relu )\nx: m",
		"x.fc.weight"},
	{"braces add none unless named",
		"{ a: linear 8 bias=0 | relu | linear 8 bias=0 } | b: { linear 8 bias=0 }",
		"a.weight 2.weight b.0.weight"},
	{"so do [ ] and operators",
		"[ a: linear 8 bias=0 , id ] | mul { b: linear 3 bias=0 , c: linear 3 bias=0 }",
		"a.weight b.weight c.weight"},
	{"@ takes a position", "a: linear 3 bias=0 | @a | linear 3 bias=0", "a.weight 2.weight"},
	{"counts are elements",
		"2 * linear 3 bias=0 | 0 * linear 9 | n%: relu | 2 * b%1: linear 3 bias=0 | c%7.x: "
		"linear 1 bias=0",
		"0.weight 1.weight b1.weight b2.weight c7.x.weight"},
	{"counts may be reckoned", "let n = 3\nn-1 * linear n*2/2 bias=0", "0.weight 1.weight"},
	{"dots in a name are levels", "a.b: ( c.0: linear 3 bias=0 )", "a.b.c.0.weight"},
	{"=PATH shares", "a: linear 8 bias=0 | relu | =a | g: ( linear 8 bias=0 | relu ) | x: =g",
		"a.weight g.0.weight"},
	{"defaults of macros",
		"def m a b=a*2 c=1 = linear a bias=0 | linear b bias=0 | linear c bias=0\nx: m 3 | "
		"m 4 c=2",
		"x.0.weight x.1.weight x.2.weight 1.0.weight 1.1.weight 1.2.weight"},
	{"a newline before | or , or ) is none",
		"def m = linear 3 bias=0\n | relu\nm\n| g: (\n\n a: linear 3 bias=0\n b: linear 3 "
		"bias=0\n )",
		"0.0.weight g.a.weight g.b.weight"},
	{"names that are statements elsewhere", "net: linear 3 bias=0 | relu\ndef: linear 3 bias=0",
		"net.weight def.weight"},
	{"a let from a let", "let a = 2\nlet b = a*2\nlinear b bias=0 | linear 1 bias=0",
		"0.weight 1.weight"},
	{"blanks are free", "x:linear 3 bias = 0|{y:linear 3 bias=0,id}", "x.weight y.weight"},
	{"a macro may be called as a layer is", "def relu = linear 3 bias=0\nrelu", "0.0.weight"},
};

static void test_meaning(const char *what, const char *text, const char *names)
{
	struct built b;
	struct str whole = {0}, have = {0};
	const struct how how = {0};
	struct cvt_err e;
	(void)str_printf(&whole, &e, "input image 8\r\n%s", text);
	build_text(&b, whole.p, &how);
	(void)str_puts(&have, "", &e);
	for (size_t i = 0; b.code == CVT_OK && i < b.graph->nparams; i++)
		(void)str_printf(&have, &e, "%s%s", i ? " " : "", b.graph->param[i].name);
	check(b.code == CVT_OK && strcmp(have.p, names) == 0, "%s %s%s", what, b.e.text,
		strcmp(have.p, names) == 0 ? "" : have.p);
	free(whole.p);
	free(have.p);
	close_built(&b);
}

/* The first number of the row of a stage, 0 if there is none. */
static size_t width(const struct built *b, const char *stage)
{
	size_t node;
	struct cvt_err e;
	if (b->code != CVT_OK || net_stage(&b->net, stage, &node, &e) != CVT_OK)
		return 0;
	return b->graph->node[node].row.dims[0];
}

static void test_stages(void)
{
	static const char text[] =
		"input image 8\ninput other 5\n"
		"a: linear 3 | g: ( b: linear 4 | linear 6 ) | { linear 6 }\n"
		"{ relu | x: relu | @g.b | linear 6 , @other | linear 6 | z: ( @b2 ) }";
	struct built b;
	const struct how how = {0};
	build_text(&b, text, &how);
	check(b.code == CVT_USAGE
			&& strstr(b.e.text, "x:4:63: @b2: no element of that name comes before"),
		"@ of what is not there: %s", b.e.text);
	close_built(&b);
	build_text(&b,
		"input image 8\ninput other 5\ng: ( b: linear 4 | c: ( @b | linear 6 ) )\n"
		"out: ( b: linear 7 | @b | d: @other | @g.b )",
		&how);
	check(width(&b, "g.b") == 4 && width(&b, "g") == 6 && width(&b, "g.c.1") == 6,
		"stages by their paths %s", b.e.text);
	check(width(&b, "out.b") == 7 && width(&b, "out.1") == 7,
		"@ looks outward, innermost first");
	check(width(&b, "out.d") == 5, "@ finds input fields");
	check(width(&b, "out") == 4 && width(&b, "output") == 4, "the last element is the output");
	check(width(&b, "embedding") == 6, "what enters the last linear layer is the embedding");
	struct cvt_err e;
	size_t node;
	const int code = net_stage(&b.net, "g.d", &node, &e);
	check(code == CVT_USAGE && strstr(e.text, "did you mean 'g.") != NULL, "%s", e.text);
	close_built(&b);
	build_text(&b,
		"input image 4\nx: ( a: linear 4 | b: linear 4 | { @a } ) | y: =x | { @x.a , @y }",
		&how);
	check(b.code == CVT_OK && b.graph->nparams == 4 && width(&b, "x.a") == 4
			&& width(&b, "y.a") == 0,
		"=PATH sees its own elements, and leaves the first ones %s", b.e.text);
	close_built(&b);
}

static void test_heads(void)
{
	static const char named[] =
		"input image 8\nlinear 5 | embedding: relu | linear 6 | linear classes";
	static const char nameless[] =
		"input image 8\nlinear 5 | relu | head: ( linear 6 | relu | linear classes )";
	const struct how whole = {.classes = 3}, none = {0}, headless = {.headless = true};
	struct built b;
	build_text(&b, named, &whole);
	check(width(&b, "embedding") == 5 && width(&b, "output") == 3, "the stage embedding %s",
		b.e.text);
	close_built(&b);
	build_text(&b, named, &headless);
	check(b.graph->nparams == 2 && width(&b, "embedding") == 5 && width(&b, "output") == 5,
		"headless ends with the stage embedding, and needs no classes %s", b.e.text);
	close_built(&b);
	build_text(&b, nameless, &headless);
	check(b.graph->nparams == 4 && width(&b, "embedding") == 6 && width(&b, "output") == 6,
		"else before the last linear layer %s", b.e.text);
	close_built(&b);
	build_text(&b, nameless, &none);
	check(b.code == CVT_USAGE && strstr(b.e.text, "x:2:52: nobody says how many classes")
			&& strstr(b.e.text, "--num-classes"),
		"%s", b.e.text);
	close_built(&b);
}

static void test_sharing(void)
{
	struct built b;
	const struct how one = {0}, two = {.prefix = "teacher."};
	build_text(&b, "input image 8\nbn | fc: linear 4", &one);
	struct net first = b.net;
	check(b.code == CVT_OK && first.first_param == 0 && first.end_param == 6,
		"a network's parameters");
	b.code = build_on(&b, &one);
	check(b.code == CVT_OK && b.graph->nparams == 6 && b.net.output != first.output,
		"built again it shares them %s", b.e.text);
	net_free(&b.net);
	b.code = build_on(&b, &two);
	check(b.code == CVT_OK && b.graph->nparams == 12
			&& graph_find_param(b.graph, "teacher.fc.weight") == 10
			&& b.net.first_param == 6 && b.graph->param[0].net == 0
			&& b.graph->param[11].net == 1 && width(&b, "fc") == 4,
		"under a prefix it has its own %s", b.e.text);
	net_free(&first);
	close_built(&b);
}

static void test_nets(void)
{
	static const char text[] = "input z 6\ninput image 9\nnet gen z\nlinear 9\n"
				   "net dis image\nlinear 1 | @image\nnet pro embedding\nlinear 4";
	struct built b;
	const struct how gen = {.net = "gen"}, dis = {.net = "dis"}, pro = {.net = "pro"},
			 none = {0}, dsi = {.net = "dsi"};
	build_text(&b, text, &gen);
	check(b.code == CVT_OK && b.inputs == 1
			&& strcmp(b.graph->param[0].name, "gen.0.weight") == 0
			&& arch_nets(b.arch) == 3 && !arch_has_main(b.arch),
		"net NAME FIELD %s", b.e.text);
	close_built(&b);
	build_text(&b, text, &dis);
	check(width(&b, "output") == 9 && width(&b, "0") == 1, "another one %s", b.e.text);
	close_built(&b);
	build_text(&b, text, &pro);
	check(width(&b, "output") == 4, "a field without input line %s", b.e.text);
	close_built(&b);
	build_text(&b, text, &none);
	check(b.code == CVT_USAGE, "%s", b.e.text);
	close_built(&b);
	build_text(&b, text, &dsi);
	check(b.code == CVT_USAGE && strstr(b.e.text, "'dis'"), "%s", b.e.text);
	close_built(&b);
}

static void test_overrides(void)
{
	struct arch *a = NULL;
	struct cvt_err e = {0};
	struct str out = {0};
	int code = arch_parse(&a, "x",
		"let w = 16 # width\nlet d = w*2\ninput image w 32 3 # size\nlinear d", &e);
	const struct shape other = {3, {28, 28, 1}};
	if (code == CVT_OK)
		code = arch_let(a, "w", 8, &e);
	check(code == CVT_OK && arch_input(a, 0)->row.dims[0] == 8,
		"a let of the program goes into inputs %s", e.text);
	if (code == CVT_OK)
		code = arch_set_input(a, "image", &other, &e);
	if (code == CVT_OK)
		code = arch_let(a, "classes", 10, &e);
	if (code == CVT_OK)
		code = arch_export(a, &out, &e);
	check(code == CVT_OK
			&& strcmp(out.p, "let classes = 10\nlet w = 8 # width\nlet d = w*2\ninput "
					 "image 28 28 1 # size\nlinear d")
				   == 0,
		"a model's text says what the program said %s", e.text);
	check(code == CVT_OK && arch_set_input(a, "imag", &other, &e) == CVT_USAGE, "%s", e.text);
	free(out.p);
	arch_free(a);
}

static void test_pictures(void)
{
	static const struct shape small = {3, {8, 8, 3}}, grey = {3, {32, 32, 1}};
	struct built b = {0};
	const struct how how = {.classes = 10};
	b.code = arch_load(&b.arch, "vgg11", &b.e);
	if (b.code == CVT_OK && arch_set_input(b.arch, "image", &small, &b.e) == CVT_OK)
		b.code = build_net(&b, &how);
	check(b.code == CVT_INPUT && strstr(b.e.text, "vgg11:7:")
			&& strstr(b.e.text, "cv-augment resize=32,32"),
		"%s", b.e.text);
	close_built(&b);
	b = (struct built){0};
	b.code = arch_load(&b.arch, "vgg11", &b.e);
	if (b.code == CVT_OK && graph_open(&b.graph, &b.e) == CVT_OK
		&& graph_input(b.graph, "image", DT_F4, &grey, &b.in[0], &b.e) == CVT_OK) {
		b.inputs = 1;
		b.code = build_on(&b, &how);
	}
	check(b.code == CVT_INPUT && strstr(b.e.text, "cv-read --channels 3"), "%s", b.e.text);
	close_built(&b);
}

int main(void)
{
	for (size_t i = 0; i < sizeof references / sizeof *references; i++)
		test_reference(&references[i]);
	test_zoo();
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		test_meaning(meanings[i].what, meanings[i].text, meanings[i].names);
	test_stages();
	test_heads();
	test_sharing();
	test_nets();
	test_overrides();
	test_pictures();
	return failures > 0;
}
