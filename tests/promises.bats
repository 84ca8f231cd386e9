#!/usr/bin/env bats
# Promises 2, 3 and 7, for whole pipelines: if anything upstream fails, the last tool fails, in any
# shell; an output file is complete, or absent, or still the old one; a filter's memory does not grow
# with the stream. And what goes with them: one line a problem, the same numbers in every locale.
load helper
load py
load trained

# Rows, a network, and what the network says of the rows, made once for all tests.
setup_file() {
	export BATS_TEST_TIMEOUT=${TORTURE:+36}200
	cd "$BATS_FILE_TMPDIR"
	trained 16 400
	said_of_rows
}

setup() {
	own_copy
}

# Every tool as the last of a pipeline that brings pictures; those that write a file write out/x.
ends=(
	'cv-read - --shuffle -o out/x'
	'cv-augment hflip -o out/x'
	'cv-embed -w net.st -o out/x'
	'cv-train -q --arch tiny.arch -o out/x'
	'cv-distill -q --arch tiny.arch --teacher net.st -o out/x'
	'cv-embed -w net.st | cv-knn --bank bank.cvt -o out/x'
	'cv-augment hflip | cv-embed -w net.st --output logits | cv-eval -o out/x'
	'cv-augment hflip | cv-view --tsv -o out/x'
	'cv-read | cv-augment hflip | cv-view --validate'
)

# last_fails SHELL PIPELINE: its last command ends with 3 and says one line, left in $message; out/x
# is still the old file and nothing lies beside it (but the checkpoint that a training keeps).
last_fails() {
	local code=0 want=3
	echo old >out/x
	printf '%s 2>last\n' "$2" >line
	case $1 in
	make)
		printf 'all:\n\t%s\n' "$(cat line)" >Makefile
		want=2
		make >made 2>&1 || code=$?
		grep -q '\<Error 3\>' made || code=-1
		;;
	*) "$1" line 2>others || code=$? ;;
	esac
	message=$(cat last)
	if [ $code -ne $want ] || [ "$(wc -l <last)" -ne 1 ] || [ "$(cat out/x)" != old ] \
		|| [ -n "$(ls -A out | grep -vx -e x -e x.ckpt)" ]; then
		echo "$1: exit $code: $2"
		cat last
		ls -lA out
		return 1
	fi
	rm -f out/x.ckpt
}

# all_fail PRODUCER: behind it every end fails, in one shell after the other.
all_fail() {
	local end
	for end in "${ends[@]}"; do
		last_fails "${shells[turn++ % 3]}" "$1 | $end"
	done
	turn=$((turn + 1))
}
shells=(sh bash make) turn=0

# ---- 2. if anything upstream fails ----------------------------------------------------------------

@test "the pipelines succeed when nothing fails" {
	for end in "${ends[@]}"; do
		rm -f out/x
		sh -c "cv-read s.cvt | $end"
		[ -s out/x ] || [[ $end == *--validate ]]
		[ -z "$(ls -A out | grep -vx x)" ]
	done
}

@test "a producer that is not there" {
	all_fail 'cv-nothing'
}

@test "a producer that fails before its first byte" {
	all_fail 'cv-read nowhere'
	all_fail 'cv-gen shapes --size 0x0'
}

@test "a producer that is killed, at several moments" {
	for after in 64 448 200000 313000; do
		cat >die <<-END
			#!/bin/sh
			head -c $after s.cvt
			kill -KILL \$\$
		END
		chmod +x die
		all_fail ./die
	done
}

# At moments that RANDOM draws; with TORTURE set many of them.
@test "cv-gen and cv-read, killed while they work" {
	local seed=${SEED:-$$} rounds=${TORTURE:+3}2
	echo "SEED=$seed"
	RANDOM=$seed
	for _ in $(seq "$rounds"); do
		for end in "${ends[@]}"; do
			[[ $end != *--shuffle* ]] || continue
			for producer in 'cv-gen shapes -n 100000000 --size 16x16' \
				'cv-read s.cvt --epochs 1000000 --shuffle'; do
				last_fails "${shells[turn++ % 3]}" "timeout -s KILL $(moment 100 100000) $producer | $end"
			done
		done
	done
}

