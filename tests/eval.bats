#!/usr/bin/env bats
# cv-eval: figures worked out by hand, in every form; what it refuses.
load helper
load py

# Six rows with predictions, three of them right.
six() {
	py 'write("six.cvt", classes("ape", "bee", "cow"), label=i4(0, 1, 2, 2, 1, 0), prediction=i4(0, 1, 2, 1, -1, 2))'
}

@test "accuracy first, then rows" {
	six
	[ "$(cv-eval six.cvt)" = "$(printf 'accuracy 0.5000\nrows 6')" ]
	cv-eval <six.cvt | head -n 1 | grep -qx 'accuracy 0.5000'
}

@test "rows without a class are left out and counted" {
	py 'write("a.cvt", label=i4(0, -1, 1, -1), prediction=i4(0, 0, 0, 1))'
	[ "$(cv-eval a.cvt)" = "$(printf 'accuracy 0.5000\nrows 2\nunlabelled 2')" ]
}

@test "logits: the greatest, the lower of two; the five best" {
	py '
x = np.zeros((4, 8), "<f4"); x[1, 3] = 1; x[2, 5:] = 2; x[3] = np.arange(8)
write("a.cvt", label=i4(0, 3, 6, 2), logits=x)'
	[ "$(cv-eval a.cvt)" = "$(printf 'accuracy 0.5000\ntop5 0.7500\nrows 4')" ]
}

@test "probabilities and soft labels" {
	py '
write("a.cvt", label=f4([[.3, .7], [0, 0], [1, 0]]), probs=f4([[.4, .6], [.5, .5], [.1, .9]]))'
	[ "$(cv-eval a.cvt)" = "$(printf 'accuracy 0.5000\nrows 2\nunlabelled 1')" ]
	cv-eval --report nll,ece a.cvt >out.txt
	grep -qx 'nll 1.4067' out.txt # (-ln .6 - ln .1) / 2
	grep -qx 'ece 0.6500' out.txt # (|1 - .6| + |0 - .9|) / 2
}

@test "a prediction goes before scores; --truth and --predicted name others" {
	py '
write("a.cvt", label=i4(0, 1), prediction=i4(0, 1), logits=f4([[0, 1], [1, 0]]), rotation=i4(1, 0), turned=f4([[0, 1], [1, 0]]))'
	cv-eval a.cvt | grep -qx 'accuracy 1.0000'
	cv-eval --predicted logits a.cvt | grep -qx 'accuracy 0.0000'
	cv-eval --truth rotation --predicted turned a.cvt | grep -qx 'accuracy 1.0000'
	fails 3 cv-eval --truth rotated a.cvt
	[[ $message == *"'rotated'"* ]]
}

@test "per class and confusion, with names" {
	six
	cv-eval --per-class --confusion six.cvt >out.txt
	grep -Eqx 'bee +2 +0.5000 +0.5000 +0.5000' out.txt
	grep -Eqx ' +0 ape +1 +0 +1 +0' out.txt
	grep -Eqx ' +1 bee +0 +1 +0 +1' out.txt
	grep -qx 'balanced-accuracy 0.5000' out.txt
}

@test "names cannot hurt a terminal or JSON" {
	printf 'class 0 a"b\\c\nclass 1 x\033[31m\n' >names.txt
	py 'write("a.cvt", open("names.txt").read(), label=i4(0, 1), prediction=i4(0, 1))'
	cv-eval --per-class --confusion a.cvt >out.txt
	refute grep -q "$(printf '\033')" out.txt
	cv-eval --per-class --confusion --as json a.cvt >out.json
	py 'import json; d = json.load(open("out.json")); assert d["confusion"]["classes"][0] == "a\"b\\c", d'
}

@test "JSON and TSV" {
	six
	cv-eval --as json --per-class --confusion six.cvt >out.json
	py '
import json
d = json.load(open("out.json"))
assert d["accuracy"] == .5 and d["rows"] == 6 and d["unlabelled"] == 0, d
assert d["per_class"][1] == {"class": "bee", "rows": 2, "precision": .5, "recall": .5, "f1": .5}, d
assert d["confusion"] == {"classes": ["ape", "bee", "cow"],
    "counts": [[1, 0, 1, 0], [0, 1, 0, 1], [0, 1, 1, 0]]}, d'
	cv-eval --as tsv --per-class six.cvt >out.tsv
	grep -qxP 'accuracy\t0.50000000' out.tsv
	grep -qxP 'bee\t2\t0.50000000\t0.50000000\t0.50000000' out.tsv
	fails 2 cv-eval --as xml six.cvt
}

