#!/usr/bin/env bats
# cv-read: every kind of data gives its rows; chosen, ordered and mixed as asked; damage is refused.
load helper
load py

# images FILE N H W and labels FILE VALUE...: IDX files made by the shell; pixel k of row i is i + k.
images() {
	local i k s
	s=$(printf '\\0\\0\\010\\03\\0\\0\\0\\0%o\\0\\0\\0\\0%o\\0\\0\\0\\0%o' "$2" "$3" "$4")
	for ((i = 0; i < $2; i++)); do
		for ((k = 0; k < $3 * $4; k++)); do s+=$(printf '\\0%o' $(((i + k) % 256))); done
	done
	printf %b "$s" >"$1"
}
labels() {
	local file=$1
	shift
	printf %b "\\0\\0\\010\\01\\0\\0\\0$(printf '\\0%o' $# "$@")" >"$file"
}
# A folder of class folders: 3 cats, 2 dogs, grey 3 x 2, told apart by their first pixel.
pets() {
	local n=0 f
	for f in cat/1 cat/2 cat/3 dog/1 dog/2; do
		mkdir -p "$1/${f%/*}"
		printf 'P2 2 3 255 %d 1 2 3 4 5\n' $((n += 10)) >"$1/$f.pgm"
	done
}
tsv() { # tsv COLUMNS... of a stream on stdin, without the line of names
	cv-view --tsv | awk -v want="$*" -F '\t' 'NR == 1 {n = split(want, w, " ");
		for (i = 1; i <= NF; i++) at[$i] = i; next}
		{for (i = 1; i <= n; i++) printf "%s%s", $at[w[i]], i < n ? " " : "\n"}'
}
joined() { tr '\n' ' ' | sed 's/ $//'; }

