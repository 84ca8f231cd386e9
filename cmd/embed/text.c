/* text: what --arch names (see text.h). */
#include "text.h"

#include "../../formats/safetensors.h"
#include "../../libcore/cli.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROBE = 64 };

/* Of the zoo's names none is taken for a file. Only what can be read twice is looked at: a text may come
 * through a pipe. */
static bool is_model(const char *name)
{
	unsigned char start[PROBE];
	struct stat st;
	for (const struct arch_zoo *z = arch_zoo; z->name; z++)
		if (strcmp(z->name, name) == 0)
			return false;
	if (stat(name, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	const int fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	const ssize_t n = read(fd, start, sizeof start);
	(void)close(fd); /* nothing was written */
	return n > 0 && safetensors_probe(start, (size_t)n);
}

int text_load(struct arch **a, const char *name, struct cvt_err *e)
{
	struct state_dict d = {0};
	char shown[256];
	*a = NULL;
	if (!is_model(name))
		return arch_load(a, name, e);
	mem_printable(shown, sizeof shown, name);
	int code = safetensors_read(name, &d, e);
	const char *text = code == CVT_OK ? state_meta(&d, "cv.arch") : NULL;
	if (text)
		code = arch_parse(a, name, text, e);
	else if (code == CVT_OK)
		code = cvt_fail(e, CVT_USAGE,
			"%s: a model that carries no architecture; name the text's file or one of "
			"--list",
			shown);
	state_free(&d);
	return code;
}

int text_lets(struct arch *a, const char *lets, bool classes, struct cvt_err *e)
{
	enum { MOST = 32 };
	char *copy, *word[MOST];
	size_t n = 0;
	if (!lets)
		return CVT_OK;
	TRY(cli_words(lets, "--let", &copy, word, MOST, &n, e));
	int code = CVT_OK;
	for (size_t i = 0; i < n && code == CVT_OK; i++) {
		char *equals = strchr(word[i], '=');
		double value = 0;
		if (!equals)
			code = cvt_fail(
				e, CVT_USAGE, "--let: write NAME=NUMBER, not '%s'", word[i]);
		else {
			*equals = '\0';
			code = cli_real(equals + 1, "--let", &value, e);
		}
		if (code == CVT_OK && !classes && strcmp(word[i], "classes") == 0)
			code = cvt_fail(
				e, CVT_USAGE, "--let classes: say --num-classes %s", equals + 1);
		if (code == CVT_OK && !arch_lets(a, word[i]))
			code = cvt_fail(e, CVT_USAGE,
				"--let: %s says nothing of '%s'; see cv-view --arch",
				arch_source(a), word[i]);
		if (code == CVT_OK)
			code = arch_let(a, word[i], value, e);
	}
	free(copy);
	return code;
}
