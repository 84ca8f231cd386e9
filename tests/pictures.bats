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
	fails 4 cv-read d
	[[ $message == *"d: folders in folders beyond 32"* ]]
	rm -r d/x
	for k in 1 2 3; do mkdir d/$k; done
	fails 4 cv-read d --max-entries 2
	[[ $message == *"more than 2 folders; raise --max-entries"* ]]
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
