#!/usr/bin/env bats
# What others build on: make install and uninstall, the header for producers and consumers, and the
# examples of pipelines/ that are meant to be copied: producers in C and Python, a Makefile, a sweep,
# an array job.
load helper
load py

toy() {
	[[ ${TESTS:-} != *san ]] || skip "sanitizers take too long to learn"
	cat >toy.arch <<-'END'
		input image 32 32 3
		conv1: conv 4 5 stride=4 | relu | gap | embedding: flatten | fc: linear classes
	END
	export ARCH=toy.arch ROWS=300 EPOCHS=2 OUT=out
}

# make_into GOAL [NAME=VALUE]...: make install or uninstall, into a folder whose name has a blank.
make_into() {
	(umask 077 && cd "$top" && ${MAKE:-make} -s BUILD="${bin%/bin}" DESTDIR="$BATS_TEST_TMPDIR/st age" PREFIX=/opt/cv "$@") \
		>log 2>&1 || { cat log; return 1; }
}

@test "make install puts everything under DESTDIR PREFIX, uninstall takes it away" {
	make_into install
	[ "$(ls -d st*)" = 'st age' ] && [ ! -e "$top/age" ]
	cd 'st age/opt/cv'
	for p in "$top"/cmd/cv-*.c; do
		p=$(basename "$p" .c)
		cmp bin/$p "$bin/$p"
		[ -s share/man/man1/$p.1 ] && [ -s share/bash-completion/completions/$p ]
	done
	for page in "$top"/formats/*.5 "$top"/libcore/*.5 "$top"/libcore/arch/*.5 "$top"/cmd/*.7; do
		[ -s share/man/man${page##*.}/${page##*/} ]
	done
	[ -s share/man/man5/cv-model.5 ] && [ -s share/man/man7/cvtools.7 ]
	[ -z "$(find . ! -perm -a=r)" ] # for everybody, whatever the umask was
	cmp include/cvt_stream.h "$top/formats/cvt_stream.h"
	grep -qx 'prefix=/opt/cv' share/pkgconfig/cvtools.pc
	if command -v pkg-config >/dev/null; then
		PKG_CONFIG_PATH=$PWD/share/pkgconfig pkg-config --cflags cvtools | grep -q -- '-I/opt/cv/include'
		PKG_CONFIG_PATH=$PWD/share/pkgconfig pkg-config --modversion cvtools >../../../version
		bin/cv-read --version | grep -qF "$(cat ../../../version)"
		# All that a producer and a consumer need.
		ln -s 'st age' ../../../stage
		cc -std=c11 $(PKG_CONFIG_PATH=$PWD/share/pkgconfig PKG_CONFIG_SYSROOT_DIR=$BATS_TEST_TMPDIR/stage \
			pkg-config --cflags cvtools) -o ../../../producer "$top/pipelines/producer.c"
		../../../producer 20 | bin/cv-read - | ../../../producer | grep -c . | grep -qx 2
	fi
	# No program needs anything of the place where it was built.
	(cd / && env -i "$OLDPWD/bin/cv-gen" shapes -n 2) >/dev/null
	cd "$BATS_TEST_TMPDIR"
	touch 'st age/opt/cv/share/zsh/site-functions/_other'
	make_into uninstall
	(cd 'st age/opt/cv' && find . ! -name . | LC_ALL=C sort) >left
	printf './%s\n' bin include share share/man share/man/man1 share/man/man5 share/man/man7 \
		share/zsh share/zsh/site-functions share/zsh/site-functions/_other | diff - left
}

compile_producer() {
	cc -std=c11 -Wall -Wextra -Wconversion -Wshadow -Werror -O1 -I"$top/formats" -o producer "$top/pipelines/producer.c"
}

@test "the header is C99 and C++11, without a warning" {
	cat >both.c <<-'END'
		#include "cvt_stream.h"
		int main(int argc, char **argv)
		{
			const struct cvt_field field[] = {{"image", "|u1", 3, {2, 2, 1}}, {"label", "<i4", 0, {0}}};
			const unsigned char image[8] = {1, 2, 3, 4, 5, 6, 7, 8};
			const int32_t label[2] = {0, 1};
			const void *data[2] = {image, label};
			struct cvt_writer w;
			struct cvt_reader r;
			uint64_t sum = 0;
			if (argc == 1 && argv[0])
				return cvt_write_head(&w, stdout, field, 2, "class 0 cat\nclass 1 dog\n")
					|| cvt_write_rows(&w, 2, data) || cvt_write_epoch(&w) || cvt_write_done(&w);
			int event = cvt_read_head(&r, stdin);
			while (event >= 0 && (event = cvt_read(&r)) > 0)
				for (uint64_t i = 0; event == CVT_ROWS && i < cvt_tensor(&r, "image")->bytes; i++)
					sum += ((const unsigned char *)cvt_tensor(&r, "image")->data)[i];
			if (((uintptr_t)r.body & 63) == 0)
				printf("%d %d\n", event, (int)sum);
			cvt_read_end(&r);
			return 0;
		}
	END
	tried() { # COMMAND...: that compiler takes it, and the program writes and reads
		"$@" -Wall -Wextra -Wpedantic -Werror -I"$top/formats" -o both both.c
		./both >both.cvt
		cv-view --validate both.cvt
		cv-gen shapes -n 1500 | ./both read | grep -q '^0 '
		[ "$(cat both.cvt both.cvt | ./both read)" = "0 72" ]
	}
	tried cc -std=c99
	tried cc -std=c11 -Wconversion -Wshadow
	command -v c++ >/dev/null || skip "no c++ here"
	tried c++ -std=c++11 -x c++
}

