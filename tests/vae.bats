#!/usr/bin/env bats
# cv-train --method vae and cv-gen -w: the bound falls, the same bytes come whatever the threads, a cut
# training goes on to the same bytes, samples follow from seed and index, and every choice has its
# refusals.
load helper
load train

small() {
	cat >vae.arch <<-'END'
		input image 8 8 1
		let code = 4
		net encoder image
		flatten | fc: linear 32 | gelu | moments: linear code*2
		net decoder code
		fc: linear 32 | gelu | out: linear 64 | reshape 8 8 1
	END
}

# bold FILE [NAME=VALUE]...: quadrants whose pictures are nearly black and white, so that there is
# something for a code to say.
bold() {
	quadrants "$@"
	py "
f = read('$1')[1]
x = (f['image'].astype(int) - 60).clip(0) // 10 + 10
for i, k in enumerate(f['label']):
    x[i, k // 2 * 4:k // 2 * 4 + 4, k % 2 * 4:k % 2 * 4 + 4] += 210
f['image'] = x.astype('|u1')
write('$1', 'rows %d\nval %d\n' % (len(x), f['part'].sum()) + classes('nw', 'ne', 'sw', 'se'), **f)"
}

# Mean of a field that cv-gen --bound wrote.
mean_of() {
	py "print(read('$1')[1]['$2'].mean())"
}

train() {
	cv-train -q --method vae --arch vae.arch -b 32 "$@"
}

@test "vae: the bound falls, in training and on validation rows; importance weighting tightens it" {
	small
	bold a.cvt n=400 val=80
	train --epochs 0 -o before.st a.cvt
	train --epochs 30 --lr 5e-3 --metrics m.json -o after.st a.cvt
	cv-gen -w before.st --bound a.cvt --samples 20 -o b.cvt
	cv-gen -w after.st --bound a.cvt --samples 20 -o a.bound
	before=$(mean_of b.cvt elbo) after=$(mean_of a.bound elbo) iwae=$(mean_of a.bound iwae)
	at_least "$before" "$(awk "BEGIN { print $after + 2 }")"
	at_least "$after" "$iwae"
	awk -v a="$(metric m.json val_bound)" -v b="$after" 'BEGIN { exit !(a - b < 1 && b - a < 1) }'
	at_least "$(metric m.json kl)" 0.1
	cv-view --validate a.bound
}

@test "vae: the bound is what numpy makes of the same network, noise integrated away" {
	small
	quadrants a.cvt n=40 val=0
	train --epochs 1 -o v.st a.cvt
	cv-gen -w v.st --bound a.cvt --samples 2000 -o bound.cvt
	py '
import json
b = open("v.st", "rb").read()
n = int.from_bytes(b[:8], "little")
meta = json.loads(b[8:8 + n])
w = {k: np.frombuffer(b[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]], "<f4").reshape(v["shape"]).astype(float)
     for k, v in meta.items() if k != "__metadata__"}
from math import erf
erf = np.vectorize(erf)
gelu = lambda x: x * (1 + erf(x / 2 ** .5)) / 2
lin = lambda x, p: x @ w[p + ".weight"].T + w[p + ".bias"]
x = read("a.cvt")[1]["image"].reshape(40, 64) / 255
m = lin(gelu(lin((x - .5) / .5, "encoder.fc")), "encoder.moments")
mu, lv = m[:, :4], m[:, 4:]
kl = .5 * (np.exp(lv) + mu ** 2 - 1 - lv).sum(1)
r, far = np.random.default_rng(0), 0
for _ in range(2000):
    l = lin(gelu(lin(mu + np.exp(lv / 2) * r.normal(size=mu.shape), "decoder.fc")), "decoder.out")
    far = far + (np.logaddexp(0, l) - x * l).sum(1) / 2000
got = read("bound.cvt")[1]
assert abs(got["elbo"].mean() - (far + kl).mean()) < 0.05, (got["elbo"].mean(), (far + kl).mean())
assert (got["iwae"] <= got["elbo"] + 1e-4).all()'
}

@test "vae: the same bytes for 1, 2 and 3 threads; another seed gives others" {
	small
	quadrants a.cvt epochs=2
	for t in 1 2 3; do
		train --binarize --kl-warmup 0.2 --model-ema 0.9 --threads $t -o v.st a.cvt
		cv-gen -w v.st -n 200 --threads $t -o $t.cvt
		cv-gen -w v.st --bound a.cvt --samples 3 --threads $t -o $t.bound
		mv v.st $t.st
	done
	for k in st cvt bound; do
		cmp 1.$k 2.$k
		cmp 1.$k 3.$k
	done
	train --binarize --seed 1 -o other.st a.cvt
	refute cmp -s 1.st other.st
}

