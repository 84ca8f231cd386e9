/*
 * A producer and a consumer of streams in C, to copy: cc -O2 producer.c $(pkg-config --cflags
 * cvtools). `producer 200` writes that many little pictures, bright above or bright below; with no
 * number it reads a stream and prints the mean brightness of each class.
 *
 *   ./producer 200 | cv-train --arch lenet5 -o net.safetensors
 *   cv-read photos/ --size 32x32 | ./producer
 */
#include <cvt_stream.h>

enum { SIDE = 28, ROWS = 64, CLASSES = 256 };

static int produce(long rows)
{
	static unsigned char image[ROWS][SIDE][SIDE];
	static int32_t label[ROWS];
	static int64_t index[ROWS];
	const struct cvt_field field[] = {{"image", "|u1", 3, {SIDE, SIDE, 1}},
		{"label", "<i4", 0, {0}}, {"index", "<i8", 0, {0}}};
	const void *const data[] = {image, label, index};
	struct cvt_writer w;
	int code = cvt_write_head(&w, stdout, field, 3, "class 0 below\nclass 1 above\n");
	for (long at = 0; at < rows && code == 0; at += ROWS) {
		const long n = rows - at < ROWS ? rows - at : ROWS;
		for (long i = 0; i < n; i++) {
			index[i] = at + i;
			label[i] = (int32_t)(index[i] % 2);
			for (int y = 0; y < SIDE; y++)
				memset(image[i][y], (y < SIDE / 2) == label[i] ? 200 : 50, SIDE);
		}
		code = cvt_write_rows(&w, (uint64_t)n, data);
	}
	if (code != 0 || cvt_write_epoch(&w) != 0 || cvt_write_done(&w) != 0) {
		perror("producer");
		return 1;
	}
	return 0;
}

static int consume(void)
{
	static double sum[CLASSES], count[CLASSES];
	struct cvt_reader r;
	int event = cvt_read_head(&r, stdin);
	while (event > 0 && (event = cvt_read(&r)) > 0) {
		const struct cvt_tensor *image = cvt_tensor(&r, "image");
		const struct cvt_tensor *label = cvt_tensor(&r, "label");
		if (event != CVT_ROWS || !image || !label || strcmp(image->dtype, "|u1") != 0)
			continue;
		const size_t pixels = r.rows ? (size_t)(image->bytes / r.rows) : 0;
		for (size_t i = 0; i < r.rows; i++) {
			const int32_t k = ((const int32_t *)label->data)[i];
			for (size_t p = 0; k >= 0 && k < CLASSES && p < pixels; p++) {
				sum[k] += ((const unsigned char *)image->data)[i * pixels + p];
				count[k]++;
			}
		}
	}
	if (event < 0)
		fprintf(stderr, "producer: %s\n", r.error);
	for (int k = 0; k < CLASSES && event == 0; k++)
		if (count[k] > 0)
			printf("%d %.2f\n", k, sum[k] / count[k]);
	cvt_read_end(&r);
	return event < 0 ? 3 : 0;
}

int main(int argc, char **argv)
{
	return argc > 1 ? produce(strtol(argv[1], NULL, 10)) : consume();
}
