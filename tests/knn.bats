#!/usr/bin/env bats
# cv-knn: the right neighbours, whatever the threads, frames and pipes; what it refuses.
load helper
load py

# A bank of 900 and 700 queries with 24 numbers each, three classes.
random_streams() {
	py '
r = np.random.default_rng(5)
def make(path, n, frame=1000, **more):
    x = r.normal(size=(n, 24)).astype("<f4")
    write(path, classes("ape", "bee", "cow"), frame, embedding=x, label=r.integers(0, 3, n, "<i4"), **more)
make("bank.cvt", 900, index=np.arange(5000, 5900, dtype="<i8"))
make("query.cvt", 700)'
}

@test "neighbours and distances are numpy's, for every metric" {
	random_streams
	for m in cosine l2 dot; do
		cv-knn --bank bank.cvt --metric $m -k 7 --output neighbours query.cvt >$m.cvt
	done
	py '
b, q = read("bank.cvt")[1], read("query.cvt")[1]
x, y = q["embedding"].astype(float), b["embedding"].astype(float)
dot = x @ y.T
nx, ny = (x * x).sum(1)[:, None], (y * y).sum(1)[None]
for name, d in ("cosine", 1 - dot / np.sqrt(nx * ny)), ("l2", np.sqrt(nx + ny - 2 * dot)), ("dot", -dot):
    f = read(name + ".cvt")[1]
    order = np.argsort(d, 1, kind="stable")[:, :7]
    assert (f["neighbours"] == b["index"][order]).all(), name
    assert np.abs(f["distances"] - np.take_along_axis(d, order, 1)).max() < 1e-5, name
    assert "prediction" not in f and "embedding" not in f and "label" in f, f.keys()'
}

@test "the first program's seed travels on" {
	mkdir -p d/a d/b
	for c in a b; do cv-gen shapes -n 1 --seed 3 --size 8x8 | cv-view --scale 1 -o d/$c/x.png; done
	cv-knn --bank d --field image -k 1 --seed 7 d | cv-view --head | grep -qx 'seed 7'
	cv-read --seed 5 d | cv-knn --bank d --field image -k 1 --seed 7 | cv-view --head | grep -qx 'seed 5'
}

@test "rows far from 0 and close to each other find their neighbours, too" {
	py '
r = np.random.default_rng(3)
for path, n in ("bank.cvt", 1100), ("query.cvt", 150):
    write(path, embedding=(1000 + r.normal(size=(n, 16))).astype("<f4"), label=np.zeros(n, "<i4"))'
	cv-knn --bank bank.cvt --metric l2 -k 5 --output neighbours query.cvt >near.cvt
	cv-knn --bank bank.cvt --metric l2 -k 5 --output neighbours query.cvt --threads 2 | cmp - near.cvt
	py '
b, q, f = read("bank.cvt")[1], read("query.cvt")[1], read("near.cvt")[1]
d = ((q["embedding"].astype(float)[:, None] - b["embedding"].astype(float)) ** 2).sum(-1)
assert (f["neighbours"] == np.argsort(d, 1, kind="stable")[:, :5]).all()'
}

@test "votes are numpy's: weighted by similarity, and uniform" {
	random_streams
	cv-knn --bank bank.cvt query.cvt >weighted.cvt
	cv-knn --bank bank.cvt --vote uniform --output prediction,neighbours query.cvt >uniform.cvt
	py '
b, q = read("bank.cvt")[1], read("query.cvt")[1]
x, y = q["embedding"].astype(float), b["embedding"].astype(float)
s = x @ y.T / np.linalg.norm(x, axis=1)[:, None] / np.linalg.norm(y, axis=1)
order = np.argsort(-s, 1, kind="stable")[:, :20]
near = b["label"][order]
for name, w in ("weighted", np.exp(np.take_along_axis(s, order, 1) / .07)), ("uniform", np.ones(order.shape)):
    f = read(name + ".cvt")[1]
    p = np.stack([(w * (near == c)).sum(1) for c in range(3)], 1)
    p /= p.sum(1, keepdims=True)
    assert np.abs(f["probs"] - p).max() < 1e-5, name
    assert f["prediction"].dtype == "<i4" and (f["prediction"] == f["probs"].argmax(1)).all(), name'
}

