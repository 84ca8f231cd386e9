#!/usr/bin/env bats
# Several tasks on one network: heads, their scores, learned weights, layers for heads that the
# network has no stage for.
load helper
load scenes

heads=(--head label:cross-entropy --head mask:cross-entropy --head depth:l1)

@test "class, mask and depth are learned together, by the sum and by learned weights" {
	several
	scenes a.cvt
	for way in '' --uncertainty; do
		cv-train -q --arch several.arch "${heads[@]}" $way --clip-norm 1 --lr 0.3 --epochs 16 \
			-b 16 --metrics m.json -o net.st a.cvt
		at_least "$(metric m.json val_accuracy)" 0.8
		at_least "$(metric m.json val_mask_miou)" 0.6
		at_least 0.2 "$(metric m.json val_depth_rmse)"
	done
	at_least "$(metric m.json label_log_variance)" "$(metric m.json depth_log_variance)"
	at_least 0 "$(metric m.json mask_log_variance)"
	cv-embed -w net.st --output label=prediction,mask=prediction.mask,depth=prediction.depth \
		a.cvt -o p.cvt
	cv-eval --part 1 p.cvt | grep -q '^accuracy'
	cv-eval --part 1 --predicted prediction.mask p.cvt | grep -q '^miou'
	cv-eval --part 1 --predicted prediction.depth --as json p.cvt >eval.json
	py "
import json
f = read('p.cvt')[1]
d, t = (f[k][f['part'] == 1].astype(float) for k in ('prediction.depth', 'depth'))
e = json.load(open('eval.json'))
want = dict(rmse=np.sqrt(((d - t) ** 2).mean()), abs_rel=(abs(d - t) / t).mean(),
            delta1=(np.maximum(d / t, t / np.maximum(d, 1e-9)) < 1.25).mean())
assert all(abs(e[k] - want[k]) < 1e-6 for k in want), (e, want)
m = [json.loads(l) for l in open('m.json')][-1]
assert abs(m['val_depth_rmse'] - want['rmse']) < 1e-5"
}

@test "heads may come in any order: what has no classes says nothing of those of the labels" {
	cv-gen shapes -n 16 --size 8x8 --fields image,label,depth -o rows.cvt
	printf 'input image 8 8 3\ntop: conv 4 3 | depth: conv 1 1\n@top | gap | embedding: flatten\n' >two.arch
	printf 'label: linear classes\n' >>two.arch
	for heads in 'depth:l1' 'depth:l1 --head label:cross-entropy' 'label:cross-entropy --head depth:l1'; do
		cv-train -q --arch two.arch --head $heads --epochs 1 rows.cvt -o net.st
		cv-view --head net.st | grep -qE '^tensor label.weight +<f4 10x4$'
		cv-embed -w net.st --output label=logits rows.cvt | cv-view --validate
	done
}

@test "the same bytes for 1, 2 and 3 threads, and after a stop" {
	several
	scenes a.cvt epochs=4
	set -- -q --arch several.arch "${heads[@]}" --uncertainty -b 16 --clip-norm 1
	for t in 1 2 3; do
		cv-train "$@" --threads $t --metrics $t.json -o $t.st a.cvt
	done
	cmp 1.st 2.st
	cmp 1.st 3.st
	head -c 400000 a.cvt >cut.cvt
	fails 3 cv-train "$@" --metrics part.json -o part.st cut.cvt
	cv-train "$@" --resume auto --metrics part.json -o part.st a.cvt
	cmp 1.st part.st
	for key in label_log_variance depth_rmse val_mask_miou; do
		[ "$(metric 1.json $key)" = "$(metric part.json $key)" ]
	done
}

@test "the spread of a loss: exp(-s) L + s is least where exp(s) = L" {
	several
	scenes a.cvt
	cv-train -q --arch several.arch --head depth:l1 --uncertainty --freeze c1,bn1,body,depth --lr 0.1 \
		--epochs 60 -b 16 --metrics m.json -o x.st a.cvt
	py "
import json
m = [json.loads(l) for l in open('m.json')][-1]
s = m['depth_log_variance'] # the loss is L exp(-s) + s: 1 + s there
assert abs(m['loss'] - 1 - s) < 0.05, m"
}

@test "a head without a stage gets a linear layer on the embedding, which the model carries" {
	several
	scenes a.cvt
	cv-train -q --arch one.arch --head label:cross-entropy --head side:cross-entropy --epochs 8 -b 16 \
		--metrics m.json -o two.st a.cvt
	at_least "$(metric m.json val_accuracy)" 0.9
	at_least "$(metric m.json val_side_accuracy)" 0.9
	cv-view --head two.st >text
	grep -q 'head.side: linear 2' text
	grep -q '^tensor head.side.weight  *<f4 2x8' text
	grep -q 'class.side 1 large' text
	cv-embed -w two.st --output head.side=prediction,logits --keep side,label,part a.cvt -o p.cvt
	cv-eval --part 1 --truth side p.cvt | grep '^accuracy' >side
	at_least "$(cut -d ' ' -f 2 side)" 0.9
	cv-eval --part 1 --predicted logits p.cvt | grep '^accuracy' >label
	at_least "$(cut -d ' ' -f 2 label)" 0.9
	cv-train -q -w two.st --head label:cross-entropy --head side:cross-entropy --epochs 1 -b 16 \
		--lr 0.001 --metrics again.json -o again.st a.cvt
	at_least "$(metric again.json val_side_accuracy)" 0.9
	cv-train -q --arch one.arch --epochs 2 -b 16 -o label.st a.cvt
	cv-train -q -w label.st --head label:cross-entropy --head side:cross-entropy --epochs 2 -b 16 \
		-o added.st a.cvt
	cv-view --head added.st | grep -q '^tensor head.side.bias'
}

