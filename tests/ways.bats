#!/usr/bin/env bats
# Promises 4 and 5 for everything there is: every method and every tool gives the same bytes for any
# number of threads, from a file, a pipe and a pipe that dribbles, quiet or not; a training of any
# method that is killed at any moment, time and again, goes on to the bytes of one that was not. With
# TORTURE set (make torture) it is killed many times more.
load helper
load ways

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	[[ ${TESTS:-} == *san ]] || export WAYS_EPOCHS=${TORTURE:+10}6
	ways_data
}

setup() {
	cd "$BATS_FILE_TMPDIR"
	rm -rf out
	mkdir out
}

# same HOW: what was made now is what was made first.
same() {
	cmp out/first out/x || { echo "$name: $1 gives other bytes"; return 1; }
}

# every_way NAME INPUT COMMAND...: one hash, however it is run.
every_way() {
	local name=$1 in=$2 t quiet=-q
	shift 2
	[[ $name != cv-* ]] || quiet=
	[ "$in" != - ] || in=/dev/null
	"$@" $quiet --threads 1 <"$in" >out/first
	[ -s out/first ]
	for t in 2 3 8; do
		"$@" $quiet --threads $t <"$in" >out/x
		same "--threads $t"
	done
	[ "$in" != /dev/null ] || return 0
	cat "$in" | "$@" $quiet --threads 2 >out/x
	same 'a pipe'
	dd if="$in" bs=61 2>/dev/null | "$@" $quiet --threads 3 >out/x
	same 'a pipe that dribbles'
	"$@" --threads 2 -v --progress always <"$in" >out/x 2>out/said
	same '-v --progress always'
	"$@" -q --threads 2 --metrics out/m.tsv -o out/x <"$in"
	same '--metrics and a file'
}

@test "every method and every tool has its way here" {
	for m in $(sed -n 's/^METHOD(\(.*\))/\1/p' "$top/libcore/method/method.def"); do
		printf '%s\n' "${method_ways[@]}" | grep -q "^$m[ /]" || { echo "none for $m"; return 1; }
	done
	for p in "$top"/cmd/cv-*.c; do
		p=$(basename "$p" .c)
		printf '%s\n' "${method_ways[@]}" "${tool_ways[@]}" | grep -q " $p " ||
			{ echo "none for $p"; return 1; }
	done
}

@test "every method: one hash for 1, 2, 3, 8 threads, file, pipe, dribble, quiet or not" {
	for w in "${method_ways[@]}"; do
		# shellcheck disable=SC2086 # a way is words
		every_way $w
	done
}

@test "every tool: one hash for 1, 2, 3, 8 threads, file, pipe, dribble, quiet or not" {
	for w in "${tool_ways[@]}"; do
		# shellcheck disable=SC2086
		every_way $w
	done
}

# Figures without those of the clock.
figures() {
	sed 's/, "seconds".*//' "$1"
}

# killed NAME INPUT COMMAND...: killed after moments that RANDOM draws, it ends as if it never was;
# the metrics, too, tell each epoch once.
killed() {
	local name=$1 in=$2 round code took kills=0
	shift 2
	rm -rf out
	mkdir out
	took=$(date +%s%N)
	"$@" -q --metrics out/whole.json -o out/whole.st "$in"
	took=$((($(date +%s%N) - took) / 1000))
	for ((round = 0; round < ${TORTURE:+100 +} 4; round++)); do
		code=0
		sh -c 'timeout -s KILL "$@"' sh "$(moment $((took / 3)) $took)" "$@" -q --threads $((1 + round % 3)) \
			--resume auto --checkpoint-every 0.0001s --metrics out/part.json -o out/part.st "$in" \
			2>out/said || code=$?
		[ $code -eq 0 ] && break
		[ $code -eq 137 ] || { echo "$name: $code"; cat out/said; return 1; }
		[ ! -e out/part.st ] || [ ! -e out/part.st.ckpt ] || cmp out/whole.st out/part.st
		kills=$((kills + 1))
	done
	[ $code -eq 0 ] || "$@" -q --resume auto --metrics out/part.json -o out/part.st "$in"
	cmp out/whole.st out/part.st || { echo "$name: differs after $kills kills (seed $seed)"; return 1; }
	cmp <(figures out/whole.json) <(figures out/part.json) ||
		{ echo "$name: other figures after $kills kills (seed $seed)"; return 1; }
	all=$((all + kills))
}

