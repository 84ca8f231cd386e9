/* cli_words: numbers and lists on the command line, read strictly and independent of the locale, and
 * words quoted for the history (see cli.h). */
#include "cli_private.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ----------------------------------------------------------------------- */

int cli_real(const char *text, const char *what, double *to, struct cvt_err *e)
{
	char *end;
	const bool plain = strspn(text, "+-.0123456789eE") == strlen(text);
	errno = 0;
	const double v = strtod(text, &end);
	if (!plain || end == text || *end || !isfinite(v))
		return cvt_fail(e, CVT_USAGE, "%s: '%s' is no number", what, text);
	*to = v;
	return CVT_OK;
}

int cli_u64(const char *text, const char *what, uint64_t *to, struct cvt_err *e)
{
	char *end;
	errno = 0;
	const unsigned long long v = strtoull(text, &end, 10);
	if (strspn(text, "0123456789") != strlen(text) || end == text || errno)
		return cvt_fail(e, CVT_USAGE, "%s: '%s' is no whole number from 0 up", what, text);
	*to = v;
	return CVT_OK;
}

int cli_count(const char *text, const char *what, size_t *to, struct cvt_err *e)
{
	uint64_t v;
	TRY(cli_u64(text, what, &v, e));
	if (v > SIZE_MAX / 2)
		return cvt_fail(e, CVT_USAGE, "%s: '%s' is too large", what, text);
	*to = (size_t)v;
	return CVT_OK;
}

int cli_words(const char *text, const char *what, char **copy, char **word, size_t max, size_t *n,
	struct cvt_err *e)
{
	*n = 0;
	*copy = mem_strdup(text, e);
	if (!*copy)
		return CVT_SYSTEM;
	for (char *s = *copy; s;) {
		char *comma = strchr(s, ',');
		if (comma)
			*comma++ = '\0';
		if (*n == max || !*s) {
			free(*copy);
			*copy = NULL;
			return cvt_fail(e, CVT_USAGE,
				*n == max ? "%s: '%s' has too many words"
					  : "%s: '%s' has an empty word; is a variable not set?",
				what, text);
		}
		word[(*n)++] = s;
		s = comma;
	}
	return CVT_OK;
}

int cli_reals(
	const char *text, const char *what, double *to, size_t max, size_t *n, struct cvt_err *e)
{
	enum { MOST = 64 };
	char *copy, *word[MOST];
	TRY(cli_words(text, what, &copy, word, max < MOST ? max : MOST, n, e));
	int code = CVT_OK;
	for (size_t i = 0; i < *n && code == CVT_OK; i++)
		code = cli_real(word[i], what, &to[i], e);
	free(copy);
	return code;
}

/* ---- words ------------------------------------------------------------------------- */

static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			   "@%+=:,./-_"; /* in words without quotes */

int cli_quote(struct str *out, const char *word, struct cvt_err *e)
{
	if (*word && strspn(word, safe) == strlen(word))
		return str_puts(out, word, e);
	TRY(str_puts(out, "'", e));
	for (const char *s = word; *s;) {
		const size_t n = strcspn(s, "'");
		TRY(str_text(out, s, n, true, e));
		if (s[n])
			TRY(str_puts(out, "'\\''", e));
		s += n + (s[n] != '\0');
	}
	return str_puts(out, "'", e);
}

int cli_unquote(const char **at, struct str *word, bool *good, struct cvt_err *e)
{
	const char *s = *at + strspn(*at, " "), *begin = s;
	TRY(str_puts(word, "", e));
	for (*good = true; *s && *s != ' ' && *good;) {
		const bool quoted = *s == '\'', escaped = s[0] == '\\' && s[1] == '\'';
		const char *part = s + (quoted || escaped);
		const size_t n = escaped ? 1 : quoted ? strcspn(part, "'") : strspn(part, safe);
		TRY(str_add(word, part, n, e));
		*good = (quoted && part[n] == '\'') || (!quoted && n > 0);
		s = part + n + (quoted && *good);
	}
	*good = *good && s > begin;
	*at = s;
	return CVT_OK;
}
