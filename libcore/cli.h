/*
 * cli: how every program of the suite starts, reads its command line, speaks and ends.
 *
 * One table of options a program is its parser, its --help (with the live defaults), the OPTIONS of
 * its man page (--help=man) and its completion (--help=tsv). Options are long or short, anywhere on
 * the line, never abbreviated; numbers are read strictly and independent of the locale.
 */
#ifndef CVT_CLI_H
#define CVT_CLI_H

#include "mem.h"

enum cli_type {
	CLI_FLAG,  /* bool: no argument */
	CLI_COUNT, /* size_t >= 0 */
	CLI_REAL,  /* double */
	CLI_TEXT,  /* const char *, borrowed from argv */
	CLI_BYTES, /* size_t, "64M" */
	CLI_SEED,  /* uint64_t */
	CLI_MANY,  /* struct cli_many: may be repeated */
};

struct cli_many {
	const char **item; /* borrowed from argv */
	size_t n, capacity;
};

enum cli_option_flags {
	CLI_NEUTRAL = 1, /* cannot change a result: left out of the history line */
	CLI_SOURCE = 2,  /* names the input: left out when that carries its own history */
	CLI_MAYBE =
		4, /* a CLI_TEXT whose argument may be left out (NULL): the next word is it only if
			    it begins with a digit */
	CLI_ROWS = 8,  /* names the input, and says what to do with it: "-" in the history when that
			 carries its own */
	CLI_LIST = 16, /* a CLI_TEXT of words parted by commas: those of a second one join them */
	CLI_POSITIVE = 32, /* a CLI_COUNT or CLI_BYTES of which 0 is CVT_USAGE */
};

/* Tables end with {0}. A line with only `name` of NULL and `help` is the heading of a group. */
struct cli_option {
	const char *name; /* without the dashes; NULL if there is only a letter */
	char letter;      /* 0 = none */
	enum cli_type type;
	const char *arg; /* "N", "FILE"; NULL for flags */
	void *to;        /* what the type says; holds the default before parsing */
	const char *help;
	unsigned flags;
	bool *given; /* set when the option was on the line; may be NULL */
};

enum cli_progress { PROGRESS_AUTO, PROGRESS_ON, PROGRESS_OFF };

/* What all commands share. */
struct cli_common {
	const char *input, *output, *metrics, *progress_text;
	bool quiet, verbose, list, allow_empty, no_history, seed_given;
	uint64_t seed;
	size_t threads, max_memory;
	size_t network_memory; /* that, or all of the machine's when it was not given */
	enum cli_progress progress;
};

struct cli_program {
	const char *name, *summary;
	const char *usage;    /* what follows the name: "[OPTION]... [FILE]..." */
	const char *examples; /* one a line */
	struct cli_option *options;
	struct cli_common *common;
	bool operands_are_source; /* operands name inputs (left out of history like CLI_SOURCE) */
	bool output_is_stage;     /* --output is the program's own word; only -o names the file */
};

struct cli {
	const struct cli_program *program;
	struct cli_option *all; /* the program's and the common ones */
	size_t n;
	char **operand; /* NULL-terminated, borrowed from argv */
	size_t operands;
	struct cli_token *token; /* the line as typed, for the history */
	size_t tokens, token_capacity;
	char **joined; /* texts of lists that stood several times */
	size_t njoined, joined_capacity;
};

/* Start-up: standard descriptors exist, SIGPIPE and SIGXFSZ are ignored. Then parses. --help and
 * --version are answered here: *done is set, and the program ends with 0. CVT_USAGE otherwise, with
 * "did you mean". */
int cli_parse(struct cli *c, const struct cli_program *p, int argc, char **argv, bool *done,
	struct cvt_err *e);
void cli_free(struct cli *c);
/* CVT_USAGE "--NAME: WHY" for the first option on the line that is one of `names` (parted by blanks): it
 * would have no effect. */
int cli_refuse(const struct cli *c, const char *names, const char *why, struct cvt_err *e);

/* CVT_USAGE when the file `written` (NULL = none) is among those that the line names to be read, but by
 * the option `except`. -o and --metrics are looked at by cli_parse. */
int cli_refuse_read(
	const struct cli *c, const char *written, const char *except, struct cvt_err *e);

/* For a program that is about to read its input: CVT_USAGE when nothing on the line names it, which is
 * standard input then, and an option asks for that, too. */
int cli_refuse_stdin(const struct cli *c, struct cvt_err *e);

/* The line of `prog` in a stream's HEAD: NAME and the options that can change the result,
 * shell-quoted, with --seed always; without the inputs when drop_source. */
int cli_history(
	const struct cli *c, uint64_t seed, bool drop_source, struct str *out, struct cvt_err *e);
/* Adds one shell word, quoted if it has to be, control characters as \ooo inside $'' never: as \ooo
 * text (STREAM.md). */
int cli_quote(struct str *out, const char *word, struct cvt_err *e);
/* Takes the next word of a line that cli_quote made, without its quotes, into *word (empty before); *at
 * moves behind it. *good is false when cli_quote writes no such thing: a shell would read more into it
 * than words. */
int cli_unquote(const char **at, struct str *word, bool *good, struct cvt_err *e);

/* The only voice: "NAME: TEXT" to stderr for a failure; nothing when code is 0, nor when the failure
 * is an upstream one and quiet_upstream (it went on as FAIL into a pipe). Closes stdout, frees c.
 * Returns the exit code for main. */
int cli_end(struct cli *c, int code, const struct cvt_err *e, bool quiet_upstream);
/* A note for people on stderr, with the name before it; silent with -q. */
void cli_note(const struct cli *c, const char *format, ...) CVT_PRINTF(2, 3);

/* Exactly one real number, or integer; CVT_USAGE naming `what` otherwise. */
int cli_real(const char *text, const char *what, double *to, struct cvt_err *e);
int cli_count(const char *text, const char *what, size_t *to, struct cvt_err *e);
/* "a,b,c": at most max numbers. */
int cli_reals(
	const char *text, const char *what, double *to, size_t max, size_t *n, struct cvt_err *e);
/* Cuts a comma list in a copy of text: word[0..*n) point into *copy, which the caller frees. CVT_USAGE
 * naming `what` when there are too many, or one is empty. */
int cli_words(const char *text, const char *what, char **copy, char **word, size_t max, size_t *n,
	struct cvt_err *e);

/* Refuses to write binary data to a terminal (CVT_USAGE). */
int cli_refuse_terminal(const char *output, struct cvt_err *e);

/* Progress: one rewritten line on a terminal, a line a minute elsewhere, nothing with -q or
 * --progress never. */
struct cli_progress_line {
	const struct cli *cli;
	double started, last;
	bool terminal, open;
};
void cli_progress_start(struct cli_progress_line *p, const struct cli *c);
/* True when it is time to say something (4 times a second on a terminal, once a minute elsewhere). */
bool cli_progress_due(struct cli_progress_line *p);
void cli_progress_say(struct cli_progress_line *p, const char *format, ...) CVT_PRINTF(2, 3);
/* Ends the rewritten line, so that the next message starts on a fresh one. */
void cli_progress_stop(struct cli_progress_line *p);
/* Takes it away, where what follows says more. */
void cli_progress_clear(struct cli_progress_line *p);
/* Seconds on a clock that only goes forward. */
double cli_seconds(void);
/* A time for people, "12:05" or "1:02:05", "?" where it is not known; returns `to`. */
enum { CLI_CLOCK = 30 };
const char *cli_clock(double seconds, char to[CLI_CLOCK]);

#endif
