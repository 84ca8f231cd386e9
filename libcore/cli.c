/* cli: how every program of the suite starts, reads its command line, speaks and ends (see cli.h).
 * getopt_long does the parsing; what it allows beyond our grammar (abbreviations) is refused here. */
#include "cli_private.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLI_THREADS = 1024 };

enum { HELP_CODE = 0x1000, VERSION_CODE, TABLE_CODE = 0x2000 };

/* ---- the table --------------------------------------------------------------------- */

static int store(const struct cli_option *o, const char *text, struct cvt_err *e)
{
	char what[80];
	if (o->name)
		(void)snprintf(what, sizeof what, "--%s", o->name);
	else
		(void)snprintf(what, sizeof what, "-%c", o->letter);
	if (o->given)
		*o->given = true;
	switch (o->type) {
	case CLI_FLAG:
		*(bool *)o->to = true;
		return CVT_OK;
	case CLI_COUNT:
		return cli_count(text, what, o->to, e);
	case CLI_REAL:
		return cli_real(text, what, o->to, e);
	case CLI_TEXT:
		*(const char **)o->to = text;
		return CVT_OK;
	case CLI_BYTES:
		return mem_parse_size(text, o->to, e) ? cvt_fail_at(e, "%s", what) : CVT_OK;
	case CLI_SEED:
		return cli_u64(text, what, o->to, e);
	case CLI_MANY: {
		struct cli_many *m = o->to;
		void *p = m->item;
		TRY(mem_grow(&p, &m->capacity, m->n + 1, sizeof *m->item, e));
		m->item = p;
		m->item[m->n++] = text;
		return CVT_OK;
	}
	}
	return CVT_OK;
}

/* The common options, in the order of the help. */
static size_t common_options(const struct cli_program *p, struct cli_option *to)
{
	struct cli_common *c = p->common;
	const struct cli_option list[] = {
		{NULL, 0, CLI_FLAG, NULL, NULL, "Common", 0, NULL},
		{"input", 'i', CLI_TEXT, "FILE", &c->input, "read FILE instead of stdin",
			CLI_SOURCE, NULL},
		{p->output_is_stage ? NULL : "output", 'o', CLI_TEXT, "FILE", &c->output,
			"write FILE instead of stdout, whole or not at all", CLI_NEUTRAL, NULL},
		{"seed", 0, CLI_SEED, "N", &c->seed,
			"what chance is drawn from (default: the stream's)", CLI_NEUTRAL,
			&c->seed_given},
		{"threads", 0, CLI_COUNT, "N", &c->threads,
			"threads, 0 = all cores; never changes a result", CLI_NEUTRAL, NULL},
		{"max-memory", 0, CLI_BYTES, "SIZE", &c->max_memory,
			"most memory for data that must be held (default: half of the machine's); "
			"large networks count",
			CLI_NEUTRAL | CLI_POSITIVE, NULL},
		{"allow-empty", 0, CLI_FLAG, NULL, &c->allow_empty, "zero rows are no error", 0,
			NULL},
		{"no-history", 0, CLI_FLAG, NULL, &c->no_history,
			"leave out the lines that say what made this", 0, NULL},
		{"progress", 0, CLI_TEXT, "WHEN", &c->progress_text, "auto, always or never",
			CLI_NEUTRAL, NULL},
		{"metrics", 0, CLI_TEXT, "FILE", &c->metrics,
			"write figures as JSON lines (or .tsv)", CLI_NEUTRAL, NULL},
		{"quiet", 'q', CLI_FLAG, NULL, &c->quiet, "no progress, no notes", CLI_NEUTRAL,
			NULL},
		{"verbose", 'v', CLI_FLAG, NULL, &c->verbose, "say more", CLI_NEUTRAL, NULL},
		{"list", 0, CLI_FLAG, NULL, &c->list, "print what it knows, name<TAB>help",
			CLI_NEUTRAL, NULL},
	};
	const size_t n = sizeof list / sizeof *list;
	if (to)
		memcpy(to, list, sizeof list);
	return n;
}

