/*
 * view_history: the pipeline that made a stream or a model, as shell text that runs again: the
 * programs of depth 0, piped. What made the other files that they read stands there as comments.
 *
 * Anyone can write a file, and with it what it says of its making; so what is printed to be run is never
 * the file's own text. A line must be a program of ours and words that are quoted as we quote them; these
 * are taken apart and quoted anew. Where one line of the pipeline is anything else, all of it is a comment.
 */
#include "view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "NAME VERSION: COMMAND LINE" */
static const char *command_of(const struct head_prog *p)
{
	const char *colon = strstr(p->text, ": ");
	return colon ? colon + 2 : p->text;
}

static bool is_ours(const char *name)
{
	static const char *const programs[] = {"cv-augment", "cv-distill", "cv-embed", "cv-eval",
		"cv-gen", "cv-knn", "cv-read", "cv-train", "cv-view"};
	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
		if (strcmp(name, programs[i]) == 0)
			return true;
	return false;
}

/* Options that write files stand in no history of ours; --output of these two writes none. */
static bool writes(const char *program, const char *word)
{
	const bool stage = strcmp(program, "cv-embed") == 0 || strcmp(program, "cv-knn") == 0;
	return (strncmp(word, "--output", 8) == 0 && !stage) || strncmp(word, "--metrics", 9) == 0
	       || (word[0] == '-' && word[1] != '-' && strchr(word, 'o'));
}

/* Adds the words of a line, quoted anew; *good is false, and what was added useless, where that cannot be
 * run. */
static int put_words(struct str *text, const char *line, bool *good, struct cvt_err *e)
{
	char program[16] = "";
	bool operands = false;
	*good = true;
	for (size_t i = 0; *line && *good; i++) {
		struct str word = {0};
		int code = cli_unquote(&line, &word, good, e);
		if (code == CVT_OK && i == 0)
			(void)snprintf(program, sizeof program, "%s", word.p);
		*good = code == CVT_OK && *good && is_ours(program)
			&& (operands || !writes(program, word.p));
		operands = operands || (code == CVT_OK && strcmp(word.p, "--") == 0);
		if (code == CVT_OK && i > 0)
			code = str_puts(text, " ", e);
		if (code == CVT_OK)
			code = cli_quote(text, word.p, e);
		free(word.p);
		TRY(code);
	}
	*good = *good && *program;
	return CVT_OK;
}

/* What stands in the file, for people. */
static int put_raw(struct str *text, const char *line, struct cvt_err *e)
{
	return str_text(text, line, strlen(line), true, e);
}

static int put_as_comment(struct str *text, const struct head *h, struct cvt_err *e)
{
	TRY(str_puts(text, "# not all of this is a command line of cvtools:\n", e));
	for (size_t i = 0; i < h->nprogs; i++) {
		if (h->prog[i].depth > 0)
			continue;
		TRY(str_puts(text, "# ", e));
		TRY(put_raw(text, command_of(&h->prog[i]), e));
		TRY(str_puts(text, "\n", e));
	}
	return CVT_OK;
}

static int put_pipeline(struct str *text, const struct head *h, struct cvt_err *e)
{
	struct str line = {0};
	bool good = true;
	int code = CVT_OK;
	for (size_t i = 0; i < h->nprogs && good && code == CVT_OK; i++) {
		if (h->prog[i].depth > 0)
			continue;
		if (line.n)
			code = str_puts(&line, " |\n  ", e);
		if (code == CVT_OK)
			code = put_words(&line, command_of(&h->prog[i]), &good, e);
	}
	if (code == CVT_OK && !good)
		code = put_as_comment(text, h, e);
	else if (code == CVT_OK && line.n)
		code = str_printf(text, e, "%s\n", line.p);
	free(line.p);
	return code;
}

/* Does another file's history begin here? Files that were joined stand at one depth, and what generates
 * reads none. */
static bool begins(const struct head *h, size_t i)
{
	const unsigned before = i ? h->prog[i - 1].depth : 0;
	const char *command = command_of(&h->prog[i]);
	return h->prog[i].depth > before
	       || (h->prog[i].depth == before && strncmp(command, "cv-gen ", 7) == 0);
}

static int put_comments(struct str *text, const struct head *h, struct cvt_err *e)
{
	for (size_t i = 0; i < h->nprogs; i++) {
		const struct head_prog *p = &h->prog[i];
		const bool more =
			i + 1 < h->nprogs && h->prog[i + 1].depth == p->depth && !begins(h, i + 1);
		if (p->depth == 0)
			continue;
		if (begins(h, i))
			TRY(str_printf(text, e, "# %*sa file that was read there was made by\n",
				(int)(2 * p->depth - 2), ""));
		TRY(str_printf(text, e, "# %*s", (int)(2 * p->depth), ""));
		TRY(put_raw(text, command_of(p), e));
		TRY(str_puts(text, more ? " |\n" : "\n", e));
	}
	return CVT_OK;
}

static int put_history(struct str *text, const struct head *h, const char *name, struct cvt_err *e)
{
	if (h->nprogs == 0)
		return cvt_fail(e, CVT_INPUT, "%s: carries no history", name);
	TRY(put_pipeline(text, h, e));
	return put_comments(text, h, e);
}

static int history_of_model(const struct view_input *in, struct str *text, struct cvt_err *e)
{
	struct head h;
	const char *lines = state_meta(&in->model, "cv.history");
	head_init(&h);
	int code = lines ? head_parse_history(&h, lines, strlen(lines), e) : CVT_OK;
	if (code == CVT_OK)
		code = put_history(text, &h, in->name, e);
	head_free(&h);
	return code;
}

int view_history(
	struct view_input *in, const struct view_options *o, struct output *out, struct cvt_err *e)
{
	struct str text = {0};
	(void)o;
	int code = in->source ? put_history(&text, source_head(in->source), in->name, e)
			      : history_of_model(in, &text, e);
	if (code == CVT_OK)
		code = view_flush(&text, out, e);
	free(text.p);
	return code;
}
