#!/usr/bin/env bats
# cv-train and cv-distill.
load helper
load train

# tensors FILE: a dict of arrays in python.
tensors='
import json
def tensors(path):
    b = open(path, "rb").read()
    n = int.from_bytes(b[:8], "little")
    h = json.loads(b[8:8 + n])
    meta = h.pop("__metadata__", {})
    t = {k: np.frombuffer(b[8 + n:], "<f4" if v["dtype"] == "F32" else "<i8",
                          (v["data_offsets"][1] - v["data_offsets"][0])
                          // (4 if v["dtype"] == "F32" else 8),
                          v["data_offsets"][0]).reshape(v["shape"]) for k, v in h.items()}
    return meta, t
'

@test "it learns, and the model classifies rows that it never saw" {
	tiny
	quadrants a.cvt epochs=12
	quadrants test.cvt seed=2 val=0
	cv-train -q --arch tiny.arch -b 32 --metrics m.json -o net.st a.cvt
	at_least "$(metric m.json val_accuracy)" 0.9
	at_least "$(cv-embed -w net.st --output logits test.cvt | cv-eval | sed -n 's/^accuracy //p')" 0.9
}

@test "a replayed epoch learns as well" {
	tiny
	quadrants a.cvt
	cv-train -q --arch tiny.arch -b 32 --epochs 12 --metrics m.json -o net.st a.cvt
	[ "$(metric m.json epoch)" = 12 ]
	at_least "$(metric m.json val_accuracy)" 0.9
}

@test "the model says all that is needed to use it" {
	tiny
	quadrants a.cvt
	cv-train -q --arch tiny.arch --mean 0.3 --threads 2 --seed 5 -o net.st a.cvt
	py "$tensors
meta, t = tensors('net.st')
assert 'let classes = 4' in meta['cv.arch'], meta
assert meta['cv.input'] == 'image 8 8 1\nmean 0.3\nstd 0.5', meta
assert meta['cv.classes'] == 'class 0 nw\nclass 1 ne\nclass 2 sw\nclass 3 se\n', meta
assert meta['cv.method'] == 'classify'
line = meta['cv.history'].splitlines()[-1]
assert 'cv-train --arch tiny.arch --mean 0.3' in line and line.endswith('--seed 5'), line
assert 'threads' not in line and 'net.st' not in line, line
assert set(t) >= {'conv1.weight', 'bn1.running_var', 'fc.bias'}, t.keys()
assert t['conv2.weight'].shape == (8, 8, 3, 3)"
}

@test "PyTorch gives the same logits" {
	tiny
	quadrants a.cvt epochs=2
	cv-train -q --arch tiny.arch -o net.st a.cvt
	cv-embed -w net.st --output logits --keep image a.cvt >out.cvt
	py 'import torch' 2>/dev/null || skip "no torch here"
	py "$tensors
import torch
import torch.nn as nn
meta, t = tensors('net.st')
class Net(nn.Module):
    def __init__(s):
        super().__init__()
        s.conv1 = nn.Conv2d(1, 8, 3, padding=1, bias=False)
        s.bn1 = nn.BatchNorm2d(8)
        s.conv2 = nn.Conv2d(8, 8, 3, padding=1, stride=2)
        s.fc1 = nn.Linear(128, 16)
        s.fc = nn.Linear(16, 4)
    def forward(s, x):
        x = s.conv2(s.bn1(s.conv1(x)).relu()).relu()
        return s.fc(s.fc1(x.permute(0, 2, 3, 1).flatten(1) if False else x.flatten(1)).relu())
net = Net()
missing, more = net.load_state_dict({k: torch.tensor(v) for k, v in t.items()}, strict=False)
assert not more and all(m.endswith('num_batches_tracked') for m in missing), (missing, more)
head, f = read('out.cvt')
x = (torch.tensor(f['image'].astype('f4')).permute(0, 3, 1, 2) / 255 - 0.5) / 0.5
with torch.no_grad():
    y = net.eval()(x).numpy()
assert abs(y - f['logits']).max() < 1e-4, abs(y - f['logits']).max()"
}

@test "--list names methods, optimizers, schedules, losses, architectures" {
	cv-train --list >list
	refute grep -qv "$(printf '^[a-z0-9-]*\t.')" list
	for name in classify distill sgd adamw one-cycle cross-entropy resnet20; do
		cut -f 1 list | grep -qx $name
	done
}

