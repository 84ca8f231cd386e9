#!/usr/bin/env bats
# Self-supervised learning: what rotate4 makes of rows, that a network learns from it and from
# contrasted views without labels, and the probes that say how much.
load helper
load train

# Drawn pictures to learn from, small and few.
drawn() {
	cv-gen shapes --split train -n 1200 >train.cvt
	cv-gen shapes --split test -n 600 >test.cvt
	cat >conv.arch <<-'END'
		input image 32 32 3
		def cbr c = ( conv: conv c 3 bias=0 | bn: bn | relu )
		conv1: cbr 16 | maxpool 2
		conv2: cbr 24 | maxpool 2
		conv3: cbr 48 | maxpool 2
		gap | embedding: flatten
		linear: linear classes
	END
}

# probe NETWORK...: the accuracy of a linear layer on its stage conv3.
probe() {
	cv-embed "$@" --output conv3=embedding --pool 4 train.cvt >f.cvt
	cv-train -q --arch probe --epochs 8 -o probe.st f.cvt
	cv-embed "$@" --output conv3=embedding --pool 4 test.cvt |
		cv-embed -w probe.st --output logits | cv-eval | sed -n 's/^accuracy *//p'
}

views() { # EPOCHS: two views of 96 pictures
	cv-gen shapes -n 96 | cv-read --epochs "$1" --shuffle |
		cv-augment view=2 random-resized-crop=8,0.4,1 hflip
}

# a network for them that learns in no time
small() {
	cat >small.arch <<-'END'
		input image 8 8 3
		conv1: conv 8 3 bias=0 | bn1: bn | relu
		gap | embedding: flatten
		fc: linear classes
	END
}

# ---- rotate4 --------------------------------------------------------------------------

