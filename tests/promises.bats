#!/usr/bin/env bats
# Promises 2, 3 and 7, for whole pipelines: if anything upstream fails, the last tool fails, in any
# shell; an output file is complete, or absent, or still the old one; a filter's memory does not grow
# with the stream. And what goes with them: one line a problem, the same numbers in every locale.
load helper
load py

# Rows, a network, and what the network says of the rows, made once for all tests.
setup_file() {
	export BATS_TEST_TIMEOUT=200
	cd "$BATS_FILE_TMPDIR"
	cat >tiny.arch <<-'END'
		input image 16 16 3
		conv1: conv 4 3 stride=4 | relu | flatten | embedding: linear 8 | relu
		fc: linear classes
	END
	cv-gen shapes -n 400 --size 16x16 -o s.cvt
	cv-train -q --arch tiny.arch -o net.st s.cvt
	cv-embed -w net.st s.cvt -o bank.cvt
	cv-embed -w net.st --output logits s.cvt -o logits.cvt
}

setup() {
	cp "$BATS_FILE_TMPDIR"/* "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR" || exit 1
	mkdir out
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

@test "cv-gen and cv-read, killed while they work" {
	for seconds in 0.005 0.02 0.1; do
		for end in "${ends[@]}"; do
			[[ $end != *--shuffle* ]] || continue
			last_fails sh "timeout -s KILL $seconds cv-gen shapes -n 100000000 --size 16x16 | $end"
			last_fails bash \
				"timeout -s KILL $seconds cv-read s.cvt --epochs 1000000 --shuffle | $end"
		done
	done
}

@test "a filter that is killed in the middle" {
	for filter in 'cv-augment hflip' 'cv-embed -w net.st --keep image,label'; do
		for end in "${ends[@]}"; do
			[[ $end != *--shuffle* ]] || continue
			last_fails sh "cv-gen shapes -n 100000000 --size 16x16 | timeout -s KILL 0.05 $filter | $end"
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

@test "filters pass a stream that is larger than the memory they may have" {
	[ -z "${TESTS:-}" ] || skip "sanitizers take all addresses"
	quarter=$((64 * 1024)) # kB of address space, a quarter of the stream
	many() { for _ in $(seq 840); do cat s.cvt; done; }
	many | (ulimit -v $quarter && cv-read -) | (ulimit -v $quarter && cv-augment hflip) |
		(ulimit -v $quarter && cv-view --stat -) >stat
	grep -qx 'rows 336000' stat
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

@test "and those that multiply matrices, beside the library that does it" {
	[ -z "${TESTS:-}" ] || skip "sanitizers take all addresses"
	limit=$((200 * 1024)) # OpenBLAS takes 170 MB of addresses as soon as it multiplies
	many() { for _ in $(seq 840); do cat s.cvt; done; }
	many | (ulimit -v $limit && cv-embed -w net.st --output logits --threads 1) |
		(ulimit -v $limit && cv-eval) >out/x
	grep -qx 'rows 336000' out/x
	cv-read s.cvt --take 8 -o few.cvt
	cv-read s.cvt --epochs 840 --shuffle |
		(ulimit -v $limit && cv-knn --bank few.cvt -k 1 --keep) | cv-view --stat - >out/x
	grep -qx 'epochs 840' out/x
}

@test "where there are no addresses for matrix products, that is said" {
	[ -z "${TESTS:-}" ] || skip "sanitizers take all addresses"
	fails 1 sh -c 'ulimit -v 100000 && exec cv-embed -w net.st --output logits --threads 1 s.cvt'
	[[ $message == *"raise ulimit -v"* ]]
	fails 1 sh -c 'ulimit -v 100000 && exec cv-knn --bank bank.cvt bank.cvt --threads 1'
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

# ---- model files that are none ----------------------------------------------------------------------

# forge FILE PYTHON: net.st with the tensors of `t` (name -> [dtype, shape, bytes]) and the metadata of
# `meta` changed, and `extra` entries of the header, where `at` bytes of data have an end.
forge() {
	py "
import json, struct
b = open('net.st', 'rb').read()
n = struct.unpack('<Q', b[:8])[0]
h = json.loads(b[8:8 + n])
meta, data = h.pop('__metadata__'), b[8 + n:]
t = {k: [v['dtype'], v['shape'], data[v['data_offsets'][0]:v['data_offsets'][1]]] for k, v in h.items()}
extra = {}
at = sum(len(x) for _, _, x in t.values())
$2
at, h = 0, {'__metadata__': meta}
for k, (d, s, x) in t.items():
    h[k] = dict(dtype=d, shape=s, data_offsets=[at, at + len(x)])
    at += len(x)
h.update(extra)
j = json.dumps(h).encode()
open('$1', 'wb').write(struct.pack('<Q', len(j)) + j + b''.join(x for _, _, x in t.values()))"
}

# refused FILE TEXT...: exit 3, and the message names the file and has the texts.
refused() {
	fails 3 cv-embed -w "$1" s.cvt -o out/x
	[ ! -e out/x ]
	for text in "${@:2}"; do
		[[ $message == *"$text"* ]] || {
			echo "$message"
			echo "lacks '$text'"
			return 1
		}
	done
	code=0
	timeout 10 cv-distill -q --arch tiny.arch --teacher "$1" s.cvt -o out/x 2>distill.err || code=$?
	[ $code -eq 3 ]
	[ "$(wc -l <distill.err)" -eq 1 ]
	code=0
	timeout 10 cv-train -q -w "$1" s.cvt -o out/x 2>train.err || code=$?
	[ $code -eq 3 ]
	[ "$(wc -l <train.err)" -eq 1 ]
	[ ! -e out/x ]
}

@test "a model with another type, shape or name says which, and the nearest" {
	forge x.st "t['fc.weight'][0] = 'I32'"
	refused x.st "x.st: tensor 'fc.weight' is <i4"
	forge x.st "t['fc.weight'][0] = 'F64'"
	refused x.st "x.st: tensor 'fc.weight'" F32
	forge x.st "t['fc.weight'][1] = t['fc.weight'][1][::-1]"
	refused x.st "x.st: tensor 'fc.weight' is <f4 (8,10), the network wants (10,8)" --partial
	forge x.st "t['fc.weights'] = t.pop('fc.weight')"
	refused x.st "x.st: tensor 'fc.weight' is missing (the file has 'fc.weights')" --partial
	forge x.st "t['more'] = ['F32', [1], bytes(4)]"
	refused x.st "x.st: the network has no parameter 'more'" --partial
	forge x.st "t.clear()"
	refused x.st "x.st: tensor 'conv1.weight' is missing"
}

@test "a model that is cut anywhere, or has bytes too many" {
	size=$(wc -c <net.st)
	for bytes in 0 1 7 8 9 100 1000 $((size - 1)); do
		head -c $bytes net.st >x.st
		refused x.st x.st
	done
	cat net.st net.st >x.st
	refused x.st "bytes behind the last tensor"
	refused s.cvt "s.cvt: this is no safetensors file"
}

@test "a model whose header lies" {
	forge x.st "extra['fc.weight'] = dict(dtype='F32', shape=[10, 8], data_offsets=[0, 320])"
	refused x.st x.st
	forge x.st "extra['a'] = dict(dtype='F32', shape=[2**60, 2**60], data_offsets=[at, at])"
	refused x.st "'a'"
	forge x.st "extra['a'] = dict(dtype='F32', shape=[2**40], data_offsets=[at, at + 2**42])"
	refused x.st x.st
	forge x.st "extra['a'] = dict(dtype='F32', shape=[-1], data_offsets=[at, at])"
	refused x.st "'a'"
	forge x.st "extra['a'] = dict(dtype='F32', shape=[1] * 99, data_offsets=[at, at + 4])"
	refused x.st "'a'"
	forge x.st "extra['a'] = 7"
	refused x.st "'a'"
	forge x.st "extra['a\x1b[31m'] = 7"
	refused x.st 'a\033[31m'
	printf '\377\377\377\377\377\377\377\177{' >x.st
	refused x.st "no safetensors file"
	printf '\2\0\0\0\0\0\0\0[]' >x.st
	refused x.st "no JSON object"
}

@test "a model whose own words are wrong" {
	for m in "meta['cv.arch'] = 'conv 3 3 |'" "meta['cv.arch'] = 'nothing 3'" \
		"meta['cv.arch'] = 'input image 16 16 3\nconv1: conv 99999999 3'" \
		"meta['cv.input'] = 'image 0 16 3'" "meta['cv.input'] = 'image 16 16 3\nmean 1,2\nstd x'" \
		"meta['cv.input'] = 'image'" "meta['cv.input'] = ' 16 16 3'" "meta['cv.classes'] = 'class x y'" \
		"meta['cv.classes'] = 'class 4000000000 y'" "meta['cv.history'] = 'prog'" \
		"meta['cv.arch'] = 7" "meta['cv.arch'] = '( ' * 10000"; do
		forge x.st "$m"
		code=0
		cv-embed -w x.st --output logits s.cvt >got 2>said || code=$?
		[ $code -eq 3 ] && [ "$(wc -l <said)" -eq 1 ] && grep -q 'x.st\|cv\.' said || {
			echo "exit $code: $m"
			cat said
			return 1
		}
	done
}
