/* augment_words: the words of a chain (see augment_words.h). */
#include "words.h"

#include "../../formats/input.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH = 8, MOST_WORDS = 10000, MOST_BYTES = 1 << 20 };

static int add_word(struct augment_words *w, const char *word, int depth, struct cvt_err *e);

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
		return cvt_fail(e, CVT_LIMIT, "%s: a chain is shorter than 1 MiB", path);
	if (memchr(*text, '\0', got))
		return cvt_fail(e, CVT_INPUT, "%s: this is no text", path);
	return CVT_OK;
}

static int add_file(struct augment_words *w, const char *path, int depth, struct cvt_err *e)
{
	static const char space[] = " \t\r\n";
	void *p = w->text;
	if (depth == DEPTH)
		return cvt_fail(e, CVT_USAGE, "@%s: files name files deeper than %d", path, DEPTH);
	TRY(mem_grow(&p, &w->texts_capacity, w->texts + 1, sizeof *w->text, e));
	w->text = p;
	w->text[w->texts++] = NULL;
	TRY(read_text(path, &w->text[w->texts - 1], e));
	for (char *s = w->text[w->texts - 1] + strspn(w->text[w->texts - 1], space); *s;) {
		char *end = s + (*s == '#' ? strcspn(s, "\n") : strcspn(s, space));
		char *next = end + strspn(end, space);
		const bool comment = *s == '#';
		*end = '\0';
		if (!comment)
			TRY(add_word(w, s, depth + 1, e));
		s = next;
	}
	return CVT_OK;
}

static int add_word(struct augment_words *w, const char *word, int depth, struct cvt_err *e)
{
	void *p = w->word;
	if (word[0] == '@')
		return add_file(w, word + 1, depth, e);
	if (w->n == MOST_WORDS)
		return cvt_fail(e, CVT_LIMIT, "a chain of more than %d words", MOST_WORDS);
	TRY(mem_grow(&p, &w->capacity, w->n + 1, sizeof *w->word, e));
	w->word = p;
	w->word[w->n++] = word;
	return CVT_OK;
}

int augment_words_read(struct augment_words *w, char *const *operand, size_t n, struct cvt_err *e)
{
	for (size_t i = 0; i < n; i++)
		TRY(add_word(w, operand[i], 0, e));
	return CVT_OK;
}

void augment_words_free(struct augment_words *w)
{
	for (size_t i = 0; i < w->texts; i++)
		free(w->text[i]);
	free(w->text);
	free(w->word);
}