@test "every method: killed at random moments, it ends in the same bytes and the same figures" {
	[[ ${TESTS:-} != *san ]] || skip "a sanitizer takes too long to start"
	seed=${SEED:-$$} all=0
	RANDOM=$seed
	for w in "${method_ways[@]}"; do
		# shellcheck disable=SC2086
		[[ $w == kmeans* ]] || killed $w # k-means learns in one go
	done
	echo "killed $all times"
	[ $all -ge 12 ]
}

# on_terminal COMMAND: what it shows on one.
on_terminal() {
	script -qec "$1; echo code \$?" /dev/null </dev/null | tr -d '\r'
}

@test "every tool refuses to write binary to a terminal, whatever that is called; nothing is coloured" {
	script -qec true /dev/null </dev/null >/dev/null 2>&1 || skip "no script(1) here"
	for w in "${method_ways[0]}" "${tool_ways[@]}"; do # all methods write by the same way
		read -r name in command <<<"$w"
		[ "$in" != - ] || in=/dev/null
		for to in '' '-o -' '-o /dev/tty' '-o /dev/stdout'; do
			on_terminal "$command $to <$in" >out/shown
			refute grep -q $'\e\[[0-9;]*m' out/shown
			case $name in
			cv-eval | cv-view/stat) grep -qx 'code 0' out/shown ;;
			*) grep -qx 'code 2' out/shown && grep -q "^cv-.*is a terminal, and this is binary" out/shown ;;
			esac || { echo "$command $to"; head -c 300 out/shown | cat -v; return 1; }
		done
	done
	on_terminal "cv-train --help=all; cv-read nowhere" >out/shown
	refute grep -q $'\e' out/shown
}

@test "every program that passes rows tells of them: --metrics, and progress unless another follows" {
	local c
	cv-gen shapes -n 64 --start 128 --size 16 -o few.cvt
	cv-embed -q --arch pixels few.cvt -o points.cvt
	for c in 'cv-read few.cvt' 'cv-augment -i few.cvt hflip' 'cv-embed --arch pixels few.cvt' \
		'cv-knn --bank points.cvt -k 1 points.cvt' 'cv-gen shapes -n 64' 'cv-view --stat few.cvt'; do
		$c --metrics m.tsv -o out/x
		[ "$(head -1 m.tsv | tr '\t' '\n' | grep -cxE 'rows|seconds|rows_per_second')" -eq 3 ]
		awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "rows") k = i } NR == 2 { exit $k != 64 }' m.tsv
	done
	fails 2 sh -c 'cv-read few.cvt --metrics - >out/x'
	script -qec true /dev/null </dev/null >/dev/null 2>&1 || skip "no script(1) here"
	local slow='{ head -c 20000 few.cvt; sleep 0.5; tail -c +20001 few.cvt; } | cv-read'
	local told='64 of 64 rows, [0-9]+/s, ETA 0:00'
	[ "$(on_terminal "$slow | cat >out/x")" = 'code 0' ]
	on_terminal "$slow --progress always | cat >out/x" | grep -qE "$told"
	on_terminal "$slow -o out/x" | grep -qE "$told"
}

@test "progress tells the epoch, the share of waiting and when it ends, on one line of a terminal" {
	{
		head -c 60000 rows.cvt
		sleep 0.5
		tail -c +60001 rows.cvt
	} | cv-train --arch net.arch -b 16 --progress always -o out/x 2>out/said
	tr '\r' '\n' <out/said >out/lines
	grep -qE 'cv-train: epoch [0-9]+/[0-9]+ [0-9]+% loss [0-9.]+ .* img/s, waiting [1-9][0-9]*%, ETA [0-9:]+' out/lines
	grep -q 'cv-train: out/x: [0-9]* epochs in ' out/lines
	cv-train --arch net.arch -b 16 --epochs 2 --progress never -o out/x one.cvt 2>out/said
	[ "$(wc -l <out/said)" -eq 1 ] # what came of it
	cv-train -q --arch net.arch -b 16 --epochs 2 -o out/x one.cvt 2>out/said
	[ ! -s out/said ]
}
