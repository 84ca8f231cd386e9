#!/usr/bin/env bats
# Corners of the loop where a training could quietly be another one than was asked for: what is mixed
# with what, steps that thaw, lengths that nobody said, averages beside whitened filters.
load helper
load train

lines="
import json
def lines(path, key):
    return [json.loads(l)[key] for l in open(path)]
"

# plain: a stream whose HEAD does not say how many rows it has.
plain() {
	py "
head, f = read('a.cvt')
classes = ''.join(l + '\n' for l in head.splitlines() if l.startswith('class '))
f.pop('part')
write('$1', 'epochs $2\n' + classes, epochs=$2, **f)"
}

@test "--mixup and --cutmix: the unlabelled among themselves, rows of weight 0 not at all" {
	tiny
	quadrants a.cvt val=0
	py "
head, f = read('a.cvt')
classes = ''.join(l + '\n' for l in head.splitlines() if l.startswith('class '))
two = {k: f[k][:2].copy() for k in ('image', 'label', 'index')}
two['label'][1] = -1
write('half.cvt', classes, **two)
two['label'] = f['label'][:2]
write('absent.cvt', classes, weight=f4([1, 0]), **two)"
	for f in half absent; do
		for mix in '' '--mixup 0.5' '--cutmix 0.5'; do
			cv-train -q --arch tiny.arch --no-history -b 2 --lr 1e-9 --steps 1 --sched constant \
				--metrics m.json $mix -o x.st $f.cvt
			metric m.json loss
		done | sort -u | wc -l | grep -qx 1
	done
}

@test "--cutmix refuses pictures of several sizes" {
	quadrants a.cvt val=0
	py "
head, f = read('a.cvt')
classes = ''.join(l + '\n' for l in head.splitlines() if l.startswith('class '))
write('two.cvt', classes, **{'image.1': f['image'], 'image.2': f['image'][:, ::2, ::2], 'label': f['label']})"
	cat >two.arch <<-'END'
		input image.1 8 8 1
		input image.2 4 4 1
		cat axis=0 { @image.1 | flatten , @image.2 | flatten }
		fc: linear classes
	END
	fails 2 cv-train --arch two.arch --cutmix 1 -o x.st two.cvt
	[[ $message == *"8x8"*"4x4"* ]]
	cv-train -q --arch two.arch --mixup 1 --epochs 1 -o x.st two.cvt
}

@test "weights of classes do not change the usual learning rate" {
	printf 'input image 8 8 1\nflatten | fc1: linear 8 | relu | fc: linear classes\n' >mlp.arch
	quadrants a.cvt
	for w in '' '--class-weight 1,1,1,1'; do
		cv-train -q --arch mlp.arch -b 32 --sched constant --metrics m.json $w -o x.st a.cvt
		[ "$(metric m.json lr)" = 0.05 ]
	done
}

@test "averages begin with the whitened filters, and --unfreeze-at leaves them" {
	tiny
	sed -i 's/conv1: conv 8 3 bias=0/conv1: conv 8 2 pad=0 bias=0/' tiny.arch
	quadrants a.cvt epochs=3
	set -- -q --arch tiny.arch --whiten conv1 -b 32 a.cvt
	cv-train "$@" --steps 1 -o one.st
	cv-train "$@" --lookahead 1,0.5 -o ahead.st
	cv-train "$@" --model-ema 0.999 -o ema.st
	cv-train "$@" --freeze conv1 --unfreeze-at 1 -o thawed.st
	py "$lines
w = model('one.st')['conv1.weight']
for name in ('ahead', 'ema', 'thawed'):
    d = np.abs(model(name + '.st')['conv1.weight'] - w).max()
    assert d < 1e-6 * np.abs(w).max(), (name, d)"
}