@test "--metrics writes JSON lines, or TSV" {
	tiny
	quadrants a.cvt epochs=3
	cv-train -q --arch tiny.arch --metrics m.json -o a.st a.cvt
	cv-train -q --arch tiny.arch --metrics m.tsv -o a.st a.cvt
	py "
import json
lines = [json.loads(l) for l in open('m.json')]
assert [l['epoch'] for l in lines] == [1, 2, 3]
assert list(lines[0]) == ['epoch', 'step', 'loss', 'accuracy', 'val_loss', 'val_accuracy', 'lr',
                          'gradient_norm', 'seconds', 'rows_per_second', 'waiting']
rows = [l.rstrip('\n').split('\t') for l in open('m.tsv')]
assert rows[0] == list(lines[0]) and len(rows) == 4
assert rows[3][2] == '%.9g' % lines[2]['loss']"
}

@test "--metrics - is standard output; what cannot be written is said, and how to go on" {
	tiny
	quadrants a.cvt
	cv-train -q --arch tiny.arch --epochs 2 --metrics - -o a.st a.cvt >lines
	[ "$(grep -c '^{"epoch"' lines)" -eq 2 ]
	[ ! -e - ]
	fails 2 cv-train -q --arch tiny.arch --metrics - a.cvt
	[ -e /dev/full ] || skip "no /dev/full"
	cv-train -q --arch tiny.arch -o whole.st a.cvt
	fails 1 cv-train -q --arch tiny.arch --metrics /dev/full -o b.st a.cvt
	[[ $message == *"/dev/full: cannot be written"*"--resume auto"* ]]
	[ ! -e b.st ]
	cv-train -q --arch tiny.arch --resume auto -o b.st a.cvt
	cmp whole.st b.st
}

@test "--metrics after --resume: lines of epochs that are told again, or were cut, go" {
	tiny
	quadrants all.cvt epochs=3 frame=40
	for suffix in json tsv; do
		cv-train -q --arch tiny.arch -b 32 --metrics whole.$suffix -o whole.st all.cvt
		head -c 38000 all.cvt >cut.cvt # in the second epoch
		fails 3 cv-train -q --arch tiny.arch -b 32 --metrics m.$suffix -o part.st cut.cvt
		sed -n '$p' whole.$suffix | head -c 70 >>m.$suffix
		cv-train -q --arch tiny.arch -b 32 --resume auto --metrics m.$suffix -o part.st all.cvt
		for m in whole m; do sed 's/, "seconds".*//' $m.$suffix | cut -f 1-8 >$m.figures; done
		cmp whole.figures m.figures
	done
	cp whole.json other.json
	cv-train -q --arch tiny.arch -b 32 --metrics other.json -o part.st cut.cvt 2>/dev/null || true
	[ "$(wc -l <other.json)" -eq 1 ] # without --resume it is another training
	rm part.st.ckpt
}

@test "-v tells before the training what it will take, and that is what it takes" {
	cv-gen shapes -n 256 --size 32x32 -o a.cvt
	cv-train -v --arch resnet8 --epochs 1 --threads 1 -o net.st a.cvt 2>err
	grep -E '^cv-train: [0-9]+ parameters; [0-9]+ MiB for batches of 128 rows$' err
	told=$(sed -n 's/.*; \([0-9]*\) MiB for.*/\1/p' err)
	# weights, gradients and momentum are three times as much as one of them
	want=$(cv-view --arch resnet8 --summary --batch-size 128 |
		awk '$1 == "train_bytes" { print int($2 / 1048576) }')
	[ "$told" -ge "$want" ] && [ "$told" -le $((want + 3)) ]
	grep " $(cv-view --summary net.st | awk '$1 == "parameters" { print $2 }') parameters;" err
	cv-train --arch resnet8 --epochs 1 -o net.st a.cvt 2>err
	[ -z "$(grep MiB err)" ]
}

@test "--profile tells where the time went, and changes nothing" {
	tiny
	quadrants a.cvt
	cv-train -q --arch tiny.arch --epochs 1 -o plain.st a.cvt
	cv-train -q --arch tiny.arch --epochs 1 --profile -o net.st a.cvt 2>err
	cmp plain.st net.st
	grep -E '^conv +forward +[0-9]+ .*%' err
	grep -E '^conv +backward ' err
	grep -E '^sgd +update +[0-9]+ ' err
	grep -E '^peak: [0-9.]+ GFLOP/s, ' err
}

@test "epochs: what the stream cannot give is told" {
	tiny
	quadrants two.cvt epochs=2
	quadrants drawn.cvt draws=1
	fails 2 cv-train --arch tiny.arch --epochs 5 -o x.st two.cvt
	[[ $message == *"cv-read --epochs 5" ]]
	fails 2 cv-train --arch tiny.arch --epochs 5 -o x.st drawn.cvt
	[[ $message == *"cv-read --epochs 5" ]]
	cv-train -q --arch tiny.arch --epochs 1 -o x.st two.cvt
	cv-train -q --arch tiny.arch --epochs 1 -o y.st drawn.cvt
	cv-train --arch tiny.arch --steps 60 -b 32 -o y.st drawn.cvt 2>said
	grep -q 'repeat the same draws; cv-read --epochs' said
}