@test "no frame, thread or pipe shows in the result" {
	random_streams
	cv-knn --bank bank.cvt query.cvt >want.cvt
	py '
for name, n in ("bank", 7), ("query", 13):
    head, f = read(name + ".cvt")
    write(name + "2.cvt", classes("ape", "bee", "cow"), n, **f)'
	for t in 1 2 3; do
		cv-knn --threads $t --bank bank2.cvt query2.cvt >got.cvt
		py 'a, b = read("want.cvt")[1], read("got.cvt")[1]
assert all((a[k] == b[k]).all() for k in a) and a.keys() == b.keys()'
		cv-knn --threads $t --bank bank.cvt query.cvt | cmp - want.cvt
	done
	cat query.cvt | cv-knn --bank bank.cvt -o piped.cvt
	cmp piped.cvt want.cvt
	dd if=query.cvt bs=37 status=none | cv-knn --bank bank.cvt | cmp - want.cvt
}

@test "equal rows: the lower number is nearer; a row is nearest to itself at distance 0" {
	py '
x = np.repeat(np.random.default_rng(1).normal(size=(50, 30)).astype("<f4"), 40, axis=0)
write("twins.cvt", embedding=x)'
	for m in cosine l2; do
		cv-knn --bank twins.cvt --metric $m -k 5 --output neighbours twins.cvt >out.cvt
		py '
f = read("out.cvt")[1]
first = np.arange(2000) // 40 * 40
assert (f["neighbours"] == first[:, None] + np.arange(5)).all()
assert np.abs(f["distances"]).max() <= ('"'$m'"' == "cosine") * 1e-7'
	done
}

@test "pictures are compared as pixels / 255; --field names another field" {
	py '
r = np.random.default_rng(2)
u = r.integers(0, 256, (60, 4, 4, 3), "|u1")
write("u1.cvt", image=u, label=r.integers(0, 4, 60, "<i4"))
write("f4.cvt", spots=f4(u).reshape(60, 48) / 255, label=read("u1.cvt")[1]["label"])'
	cv-knn --bank u1.cvt --metric l2 -k 4 --output neighbours u1.cvt >a.cvt
	cv-knn --bank f4.cvt --field spots --metric l2 -k 4 --output neighbours f4.cvt >b.cvt
	py 'a, b = read("a.cvt")[1], read("b.cvt")[1]
assert (a["neighbours"] == b["neighbours"]).all() and np.abs(a["distances"] - b["distances"]).max() < 1e-6
assert "image" not in a'
	cv-knn --bank u1.cvt -k 4 --keep u1.cvt >kept.cvt
	py 'assert (read("kept.cvt")[1]["image"] == read("u1.cvt")[1]["image"]).all()'
	fails 3 cv-knn --bank u1.cvt --field spot u1.cvt
	[[ $message == *"'spot'"* ]]
	fails 3 cv-knn --bank f4.cvt u1.cvt
	[[ $message == *f4.cvt*cv-embed* ]]
}

@test "classes are matched by name" {
	py '
x = f4([[1, 0], [0, 1]])
write("bank.cvt", classes("ape", "bee"), embedding=x, label=i4(0, 1))
write("other.cvt", classes("bee", "ape"), embedding=x, label=i4(1, 0))
write("alien.cvt", classes("ape", "cow"), embedding=x, label=i4(0, 1))
write("more.cvt", classes("ape", "bee", "cow"), embedding=x, label=i4(0, 1))
write("nameless.cvt", embedding=x, label=i4(0, 1))'
	cv-knn --bank bank.cvt other.cvt | cv-eval | grep -qx 'accuracy 1.0000'
	cv-knn --bank bank.cvt --classes-by-number other.cvt | cv-eval | grep -qx 'accuracy 0.0000'
	fails 3 cv-knn --bank bank.cvt alien.cvt
	[[ $message == *cow*--classes-by-number* || $message == *bee*--classes-by-number* ]]
	# Both ways: a name that only one of them knows is a mistake somewhere, used or not.
	fails 3 cv-knn --bank bank.cvt more.cvt
	[[ $message == *cow*--classes-by-number* ]]
	fails 3 cv-knn --bank more.cvt bank.cvt
	[[ $message == *cow*--classes-by-number* ]]
	cv-knn --bank more.cvt --classes-by-number bank.cvt | cv-eval | grep -qx 'accuracy 1.0000'
	cv-knn --bank bank.cvt nameless.cvt >named.cvt
	py 'assert "class 1 bee" in read("named.cvt")[0]'
}

