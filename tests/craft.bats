#!/usr/bin/env bats
# The craft of training: initialisations, whitening, averages of weights, views at test time.
load helper
load train

setup() {
	export BATS_TEST_TIMEOUT=200
	cd "$BATS_TEST_TMPDIR" || exit 1
	tiny
}

@test "init=: the weights that the name says" {
	cat >init.arch <<-'END'
		input image 8 8 1
		a: conv 12 3 init=orthogonal
		b: conv 8 3 init=dirac
		c: conv 16 3 init=partial-dirac
		n: bn init=zero weight=0
		d: conv 400 3 init=kaiming
		flatten | e: linear 8 init=orthogonal | f: linear 300 init=xavier | g: linear classes init=zero
	END
	cv-train -q --epochs 0 --num-classes 4 --arch init.arch -o a.st </dev/null
	py "
w = model('a.st')
a, b, c, e = (w[k + '.weight'].reshape(len(w[k + '.weight']), -1) for k in 'abce')
assert np.abs(a.T @ a - np.eye(9)).max() < 1e-6
assert np.abs(e @ e.T - np.eye(8)).max() < 1e-5
want = np.zeros((8, 12, 3, 3), 'f4')
want[range(8), range(8), 1, 1] = 1
assert (w['b.weight'] == want).all() and (w['b.bias'] == 0).all()
assert (w['c.weight'][:8, :, 1, 1] == np.eye(8)).all() and np.abs(c[:8]).sum() == 8
assert 0 < np.abs(c[8:]).max() <= 72 ** -.5 and abs(c[8:].std() / (216 ** -.5) - 1) < .1
assert (w['n.weight'] == 0).all()
assert abs(w['d.weight'].std() / (2 / 144) ** .5 - 1) < .02
assert abs(w['f.weight'].std() / (2 / 308) ** .5 - 1) < .05
assert (w['g.weight'] == 0).all() and (w['g.bias'] == 0).all()"
	sed 's/xavier/xaver/' init.arch >wrong.arch
	fails 2 cv-train --epochs 0 --num-classes 4 --arch wrong.arch -o x.st
	[[ $message == *"did you mean xavier"* ]]
}

@test "init=: spreads of torch.nn.init, which counts the outputs of all groups" {
	cat >spread.arch <<-'END'
		input image 8 8 3
		s: conv 32 1
		a: conv 256 3 init=kaiming-uniform
		b: conv 256 3 init=kaiming-out
		c: conv 256 3 groups=32 init=kaiming-out
		d: conv 256 3 groups=32 init=xavier
		e: conv 256 3 init=xavier-normal
		f: conv 256 3 init=pytorch
		g: conv 256 3 init=trunc-normal
		gap | flatten | fc: linear classes
	END
	cv-train -q --epochs 0 --num-classes 4 --arch spread.arch -o a.st </dev/null
	py "
w = model('a.st')
for k, std, most in (('a', (2 / 288) ** .5, (6 / 288) ** .5), ('b', (2 / 2304) ** .5, 9),
    ('c', (2 / 2304) ** .5, 9), ('d', (2 / (72 + 2304)) ** .5, (6 / (72 + 2304)) ** .5),
    ('e', (2 / 4608) ** .5, 9), ('f', (1 / 2304 / 3) ** .5, 2304 ** -.5), ('g', .02, 9)):
    x = w[k + '.weight']
    assert abs(x.std() / std - 1) < .02 and abs(x.mean()) < .03 * std, (k, x.std(), std)
    assert np.abs(x).max() <= most * (1 + 1e-6) and (most == 9) == (np.abs(x).max() > 3 * std), k
    assert (w[k + '.bias'] == 0).all()"
}

