# The stream as commands meet it: golden streams, the second implementation, failures that travel,
# outputs that are whole or absent. What is inside is tests/unit/stream.c and stream_damage.c.
load helper

golden=$BATS_TEST_DIRNAME/golden
good="basic epochs ragged padded joined foreign"

python() { # the interpreter that has numpy
	for p in /usr/bin/python3 python3; do
		"$p" -c 'import numpy' 2>/dev/null && echo "$p" && return
	done
	skip "no numpy here"
}

@test "golden streams are read by every version" {
	for s in $good; do
		cv-view --validate "$golden/v1/$s.cvt"
	done
	cv-view --validate --allow-empty "$golden/v1/empty.cvt"
}

@test "golden streams are what their script writes" {
	mkdir made
	python3 "$golden/make_streams.py" made || skip "no python here"
	for s in "$golden"/v1/*.cvt; do
		cmp "$s" "made/${s##*/}"
	done
}

@test "the numpy reader agrees on every golden stream" {
	p=$(python)
	for s in $good; do
		"$p" "$golden/compare.py" "$golden/v1/$s.cvt"
	done
}

@test "the numpy reader agrees on what we write" {
	p=$(python)
	for s in basic epochs ragged padded foreign; do
		cv-read "$golden/v1/$s.cvt" -o "$s.cvt"
		"$p" "$golden/compare.py" "$s.cvt"
		cv-view --diff "$golden/v1/$s.cvt" "$s.cvt"
	done
}

@test "the numpy reader refuses what is cut or failed" {
	p=$(python)
	head -c 1024 "$golden/v1/basic.cvt" >cut.cvt
	refute "$p" "$BATS_TEST_DIRNAME/../formats/read_cvt.py" cut.cvt
	refute "$p" "$BATS_TEST_DIRNAME/../formats/read_cvt.py" "$golden/v1/failed.cvt"
}

@test "cv-stream(5) prints the numpy reader that is tested" {
	sed -n '/^\.Bd -literal$/,/^\.Ed$/p' "$BATS_TEST_DIRNAME/../formats/cv-stream.5" |
		sed -e 1d -e '$d' -e 's/\\-/-/g' -e 's/\\e/\\/g' |
		cmp - "$BATS_TEST_DIRNAME/../formats/read_cvt.py"
}

@test "a stream without rows is an error, unless --allow-empty" {
	fails 3 cv-view --validate "$golden/v1/empty.cvt"
	[[ $message == *--allow-empty* ]]
	cv-view --head "$golden/v1/empty.cvt" | grep -q '^field image |u1 4 5 3$'
}

@test "a stream cut anywhere is refused, from a file and from a pipe" {
	size=$(stat -c %s "$golden/v1/basic.cvt")
	for n in 1 63 64 65 500 832 1000 1500 $((size - 64)) $((size - 1)); do
		head -c "$n" "$golden/v1/basic.cvt" >cut.cvt
		fails 3 cv-view --validate cut.cvt
		fails 3 sh -c 'cat cut.cvt | cv-view --validate'
	done
}

@test "a message names the source, the frame and the byte" {
	head -c 1500 "$golden/v1/basic.cvt" >cut.cvt
	fails 3 cv-view --validate cut.cvt
	[[ $message == "cv-view: cut.cvt: frame "*" at byte "*"DONE"* ]]
}

@test "single bytes dribbling in make no difference" {
	cv-view --tsv "$golden/v1/foreign.cvt" >whole.tsv
	dd if="$golden/v1/foreign.cvt" bs=1 2>/dev/null | cv-view --tsv >dribble.tsv
	cmp whole.tsv dribble.tsv
}

@test "the reason of a failure travels to the end of the pipeline" {
	fails 3 cv-view --validate "$golden/v1/failed.cvt"
	[ "$message" = "cv-view: cv-read: x.png: truncated" ]
	fails 3 sh -c 'cat "$0" | cv-read | cv-read | cv-view --validate' "$golden/v1/failed.cvt"
	[ "$message" = "cv-view: cv-read: x.png: truncated" ]
}