@test "rows without a class and rows of part 1 do not vote" {
	py '
x = f4([[1, 0], [1, 0], [0, 1], [1, .1]])
write("bank.cvt", embedding=x, label=i4(-1, 1, 0, 0), part=i4(0, 1, 0, 0))
write("soft.cvt", embedding=x, label=f4([[0, 0], [.2, .8], [1, 0], [0, 0]]))
write("none.cvt", embedding=x, label=i4(-1, -1, -1, -1))
write("query.cvt", embedding=x[:1], label=i4(0))'
	cv-knn --bank bank.cvt -k 1 query.cvt >out.cvt
	py 'assert read("out.cvt")[1]["prediction"].tolist() == [0]'
	cv-knn --bank soft.cvt -k 1 query.cvt >out.cvt
	py 'assert read("out.cvt")[1]["prediction"].tolist() == [1]'
	cv-knn --bank bank.cvt -k 1 --output neighbours query.cvt >out.cvt
	py 'assert read("out.cvt")[1]["neighbours"].tolist() == [[0]]'
	fails 3 cv-knn --bank none.cvt query.cvt
	[[ $message == *none.cvt* ]]
}

@test "the number of neighbours: the default fits a small bank, one that was asked for must" {
	py 'write("bank.cvt", embedding=f4([[1, 0], [0, 1], [1, 1]]), label=i4(0, 1, 1))'
	cv-knn --bank bank.cvt --output neighbours bank.cvt >out.cvt
	py 'assert read("out.cvt")[1]["neighbours"].shape == (3, 3)'
	fails 2 cv-knn --bank bank.cvt -k 4 bank.cvt
	[[ $message == *"-k 3"* ]]
	fails 2 cv-knn --bank bank.cvt -k 0 bank.cvt
}

@test "what cannot be compared is refused by name" {
	py '
x = np.zeros((3, 4), "<f4")
write("bank.cvt", embedding=x, label=i4(0, 1, 1))
write("wide.cvt", embedding=np.zeros((3, 5), "<f4"))
write("ints.cvt", embedding=np.zeros((3, 4), "<i4"))
y = x.copy(); y[1, 2] = np.nan
write("nan.cvt", embedding=y, label=i4(0, 1, 1))
write("bare.cvt", embedding=x)
write("twice.cvt", epochs=2, embedding=x, label=i4(0, 1, 1))'
	fails 3 cv-knn --bank bank.cvt wide.cvt
	[[ $message == *wide.cvt*5*4* ]]
	fails 3 cv-knn --bank bank.cvt ints.cvt
	fails 3 cv-knn --bank nan.cvt bank.cvt
	[[ $message == *nan.cvt*"row 1"* ]]
	fails 3 cv-knn --bank bank.cvt -o out.cvt nan.cvt
	[[ $message == *nan.cvt*"row 1"* ]]
	[ ! -e out.cvt ]
	fails 3 cv-knn --bank bare.cvt bank.cvt
	[[ $message == *label*--output\ neighbours* ]]
	fails 3 cv-knn --bank twice.cvt bank.cvt
	[[ $message == *epochs* ]]
	fails 1 cv-knn --bank missing.cvt bank.cvt
	fails 2 cv-knn bank.cvt
	[[ $message == *--bank* ]]
	fails 2 cv-knn --bank bank.cvt --metric l3 bank.cvt
	[[ $message == *l2* ]]
	fails 2 cv-knn --bank bank.cvt --temperature 0 bank.cvt
}

@test "concatenated parts are refused, and cv-read a.cvt b.cvt is named" {
	py 'write("a.cvt", embedding=f4([[1, 0], [0, 1], [1, 1]]), label=i4(0, 1, 1))'
	cat a.cvt a.cvt >two.cvt
	fails 3 cv-knn --bank two.cvt a.cvt
	[[ $message == *"cv-read a.cvt b.cvt"* ]]
	fails 3 cv-knn --bank a.cvt two.cvt
	[[ $message == *"cv-read a.cvt b.cvt"* ]]
}

