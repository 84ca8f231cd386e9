/* mem: memory, errors and growing text (see mem.h). */
#define _DEFAULT_SOURCE /* madvise */

#include "mem.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

CVT_PRINTF(3, 0)
static void set_text(struct cvt_err *e, int code, const char *format, va_list args)
{
	if (!e)
		return;
	e->code = code;
	e->upstream = false;
	e->cut = false;
	(void)vsnprintf(e->text, sizeof e->text, format, args);
}

int(cvt_fail)(struct cvt_err *e, int code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	set_text(e, code, format, args);
	va_end(args);
	return code;
}

int(cvt_fail_at)(struct cvt_err *e, const char *format, ...)
{
	if (!e)
		return CVT_SYSTEM;
	char old[sizeof e->text];
	memcpy(old, e->text, sizeof old);
	va_list args;
	va_start(args, format);
	(void)vsnprintf(e->text, sizeof e->text - 2, format, args);
	va_end(args);
	size_t at = strlen(e->text);
	e->text[at++] = ':';
	e->text[at++] = ' ';
	for (const char *s = old; *s && at < sizeof e->text - 1; s++)
		e->text[at++] = *s;
	e->text[at] = '\0';
	return e->code;
}

int(cvt_fail_errno)(struct cvt_err *e, const char *format, ...)
{
	const int number = errno;
	va_list args;
	va_start(args, format);
	set_text(e, CVT_SYSTEM, format, args);
	va_end(args);
	if (e) {
		const size_t n = strlen(e->text);
		(void)snprintf(e->text + n, sizeof e->text - n, ": %s", strerror(number));
	}
	return CVT_SYSTEM;
}

bool mem_mul(size_t a, size_t b, size_t *product)
{
	if (b != 0 && a > SIZE_MAX / b)
		return false;
	*product = a * b;
	return true;
}

bool mem_add(size_t a, size_t b, size_t *sum)
{
	if (a > SIZE_MAX - b)
		return false;
	*sum = a + b;
	return true;
}

/* Asks for pages of 2 MiB where whole ones lie inside: what no cache holds is read up to half as fast
 * again when a page's address need not be looked up every 4 KiB. Where there are none, nothing changes. */
static void use_large_pages(char *p, size_t bytes)
{
#ifdef MADV_HUGEPAGE
	enum { LARGE = 1 << 21, PAGE = 1 << 12 };
	const size_t before = (PAGE - (uintptr_t)p % PAGE) % PAGE;
	if (bytes >= (size_t)2 * LARGE)
		(void)madvise(p + before, (bytes - before) / PAGE * PAGE, MADV_HUGEPAGE);
#else
	(void)p;
	(void)bytes;
#endif
}

void *mem_alloc(size_t n, size_t size, struct cvt_err *e)
{
	size_t bytes, padded;
	void *p = NULL;
	if (mem_mul(n, size, &bytes) && mem_add(bytes, 64, &padded)) {
		const int code = posix_memalign(&p, 64, padded);
		if (code != 0)
			p = NULL;
	}
	if (!p) {
		cvt_fail(e, CVT_SYSTEM, "out of memory for %zu items of %zu bytes", n, size);
		return NULL;
	}
	use_large_pages(p, bytes);
	memset(p, 0, bytes);
	return p;
}

int mem_grow(void **p, size_t *capacity, size_t need, size_t size, struct cvt_err *e)
{
	if (need <= *capacity && *p)
		return CVT_OK;
	size_t want = *capacity > SIZE_MAX / 2 ? need : *capacity * 2;
	want = want < need ? need : want;
	want = want < 8 ? 8 : want;
	size_t bytes;
	void *q = mem_mul(want, size, &bytes) ? realloc(*p, bytes) : NULL;
	if (!q)
		return cvt_fail(
			e, CVT_SYSTEM, "out of memory for %zu items of %zu bytes", want, size);
	*p = q;
	*capacity = want;
	return CVT_OK;
}

char *mem_strdup(const char *s, struct cvt_err *e)
{
	const size_t n = strlen(s) + 1;
	char *p = malloc(n);
	if (p)
		memcpy(p, s, n);
	else
		cvt_fail(e, CVT_SYSTEM, "out of memory for %zu characters", n);
	return p;
}

size_t mem_default_budget(void)
{
	const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
	if (pages <= 0 || page <= 0)
		return (size_t)1 << 30;
	return (size_t)pages / 2 * (size_t)page;
}

int mem_parse_size(const char *text, size_t *bytes, struct cvt_err *e)
{
	static const char unit[] = "kmgt";
	unsigned long long whole = 0;
	const char *s = text;
	bool fits = isdigit((unsigned char)*s) != 0;
	for (; isdigit((unsigned char)*s) && fits; s++) {
		fits = whole < ULLONG_MAX / 20;
		whole = whole * 10 + (unsigned)(*s - '0');
	}
	const char *u = *s ? strchr(unit, tolower((unsigned char)*s)) : NULL;
	if (u) {
		for (const char *p = unit; p <= u; p++) {
			fits = fits && whole <= SIZE_MAX / 1024;
			whole *= 1024;
		}
		s += strncmp(s + 1, "iB", 2) == 0 ? 3 : s[1] == 'B' ? 2 : 1;
	}
	if (!fits || *s)
		return cvt_fail(e, CVT_USAGE,
			"'%s' is no size; write a number such as 500000, 64M or 2G", text);
	*bytes = (size_t)whole;
	return CVT_OK;
}

