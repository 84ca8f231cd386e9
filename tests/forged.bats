#!/usr/bin/env bats
# Promise 6: model files that are none, that lie, that are cut, or whose own words are wrong: each is
# refused by what reads models, in one line that names the file, and nothing is written.
load helper
load py
load trained

setup_file() {
	export BATS_TEST_TIMEOUT=200
	cd "$BATS_FILE_TMPDIR"
	trained 16 400
}

setup() {
	own_copy
}

# forge FILE PYTHON: net.st with the tensors of `t` (name -> [dtype, shape, bytes]) and the metadata of
# `meta` changed, and `extra` entries of the header, where `at` bytes of data have an end.
forge() {
	py "
import json, struct
b = open('net.st', 'rb').read()
n = struct.unpack('<Q', b[:8])[0]
h = json.loads(b[8:8 + n])
meta, data = h.pop('__metadata__'), b[8 + n:]
t = {k: [v['dtype'], v['shape'], data[v['data_offsets'][0]:v['data_offsets'][1]]] for k, v in h.items()}
extra = {}
at = sum(len(x) for _, _, x in t.values())
$2
at, h = 0, {'__metadata__': meta}
for k, (d, s, x) in t.items():
    h[k] = dict(dtype=d, shape=s, data_offsets=[at, at + len(x)])
    at += len(x)
h.update(extra)
j = json.dumps(h).encode()
open('$1', 'wb').write(struct.pack('<Q', len(j)) + j + b''.join(x for _, _, x in t.values()))"
}

# refused FILE TEXT...: exit 3, and the message names the file and has the texts.
refused() {
	fails 3 cv-embed -w "$1" s.cvt -o out/x
	[ ! -e out/x ]
	for text in "${@:2}"; do
		[[ $message == *"$text"* ]] || {
			echo "$message"
			echo "lacks '$text'"
			return 1
		}
	done
	code=0
	timeout 10 cv-distill -q --arch tiny.arch --teacher "$1" s.cvt -o out/x 2>distill.err || code=$?
	[ $code -eq 3 ]
	[ "$(wc -l <distill.err)" -eq 1 ]
	code=0
	timeout 10 cv-train -q -w "$1" s.cvt -o out/x 2>train.err || code=$?
	[ $code -eq 3 ]
	[ "$(wc -l <train.err)" -eq 1 ]
	[ ! -e out/x ]
}

@test "a model with another type, shape or name says which, and the nearest" {
	forge x.st "t['fc.weight'][0] = 'I32'"
	refused x.st "x.st: tensor 'fc.weight' is <i4"
	forge x.st "t['fc.weight'][0] = 'F64'"
	refused x.st "x.st: tensor 'fc.weight': its type F64 is not read; save it as F32 (in PyTorch tensor.float())"
	refute grep -q damaged train.err
	forge x.st "t['fc.weight'][0] = 'F8_E4M3'"
	refused x.st "x.st: tensor 'fc.weight': its type F8_E4M3 is not read" F32
	forge x.st "t['fc.weight'][0] = 'Q4'"
	refused x.st "x.st: tensor 'fc.weight': its type is none of" damaged
	forge x.st "t['fc.weight'][1] = t['fc.weight'][1][::-1]"
	refused x.st "x.st: tensor 'fc.weight' is <f4 (8,10), the network wants (10,8)" --partial
	forge x.st "t['fc.weights'] = t.pop('fc.weight')"
	refused x.st "x.st: tensor 'fc.weight' is missing (the file has 'fc.weights')" --partial
	forge x.st "t['more'] = ['F32', [1], bytes(4)]"
	refused x.st "x.st: the network has no parameter 'more'" --partial
	forge x.st "t.clear()"
	refused x.st "x.st: tensor 'conv1.weight' is missing"
}

@test "a model that is cut anywhere, or has bytes too many" {
	size=$(wc -c <net.st)
	for bytes in 0 1 7 8 9 100 1000 $((size - 1)); do
		head -c $bytes net.st >x.st
		refused x.st x.st
	done
	cat net.st net.st >x.st
	refused x.st "bytes behind the last tensor"
	refused s.cvt "s.cvt: this is no safetensors file"
}

@test "a model whose header lies" {
	forge x.st "extra['fc.weight'] = dict(dtype='F32', shape=[10, 8], data_offsets=[0, 320])"
	refused x.st x.st
	forge x.st "extra['a'] = dict(dtype='F32', shape=[2**60, 2**60], data_offsets=[at, at])"
	refused x.st "'a'"
	forge x.st "extra['a'] = dict(dtype='F32', shape=[2**40], data_offsets=[at, at + 2**42])"
	refused x.st x.st
	forge x.st "extra['a'] = dict(dtype='F32', shape=[-1], data_offsets=[at, at])"
	refused x.st "'a'"
	forge x.st "extra['a'] = dict(dtype='F32', shape=[1] * 99, data_offsets=[at, at + 4])"
	refused x.st "'a'"
	forge x.st "extra['a'] = 7"
	refused x.st "'a'"
	forge x.st "extra['a\x1b[31m'] = 7"
	refused x.st 'a\033[31m'
	printf '\377\377\377\377\377\377\377\177{' >x.st
	refused x.st "no safetensors file"
	printf '\2\0\0\0\0\0\0\0[]' >x.st
	refused x.st "no JSON object"
}

