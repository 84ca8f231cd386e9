/* tree: named files that belong together (see tree.h). */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH = 32, NAME = 4096 };

int tree_create(struct tree **to, const char *name, struct cvt_err *e)
{
	struct tree *t = mem_alloc(1, sizeof *t, e);
	if (!t)
		return CVT_SYSTEM;
	t->name = mem_strdup(name, e);
	if (!t->name) {
		free(t);
		return CVT_SYSTEM;
	}
	*to = t;
	return CVT_OK;
}

void tree_close(struct tree *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n; i++)
		free(t->entry[i].name);
	free(t->entry);
	free(t->bytes);
	input_close(t->folder);
	free(t->name);
	free(t);
}

int tree_add(struct tree *t, const char *name, size_t at, size_t size,
	const struct dataset_options *o, struct cvt_err *e)
{
	void *p = t->entry;
	if (strlen(name) >= NAME)
		return cvt_fail(e, CVT_INPUT,
			"%s: the name of a file in it is longer than %d bytes", t->name, NAME - 1);
	if (t->n >= o->max_entries)
		return cvt_fail(e, CVT_LIMIT,
			"%s: more than %zu files; raise cv-read --max-entries", t->name,
			o->max_entries);
	TRY(mem_grow(&p, &t->capacity, t->n + 1, sizeof *t->entry, e));
	t->entry = p;
	char *copy = mem_strdup(name, e);
	if (!copy)
		return CVT_SYSTEM;
	t->entry[t->n++] = (struct tree_entry){.name = copy, .at = at, .size = size};
	return CVT_OK;
}

/* As strcmp, but '/' comes before every other character. */
static int compare_paths(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	const int x = *a == '/' ? 1 : (unsigned char)*a, y = *b == '/' ? 1 : (unsigned char)*b;
	return x - y;
}

static int compare_entries(const void *a, const void *b)
{
	const struct tree_entry *x = a, *y = b;
	const int names = compare_paths(x->name, y->name);
	return names ? names : x->at < y->at ? -1 : x->at > y->at;
}

void tree_sort(struct tree *t)
{
	size_t kept = 0;
	if (t->n == 0)
		return;
	qsort(t->entry, t->n, sizeof *t->entry, compare_entries);
	for (size_t i = 1; i < t->n; i++) {
		if (strcmp(t->entry[kept].name, t->entry[i].name) == 0)
			free(t->entry[kept].name);
		else
			kept++;
		t->entry[kept] = t->entry[i];
	}
	t->n = kept + 1;
}

/* ---- folders ----------------------------------------------------------------------- */

/* Folders still to be read, and those that were: a chain of parents shows links that go in circles.
 */
struct walk_folder {
	char *path; /* "" = the root */
	size_t parent, depth;
	dev_t dev;
	ino_t ino;
};

struct walk {
	struct tree *t;
	const struct dataset_options *o;
	struct walk_folder *folder;
	size_t n, capacity;
};

static int walk_push(
	struct walk *w, const char *path, size_t parent, const struct stat *st, struct cvt_err *e)
{
	void *p = w->folder;
	const size_t depth = w->n ? w->folder[parent].depth + 1 : 0;
	for (size_t up = parent, d = depth; d > 0; d--) {
		if (w->folder[up].ino == st->st_ino && w->folder[up].dev == st->st_dev)
			return CVT_OK;
		up = w->folder[up].parent;
	}
	if (depth > DEPTH)
		return cvt_fail(e, CVT_INPUT,
			"%s: folders in folders beyond %d; name one further in", w->t->name, DEPTH);
	if (w->n >= w->o->max_entries)
		return cvt_fail(e, CVT_LIMIT,
			"%s: more than %zu folders; raise cv-read --max-entries", w->t->name,
			w->o->max_entries);
	TRY(mem_grow(&p, &w->capacity, w->n + 1, sizeof *w->folder, e));
	w->folder = p;
	char *copy = mem_strdup(path, e);
	if (!copy)
		return CVT_SYSTEM;
	w->folder[w->n++] = (struct walk_folder){copy, parent, depth, st->st_dev, st->st_ino};
	return CVT_OK;
}

