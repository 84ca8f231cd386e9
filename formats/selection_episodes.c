/* selection_episodes: episodes instead of the rows of an epoch (see selection.h, episodes.h). */
#include "selection.h"

int selection_prepare_episodes(struct selection *p, struct cvt_err *e)
{
	const struct episodes_rows rows = {p->label, p->train[0], p->trains[0]};
	size_t all;
	if (!mem_mul(p->o.episodes, episodes_rows(&p->o.size), &all) || all > SIZE_MAX / 64)
		return cvt_fail(e, CVT_USAGE, "--episodes: too many rows");
	const struct episodes_size *z = &p->o.size;
	p->draw = mem_alloc(z->ways + z->shots + z->queries, sizeof *p->draw, e);
	if (!p->draw)
		return CVT_SYSTEM;
	return episodes_open(&p->episodes, &p->o.size, &rows, NULL, e);
}

void selection_draw_episodes(struct selection *p, size_t epoch)
{
	const size_t size = episodes_rows(&p->o.size);
	p->n = p->o.episodes * size;
	for (size_t episode = 0; episode < p->o.episodes; episode++)
		episodes_draw(
			&p->episodes, p->o.seed, epoch, episode, p->row + episode * size, p->draw);
	for (size_t i = 0; i < p->n; i++)
		p->copy[i] = (int32_t)(i / size);
}