@test "--steps ends there, and does not wait for the rest" {
	tiny
	quadrants a.cvt epochs=9
	mkfifo pipe
	{
		head -c 30000 a.cvt
		exec sleep 60
	} >pipe &
	producer=$!
	cv-train -q --arch tiny.arch -b 32 --steps 5 --metrics m.json -o a.st <pipe
	kill $producer
	[ "$(metric m.json step)" = 5 ]
}

@test "early stopping keeps the best, and needs validation rows" {
	tiny
	quadrants a.cvt epochs=60
	quadrants none.cvt val=0
	cv-train -q --arch tiny.arch -b 32 --patience 3 --metrics m.json -o a.st a.cvt
	[ "$(metric m.json epoch)" -lt 60 ]
	best=$(sed -E 's/.*"val_accuracy": ([^,]*).*/\1/' m.json | sort -g | tail -n 1)
	py "
head, f = read('a.cvt')
v = {k: x[200:240] for k, x in f.items()}
v.pop('part')
write('val.cvt', classes('nw', 'ne', 'sw', 'se'), **v)"
	cv-embed -w a.st --output logits val.cvt | cv-eval >figures
	awk -v best="$best" '$1 == "accuracy" { found = $2 == best } END { exit !found }' figures
	fails 2 cv-train -q --arch tiny.arch --patience 3 -o x.st none.cvt
	[[ $message == *"cv-read --val-fraction"* ]]
}

@test "several parts are refused" {
	tiny
	quadrants a.cvt
	quadrants b.cvt first=500
	cat a.cvt b.cvt >both.cvt
	fails 3 cv-train -q --arch tiny.arch -o x.st both.cvt
	[[ $message == *"cv-read a.cvt b.cvt"* ]]
}

@test "no rows are an error, unless --allow-empty: then the model is as it began" {
	tiny
	quadrants a.cvt
	cv-read a.cvt --take 0 --allow-empty -o none.cvt
	fails 3 cv-train -q --arch tiny.arch --epochs 2 -o x.st none.cvt
	[[ $message == *"no rows to train on; --allow-empty lets that pass"* ]]
	cv-train -q --arch tiny.arch --epochs 2 --allow-empty -o x.st none.cvt
	cv-train -q --arch tiny.arch --epochs 0 -o began.st a.cvt
	py "
a, b = model('x.st'), model('began.st')
assert a.keys() == b.keys() and all((a[k] == b[k]).all() for k in a)"
}

@test "a picture that the model does not know ends in what mends it" {
	tiny
	quadrants a.cvt
	quadrants big.cvt side=12
	cv-train -q --arch tiny.arch -o a.st a.cvt
	fails 3 cv-train -q -w a.st -o x.st big.cvt
	[[ $message == *"cv-augment resize=8,8" ]]
	cv-train -q --arch tiny.arch -o big.st big.cvt
	cv-gen shapes -n 4 --size 24x24 -o shapes.cvt
	for command in 'cv-train -q' cv-embed; do # a text for pictures of one size
		fails 3 $command --arch vit-tiny -o x.st shapes.cvt
		[[ $message == *"cv-augment resize=32,32" ]]
	done
}

@test "classes are matched by name" {
	tiny
	quadrants a.cvt epochs=12
	quadrants turned.cvt names=se,sw,ne,nw
	quadrants other.cvt names=nw,ne,sw,middle
	py "
head, f = read('turned.cvt')
f['label'] = 3 - f['label']
write('turned.cvt', 'rows 240\nval 40\nepochs 1\n' + classes('se', 'sw', 'ne', 'nw'), **f)"
	cv-train -q --arch tiny.arch -b 32 -o a.st a.cvt
	cv-train -q -w a.st --lr 1e-9 --metrics m.json -o b.st turned.cvt
	at_least "$(metric m.json accuracy)" 0.8
	fails 3 cv-train -q -w a.st -o x.st other.cvt
	[[ $message == *middle* && $message == *--reset-head* ]]
	cv-train -q -w a.st --classes-by-number -o x.st other.cvt
	cv-train -q -w a.st --reset-head -o y.st other.cvt
	py "$tensors
assert 'middle' in tensors('y.st')[0]['cv.classes']
assert 'middle' not in tensors('x.st')[0]['cv.classes']"
}