static int walk_entry(struct walk *w, size_t which, int fd, const char *name, struct cvt_err *e)
{
	char path[NAME];
	struct stat st;
	const char *folder = w->folder[which].path;
	const int n = snprintf(path, sizeof path, "%s%s%s", folder, *folder ? "/" : "", name);
	if (n < 0 || (size_t)n >= sizeof path)
		return cvt_fail(
			e, CVT_INPUT, "%s: a path is longer than %d bytes", w->t->name, NAME);
	if (fstatat(fd, name, &st, 0) != 0) /* a link that leads nowhere */
		return CVT_OK;
	if (S_ISDIR(st.st_mode))
		return walk_push(w, path, which, &st, e);
	if (!S_ISREG(st.st_mode))
		return CVT_OK;
	return tree_add(w->t, path, 0, (size_t)st.st_size, w->o, e);
}

static int walk_folder(struct walk *w, size_t which, struct cvt_err *e)
{
	const char *path = *w->folder[which].path ? w->folder[which].path : ".";
	const int fd = openat(input_fd(w->t->folder), path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		const int code = cvt_fail_errno(e, "%s/%s", w->t->name, path);
		if (fd >= 0)
			(void)close(fd);
		return code;
	}
	int code = CVT_OK;
	while (code == CVT_OK) {
		errno = 0;
		const struct dirent *d = readdir(dir);
		if (!d)
			break;
		if (d->d_name[0] != '.')
			code = walk_entry(w, which, fd, d->d_name, e);
	}
	if (code == CVT_OK && errno)
		code = cvt_fail_errno(e, "%s/%s", w->t->name, path);
	(void)closedir(dir);
	return code;
}

static int walk_all(struct walk *w, struct cvt_err *e)
{
	struct stat st;
	if (fstat(input_fd(w->t->folder), &st) != 0)
		return cvt_fail_errno(e, "%s", w->t->name);
	TRY(walk_push(w, "", 0, &st, e));
	for (size_t i = 0; i < w->n; i++)
		TRY(walk_folder(w, i, e));
	return CVT_OK;
}

int tree_open_folder(
	struct tree **to, struct input *in, const struct dataset_options *o, struct cvt_err *e)
{
	struct tree *t = NULL;
	if (tree_create(&t, input_name(in), e) != CVT_OK) {
		input_close(in);
		return CVT_SYSTEM;
	}
	t->folder = in;
	for (size_t n = strlen(t->name); n > 1 && t->name[n - 1] == '/'; n--)
		t->name[n - 1] = '\0';
	struct walk w = {.t = t, .o = o};
	const int code = walk_all(&w, e);
	for (size_t i = 0; i < w.n; i++)
		free(w.folder[i].path);
	free(w.folder);
	if (code != CVT_OK) {
		tree_close(t);
		return code;
	}
	tree_sort(t);
	*to = t;
	return CVT_OK;
}

/* ---- lists and single files -------------------------------------------------------- */

int tree_open_list(struct tree **to, const char *const *paths, size_t n, struct cvt_err *e)
{
	const struct dataset_options none = {.max_entries = SIZE_MAX};
	struct tree *t = NULL;
	TRY(tree_create(&t, "", e));
	int code = CVT_OK;
	for (size_t i = 0; i < n && code == CVT_OK; i++)
		code = tree_add(t, paths[i], 0, SIZE_MAX, &none, e);
	if (code != CVT_OK)
		tree_close(t);
	else
		*to = t;
	return code;
}

/* The limit that a file meets first, by its option's name. */
static size_t first_limit(const struct dataset_options *o, bool compressed, const char **name)
{
	size_t most = o->max_memory;
	*name = "--max-memory";
	if (o->max_entry_bytes < most) {
		most = o->max_entry_bytes;
		*name = "cv-read --max-entry-bytes";
	}
	if (compressed && o->max_compressed < most) {
		most = o->max_compressed;
		*name = "cv-read --max-compressed";
	}
	return most;
}

static int load_one(struct tree *t, struct input *in, bool compressed,
	const struct dataset_options *o, struct cvt_err *e)
{
	const char *name;
	const size_t most = first_limit(o, compressed, &name), size = input_size(in);
	bool over = size != SIZE_MAX && size > most; /* nothing of it need be read */
	t->held = true;
	while (!over) {
		size_t want = t->nbytes / 2, got;
		want = want < 65536 ? 65536 : want;
		TRY(mem_grow(&t->bytes, &t->bytes_capacity, t->nbytes + want, 1, e));
		TRY(input_read(in, (char *)t->bytes + t->nbytes, want, &got, e));
		t->nbytes += got;
		over = t->nbytes > most;
		if (!over && got < want)
			return tree_add(t, t->name, 0, t->nbytes, o, e);
	}
	return cvt_fail(e, CVT_LIMIT, "%s: larger than %zu bytes; raise %s", t->name, most, name);
}

