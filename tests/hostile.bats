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

# plain COMMAND...: prints no control character but tab and newline, of one byte or two, and no letter
# that is no UTF-8; what it prints stays in `told`.
plain() {
	"$@" >told 2>&1 || true
	[ -s told ]
	LC_ALL=C grep -aq '[^[:print:][:space:]]\|[\r\f\v]' told || return 0
	py "
t = open('told', 'rb').read().decode()
assert not [c for c in t if ord(c) < 32 and c not in '\\n\\t' or 127 <= ord(c) < 160], ascii(t)"
}

@test "control characters from streams are printed quoted" {
	evil=$'\e]0;x\a\302\2332J\177caf\303\251'
	shown='\033]0;x\007\302\2332J\177café'
	EVIL=$evil py "
evil = os.environ['EVIL']
b = np.frombuffer(evil.encode(), 'u1')
text = np.zeros((2, 64), 'u1')
text[:, :len(b)] = b
head = ('rows 2\nkey of %s\ntarget label cross-entropy\nclass 0 %s\nclass 1 b\nprog 0 cv-read 1: cv-read %s\n'
        'prog 1 a 1: a %s\n' % ((evil,) * 4))
write('x.cvt', head, label=i4(0, 1), name=text, caption=text)
raw = text.copy()
raw[:, :4] = [0x9b, 0x41, 0xff, 0x5c]
write('y.cvt', label=i4(0, 1), name=raw)
write('t.cvt', 'target label %s\n' % evil.replace(' ', ''), label=i4(0, 1))"
	for how in --head --stat --tsv --history; do
		plain cv-view $how x.cvt
		[[ $how == --stat ]] || grep -qF "$shown" told
	done
	cv-view --stat x.cvt | grep -qF "$shown"
	[ "$(cv-view --tsv x.cvt | sed -n 2p | tr '\t' '\n' | grep -cF "$shown")" -eq 3 ]
	plain cv-view --tsv y.cvt
	grep -qF '\233A\377\134' told
	plain cv-view --head t.cvt
	cv-view --stat x.cvt -o kept
	plain cv-view --diff x.cvt y.cvt
	py "
write('p.cvt', 'class 0 a\x1b[2J\nclass 1 b\xc2\x9b2J\n'.encode('latin-1').decode(), label=i4(0, 1), logits=f4([[1, 0], [0, 1]]))"
	plain cv-eval p.cvt
	plain cv-eval --confusion p.cvt
	cv-eval -q --metrics m.json p.cvt >told
	plain cat m.json
}

@test "control characters from models are printed quoted" {
	evil=$'\e]0;x\a\302\2332J\177caf\303\251'
	shown='\033]0;x\007\302\2332J\177café'
	EVIL=$evil py "
import json
evil = os.environ['EVIL']
b = open('net.st', 'rb').read()
n = int.from_bytes(b[:8], 'little')
h = json.loads(b[8:8 + n])
m = h['__metadata__']
m['cv.history'] = 'prog 0 cv-train 1: cv-train %s\nprog 1 a 1: %s\n' % (evil, evil)
m['cv.classes'] = 'class 0 %s\n' % evil
m['cv.arch'] = '# %s\n' % evil + m['cv.arch']
m[evil] = evil
def put(path):
    j = json.dumps(h).encode()
    open(path, 'wb').write(len(j).to_bytes(8, 'little') + j + b[8 + n:])
put('x.st')
h[evil] = h.pop('fc.bias')
put('y.st')"
	for how in --head --stat --history --arch; do
		plain cv-view $how x.st
		grep -qF "$shown" told
	done
	plain cv-view --head y.st
	plain cv-view --diff x.st y.st
	plain cv-view --diff y.st x.st
	plain cv-view --diff x.st net.st
	plain cv-embed -w y.st s.cvt
	plain cv-train -q -w y.st s.cvt -o z.st
}

@test "control characters of names of files and of members of archives are said quoted" {
	evil=$'a\e]0;x\a\302\2332Jb'
	shown='a\033]0;x\007\302\2332Jb'
	plain cv-train --epochs 1 --arch tiny.arch -o "$evil" s.cvt
	grep -qF "$shown" told
	plain cv-view --stat "$evil.no"
	grep -qF "$shown" told
	rm "$evil"
	mkdir "$evil" "$evil/$evil"
	cv-gen shapes -n 1 --size 8x8 | cv-view -o p.png -
	cp p.png "$evil/$evil/$evil.png"
	cp p.png "$evil/$evil/b.png"
	tar cf x.tar -C "$evil" "$evil"
	plain sh -c 'cv-read x.tar | cv-view --tsv'
	grep -qF "$shown" told
	plain sh -c 'cv-read x.tar | cv-view --head'
	printf x >>"$evil/$evil/$evil.png"
	head -c 60 p.png >"$evil/$evil/$evil.png"
	tar cf x.tar -C "$evil" "$evil"
	plain sh -c 'cv-read x.tar >out.cvt'
	grep -qF "$shown" told
}
