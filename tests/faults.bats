#!/usr/bin/env bats
# Promise 3 under fire: every call that saves a file fails or is the last one (as by SIGKILL), every
# allocation fails: an output is complete, or absent, or still the old one; what fails says one line;
# and what a killed program left behind, the next one removes. Of all places a sample is tried; with
# TORTURE set (make torture), every one.
load helper
load py
load trained
load ways

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	trained 8 40
	said_of_rows
	cp "$BATS_TEST_DIRNAME/golden/formats/png" a.png
	cp "$BATS_TEST_DIRNAME/golden/formats/jpeg" b.jpg
	WAYS_EPOCHS=1 ways_data
	for f in memory calls; do
		cc -shared -fPIC -O1 -o $f.so "$BATS_TEST_DIRNAME/faults/$f.c" -ldl
	done
}

setup() {
	[[ ${TESTS:-} != *san ]] || skip "a sanitizer must be loaded first"
	own_copy
}

# Every tool that writes, reading files.
writers=(
	'cv-gen shapes -n 40 --size 8x8'
	'cv-read s.cvt --shuffle'
	'cv-read a.png b.jpg --size 4x4'
	'cv-augment -i s.cvt hflip'
	'cv-embed -w net.st s.cvt --threads 1'
	'cv-train -q --arch tiny.arch s.cvt --threads 1'
	'cv-distill -q --arch tiny.arch --teacher net.st s.cvt --threads 1'
	'cv-knn --bank bank.cvt bank.cvt --threads 1'
	'cv-eval logits.cvt'
	'cv-view --tsv s.cvt'
	'cv-view s.cvt'
)

# step ALL: how many places to go on at a time, so that about SAMPLES of ALL are tried.
step() {
	[ -z "${TORTURE:-}" ] || { echo 1; return; }
	echo $((1 + $1 / ${SAMPLES:-3}))
}

# Thousands of runs are looked at: what follows starts no program where it need not.

# left_over: the names in out beside x and its checkpoint.
left_over() {
	local f
	shopt -s nullglob dotglob
	for f in out/*; do
		case ${f#out/} in x | x.ckpt) ;; *) printf '%s\n' "${f#out/}" ;; esac
	done
	shopt -u nullglob dotglob
}

# stands WANT...: out/x is one of these files, byte for byte; nothing but a checkpoint lies beside it.
stands() {
	local w
	left_over >left
	[ ! -s left ] || { cat left; return 1; }
	for w in "$@"; do
		if [ "$w" = absent ]; then [ ! -e out/x ] && return; else cmp -s "$w" out/x && return; fi
	done
	echo "out/x is none of $*"
	return 1
}

# one_line FILE
one_line() {
	local line
	mapfile -t line <"$1"
	[ ${#line[@]} -eq 1 ]
}

# alternate HOWS: sets `was` to absent, then to old, and so on; for each of so many faults in turn, both.
alternate() {
	was=absent
	[ $(((turn + turn / $1) % 2)) -eq 0 ] || was=old
	turn=$((turn + 1))
}

# begin OLD: out as before a run: empty, or with the old file.
begin() {
	[ ! -d out ] || left_over >left
	if [ ! -d out ] || [ -s left ] || [ -e out/x ] || [ -e out/x.ckpt ]; then
		rm -rf out
		mkdir out
	fi
	[ "$1" = absent ] || cp "$1" out/x
}

# count_calls WRITER...: how many calls a run makes that can go wrong.
count_calls() {
	local n=1
	while FAULT=before FAULT_AT=$n LD_PRELOAD=$PWD/calls.so "$@" -o out/x 2>/dev/null; [ $? -eq 137 ]; do
		n=$((n + 5))
		begin absent
	done
	echo $n
}

# under FAULT AT COMMAND...: runs it; its code in $code, its words in `said`.
under() {
	code=0
	FAULT=$1 FAULT_AT=$2 LD_PRELOAD=$PWD/calls.so "${@:3}" 2>said || code=$?
}

@test "killed at every call of the save path, and before it" {
	echo old >old
	for w in "${writers[@]}"; do
		begin absent
		$w -o want
		calls=$(count_calls $w)
		turn=0
		for ((n = 1; n <= calls; n += $(step $calls))); do
			for how in before after; do
				alternate 2
				begin $was
				under $how $n $w -o out/x
				[ $code -eq 137 ] || [ $code -eq 0 ]
				left=$(left_over)
				[ -z "$left" ] || [[ $left == .x*.cvtools-0 ]] || { echo "$w: $left"; return 1; }
				if [ -n "$left" ]; then # the next run is whole, and removes it
					$w -o out/x
					stands want
				else
					stands $was want
				fi || { echo "$w: $how call $n of $calls, $was"; return 1; }
			done
		done
	done
}

@test "every call of the save path fails" {
	echo old >old
	for w in "${writers[@]}"; do
		begin absent
		$w -o want
		calls=$(count_calls $w)
		turn=0
		for ((n = 1; n <= calls; n += $(step $calls))); do
			for how in ENOSPC EIO EINTR short; do
				alternate 4
				begin $was
				under $how $n $w -o out/x
				if [ $code -eq 0 ]; then
					stands want && [ ! -s said ]
				else
					[ $code -eq 1 ] && one_line said && stands $was want
				fi || { echo "$w: $how at call $n of $calls, $was: $code"; cat said; return 1; }
			done
		done
	done
}

# system_calls COMMAND...: those of a run that have to do with files, NAME COUNT a line.
system_calls() {
	begin old
	strace -f -qq -o trace "$@" -o out/x
	sed -nE 's/^[0-9]+ +([a-z0-9_]+)\(.*/\1/p' trace | sort | uniq -c | awk '{ print $2, $1 }' |
		grep -E '^(access|open|openat|read|pread64|write|writev|pwrite64|lseek|fsync|fdatasync|fcntl|fstat|newfstatat|statx|flock|ftruncate|fallocate|ioctl|readlink|link|linkat|rename|renameat|renameat2|unlink|unlinkat|close) '
}