int tree_open_one(struct tree **to, struct input *in, bool compressed,
	const struct dataset_options *o, struct cvt_err *e)
{
	struct tree *t = NULL;
	int code = tree_create(&t, input_name(in), e);
	if (code == CVT_OK)
		code = load_one(t, in, compressed, o, e);
	input_close(in);
	if (code != CVT_OK) {
		tree_close(t);
		return code;
	}
	t->name[0] = '\0'; /* the file has the name */
	*to = t;
	return CVT_OK;
}

/* ---- files ------------------------------------------------------------------------- */

const char *tree_base(const char *name)
{
	const char *slash = strrchr(name, '/');
	return slash ? slash + 1 : name;
}

static void full_name(const struct tree *t, size_t i, char *to, size_t size)
{
	(void)snprintf(to, size, "%s%s%s", t->name, *t->name ? "/" : "", t->entry[i].name);
}

int tree_fail_at(const struct tree *t, size_t i, struct cvt_err *e)
{
	char path[NAME], shown[600];
	full_name(t, i, path, sizeof path);
	return cvt_fail_at(e, "%s", mem_printable(shown, sizeof shown, path));
}

void tree_missed(struct tree *t, const struct cvt_err *e)
{
	if (e->code == CVT_SYSTEM && t->missed.code == CVT_OK)
		t->missed = *e;
}

int tree_looked(const struct tree *t, struct cvt_err *e)
{
	if (t->missed.code != CVT_OK)
		*e = t->missed;
	return t->missed.code;
}

int tree_input(struct tree *t, size_t i, struct input **in, struct cvt_err *e)
{
	char path[NAME];
	const struct tree_entry *f = &t->entry[i];
	full_name(t, i, path, sizeof path);
	if (t->held)
		return input_of_memory(in, path, (const char *)t->bytes + f->at, f->size, e);
	if (t->folder)
		return input_open_in(in, t->folder, f->name, path, e);
	return input_open(in, f->name, e);
}

int tree_size(struct tree *t, size_t i, size_t *size, struct cvt_err *e)
{
	struct input *in = NULL;
	if (t->entry[i].size == SIZE_MAX) {
		TRY(tree_input(t, i, &in, e));
		t->entry[i].size = input_size(in);
		input_close(in);
	}
	*size = t->entry[i].size;
	return CVT_OK;
}

/* What a file has, at most `want` bytes; *more tells that there is more. */
static int load_some(
	struct tree *t, size_t i, size_t want, bool *more, struct tree_buffer *b, struct cvt_err *e)
{
	const struct tree_entry *f = &t->entry[i];
	struct input *in = NULL;
	*more = false;
	if (t->held) {
		b->p = (const unsigned char *)t->bytes + f->at;
		b->n = f->size < want ? f->size : want;
		*more = f->size > want;
		return CVT_OK;
	}
	TRY(tree_input(t, i, &in, e));
	int code = CVT_OK;
	size_t got = 1;
	/* One byte beyond what is wanted, or what the system says the size is, shows the end. */
	const size_t size = t->entry[i].size = input_size(in);
	size_t room = size == SIZE_MAX ? 65536 : size < want ? size + 1 : want + 1;
	for (b->n = 0; code == CVT_OK && b->n <= want && got > 0; room = b->n + b->n / 2 + 1) {
		room = room <= want ? room : want + 1;
		code = mem_grow(&b->own, &b->capacity, room, 1, e);
		if (code == CVT_OK)
			code = input_read(in, (char *)b->own + b->n, room - b->n, &got, e);
		b->n += code == CVT_OK ? got : 0;
		if (code == CVT_OK && b->n < room)
			break;
	}
	input_close(in);
	b->p = b->own;
	*more = b->n > want;
	b->n = *more ? want : b->n;
	return code;
}

int tree_start(struct tree *t, size_t i, size_t want, struct tree_buffer *b, struct cvt_err *e)
{
	bool more;
	return load_some(t, i, want, &more, b, e);
}

int tree_load(struct tree *t, size_t i, size_t most, struct tree_buffer *b, struct cvt_err *e)
{
	bool more;
	TRY(load_some(t, i, most, &more, b, e));
	if (!more)
		return CVT_OK;
	cvt_fail(e, CVT_LIMIT, "larger than %zu bytes; raise cv-read --max-entry-bytes", most);
	return tree_fail_at(t, i, e);
}
