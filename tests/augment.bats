#!/usr/bin/env bats
# cv-augment: what it refuses and how, what it makes of HEAD and of fields, views, and that no frame,
# thread or pipe shows in the result. Pixels are tests/unit/aug_pillow.c's affair.
load helper
load py

# 200 pictures of 9x12 with all that moves along, 37 rows a frame.
scenes() {
	py '
r = np.random.default_rng(3)
n, h, w = 200, 9, 12
u1 = lambda *s: r.integers(0, 256, s, "u1")
write("s.cvt", classes("ape", "bee") + "flip 0 1\n", 37, image=u1(n, h, w, 3), label=r.integers(0, 2, n, "<i4"),
    mask=u1(n, h, w), edge=u1(n, h, w), depth=r.random((n, h, w)).astype("<f4"),
    boxes=np.tile(f4([[0, 1, 2, 5, 7], [-1, 0, 0, 0, 0]]), (n, 1, 1)), keypoints=np.tile(f4([[2, 3, 1], [9, 4, 1]]), (n, 1, 1)))'
}

# Pictures of different sizes.
ragged() {
	py '
sizes = [(9, 12), (5, 7), (20, 6), (8, 8)]
data = [np.full((h, w, 3), 40 * k, "u1") for k, (h, w) in enumerate(sizes)]
at = np.cumsum([0] + [d.size for d in data])
s = Stream("field image |u1\nfield image.at <i8\nfield image.hwc <i4 3\nfield label <i4\nfield index <i8\n")
flat = b"".join(d.tobytes() for d in data)
s.batch(4, [("image", "|u1", [len(flat)], 1, flat), ("image.at", "<i8", [5], 0, np.array(at, "<i8").tobytes()),
    ("image.hwc", "<i4", [4, 3], 0, np.array([d.shape for d in data], "<i4").tobytes()),
    ("label", "<i4", [4], 0, i4(0, 1, 0, 1).tobytes()), ("index", "<i8", [4], 0, np.arange(4, dtype="<i8").tobytes())])
s.end_epoch()
open("ragged.cvt", "wb").write(s.done())'
}

# ---- refusals -------------------------------------------------------------------------

@test "unknown operations name the nearest" {
	scenes
	fails 2 cv-augment -i s.cvt hflop
	[[ $message == *"'hflop'"*"did you mean 'hflip'"* ]]
	fails 2 cv-augment -i s.cvt xyzzyxyzzy
	[[ $message == *"--list"* ]]
	fails 2 cv-augment -i s.cvt
	[[ $message == *"--list"* ]]
	fails 2 cv-augment hflip s.cvt
	[[ $message == *"--input s.cvt"* ]]
	fails 2 cv-augment -i s.cvt $'a\e[31mb'
	[[ $message != *$'\e'* ]]
}

@test "wrong values are refused with what is right" {
	scenes
	while read -r word; do
		fails 2 cv-augment -i s.cvt "$word" || {
			echo "$word: $message"
			return 1
		}
	done <<-'END'
		crop
		crop=0
		crop=1.5
		crop=4,x
		crop=4,4,4
		crop=
		crop=nan
		crop=1e9
		hflip=3
		hflip:2
		hflip:-0.1
		hflip:x
		hflip:
		pad-crop=-1
		pad-crop=2,mirror
		resize=4,4,cubic
		rotate=181
		color-jitter=.4,.4,.4,.6
		random-resized-crop=8,0.9,0.1
		random-resized-crop=8,0,1
		affine
		affine=10,0,2,1
		affine=10,0,0
		affine=10,cubic
		perspective=1.1
		brightness
		hue=.6
		posterize=9
		posterize=2.5
		solarize=-1
		sharpness
		gaussian-blur
		gaussian-blur=4
		gaussian-blur=3,2,1
		gaussian-blur=3,0,1
		gaussian-noise=-1
		rgb-shift=256
		hsv=91
		random-erasing=.3,.2
		random-erasing=black
		cutout
		cutout=0
		hide-and-seek=4,2
		grid-mask
		grid-mask=8,4
		auto-augment=mnist
		rand-augment=2,31
		rand-augment=2.5
		trivial-augment-wide=1
		aug-mix=11
		aug-mix=3,17
		mixup=0
		view=0
		view=2.5
		view=257
		end
	END
	fails 2 cv-augment -i s.cvt pad-crop=2,mirror
	[[ $message == *"zero|reflect"* ]]
	fails 2 cv-augment -i s.cvt hflip:2
	[[ $message == *"from 0 to 1"* ]]
	fails 2 cv-augment -i s.cvt one-of hflip
	[[ $message == *"end"* ]]
	fails 2 cv-augment -i s.cvt one-of end
	fails 2 cv-augment -i s.cvt one-of one-of hflip end end
	fails 2 cv-augment -i s.cvt one-of hflip view end
	fails 2 cv-augment -i s.cvt one-of=2 hflip end
	fails 2 cv-augment -i s.cvt one-of hflip end:0.5
	fails 2 cv-augment -i s.cvt view:0.5 hflip
	fails 2 cv-augment -i s.cvt resize=8,nearest,antialias
	[[ $message == *"FILTER is given twice"* ]]
	fails 2 cv-augment -i s.cvt pad-crop=reflect,2,zero
}

