/*
 * view_curves: the figures of trainings (cv-train --metrics FILE, JSON lines or .tsv) as one PNG: a
 * panel for the loss, one for each score, one for the learning rate; several runs in one panel, each
 * in its colour, validation as a line, training dotted beside it.
 */
#include "curves.h"

#include "../../formats/png_write.h"
#include "plot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 12, KEYS = 96, PANELS = 64, LINE = 4096, WIDTH = 720, HEIGHT = 260, LEGEND = 18 };

struct run {
	const char *name;
	size_t keys, n, capacity; /* epochs */
	char key[KEYS][48];
	double *value; /* n x KEYS */
};

/* ---- reading ----------------------------------------------------------------------- */

static size_t key_of(struct run *r, const char *name, size_t n)
{
	for (size_t i = 0; i < r->keys; i++)
		if (strlen(r->key[i]) == n && memcmp(r->key[i], name, n) == 0)
			return i;
	if (r->keys == KEYS || n >= sizeof *r->key)
		return KEYS;
	memcpy(r->key[r->keys], name, n);
	return r->keys++;
}

static size_t find_key(const struct run *r, const char *before, const char *key)
{
	char name[64];
	(void)snprintf(name, sizeof name, "%s%s", before, key);
	for (size_t i = 0; i < r->keys; i++)
		if (strcmp(r->key[i], name) == 0)
			return i;
	return KEYS;
}

static int new_row(struct run *r, struct cvt_err *e)
{
	void *p = r->value;
	TRY(mem_grow(&p, &r->capacity, r->n + 1, KEYS * sizeof *r->value, e));
	r->value = p;
	for (size_t i = 0; i < KEYS; i++)
		r->value[r->n * KEYS + i] = NAN;
	r->n++;
	return CVT_OK;
}

static int not_metrics(struct cvt_err *e)
{
	return cvt_fail(e, CVT_INPUT, "is not what cv-train --metrics writes");
}

static int too_many(struct cvt_err *e)
{
	return cvt_fail(e, CVT_INPUT,
		"has more than %d figures a line, or one whose name is too long; cut some out",
		KEYS);
}

/* A number, or null. */
static int put(struct run *r, size_t key, const char *text, size_t n, struct cvt_err *e)
{
	char word[64];
	if (n == 4 && memcmp(text, "null", 4) == 0)
		return CVT_OK;
	(void)snprintf(word, sizeof word, "%.*s", (int)n, text);
	return cli_real(word, "", &r->value[(r->n - 1) * KEYS + key], e) == CVT_OK ? CVT_OK
										   : not_metrics(e);
}

/* {"key": number, ...} */
static int read_json(struct run *r, const char *p, struct cvt_err *e)
{
	TRY(new_row(r, e));
	if (*p++ != '{')
		return not_metrics(e);
	while (*p == '"') {
		const size_t n = strcspn(++p, "\"");
		const size_t key = key_of(r, p, n);
		if (key == KEYS)
			return too_many(e);
		p += n;
		if (strncmp(p, "\": ", 3) != 0)
			return not_metrics(e);
		p += 3;
		const size_t length = strcspn(p, ",}");
		TRY(put(r, key, p, length, e));
		p += length;
		p += *p == ',' ? 1 : 0;
		p += strspn(p, " ");
	}
	return *p == '}' ? CVT_OK : not_metrics(e);
}

/* The first line has the names. */
static int read_tsv(struct run *r, const char *p, struct cvt_err *e)
{
	const bool names = r->keys == 0;
	if (!names)
		TRY(new_row(r, e));
	for (size_t i = 0;; i++) {
		const size_t n = strcspn(p, "\t");
		if (names ? key_of(r, p, n) == KEYS : i == KEYS)
			return too_many(e);
		if (!names)
			TRY(put(r, i, p, n, e));
		if (!p[n])
			break;
		p += n + 1;
	}
	return CVT_OK;
}

static int read_lines(struct run *r, FILE *f, struct cvt_err *e)
{
	char line[LINE];
	while (fgets(line, sizeof line, f)) {
		const size_t n = strcspn(line, "\n");
		if (line[n] != '\n')
			return not_metrics(e);
		line[n] = '\0';
		TRY(*line == '{' ? read_json(r, line, e) : read_tsv(r, line, e));
	}
	if (ferror(f))
		return cvt_fail_errno(e, "cannot be read");
	return r->n && find_key(r, "", "epoch") < KEYS ? CVT_OK : not_metrics(e);
}

static int read_run(struct run *r, const char *path, struct cvt_err *e)
{
	r->name = path;
	FILE *f = fopen(path, "r");
	if (!f)
		return cvt_fail_errno(e, "%s", path);
	const int code = read_lines(r, f, e);
	(void)fclose(f);
	return code == CVT_OK ? CVT_OK : cvt_fail_at(e, "%s", path);
}

