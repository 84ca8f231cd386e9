/*
 * gen_shapes: draws the embedded data set (libcore/shapes/shapes.h): an endless world, of which the
 * rows asked for follow from the seed and their index alone.
 */
#include "../../libcore/shapes/shapes.h"
#include "../../libcore/par.h"
#include "gen.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 256, BLOCK = 16 }; /* rows drawn at a time, and by a thread at a time */
enum { MOST_FRAMES = 256, MOST_BYTES = 1 << 28, MOST_CLIP = 1 << 29 };

/* A clip shows that much of a scene's time: things go at most 0.6 of half the shorter side. */
static const float clip_time = 0.5f;

#define MOST_INDEX (SIZE_MAX >> 4) /* 2^60 */

enum wanted {
	IMAGE = 1,
	LABEL = 2,
	MASK = 4,
	EDGE = 8,
	DEPTH = 16,
	BOXES = 32,
	KEYPOINTS = 64,
	CAPTION = 128,
	DOMAIN = 256,
	MOTION = 512
};

static const struct field_kind {
	const char *name;
	enum wanted bit;
	enum dtype dtype;
	int ndim;       /* of a row */
	size_t dims[4]; /* 0 = the picture's H, W; SIZE_MAX = objects */
} kinds[] = {
	{"image", IMAGE, DT_U1, 3, {0, 0, 3}},
	{"label", LABEL, DT_I4, 0, {0}},
	{"mask", MASK, DT_U1, 2, {0, 0}},
	{"edge", EDGE, DT_U1, 2, {0, 0}},
	{"depth", DEPTH, DT_F4, 2, {0, 0}},
	{"boxes", BOXES, DT_F4, 2, {SIZE_MAX, 5}},
	{"keypoints", KEYPOINTS, DT_F4, 2, {SHAPES_KEYPOINTS, 3}},
	{"caption", CAPTION, DT_U1, 1, {SHAPES_CAPTION}},
	{"domain", DOMAIN, DT_I4, 0, {0}},
	{"motion", MOTION, DT_I4, 0, {0}},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

struct gen {
	const struct gen_options *o;
	struct shapes_world world;
	unsigned domain[SHAPES_DOMAINS]; /* ten pictures of each in turn */
	size_t domains;
	unsigned wanted;
	uint64_t start;
	struct par *par;
	struct shapes_pad **pad; /* one a thread */
	struct head head;
	struct batch batch;
	struct stream_writer *out; /* borrowed from the caller */
	struct rate rate;
};

/* ---- what is asked for ------------------------------------------------------------- */

static int read_size(const char *text, struct shapes_world *w, struct cvt_err *e)
{
	char *end;
	const unsigned long h = text ? strtoul(text, &end, 10) : 32;
	const unsigned long wide = text && *end == 'x' ? strtoul(end + 1, &end, 10) : h;
	if ((text && *end) || h < SHAPES_MIN_SIDE || wide < SHAPES_MIN_SIDE || h > SHAPES_MAX_SIDE
		|| wide > SHAPES_MAX_SIDE)
		return cvt_fail(e, CVT_USAGE,
			"--size: '%s' is none; write HEIGHTxWIDTH, each from %d to %d", text,
			SHAPES_MIN_SIDE, SHAPES_MAX_SIDE);
	w->H = h;
	w->W = wide;
	return CVT_OK;
}

static int add_field(const char *name, unsigned *wanted, struct cvt_err *e)
{
	const char *words[KINDS];
	for (size_t i = 0; i < KINDS; i++) {
		words[i] = kinds[i].name;
		if (strcmp(name, words[i]) == 0) {
			*wanted |= kinds[i].bit;
			return CVT_OK;
		}
	}
	const size_t near = mem_nearest(name, words, KINDS);
	return cvt_fail(e, CVT_USAGE,
		"--fields: there is no '%s'%s%s; there are image label mask edge "
		"depth boxes keypoints caption domain motion",
		name, near < KINDS ? ", did you mean " : "", near < KINDS ? words[near] : "");
}

static int read_fields(const char *text, unsigned *wanted, struct cvt_err *e)
{
	char *copy, *word[KINDS];
	size_t n = 0;
	TRY(cli_words(text ? text : "image,label", "--fields", &copy, word, KINDS, &n, e));
	int code = CVT_OK;
	for (size_t i = 0; i < n && code == CVT_OK; i++)
		code = add_field(word[i], wanted, e);
	free(copy);
	return code;
}

static int read_domains(struct gen *g, const char *text, struct cvt_err *e)
{
	char *copy, *word[SHAPES_DOMAINS];
	size_t n = 0;
	TRY(cli_words(text ? text : "photo", "--domain", &copy, word, SHAPES_DOMAINS, &n, e));
	int code = CVT_OK;
	for (size_t i = 0; i < n && code == CVT_OK; i++) {
		g->domain[i] = shapes_find_domain(word[i]);
		if (g->domain[i] == SHAPES_DOMAINS)
			code = cvt_fail(e, CVT_USAGE,
				"--domain: there are photo, flat, sketch, neon and night, not '%s'",
				word[i]);
	}
	free(copy);
	g->domains = n;
	if (n > 1)
		g->wanted |= DOMAIN;
	return code;
}

static int read_world(struct gen *g, const struct cli *cli, struct cvt_err *e)
{
	const struct gen_options *o = g->o;
	if (cli->operands != 1)
		return cvt_fail(e, CVT_USAGE, "cv-gen shapes: nothing may follow but options");
	g->world = (struct shapes_world){.seed = o->common.seed, .objects = o->objects};
	TRY(read_size(o->size, &g->world, e));
	TRY(read_fields(o->fields, &g->wanted, e));
	if (o->objects < 1 || o->objects > SHAPES_OBJECTS)
		return cvt_fail(e, CVT_USAGE, "--objects: from 1 to %d", SHAPES_OBJECTS);
	TRY(read_domains(g, o->domain, e));
	if (o->clip > MOST_FRAMES)
		return cvt_fail(e, CVT_USAGE, "--clip: from 1 to %d frames", MOST_FRAMES);
	if (o->clip * g->world.H * g->world.W > MOST_CLIP)
		return cvt_fail(e, CVT_USAGE,
			"--clip %zu: of %zux%zu pixels is too large for a frame of the stream; a "
			"smaller --size",
			o->clip, g->world.H, g->world.W);
	if ((g->wanted & MOTION) && o->clip < 2)
		return cvt_fail(
			e, CVT_USAGE, "--fields motion: a still does not show it; --clip 8");
	if (o->split && strcmp(o->split, "train") != 0 && strcmp(o->split, "test") != 0)
		return cvt_fail(
			e, CVT_USAGE, "--split: there are train and test, not '%s'", o->split);
	g->start = o->start + (o->split && strcmp(o->split, "test") == 0 ? SHAPES_TEST : 0);
	if (o->start > MOST_INDEX || o->count > MOST_INDEX - o->start)
		return cvt_fail(e, CVT_USAGE, "--start: indices end at 2^60");
	if (o->epochs > UINT32_MAX)
		return cvt_fail(e, CVT_USAGE, "--epochs: at most %u", UINT32_MAX);
	if ((o->count == 0 || o->epochs == 0) && !o->common.allow_empty)
		return cvt_fail(
			e, CVT_INPUT, "no rows are asked for; --allow-empty lets that pass");
	return CVT_OK;
}

/* ---- HEAD -------------------------------------------------------------------------- */

/* The dimensions of a row; returns how many. A clip's pictures have T before H and W. */
static int row_dims(const struct gen *g, const struct field_kind *k, size_t dims[4])
{
	memcpy(dims, k->dims, sizeof k->dims);
	if (dims[0] == SIZE_MAX)
		dims[0] = g->world.objects;
	if (k->ndim >= 2 && dims[0] == 0) {
		dims[0] = g->world.H;
		dims[1] = g->world.W;
	}
	if (k->bit != IMAGE || g->o->clip == 0)
		return k->ndim;
	memmove(dims + 1, dims, 3 * sizeof *dims);
	dims[0] = g->o->clip;
	return k->ndim + 1;
}

/* Class names of the fields that are wanted; the pairs of keypoints that a mirror swaps. */
static int name_classes(struct gen *g, struct cvt_err *e)
{
	struct head *h = &g->head;
	for (size_t k = 0; k < SHAPES_CLASSES; k++)
		TRY(head_set_class(h, "label", k, shapes_class[k], e));
	for (size_t k = 0; k < SHAPES_DOMAINS && (g->wanted & DOMAIN); k++)
		TRY(head_set_class(h, "domain", k, shapes_domain[k], e));
	for (size_t k = 0; k < SHAPES_MOTIONS && (g->wanted & MOTION); k++)
		TRY(head_set_class(h, "motion", k, shapes_motion[k], e));
	if (g->wanted & MASK)
		TRY(head_set_class(h, "mask", 0, "ground", e));
	for (size_t k = 0; k < SHAPES_CLASSES && (g->wanted & MASK); k++)
		TRY(head_set_class(h, "mask", k + 1, shapes_class[k], e));
	return g->wanted & KEYPOINTS ? str_puts(&h->other, "flip 3 4\n", e) : CVT_OK;
}

static int make_head(struct gen *g, const struct cli *cli, struct cvt_err *e)
{
	struct head *h = &g->head;
	struct str line = {0};
	for (size_t i = 0; i < KINDS; i++) {
		size_t dims[4];
		const int ndim = row_dims(g, &kinds[i], dims);
		if (g->wanted & kinds[i].bit)
			TRY(head_add_field(h, kinds[i].name, kinds[i].dtype, 0, ndim, dims, e));
	}
	TRY(head_add_field(h, "index", DT_I8, 0, 0, NULL, e));
	TRY(name_classes(g, e));
	h->rows = g->o->count;
	h->val = 0;
	h->epochs = g->o->epochs;
	h->index = (size_t)g->start + g->o->count;
	h->seed = g->o->common.seed;
	h->has_seed = true;
	int code = cli_history(cli, g->o->common.seed, false, &line, e);
	if (code == CVT_OK && !g->o->common.no_history)
		code = head_add_prog(h, 0, "cv-gen", line.p, e);
	free(line.p);
	return code;
}

/* ---- rows -------------------------------------------------------------------------- */

static int shape_batch(struct gen *g, size_t rows, struct cvt_err *e)
{
	g->batch.rows = rows;
	for (size_t i = 0; i < g->head.nfields; i++) {
		const struct head_field *f = &g->head.field[i];
		size_t dims[TENSOR_DIMS] = {rows};
		struct field *to = batch_add(&g->batch, f->name, e);
		if (!to)
			return CVT_SYSTEM;
		memcpy(dims + 1, f->dims, (size_t)f->ndim * sizeof *dims);
		TRY(tensor_shape(&to->t, f->dtype, f->ndim + 1, dims, e));
	}
	return CVT_OK;
}

/* Row r of a field, NULL if the field is not wanted. */
static void *row_of(const struct gen *g, const char *name, size_t r)
{
	const struct tensor *t = batch_get(&g->batch, name);
	return t ? (char *)t->data + r * tensor_row_bytes(t) : NULL;
}

struct job {
	const struct gen *gen;
	uint64_t first;
};

/* The frames after the first, which is the still picture. */
static void draw_clip(const struct gen *g, const struct shapes_world *w, uint64_t index,
	struct shapes_pad *pad, uint8_t *image)
{
	const size_t T = g->o->clip, bytes = w->H * w->W * 3;
	for (size_t t = 1; t < T && image; t++) {
		struct shapes_row frame = {.image = image + t * bytes};
		shapes_draw(w, index, clip_time * (float)t / (float)(T - 1), pad, &frame);
	}
}

static void put_number(const struct gen *g, const char *field, size_t r, int32_t number)
{
	int32_t *to = row_of(g, field, r);
	if (to)
		*to = number;
}

static void draw_block(void *context, size_t block, unsigned thread)
{
	const struct job *j = context;
	const struct gen *g = j->gen;
	size_t first;
	const size_t n = par_span(g->batch.rows, BLOCK, block, &first);
	for (size_t r = first; r < first + n; r++) {
		struct shapes_row row = {.image = row_of(g, "image", r),
			.mask = row_of(g, "mask", r),
			.edge = row_of(g, "edge", r),
			.depth = row_of(g, "depth", r),
			.boxes = row_of(g, "boxes", r),
			.keypoints = row_of(g, "keypoints", r),
			.caption = row_of(g, "caption", r)};
		struct shapes_world world = g->world;
		const uint64_t at = j->first + r;
		world.domain = g->domain[at / SHAPES_CLASSES % g->domains];
		shapes_draw(&world, at, 0, g->pad[thread], &row);
		draw_clip(g, &world, at, g->pad[thread], row.image);
		int64_t *index = row_of(g, "index", r);
		*index = (int64_t)at;
		put_number(g, "label", r, row.label);
		put_number(g, "domain", r, (int32_t)world.domain);
		put_number(g, "motion", r, row.motion);
	}
}

/* Large pictures and long clips come in fewer rows at a time. */
static size_t rows_at_a_time(const struct gen *g)
{
	const size_t row = g->world.H * g->world.W * 16 * (g->o->clip ? g->o->clip : 1);
	size_t n = BATCH;
	while (n > 1 && n * row > MOST_BYTES)
		n /= 2;
	return n;
}

static int write_epoch(struct gen *g, struct cvt_err *e)
{
	const size_t most = rows_at_a_time(g);
	for (size_t at = 0; at < g->o->count; at += most) {
		const size_t n = g->o->count - at < most ? g->o->count - at : most;
		struct job job = {g, g->start + at};
		TRY(shape_batch(g, n, e));
		par_for(g->par, par_blocks(n, BLOCK), draw_block, &job);
		TRY(stream_put(g->out, &g->batch, e));
		rate_add(&g->rate, n);
	}
	return stream_put_epoch(g->out, e);
}

static int run(
	struct gen *g, const struct cli *cli, struct stream_writer **writer, struct cvt_err *e)
{
	struct output *out;
	TRY(read_world(g, cli, e));
	TRY(cli_refuse_terminal(g->o->common.output, e));
	TRY(make_head(g, cli, e));
	TRY(par_open(&g->par, (unsigned)g->o->common.threads, e));
	g->pad = mem_alloc(par_threads(g->par), sizeof(struct shapes_pad *), e);
	if (!g->pad)
		return CVT_SYSTEM;
	for (unsigned t = 0; t < par_threads(g->par); t++)
		TRY(shapes_pad_open(&g->pad[t], &g->world, e));
	TRY(output_open(&out, g->o->common.output, e));
	TRY(stream_create(writer, out, &g->head, e));
	g->out = *writer;
	TRY(rate_start(&g->rate, cli, &g->head, e));
	for (size_t epoch = 0; epoch < g->o->epochs; epoch++)
		TRY(write_epoch(g, e));
	*writer = NULL;
	TRY(stream_finish(g->out, e));
	return rate_finish(&g->rate, e);
}

static void close_all(struct gen *g)
{
	rate_stop(&g->rate);
	for (unsigned t = 0; g->pad && t < par_threads(g->par); t++)
		shapes_pad_close(g->pad[t]);
	free(g->pad);
	par_close(g->par);
	batch_free(&g->batch);
	head_free(&g->head);
}

int gen_shapes(const struct gen_options *o, const struct cli *cli, struct stream_writer **out,
	struct cvt_err *e)
{
	struct gen g = {.o = o};
	head_init(&g.head);
	const int code = run(&g, cli, out, e);
	close_all(&g);
	return code;
}
