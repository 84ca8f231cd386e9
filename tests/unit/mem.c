/* mem: what is allocated is zero and aligned; large blocks ask the system for large pages. */
#include "../../libcore/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 64, SMALL = 1000, LARGE = 16 << 20 };

static int failures;

static void say(bool good, const char *what)
{
	printf("%s %s\n", good ? "ok" : "not ok", what);
	failures += !good;
}

/* Whether the mapping that holds p has a flag among its VmFlags; 1 too where the system tells none. */
static bool has_flag(const void *p, const char *flag)
{
	char line[512];
	bool inside = false, told = false, has = false;
	FILE *f = fopen("/proc/self/smaps", "r");
	while (f && fgets(line, sizeof line, f)) {
		char *end;
		const unsigned long long from = strtoull(line, &end, 16);
		if (*end == '-') {
			inside = from <= (uintptr_t)p && (uintptr_t)p < strtoull(end + 1, NULL, 16);
		} else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
			told = true;
			has = strstr(line, flag) != NULL;
		}
	}
	if (f)
		(void)fclose(f);
	return has || !told;
}

static bool can_be_large(void)
{
	FILE *f = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
	if (f)
		(void)fclose(f);
	return f != NULL;
}

static void check(size_t n, const char *what)
{
	struct cvt_err e;
	unsigned char *p = mem_alloc(n, 1, &e);
	bool good = p && (uintptr_t)p % LINE == 0;
	for (size_t i = 0; i < n && good; i++)
		good = p[i] == 0;
	if (good && n == LARGE && can_be_large())
		good = has_flag(p + n / 2, " hg");
	say(good, what);
	free(p);
}

int main(void)
{
	check(0, "nothing");
	check(SMALL, "a small block is zero and aligned");
	check(LARGE, "a large one, too, and asks for large pages");
	say(mem_alloc(SIZE_MAX, 2, NULL) == NULL, "what no size_t counts is refused");
	return failures != 0;
}
