/* knn_options: what can be said to cv-knn (see options.h). */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void knn_table(struct knn_options *o, struct cli_option table[KNN_OPTIONS])
{
	const struct cli_option list[] = {
		{"bank", 0, CLI_TEXT, "FILE", &o->bank,
			"stream or data set whose rows are searched", 0, NULL},
		{"neighbours", 'k', CLI_COUNT, "N", &o->k, "neighbours of each row", 0,
			&o->k_given},
		{"metric", 0, CLI_TEXT, "NAME", &o->metric,
			"distance: cosine, l2 (which is --episodes' default), dot", 0,
			&o->metric_given},
		{"output", 0, CLI_TEXT, "WHAT", &o->output,
			"prediction, neighbours, or both with a comma", CLI_LIST, &o->output_given},
		{"vote", 0, CLI_TEXT, "HOW", &o->vote,
			"weighted or uniform (which is the default but for cosine)", 0,
			&o->vote_given},
		{"temperature", 0, CLI_REAL, "T", &o->temperature,
			"of weighted votes: exp(-distance / T)", 0, NULL},
		{"field", 0, CLI_TEXT, "NAME", &o->field,
			"what is compared (default: embedding, else image)", 0, NULL},
		{"episodes", 0, CLI_TEXT, "[5x1+15]", &o->episodes,
			"accuracy in few-shot tasks: those of the input, or drawn from it",
			CLI_MAYBE, &o->scores_episodes},
		{"count", 0, CLI_COUNT, "N", &o->count, "tasks to draw", 0, &o->count_given},
		{"verify", 0, CLI_TEXT, "PAIRS", &o->pairs,
			"are two rows of one class? lines of INDEX INDEX 0|1; or how many pairs to "
			"draw",
			0, NULL},
		{"classes-by-number", 0, CLI_FLAG, NULL, &o->by_number,
			"match the classes of bank and queries by number, not by name", 0, NULL},
		{"keep", 0, CLI_FLAG, NULL, &o->keep, "pass on pictures and features, too", 0,
			NULL},
		{"format", 0, CLI_TEXT, "NAME", &o->format,
			"what the input is (default: by content)", 0, NULL},
		{0},
	};
	_Static_assert(sizeof list <= KNN_OPTIONS * sizeof *list, "raise KNN_OPTIONS");
	*o = (struct knn_options){.metric = "cosine",
		.vote = "weighted",
		.output = "prediction",
		.k = 20,
		.count = 1000,
		.temperature = 0.07};
	memcpy(table, list, sizeof list);
}

static int find_word(const struct knn_word *words, int n, const char *word, const char *option,
	int *found, struct cvt_err *e)
{
	char all[200] = "";
	for (int i = 0; i < n; i++) {
		const size_t at = strlen(all);
		if (strcmp(words[i].name, word) == 0) {
			*found = i;
			return CVT_OK;
		}
		(void)snprintf(all + at, sizeof all - at, "%s%s", at ? ", " : "", words[i].name);
	}
	return cvt_fail(e, CVT_USAGE, "%s: '%s' is unknown; there are %s", option, word, all);
}

static int parse_outputs(struct knn_options *o, struct cvt_err *e)
{
	char *copy, *word[4];
	size_t n;
	TRY(cli_words(o->output, "--output", &copy, word, 4, &n, e));
	int code = CVT_OK;
	for (size_t i = 0; i < n && code == CVT_OK; i++)
		if (strcmp(word[i], "prediction") == 0)
			o->predict = true;
		else if (strcmp(word[i], "neighbours") == 0)
			o->neighbours = true;
		else
			code = cvt_fail(e, CVT_USAGE,
				"--output: '%s' is unknown; there are prediction, neighbours",
				word[i]);
	free(copy);
	return code;
}

/* For other metrics than the cosine exp(-distance / T) has no natural T, so there all neighbours
 * count the same unless the user wants it. */
static int understand_words(struct knn_options *o, struct cvt_err *e)
{
	int metric = 0, vote = 0;
	TRY(find_word(knn_metrics, KNN_METRICS, o->metric, "--metric", &metric, e));
	TRY(find_word(knn_votes, KNN_VOTES, o->vote, "--vote", &vote, e));
	o->measure = (enum knn_metric)metric;
	o->ballot = (enum knn_vote)vote;
	if (o->scores_episodes && !o->metric_given)
		o->measure = KNN_L2;
	if (!o->vote_given && o->measure != KNN_COSINE)
		o->ballot = KNN_UNIFORM;
	return CVT_OK;
}

/* Search, episodes and pairs are three ways; each has options that the others lack. */
static int check_way(const struct knn_options *o, const struct cli *c, struct cvt_err *e)
{
	const bool scores = o->scores_episodes || o->pairs;
	if (o->scores_episodes && o->pairs)
		return cvt_fail(e, CVT_USAGE, "--episodes or --verify: choose one");
	if (!o->bank && !scores)
		return cvt_fail(e, CVT_USAGE, "no bank; say --bank FILE (or --episodes, --verify)");
	if (scores && (o->output_given || o->keep))
		return cvt_fail(e, CVT_USAGE,
			"%s: prints figures, so --output and --keep have no place beside it; -o "
			"names a file",
			o->pairs ? "--verify" : "--episodes");
	if (o->pairs && o->bank)
		return cvt_fail(e, CVT_USAGE, "--verify: compares rows of the input; no --bank");
	if (o->pairs)
		TRY(cli_refuse(c, "neighbours vote temperature classes-by-number",
			"is of a vote among neighbours; --verify compares two rows", e));
	if (o->scores_episodes && !o->k_given)
		TRY(cli_refuse(c, "vote temperature",
			"is of a vote among neighbours; tasks have one with -k N", e));
	if (o->count_given && (!o->episodes || o->count == 0))
		return cvt_fail(e, CVT_USAGE,
			"--count: goes with --episodes WAYSxSHOTS+QUERIES, and is at least 1");
	if (o->scores_episodes && !o->episodes && o->bank)
		return cvt_fail(e, CVT_USAGE,
			"--bank: gives the support of tasks that are drawn; say --episodes 5x1+15");
	return CVT_OK;
}

int knn_understand(struct knn_options *o, const struct cli *c, struct cvt_err *e)
{
	TRY(understand_words(o, e));
	TRY(check_way(o, c, e));
	TRY(cli_refuse_stdin(c, e));
	if (o->k == 0)
		return cvt_fail(e, CVT_USAGE, "-k: at least one neighbour is needed");
	if (!(o->temperature > 0))
		return cvt_fail(e, CVT_USAGE, "--temperature: must be greater than 0");
	if (c->operands > 1)
		return cvt_fail(e, CVT_USAGE,
			"'%s': one input at a time; join several with cv-read", c->operand[1]);
	if (o->episodes)
		TRY(episodes_parse(o->episodes, &o->draws, e));
	if (o->episodes && o->draws.queries == 0)
		return cvt_fail(e, CVT_USAGE,
			"--episodes: '%s' has no queries to tell apart; write %.*s+15", o->episodes,
			(int)strcspn(o->episodes, "+"), o->episodes);
	return parse_outputs(o, e);
}
