#!/usr/bin/env bats
# Promise 1 from outside: bombs and files that lie are refused in under a second of processor time
# and 128 MiB of addresses, with one line that names the option which raises the limit; and what else
# could hurt: names that a terminal would obey, limits of the shell, two writers, numbers that are none.
load helper
load py

setup_file() {
	export BATS_TEST_TIMEOUT=60
}

# refused CODE TEXT COMMAND...: within a second and 128 MiB, one line that has TEXT.
refused() {
	local want=$1 text=$2
	shift 2
	if [[ ${TESTS:-} == *san ]]; then
		fails "$want" "$@"
	else
		fails "$want" sh -c 'ulimit -v 131072; ulimit -t 1; exec "$@"' sh "$@"
	fi
	[[ $message == *"$text"* ]] || { echo "$message"; return 1; }
}

# strained [-KIB] COMMAND...: within the same, or KIB and two seconds; a sanitizer's program takes more.
strained() {
	local addresses=131072 seconds=1
	if [[ $1 == -* ]]; then
		addresses=${1#-} seconds=2
		shift
	fi
	if [[ ${TESTS:-} == *san ]]; then "$@"; else (ulimit -v "$addresses" -t "$seconds" && "$@"); fi
}

bombs='
import struct, zlib
def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
def png(path, w, h, data, extra=b"", colour=0):
    open(path, "wb").write(b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, colour, 0, 0, 0)) + extra
        + chunk(b"IDAT", data) + chunk(b"IEND", b""))
def zeros(megabytes, wbits=15):
    "A deflated run of zeros: blocks of a megabyte, each on its own, repeated."
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = z.compress(bytes(1 << 20)) + z.flush(zlib.Z_FULL_FLUSH)
    return block * megabytes + b"\3\0"
'

@test "pictures that unpack to gigabytes" {
	py "$bombs
png('square.png', 20000, 20000, b'\x78\xda' + zeros(400)[:48000])
png('line.png', 2**31 - 1, 1, b'x')
png('thin.png', 65535, 1, b'x')
png('text.png', 2, 2, zlib.compress(bytes(6)),
    b''.join(chunk(b'zTXt', b'k%d\0\0\x78\xda' % i + zeros(64)) for i in range(60)))
png('chunks.png', 2, 2, zlib.compress(bytes(6)), chunk(b'tEXt', b'k\0v') * 200000)
png('profile.png', 2, 2, zlib.compress(bytes(6)), chunk(b'iCCP', b'k\0\0\x78\xda' + zeros(300)))"
	refused 4 --max-pixels cv-read square.png
	refused 4 --max-side cv-read line.png
	refused 4 --max-side cv-read thin.png
	for f in text chunks profile; do # what is no picture is passed over, not unpacked
		strained cv-read $f.png | cv-view --stat - | grep -qx 'rows 1'
	done
	printf 'P5 70000 70000 255\n' >large.pgm
	refused 4 --max-side cv-read large.pgm
	refused 4 --max-pixels cv-read --max-side 100k large.pgm
	printf 'P7\nWIDTH 99999999999999999999\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nENDHDR\n' >large.pam
	refused 3 large.pam cv-read large.pam
}

