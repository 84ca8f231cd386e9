/*
 * arch_value: the arithmetic of architecture texts. A value is a number or a name with + - * / in
 * their usual order and no blanks, or two of them with an x between (a kernel of 1x7). Names are a
 * macro's parameters first, then the lets. One loop, no recursion; numbers are read by hand,
 * because strtod knows hexadecimal, infinity and the locale.
 */
#include "arch_ast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A value being read; scope NULL checks the syntax alone. */
struct reader {
	const struct arch *arch;
	const struct arch_scope *scope;
	const struct arch_value *value;
	const char *p;
	struct cvt_err *e;
};

static const double most = 1e9; /* no argument is larger; sums stay exact */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static struct arch_pos place(const struct reader *r, const char *p)
{
	struct arch_pos at = r->value->pos;
	at.col += (unsigned)(p - r->value->text);
	return at;
}

static int bad(const struct reader *r)
{
	char word[ARCH_WORD];
	return arch_fail(r->arch, place(r, r->p), r->e,
		"'%s' is no value; write a number or a name with + - * / and no blanks",
		arch_word(word, r->value->text, strlen(r->value->text)));
}

static double read_digits(struct reader *r, double *scale)
{
	double v = 0;
	for (; is_digit(*r->p); r->p++) {
		v = v * 10 + (*r->p - '0');
		*scale *= 10;
	}
	return v;
}

static int read_number(struct reader *r, double *to)
{
	double whole_scale = 1, scale = 1, fraction = 0, power_scale = 1;
	const double whole = read_digits(r, &whole_scale);
	if (*r->p == '.') {
		r->p++;
		fraction = read_digits(r, &scale);
	}
	if (whole_scale <= 1 && scale <= 1)
		return bad(r);
	*to = scale > 1 ? (whole * scale + fraction) / scale : whole;
	const char *q = r->p + (r->p[0] == 'e' && (r->p[1] == '-' || r->p[1] == '+'));
	if (*r->p == 'e' && is_digit(q[1])) {
		const bool negative = r->p[1] == '-';
		r->p = q + 1;
		const double power = read_digits(r, &power_scale);
		const double factor = pow(10, power < 400 ? power : 400);
		*to = negative ? *to / factor : *to * factor;
	}
	return CVT_OK;
}

/* The value of a name, if somebody knows it. */
static const struct nn_value *look_up(const struct arch_scope *s, const char *name, size_t n)
{
	const struct arch_arg *param = s->macro ? s->macro->param : NULL;
	for (size_t i = 0; i < s->values && param; i++, param = param->next)
		if (strlen(param->key) == n && memcmp(param->key, name, n) == 0)
			return &s->value[i];
	for (size_t i = 0; i < s->lets; i++) {
		const struct arch_constant *let = &s->arch->let[i];
		if (let->known && strlen(let->name) == n && memcmp(let->name, name, n) == 0)
			return &let->now;
	}
	return NULL;
}

/* The name there is; of "kx1" the k, if no kx1 is known but a k is. */
static size_t name_length(const struct reader *r)
{
	size_t n = 0;
	while (is_letter(r->p[n]) || is_digit(r->p[n]))
		n++;
	if (!r->scope || look_up(r->scope, r->p, n))
		return n;
	for (size_t i = 1; i + 1 < n; i++)
		if (r->p[i] == 'x' && look_up(r->scope, r->p, i))
			return i;
	return n;
}

static int unknown_name(const struct reader *r, size_t n)
{
	const struct arch_scope *s = r->scope;
	const char **known = mem_alloc(s->values + s->lets, sizeof *known, r->e);
	size_t count = 0;
	if (!known)
		return CVT_SYSTEM;
	const struct arch_arg *param = s->macro ? s->macro->param : NULL;
	for (size_t i = 0; i < s->values; i++, param = param->next)
		known[count++] = param->key;
	for (size_t i = 0; i < s->lets; i++)
		if (s->arch->let[i].known)
			known[count++] = s->arch->let[i].name;
	char word[ARCH_WORD];
	arch_word(word, r->p, n);
	const size_t near = mem_nearest(word, known, count);
	const int code = arch_fail(r->arch, place(r, r->p), r->e,
		near < count ? "'%s' has no value here; did you mean '%s'?"
			     : "'%s' has no value here; write 'let %s = ...'%.0s",
		word, near < count ? known[near] : word, "");
	free(known);
	return code;
}

/* `classes` comes from the program, late perhaps; so does a let that is made of it. */
static bool waits_for_classes(const struct arch_scope *s, const char *name, size_t n)
{
	for (size_t i = 0; i < s->lets; i++) {
		const struct arch_constant *let = &s->arch->let[i];
		if (let->waits && strlen(let->name) == n && memcmp(let->name, name, n) == 0)
			return true;
	}
	return n == strlen("classes") && memcmp(name, "classes", n) == 0;
}

static int read_name(struct reader *r, struct nn_value *to)
{
	const size_t n = name_length(r);
	*to = (struct nn_value){1, 1, NULL, true};
	if (r->scope) {
		const struct nn_value *v = look_up(r->scope, r->p, n);
		if (v)
			*to = *v;
		else if (!waits_for_classes(r->scope, r->p, n))
			return unknown_name(r, n);
		else if (r->scope->assume_classes)
			to->a = to->b = 2;
		else
			return arch_fail(r->arch, place(r, r->p), r->e,
				"nobody says how many classes there are; give --num-classes");
	}
	r->p += n;
	return CVT_OK;
}

