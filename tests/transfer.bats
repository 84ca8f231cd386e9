#!/usr/bin/env bats
# Transfer: what stays frozen and for how long, what draws weights back to where they came from, and
# that all of it goes on after a cut and does not depend on threads.
load helper
load train

# A network with batch norm that has learned a little, and rows of another kind.
source_net() {
	cat >bn.arch <<-'END'
		input image 8 8 1
		conv1: conv 6 3 bias=0 | bn1: bn | relu
		conv2: conv 8 3 stride=2 bias=0 | bn2: bn | relu
		gap | embedding: flatten
		fc: linear classes
	END
	quadrants a.cvt val=0
	quadrants b.cvt val=0 seed=5 names=up,down,left,right epochs=4
	cv-train -q --arch bn.arch -b 32 --epochs 2 -o net.st a.cvt
}

# The rest of the line on the second kind of rows.
go_on() {
	cv-train -q -w net.st --reset-head -b 32 --lr 0.05 "$@"
}

# tensors FILE...: a numpy dict of each, as a list m
tensors() {
	py "
import json
def st(path):
    b = open(path, 'rb').read()
    n = int.from_bytes(b[:8], 'little')
    h = json.loads(b[8:8 + n])
    return {k: np.frombuffer(b[8 + n + v['data_offsets'][0]:8 + n + v['data_offsets'][1]], '<f4').astype('f8')
            for k, v in h.items() if k != '__metadata__'}
m = [st(f) for f in '$1'.split()]
same = lambda k, i, j: (m[i][k] == m[j][k]).all()
$2"
}

@test "--freeze freezes batch norm's statistics, too: the layer runs in evaluation mode" {
	source_net
	go_on -o free.st b.cvt
	go_on --freeze conv1,bn1 -o frozen.st b.cvt
	go_on --freeze conv1,bn1.weight,bn1.bias -o weights.st b.cvt
	tensors "net.st free.st frozen.st weights.st" "
for k in m[0]:
    first = k.startswith(('conv1', 'bn1'))
    assert not same(k, 0, 1), k
    assert same(k, 0, 2) == first, k
    assert same(k, 0, 3) == (first and 'running' not in k), k"
}

@test "--unfreeze-at: frozen so long, learning afterwards; threads and resuming change nothing" {
	source_net
	go_on --freeze conv1,bn1 -o never.st b.cvt
	go_on --freeze conv1,bn1 --unfreeze-at 9 -o late.st b.cvt
	cmp never.st late.st && return 1 # their histories differ ...
	tensors "never.st late.st" "assert all(same(k, 0, 1) for k in m[0])"
	set -- --freeze conv1,bn1 --unfreeze-at 2
	for t in 1 2 3; do go_on "$@" --threads $t -o $t.st b.cvt; done
	cmp 1.st 2.st
	cmp 1.st 3.st
	tensors "net.st 1.st" "assert not same('conv1.weight', 0, 1) and not same('bn1.running_mean', 0, 1)"
	for share in 3 7; do # cut before and after
		head -c $(($(stat -c %s b.cvt) * share / 10)) b.cvt >cut.cvt
		fails 3 go_on "$@" -o part.st cut.cvt
		go_on "$@" --resume auto -o part.st b.cvt
		cmp 1.st part.st
	done
}

@test "--l2-sp: the decay of what was loaded goes to where it was, the head's to 0" {
	source_net
	plain() {
		go_on --sched constant --momentum 0 --weight-decay 0 "$@" b.cvt
	}
	plain --steps 1 -o one.st
	plain --steps 1 --l2-sp 2 -o one-sp.st
	plain --steps 2 -o two.st
	plain --steps 2 --l2-sp 2 -o two-sp.st
	plain --steps 2 --l2-sp 2 --weight-decay 0.5 -o two-all.st
	tensors "net.st one.st one-sp.st two.st two-sp.st two-all.st" "
w0, one, one_sp, two, two_sp, two_all = m
for k in w0:
    assert (one[k] == one_sp[k]).all(), k # nothing has moved yet
    if 'running' in k or k.startswith('fc'):
        continue
    want = two[k] - 0.05 * 2 * (one[k] - w0[k])
    assert np.abs(two_sp[k] - want).max() < 1e-6 and np.abs(two_sp[k] - two[k]).max() > 1e-6, k
assert np.abs(two_all['fc.weight'] - two_sp['fc.weight']).max() > 1e-3"
	fails 2 go_on --opt muon --l2-sp 2 -o x.st b.cvt
	[[ $message == *"--l2-sp: --opt muon"* ]]
}

@test "--l2-sp keeps the network nearer, and goes on after a cut" {
	source_net
	go_on -o free.st b.cvt
	go_on --l2-sp 1 -o near.st b.cvt
	go_on --l2-sp 1 --threads 3 -o three.st b.cvt
	cmp near.st three.st
	tensors "net.st free.st near.st" "
d = [sum(((m[0][k] - x[k]) ** 2).sum() for k in m[0] if k.startswith('conv')) for x in m[1:]]
assert d[1] < d[0] / 2, d"
	head -c $(($(stat -c %s b.cvt) / 2)) b.cvt >cut.cvt
	fails 3 go_on --l2-sp 1 -o part.st cut.cvt
	go_on --l2-sp 1 --resume auto -o part.st b.cvt
	cmp near.st part.st
}

@test "refusals" {
	source_net
	fails 2 go_on --unfreeze-at 2 -o x.st b.cvt
	[[ $message == *"--freeze"* ]]
	fails 2 cv-train --arch bn.arch --l2-sp 0.1 -o x.st b.cvt
	[[ $message == *"--weights"* ]]
	fails 2 go_on --l2-sp -1 -o x.st b.cvt
	[[ $message == *"--l2-sp"* ]]
	fails 2 go_on --freeze conv9 --unfreeze-at 1 -o x.st b.cvt
	[[ $message == *"conv9"* ]]
}

@test "--freeze of everything is a training of nothing" {
	source_net
	fails 2 go_on --freeze conv1,bn1,conv2,bn2,fc -o x.st b.cvt
	[[ $message == *"nothing is left"* ]]
	go_on --freeze conv1,bn1,conv2,bn2,fc --unfreeze-at 1 -o x.st b.cvt
}