int str_add(struct str *s, const void *bytes, size_t n, struct cvt_err *e)
{
	size_t need;
	void *p = s->p;
	if (!mem_add(s->n, n, &need) || !mem_add(need, 1, &need))
		return cvt_fail(e, CVT_SYSTEM, "out of memory for text");
	TRY(mem_grow(&p, &s->capacity, need, 1, e));
	s->p = p;
	if (n)
		memcpy(s->p + s->n, bytes, n);
	s->n += n;
	s->p[s->n] = '\0';
	return CVT_OK;
}

int str_puts(struct str *s, const char *text, struct cvt_err *e)
{
	return str_add(s, text, strlen(text), e);
}

int str_vprintf(struct str *s, struct cvt_err *e, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	const int n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (n < 0)
		return cvt_fail(e, CVT_SYSTEM, "text cannot be formatted");
	size_t need;
	void *p = s->p;
	if (!mem_add(s->n, (size_t)n + 1, &need))
		return cvt_fail(e, CVT_SYSTEM, "out of memory for text");
	TRY(mem_grow(&p, &s->capacity, need, 1, e));
	s->p = p;
	(void)vsnprintf(s->p + s->n, (size_t)n + 1, format, args);
	s->n += (size_t)n;
	return CVT_OK;
}

int str_printf(struct str *s, struct cvt_err *e, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	const int code = str_vprintf(s, e, format, args);
	va_end(args);
	return code;
}

/* Edit distance of two short words, a swap of neighbours counting as one; limited to 31 letters. */
static size_t distance(const char *a, const char *b)
{
	enum { MAX = 32 };
	const size_t n = strlen(a), m = strlen(b);
	if (n >= MAX || m >= MAX)
		return MAX;
	unsigned char d[MAX][MAX];
	for (size_t i = 0; i <= n; i++)
		d[i][0] = (unsigned char)i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = (unsigned char)j;
	for (size_t i = 1; i <= n; i++)
		for (size_t j = 1; j <= m; j++) {
			int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			best = d[i - 1][j] + 1 < best ? d[i - 1][j] + 1 : best;
			best = d[i][j - 1] + 1 < best ? d[i][j - 1] + 1 : best;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]
				&& d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = (unsigned char)best;
		}
	return d[n][m];
}

size_t mem_nearest(const char *text, const char *const *words, size_t n)
{
	const size_t length = strlen(text);
	size_t best = n, least = length / 3 + 2;
	for (size_t i = 0; i < n; i++) {
		if (!words[i])
			continue;
		const size_t d = distance(text, words[i]);
		if (d < least) {
			least = d;
			best = i;
		}
	}
	return best;
}

size_t mem_utf8(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t k = 1;
	if (n == 0 || (u[0] >= 0x80 && u[0] < 0xc2) || u[0] > 0xf4)
		return 0;
	k += (size_t)(u[0] >= 0xc2) + (u[0] >= 0xe0) + (u[0] >= 0xf0);
	for (size_t i = 1; i < k; i++)
		if (i >= n || (u[i] & 0xc0) != 0x80)
			return 0;
	/* too long for what it says, a half of a pair, or beyond the last character */
	const bool wrong = (u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f)
			   || (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f);
	return wrong ? 0 : k;
}

size_t mem_visible(const char *s, size_t n)
{
	const unsigned char u = n ? (unsigned char)s[0] : 0;
	const bool two = n > 1 && u == 0xc2 && (unsigned char)s[1] < 0xa0;
	return u < 0x20 || u == 0x7f || two ? 0 : mem_utf8(s, n);
}

int str_text(struct str *s, const char *text, size_t n, bool line, struct cvt_err *e)
{
	TRY(str_add(s, "", 0, e));
	for (size_t i = 0, k; i < n; i += k) {
		const unsigned char u = (unsigned char)text[i];
		k = line ? mem_visible(text + i, n - i) : mem_utf8(text + i, n - i);
		if (k) {
			TRY(str_add(s, text + i, k, e));
			continue;
		}
		TRY(str_printf(s, e, "\\%03o", u));
		k = 1;
	}
	return CVT_OK;
}

char *mem_printable(char *to, size_t size, const char *text)
{
	size_t at = 0;
	const char *s = text;
	while (*s && size > 0) {
		const size_t n = mem_visible(s, strnlen(s, 4));
		if (at + (n ? n : 4) >= size)
			break;
		if (n) {
			memcpy(to + at, s, n);
			at += n;
			s += n;
		} else {
			(void)snprintf(to + at, size - at, "\\%03o", (unsigned char)*s++);
			at += 4;
		}
	}
	if (size > 0)
		to[at] = '\0';
	return to;
}
