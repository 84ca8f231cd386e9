#!/usr/bin/env bats
# cv-train --method gan: two phases in turn, the model file holds the generator; samples show their
# class, the same bytes come whatever the threads, a cut training goes on to the same bytes. And
# cv-eval --fid, held to numpy.
load helper
load train

small() {
	cat >gan.arch <<-'END'
		input image 8 8 1
		input noise 8
		net generator noise label
		[ id , @label | class: embed classes 8 | times 20 | flatten ]
		fc: linear 64 | bn1: bn | relu | out: linear 64 | reshape 8 8 1 | sigmoid
		net discriminator image label
		flatten | fc: linear 32 | leaky 0.2
		[ id , mul { id , @label | class: embed classes 32 | times 20 | flatten } ]
		out: linear 1
	END
}

train() {
	cv-train -q --method gan --arch gan.arch -b 32 "$@"
}

names() {
	py "
import json
b = open('$1', 'rb').read()
print(' '.join(sorted({k.split('.')[0] for k in json.loads(b[8:8 + int.from_bytes(b[:8], 'little')])})))"
}

@test "gan: after a few seconds samples show the class that is asked for" {
	small
	quadrants a.cvt n=400 val=0
	train --epochs 60 --lr 2e-3 --model-ema 0.99 -o g.st a.cvt
	cv-gen -w g.st -n 200 -o s.cvt
	cv-gen -w g.st -n 20 --class sw -o sw.cvt
	cv-gen -w g.st -n 20 --class 2 | cmp - <(cv-gen -w g.st -n 20 --class 2)
	cv-view --validate s.cvt
	py '
head, s = read("s.cvt")
assert "class 2 sw\n" in head
x = s["image"][..., 0].astype(float)
bright = np.stack([x[:, k // 2 * 4:k // 2 * 4 + 4, k % 2 * 4:k % 2 * 4 + 4].mean((1, 2)) for k in range(4)], 1)
right = (bright.argmax(1) == s["label"]).mean()
assert right > 0.8, right
one = x[s["label"] == 1]
assert one.std(0).mean() > 1, one.std(0).mean()
assert set(s["label"]) == {0, 1, 2, 3} and (read("sw.cvt")[1]["label"] == 2).all()'
}

@test "gan: the file holds the generator, with --keep-all the discriminator, too; both make the same" {
	small
	quadrants a.cvt
	train -o g.st a.cvt
	train --keep-all -o all.st a.cvt
	[ "$(names g.st)" = "__metadata__ generator" ]
	[ "$(names all.st)" = "__metadata__ discriminator generator" ]
	cv-gen -w g.st -n 5 --no-history -o g.cvt
	cv-gen -w all.st -n 5 --no-history -o all.cvt
	py 'assert (read("g.cvt")[1]["image"] == read("all.cvt")[1]["image"]).all()'
}

@test "gan: the same bytes for 1, 2 and 3 threads" {
	small
	quadrants a.cvt epochs=2
	for t in 1 2 3; do train --keep-all --model-ema 0.9 --label-smoothing 0.1 --threads $t -o $t.st a.cvt; done
	cmp 1.st 2.st
	cmp 1.st 3.st
}

@test "gan: two phases with averaged weights go on to the same bytes after a cut" {
	small
	quadrants all.cvt epochs=3 frame=40
	train --keep-all --model-ema 0.99 -o whole.st all.cvt
	code=0
	head -c 40000 all.cvt | train --keep-all --model-ema 0.99 -o part.st 2>said || code=$?
	[ $code -eq 3 ]
	[ -e part.st.ckpt ]
	train --keep-all --model-ema 0.99 --resume auto -o part.st all.cvt
	cmp whole.st part.st
}

@test "gan: both nets learn; a frozen one stays as it is" {
	small
	quadrants a.cvt
	train --keep-all --epochs 0 -o 0.st a.cvt
	train --keep-all --no-history -o 1.st a.cvt
	train --keep-all --no-history --freeze discriminator -o f.st a.cvt
	py '
import json
def load(p):
    b = open(p, "rb").read()
    n = int.from_bytes(b[:8], "little")
    return {k: b[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]] for k, v in json.loads(b[8:8 + n]).items() if k != "__metadata__"}
a, b, f = load("0.st"), load("1.st"), load("f.st")
assert all(a[k] != b[k] for k in a)
assert all((a[k] == f[k]) == k.startswith("discriminator") for k in a)'
}

@test "gan: without classes, and what it refuses" {
	small
	tiny
	sed 's/ label$//; s/^\[ id , @.*//; s/^\[ id , mul.*//' gan.arch >plain.arch
	quadrants a.cvt
	quadrants big.cvt side=16
	cv-train -q --method gan --arch plain.arch -b 32 -o p.st a.cvt
	cv-gen -w p.st -n 3 -o p.cvt
	py 'assert set(read("p.cvt")[1]) == {"image", "index"}'
	fails 2 cv-gen -w p.st --class 1
	fails 2 cv-gen -w p.st --bound a.cvt
	[[ $message == *"no way back"* ]]
	fails 2 cv-gen -w p.st --reconstruct a.cvt
	fails 2 cv-train --method gan --arch tiny.arch -o g.st a.cvt
	[[ $message == *"net generator"* ]]
	fails 3 train -o g.st big.cvt
	cv-read a.cvt --drop label -o bare.cvt
	fails 3 train --num-classes 4 -o g.st bare.cvt
	[[ $message == *"label"* ]]
	train -o g.st a.cvt
	fails 2 cv-gen -w g.st --class 4
	fails 2 cv-gen -w g.st --class north
}

@test "cv-eval --fid is what numpy says, in any frames; nothing is far from itself" {
	py '
r = np.random.default_rng(3)
a = r.normal(size=(300, 12)) @ r.normal(size=(12, 12)) + 100
b = r.normal(size=(200, 12)) @ r.normal(size=(12, 12)) + 99
write("a.cvt", embedding=f4(a))
write("b.cvt", classes("x", "y"), frame=17, embedding=f4(b), label=i4(*[0] * 200))
a, b = f4(a).astype(float), f4(b).astype(float)
s, t = np.cov(a.T), np.cov(b.T)
root = np.sqrt(np.linalg.eigvals(s @ t).astype(complex)).real.sum()
open("want", "w").write("%.17g" % (((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * root))'
	cv-eval --fid a.cvt b.cvt --as json -o j.json
	py '
import json
j, want = json.load(open("j.json")), float(open("want").read())
assert abs(j["fid"] - want) < 1e-6 * want, (j, want)
assert j["rows"] == 200 and j["reference"] == 300'
	cv-eval --fid b.cvt <a.cvt | grep -q '^rows 300$'
	[ "$(cv-eval --fid a.cvt a.cvt | sed -n 's/^fid //p')" = 0.0000 ]
}

@test "cv-eval --fid refuses what is no pair of features" {
	py '
write("a.cvt", embedding=f4(np.ones((9, 4))))
write("b.cvt", embedding=f4(np.ones((9, 5))))
write("one.cvt", embedding=f4(np.ones((1, 4))))
write("nan.cvt", embedding=f4(np.full((9, 4), np.nan)))
write("twice.cvt", epochs=2, embedding=f4(np.ones((9, 4))))
write("other.cvt", label=i4(1, 2))'
	fails 3 cv-eval --fid a.cvt b.cvt
	fails 3 cv-eval --fid a.cvt one.cvt
	fails 3 cv-eval --fid nan.cvt a.cvt
	[[ $message == *"nan.cvt"* ]]
	fails 3 cv-eval --fid a.cvt twice.cvt
	fails 3 cv-eval --fid a.cvt other.cvt
	[[ $message == *"cv-embed"* ]]
	fails 3 cv-eval --fid a.cvt --field logits a.cvt
	fails 1 cv-eval --fid none.cvt a.cvt
}

@test "gan: a model with everything in it is loaded with everything in it" {
	small
	quadrants a.cvt
	train --keep-all -o all.st a.cvt
	train --keep-all -w all.st --epochs 0 -o again.st
	py '
a, b = (open(f, "rb").read() for f in ("all.st", "again.st"))
assert a[8 + int.from_bytes(a[:8], "little"):] == b[8 + int.from_bytes(b[:8], "little"):]'
	fails 2 cv-gen -w all.st --size 64
	[[ $message == *"'shapes'"* ]]
}
