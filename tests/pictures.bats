#!/usr/bin/env bats
# Pictures and what lies beside them: masks, captions and labels by key, splits and names of folders,
# headers that are long, cut, or say two things; and folders that have more in them than pictures.
load helper
load py

tsv() { # tsv COLUMN of a stream's file, its values on one line
	cv-view --tsv "$2" | awk -v want="$1" -F '\t' 'NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i; next}
		{printf "%s%s", (NR > 2 ? " " : ""), $at[want]}'
}
# pgm FILE BYTE...: a row of grey pixels.
pgm() {
	local file=$1
	shift
	printf "P2 $# 1 255 $*\n" >"$file"
}

@test "samples by key: masks, captions and labels, in files and in JSON" {
	mkdir w
	for k in a b c; do pgm w/$k.pgm 1 2; done
	pgm w/a.mask.png 0 3
	printf ' two words \r\n\n' >w/a.txt
	printf '{"cls": 2, "text": "three", "caption": 4}' >w/b.json
	printf 'x' >w/c.other
	cv-read w >w.cvt
	[ "$(tsv label w.cvt)" = "-1 2 -1" ]
	py '
h, f = read("w.cvt")
assert f["mask"].tolist() == [[[0, 3]], [[255, 255]], [[255, 255]]], f["mask"]
assert [bytes(c).rstrip(b"\0") for c in f["caption"]] == [b" two words ", b"three", b""]'
	pgm w/a.seg.png 1 2 3
	rm w/a.mask.png
	fails 3 cv-read w
	[[ $message == *"w/a.seg.png: is 1 x 3 with 1 channels, and should be 1 x 2 with 1" ]]
	echo text >w/a.seg.png
	fails 3 cv-read w
	[[ $message == *"w/a.seg.png: is no PNG, JPEG or netpbm picture" ]]
	pgm w/a.seg.png 1 2
	pgm w/b.pgm 1 2 3
	fails 3 cv-read w
	[[ $message == *"masks for pictures of different sizes"* ]]
}

@test "samples by key: notes that say nothing of use are refused, by name" {
	mkdir w
	pgm w/a.pgm 1 2
	for bad in 'a.cls:' 'a.cls:3 4' 'a.cls:-2' 'a.cls:3000000000' 'a.cls:3x' \
		'a.cls:1111111111111111111111111111' 'a.json:{"label": 3000000000}' 'a.json:{"label": -7}' \
		'a.json:{"label"' 'a.json:'; do
		printf '%s' "${bad#*:}" >"w/${bad%%:*}"
		fails 3 cv-read w
		[[ $message == *"w/${bad%%:*}: "* ]] || { echo "$bad: $message"; return 1; }
		rm "w/${bad%%:*}"
	done
	head -c 17000 /dev/zero | tr '\0' x >w/a.txt
	fails 3 cv-read w
	[[ $message == *"w/a.txt: the caption is longer than"* ]]
	head -c 2000000 /dev/zero | tr '\0' x >w/a.txt
	fails 4 cv-read w
	printf '70000' >w/a.cls # a class too far to have a name
	rm w/a.txt
	cv-read w >w.cvt
	[ "$(tsv label w.cvt)" = 70000 ]
	refute grep -q '^class' <(cv-view --head w.cvt)
	cv-read w --per-class 1 | cv-view --head | grep -qx 'rows 1'
}

@test "a folder in which all is under a split's folder is that split" {
	mkdir -p d/data/train/cat d/data/train/dog
	pgm d/data/train/cat/1.pgm 1
	pgm d/data/train/dog/1.pgm 2
	cv-read d >d.cvt
	[ "$(tsv label.class d.cvt)" = "cat dog" ]
	cv-read d/ --split train --no-history | cv-view --diff - <(cv-read d --no-history)
	fails 2 cv-read d --split test
	[[ $message == *"no split 'test'"* ]]
	mkdir -p e/none
	echo text >e/none/README
	fails 3 cv-read e --format folder
	[[ $message == *"e: has no pictures in it"* ]]
}

