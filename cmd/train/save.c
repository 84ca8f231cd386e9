/* trainer_save: the model file, and the checkpoint that stands beside it until it is there (see
 * trainer.h). */
#include "../../formats/safetensors.h"
#include "trainer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- metadata ---------------------------------------------------------------------- */

/* Our line behind the stream's; behind that, one deeper, what made weights and teachers. */
static int add_history(struct trainer *t, struct head *h, struct cvt_err *e)
{
	struct str line = {0};
	int code = cli_history(&t->cli, t->seed, t->in && source_is_stream(t->in), &line, e);
	if (code == CVT_OK)
		code = head_add_prog(h, 0, t->cli.program->name, line.p, e);
	free(line.p);
	TRY(code);
	return head_add_history(h, &t->history, 0, e);
}

static int write_history(struct trainer *t, struct cvt_err *e)
{
	struct head h;
	struct str text = {0};
	if (t->o.common.no_history)
		return CVT_OK;
	head_init(&h);
	int code = head_copy(&h, &t->head, e);
	if (code == CVT_OK)
		code = add_history(t, &h, e);
	if (code == CVT_OK)
		code = network_history_text(&h, &text, e);
	head_free(&h);
	free(t->info.history);
	t->info.history = text.p;
	return code;
}

/* What a file says beside the weights: a checkpoint the same as the model, as it can be used as
 * one. */
static int fill_info(struct trainer *t, struct cvt_err *e)
{
	struct str text = {0};
	TRY(arch_export(t->arch, &text, e));
	free(t->info.arch);
	t->info.arch = text.p;
	free(t->info.method);
	if (!(t->info.method = mem_strdup(t->method->name, e)))
		return CVT_SYSTEM;
	struct str options = {0};
	const int code = method_options_text(t->method, t->value, &options, e);
	free(t->info.options);
	t->info.options = options.p;
	TRY(code);
	return write_history(t, e);
}

/* ---- checkpoints ------------------------------------------------------------------- */

/* cv-read --start-epoch spares the rereading: the stream is the same one. */
static void drop_start(char *line)
{
	static const char option[] = " --start-epoch ";
	char *at = strstr(line, option);
	if (!at)
		return;
	char *end = at + sizeof option - 1;
	end += strspn(end, "0123456789");
	memmove(at, end, strlen(end) + 1);
}

/* HEAD, history and all: what must be the same when a training goes on. */
static int stream_identity(const struct head *h, char **to, struct cvt_err *e)
{
	struct head copy;
	struct str text = {0};
	head_init(&copy);
	int code = head_copy(&copy, h, e);
	for (size_t i = 0; i < copy.nprogs; i++)
		drop_start(copy.prog[i].text);
	if (code == CVT_OK)
		code = head_format(&copy, &text, e);
	head_free(&copy);
	*to = text.p;
	return code;
}

/* A device has no room for a checkpoint beside it. */
static bool may_keep(const char *path)
{
	struct stat s;
	return path && strcmp(path, "-") != 0 && (stat(path, &s) != 0 || S_ISREG(s.st_mode));
}

int trainer_open_checkpoint(struct trainer *t, struct cvt_err *e)
{
	struct str name = {0};
	if (!may_keep(t->o.common.output))
		return CVT_OK;
	TRY(str_printf(&name, e, "%s.ckpt", t->o.common.output));
	t->checkpoint = name.p;
	TRY(cli_refuse_read(&t->cli, t->checkpoint, "resume", e));
	struct str line = {0};
	const int code = cli_history(&t->cli, t->seed, true, &line, e);
	t->line = line.p;
	return code == CVT_OK ? stream_identity(&t->head, &t->identity, e) : code;
}

int trainer_checkpoint(void *context, struct state_dict *d, struct cvt_err *e)
{
	struct trainer *t = context;
	if (!t->checkpoint)
		return CVT_OK;
	TRY(fill_info(t, e));
	TRY(model_info_write(&t->info, d, e));
	TRY(state_set_meta(d, "cv.stream", t->identity, e));
	TRY(state_set_meta(d, "cv.line", t->line, e));
	TRY(safetensors_write(t->checkpoint, d, e));
	t->saved = true;
	return CVT_OK;
}

static int check_checkpoint(const struct trainer *t, const struct state_dict *d, struct cvt_err *e)
{
	const char *method = state_meta(d, "cv.method"), *stream = state_meta(d, "cv.stream");
	if (!method || !stream)
		return cvt_fail(e, CVT_INPUT, "is no checkpoint of a training");
	if (strcmp(method, t->method->name) != 0)
		return cvt_fail(e, CVT_INPUT, "was made by --method %s, this is %s", method,
			t->method->name);
	if (strcmp(stream, t->identity) != 0)
		return cvt_fail(e, CVT_INPUT,
			"the input is not the stream that it was trained on; start the same "
			"producer "
			"again, or train anew without --resume");
	const char *line = state_meta(d, "cv.line");
	if (line && strcmp(line, t->line) != 0)
		cli_note(&t->cli, "%s goes on with other options; it was begun as: %s",
			t->checkpoint, line);
	return CVT_OK;
}

int trainer_resume(struct trainer *t, struct cvt_err *e)
{
	const char *file = t->o.resume;
	struct state_dict d = {0};
	if (!file)
		return CVT_OK;
	if (!t->checkpoint)
		return cvt_fail(
			e, CVT_USAGE, "--resume: needs -o FILE, whose checkpoint is FILE.ckpt");
	if (strcmp(file, "auto") == 0) {
		file = t->checkpoint;
		if (access(file, F_OK) != 0 && errno == ENOENT)
			return CVT_OK;
	}
	int code = safetensors_read(file, &d, e);
	if (code == CVT_OK) {
		code = check_checkpoint(t, &d, e);
		if (code == CVT_OK)
			code = train_restore(t->train, &d, e);
		if (code != CVT_OK)
			code = cvt_fail_at(e, "%s", file);
	}
	state_free(&d);
	t->resumed = t->saved = code == CVT_OK;
	return code;
}

/* ---- the model --------------------------------------------------------------------- */

/* The networks that the method keeps; with --keep-all every parameter that it trained. */
static int save_networks(const struct trainer *t, struct state_dict *d, struct cvt_err *e)
{
	const struct learner *l = t->learner;
	const struct graph *g = l->graph;
	if (t->o.keep_all)
		return model_save(g, 0, g->nparams, NULL, NULL, NULL, NULL, d, e);
	for (size_t i = 0; i < l->kept && i < l->nnets; i++) {
		const struct net *n = &l->net[i].net;
		TRY(model_save(g, n->first_param, n->end_param, NULL, NULL, NULL, NULL, d, e));
	}
	return CVT_OK;
}

int trainer_save(struct trainer *t, struct cvt_err *e)
{
	struct state_dict d = {0};
	TRY(fill_info(t, e));
	int code = save_networks(t, &d, e);
	if (code == CVT_OK)
		code = model_info_write(&t->info, &d, e);
	if (code == CVT_OK)
		code = safetensors_write(t->o.common.output, &d, e);
	state_free(&d);
	TRY(code);
	if (t->checkpoint && unlink(t->checkpoint) != 0 && errno != ENOENT)
		return cvt_fail_errno(e, "%s: cannot be removed", t->checkpoint);
	return CVT_OK;
}
