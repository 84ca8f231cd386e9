# Rows to train on: grey pictures of 8x8 whose class is the quadrant that is bright, and a network
# that learns them in a second.
load py

# quadrants FILE [NAME=VALUE]...: n rows (the last val of them for validation), seed, frame, epochs;
# names of the classes; side of the picture; first index.
quadrants() {
	local file=$1
	shift
	py "
o = dict(n=240, val=40, seed=1, frame=1000, epochs=1, side=8, first=0, draws=0, names='nw,ne,sw,se')
o.update(a.split('=') for a in '$*'.split())
n, val, side = int(o['n']), int(o['val']), int(o['side'])
r = np.random.default_rng(int(o['seed']))
label = r.integers(0, 4, n).astype('<i4')
x = r.integers(0, 160, (n, side, side, 1))
h = side // 2
for i, k in enumerate(label):
    x[i, k // 2 * h:k // 2 * h + h, k % 2 * h:k % 2 * h + h] += 60
index = np.arange(n, dtype='<i8') + int(o['first'])
part = (np.arange(n) >= n - val).astype('<i4')
head = 'rows %d\nval %d\nepochs %s\nindex %d\n' % (n, val, o['epochs'], index[-1] + 1)
head += 'draws 1\n' if o['draws'] == '1' else ''
head += classes(*o['names'].split(','))
write('$file', head, int(o['frame']), int(o['epochs']), image=x.astype('|u1'), label=label,
      index=index, part=part)"
}

tiny() {
	cat >tiny.arch <<-'END'
		input image 8 8 1
		conv1: conv 8 3 bias=0 | bn1: bn | relu
		conv2: conv 8 3 stride=2 | relu | dropout 0.1
		flatten | fc1: linear 16 | embedding: relu
		fc: linear classes
	END
}

# The figure KEY of the last line of a metrics file.
metric() {
	sed -nE "\$s/.*\"$2\": ([^,}]*).*/\1/p" "$1"
}

# at_least A B
at_least() {
	awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }' || {
		echo "$1 is below $2"
		return 1
	}
}
