#!/usr/bin/env bats
# cv-gen shapes: every row follows from seed and index alone, whatever the threads and however the
# range is cut; fields, classes, domains and sizes are what they say.
load helper
load py

all=image,label,mask,edge,depth,boxes,keypoints,caption,domain

@test "the same bytes for 1, 2 and 3 threads, in a file and in a pipe" {
	for t in 1 2 3; do
		cv-gen shapes -n 300 --size 16x20 --objects 3 --fields $all --threads $t -o $t.cvt
	done
	cmp 1.cvt 2.cvt
	cmp 1.cvt 3.cvt
	cv-gen shapes -n 300 --size 16x20 --objects 3 --fields $all | cmp - 1.cvt
}

@test "rows from --start on are those of a long run" {
	cv-gen shapes -n 150 --size 16x16 --fields $all -o long.cvt
	cv-gen shapes -n 50 --start 100 --size 16x16 --fields $all -o rest.cvt
	py '
a, b = read("long.cvt")[1], read("rest.cvt")[1]
assert (b["index"] == np.arange(100, 150)).all()
assert all((a[k][100:] == b[k]).all() for k in a) and a.keys() == b.keys()'
}

@test "another seed is another world, --split test another part of it" {
	cv-gen shapes -n 100 --size 16x16 -o a.cvt
	cv-gen shapes -n 100 --size 16x16 --split train -o train.cvt
	cv-gen shapes -n 100 --size 16x16 --seed 1 -o b.cvt
	cv-gen shapes -n 100 --size 16x16 --split test -o test.cvt
	cv-gen shapes -n 10 --size 16x16 --split test --start 90 -o end.cvt
	py '
f = {k: read(k + ".cvt")[1] for k in ("a", "train", "b", "test", "end")}
assert all((f["a"][k] == f["train"][k]).all() for k in f["a"])
assert (f["a"]["image"] != f["b"]["image"]).any((1, 2, 3)).all()
assert (f["a"]["image"] != f["test"]["image"]).any((1, 2, 3)).all()
assert f["test"]["index"][0] == 2 ** 40 and not set(f["a"]["index"]) & set(f["test"]["index"])
assert (f["test"]["image"][90:] == f["end"]["image"]).all()'
}

@test "fields are what cv-stream(5) says, and agree with each other" {
	cv-gen shapes -n 200 --size 40x24 --objects 4 --fields $all -o s.cvt
	cv-view --validate s.cvt
	py '
head, f = read("s.cvt")
n, h, w = 200, 40, 24
shapes = dict(image=(n, h, w, 3), label=(n,), mask=(n, h, w), edge=(n, h, w), depth=(n, h, w), boxes=(n, 4, 5),
    keypoints=(n, 5, 3), caption=(n, 96), domain=(n,), index=(n,))
types = dict(image="|u1", label="<i4", mask="|u1", edge="|u1", depth="<f4", boxes="<f4", keypoints="<f4",
    caption="|u1", domain="<i4", index="<i8")
assert {k: v.shape for k, v in f.items()} == shapes, f.keys()
assert {k: v.dtype.str for k, v in f.items()} == types
assert f["mask"].max() <= 10 and set(np.unique(f["edge"])) == {0, 1}
assert 0 <= f["depth"].min() and f["depth"].max() == 1
names = [l.split()[2] for l in head.splitlines() if l.startswith("class ")]
assert len(names) == 10 and "class.mask 0 ground\nclass.mask 1 %s\n" % names[0] in head and "class.domain 0 photo" in head
for i in range(n):
    words = bytes(f["caption"][i]).rstrip(b"\0").decode().split()
    assert names[f["label"][i]] in words, words
    for c, x0, y0, x1, y1 in f["boxes"][i].astype(int):
        if c >= 0:
            assert 0 <= x0 < x1 <= w and 0 <= y0 < y1 <= h
            m = f["mask"][i, y0:y1, x0:x1] == c + 1
            assert m[0].any() and m[-1].any() and m[:, 0].any() and m[:, -1].any()
    seen = set(np.unique(f["mask"][i])) - {0}
    assert seen == {c + 1 for c in f["boxes"][i, :, 0] if c >= 0}, i
    for x, y, v in f["keypoints"][i]:
        assert v in (0, 1) and (not v or (0 <= x < w and 0 <= y < h))'
}

