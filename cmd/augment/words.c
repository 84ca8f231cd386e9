/* augment_words: the words of a chain (see augment_words.h). */
#include "words.h"

#include "../../formats/input.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH = 8, MOST_WORDS = 10000, MOST_BYTES = 1 << 20 };

static int add_word(struct augment_words *w, const char *word, const struct augment_place *at,
	int depth, struct cvt_err *e);

static int read_text(const char *path, char **text, struct cvt_err *e)
{
	struct input *in;
	size_t got = 0;
	*text = mem_alloc(MOST_BYTES + 1, 1, e);
	if (!*text)
		return CVT_SYSTEM;
	TRY(input_open(&in, path, e));
	const int code = input_read(in, *text, MOST_BYTES, &got, e);
	input_close(in);
	TRY(code);
	if (got == MOST_BYTES)
		return cvt_fail(e, CVT_USAGE, "%s: a chain is shorter than 1 MiB", path);
	if (memchr(*text, '\0', got))
		return cvt_fail(e, CVT_INPUT, "%s: this is no text", path);
	return CVT_OK;
}

static int fail_at(const struct augment_place *at, struct cvt_err *e)
{
	char shown[600];
	if (!at->file)
		return e->code;
	return cvt_fail_at(e, "%s:%zu",
		strcmp(at->file, "-") == 0 ? "standard input"
					   : mem_printable(shown, sizeof shown, at->file),
		at->line);
}

static int open_file(struct augment_words *w, const char *path, int depth, struct cvt_err *e)
{
	void *p = w->text;
	if (depth == DEPTH)
		return cvt_fail(e, CVT_USAGE, "@%s: files name files deeper than %d", path, DEPTH);
	TRY(mem_grow(&p, &w->texts_capacity, w->texts + 1, sizeof *w->text, e));
	w->text = p;
	w->text[w->texts++] = NULL;
	return read_text(path, &w->text[w->texts - 1], e);
}

static size_t newlines(const char *s, const char *end)
{
	size_t n = 0;
	for (; s < end; s++)
		n += *s == '\n';
	return n;
}

static int add_file(struct augment_words *w, const char *path, const struct augment_place *from,
	int depth, struct cvt_err *e)
{
	static const char space[] = " \t\r\n";
	struct augment_place at = {path, 1};
	if (open_file(w, path, depth, e) != CVT_OK)
		return fail_at(from, e);
	for (char *s = w->text[w->texts - 1], *next; *s; s = next) {
		char *end = s + (*s == '#' ? strcspn(s, "\n") : strcspn(s, space));
		const bool word = *s != '#' && end > s;
		next = end + strspn(end, space);
		const size_t lines = newlines(end, next);
		*end = '\0';
		if (word)
			TRY(add_word(w, s, &at, depth + 1, e));
		at.line += lines;
	}
	return CVT_OK;
}

static int add_word(struct augment_words *w, const char *word, const struct augment_place *at,
	int depth, struct cvt_err *e)
{
	void *p = w->word, *places = w->place;
	if (word[0] == '@')
		return add_file(w, word + 1, at, depth, e);
	if (w->n == MOST_WORDS)
		return cvt_fail(e, CVT_USAGE, "a chain of more than %d words", MOST_WORDS);
	TRY(mem_grow(&p, &w->capacity, w->n + 1, sizeof *w->word, e));
	w->word = p;
	TRY(mem_grow(&places, &w->places_capacity, w->n + 1, sizeof *w->place, e));
	w->place = places;
	w->place[w->n] = *at;
	w->word[w->n++] = word;
	return CVT_OK;
}

int augment_words_read(struct augment_words *w, char *const *operand, size_t n, struct cvt_err *e)
{
	for (size_t i = 0; i < n; i++)
		TRY(add_word(w, operand[i], &(struct augment_place){0}, 0, e));
	return CVT_OK;
}

int augment_words_parse(const struct augment_words *w, struct aug_chain *c, struct cvt_err *e)
{
	const int code = aug_chain_parse(c, w->word, w->n, e);
	return code != CVT_OK && c->wrong < w->n ? fail_at(&w->place[c->wrong], e) : code;
}

void augment_words_free(struct augment_words *w)
{
	for (size_t i = 0; i < w->texts; i++)
		free(w->text[i]);
	free(w->text);
	free(w->word);
	free(w->place);
}
