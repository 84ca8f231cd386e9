#!/usr/bin/env bats
# cv-embed: what it writes, what it keeps, and what must agree before it runs.
load helper
load train

# Rows of 8x8 grey pictures and networks that have seen them, made once.
setup_file() {
	export BATS_TEST_TIMEOUT=200
	cd "$BATS_FILE_TMPDIR"
	tiny
	quadrants rows.cvt val=0
	cv-train -q --arch tiny.arch -b 32 --epochs 4 -o net.st rows.cvt
	cat >flat.arch <<-'END'
		input image 8 8 1
		flatten | embedding: linear 8 | fc: linear classes
	END
	cv-train -q --arch flat.arch --seed 1 -o one.st rows.cvt
	cv-train -q --arch flat.arch --seed 2 -o two.st rows.cvt
}

setup() {
	cp "$BATS_FILE_TMPDIR"/* "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR" || exit 1
}

near="
def near(a, b, e=1e-4):
    assert a.shape == b.shape and a.dtype == np.float32, (a.shape, b.shape, a.dtype)
    assert np.abs(a - b).max() <= e, np.abs(a - b).max()
"

# ---- what it writes ---------------------------------------------------------------------------------

@test "the embedding is what enters the last linear layer; logits and probs are what leaves it" {
	cv-embed -w net.st rows.cvt >e.cvt
	cv-embed -w net.st --output embedding,logits,probs rows.cvt >all.cvt
	py "$near
e, a, w = read('e.cvt')[1], read('all.cvt')[1], model('net.st')
assert (e['embedding'] == a['embedding']).all() and e['embedding'].shape == (240, 16)
near(a['logits'], a['embedding'] @ w['fc.weight'].T + w['fc.bias'])
p = np.exp(a['logits'] - a['logits'].max(1, keepdims=True))
near(a['probs'], (p / p.sum(1, keepdims=True)).astype('<f4'), 1e-6)
assert (a['label'] == read('rows.cvt')[1]['label']).all()
assert (a['logits'].argmax(1) == a['label']).mean() > .9"
}

@test "stages by their paths, under other names; maps are (N,H,W,C), of one pixel vectors" {
	cv-gen shapes -n 20 >s.cvt
	cv-embed --arch resnet8 --output layer2=features,layer1.0.conv1,logits,probs s.cvt >o.cvt
	py "
f = read('o.cvt')[1]
assert f['features'].shape == (20, 16, 16, 32)
assert f['layer1.0.conv1'].shape == (20, 32, 32, 16)
assert f['logits'].shape == f['probs'].shape == (20, 10)
assert 'embedding' not in f
assert np.allclose(f['probs'].sum(1), 1)"
	cv-embed --arch tiny.arch --output conv2=c,fc1=v rows.cvt | cv-view --head >head
	grep -qx 'field c <f4 4 4 8' head
	grep -qx 'field v <f4 16' head
}

@test "pictures are divided by 255 and normalised: the option, the model, the stream, one half" {
	printf 'input image 8 8 1\nembedding: flatten | fc: linear classes\n' >pixels.arch
	embed() { cv-embed "$@" >o.cvt; }
	same() {
		py "
x = read('rows.cvt')[1]['image'].reshape(240, -1) / 255
d = np.abs(read('o.cvt')[1]['embedding'] - (x - $1) / $2).max()
assert d < 1e-5, d"
	}
	embed --arch pixels.arch rows.cvt && same .5 .5
	embed --arch pixels.arch --mean .25 --std 0.125 rows.cvt && same .25 .125
	py "
head, f = read('rows.cvt')
write('known.cvt', 'mean 0.3\nstd 0.7\n' + classes('nw', 'ne', 'sw', 'se'), **f)"
	embed --arch pixels.arch known.cvt && same .3 .7
	cv-train -q --arch pixels.arch --mean .1 --std .2 -o p.st rows.cvt
	embed -w p.st known.cvt && same .1 .2
	embed -w p.st --std .4 known.cvt && same .1 .4
	fails 2 cv-embed --arch pixels.arch --mean .1,.2 rows.cvt
	fails 2 cv-embed --arch pixels.arch --mean 0,5 rows.cvt
	fails 2 cv-embed --arch pixels.arch --std 0 rows.cvt
	fails 2 cv-embed --arch pixels.arch --std nan rows.cvt
}

@test "fields pass on: all but pictures, or those that --keep names, and index" {
	py "
n = 4
write('f.cvt', classes('nw', 'ne', 'sw', 'se'), image=np.zeros((n, 8, 8, 1), '|u1'), label=i4(0, 1, 2, 3),
      domain=i4(1, 2, 3, 4), weight=f4([1, 0, 1, 1]), embedding=f4(np.ones((n, 3))))"
	fields() { cv-view --head - | sed -n 's/^field \([^ ]*\).*/\1/p' | sort | tr '\n' ' '; }
	[ "$(cv-embed -w net.st f.cvt | fields)" = "domain embedding index label weight " ]
	[ "$(cv-embed -w net.st --keep image,weight f.cvt | fields)" = "embedding image index weight " ]
	[ "$(cv-embed -w net.st --keep index f.cvt | fields)" = "embedding index " ]
	[ "$(cv-embed -w net.st --output logits f.cvt | fields)" = "domain embedding index label logits weight " ]
	cv-embed -w net.st f.cvt >o.cvt
	py "
f = read('o.cvt')[1]
assert f['embedding'].shape == (4, 16) and (f['domain'] == [1, 2, 3, 4]).all()"
	fails 3 cv-embed -w net.st --keep lable f.cvt
	[[ $message == *"'lable'"* ]]
}

