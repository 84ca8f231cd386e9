#!/bin/sh
# The share of lines that were run, for every file that reads what comes from outside, the least
# covered first, and their total: tests/coverage.sh BUILD after a run of programs built with gcov.
set -eu
build=$1
for f in formats/*.c libcore/arch*.c libcore/model.c libcore/aug/chain.c libcore/cli*.c; do
	[ -e "$build/obj/${f%.c}.gcda" ] || continue
	gcov -n -o "$build/obj/$(dirname "$f")" "$build/obj/${f%.c}.gcda" 2>/dev/null |
		awk -v want="$f" '/^File / { mine = $2 == "\x27" want "\x27" }
			mine && /^Lines executed/ { split($0, a, /[:% ]+/); print a[3], a[5], want; exit }'
done | sort -n | awk '{ printf "%6.1f %% of %4d lines  %s\n", $1, $2, $3; run += $1 * $2; all += $2 }
	END { printf "%6.1f %% of %4d lines  in all\n", run / all, all }'