@test "the producer in C: its stream is valid, its reader reads ours" {
	compile_producer
	./producer 200 >c.cvt
	cv-view --validate c.cvt
	cv-read c.cvt --epochs 2 --shuffle | ./producer >told
	printf '0 125.00\n1 125.00\n' | cmp - told
	cat c.cvt c.cvt | ./producer | cmp - told
	cv-gen shapes -n 300 | ./producer | grep -c . | grep -qx 10
	for f in "$top"/tests/golden/v1/*.cvt; do
		want=0
		cv-view --validate --allow-empty "$f" 2>/dev/null || want=3
		code=0
		./producer <"$f" >/dev/null 2>err || code=$?
		[ $code -eq $want ] || { echo "$f: $code"; cat err; return 1; }
	done
}

@test "the reader of the header refuses what is cut or damaged" {
	compile_producer
	./producer 3 | cv-read --no-history --size 4x4 >c.cvt
	size=$(wc -c <c.cvt)
	for ((n = 0; n < size; n += 37)); do
		code=0
		head -c $n c.cvt | ./producer 2>err >/dev/null || code=$?
		[ $code -eq 3 ] && [ "$(wc -l <err)" -eq 1 ]
	done
	for ((n = 0; n < size; n += 53)); do
		{
			head -c $n c.cvt
			printf '\125'
			tail -c +$((n + 2)) c.cvt
		} >bad.cvt
		cmp -s bad.cvt c.cvt && continue
		code=0
		./producer <bad.cvt 2>err >/dev/null || code=$?
		[ $code -eq 3 ] || { echo "byte $n"; return 1; }
	done
}

@test "the producer in Python writes the same rows" {
	[ -n "$python" ] || skip "no python3 with numpy here"
	compile_producer
	./producer 700 >c.cvt
	"$python" "$top/pipelines/producer.py" 700 >py.cvt
	cv-view --validate py.cvt
	cv-view --diff c.cvt py.cvt
	"$python" "$top/pipelines/producer.py" 700 2>err | head -c 400000 | (fails 3 cv-view --stat -)
}

@test "train.mk: made once, then nothing is to be done; a failed stage fails make" {
	toy
	mk() { ${MAKE:-make} -s -f "$top/pipelines/train.mk" ARCHS=toy.arch SEEDS='0 1' EPOCHS=2 ROWS=300 OUT=out "$@"; }
	mk >told 2>err || { cat err; return 1; }
	[ "$(grep -c '^toy.arch-[01]	0\.' told)" -eq 2 ]
	before=$(stat -c %Y%Z out/*)
	mk
	[ "$(stat -c %Y%Z out/*)" = "$before" ]
	rm out/train.cvt
	code=0
	mk DATA=nowhere out/train.cvt 2>err || code=$?
	[ $code -eq 2 ] && [ ! -e out/train.cvt ]
	grep -q 'nowhere' err
}

@test "sweep.sh: every combination once, typed again nothing is done twice" {
	toy
	command -v parallel >/dev/null || skip "no GNU parallel here"
	LR='0.05 0.1' SEEDS='0 1' sh "$top/pipelines/sweep.sh" >told
	[ "$(wc -l <told)" -eq 4 ]
	sort -rn told | cmp - told
	rm out/lr0.1-wd0.0005-seed1.safetensors
	cp out/lr0.05-wd0.0005-seed0.safetensors kept
	rm out/jobs
	LR='0.05 0.1' SEEDS='0 1' sh "$top/pipelines/sweep.sh" | cmp - told
	cmp kept out/lr0.05-wd0.0005-seed0.safetensors
}

@test "slurm.sh: told to stop, it asks to be queued again, and ends in the same bytes" {
	toy
	printf '#!/bin/sh\necho "$@" >>requeued\n' >scontrol
	chmod +x scontrol
	export PATH="$PWD:$PATH" SLURM_ARRAY_TASK_ID=1 SLURM_CPUS_PER_TASK=1 SLURM_JOB_ID=77 EPOCHS=30
	OUT=whole sh "$top/pipelines/slurm.sh" 2>/dev/null
	[ ! -e requeued ]
	for seconds in 0.3 0.7 1.5; do
		sh "$top/pipelines/slurm.sh" 2>log &
		job=$!
		sleep $seconds
		kill -TERM $job 2>/dev/null || break
		wait $job || true
	done
	sh "$top/pipelines/slurm.sh" 2>log
	cmp whole/1.safetensors out/1.safetensors
	[ ! -e out/1.safetensors.ckpt ]
	[ ! -e requeued ] || grep -qx "requeue 77" requeued
	# Queued again when all was done, it does nothing; an input that is bad is not tried again.
	rm -f requeued
	before=$(stat -c %Y%Z%i out/1.safetensors)
	sh "$top/pipelines/slurm.sh"
	[ "$(stat -c %Y%Z%i out/1.safetensors)" = "$before" ]
	mkdir bad
	cv-gen shapes -n 200 -o rows.cvt
	cv-read rows.cvt --epochs 2 | head -c 900000 >cut.cvt
	code=0
	DATA=cut.cvt OUT=bad sh "$top/pipelines/slurm.sh" 2>log || code=$?
	[ $code -eq 3 ]
	[ ! -e requeued ]
}