@test "vae: a training whose input was cut goes on to the same bytes" {
	small
	quadrants all.cvt epochs=3 frame=40
	set -- --binarize --beta 0.5 --model-ema 0.99
	train "$@" -o whole.st all.cvt
	code=0
	head -c 40000 all.cvt | train "$@" -o part.st 2>said || code=$?
	[ $code -eq 3 ]
	[ -e part.st.ckpt ]
	train "$@" --resume auto -o part.st all.cvt
	cmp whole.st part.st
}

@test "vae: --binarize draws a set once: its bound does not depend on frames, and differs from grey" {
	small
	quadrants a.cvt n=100
	py 'f = read("a.cvt")[1]; write("few.cvt", "index 100\n", 7, **f)'
	train --binarize --epochs 3 -o b.st a.cvt
	train --epochs 3 -o g.st a.cvt
	cv-gen -w b.st --bound a.cvt --samples 3 -o 1.cvt
	cv-gen -w b.st --bound few.cvt --samples 3 -o 2.cvt
	py 'a, b = read("1.cvt")[1], read("2.cvt")[1]
assert all((a[k] == b[k]).all() for k in ("elbo", "iwae", "index"))'
	cv-gen -w g.st --bound a.cvt --samples 3 -o 3.cvt
	py 'assert abs(read("1.cvt")[1]["elbo"] - read("3.cvt")[1]["elbo"]).mean() > 0.1'
}

@test "vae: gaussian likelihood" {
	small
	quadrants a.cvt
	train --likelihood gaussian --sigma 0.2 --epochs 10 --lr 5e-3 --metrics m.json -o v.st a.cvt
	cv-gen -w v.st --bound a.cvt --samples 50 -o bound.cvt
	awk -v a="$(metric m.json val_bound)" -v b="$(mean_of bound.cvt elbo)" \
		'BEGIN { exit !((a - b) ^ 2 < 9) }'
	cv-gen -w v.st -n 5 | cv-view --validate
}

@test "cv-gen -w: the same seed gives the same bytes, rows from --start on are those of a long run" {
	small
	quadrants a.cvt
	train -o v.st a.cvt
	cv-gen -w v.st -n 300 -o a1.cvt
	cv-gen -w v.st -n 300 | cmp - a1.cvt
	cv-gen -w v.st -n 100 --start 200 -o rest.cvt
	cv-gen -w v.st -n 300 --seed 5 -o b.cvt
	cv-view --validate a1.cvt
	py '
a, r, b = (read(k + ".cvt")[1] for k in ("a1", "rest", "b"))
assert a["image"].shape == (300, 8, 8, 1) and a["image"].dtype == np.uint8 and set(a) == {"image", "index"}
assert (a["image"][200:] == r["image"]).all() and (a["index"][200:] == r["index"]).all()
assert (a["image"] != b["image"]).any()'
	cv-gen -w v.st -n 0 --allow-empty | cv-view --validate --allow-empty
}

@test "cv-gen --interpolate goes from one sample to the other; --reconstruct keeps what is known" {
	small
	bold a.cvt
	train --epochs 20 --lr 5e-3 -o v.st a.cvt
	cv-gen -w v.st -n 10 -o s.cvt
	cv-gen -w v.st --interpolate 2..7 --steps 6 -o way.cvt
	cv-gen -w v.st --reconstruct a.cvt -o again.cvt
	cat a.cvt | cv-gen -w v.st --reconstruct - | cmp - again.cvt
	cv-view --validate again.cvt
	py '
s, w, a, r = (read(k + ".cvt")[1] for k in ("s", "way", "a", "again"))
near = lambda x, y: abs(x.astype(int) - y).max() <= 1
assert len(w["image"]) == 6 and near(w["image"][0], s["image"][2]) and near(w["image"][5], s["image"][7])
assert (r["original"] == a["image"]).all() and (r["label"] == a["label"]).all() and (r["index"] == a["index"]).all()
far = lambda x: ((x.astype(float) - a["image"]) ** 2).mean()
assert far(r["image"]) < 0.7 * far(a["image"].mean(0)[None])'
	cv-view --history again.cvt | grep -q 'cv-train.*--method vae'
	cv-view --history again.cvt | grep -qx 'cv-gen --weights v.st --reconstruct - --seed 0'
	# what made the model follows
	[ "$(cv-view --head again.cvt | grep '^prog' | cut -d' ' -f2,3 | tr '\n' ,)" = '0 cv-gen,1 cv-train,' ]
}