@test "several views go through one network in turn" {
	py "
f = read('rows.cvt')[1]
x, y = f['image'], f['image'][::-1].copy()
c = classes('nw', 'ne', 'sw', 'se')
write('views.cvt', c, **{'image.1': x, 'image.2': y, 'label': f['label']})
write('x.cvt', c, image=x)
write('y.cvt', c, image=y)"
	cv-embed -w net.st --output embedding,logits=l views.cvt >v.cvt
	cv-embed -w net.st --output embedding,logits=l x.cvt >1.cvt
	cv-embed -w net.st --output embedding,logits=l y.cvt >2.cvt
	py "
v = read('v.cvt')[1]
for k in '12':
    one = read(k + '.cvt')[1]
    for f in ('embedding', 'l'): assert (v[f + '.' + k] == one[f]).all()
assert set(v) == {'embedding.1', 'embedding.2', 'l.1', 'l.2', 'label', 'index'}
f = read('views.cvt')[1]
write('small.cvt', '', **{'image.1': f['image.1'], 'image.2': f['image.2'][:, ::2, ::2].copy()})
write('types.cvt', '', **{'image.1': f['image.1'], 'image.2': f['image.2'] / np.float32(255)})
write('none.cvt', '', image=f['image.1'][:, 0, 0, 0].copy())"
	fails 3 cv-embed -w net.st small.cvt
	[[ $message == *"image.2: pictures are 4x4x1"*"resize=8,8"* ]]
	fails 3 cv-embed -w net.st types.cvt
	[[ $message == *"'image.2' is <f4"* ]]
	printf 'input image 8 8 1\nflatten | fc: linear 4\n' >any.arch
	fails 3 cv-embed --arch any.arch none.cvt
}

# ---- classes ---------------------------------------------------------------------------------------

@test "classes are matched by name, and labels renumbered, where the output is written" {
	py "
head, f = read('rows.cvt')
mine, theirs = ['nw', 'ne', 'sw', 'se'], ['se', 'nw', 'sw', 'ne']
f['label'] = i4(*[theirs.index(mine[k]) for k in f['label']])
f['label'][:3] = -1
write('other.cvt', classes(*theirs), **f)
write('fewer.cvt', classes('se', 'nw', 'sw'), **{k: v[:2] for k, v in f.items()})
write('more.cvt', classes(*theirs, 'middle'), **f)
write('none.cvt', **f)"
	cv-embed -w net.st --output logits other.cvt >o.cvt
	cv-view --head o.cvt | grep '^class ' | tr '\n' ' ' >names
	[ "$(cat names)" = "class 0 nw class 1 ne class 2 sw class 3 se " ]
	py "
a, b = read('o.cvt')[1]['label'], read('rows.cvt')[1]['label']
assert (a[:3] == -1).all() and (a[3:] == b[3:]).all()"
	cv-embed -w net.st --output logits fewer.cvt >o.cvt
	fails 3 cv-embed -w net.st --output logits more.cvt
	[[ $message == *middle* && $message == *--classes-by-number* ]]
	cv-embed -w net.st --output logits --classes-by-number other.cvt >o.cvt
	py "assert (read('o.cvt')[1]['label'] == read('other.cvt')[1]['label']).all()"
	cv-embed -w net.st other.cvt >o.cvt
	cv-embed -w net.st more.cvt >more.out
	py "assert (read('o.cvt')[1]['label'] == read('other.cvt')[1]['label']).all()"
	cv-embed -w net.st --output logits none.cvt | cv-eval >/dev/null
}