@test "a JPEG of many scans" {
	py "
import struct
def seg(m, b): return b'\xff' + bytes([m]) + struct.pack('>H', len(b) + 2) + b
def scan(s, e, h, l): return seg(0xda, bytes([1, 1, 0, s, e, h << 4 | l])) + b'\x7f'
dht = lambda c: seg(0xc4, bytes([c, 1] + [0] * 15 + [0]))
head = (b'\xff\xd8' + seg(0xdb, bytes([0] + [1] * 64)) + seg(0xc2, bytes([8, 0, 8, 0, 8, 1, 1, 0x11, 0]))
        + dht(0x00) + dht(0x10) + scan(0, 0, 0, 0))
band = lambda: b''.join(scan(k, k, 0, 3) + scan(k, k, 3, 2) + scan(k, k, 2, 1) + scan(k, k, 1, 0)
                        for k in range(1, 64))
open('some.jpg', 'wb').write(head + band()[:11 * 190] + b'\xff\xd9')
open('scans.jpg', 'wb').write(head + band() + b'\xff\xd9')
open('many.jpg', 'wb').write(head + scan(1, 63, 0, 0) * 80000 + b'\xff\xd9')"
	cv-read some.jpg | cv-view --head | grep -qx 'field image |u1 8 8 1'
	refused 4 --max-scans cv-read scans.jpg
	cv-read --max-scans 300 scans.jpg >/dev/null
	refused 4 --max-scans cv-read many.jpg
	# 198 scans of 64 bytes, each of which says that a million blocks stay what they are.
	py "
import struct
def seg(m, b): return b'\xff' + bytes([m]) + struct.pack('>H', len(b) + 2) + b
def dht(c, symbol): return seg(0xc4, bytes([c, 1] + [0] * 15 + [symbol]))
def scan(s, e, h, l, data): return seg(0xda, bytes([1, 1, 0, s, e, h << 4 | l])) + data
run = int(('0' + '1' * 14) * 33 + '1', 2).to_bytes(62, 'big').replace(b'\xff', b'\xff\0')
head = (b'\xff\xd8' + seg(0xdb, bytes([0] + [1] * 64)) + seg(0xc2, bytes([8, 32, 0, 32, 0, 1, 1, 0x11, 0]))
        + dht(0x00, 0) + dht(0x10, 0xe0) + scan(0, 0, 0, 0, bytes(131072)))
three = head.replace(bytes([1, 1, 0x11, 0]), bytes([3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0])).replace(
    b'\0\x0b\x08', b'\0\x11\x08')
bands = [scan(k, k, h, l, run) for k in range(1, 64) for h, l in ((0, 3), (3, 2), (2, 1), (1, 0))]
for n in 23, 197:
    open('large%d.jpg' % n, 'wb').write(head + b''.join(bands[:n]) + b'\xff\xd9')
open('colour.jpg', 'wb').write(three + b''.join(bands[:197]) + b'\xff\xd9')"
	refused 4 --max-scan-pixels cv-read large197.jpg
	[[ $message == "cv-read: large197.jpg: 198 scans of a JPEG of 8192 x 8192 pixels, and at most 1610612736 "* ]]
	refused 4 --max-scan-pixels cv-read colour.jpg
	refused 4 'raise cv-read --max-scan-pixels' cv-augment -i large197.jpg hflip
	cv-read large23.jpg | cv-view --head | grep -qx 'field image |u1 8192 8192 1'
	fails 4 cv-read large23.jpg --max-scan-pixels 1G
}

# named PROGRAM: the message names an option, and the program that it belongs to has it.
named() {
	[[ $message =~ (cv-read\ )?(--[a-z-]+)[^\ ]*$ || $message =~ (cv-read\ )?(--max-[a-z-]+) ]] || { echo "$message"; return 1; }
	local owner=${BASH_REMATCH[1]:-$1} option=${BASH_REMATCH[2]}
	$owner --help=tsv | cut -f 1 | grep -qx -e "$option" || { echo "$owner has no $option: $message"; return 1; }
}

@test "the option that a limit's message names is one of the program it speaks of" {
	echo 'input image 8 8 3
flatten | fc: linear classes' >tiny.arch
	cv-gen shapes -n 4 --size 8x8 -o s.cvt
	cv-train -q --arch tiny.arch --epochs 0 --num-classes 2 -o net.st
	printf 'P5 40000 1 255\n' >side.pgm
	printf 'P5 10000 10000 255\n' >pixels.pgm
	head -c 20000000 /dev/zero | gzip >zeros.gz
	cp zeros.gz grown.idx.gz
	for f in side.pgm pixels.pgm grown.idx.gz; do
		for c in 'cv-read' 'cv-view --stat' 'cv-embed -w net.st --input' 'cv-augment hflip -i' 'cv-knn --bank s.cvt' \
			'cv-knn s.cvt --bank' 'cv-eval' 'cv-train -q --arch tiny.arch -o x.st'; do
			fails 4 $c $f
			named "${c%% *}"
		done
	done
	for command in 'cv-embed --arch tiny.arch s.cvt' 'cv-train -q --arch tiny.arch -o x.st s.cvt'; do
		fails 4 $command --batch-size 9223372036854775807
		named "${command%% *}"
	done
	# What no option raises is another code.
	printf 'hflip %.0s' $(seq 10001) >words
	fails 2 cv-augment -i s.cvt @words
	head -c 1048576 /dev/zero | tr '\0' ' ' >long
	fails 2 cv-augment -i s.cvt @long
	fails 2 cv-augment -i s.cvt --preview x.png $(printf 'hflip %.0s' $(seq 257))
	echo 'input image 8 8 3
up 9000000000000000000 | flatten | fc: linear classes' >up.arch
	echo 'input image 8 8 3
conv 64000 3 pad=1 | conv 64000 3 pad=1 | flatten | fc: linear classes' >wide.arch
	for f in up wide; do
		code=0
		cv-embed --arch $f.arch s.cvt >/dev/null 2>said || code=$?
		[ $code -eq 2 ] || [ $code -eq 3 ] || { cat said; return 1; }
	done
}

