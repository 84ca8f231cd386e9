#!/usr/bin/env bats
# Dense prediction: --method segment learns masks, cv-embed writes them as `prediction`, cv-eval and
# cv-view --overlay lay them beside the truth.
load helper
load scenes

learn() { # OUT OPTION...
	local out=$1
	shift
	cv-train -q --method segment --arch several.arch --epochs 6 -b 16 --metrics "$out.json" \
		-o "$out.st" "$@"
}

@test "masks are learned, far above the majority class; pixels of 255 count nothing" {
	several
	scenes a.cvt
	learn net a.cvt
	at_least "$(metric net.json val_miou)" 0.8
	cv-embed -w net.st --output mask=prediction --keep mask,part a.cvt -o p.cvt
	cv-view --head p.cvt | grep -qx 'field prediction |u1 12 12'
	cv-view --head p.cvt | grep -qx 'class.prediction 3 blue'
	cv-eval --part 1 --as json p.cvt >eval.json
	py "
import json
f = read('p.cvt')[1]
t, a = f['mask'][f['part'] == 1], f['prediction'][f['part'] == 1]
a, t = a[t != 255], t[t != 255]
iou = np.mean([((t == k) & (a == k)).sum() / ((t == k) | (a == k)).sum() for k in range(4)])
lines = [json.loads(l) for l in open('net.json')]
assert abs(iou - lines[-1]['val_miou']) < 1e-6 and abs(iou - json.load(open('eval.json'))['miou']) < 1e-6
assert iou > 3 * ((t == 0).mean() / 4)"
	py "
head, f = read('a.cvt')
f['mask'][:] = 255
write('none.cvt', ''.join(l + '\n' for l in head.splitlines() if l.split()[0] not in ('format', 'field')), **f)"
	fails 3 cv-train -q --method segment --arch several.arch -b 16 -o none.st none.cvt
	[[ $message == *"nothing to learn from"* ]]
}

@test "overlap beside cross-entropy, and alone" {
	several
	scenes a.cvt
	learn both --dice 1 a.cvt
	at_least "$(metric both.json val_miou)" 0.7
	refute cmp -s <(metric both.json loss) <(learn plain a.cvt && metric plain.json loss)
	learn alone --head mask:dice a.cvt
	at_least "$(metric alone.json val_miou)" 0.5
}

@test "the same bytes for 1, 2 and 3 threads, and after a stop" {
	several
	scenes a.cvt epochs=4
	for t in 1 2 3; do
		cv-train -q --method segment --arch several.arch -b 16 --dice 0.5 --threads $t -o $t.st a.cvt
	done
	cmp 1.st 2.st
	cmp 1.st 3.st
	head -c 200000 a.cvt >cut.cvt
	fails 3 cv-train -q --method segment --arch several.arch -b 16 --dice 0.5 \
		--metrics part.json -o part.st cut.cvt
	[ -e part.st.ckpt ]
	cv-train -q --method segment --arch several.arch -b 16 --dice 0.5 --resume auto \
		--metrics part.json -o part.st a.cvt
	cmp 1.st part.st
}

@test "a tally counted halfway goes on where it was" {
	several
	scenes a.cvt frame=40 epochs=2
	set -- -q --method segment --arch several.arch -b 16
	cv-train "$@" --metrics whole.json -o whole.st a.cvt
	head -c 270000 a.cvt >cut.cvt
	fails 3 cv-train "$@" --metrics part.json -o part.st cut.cvt
	cv-train "$@" --resume auto --metrics part.json -o part.st a.cvt
	cmp whole.st part.st
	[ "$(metric whole.json miou)" = "$(metric part.json miou)" ]
	[ "$(metric whole.json val_miou)" = "$(metric part.json val_miou)" ]
}

@test "predictions: of several views, of a class, of a number; classes must be the model's" {
	several
	scenes a.cvt
	learn net a.cvt
	cv-embed -w net.st --output mask=m,mask=prediction,depth=prediction.depth a.cvt -o p.cvt
	py "
f = read('p.cvt')[1]
assert f['m'].shape == (160, 12, 12, 4) and (f['m'].argmax(-1) == f['prediction']).all()
assert f['prediction'].dtype.str == '|u1' and f['prediction.depth'].shape == (160, 12, 12)"
	cv-train -q --arch one.arch --epochs 3 -b 16 -o one.st a.cvt
	cv-embed -w one.st --output logits,logits=prediction a.cvt | cv-eval | grep -q accuracy
	py "
head, f = read('a.cvt')
write('other.cvt', 'class.mask 0 sky\nclass.mask 1 red\nclass.mask 2 green\nclass.mask 3 blue\n', **f)"
	fails 3 cv-embed -w net.st --output mask=prediction other.cvt -o none.cvt
	[[ $message == *"classes of 'mask'"*--classes-by-number* ]]
	cv-embed -w net.st --classes-by-number --output mask=prediction other.cvt -o by-number.cvt
}

@test "an overlay shows truth and prediction side by side" {
	several
	scenes a.cvt
	learn net --epochs 1 a.cvt
	cv-view --overlay -n 4 --scale 1 -o alone.png a.cvt
	cv-embed -w net.st --output mask=prediction --keep image,mask a.cvt |
		cv-view --overlay -n 4 --scale 1 --columns 2 -o two.png
	# columns of 12 pixels, 4 between
	[ "$(dd if=two.png bs=1 skip=16 count=4 2>/dev/null | od -An -tu1 | tr -s ' ')" = " 0 0 0 36" ]
	refute cmp -s alone.png two.png
}

@test "what cannot be: no mask, no such class, options of other methods, weights below 0" {
	several
	scenes a.cvt
	cv-read a.cvt --drop mask -o none.cvt
	fails 3 cv-train --method segment --arch several.arch -o x.st none.cvt
	[[ $message == *mask* ]]
	py "
head, f = read('a.cvt')
f['mask'][3, 4, 4] = 9
write('nine.cvt', 'class.mask 0 ground\nclass.mask 1 red\n', **f)"
	fails 3 cv-train --method segment --arch several.arch -o x.st nine.cvt
	[[ $message == *"mask 2"* || $message == *"mask 3"* || $message == *"mask 9"* ]]
	fails 2 cv-train --arch several.arch --dice 1 -o x.st a.cvt
	[[ $message == *"no such option"* ]]
	fails 2 cv-train --method segment --arch several.arch --dice -1 -o x.st a.cvt
	[ ! -e x.st ]
}