@test "rotate4: four rows of one, exactly numpy's rot90, with boxes, points and masks" {
	py '
r = np.random.default_rng(1)
u1 = lambda *s: r.integers(0, 256, s, "u1")
write("s.cvt", classes("ape", "bee"), 3, image=u1(7, 6, 6, 3), mask=u1(7, 6, 6), label=r.integers(0, 2, 7, "<i4"),
    depth=r.random((7, 6, 6)).astype("<f4"), boxes=np.tile(f4([[1, 1, 2, 4, 3]]), (7, 1, 1)),
    keypoints=np.tile(f4([[1, 0.5, 1]]), (7, 1, 1)))'
	cv-augment -i s.cvt rotate4 >t.cvt
	py '
_, s = read("s.cvt")
head, t = read("t.cvt")
assert "target rotation cross-entropy" in head and "class.rotation 3 270" in head, head
assert (t["rotation"] == np.tile(np.arange(4), 7)).all() and t["rotation"].dtype == "<i4"
assert (t["label"] == s["label"].repeat(4)).all() and (t["index"] == s["index"].repeat(4)).all()
g = t["group"]
assert g.dtype == "<i8" and len(set(g)) == 7 and (g == g[::4].repeat(4)).all()
assert (t["copy"] == t["rotation"]).all()
for i in range(28):
    for f in "image", "mask", "depth":
        assert (t[f][i] == np.rot90(s[f][i // 4], i % 4)).all(), (f, i)
want = [[1, 1, 2, 4, 3], [1, 2, 2, 3, 5], [1, 2, 3, 5, 4], [1, 3, 1, 4, 4]]
assert (t["boxes"].reshape(7, 4, 5) == want).all(), t["boxes"][:4]
assert (t["keypoints"].reshape(7, 4, 3) == [[1, .5, 1], [.5, 5, 1], [5, 5.5, 1], [5.5, 1, 1]]).all()'
}

@test "rotate4: counts are right, validation rows have their four, nothing was drawn" {
	cv-gen shapes -n 40 | cv-read --val-fraction 0.2 >v.cvt
	cv-augment -i v.cvt rotate4 >t.cvt
	cv-view --validate t.cvt
	val=$(cv-view --head v.cvt | sed -n 's/^val //p')
	cv-view --head t.cvt | grep -x "rows 160"
	cv-view --head t.cvt | grep -x "val $((4 * val))"
	cv-view --head t.cvt | grep -x "draws 1" && return 1
	py '
_, t = read("t.cvt")
assert (t["rotation"][t["part"] == 1] == np.tile(np.arange(4), '"$val"')).all()'
}

@test "rotate4: what stands before it is drawn once, what stands behind it for each" {
	py 'write("s.cvt", image=np.random.default_rng(1).integers(0, 256, (50, 8, 8, 3), "u1"))'
	cv-augment -i s.cvt vflip rotate4 >before.cvt
	cv-augment -i s.cvt rotate4 vflip >behind.cvt
	cv-augment -i s.cvt rotate4 | cv-augment vflip >second.cvt
	py '
s = read("s.cvt")[1]["image"]
def flipped(f):
    t = read(f)[1]
    return np.array([(x != np.rot90(s[i // 4], i % 4)).any() for i, x in enumerate(t["image"])]).reshape(50, 4)
before, behind, second = map(flipped, ("before.cvt", "behind.cvt", "second.cvt"))
assert (before == before[:, :1]).all() and 5 < before[:, 0].sum() < 45
for f in behind, second:
    assert (f != f[:, :1]).any() and 60 < f.sum() < 140, f.sum()'
}

@test "rotate4: neither frames nor threads show" {
	cv-gen shapes -n 60 >s.cvt
	cv-augment -i s.cvt pad-crop=2 rotate4 hflip >a.cvt
	for t in 2 3; do cv-augment --threads $t -i s.cvt pad-crop=2 rotate4 hflip | cmp - a.cvt; done
	dd if=s.cvt bs=1001 2>/dev/null | cv-augment pad-crop=2 rotate4 hflip | cmp - a.cvt
}

@test "rotate4: batches keep the four together" {
	small
	py 'write("s.cvt", image=np.random.default_rng(1).integers(0, 256, (8, 8, 8, 3), "u1"))'
	cv-augment -i s.cvt rotate4 >t.cvt
	cv-train --arch small.arch --sched constant -b 10 --metrics m.json -q -o m.st t.cvt
	[ "$(metric m.json step)" -eq 4 ] # eight of ten, four times
	fails 2 cv-train --arch small.arch -b 3 -o m.st t.cvt
	[[ $message == *"group of 4 rows"*"--batch-size 4"* ]]
}

@test "rotate4: refusals" {
	cv-gen shapes -n 4 >s.cvt
	for words in rotate4:0.5 "view=2 rotate4" "one-of rotate4 hflip end" "rotate4 rotate4" "rotate4=2"; do
		# shellcheck disable=SC2086 # words
		fails 2 cv-augment -i s.cvt $words
		[[ $message == *rotate4* ]]
	done
	fails 2 cv-augment -i s.cvt rotate4 mixup
	[[ $message == *"mixup"*"rotation"* ]]
	py 'write("wide.cvt", image=np.zeros((4, 6, 8, 3), "u1"))'
	fails 3 cv-augment -i wide.cvt rotate4
	[[ $message == *"6x8"*"center-crop=6"* ]]
	cv-augment -i wide.cvt resize=6 rotate4 >square.cvt
	fails 3 cv-augment -i square.cvt rotate4
	[[ $message == *"'rotation' already"* ]]
}

# ---- learning without labels ----------------------------------------------------------

@test "rotations are learned, and a stage of that network beats the untrained one" {
	drawn
	cv-read train.cvt --drop label --epochs 3 --shuffle | cv-augment rotate4 |
		cv-train -q --arch conv.arch -b 64 --metrics m.json -o rot.st
	at_least "$(metric m.json accuracy)" 0.29
	trained=$(probe -w rot.st)
	untrained=$(probe --arch conv.arch)
	echo "rotation $trained, untrained $untrained"
	at_least "$trained" "$(awk -v u="$untrained" 'BEGIN { print u + 0.03 }')"
}

@test "simclr learns features without labels: the linear probe and kNN beat the untrained network" {
	drawn
	cv-read train.cvt --drop label --epochs 6 --shuffle |
		cv-augment view=2 random-resized-crop=32,0.4,1 hflip color-jitter:0.8=.4,.4,.4,.1 grayscale:0.2 |
		cv-train -q --arch conv.arch --method simclr --metrics m.json -o clr.st
	at_least "$(metric m.json accuracy)" 0.15 # 1 of 255 by chance
	trained=$(probe -w clr.st)
	untrained=$(probe --arch conv.arch)
	echo "simclr $trained, untrained $untrained"
	at_least "$trained" "$(awk -v u="$untrained" 'BEGIN { print u + 0.03 }')"
}

@test "simclr: the model holds the network up to its embedding; --keep-all the head, too" {
	small
	views 1 >v.cvt
	cv-train -q --arch small.arch --method simclr -b 32 -o a.st v.cvt
	cv-train -q --arch small.arch --method simclr -b 32 --keep-all -o b.st v.cvt
	cv-view --head a.st >a.txt
	cv-view --head b.st >b.txt
	! grep -q -e projector -e 'fc' a.txt
	grep -q 'projector.0.weight' b.txt
	grep -q 'projector.4.running_mean' b.txt
	cv-gen shapes -n 5 | cv-augment resize=8 >s.cvt
	cv-embed -w a.st s.cvt | cv-view --head | grep -x 'field embedding <f4 8'
	cv-embed -w a.st v.cvt | cv-view --head | grep -x 'field embedding.2 <f4 8'
	fails 3 cv-embed -w a.st --output logits s.cvt
	[[ $message == *"no head"* ]]
	cv-train -q -w a.st --reset-head --epochs 2 -b 5 -o fine.st s.cvt
	cv-embed -w fine.st --output logits s.cvt | cv-view --head | grep -x 'field logits <f4 10'
}

@test "simclr: more than two views; threads, and a cut and resumed training, give equal bytes" {
	small
	cv-gen shapes -n 96 | cv-read --epochs 3 --shuffle |
		cv-augment view=3 random-resized-crop=8,0.4,1 hflip >all.cvt
	set -- -q --arch small.arch --method simclr -b 32
	for t in 1 2 3; do cv-train "$@" --threads $t -o $t.st all.cvt; done
	cmp 1.st 2.st
	cmp 1.st 3.st
	head -c $(($(stat -c %s all.cvt) * 3 / 5)) all.cvt >cut.cvt
	fails 3 cv-train "$@" -o part.st cut.cvt
	[ -e part.st.ckpt ]
	cv-train "$@" --resume auto -o part.st all.cvt
	cmp 1.st part.st
}

@test "simclr: views of validation rows are equal and count nothing, labels are not asked for" {
	small
	cv-gen shapes -n 64 | cv-read --drop label --val-fraction 0.2 --epochs 2 --shuffle |
		cv-augment view=2 random-resized-crop=8,0.4,1 hflip |
		cv-train -q --arch small.arch --method simclr -b 16 --metrics m.json -o a.st
	[ "$(metric m.json val_accuracy)" = null ]
	[ "$(metric m.json val_loss)" != null ]
}

@test "simclr: refusals" {
	small
	cv-gen shapes -n 8 | cv-augment resize=8 >one.cvt
	fails 3 cv-train --arch small.arch --method simclr -o a.st one.cvt
	[[ $message == *"cv-augment view=2"* ]]
	views 1 >v.cvt
	for option in "--temperature 0" "--projector 0" "--teacher x"; do
		# shellcheck disable=SC2086 # an option and its value
		fails 2 cv-train --arch small.arch --method simclr $option -o a.st v.cvt
		[[ $message == *"${option% *}"* ]]
	done
	cv-gen shapes -n 8 | cv-augment view resize=8 view resize=6 >two.cvt
	fails 3 cv-train --arch small.arch --method simclr -o a.st two.cvt
	[[ $message == *"8x8x3"*"6x6x3"* ]]
}

# ---- probes ---------------------------------------------------------------------------

@test "feature maps travel, are pooled, and go into linear, probe and kNN" {
	small
	cv-gen shapes -n 40 | cv-augment resize=8 >s.cvt
	cv-embed --arch small.arch --output conv1 s.cvt >maps.cvt
	cv-embed --arch small.arch --output conv1=embedding --pool 4 s.cvt >cells.cvt
	py '
a, b = read("maps.cvt")[1]["conv1"], read("cells.cvt")[1]["embedding"]
assert a.shape == (40, 8, 8, 8) and b.shape == (40, 4, 4, 8)
assert np.allclose(a.reshape(40, 4, 2, 4, 2, 8).mean((2, 4)), b, atol=1e-6)'
	for arch in linear probe; do
		cv-train -q --arch $arch --epochs 2 -b 8 -o $arch.st cells.cvt
		cv-embed -w $arch.st --output logits cells.cvt | cv-eval | grep '^accuracy'
	done
	cv-knn --bank cells.cvt -k 1 cells.cvt | cv-eval | grep -x 'accuracy *1.0000'
	fails 2 cv-embed --arch small.arch --output conv1 --pool 3 s.cvt
	[[ $message == *"--pool 3"*"8x8"* ]]
}
