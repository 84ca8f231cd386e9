#!/usr/bin/env bats
# What readers meet now and then: rare types and layouts come out as numpy says, and of what is
# damaged, contradicts itself or cannot be looked at, nothing is left out in silence.
load helper
load py

tsv() { cv-view --tsv "$@"; }

@test "IDX in a folder: labels that cannot be unpacked are not left out" {
	mkdir d
	printf '\0\0\10\3\0\0\0\2\0\0\0\1\0\0\0\1ab' >d/train-images-idx3-ubyte
	printf '\0\0\10\1\0\0\0\2\1\0' | gzip >d/train-labels-idx1-ubyte.gz
	cv-read d | cv-view --head | grep -qx 'field label <i4'
	printf '\037\213\010no gzip' >d/train-labels-idx1-ubyte.gz
	fails 3 cv-read d
	[[ $message == *"d/train-labels-idx1-ubyte.gz: the gzip data is damaged"* ]]
}

@test "IDX: signed, wide and real numbers, clips and colour, labels of every whole type" {
	py '
import struct
kinds = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
def idx(path, kind, a):
    a = np.asarray(a, kinds[kind])
    open(path, "wb").write(bytes([0, 0, kind, a.ndim]) + struct.pack(">%dI" % a.ndim, *a.shape) + a.tobytes())
r = np.random.default_rng(4)
want = {}
for kind, low, high in (9, -128, 128), (11, -2**15, 2**15), (12, -2**31, 2**31), (13, -9, 9), (14, -9, 9):
    want[kind] = r.integers(low, high, (4, 5)).astype(kinds[kind])
    idx("rows%d" % kind, kind, want[kind])
    if kind < 13:
        idx("labels%d" % kind, kind, [3, 0, -1, 2])
idx("clip", 8, r.integers(0, 256, (3, 2, 4, 5, 3)))
idx("colour", 8, r.integers(0, 256, (3, 4, 5, 3)))
idx("depth", 13, r.normal(size=(3, 4, 5)))
idx("many", 12, [70000, 1])
idx("real", 13, [1, 2, 3, 4])
np.savez("want", **{str(k): v for k, v in want.items()})'
	for k in 9 11 12 13 14; do cv-read rows$k -o $k.cvt; done
	for k in 9 11 12; do cv-read rows13 labels$k -o both$k.cvt; done
	cv-read clip | cv-view --head | grep -qx 'field image |u1 2 4 5 3'
	cv-read colour | cv-view --head | grep -qx 'field image |u1 4 5 3'
	cv-read depth | cv-view --head | grep -qx 'field image <f4 4 5 1'
	cv-read many >many.cvt
	refute grep -q '^class' <(cv-view --head many.cvt)
	py '
want = np.load("want.npz")
for k in want.files:
    f = read(k + ".cvt")[1]
    name = "embedding" if int(k) > 12 else "data"
    assert (f[name] == want[k]).all() and f[name].dtype == ("<f4" if int(k) > 12 else "<i4"), k
for k in 9, 11, 12:
    assert list(read("both%d.cvt" % k)[1]["label"]) == [3, 0, -1, 2]'
	mkdir d
	cp rows13 d/a-images
	cp real d/a-labels
	fails 3 cv-read d
	[[ $message == *"d/a-labels: holds no labels"* ]]
	fails 2 cv-read clip --split train
}

@test "IDX in a folder: files find each other by name, by word, or as the only two" {
	idx1() { printf '\0\0\10\1\0\0\0\2\1\0' >"$1"; }
	idx3() { printf '\0\0\10\3\0\0\0\2\0\0\0\1\0\0\0\1ab' >"$1"; }
	mkdir words two same many none
	for s in train test; do
		idx3 words/emnist-balanced-$s-images
		idx1 words/emnist-balanced-$s-labels
	done
	fails 2 cv-read words
	[[ $message == *"test and train"* ]]
	[ "$(cv-read words --split test | cv-view --head | grep -c '^field')" -eq 3 ]
	idx1 two/answers # before the pictures, and after
	idx3 two/pictures
	cv-read two | cv-view --head | grep -qx 'field label <i4'
	mv two/answers two/what
	cv-read two | cv-view --head | grep -qx 'field label <i4'
	idx3 same/train-images
	idx3 same/train.images
	fails 3 cv-read same
	[[ $message == *"cannot be told apart"* ]]
	for ((k = 0; k < 65; k++)); do idx3 many/$k; done
	fails 3 cv-read many --format idx
	[[ $message == *"too many files"* ]]
	echo text >none/README
	fails 3 cv-read none --format idx
	[[ $message == *"none: has no IDX files in it"* ]]
	fails 2 cv-read words --split test --format qqqqqq
	[[ $message == *"unknown; there are"* ]]
}