@test "words may stand for their parameter, numbers are written in many ways" {
	scenes
	cv-augment -i s.cvt --no-history pad-crop=2,reflect -o a.cvt
	cv-augment -i s.cvt --no-history pad-crop=reflect,2 -o b.cvt
	cmp a.cvt b.cvt
	cv-augment -i s.cvt --no-history resize=5,antialias -o a.cvt
	cv-augment -i s.cvt --no-history resize=5,5,bilinear -o b.cvt
	cmp a.cvt b.cvt
	cv-augment -i s.cvt --no-history resize=5,nearest -o b.cvt
	refute cmp -s a.cvt b.cvt
	cv-augment -i s.cvt --no-history color-jitter=.4,4e-1 -o a.cvt
	cv-augment -i s.cvt --no-history color-jitter=0.4,+0.4 -o b.cvt
	cmp a.cvt b.cvt
}

@test "sizes never depend on chance" {
	scenes
	fails 2 cv-augment -i s.cvt crop:0.5=4
	[[ $message == *"different sizes"* ]]
	fails 2 cv-augment -i s.cvt one-of crop=4 crop=5 end
	[[ $message == *"different sizes"* ]]
	fails 2 cv-augment -i s.cvt one-of:0.5 crop=4 resize=4 end
	cv-augment -i s.cvt one-of crop=4 resize=4 end -o out.cvt
	cv-augment -i s.cvt crop:0.5=9,12 -o out.cvt
	fails 3 cv-augment -i s.cvt crop=10
	[[ $message == *"9x12"*"resize="* ]]
}

@test "a stream without pictures, or with others than bytes, is refused" {
	py '
write("none.cvt", label=i4(0, 1))
write("f4.cvt", image=np.zeros((2, 4, 4, 3), "<f4"))
write("flat.cvt", image=np.zeros((2, 16), "u1"))
write("four.cvt", image=np.zeros((2, 4, 4, 4), "u1"))
write("views.cvt", **{"image.1": np.zeros((2, 4, 4, 3), "u1"), "image.2": np.zeros((2, 6, 6, 3), "u1")})
write("empty.cvt", image=np.zeros((0, 4, 4, 3), "u1"))
x = np.zeros((2, 4, 4, 3), "u1")
write("mask.cvt", image=x, mask=np.zeros((2, 8, 8), "u1"))
write("boxes.cvt", image=x, boxes=np.zeros((2, 4), "<f4"))
write("keypoints.cvt", image=x, keypoints=np.zeros((2, 5, 3), "<i4"))'
	fails 3 cv-augment -i none.cvt hflip
	[[ $message == *"no field 'image'"* ]]
	fails 3 cv-augment -i f4.cvt hflip
	[[ $message == *"<f4"*"|u1"* ]]
	for f in flat four empty mask boxes keypoints; do
		fails 3 cv-augment -i $f.cvt hflip
		[[ $message == *": "* ]]
	done
	fails 3 cv-augment -i views.cvt view=2 hflip
	cv-augment -i views.cvt hflip -o out.cvt
	py 'f = read("out.cvt")[1]; assert f["image.1"].shape == (2, 4, 4, 3) and f["image.2"].shape == (2, 6, 6, 3)'
	cv-augment -i empty.cvt --allow-empty hflip | cv-view --validate --allow-empty
}

@test "terminals, and a file that is read and written at once, are refused" {
	scenes
	command -v script >/dev/null || skip "no script(1) here"
	script -qec 'cv-augment -i s.cvt hflip; echo code $?' /dev/null >said
	grep -q 'code 2' said
	fails 2 cv-augment -i s.cvt hflip -o s.cvt
	cv-view --validate s.cvt
}

@test "@FILE holds words and comments; loops end" {
	scenes
	printf '# shift, then mirror\npad-crop=2 # by two\n\thflip:0.3\n' >chain
	cv-augment -i s.cvt --no-history @chain grayscale -o a.cvt
	cv-augment -i s.cvt --no-history pad-crop=2 hflip:0.3 grayscale -o b.cvt
	cmp a.cvt b.cvt
	echo '@loop' >loop
	fails 2 cv-augment -i s.cvt @loop
	[[ $message == *"@loop"*"deeper"* ]]
	fails 1 cv-augment -i s.cvt @missing
	printf 'a\0b' >binary
	fails 3 cv-augment -i s.cvt @binary
	: >nothing
	fails 2 cv-augment -i s.cvt @nothing
}

