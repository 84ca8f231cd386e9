#!/usr/bin/env bats
# Few-shot tasks: cv-read --episodes makes them, --method protonet learns from them, cv-knn --episodes
# scores embeddings on them.
load helper
load train

# marks FILE FIRST COUNT: 20 rows of each of COUNT classes: a mark of 8x8 signs that is faint beside
# its ground, whose brightness and slant say nothing. Classes are numbered from FIRST on.
marks() {
	py "
first, count = $2, $3
signs = np.random.default_rng(7).choice([-1, 1], (100, 4, 4)).repeat(2, 1).repeat(2, 2)
r = np.random.default_rng(first + 1)
label = np.arange(count).repeat(20).astype('<i4')
n = len(label)
y, x = np.mgrid[0:8, 0:8] / 7 - .5
ground = r.uniform(-60, 60, (n, 1, 1)) + r.uniform(-60, 60, (n, 1, 1)) * x + r.uniform(-60, 60, (n, 1, 1)) * y
image = 128 + ground + 18 * signs[first + label] + 12 * r.standard_normal((n, 8, 8))
write('$1', 'rows %d\nepochs 1\nindex %d\n' % (n, n) + classes(*['c%d' % (first + k) for k in range(count)]),
      50, 1, image=image.clip(0, 255).astype('|u1')[..., None], label=label)"
}

small() {
	cat >small.arch <<-'END'
		input image 8 8 1
		conv1: conv 16 3 bias=0 | bn1: bn | relu | maxpool 2
		conv2: conv 16 3 bias=0 | bn2: bn | relu
		embedding: flatten
	END
}

figure() { # NAME: of the lines on stdin
	sed -n "s/^$1 //p"
}

learn() { # OPTION...
	cv-train -q --method protonet --arch small.arch -b 40 --lr 0.003 "$@"
}

@test "protonet: classes never seen are told apart, far better than untrained or by pixels" {
	small
	marks seen.cvt 0 40
	marks new.cvt 40 40
	cv-read seen.cvt --episodes 10x1+3 --count 300 | learn --metrics m.json -o net.st
	at_least "$(metric m.json accuracy)" 0.6
	for how in "-w net.st" "--arch small.arch"; do
		# shellcheck disable=SC2086
		cv-read new.cvt --episodes 5x1+5 --count 100 | cv-embed $how | cv-knn --episodes |
			figure accuracy >>got
	done
	cv-read new.cvt --episodes 5x1+5 --count 100 | cv-knn --episodes | figure accuracy >>got
	cat got
	at_least "$(sed -n 1p got)" 0.85
	at_least 0.6 "$(sed -n 2p got)"
	at_least 0.6 "$(sed -n 3p got)"
}

@test "protonet: the same bytes for 1, 2 and 3 threads, and cut and resumed" {
	small
	marks seen.cvt 0 20
	cv-read seen.cvt --episodes 10x1+3 --count 20 --epochs 3 -o all.cvt
	for t in 1 2 3; do learn --threads $t -o $t.st all.cvt; done
	cmp 1.st 2.st
	cmp 1.st 3.st
	head -c 170000 all.cvt >cut.cvt
	fails 3 learn -o part.st cut.cvt
	learn --resume auto -o part.st all.cvt
	cmp 1.st part.st
}

@test "protonet: validation episodes stay whole, whatever the batch" {
	small
	sed -i 's/ | bn[12]: bn//' small.arch # whose statistics follow the batches
	marks seen.cvt 0 20
	cv-read seen.cvt --episodes 5x1+3 --count 9 -o e.cvt
	py "
f = read('e.cvt')[1]
f['part'] = (f['group'] % 3 == 2).astype('<i4')
r = np.argsort(f['part'], kind='stable')
write('val.cvt', 'rows 180\nval 60\nepochs 1\n', **{k: x[r] for k, x in f.items()})"
	# the same weights, which do not move, in batches of one episode, of one and a half, and of three
	for b in 20 30 60; do
		learn -b $b --lr 0 --drop-last --metrics $b.json -o $b.st val.cvt
		metric $b.json val_accuracy >>got
	done
	cat got
	[ "$(sort -u got | wc -l)" -eq 1 ]
}
@test "protonet: what are no episodes is refused" {
	small
	marks seen.cvt 0 5
	fails 3 learn -o x.st seen.cvt
	[[ $message == *"--episodes 5x1+15"* ]]
	cv-read seen.cvt --episodes 5x1+15 --count 2 -o e.cvt
	fails 2 learn -o x.st e.cvt
	[[ $message == *"--batch-size 80"* ]]
	fails 2 learn --temperature 0 -b 80 -o x.st e.cvt
}

