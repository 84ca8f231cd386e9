#!/usr/bin/env bats
# What a stranger's file says of itself is printed for people: it runs nothing, and moves no terminal.
load helper
load py

setup_file() {
	export BATS_TEST_TIMEOUT=60
	cd "$BATS_FILE_TMPDIR"
	printf 'input image 8 8 3\nflatten | fc: linear classes\n' >tiny.arch
	cv-gen shapes -n 3 --size 8x8 -o s.cvt
	cv-train -q --epochs 0 --arch tiny.arch -o net.st s.cvt
}

setup() {
	cp "$BATS_FILE_TMPDIR"/* "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR" || exit 1
}

# says PYTHON: x.cvt and x.st whose history is that list of lines.
says() {
	py "
import json
lines = ''.join('prog %s\n' % l for l in [$1])
write('x.cvt', lines, label=i4(0, 1))
b = open('net.st', 'rb').read()
n = int.from_bytes(b[:8], 'little')
h = json.loads(b[8:8 + n])
h['__metadata__']['cv.history'] = lines
j = json.dumps(h).encode()
open('x.st', 'wb').write(len(j).to_bytes(8, 'little') + j + b[8 + n:])"
}

@test "--history gives a shell nothing but our programs and words" {
	for line in '0 rm 1: touch PWNED' '0 cv-train 1: cv-train $(touch PWNED)' \
		'0 cv-train 1: cv-train `touch PWNED`' '0 cv-read 1: cv-read a;touch PWNED' \
		'0 cv-read 1: cv-read a & touch PWNED' '0 cv-read 1: cv-read a || touch PWNED' \
		'0 cv-read 1: cv-read "$(touch PWNED)"' "0 cv-read 1: cv-read 'a'\$(touch PWNED)'b'" \
		"0 cv-read 1: cv-read 'a" '0 cv-read 1: ./cv-read a' '0 touch: PWNED' \
		"0 cv-read 1: 'touch' PWNED" '0 cv-read 1: cv-read a > PWNED' '0 cv-read 1: cv-readx PWNED' \
		'0 cv-read 1: x=1 cv-read PWNED' '0 cv-read 1: cv-read a -o PWNED' \
		'0 cv-read 1: cv-read a --output PWNED' '0 cv-read 1: cv-read a --output=PWNED' \
		'0 cv-read 1: cv-read a -qoPWNED' "0 cv-read 1: cv-read a '--metrics' PWNED" \
		'0 cv-embed 1: cv-embed -o PWNED' '0 cv-read 1: cv-read a \' '0 cv-read 1: cv-read ~/PWNED' \
		'0 cv-read 1: cv-read *' '0 cv-read 1: cv-read \\$(touch PWNED)' \
		$'1 cv-read 1: cv-read a\r touch PWNED'; do
		LINE=$line says "'0 cv-gen 1: cv-gen shapes -n 1 --size 8x8 --seed 0', os.environ['LINE']"
		for f in x.cvt x.st; do
			cv-view --history $f >told
			[[ $line == 1* ]] || refute grep -v '^# ' told
			grep -q '^# .*\(a$\|a.*.$\|touch\|PWNED\|\*\)' told || { echo "$line"; cat told; return 1; }
			if [[ $line != 1* ]]; then sh told </dev/null; fi
			sh -n told
			[ ! -e PWNED ] || { echo "$line"; return 1; }
		done
	done
}

@test "--history quotes words anew, and prints what is ours as it stood" {
	says "'''0 cv-read 1: cv-read 'a b/' 'it'\\\\''s' --seed 3''', '0 cv-embed 1: cv-embed --output fc=x --seed 3',
    '0 cv-knn 1: cv-knn --output label --seed 3 -- -odd'"
	for f in x.cvt x.st; do
		cv-view --history $f >told
		[ "$(sed -n 1p told)" = "cv-read 'a b/' 'it'\\''s' --seed 3 |" ]
		[ "$(sed -n 2p told)" = "  cv-embed --output fc=x --seed 3 |" ]
		[ "$(sed -n 3p told)" = "  cv-knn --output label --seed 3 -- -odd" ]
		[ "$(wc -l <told)" -eq 3 ]
	done
	says "'''0 cv-read 1: cv-read a'b'\\\\''c  \"d' --seed 3'''"
	[ "$(cv-view --history x.st)" = "cv-read 'ab'\\''c  \"d' --seed 3" ]
}

@test "--history knows all programs" {
	for f in "$top"/cmd/cv-*.c; do
		p=$(basename "$f" .c)
		says "'0 $p 1: $p --seed 0'"
		[ "$(cv-view --history x.cvt)" = "$p --seed 0" ]
	done
}
