/* picture: one picture in memory (see picture.h). */
#include "picture.h"

const struct picture_codec *picture_codec(const unsigned char *start, size_t n)
{
	for (size_t i = 0; formats[i]; i++)
		if (formats[i]->picture && formats[i]->picture->is(start, n))
			return formats[i]->picture;
	return NULL;
}

int picture_measure(const struct picture_codec *codec, const unsigned char *p, size_t n,
	const struct dataset_options *o, struct picture *size, bool *more, struct cvt_err *e)
{
	size_t pixels;
	*more = false;
	TRY(codec->measure(p, n, size, more, e));
	if (*more)
		return CVT_OK;
	if (size->height == 0 || size->width == 0)
		return cvt_fail(e, CVT_INPUT, "a picture without pixels");
	if (size->height > o->max_side || size->width > o->max_side)
		return cvt_fail(e, CVT_LIMIT,
			"%zu x %zu pixels, and a side of at most %zu is allowed; raise "
			"cv-read --max-side",
			size->height, size->width, o->max_side);
	if (!mem_mul(size->height, size->width, &pixels) || pixels > o->max_pixels)
		return cvt_fail(e, CVT_LIMIT,
			"%zu x %zu pixels, and at most %zu in all are allowed; raise "
			"cv-read --max-pixels",
			size->height, size->width, o->max_pixels);
	return CVT_OK;
}

int picture_affords(const struct picture_codec *codec, const unsigned char *p, size_t n,
	const struct picture *size, const struct dataset_options *o, struct cvt_err *e)
{
	if (!codec->affords)
		return CVT_OK;
	if (n > o->max_compressed)
		return cvt_fail(e, CVT_LIMIT,
			"larger than %zu bytes; raise cv-read --max-compressed", o->max_compressed);
	return p ? codec->affords(p, n, size, o, e) : CVT_OK;
}

size_t picture_bytes(const struct picture *size)
{
	return size->height * size->width * size->channels;
}

int picture_unknown(size_t n, struct cvt_err *e)
{
	return cvt_fail(e, CVT_INPUT, n ? "is no PNG, JPEG or netpbm picture" : "is empty");
}

int picture_decode(const unsigned char *p, size_t n, bool seen, const struct picture *size,
	const struct dataset_options *o, struct picture_room *room, unsigned char *to,
	struct cvt_err *e)
{
	const struct picture_codec *codec = picture_codec(p, n);
	struct picture now = {0, 0, 0};
	bool more = false;
	if (!codec)
		return picture_unknown(n, e);
	TRY(picture_measure(codec, p, n, o, &now, &more, e));
	if (now.height != size->height || now.width != size->width
		|| now.channels != size->channels)
		return cvt_fail(e, CVT_INPUT,
			"is %zu x %zu with %zu channels, and should be %zu x %zu "
			"with %zu",
			now.height, now.width, now.channels, size->height, size->width,
			size->channels);
	if (!seen)
		TRY(picture_affords(codec, p, n, size, o, e));
	return codec->decode(p, n, size, o, room, to, e);
}