# wasteful TEXT [COMMAND...]: x.st is refused with TEXT within a second and 128 MiB of addresses.
wasteful() {
	local text=$1 limits='ulimit -v 131072; ulimit -t 1'
	[[ ${TESTS:-} != *san ]] || limits=true
	fails 3 sh -c "$limits; exec cv-view --head x.st"
	[[ $message == *"x.st: $text"* ]] || { echo "$message"; return 1; }
}

@test "a header is refused before it costs many times its bytes" {
	forge_header() {
		py "
import struct
j = ($1).encode()
open('x.st', 'wb').write(struct.pack('<Q', len(j)) + j)"
	}
	forge_header "'{\"__metadata__\":{\"x\":[' + '[],' * 5000000 + '[]]}}'"
	wasteful "__metadata__ 'x' is no text"
	forge_header "'{\"__metadata__\":{\"x\":[' + '[],' * 30000000 + '[]]}}'"
	wasteful "its header takes more than 16 MiB"
	forge_header "'{\"a\":{\"dtype\":\"U8\",\"shape\":[' + '0,' * 8000000 + '0],\"data_offsets\":[0,0]}}'"
	wasteful "tensor 'a': its entry is longer"
	forge_header "'{\"a\":{\"dtype\":' + '[' * 16000000"
	wasteful "tensor 'a': its entry is longer"
	forge_header "'{\"' + 'a' * 16000000 + '\":1}'"
	wasteful "a name in its header is longer"
	forge_header "'{\"__metadata__\":{' + ','.join('\"k%d\":\"\"' % i for i in range(80000)) + '}}'"
	wasteful "its __metadata__ has more than 65536 keys"
	forge_header "'{' + ','.join('\"%d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}' % i
    for i in range(80000)) + '}'"
	wasteful "its header has more than 65536 tensors"
}

@test "as much as a header may hold is read as fast" {
	limits='ulimit -v 131072; ulimit -t 2'
	[[ ${TESTS:-} != *san ]] || limits=true
	py "
import json, struct
h = {'%d' % i: dict(dtype='U8', shape=[0], data_offsets=[0, 0]) for i in range(65536)}
h['__metadata__'] = {'k%d' % i: '' for i in range(65535)} | {'cv.arch': 'x' * (10 << 20)}
j = json.dumps(h).encode()
open('x.st', 'wb').write(struct.pack('<Q', len(j)) + j)"
	sh -c "$limits; exec cv-view --head x.st" >said
	[ "$(wc -c <said)" -gt 10000000 ]
	cp x.st y.st
	sh -c "$limits; exec cv-view --diff x.st y.st"
	fails 3 sh -c "$limits; exec cv-embed --arch tiny.arch -w x.st s.cvt -o out/x"
	[[ $message == *"x.st: tensor 'conv1.weight' is missing"* ]]
}

# cheaply TEXT COMMAND...: exit 3 and x.st: TEXT within a second and 600 MiB of addresses, most of which are libraries.
cheaply() {
	local limits='ulimit -v 614400; ulimit -t 1'
	[[ ${TESTS:-} != *san ]] || limits=true
	fails 3 sh -c "$limits; exec \"\$@\"" sh "${@:2}"
	[[ $message == *"x.st: $1"* ]] || { echo "$message"; return 1; }
	[ ! -e out/x ]
}

@test "parameters that a file promises and lacks cost nothing" {
	forge x.st "t.clear()
meta['cv.arch'] = 'input image 16 16 3\nflatten | a: linear 20000 | b: linear 20000'"
	cheaply "tensor 'a.weight' is missing" cv-embed -w x.st s.cvt -o out/x
	cheaply "tensor 'a.weight' is missing" cv-train -q -w x.st s.cvt -o out/x
	cheaply "tensor 'a.weight' is missing" cv-distill -q --arch tiny.arch --teacher x.st s.cvt -o out/x
	forge x.st "t.clear()
meta['cv.method'], meta['cv.options'] = 'gan', ''
meta['cv.arch'] = '\n'.join(['input image 16 16 3', 'input noise 16', 'net generator noise',
    'a: linear 20000 | b: linear 20000 | c: linear 768 | reshape 16 16 3 | sigmoid',
    'net discriminator image', 'flatten | d: linear 1'])"
	cheaply "none of its tensors fits" cv-gen -w x.st -n 4 -o out/x
}

@test "a model whose own words are wrong" {
	for m in "meta['cv.arch'] = 'conv 3 3 |'" "meta['cv.arch'] = 'nothing 3'" \
		"meta['cv.arch'] = 'input image 16 16 3\nconv1: conv 99999999 3'" \
		"meta['cv.input'] = 'image 0 16 3'" "meta['cv.input'] = 'image 16 16 3\nmean 1,2\nstd x'" \
		"meta['cv.input'] = 'image'" "meta['cv.input'] = ' 16 16 3'" "meta['cv.classes'] = 'class x y'" \
		"meta['cv.classes'] = 'class 4000000000 y'" "meta['cv.history'] = 'prog'" \
		"meta['cv.arch'] = 7" "meta['cv.arch'] = '( ' * 10000"; do
		forge x.st "$m"
		code=0
		cv-embed -w x.st --output logits s.cvt >got 2>said || code=$?
		[ $code -eq 3 ] && [ "$(wc -l <said)" -eq 1 ] && grep -q 'x.st\|cv\.' said || {
			echo "exit $code: $m"
			cat said
			return 1
		}
	done
}
