#!/usr/bin/env bats
# cv-train --method kmeans: a codebook of patches learns without labels and without gradients.
load helper

load py

# stripes FILE SEED N: a striped square anywhere, in noise; the direction of the stripes is its class:
# pixels say little, patches much.
stripes() {
	py "
r = np.random.default_rng($2)
n = $3
label = r.integers(0, 4, n).astype('<i4')
y, x = np.mgrid[0:32, 0:32]
angle = (label * np.pi / 4)[:, None, None]
turn = r.uniform(0, 6.3, (n, 1, 1)), r.uniform(0.8, 1.8, (n, 1, 1))
wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * turn[1] + turn[0])
at = r.integers(0, 16, (2, n, 1, 1))
wave *= (abs(x - at[0] - 8) < 8) & (abs(y - at[1] - 8) < 8)
image = 128 + 40 * wave[..., None] + r.normal(0, 30, (n, 32, 32, 3))
write('$1', 'rows %d\n' % n + classes('a', 'b', 'c', 'd'), 1000, 1,
      image=image.clip(0, 255).astype('|u1'), label=label, index=np.arange(n, dtype='<i8'))"
}

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	stripes train.cvt 1 400
	stripes test.cvt 2 200
}

setup() {
	cd "$BATS_FILE_TMPDIR"
}

codebook() {
	cv-train -q --method kmeans --arch kmeans-patches --let k=32 --patches 8000 --iterations 8 "$@"
}

accuracy() { # with twenty labels
	cv-read "$1" --take 20 -o bank.cvt
	cv-knn --bank bank.cvt -k 3 "$2" | cv-eval | sed -n 's/^accuracy *//p'
}

@test "neighbours in its features know what pixels do not say" {
	codebook -i train.cvt -o a.st
	cv-embed -w a.st -i train.cvt -o train-codes.cvt
	cv-embed -w a.st -i test.cvt -o test-codes.cvt
	pixels=$(accuracy train.cvt test.cvt) codes=$(accuracy train-codes.cvt test-codes.cvt)
	echo "pixels $pixels codes $codes"
	awk "BEGIN { exit !($codes > 0.9 && $codes > $pixels + 0.3) }"
}

@test "whitening: what reaches the codebook is uncorrelated" {
	codebook --whiten-eps 0.001 -i train.cvt -o a.st
	cv-embed -w a.st --output whiten=white -i train.cvt -o white.cvt
	cv-view --npy white white.cvt -o white.npy
	py "
x = np.load('white.npy').reshape(-1, 108).astype('f8')
c = np.cov(x.T)
d = np.sqrt(np.diag(c))
assert abs(x.mean()) < 0.02, x.mean()
assert (abs(c / np.outer(d, d) - np.eye(108)) < 0.1).mean() > 0.95"
}

@test "labels are not read" {
	codebook --no-history -i train.cvt -o a.st
	cv-read train.cvt --drop label | codebook --no-history --num-classes 4 -o b.st
	cv-embed -w a.st --no-history -i test.cvt -o a.cvt
	cv-embed -w b.st --no-history -i test.cvt -o b.cvt
	cmp <(cv-view --npy embedding a.cvt) <(cv-view --npy embedding b.cvt)
}

@test "threads do not matter" {
	for t in 1 2 3; do
		codebook --threads $t -i train.cvt -o t$t.st
	done
	cmp t1.st t2.st
	cmp t1.st t3.st
}

@test "a signal ends it between two iterations, without a model" {
	for signal in INT TERM; do
		rm -f x.st
		code=0
		timeout --foreground --preserve-status -k 30 -s $signal 2 cv-train -q --method kmeans --arch kmeans-patches \
			--let k=32 --patches 8000 --iterations 1000000 -i train.cvt -o x.st 2>said || code=$?
		[ $code -eq 130 ]
		grep -qx 'cv-train: interrupted' said
		[ ! -e x.st ] && [ ! -e x.st.ckpt ]
	done
}

@test "a network without a codebook, too few patches, too little memory" {
	run -2 --separate-stderr cv-train --method kmeans --arch resnet8 -i train.cvt -o x.st
	[[ $stderr == *kmeans-patches* ]]
	run -3 --separate-stderr codebook --patches 10 --let k=5000 -i train.cvt -o x.st
	[[ $stderr == *--patches* ]]
	run -4 --separate-stderr codebook --max-memory 1M -i train.cvt -o x.st
	[[ $stderr == *--max-memory* ]]
	[ ! -e x.st ]
}