@test "idx: image and label file, alone, in a folder, compressed, on a pipe" {
	mkdir d
	images d/train-images-idx3-ubyte 5 4 3
	labels d/train-labels-idx1-ubyte 0 2 1 2 0
	[ "$(cv-read d/train-images-idx3-ubyte d/train-labels-idx1-ubyte | tsv label index | joined)" = \
		"0 0 2 1 1 2 2 3 0 4" ]
	cv-read d -o plain.cvt
	gzip d/*
	cv-read d -o gz.cvt
	cv-view --diff plain.cvt gz.cvt
	tar cf d.tar d
	cv-read <d.tar >tar.cvt
	cv-view --diff plain.cvt tar.cvt
	cv-read <d/train-images-idx3-ubyte.gz | cv-view --head | grep -qx 'field image |u1 4 3 1'
	fails 2 cv-read d --split test
	[[ $message == *"no split 'test'"* ]]
}

@test "idx: what does not fit its header, or its labels, is refused" {
	images i 3 2 2
	labels l 1 2
	fails 3 cv-read i l
	[[ $message == *"2 labels for the 3 rows"* ]]
	head -c 20 i >cut
	fails 3 cv-read cut
	[[ $message == *"cut: has 20 bytes"*"promises 28"* ]]
	printf '\0\0\10\3\377\377\377\377\377\377\377\377\377\377\377\377' >huge
	fails 3 cv-read huge
	printf '\0\0\10\3\177\377\377\377\0\0\377\377\0\0\377\377x' | fails 3 cv-read
}

@test "idx and cifar: the real sets are what numpy reads" {
	need_data fashion-mnist
	need_data mnist-m
	cv-read "$DATA/fashion-mnist" --split test -o f.cvt
	cv-read "$DATA/mnist-m" --take 100 -o m.cvt
	export DATA
	py '
import gzip
def idx(p):
    b = gzip.open(os.environ["DATA"] + "/" + p).read()
    n = b[3]
    return np.frombuffer(b, "u1", offset=4 + 4 * n).reshape(np.frombuffer(b, ">u4", n, 4))
f, m = read("f.cvt")[1], read("m.cvt")[1]
assert (f["image"][..., 0] == idx("fashion-mnist/t10k-images-idx3-ubyte.gz")).all()
assert (f["label"] == idx("fashion-mnist/t10k-labels-idx1-ubyte.gz")).all()
assert (m["image"] == idx("mnist-m/train-images-idx4-ubyte.gz")[:100]).all()'
}

@test "cifar: planes become pixels, batches are splits, names come from the text beside them" {
	py '
r = np.random.default_rng(1)
os.makedirs("c")
for name, n in ("data_batch_1", 3), ("data_batch_2", 2), ("test_batch", 4):
    a = r.integers(0, 256, (n, 3073), "u1")
    a[:, 0] %= 10
    a.tofile("c/%s.bin" % name)
open("c/batches.meta.txt", "w").write("\n".join("class%d" % k for k in range(10)) + "\n")
a = r.integers(0, 256, (4, 3074), "u1")
a[:, 0], a[:, 1] = [1, 19, 3, 4], [99, 5, 50, 0]
a.tofile("hundred")'
	fails 2 cv-read c
	[[ $message == *"cv-read --split train" ]]
	cv-read c --split train >train.cvt
	tar czf c.tgz c
	cv-read c.tgz --split train | cv-view --diff train.cvt -
	cv-read <hundred >hundred.cvt
	py '
a = np.concatenate([np.fromfile("c/data_batch_%d.bin" % k, "u1").reshape(-1, 3073) for k in (1, 2)])
h, f = read("train.cvt")
assert (f["label"] == a[:, 0]).all() and "class 7 class7" in h
assert (f["image"] == a[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)).all()
f = read("hundred.cvt")[1]
assert list(f["label"]) == [99, 5, 50, 0] and list(f["coarse"]) == [1, 19, 3, 4]'
}

@test "folders: a folder a class, sorted; splits; the same in tar, zip-less pipes and with a wrapper" {
	pets d
	[ "$(cv-read d | tsv label label.class name | head -4 | tail -2 | joined)" = \
		"0 cat cat/3.pgm 1 dog dog/1.pgm" ]
	pets s/train
	pets s/test
	rm s/test/cat/*
	fails 2 cv-read s
	[[ $message == *"test and train"* ]]
	[ "$(cv-read s --split test | tsv label | joined)" = "1 1" ]
	tar cf s.tar s
	[ "$(xz -c s.tar | cv-read --split test | tsv label | joined)" = "1 1" ]
	mkdir -p deep/x/a/p deep/x/b/q
	cp d/cat/1.pgm deep/x/a/p
	cp d/cat/2.pgm deep/x/b/q
	[ "$(cv-read deep | tsv label.class | joined)" = "a/p b/q" ]
}

@test "pictures named one by one, in one folder, and of different sizes" {
	pets d
	printf 'P3 1 1 255 9 8 7\n' >dot.ppm
	cv-read d/cat/1.pgm dot.ppm >two.cvt
	[ "$(tsv index image.hwc.0 image.hwc.1 image.hwc.2 <two.cvt | joined)" = "0 3 2 1 1 1 1 3" ]
	refute grep -q 'field label' <(cv-view --head two.cvt)
	cv-read two.cvt --channels 3 --size 2x2 | cv-view --head | grep -qx 'field image |u1 2 2 3'
	cv-read d/cat | cv-view --head | grep -qx 'field image |u1 3 2 1'
}

@test "netpbm: every variant, scaled to bytes" {
	printf 'P1 3 1\n1 0 1' >a.pbm
	printf 'P4\n3 1\n\240' >b.pbm
	printf 'P5 # a comment\n1 1 65535\n\200\0' >c.pgm
	printf 'P6 1 1 15\n\1\2\17' >d.ppm
	printf 'P7\nWIDTH 1\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n\1\2\3\4' >e.pam
	for f in a.pbm b.pbm c.pgm d.ppm e.pam; do
		cv-read $f | cv-view --npy image -o $f.npy
	done
	cmp <(tail -c 3 a.pbm.npy) <(printf '\0\377\0')
	cmp <(tail -c 3 b.pbm.npy) <(printf '\0\377\0')
	cmp <(tail -c 1 c.pgm.npy) <(printf '\200')
	cmp <(tail -c 3 d.ppm.npy) <(printf '\21\42\377')
	cmp <(tail -c 3 e.pam.npy) <(printf '\1\2\3')
	printf 'P5 4 4 255 abc' >cut.pgm
	fails 3 cv-read cut.pgm
	[[ $message == cv-read:\ cut.pgm:* ]]
}

@test "a cut or damaged PNG is an error that names it" {
	images i 1 5 4
	cv-read i | cv-view -o x.png
	cv-read x.png >x.cvt
	cv-view --validate x.cvt
	n=$(wc -c <x.png)
	for k in 9 33 60 $((n - 12)) $((n - 1)); do
		head -c "$k" x.png >cut.png
		fails 3 cv-read cut.png
		[[ $message == cv-read:\ cut.png:* ]]
	done
	{ head -c 45 x.png; printf '\377'; tail -c +47 x.png; } >bad.png
	fails 3 cv-read bad.png
}

@test "webdataset keys: picture, class, caption" {
	pets d
	mkdir w
	cp d/cat/1.pgm w/0001.pgm
	printf '3\n' >w/0001.cls
	cp d/cat/2.pgm w/0002.pgm
	printf '{"label": 1, "caption": "two"}' >w/0002.json
	tar cf w.tar -C w .
	[ "$(cv-read w.tar | tsv label name caption | joined)" = "3 0001  1 0002 two" ]
	printf 'x' >w/0001.cls
	fails 3 cv-read w
	[[ $message == *"w/0001.cls: holds no class number"* ]]
}

@test "npy: types become the stream's, rows can be picked" {
	py '
np.save("a.npy", np.arange(24, dtype=">i2").reshape(4, 6) - 9)
np.save("l.npy", np.array([2, 0, 1], "i8"))
np.save("h.npy", np.linspace(-2, 2, 12).astype("f2").reshape(3, 4))
np.save("f.npy", np.asfortranarray(np.ones((3, 4))))'
	for f in a l h; do cv-read $f.npy --shuffle -o $f.cvt; done
	fails 3 cv-read f.npy
	py '
for name, field in ("a", "data"), ("l", "label"), ("h", "embedding"):
    f = read(name + ".cvt")[1]
    assert (f[field] == np.load(name + ".npy")[f["index"]]).all(), name'
}

@test "nothing known, nothing there, nothing left" {
	echo some text that is nothing >t
	fails 3 cv-read t
	[[ $message == *"known are cvt, idx"* ]]
	: >e
	fails 3 cv-read e
	[[ $message == *"is empty" ]]
	fails 1 cv-read absent
	[[ $message == *"No such file"* ]]
	mkdir none
	fails 3 cv-read none
	images i 3 2 2
	fails 3 cv-read i --skip 3
	cv-read i --skip 3 --allow-empty | cv-view --head | grep -qx 'rows 0'
	fails 2 cv-read i --format ixd
	[[ $message == *"did you mean 'idx'"* ]]
	fails 2 cv-read i --epochs 2 --start-epoch 2
	cp i same
	fails 2 cv-read same -o same
	cmp i same
	cv-read i -o s.cvt
	fails 2 cv-read s.cvt -o s.cvt
	fails 1 cv-read i -o /dev/full
}

@test "rows are chosen: classes, per class, skip, take, shards" {
	images i 10 2 2
	labels l 0 1 2 0 1 2 0 1 2 0
	cv-read i l -o s.cvt
	for source in "i l" s.cvt; do
		[ "$(cv-read $source --classes 2,0 --skip 1 --take 4 | tsv index | joined)" = "2 3 5 6" ]
		[ "$(cv-read $source --shard 1/3 | tsv index | joined)" = "1 4 7" ]
		[ "$(cv-read $source --per-class 2 | tsv label | sort | joined)" = "0 0 1 1 2 2" ]
	done
	[ "$(cat s.cvt | cv-read --take 3 | tsv index | joined)" = "0 1 2" ]
	fails 2 cv-read i l --classes 7
	fails 2 cv-read i l --shard 3/3
	fails 2 cv-read i l --per-class 0
	fails 2 cv-read i l --channels 0
	fails 2 cv-read i l --episodes 2x1+1 --count 0
}

@test "shuffling is a permutation, another one in each epoch and for each seed, and starts anywhere" {
	images i 50 1 1
	cv-read i --shuffle --epochs 3 >s.cvt
	[ "$(tsv index <s.cvt | sort -n | uniq -c | awk '$1 == 3' | wc -l)" -eq 50 ]
	tsv index <s.cvt >all
	refute cmp -s <(head -50 all) <(head -100 all | tail -50)
	cv-read i --shuffle --epochs 3 | cmp - s.cvt
	cv-read i --shuffle --epochs 3 --start-epoch 2 | tsv index | cmp - <(tail -50 all)
	refute cmp -s <(cv-read i --shuffle --seed 1 | tsv index) <(head -50 all)
}

@test "--balance: classes of equal size, each row of the largest once, the rest of a round drawn anew" {
	local k i
	for k in 0 1 2; do
		cv-gen shapes -n 100 --size 16 | cv-read --classes $k --take $((2 + 3 * k)) -o c$k.cvt
	done
	cv-read c0.cvt c1.cvt c2.cvt -o all.cvt # 2, 5 and 8 rows
	cv-read all.cvt --balance --epochs 3 -o s.cvt
	[ "$(cv-view --head s.cvt | sed -n 's/^rows //p')" -eq 24 ]
	tsv label <s.cvt | head -24 | sort | uniq -c | awk '$1 != 8 { exit 1 }'
	tsv index copy <s.cvt | head -24 | sort | uniq -d | cmp - /dev/null
	tsv index <s.cvt | head -24 | sort -n | uniq -c | awk '$2 > 6 && $1 != 1 || $2 < 2 && $1 != 4 { exit 1 }'
	for i in 1 25 49; do # classes of 5: three of them are drawn for the second round
		tsv index copy <s.cvt | tail -n +$i | head -24 | awk '$2 == 1 && $1 > 1' | sort >e$i
		[ "$(wc -l <e$i)" -eq 3 ]
	done
	refute eval 'cmp -s e1 e25 && cmp -s e1 e49'
	cv-read all.cvt --balance --shuffle | tsv label | sort | uniq -c | awk '$1 != 8 { exit 1 }'
	refute cmp -s <(cv-read all.cvt --balance --shuffle | tsv label) <(cv-read all.cvt --balance | tsv label)
	# validation rows are not doubled, labels that nobody knows come once
	cv-read all.cvt --balance --val-fraction 0.3 | tsv index part | grep ' 1$' | sort | uniq -d | cmp - /dev/null
	cv-read all.cvt --balance --labelled 2 | tsv label | sort -n | uniq -c | sed 's/^ *//' | cmp - <(printf '9 -1\n2 0\n2 1\n2 2\n')
	# and what is drawn on a row that comes again is another draw
	cv-read c0.cvt c2.cvt --balance | cv-augment gaussian-noise=0.3 |
		cv-read --classes 0 | cv-view --npy image >n.npy
	py 'import numpy; a = numpy.load("n.npy"); assert len(a) == 8 == len(numpy.unique(a, axis=0))'
	fails 2 cv-read all.cvt --balance --episodes 2x1+1
	fails 2 cv-read all.cvt c0.cvt --balance --mix 1:1
	cv-read all.cvt --drop label -o bare.cvt
	fails 3 cv-read bare.cvt --balance
}

