/* arch: the owner of a parsed architecture text, its arena, and the way in (see arch.h). */
#include "arch_ast.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- memory ------------------------------------------------------------------------ */

struct arch_block {
	struct arch_block *next;
	size_t used, size;
	_Alignas(16) char bytes[];
};

void *arch_alloc(struct arch *a, size_t bytes, struct cvt_err *e)
{
	enum { BLOCK = 16 * 1024 };
	struct arch_block *b = a->blocks;
	const size_t need = (bytes + 15) / 16 * 16;
	if (!b || b->size - b->used < need) {
		const size_t size = need > BLOCK ? need : BLOCK;
		b = calloc(1, sizeof *b + size);
		if (!b) {
			cvt_fail(e, CVT_SYSTEM, "out of memory for an architecture");
			return NULL;
		}
		b->size = size;
		b->next = a->blocks;
		a->blocks = b;
	}
	b->used += need;
	return b->bytes + b->used - need;
}

char *arch_copy(struct arch *a, const char *text, size_t n, struct cvt_err *e)
{
	char *p = arch_alloc(a, n + 1, e);
	if (p)
		memcpy(p, text, n);
	return p;
}

void arch_free(struct arch *a)
{
	if (!a)
		return;
	for (struct arch_block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a->input);
	free(a->let);
	free(a->macro);
	free(a->net);
	free(a);
}

/* ---- messages ---------------------------------------------------------------------- */

int arch_fail(const struct arch *a, struct arch_pos at, struct cvt_err *e, const char *format, ...)
{
	if (!e)
		return CVT_USAGE;
	va_list args;
	va_start(args, format);
	e->code = CVT_USAGE;
	e->upstream = false;
	(void)vsnprintf(e->text, sizeof e->text, format, args);
	va_end(args);
	return cvt_fail_at(e, "%s:%u:%u", a->source, at.line, at.col);
}

char *arch_word(char to[ARCH_WORD], const char *text, size_t n)
{
	enum { MOST = 36 };
	char cut[MOST + 4];
	(void)snprintf(
		cut, sizeof cut, "%.*s%s", (int)(n < MOST ? n : MOST), text, n > MOST ? "..." : "");
	return mem_printable(to, ARCH_WORD, cut);
}

/* ---- parsing ----------------------------------------------------------------------- */

/* Some editors begin UTF-8 with a mark. It is no part of the text, before which a model's may get a
 * line. */