@test "a bank or a query stream that is cut, failed or too large" {
	random_streams
	head -c 50000 bank.cvt >cut.cvt
	fails 3 cv-knn --bank cut.cvt query.cvt
	head -c 30000 query.cvt >short.cvt
	fails 3 cv-knn --bank bank.cvt -o out.cvt short.cvt
	[ ! -e out.cvt ]
	fails 3 cv-knn --bank bank.cvt "$top/tests/golden/v1/failed.cvt"
	fails 4 cv-knn --bank bank.cvt --max-memory 10k query.cvt
	[[ $message == *--max-memory* ]]
	# the last of a pipeline fails with the first
	cv-knn --bank bank.cvt short.cvt 2>first.txt | cv-eval >out.txt 2>last.txt && false
	[ -s last.txt ]
}

@test "the bank is read before stdin is touched; input and output differ" {
	random_streams
	cp query.cvt same.cvt
	fails 2 cv-knn --bank bank.cvt -o same.cvt same.cvt
	fails 2 cv-knn --bank same.cvt -o same.cvt query.cvt
	cmp query.cvt same.cvt
	mkfifo slow
	(cat query.cvt >slow) &
	cv-knn --bank slow --output neighbours -k 1 <bank.cvt >out.cvt
	wait
	py 'assert len(read("out.cvt")[1]["neighbours"]) == 900'
}

@test "the history holds the line, and the bank's one deeper" {
	py '
x = f4([[1, 0], [0, 1]])
write("bank.cvt", "prog 0 maker 1: maker --seed 4\n", embedding=x, label=i4(0, 1))
write("query.cvt", "prog 0 asker 1: asker\n", embedding=x, label=i4(0, 1))'
	cv-knn --bank bank.cvt --threads 2 -q -k 1 query.cvt >out.cvt
	py '
h = [l for l in read("out.cvt")[0].split("\n") if l.startswith("prog")]
assert h[0] == "prog 0 asker 1: asker" and h[2] == "prog 1 maker 1: maker --seed 4", h
assert h[1].startswith("prog 0 cv-knn ") and h[1].endswith("cv-knn --bank bank.cvt --neighbours 1 --seed 0"), h'
	cv-knn --no-history --bank bank.cvt -k 1 query.cvt >out.cvt
	py 'assert "cv-knn" not in read("out.cvt")[0]'
}

@test "epochs pass through" {
	py '
x = f4([[1, 0], [0, 1], [1, 1]])
write("bank.cvt", embedding=x, label=i4(0, 1, 1))
write("query.cvt", epochs=2, embedding=x, label=i4(0, 1, 1))'
	cv-knn --bank bank.cvt -k 1 query.cvt >out.cvt
	py 'assert read("out.cvt")[1]["prediction"].tolist() == [0, 1, 1, 0, 1, 1]'
	cv-knn --bank bank.cvt -k 1 --output neighbours --keep query.cvt >out.cvt
	py 'assert read("out.cvt")[1]["embedding"].shape == (6, 2)'
}

@test "names of different length pass through, ragged pictures with --keep only" {
	py '
from make_streams import *
def query(path, frames):
    s = Stream("field index <i8\nfield embedding <f4 2\nfield name |u1 L\nfield image |u1 *\n"
        "field image.at <i8 *\nfield image.hwc <i4 3\n")
    for rows, length in frames:
        n = len(rows)
        at = [sum(r + 1 for r in rows[:k]) for k in range(n + 1)]
        s.batch(n, [("index", "<i8", [n], 0, i8(*rows)),
            ("embedding", "<f4", [n, 2], 0, f4(*[v for r in rows for v in (1, r)])),
            ("name", "|u1", [n, length], 0, text(["n%d" % r for r in rows], length)),
            ("image", "|u1", [at[-1]], 1, b"".join(picture(r, r + 1) for r in rows)),
            ("image.at", "<i8", [n + 1], 1, i8(*at)),
            ("image.hwc", "<i4", [n, 3], 0, i4(*[v for r in rows for v in (1, r + 1, 1)]))])
    s.end_epoch()
    open(path, "wb").write(s.done())
query("a.cvt", [([0, 1, 2], 9), ([3, 4], 2)])
query("b.cvt", [([0], 2), ([1], 4), ([2, 3, 4], 3)])'
	for keep in '' --keep; do
		for q in a b; do
			cv-knn --bank a.cvt --output neighbours -k 2 $keep --no-history $q.cvt >$q$keep.out
		done
		cmp a$keep.out b$keep.out
	done
	py '
assert set(read("a.out")[1]) == {"index", "name", "neighbours", "distances"}
f = read("a--keep.out")[1]
assert len(f["image"]) == 15 and bytes(f["name"].tobytes()) == b"n0n1n2n3n4"'
}

