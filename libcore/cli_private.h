/* cli_private: what the files of cli share: parsing (cli.c), help (cli_help.c), words and
 * numbers (cli_words.c), files (cli_files.c); the voice (cli_voice.c) needs nothing of it. */
#ifndef CVT_CLI_PRIVATE_H
#define CVT_CLI_PRIVATE_H

#include "cli.h"

/* One word of the line as typed: an option (with its argument) or an operand. */
struct cli_token {
	const struct cli_option *option; /* NULL = operand */
	const char *text;                /* the argument, or the operand */
};

static inline bool cli_is_heading(const struct cli_option *o)
{
	return !o->name && !o->letter;
}

/* Answers --help=how (NULL = the screen). */
int cli_help(const struct cli *c, const char *how, struct cvt_err *e);
/* CVT_USAGE when a file is written (-o, --metrics) that the line names to be read, or both are one; when
 * a file has no name; when the input is named in two ways, or standard input twice. */
int cli_check_files(const struct cli *c, struct cvt_err *e);
int cli_u64(const char *text, const char *what, uint64_t *to, struct cvt_err *e);

#endif