# ---- pictures and networks ---------------------------------------------------------------------------

# mended FILE: refused with exit 3, and the commands that the message ends in mend it.
mended() {
	fails 3 cv-embed -w net.st "$1"
	local mend=${message#*; }
	case $mend in
	'cv-augment resize=8,8') cv-augment -i "$1" resize=8,8 >m.cvt ;;
	'cv-read --channels 1') cv-read "$1" --channels 1 >m.cvt ;;
	'cv-read --channels 1, then cv-augment resize=8,8')
		cv-read "$1" --channels 1 | cv-augment resize=8,8 >m.cvt
		;;
	*)
		echo "$message"
		return 1
		;;
	esac
	cv-embed -w net.st m.cvt >o.cvt
}

@test "another size or other channels: exit 3, ending in what mends it" {
	py "
n = 3
for name, shape in dict(size=(12, 8, 1), colour=(8, 8, 3), both=(9, 9, 3)).items():
    write(name + '.cvt', image=np.zeros((n, *shape), '|u1'))"
	mended size.cvt
	mended colour.cvt
	mended both.cvt
	mkdir a b
	py "
for k, s in enumerate([(8, 9), (10, 8)]):
    open('%s/p.pgm' % 'ab'[k], 'wb').write(b'P5 %d %d 255\n' % s + bytes(s[0] * s[1]))"
	cv-read a b >ragged.cvt
	mended ragged.cvt
	fails 3 cv-embed --arch resnet8 ragged.cvt
	[[ $message == *"cv-augment resize="* ]]
	py "write('empty.cvt', label=i4(1, 2))"
	fails 3 cv-embed -w net.st empty.cvt
	[[ $message == *"'image'"* ]]
}

@test "an untrained network takes pictures as they come" {
	for size in 8x8 20x12; do
		cv-gen shapes -n 5 --size $size | cv-embed --arch resnet8 --output layer1 | cv-view --head - |
			grep -qx "field layer1 <f4 ${size/x/ } 16"
	done
}

@test "a network reads several fields, and other things than pictures" {
	cv-gen shapes -n 40 --size 8x8 --fields image,label,caption,depth,domain -o rows.cvt
	printf 'input %s\n' 'caption 20' 'image 4 4 3' 'depth 4 4' >text.arch
	cat >>text.arch <<-'END'
		[ words: embed 256 4 | take 0 , @image | flatten , @depth | flatten ]
		embedding: relu | fc: linear classes
	END
	cv-train -q --arch text.arch --epochs 1 --mean 0.4 --std 0.3 --head label:cross-entropy \
		--head domain:cross-entropy rows.cvt -o net.st
	cv-view --arch net.st | grep -qx 'input caption 96'
	cv-view --arch net.st | grep -qx 'input image 8 8 3'
	cv-view --arch net.st | grep -qx 'input depth 8 8'
	cv-view --summary net.st | grep -qE '^words +embed +96x4 +1024 '
	cv-train -q -w net.st --epochs 0 -o again.st # as the text says, without rows
	for model in net.st again.st; do
		cv-embed -w $model --output fc rows.cvt -o out.cvt
		py "
w, rows, out = model('$model'), read('rows.cvt')[1], read('out.cvt')[1]['fc']
picture = (rows['image'] / 255 - 0.4) / 0.3
x = np.concatenate([w['words.weight'][rows['caption'][:, 0]], picture.transpose(0, 3, 1, 2).reshape(40, -1),
	rows['depth'].reshape(40, -1)], 1)
np.testing.assert_allclose(out, np.maximum(x, 0) @ w['fc.weight'].T + w['fc.bias'], 1e-3, 1e-4)"
	done
	fails 2 cv-embed -w net.st --tta flip rows.cvt
	cv-read --drop depth rows.cvt -o few.cvt
	fails 3 cv-embed -w net.st few.cvt
	[[ $message == *"no field 'depth', which the network reads" ]]
	fails 3 cv-distill --teacher net.st --arch mlp --epochs 1 rows.cvt -o student.st
	[[ $message == *"a teacher reads one" ]]
	printf 'input label\nembed 10 4\nfc: linear classes\n' >label.arch
	cv-train -q --arch label.arch --epochs 1 rows.cvt -o label.st
	cv-embed -w label.st --output fc rows.cvt -o out.cvt
	py "
w, rows, out = model('label.st'), read('rows.cvt')[1], read('out.cvt')[1]['fc']
np.testing.assert_allclose(out[:, 0], w['0.weight'][rows['label']] @ w['fc.weight'].T + w['fc.bias'], 1e-4, 1e-5)"
	printf 'input name 8\nembed 256 4 | flatten | linear classes\n' >name.arch
	mkdir d && cv-gen shapes -n 1 | cv-view -o d/a.png
	fails 3 cv-embed --arch name.arch d
	[[ $message == *"the rows of 'name' have no fixed length"* ]]
}