@test "a limit of 0 is refused, not taken for the default" {
	cv-gen shapes -n 2 --size 8x8 -o s.cvt
	local count=0
	for option in $(cv-read --help=tsv | cut -f 1 | grep -e '^--max-'); do
		fails 2 cv-read s.cvt $option 0
		[[ $message == "cv-read: $option: must be at least 1" ]]
		count=$((count + 1))
	done
	[ $count -eq 10 ]
	for c in cv-augment cv-train cv-embed cv-distill cv-knn cv-eval cv-view cv-gen; do
		fails 2 $c --max-memory 0
		[[ $message == "$c: --max-memory: must be at least 1" ]]
	done
}

@test "rows that do not fit --max-memory, wherever they come from" {
	# 60 MB in one row: a hole, so that only who reads it sees it.
	printf "\223NUMPY\1\0v\0%-117s\n" "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 4000, 5000, 3), }" >wide.npy
	truncate -s 60000128 wide.npy
	printf '\0\0\10\4\0\0\0\1\0\0\17\240\0\0\23\210\0\0\0\3' >wide.idx
	truncate -s 60000020 wide.idx
	printf "\223NUMPY\1\0v\0%-117s\n" "{'descr': '<f8', 'fortran_order': False, 'shape': (1, 4000, 5000, 1), }" >real.npy
	truncate -s 160000128 real.npy
	cv-read wide.npy -o wide.cvt
	cv-view --head wide.cvt | grep -qx 'field image |u1 4000 5000 3'
	cv-read wide.cvt wide.cvt --max-memory 60M >/dev/null
	small() { # COMMAND...: refused before there is room for the row
		fails 4 sh -c 'ulimit -v 81920; exec "$@"' sh "$@" --max-memory 50M <wide.cvt
		[[ $message == *"MiB, and at most 50 are allowed; raise --max-memory" ]] || { echo "$message"; return 1; }
	}
	[[ ${TESTS:-} != *san ]] || small() { fails 4 "$@" --max-memory 50M <wide.cvt; }
	for f in - wide.cvt wide.npy wide.idx; do
		small cv-read $f
		small cv-view --stat $f
		small cv-augment hflip -i $f
	done
	small cv-read real.npy
	small cv-read wide.cvt wide.cvt
	fails 4 sh -c 'cat wide.cvt | cv-read - --shuffle --max-memory 50M'
	[[ $message == *--max-memory* ]]
	# Of different sizes, some at a time, and one where they are large.
	mkdir d
	for k in 1 2 3 4 5 6; do
		printf 'P5 5000 400%d 255\n' $k >d/$k.pgm
		head -c $((5000 * (4000 + k))) /dev/zero >>d/$k.pgm
	done
	fails 4 cv-read d --max-memory 10M
	[[ $message == *"pictures that are read together take more than 10 MiB; raise --max-memory" ]]
	[[ ${TESTS:-} == *san ]] || (ulimit -v 131072 && cv-read d >/dev/null)
	# As cvtools(7) says: a filter that changes a frame takes three times its size, another one twice.
	if [[ ${TESTS:-} != *san ]]; then
		(ulimit -v $((65536 + 3 * 58600)) && cv-augment hflip <wide.cvt >/dev/null)
		(ulimit -v $((65536 + 2 * 58600)) && cv-read - <wide.cvt >/dev/null)
		(ulimit -v $((65536 + 2 * 58600)) && cv-view --stat - <wide.cvt >/dev/null)
	fi
	# Frames as writers make them come through whatever is said.
	cv-gen shapes -n 3000 -o s.cvt
	cv-augment -i s.cvt hflip --max-memory 1 >/dev/null
}

