#!/bin/sh
# Everything that reads the code without running it; warnings are errors. What the machine lacks is
# named and skipped (make lint installs it).
set -u
cd "$(dirname "$0")/.." || exit 1
failed=0
sources=$(git ls-files '*.c')
headers=$(git ls-files '*.h')
flags='-std=c11 -D_POSIX_C_SOURCE=200809L -Ilibcore -Iformats -DSIMD_ISA=portable -DSIMD_WIDTH=4'
warn='-Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wcast-qual
	-Wpointer-arith -Wformat=2 -Werror'

step() { # NAME COMMAND...
	name=$1
	shift
	command -v "$1" >/dev/null || {
		echo "skip $name: no $1 here"
		return
	}
	if "$@" >"${TMPDIR:-/tmp}/cvtools-lint.$$" 2>&1; then
		echo "ok $name"
	else
		echo "not ok $name"
		grep -E ': (fatal )?(error|warning|style|portability):' "${TMPDIR:-/tmp}/cvtools-lint.$$" |
			sort -u >"${TMPDIR:-/tmp}/cvtools-lint.$$.short" || head -n 40 "${TMPDIR:-/tmp}/cvtools-lint.$$"
		cat "${TMPDIR:-/tmp}/cvtools-lint.$$.short"
		failed=1
	fi
	rm -f "${TMPDIR:-/tmp}/cvtools-lint.$$" "${TMPDIR:-/tmp}/cvtools-lint.$$.short"
}

# clang-tidy on all cores; its exit code says whether any file had a finding. A file a process: in the
# second one of a process its analyser takes every va_list for uninitialised.
# shellcheck disable=SC2317
tidy() {
	command -v clang-tidy >/dev/null || return 0
	cores=$(nproc 2>/dev/null || echo 1)
	# shellcheck disable=SC2086,SC2016,SC2317
	printf '%s\n' $sources |
		xargs -P "$cores" -n 1 sh -c 'clang-tidy --quiet "$@" -- '"$flags"' 2>/dev/null' tidy
}

# shellcheck disable=SC2086 # the lists are meant to split
{
	step gcc gcc $flags $warn -O2 -fsyntax-only $sources
	step clang clang $flags $warn -fsyntax-only $sources
	step clang-format clang-format --dry-run -Werror $sources $headers
	step cppcheck cppcheck -q --error-exitcode=1 --enable=warning,portability --inline-suppr \
		--suppress=missingIncludeSystem -DSIMD_ISA=portable -DSIMD_WIDTH=4 -Ilibcore -Iformats $sources
	step clang-tidy tidy
	scripts=$(git ls-files '*.sh' .ci/run)
	step shellcheck shellcheck $scripts
	pages=$(git ls-files '*.1' '*.5' '*.7')
	[ -z "$pages" ] || step mandoc mandoc -T lint -W warning $pages
}
exit $failed
