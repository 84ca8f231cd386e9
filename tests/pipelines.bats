#!/usr/bin/env bats
# Every script of pipelines/ fails when a tool that it calls fails, with that tool's line, at whichever
# call: none prints figures that nothing computed. And none prints others where a comma stands for the
# point, as awk, sort and printf would there.
load helper

# tool=N, a program before the real one: its Nth call says one line and ends with 3, others are the tool's
# own. Calls are counted in folders, as two can begin at once.
setup_file() {
	[ -z "${TESTS:-}" ] || return 0
	export BATS_TEST_TIMEOUT=${TORTURE:+36}600
	cd "$BATS_FILE_TMPDIR"
	mkdir fake
	cat >fake/tool <<-'END'
		#!/bin/sh
		me=${0##*/} n=1
		until mkdir "calls/$me.$n" 2>/dev/null; do n=$((n + 1)); done
		[ "$FAIL" != "$me.$n" ] || { echo "$me: call $n fails" >&2 && exit 3; }
		PATH=${PATH#*:} && exec "$me" "$@"
	END
	chmod +x fake/tool
	for c in eval knn train embed distill view gen ${TORTURE:+read augment}; do ln -s tool fake/cv-$c; done
	# The network of most, and without a head; pictures to codes and back; noise to pictures.
	body='conv1: conv 4 5 stride=4 | relu | conv2: conv 8 3 bias=0 | bn2: bn | gap | embedding: flatten'
	printf 'input image 32 32 3\n%s | fc: linear classes\n' "$body" >toy.arch
	printf 'input image 32 32 3\n%s\n' "$body" >bare.arch
	cat >vae.arch <<-'END'
		input image 28 28 1
		let code = 8
		net encoder image
		flatten | fc: linear 8 | gelu | moments: linear code*2
		net decoder code
		fc: linear 8 | gelu | out: linear 784 | reshape 28 28 1
	END
	cat >gan.arch <<-'END'
		input image 28 28 1
		input noise 8
		let side = 28
		let channels = 1
		let classes = 10
		net generator noise label
		[ id , @label | class: embed classes 8 | flatten ] | fc: linear 784 | reshape 28 28 1 | picture: ( times 2 | sigmoid )
		net discriminator image
		flatten | fc: linear 8 | leaky 0.2 | out: linear 1
	END
	# Two splits of pictures as files, two classes.
	for split in train test; do
		cv-gen shapes -n 16 --split $split | cv-view --npy image -o pictures.npy
		tail -c $((16 * 3072)) pictures.npy >pictures
		for i in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
			mkdir -p toys/$split/$((i % 2))
			{ printf 'P6 32 32 255\n' && tail -c +$((i * 3072 + 1)) pictures | head -c 3072; } \
				>toys/$split/$((i % 2))/$i.ppm
		done
	done
}

setup() {
	[ -z "${TESTS:-}" ] || skip "sanitizers take too long to learn"
	cp -r "$BATS_FILE_TMPDIR"/* "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR" || exit 1
	export ARCH=toy.arch STUDENT=toy.arch TEACHER_ARCH=toy.arch JUDGE=toy28.arch ROWS=60 TEST_ROWS=20 EPOCHS=1 \
		BATCH=16 K=5 TRAIN='-b 16' OUT=out OPENBLAS_NUM_THREADS=1
	sed 's/32 32 3/28 28 1/' toy.arch >toy28.arch
}

# script FILE: that pipeline on next to nothing.
script() {
	case $1 in
	train.mk) set -- make -s -f "$top/pipelines/$1" ARCHS=toy.arch SEEDS=0 EPOCHS=1 ROWS=60 OUT=out ;;
	results.sh) # airbench and knn by a table of its own
		mkdir -p copy && cp "$top"/pipelines/*.sh copy
		printf 'toys\ttoys\t1\tflip\tw=4,a=4,b=4,c=4\tpad-crop=2\t---\n' >copy/results.tsv
		set -- env DATA_ROOT=. SEEDS=0 ARCH=toy.arch sh "copy/$1"
		;;
	airbench.sh) set -- env WIDTHS=w=4,a=4,b=4,c=4 sh "$top/pipelines/$1" ;;
	compare.sh) set -- env SEEDS=0 sh "$top/pipelines/$1" hflip ;;
	distill.sh | tricks.sh) set -- env SEEDS=0 TRAIN= sh "$top/pipelines/$1" ;;
	gan.sh) set -- env ARCH=gan.arch JUDGE_EPOCHS=1 SAMPLES=20 sh "$top/pipelines/$1" ;;
	kmeans.sh) set -- env CODES=8 TRAIN='--patches 1000' sh "$top/pipelines/$1" ;;
	knn.sh) set -- sh "$top/pipelines/$1" net.st ;;
	multitask.sh) set -- env SIZE=8 ROWS=20 ARCH=multitask TRAIN= sh "$top/pipelines/$1" ;;
	probe.sh) set -- env PROBE_EPOCHS=1 sh "$top/pipelines/$1" net.st conv1 conv2 ;;
	protonet.sh) set -- env ARCH=bare.arch ROWS=100 WAYS=2 SHOTS=2 QUERIES=2 EPISODES=2 COUNT=4 TASKS=2x1+2 TRAIN= sh "$top/pipelines/$1" ;;
	rotation.sh | simclr.sh) set -- env PROBE_EPOCHS=1 STAGES=conv2 sh "$top/pipelines/$1" ;;
	segment.sh) set -- env ARCH=unet-small TRAIN= sh "$top/pipelines/$1" ;;
	sweep.sh) set -- env LR=0.1 SEEDS='0 1' sh "$top/pipelines/$1" ;;
	transfer.sh) set -- env EPOCHS=3 BODY=conv1,conv2 sh "$top/pipelines/$1" net.st ;;
	vae.sh) set -- env ARCH=vae.arch SAMPLES=2 sh "$top/pipelines/$1" ;;
	*) set -- sh "$top/pipelines/$1" ;;
	esac
	rm -rf out calls && mkdir calls
	PATH=$PWD/fake:$PATH "$@" >told 2>err
}

# all_fail FILE...: with each of these scripts, when the first or last call of each tool fails (any call).
all_fail() {
	local file call
	cv-gen shapes -n 60 | cv-train -q --arch toy.arch -o net.st
	for file; do
		[ "$file" != sweep.sh ] || command -v parallel >/dev/null || continue
		FAIL='' script "$file" || { echo "$file fails when nothing does"; cat err; return 1; }
		(cd calls && ls) | sort -t . -k 1,1 -k 2n >calls.all
		awk -F . -v all="${TORTURE:-}" '{ if (all || $1 != tool) print }
			!all && NR > 1 && $1 != tool { print last } { tool = $1; last = $0 }
			END { if (!all) print last }' calls.all | sort -u >calls.chosen
		[ -s calls.chosen ]
		while read -r call; do
			FAIL=$call script "$file" </dev/null && { echo "$file: $call fails unseen"; cat told err; return 1; }
			grep -qx "${call%.*}: call ${call#*.} fails" err || { echo "$file: $call:"; cat err; return 1; }
		done <calls.chosen
	done
}

@test "every pipeline fails when a tool in it fails, with that tool's line" {
	cd "$top/pipelines"
	set -- *.sh *.mk
	[ $# -ge 21 ]
	cd "$BATS_TEST_TMPDIR"
	all_fail "$@"
}

# figures FILE: what that script prints, without the time it took.
figures() {
	script "$1" || { cat err; return 1; }
	case $1 in
	results.sh) cut -d '|' -f 2-8 told ;;
	supervised.sh) cat told && cv-view --history out/net.safetensors | grep -o -e '--lr [^ ]*' ;;
	*) sed -E 's/ +[0-9.,]+ s( |$)/ /' told ;;
	esac
}

@test "pipelines print the same in every locale" {
	localedef -i de_DE -f UTF-8 "$PWD/de_DE.UTF-8" || skip "no locales here to make one of"
	cv-gen shapes -n 60 | cv-train -q --arch toy.arch -o net.st
	export ROWS=200 TEST_ROWS=100 LOCPATH=$PWD
	(cd "$top/pipelines" && grep -lE '\<(awk|sort)\>' -- *.sh *.mk) >computing
	for file in $(cat computing) train.mk; do
		[ "$file" != sweep.sh ] || command -v parallel >/dev/null || continue
		export LR=0.1
		[ "$file" != supervised.sh ] || LR=find
		LC_ALL=C figures "$file" >want
		grep -q '[0-9][.][0-9]*[1-9]' want
		LC_ALL=de_DE.UTF-8 figures "$file" >got
		diff want got || { echo "$file prints others"; return 1; }
	done
}
