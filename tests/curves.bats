#!/usr/bin/env bats
# cv-view --curves: what cv-train --metrics wrote, as a picture.
load helper
load py

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	for e in 1 2 3; do
		echo "{\"epoch\": $e, \"step\": $((10 * e)), \"loss\": 0.$((9 - e)), \"accuracy\": 0.$((5 + e))," \
			"\"val_loss\": null, \"val_accuracy\": null, \"lr\": 0.1, \"seconds\": 1}"
	done >a.jsonl
	sed 's/val_loss": null/val_loss": 0.25/' a.jsonl >b.jsonl
	printf 'epoch\tloss\tlr\n1\t0.5\t0.1\n2\tnull\t0.01\n' >c.tsv
}

@test "one run, or several, one above the other; equal files give equal bytes" {
	cv-view --curves a.jsonl -o a.png
	cv-view --curves a.jsonl b.jsonl c.tsv -o all.png
	cv-view --curves a.jsonl b.jsonl c.tsv >again.png
	cmp all.png again.png
	py "
d = open('a.png', 'rb').read()
size = lambda d: (int.from_bytes(d[16:20], 'big'), int.from_bytes(d[20:24], 'big'))
assert size(d) == (720, 36 + 3 * 260), size(d)
assert size(open('all.png', 'rb').read()) == (720, 72 + 3 * 260)"
}

@test "the lines are where the numbers are, in the run's colour" {
	cv-view --curves a.jsonl -o a.png
	cv-read a.png --channels 3 >p.cvt
	py "
x = read('p.cvt')[1]['image'][0].astype(int)
red = (x == (230, 60, 60)).all(-1)
panel = red[36:36 + 260]
top, bottom = 24, 224
low, high = .6 - .01, .8 + .01
for epoch, loss in ((1, .8), (2, .7), (3, .6)):
    column = 64 + (epoch - 1) / 2 * (720 - 14 - 64)
    row = bottom - (loss - low) / (high - low) * (bottom - top)
    near = panel[max(0, int(row) - 2):int(row) + 4, max(0, int(column) - 2):int(column) + 4]
    assert near.any(), (epoch, row, column)"
}

@test "several runs lie over each other in one panel, each in a colour of its own" {
	for k in 1 2 3; do
		for e in 1 2 3; do echo "{\"epoch\": $e, \"loss\": $k, \"lr\": 0.$((k * e))}"; done >$k.jsonl
	done
	cv-view --curves 1.jsonl 2.jsonl 3.jsonl -o all.png
	cv-read all.png --channels 3 >p.cvt
	py "
x = read('p.cvt')[1]['image'][0].astype(int)
legend, panel = x[:72, :40], x[72:72 + 260, 64:706]
colour = []
for k in range(3):
    line = legend[18 * k:18 * k + 18].reshape(-1, 3)
    line = line[np.ptp(line, axis=1) > 60] # neither grey, black nor white
    colour.append(tuple(np.unique(line, axis=0, return_counts=True)[0][np.unique(line, axis=0, return_counts=True)[1].argmax()]))
assert len(set(colour)) == 3, colour
rows = [np.flatnonzero((panel == c).all(-1).sum(1) > 300).mean() for c in colour] # level lines
low, high = 1 - .1, 3 + .1
for k, row in enumerate(rows, 1):
    assert abs(row - (224 - (k - low) / (high - low) * 200)) < 4, (k, row)"
}

@test "a single number of any size has a place, and a scale around it" {
	for v in 1e17 -1e17 3e-300 1e300 1.7e308; do
		printf '{"epoch": %s, "loss": %s}\n' "$v" "$v" >one.jsonl
		timeout 20 cv-view --curves one.jsonl -o one.png
	done
	for e in 1 2 3; do echo "{\"epoch\": $e, \"loss\": 1e17}"; done >level.jsonl
	cv-view --curves level.jsonl -o level.png
	cv-read level.png --channels 3 >p.cvt
	py "
x = read('p.cvt')[1]['image'][0].astype(int)
assert (x[36:, 64:706] == (230, 60, 60)).all(-1).sum(1).max() > 600"
}

@test "what is no such file is told" {
	fails 3 cv-view --curves "$top/README.md" -o x.png
	: >empty
	fails 3 cv-view --curves empty -o x.png
	fails 1 cv-view --curves missing -o x.png
	fails 2 cv-view --curves -o x.png
	fails 2 cv-view --curves --stat a.jsonl -o x.png
	echo '{"epoch": 1, "loss": x}' >bad
	fails 3 cv-view --curves bad -o x.png
	[ ! -e x.png ]
}

@test "every figure has its panel; what is beyond the limits is refused, not left out" {
	many() { # NUMBER: a line with so many figures beside the epoch
		py "print('{\"epoch\": 1, ' + ', '.join('\"score%d\": %d' % (i, i) for i in range($1)) + '}')"
	}
	many 20 >many.jsonl
	py "
f = ['score%d' % i for i in range(20)]
print('\t'.join(['epoch'] + f)); print('\t'.join(['1'] + ['2'] * 20))" >many.tsv
	for f in many.jsonl many.tsv; do
		cv-view --curves $f -o many.png
		py "
d = open('many.png', 'rb').read()
assert int.from_bytes(d[20:24], 'big') == 36 + 20 * 260, d[20:24]"
	done
	many 70 >many.jsonl
	fails 2 cv-view --curves many.jsonl -o x.png
	[[ $message == *"more than 64 figures to draw"* ]]
	many 99 >many.jsonl
	fails 3 cv-view --curves many.jsonl -o x.png
	[[ $message == *"many.jsonl: has more than 96 figures a line"* ]]
	[ ! -e x.png ]
}