# ---- the same bytes ----------------------------------------------------------------------------------

@test "an untrained network is drawn from the seed, given or the stream's" {
	cv-gen shapes -n 20 --no-history >s.cvt
	embed() { cv-embed --arch resnet8 --no-history "$@"; }
	embed --seed 3 s.cvt >a.cvt
	embed --seed 3 --threads 1 s.cvt | cmp - a.cvt
	embed --seed 4 s.cvt >b.cvt
	refute cmp -s a.cvt b.cvt
	embed s.cvt >zero.cvt
	embed --seed 0 s.cvt | cmp - zero.cvt
	py "
head, f = read('s.cvt')
write('five.cvt', 'seed 5\n' + classes(*'0123456789'), **f)"
	embed five.cvt >five.out
	embed --seed 5 five.cvt | cmp - five.out
	refute cmp -s five.out zero.cvt
	cv-embed --arch resnet8 five.cvt | cv-view --history - | grep -q -e '--arch resnet8 --seed 5'
	mkdir d && cv-gen shapes -n 1 | cv-view -o d/a.png
	cv-embed --arch pixels --num-classes 2 --seed 7 d | cv-view --head | grep -qx 'seed 7' # the first program's travels on
	cv-embed --arch pixels --seed 7 five.cvt | cv-view --head | grep -qx 'seed 5'
}

@test "no thread, frame or pipe shows in the result" {
	cv-gen shapes -n 300 >s.cvt
	embed() { cv-embed --arch resnet8 --output layer3=f,embedding,probs "$@"; }
	embed --threads 1 s.cvt >a.cvt
	for t in 2 3; do embed --threads $t s.cvt | cmp - a.cvt; done
	cat s.cvt | embed | cmp - a.cvt
	dd if=s.cvt bs=997 2>/dev/null | embed | cmp - a.cvt
	for frame in 1 37 300; do
		py "
head, f = read('s.cvt')
lines = ''.join(l + '\n' for l in head.splitlines() if l.split()[0] not in ('format', 'field'))
write('frames.cvt', lines, $frame, **f)"
		embed frames.cvt | cmp - a.cvt
	done
}

@test "epochs are batches of their own" {
	cv-read rows.cvt --epochs 3 >three.cvt
	cv-embed -w net.st three.cvt >o.cvt
	cv-view --stat o.cvt | grep -qx 'epochs 3'
	cv-embed -w net.st rows.cvt >one.cvt
	py "
a, b = read('o.cvt')[1]['embedding'], read('one.cvt')[1]['embedding']
assert (a == np.concatenate([b, b, b])).all()"
}

@test "the history has the line, and the model's one deeper" {
	cv-read rows.cvt | cv-embed -w net.st --output logits >o.cvt
	cv-view --head o.cvt | grep '^prog' >progs
	grep -q '^prog 1 cv-train .*--arch tiny.arch' progs
	grep -q '^prog 0 cv-embed .*-w\|^prog 0 cv-embed .*--weights net.st' progs
	cv-embed -w net.st --no-history rows.cvt | cv-view --head - >head
	refute grep -q '^prog . cv-embed' head
}

# ---- weights -----------------------------------------------------------------------------------------

