/* profile: cv-train --profile, the table of where the time went (see trainer.h). */
#include "trainer.h"

#include "../../libcore/profile.h"
#include "../../libcore/simd.h"

static double all_seconds(const struct profile *p)
{
	double sum = 0;
	for (size_t i = 0; i < p->rows; i++)
		sum += p->row[i].seconds;
	return sum;
}

static void tell_row(const struct profile_row *r, double all, double peak)
{
	char share[20] = "-", speed[20] = "-", flop[20] = "-";
	if (r->flop > 0) {
		(void)snprintf(flop, sizeof flop, "%.2f", r->flop * 1e-9);
		(void)snprintf(speed, sizeof speed, "%.1f", r->flop / r->seconds * 1e-9);
		(void)snprintf(share, sizeof share, "%.2f", r->flop / r->seconds / peak);
	}
	(void)fprintf(stderr, "%-20s %-9s %8zu %9.3f %6.1f%% %12s %9s %8s\n", r->name, r->part,
		r->calls, r->seconds, 100 * r->seconds / all, flop, speed, share);
}

void trainer_tell_profile(struct trainer *t)
{
	struct profile *p = t->profile;
	if (!p || p->rows == 0)
		return;
	const double all = all_seconds(p), peak = profile_peak() * par_threads(t->par);
	profile_sort(p);
	(void)fprintf(stderr, "%-20s %-9s %8s %9s %7s %12s %9s %8s\n", "operator", "part", "calls",
		"seconds", "share", "GFLOP", "GFLOP/s", "of peak");
	for (size_t i = 0; i < p->rows; i++)
		tell_row(&p->row[i], all, peak);
	(void)fprintf(stderr, "peak: %.1f GFLOP/s, %u threads, %s\n", peak * 1e-9,
		par_threads(t->par), simd()->name);
}