@test "what thaws takes its first steps as any parameter does" {
	tiny
	sed -i 's/ | dropout 0.1//' tiny.arch
	quadrants a.cvt epochs=20 val=0
	set -- -q --arch tiny.arch -b 240 --opt adam --lr 1e-4 --sched constant --freeze conv2 --unfreeze-at 18
	for n in 18 19; do cv-train "$@" --steps $n -o $n.st a.cvt; done
	py "$lines
d = np.abs(model('19.st')['conv2.weight'] - model('18.st')['conv2.weight'])
assert abs(np.median(d[d > 0]) - 1e-4) < 2e-6 and d.max() < 1.01e-4, (np.median(d), d.max())"
	# the count goes into the checkpoint
	cv-train "$@" -o whole.st a.cvt
	head -c $(($(wc -c <a.cvt) * 19 / 20 - 2000)) a.cvt >cut.cvt
	fails 3 cv-train "$@" --resume auto -o part.st cut.cvt
	cv-train "$@" --resume auto -o part.st a.cvt
	cmp whole.st part.st
}

@test "an epoch of --steps is as many steps as it takes" {
	tiny
	quadrants a.cvt n=50 val=0
	set -- -q --arch tiny.arch --lr 1 --warmup-epochs 2 --sched constant
	cv-train "$@" -b 128 --steps 4 --metrics m.json -o x.st a.cvt
	py "$lines
assert np.allclose(lines('m.json', 'lr'), [.5, 1, 1, 1]), lines('m.json', 'lr')"
	cv-train "$@" -b 10 --accumulate 4 --steps 6 --metrics m.json -o x.st a.cvt
	py "$lines
assert np.allclose(lines('m.json', 'lr'), [.5, 1, 1]), lines('m.json', 'lr')"
}

@test "lengths that nobody said are asked for, and one epoch is counted" {
	tiny
	quadrants a.cvt
	plain four.cvt 4
	plain one.cvt 1
	set -- --arch tiny.arch -b 32 -o x.st
	fails 2 cv-train "$@" --sched constant --swa 0.75 four.cvt
	[[ $message == *"--swa must know"* ]]
	fails 2 cv-train "$@" --sched constant --lookahead 5,0.5,2 four.cvt
	fails 2 cv-train "$@" --sched constant --warmup-epochs 1 --steps 9 four.cvt
	[[ $message == *"how many rows an epoch has"* ]]
	fails 2 cv-train "$@" --sched step=1 --steps 9 four.cvt
	cv-train -q "$@" --sched step --steps 9 four.cvt
	cv-train -q "$@" --sched constant --swa 0 four.cvt
	cv-train -q "$@" --epochs 1 one.cvt
}

@test "cosine-restarts: as many waves with a warm-up" {
	tiny
	quadrants a.cvt epochs=12 n=40 val=8
	cv-train -q --arch tiny.arch -b 32 --lr 1 --warmup-epochs 3 --sched cosine-restarts \
		--metrics m.json -o x.st a.cvt
	py "$lines
wave = [.5 + .5 * np.cos(np.pi * k / 3) for k in range(3)]
assert np.allclose(lines('m.json', 'lr'), [1 / 3, 2 / 3, 1] + 3 * wave, atol=1e-6), lines('m.json', 'lr')"
}

@test "soft labels are matched to the model's classes by name" {
	tiny
	quadrants a.cvt
	cv-train -q --arch tiny.arch --epochs 2 -b 32 -o net.st a.cvt
	py "
head, f = read('a.cvt')
names = [l.split(' ', 2)[2] for l in head.splitlines() if l.startswith('class ')]
turned = ''.join('class %d %s\n' % (k, n) for k, n in enumerate(names[::-1]))
hard = f['label']
f['label'] = 3 - hard
write('hard.cvt', turned, **f)
f['label'] = np.eye(4, dtype='<f4')[3 - hard]
write('soft.cvt', turned, **f)"
	for f in a hard soft; do
		cv-train -q -w net.st --lr 0 --sched constant -b 32 --epochs 1 --metrics m.json -o x.st $f.cvt
		metric m.json loss
	done | sort -u | wc -l | grep -qx 1
}