@test "labels beyond the classes are exit 3" {
	tiny
	quadrants a.cvt
	fails 3 cv-train -q --arch tiny.arch --num-classes 2 -o x.st a.cvt
	[[ $message == *"--num-classes"* ]]
}

@test "--freeze and --lr-scale hold their parameters, and unknown prefixes are refused" {
	tiny
	quadrants a.cvt
	cv-train -q --arch tiny.arch -o a.st a.cvt
	cv-train -q -w a.st --freeze conv1,bn1 --lr-scale fc1=0 --weight-decay 0 -o b.st a.cvt
	py "$tensors
a, b = tensors('a.st')[1], tensors('b.st')[1]
same = {k for k in a if (a[k] == b[k]).all()}
assert same == {'conv1.weight', 'bn1.weight', 'bn1.bias', 'bn1.running_mean',
    'bn1.running_var', 'fc1.weight', 'fc1.bias'}, same"
	fails 2 cv-train -q -w a.st --freeze conv9 -o x.st a.cvt
	fails 2 cv-train -q -w a.st --lr-scale fc -o x.st a.cvt
	fails 2 cv-train -q -w a.st --lr-scale nothing=2 -o x.st a.cvt
}

@test "--epochs 0 writes what it loaded, without input" {
	tiny
	quadrants a.cvt
	cv-train -q --arch tiny.arch -o a.st a.cvt
	sed 's/dropout 0.1/dropout 0.5/' tiny.arch >other.arch
	cv-train -q --epochs 0 --arch other.arch -w a.st -o b.st </dev/null
	py "$tensors
(m, a), (n, b) = tensors('a.st'), tensors('b.st')
assert a.keys() == b.keys() and all((a[k] == b[k]).all() for k in a)
assert 'dropout 0.5' in n['cv.arch'] and n['cv.classes'] == m['cv.classes']"
	cv-embed -q -w b.st a.cvt >/dev/null
}

@test "numbers that are not finite end with 5 before they reach a file" {
	tiny
	quadrants a.cvt epochs=3
	fails 5 cv-train -q --arch tiny.arch --lr 1e30 -o x.st a.cvt
	[[ $message == *step* && $message == *"learning rate"* && $message == *"gradient norm"* ]]
	[ ! -e x.st ]
}

@test "weights are blamed for a training that diverges only if they were no numbers before" {
	quadrants a.cvt
	printf 'input image 8 8 3\nconv 8 3 pad=1 | bn | relu | conv 8 3 | bn | gap | fc: linear classes\n' >norm.arch
	fails 5 cv-train -q --arch norm.arch -b 20 --lr 1e30 --epochs 9 -o x.st a.cvt
	[[ $message == *"training diverged: loss nan, last finite loss "[0-9]*", learning rate "*", gradient norm "*"; lower --lr, or add --warmup-epochs 1 or --clip-norm 1"* ]]
	cv-train -q --arch norm.arch --epochs 0 -o net.st a.cvt
	fails 5 cv-train -q -w net.st -b 20 --lr 1e30 --epochs 9 -o x.st a.cvt
	[[ $message == *"; lower --lr"* ]]
	[ ! -e x.st ]
}

@test "a loss that is no number keeps the checkpoint from before, which goes on where the input is mended" {
	tiny
	py '
r = np.random.default_rng(5)
x, y, i = f4(r.random((64, 8, 8, 3))), np.arange(64, dtype="<i4") % 4, np.arange(64, dtype="<i8")
def put(path, bad):
    s = Stream("field image <f4 8 8 3\nfield label <i4\nfield index <i8\nrows 64\nepochs 3\n" + classes(*"abcd"))
    for epoch in range(3):
        z = x.copy()
        if bad and epoch == 2:
            z[40, 3, 3, 1] = np.nan
        s.batch(64, [(n, v.dtype.str, v.shape, 0, v.tobytes()) for n, v in (("image", z), ("label", y), ("index", i))])
        s.end_epoch()
    open(path, "wb").write(s.done())
put("good.cvt", False)
put("bad.cvt", True)'
	cv-train -q --arch tiny.arch -b 32 -o whole.st good.cvt
	fails 5 cv-train -q --arch tiny.arch -b 32 -o x.st bad.cvt
	[[ $message == "cv-train: step 6: training diverged: loss nan, last finite loss "[0-9].*", learning rate "*", gradient norm "[0-9]*"in the row of index 40 'image' holds a number that is not finite: mend it or leave it out; x.st.ckpt is from before" ]]
	[ ! -e x.st ]
	cv-view --validate x.st.ckpt
	cv-train -q --arch tiny.arch -b 32 -o x.st --resume auto good.cvt
	cmp whole.st x.st
}

