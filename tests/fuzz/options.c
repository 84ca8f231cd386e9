/* libFuzzer: any lines as the words of a command line, against a table with an option of each type. */
#include "../../libcore/cli.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS = 64 };

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

static int parse(int argc, char **argv)
{
	bool flag = false, done = false, given = false;
	size_t count = 0, size = 0;
	double real = 0;
	const char *text = NULL;
	uint64_t number = 0;
	struct cli_many many = {0};
	struct cli_option table[] = {
		{"flag", 'f', CLI_FLAG, NULL, &flag, "on", 0, NULL},
		{"number", 'c', CLI_COUNT, "N", &count, "how many", 0, NULL},
		{"factor", 0, CLI_REAL, "F", &real, "times", 0, &given},
		{"text", 't', CLI_TEXT, "TEXT", &text, "words", CLI_SOURCE, NULL},
		{"maybe", 0, CLI_TEXT, "N", &text, "words or none", CLI_MAYBE, NULL},
		{"bytes", 0, CLI_BYTES, "SIZE", &size, "how large", CLI_NEUTRAL, NULL},
		{"chance", 0, CLI_SEED, "N", &number, "drawn from", 0, NULL},
		{"many", 'm', CLI_MANY, "WORD", &many, "again and again", 0, NULL},
		{0},
	};
	struct cli_common common = {.threads = 1};
	const struct cli_program program = {.name = "fuzz",
		.summary = "Nothing.",
		.usage = "[OPTION]...",
		.examples = "  fuzz",
		.options = table,
		.common = &common};
	struct cvt_err e = {0};
	struct cli c;
	struct str history = {0};
	if (cli_parse(&c, &program, argc, argv, &done, &e) == CVT_OK && !done)
		(void)cli_history(&c, 0, true, &history, &e);
	free(history.p);
	cli_free(&c);
	return 0;
}

/* Words that would be answered on standard output become others. */
static void ask_nothing(char *word)
{
	if (strncmp(word, "--h", 3) == 0 || strncmp(word, "--v", 3) == 0)
		word[0] = '+';
	for (char *h; word[0] == '-' && word[1] != '-' && (h = strchr(word, 'h')) != NULL;)
		*h = 'f';
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n)
{
	char *argv[WORDS + 2] = {(char[]){"fuzz"}};
	int argc = 1;
	char *text = malloc(n + 1), *left = text;
	if (!text)
		return 0;
	memcpy(text, bytes, n);
	text[n] = '\0';
	for (char *w; argc <= WORDS && (w = strtok_r(left, "\n", &left)) != NULL;)
		argv[argc++] = w;
	for (int i = 1; i < argc; i++)
		ask_nothing(argv[i]);
	(void)parse(argc, argv);
	free(text);
	return 0;
}
