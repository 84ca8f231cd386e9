#!/usr/bin/env bats
# Promise 4: a training that was killed, interrupted, or whose input was cut goes on to the bytes that
# it would have come to in one go.
load helper
load train

# start BYTES COUNTER VALUE OUT OPTION...: starts the training on the first bytes of a stream from a
# pipe that then stays open; waits until its checkpoint stands there. The process id is left in $pid.
start() {
	local bytes=$1 counter=$2 value=$3 out=$4
	shift 4
	mkfifo pipe
	{
		head -c "$bytes" all.cvt
		exec sleep 120
	} >pipe 3>&- &
	producer=$!
	cv-train "$@" --checkpoint-every 0.0001s -o "$out" <pipe 2>said 3>&- &
	pid=$!
	for _ in $(seq 100); do
		[ -e "$out.ckpt" ] && [ "$(counter_of "$out.ckpt" "$counter")" -ge "$value" ] && return 0
		sleep 0.1
	done
	stop_producer
	cat said
	return 1
}

counter_of() {
	py "
import json
b = open('$1', 'rb').read()
n = int.from_bytes(b[:8], 'little')
at = json.loads(b[8:8 + n])['state.$2']['data_offsets'][0]
print(int.from_bytes(b[8 + n + at:16 + n + at], 'little'))"
}

stop_producer() {
	kill "$producer" 2>/dev/null || true
	wait "$producer" 2>/dev/null || true
	rm -f pipe
}

# Killed in the second epoch of four, and gone on with.
killed() {
	local code=0
	tiny
	quadrants all.cvt epochs=4 frame=40
	set -- -q --arch tiny.arch -b 32 "$@"
	cv-train "$@" -o whole.st all.cvt
	start 38000 step 8 part.st "$@"
	kill -KILL $pid
	wait $pid || code=$?
	[ "$code" -eq 137 ]
	stop_producer
	[ ! -e part.st ]
	cv-train "$@" --resume auto -o part.st all.cvt
	cmp whole.st part.st
	[ ! -e part.st.ckpt ]
}

@test "killed and resumed to the same bytes: sgd" {
	killed
}

@test "killed and resumed to the same bytes: adam, warm-up, clipping" {
	killed --opt adam --sched cosine --warmup-epochs 1 --clip-norm 0.5
}

@test "killed and resumed to the same bytes: weights of classes that follow their shares" {
	killed --class-weight balanced
}

@test "killed and resumed to the same bytes: averaged weights and early stopping" {
	killed --model-ema 0.9 --patience 2 --label-smoothing 0.1
}

@test "killed and resumed to the same bytes: other threads, other frames" {
	tiny
	quadrants all.cvt epochs=4 frame=40
	quadrants frames.cvt epochs=4 frame=17
	cv-train -q --arch tiny.arch -b 32 --threads 2 -o whole.st all.cvt
	start 38000 step 8 part.st -q --arch tiny.arch -b 32 --threads 1
	kill -KILL $pid
	wait $pid || true
	stop_producer
	cv-train -q --arch tiny.arch -b 32 --threads 3 --resume auto -o part.st <frames.cvt
	cmp whole.st part.st
}

@test "killed while it replays an epoch, and resumed to the same bytes" {
	local code=0
	tiny
	quadrants all.cvt
	set -- -q --arch tiny.arch -b 8 --epochs 60 --model-ema 0.99
	cv-train "$@" -o whole.st all.cvt
	cv-train "$@" --checkpoint-every 0.001s -o part.st all.cvt 3>&- &
	pid=$!
	for _ in $(seq 1000); do
		[ -e part.st.ckpt ] && break
		sleep 0.01
	done
	sleep 0.1
	kill -KILL $pid
	wait $pid || code=$?
	[ "$code" -eq 137 ]
	cv-train "$@" --resume auto -o part.st all.cvt
	cmp whole.st part.st
}

@test "cv-read --start-epoch spares the rereading" {
	tiny
	quadrants rows.cvt n=200 val=0
	produce() { cv-read rows.cvt --epochs 4 --shuffle --val-fraction 0.2 "$@"; }
	set -- -q --arch tiny.arch -b 32 --model-ema 0.9 --patience 4
	produce | cv-train "$@" -o whole.st
	produce >all.cvt
	start 40000 epoch 1 part.st "$@"
	kill -KILL $pid
	wait $pid || true
	stop_producer
	produce --start-epoch 1 | cv-train "$@" --resume auto --no-history -o part.st
	cv-train "$@" --no-history -o plain.st all.cvt
	cmp plain.st part.st
}