# As many.
@test "a filter that is killed in the middle" {
	local seed=${SEED:-$$} rounds=${TORTURE:+3}1
	echo "SEED=$seed"
	RANDOM=$seed
	for _ in $(seq "$rounds"); do
		for filter in 'cv-augment hflip' 'cv-embed -w net.st --keep image,label' 'cv-read -' \
			'cv-read - --shuffle-buffer 100'; do
			for end in "${ends[@]}"; do
				[[ $end != *--shuffle* ]] || continue
				after=$(moment 10000 100000)
				last_fails "${shells[turn++ % 3]}" \
					"cv-gen shapes -n 100000000 --size 16x16 | timeout -s KILL $after $filter | $end"
			done
		done
	done
}

@test "a stream that is cut anywhere" {
	size=$(wc -c <s.cvt)
	for bytes in 0 1 63 64 447 448 449 512 200000 $((size - 64)) $((size - 1)); do
		for end in "${ends[@]}"; do last_fails sh "head -c $bytes s.cvt | $end"; done
	done
	all_fail "head -c 250000 s.cvt"
}

@test "bytes behind the end, and bytes that are no stream" {
	all_fail 'cat s.cvt net.st'
	all_fail 'cat net.st'
	all_fail 'yes'
}

@test "tee, gzip, pv, dd and cat in between: what died before them is seen behind them" {
	for between in 'tee copy' 'gzip -1 | gzip -dc' 'dd bs=1000 2>/dev/null' cat 'pv -q' 'zstd -q | zstd -dcq'; do
		command -v "${between%% *}" >/dev/null || continue
		sh -c "cv-gen shapes -n 400 --size 16x16 | $between | cv-augment hflip -o out/x"
		for end in 'cv-augment hflip -o out/x' 'cv-train -q --arch tiny.arch -o out/x' \
			'cv-read - --shuffle | cv-view --stat -o out/x'; do
			last_fails "${shells[turn++ % 3]}" "head -c 200000 s.cvt | $between | $end"
			[[ $end == *--shuffle* ]] || last_fails sh \
				"timeout -s KILL 0.05 cv-gen shapes -n 100000000 --size 16x16 | $between | $end"
		done
	done
	gzip -c s.cvt >s.gz
	for bytes in 0 5 1000 $(($(wc -c <s.gz) - 9)) $(($(wc -c <s.gz) - 1)); do
		last_fails sh "head -c $bytes s.gz | cv-read - -o out/x"
	done
}

@test "one that dies between others: tee or gzip killed, their disk full" {
	for between in 'timeout -s KILL 0.05 tee copy' 'timeout -s KILL 0.05 gzip -1 | gzip -dc' \
		'timeout -s KILL 0.05 cat' 'gzip -1 | timeout -s KILL 0.05 gzip -dc'; do
		for end in 'cv-augment hflip -o out/x' 'cv-train -q --arch tiny.arch -o out/x' \
			'cv-augment hflip | cv-view --stat -o out/x'; do
			last_fails "${shells[turn++ % 3]}" "cv-gen shapes -n 100000000 --size 16x16 | $between | $end"
		done
	done
	# What cannot be kept in the middle fails there, by a limit on files, and shows at the end.
	last_fails sh "(ulimit -f 100; cv-gen shapes -n 400 --size 16x16 -o kept.cvt; cat kept.cvt) |
		cv-augment hflip -o out/x"
	last_fails bash "cv-gen shapes -n 400 --size 16x16 | (ulimit -f 100; trap '' XFSZ; exec dd of=part.cvt \
		2>/dev/null) && cv-augment -i part.cvt hflip -o out/x; cv-augment -i part.cvt hflip -o out/x"
}

@test "the first reason travels to the end, and those between keep silent" {
	code=0
	head -c 250000 s.cvt >cut.cvt
	for first in 'cv-read cut.cvt' 'cv-augment -i cut.cvt hflip'; do
		last_fails sh "$first 2>first | cv-augment vflip 2>second | cv-embed -w net.st \
			--output logits 2>third | cv-eval"
		[[ $message == "cv-eval: ${first%% *}: "*"without DONE"* ]]
		[ ! -s second ]
		[ ! -s third ]
	done
}