@test "a shuffle buffer draws the order of rows as they go by, from the seed, the epoch and their order alone" {
	images i 250 1 1
	cv-read i --epochs 2 --no-history -o two.cvt
	cv-read --shuffle-buffer 40 two.cvt >s.cvt
	tsv index <s.cvt >all
	for from in 1 251; do
		tail -n +$from all | head -250 | sort -n | cmp - <(seq 0 249)
		refute cmp -s <(tail -n +$from all | head -250) <(seq 0 249)
	done
	refute cmp -s <(head -250 all) <(tail -250 all)
	# no row comes before its time, and none of the first half waits for the end of all
	head -250 all | awk '$1 > NR + 39 { exit 1 }'
	cv-read i --epochs 2 --shuffle-buffer 40 | tsv index | cmp - all
	cat two.cvt | cv-read --shuffle --shuffle-buffer 40 | tsv index | cmp - all
	dd if=two.cvt bs=700 2>/dev/null | cv-read --shuffle-buffer 40 | tsv index | cmp - all
	cv-read i --epochs 2 --start-epoch 1 --shuffle-buffer 40 | tsv index | cmp - <(tail -250 all)
	refute cmp -s <(cv-read i --seed 1 --shuffle-buffer 40 | tsv index) <(head -250 all)
	# all rows at once: a permutation that mixes them well
	cv-read i --shuffle-buffer 1000 | tsv index | awk '$1 < 125 && NR <= 125 { n++ } END { exit !(n > 45 && n < 80) }'
}

@test "shuffling keeps the rows of a group together, as they were, with a buffer, too" {
	images i 60 1 1
	cv-read i | cv-augment rotate4 -o g.cvt
	for how in '--shuffle' '--shuffle-buffer 50' '--shuffle-buffer 1000' '--shuffle-buffer 18'; do
		for from in g.cvt -; do
			cv-read $from $how --epochs 1 <g.cvt | tsv group rotation >got
			[ "$(wc -l <got)" -eq 240 ]
			awk '$2 != (NR - 1) % 4 || $2 > 0 && $1 != last { exit 1 } { last = $1 }' got
			refute cmp -s got <(tsv group rotation <g.cvt)
			cut -d ' ' -f 1 got | sort -n | uniq -c | awk '$1 != 4 { exit 1 }'
		done
	done
	fails 4 cv-read g.cvt --shuffle-buffer 3
	[[ $message == *"a group of rows does not fit 3"* ]]
}

@test "a shuffle buffer leaves validation rows where they are, and parts apart" {
	images i 100 1 1
	cv-read i --val-fraction 0.3 --epochs 2 -o v.cvt
	cv-read --shuffle-buffer 1000 v.cvt >s.cvt
	tsv part <s.cvt | cmp - <(tsv part <v.cvt)
	cmp <(tsv index part <s.cvt | grep '\s1$') <(tsv index part <v.cvt | grep '\s1$')
	refute cmp -s <(tsv index <s.cvt) <(tsv index <v.cvt)
	cv-view --validate s.cvt
	cv-read i --take 60 -o a.cvt
	cat a.cvt a.cvt | cv-read --shuffle-buffer 1000 | tsv index >got
	head -60 got | sort -n | cmp - <(seq 0 59)
	refute cmp -s <(head -60 got) <(tail -60 got)
}