@test "a field does not depend on which others are asked for" {
	cv-gen shapes -n 40 --size 16x16 --fields $all -o all.cvt
	for k in image label mask edge depth boxes keypoints caption domain; do
		cv-gen shapes -n 40 --size 16x16 --fields $k -o one.cvt
		py "
a, b = read('all.cvt')[1], read('one.cvt')[1]
assert set(b) == {'$k', 'index'} and (a['$k'] == b['$k']).all()"
	done
	cv-gen shapes -n 40 -o default.cvt
	py 'f = read("default.cvt")[1]; assert set(f) == {"image", "label", "index"} and f["image"].shape == (40, 32, 32, 3)'
}

@test "classes are balanced in any ten rows, and in an order that cannot be foretold" {
	cv-gen shapes -n 1000 --size 8x8 --fields label -o s.cvt
	py '
y = read("s.cvt")[1]["label"].reshape(100, 10)
assert (np.sort(y, 1) == np.arange(10)).all()
assert len({tuple(r) for r in y}) > 95'
}

@test "domains show the same scenes in other styles" {
	for d in photo flat sketch neon night; do
		cv-gen shapes -n 60 --size 24x24 --domain $d --fields image,label,mask,boxes,domain -o $d.cvt
	done
	py '
f = [read(d + ".cvt")[1] for d in ("photo", "flat", "sketch", "neon", "night")]
for k, a in enumerate(f):
    assert (a["domain"] == k).all()
    for b in f[:k]:
        assert all((a[x] == b[x]).all() for x in ("label", "mask", "boxes"))
        assert (a["image"] != b["image"]).any((1, 2, 3)).all()'
}

@test "several domains take turns, ten pictures each, with balanced classes" {
	cv-gen shapes -n 60 --size 16x16 --domain photo,sketch,night -o s.cvt
	cv-gen shapes -n 60 --size 16x16 --domain night -o night.cvt
	py '
f, g = read("s.cvt")[1], read("night.cvt")[1]
assert (f["domain"] == np.repeat([0, 2, 4, 0, 2, 4], 10)).all() and (f["label"] == g["label"]).all()
same = (f["image"] == g["image"]).all((1, 2, 3))
assert (same == (f["domain"] == 4)).all()'
	cv-gen shapes -n 20 --start 10 --size 16x16 --domain photo,sketch,night -o rest.cvt
	py 'assert (read("rest.cvt")[1]["image"] == read("s.cvt")[1]["image"][10:30]).all()'
}

@test "clips begin with the still picture, go on smoothly, and say where the shape goes" {
	for t in 1 2 3; do
		cv-gen shapes -n 100 --size 16x16 --clip 5 --fields image,label,mask,motion,keypoints \
			--threads $t -o $t.cvt
	done
	cmp 1.cvt 2.cvt
	cmp 1.cvt 3.cvt
	cv-gen shapes -n 100 --size 16x16 --fields image,label,mask,keypoints -o still.cvt
	py '
head, f = read("1.cvt")
g = read("still.cvt")[1]
assert f["image"].shape == (100, 5, 16, 16, 3) and "\nclass.motion 2 down\n" in head
assert (f["image"][:, 0] == g["image"]).all()
assert all((f[k] == g[k]).all() for k in ("label", "mask", "keypoints"))
x = f["image"].astype(float)
step, far = abs(x[:, 1] - x[:, 0]).mean(), abs(x[:, 4] - x[:, 0]).mean()
assert 0 < step < far
assert len(set(f["motion"])) == 8'
	cv-gen shapes -n 100 --size 16x16 --clip 1 --fields image -o one.cvt
	py 'assert (read("one.cvt")[1]["image"][:, 0] == read("still.cvt")[1]["image"]).all()'
	cv-view 1.cvt -n 2 -o clips.png
}

@test "a mirror swaps the left and the right point of a shape" {
	cv-gen shapes -n 20 --size 24x24 --fields image,keypoints -o s.cvt
	cv-view --head s.cvt | grep -qx 'flip 3 4'
	cv-augment hflip:1 -i s.cvt -o m.cvt
	py '
a, b = read("s.cvt")[1]["keypoints"], read("m.cvt")[1]["keypoints"][:, [0, 1, 2, 4, 3]]
assert np.allclose(a[:, :, 1], b[:, :, 1]) and np.allclose(24 - a[:, :, 0], b[:, :, 0], atol=1e-4)'
}

