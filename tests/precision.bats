#!/usr/bin/env bats
# --precision bf16: convolutions that round what they multiply. (unit/convolve holds the products to sums
# in double precision, ways.bats threads and resumption.)
load helper
load train

setup() {
	export BATS_TEST_TIMEOUT=200
	cd "$BATS_TEST_TMPDIR" || exit 1
	tiny
}

@test "--precision bf16: learns as floats do, other numbers, an ordinary model" {
	quadrants rows.cvt n=600 val=200 epochs=8
	for p in fp32 bf16; do
		cv-train -q --arch tiny.arch -b 32 --precision $p --metrics $p.jsonl -o $p.st rows.cvt
		at_least "$(metric $p.jsonl val_accuracy)" 0.9
	done
	refute cmp fp32.st bf16.st
	py "
a, b = model('fp32.st'), model('bf16.st')
assert a.keys() == b.keys() and all(a[k].dtype == b[k].dtype == np.dtype('f4') for k in a)"
	cv-view --history bf16.st | grep -q -- '--precision bf16'
	quadrants new.cvt seed=2
	cv-embed -w bf16.st --output logits new.cvt | cv-eval >said
	at_least "$(awk '/^accuracy/ { print $2 }' said)" 0.9
}

@test "--precision: every kind of processor comes to the same, but for the order of sums" {
	quadrants rows.cvt
	cv-train -q --arch tiny.arch -b 32 --precision bf16 -o best.st rows.cvt
	for p in portable avx2 avx512; do
		CVT_SIMD=$p cv-train -q --arch tiny.arch -b 32 --precision bf16 -o $p.st rows.cvt
		py "
a, b = model('best.st'), model('$p.st')
assert max(np.abs(a[k] - b[k]).max() for k in a) < 2e-2, {k: np.abs(a[k] - b[k]).max() for k in a}"
	done
}

@test "--precision: a word that it does not know" {
	quadrants rows.cvt
	fails 2 cv-train --arch tiny.arch --precision half -o x.st rows.cvt
	[[ $message == *"fp32 or bf16"* ]]
	[ ! -e x.st ]
}