@test "vae and cv-gen -w: what they refuse" {
	small
	tiny
	quadrants a.cvt
	quadrants big.cvt side=16
	fails 2 train --arch tiny.arch -o v.st a.cvt
	[[ $message == *"net encoder"* ]]
	fails 3 train -o v.st big.cvt
	fails 2 train --likelihood poisson -o v.st a.cvt
	[[ $message == *"gaussian"* ]]
	fails 2 train --likelihood gaussian --binarize -o v.st a.cvt
	fails 2 train --beta -1 -o v.st a.cvt
	fails 2 train --likelihood gaussian --sigma 0 -o v.st a.cvt
	fails 2 train --kl-warmup 1 -o v.st a.cvt
	fails 2 cv-train --arch tiny.arch --beta 2 -o v.st a.cvt
	train -o v.st a.cvt
	cv-train -q --arch tiny.arch -o c.st a.cvt
	fails 3 cv-gen -w c.st -n 3
	[[ $message == *"c.st"*"classify"* ]]
	fails 3 cv-gen -w a.cvt -n 3
	fails 1 cv-gen -w none.st -n 3
	fails 2 cv-gen shapes -w v.st
	fails 2 cv-gen --class 3 -n 3
	fails 2 cv-gen -w v.st --class 3 -n 3
	[[ $message == *"no classes"* ]]
	for p in 3 3..x ..4 a..b; do fails 2 cv-gen -w v.st --interpolate $p; done
	fails 2 cv-gen -w v.st --interpolate 1..2 --steps 1
	fails 2 cv-gen -w v.st --interpolate 1..2 --bound a.cvt
	fails 2 cv-gen -w v.st --bound a.cvt --samples 0
	fails 2 cv-gen shapes --samples 9
	[[ $message == *"--samples: asks a trained model"* ]]
	for o in --samples=9 --steps=9 --format=idx --split=test; do fails 2 cv-gen -w v.st $o; done
	for o in '-n 3' '--start 3' '--class 1'; do
		for what in '--bound a.cvt' '--reconstruct a.cvt'; do
			fails 2 cv-gen -w v.st $what $o
			[[ $message == *"is of new pictures"* ]]
		done
	done
	fails 2 cv-gen -w v.st --interpolate 0..1 -n 3
	[[ $message == *"--steps N" ]]
	fails 2 cv-gen -w v.st --bound - -i a.cvt
	fails 3 cv-gen -w v.st --bound big.cvt
	[[ $message == *"resize=8,8"* ]]
	fails 3 cv-gen -w v.st -n 0
	fails 2 cv-gen -w v.st -n 3 -o v.st
	head -c 5000 a.cvt >cut.cvt
	fails 3 cv-gen -w v.st --reconstruct cut.cvt -o r.cvt
	py '
b = bytearray(open("v.st", "rb").read())
at = 8 + int.from_bytes(b[:8], "little")
b[at:] = np.full((len(b) - at) // 4, np.nan, "<f4").tobytes()
open("n.st", "wb").write(b)'
	for what in '-n 3' '--reconstruct a.cvt'; do
		fails 3 cv-gen -w n.st $what -o r.cvt
		[[ $message == *"not a number"* ]]
	done
	[ ! -e r.cvt ]
}

@test "vae: goes on from a model of its own, both nets, and asks nobody for classes" {
	small
	quadrants a.cvt
	train -o v.st a.cvt
	cv-train --method vae -q -w v.st --epochs 0 -o again.st
	py '
a, b = (open(f, "rb").read() for f in ("v.st", "again.st"))
assert a[8 + int.from_bytes(a[:8], "little"):] == b[8 + int.from_bytes(b[:8], "little"):]
_, f = read("a.cvt")
write("nameless.cvt", "rows 240\nepochs 1\n", image=f["image"], label=f["label"])'
	train -w v.st -o x.st nameless.cvt
}

@test "vae: a pixel that is no number is no black one with --binarize either" {
	small
	py '
x = np.random.default_rng(0).random((40, 8, 8, 1)).astype("<f4")
x[7, 3, 3] = np.nan
write("nan.cvt", "rows 40\nepochs 1\nindex 40\n", image=x)'
	fails 5 train --binarize -o x.st nan.cvt
	[ ! -e x.st ]
}