@test "several weights, each under its stage" {
	cat >both.arch <<-'END'
		input image 8 8 1
		{ one: ( flatten | embedding: linear 8 | fc: linear classes ) ,
		  two: ( flatten | embedding: linear 8 | fc: linear classes ) }
	END
	cv-embed --arch both.arch -w one=one.st -w two=two.st --output logits rows.cvt >both.cvt
	for m in one two; do cv-embed -w $m.st --output logits rows.cvt >$m.cvt; done
	py "$near
a, b, c = (read(f + '.cvt')[1]['logits'] for f in ('one', 'two', 'both'))
near(a + b, c)
assert np.abs(a - b).max() > .01"
	fails 3 cv-embed --arch both.arch -w three=one.st rows.cvt
	fails 3 cv-embed --arch both.arch -w one.st rows.cvt
}

@test "--partial loads what fits and leaves the rest as it was drawn" {
	cat >other.arch <<-'END'
		input image 8 8 1
		flatten | embedding: linear 8 | new: linear 5 | fc: linear classes
	END
	fails 3 cv-embed -w one.st --arch other.arch rows.cvt
	[[ $message == *"'new.weight'"*--partial* ]]
	cv-embed -w one.st --arch other.arch --partial --output embedding,new --seed 1 rows.cvt >a.cvt
	cv-embed -w one.st --arch other.arch --partial --output embedding,new --seed 2 rows.cvt >b.cvt
	cv-embed -w one.st rows.cvt >one.cvt
	py "
a, b, one = (read(f + '.cvt')[1] for f in ('a', 'b', 'one'))
assert (a['embedding'] == one['embedding']).all() and (b['embedding'] == one['embedding']).all()
assert (a['new'] != b['new']).any()"
	fails 3 cv-embed -w one.st --arch resnet8 --partial rows.cvt
}

@test "a checkpoint shows an unfinished network" {
	cv-read rows.cvt --epochs 3 >three.cvt
	head -c $(($(wc -c <three.cvt) - 5000)) three.cvt >cut.cvt
	fails 3 cv-train -q --arch tiny.arch -o x.st cut.cvt
	cv-embed -w x.st.ckpt --output logits rows.cvt | cv-eval >/dev/null
	# It says the same of itself as the model will: a wrong normalisation would go unnoticed.
	cv-train -q --arch tiny.arch -o x.st three.cvt --mean .2 --std .1
	fails 3 cv-train -q --arch tiny.arch -o y.st cut.cvt --mean .2 --std .1
	py "
import json
def meta(f):
    b = open(f, 'rb').read()
    return json.loads(b[8:8 + int.from_bytes(b[:8], 'little')])['__metadata__']
model, checkpoint = meta('x.st'), meta('y.st.ckpt')
assert 'mean 0.2' in model['cv.input'], model
for k in model: assert checkpoint[k] == model[k], k"
}

# ---- what is refused -----------------------------------------------------------------------------------

@test "the command line is checked" {
	fails 2 cv-embed rows.cvt
	[[ $message == *"-w MODEL"* ]]
	fails 2 cv-embed --arch resnet88 rows.cvt
	[[ $message == *resnet8* ]]
	fails 2 cv-embed --arch tiny.arch -w nothing.st -b 0 rows.cvt
	fails 1 cv-embed -w nothing.st rows.cvt
	fails 2 cv-embed -w net.st --output embeddings rows.cvt
	[[ $message == *embedding* ]]
	fails 2 cv-embed -w net.st --output fc=a,conv1=a rows.cvt
	fails 2 cv-embed -w net.st --output fc=A-B rows.cvt
	fails 2 cv-embed -w net.st --output '' rows.cvt
	fails 2 cv-embed -w net.st rows.cvt rows.cvt
	fails 2 cv-embed -w net.st --keep '' rows.cvt
}

@test "no rows are an error, unless --allow-empty" {
	cv-read rows.cvt --take 0 --allow-empty >empty.cvt
	fails 3 cv-embed -w net.st empty.cvt
	cv-embed -w net.st --allow-empty empty.cvt | cv-view --head - | grep -qx 'field embedding <f4 16'
}

# ---- networks of others ----------------------------------------------------------------------------------

accuracy() {
	sed -n 's/^accuracy //p'
}

