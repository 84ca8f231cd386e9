/* The same checks on the kernels of every kind of processor (simd.h), those of this one in place of what it
 * does not have. Kernels are chosen once a process: each kind has a process of its own. */
#ifndef CVT_TEST_PROCESSORS_H
#define CVT_TEST_PROCESSORS_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int on_processor(const char *name, void (*check)(void), const int *failures)
{
	(void)fflush(stdout);
	const pid_t child = fork();
	if (child == 0) {
		setenv("CVT_SIMD", name, 1);
		check();
		(void)fflush(stdout);
		_exit(*failures != 0);
	}
	int status = 1;
	return child > 0 && waitpid(child, &status, 0) == child ? status : 1;
}

/* What main returns: 0 if `check` counted no failure anywhere. */
static int on_processors(void (*check)(void), const int *failures)
{
	static const char *const processors[] = {"portable", "avx2", "avx512", "amx"};
	int bad = 0;
	for (size_t i = 0; i < sizeof processors / sizeof *processors; i++)
		bad |= on_processor(processors[i], check, failures);
	return bad != 0;
}

#endif
