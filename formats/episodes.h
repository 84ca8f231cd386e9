/*
 * episodes: few-shot tasks drawn from labelled rows (Vinyals et al., "Matching networks for one shot
 * learning", NIPS 2016): some classes, and of each class the support and the query rows. An episode
 * is a function of the seed, the epoch and its number. cv-read writes them, cv-knn scores them.
 */
#ifndef CVT_EPISODES_H
#define CVT_EPISODES_H

#include "../libcore/mem.h"

/* "5x1+15": ways x shots + queries of each. */
struct episodes_size {
	size_t ways, shots, queries;
};
int episodes_parse(const char *text, struct episodes_size *to, struct cvt_err *e);

/* Rows to draw from: their numbers (NULL = 0..n-1), and the class of each number; below 0 = none. */
struct episodes_rows {
	const int32_t *label;
	const size_t *number;
	size_t n;
};

/* Rows end to end, class by class: class k's begin at first[k]. */
struct episodes_pool {
	size_t *row, *first, classes;
	int32_t *label; /* of each class */
};

struct episodes {
	struct episodes_size size;
	struct episodes_pool support, query; /* with classes that have rows enough in both */
	bool apart;                          /* queries have a pool of their own */
};

/* query NULL: both come from the same rows, none twice in an episode. CVT_INPUT when there are not
 * enough classes. */
int episodes_open(struct episodes *s, const struct episodes_size *size,
	const struct episodes_rows *support, const struct episodes_rows *query, struct cvt_err *e);
void episodes_close(struct episodes *s);
/* Rows of an episode: ways x (shots + queries). */
size_t episodes_rows(const struct episodes_size *size);
/* Their numbers into row: first the support of each class, then the queries of each. scratch has room
 * for ways + shots + queries. */
void episodes_draw(const struct episodes *s, uint64_t seed, size_t epoch, size_t episode,
	size_t *row, size_t *scratch);
/* Which of the episode's classes the row at that place is, and whether it is a query. */
size_t episodes_way(const struct episodes_size *size, size_t place);
bool episodes_is_query(const struct episodes_size *size, size_t place);

#endif