@test "a PNG of many chunks, and files that are too long for a picture" {
	py "$bombs
png('many.png', 2, 2, zlib.compress(bytes(6)), chunk(b'tEXt', b'') * 1100000)
png('some.png', 2, 2, zlib.compress(bytes(6)), chunk(b'tEXt', b'') * 1000000)"
	refused 4 'raise cv-read --max-chunks' cv-read many.png
	refused 4 'raise cv-read --max-chunks' cv-augment -i many.png hflip
	strained cv-read some.png | cv-view --stat - | grep -qx 'rows 1'
	cv-read many.png --max-chunks 2M >/dev/null
	fails 4 cv-read some.png --max-chunks 1000000
	cp some.png long.png
	truncate -s 600M long.png
	mkdir -p d/a
	mv long.png d/a
	refused 4 'raise cv-read --max-compressed' cv-read d/a/long.png
	refused 4 'raise cv-read --max-compressed' cv-read d
	refused 4 'raise cv-read --max-compressed' cv-read d/a/long.png d/a/long.png
	cv-read some.png >/dev/null
	fails 4 cv-read some.png --max-compressed 1M
	fails 4 sh -c 'cat some.png | cv-read --max-compressed 1M'
	tar cf some.tar some.png
	fails 4 cv-read some.tar --max-compressed 1M
	[[ $message == 'cv-read: some.tar/some.png: larger than 1048576 bytes; raise cv-read --max-compressed' ]]
	printf 'P5 2000 2000 255\n' >plain.pgm # of one that is not compressed, --max-pixels says enough
	head -c 4000000 /dev/zero >>plain.pgm
	cv-read plain.pgm --max-compressed 1M >/dev/null
}

@test "compressed data that grows without end" {
	py "$bombs
body = zeros(2000)
open('zeros.gz', 'wb').write(b'\x1f\x8b\x08\0\0\0\0\0\0\3' + body + bytes(8))
head = struct.pack('>HBBIII', 0, 8, 3, 2000000, 28, 28)
z = zlib.compressobj(9, zlib.DEFLATED, 31)
open('idx.gz', 'wb').write(z.compress(head) + z.flush(zlib.Z_FULL_FLUSH) + body)
name = b'a/1.png'
local = struct.pack('<IHHHHHIIIHH', 0x04034b50, 20, 0, 8, 0, 0, 0, len(body), 2000 << 20, len(name), 0) + name
def central(at, name=name, n=None):
    return struct.pack('<IHHHHHHIIIHHHHHII', 0x02014b50, 20, 20, 0, 8, 0, 0, 0, n or len(body),
        2000 << 20, len(name), 0, 0, 0, 0, 0, at) + name
def end(n, size, at): return struct.pack('<IHHHHIIH', 0x06054b50, 0, 0, n, n, size, at, 0)
c = central(0)
open('one.zip', 'wb').write(local + body + c + end(1, len(c), len(local + body)))
c = b''.join(central(0, b'a/%03d.png' % i) for i in range(900))
open('overlap.zip', 'wb').write(local + body + c + end(900, len(c), len(local + body)))
def tar(name, size, kind=b'0'):
    h = bytearray(512)
    h[0:len(name)] = name; h[100:107] = b'0000644'; h[124:136] = b'%011o ' % size
    h[156:157] = kind; h[257:265] = b'ustar\x0000'; h[148:156] = b' ' * 8
    h[148:156] = b'%06o\0 ' % sum(h)
    return bytes(h)
open('huge.tar', 'wb').write(tar(b'a/1.png', 8 * 1024**3 - 1) + bytes(1024))
open('names.tar', 'wb').write(b''.join(tar(b'a/%d.png' % i, 0) for i in range(3000)) + bytes(1024))"
	refused 4 --max-expansion cv-read zeros.gz
	refused 4 --max-expansion cv-read idx.gz
	refused 4 --max-expansion cv-read one.zip
	code=0
	strained cv-read overlap.zip >/dev/null 2>said || code=$?
	[ $code -eq 3 ] || [ $code -eq 4 ] && [ "$(wc -l <said)" -eq 1 ]
	refused 3 huge.tar cv-read huge.tar
	refused 4 --max-entries cv-read names.tar --max-entries 1000
	gzip -c <names.tar | gzip -c | gzip -c >three.gz # one layer comes off, not all
	refused 3 three.gz cv-read three.gz
}

