/* selection: which rows come in which order (see selection.h). */
#include "selection.h"

#include <stdlib.h>
#include <string.h>

#include "../libcore/rng.h"

uint64_t selection_hash(const struct selection *p, size_t row, uint64_t purpose)
{
	struct rng r;
	rng_for(&r, p->o.seed, RNG_SPLIT, purpose, (uint64_t)join_index(p->join, row));
	return rng_u64(&r);
}

/* ---- classes ----------------------------------------------------------------------- */

int selection_classes(const char *list, const struct head *h, unsigned char **member, size_t *n,
	struct cvt_err *e)
{
	const struct head_classes *c = head_classes(h, "label");
	char *copy = mem_strdup(list, e);
	*n = c ? c->n : 0;
	*member = mem_alloc(*n, 1, e);
	int code = copy && *member ? CVT_OK : CVT_SYSTEM;
	for (char *s = copy; s && code == CVT_OK;) {
		char *comma = strchr(s, ',');
		size_t k;
		if (comma)
			*comma++ = '\0';
		code = head_find_class(h, "label", *n, s, "--classes", &k, e);
		if (code == CVT_OK)
			(*member)[k] = 1;
		s = comma;
	}
	free(copy);
	if (code != CVT_OK) {
		free(*member);
		*member = NULL;
	}
	return code;
}

static int keep_classes(struct selection *p, size_t *row, size_t *n, struct cvt_err *e)
{
	unsigned char *member = NULL;
	size_t classes, kept = 0;
	TRY(selection_classes(p->o.classes, &p->join->head, &member, &classes, e));
	for (size_t i = 0; i < *n; i++) {
		const int32_t k = p->label[row[i]];
		if (k >= 0 && (size_t)k < classes && member[k])
			row[kept++] = row[i];
	}
	free(member);
	*n = kept;
	return CVT_OK;
}

