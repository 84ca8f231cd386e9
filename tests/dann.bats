#!/usr/bin/env bats
# Domain adaptation: two populations in one stream, and --method dann.
load helper
load train

# two_domains: a.cvt is what `quadrants` draws, t.cvt the same task in other pictures: pale, on a
# bright and slanted ground. test.cvt holds further rows of the second kind, with labels.
two_domains() {
	digits_arch
	quadrants a.cvt n=400 val=0
	quadrants b.cvt n=800 val=0 seed=5
	py "
head, f = read('b.cvt')
ramp = np.arange(8)[None, :, None, None] * 9
x = (100 + f['image'] * .25 + ramp).clip(0, 255).astype('|u1')
names = classes('nw', 'ne', 'sw', 'se')
for file, rows, label in (('t.cvt', slice(0, 400), -1), ('test.cvt', slice(400, 800), 0)):
    y = f['label'][rows] if label == 0 else np.full(400, -1, '<i4')
    write(file, 'rows 400\nepochs 1\nindex 400\n' + names, 100, 1, image=x[rows], label=y,
          index=np.arange(400, dtype='<i8'))"
}

accuracy() { # MODEL
	cv-embed -w "$1" --output logits test.cvt | cv-eval | sed -n 's/^accuracy //p'
}

digits_arch() {
	cat >bn.arch <<-'END'
		input image 8 8 1
		conv1: conv 8 3 bias=0 | bn1: bn | relu
		conv2: conv 16 3 stride=2 bias=0 | bn2: bn | relu
		flatten | fc1: linear 32 bias=0 | bn3: bn | embedding: relu
		fc: linear classes
	END
}

adapt() { # OPTION...
	cv-train -q --method dann --arch bn.arch -b 32 --domain-weight 0.1 "$@"
}

@test "dann reads a domain that the source alone does not" {
	two_domains
	cv-read a.cvt --shuffle --epochs 12 | cv-train -q --arch bn.arch -b 32 -o source.st
	cv-read a.cvt t.cvt --mix 16:16 --unlabelled 1 --shuffle --epochs 15 |
		adapt --metrics m.json -o dann.st
	echo "source $(accuracy source.st) dann $(accuracy dann.st)"
	at_least "$(accuracy dann.st)" 0.85
	at_least 0.7 "$(accuracy source.st)"
	at_least 0.9 "$(metric m.json domain_accuracy)"
	py "
import json
b = open('dann.st', 'rb').read()
names = json.loads(b[8:8 + int.from_bytes(b[:8], 'little')])
assert not any(n.startswith('domain') for n in names), names.keys()"
}

@test "--target is the mix in the loop; the target's labels make no difference" {
	two_domains
	cv-read a.cvt --shuffle --epochs 15 | adapt --target t.cvt --no-history -o dann.st
	at_least "$(accuracy dann.st)" 0.85
	cv-read t.cvt --drop label -o bare.cvt
	py "
head, f = read('t.cvt')
f['label'] = np.arange(400).astype('<i4') % 4
write('told.cvt', 'rows 400\nepochs 1\nindex 400\n' + classes('nw', 'ne', 'sw', 'se'), 100, 1, **f)"
	for x in bare told; do
		cv-read a.cvt --shuffle --epochs 15 | adapt --target $x.cvt --no-history -o $x.st
		cmp dann.st $x.st
	done
	cv-read a.cvt --val-fraction 0.2 | adapt --target t.cvt --epochs 2 --metrics m.json -o v.st
	[ "$(metric m.json val_accuracy)" != null ]
}

sureness() { # MODEL: mean probability of the likeliest class
	cv-embed -w "$1" --output probs -o p.cvt test.cvt
	py "print(read('p.cvt')[1]['probs'].max(1).mean())"
}

@test "--target-entropy makes it sure of the other domain, and no less right" {
	two_domains
	for v in 0 0.1; do
		cv-read a.cvt --shuffle --epochs 8 |
			adapt --target t.cvt --target-entropy $v -o sure-$v.st
		echo "$v: accuracy $(accuracy sure-$v.st) sure $(sureness sure-$v.st)"
	done
	at_least "$(sureness sure-0.1.st)" "$(sureness sure-0.st)"
	at_least "$(accuracy sure-0.1.st)" "$(accuracy sure-0.st)"
}

@test "two streams: the same bytes for 1, 2 and 3 threads, and killed and resumed" {
	two_domains
	cv-read a.cvt --shuffle --epochs 4 -o all.cvt
	for t in 1 2 3; do
		adapt --target-entropy 0.1 --threads $t --target t.cvt -o $t.st all.cvt
	done
	cmp 1.st 2.st
	cmp 1.st 3.st
	head -c 90000 all.cvt >cut.cvt
	fails 3 adapt --target-entropy 0.1 --target t.cvt -o part.st cut.cvt
	cp part.st.ckpt kept
	cv-read t.cvt --take 300 -o fewer.cvt
	fails 3 adapt --target-entropy 0.1 --target fewer.cvt --resume auto -o part.st all.cvt
	adapt --target-entropy 0.1 --target t.cvt --resume auto -o part.st all.cvt
	cmp 1.st part.st
	cp kept part.st.ckpt
	cv-read a.cvt --shuffle --epochs 4 --start-epoch 1 |
		adapt --target-entropy 0.1 --target t.cvt --resume auto --no-history -o part.st
	adapt --target-entropy 0.1 --target t.cvt --no-history -o whole.st all.cvt
	cmp whole.st part.st
}

@test "what does not go together is said, with what mends it" {
	two_domains
	fails 3 adapt -o x.st a.cvt
	[[ $message == *"--mix"*"--target"* ]]
	fails 2 adapt --domain-hidden 0 --target t.cvt -o x.st a.cvt
	fails 2 adapt --domain-weight -1 --target t.cvt -o x.st a.cvt
	fails 2 adapt --target-entropy -1 --target t.cvt -o x.st a.cvt
	fails 2 cv-train -q --arch bn.arch --domain-weight 1 -o x.st a.cvt
	cv-read a.cvt t.cvt --mix 1:1 -o mixed.cvt
	fails 2 adapt --target t.cvt -o x.st mixed.cvt
	[[ $message == *"'domain' already"* ]]
	cv-read t.cvt --size 16x16 --channels 3 -o large.cvt
	fails 3 adapt --target large.cvt -o x.st a.cvt
	[[ $message == *"--size 8x8 --channels 1"* ]]
	fails 1 adapt --target none.cvt -o x.st a.cvt
	fails 3 adapt --target t.cvt -o x.st <(head -c 3000 a.cvt)
	[ ! -e x.st ]
}
