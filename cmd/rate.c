/* rate: progress and figures of programs that pass rows on (see rate.h). */
#include "rate.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "eval/print.h"

static const struct cli_common *common_of(const struct rate *r)
{
	return r->line.cli->program->common;
}

static bool is_stdout(const char *path)
{
	return !path || strcmp(path, "-") == 0;
}

/* Somebody reads what this program writes, and will speak. */
static bool is_read(const struct cli_common *common)
{
	struct stat s;
	return is_stdout(common->output) && fstat(STDOUT_FILENO, &s) == 0
	       && (S_ISFIFO(s.st_mode) || S_ISSOCK(s.st_mode));
}

void rate_start_last(struct rate *r, const struct cli *c, const struct head *h)
{
	*r = (struct rate){.speaks = true};
	cli_progress_start(&r->line, c);
	if (h && h->rows != HEAD_UNKNOWN)
		r->total = (uint64_t)h->rows * (h->epochs == HEAD_UNKNOWN ? 1 : h->epochs);
}

int rate_start(struct rate *r, const struct cli *c, const struct head *h, struct cvt_err *e)
{
	const struct cli_common *common = c->program->common;
	rate_start_last(r, c, h);
	r->speaks = common->progress == PROGRESS_ON || !is_read(common);
	return common->metrics && strcmp(common->metrics, "-") == 0 && is_stdout(common->output)
		       ? cvt_fail(e, CVT_USAGE, "--metrics -: the rows go there; add -o FILE")
		       : CVT_OK;
}

void rate_add(struct rate *r, size_t rows)
{
	r->rows += rows;
	if (!r->speaks || !cli_progress_due(&r->line))
		return;
	const double seconds = cli_seconds() - r->line.started, done = (double)r->rows;
	char left[CLI_CLOCK];
	if (r->total >= r->rows)
		cli_progress_say(&r->line, "%.0f of %.0f rows, %.0f/s, ETA %s", done,
			(double)r->total, done / seconds,
			cli_clock(seconds / done * ((double)r->total - done), left));
	else
		cli_progress_say(&r->line, "%.0f rows, %.0f/s", done, done / seconds);
}

void rate_stop(struct rate *r)
{
	if (r->line.cli)
		cli_progress_clear(&r->line);
}

int rate_report(const struct rate *r, struct report *to, struct cvt_err *e)
{
	const double seconds = cli_seconds() - r->line.started;
	TRY(report_count(to, "rows", r->rows, e));
	TRY(report_share(to, "seconds", seconds, e));
	return report_share(to, "rows_per_second", (double)r->rows / (seconds + 1e-9), e);
}

int rate_finish(struct rate *r, struct cvt_err *e)
{
	struct report report = {0};
	rate_stop(r);
	if (!common_of(r)->metrics)
		return CVT_OK;
	int code = rate_report(r, &report, e);
	if (code == CVT_OK)
		code = eval_write_metrics(common_of(r)->metrics, &report, e);
	report_free(&report);
	return code;
}
