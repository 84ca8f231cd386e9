/* opt: the list of optimizers (see opt/opt.h). */
#include "opt/opt.h"

#include <string.h>

#define OPT(name) extern const struct opt opt_##name;
#include "opt/opt.def"
#undef OPT

const struct opt *const opts[] = {
#define OPT(name) &opt_##name,
#include "opt/opt.def"
#undef OPT
	NULL,
};

const struct opt *opt_find(const char *name, struct cvt_err *e)
{
	const char *words[sizeof opts / sizeof *opts] = {0};
	size_t n = 0;
	for (; opts[n]; n++) {
		if (strcmp(name, opts[n]->name) == 0)
			return opts[n];
		words[n] = opts[n]->name;
	}
	const size_t near = mem_nearest(name, words, n);
	(void)cvt_fail(e, CVT_USAGE, "--opt %s: there is no such optimizer; %s%s%s", name,
		near < n ? "did you mean '" : "see --list", near < n ? words[near] : "",
		near < n ? "'?" : "");
	return NULL;
}