@test "what is wrong in @FILE is said with its file and line, whoever names the file" {
	scenes
	printf '# a chain\n\n  pad-crop=2 # by two\n hflip rotat=3\n' >chain
	fails 2 cv-augment -i s.cvt @chain
	[[ $message == "cv-augment: chain:4: there is no operation 'rotat'"* ]]
	printf 'hflip\r\n\r\n@chain\n' >outer
	fails 2 cv-augment -i s.cvt grayscale @outer
	[[ $message == "cv-augment: chain:4: "* ]]
	printf 'hflip\n@missing\n' >outer
	fails 1 cv-augment -i s.cvt @outer
	[[ $message == "cv-augment: outer:2: missing: "* ]]
	printf 'hflip\npad-crop=x' >wrong
	fails 2 cv-augment -i s.cvt @wrong hflip
	[[ $message == "cv-augment: wrong:2: pad-crop: "* ]]
	printf 'hflip\none-of\nhflip\nvflip\n' >open
	fails 2 cv-augment -i s.cvt @open
	[[ $message == "cv-augment: open:2: one-of: is not closed"* ]]
	printf 'hflip\nmixup\nvflip\n' >order
	fails 2 cv-augment -i s.cvt @order
	[[ $message == "cv-augment: order:3: mixup, cutmix: "* ]]
	fails 2 sh -c 'printf "\nrotat" | cv-augment -i s.cvt @-'
	[[ $message == "cv-augment: standard input:2: "* ]]
	fails 2 cv-augment -i s.cvt rotat
	[[ $message == "cv-augment: there is no operation 'rotat'"* ]]
}

@test "pictures of different sizes need an operation that makes them equal" {
	ragged
	for c in hflip pad-crop=2 color-jitter=.4; do
		fails 3 cv-augment -i ragged.cvt $c
		[[ $message == *"different sizes"*"resize"* ]]
	done
	cv-augment -i ragged.cvt hflip resize=6,8 pad-crop=1 -o out.cvt
	py '
head, f = read("out.cvt")
assert f["image"].shape == (4, 6, 8, 3) and "image.at" not in f and "image.hwc" not in f
assert (f["image"][1:, 2:4, 2:4].mean((1, 2, 3)) == [40, 80, 120]).all()
assert "image.at" not in head'
	cv-augment -i ragged.cvt view=2 random-resized-crop=8 view crop=5 -o out.cvt
	py 'f = read("out.cvt")[1]; assert f["image.2"].shape == (4, 8, 8, 3) and f["image.3"].shape == (4, 5, 5, 3)'
	fails 3 cv-augment -i ragged.cvt crop=6 # one picture is smaller
	[[ $message == *"resize="* ]]
}

@test "center-crop: a picture that is smaller gets a border, as in torchvision" {
	py '
x = np.arange(1, 25, dtype="u1").reshape(1, 4, 6, 1)
write("s.cvt", "", image=x, mask=x[..., 0], boxes=f4([[[0, 1, 1, 3, 3]]]), keypoints=f4([[[2, 3, 1]]]))'
	cv-augment -i s.cvt center-crop=7,9 -o both.cvt
	cv-augment -i s.cvt center-crop=7,3 -o high.cvt
	py '
x = read("s.cvt")[1]["image"][0, ..., 0]
for name, pad, cut in ("both", ((1, 2), (1, 2)), (0, 9)), ("high", ((1, 2), (0, 0)), (2, 5)):
    f = read(name + ".cvt")[1]
    assert (f["image"][0, ..., 0] == np.pad(x, pad)[:, cut[0]:cut[1]]).all(), name
    assert (f["mask"][0] == np.pad(x, pad, constant_values=255)[:, cut[0]:cut[1]]).all(), name
    left = pad[1][0] - cut[0]
    assert (f["boxes"][0, 0] == (0, max(0, 1 + left), 2, 3 + left, 4)).all(), f["boxes"]
    assert (f["keypoints"][0, 0] == (2 + left, 4, 1)).all(), f["keypoints"]'
	ragged
	cv-augment -i ragged.cvt center-crop=10 -o out.cvt
	py 'f = read("out.cvt")[1]["image"]; assert f.shape == (4, 10, 10, 3) and (f[1:, 4:6, 4:6].mean((1, 2, 3)) == [40, 80, 120]).all()'
}

@test "mirrors lose no point, not even on the border" {
	py 'write("s.cvt", "", image=np.zeros((1, 4, 6, 1), "u1"), keypoints=f4([[[0, 0, 1], [6, 4, 1], [7, 1, 1]]]))'
	cv-augment -i s.cvt hflip:1 vflip:1 -o out.cvt
	py 'assert (read("out.cvt")[1]["keypoints"][0] == [[6, 4, 1], [0, 0, 1], [-1, 3, 0]]).all()'
}

@test "resize=H,short: the shorter side, as torchvision reads a single number" {
	ragged
	cv-augment -i ragged.cvt resize=16,short center-crop=16 -o out.cvt
	py '
f = read("out.cvt")[1]["image"]
assert f.shape == (4, 16, 16, 3) and (f.reshape(4, -1) == [[0], [40], [80], [120]]).all()'
	scenes
	cv-augment -i s.cvt resize=6,short,nearest -o short.cvt
	cv-augment -i s.cvt resize=6,8,nearest --no-history -o both.cvt
	py '
a, b = read("short.cvt")[1], read("both.cvt")[1]
assert a["image"].shape == (200, 6, 8, 3) and all((a[k] == b[k]).all() for k in a)'
	py 'write("long.cvt", "", image=np.zeros((1, 3, 50, 1), "u1"))'
	cv-augment -i long.cvt resize=4,short -o out.cvt
	py 'assert read("out.cvt")[1]["image"].shape == (1, 4, 66, 1)'
	fails 3 cv-augment -i long.cvt resize=16000,short
	[[ $message == *"leave out"*short* ]]
	fails 2 cv-augment -i long.cvt resize=4,5,short
	fails 2 cv-augment -i s.cvt resize:0.5=6,short
	fails 3 cv-augment -i ragged.cvt resize=6,short
	[[ $message == *"different sizes"* ]]
}