@test "CIFAR: CIFAR-100's folder, rows of several files in any order, labels that are none" {
	py '
r = np.random.default_rng(3)
for d in "ten", "hundred", "late":
    os.makedirs(d)
for k in 1, 2, 3:
    a = r.integers(0, 256, (5, 3073), "u1")
    a[:, 0] = np.arange(5) % 3
    a.tofile("ten/data_batch_%d.bin" % k)
a = r.integers(0, 256, (3, 3074), "u1")
a[:, :2] = [[1, 99], [19, 0], [2, 7]]
a.tofile("hundred/train.bin")
a = r.integers(0, 256, (40, 3073), "u1")
a[:, 0] = 1
a[39, 0] = 200
a.tofile("late/data_batch_1.bin")'
	cv-read ten -o ten.cvt
	cv-read ten --shuffle --per-class 4 >some.cvt
	[ "$(tsv some.cvt | awk 'NR > 1' | wc -l)" -eq 11 ]
	py '
want, f = read("ten.cvt")[1], read("some.cvt")[1]
assert (f["image"] == want["image"][f["index"]]).all() and (f["label"] == want["label"][f["index"]]).all()'
	cv-read hundred >hundred.cvt
	py 'f = read("hundred.cvt")[1]; assert list(f["label"]) == [99, 0, 7] and list(f["coarse"]) == [1, 19, 2]'
	for how in '' '--per-class 1' '--classes 1' '--shuffle'; do
		fails 3 cv-read late $how --take 40
		[[ $message == *"late: row 39: label 200 is none of 10 classes"* ]]
	done
	mkdir more
	for ((k = 10; k < 27; k++)); do cp ten/data_batch_1.bin more/data_batch_$k.bin; done
	fails 3 cv-read more
	[[ $message == *"more than 16 CIFAR files"* ]]
	mkdir none
	echo text >none/README
	fails 3 cv-read none --format cifar
	[[ $message == *"none: has no CIFAR binary files"* ]]
	head -c 4000 ten/data_batch_1.bin >cut
	fails 3 cv-read cut --format cifar
	fails 2 cv-read ten/data_batch_1.bin --split test
}

@test "npy: halves to the last bit, labels of bytes and beyond, what does not fit" {
	py '
every = np.arange(65536, dtype="u2").view("f2").reshape(-1, 16)
np.save("half.npy", every)
np.save("grey.npy", np.arange(24, dtype="u1").reshape(2, 3, 4))
np.save("double.npy", np.linspace(-1, 1, 6).reshape(2, 3))
np.save("bytes.npy", np.array([3, 0, 2], "u1"))
np.save("far.npy", np.array([70000, 0], "i4"))
np.save("wide.npy", np.array([1, 2**40], "i8"))
np.save("scalar.npy", np.float32(3))
np.save("text.npy", np.array(["a", "b"]))
np.save("deep.npy", np.zeros((1,) * 8, "u1"))'
	for f in half grey double bytes far; do cv-read $f.npy -o $f.cvt; done
	py '
half = read("half.cvt")[1]["embedding"]
with np.errstate(invalid="ignore"):
    want = np.load("half.npy").astype("f4")
assert ((half == want) | (np.isnan(half) & np.isnan(want))).all()
assert (np.signbit(half) == np.signbit(want)).all()
assert read("grey.cvt")[1]["image"].shape == (2, 3, 4, 1)
assert (read("double.cvt")[1]["embedding"] == np.load("double.npy").astype("f4")).all()
assert list(read("bytes.cvt")[1]["label"]) == [3, 0, 2]
assert list(read("far.cvt")[1]["label"]) == [70000, 0]'
	[ "$(cv-read bytes.npy --per-class 1 --classes 0,2 | tsv | wc -l)" -eq 3 ]
	fails 3 cv-read wide.npy
	[[ $message == *"row 1: a number does not fit 32 bits"* ]]
	for f in scalar text deep; do fails 3 cv-read $f.npy; done
	fails 2 cv-read grey.npy --split train
}

@test "streams: a number of each row that is said to be a constant, and pictures without sizes" {
	py '
n = 200000
index = ("index", "<i8", [n], 0, np.arange(n, dtype="<i8").tobytes())
for name, kind, dims in (("part", "<i4", []), ("label", "<i4", []), ("label", "<f4", [9]), ("group", "<i8", []),
        ("image", "|u1", [4, 4, 3]), ("mask", "|u1", [4, 4]), ("boxes", "<f4", [4, 5])):
    s = Stream("field index <i8\nfield %s %s *%s\n" % (name, kind, "".join(" %d" % d for d in dims)))
    s.batch(n, [index, (name, kind, [0] + dims, 1, b"")])
    s.end_epoch()
    open("%s%d.cvt" % (name, len(dims)), "wb").write(s.done())
at = ("image.at", "<i8", [n + 1], 1, np.arange(n + 1, dtype="<i8").tobytes())
s = Stream("field index <i8\nfield image |u1 *\nfield image.at <i8 *\n")
s.batch(n, [index, ("image", "|u1", [n], 1, bytes(n)), at])
s.end_epoch()
open("sizes.cvt", "wb").write(s.done())'
	for f in part0 label0 label1 group0 image3 mask2 boxes2; do
		for c in 'cv-view --validate' cv-read 'cv-read --size 8x8' 'cv-read --per-class 1' 'cv-augment hflip -i'; do
			fails 3 $c $f.cvt
			[[ $message == *"HEAD: field ${f%?} must have one entry a row"* ]]
		done
	done
	for how in '--size 8x8' '--channels 1'; do
		fails 3 cv-read $how sizes.cvt
		[[ $message == *"'image' has no sizes (image.hwc)"* ]]
	done
}