# The tasks of e.cvt by numpy: the nearest mean of the support, squared Euclidean.
by_numpy() {
	py "
head, f = read('e.cvt')
x = f['embedding'].astype(float)
share = []
for g in np.unique(f['group']):
    q = f['group'] == g
    support, query = q & (f['role'] == 0), q & (f['role'] == 1)
    ways = np.unique(f['label'][support])
    mean = np.stack([x[support & (f['label'] == k)].mean(0) for k in ways])
    far = ((x[query][:, None] - mean) ** 2).sum(2)
    share.append((ways[far.argmin(1)] == f['label'][query]).mean())
print('accuracy %.4f' % np.mean(share))
print('interval %.4f' % (1.96 * np.std(share, ddof=1) / len(share) ** .5))"
}

@test "cv-knn --episodes: what numpy says, also drawn from the rows, also with a bank" {
	small
	marks new.cvt 40 12
	cv-embed --arch small.arch new.cvt -o all.cvt
	cv-read new.cvt --episodes 4x3+5 --count 60 | cv-embed --arch small.arch -o e.cvt
	cv-knn --episodes e.cvt >got
	cmp <(head -2 got) <(by_numpy)
	[ "$(tail -2 got)" = "$(printf 'episodes 60\nqueries 1200')" ]
	cmp got <(cv-knn --episodes 4x3+5 --count 60 all.cvt)
	cmp got <(cv-knn --episodes=4x3+5 --count 60 --threads 3 <all.cvt)
	cmp got <(cat e.cvt | cv-knn --episodes)
	refute cmp -s got <(cv-knn --episodes 4x3+5 --count 60 --seed 1 all.cvt)
	cmp <(cv-knn --episodes 4x1+5 --count 60 all.cvt) <(cv-knn --episodes 4x1+5 --count 60 -k 1 all.cvt)
	cv-read all.cvt --per-class 8 -o bank.cvt
	at_least "$(cv-knn --bank bank.cvt --episodes 4x8+10 --count 60 all.cvt | figure accuracy)" 0.3
	cv-knn --episodes 4x3+5 --count 60 --metrics m.json -o told all.cvt
	cmp got told
	grep -q '"interval": 0\.' m.json
}

@test "cv-knn --episodes: refusals" {
	marks new.cvt 40 6
	fails 3 cv-knn --episodes new.cvt
	[[ $message == *"--episodes 5x1+15"* ]]
	fails 2 cv-knn --episodes 5x new.cvt
	fails 2 cv-knn --episodes 5x1 new.cvt
	fails 2 cv-knn --episodes 5x1+0 new.cvt
	[[ $message == *"; write 5x1+15" ]]
	fails 2 cv-knn --episodes 0x1+1 new.cvt
	fails 3 cv-knn --episodes 7x1+1 new.cvt
	[[ $message == *"6 classes"*"7 are wanted"* ]]
	fails 3 cv-knn --episodes 5x10+11 new.cvt
	fails 2 cv-knn --episodes --count 3 new.cvt
	fails 2 cv-knn --episodes --bank new.cvt new.cvt
	fails 2 cv-knn --episodes 5x1+1 --output neighbours new.cvt
	fails 2 cv-knn --episodes --verify 10 new.cvt
	cv-read new.cvt --drop label -o bare.cvt
	fails 3 cv-knn --episodes 5x1+1 bare.cvt
	fails 3 cv-knn --episodes 5x1+1 <(head -c 2000 new.cvt)
}