@test "random-resized-crop: half a pixel is rounded to even, as Python rounds it" {
	py '
for h, w in (5, 5), (1, 9):
    write("%d.cvt" % h, "", image=np.zeros((1, h, w, 1), "u1"), keypoints=f4([[[0, 0, 1], [w, 0, 1]]]))'
	cv-augment -i 5.cvt random-resized-crop=10,.25,.25,1,1 -o a.cvt # a side of 2.5
	cv-augment -i 1.cvt random-resized-crop=10,1,1,1,2.5 -o b.cvt # no window; a width of 2.5
	py '
for name, w in ("a", 5), ("b", 9):
    k = read(name + ".cvt")[1]["keypoints"][0]
    assert abs((k[1, 0] - k[0, 0]) / w - 10 / 2) < 1e-4, k'
}

# ---- HEAD and fields ------------------------------------------------------------------

@test "views: image.1 and on, each with its own size and draw, and what moves along" {
	scenes
	cv-augment -i s.cvt crop=8,10 view=2 pad-crop=2 hflip view resize=5 -o out.cvt
	py '
head, f = read("out.cvt")
a, b = read("s.cvt")
assert not {"image", "mask", "boxes", "keypoints"} & set(f)
for k, (h, w) in enumerate([(8, 10), (8, 10), (5, 5)], 1):
    assert f["image.%d" % k].shape == (200, h, w, 3), f["image.%d" % k].shape
    assert f["mask.%d" % k].shape == f["edge.%d" % k].shape == f["depth.%d" % k].shape == (200, h, w)
    assert f["boxes.%d" % k].shape == (200, 2, 5) and f["keypoints.%d" % k].shape == (200, 2, 3)
    assert "field image.%d |u1 %d %d 3\n" % (k, h, w) in head
assert "image.4" not in f and (f["image.1"] != f["image.2"]).any()
assert (f["label"] == b["label"]).all() and (f["index"] == b["index"]).all()'
	# further operations treat every view
	cv-augment -i out.cvt vflip:1 -o turned.cvt
	py '
a, b = read("out.cvt")[1], read("turned.cvt")[1]
for k in "123":
    assert (a["image." + k][:, ::-1] == b["image." + k]).all() and (a["mask." + k][:, ::-1] == b["mask." + k]).all()'
	cv-augment -i out.cvt hflip -o turned.cvt
	py '
a, b = read("out.cvt")[1], read("turned.cvt")[1]
turned = [(a["image." + k] != b["image." + k]).any((1, 2, 3)) for k in "12"]
assert (turned[0] != turned[1]).sum() > 50'
}

@test "masks, boxes and keypoints follow the picture" {
	scenes
	cv-augment -i s.cvt hflip:1 -o out.cvt
	py '
a, b = read("s.cvt")[1], read("out.cvt")[1]
for k in "image", "mask", "edge", "depth":
    assert (a[k][:, :, ::-1] == b[k]).all(), k
assert (b["boxes"][:, 0] == [0, 7, 2, 11, 7]).all() and (b["boxes"][:, 1, 0] == -1).all()
assert (b["keypoints"] == [[3, 4, 1], [10, 3, 1]]).all() # a pair: flip 0 1'
}

@test "HEAD: draws, seed, history" {
	scenes
	cv-augment -i s.cvt hflip -o a.cvt
	cv-augment -i s.cvt hflip:1 grayscale resize=4 center-crop=3 -o b.cvt
	cv-augment -i a.cvt pad-crop=1 crop=4 -o c.cvt
	cv-augment --seed 9 -i a.cvt hflip:0.2 --threads 2 -q -o d.cvt
	py '
head = {k: read(k + ".cvt")[0].splitlines() for k in "abcd"}
key = lambda k, w: [l for l in head[k] if l.startswith(w + " ")]
assert key("a", "draws") == ["draws 1"] and key("b", "draws") in ([], ["draws 0"]) and key("c", "draws") == ["draws 2"]
assert key("a", "seed") == key("d", "seed") == ["seed 0"], (head["a"], head["d"])
p = key("d", "prog")
assert len(p) == 2 and p[1].endswith(": cv-augment hflip:0.2 --seed 9"), p
assert "flip 0 1" in head["a"] and "class 1 bee" in head["a"] and "field image |u1 9 12 3" in head["a"]'
	cv-augment -i s.cvt --no-history hflip -o bare.cvt
	refute grep -aq 'prog 0' bare.cvt
}

@test "the seed of the stream is the default, one's own comes first" {
	cv-gen shapes -n 50 --size 12x12 --seed 5 -o s.cvt
	cv-augment -i s.cvt --no-history hflip -o a.cvt
	cv-augment -i s.cvt --no-history --seed 5 hflip -o b.cvt
	cv-augment -i s.cvt --no-history --seed 6 hflip -o c.cvt
	cmp a.cvt b.cvt
	refute cmp -s a.cvt c.cvt
	cv-gen shapes -n 50 --size 12x12 --seed 5 | cv-augment --no-history hflip | cmp - a.cvt
}

