/* gen_model: which of the things that a trained network can make is asked for (see maker.h). */
#include "../embed/network.h"
#include "maker.h"

static int check_options(const struct gen_options *o, const struct cli *cli, struct cvt_err *e)
{
	const int asked = (o->reconstruct != NULL) + (o->bound != NULL) + (o->interpolate != NULL);
	if (cli->operands)
		return cvt_fail(e, CVT_USAGE, "'%s' and -w: one source of pictures at a time",
			cli->operand[0]);
	if (asked > 1)
		return cvt_fail(
			e, CVT_USAGE, "--reconstruct, --bound and --interpolate: one at a time");
	return CVT_OK;
}

/* The rows that are to be made again, of the shape that the model knows. */
static int open_rows(struct maker *m, const char *path, struct cvt_err *e)
{
	const struct dataset_options reading = {
		.format = m->o->format, .max_memory = m->o->common.max_memory};
	TRY(source_open(&m->in, path, &reading, e));
	TRY(output_refuse_input(m->o->common.output, source_fd(m->in), e));
	const struct head *h = source_head(m->in);
	if (!m->o->common.seed_given && h->has_seed)
		m->seed = h->seed;
	const struct head_field *f = head_field(h, "image");
	if (!f || (f->dtype != DT_U1 && f->dtype != DT_F4))
		return cvt_fail(e, CVT_INPUT, "%s: has no pictures in 'image'", source_name(m->in));
	TRY(maker_open(m, f->dtype, e));
	const struct head_field *own = head_field(h, m->info.field);
	return own ? network_check_picture(source_name(m->in), &m->info.input, own, e)
		   : cvt_fail(e, CVT_INPUT, "%s: there is no field '%s'", source_name(m->in),
			   m->info.field);
}

static int run(
	struct maker *m, const struct cli *cli, struct stream_writer **out, struct cvt_err *e)
{
	const char *rows = m->o->bound ? m->o->bound : m->o->reconstruct;
	TRY(check_options(m->o, cli, e));
	TRY(cli_refuse_terminal(m->o->common.output, e));
	if (rows) {
		TRY(open_rows(m, rows, e));
		return maker_again(m, cli, out, e);
	}
	TRY(maker_open(m, DT_U1, e));
	return maker_sample(m, cli, out, e);
}

int gen_model(const struct gen_options *o, const struct cli *cli, struct stream_writer **out,
	struct cvt_err *e)
{
	struct maker m = {.o = o, .seed = o->common.seed};
	head_init(&m.head);
	const int code = run(&m, cli, out, e);
	maker_close(&m);
	return code;
}
