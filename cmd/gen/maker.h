/*
 * maker: a trained network that makes pictures, ready to run: its model file (maker.c), the nodes
 * that its method names (struct generator), and plans for what is asked of it.
 */
#ifndef CVT_GEN_MAKER_H
#define CVT_GEN_MAKER_H

#include "../../formats/source.h"
#include "../../libcore/method/method.h"
#include "../../libcore/model.h"
#include "gen.h"

enum { MAKER_ROWS = 128, MAKER_FIELDS = 3 };

struct maker {
	const struct gen_options *o;
	struct model_info info;
	struct arch *arch;
	const struct method *method;
	struct method_value value[METHOD_OPTIONS];
	struct method_field field[MAKER_FIELDS];
	struct method_facts facts;
	struct learner *learner;
	struct generator nodes;
	struct par *par;
	struct source *in; /* pictures to make again; NULL = made from noise */
	struct head head;  /* of what is written */
	struct batch batch;
	uint64_t seed;
	struct rate rate;
};

/* Loads o->weights for pictures of that dtype (of a stream, or u1). CVT_INPUT when no method makes
 * pictures from it. */
int maker_open(struct maker *m, enum dtype picture, struct cvt_err *e);
void maker_close(struct maker *m);

/* A plan that gives one node. */
int maker_plan(struct maker *m, size_t node, struct plan **p, struct cvt_err *e);
size_t maker_items(const struct maker *m, size_t node); /* floats of a row */
/* Adds seed and history to the HEAD, and writes it. */
int maker_write_head(
	struct maker *m, const struct cli *cli, struct stream_writer **out, struct cvt_err *e);
/* The rows of m->batch. */
int maker_put(struct maker *m, struct stream_writer *out, struct cvt_err *e);
/* Ends the stream; *out becomes NULL. */
int maker_finish(struct maker *m, struct stream_writer **out, struct cvt_err *e);
/* n pictures of 0..1 as bytes, to the nearest. */
int maker_bytes(
	const struct maker *m, const float *from, size_t n, unsigned char *to, struct cvt_err *e);

/* ---- what can be asked (sample.c, again.c) ----------------------------------------- */
int maker_sample(
	struct maker *m, const struct cli *cli, struct stream_writer **out, struct cvt_err *e);
/* --reconstruct and --bound: rows of m->in. */
int maker_again(
	struct maker *m, const struct cli *cli, struct stream_writer **out, struct cvt_err *e);

#endif
