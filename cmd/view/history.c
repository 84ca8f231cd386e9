/*
 * view_history: the pipeline that made a stream or a model, as shell text that runs again: the
 * programs of depth 0, piped. What made the other files that they read stands there as comments.
 */
#include "view.h"

#include <stdlib.h>
#include <string.h>

/* "NAME VERSION: COMMAND LINE" */
static const char *command_of(const struct head_prog *p)
{
	const char *colon = strstr(p->text, ": ");
	return colon ? colon + 2 : p->text;
}

static int put_pipeline(struct str *text, const struct head *h, struct cvt_err *e)
{
	bool first = true;
	for (size_t i = 0; i < h->nprogs; i++) {
		if (h->prog[i].depth > 0)
			continue;
		TRY(str_printf(text, e, "%s%s", first ? "" : " |\n  ", command_of(&h->prog[i])));
		first = false;
	}
	return first ? CVT_OK : str_puts(text, "\n", e);
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
		TRY(str_printf(text, e, "# %*s%s%s\n", (int)(2 * p->depth), "", command_of(p),
			more ? " |" : ""));
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