@test "-o and --metrics write files" {
	six
	cv-eval -o out.txt --metrics m.jsonl six.cvt
	grep -qx 'accuracy 0.5000' out.txt
	py 'import json; assert json.loads(open("m.jsonl").read())["accuracy"] == .5'
	cv-eval --metrics m.tsv six.cvt >out2.txt
	[ "$(head -n 1 m.tsv)" = "$(printf 'accuracy\trows')" ]
	cmp out.txt out2.txt
	cp six.cvt same.cvt
	fails 2 cv-eval -o same.cvt same.cvt
	cmp six.cvt same.cvt
}

@test "a full disk is an error" {
	six
	[ -c /dev/full ] || skip "no /dev/full here"
	fails 1 sh -c 'cv-eval six.cvt >/dev/full'
	fails 1 cv-eval -o /dev/full six.cvt
}

@test "--part" {
	py 'write("a.cvt", label=i4(0, 1, 1, 1), prediction=i4(0, 0, 1, 1), part=i4(0, 0, 1, 1))'
	cv-eval a.cvt | grep -qx 'accuracy 0.7500'
	[ "$(cv-eval --part 1 a.cvt)" = "$(printf 'accuracy 1.0000\nrows 2')" ]
	six
	fails 3 cv-eval --part 1 six.cvt
}

@test "masks: mean intersection over union" {
	py '
t = np.array([[[0, 0], [1, 1]], [[255, 2], [2, 0]]], "|u1")
p = np.array([[[0, 1], [1, 1]], [[1, 255], [2, 0]]], "|u1")
write("a.cvt", mask=t, prediction=p)
write("b.cvt", mask=t, prediction=p.astype("<i4"))
write("c.cvt", mask=t, prediction=p[:, :1])
t[1] = 255
write("d.cvt", mask=t, prediction=p)
t[:] = 255
write("e.cvt", mask=t, prediction=p)'
	cv-eval a.cvt >out.txt
	grep -qx 'miou 0.6111' out.txt
	grep -qx 'pixel-accuracy 0.7143' out.txt
	cv-eval b.cvt | cmp - out.txt
	cv-eval --per-class a.cvt | grep -Eqx '2 +2 +0.5000'
	fails 3 cv-eval c.cvt
	fails 3 cv-eval --report accuracy a.cvt
	cv-eval d.cvt | tail -n 2 | tr '\n' ' ' | grep -qx 'rows 1 unlabelled 1 '
	fails 3 cv-eval e.cvt
	[[ $message == *"no rows with a known 'mask'"* ]]
}

@test "nothing to compare is an error that says how to mend it" {
	py '
write("bare.cvt", label=i4(0, 1))
write("none.cvt", label=i4(-1, -1), prediction=i4(0, 1))
write("blind.cvt", prediction=i4(0, 1))'
	fails 3 cv-eval bare.cvt
	[[ $message == *"cv-embed --output logits"*cv-knn* ]]
	fails 3 cv-eval none.cvt
	[[ $message == *"no rows"* ]]
	cv-eval --allow-empty none.cvt | grep -qx 'rows 0'
	fails 3 cv-eval blind.cvt
	[[ $message == *"'label'"* ]]
}

@test "figures that cannot be, classes that do not fit, several epochs" {
	py '
write("nan.cvt", label=i4(0, 1), logits=f4([[0, 1], [0, np.nan]]))
write("wide.cvt", label=i4(0, 7), logits=f4([[0, 1], [0, 1]]))
write("huge.cvt", label=i4(0, 2**31 - 1), prediction=i4(0, 1))
write("twice.cvt", epochs=2, label=i4(0, 1), prediction=i4(0, 1))'
	fails 3 cv-eval nan.cvt
	[[ $message == *"row 1"* ]]
	fails 3 cv-eval wide.cvt
	[[ $message == *"class 7"*"2 classes"* ]]
	fails 3 cv-eval --confusion huge.cvt
	fails 3 cv-eval twice.cvt
	[[ $message == *"--epochs 1"* ]]
}

@test "concatenated parts are one epoch; a cut stream is refused, and nothing printed" {
	six
	cat six.cvt six.cvt | cv-eval | grep -qx 'rows 12'
	head -c 700 six.cvt >cut.cvt
	fails 3 cv-eval cut.cvt
	[ ! -s stdout.out ]
	fails 3 cv-eval "$top/tests/golden/v1/failed.cvt"
}