@test "parts are read as one epoch, and damage in the second is found" {
	cv-view --stat "$golden/v1/joined.cvt" >stat
	grep -qx 'rows 5' stat
	grep -qx 'epochs 1' stat
	grep -qx 'parts 2' stat
	head -c 1900 "$golden/v1/joined.cvt" >cut.cvt
	fails 3 cv-view --validate cut.cvt
	cat "$golden/v1/basic.cvt" "$golden/v1/ragged.cvt" >mixed.cvt
	fails 3 cv-view --validate mixed.cvt
	[[ $message == *fields* ]]
}

many() { # 200 parts in many.cvt
	for _ in $(seq 200); do cat "$golden/v1/basic.cvt"; done >many.cvt
}

@test "filters pass parts on as parts" {
	command -v cv-augment cv-embed || skip "no filters here"
	cat "$golden/v1/joined.cvt" | cv-augment hflip | cv-embed --arch mlp | cv-view --stat >stat
	grep -qx 'rows 5' stat
	grep -qx 'epochs 1' stat
	grep -qx 'parts 2' stat
}

# ---- outputs --------------------------------------------------------------------------------------

@test "a full disk is an error, wherever it shows" {
	[ -e /dev/full ] || skip "no /dev/full"
	fails 1 cv-view --stat "$golden/v1/basic.cvt" -o /dev/full
	fails 1 sh -c 'cv-view --stat "$0" >/dev/full' "$golden/v1/basic.cvt"
	fails 1 sh -c 'cv-read "$0" >/dev/full' "$golden/v1/basic.cvt"
}

@test "a full file system leaves the old file" {
	unshare -rm mount -t tmpfs none "$PWD" 2>/dev/null || skip "no private mounts here"
	many
	mkdir small
	unshare -rm sh -c '
		mount -t tmpfs -o size=64k tmpfs small
		echo old >small/x
		cv-view --npy image many.cvt -o small/x 2>err
		echo "$? $(cat small/x) $(ls -A small)" >result
	'
	[ "$(cat result)" = "1 old x" ]
	grep -q 'small/x: cannot be written: No space left' err
}

@test "a failed output leaves the old file, and nothing else" {
	mkdir out
	echo old >out/x
	fails 3 cv-view --tsv "$golden/v1/failed.cvt" -o out/x
	[ "$(cat out/x)" = old ]
	[ "$(ls -A out)" = x ]
}

@test "an output takes its place whole, with the old one's mode, through a link" {
	mkdir out
	echo old >out/x
	chmod 640 out/x
	ln -s x out/link
	cv-view --head "$golden/v1/basic.cvt" -o out/link
	[ -L out/link ]
	[ "$(stat -c %a out/x)" = 640 ]
	cv-view --head "$golden/v1/basic.cvt" | cmp - out/x
	[ "$(ls -A out | wc -l)" -eq 2 ]
}

@test "a link that leads nowhere yet stays one, and what it points to is made" {
	mkdir out elsewhere
	ln -s ../elsewhere/x out/link
	ln -s link out/chain
	ln -s "$PWD/elsewhere/y" out/absolute
	for o in chain link absolute; do
		cv-view --head "$golden/v1/basic.cvt" -o out/$o
		[ -L out/$o ]
	done
	for x in x y; do
		cv-view --head "$golden/v1/basic.cvt" | cmp - elsewhere/$x
		[ ! -L elsewhere/$x ]
	done
	rm elsewhere/x
	cp "$golden/v1/failed.cvt" failed.cvt
	fails 3 cv-view --tsv failed.cvt -o out/chain
	[ -L out/chain ] && [ ! -e elsewhere/x ]
	cv-gen shapes -n 30 --size 8x8 |
		cv-train -q --arch mlp -o out/link --metrics out/m
	[ -L out/link ] && cv-view --validate elsewhere/x
	[ "$(ls -A out | tr '\n' ' ')" = 'absolute chain link m ' ]
	ln -s nowhere/x out/lost
	ln -s loop out/loop
	fails 1 cv-view --head "$golden/v1/basic.cvt" -o out/lost
	fails 1 cv-view --head "$golden/v1/basic.cvt" -o out/loop
	[ -L out/lost ] && [ -L out/loop ]
}