@test "streams: promises that nothing keeps, no reason given, a HEAD without end" {
	py '
s = Stream("field index <i8\nrows 5\n")
open("none.cvt", "wb").write(s.done())
s = Stream("field index <i8\n")
s.frame(b"FAIL")
open("fail.cvt", "wb").write(s.bytes)
def batch(head, tensors, path):
    s = Stream("field index <i8\n" + head)
    s.batch(2, [("index", "<i8", [2], 0, bytes(16))] + tensors)
    s.end_epoch()
    open(path, "wb").write(s.done())
ragged = "field image |u1 *\nfield image.at <i8 *\n"
image = [("image", "|u1", [2], 1, b"ab"), ("image.at", "<i8", [3], 1, np.arange(3, dtype="<i8").tobytes())]
batch(ragged + "field image.hwc <i4 2\n", image + [("image.hwc", "<i4", [2, 2], 0, bytes(16))], "two.cvt")
batch("field x |u1 L 3\n", [("x", "|u1", [2, 4, 0], 0, b"")], "flat.cvt")
batch("field image |u1 H 3\n", [("image", "|u1", [2, 0, 3], 0, b"")], "zero.cvt")'
	fails 3 cv-view --validate none.cvt
	[[ $message == *"rows of HEAD"* ]]
	fails 3 cv-read fail.cvt
	[[ $message == *"gave up without a reason"* ]]
	fails 3 cv-read two.cvt
	[[ $message == *"field image.hwc must be three <i4 a row"* ]]
	fails 3 cv-read flat.cvt
	fails 3 cv-read zero.cvt
	[[ $message == *"field image has a dimension of 0"* ]]
}

@test "streams: where one epoch is wanted, of one part, within memory" {
	cv-gen shapes -n 300 --size 8x8 -o s.cvt
	cv-read s.cvt --epochs 2 -o two.cvt
	cat s.cvt s.cvt >parts.cvt
	for c in 'cv-read two.cvt --per-class 1' 'cat two.cvt | cv-read --shuffle' \
		'cv-read s.cvt --paste two.cvt'; do
		fails 3 sh -c "$c"
		[[ $message == *"has several epochs where one is wanted"* ]] || { echo "$c: $message"; return 1; }
	done
	for c in 'cv-read parts.cvt --per-class 1' 'cat parts.cvt | cv-read --shuffle'; do
		fails 3 sh -c "$c"
		[[ $message == *"is several streams end to end"* ]] || { echo "$c: $message"; return 1; }
	done
	fails 4 sh -c 'cat s.cvt | cv-read --shuffle --max-memory 20k'
	[[ $message == *"raise --max-memory"* ]]
	fails 4 cv-read s.cvt --paste s.cvt --max-memory 20k
	cv-read s.cvt --per-class 1 --no-history -o want.cvt
	cat s.cvt | cv-read --per-class 1 --no-history | cv-view --diff - want.cvt
	# rows of one file in an order that goes back and forth
	cv-read s.cvt s.cvt --mix 3:1 --epochs 2 --take 20 --no-history >files.cvt
	cv-read s.cvt <(cat s.cvt) --mix 3:1 --epochs 2 --take 20 --no-history | cmp - files.cvt
}

@test "architecture texts that cannot be read, and that are none" {
	ln -s loop.arch loop.arch
	printf 'input image 8 8 1\nflatten\0| linear 2\n' >zero.arch
	cv-gen shapes -n 4 --size 8x8 -o s.cvt
	fails 1 cv-embed --arch loop.arch s.cvt
	[[ $message == *"loop.arch: cannot be opened: "* ]]
	fails 2 cv-embed --arch zero.arch s.cvt
	[[ $message == *"zero.arch:2:8: a zero byte"* ]]
	mkdir d.arch
	fails 1 cv-embed --arch d.arch s.cvt
	[[ $message == *"d.arch: cannot be read: "* ]]
}

