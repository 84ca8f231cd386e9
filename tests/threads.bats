#!/usr/bin/env bats
# Promise 5, and its sisters: the model's bytes do not depend on threads, timing, frames, or on
# whether rows come from a file or a pipe; nor do the rows of pictures that several threads decode, nor
# what is said of damaged ones, and when.
load helper
load py
load train

train() {
	cv-train -q --arch tiny.arch --model-ema 0.9 --patience 9 --label-smoothing 0.1 -b 32 "$@"
}

@test "the same bytes for 1, 2 and 3 threads" {
	tiny
	quadrants a.cvt epochs=3
	for t in 1 2 3; do train --threads $t -o $t.st a.cvt; done
	cmp 1.st 2.st
	cmp 1.st 3.st
}

@test "a replayed epoch gives the same bytes for any number of threads" {
	tiny
	quadrants a.cvt
	for t in 1 3; do train --threads $t --epochs 4 -o $t.st a.cvt; done
	cmp 1.st 3.st
}

@test "the same bytes from a file, a pipe, a pipe that dribbles, and other frames" {
	tiny
	quadrants a.cvt epochs=2
	quadrants one.cvt epochs=2 frame=1
	quadrants few.cvt epochs=2 frame=37
	train -o file.st a.cvt
	cat a.cvt | train -o pipe.st
	dd if=a.cvt bs=11 2>/dev/null | train -o dribble.st
	train -o one.st one.cvt
	train -o few.st - <few.cvt
	for m in pipe dribble one few; do cmp file.st $m.st; done
}

@test "the same bytes, quiet or not, with metrics or without" {
	tiny
	quadrants a.cvt
	train -o a.st a.cvt
	cv-train --arch tiny.arch --model-ema 0.9 --patience 9 --label-smoothing 0.1 -b 32 \
		--progress always --metrics m.json --checkpoint-every 0.001s -o b.st a.cvt 2>told
	[ -s told ]
	[ -s m.json ]
	cmp a.st b.st
}

@test "another seed gives other bytes" {
	tiny
	quadrants a.cvt
	train -o a.st a.cvt
	train --seed 1 --no-history -o b.st a.cvt
	train --seed 0 --no-history -o c.st a.cvt
	refute cmp -s b.st c.st
}

# ---- cv-read: pictures -----------------------------------------------------------------

# pictures SIDES: folders and archives of 150 small PNGs, netpbm pictures and JPEGs, of one size or several:
# more than are decoded together. Every third has a mask when they are of one size.
pictures() {
	py '
import os, shutil, struct, sys, zlib
sides = '"$1"'
jpeg = open("'"$BATS_TEST_DIRNAME"'/golden/formats/jpeg", "rb").read()
r = np.random.default_rng(3)
def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
def png(h, w, n):
    rows = r.integers(0, 256, (h, w * n + 1), dtype="u1")
    rows[:, 0] = 0
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, n // 3 * 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows.tobytes())) + chunk(b"IEND", b""))
for i in range(150):
    h, w = 12 + i * 7 % sides, 20 + i * 5 % sides
    name = "d/%d/%03d" % (i % 4, i)
    os.makedirs(os.path.dirname(name), exist_ok=True)
    if sides > 1 and i % 10 == 3:
        open(name + ".jpg", "wb").write(jpeg)
    elif i % 10 == 4:
        open(name + ".ppm", "wb").write(b"P6 %d %d 255\n" % (w, h) + r.bytes(3 * h * w))
    else:
        open(name + ".png", "wb").write(png(h, w, 3))
    if sides == 1 and i % 3 == 0:
        open(name + ".mask.png", "wb").write(png(h, w, 1))
shutil.make_archive("d", "tar", ".", "d")
shutil.make_archive("d", "zip", ".", "d")'
}

# read_by THREADS ...: its stream, what it said and its exit code.
read_by() {
	local code=0
	cv-read --no-history --threads "$@" >got.$1 2>said.$1 || code=$?
	echo "exit $code" >>said.$1
}

# alike CODE ...: cv-read ends so, and the same for any number of threads.
alike() {
	local t want=$1
	shift
	for t in 1 2 3 8; do
		read_by $t "$@"
		cmp got.1 got.$t
		cmp said.1 said.$t
	done
	tail -n 1 said.1 | grep -qx "exit $want" || { cat said.1; return 1; }
}

@test "cv-read: pictures by 1, 2, 3 and 8 threads: folders, archives, names, masks, any order" {
	for sides in 1 9; do
		rm -rf d d.tar d.zip
		pictures $sides
		for from in d d.tar d.zip 'd d.tar' "$(echo d/[01]/*[0-9].p[np][gm])"; do
			# shellcheck disable=SC2086 # words
			alike 0 $from
		done
		alike 0 d --shuffle --epochs 3
		alike 0 d.tar --shuffle --epochs 2 --start-epoch 1 --size 8x9
		alike 0 d.zip --skip 11 --take 50
		alike 0 d d.tar --mix 3:1 --shuffle
		alike 0 d.tar --max-memory 1M --shuffle-buffer 20
	done
}

@test "cv-read: damaged pictures at any place are told of in order, by any number of threads" {
	for sides in 1 9; do
		rm -rf d d.tar d.zip
		pictures $sides
		rm d.tar
		files=($(cd d && find . -name '*[0-9].png' | sort))
		for i in 0 1 16 63 64 65 100 $((${#files[@]} - 1)); do
			f=d/${files[i]}
			cp "$f" kept
			head -c -30 kept >"$f" # later ones are damaged otherwise, and must not be told of
			for j in 1 3 30; do
				[ $((i + j)) -ge ${#files[@]} ] || printf 'x' | dd of="d/${files[i + j]}" bs=1 \
					seek=60 conv=notrunc 2>/dev/null
			done
			alike 3 d
			grep -q "${files[i]#./}: " said.1
			if [ $i -eq 100 ] && [ $sides -gt 1 ]; then # behind frames that are written
				alike 3 d --size 192x192
				[ "$(wc -c <got.1)" -gt 4000000 ]
			fi
			tar cf d.tar d
			alike 3 d.tar
			grep -q "${files[i]#./}: " said.1
			rm -rf d
			python3 -c 'import shutil; shutil.unpack_archive("d.zip")'
		done
	done
}

@test "cv-read: the limits hold for any number of threads" {
	pictures 1
	for limit in --max-pixels --max-side --max-chunks --max-compressed --max-entry-bytes; do
		alike 4 d $limit 1
		alike 4 d.tar $limit 1
		grep -q -e $limit said.1
	done
	rm -rf d
	pictures 9
	alike 4 d --max-scan-pixels 1 # which the decoder meets, behind other pictures
	alike 4 d.tar --max-scan-pixels 1
	alike 0 d --max-memory 1
}

@test "cv-read: as many threads as it is told, and where there are pictures to decode" {
	[[ ${TESTS:-} != tsan ]] || skip "tsan has a thread of its own"
	tasks() { # NUMBER ...: cv-read has so many, once it has written something
		mkfifo out
		cv-read --epochs 100000 "${@:2}" >out &
		{
			head -c 100000 >/dev/null
			ls /proc/$!/task >ids
		} <out
		wait $!
		rm out
		[ "$(wc -l <ids)" -eq "$1" ] || { echo "$*: $(wc -l <ids)"; return 1; }
	}
	pictures 1
	quadrants a.cvt
	tasks 1 d
	tasks 1 d --threads 1
	tasks 3 d --threads 3
	tasks 1 a.cvt --threads 3
}
