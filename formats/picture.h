/*
 * picture: one picture in memory, by whichever codec knows its bytes. A codec is one file that ends
 * in a struct format with `picture` set and stands in formats.def.
 */
#ifndef CVT_PICTURE_H
#define CVT_PICTURE_H

#include "dataset.h"

/* u1, row by row, channels together; 1 (grey) or 3 (red, green, blue). */
struct picture {
	size_t height, width, channels;
};

/* Memory that decoding takes, kept from one picture to the next; `p` is freed by who has it. */
struct picture_room {
	void *p;
	size_t capacity;
};

struct picture_codec {
	bool (*is)(const unsigned char *start, size_t n);
	/* The size, from the beginning of the file; *more when the header may go on behind it. */
	int (*measure)(const unsigned char *p, size_t n, struct picture *size, bool *more,
		struct cvt_err *e);
	/* For what is compressed: would decoding a picture of that size, from all its bytes, keep within the limits of
	 * o? It is asked before there is room for the pixels. */
	int (*affords)(const unsigned char *p, size_t n, const struct picture *size,
		const struct dataset_options *o, struct cvt_err *e);
	/* The whole picture of that size into `to`, within the limits of o. Damage of any kind is
	 * CVT_INPUT. */
	int (*decode)(const unsigned char *p, size_t n, const struct picture *size,
		const struct dataset_options *o, struct picture_room *room, unsigned char *to,
		struct cvt_err *e);
};

/* The codec that knows these bytes, NULL = none. */
const struct picture_codec *picture_codec(const unsigned char *start, size_t n);
/* Measures and holds against the limits of o (--max-pixels, --max-side). */
int picture_measure(const struct picture_codec *codec, const unsigned char *p, size_t n,
	const struct dataset_options *o, struct picture *size, bool *more, struct cvt_err *e);
/* Asks a codec that has `affords`, and first whether so many bytes may be compressed
 * (--max-compressed); p NULL = only that. */
int picture_affords(const struct picture_codec *codec, const unsigned char *p, size_t n,
	const struct picture *size, const struct dataset_options *o, struct cvt_err *e);
size_t picture_bytes(const struct picture *size);
/* Fails: no codec knows a file of n bytes. */
int picture_unknown(size_t n, struct cvt_err *e);
/* All bytes of a file, which must be a picture of that size, to `to`. `seen`: picture_affords was asked
 * about them. */
int picture_decode(const unsigned char *p, size_t n, bool seen, const struct picture *size,
	const struct dataset_options *o, struct picture_room *room, unsigned char *to,
	struct cvt_err *e);

#endif