@test "folders: what is no file, leads nowhere or lies too deep" {
	mkdir -p d/cat
	pgm d/cat/1.pgm 1
	mkfifo d/cat/pipe
	ln -s nowhere d/cat/2.pgm
	cv-read d | cv-view --head | grep -qx 'rows 1'
	deep=d
	for k in $(seq 34); do deep+=/x; done
	mkdir -p "$deep"
	fails 3 cv-read d
	[[ $message == *"d: folders in folders beyond 32"* ]]
	rm -r d/x
	for k in 1 2 3; do mkdir d/$k; done
	fails 4 cv-read d --max-entries 2
	[[ $message == *"more than 2 folders; raise cv-read --max-entries"* ]]
	long=$(printf 'n%.0s' $(seq 250))
	(
		cd d/1
		for k in $(seq 17); do mkdir $long && cd $long; done
		pgm 1.pgm 1
	)
	fails 3 cv-read d
	[[ $message == *"d: a path is longer than 4096 bytes" ]]
}

@test "archives: names without end, encrypted members, a layer of damage" {
	py '
import io, tarfile, zipfile
def tar(path, name):
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as t:
        i = tarfile.TarInfo(name)
        body = b"P5 1 1 255\na"
        i.size = len(body)
        t.addfile(i, io.BytesIO(body))
tar("long.tar", "a/" + "n" * 5000 + ".pgm")
tar("good.tar", "a/1.pgm")
with zipfile.ZipFile("plain.zip", "w") as z:
    z.writestr("a/1.pgm", b"P5 1 1 255\na" + bytes(40))
b = bytearray(open("plain.zip", "rb").read())
b[6] |= 1
b[b.index(b"PK\1\2") + 8] |= 1
open("secret.zip", "wb").write(b)
open("padded.tar", "wb").write(open("good.tar", "rb").read() + bytes(300 << 10))
open("tail.tar", "wb").write(open("good.tar", "rb").read().ljust(3 << 16, b"\0") + bytes(100))
b = bytearray(open("plain.zip", "rb").read())
at = b.index(b"PK\5\6")
b[at + 16:at + 20] = b"\xff\xff\xff\x7f"
open("lost.zip", "wb").write(b)'
	fails 3 cv-read long.tar
	[[ $message == *"the name of a file in it is longer than 4095 bytes"* ]]
	fails 3 cv-read secret.zip
	[[ $message == *"secret.zip: is encrypted"* ]]
	cv-read padded.tar | cv-view --head | grep -qx 'rows 1'
	fails 3 cv-read tail.tar
	[[ $message == *"tail.tar: the archive is cut"* ]]
	fails 3 cv-read lost.zip
	gzip -k good.tar
	n=$(wc -c <good.tar.gz)
	for k in $((n / 2)) $((n - 4)); do
		head -c $k good.tar.gz >cut.gz
		fails 3 cv-read cut.gz
		[[ $message == *"cut.gz: the gzip data is damaged or cut"* ]]
	done
	xz -k good.tar
	head -c $(($(wc -c <good.tar.xz) / 2)) good.tar.xz >cut.xz
	fails 3 cv-read cut.xz
	[[ $message == *"cut.xz: the xz data is damaged or cut"* ]]
	printf '\0\0\10\2\0\0\13\270\0\0\3\350' >noise # 3000 rows of 1000
	head -c 3000000 /dev/urandom >>noise
	xz noise
	head -c $(($(wc -c <noise.xz) * 3 / 4)) noise.xz >cut.xz
	fails 3 cv-read cut.xz
	[[ $message == *"cut.xz: the xz data is damaged or cut after"* ]]
}

@test "netpbm: headers of every sort, and samples that are none" {
	printf 'P7\n# note\nWIDTH 1\nHEIGHT 1\nDEPTH 2\nMAXVAL 255\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\nab' >two.pam
	cv-read two.pam | cv-view --head | grep -qx 'field image |u1 1 1 1'
	{ printf 'P5\n#'; head -c 5000 /dev/zero | tr '\0' x; printf '\n2 1\n255\nab'; } >long.pgm
	cv-read long.pgm | cv-view --head | grep -qx 'field image |u1 1 2 1'
	for bad in 'P2 2 1 9 3 10' 'P2 2 1 9 3' 'P2 2 1 9 3 x' 'P1 2 1 1 2' 'P4 9 2\nab' 'P5 2 1 9\n\377\1' \
		'P5 2 1 0\nab' 'P5 2 1 65536\nabcd' 'P5 2 1 255' 'P5 x' 'P7\nWIDE 1\nENDHDR\n' 'P7\nWIDTH x\nENDHDR\n' \
		'P7\nWIDTH 1\nHEIGHT 1\nDEPTH 5\nMAXVAL 255\nENDHDR\nabcde' 'P7\nWIDTH 1\nHEIGHT 1\nENDHDRS\n'; do
		printf "$bad" >bad.pnm
		fails 3 cv-read bad.pnm
		[[ $message == "cv-read: bad.pnm: "* ]] || { echo "$bad: $message"; return 1; }
	done
}