/* ---- panels ------------------------------------------------------------------------ */

/* What is drawn, of all that is measured: each has a panel with its val_ beside it. */
static bool is_drawn(const char *key)
{
	static const char *const not_drawn[] = {
		"epoch", "step", "gradient_norm", "seconds", "rows_per_second", "waiting"};
	for (size_t i = 0; i < sizeof not_drawn / sizeof *not_drawn; i++)
		if (strcmp(key, not_drawn[i]) == 0)
			return false;
	return strncmp(key, "val_", 4) != 0;
}

static int choose_panels(const struct run *run, size_t runs, const char *panel[PANELS],
	size_t *panels, struct cvt_err *e)
{
	size_t n = 0;
	for (size_t i = 0; i < runs; i++)
		for (size_t k = 0; k < run[i].keys; k++) {
			bool known = !is_drawn(run[i].key[k]);
			for (size_t j = 0; j < n; j++)
				known = known || strcmp(panel[j], run[i].key[k]) == 0;
			if (!known && n == PANELS)
				return cvt_fail(e, CVT_USAGE,
					"--curves: more than %d figures to draw; name fewer files",
					PANELS);
			if (!known)
				panel[n++] = run[i].key[k];
		}
	*panels = n;
	return CVT_OK;
}

static bool has_numbers(const struct run *r, size_t key)
{
	for (size_t i = 0; key < KEYS && i < r->n; i++)
		if (isfinite(r->value[i * KEYS + key]))
			return true;
	return false;
}

/* Two lines at most; returns how many. */
static size_t lines_of(
	const struct run *r, const char *key, struct colour ink, struct plot_line line[2])
{
	const size_t epoch = find_key(r, "", "epoch"), val = find_key(r, "val_", key);
	const size_t keys[2] = {find_key(r, "", key), val};
	size_t n = 0;
	for (size_t i = 0; i < 2; i++)
		if (has_numbers(r, epoch) && has_numbers(r, keys[i]))
			line[n++] = (struct plot_line){r->value + epoch, r->value + keys[i], r->n,
				KEYS, ink, i == 0 && has_numbers(r, val)};
	return n;
}

static void draw_panel(
	struct canvas *c, const struct run *run, size_t runs, const char *key, size_t y)
{
	struct plot_line line[2 * RUNS];
	struct plot p = {.title = key, .below = "epoch", .line = line};
	for (size_t i = 0; i < runs; i++)
		p.n += lines_of(&run[i], key, colour_of(i), line + p.n);
	plot_draw(c, &p, 0, y, WIDTH, HEIGHT);
}

static int draw(const struct run *run, size_t runs, struct output *out, struct cvt_err *e)
{
	const char *panel[PANELS];
	const size_t top = (runs + 1) * LEGEND;
	size_t panels = 0;
	const struct colour white = {255, 255, 255}, grey = {120, 120, 120};
	struct canvas c;
	TRY(choose_panels(run, runs, panel, &panels, e));
	TRY(canvas_open(&c, WIDTH, top + panels * HEIGHT, white, e));
	for (size_t i = 0; i < runs; i++) {
		canvas_fill(&c, 16, 12 + i * LEGEND, 40, 16 + i * LEGEND, colour_of(i));
		canvas_text(&c, 48, 9 + i * LEGEND, 2, WIDTH - 64, (struct colour){40, 40, 40},
			run[i].name);
	}
	canvas_text(&c, 48, 9 + runs * LEGEND, 2, WIDTH - 64, grey,
		"lines: validation, dotted: training (a line where there is nothing else)");
	for (size_t i = 0; i < panels; i++)
		draw_panel(&c, run, runs, panel[i], top + i * HEIGHT);
	const int code = write_png(out, c.rgb, c.width, c.height, 3, e);
	canvas_close(&c);
	return code;
}

int view_curves(const char *const *path, size_t runs, struct output *out, struct cvt_err *e)
{
	if (runs == 0 || runs > RUNS)
		return cvt_fail(e, CVT_USAGE,
			"--curves: name 1 to %d files that cv-train --metrics wrote", RUNS);
	struct run *run = mem_alloc(runs, sizeof *run, e);
	int code = run ? CVT_OK : CVT_SYSTEM;
	for (size_t i = 0; i < runs && code == CVT_OK; i++)
		code = read_run(&run[i], path[i], e);
	if (code == CVT_OK)
		code = draw(run, runs, out, e);
	for (size_t i = 0; run && i < runs; i++)
		free(run[i].value);
	free(run);
	return code;
}