# stopped COMMAND...: a training under COMMAND, which is sent SIGHUP; $code is what it ends with.
stopped() {
	"$@" cv-train -q --arch tiny.arch -b 32 --epochs 1000000 --sched constant -o net.st all.cvt 2>said >out &
	pid=$!
	until [ -e net.st.ckpt ]; do sleep 0.02; done
	kill -HUP $pid
}

@test "a terminal that hangs up is a reason to save, but not under nohup" {
	local code=0
	tiny
	quadrants all.cvt
	env --default-signal=HUP true || skip "no env here that resets signals"
	stopped env --default-signal=HUP
	wait $pid || code=$?
	[ "$code" -eq 130 ]
	grep -q -e '--resume auto' said
	[ -e net.st.ckpt ] && [ ! -e net.st ]
	rm net.st.ckpt
	stopped nohup
	sleep 0.2
	kill -0 $pid
	kill -KILL $pid
	wait $pid || true
}

@test "an interrupt saves, says how to go on, and ends with 130" {
	local code=0
	tiny
	quadrants all.cvt epochs=4 frame=40
	cv-train -q --arch tiny.arch -b 32 -o whole.st all.cvt
	start 38000 step 8 part.st -q --arch tiny.arch -b 32
	kill -INT $pid
	wait $pid || code=$?
	stop_producer
	[ "$code" -eq 130 ]
	[ "$(wc -l <said)" -eq 1 ]
	grep -q -e '--resume auto' said
	cv-train -q --arch tiny.arch -b 32 --resume auto -o part.st all.cvt
	cmp whole.st part.st
}

@test "an input that is cut is exit 3, and the checkpoint goes on from there" {
	tiny
	quadrants all.cvt epochs=4 frame=40
	cv-train -q --arch tiny.arch -b 32 -o whole.st all.cvt
	head -c 40000 all.cvt >cut.cvt
	fails 3 cv-train -q --arch tiny.arch -b 32 -o part.st cut.cvt
	[[ $message == *"--resume auto"* ]]
	[ ! -e part.st ]
	cv-train -q --arch tiny.arch -b 32 --resume auto -o part.st all.cvt
	cmp whole.st part.st
}

@test "another stream is exit 3" {
	tiny
	quadrants all.cvt epochs=2 frame=40
	quadrants rows.cvt epochs=2 first=7
	quadrants names.cvt epochs=2 names=a,b,c,d
	head -c 20000 all.cvt >cut.cvt
	fails 3 cv-train -q --arch tiny.arch -b 32 -o x.st cut.cvt
	cp x.st.ckpt kept
	fails 3 cv-train -q --arch tiny.arch -b 32 --resume auto -o x.st rows.cvt
	fails 3 cv-train -q --arch tiny.arch -b 32 --resume auto -o x.st names.cvt
	[[ $message == *"not the stream"* ]]
	cmp kept x.st.ckpt
}

@test "rows of other numbers under the same HEAD are exit 3" {
	tiny
	quadrants all.cvt epochs=2 frame=40
	py "
head, f = read('all.cvt')
lines = ''.join(l + '\n' for l in head.splitlines() if l.split()[0] not in ('format', 'field'))
n = len(f['index']) // 2
order = np.r_[np.arange(n - 41, -1, -1), np.arange(n - 40, n)]
write('other.cvt', lines, 1000, 2, **{k: v[:n][order] for k, v in f.items()})"
	head -c 20000 all.cvt >cut.cvt
	fails 3 cv-train -q --arch tiny.arch -b 32 -o x.st cut.cvt
	fails 3 cv-train -q --arch tiny.arch -b 32 --resume auto -o x.st other.cvt
	[[ $message == *"not the rows"* ]]
}

@test "--resume auto without a checkpoint starts anew; a model is no checkpoint" {
	tiny
	quadrants all.cvt
	cv-train -q --arch tiny.arch --resume auto -o a.st all.cvt
	cv-train -q --arch tiny.arch -o b.st all.cvt
	cmp a.st b.st
	fails 3 cv-train -q --arch tiny.arch --resume a.st -o c.st all.cvt
}

@test "another producer is another stream; other options are told" {
	tiny
	quadrants rows.cvt epochs=4
	for v in hflip vflip; do cv-augment -i rows.cvt "$v" -o $v.cvt; done
	set -- --arch tiny.arch -b 32 -o part.st
	head -c 60000 hflip.cvt >cut.cvt
	fails 3 cv-train -q "$@" cut.cvt
	fails 3 cv-train "$@" --resume auto vflip.cvt
	[[ $message == *"not the stream that it was trained on"* ]]
	cv-train "$@" --lr 0.01 --resume auto hflip.cvt 2>said
	grep -q 'goes on with other options; it was begun as: cv-train' said
}