@test "stages draw differently: the same word twice is two chances" {
	scenes
	cv-augment -i s.cvt hflip -o a.cvt
	cv-augment -i a.cvt hflip -o b.cvt
	cv-augment -i s.cvt hflip hflip -o c.cvt
	py '
x = {k: read(k + ".cvt")[1]["image"] for k in "sabc"}
flipped = lambda a, b: (x[a] != x[b]).any((1, 2, 3))
for once, both in (flipped("s", "a"), flipped("s", "b")), (flipped("s", "a"), flipped("s", "c")):
    assert 60 < once.sum() < 140 and 60 < both.sum() < 140 and (once != both).sum() > 60'
}

@test "epochs draw afresh, and EPOC passes on" {
	py 'write("s.cvt", frame=10, epochs=3, image=np.random.default_rng(1).integers(0, 256, (40, 6, 6, 3), "u1"))'
	cv-augment -i s.cvt hflip -o out.cvt
	cv-view --validate out.cvt
	[ "$(grep -ac EPOC out.cvt)" -eq "$(grep -ac EPOC s.cvt)" ]
	py '
x, y = read("s.cvt")[1]["image"].reshape(3, 40, -1), read("out.cvt")[1]["image"].reshape(3, 40, -1)
t = (x != y).any(2)
assert (t[0] != t[1]).any() and (t[1] != t[2]).any()'
}

@test "validation rows are left alone" {
	py '
x = np.random.default_rng(1).integers(0, 256, (90, 8, 8, 3), "u1")
write("s.cvt", "val 30\n", image=x, part=(np.arange(90) >= 60).astype("<i4"))'
	cv-augment -i s.cvt hflip pad-crop=2 rotate=20 color-jitter=.4,.4,.4,.1 -o out.cvt
	cv-augment -i s.cvt crop=6 -o crop.cvt
	py '
x, y = read("s.cvt")[1]["image"], read("out.cvt")[1]["image"]
changed = (x != y).any((1, 2, 3))
assert changed[:60].mean() > .9 and not changed[60:].any()
assert (read("crop.cvt")[1]["image"][60:] == x[60:, 1:7, 1:7]).all()'
}

@test "rows that repeat within an epoch draw by copy; a clip has one draw" {
	py '
x = np.random.default_rng(1).integers(0, 256, (1, 5, 8, 8, 3), "u1").repeat(200, 0)
write("s.cvt", image=x, index=np.zeros(200, "<i8"), copy=np.arange(200, dtype="<i4"))'
	cv-augment -i s.cvt hflip -o out.cvt
	py '
x, y = read("s.cvt")[1]["image"], read("out.cvt")[1]["image"]
t = (x != y).any((2, 3, 4))
assert t.shape == (200, 5) and (t == t[:, :1]).all() and 60 < t[:, 0].sum() < 140'
}

@test "a foreign stream without index draws by position" {
	py '
x = np.random.default_rng(1).integers(0, 256, (200, 8, 8, 3), "u1")
write("s.cvt", frame=30, image=x, index=None)
write("t.cvt", frame=200, image=x, index=None)'
	cv-augment --no-history -i s.cvt hflip -o out.cvt
	cv-augment --no-history -i t.cvt hflip -o same.cvt
	py '
x, y, z = (read(k + ".cvt")[1]["image"] for k in ("s", "out", "same"))
assert 60 < (x != y).any((1, 2, 3)).sum() < 140 and (y == z).all()'
	cv-augment -i s.cvt rotate4 -o four.cvt
	py 'assert (read("four.cvt")[1]["group"] == np.arange(800) // 4).all()'
}

# ---- the same bytes -------------------------------------------------------------------

@test "no frame, thread or pipe shows in the result" {
	scenes
	chain='random-resized-crop=8,0.3,1 view=2 hflip color-jitter:0.8=.4,.4,.4,.1 rotate=20,bilinear view one-of hflip grayscale end'
	# shellcheck disable=SC2086
	run_it() { cv-augment --no-history $chain "$@"; }
	run_it -i s.cvt -o want.cvt
	py '
head, f = read("s.cvt")
for n in 1, 200:
    write("s%d.cvt" % n, classes("ape", "bee") + "flip 0 1\n", n, **f)'
	for t in 1 2 3; do
		for s in s s1 s200; do
			run_it --threads $t <$s.cvt | cmp - want.cvt
		done
	done
	dd if=s.cvt bs=41 status=none | run_it | cmp - want.cvt
	cat s.cvt | run_it -o piped.cvt
	cmp piped.cvt want.cvt
}

@test "two parts, one after the other" {
	scenes
	cat s.cvt s.cvt | cv-augment hflip -o out.cvt
	cv-augment -i s.cvt hflip -o one.cvt
	cv-view --validate out.cvt
	py '
x, y = read("out.cvt")[1]["image"], read("one.cvt")[1]["image"]
assert (x[:200] == y).all() and (x[200:] == y).all()'
}

# ---- every operation ------------------------------------------------------------------

