/*
 * selection: which rows of a data set come in which order in an epoch: chosen, shared out,
 * shuffled, mixed. Everything is a function of the options, the seed and the epoch, so any epoch
 * can be had alone.
 *
 * Chosen in this order: classes, per class, skip, take, shard; then the validation rows are taken
 * out by a hash of (seed, index). With a mix, each data set is chosen from by itself.
 */
#ifndef CVT_SELECTION_H
#define CVT_SELECTION_H

#include "episodes.h"
#include "join.h"

enum { SELECTION_MIX = 16 };

struct selection_options {
	bool shuffle, balance; /* balance: all classes have as many rows (selection_balance.c) */
	size_t skip, take;     /* take: SIZE_MAX = all */
	size_t per_class;      /* rows of each class, drawn by the seed; 0 = all */
	const char *classes;   /* comma list of names or numbers; NULL = all */
	size_t shard, shards;
	double val_fraction;
	bool hides;        /* labels are taken away: labelled is set */
	size_t labelled;   /* labels a class that stay */
	size_t unlabelled; /* the domain that has none; SIZE_MAX = no such */
	size_t mix[SELECTION_MIX], mixed;
	struct episodes_size size; /* few-shot tasks instead of rows; ways 0 = none */
	size_t episodes;           /* of them an epoch */
	uint64_t seed;
};

struct balance;

struct selection {
	struct selection_options o;
	const struct join *join;
	int32_t *label; /* of all rows, when something needs them */
	size_t domains, *train[SELECTION_MIX], trains[SELECTION_MIX];
	bool validates; /* some rows may be for validation */
	size_t *val, vals;
	unsigned char *hidden; /* a flag a row: its label is not given */
	struct episodes episodes;
	size_t *draw;            /* their scratch */
	struct balance *balance; /* NULL = every row comes once */
	int32_t *repeat;         /* of train[0]: which round of the row; with balance */
	/* the epoch at hand: n rows, the last `vals` of them for validation */
	size_t n, epoch, *row;
	int32_t *copy; /* how often the row came before in this epoch */
	size_t *scratch;
	size_t *unit, *turn; /* of a shuffle that keeps groups together */
};

int selection_create(
	struct selection **p, const struct selection_options *o, struct join *j, struct cvt_err *e);
/* Fills row, copy and n. */
void selection_epoch(struct selection *p, size_t epoch);
/* Rows of an epoch, validation rows among them. */
size_t selection_rows(const struct selection *p);
void selection_close(struct selection *p);

/* The fields that say what the selection did: part, domain, copy, group, role, where they have a
 * meaning. In an episode `label` counts its classes from 0, and `class` is what the data call them. */
int selection_head(const struct selection *p, struct head *h, struct cvt_err *e);
/* Adds them to the n rows from place `at` of the epoch on, and takes away the labels that are
 * hidden (f4 ones become 0). */
int selection_fields(
	const struct selection *p, size_t at, size_t n, struct batch *b, struct cvt_err *e);

/* What a hash of (seed, index) is for; an epoch may stand in the bits from 8 on. */
enum selection_purpose { SELECTION_PART, SELECTION_CLASS, SELECTION_LABEL, SELECTION_BALANCE };
uint64_t selection_hash(const struct selection *p, size_t row, uint64_t purpose);
/* Rows ordered by label, then by hash, then by place. */
struct selection_rank {
	int32_t label;
	uint64_t hash;
	size_t place;
};
void selection_sort(struct selection_rank *r, size_t n);

/* Classes of equal size (selection_balance.c): train[0] becomes what an epoch has, and is drawn. */
int selection_prepare_balance(struct selection *p, struct cvt_err *e);
void selection_draw_balance(struct selection *p, size_t epoch);
void selection_close_balance(struct selection *p);

/* Episodes (selection_episodes.c), used by selection.c. */
int selection_prepare_episodes(struct selection *p, struct cvt_err *e);
void selection_draw_episodes(struct selection *p, size_t epoch);

/* Class numbers named by a comma list; CVT_USAGE naming the nearest class. *member has h's number
 * of classes, 1 = named; the caller frees it. */
int selection_classes(const char *list, const struct head *h, unsigned char **member, size_t *n,
	struct cvt_err *e);

#endif