@test "a folder that is not there, or cannot be written, is said" {
	fails 1 cv-view --head "$golden/v1/basic.cvt" -o nowhere/x
	fails 1 cv-view --head "$golden/v1/basic.cvt" -o .
}

@test "output equal to input is refused" {
	cp "$golden/v1/basic.cvt" x.cvt
	fails 2 cv-view --tsv x.cvt -o x.cvt
	fails 2 cv-view --tsv x.cvt -o ./x.cvt
	cmp x.cvt "$golden/v1/basic.cvt"
}

# A reader that waits for a pipe with its output open.
start_waiting() {
	mkfifo pipe
	"$@" cv-view --tsv -o out/x <pipe 2>/dev/null &
	pid=$!
	exec 9>pipe
	head -c 900 "$golden/v1/basic.cvt" >&9
	sleep 0.3
}

@test "a killed program leaves nothing behind" {
	for signal in INT TERM KILL; do
		mkdir out
		start_waiting env
		kill -$signal $pid
		exec 9>&-
		refute wait $pid
		[ -z "$(ls -A out)" ]
		rm -r out pipe
	done
}

@test "neither does it where the file system knows no unnamed files" {
	[ "${TESTS:-}" != asan ] || skip "a sanitizer must be loaded first"
	cc -shared -fPIC -o no_tmpfile.so "$BATS_TEST_DIRNAME/faults/no_tmpfile.c" -ldl
	mkdir out
	start_waiting env LD_PRELOAD="$PWD/no_tmpfile.so"
	[ "$(ls -A out | wc -l)" -eq 1 ]
	kill -TERM $pid
	exec 9>&-
	refute wait $pid
	[ -z "$(ls -A out)" ]
	LD_PRELOAD=$PWD/no_tmpfile.so cv-view --head "$golden/v1/basic.cvt" -o out/x
	cv-view --head "$golden/v1/basic.cvt" | cmp - out/x
	[ "$(ls -A out)" = x ]
}

@test "a reader that has enough ends the pipeline quietly" {
	many
	cv-view --tsv many.cvt 2>err | head -n 1
	[ "${PIPESTATUS[0]}" -eq 0 ]
	[ ! -s err ]
}

@test "standard descriptors may be closed" {
	cv-view --validate "$golden/v1/basic.cvt" <&- >&- 2>&-
	fails 1 sh -c 'cv-view --head "$0" >&-' "$golden/v1/basic.cvt"
}

@test "an epoch without rows has its end, too" {
	cv-gen shapes -n 5 --size 8x8 -o five.cvt
	cv-read five.cvt --take 0 --allow-empty -o a.cvt
	cv-gen shapes -n 0 --size 8x8 --allow-empty -o b.cvt
	for f in a b; do [ "$(strings -n 4 $f.cvt | grep -c EPOC)" -eq 1 ]; done
	[ "$(cv-read five.cvt --take 2 | strings -n 4 | grep -c EPOC)" -eq 1 ]
	cv-view --validate --allow-empty a.cvt
}

@test "rows whose part was dropped, renamed or pasted do not contradict what HEAD counts" {
	cv-gen shapes -n 40 --size 8 | cv-read --val-fraction 0.3 -o v.cvt
	cv-read v.cvt --select part -o part.cvt
	cv-gen shapes -n 40 --size 8 -o plain.cvt
	printf 'input image 8 8 3\nflatten | embedding: linear 3\n' >tiny.arch
	cv-read v.cvt --drop part -o drop.cvt
	cv-read v.cvt --select label -o select.cvt
	cv-read v.cvt --rename part=role -o rename.cvt
	cv-read rename.cvt --rename role=part -o back.cvt
	cv-read plain.cvt --paste part.cvt -o paste.cvt
	cv-embed --arch tiny.arch --keep label v.cvt -o embed.cvt
	for s in drop select rename back paste embed; do
		cv-view --validate $s.cvt || { echo "$s"; return 1; }
	done
	[ "$(cv-view --head v.cvt | grep -c '^val [1-9]')" -eq 1 ]
	refute grep -a '^val [1-9]' drop.cvt select.cvt rename.cvt embed.cvt
}