@test "a shuffle buffer says what it cannot do, and what is too long to be held names it" {
	images i 100 8 8
	cv-read i -o s.cvt
	fails 2 cv-read s.cvt --shuffle-buffer 1
	fails 2 cv-read s.cvt --shuffle-buffer x
	fails 4 cv-read s.cvt --shuffle-buffer 100 --max-memory 8k
	[[ $message == *--max-memory* ]]
	cv-read s.cvt --shuffle-buffer 10 --max-memory 8k -o t.cvt
	fails 4 cv-read s.cvt --shuffle --max-memory 4k
	[[ $message == *--shuffle-buffer* ]]
}

@test "validation rows are the same ones in every epoch, come last, and stay marked" {
	images i 100 1 1
	cv-read i --val-fraction 0.3 --shuffle --epochs 2 >s.cvt
	n=$(cv-view --head s.cvt | sed -n 's/^val //p')
	[ "$n" -gt 15 ] && [ "$n" -lt 45 ]
	tsv part <s.cvt | head -100 | cmp - <(yes 0 | head -$((100 - n)); yes 1 | head -"$n")
	cmp <(tsv index <s.cvt | head -100 | tail -"$n") <(tsv index <s.cvt | tail -"$n")
	cv-read i --val-fraction 0.3 -o one.cvt
	cmp <(cv-read one.cvt --shuffle | tsv index part | grep ' 1') <(tsv index part <one.cvt | grep ' 1')
	refute cmp -s <(cv-read i --val-fraction 0.3 --seed 5 | tsv part index) <(tsv part index <one.cvt)
}

@test "labels are hidden: K a class stay, a domain has none" {
	images i 30 1 1
	labels l 0 1 2 0 1 2 0 1 2 0 1 2 0 1 2 0 1 2 0 1 2 0 1 2 0 1 2 0 1 2
	[ "$(cv-read i l --labelled 2 | tsv label | sort -n | uniq -c | awk '{print $2":"$1}' | joined)" = \
		"-1:24 0:2 1:2 2:2" ]
	[ "$(cv-read i l i l --mix 2:1 --unlabelled 1 --take 4 | tsv domain label | joined)" = \
		"0 0 0 1 1 -1 0 2 0 0 1 -1" ]
	cv-read i l i l --mix 2:1 --unlabelled 1 --val-fraction 0.3 | tsv domain part label >all
	[ "$(grep -c '^1 1 -1$' all)" -gt 0 ]
	refute grep -qE '^1 . [0-9]' all
	grep -qE '^0 1 [0-9]' all
}

@test "a mix cycles the shorter; an epoch is one pass over the first" {
	images a 6 1 1
	images b 2 1 1
	[ "$(cv-read a b --mix 2:1 | tsv domain index copy | joined)" = \
		"0 0 0 0 1 0 1 6 0 0 2 0 0 3 0 1 7 0 0 4 0 0 5 0 1 6 1" ]
	fails 2 cv-read a --mix 2:1
	[ "$(cv-read a b | tsv index | joined)" = "0 1 2 3 4 5 6 7" ]
}

@test "classes meet by name, not by number" {
	pets d
	mkdir e
	cp -r d/dog e/dog
	[ "$(cv-read d e | tsv label.class | tail -2 | joined)" = "dog dog" ]
	fails 3 cv-read e d
	[[ $message == *"class 'cat'"* ]]
	cv-read e d --classes-by-number | cv-view --validate -
}

@test "streams are cut and pasted" {
	images i 6 1 1
	labels l 0 1 0 1 0 1
	cv-read i l -o s.cvt
	cv-read s.cvt --drop label -o bare.cvt
	refute grep -q label <(cv-view --head bare.cvt | grep '^field')
	cv-read bare.cvt --shuffle --paste s.cvt --select label | tsv index label >got
	[ "$(awk '$2 != $1 % 2' got | wc -l)" -eq 0 ] && [ "$(wc -l <got)" -eq 6 ]
	[ "$(cv-read s.cvt --rename label=kind | tsv kind.class | joined)" = "0 1 0 1 0 1" ]
	fails 3 cv-read s.cvt --paste <(cv-read bare.cvt --take 2)
	fails 2 cv-read s.cvt --drop index
	fails 2 cv-read s.cvt --select lable
	[[ $message == *"did you mean 'label'"* ]]
}

@test "episodes: ways, shots and queries, no row twice in one" {
	images i 40 1 1
	labels l 0 1 2 3 0 1 2 3 0 1 2 3 0 1 2 3 0 1 2 3 0 1 2 3 0 1 2 3 0 1 2 3 0 1 2 3 0 1 2 3
	cv-read i l --episodes 3x2+4 --count 5 >e.cvt
	tsv group label role index <e.cvt >e
	[ "$(cut -d ' ' -f 2 e | sort -u | joined)" = "0 1 2" ]
	[ -z "$(tsv class index <e.cvt | awk '$1 != $2 % 4')" ]
	refute grep -q '^class [0-9]' <(cv-view --head e.cvt)
	grep -qx 'class.class 3 3' <(cv-view --head e.cvt)
	[ "$(tsv group label class <e.cvt | sort -u | wc -l)" -eq 15 ]
	[ "$(cut -d ' ' -f 1-3 e | sort | uniq -c | awk '{print $1}' | sort | uniq -c | joined)" = \
		"     15 2      15 4" ]
	[ -z "$(cut -d ' ' -f 1,4 e | sort | uniq -d)" ]
	fails 3 cv-read i l --episodes 5x1
	fails 2 cv-read i l --episodes 2x1 --val-fraction 0.1
	fails 2 cv-read i l --episodes 2x1 --labelled 3
	fails 3 cv-read e.cvt --episodes 2x1
	[[ $message == *"--drop class"* ]]
}

@test "history: what was read, with the seed; several streams go one deeper" {
	images i 3 1 1
	cv-read i --take 2 --shuffle -o a.cvt
	cv-view --head a.cvt | grep -qE '^prog 0 cv-read [0-9.]+: cv-read --take 2 --shuffle i --seed 0$'
	cv-read a.cvt a.cvt | cv-view --head | grep -c '^prog 1 ' | grep -qx 2
	cv-read a.cvt --take 1 | cv-view --head | grep -c '^prog 0 ' | grep -qx 2
	refute grep -q prog <(cv-read a.cvt --no-history | cv-view --head)
}

