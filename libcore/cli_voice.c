/* cli_voice: what a program says, and how it ends (see cli.h). */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int cli_end(struct cli *c, int code, const struct cvt_err *e, bool quiet_upstream)
{
	char shown[2 * sizeof e->text];
	const char *name = c->program->name;
	if (code == CVT_GONE)
		code = CVT_OK;
	if (fclose(stdout) != 0 && code == CVT_OK && errno != EPIPE && errno != EBADF) {
		fprintf(stderr, "%s: standard output: %s\n", name, strerror(errno));
		code = CVT_SYSTEM;
	} else if (code != CVT_OK && !(e->upstream && quiet_upstream))
		fprintf(stderr, "%s: %s\n", name, mem_printable(shown, sizeof shown, e->text));
	cli_free(c);
	return code;
}

void cli_note(const struct cli *c, const char *format, ...)
{
	if (c->program->common->quiet)
		return;
	struct str said = {0}, shown = {0};
	va_list args;
	va_start(args, format);
	const int code = str_vprintf(&said, NULL, format, args);
	va_end(args);
	if (code == CVT_OK && str_text(&shown, said.p, said.n, true, NULL) == CVT_OK)
		fprintf(stderr, "%s: %s\n", c->program->name, shown.p);
	free(said.p);
	free(shown.p);
}

/* Also when it is named: "-", /dev/tty, /dev/stdout. */
static bool is_terminal(const char *output)
{
	struct stat s;
	if (!output || strcmp(output, "-") == 0)
		return isatty(STDOUT_FILENO);
	if (stat(output, &s) != 0 || !S_ISCHR(s.st_mode))
		return false;
	const int fd = open(output, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return false;
	const bool is = isatty(fd);
	(void)close(fd); /* nothing was written through it */
	return is;
}

int cli_refuse_terminal(const char *output, struct cvt_err *e)
{
	char shown[300];
	const bool named = output && strcmp(output, "-") != 0;
	if (is_terminal(output))
		return cvt_fail(e, CVT_USAGE,
			"%s is a terminal, and this is binary; add -o FILE or pipe it on",
			named ? mem_printable(shown, sizeof shown, output) : "standard output");
	return CVT_OK;
}

/* ---- progress ---------------------------------------------------------------------- */

double cli_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

const char *cli_clock(double seconds, char to[CLI_CLOCK])
{
	const long s = isfinite(seconds) && seconds < 1e8 ? (long)(seconds + 0.5) : -1;
	if (s < 0)
		(void)snprintf(to, CLI_CLOCK, "?");
	else if (s >= 3600)
		(void)snprintf(to, CLI_CLOCK, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
	else
		(void)snprintf(to, CLI_CLOCK, "%ld:%02ld", s / 60, s % 60);
	return to;
}

void cli_progress_start(struct cli_progress_line *p, const struct cli *c)
{
	const struct cli_common *common = c->program->common;
	*p = (struct cli_progress_line){.cli = c, .started = cli_seconds()};
	p->last = p->started;
	p->terminal = common->progress == PROGRESS_ON || isatty(STDERR_FILENO);
}

bool cli_progress_due(struct cli_progress_line *p)
{
	const struct cli_common *common = p->cli->program->common;
	const double now = cli_seconds();
	if (common->quiet || common->progress == PROGRESS_OFF
		|| now - p->last < (p->terminal ? 0.25 : 60.0))
		return false;
	p->last = now;
	return true;
}

void cli_progress_say(struct cli_progress_line *p, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fprintf(stderr, "%s%s: ", p->terminal ? "\r\033[K" : "", p->cli->program->name);
	(void)vfprintf(stderr, format, args);
	if (!p->terminal)
		(void)fputc('\n', stderr);
	p->open = p->terminal;
	va_end(args);
}

void cli_progress_stop(struct cli_progress_line *p)
{
	if (p->open)
		(void)fputc('\n', stderr);
	p->open = false;
}

void cli_progress_clear(struct cli_progress_line *p)
{
	if (p->open)
		(void)fputs("\r\033[K", stderr);
	p->open = false;
}