@test "limits of one file, by the option's name; a picture under a data set's name" {
	printf 'P5 300 300 255\n' >big.pgm
	head -c 90000 /dev/zero >>big.pgm
	fails 4 cv-read big.pgm --max-entry-bytes 80000
	[[ $message == *"--max-entry-bytes"* ]]
	fails 4 cv-read big.pgm --max-memory 80000
	[[ $message == *"--max-memory"* ]]
	fails 4 cv-read big.pgm big.pgm --max-entry-bytes 80000
	[[ $message == *"big.pgm: larger than 80000 bytes"* ]]
	cp big.pgm train.bin
	cv-read train.bin big.pgm | cv-view --head | grep -qx 'rows 2'
}

@test "archives, where libarchive is another one or none" {
	command -v cc >/dev/null || skip "no compiler here"
	pgm 1.pgm 1
	tar cf a.tar 1.pgm
	xz -k a.tar
	: >empty.c
	cc -shared -fPIC -o libarchive.so.13 empty.c
	for f in a.tar a.tar.xz; do
		fails 1 env LD_LIBRARY_PATH=. cv-read $f
		[[ $message == *"libarchive has no archive_read_new; install a newer libarchive13"* ]]
	done
	echo nothing >libarchive.so.13
	fails 1 env LD_LIBRARY_PATH=. cv-read a.tar
	[[ $message == *"archives need libarchive, which cannot be loaded; install libarchive13"* ]]
}

everything=image,label,mask,edge,depth,boxes,keypoints

@test "--size moves all that lies over a picture, in every view, as cv-augment resize does" {
	cv-gen shapes -n 20 --size 8x12 --objects 3 --fields $everything -o a.cvt
	cv-augment -i a.cvt view=2 hflip -o views.cvt
	for f in a views; do
		for size in 4x4 6,5 16x9; do
			cv-augment --no-history -i $f.cvt resize=${size/x/,} -o want.cvt
			cv-read --no-history --size ${size/,/x} $f.cvt | cv-view --diff - want.cvt
			cv-read --no-history --size ${size/,/x} --per-class 99 $f.cvt | cv-view --diff - want.cvt
		done
	done
	cv-read --size 4x4 views.cvt | cv-view --head >head
	for k in 1 2; do
		grep -qx "field image.$k |u1 4 4 3" head
		grep -qx "field depth.$k <f4 4 4" head
	done
}

@test "--size moves keypoints and boxes of pictures of different sizes, each with its own" {
	py '
box = f4([[[0, 1, 1, 2, 2], [-1, 0, 0, 0, 0]], [[1, 0, 2, 4, 8], [-1, 0, 0, 0, 0]]])
found = f4([[[0, .5, 1, 1, 2, 2]], [[1, .5, 0, 2, 4, 8]]])
points = f4([[[1, 1, 1], [9, 9, 1]], [[2, 8, 1], [3, 4, 0]]])
at, hwc = np.array([0, 4, 36], "<i8"), np.array([[2, 2, 1], [8, 4, 1]], "<i4")
s = Stream("field image.at <i8 -1\nfield image.hwc <i4 3\nfield image |u1 -1\nfield boxes <f4 2 5\n"
	"field detections <f4 1 6\nfield keypoints <f4 2 3\nfield index <i8\n".replace("-1", "*"))
def t(k, v, whole=0):
	return (k, v.dtype.str, v.shape, whole, v.tobytes())
s.batch(2, [t("image.at", at, 1), t("image.hwc", hwc), t("image", np.arange(36, dtype="|u1"), 1),
	t("boxes", box), t("detections", found), t("keypoints", points), t("index", np.arange(2, dtype="<i8"))])
s.end_epoch()
open("r.cvt", "wb").write(s.done())'
	cv-read --size 4x8 --channels 1 r.cvt -o got.cvt
	py '
h, f = read("got.cvt")
assert f["image"].shape == (2, 4, 8, 1) and "image.at" not in f
assert f["boxes"].tolist() == [[[0, 4, 2, 8, 4], [-1, 0, 0, 0, 0]], [[1, 0, 1, 8, 4], [-1, 0, 0, 0, 0]]], f
assert f["detections"].tolist() == [[[0, .5, 4, 2, 8, 4]], [[1, .5, 0, 1, 8, 4]]], f
assert f["keypoints"].tolist() == [[[4, 2, 1], [36, 18, 0]], [[4, 4, 1], [6, 2, 0]]], f["keypoints"]'
}