# NAME or NAME=VALUES, always applied, for each that --list names.
# (rotate4 and rotate-classes turn squares and episodes; ssl.bats and episodes.bats have them)
every_operation() {
	local not='view|one-of|mixup|cutmix|rotate-classes|rotate4'
	cv-augment --list | cut -f 1 | grep -Evx "$not" | while read -r name; do
		case $name in
		crop | center-crop | resize | random-resized-crop) echo "$name=1" ;;
		pad-crop) echo pad-crop:1=1 ;;
		rotate | affine) echo "$name:1=20" ;;
		brightness | contrast | saturation | sharpness) echo "$name:1=0.7" ;;
		hue) echo hue:1=0.3 ;;
		color-jitter) echo color-jitter:1=.4,.4,.4,.1 ;;
		posterize | gaussian-blur) echo "$name:1=3" ;;
		cutout | hide-and-seek) echo "$name:1=4" ;;
		grid-mask) echo grid-mask:1=4,8 ;;
		*) echo "$name:1" ;;
		esac
	done
}

@test "every operation: any shape of picture, validation rows alone, the same for any frames and threads" {
	py '
r = np.random.default_rng(3)
for name, shape in ("a", (1, 1, 3)), ("b", (2, 5, 1)), ("c", (3, 7, 6, 3)), ("d", (20, 24, 3)):
    x = r.integers(0, 256, (30, *shape), "u1")
    for frame in 7, 30:
        write("%s%d.cvt" % (name, frame), frame=frame, image=x, part=(np.arange(30) % 5 == 0).astype("<i4"))'
	every_operation >operations
	[ "$(wc -l <operations)" -ge 36 ]
	while read -r op; do
		for s in a b c d; do
			cv-augment --no-history -i ${s}7.cvt "$op" -o 7.cvt
			cv-augment --no-history --threads 2 "$op" <${s}30.cvt | cmp - 7.cvt
			mv 7.cvt "$s.$op.cvt"
		done
	done <operations
	py '
import glob
for path in glob.glob("d.*.cvt"):
    name = path[2:-4].split("=")[0].split(":")[0]
    x, f = read("d7.cvt")[1]["image"], read(path)[1]
    y, val = f["image"], f["part"] == 1
    if x.shape != y.shape:
        continue
    if "draws 1" in read(path)[0]:
        assert (x[val] == y[val]).all(), path
    assert (x[~val] != y[~val]).any(), path'
}

@test "alternating-flip: two epochs show both sides of every picture, over and over" {
	py 'write("s.cvt", frame=10, epochs=4, image=np.random.default_rng(1).integers(0, 256, (60, 6, 6, 3), "u1"))'
	cv-augment -i s.cvt alternating-flip -o out.cvt
	py '
x, y = (read(p)[1]["image"].reshape(4, 60, 6, 6, 3) for p in ("s.cvt", "out.cvt"))
t = (x != y).any((2, 3, 4))
assert 15 < t[0].sum() < 45 and (t[0] == ~t[1]).all() and (t[0] == t[2]).all() and (t[1] == t[3]).all()
assert (y[t.nonzero()] == x[t.nonzero()][:, :, ::-1]).all()'
}

@test "what hides parts hides as much as it says, and leaves masks and boxes" {
	py '
n = 400
write("s.cvt", image=np.full((n, 32, 32, 3), 200, "u1"), mask=np.ones((n, 32, 32), "u1"))'
	for op in cutout=8 random-erasing:1 hide-and-seek=8,0.5,zero grid-mask=8,12 random-erasing=.1,.1,1,1,random hide-and-seek=4; do
		cv-augment -i s.cvt $op -o "$op.cvt"
	done
	py '
def hidden(op):
    f = read(op + ".cvt")[1]
    assert (f["mask"] == 1).all()
    return (f["image"] == 0).all(3)
c = hidden("cutout=8").sum((1, 2))
assert c.max() == 64 and 16 <= c.min() and 50 < c.mean() < 64
e = hidden("random-erasing:1").mean((1, 2))
assert 0.01 < e.min() and e.max() < 0.35 and 0.14 < e.mean() < 0.2
h = hidden("hide-and-seek=8,0.5,zero").reshape(400, 4, 8, 4, 8)
assert (h.all((2, 4)) == h.any((2, 4))).all() and 0.45 < h.mean() < 0.55
g = hidden("grid-mask=8,12").mean((1, 2))
assert 0.2 < g.min() and g.max() < 0.42
r = read("random-erasing=.1,.1,1,1,random.cvt")[1]["image"]
changed = (r != 200).any(3).mean((1, 2))
assert ((changed == 0) | (abs(changed - 0.1) < 0.01)).all() and 0.4 < (changed > 0).mean() < 0.6
assert (read("hide-and-seek=4.cvt")[1]["image"] == 200).all() # the mean of one colour is that colour'
}