@test "what a model tells: its history, and that of a file that is none" {
	printf 'input image 8 8 1\nflatten | fc: linear classes\n' >tiny.arch
	cv-train -q --epochs 0 --num-classes 2 --arch tiny.arch -o net.st </dev/null
	cv-view --history net.st | grep -q 'cv-train'
	py '
import json
b = open("net.st", "rb").read()
n = int.from_bytes(b[:8], "little")
h = json.loads(b[8:8 + n])
for name, text in ("good", "prog 0 a 1: a\\n\\n1 b 1: b"), ("bad", "prog x\\n"):
    h["__metadata__"]["cv.history"] = text
    j = json.dumps(h).encode()
    open(name + ".st", "wb").write(len(j).to_bytes(8, "little") + j + b[8 + n:])'
	cv-view --history good.st | grep -q 'b'
	fails 3 cv-view --history bad.st
	[[ $message == *"a prog line needs its depth"* ]]
}

@test "more files than are kept open give, once and twice over, what one file gives" {
	local f=()
	cv-gen shapes -n 200 --size 8x8 -o all.cvt
	for ((k = 0; k < 20; k++)); do
		cv-read all.cvt --skip $((10 * k)) --take 10 -o $k.cvt
		f+=($k.cvt)
	done
	for how in '' '--epochs 2' '--per-class 3' '--val-fraction 0.3 --epochs 2'; do
		cv-read "${f[@]}" $how --no-history >many.cvt
		cv-read all.cvt $how --no-history | cv-view --diff - many.cvt
	done
	cv-read "${f[@]}" --epochs 2 | cv-view --validate -
}

# damaged FILE: cut here and there, its numbers at the edges of what numbers can be, letters turned.
damaged() {
	py "
import re
s = open('$1', 'rb').read()
bad = [s[:n] for n in range(0, len(s), len(s) // 20)]
words = b'', b'-1', b'4294967296', b'18446744073709551616', b'1e999', b'nan', b'0x10'
for k, m in enumerate(re.finditer(rb'[0-9.]+', s)):
    for word in words[k % 3::3]:
        bad.append(s[:m.start()] + word + s[m.end():])
for i in range(0, len(s), len(s) // 20):
    bad.append(s[:i] + bytes([s[i] ^ 1 << i % 8]) + s[i + 1:])
for i, b in enumerate(bad):
    open('$1.bad%d' % i, 'wb').write(b)"
}

# each_damaged FILE COMMAND...: good, or exit 3 and one line that names the file, and no output.
each_damaged() {
	local bad code refused=0
	damaged "$1"
	for bad in "$1".bad*; do
		code=0
		rm -f out
		"${@:2}" "$bad" -o out >told 2>said || code=$?
		[ $code -ne 0 ] || continue
		refused=$((refused + 1))
		[ $code -eq 3 ] && [ "$(wc -l <said)" -eq 1 ] && [ ! -e out ] && [ ! -s told ] &&
			grep -qF "$bad" said || {
			echo "exit $code: $(cat -v "$bad")"
			cat said
			return 1
		}
	done
	[ $refused -ge 10 ]
}

@test "pairs of rows, and figures of a training, cut anywhere and damaged" {
	cv-gen shapes -n 12 --size 8x8 -o rows.cvt
	printf '# two rows, and whether they are alike\n\n0 1 1\n2 11\t0\n  7 3 1\n4 4 0\n' >pairs
	each_damaged pairs cv-knn rows.cvt --verify
	for k in 1 2; do
		echo "{\"epoch\": $k, \"step\": 1$k, \"loss\": 2.5, \"accuracy\": 0.25, \"val_loss\": null, \"lr\": 0.1}"
	done >m.json
	printf 'epoch\tstep\tloss\taccuracy\tlr\n1\t10\t2.5\t0.25\t0.1\n2\t20\t1.5\tnull\t0.05\n' >m.tsv
	each_damaged m.json cv-view --curves
	each_damaged m.tsv cv-view --curves
}

@test "no name, no file, a terminal, and what must be held and is too large" {
	fails 2 cv-read ''
	[[ $message == *': a file without a name; is a variable not set?' ]]
	fails 1 cv-read nowhere.png
	py 'np.save("large.npy", np.zeros((40, 100, 100, 3), "u1"))'
	cv-read large.npy | cv-view --stat >want
	cat large.npy | cv-read - --max-memory 2M | cv-view --stat | cmp - want
	fails 4 cv-read - --max-memory 1M < <(cat large.npy)
	[[ $message == *'standard input: more than 1 MiB must be held in memory; raise --max-memory'* ]]
	script -qec true /dev/null </dev/null >/dev/null 2>&1 || skip "no script(1) here"
	script -qec 'cv-read -; echo code $?' /dev/null </dev/null | tr -d '\r' >said
	grep -qx 'cv-read: standard input is a terminal; name a file or pipe something in' said
	grep -qx 'code 2' said
}