@test "numbers that are not finite in what training starts from are named when it diverges" {
	tiny
	quadrants a.cvt
	cv-train -q --arch tiny.arch --epochs 1 -o net.st a.cvt
	py '
b = bytearray(open("net.st", "rb").read())
b[-4:] = np.float32("nan").tobytes()
open("nan.st", "wb").write(b)
_, f = read("a.cvt")
x = f4(f["image"] / 255.0)
x[5, 2, 2] = np.inf
write("inf.cvt", "rows 240\nval 40\nepochs 1\nindex 240\n" + classes("nw", "ne", "sw", "se"), image=x,
      label=f["label"], index=f["index"], part=f["part"])'
	fails 5 cv-train -q -w nan.st -o x.st a.cvt
	[[ $message == *"step 1: training diverged: loss nan, learning rate "*"of the network's weights '"*"' holds a number that is not finite: take another model"* ]]
	cv-train -q -w nan.st --epochs 0 -o same.st # nothing is learned from it
	for o in '' '--mixup 0.4' '--accumulate 2'; do
		# shellcheck disable=SC2086
		fails 5 cv-train -q --arch tiny.arch $o -o x.st inf.cvt
		[[ $message == *"in the row of index "*"'image' holds a number that is not finite"* ]]
	done
	[ ! -e x.st ]
	fails 5 cv-train -q --arch tiny.arch --lr 1e30 --epochs 3 -o x.st a.cvt
}

@test "what is wrong on the command line is exit 2" {
	tiny
	quadrants a.cvt
	fails 2 cv-train -o x.st a.cvt
	fails 2 cv-train --arch lenet6 -o x.st a.cvt
	[[ $message == *lenet5* ]]
	fails 2 cv-train --arch tiny.arch --sched cosin -o x.st a.cvt
	[[ $message == *cosine* ]]
	fails 2 cv-train --arch tiny.arch --opt adm -o x.st a.cvt
	fails 2 cv-train --arch tiny.arch --method clasify -o x.st a.cvt
	fails 2 cv-train --arch tiny.arch --temperature 3 -o x.st a.cvt
	fails 2 cv-train --arch tiny.arch --head label:cross -o x.st a.cvt
	fails 3 cv-train --arch tiny.arch --head nothing:mse -o x.st a.cvt
	fails 2 cv-train --arch tiny.arch --momentum 2 -o x.st a.cvt
	fails 2 cv-train --arch tiny.arch -b 0 -o x.st a.cvt
	for time in 3d -1s; do fails 2 cv-train --arch tiny.arch --checkpoint-every $time -o x.st a.cvt; done
	cp a.cvt same.cvt
	fails 2 cv-train --arch tiny.arch -o a.cvt a.cvt
	cmp a.cvt same.cvt
	[ ! -e x.st ]
}

@test "a full disk is exit 1, and leaves no model" {
	tiny
	quadrants a.cvt
	fails 1 cv-train -q --arch tiny.arch -o /dev/full a.cvt
	fails 1 cv-train -q --arch tiny.arch -o nowhere/x.st a.cvt
}

@test "metrics that cannot be written say why" {
	tiny
	quadrants a.cvt
	fails 1 cv-train -q --arch tiny.arch --metrics /dev/full -o x.st a.cvt
	[[ $message == *"/dev/full: cannot be written: No space left on device"* ]]
	[ ! -e x.st ]
}

@test "no rows are exit 3" {
	tiny
	quadrants a.cvt n=40 val=40
	fails 3 cv-train -q --arch tiny.arch -o x.st a.cvt
}

@test "held rows keep to --max-memory" {
	tiny
	quadrants a.cvt
	fails 4 cv-train -q --arch tiny.arch --epochs 3 --max-memory 4k -o x.st a.cvt
	[[ $message == *"--max-memory"* && $message == *"cv-read --epochs"* ]]
}

# With the 16 MiB that are free: 38 MiB of weights, and once more for gradients, and once more or twice
# for the optimizer; and what cv-embed prepares of them.
@test "parameters and what trains them count for --max-memory" {
	printf 'input image 16 16 3\nflatten | a: linear 2048 | b: linear 4096 | fc: linear classes\n' >wide.arch
	cv-gen shapes -n 64 --size 16x16 -o s.cvt
	fails 4 cv-train -q --arch wide.arch --max-memory 90M -o x.st s.cvt
	[[ $message == *"parameters"*"more than 90 MiB"*"raise --max-memory"* ]]
	[ ! -e x.st ]
	fails 4 cv-train -q --arch wide.arch --max-memory 130M --opt adamw -o x.st s.cvt
	fails 4 cv-train -q --arch wide.arch --max-memory 130M --model-ema 0.9 -o x.st s.cvt
	cv-train -q --arch wide.arch --max-memory 130M -o x.st s.cvt
	cv-train -q --arch wide.arch --max-memory 70M --epochs 0 -o x.st s.cvt
	fails 4 cv-embed --arch wide.arch --max-memory 20M s.cvt
	[[ $message == *"raise --max-memory"* ]]
	fails 4 cv-embed -w x.st --max-memory 20M s.cvt
	cv-embed -w x.st --max-memory 90M -o y.cvt s.cvt
	fails 4 cv-distill -q --arch wide.arch --teacher x.st --max-memory 20M -o z.st s.cvt
	[[ $message == *"raise --max-memory"* ]]
	[ ! -e z.st ]
}