@test "what cannot be: a dense head without a stage, a field without classes, a loss that does not fit" {
	several
	scenes a.cvt
	fails 2 cv-train --arch one.arch --head label:cross-entropy --head mask:cross-entropy -o x.st a.cvt
	[[ $message == *"no stage of that name"*"@STAGE"* ]]
	fails 2 cv-train --arch one.arch --head label:cross-entropy --head part:cross-entropy -o x.st a.cvt
	[[ $message == *"how many classes 'part' has"* ]]
	fails 3 cv-train --arch several.arch --head label:cross-entropy --head depth:dice -o x.st a.cvt
	[[ $message == *dice* ]]
	fails 3 cv-train --arch one.arch --head label:cross-entropy --head sides:cross-entropy -o x.st a.cvt
	[ ! -e x.st ]
}

@test "every head's classes are matched to the loaded network's by name" {
	several
	scenes a.cvt
	set -- -q -b 16 --head label:cross-entropy --head mask:cross-entropy
	cv-train "$@" --arch several.arch --epochs 4 -o net.st a.cvt
	py '
head, f = read("a.cvt")
names = [l.split(" ", 2) for l in head.splitlines() if l.startswith("class.mask ")]
n = len(names)
lines = [l for l in head.splitlines() if not l.startswith(("class.mask ", "field ", "format ", "prog "))]
lines += ["class.mask %d %s" % (n - 1 - int(k), name) for _, k, name in names]
known = f["mask"] < 255
f["mask"] = np.where(known, n - 1 - f["mask"], 255).astype("u1")
write("b.cvt", "\n".join(lines) + "\n", **f)'
	for f in a b; do
		cv-train "$@" -w net.st --lr 0 --sched constant --epochs 1 --metrics $f.json -o $f.st $f.cvt
	done
	[ "$(metric a.json mask_miou)" = "$(metric b.json mask_miou)" ]
}

@test "a class beyond a head's outputs is the input's fault, also where the stream names no classes" {
	several
	scenes a.cvt
	py '
head, f = read("a.cvt")
lines = [l for l in head.splitlines() if not l.startswith(("class.side ", "field ", "format ", "prog "))]
f["side"][7] = 2
write("b.cvt", "\n".join(lines) + "\n", **f)'
	sed 's/^@body | gap.*/&\n@embedding | side: linear 2/' one.arch >two.arch
	fails 3 cv-train --arch two.arch --head label:cross-entropy --head side:cross-entropy -o x.st b.cvt
	[[ $message == *"side 2"*"2 classes"* ]]
}

@test "--let FIELD_classes is heeded, and refused where it is too few" {
	cv-gen shapes -n 30 --size 8x8 --fields image,label,mask -o m.cvt
	printf 'input image 8 8 3\nlet mask_classes = 2\nconv1: conv 4 3 | relu\nmask: conv mask_classes 1\n' >mask.arch
	cv-train -q --method segment --arch mask.arch --epochs 0 -o own.st m.cvt
	cv-view --head own.st | grep -qE '^tensor mask.bias +<f4 11$'
	cv-train -q --method segment --arch mask.arch --let mask_classes=13 -o more.st m.cvt
	cv-view --head more.st | grep -qE '^tensor mask.bias +<f4 13$'
	cv-view --arch more.st | grep -qx 'let mask_classes = 13'
	fails 2 cv-train -q --method segment --arch mask.arch --let mask_classes=5 -o x.st m.cvt
	[[ $message == *"its stage has 5 outputs, but there are 11 classes"* ]]
}

@test "the last element is the first head's, unless it is called as another field" {
	cv-gen shapes -n 30 --size 8x8 --fields image,label,mask,depth -o m.cvt
	printf 'input image 8 8 3\nconv1: conv 4 3 | relu\nmask: conv 11 1\n' >mask.arch
	fails 2 cv-train -q --arch mask.arch --head depth:l1 -o x.st m.cvt
	[[ $message == *"--head depth: the network has no stage of that name, and its last element is 'mask'; say --head depth:l1@STAGE"* ]]
	fails 2 cv-train -q --method segment --arch mask.arch --head depth:l1 -o x.st m.cvt
	cv-train -q --arch mask.arch --head mask:cross-entropy -o mask.st m.cvt
	# A class a row gets a layer of its own.
	cv-read m.cvt --select image,label,mask | cv-augment rotate4 -o r.cvt
	printf 'input image 8 8 3\nconv1: conv 4 3 | relu\ngap | embedding: flatten | label: linear classes\n' >label.arch
	cv-train -q --arch label.arch --head rotation:cross-entropy -o r.st r.cvt
	cv-view --head r.st | grep -qE '^tensor head.rotation.bias +<f4 4$'
	# Any other name is nobody's.
	sed 's/label: linear classes/fc: linear classes/' label.arch >fc.arch
	cv-train -q --arch fc.arch --head rotation:cross-entropy -o r.st r.cvt
	cv-view --head r.st | grep -qE '^tensor fc.bias +<f4 4$'
}