# The same one layer below, where libc and the loader call, too.
@test "system calls fail, or are the last" {
	strace -qq -o trace true 2>/dev/null || skip "no strace here, or it is not permitted"
	local seed=${SEED:-$$} turn=0 failed=0 w name calls n how was code left
	echo "SEED=$seed"
	RANDOM=$seed
	echo old >old
	for w in "${writers[3]}" "${writers[5]}"; do
		begin absent
		$w -o want
		system_calls $w >called
		grep -q '^fsync' called && grep -qE '^rename|^link' called
		while read -r name calls; do
			n=$((1 + RANDOM % $(SAMPLES=2 step $calls)))
			for (( ; n <= calls; n += $(SAMPLES=2 step $calls))); do
				for how in error=EIO signal=KILL; do
					alternate 2
					begin $was
					code=0
					sh -c 'timeout 20 strace -f -qq -o trace "$@" 2>said' sh -e trace=$name \
						-e inject=$name:$how:when=$n $w -o out/x </dev/null || code=$?
					[ $code -eq 0 ] || failed=$((failed + 1))
					left=$(left_over)
					if [ $code -eq 0 ]; then
						stands want && [ ! -s said ]
					elif [ $how = error=EIO ]; then
						[ $code -lt 128 ] && one_line said && stands $was want
					elif [ -n "$left" ]; then # between its two names: the next run is whole, and removes it
						[ $code -eq 137 ] && [[ $left == .x*.cvtools-0 ]] && $w -o out/x && stands want
					else
						[ $code -eq 137 ] && stands $was want
					fi || { echo "$w: $how at $name $n of $calls, $was: $code"; cat said; return 1; }
				done
			done
		done <called
	done
	echo "$turn runs, $failed ended early"
	[ $failed -ge $((turn / 2)) ]
}

# Moments of the whole run, its start and its save alike, that RANDOM draws: four a writer; with TORTURE
# set 1,001 in all.
@test "killed at moments that RANDOM draws" {
	local seed=${SEED:-$$} rounds=4 kills=0 n at w was start took left
	[ -z "${TORTURE:-}" ] || rounds=91
	echo "SEED=$seed"
	RANDOM=$seed
	echo old >old
	for w in "${writers[@]}"; do
		begin absent
		start=$(date +%s%N)
		$w -o want
		took=$((($(date +%s%N) - start) / 1000))
		for ((n = 0; n < rounds; n++)); do
			was=$([ $((n % 2)) -eq 0 ] && echo absent || echo old)
			begin $was
			at=$(moment 0 $took)
			code=0
			sh -c 'timeout -s KILL "$@" 2>said' sh $at $w -o out/x || code=$?
			[ $code -eq 0 ] || [ $code -eq 137 ] || { echo "$w: $code after $at s"; cat said; return 1; }
			[ $code -eq 0 ] || kills=$((kills + 1))
			left=$(left_over)
			if [ -n "$left" ]; then # between its two names: the next run is whole, and removes it
				[[ $left == .x*.cvtools-0 ]] && $w -o out/x && stands want
			else
				stands $was want
			fi || { echo "$w: killed after $at s, $was"; return 1; }
		done
	done
	echo "killed $kills times"
	[ $kills -ge $((rounds * ${#writers[@]} / 3)) ]
}

# memory AT EVER COMMAND...
memory() {
	code=0
	if [ -n "$2" ]; then export FAULT_EVER=1; else unset FAULT_EVER; fi
	FAULT_AT=$1 LD_PRELOAD=$PWD/memory.so timeout 20 "${@:3}" 2>said || code=$?
	unset FAULT_EVER
}

# starved INPUT COMMAND...: every place where memory can run out on it, or a sample of these.
starved() {
	local in=$1 all=1 n ever
	shift
	[ "$in" != - ] || in=/dev/null
	begin absent
	"$@" -o out/x <"$in"
	mv out/x want
	while memory $all 1 "$@" -o out/x <"$in"; [ $code -ne 0 ]; do
		all=$((all * 2))
		begin absent
	done
	for ((n = 1; n <= all; n += $(step $all))); do
		for ever in '' 1; do
			begin absent
			memory $n "$ever" "$@" -o out/x <"$in"
			if [ $code -eq 0 ]; then
				stands want
			else
				[ $code -eq 1 ] && one_line said && stands absent
			fi || {
				echo "$*: allocation $n of $all ${ever:+for ever}: $code"
				cat said
				return 1
			}
		done
	done
}

@test "memory runs out at every allocation, once or for ever" {
	for w in "${writers[@]}" 'cv-read a.png b.jpg a.png b.jpg --size 4x4 --threads 2'; do
		# shellcheck disable=SC2086 # words
		starved - $w
	done
}

@test "memory runs out in every method" {
	for w in "${method_ways[@]}"; do
		# shellcheck disable=SC2086
		SAMPLES=4 starved ${w#* } --threads 1 -q
	done
}

@test "memory runs out in every tool that reads a pipe" {
	for w in "${tool_ways[@]}"; do
		# shellcheck disable=SC2086
		SAMPLES=4 starved ${w#* } --threads 1 -q
	done
}