@test "values of a batch that the machine cannot hold are refused before they are made" {
	printf 'input image 16 16 3\nup 16 | up 16 | up 2 | gap | fc: linear classes\n' >wide.arch
	cv-gen shapes -n 4 --size 16x16 -o s.cvt
	fails 4 cv-train -q --arch wide.arch -b 100000 -o x.st s.cvt
	[[ $message == *"a batch of 100000 rows"*"raise --max-memory"* ]]
	[ ! -e x.st ]
}

@test "a linear layer learns on embeddings" {
	tiny
	quadrants a.cvt epochs=12
	quadrants b.cvt seed=3
	cv-train -q --arch tiny.arch -b 32 -o a.st a.cvt
	cv-embed -w a.st --keep label,part b.cvt |
		cv-train -q --arch linear --epochs 20 --metrics m.json -o probe.st
	at_least "$(metric m.json val_accuracy)" 0.9
}

@test "heads on other fields: a target from upstream, a regression" {
	tiny
	quadrants a.cvt
	py "
head, f = read('a.cvt')
lines = ''.join(l + '\n' for l in head.splitlines() if l.split()[0] not in ('format', 'field'))
f['place'] = np.stack([f['label'] % 2, f['label'] // 2], 1).astype('<f4')
f['rotation'] = f['label'] % 2
write('b.cvt', lines + 'class.rotation 0 left\nclass.rotation 1 right\n', **f)
write('target.cvt', lines + 'class.rotation 0 left\nclass.rotation 1 right\n'
      'target rotation cross-entropy\n', **f)"
	cv-train -q --arch tiny.arch --epochs 12 -b 32 --metrics m.json -o r.st target.cvt
	at_least "$(metric m.json val_accuracy)" 0.9
	py "$tensors
m, t = tensors('r.st')
assert t['fc.weight'].shape[0] == 2 and m['cv.classes'] == 'class.rotation 0 left\nclass.rotation 1 right\n', m"
	cv-train -q --arch tiny.arch --num-classes 2 --head place:mse --epochs 12 -b 32 \
		--metrics m.json -o p.st b.cvt
	at_least 0.1 "$(metric m.json val_loss)"
	sed 's/^fc: .*/[ label: linear classes , place: linear 2 ]/' tiny.arch >two.arch
	cv-train -q --arch two.arch --head label:cross-entropy --head place:mse:2 --epochs 12 -b 32 \
		--metrics m.json -o h.st b.cvt
	at_least "$(metric m.json val_accuracy)" 0.9
}

@test "cv-distill: from teachers, and from logits in the stream" {
	tiny
	quadrants a.cvt epochs=12
	quadrants b.cvt
	printf 'input image 8 8 1\nflatten | fc: linear classes\n' >small.arch
	for s in 1 2; do cv-train -q --arch tiny.arch -b 32 --seed $s -o t$s.st a.cvt; done
	cv-distill -q --teacher t1.st --arch small.arch --epochs 9 --metrics m.json -o s.st b.cvt
	at_least "$(metric m.json val_accuracy)" 0.8
	cv-embed -w t1.st --output logits --keep image,label,part b.cvt |
		cv-distill -q --arch small.arch --epochs 9 --no-history -o logits.st
	cv-distill -q --teacher t1.st --arch small.arch --epochs 9 --no-history -o online.st b.cvt
	py "$tensors
a, b = tensors('logits.st')[1], tensors('online.st')[1]
assert all(abs(a[k] - b[k]).max() < 1e-4 for k in a)"
	cv-distill -q --teacher t1.st --teacher t2.st --arch small.arch --epochs 9 -o two.st b.cvt
	py "$tensors
m = tensors('two.st')[0]
assert m['cv.method'] == 'distill' and m['cv.history'].count('prog 1 cv-train') == 2, m"
	fails 2 cv-distill -q --arch small.arch -o x.st b.cvt
	[[ $message == *--teacher* ]]
}

@test "cv-distill: without labels, and from a teacher that reads another field" {
	tiny
	quadrants a.cvt epochs=12
	quadrants test.cvt seed=2 val=0
	cv-train -q --arch tiny.arch -b 32 -o t.st a.cvt
	sed 's/linear classes/linear 4/' tiny.arch >four.arch
	cv-read a.cvt --drop label | cv-distill -q --arch four.arch --teacher t.st -o s.st
	at_least "$(cv-embed -w s.st --output logits test.cvt |
		cv-eval | sed -n 's/^accuracy //p')" 0.8
	cv-embed -w t.st --output embedding --keep image,label,part a.cvt >both.cvt
	printf 'input embedding 16\nfc: linear classes\n' >vectors.arch
	cv-train -q --arch vectors.arch -b 32 --lr 0.01 -o vectors.st both.cvt
	cv-distill -q --arch tiny.arch --teacher vectors.st -b 32 --alpha 1 -o s.st both.cvt
	at_least "$(cv-embed -w s.st --output logits test.cvt | cv-eval |
		sed -n 's/^accuracy //p')" 0.8
}

