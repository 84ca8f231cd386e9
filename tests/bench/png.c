/* png: small colour PNGs, to measure how fast they are read. usage: png TAR COUNT writes an archive of
 * them; png TAR decodes those with libpng alone, from memory, and prints pictures a second of
 * processor time. A few pictures again and again would be another thing: the processor learns them
 * by heart. */
#include "../../libcore/mem.h"
#include "../../libcore/rng.h"

#include <png.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIDE = 32, PIXELS = SIDE * SIDE * 3, MOST = 8192, BLOCK = 512 };

struct file {
	unsigned char bytes[MOST];
	size_t n;
};

/* A gradient with noise, as hard to pack as a photograph. */
static int make(struct file *f, size_t number)
{
	unsigned char x[PIXELS];
	struct rng r;
	png_image image = {.version = PNG_IMAGE_VERSION,
		.width = SIDE,
		.height = SIDE,
		.format = PNG_FORMAT_RGB};
	rng_for(&r, 1, RNG_METHOD, number, 0);
	for (size_t i = 0; i < PIXELS; i++)
		x[i] = (unsigned char)(i / 16 + number * 3 + rng_below(&r, 40));
	f->n = sizeof f->bytes;
	return png_image_write_to_memory(&image, f->bytes, &f->n, 0, x, 0, NULL) ? 0 : 1;
}

/* ---- an archive ------------------------------------------------------------------------ */

static int put_file(FILE *to, const struct file *f, size_t number)
{
	char head[BLOCK] = {0};
	unsigned sum = 0;
	(void)snprintf(head, 100, "%zu/%06zu.png", number % 10, number);
	(void)snprintf(head + 100, 8, "0000644");
	(void)snprintf(head + 124, 12, "%011zo", f->n);
	memset(head + 148, ' ', 8);
	head[156] = '0';
	memcpy(head + 257, "ustar", 6);
	head[263] = head[264] = '0';
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)head[i];
	(void)snprintf(head + 148, 8, "%06o", sum);
	const size_t padded = (f->n + BLOCK - 1) / BLOCK * BLOCK;
	return fwrite(head, 1, BLOCK, to) != BLOCK || fwrite(f->bytes, 1, padded, to) != padded;
}

static int write_tar(const char *name, size_t count)
{
	static struct file f;
	static const char end[2 * BLOCK];
	FILE *to = fopen(name, "wb");
	int bad = !to;
	for (size_t i = 0; i < count && !bad; i++)
		bad = make(&f, i) || put_file(to, &f, i);
	bad = bad || fwrite(end, 1, sizeof end, to) != sizeof end;
	return (to && fclose(to) != 0) || bad;
}

/* ---- decoding -------------------------------------------------------------------------- */

/* A file of an archive that write_tar wrote. */
struct packed {
	const unsigned char *p;
	size_t n, at;
};

static void take_bytes(png_structp png, png_bytep to, png_size_t n)
{
	struct packed *f = png_get_io_ptr(png);
	if (n > f->n - f->at)
		png_error(png, "cut");
	memcpy(to, f->p + f->at, n);
	f->at += n;
}

static int decode(struct packed *f)
{
	static unsigned char x[PIXELS];
	png_bytep line[SIDE];
	png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png ? png_create_info_struct(png) : NULL;
	if (!info || setjmp(png_jmpbuf(png)))
		return 1;
	for (size_t i = 0; i < SIDE; i++)
		line[i] = x + i * SIDE * 3;
	png_set_read_fn(png, f, take_bytes);
	png_read_info(png, info);
	png_read_image(png, line);
	png_read_end(png, NULL);
	png_destroy_read_struct(&png, &info, NULL);
	return 0;
}

/* All bytes of a file; the caller frees. */
static unsigned char *load(const char *name, size_t *n)
{
	FILE *from = fopen(name, "rb");
	const bool sized = from && fseek(from, 0, SEEK_END) == 0;
	const long end = sized ? ftell(from) : -1;
	unsigned char *p = end > 0 ? malloc((size_t)end) : NULL;
	*n = (size_t)end;
	if (p && (fseek(from, 0, SEEK_SET) != 0 || fread(p, 1, *n, from) != *n)) {
		free(p);
		p = NULL;
	}
	if (from)
		(void)fclose(from);
	return p;
}

static double seconds(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int decode_tar(const char *name)
{
	size_t n = 0, count = 0;
	unsigned char *all = load(name, &n);
	int bad = !all;
	const double from = seconds();
	for (size_t at = 0; !bad && at + BLOCK < n && all[at]; count++) {
		struct packed f = {all + at + BLOCK, strtoul((char *)all + at + 124, NULL, 8), 0};
		bad = f.n > n - at - BLOCK || decode(&f);
		at += BLOCK + (f.n + BLOCK - 1) / BLOCK * BLOCK;
	}
	if (!bad)
		printf("%.6g\n", (double)count / (seconds() - from));
	free(all);
	return bad;
}

int main(int argc, char **argv)
{
	if (argc == 3)
		return write_tar(argv[1], strtoul(argv[2], NULL, 10));
	return argc == 2 ? decode_tar(argv[1]) : 2;
}