@test "a constant that changes from frame to frame is passed on, and never one for the other" {
	py "
s = Stream('field index <i8\nfield image |u1 1 1 1\nfield table <f4 * 1\n')
for k in 0, 2:
    s.batch(2, [('index', '<i8', [2], 0, np.arange(k, k + 2, dtype='<i8').tobytes()),
        ('image', '|u1', [2, 1, 1, 1], 0, bytes(2)), ('table', '<f4', [1, 1], 1, f4([k]).tobytes())])
s.end_epoch()
open('two.cvt', 'wb').write(s.done())"
	cv-read two.cvt -o same.cvt
	py "
from read_cvt import read_cvt
assert [t.item() for t in read_cvt('same.cvt')[1]['table']] == [0, 2]"
	cv-embed --arch pixels --num-classes 2 two.cvt -o embedded.cvt
	py "
from read_cvt import read_cvt
assert [t.item() for t in read_cvt('embedded.cvt')[1]['table']] == [0, 2]"
	fails 3 cv-read --shuffle two.cvt
	[[ $message == *"'table', a constant, is not the same for all rows; cv-read --drop table "* ]]
	fails 3 cv-read two.cvt same.cvt
	cv-read --drop table two.cvt | cv-read --shuffle - | cv-view --stat | grep -qx 'rows 4'
}

@test "history: runs again, whatever a folder is called" {
	for name in -d '[ab]' '{a,b}' "it's" 'a  b' 'x;y' '$HOME' ä; do
		images "./$name" 3 1 1
		cv-read -o a.cvt -- "$name"
		cv-view --history a.cvt >again.sh
		sh again.sh | cmp - a.cvt || { cat again.sh; return 1; }
	done
	mkdir a && cv-read -- '[ab]' | cv-view --history - | grep -qx "cv-read '\[ab\]' --seed 0"
}