@test "cv-distill: a teacher of another picture size; what the message says helps" {
	tiny
	quadrants s.cvt
	sed 's/8 8 1/16 16 1/' tiny.arch >large.arch
	cv-read s.cvt --size 16x16 -o large.cvt
	cv-train -q --arch large.arch --epochs 1 -o large.st large.cvt
	cv-train -q --arch tiny.arch --epochs 1 -o tiny.st s.cvt
	fails 3 cv-distill -q --teacher large.st -w tiny.st -o x.st s.cvt
	[[ $message == *"large.st: this teacher reads pictures of 16x16x1, the student 8x8x1; in place of --teacher"* ]]
	sh -c "cat s.cvt | ${message#*logits: } | cv-distill -q -w tiny.st -o x.st"
	cv-view --validate x.st
}

@test "a teacher's classes are matched by name" {
	tiny
	quadrants a.cvt epochs=12
	cv-train -q --arch tiny.arch -b 32 -o t.st a.cvt
	py "
head, f = read('a.cvt')
n = len(f['index']) // 12
f = {k: v[:n] for k, v in f.items()}
f['label'] = 3 - f['label']
write('turned.cvt', 'rows 240\nval 40\nepochs 1\n' + classes('se', 'sw', 'ne', 'nw'), **f)"
	cv-distill -q --teacher t.st --arch tiny.arch -b 32 --epochs 9 --alpha 1 --metrics m.json \
		-o s.st turned.cvt
	at_least "$(metric m.json val_accuracy)" 0.9
}

