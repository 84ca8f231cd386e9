#!/usr/bin/env bats
# The house keeps its own rules: dependencies run one way, lists and folders agree, banned calls are
# absent, pipelines fit a page.
load helper

@test "formats include only mem, tensor, rng and par of libcore" {
	cd "$top"
	grep -nE '#include "\.\./libcore/' formats/*.[ch] >"$BATS_TEST_TMPDIR/includes"
	refute grep -vE '"\.\./libcore/(mem|tensor|rng|par)\.h"' "$BATS_TEST_TMPDIR/includes"
	refute grep -nE '#include "\.\./cmd/' formats/*.[ch]
}

@test "libcore includes nothing from formats or cmd" {
	cd "$top"
	refute grep -rnE '#include ".*(formats|cmd)/' libcore
}

@test "a message of exit 4 names an option" {
	cd "$top"
	# From CVT_LIMIT to the end of the call.
	awk 'FNR == 1 { at = "" }
		/CVT_LIMIT/ && !/== CVT_LIMIT|CVT_LIMIT =|^ \*|\/\*/ { at = FILENAME ":" FNR; text = ""; n++ }
		at { text = text $0 }
		at && /;$/ { if (text !~ /--[a-z]/ && text !~ /raise %s"/) { print at; bad = 1 } at = "" }
		END { if (n < 30) print n " calls found"; exit bad || n < 30 }' \
		formats/*.c cmd/*.c cmd/*/*.c libcore/*.c libcore/*/*.c
}

@test "one file alone includes cblas.h" {
	cd "$top"
	[ "$(grep -rlE 'include <cblas.h>' cmd libcore formats)" = libcore/blas.c ]
}

# LIST FOLDER: each NAME of LIST(NAME) has FOLDER/NAME.c, and each file of the folder that ends in a
# record of that kind is listed.
lists_agree() {
	local def=$1 folder=$2 record=$3 name
	for name in $(sed -nE 's/^[A-Z_]+\(([a-z0-9_]+).*/\1/p' "$top/$def"); do
		[ -e "$top/$folder/$name.c" ] || {
			echo "$def lists $name, $folder has no $name.c"
			return 1
		}
		grep -q "$record $name\>\|$record [a-z]*_$name\>" "$top/$folder/$name.c" || {
			echo "$folder/$name.c does not end in its record"
			return 1
		}
	done
	for name in $(grep -lE "^const $record [a-z]" "$top/$folder"/*.c); do
		name=$(basename "$name" .c)
		grep -qE "\($name[,)]" "$top/$def" || {
			echo "$folder/$name.c is not listed in $def"
			return 1
		}
	done
}

@test "lists and folders agree: layers, losses, methods, optimizers, schedules" {
	lists_agree libcore/nn/nn.def libcore/nn 'struct nn_op'
	lists_agree libcore/loss/loss.def libcore/loss 'struct nn_op'
	lists_agree libcore/method/method.def libcore/method 'struct method'
	lists_agree libcore/opt/opt.def libcore/opt 'struct opt'
	lists_agree libcore/sched/sched.def libcore/sched 'struct sched'
}

@test "lists and folders agree: operations, metrics, formats" {
	lists_agree libcore/aug/aug.def libcore/aug 'struct aug_op'
	lists_agree libcore/metric/metric.def libcore/metric 'struct metric'
	lists_agree formats/formats.def formats 'struct format'
}

@test "the zoo is what the folder holds, and every text is listed by --list" {
	for f in "$top"/libcore/arch/*.arch; do
		cv-embed --list | cut -f 1 | grep -qx "$(basename "$f" .arch)"
	done
}

@test "banned calls are absent" {
	cd "$top"
	refute grep -nE '\b(sprintf|vsprintf|strcpy|strcat|atoi|atof|gets|assert)[[:space:]]*\(' \
		cmd/*.c libcore/*.c libcore/*/*.c formats/*.c
}

@test "no function passes 75 lines, no file 520" {
	cd "$top"
	local files=$BATS_TEST_TMPDIR/files
	find cmd libcore formats -name '*.[ch]' >"$files"
	xargs wc -l <"$files" | awk '$2 != "total" && $1 > 520 { print; bad = 1 } END { exit bad }'
	# In this style a body begins and ends with a brace in the first column.
	xargs awk '/^{/ { from = FNR } /^}/ && from {
		if (FNR - from > 75) { print FILENAME ":" from ": " FNR - from " lines"; bad = 1 }
		from = 0 } END { exit bad }' <"$files"
}

@test "every command has its page and its one file" {
	cd "$top"
	for p in cmd/cv-*.c; do [ -e "${p%.c}.1" ]; done
}

@test "pipelines are at most 40 lines of POSIX shell" {
	for p in "$top"/pipelines/*.sh; do
		head -n 1 "$p" | grep -qx '#!/bin/sh'
		[ "$(wc -l <"$p")" -le 40 ]
		[ -x "$p" ]
	done
}

@test "every tool: --help begins with examples and fits a screen, --version, --list" {
	for p in "$top"/cmd/cv-*.c; do
		c=$(basename "$p" .c)
		"$c" --help >help.txt
		head -n 3 help.txt | grep -q "$c"
		[ "$(wc -l <help.txt)" -le 40 ]
		[ "$(awk '{ if (length > n) n = length } END { print n }' help.txt)" -le 110 ]
		"$c" --version | grep -q "^$c (cvtools) "
		"$c" --list >list.txt
		refute grep -vP '^[^\t]+\t' list.txt
	done
}

@test "unknown options name the nearest, abbreviations are refused" {
	for p in "$top"/cmd/cv-*.c; do
		c=$(basename "$p" .c)
		fails 2 "$c" --max-memroy 3
		[[ $message == *"did you mean '--max-memory'"* ]]
		fails 2 "$c" --thread 3
		[[ $message == *"--threads"* ]]
		fails 2 "$c" --seed x
		fails 2 "$c" --seed
	done
}

# Processor time, not the clock's, and the best of three: a busy machine must not fail a test.
# tests/bench measures both.
@test "every tool starts in under 10 ms, cv-read, cv-augment and cv-view in under 3" {
	[ "${TESTS:-}" = '' ] || skip "programs are slowed down by a sanitizer"
	TIMEFORMAT='%3U %3S'
	nothing=$({ time for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true; done; } 2>&1)
	for p in "$top"/cmd/cv-*.c; do
		c=$(basename "$p" .c)
		most=10
		case $c in cv-read | cv-augment | cv-view) most=3 ;; esac
		for try in 1 2 3; do
			spent=$({ time for i in 1 2 3 4 5 6 7 8 9 10; do "$c" --version >/dev/null; done; } 2>&1)
			echo "$c: try $try: ten starts took user and system $spent s"
			! awk -v most="$most" '{ exit !(($1 + $2 - $3 - $4) * 1000 / 10 < most) }' \
				<<<"$spent $nothing" || continue 2
		done
		return 1
	done
}