@test "--size and --channels reshape clips frame by frame" {
	cv-gen shapes -n 9 --size 8x8 --clip 3 --fields image,label -o c.cvt
	cv-read --no-history --size 5x6 c.cvt >got.cvt
	cv-augment --no-history -i c.cvt resize=5,6 | cv-view --diff - got.cvt
	cv-read --no-history --size 5x6 --val-fraction 0.3 c.cvt | cv-view --head | grep -qx 'field image |u1 3 5 6 3'
	cv-read --no-history --size 5x6 --channels 1 c.cvt -o got.cvt
	py '
h, c = read("c.cvt")
h, g = read("got.cvt")
write("flat.cvt", image=c["image"].reshape(27, 8, 8, 3))
assert g["image"].shape == (9, 3, 5, 6, 1)'
	cv-read --size 5x6 --channels 1 flat.cvt -o flat2.cvt
	py '
assert np.array_equal(read("got.cvt")[1]["image"].ravel(), read("flat2.cvt")[1]["image"].ravel())
m = np.arange(2 * 3 * 8 * 8).astype("|u1").reshape(2, 3, 8, 8)
write("m.cvt", image=np.repeat(m[..., None], 3, 4), mask=m)'
	cv-augment --no-history -i m.cvt resize=4 -o want.cvt
	cv-read --no-history --size 4x4 m.cvt | cv-view --diff - want.cvt
}

@test "--size and --channels refuse pictures that are no bytes, or no pictures" {
	py '
write("f.cvt", image=np.zeros((2, 4, 4, 3), "<f4"))
write("d.cvt", image=np.zeros((2, 4, 4), "|u1"))'
	for o in '--size 2x2' '--channels 1' '--size 2x2 --shuffle'; do
		fails 3 cv-read $o f.cvt
		[[ $message == *"'image' is <f4; --size and --channels work on |u1" ]]
	done
	fails 3 cv-read --size 2x2 d.cvt
	[[ $message == *"'image' has 2 dimensions a row; a picture has H, W, C"* ]]
}

@test "rows of soft labels are chosen by their greatest share" {
	py '
y = f4([[.9, .1, 0], [.2, .8, 0], [0, 0, 0], [.6, .4, 0], [0, .5, .5], [1, 0, 0], [0, 1, 0]])
hard = i4(0, 1, -1, 0, 1, 0, 1)
write("soft.cvt", classes("a", "b", "c"), label=y, x=hard, frame=2)
write("hard.cvt", classes("a", "b", "c"), label=hard, x=hard, frame=2)'
	x() { cv-view --tsv - | awk -F '\t' 'NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i; next} {printf "%s ", $at["index"]}'; }
	for o in '--per-class 1' --balance '--classes b' '--classes b --shuffle' '--per-class 1 --shuffle' \
		'--labelled 1' '--balance --labelled 2' '--episodes 2x1+1 --count 3'; do
		cv-read $o soft.cvt >got
		cv-read $o hard.cvt | x >want
		x <got | cmp - want
		cat soft.cvt | cv-read $o | cv-view --diff - got
	done
	cv-read --labelled 1 soft.cvt -o got.cvt
	cv-read --labelled 1 hard.cvt -o want.cvt
	py '
s, h = read("got.cvt")[1]["label"], read("want.cvt")[1]["label"]
assert ((s.sum(1) > 0) == (h >= 0)).all() and (h >= 0).sum() == 2, (s, h)
assert s.sum() == 2 and s.shape == (7, 3)'
	cv-gen shapes -n 300 --size 8x8 | cv-augment mixup=1 -o mixed.cvt
	cv-read --per-class 3 mixed.cvt | cv-view --head | grep -qx 'rows 30'
}