@test "a reader that has enough is no failure, upstream neither" {
	for producer in 'cv-gen shapes -n 100000' 'cv-read s.cvt --epochs 1000' \
		'cv-read s.cvt --epochs 1000 | cv-augment hflip' \
		'cv-read s.cvt --epochs 1000 | cv-embed -w net.st --keep image' \
		'cv-train -q --arch tiny.arch s.cvt' 'cv-knn --bank bank.cvt bank.cvt' \
		'cv-eval logits.cvt' 'cv-view --tsv s.cvt'; do
		for reader in 'head -c 100' true; do
			bash -o pipefail -c "$producer | $reader" >/dev/null 2>said || {
				echo "$producer | $reader"
				return 1
			}
			[ ! -s said ]
		done
	done
}

@test "who takes the first rows only, as README has it, does not see what fails behind them" {
	cv-gen shapes -n 4000 --size 16x16 -o long.cvt
	cv-read long.cvt --epochs 2 -o epochs.cvt
	for f in long epochs; do head -c 2500000 $f.cvt >$f.cut; done
	exception=$(sed -n '/^One exception to the second/,/^$/p' "$top/README.md")
	for taker in 'cv-read --take 5' 'cv-view -n 3' 'cv-view --tsv -n 3' 'cv-view --head' 'cv-view --history' \
		'cv-augment --preview 3 hflip' 'cv-train -q --arch tiny.arch --steps 2'; do
		for word in $taker; do
			[[ $word != --[a-z]* || $word == --arch ]] || [[ $exception == *"$word"* ]]
		done
		case $taker in cv-train*) in=epochs.cut ;; *) in=long.cut ;; esac
		cat $in | $taker -o out/x
	done
	for all in 'cv-read --take 100000' 'cv-view --tsv' 'cv-view --stat' 'cv-train -q --arch tiny.arch --steps 100000'; do
		last_fails sh "cat long.cut | $all -o out/x"
	done
}

# ---- 3. an output file is complete, or absent, or still the old one --------------------------------

# Every tool that writes, reading files.
writers=(
	'cv-gen shapes -n 400 --size 16x16'
	'cv-read s.cvt'
	'cv-augment -i s.cvt hflip'
	'cv-embed -w net.st s.cvt'
	'cv-train -q --arch tiny.arch s.cvt'
	'cv-distill -q --arch tiny.arch --teacher net.st s.cvt'
	'cv-knn --bank bank.cvt bank.cvt'
	'cv-eval logits.cvt'
	'cv-view --tsv s.cvt'
	'cv-view s.cvt'
)

@test "a full disk is exit 1" {
	[ -e /dev/full ] || skip "no /dev/full"
	for w in "${writers[@]}"; do
		fails 1 $w -o /dev/full
		[[ $message == *"/dev/full: cannot be written: No space left on device" ]]
		fails 1 sh -c "exec $w >/dev/full"
	done
}

@test "a small file system that fills: the old file stays, and nothing else" {
	unshare -rm mount -t tmpfs none "$PWD/out" 2>/dev/null || skip "no private mounts here"
	for w in "${writers[@]}"; do
		unshare -rm sh -c '
			mount -t tmpfs -o size=4k tmpfs out
			printf "%4000s" old >out/x
			cp out/x before
			'"$w"' -o out/x 2>last
			echo "$? $(ls -A out)" >result
			cmp out/x before'
		[ "$(cat result)" = "1 x" ] || {
			cat result last
			echo "$w"
			return 1
		}
		[ "$(wc -l <last)" -eq 1 ]
		grep -q 'No space left on device' last
	done
}