@test "--zero-init-residual: the norms that end branches begin with 0, shortcuts with 1" {
	cat >res.arch <<-'END'
		input image 8 8 1
		conv1: conv 8 3 bias=0 | bn1: bn | relu
		a: { conv: conv 8 3 bias=0 | bn: bn } | relu
		b: { c1: conv 16 3 stride=2 | b1: bn | relu | c2: conv 16 3 | b2: bn | drop-path 0, short: ( conv 16 1 stride=2 | bn ) }
		gap | flatten | fc: linear classes
	END
	cv-train -q --epochs 0 --num-classes 4 --arch res.arch -o a.st </dev/null
	cv-train -q --epochs 0 --num-classes 4 --arch res.arch --zero-init-residual -o b.st </dev/null
	py "
a, b = model('a.st'), model('b.st')
zero = [k for k in b if k.endswith('weight') and not b[k].any()]
assert zero == ['a.bn.weight', 'b.b2.weight'], zero
assert all((a[k] == b[k]).all() for k in a if k not in zero) and all((a[k] == 1).all() for k in zero)"
	fails 2 cv-train --epochs 0 --num-classes 4 --arch tiny.arch --zero-init-residual -o x.st
}

@test "auxiliary classifiers: each head's score has its own name" {
	quadrants a.cvt
	cat >aux.arch <<-'END'
		input image 8 8 1
		conv1: conv 8 3 | relu
		aux1: ( gap | flatten | linear classes )
		@conv1
		conv2: conv 8 3 | relu
		aux2: ( gap | flatten | linear classes )
		@conv2
		flatten | fc: linear classes
	END
	cv-train -q --arch aux.arch -b 32 --metrics m.json --head label:cross-entropy \
		--head label:cross-entropy:0.3@aux1 --head label:cross-entropy:0.3@aux2 -o a.st a.cvt
	py "
import json
keys = [k for k, v in json.loads(open('m.json').readline(), object_pairs_hook=list)]
assert len(keys) == len(set(keys)), keys
assert {'accuracy', 'aux1_accuracy', 'val_aux2_accuracy'} <= set(keys), keys"
	fails 2 cv-train --arch aux.arch --head label:cross-entropy@aux3 -o x.st a.cvt
}

@test "--whiten: the first filters are what numpy makes of the first batch, and stay" {
	quadrants a.cvt epochs=2
	sed 's/conv1: conv 8 3 bias=0/conv1: conv 8 2 pad=0 bias=0/' tiny.arch >w.arch
	for s in 1 9; do cv-train -q --arch w.arch --whiten conv1 -b 32 --steps $s -o $s.st a.cvt; done
	py "
x = read('a.cvt')[1]['image'][:32, :, :, 0] / 127.5 - 1
p = np.stack([x[:, i:i + 7, j:j + 7] for i in (0, 1) for j in (0, 1)], -1).reshape(-1, 4)
v, u = np.linalg.eigh(np.cov(p.T))
f = (u / np.sqrt(v + 5e-4)).T[::-1]
a, b = model('1.st')['conv1.weight'], model('9.st')['conv1.weight']
assert (a == b).all()
a = a.reshape(8, 4)
assert (a[4:] == -a[:4]).all()
d = np.minimum(np.abs(a[:4] - f).max(1), np.abs(a[:4] + f).max(1))
assert d.max() < 1e-5 * np.abs(f).max(), d"
	cv-distill -q --teacher 9.st --arch w.arch --whiten conv1 -b 32 --steps 1 -o d.st a.cvt
	py "
assert (model('d.st')['conv1.weight'] == model('1.st')['conv1.weight']).all()"
	fails 2 cv-train --arch tiny.arch --whiten conv9 -o x.st a.cvt
	sed "s/conv1: conv 8 2/conv1: conv 9 2/" w.arch >more.arch
	fails 2 cv-train --arch more.arch --whiten conv1 -o x.st a.cvt
	[[ $message == *"4 numbers give 8 at most"* ]]
	printf 'input image 8 8 1\nmaxpool 8 | c: conv 8 3 | flatten | fc: linear classes\n' >late.arch
	fails 2 cv-train --arch late.arch --whiten c -o x.st a.cvt
	[[ $message == *"no patch of 3x3 lies in the 1x1"* ]]
}