@test "cv-knn --verify: area and equal error rate as numpy has them" {
	small
	marks new.cvt 40 8
	cv-embed --arch small.arch new.cvt -o all.cvt
	py "
r = np.random.default_rng(3)
head, f = read('all.cvt')
a, b = r.integers(0, 160, (2, 900))
same = (f['label'][a] == f['label'][b]).astype(int)
open('pairs', 'w').write('# two rows, and whether they are alike\n\n' + ''.join('%d %d\t%d\n' % p for p in zip(a, b, same)))
x = f['embedding'].astype(float)
far = ((x[a] - x[b]) ** 2).sum(1) ** .5
p, n = far[same == 1], far[same == 0]
auc = (p[:, None] < n).mean() + (p[:, None] == n).mean() / 2
cut = np.unique(far)
refused, taken = [(p > c).mean() for c in cut], [(n <= c).mean() for c in cut]
i = np.argmax(np.array(refused) <= taken)
d = np.array(refused) - taken
t = d[i - 1] / (d[i - 1] - d[i])
print('auc %.4f' % auc)
print('eer %.4f' % (taken[i - 1] + t * (taken[i] - taken[i - 1])))
print('distance %.4f' % (cut[i - 1] + t * (cut[i] - cut[i - 1])))
print('pairs 900\nsame %d' % same.sum())" >want
	cv-knn --verify pairs --metric l2 all.cvt >got
	diff want got
	cmp got <(cv-knn --verify pairs --metric l2 --threads 3 <all.cvt)
	cv-knn --verify 500 new.cvt >drawn
	grep -qx 'pairs 500' drawn
	grep -qx 'same 250' drawn
	printf '1 2 1\n3 999 0\n' >wrong
	fails 3 cv-knn --verify wrong all.cvt
	[[ $message == *"wrong:2"*"999"* ]]
	printf '1 2\n' >wrong
	fails 3 cv-knn --verify wrong all.cvt
	fails 3 cv-knn --verify 0 all.cvt
	for _ in 1 2 3 4 5 6 7; do cat pairs; done >many
	for p in 99999999999 6000 many; do
		fails 4 cv-knn --verify $p --max-memory 200k all.cvt
		[[ $message == *"--verify $p: more than 5120 pairs do not fit; raise --max-memory" ]]
	done
	fails 1 cv-knn --verify none all.cvt
	fails 2 cv-knn --verify pairs --bank all.cvt all.cvt
}

@test "rotate-classes: a class of an episode is turned as one, each by quarters of its own" {
	marks new.cvt 40 8
	cv-read new.cvt --episodes 4x2+3 --count 20 -o e.cvt
	cv-augment -i e.cvt rotate-classes -o t.cvt
	py "
_, a = read('e.cvt')
_, b = read('t.cvt')
seen = []
for g in np.unique(a['group']):
    for k in range(4):
        r = np.flatnonzero((a['group'] == g) & (a['label'] == k))
        seen += [[q for q in range(4) if (np.rot90(a['image'][r], q, (1, 2)) == b['image'][r]).all()]]
assert all(len(s) == 1 for s in seen)
count = np.bincount([s[0] for s in seen])
assert len(count) == 4 and count.min() > 8, count
assert all((a[f] == b[f]).all() for f in ('label', 'role', 'group', 'index', 'class'))"
	cmp t.cvt <(cv-augment --threads 3 -i e.cvt rotate-classes)
	fails 3 cv-augment -i new.cvt rotate-classes
	[[ $message == *"--episodes"* ]]
	cv-read e.cvt --size 6x8 -o wide.cvt
	fails 3 cv-augment -i wide.cvt rotate-classes
	[[ $message == *"not square"* ]]
}

@test "cv-knn draws no tasks out of tasks, whose labels are no classes" {
	marks new.cvt 40 8
	cv-read new.cvt --episodes 4x2+3 --count 20 -o e.cvt
	cv-knn --episodes e.cvt
	fails 2 cv-knn --episodes 4x2+3 e.cvt
	[[ $message == *"--episodes alone"* ]]
	fails 2 cv-knn --episodes 4x2+3 --bank e.cvt new.cvt
}