@test "names of files and folders that are no UTF-8, or no line, are told as such, everywhere alike" {
	mkdir -p d/b d/$'k\xfc' d/$'l\nm'
	for c in d/*; do
		for k in 1 2; do printf 'P5 1 1 255\n%d' $k >"$c/$k"$'\xe4'.pgm; done
	done
	cv-read d -o d.cvt
	cv-view --head d.cvt >head
	grep -qxF 'class 1 k\374' head
	grep -qxF 'class 2 l\012m' head
	py "
head, f = read('d.cvt') # HEAD is UTF-8
names = [bytes(n).rstrip(b'\0').decode() for n in f['name']]
assert names[2] == 'k\\\\374/1\\\\344.pgm' and names[4] == 'l\\nm/1\\\\344.pgm', names"
	printf 'input image 1 1 1\nflatten\nfc: linear classes\n' >fc.arch
	for rows in d d.cvt; do
		cv-train -q --arch fc.arch --epochs 1 $rows -o m.st
		cv-embed -w m.st --output logits d | cv-view --validate
		cv-embed -w m.st --output logits d.cvt | cv-view --validate
	done
	cv-read d --classes $'k\xfc',$'l\nm' | cv-view --stat | grep -qx 'rows 4'
	cv-read $'d/k\xfc' | cv-view --head | grep -qF "cv-read 'd/k\\374' --seed 0"
}

@test "history: what several operands and a pasted file carry follows the line" {
	images i 3 1 1
	cv-read i --take 2 -o a.cvt
	cv-read i --skip 1 -o b.cvt
	cv-read a.cvt b.cvt --skip 1 | cv-view --head | grep '^prog' | sed 's/ [0-9.]*: /: /' >progs
	printf 'prog %s\n' '0 cv-read: cv-read --skip 1 a.cvt b.cvt --seed 0' \
		'1 cv-read: cv-read --take 2 i --seed 0' '1 cv-read: cv-read --skip 1 i --seed 0' |
		sort >want
	sort progs | cmp - want || { cat progs; return 1; }
	head -n 1 progs | grep -q '^prog 0 '
	cv-read i --rename image=copy -o c.cvt
	cv-read i --paste c.cvt | cv-view --head | grep -o '^prog .' | joined | grep -qx 'prog 0 prog 1'
}

@test "streams in files that are read in order are as those that are held" {
	images i 40 3 3
	labels l $(for k in $(seq 40); do echo $((k % 3)); done)
	cv-read i l --shard 0/2 -o a.cvt
	cv-read i l --shard 1/2 -o b.cvt
	for how in '' '--epochs 3' '--mix 3:2 --epochs 2' '--val-fraction 0.4 --epochs 2' \
		'--per-class 3' '--classes 0,2 --skip 5 --take 9 --unlabelled 1' '--shard 1/7'; do
		cv-read a.cvt b.cvt $how --no-history >files.cvt
		cv-read a.cvt <(cat b.cvt) $how --no-history >held.cvt
		cmp files.cvt held.cvt
	done
	cv-gen shapes -n 900 --size 16x16 -o whole.cvt # more than one frame
	(cv-read whole.cvt whole.cvt --epochs 2000 --no-history 2>err || echo $? >code) | {
		head -c 1000 >first
		cp b.cvt other.cvt
		mv other.cvt whole.cvt
		cat >rest
	}
	grep -qx 3 code
	grep -q 'whole.cvt: was changed while it was read' err
	head -c 700 a.cvt >cut.cvt
	fails 3 cv-read a.cvt cut.cvt
	[ ! -s stdout.out ]
}

@test "limits: bombs are refused at once, and the message names the option" {
	printf 'P5 70000 2 255\n' >wide.pgm
	fails 4 cv-read wide.pgm
	[[ $message == *"--max-side" ]]
	printf 'P5 30000 30000 255\n' >large.pgm
	fails 4 cv-read large.pgm
	[[ $message == *"--max-pixels" ]]
	printf '\0\0\10\3\0\0\164\0\0\0\0\144\0\0\0\36' >head.idx
	cat head.idx /dev/zero | head -c 90000000 | gzip >zeros.gz
	fails 4 cv-read zeros.gz
	[[ $message == *"--max-expansion" ]]
	pets d
	fails 4 cv-read d --max-entries 3
	tar cf d.tar d
	fails 4 cv-read d.tar --max-entries 3
	[[ $message == *"--max-entries" ]]
	fails 4 cv-read d.tar --max-memory 50
	[[ $message == *"--max-memory"* ]]
	fails 4 cv-read d.tar --max-entry-bytes 4
	[[ $message == *"--max-entry-bytes"* ]]
}

@test "names from an archive touch neither disk nor terminal" {
	pets d
	mkdir -p x/up
	cp d/cat/1.pgm "x/$(printf 'e\033[31m').pgm"
	ln -s /etc/passwd x/link.pgm
	tar cf x.tar -C x/up ../ -P 2>/dev/null
	ls >before
	cv-read x.tar >x.cvt
	ls | grep -v x.cvt | cmp - before
	[ "$(cv-view --head x.cvt | sed -n 's/^rows //p')" -eq 1 ]
	mkdir y
	printf 'no picture' >"y/$(printf 'e\033[31m').png"
	fails 3 cv-read y
	[[ $message == *'e\033[31m.png'* ]]
}

@test "links in circles end" {
	pets d
	ln -s .. d/cat/up
	[ "$(cv-read d | cv-view --head | sed -n 's/^rows //p')" -eq 5 ]
}

@test "resizing is Pillow's to the byte" {
	py '
try:
    from PIL import Image
except ImportError:
    sys.exit(77)
r = np.random.default_rng(2)
a = r.integers(0, 256, (37, 23, 3), "u1")
Image.fromarray(a).save("a.ppm")
for h, w in (9, 9), (80, 30), (37, 5):
    np.save("%dx%d.npy" % (h, w), np.asarray(Image.fromarray(a).resize((w, h), Image.BILINEAR)))
np.save("grey.npy", np.asarray(Image.fromarray(a).convert("L")))' || skip "no Pillow here"
	for s in 9x9 80x30 37x5; do cv-read a.ppm --size $s -o $s.cvt; done
	cv-read a.ppm --channels 1 -o grey.cvt
	py '
for s in "9x9", "80x30", "37x5", "grey":
    want = np.load(s + ".npy")
    assert (read(s + ".cvt")[1]["image"][0].reshape(want.shape) == want).all(), s'
}

@test "every format is listed, and named by --list" {
	for f in $(sed -n 's/^FORMAT(\(.*\))/\1/p' "$top/formats/formats.def"); do
		cv-read --list | cut -f 1 | grep -qx "$f"
	done
	[ "$(cv-read --help | wc -l)" -le 24 ]
}

@test "a reader that goes away is no error" {
	images i 100 3 3
	cv-read i --epochs 1000 | head -c 100 >/dev/null
	[ "${PIPESTATUS[0]}" -eq 0 ]
}

@test "a folder that has one archive is that archive; several must be named" {
	pets d
	mkdir one two
	tar czf one/d.tgz d
	echo about >one/README
	[ "$(cv-read one | tsv label.class | sort -u | joined)" = "cat dog" ]
	cp one/d.tgz two/a.tgz
	cp one/d.tgz two/b.tgz
	fails 3 cv-read two
	[[ $message == *"several archives"* ]]
}

@test "lists of classes that are the numbers may differ in length" {
	images i 3 1 1
	labels short 0 1 0
	labels long 0 1 2
	[ "$(cv-read i short i long | tsv label.class | joined)" = "0 1 0 0 1 2" ]
	[ "$(cv-read i long i short | tsv label.class | joined)" = "0 1 2 0 1 0" ]
}

@test "what breaks in the middle breaks the last of the pipe; who failed and the last one speak" {
	pets d
	printf 'P2 2 3 255 1 2 3\n' >d/dog/2.pgm
	cv-read d 2>first | cv-read --take 9 2>second | fails 3 cv-view --stat
	[[ $(cat first) == "cv-read: d/dog/2.pgm:"* ]]
	[ ! -s second ]
	grep -q 'd/dog/2.pgm' stderr.out
	fails 3 cv-read d -o x.cvt
	[ ! -e x.cvt ]
}

@test "named pipes are read once" {
	images i 3 2 2
	mkfifo p q
	cat i >p &
	cv-read p -o one.cvt
	cv-read i | cat >q &
	cv-read q i -o two.cvt
	[ "$(tsv index <one.cvt | joined)" = "0 1 2" ]
	[ "$(tsv index <two.cvt | joined)" = "0 1 2 3 4 5" ]
}

@test "the same bytes, from a file, a pipe and however it dribbles" {
	pets d
	tar czf d.tgz d
	cv-read d.tgz --shuffle --epochs 2 --val-fraction 0.4 --no-history >want.cvt
	cat d.tgz | cv-read --shuffle --epochs 2 --val-fraction 0.4 --no-history | cmp - want.cvt
	dd if=d.tgz bs=1 2>/dev/null | cv-read --shuffle --epochs 2 --val-fraction 0.4 --no-history |
		cmp - want.cvt
	cv-read d.tgz --no-history -o s.cvt
	dd if=s.cvt bs=7 2>/dev/null | cv-read --no-history | cv-view --diff - s.cvt
}

@test "joined: a data set without parts is for training, without weights of weight 1, and nothing else is lost unsaid" {
	cv-gen shapes -n 50 --size 8x8 -o s.cvt
	cv-gen shapes -n 30 --size 8x8 --start 100 -o b.cvt
	cv-read s.cvt --val-fraction .3 -o sv.cvt
	want=$(tsv part <sv.cvt | grep -c 1)
	for c in 'sv.cvt b.cvt' 'b.cvt sv.cvt' 'sv.cvt b.cvt --mix 1:1' 'sv.cvt b.cvt --shuffle'; do
		[ "$(cv-read $c | tsv part | grep -c 1)" -eq "$want" ]
	done
	[ "$(cv-read b.cvt sv.cvt --mix 1:1 | tsv domain part | grep -c '^0 1')" -eq 0 ]
	py "
a, b = read('s.cvt')[1], read('b.cvt')[1]
write('w.cvt', weight=np.full(30, .5, '<f4'), **b)
write('g.cvt', group=np.arange(30, dtype='<i8'), **b)
write('r.cvt', role=np.zeros(30, '<i4'), **b)"
	[ "$(cv-read s.cvt w.cvt --take 51 --drop label | tsv weight | sort | uniq -c | joined)" = \
		"      1 0.5      50 1" ]
	[ "$(cv-read w.cvt s.cvt --skip 29 --take 2 --drop label | tsv weight | joined)" = "0.5 1" ]
	cv-read b.cvt --drop image -o bare.cvt
	cv-gen shapes -n 9 --size 8x8 --fields image,label,mask -o m.cvt
	for c in 's.cvt bare.cvt image' 'm.cvt s.cvt mask' 'g.cvt s.cvt group' 'r.cvt s.cvt role'; do
		read -r has lacks field <<<"$c"
		for how in "$has $lacks" "$lacks $has" "$has $lacks --mix 1:1"; do
			fails 3 cv-read $how
			[[ $message == "cv-read: $has: has the field $field, which $lacks lacks;"*"--drop $field" ]]
		done
	done
	cv-read m.cvt --drop mask | cv-read s.cvt /dev/stdin | cv-view --validate -
}

@test "joined: labels and texts that one data set lacks are unknown and empty" {
	py "
write('soft.cvt', label=f4([[.5, .5], [0, 1]]), caption=np.array([b'ab', b'c']).view('u1').reshape(2, 2))
write('bare.cvt', index=np.arange(3))
write('long.cvt', caption=np.array([b'abcd', b'xyz']).view('u1').reshape(2, 4), label=f4([[1, 0], [0, 1]]))"
	for c in 'soft.cvt bare.cvt' 'bare.cvt soft.cvt' 'soft.cvt bare.cvt soft.cvt --mix 1:1:1'; do
		cv-read $c -o x.cvt
		cv-view --validate x.cvt
		py "
f = read('x.cvt')[1]
assert np.isfinite(f['label']).all() and (f['caption'] < 128).all()
assert ((f['label'].sum(1) == 0) == (f['caption'].sum(1) == 0)).all() and f['label'].sum() >= 2"
	done
	cv-read soft.cvt long.cvt | tsv caption | joined | grep -qx 'ab c abcd xyz'
	cv-read long.cvt soft.cvt --take 3 | tsv caption | joined | grep -qx 'abcd xyz ab'
}

# Two streams that call the same classes by other numbers, with everything that speaks of classes.
two_lists() {
	py "
def all_of(path, names, more='', **f):
    write(path, classes(*names) + more, **f)
x = dict(label=i4(0, 1, 2, -1), prediction=i4(0, 1, 1, 2), logits=f4(np.eye(4, 3)), probs=f4(np.eye(4, 3) / 2))
x['boxes'] = f4([[[k, 0, 0, 1, 1], [-1, 0, 0, 0, 0]] for k in (0, 1, 2, 2)])
x['mask'] = np.array([[[0, 1, 2, 255]]] * 4, 'u1')
x['image'] = np.zeros((4, 1, 4, 1), 'u1')
x['prediction.mask'] = x['mask']
ground = 'class.mask %d ground\nclass.mask %d cat\nclass.mask %d dog\n'
write('a.cvt', classes('cat', 'dog', 'owl') + ground % (0, 1, 2), **x)
write('b.cvt', classes('owl', 'cat', 'dog') + ground % (2, 0, 1), **x)
del x['logits']
x['probs'] = x['probs'][:, :2]
x['label'] %= 2
write('c.cvt', classes('dog', 'cat'), **{k: x[k] for k in ('label', 'probs')})"
}

@test "classes meet by name in every field that speaks of them: answers, scores, masks, boxes" {
	two_lists
	cv-read a.cvt b.cvt -o x.cvt
	cv-read a.cvt b.cvt --mix 1:1 -o m.cvt
	cv-view --head x.cvt | grep -c '^class' | grep -qx 6
	py "
a, x, m = read('a.cvt')[1], read('x.cvt')[1], read('m.cvt')[1]
for k in a:
    assert (x[k][:4] == a[k]).all() or k == 'index', k
    assert (m[k][::2] == x[k][:4]).all() and (m[k][1::2] == x[k][4:]).all(), k
assert list(x['label'][4:]) == [2, 0, 1, -1] and list(x['prediction'][4:]) == [2, 0, 0, 1]
for k in 'logits', 'probs': # columns owl cat dog
    assert (x[k][4:] == a[k][:, [1, 2, 0]]).all(), k
assert list(x['boxes'][4:, 0, 0]) == [2, 0, 1, 1] and (x['boxes'][:, 1, 0] == -1).all()
for k in 'mask', 'prediction.mask':
    assert (x[k][4:] == [1, 2, 0, 255]).all(), k"
	[ "$(cv-eval x.cvt | grep ^accuracy)" = "$(cv-eval a.cvt | grep ^accuracy)" ]
	cv-read a.cvt b.cvt --classes-by-number | tsv label | joined | grep -qx '0 1 2 -1 0 1 2 -1'
	# probabilities grow to the longer list, scores cannot
	cv-read a.cvt --select label,probs -o p.cvt
	cv-read p.cvt c.cvt -o x.cvt
	py "
x = read('x.cvt')[1]
assert x['probs'].shape == (8, 3) and (x['probs'][4:] == f4([[0, .5, 0], [.5, 0, 0], [0, 0, 0], [0, 0, 0]])).all()
assert list(x['label'][4:6]) == [1, 0]"
	cv-read c.cvt --rename probs=logits -o l.cvt
	cv-read a.cvt --select label,logits -o q.cvt
	fails 3 cv-read q.cvt l.cvt
	[[ $message == *"l.cvt: its field logits"*"--drop logits" ]]
	fails 3 cv-read c.cvt p.cvt
	[[ $message == *"p.cvt: class 'owl'"* ]]
}

@test "what is pasted takes the classes of the rows, by name" {
	two_lists
	# the rows' own list stands, though their label is gone
	for field in prediction logits probs boxes prediction,logits; do
		cv-read b.cvt --select $field -o rows.cvt
		cv-view --head rows.cvt | grep -c '^class ' | grep -qx 3
		cv-read rows.cvt --paste a.cvt --select label,$field -o x.cvt
		[ "$(tsv label.class <x.cvt | joined)" = "cat dog owl " ]
		[ "$(tsv label <x.cvt | joined)" = "1 2 0 -1" ]
		[ "$(cv-view --head x.cvt | grep '^class ' | joined)" = "class 0 owl class 1 cat class 2 dog" ]
	done
	# and what speaks of FILE's label comes in the order of the rows' own
	cv-read b.cvt --select label -o rows.cvt
	cv-read rows.cvt --paste a.cvt -o x.cvt
	py "
a, x = read('a.cvt')[1], read('x.cvt')[1]
assert list(x['label']) == [0, 1, 2, -1] and list(x['prediction']) == [1, 2, 2, 0]
assert (x['logits'] == a['logits'][:, [2, 0, 1]]).all() and list(x['boxes'][:, 0, 0]) == [1, 2, 0, 0]
assert (x['mask'] == a['mask']).all()"
	cv-read rows.cvt --paste a.cvt --classes-by-number | tsv prediction | joined | grep -qx '0 1 1 2'
	cv-view --head x.cvt | grep -c '^class.mask' | grep -qx 3
	cv-read c.cvt --select label -o rows.cvt
	fails 3 cv-read rows.cvt --paste a.cvt
	[[ $message == *"a.cvt: class 'owl'"*"--classes-by-number" ]]
	# a bare file of scores brings their names along
	cv-read c.cvt --drop label,probs | cv-read --paste a.cvt --select logits | cv-view --head | grep -c '^class [0-9]' | grep -qx 3
}

@test "soft labels are joined by the names of their columns" {
	py "
write('a.cvt', classes('cat', 'dog', 'owl'), label=f4([[1, 0, 0], [0, .5, .5]]))
write('b.cvt', classes('owl', 'cat'), label=f4([[1, 0], [.25, .75], [0, 0]]))
write('n.cvt', classes('0', '1'), label=f4([[1, 0]]))
write('w.cvt', classes('0', '1', '2'), label=f4([[0, 0, 1]]))
write('bare.cvt', label=f4([[0, 0, 0, 1]]))"
	cv-read a.cvt b.cvt -o x.cvt
	cv-read n.cvt w.cvt -o y.cvt
	cv-read w.cvt n.cvt --mix 1:1 -o z.cvt
	py "
assert (read('x.cvt')[1]['label'] == f4([[1, 0, 0], [0, .5, .5], [0, 0, 1], [.75, 0, .25], [0, 0, 0]])).all()
assert (read('y.cvt')[1]['label'] == f4([[1, 0, 0], [0, 0, 1]])).all()
assert (read('z.cvt')[1]['label'] == f4([[0, 0, 1], [1, 0, 0]])).all()"
	cv-view --validate x.cvt
	fails 3 cv-read b.cvt a.cvt
	[[ $message == *"a.cvt: class 'dog'"* ]]
	fails 3 cv-read a.cvt bare.cvt
	[[ $message == *"its field label has another type or shape"* ]]
	cv-read b.cvt a.cvt --classes-by-number | cv-view --head | grep -qx 'field label <f4 3'
}

@test "--classes-by-number keeps the first list of names, and no name stands twice" {
	py "
write('x.cvt', classes('cat', 'dog'), label=i4(0, 1))
write('z.cvt', classes('dog'), label=i4(0))
write('l.cvt', classes('cat', 'dog', 'owl'), label=i4(2))
write('n.cvt', classes('2', 'b'), label=i4(0))"
	names() { cv-read "$@" --classes-by-number | cv-view --head | sed -n 's/^class //p' | joined; }
	[ "$(names x.cvt z.cvt)" = "0 cat 1 dog" ]
	[ "$(names z.cvt x.cvt)" = "0 dog 1 1" ]
	[ "$(names x.cvt l.cvt)" = "0 cat 1 dog 2 owl" ]
	[ "$(names l.cvt x.cvt)" = "0 cat 1 dog 2 owl" ]
	[ "$(names z.cvt l.cvt)" = "0 dog 1 1 2 owl" ]
	cv-read n.cvt x.cvt z.cvt --classes-by-number | cv-view --validate -
	py "
write('e.cvt', classes('2', 'c'), label=i4(0))
write('d.cvt', classes('b', 'c', '2'), label=i4(2))"
	fails 3 cv-read e.cvt d.cvt --classes-by-number
	[[ $message == *"d.cvt: class 2 of label has a name that is another's"* ]]
}

@test "groups: those of two data sets stay two, and --val-fraction and --mix do not part them" {
	images i 40 1 1
	cv-read i | cv-augment rotate4 --no-history -o g.cvt
	py "
n = np.arange(40, dtype='<i8')
write('e.cvt', classes('a'), group=n // 10 - 2, label=i4(*([0] * 40))) # episodes: another index for each row
write('f.cvt', classes('a'), group=n // 8, label=i4(*([0] * 40)))"
	cv-read e.cvt f.cvt | tsv group | uniq -c | awk '{ print $1, $2 }' >got
	[ "$(joined <got)" = "10 -2 10 -1 10 0 10 1 8 2 8 3 8 4 8 5 8 6" ]
	cv-read f.cvt <(cat e.cvt) | tsv group | uniq -c | awk '{ print $2 }' | joined | grep -qx '0 1 2 3 4 5 6 7 8'
	cv-read g.cvt g.cvt --shuffle | tsv group | sort -n | uniq -c | awk '$1 != 4 { exit 1 }'
	# what is for validation is so as a whole, from a file and from a pipe; single rows are as ever
	for s in 1 2 3; do
		cv-read f.cvt f.cvt e.cvt --val-fraction .5 --seed $s --no-history -o v.cvt
		cv-read f.cvt <(cat f.cvt) e.cvt --val-fraction .5 --seed $s --no-history | cmp - v.cvt
		tsv group part <v.cvt | sort -u >parts
		[ "$(cut -d ' ' -f 1 parts | uniq -d | wc -l)" -eq 0 ] && [ "$(wc -l <parts)" -eq 14 ]
	done
	cv-read f.cvt --val-fraction .5 --skip 3 --shuffle | tsv group part | sort -u | wc -l | grep -qx 5
	cv-read i --val-fraction .3 | tsv part index | sed -n 's/^1 //p' | joined >single
	cv-read g.cvt --val-fraction .3 | tsv part index | sed -n 's/^1 //p' | uniq | joined | cmp - single
	# whole groups can be mixed, others not
	fails 2 cv-read g.cvt g.cvt --mix 1:1
	[[ $message == *"--mix: would tear the groups of g.cvt apart"*"--drop group" ]]
	fails 2 cv-read e.cvt f.cvt --mix 10:10
	fails 2 cv-read e.cvt f.cvt --mix 20:16 --take 35
	for how in '' --shuffle; do
		cv-read e.cvt f.cvt --mix 20:16 $how | tsv domain group | uniq -c | awk '$1 != 10 - 2 * $2 { exit 1 }'
		cv-read g.cvt g.cvt --mix 8:4 $how | tsv domain group | uniq -c | awk '$1 != 4 { exit 1 }'
	done
}