@test "an empty stream is an error unless it is allowed" {
	py '
write("bank.cvt", embedding=f4([[1, 0]]), label=i4(0))
write("empty.cvt", embedding=np.zeros((0, 2), "<f4"), label=np.zeros(0, "<i4"))'
	fails 3 cv-knn --bank bank.cvt empty.cvt
	cv-knn --allow-empty --bank bank.cvt empty.cvt >out.cvt
	py 'assert "field prediction" in read("out.cvt")[0]'
	fails 3 cv-knn --bank empty.cvt bank.cvt
}

@test "Fashion-MNIST, pixels, l2, k 5: the classes of the first 1,000 test images are numpy's" {
	need_data fashion-mnist
	cv-read "$DATA/fashion-mnist" --split train -o train.cvt
	cv-read "$DATA/fashion-mnist" --split test --take 1000 |
		cv-knn --bank train.cvt --metric l2 -k 5 --threads 0 | cv-eval >out.txt
	grep -qx 'accuracy 0.8600' out.txt
}

@test "queries of another size are named by their field" {
	cv-gen shapes -n 9 --size 8x8 -o s.cvt
	fails 3 sh -c 'cv-gen shapes -n 3 --size 8x8 --clip 2 | cv-knn --bank s.cvt -o out.cvt'
	[[ $message == *"'image' has 384 numbers a row, the bank's has 192"* ]]
}

@test "--verify and --episodes refuse what is of a vote that they do not take" {
	cv-gen shapes -n 60 --size 8x8 -o s.cvt
	cv-knn --verify 20 s.cvt
	for o in '-k 3' '--vote uniform' '--temperature 1' --classes-by-number; do
		fails 2 cv-knn --verify 20 $o s.cvt
		[[ $message == *"is of a vote among neighbours; --verify compares two rows" ]]
	done
	fails 2 cv-knn --episodes 2x1+2 --count 3 --vote uniform s.cvt
	cv-knn --episodes 2x1+2 --count 3 --vote uniform -k 1 s.cvt
}

@test "a copy of the bank counts for --max-memory" {
	py '
r = np.random.default_rng(3)
x = r.normal(size=(20000, 64)).astype("<f4")
for name, rows in ("far", 1000 + x), ("short", x * f4(1e-20)):
    write(name + ".cvt", embedding=rows)
    write(name + "-query.cvt", embedding=rows[:40])'
	for name in far short; do
		fails 4 cv-knn --bank $name.cvt --metric l2 --max-memory 6M --output neighbours $name-query.cvt
		[[ $message == *$name.cvt*--max-memory* ]]
		cv-knn --bank $name.cvt --metric l2 --max-memory 12M --output neighbours -k 1 $name-query.cvt >out.cvt
		py 'f = read("out.cvt")[1]
assert (f["neighbours"][:, 0] == np.arange(40)).all() and (f["distances"] == 0).all()'
	done
	cv-knn --bank far.cvt --max-memory 6M --output neighbours far-query.cvt >/dev/null
	fails 4 cv-knn --bank short.cvt --max-memory 6M --output neighbours short-query.cvt
}

@test "memory for queries grows as they come" {
	[[ ${TESTS:-} != *san ]] || skip "sanitizers take all addresses"
	py 'write("wide.cvt", embedding=np.random.default_rng(4).normal(size=(128, 6000)).astype("<f4"))'
	(ulimit -v 81920; cv-knn --bank wide.cvt --output neighbours -k 1 wide.cvt) >out.cvt
	py 'assert (read("out.cvt")[1]["neighbours"][:, 0] == np.arange(128)).all()'
}
