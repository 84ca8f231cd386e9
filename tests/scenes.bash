# Rows with several truths, which a tiny network learns in a second: noise of 12x12 with one bright
# square. `label` is its colour, `side` its size, `mask` where it is (255 in the first row), `depth`
# how bright it is not.
load py

# scenes FILE [NAME=VALUE]...: n rows (the last val of them for validation), seed, frame, epochs.
scenes() {
	local file=$1
	shift
	py "
o = dict(n=160, val=40, seed=1, frame=1000, epochs=1)
o.update(a.split('=') for a in '$*'.split())
n, val = int(o['n']), int(o['val'])
r = np.random.default_rng(int(o['seed']))
x = r.integers(0, 90, (n, 12, 12, 3))
mask = np.zeros((n, 12, 12), '|u1')
depth = np.ones((n, 12, 12), '<f4')
label, side = r.integers(0, 3, n).astype('<i4'), r.integers(0, 2, n).astype('<i4')
for i in range(n):
    s = 4 + 3 * side[i]
    a, b = r.integers(0, 13 - s, 2)
    light = r.integers(110, 160)
    x[i, a:a + s, b:b + s, label[i]] += light
    mask[i, a:a + s, b:b + s] = label[i] + 1
    depth[i, a:a + s, b:b + s] = 1 - light / 200
mask[:, 0] = 255
part = (np.arange(n) >= n - val).astype('<i4')
head = 'rows %d\nval %d\nepochs %s\nindex %d\n' % (n, val, o['epochs'], n)
head += classes('red', 'green', 'blue') + 'class.side 0 small\nclass.side 1 large\n'
head += ''.join('class.mask %d %s\n' % k for k in enumerate(('ground', 'red', 'green', 'blue')))
write('$file', head, int(o['frame']), int(o['epochs']), image=x.astype('|u1'), label=label, side=side,
      mask=mask, depth=depth, part=part)"
}

# Stages for label, mask and depth; the text of one that has label's alone.
several() {
	cat >several.arch <<-'END'
		input image 12 12 3
		let classes = 2
		let mask_classes = 2
		c1: conv 8 3 bias=0 | bn1: bn | relu
		body: ( conv 8 3 bias=0 | bn | relu )
		mask: conv mask_classes 1
		@body | depth: conv 1 1
		@body | gap | embedding: flatten | label: linear classes
	END
	sed '/mask/d; /depth/d' several.arch >one.arch
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