static int compare_ranked(const void *a, const void *b)
{
	const struct selection_rank *x = a, *y = b;
	if (x->label != y->label)
		return x->label < y->label ? -1 : 1;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

void selection_sort(struct selection_rank *r, size_t n)
{
	qsort(r, n, sizeof *r, compare_ranked);
}

/* flag[i] = 1 for k rows of each class among row[0..n), those with the smallest hashes. */
static int draw_per_class(const struct selection *p, const size_t *row, size_t n, size_t k,
	uint64_t purpose, unsigned char *flag, struct cvt_err *e)
{
	struct selection_rank *r = mem_alloc(n, sizeof *r, e);
	if (!r)
		return CVT_SYSTEM;
	for (size_t i = 0; i < n; i++)
		r[i] = (struct selection_rank){
			p->label[row[i]], selection_hash(p, row[i], purpose), i};
	selection_sort(r, n);
	for (size_t i = 0, have = 0; i < n; i++) {
		have = i > 0 && r[i].label == r[i - 1].label ? have + 1 : 0;
		flag[r[i].place] = r[i].label >= 0 && have < k;
	}
	free(r);
	return CVT_OK;
}

static int keep_per_class(struct selection *p, size_t *row, size_t *n, struct cvt_err *e)
{
	unsigned char *flag = mem_alloc(*n, 1, e);
	size_t kept = 0;
	int code = flag ? draw_per_class(p, row, *n, p->o.per_class, SELECTION_CLASS, flag, e)
			: CVT_SYSTEM;
	for (size_t i = 0; code == CVT_OK && i < *n; i++)
		if (flag[i])
			row[kept++] = row[i];
	free(flag);
	*n = kept;
	return code;
}

/* ---- choosing ---------------------------------------------------------------------- */

static void keep_range(const struct selection *p, size_t *row, size_t *n)
{
	const size_t skip = p->o.skip < *n ? p->o.skip : *n, left = *n - skip;
	*n = p->o.take < left ? p->o.take : left;
	memmove(row, row + skip, *n * sizeof *row);
}

static void keep_shard(const struct selection *p, size_t *row, size_t *n)
{
	size_t kept = 0;
	for (size_t i = p->o.shard; i < *n; i += p->o.shards)
		row[kept++] = row[i];
	*n = kept;
}

/* The first row of the group of `row`; that of `last`, a row before it, is `first`. */
static size_t first_of_group(const struct join *j, size_t row, size_t last, size_t first)
{
	while (row > 0 && row != last && join_is_group(j, row - 1, row))
		row--;
	return row == last ? first : row;
}

/* A group is on one side, where its first row is. */
static void part_validation(struct selection *p, size_t *row, size_t *n)
{
	const double below = p->o.val_fraction * 0x1p53;
	size_t kept = 0, last = SIZE_MAX, first = 0;
	for (size_t i = 0; i < *n; i++) {
		first = first_of_group(p->join, row[i], last, first);
		last = row[i];
		if (join_is_validation(p->join, last)
			|| (double)(selection_hash(p, first, SELECTION_PART) >> 11) < below)
			p->val[p->vals++] = last;
		else
			row[kept++] = last;
	}
	*n = kept;
}

/* The rows [first, end) of the whole that domain `d` shows. */
static int choose(struct selection *p, size_t d, size_t first, size_t end, struct cvt_err *e)
{
	size_t n = end - first;
	size_t *row = p->train[d] = mem_alloc(n, sizeof *row, e);
	if (!row)
		return CVT_SYSTEM;
	for (size_t i = 0; i < n; i++)
		row[i] = first + i;
	if (p->o.classes)
		TRY(keep_classes(p, row, &n, e));
	if (p->o.per_class)
		TRY(keep_per_class(p, row, &n, e));
	keep_range(p, row, &n);
	if (p->o.shards)
		keep_shard(p, row, &n);
	if (p->validates)
		part_validation(p, row, &n);
	p->trains[d] = n;
	return CVT_OK;
}

static int hide_labels(struct selection *p, size_t d, struct cvt_err *e)
{
	const size_t n = p->trains[d], *row = p->train[d];
	unsigned char *flag = mem_alloc(n, 1, e);
	int code = flag ? CVT_OK : CVT_SYSTEM;
	if (code == CVT_OK && p->o.hides)
		code = draw_per_class(p, row, n, p->o.labelled, SELECTION_LABEL, flag, e);
	for (size_t i = 0; code == CVT_OK && i < n; i++)
		p->hidden[row[i]] = (p->o.hides && !flag[i])
				    || (p->o.unlabelled != SIZE_MAX
					    && join_set_of(p->join, row[i]) == p->o.unlabelled);
	free(flag);
	return code;
}

/* A domain without labels has none in its validation rows, either. */
static void hide_validation(struct selection *p)
{
	for (size_t i = 0; i < p->vals; i++)
		p->hidden[p->val[i]] = p->o.unlabelled != SIZE_MAX
				       && join_set_of(p->join, p->val[i]) == p->o.unlabelled;
}

static int choose_all(struct selection *p, struct cvt_err *e)
{
	const struct join *j = p->join;
	p->domains = p->o.mixed ? j->sets : 1;
	for (size_t d = 0; d < p->domains; d++) {
		const size_t first = p->o.mixed ? j->set[d].first : 0;
		const size_t end = p->o.mixed ? first + j->set[d].data->rows : j->rows;
		TRY(choose(p, d, first, end, e));
		if (p->hidden)
			TRY(hide_labels(p, d, e));
		if (p->o.mixed && p->trains[d] == 0)
			return cvt_fail(
				e, CVT_INPUT, "%s: has no rows to mix", j->set[d].data->name);
	}
	if (p->hidden)
		hide_validation(p);
	return CVT_OK;
}

/* ---- an epoch ---------------------------------------------------------------------- */

/* How many rows of domain d come in an epoch: one pass over the first, the others in proportion. */
static size_t rows_of(const struct selection *p, size_t d)
{
	if (!p->o.mixed || d == 0 || p->o.mix[0] == 0)
		return p->trains[d];
	const size_t a = p->o.mix[0], b = p->o.mix[d], rest = p->trains[0] % a;
	return p->trains[0] / a * b + (rest * b + a - 1) / a;
}

size_t selection_rows(const struct selection *p)
{
	size_t n = p->vals;
	if (p->o.size.ways)
		return p->o.episodes * episodes_rows(&p->o.size);
	for (size_t d = 0; d < p->domains; d++)
		n += rows_of(p, d);
	return n;
}

/* The rows of each group of domain d, 0 when they differ. */
static size_t group_size(const struct selection *p, size_t d)
{
	const size_t n = p->trains[d], *row = p->train[d];
	size_t size = 0;
	for (size_t i = 0, next; i < n; i = next) {
		for (next = i + 1; next < n && join_is_group(p->join, row[next - 1], row[next]);)
			next++;
		if (i > 0 && next - i != size)
			return 0;
		size = next - i;
	}
	return size;
}

/* Groups stay whole when all parts of the mix are made of whole ones. */
static int check_mix(const struct selection *p, struct cvt_err *e)
{
	for (size_t d = 0; p->o.mixed && d < p->domains; d++) {
		const size_t size = group_size(p, d);
		if (!size || p->o.mix[d] % size || rows_of(p, d) % size)
			return cvt_fail(e, CVT_USAGE,
				"--mix: would tear the groups of %s apart; say a multiple of the "
				"rows "
				"of a group, or leave that field out first: cv-read --drop group",
				p->join->set[d].data->name);
	}
	return CVT_OK;
}

/* A permutation of the rows of domain d, in which the rows of a group stay together. */
static void permute(const struct selection *p, size_t d, struct rng *r, size_t *order)
{
	const size_t n = p->trains[d], *row = p->train[d];
	size_t units = 0;
	if (!p->unit) {
		rng_permutation(r, order, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (i == 0 || !join_is_group(p->join, row[i - 1], row[i]))
			p->unit[units++] = i;
	p->unit[units] = n;
	rng_permute_runs(r, p->unit, units, p->turn, order);
}

/* Row i of domain d in this epoch goes to place `at`; `order` is the permutation of the pass. */
static void put_row(struct selection *p, size_t d, size_t i, size_t epoch, size_t at)
{
	const size_t n = p->trains[d], pass = i / n;
	size_t *order = p->scratch + (d ? p->join->set[d].first : 0), place = i % n;
	if (p->o.shuffle && place == 0) {
		struct rng r;
		rng_for(&r, p->o.seed, RNG_SHUFFLE, epoch, (uint64_t)d << 32 | (uint64_t)pass);
		permute(p, d, &r, order);
	}
	if (p->o.shuffle)
		place = order[place];
	else if (d > 0) /* a longer domain goes on where the epoch before stopped */
		place = (i + epoch * (rows_of(p, d) % n)) % n;
	p->row[at] = p->train[d][place];
	p->copy[at] = p->repeat ? p->repeat[place] : (int32_t)pass;
}

void selection_epoch(struct selection *p, size_t epoch)
{
	size_t done[SELECTION_MIX] = {0};
	p->n = 0;
	p->epoch = epoch;
	if (p->o.size.ways) {
		selection_draw_episodes(p, epoch);
		return;
	}
	if (p->balance)
		selection_draw_balance(p, epoch);
	const size_t trains = selection_rows(p) - p->vals;
	while (p->n < trains)
		for (size_t d = 0; d < p->domains; d++) {
			const size_t left = rows_of(p, d) - done[d];
			const size_t want = p->o.mixed ? p->o.mix[d] : left,
				     m = want < left ? want : left;
			for (size_t i = 0; i < m; i++)
				put_row(p, d, done[d]++, epoch, p->n++);
		}
	for (size_t i = 0; i < p->vals; i++, p->n++) {
		p->row[p->n] = p->val[i];
		p->copy[p->n] = 0;
	}
}

/* ---- making and closing ------------------------------------------------------------ */

static bool needs_labels(const struct selection_options *o)
{
	return o->classes || o->per_class || o->hides || o->balance || o->size.ways;
}

static bool has_groups(const struct join *j)
{
	for (size_t i = 0; i < j->sets; i++)
		if (j->set[i].data->group)
			return true;
	return false;
}

static int open_units(struct selection *p, size_t rows, struct cvt_err *e)
{
	const size_t most = (rows > p->join->rows ? rows : p->join->rows) + 1;
	p->unit = mem_alloc(most, sizeof *p->unit, e);
	p->turn = mem_alloc(most, sizeof *p->turn, e);
	return p->unit && p->turn ? CVT_OK : CVT_SYSTEM;
}

static int set_up(struct selection *p, struct join *j, struct cvt_err *e)
{
	if (needs_labels(&p->o)) {
		p->label = mem_alloc(j->rows, sizeof *p->label, e);
		if (!p->label)
			return CVT_SYSTEM;
		TRY(join_labels(j, p->label, e));
	}
	if (p->o.hides || p->o.unlabelled != SIZE_MAX) {
		p->hidden = mem_alloc(j->rows, 1, e);
		if (!p->hidden)
			return CVT_SYSTEM;
	}
	p->validates = !p->o.size.ways && (p->o.val_fraction > 0 || head_field(&j->head, "part"));
	p->val = mem_alloc(p->validates ? j->rows : 0, sizeof *p->val, e);
	if (!p->val)
		return CVT_SYSTEM;
	TRY(choose_all(p, e));
	TRY(check_mix(p, e));
	if (p->o.size.ways)
		TRY(selection_prepare_episodes(p, e));
	if (p->o.balance)
		TRY(selection_prepare_balance(p, e));
	const size_t n = selection_rows(p);
	p->row = mem_alloc(n, sizeof *p->row, e);
	p->copy = mem_alloc(n, sizeof *p->copy, e);
	p->scratch = mem_alloc(n > j->rows ? n : j->rows, sizeof *p->scratch, e);
	if (!p->row || !p->copy || !p->scratch)
		return CVT_SYSTEM;
	return p->o.shuffle && has_groups(j) ? open_units(p, n, e) : CVT_OK;
}

int selection_create(
	struct selection **to, const struct selection_options *o, struct join *j, struct cvt_err *e)
{
	struct selection *p = mem_alloc(1, sizeof *p, e);
	if (!p)
		return CVT_SYSTEM;
	p->o = *o;
	p->join = j;
	const int code = set_up(p, j, e);
	if (code != CVT_OK) {
		selection_close(p);
		return code;
	}
	*to = p;
	return CVT_OK;
}

void selection_close(struct selection *p)
{
	if (!p)
		return;
	for (size_t d = 0; d < p->domains; d++)
		free(p->train[d]);
	free(p->val);
	free(p->label);
	free(p->hidden);
	free(p->row);
	free(p->copy);
	free(p->scratch);
	free(p->unit);
	free(p->turn);
	selection_close_balance(p);
	free(p->repeat);
	episodes_close(&p->episodes);
	free(p->draw);
	free(p);
}