@test "colours: hsv, rgb-shift, channel-shuffle, noise" {
	py '
x = np.random.default_rng(2).integers(0, 256, (300, 6, 6, 3), "u1")
x[0, :, :3] = x[0, :, :3, :1]
write("s.cvt", image=x)'
	for op in hsv=0,0,0 hsv=30,0,0 hsv=0,0,20 rgb-shift=10 rgb-shift=0,0,30 channel-shuffle gaussian-noise=0.1 gaussian-noise=0,0.2; do
		cv-augment -i s.cvt $op -o "$op.cvt"
	done
	py '
x = read("s.cvt")[1]["image"].astype(int)
y = lambda op: read(op + ".cvt")[1]["image"].astype(int)
assert abs(y("hsv=0,0,0") - x).max() <= 5 # through half degrees and back
h = y("hsv=30,0,0")
assert (h.max(3) == x.max(3)).all() and abs(h.min(3) - x.min(3)).max() <= 1 and abs(h - x).max() > 50
d = y("hsv=0,0,20").max(3) - x.max(3)
assert abs(d).max() == 20 or abs(d).max() == 19
d = y("rgb-shift=10") - x
inside = (x > 10) & (x < 245)
assert abs(d).max() <= 10 and all(len(set(d[i, :, :, k][inside[i, :, :, k]])) <= 1 for i in range(300) for k in range(3))
d = y("rgb-shift=0,0,30") - x
assert not d[..., :2].any() and d[..., 2].any()
s = y("channel-shuffle")
assert (np.sort(s, 3) == np.sort(x, 3)).all() and 0.1 < (s == x).all((1, 2, 3)).mean() < 0.24
mid = (x > 110) & (x < 145)
d = (y("gaussian-noise=0.1") - x)[mid]
assert abs(d.mean()) < 1.5 and 24 < d.std() < 27
assert (y("gaussian-noise=0,0.2") == np.minimum(x + 51, 255)).all()'
}

# ---- blocks of rows -------------------------------------------------------------------

@test "mixup and cutmix: pictures and labels by the same shares, in blocks of 128 from the epoch's start" {
	py '
r = np.random.default_rng(3)
x, y = r.integers(0, 256, (300, 8, 10, 3), "u1"), r.integers(0, 3, 300, "<i4")
y[7] = y[40] = -1
part = (np.arange(300) % 50 == 3).astype("<i4")
write("s.cvt", classes("a", "b", "c"), 37, epochs=2, image=x, label=y, part=part)'
	cv-augment -i s.cvt mixup=0.4 -o mixup.cvt
	cv-augment -i s.cvt cutmix -o cutmix.cvt
	cv-view --validate mixup.cvt
	py '
a, m, c = (read(k + ".cvt")[1] for k in ("s", "mixup", "cutmix"))
owns = set()
for first in range(0, 600, 300):
    for at in range(0, 300, 128):
        rows = np.arange(first + at, first + min(at + 128, 300))
        val = a["part"][rows] == 1
        for k in "image", "label":
            want = a[k][rows[val]] if k == "image" else np.eye(3)[a[k][rows[val]]]
            assert (m[k][rows[val]] == want).all() and (c[k][rows[val]] == want).all()
        for labelled in True, False:
            i = rows[~val & ((a["label"][rows] >= 0) == labelled)]
            j, hot = np.roll(i, 1), np.eye(4)[a["label"]][:, :3]
            if not len(i):
                continue
            own = (c["image"][i] == a["image"][i]).all((0, 3))
            other = (c["image"][i] == a["image"][j]).all((0, 3))
            assert (own | other).all()
            s = own.mean() if len(i) > 1 else 1
            assert abs(s * hot[i] + (1 - s) * hot[j] - c["label"][i]).max() < 1e-6
            if not labelled:
                assert (m["label"][i] == 0).all()
                continue
            k = np.flatnonzero(a["label"][i] != a["label"][j])[0]
            s = m["label"][i[k], a["label"][i[k]]]
            owns.add(float(s))
            x = s * a["image"][i].astype("f8") + (1 - s) * a["image"][j]
            assert abs(x - m["image"][i]).max() < 0.51
            assert abs(s * hot[i] + (1 - s) * hot[j] - m["label"][i]).max() < 1e-6
assert len(owns) == 6
head = read("mixup.cvt")[0]
assert "field label <f4 3\n" in head and "class 2 c\n" in head and "draws 1\n" in head'
	cv-augment -i s.cvt mixup=0.4 | cv-augment mixup=1 | cv-view --validate # soft labels mix again
	for n in 1 500; do
		py 'head, f = read("s.cvt")
write("t.cvt", classes("a", "b", "c"), '$n', epochs=2, **{k: v[:300] for k, v in f.items()})'
		cv-augment --no-history --threads 2 -i t.cvt hflip one-of:0.9 mixup=0.8 cutmix end -o $n.cvt
	done
	cv-augment --no-history -i s.cvt hflip one-of:0.9 mixup=0.8 cutmix end -o s1.cvt
	cmp 1.cvt s1.cvt
	cmp 500.cvt s1.cvt
}