@test "headers that promise more than there is" {
	printf '\223NUMPY\1\0v\0{"descr": "|u1", "fortran_order": False, "shape": (99999999999, 28, 28), }\n' >big.npy
	refused 3 big.npy cv-read big.npy
	printf '\223NUMPY\2\0\377\377\377\377{' >long.npy
	refused 3 long.npy cv-read long.npy
	printf '\0\0\10\377' >dims.idx
	head -c 1100 /dev/zero | tr '\0' '\377' >>dims.idx
	code=0
	strained cv-read dims.idx --format idx >/dev/null 2>said || code=$?
	[ $code -eq 3 ]
	printf '\0\0\10\4\177\377\377\377\177\377\377\377\177\377\377\377\0\0\0\3' >big.idx
	refused 3 big.idx cv-read big.idx
	py "
import struct
for n in 0, 1, 10**8, 10**8 + 1, 2**31, 2**62, 2**64 - 1:
    open('n%d.st' % n, 'wb').write(struct.pack('<Q', n) + b'{\"a\":{}}')
open('deep.st', 'wb').write(struct.pack('<Q', 200000) + b'[' * 200000)
open('deep.arch', 'w').write('input image 8 8 3\n' + '( ' * 100000)
open('wide.arch', 'w').write('input image 8 8 3\nflatten | ' + ' | '.join(['linear 1000000'] * 50))
open('many.arch', 'w').write('input image 8 8 3\nflatten ' + '| relu ' * 300000)
open('power.arch', 'w').write('input image 8 8 3\n' + 'def f0 = relu\n'
    + ''.join('def f%d = f%d | f%d\n' % (i, i - 1, i - 1) for i in range(1, 64)) + 'flatten | f63 | fc: linear 2')"
	for f in n*.st deep.st; do refused 3 "$f" cv-view --head "$f"; done
	cv-gen shapes -n 4 --size 8x8 -o s.cvt
	for f in deep many power; do
		code=0
		strained -1000000 cv-embed --arch $f.arch s.cvt >/dev/null 2>said || code=$?
		[ $code -eq 2 ] || [ $code -eq 4 ] || { echo "$f: $code"; head -c 300 said; return 1; }
		[ "$(wc -l <said)" -eq 1 ]
	done
	code=0
	strained -1000000 cv-embed --arch wide.arch s.cvt >/dev/null 2>said || code=$?
	[ $code -eq 1 ] || [ $code -eq 3 ] || [ $code -eq 4 ] || { echo $code; cat said; return 1; }
	[ "$(wc -l <said)" -eq 1 ]
}

@test "names that a terminal would obey are printed quoted" {
	local evil=$'\e]0;owned\a\e[2Jx'
	mkdir -p "d/$evil" d/b
	for c in "$evil" b; do printf 'P5 1 1 255\na' >"d/$c/1.pgm"; done
	printf 'P5 9 9 255\na' >"d/$evil/2.pgm"
	tar cf d.tar d
	for what in d d.tar "d/$evil/2.pgm"; do
		fails 3 cv-read "$what"
		refute grep -q $'[\001-\010\013-\037]' stderr.out
		grep -q '\\033' stderr.out
	done
	rm "d/$evil/2.pgm"
	cv-read d -o d.cvt
	for show in --head --stat --tsv --history --validate; do
		cv-view $show d.cvt >shown 2>&1
		refute grep -q $'\e' shown
	done
	fails 2 cv-read d --classes "$evil$evil"
	refute grep -q $'\e' stderr.out
	fails 2 cv-read "--$evil"
	refute grep -q $'\e' stderr.out
}

@test "the file size limit of a shell is an error, not a death" {
	for f in 1 64; do
		fails 1 sh -c "ulimit -f $f && exec cv-gen shapes -n 200 -o x.cvt"
		[[ $message == *"File too large"* ]]
		[ ! -e x.cvt ]
		fails 1 sh -c "ulimit -f $f && exec cv-gen shapes -n 200 >y.cvt"
	done
}

@test "two writers of one target leave one whole file" {
	cv-gen shapes -n 40 --seed 1 -o one
	cv-gen shapes -n 40 --seed 2 -o two
	mkdir out
	for round in $(seq 10); do
		local pids=()
		for k in 1 2 1 2; do
			cv-gen shapes -n 40 --seed $k -o out/x 3>&- &
			pids+=($!)
		done
		wait "${pids[@]}"
		cmp -s out/x one || cmp -s out/x two
		[ "$(ls -A out)" = x ]
		[ $((round % 2)) -eq 0 ] || rm out/x
	done
}

