#!/usr/bin/env bats
# Promise 5, and its sisters: the model's bytes do not depend on threads, timing, frames, or on
# whether rows come from a file or a pipe.
load helper
load train

train() {
	cv-train -q --arch tiny.arch --model-ema 0.9 --patience 9 --label-smoothing 0.1 -b 32 "$@"
}

@test "the same bytes for 1, 2 and 3 threads" {
	tiny
	quadrants a.cvt epochs=3
	for t in 1 2 3; do train --threads $t -o $t.st a.cvt; done
	cmp 1.st 2.st
	cmp 1.st 3.st
}

@test "a replayed epoch gives the same bytes for any number of threads" {
	tiny
	quadrants a.cvt
	for t in 1 3; do train --threads $t --epochs 4 -o $t.st a.cvt; done
	cmp 1.st 3.st
}

@test "the same bytes from a file, a pipe, a pipe that dribbles, and other frames" {
	tiny
	quadrants a.cvt epochs=2
	quadrants one.cvt epochs=2 frame=1
	quadrants few.cvt epochs=2 frame=37
	train -o file.st a.cvt
	cat a.cvt | train -o pipe.st
	dd if=a.cvt bs=11 2>/dev/null | train -o dribble.st
	train -o one.st one.cvt
	train -o few.st - <few.cvt
	for m in pipe dribble one few; do cmp file.st $m.st; done
}

@test "the same bytes, quiet or not, with metrics or without" {
	tiny
	quadrants a.cvt
	train -o a.st a.cvt
	cv-train --arch tiny.arch --model-ema 0.9 --patience 9 --label-smoothing 0.1 -b 32 \
		--progress always --metrics m.json --checkpoint-every 0.001s -o b.st a.cvt 2>told
	[ -s told ]
	[ -s m.json ]
	cmp a.st b.st
}

@test "another seed gives other bytes" {
	tiny
	quadrants a.cvt
	train -o a.st a.cvt
	train --seed 1 --no-history -o b.st a.cvt
	train --seed 0 --no-history -o c.st a.cvt
	refute cmp -s b.st c.st
}