/* [-] number or name */
static int read_factor(struct reader *r, struct nn_value *to)
{
	const bool negative = *r->p == '-';
	r->p += negative || *r->p == '+';
	if (is_letter(*r->p)) {
		TRY(read_name(r, to));
	} else {
		TRY(read_number(r, &to->a));
		to->b = to->a;
	}
	if (negative) {
		to->a = -to->a;
		to->b = -to->b;
	}
	return CVT_OK;
}

static int combine(struct reader *r, char op, struct nn_value *to, const struct nn_value *with)
{
	if (op == '/' && r->scope && !(with->a != 0 && with->b != 0))
		return arch_fail(
			r->arch, r->value->pos, r->e, "'%s' divides by zero", r->value->text);
	to->a = op == '*' ? to->a * with->a : to->a / with->a;
	to->b = op == '*' ? to->b * with->b : to->b / with->b;
	return CVT_OK;
}

/* factor { (*|/) factor } */
static int read_term(struct reader *r, struct nn_value *to)
{
	TRY(read_factor(r, to));
	while (*r->p == '*' || *r->p == '/') {
		const char op = *r->p++;
		struct nn_value with;
		TRY(read_factor(r, &with));
		TRY(combine(r, op, to, &with));
	}
	return CVT_OK;
}

/* term { (+|-) term } */
static int read_sum(struct reader *r, struct nn_value *to)
{
	TRY(read_term(r, to));
	while (*r->p == '+' || *r->p == '-') {
		const double sign = *r->p++ == '+' ? 1 : -1;
		struct nn_value with;
		TRY(read_term(r, &with));
		to->a += sign * with.a;
		to->b += sign * with.b;
	}
	return CVT_OK;
}

static int read_value(struct reader *r, struct nn_value *to)
{
	TRY(read_sum(r, to));
	if (*r->p == 'x') {
		struct nn_value second;
		r->p++;
		TRY(read_sum(r, &second));
		to->b = second.b;
	}
	if (*r->p)
		return bad(r);
	if (r->scope && !(fabs(to->a) <= most && fabs(to->b) <= most))
		return arch_fail(r->arch, r->value->pos, r->e, "'%s' is beyond a thousand millions",
			r->value->text);
	to->word = NULL;
	to->given = true;
	return CVT_OK;
}

int arch_check_value(const struct arch *a, const struct arch_value *v, struct cvt_err *e)
{
	struct reader r = {a, NULL, v, v->text, e};
	struct nn_value ignored;
	return read_value(&r, &ignored);
}

int arch_eval(const struct arch_scope *s, const struct arch_value *v, struct nn_value *to,
	struct cvt_err *e)
{
	struct reader r = {s->arch, s, v, v->text, e};
	return read_value(&r, to);
}

int arch_eval_count(const struct arch_scope *s, const struct arch_value *v, size_t least,
	size_t limit, size_t *to, struct cvt_err *e)
{
	struct nn_value n;
	TRY(arch_eval(s, v, &n, e));
	const bool whole = n.a >= 0 && n.a == n.b && n.a == floor(n.a);
	if (!whole || n.a < (double)least || n.a > (double)limit)
		return arch_fail(s->arch, v->pos, e,
			"'%s' is %g; it must be a whole number from %zu to %zu", v->text, n.a,
			least, limit);
	*to = (size_t)n.a;
	return CVT_OK;
}

/* ---- lets and inputs --------------------------------------------------------------- */

static int settle_let(struct arch *a, size_t i, struct cvt_err *e)
{
	struct arch_constant *let = &a->let[i];
	if (let->given)
		return CVT_OK;
	/* What is known by now: earlier lets, and what the program supplied. */
	struct arch_scope s = {.arch = a, .lets = a->lets};
	let->known = arch_eval(&s, &let->value, &let->now, NULL) == CVT_OK;
	if (let->known)
		return CVT_OK;
	/* Only `classes` may still come; every other failure is the text's. */
	struct nn_value ignored;
	s.assume_classes = true;
	TRY(arch_eval(&s, &let->value, &ignored, e));
	let->waits = true;
	return CVT_OK;
}

static int settle_input(struct arch *a, struct arch_field *f, struct cvt_err *e)
{
	const struct arch_scope s = {.arch = a, .lets = a->lets};
	f->written = (struct shape){0};
	for (const struct arch_arg *d = f->dim; d; d = d->next)
		TRY(arch_eval_count(
			&s, &d->value, 1, (size_t)1 << 24, &f->written.dims[f->written.ndim++], e));
	size_t items;
	if (tensor_count(f->written.ndim, f->written.dims, &items, NULL) || items >> 31)
		return arch_fail(a, f->pos, e, "a row of '%s' is too large", f->input.field);
	if (!f->given)
		f->input.row = f->written;
	return CVT_OK;
}

int arch_settle(struct arch *a, struct cvt_err *e)
{
	for (size_t i = 0; i < a->lets; i++) {
		a->let[i].known = a->let[i].given;
		a->let[i].waits = false;
	}
	for (size_t i = 0; i < a->lets; i++)
		TRY(settle_let(a, i, e));
	for (size_t i = 0; i < a->inputs; i++)
		TRY(settle_input(a, &a->input[i], e));
	return CVT_OK;
}