@test "a loss that is no number ends with 5, before the step, and says where" {
	cat >tiny.arch <<-'END'
		input image 8 8 3
		flatten | embedding: linear 8 | relu | fc: linear classes
	END
	cv-gen shapes -n 256 --size 8x8 -o s.cvt
	fails 5 cv-train -q --arch tiny.arch --lr 1e30 -b 32 --epochs 3 -o net.st s.cvt
	for word in step loss 'learning rate' gradient; do
		[[ $message == *"$word"* ]] || { echo "$message lacks $word"; return 1; }
	done
	[ ! -e net.st ]
}

@test "a signal that comes twice in a moment, as timeout(1) sends it, is one" {
	[[ ${TESTS:-} != *san ]] || skip "signals are the sanitizer's"
	echo "input image 8 8 3
flatten | fc: linear classes" >tiny.arch
	cv-gen shapes -n 200 --size 8x8 -o s.cvt
	for i in 1 2 3 4 5; do
		code=0
		cv-train -q --arch tiny.arch -b 32 --epochs 1000000 --sched constant -o net.st s.cvt 2>said &
		pid=$!
		sleep 0.3
		kill -INT $pid $pid
		wait $pid || code=$?
		[ $code -eq 130 ]
		grep -q -e '--resume auto' said
		[ -e net.st.ckpt ]
		rm net.st.ckpt
	done
}

@test "the second signal leaves at once, and what was saved stays" {
	[[ ${TESTS:-} != *san ]] || skip "signals are the sanitizer's"
	cat >tiny.arch <<-'END'
		input image 8 8 3
		flatten | embedding: linear 8 | fc: linear classes
	END
	cv-gen shapes -n 200 --size 8x8 -o s.cvt
	mkfifo pipe
	cv-train -q --arch tiny.arch -b 32 -o net.st pipe 2>said &
	pid=$!
	exec 9>pipe
	cat s.cvt | head -c 3000 >&9
	sleep 0.3
	kill -INT $pid
	sleep 0.1
	kill -INT $pid 2>/dev/null || true
	code=0
	wait $pid || code=$?
	exec 9>&-
	[ $code -eq 130 ]
	[ ! -e net.st ]
	[ "$(wc -l <said)" -le 1 ]
	# In the middle of a step, which is long: the first is heeded behind it, the second not so late.
	cv-gen shapes -n 800 -o large.cvt
	cv-train -q --arch resnet20 -b 800 --threads 1 -o net.st large.cvt 2>said &
	pid=$!
	until [ "$(cut -d ' ' -f 14 /proc/$pid/stat)" -ge 30 ]; do sleep 0.02; done # hundredths of a second
	kill -INT $pid
	sleep 0.1
	kill -INT $pid
	code=0
	wait $pid || code=$?
	[ $code -eq 130 ]
	[ ! -s said ] && [ ! -e net.st ]
}

@test "a stack of 64 KiB is enough: every method, every tool, texts nested as deep as they may be" {
	[[ ${TESTS:-} != *san ]] || skip "a sanitizer's frames are large"
	load ways
	WAYS_EPOCHS=1 ways_data
	local w name in command
	for w in "${method_ways[@]}" "${tool_ways[@]}"; do
		read -r name in command <<<"$w"
		[ "$in" != - ] || in=/dev/null
		# shellcheck disable=SC2086 # a way is words
		sh -c 'ulimit -s 64; exec "$@"' sh $command --threads 3 -o out <"$in" || { echo "$name"; return 1; }
	done
	small() {
		fails "$1" sh -c 'ulimit -s 64; exec "$@"' sh "${@:2}"
	}
	local open='' close='' i
	for i in {1..60}; do open+='{ ' close+=' }'; done
	echo "input image 8 8 3
$open conv 3 3 $close | flatten | linear classes" >deep.arch
	sh -c 'ulimit -s 64; exec "$@"' sh cv-train -q --arch deep.arch -o deep.st one.cvt
	sed 's/conv/comv/' deep.arch >wrong.arch
	small 2 cv-train --arch wrong.arch -o x.st one.cvt
	[[ $message == *"did you mean 'conv'"* ]]
	small 2 cv-train --arch net.arch --let clases=3 -o x.st one.cvt
	mkdir many
	cv-view -q one.cvt -n 1 -o many/a.png
	tar -cf many.tar many
	for i in many.tar many/a.png; do
		sh -c 'ulimit -s 64; exec "$@"' sh cv-read "$i" -o out
	done
}