@test "unknown measures name the nearest; --list names all" {
	six
	fails 2 cv-eval --report acuracy six.cvt
	[[ $message == *"'accuracy'"* ]]
	fails 3 cv-eval --report nll six.cvt
	[[ $message == *logits* ]]
	for m in $(cv-eval --list | cut -f 1); do grep -q "\"$m\"" "$top"/libcore/metric/*.c; done
	[ "$(cv-eval --list | wc -l)" -eq "$(grep -c '^METRIC(' "$top/libcore/metric/metric.def")" ]
}

@test "what needs no OpenBLAS does not load it: measures, neighbours, most of training" {
	six
	LD_DEBUG=files cv-eval six.cvt >out.txt 2>debug.txt || skip "no LD_DEBUG here"
	[ -s debug.txt ] || skip "no LD_DEBUG here"
	refute grep -q openblas debug.txt
	cv-gen shapes -n 40 --size 8x8 -o s.cvt
	LD_DEBUG=files cv-knn --bank s.cvt s.cvt >out.cvt 2>debug.txt
	[ -s debug.txt ]
	refute grep -q openblas debug.txt
	cv-gen shapes -n 40 --size 28x28 -o p.cvt
	LD_DEBUG=files cv-train -q --arch lenet5 --steps 1 -o w.st p.cvt 2>debug.txt
	refute grep -q openblas debug.txt
	LD_DEBUG=files cv-train -q --arch lenet5 --opt muon --steps 1 -o m.st p.cvt 2>debug.txt
	grep -q openblas debug.txt
}

@test "logits and probs are held to another truth of as many classes, too" {
	py '
x = np.zeros((4, 3), "<f4"); x[[0, 1, 2, 3], [0, 1, 2, 2]] = 1
turns = "".join("class.rotation %d %d\n" % (k, 90 * k) for k in range(3))
write("a.cvt", turns, label=i4(0, 0, 0, 0), rotation=i4(0, 1, 2, 0), logits=x)
write("p.cvt", turns, rotation=i4(0, 1, 2, 0), probs=x)
write("more.cvt", turns + "class.rotation 3 270\n", label=i4(0, 0, 0, 0), rotation=i4(0, 1, 2, 0), logits=x)
write("own.cvt", turns, label=i4(0, 0, 0, 0), rotation=i4(0, 1, 2, 0), logits=x, prediction=i4(0, 1, 2, 0))
write("bare.cvt", label=i4(0, 0), rotation=i4(0, 3), logits=x[:2])
write("soft.cvt", target=f4([[0, 1], [1, 0]]), logits=x[:2])
write("mask.cvt", turns, mask=np.zeros((4, 2, 2), "|u1"), rotation=i4(0, 1, 2, 0), logits=x)'
	[ "$(cv-eval --truth rotation a.cvt)" = "$(printf 'accuracy 0.7500\nrows 4')" ]
	cv-eval --truth rotation --report nll p.cvt | grep -qx 'nll 6.9078' # 12 ln 10 / 4
	cv-eval --truth rotation own.cvt | grep -qx 'accuracy 1.0000'
	fails 3 cv-eval --truth rotation more.cvt
	[[ $message == *"'rotation' has 4 classes, 'logits' has 3; name what predicts it with --predicted" ]]
	fails 3 cv-eval --truth target soft.cvt
	fails 3 cv-eval --truth rotation bare.cvt
	[[ $message == *"row 1: 'rotation' is class 3, but 'logits' has 3 classes" ]]
	fails 3 cv-eval --truth mask mask.cvt
	fails 3 cv-eval --truth mask --predicted logits mask.cvt
}

@test "a predicted class that does not exist is refused, not counted as wrong" {
	py '
abc = classes("a", "b", "c")
write("a.cvt", abc, label=i4(0, 1, -1, 2), prediction=i4(0, 1, 77, 2))
write("b.cvt", abc, label=i4(0, 1, -1, 2), prediction=i4(0, -1, 1, 77))
write("soft.cvt", label=f4([[1, 0], [0, 1]]), prediction=i4(0, 2))
write("wide.cvt", abc, label=i4(0, 1), prediction=i4(0, 3), probs=f4([[1, 0, 0, 0], [0, 0, 0, 1]]))
write("free.cvt", label=i4(0, 1), prediction=i4(0, 77))'
	cv-eval a.cvt | grep -qx 'accuracy 1.0000'
	fails 3 cv-eval b.cvt
	[[ $message == "cv-eval: b.cvt: row 3: 'prediction' is class 77, but 'label' has 3 classes" ]]
	fails 3 cv-eval soft.cvt
	cv-eval wide.cvt | grep -qx 'accuracy 0.5000' # a bank may have more classes
	cv-eval free.cvt | grep -qx 'accuracy 0.5000'
}

@test "calibration of what are no probabilities is refused, naming the row" {
	py '
write("a.cvt", label=i4(0, 1, -1), probs=f4([[.504, .504], [0, 3], [9, 9]]))
write("ok.cvt", label=i4(0, 1, -1), probs=f4([[.504, .504], [.5, .5], [9, 9]]))'
	cv-eval a.cvt | grep -qx 'accuracy 1.0000'
	for m in nll ece accuracy,ece; do
		fails 3 cv-eval --report $m a.cvt
		[[ $message == "cv-eval: a.cvt: row 1: 'probs' sums to 3 instead of 1; are they logits?"* ]]
		cv-eval --report $m ok.cvt
	done
	cv-read --rename probs=logits a.cvt | cv-eval --report nll,ece
}

@test "--fid: --part chooses rows of the input; what it cannot honour is refused" {
	py '
r = np.random.default_rng(3)
a, b = f4(r.normal(size=(60, 5))), f4(r.normal(size=(90, 5)))
part = (np.arange(90) % 3 == 0).astype("<i4")
write("a.cvt", embedding=a)
for n in (7, 90): write("b%d.cvt" % n, frame=n, embedding=b, part=part)
write("b0.cvt", embedding=b[part == 0])
write("b1.cvt", embedding=b[part == 1], part=np.ones(30, "<i4"))'
	for p in 0 1; do
		cv-eval --as json --fid a.cvt b$p.cvt >want
		for n in 7 90; do cv-eval --as json --part $p --fid a.cvt b$n.cvt | cmp - want; done
	done
	cv-eval --part 1 --fid b90.cvt b90.cvt >out # the reference is taken whole
	grep -qx 'rows 30' out
	grep -qx 'reference 90' out
	fails 3 cv-eval --part 1 --fid b90.cvt a.cvt
	[[ $message == *"a.cvt: no 'part'; cv-read --val-fraction makes it" ]]
	py 'write("one.cvt", embedding=f4([[1, 2, 3, 4, 5]])); write("few.cvt", embedding=f4(np.ones((9, 4))))'
	fails 3 cv-eval --fid a.cvt one.cvt
	[[ $message == "cv-eval: one.cvt against a.cvt: at least two rows"* ]]
	fails 3 cv-eval --fid few.cvt b7.cvt
	[[ $message == "cv-eval: b7.cvt against few.cvt: rows of 4 features and of 5"* ]]
	py 'write("bytes.cvt", embedding=f4(np.ones((9, 4))), part=np.ones(9, "|u1"), label=i4(*[0] * 9), prediction=i4(*[0] * 9))'
	for o in '--fid a.cvt' ''; do
		fails 3 cv-eval --part 1 $o bytes.cvt
		[[ $message == *"'part' is not one <i4 a row" ]]
	done
	for o in --per-class --confusion '--report nll' '--truth label' '--predicted logits'; do
		fails 2 cv-eval $o --fid a.cvt b1.cvt
		[[ $message == *": ${o%% *}: compares each row with its truth; --fid compares two sets" ]]
	done
	fails 2 cv-eval --field embedding a.cvt
	[[ $message == *"--field: names the features of --fid FILE; add it" ]]
}

@test "what makes no probabilities is refused, naming the row, and only by what wants them" {
	py '
nan, inf = np.nan, np.inf
write("neg.cvt", label=i4(0, 1), probs=f4([[.5, .5], [-.5, 1.5]]))
write("inf.cvt", label=i4(0, 1), logits=f4([[0, 1], [0, inf]]))
write("low.cvt", label=i4(0, 0), logits=f4([[0, 1], [-inf, -inf]]))
write("ok.cvt", label=i4(0, 1), logits=f4([[0, 1], [-inf, 0]]))
write("soft.cvt", label=f4([[.5, .5], [nan, 1]]), logits=f4([[0, 1], [0, 1]]))'
	for f in neg inf low; do
		for m in nll ece; do
			fails 3 cv-eval --report $m $f.cvt
			[[ $message == "cv-eval: $f.cvt: row 1: '"* ]]
		done
		cv-eval $f.cvt | grep -q '^accuracy'
	done
	cv-eval --report nll,ece ok.cvt | grep -qx 'nll 0.6566' # ln(1 + e) / 2
	fails 3 cv-eval soft.cvt
	[[ $message == "cv-eval: soft.cvt: row 1: 'label' is not a number" ]]
}

@test "maps without a truth anywhere are left out and counted" {
	py '
t, p = np.zeros((3, 2, 2), "<f4"), np.ones((3, 2, 2), "<f4")
write("none.cvt", depth=t, prediction=p)
t[1, 0, 1], p[0], p[2] = 2, np.nan, 9
write("one.cvt", depth=t, prediction=p)'
	[ "$(cv-eval one.cvt)" = "$(printf 'rmse 1.0000\nabs-rel 0.5000\ndelta1 0.0000\nrows 1\nunlabelled 2')" ]
	fails 3 cv-eval none.cvt
	[[ $message == *"no rows with a known 'depth' to compare (3 without)" ]]
}