@test "a row of weight 0 is absent, whatever the method, whatever it holds" {
	py '
r = np.random.default_rng(4)
n = 48
x, label = r.integers(0, 256, (n, 8, 8, 1), "u1"), r.integers(0, 4, n).astype("<i4")
z, gone = r.normal(size=(n, 4)).astype("<f4"), np.arange(n) % 6 == 1
group, role = (np.arange(n) // 12).astype("<i8"), (np.arange(n) % 3 == 0).astype("<i4")
head = "rows 48\nepochs 1\nindex 48\n" + classes("a", "b", "c", "d")
def put(file, x, label, z):
    write(file, head, image=x, label=label, logits=z, group=group, role=role, weight=f4(~gone))
put("a.cvt", x, label, z)
x[gone], label[gone], z[gone] = 255 - x[gone], 3 - label[gone], -2 * z[gone]
put("b.cvt", x, label, z)'
	cat >plain.arch <<-'END'
		input image 8 8 1
		flatten | embedding: linear 8 | relu
		fc: linear classes
	END
	cat >vae.arch <<-'END'
		input image 8 8 1
		net encoder image
		flatten | fc: linear 8
		net decoder code
		fc: linear 64 | reshape 8 8 1
	END
	cat >gan.arch <<-'END'
		input image 8 8 1
		input noise 4
		net generator noise
		fc: linear 64 | sigmoid | reshape 8 8 1
		net discriminator image
		flatten | fc: linear 1
	END
	for m in classify distill vae gan protonet; do
		arch=plain.arch
		[ ! -e $m.arch ] || arch=$m.arch
		for f in a b; do
			cv-train -q --method $m --arch $arch -b 12 --epochs 2 --no-history -o $m.$f.st $f.cvt
		done
		cmp $m.a.st $m.b.st
	done
}

@test "heads: no weight below 0, none for a method that has none, as many outputs as classes" {
	tiny
	quadrants a.cvt
	fails 2 cv-train --arch tiny.arch --head label:cross-entropy:-1 -o x.st a.cvt
	[[ $message == *"at least 0"* ]]
	fails 2 cv-train --arch tiny.arch --lr-scale fc1=-1 -o x.st a.cvt
	[[ $message == *"--lr-scale fc1"*"at least 0"* ]]
	sed 's/fc: .*/few: linear 3 | fc: linear classes/' tiny.arch >few.arch
	fails 2 cv-train --arch few.arch --head label:cross-entropy@few -o x.st a.cvt
	[[ $message == *"3 outputs"*"4 classes"* ]]
	fails 2 cv-distill --arch tiny.arch --head label:cross-entropy -o x.st a.cvt
	[[ $message == *"--method distill has no heads"* ]]
	[ ! -e x.st ]
}

@test "what a pretext task wants learned is nothing to a method that reads other fields" {
	tiny
	quadrants a.cvt
	cv-train -q --arch tiny.arch --epochs 1 -o teacher.st a.cvt
	cv-augment -i a.cvt rotate4 | cv-distill -q --arch tiny.arch --teacher teacher.st -b 32 -o net.st
	cv-view --head net.st | grep -q 'class 3 se'
	refute grep -q 'class.rotation' <(cv-view --head net.st)
}

@test "--mixup mixes no teacher's logits, so a training that reads them from the stream refuses it" {
	tiny
	quadrants a.cvt
	cv-train -q --arch tiny.arch --epochs 1 -o teacher.st a.cvt
	cv-embed -w teacher.st --output logits --keep image,label a.cvt -o logits.cvt
	fails 2 cv-distill --arch tiny.arch --mixup 0.2 -o x.st logits.cvt
	[[ $message == *"not 'logits'"* ]]
	cv-distill -q --arch tiny.arch --mixup 0.2 --teacher teacher.st -o x.st a.cvt
}

# ---- weights of classes ---------------------------------------------------------------------------

# recall FILE CLASS: the share of its rows that the network gets right.
recall() {
	cv-embed -w "$1" --output logits test.cvt | cv-eval --per-class --as tsv | awk -v k="$2" '$1 == k { print $4 }'
}

@test "classes that are rare count for more with --class-weight, and come more often with --balance" {
	tiny
	quadrants many.cvt n=1600 val=0
	quadrants test.cvt n=400 val=0 seed=2 first=5000
	for k in nw ne sw; do cv-read many.cvt --classes $k -o $k.cvt; done
	cv-read many.cvt --classes se --take 8 -o se.cvt
	cv-read nw.cvt ne.cvt sw.cvt se.cvt -o rare.cvt
	learn() { cv-train -q --arch tiny.arch --lr 0.02 -b 32 --epochs 2 --no-history "$@"; }
	learn -o plain.st rare.cvt
	learn --class-weight balanced -o balanced.st rare.cvt
	learn --balance -o same.st rare.cvt
	learn --class-weight se=50 -o named.st rare.cvt
	learn --class-weight 1,1,1,50 -o numbers.st rare.cvt
	cmp balanced.st same.st
	cmp named.st numbers.st
	cv-read rare.cvt --balance --shuffle --epochs 1 | learn --epochs 1 -o often.st
	for m in balanced named often; do
		at_least "$(recall $m.st se)" "$(awk "BEGIN { print $(recall plain.st se) + 0.3 }")"
	done
	refute grep -q class_weight balanced.st
}

@test "weights of classes that make no sense are exit 2" {
	tiny
	quadrants a.cvt
	for w in 1,2 1,2,3,4,5 1,2,3,x 1,2,3,-1 nw=1,2 no=3 nw=nan ''; do
		fails 2 cv-train --arch tiny.arch --class-weight "$w" -o x a.cvt
		[ ! -e x ]
	done
	fails 2 cv-train --arch tiny.arch --class-weight 1,2,3,4 --balance -o x a.cvt
	fails 2 cv-train --arch tiny.arch --class-weight nm=3 -o x a.cvt
	[[ $message == *"did you mean 'nw'"* ]]
	cv-augment -i a.cvt view=2 hflip -o two.cvt
	fails 2 cv-train --method simclr --arch tiny.arch --balance -o x two.cvt
	[[ $message == *cross-entropy* ]]
}

@test "rows of which nothing is known to learn from are refused" {
	tiny
	quadrants a.cvt
	cv-read --unlabelled 0 a.cvt -o none.cvt
	for how in '--epochs 2' '--steps 3'; do
		fails 3 cv-train --arch tiny.arch $how -o x.st none.cvt
		[[ $message == *"none.cvt: has nothing to learn from"* ]]
		[ ! -e x.st ] && [ ! -e x.st.ckpt ]
	done
}
