/*
 * mem: memory, errors and growing text; what every other file stands on.
 *
 * Errors. A library function that can fail returns 0 or one of the suite's exit codes and puts one
 * line of text into the caller's struct cvt_err; it never prints and never exits. TRY passes a
 * failure on. Sizes that come from outside are multiplied in mem_mul and nowhere else.
 */
#ifndef CVT_MEM_H
#define CVT_MEM_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CVT_VERSION "0.1.0"

enum cvt_exit {
	CVT_OK = 0,
	CVT_SYSTEM = 1,   /* the system refused: memory, disk, a file that cannot be opened */
	CVT_USAGE = 2,    /* the command line is wrong */
	CVT_INPUT = 3,    /* the input is bad, cut, or failed upstream */
	CVT_LIMIT = 4,    /* a safety limit; the text names the option that raises it */
	CVT_DIVERGED = 5, /* training left the finite numbers */
	CVT_GONE = -1,    /* nobody reads our output any more: end silently, with 0 */
};

struct cvt_err {
	int code;        /* enum cvt_exit of the failure, 0 = none yet */
	bool upstream;   /* a program before us failed (FAIL frame, or its stream is cut) */
	bool cut;        /* with upstream: nobody gave a reason, the text is our own */
	char text[1024]; /* "SOURCE[:POSITION]: what happened; how to mend it", no newline */
};

#if defined(__GNUC__)
#define CVT_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define CVT_PRINTF(f, a)
#endif

/* The one macro that hides control flow: leave with the code of a call that failed. */
#define TRY(call)                                                                                  \
	do {                                                                                       \
		const int try_code_ = (call);                                                      \
		if (try_code_ != 0)                                                                \
			return try_code_;                                                          \
	} while (0)

/* Sets e (unless e is NULL) to code and text; returns code, so "return cvt_fail(...)" reads well. */
int cvt_fail(struct cvt_err *e, int code, const char *format, ...) CVT_PRINTF(3, 4);
/* Puts "PREFIX: " before the text of a failure; returns e->code. */
int cvt_fail_at(struct cvt_err *e, const char *format, ...) CVT_PRINTF(2, 3);
/* cvt_fail(CVT_SYSTEM) with ": " and strerror(errno) behind the text. */
int cvt_fail_errno(struct cvt_err *e, const char *format, ...) CVT_PRINTF(2, 3);
#ifdef __clang_analyzer__ /* which does not look into other files: a failure is never CVT_OK */
#define cvt_fail(...)       ((void)cvt_fail(__VA_ARGS__), CVT_SYSTEM)
#define cvt_fail_at(...)    ((void)cvt_fail_at(__VA_ARGS__), CVT_SYSTEM)
#define cvt_fail_errno(...) ((void)cvt_fail_errno(__VA_ARGS__), CVT_SYSTEM)
#endif

/* a * b into *product; false when it does not fit a size_t. */
bool mem_mul(size_t a, size_t b, size_t *product);
/* a + b into *sum; false when it does not fit. */
bool mem_add(size_t a, size_t b, size_t *sum);

/* Zeroed memory for n items of the given size, aligned to 64 bytes; free() releases it. NULL with
 * e set (CVT_SYSTEM) when there is none. n * size == 0 gives a valid pointer. */
void *mem_alloc(size_t n, size_t size, struct cvt_err *e);
/* Makes *p (NULL or from mem_grow/malloc) hold at least need items of the given size, doubling
 * *capacity (in items). On failure *p is untouched. New bytes are not zeroed, nor aligned to 64. */
int mem_grow(void **p, size_t *capacity, size_t need, size_t size, struct cvt_err *e);
char *mem_strdup(const char *s, struct cvt_err *e);
/* Bytes that a data set held in memory may take when nothing is said: half of the machine's. */
size_t mem_default_budget(void);
/* "16M", "2GiB", "512k", "1e6" -> bytes; CVT_USAGE when it is no size. */
int mem_parse_size(const char *text, size_t *bytes, struct cvt_err *e);

/* Growing text, always NUL-terminated once something was added. {0} is empty; free(s.p) ends it. */
struct str {
	char *p;
	size_t n, capacity;
};
int str_add(struct str *s, const void *bytes, size_t n, struct cvt_err *e);
int str_puts(struct str *s, const char *text, struct cvt_err *e);
int str_printf(struct str *s, struct cvt_err *e, const char *format, ...) CVT_PRINTF(3, 4);
int str_vprintf(struct str *s, struct cvt_err *e, const char *format, va_list args)
	CVT_PRINTF(3, 0);

/* Bytes of the UTF-8 character that begins at s, of n; 0 when it is none. */
size_t mem_utf8(const char *s, size_t n);
/* The same; 0 for control characters, too. */
size_t mem_visible(const char *s, size_t n);
/* Adds n bytes of text; those that are no UTF-8 become \ooo, in a `line` control characters (also those
 * of two bytes, U+0080 to U+009F: terminals obey some), too. What
 * reaches a HEAD or a model file, which are UTF-8, passes through here. */
int str_text(struct str *s, const char *text, size_t n, bool line, struct cvt_err *e);

/* Index of the word nearest to text by edit distance among n, or n when none is near: for the
 * "did you mean" of messages. words[i] may be NULL (skipped). */
size_t mem_nearest(const char *text, const char *const *words, size_t n);
/* Copies text with control characters and bytes that are no UTF-8 as \ooo, cut to size; returns to.
 * Names from archives and streams pass through here before they reach a terminal. */
char *mem_printable(char *to, size_t size, const char *text);

#endif
