/*
 * knn_options: what can be said to cv-knn, understood.
 */
#ifndef CVT_KNN_OPTIONS_H
#define CVT_KNN_OPTIONS_H

#include "../../formats/episodes.h"
#include "../../libcore/cli.h"
#include "../../libcore/knn.h"

struct knn_options {
	const char *bank, *field, *metric, *vote, *output, *format, *episodes, *pairs;
	size_t k, count;
	double temperature;
	bool k_given, vote_given, metric_given, count_given, output_given;
	bool by_number, keep;
	/* what those words mean */
	bool scores_episodes;       /* --episodes was said */
	struct episodes_size draws; /* ways 0 = the input brings its episodes */
	enum knn_metric measure;
	enum knn_vote ballot;
	bool predict, neighbours;
};

enum { KNN_OPTIONS = 32 };

/* The options of cv-knn, which write into o; fills in the defaults. */
void knn_table(struct knn_options *o, struct cli_option table[KNN_OPTIONS]);
/* CVT_USAGE */
int knn_understand(struct knn_options *o, const struct cli *c, struct cvt_err *e);

#endif
