/* replay: what the fuzzers found worth keeping (tests/fuzz/corpus), once more, in make check: a target
 * of libFuzzer without libFuzzer. Under the sanitizers it says most (make asan). */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t n);

static int replay(const char *path)
{
	static unsigned char bytes[1 << 20];
	FILE *f = fopen(path, "rb");
	if (!f)
		return 1;
	const size_t n = fread(bytes, 1, sizeof bytes, f);
	(void)fclose(f);
	return LLVMFuzzerTestOneInput(bytes, n);
}

int main(int argc, char **argv)
{
	char folder[200], path[500];
	const char *name = strrchr(argv[0], '/');
	int files = 0, failures = 0;
	name = strchr(name ? name : argv[0], '_');
	(void)snprintf(
		folder, sizeof folder, "tests/fuzz/corpus/%s", argc > 1 ? argv[1] : name + 1);
	DIR *d = opendir(folder);
	for (const struct dirent *f; d && (f = readdir(d)) != NULL;) {
		if (f->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof path, "%s/%s", folder, f->d_name);
		failures += replay(path) != 0;
		files++;
	}
	if (d)
		(void)closedir(d);
	printf("%s %s: %d inputs that fuzzing found\n", files && !failures ? "ok" : "not ok",
		folder, files);
	return !files || failures;
}