@test "a folder, a folder that is not there, a folder that may not be written" {
	for w in "${writers[@]}"; do
		fails 1 $w -o out
		[[ $message == *"out: is a folder"* ]]
		fails 1 $w -o nowhere/x
		[ ! -e nowhere ]
	done
	[ -z "$(ls -A out)" ]
	if [ "$(id -u)" -ne 0 ]; then
		chmod 555 out
		for w in "${writers[@]}"; do fails 1 $w -o out/x; done
		chmod 755 out
	elif unshare -m true 2>/dev/null; then
		for w in "${writers[@]}"; do
			fails 1 unshare -m sh -c "mount -t tmpfs -o ro none out && exec $w -o out/x"
			[[ $message == *"Read-only file system" ]]
		done
	fi
}

@test "output equal to input is exit 2, and the input is untouched" {
	for w in 'cv-read s.cvt -o s.cvt' 'cv-augment -i s.cvt hflip -o ./s.cvt' \
		'cv-embed -w net.st s.cvt -o s.cvt' 'cv-embed -w net.st s.cvt -o net.st' \
		'cv-train -q --arch tiny.arch s.cvt -o s.cvt' \
		'cv-distill -q --arch tiny.arch --teacher net.st s.cvt -o net.st' \
		'cv-knn --bank bank.cvt logits.cvt -o bank.cvt' \
		'cv-knn --bank s.cvt bank.cvt -o bank.cvt' \
		'cv-eval logits.cvt -o logits.cvt' 'cv-eval logits.cvt --metrics logits.cvt' \
		'cv-view --tsv s.cvt -o s.cvt' 'cv-view --diff s.cvt bank.cvt -o bank.cvt' \
		'cv-view --summary --arch tiny.arch -o tiny.arch' 'cv-read bank.cvt s.cvt -o s.cvt' \
		'cv-train -q -w net.st s.cvt -o net.st' 'cv-train -q --arch tiny.arch s.cvt -o tiny.arch' \
		'cv-train -q --arch tiny.arch s.cvt -o x --metrics s.cvt' \
		'cv-train -q -w net.st s.cvt -o x --metrics net.st' \
		'cv-train -q --method dann --arch tiny.arch --target s.cvt bank.cvt -o s.cvt' \
		'cv-distill -q --arch tiny.arch --teacher net.st s.cvt -o x --metrics net.st' \
		'cv-embed -w conv1=net.st --arch tiny.arch s.cvt -o net.st' \
		'cv-eval logits.cvt -o new --metrics new' 'cv-train --arch tiny.arch -o new --metrics new' \
		'cv-knn --bank bank.cvt s.cvt --metrics bank.cvt'; do
		ln -f s.cvt hard.cvt
		fails 2 $w
		fails 2 ${w//-o s.cvt/-o hard.cvt}
		for f in s.cvt net.st bank.cvt logits.cvt tiny.arch; do cmp "$f" "$BATS_FILE_TMPDIR/$f"; done
		[ ! -e x ] && [ ! -e new ]
	done
	printf '0 1 1\n2 3 0\n' >pairs
	echo hflip >chain
	fails 2 cv-knn --verify pairs bank.cvt -o pairs
	fails 2 cv-augment -i s.cvt @chain -o chain
	[ "$(cat pairs chain)" = "$(printf '0 1 1\n2 3 0\nhflip')" ]
	# Nor is what a training writes by itself: its checkpoint, its curves.
	cp net.st x.ckpt
	fails 2 cv-train -q -w x.ckpt s.cvt -o x
	fails 2 cv-distill -q --arch tiny.arch --teacher x.ckpt s.cvt -o x
	cmp x.ckpt net.st
	cp s.cvt rows.tsv
	fails 2 cv-train -q --arch tiny.arch rows.tsv --find-lr rows
	cmp rows.tsv s.cvt
	# What only has the name of an architecture is no file that is read; a device takes everything.
	for _ in 1 2; do cv-train -q --arch resnet8 --num-classes 4 --epochs 0 -o resnet8; done
	cv-eval logits.cvt -o /dev/null --metrics /dev/null
}

@test "a filter that would append to its own input refuses" {
	for w in cv-read 'cv-augment hflip' 'cv-embed --arch tiny.arch --keep image' \
		'cv-view --tsv'; do
		fails 2 sh -c "exec $w <s.cvt 3>&1 >>s.cvt"
		cmp s.cvt "$BATS_FILE_TMPDIR/s.cvt"
	done
	fails 2 sh -c 'exec cv-read s.cvt >>s.cvt'
	cmp s.cvt "$BATS_FILE_TMPDIR/s.cvt"
}

@test "a killed writer leaves the old file, and nothing else" {
	for w in 'cv-gen shapes -n 100000000' 'cv-read s.cvt --epochs 1000000' \
		'cv-augment hflip' 'cv-embed -w net.st --keep image' 'cv-train -q --arch tiny.arch' \
		'cv-view --tsv'; do
		for signal in KILL TERM INT; do
			echo old >out/x
			sh -c "cv-read s.cvt --epochs 100000 2>/dev/null |
				timeout -s $signal 0.1 $w -o out/x 2>/dev/null" || true
			[ "$(cat out/x)" = old ]
			[ -z "$(ls -A out | grep -vx -e x -e x.ckpt)" ]
		done
	done
}

@test "closed standard descriptors" {
	for w in "${writers[@]}"; do
		fails 1 sh -c "exec $w >&-"
		sh -c "exec $w <&- 2>&-" >got
		[ -s got ]
	done
	for r in 'cv-read -' 'cv-augment hflip' 'cv-embed -w net.st' \
		'cv-train -q --arch tiny.arch -o out/x' 'cv-knn --bank bank.cvt' cv-eval 'cv-view --tsv'; do
		fails 1 sh -c "exec $r <&-"
		[[ $message == *"standard input"* ]]
		fails 1 sh -c "exec $r <&- >&-"
	done
	[ -z "$(ls -A out)" ]
}

# ---- 7. a filter's memory does not grow with the stream ---------------------------------------------

# A quarter of a gigabyte; with TORTURE set ten gigabytes.
parts=${TORTURE:+33}840
many() { for _ in $(seq $parts); do cat s.cvt; done; }

@test "filters pass a stream that is larger than the memory they may have" {
	[ -z "${TESTS:-}" ] || skip "sanitizers take all addresses"
	quarter=$((64 * 1024)) # kB of address space, a quarter of the stream
	many | (ulimit -v $quarter && cv-read --shuffle-buffer 500) | (ulimit -v $quarter && cv-augment hflip) |
		(ulimit -v $quarter && cv-view --stat -) >stat
	grep -qx "rows $((parts * 400))" stat
}

# peaks TIMES FILTER...: so many times the rows of big.cvt go through these filters, one behind the other; what
# each of them has held at most (VmHWM, kB) when nearly all of them have passed. (Of one large file: the head
# tells the history of every file that is joined.)
peaks() {
	local line= i=0 f
	for f in "${@:2}"; do line+="${line:+ | }(echo \$BASHPID >pid.$((++i)); exec $f)"; done
	bash -c "yes big.cvt | head -n $1 | xargs -n $1 cv-read | { head -c $(($1 * rows * 16 * 16 * 3))
		sleep 0.2
		for p in pid.*; do sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' /proc/\$(cat \$p)/status; done >peaks
		cat; } | $line >stat"
	paste -s -d ' ' peaks
}