@test "ResNet-20 of others: CIFAR-10 to the image" {
	need_data cifar-10
	[ -z "${TESTS:-}" ] || skip "minutes under a sanitizer"
	resnet20() {
		cv-embed -w "$DATA/weights/cifar10_resnet20.safetensors" --arch resnet20 \
			--mean .485,.456,.406 --std .229,.224,.225 --output logits | cv-eval | accuracy
	}
	cifar() { cv-read "$DATA"/cifar-10/cifar-10-binary.tar.xz --split test "$@"; }
	[ "$(cifar --take 2000 | resnet20)" = 0.9170 ]
	[ -z "${LONG:-}" ] || [ "$(cifar | resnet20)" = 0.9173 ]
}

@test "an MLP of others: Fashion-MNIST to the image" {
	need_data fashion-mnist
	cat >fmnist.arch <<-'END'
		input image 28 28 1
		flatten
		layers: ( linear 512 | relu | linear 256 | relu | linear 256 | relu | linear 128 | relu
			linear classes )
	END
	[ "$(cv-read "$DATA/fashion-mnist" --split test | cv-embed --arch fmnist.arch \
		-w "$DATA/weights/fmnist_mlp_adam.safetensors" --mean 0.2861 --std 0.3530 --output logits |
		cv-eval | accuracy)" = 0.8946 ]
}

@test "LeNet-5 of others: MNIST to the image" {
	need_data mnist
	[ "$(cv-read "$DATA/mnist" --split test | cv-embed --arch lenet5 \
		-w "$DATA/weights/mnist_lenet5.safetensors" --mean 0.5 --std 0.5 --output logits |
		cv-eval | accuracy)" = 0.9869 ]
}

@test "soft labels are renumbered to the model's classes, too, and get a column for each" {
	py "
f = read('rows.cvt')[1]
soft = f4([[.25, .75, 0], [0, 0, 0], [.5, .125, .375]])
for n in 1, 3: write('soft%d.cvt' % n, classes('se', 'nw', 'sw'), frame=n, image=f['image'][:3], label=soft)
write('many.cvt', classes('se', 'nw'), image=f['image'][:3], label=soft)
write('bare.cvt', image=f['image'][:3], label=soft)"
	cv-embed -w net.st --output logits --no-history soft3.cvt -o o.cvt
	cv-embed -w net.st --output logits --no-history -b 2 soft1.cvt | cv-view --diff - o.cvt
	py "
h, f = read('o.cvt')
assert 'class 3 se' in h and f['label'].shape == (3, 4)
assert f['label'].tolist() == [[.75, 0, 0, .25], [0, 0, 0, 0], [.125, 0, .375, .5]], f['label']"
	cv-embed -w net.st --output logits --classes-by-number soft3.cvt -o o.cvt
	py "assert read('o.cvt')[1]['label'].shape == (3, 3)"
	cv-embed -w net.st soft3.cvt -o o.cvt # without the output no class lists meet
	py "assert read('o.cvt')[1]['label'].tolist()[0] == [.25, .75, 0]"
	fails 3 cv-embed -w net.st --output logits many.cvt
	[[ $message == *"soft labels of more classes than the 2 that have a name"*--classes-by-number* ]]
	cv-embed -w net.st --output logits bare.cvt | cv-view --validate
	cv-embed -w net.st --output logits=label,logits soft3.cvt -o o.cvt
	py "
f = read('o.cvt')[1]
assert (f['label'] == f['logits']).all()"
}

@test "--output refuses the names of fields that a stage cannot be" {
	for f in index part group domain role copy name caption mask edge weight rotation image original depth \
		boxes keypoints image.at logits.at x.hwc index.1; do
		fails 2 cv-embed -w net.st --output logits=$f rows.cvt
		[[ $message == "cv-embed: --output: '$f' is a field of another form (cv-stream(5)); write STAGE=FIELD"* ]]
	done
	fails 2 cv-embed -w net.st --output conv1=label rows.cvt
	for f in label score index2 prediction probs; do
		cv-embed -w net.st --output logits=$f rows.cvt | cv-view --validate
	done
	printf 'input image 8 8 1\nc: conv 1 1 | depth: relu | flatten | embedding: linear 2 | fc: linear classes\n' >d.arch
	cv-embed --arch d.arch --output depth,depth=image rows.cvt | cv-view --validate
}