@test "captions say size, colour, class and place" {
	cv-gen shapes -n 300 --size 8x8 --fields caption,label -o s.cvt
	py '
f = read("s.cvt")[1]
text = [bytes(c).rstrip(b"\0").decode() for c in f["caption"]]
assert all(" on a " in t and t.startswith("a ") for t in text)
for word in ("small ", "large ", " at left ", " at top right ", " in the middle ", "partly hidden", "red ", "striped "):
    assert 3 < sum(word in t for t in text) < 250, word
assert max(map(len, text)) < 96'
}

@test "--epochs writes the rows again, with EPOC marks" {
	cv-gen shapes -n 30 --size 8x8 --epochs 3 -o s.cvt
	cv-view --validate s.cvt
	[ "$(grep -ac EPOC s.cvt)" -ge 1 ]
	py '
head, f = read("s.cvt")
assert f["image"].shape[0] == 90 and (f["index"].reshape(3, 30) == np.arange(30)).all()
assert (f["image"][:30] == f["image"][60:]).all() and "\nepochs 3\n" in head and "\nrows 30\n" in head'
}

@test "HEAD has the seed and the line that made it" {
	cv-gen shapes -n 10 --size 8x8 --seed 77 --threads 2 -q -o s.cvt
	py '
head = read("s.cvt")[0]
assert "\nseed 77\n" in head and "\nindex 10\n" in head
line = [l for l in head.splitlines() if l.startswith("prog ")]
assert len(line) == 1 and "--threads" not in line[0] and "--seed 77" in line[0], line'
	eval "$(cv-view --history s.cvt)" >again.cvt
	cmp s.cvt again.cvt
	cv-gen shapes -n 10 --size 8x8 --no-history -o bare.cvt
	refute grep -aq 'prog 0' bare.cvt
}

@test "what it refuses" {
	fails 2 cv-gen
	[[ $message == *"cv-gen shapes"* ]]
	fails 2 cv-gen forms
	fails 2 cv-gen shapes extra
	fails 2 cv-gen shapes --fields image,lable
	[[ $message == *"label"* ]]
	fails 2 cv-gen shapes --fields ''
	for s in 7x32 32x5000 32x 0 x32 32x32x3 -8 banana; do fails 2 cv-gen shapes --size=$s; done
	fails 2 cv-gen shapes --domain real
	[[ $message == *"photo"* ]]
	fails 2 cv-gen shapes --domain photo,real
	fails 2 cv-gen shapes --clip 257
	fails 2 cv-gen shapes --clip 256 --size 4096 # a frame of a stream holds 2 GiB
	fails 2 cv-gen shapes --fields motion
	[[ $message == *"--clip"* ]]
	fails 2 cv-gen shapes --split val
	for n in 0 9; do fails 2 cv-gen shapes --objects $n; done
	fails 2 cv-gen shapes -i s.cvt
	fails 2 cv-gen shapes -n 1 --epochs 4294967296
	fails 3 cv-gen shapes -n 0
	fails 3 cv-gen shapes --epochs 0
	fails 2 cv-gen shapes --start 18446744073709551615
	fails 2 cv-gen shapes --start 1152921504606846976
	cv-gen shapes -n 0 --allow-empty | cv-view --validate --allow-empty
}

@test "one number is a square, wide and tall pictures show the same classes" {
	cv-gen shapes -n 20 --size 12 -o a.cvt
	cv-gen shapes -n 20 --size 64x12 -o b.cvt
	py '
a, b = read("a.cvt")[1], read("b.cvt")[1]
assert a["image"].shape == (20, 12, 12, 3) and b["image"].shape == (20, 64, 12, 3) and (a["label"] == b["label"]).all()'
}

@test "a reader that has enough ends it silently with 0; memory does not grow" {
	(
		cv-gen shapes -n 1000000000 --size 8x8 2>said
		echo $? >code
	) | head -c 300000 >/dev/null
	[ "$(cat code)" -eq 0 ]
	[ ! -s said ]
}

@test "the examples of the page run" {
	awk '/^\.Sh EXAMPLES/ { e = 1 } /^\.Ed/ { p = 0 } p; e && /^\.Bd/ { p = 1 }' \
		"$top/cmd/cv-gen.1" | sed 's/\\e$/\\/' >examples
	[ "$(wc -l <examples)" -gt 4 ]
	sh -eux examples 2>told || {
		cat told
		return 1
	}
}