# A tenth of the gigabytes; with TORTURE set 1, 2 and 10 of them.
@test "a filter's peak is the same, within two megabytes, for 1, 2 and 10 gigabytes" {
	[ -z "${TESTS:-}" ] || skip "sanitizers keep what is freed"
	local rows=33000 part=${TORTURE:+4}1 w first peak
	cv-gen shapes -n $rows --size 16x16 -o big.cvt
	cv-read s.cvt --take 8 -o few.cvt
	for w in 'cv-read - --shuffle-buffer 500/cv-augment hflip/cv-view --stat' \
		'cv-embed -w net.st --output logits --threads 1/cv-eval' \
		'cv-knn --bank few.cvt -k 1 --keep --threads 1/cv-view --tsv'; do
		IFS=/ read -ra filters <<<"$w"
		rm -f pid.*
		first=
		for many in 1 2 10; do
			peak=$(peaks $((many * part)) "${filters[@]}")
			[ "$(wc -w <<<"$peak")" -eq ${#filters[@]} ]
			: "${first:=$peak}"
			echo "$w: $many: $peak kB"
			paste <(tr ' ' '\n' <<<"$first") <(tr ' ' '\n' <<<"$peak") |
				awk '$1 < 1000 || $2 > $1 + 2048 { exit 1 }'
		done
	done
}

@test "cv-read of many files holds none of them, and opens one after the other" {
	[ -z "${TESTS:-}" ] || skip "sanitizers take all addresses"
	many=$(for _ in $(seq 840); do echo s.cvt; done)
	(ulimit -v $((64 * 1024)) -n 32 && cv-read $many) | cv-view --stat - >stat
	grep -qx 'rows 336000' stat
	(ulimit -v $((64 * 1024)) -n 32 && cv-read $many --epochs 2 --val-fraction 0.1 --shard 3/100) |
		cv-view --stat - >stat
	grep -qx 'rows 6720' stat
}

@test "a network does, too, and so does a search for neighbours" {
	[ -z "${TESTS:-}" ] || skip "sanitizers take all addresses"
	quarter=$((64 * 1024))
	many | (ulimit -v $quarter && cv-embed -w net.st --output logits --threads 1) |
		(ulimit -v $quarter && cv-eval) >out/x
	grep -qx "rows $((parts * 400))" out/x
	cv-read s.cvt --take 8 -o few.cvt
	cv-read s.cvt --epochs 840 --shuffle |
		(ulimit -v $quarter && cv-knn --bank few.cvt -k 1 --keep) | cv-view --stat - >out/x
	grep -qx 'epochs 840' out/x
}

@test "where there are no addresses for matrix products, that is said" {
	[ -z "${TESTS:-}" ] || skip "sanitizers take all addresses"
	sh -c 'ulimit -v 40000 && exec cv-train -q --arch tiny.arch -o out/few s.cvt --threads 1'
	fails 1 sh -c 'ulimit -v 40000 && exec cv-train -q --arch tiny.arch --opt muon -o out/x s.cvt --threads 1'
	[[ $message == *"OpenBLAS cannot be loaded: libopenblas"*"raise ulimit -v"* ]]
	fails 1 sh -c 'ulimit -v 100000 && exec cv-train -q --arch tiny.arch --opt muon -o out/x s.cvt --threads 1'
	[[ $message == *"raise ulimit -v"* ]]
}

@test "training reads epochs from the pipe without holding them" {
	[ -z "${TESTS:-}" ] || skip "sanitizers take all addresses"
	cv-read s.cvt --epochs 800 --shuffle |
		(ulimit -v $((320 * 1024)) && cv-train -q --arch tiny.arch --threads 1 -o out/x)
	[ -s out/x ]
}

# ---- and ------------------------------------------------------------------------------------------

@test "no locale changes anything" {
	grep -rn setlocale "$top/cmd" "$top/libcore" "$top/formats" && return 1
	work() {
		cv-augment -i s.cvt --seed 3 color-jitter:0.5=.4,.4,.4,.1 random-resized-crop=16,0.5,1 |
			cv-train -q --arch tiny.arch --lr 0.05 --mean .5,.4,.3 --std 0.25 --metrics $1.json -o $1.st
		cv-embed -w $1.st --output logits s.cvt | cv-eval --as json >$1.eval
		cv-view --tsv bank.cvt >$1.tsv
		cv-view --stat bank.cvt >$1.stat
	}
	LC_ALL=C work c
	LC_ALL=de_DE.UTF-8 work de
	localedef -i de_DE -f UTF-8 "$PWD/de_DE.UTF-8" 2>/dev/null || true
	LOCPATH=$PWD LC_ALL=de_DE.UTF-8 work own
	LC_ALL=tr_TR.UTF-8 work tr
	for other in de own tr; do
		for f in st eval tsv stat; do cmp c.$f $other.$f; done
	done
	refute grep -q '[0-9],[0-9]' c.eval
}