static int build_table(struct cli *c, const struct cli_program *p, struct cvt_err *e)
{
	size_t n = 0;
	while (p->options[n].name || p->options[n].letter || p->options[n].help)
		n++;
	const size_t common = common_options(p, NULL);
	c->all = mem_alloc(n + common, sizeof *c->all, e);
	if (!c->all)
		return CVT_SYSTEM;
	memcpy(c->all, p->options, n * sizeof *c->all);
	common_options(p, c->all + n);
	c->n = n + common;
	return CVT_OK;
}

/* ---- parsing ----------------------------------------------------------------------- */

static int unknown_option(const struct cli *c, const char *typed, struct cvt_err *e)
{
	char name[100], shown[200];
	const char *words[512] = {"help", "version"};
	size_t n = 2;
	(void)snprintf(name, sizeof name, "%.*s", (int)strcspn(typed, "="), typed);
	mem_printable(shown, sizeof shown, name);
	if (strncmp(name, "--", 2) != 0)
		return cvt_fail(e, CVT_USAGE, "unknown option '%s'; see %s --help", shown,
			c->program->name);
	for (size_t i = 0; i < c->n && n < 512; i++)
		words[n++] = c->all[i].name;
	size_t near = mem_nearest(name + 2, words, n);
	for (size_t i = 0; near == n && i < n; i++)
		if (words[i] && strlen(name) > 3 && strstr(words[i], name + 2) == words[i])
			near = i;
	if (near < n)
		return cvt_fail(e, CVT_USAGE, "unknown option '%s'; did you mean '--%s'?", shown,
			words[near]);
	return cvt_fail(
		e, CVT_USAGE, "unknown option '%s'; see %s --help", shown, c->program->name);
}

struct getopt_table {
	struct option *longs;
	char *shorts;
};

static int getopt_tables(const struct cli *c, struct getopt_table *g, struct cvt_err *e)
{
	size_t n = 0, s = 0;
	g->longs = mem_alloc(c->n + 3, sizeof *g->longs, e);
	g->shorts = mem_alloc(2 * c->n + 4, 1, e);
	if (!g->longs || !g->shorts)
		return CVT_SYSTEM;
	g->shorts[s++] = ':';
	g->shorts[s++] = 'h';
	for (size_t i = 0; i < c->n; i++) {
		const struct cli_option *o = &c->all[i];
		const int takes = o->type == CLI_FLAG    ? no_argument
				  : o->flags & CLI_MAYBE ? optional_argument
							 : required_argument;
		if (o->name)
			g->longs[n++] = (struct option){o->name, takes, NULL, TABLE_CODE + (int)i};
		if (o->letter) {
			g->shorts[s++] = o->letter;
			if (takes)
				g->shorts[s++] = ':';
		}
	}
	g->longs[n++] = (struct option){"help", optional_argument, NULL, HELP_CODE};
	g->longs[n] = (struct option){"version", no_argument, NULL, VERSION_CODE};
	return CVT_OK;
}

static const struct cli_option *by_letter(const struct cli *c, int letter)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->all[i].letter && c->all[i].letter == letter)
			return &c->all[i];
	return NULL;
}

/* getopt_long takes unique beginnings for the whole name; we do not. */
static bool spelled_out(const char *typed, const char *name)
{
	return strncmp(typed, "--", 2) != 0
	       || (strncmp(typed + 2, name, strlen(name)) == 0
		       && (typed[2 + strlen(name)] == '\0' || typed[2 + strlen(name)] == '='));
}

static int missing_argument(const char *typed, struct cvt_err *e)
{
	char shown[200];
	return cvt_fail(e, CVT_USAGE, "option '%s' needs an argument",
		mem_printable(shown, sizeof shown, typed));
}

/* A word can hold several: -qv. */
static int add_token(struct cli *c, const struct cli_option *o, const char *text, struct cvt_err *e)
{
	void *p = c->token;
	TRY(mem_grow(&p, &c->token_capacity, c->tokens + 1, sizeof *c->token, e));
	c->token = p;
	c->token[c->tokens++] = (struct cli_token){o, text};
	return CVT_OK;
}

static bool stands_already(const struct cli *c, const struct cli_option *o)
{
	for (size_t i = 0; i < c->tokens; i++)
		if (c->token[i].option == o)
			return true;
	return false;
}

