/* view_arch: architecture texts, and what they come to (see view_arch.h). */
#include "arch.h"

#include "../embed/text.h"
#include "summary.h"

#include <stdlib.h>
#include <string.h>

enum { USUAL_ROWS = 128 }; /* of a batch, for the memory it takes */

int view_arch_list(struct output *out, struct cvt_err *e)
{
	struct str text = {0};
	char help[200];
	int code = CVT_OK;
	for (const struct arch_zoo *z = arch_zoo; z->name && code == CVT_OK; z++)
		code = str_printf(
			&text, e, "%s\t%s\n", z->name, arch_zoo_help(z, help, sizeof help));
	if (code == CVT_OK)
		code = view_flush(&text, out, e);
	free(text.p);
	return code;
}
/* ---- text -------------------------------------------------------------------------- */

static int load(struct arch **a, const struct view_input *in, const struct view_options *o,
	struct cvt_err *e)
{
	if (o->arch)
		return text_load(a, o->arch, e);
	const char *text = in && !in->source ? state_meta(&in->model, "cv.arch") : NULL;
	if (!text)
		return cvt_fail(e, CVT_USAGE, "%s: carries no architecture; name one with --arch",
			in ? in->name : "--summary");
	return arch_parse(a, in->name, text, e);
}

int view_arch(const struct view_input *in, const struct view_options *o, struct output *out,
	struct cvt_err *e)
{
	struct arch *a = NULL;
	struct str text = {0};
	int code = load(&a, in, o, e);
	if (code == CVT_OK)
		code = o->summary ? view_summary(
			       &text, a, o->lets, o->count ? o->count : USUAL_ROWS, e)
				  : view_lines(&text, arch_text(a), strlen(arch_text(a)), "\n", e);
	if (code == CVT_OK)
		code = view_flush(&text, out, e);
	arch_free(a);
	free(text.p);
	return code;
}