@test "mixup and cutmix end a chain, and refuse what cannot be mixed" {
	scenes
	fails 2 cv-augment -i s.cvt mixup hflip
	[[ $message == *"'hflip' before"* ]]
	fails 2 cv-augment -i s.cvt view=2 mixup view hflip
	fails 2 cv-augment -i s.cvt one-of mixup hflip end
	[[ $message == *"'mixup'"*"'hflip'"* ]]
	fails 2 cv-augment -i s.cvt mixup=0
	fails 3 cv-augment -i s.cvt mixup
	[[ $message == *"--drop mask"* ]]
	py '
x = np.zeros((4, 6, 6, 3), "u1")
write("n.cvt", image=x, label=i4(0, 1, 2, 3))
write("m.cvt", image=x, mask=np.arange(4 * 36, dtype="u1").reshape(4, 6, 6))'
	fails 3 cv-augment -i n.cvt mixup
	[[ $message == *"CLASSES"* ]]
	fails 3 cv-augment -i n.cvt mixup=1,3
	[[ $message == *"label 3"* ]]
	cv-augment -i n.cvt view=2 hflip mixup=1,4 -o out.cvt
	py 'f = read("out.cvt")[1]; assert f["label"].shape == (4, 4) and f["image.2"].shape == (4, 6, 6, 3)'
	fails 3 cv-augment -i n.cvt view hflip view resize=4 cutmix=1,4
	[[ $message == *"size"* ]]
	cv-augment -i m.cvt cutmix -o out.cvt # masks are pasted as their pictures are
	py '
a, b = read("m.cvt")[1]["mask"], read("out.cvt")[1]["mask"]
assert ((b == a) | (b == np.roll(a, 1, 0))).all()'
}

# ---- for eyes -------------------------------------------------------------------------

@test "--preview: a PNG of the same pictures under each operation, or under all there are" {
	scenes
	ragged
	for s in s ragged; do
		cv-augment -i $s.cvt --preview 3 -o all.png
		cv-augment -i $s.cvt --preview 4 hflip:0.1 one-of rotate=20 invert end view=2 resize=6 mixup -o some.png
		head -c 4 all.png | grep -aq PNG
		head -c 4 some.png | grep -aq PNG
		[ "$(wc -c <all.png)" -gt "$(wc -c <some.png)" ]
	done
	fails 2 cv-augment -i s.cvt --preview 65
	[[ $message == *"64"* ]]
	fails 2 cv-augment -i s.cvt --preview 4 hflop
	fails 2 cv-augment -i s.cvt --preview 4 hflip --metrics m.tsv
	fails 3 cv-augment -i s.cvt --preview 4 crop=10
	py "write('flat.cvt', 'rows 20\n', image=np.zeros((20, 3), '|u1'))"
	fails 3 cv-augment -i flat.cvt --preview 4 hflip
	[[ $message == *"'image' has 1 dimensions a row"* ]]
}

# ---- failures on the way --------------------------------------------------------------

@test "a cut input: exit 3, said by the last one only" {
	scenes
	head -c 60000 s.cvt >cut.cvt
	fails 3 cv-augment -i cut.cvt hflip -o out.cvt
	[[ $message == *"cut.cvt"* ]]
	[ ! -e out.cvt ]
	code=0
	cv-augment -i cut.cvt hflip 2>first | cv-augment vflip 2>second >out.cvt || code=$?
	[ $code -eq 3 ]
	[ ! -s first ]
	[ "$(wc -l <second)" -eq 1 ]
}

@test "FAIL: exit 3 with the first reason, silent when it goes on into a pipe" {
	py '
s = Stream("field image |u1 4 4 3\nfield index <i8\n")
s.batch(2, [("image", "|u1", [2, 4, 4, 3], 0, bytes(96)), ("index", "<i8", [2], 0, bytes(8) + b"\1" + bytes(7))])
s.frame(b"FAIL", (b"cv-read: the disk is on fire\n" + bytes(64))[:64])
open("fail.cvt", "wb").write(s.bytes)'
	fails 3 cv-augment -i fail.cvt hflip -o out.cvt
	[[ $message == *"cv-read: the disk is on fire"* ]]
	code=0
	cv-augment hflip <fail.cvt 2>first | cv-view --validate >/dev/null 2>second || code=$?
	[ $code -eq 3 ]
	[ ! -s first ]
	grep -q "cv-read: the disk is on fire" second
}

@test "a reader that has enough ends it silently with 0" {
	cv-gen shapes -n 5000 -o s.cvt
	(
		cv-augment -i s.cvt hflip 2>said
		echo $? >code
	) | head -c 100000 >/dev/null
	[ "$(cat code)" -eq 0 ]
	[ ! -s said ]
}

@test "memory does not grow with the stream, nor with the size of what comes out" {
	[[ $(nm -D "$(command -v cv-augment)") != *__asan* ]] || skip "not under a sanitizer"
	(
		ulimit -v 400000
		cv-gen shapes -n 3000 --size 16x16 --epochs 30 | cv-augment --threads 2 view=2 hflip resize=48 \
			| cv-augment crop=8 | cat >/dev/null
		cv-gen shapes -n 4000 --size 8x8 | cv-augment resize=224 | cv-augment crop=8 >out.cvt
	)
	cv-view --validate out.cvt
}

@test "the examples of the page run" {
	awk '/^\.Sh EXAMPLES/ { e = 1 } /^\.Ed/ { p = 0 } p; e && /^\.Bd/ { p = 1 }' \
		"$top/cmd/cv-augment.1" | sed 's/\\e$/\\/' >examples
	[ "$(wc -l <examples)" -gt 4 ]
	sh -eux examples 2>told || {
		cat told
		return 1
	}
}