/* "--drop a --drop b" is "--drop a,b". */
static int join(struct cli *c, const struct cli_option *o, const char **text, struct cvt_err *e)
{
	struct str both = {0};
	void *p = c->joined;
	TRY(mem_grow(&p, &c->joined_capacity, c->njoined + 1, sizeof *c->joined, e));
	c->joined = p;
	const int code = str_printf(&both, e, "%s,%s", *(const char **)o->to, *text);
	if (code != CVT_OK) {
		free(both.p);
		return code;
	}
	*text = c->joined[c->njoined++] = both.p;
	return CVT_OK;
}

static int take_option(struct cli *c, const struct cli_option *o, char **argv, struct cvt_err *e)
{
	const char *text;
	const char *next = argv[optind];
	if ((o->flags & CLI_MAYBE) && !optarg && next && isdigit((unsigned char)*next))
		optarg = argv[optind++];
	text = optarg;
	if ((o->flags & CLI_LIST) && stands_already(c, o))
		TRY(join(c, o, &text, e));
	TRY(add_token(c, o, o->type == CLI_FLAG ? NULL : optarg, e));
	TRY(store(o, text, e));
	return (o->flags & CLI_POSITIVE) && *(const size_t *)o->to == 0
		       ? cvt_fail(e, CVT_USAGE, "--%s: must be at least 1", o->name)
		       : CVT_OK;
}

/* The word at hand: getopt has moved optind past it, and past its argument if that was a word of its
 * own. */
static const char *word_at_hand(char **argv, bool separate_argument)
{
	return argv[optind - (separate_argument ? 2 : 1)];
}

/* getopt's complaint about the word before optind, in our words. */
static int complain(const struct cli *c, int code, char **argv, struct cvt_err *e)
{
	const char *word = argv[optind - 1];
	const char letter[3] = {'-', (char)optopt, '\0'};
	if (code == ':')
		return missing_argument(word, e);
	if (optopt && optopt < HELP_CODE && word[1] != '-')
		return unknown_option(c, letter, e);
	if (optopt >= HELP_CODE)
		return cvt_fail(e, CVT_USAGE, "option '%s' takes no argument", word);
	return unknown_option(c, word, e);
}

/* --help and --version end the program; *done is set. */
static int answer(const struct cli *c, int code, bool *done, struct cvt_err *e)
{
	*done = code == HELP_CODE || code == 'h' || code == VERSION_CODE;
	if (code == VERSION_CODE)
		printf("%s (cvtools) %s\n", c->program->name, CVT_VERSION);
	else if (*done)
		return cli_help(c, code == 'h' ? NULL : optarg, e);
	return CVT_OK;
}

static int parse_words(struct cli *c, const struct getopt_table *g, int argc, char **argv,
	bool *done, struct cvt_err *e)
{
	opterr = 0;
	optind = 0;
	for (;;) {
		int which = -1;
		const int code = getopt_long(argc, argv, g->shorts, g->longs, &which);
		if (code == -1)
			return CVT_OK;
		if (code == ':' || code == '?')
			return complain(c, code, argv, e);
		const char *word = word_at_hand(argv, optarg && optarg == argv[optind - 1]);
		if (which >= 0 && !spelled_out(word, g->longs[which].name))
			return unknown_option(c, word, e);
		TRY(answer(c, code, done, e));
		if (*done)
			return CVT_OK;
		TRY(take_option(c,
			code >= TABLE_CODE ? &c->all[code - TABLE_CODE] : by_letter(c, code), argv,
			e));
	}
}

static int check_common(struct cli_common *common, struct cvt_err *e)
{
	static const char *const when[] = {"auto", "always", "never"};
	common->network_memory = common->max_memory ? common->max_memory : 2 * mem_default_budget();
	if (!common->max_memory)
		common->max_memory = mem_default_budget();
	if (common->threads > CLI_THREADS)
		return cvt_fail(e, CVT_USAGE, "--threads %zu: at most %d; 0 = all cores",
			common->threads, CLI_THREADS);
	if (!common->progress_text)
		return CVT_OK;
	for (int i = 0; i < 3; i++)
		if (strcmp(common->progress_text, when[i]) == 0) {
			common->progress = (enum cli_progress)i;
			return CVT_OK;
		}
	return cvt_fail(e, CVT_USAGE, "--progress: there are auto, always and never");
}