@test "--lookahead, --swa and --model-ema keep averages, one at a time" {
	quadrants a.cvt epochs=3
	for n in 1 2 3 4; do
		cv-train -q --arch tiny.arch -b 40 --sched constant --steps $n -o s$n.st a.cvt
	done
	cv-train -q --arch tiny.arch -b 40 --sched constant --steps 4 --swa 0.5 -o swa.st a.cvt
	cv-train -q --arch tiny.arch -b 40 --sched constant --steps 2 --lookahead 2,0.25 -o look.st a.cvt
	cv-train -q --epochs 0 --arch tiny.arch --num-classes 4 -o s0.st </dev/null
	cv-train -q --arch tiny.arch -b 40 --epochs 3 --lookahead 5,0.2,3 -o l.st a.cvt
	py "
s = [model('s%d.st' % i) for i in range(5)]
swa, look = model('swa.st'), model('look.st')
for k in swa:
    m = (s[2][k] + s[3][k] + s[4][k]) / 3
    assert np.abs(swa[k] - m).max() <= 1e-6 * (1 + np.abs(m).max()), k
    m = s[0][k] + .25 * (s[2][k] - s[0][k])
    assert np.abs(look[k] - m).max() <= 1e-6 * (1 + np.abs(m).max()), k"
	fails 2 cv-train --arch tiny.arch --swa 0.5 --model-ema 0.9 -o x.st a.cvt
	fails 2 cv-train --arch tiny.arch --swa 1 -o x.st a.cvt
	fails 2 cv-train --arch tiny.arch --lookahead 0 -o x.st a.cvt
	fails 2 cv-train --arch tiny.arch --lookahead 5,2 -o x.st a.cvt
}

@test "--bias-lr-scale moves the norms' biases alone; --decay-all shrinks them, too" {
	quadrants a.cvt
	sgd() { cv-train -q --arch tiny.arch -b 40 --sched constant --momentum 0 --steps 1 "$@" a.cvt; }
	cv-train -q --epochs 0 --arch tiny.arch --num-classes 4 -o s0.st </dev/null
	sgd --weight-decay 0 -o one.st
	sgd --weight-decay 0 --bias-lr-scale 8 -o eight.st
	sgd --lr 1e-9 --weight-decay 1e8 -o some.st
	sgd --lr 1e-9 --weight-decay 1e8 --decay-all --bias-lr-scale 8 -o all.st
	py "
a, b, c, some, all = (model(n + '.st') for n in 's0 one eight some all'.split())
for k in a:
    m = 8 if k == 'bn1.bias' else 1
    assert np.abs((c[k] - a[k]) - m * (b[k] - a[k])).max() < 1e-5, k
    if 'running' not in k:
        shrinks = .9 if k.endswith('weight') and k != 'bn1.weight' else 1
        assert np.abs(some[k] - shrinks * a[k]).max() < 1e-6, k
        assert np.abs(all[k] - .9 * a[k]).max() < 1e-6, k"
	fails 2 cv-train --arch tiny.arch --bias-lr-scale 0 -o x.st a.cvt
}

@test "cv-embed --tta: the mean over mirrored and moved pictures" {
	quadrants a.cvt
	cv-train -q --arch tiny.arch -b 32 -o net.st a.cvt
	py "
head, f = read('a.cvt')
x = f['image']
p = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), 'reflect')
for i, v in enumerate((x, p[:, :8, :8], p[:, 2:, 2:])):
    for j, m in enumerate((v, v[:, :, ::-1])):
        f['image'] = m
        write('v%d%d.cvt' % (i, j), 'rows 240\nval 40\nepochs 1\n' + classes('nw', 'ne', 'sw', 'se'), **f)"
	for i in 0 1 2; do for j in 0 1; do
		cv-embed -w net.st --output logits v$i$j.cvt >o$i$j.cvt
	done; done
	cv-embed -w net.st --tta flip --output logits,probs -b 7 a.cvt >flip.cvt
	cv-embed -w net.st --tta flip+shift --output logits a.cvt >both.cvt
	py "