static const char *without_mark(const char *text)
{
	return text + (strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
}

static int fill(struct arch *a, const char *source, const char *marked, struct cvt_err *e)
{
	const char *text = without_mark(marked);
	const size_t size = strlen(text);
	char name[256];
	mem_printable(name, sizeof name, source);
	if (size > ARCH_BYTES)
		return cvt_fail(
			e, CVT_USAGE, "%s: an architecture has at most %d bytes", name, ARCH_BYTES);
	a->source = arch_copy(a, name, strlen(name), e);
	a->text = arch_copy(a, text, size, e);
	if (!a->source || !a->text)
		return CVT_SYSTEM;
	TRY(arch_parse_text(a, e));
	return arch_settle(a, e);
}

int arch_parse(struct arch **a, const char *source, const char *text, struct cvt_err *e)
{
	*a = mem_alloc(1, sizeof **a, e);
	if (!*a)
		return CVT_SYSTEM;
	const int code = fill(*a, source, text, e);
	if (code != CVT_OK) {
		arch_free(*a);
		*a = NULL;
	}
	return code;
}

/* ---- files ------------------------------------------------------------------------- */

/* All of a file, with a NUL behind it; a little more than ARCH_BYTES at the most. */
static int read_all(int fd, const char *name, struct str *text, struct cvt_err *e)
{
	char part[4096];
	TRY(str_add(text, "", 0, e));
	while (text->n <= ARCH_BYTES) {
		const ssize_t n = read(fd, part, sizeof part);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cvt_fail_errno(e, "%s: cannot be read", name);
		if (n == 0)
			break;
		TRY(str_add(text, part, (size_t)n, e));
	}
	return CVT_OK;
}

/* A text has no NUL bytes; the line helps to find it. */
static int check_text(const struct str *text, const char *name, struct cvt_err *e)
{
	const char *nul = memchr(text->p, '\0', text->n);
	if (!nul)
		return CVT_OK;
	size_t line = 1;
	const char *start = text->p;
	for (const char *p = text->p; p < nul; p++)
		if (*p == '\n') {
			line++;
			start = p + 1;
		}
	return cvt_fail(e, CVT_USAGE, "%s:%zu:%zu: a zero byte; this is no architecture text", name,
		line, (size_t)(nul - start) + 1);
}

static int unknown(const char *name, const char *shown, struct cvt_err *e)
{
	const char *word[256];
	size_t n = 0;
	while (n < 256 && arch_zoo[n].name) {
		word[n] = arch_zoo[n].name;
		n++;
	}
	if (!*name)
		return cvt_fail(
			e, CVT_USAGE, "an architecture without a name; is a variable not set?");
	const size_t near = mem_nearest(name, word, n);
	if (near < n)
		return cvt_fail(e, CVT_USAGE,
			"%s: neither a known architecture nor a file; did you mean '%s'?", shown,
			word[near]);
	return cvt_fail(e, CVT_USAGE,
		"%s: neither a known architecture nor a file; --list names the known ones", shown);
}

static int load_file(struct arch **a, const char *path, struct cvt_err *e)
{
	char name[256];
	mem_printable(name, sizeof name, path);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return unknown(path, name, e);
	if (fd < 0)
		return cvt_fail_errno(e, "%s: cannot be opened", name);
	struct str text = {0};
	int code = read_all(fd, name, &text, e);
	(void)close(fd); /* nothing was written */
	if (code == CVT_OK)
		code = check_text(&text, name, e);
	if (code == CVT_OK)
		code = arch_parse(a, path, text.p, e);
	free(text.p);
	return code;
}

int arch_load(struct arch **a, const char *name, struct cvt_err *e)
{
	*a = NULL;
	for (const struct arch_zoo *z = arch_zoo; z->name; z++)
		if (strcmp(z->name, name) == 0)
			return arch_parse(a, z->name, z->text, e);
	return load_file(a, name, e);
}

char *arch_zoo_help(const struct arch_zoo *z, char *to, size_t size)
{
	const char *p = z->text + strspn(z->text, "# ");
	(void)snprintf(to, size, "%.*s", (int)strcspn(p, "\n"), p);
	return to;
}

/* ---- what is in it ----------------------------------------------------------------- */

const char *arch_source(const struct arch *a)
{
	return a->source;
}

const char *arch_text(const struct arch *a)
{
	return a->text;
}

size_t arch_inputs(const struct arch *a)
{
	return a->inputs;
}

const struct arch_input *arch_input(const struct arch *a, size_t i)
{
	return &a->input[i].input;
}

size_t arch_nets(const struct arch *a)
{
	return a->nets - 1;
}

const char *arch_net(const struct arch *a, size_t i)
{
	return a->net[i + 1].name;
}

bool arch_has_main(const struct arch *a)
{
	return a->net[0].pipe.first != NULL;
}

const struct arch_subnet *arch_subnet(const struct arch *a, const char *name)
{
	if (!name)
		return &a->net[0];
	for (size_t i = 1; i < a->nets; i++)
		if (strcmp(a->net[i].name, name) == 0)
			return &a->net[i];
	return NULL;
}

size_t arch_net_inputs(const struct arch *a, const char *net)
{
	const struct arch_subnet *n = arch_subnet(a, net);
	return n && n->fields ? n->fields : a->inputs;
}

const char *arch_net_input(const struct arch *a, const char *net, size_t i)
{
	const struct arch_subnet *n = arch_subnet(a, net);
	if (!n || !n->fields)
		return a->input[i].input.field;
	const struct arch_arg *field = n->field;
	while (i--)
		field = field->next;
	return field->key;
}

const struct arch_macro *arch_macro(const struct arch *a, const char *name)
{
	for (size_t i = 0; i < a->macros; i++)
		if (strcmp(a->macro[i].name, name) == 0)
			return &a->macro[i];
	return NULL;
}

struct arch_constant *arch_constant(const struct arch *a, const char *name)
{
	for (size_t i = 0; i < a->lets; i++)
		if (strcmp(a->let[i].name, name) == 0)
			return &a->let[i];
	return NULL;
}

struct arch_field *arch_field(const struct arch *a, const char *name)
{
	for (size_t i = 0; i < a->inputs; i++)
		if (strcmp(a->input[i].input.field, name) == 0)
			return &a->input[i];
	return NULL;
}

/* ---- what the program says --------------------------------------------------------- */

static int add_let(struct arch *a, const char *name, struct arch_constant **let, struct cvt_err *e)
{
	void *list = a->let;
	if (a->lets >= ARCH_NAMES)
		return cvt_fail(e, CVT_USAGE, "%s: more than %d names", a->source, ARCH_NAMES);
	TRY(mem_grow(&list, &a->lets_capacity, a->lets + 1, sizeof *a->let, e));
	a->let = list;
	const char *copy = arch_copy(a, name, strlen(name), e);
	if (!copy)
		return CVT_SYSTEM;
	*let = &a->let[a->lets++];
	**let = (struct arch_constant){.name = copy};
	return CVT_OK;
}

int arch_let(struct arch *a, const char *name, double value, struct cvt_err *e)
{
	struct arch_constant *let = arch_constant(a, name);
	if (!let)
		TRY(add_let(a, name, &let, e));
	let->given = true;
	let->now = (struct nn_value){value, value, NULL, true};
	return arch_settle(a, e);
}

bool arch_lets(const struct arch *a, const char *name)
{
	return arch_constant(a, name) != NULL;
}

bool arch_let_given(const struct arch *a, const char *name)
{
	const struct arch_constant *let = arch_constant(a, name);
	return let && let->given;
}

bool arch_let_value(const struct arch *a, const char *name, double *value)
{
	const struct arch_constant *let = arch_constant(a, name);
	if (!let || !(let->known || let->given))
		return false;
	*value = let->now.a;
	return true;
}

int arch_set_input(struct arch *a, const char *field, const struct shape *row, struct cvt_err *e)
{
	struct arch_field *f = arch_field(a, field);
	if (!f)
		return cvt_fail(e, CVT_USAGE, "%s: has no input '%s'", a->source, field);
	f->input.row = *row;
	f->given = true;
	return CVT_OK;
}

/* One place of the text that the program's word replaces. */
struct change {
	size_t at, end;
	char text[120];
};

static int add_change(struct change **list, size_t *n, size_t *capacity, const struct change *c,
	struct cvt_err *e)
{
	void *p = *list;
	TRY(mem_grow(&p, capacity, *n + 1, sizeof **list, e));
	*list = p;
	(*list)[(*n)++] = *c;
	return CVT_OK;
}

static int compare_changes(const void *a, const void *b)
{
	const struct change *x = a, *y = b;
	return x->at < y->at ? -1 : x->at > y->at ? 1 : strcmp(x->text, y->text);
}

static void let_change(const struct arch_constant *let, struct change *c)
{
	const bool in_text = let->value.text != NULL;
	c->at = in_text ? let->value.at : 0;
	c->end = in_text ? c->at + strlen(let->value.text) : 0;
	if (in_text)
		(void)snprintf(c->text, sizeof c->text, "%.17g", let->now.a);
	else
		(void)snprintf(
			c->text, sizeof c->text, "let %.60s = %.17g\n", let->name, let->now.a);
}

static void input_change(const struct arch_field *f, struct change *c)
{
	size_t at = 0;
	c->at = f->dims_at;
	c->end = f->dims_end;
	for (int i = 0; i < f->input.row.ndim && at < sizeof c->text; i++) {
		const int n = snprintf(c->text + at, sizeof c->text - at, "%s%zu",
			i || f->dims_end == f->dims_at ? " " : "", f->input.row.dims[i]);
		at += n > 0 ? (size_t)n : 0;
	}
}

static int list_changes(const struct arch *a, struct change **list, size_t *n, struct cvt_err *e)
{
	size_t capacity = 0;
	for (size_t i = 0; i < a->lets; i++) {
		struct change c = {0};
		let_change(&a->let[i], &c);
		if (a->let[i].given)
			TRY(add_change(list, n, &capacity, &c, e));
	}
	for (size_t i = 0; i < a->inputs; i++) {
		struct change c = {0};
		input_change(&a->input[i], &c);
		if (a->input[i].given && !shape_same(&a->input[i].input.row, &a->input[i].written))
			TRY(add_change(list, n, &capacity, &c, e));
	}
	return CVT_OK;
}

static int apply_changes(const struct arch *a, const struct change *list, size_t n, struct str *out,
	struct cvt_err *e)
{
	size_t at = 0;
	for (size_t i = 0; i < n; i++) {
		TRY(str_add(out, a->text + at, list[i].at - at, e));
		TRY(str_puts(out, list[i].text, e));
		at = list[i].end;
	}
	return str_puts(out, a->text + at, e);
}

int arch_export(const struct arch *a, struct str *out, struct cvt_err *e)
{
	struct change *list = NULL;
	size_t n = 0;
	int code = list_changes(a, &list, &n, e);
	if (code == CVT_OK && n)
		qsort(list, n, sizeof *list, compare_changes);
	if (code == CVT_OK)
		code = apply_changes(a, list, n, out, e);
	free(list);
	return code;
}