/* A program may be started without standard descriptors; opening a file must not land on one. */
static void secure_descriptors(void)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) == -1 && errno == EBADF) {
			const int got = open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
			if (got != fd && got > 2)
				(void)close(got);
		}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
}

int cli_parse(struct cli *c, const struct cli_program *p, int argc, char **argv, bool *done,
	struct cvt_err *e)
{
	struct getopt_table g = {0};
	secure_descriptors();
	*c = (struct cli){.program = p};
	*done = false;
	int code = build_table(c, p, e);
	if (code == CVT_OK)
		code = getopt_tables(c, &g, e);
	if (code == CVT_OK)
		code = parse_words(c, &g, argc, argv, done, e);
	if (code == CVT_OK) {
		c->operand = argv + optind;
		c->operands = (size_t)(argc - optind);
		for (size_t i = 0; i < c->operands && code == CVT_OK; i++)
			code = add_token(c, NULL, c->operand[i], e);
	}
	if (code == CVT_OK)
		code = check_common(p->common, e);
	if (code == CVT_OK && !*done)
		code = cli_check_files(c, e);
	free(g.longs);
	free(g.shorts);
	return code;
}

int cli_refuse(const struct cli *c, const char *names, const char *why, struct cvt_err *e)
{
	for (size_t i = 0; i < c->tokens; i++) {
		const char *name = c->token[i].option ? c->token[i].option->name : NULL;
		const size_t n = name ? strlen(name) : 0;
		for (const char *s = names; n && *s; s += strcspn(s, " "), s += strspn(s, " "))
			if (strcspn(s, " ") == n && strncmp(s, name, n) == 0)
				return cvt_fail(e, CVT_USAGE, "--%s: %s", name, why);
	}
	return CVT_OK;
}

void cli_free(struct cli *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->all[i].type == CLI_MANY && c->all[i].to) {
			struct cli_many *m = c->all[i].to;
			free(m->item);
			*m = (struct cli_many){0};
		}
	for (size_t i = 0; i < c->njoined; i++)
		free(c->joined[i]);
	free(c->joined);
	free(c->all);
	free(c->token);
	*c = (struct cli){0};
}

/* ---- history ----------------------------------------------------------------------- */

static bool is_told(const struct cli *c, const struct cli_token *t, bool drop_source)
{
	const struct cli_option *o = t->option;
	if (o && (o->flags & CLI_NEUTRAL))
		return false;
	return !drop_source || !(o ? o->flags & CLI_SOURCE : c->program->operands_are_source);
}

static int put_option(
	struct str *out, const struct cli_token *t, bool drop_source, struct cvt_err *e)
{
	const struct cli_option *o = t->option;
	if (o->name)
		TRY(str_printf(out, e, "--%s", o->name));
	else
		TRY(str_printf(out, e, "-%c", o->letter));
	if (t->text)
		TRY(str_puts(out, " ", e));
	return drop_source && (o->flags & CLI_ROWS) ? str_puts(out, "-", e)
	       : t->text                            ? cli_quote(out, t->text, e)
						    : CVT_OK;
}

/* Is one of the operands, which are the last tokens, to be told and would be taken for an option, were
 * there no -- before it? */
static bool needs_dashes(const struct cli *c, bool drop_source)
{
	for (size_t i = 0; i < c->tokens; i++) {
		const struct cli_token *t = &c->token[i];
		if (!t->option && t->text[0] == '-' && t->text[1] && is_told(c, t, drop_source))
			return true;
	}
	return false;
}

int cli_history(
	const struct cli *c, uint64_t seed, bool drop_source, struct str *out, struct cvt_err *e)
{
	const unsigned long long number = seed;
	const bool dashes = needs_dashes(c, drop_source);
	bool seeded = false;
	TRY(str_puts(out, c->program->name, e));
	for (size_t i = 0; i < c->tokens; i++) {
		const struct cli_token *t = &c->token[i];
		if (!is_told(c, t, drop_source))
			continue;
		if (dashes && !seeded && !t->option) {
			TRY(str_printf(out, e, " --seed %llu --", number));
			seeded = true;
		}
		TRY(str_puts(out, " ", e));
		TRY(t->option ? put_option(out, t, drop_source, e) : cli_quote(out, t->text, e));
	}
	return seeded ? CVT_OK : str_printf(out, e, " --seed %llu", number);
}