o = [[read('o%d%d.cvt' % (i, j))[1]['logits'] for j in (0, 1)] for i in range(3)]
flip = [(a + b) / 2 for a, b in o]
f = read('flip.cvt')[1]
assert np.abs(f['logits'] - flip[0]).max() < 1e-5
p = np.exp(flip[0]); p /= p.sum(1, keepdims=True)
assert np.abs(f['probs'] - p).max() < 1e-5
both = flip[0] / 2 + (flip[1] + flip[2]) / 4
assert np.abs(read('both.cvt')[1]['logits'] - both).max() < 1e-5"
	fails 2 cv-embed -w net.st --tta flop a.cvt
	fails 2 cv-embed -w net.st --tta flip --output conv2 a.cvt
}

@test "--lr-base grows with the batch; the warm-up rises as it is told; wrong words are refused" {
	quadrants a.cvt
	rate() { cv-train -q --arch tiny.arch --metrics m.json -o x.st "$@" a.cvt && metric m.json lr; }
	[ "$(rate --sched constant --lr-base 0.5 -b 64 --accumulate 2)" = 0.25 ]
	[ "$(rate --sched constant --lr-base 0.5 --lr-base-batch 100 -b 50)" = 0.25 ]
	[ "$(rate --sched constant --lr 1 --warmup-epochs 4 -b 100 --steps 2)" = 0.25 ]
	[ "$(rate --sched constant --lr 1 --warmup-epochs 2 --warmup exponential -b 100 --steps 2)" = 0.1 ]
	fails 2 cv-train --arch tiny.arch --lr 1 --lr-base 1 -o x.st a.cvt
	fails 2 cv-train --arch tiny.arch --lr-base 1 --lr-base-batch 0 -o x.st a.cvt
	fails 2 cv-train --arch tiny.arch --warmup slow -o x.st a.cvt
	fails 2 cv-train --arch tiny.arch --opt muon --muon 1,1 -o x.st a.cvt
	fails 2 cv-train --arch tiny.arch --muon 0.2 -o x.st a.cvt
	[[ $message == *"--opt muon"* ]]
	fails 2 cv-train --arch tiny.arch --opt-eps -1 -o x.st a.cvt
}

@test "twelve steps under each optimizer, schedule and trick end at PyTorch's weights" {
	local torch code=0
	torch=$(command -v /usr/bin/python3 || command -v python3) || skip "no python3"
	"$torch" -B "$top/tests/golden/same_training.py" || code=$?
	[ "$code" -ne 77 ] || skip "no PyTorch"
	[ "$code" -eq 0 ]
}

@test "numbers that nobody would read are refused" {
	quadrants a.cvt
	for words in "adam --momentum 0.5" "adagrad --betas 0.9,0.99" "sgd --betas 0.9,0.99" "sgd --opt-eps 1e-3" \
		"adam --opt-eps 0"; do
		# shellcheck disable=SC2086
		fails 2 cv-train --arch tiny.arch --opt $words -o x.st a.cvt
	done
	for sched in constant=1 step=0 step=1,.1,7 one-cycle=2 cosine-restarts=2,0.5 triangular=0 cosine=3; do
		fails 2 cv-train --arch tiny.arch --sched $sched -o x.st a.cvt
		[[ $message == *"--sched $sched: "* ]]
	done
	[ ! -e x.st ]
}

@test "every optimizer and every schedule trains" {
	quadrants a.cvt epochs=8
	for opt in adagrad rmsprop lars muon; do
		cv-train -q --arch tiny.arch -b 32 --opt $opt --metrics m.json -o net.st a.cvt
		at_least "$(metric m.json val_accuracy)" 0.8
	done
	for sched in multistep=0.1,4,6 polynomial cosine-restarts=2,2 triangular one-cycle=.2,.1,0 one-cycle-cosine; do
		cv-train -q --arch tiny.arch -b 32 --lr 0.05 --sched $sched --metrics m.json -o net.st a.cvt
		at_least "$(metric m.json val_accuracy)" 0.8
	done
}

@test "--mixup and --cutmix mix what is learned from, and only that" {
	quadrants a.cvt epochs=12
	for how in "--mixup 0.4" "--cutmix 1" "--mixup 0.4 --cutmix 1"; do
		cv-train -q --arch tiny.arch -b 32 $how --metrics m.json -o net.st a.cvt
		at_least "$(metric m.json val_accuracy)" 0.85
		at_least "$(metric m.json loss)" 0.3
	done
	cv-train -q --arch tiny.arch -b 32 --mixup 1 --threads 2 -o two.st a.cvt
	cv-train -q --arch tiny.arch -b 32 --mixup 1 --threads 1 -o one.st a.cvt
	cmp one.st two.st
	# equal pictures stay what they are: only the labels are mixed
	py "
x = np.full((64, 8, 8, 1), 100, 'u1')
write('flat.cvt', 'rows 64\nepochs 1\n' + classes('a', 'b'), image=x, label=np.arange(64).astype('<i4') % 2,
      index=np.arange(64, dtype='<i8'))"
	cv-train -q --arch tiny.arch -b 64 --steps 40 --lr 0.05 --mixup 1 --metrics m.json -o net.st flat.cvt
	py "
assert abs($(metric m.json loss) - np.log(2)) < 0.1"
	fails 2 cv-train --arch tiny.arch --mixup -1 -o x.st a.cvt
	py "
write('none.cvt', 'rows 4\n', image=np.zeros((4, 8, 8, 1), 'u1'), index=np.arange(4, dtype='<i8'))"
	fails 2 cv-train --arch tiny.arch --num-classes 4 --cutmix 1 -o x.st none.cvt
}

@test "--find-lr: a curve, and no model" {
	quadrants a.cvt
	cv-train --arch tiny.arch -b 32 --find-lr curve a.cvt 2>note
	grep -q 'a good --lr' note
	py "
rows = [l.split('\t') for l in open('curve.tsv')]
assert rows[0] == ['lr', 'loss', 'smoothed\n']
x = np.array(rows[1:], float)
assert len(x) <= 100 and abs(x[0, 0] - 1e-6) < 1e-9 and x[-1, 0] <= 10
assert np.allclose(np.diff(np.log(x[:, 0])), np.log(1e7) / 99, rtol=1e-4)
assert x[0, 1] == x[0, 2] and x[:, 2].min() < .8 * x[0, 2]
assert open('curve.png', 'rb').read(4) == b'\x89PNG'"
	fails 2 cv-train --arch tiny.arch --find-lr curve -o x.st a.cvt
	fails 2 cv-train --arch tiny.arch --find-lr '' a.cvt
	fails 2 cv-train --arch tiny.arch --find-lr curve --steps 1 a.cvt
	quadrants few.cvt epochs=2
	cv-train --arch tiny.arch -b 20 --find-lr short few.cvt 2>note
	grep -q 'cv-read --epochs N.*--steps 20)' note
	refute grep -q 'a good --lr' note
	[ "$(wc -l <short.tsv)" -eq 21 ]
	cv-train -q --arch tiny.arch -b 20 --find-lr short --steps 20 few.cvt
	[ ! -e x.st ]
}

@test "--drop-path: the linear rule" {
	quadrants a.cvt epochs=6
	cat >deep.arch <<-'END'
		input image 8 8 1
		conv1: conv 8 3 | relu
		4 * b%: { conv 8 3 | bn | relu | drop-path 0 }
		gap | flatten | fc: linear classes
	END
	cv-train -q --arch deep.arch -b 32 -o a.st a.cvt
	cv-train -q --arch deep.arch -b 32 --drop-path 0 -o b.st a.cvt
	cv-train -q --arch deep.arch -b 32 --drop-path 0.3 --metrics m.json -o c.st a.cvt
	py "
a, b, c = (model(n + '.st') for n in 'abc')
assert all((a[k] == b[k]).all() for k in a)
assert any((a[k] != c[k]).any() for k in a)"
	fails 2 cv-train --arch tiny.arch --drop-path 0.1 -o x.st a.cvt
	fails 2 cv-train --arch deep.arch --drop-path 1 -o x.st a.cvt
}
