#!/usr/bin/env bats
# What cv-augment draws, recovered from what it does to keypoints and plain pictures: each parameter has
# the range and the distribution that torchvision gives it (Kolmogorov and Smirnov's test, 0.001).
load helper
load py

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
}

# Rows of 48x64 with four points, and helpers: ks(values, sample) compares with what numpy draws;
# points(OP) are (N,4,2), pictures(OP) (N,H,W,C).
draws="
import subprocess
g = np.random.default_rng(11)
H, W, N = 48, 64, 3000
corner = np.array([[0.5, 0.5], [W - 0.5, 0.5], [W - 0.5, H - 0.5], [0.5, H - 0.5]])

def augment(picture, ops, n=N, **more):
    fields = dict(image=np.broadcast_to(np.asarray(picture, 'u1'), (n,) + np.shape(picture)), **more)
    write('in.cvt', frame=500, **fields)
    subprocess.run(['cv-augment', '-i', 'in.cvt', '-o', 'out.cvt'] + ops.split(), check=True)
    return read('out.cvt')[1]

def points(ops, at=corner, n=N):
    k = np.concatenate([at, np.ones((4, 1))], 1).astype('<f4')
    return augment(np.zeros((H, W, 1)), ops, n, keypoints=np.tile(k, (n, 1, 1)))['keypoints'][..., :2]

def pictures(picture, ops, n=N):
    return augment(picture, ops, n)['image'].astype(float)

def ks(values, sample):
    a, b = np.sort(np.ravel(values)), np.sort(np.ravel(sample))
    at = np.concatenate([a, b])
    d = np.abs(np.searchsorted(a, at + 1e-4) / len(a) - np.searchsorted(b, at + 1e-4) / len(b)).max()
    assert d < 1.95 * (1 / len(a) + 1 / len(b)) ** .5, (d, a[0], a[-1], b[0], b[-1])

u = lambda low, high, n=60000: g.uniform(low, high, n)
"

@test "rotate and affine: angle, shift, scale and shear, each uniform between its bounds" {
	py "$draws
def matrix(p): # of the points' map, and where the middle goes
    x, y = (p[:, 1] - p[:, 0]) / (W - 1), (p[:, 3] - p[:, 0]) / (H - 1)
    return np.stack([x, y], -1), p.mean(1) - (W / 2, H / 2)
m, to = matrix(points('rotate=30'))
angle = np.degrees(np.arctan2(-m[:, 1, 0], m[:, 0, 0]))
ks(angle, u(-30, 30))
assert np.abs(np.linalg.det(m) - 1).max() < 1e-3 and np.abs(to).max() < 1e-3
m, to = matrix(points('affine=20'))
ks(np.degrees(np.arctan2(m[:, 1, 0], m[:, 0, 0])), u(-20, 20))
assert np.abs(np.linalg.det(m) - 1).max() < 1e-3
m, to = matrix(points('affine=0,0.1'))
ks(to[:, 0], np.round(u(-.1 * W, .1 * W)))
ks(to[:, 1], np.round(u(-.1 * H, .1 * H)))
assert abs(np.corrcoef(to.T)[0, 1]) < .07 and np.abs(m - np.eye(2)).max() < 1e-4
m, to = matrix(points('affine=0,0,0.8,1.3'))
ks(m[:, 0, 0], u(.8, 1.3))
assert np.abs(m[:, 0, 0] - m[:, 1, 1]).max() < 1e-3 and np.abs(to).max() < 1e-3
m, to = matrix(points('affine=0,0,1,1,25'))
ks(np.degrees(np.arctan(m[:, 0, 1])), u(-25, 25))
assert np.abs(m[:, 1] - (0, 1)).max() < 1e-3
m, to = matrix(points('affine=0,0,1,1,0,25'))
ks(np.degrees(np.arctan(m[:, 1, 0])), u(-25, 25))
assert np.abs(m[:, 0] - (1, 0)).max() < 1e-3"
}

@test "perspective, crop, pad-crop and random-resized-crop: the windows of torchvision" {
	py "$draws
def randint(n): # 0..n
    return g.integers(0, n + 1, 60000)
ends = corner - .5
inward = np.abs(points('perspective:1=0.4', ends) - ends)
assert np.abs(inward - inward.round()).max() < .002
inward = inward.round()
for k in range(4):
    ks(inward[:, k, 0], randint(int(.4 * (W // 2))))
    ks(inward[:, k, 1], randint(int(.4 * (H // 2))))
at = (corner - points('crop=20,30'))[:, 0]
ks(at[:, 0], randint(W - 30))
ks(at[:, 1], randint(H - 20))
at = (points('pad-crop=4') - corner)[:, 0]
ks(at[:, 0], randint(8) - 4)
ks(at[:, 1], randint(8) - 4)
assert abs(np.corrcoef(at.T)[0, 1]) < .07

def window(scale, ratio): # RandomResizedCrop.get_params
    for _ in range(10):
        area, aspect = H * W * g.uniform(*scale), np.exp(g.uniform(*np.log(ratio)))
        w, h = round((area * aspect) ** .5), round((area / aspect) ** .5)
        if 0 < w <= W and 0 < h <= H:
            return g.integers(0, H - h + 1), g.integers(0, W - w + 1), h, w
    w, h = (W, round(W / ratio[0])) if W / H < ratio[0] else (round(H * ratio[1]), H) if W / H > ratio[1] else (W, H)
    return (H - h) // 2, (W - w) // 2, h, w
for words, scale, ratio in ('', (.08, 1), (3 / 4, 4 / 3)), (',0.2,0.9,0.5,2', (.2, .9), (.5, 2)), (',1,1', (1, 1), (3 / 4, 4 / 3)):
    p = points('random-resized-crop=32' + words)
    w, h = 32 * (W - 1) / (p[:, 1, 0] - p[:, 0, 0]), 32 * (H - 1) / (p[:, 3, 1] - p[:, 0, 1])
    x, y = .5 - p[:, 0, 0] * w / 32, .5 - p[:, 0, 1] * h / 32
    have = np.stack([y, x, h, w], 1)
    assert np.abs(have - have.round()).max() < .02
    have = have.round()
    want = np.array([window(scale, ratio) for _ in range(20000)])
    for k in range(4):
        ks(have[:, k], want[:, k])
    ks(have[:, 3] / have[:, 2], want[:, 3] / want[:, 2])"
}

@test "brightness, contrast, saturation, hue: uniform factors; color-jitter: all orders" {
	py "$draws
flat, half, red = np.full((2, 2, 3), 100), np.zeros((2, 2, 3)), np.zeros((2, 2, 3))
half[0], red[..., 0] = 200, 255
cut = lambda v: np.clip(np.trunc(v), 0, 255)
for v in .5, 1.5:
    f = u(max(0, 1 - v), 1 + v)
    ks(pictures(flat, 'brightness=%g' % v)[:, 0, 0, 0], cut(100 * f))
    ks(pictures(half, 'contrast=%g' % v)[:, 0, 0, 0], cut(100 + f * 100))
    ks(pictures(red / 1.275, 'saturation=%g' % v)[:, 0, 0, 0], cut(60 + f * 140))
turned = pictures(red, 'hue=0.1')[:, 0, 0]
degrees = np.where(turned[:, 2] > 0, -turned[:, 2], turned[:, 1]) / 255 / 6
ks(degrees, np.trunc(u(-.1, .1) * 255) / 255)
# brightness and saturation of pure red, in both orders
b, s = u(.5, 1.5), u(.1, 1.9)
L = np.round(.299 * 255)
first = cut(255 * b)
one = cut(np.round(.299 * first) * (1 - s) + first * s)
two = cut(cut(L + s * (255 - L)) * b)
have = pictures(red, 'color-jitter=.5,0,.9', 9000)[:, 0, 0, 0]
ks(have, np.where(g.random(len(b)) < .5, one, two))
for order in one, two:
    try:
        ks(have, order)
    except AssertionError:
        continue
    raise AssertionError('one order alone')"
}

@test "gaussian-blur, rgb-shift, hsv, random-erasing, cutout: as wide and as often as they say" {
	py "$draws
x = np.zeros((7, 7, 1))
x[3, 3] = 255
y = pictures(x, 'gaussian-blur=3,0.3,1.5')
sigma = u(.3, 1.5)
w = np.exp(-.5 / sigma ** 2)
w0 = 1 / (1 + 2 * w)
ks(y[:, 3, 3, 0] - np.round(255 * .5), np.round(255 * w0 ** 2) - np.round(255 * .5))
grey = np.full((2, 2, 3), 128)
y = pictures(grey, 'rgb-shift=30,20,10')[:, 0, 0] - 128
for k, v in enumerate((30, 20, 10)):
    ks(y[:, k], np.trunc(128 + u(-v, v)) - 128)
y = pictures(grey, 'hsv=0,0,20')[:, 0, 0, 0] - 128
ks(y, np.floor(u(-20, 20)))

white = np.full((H, W, 1), 255)
def erased(): # RandomErasing.get_params
    for _ in range(10):
        area, aspect = H * W * g.uniform(.02, .33), np.exp(g.uniform(*np.log((.3, 3.3))))
        h, w = round((area * aspect) ** .5), round((area / aspect) ** .5)
        if h < H and w < W:
            return g.integers(0, H - h + 1), g.integers(0, W - w + 1), h, w
black = pictures(white, 'random-erasing:1', 2000)[..., 0] == 0
rows, columns = black.any(2), black.any(1)
have = np.stack([rows.argmax(1), columns.argmax(1), rows.sum(1), columns.sum(1)], 1)
want = np.array([w for w in (erased() for _ in range(20000)) if w])
assert (black.sum((1, 2)) == have[:, 2] * have[:, 3]).all()
for k in range(4):
    ks(have[:, k], want[:, k])
black = pictures(white, 'cutout=8', 2000)[..., 0] == 0
at = g.integers(0, H, 60000)
ks(black.any(2).sum(1), np.minimum(at + 4, H) - np.maximum(at - 4, 0))
at = g.integers(0, W, 60000)
ks(black.any(1).sum(1), np.minimum(at + 4, W) - np.maximum(at - 4, 0))"
}

@test "rand-augment and trivial-augment-wide: effects equally often, magnitudes of torchvision" {
	py "$draws
M = 7000
def moves(ops): # kind and size of what moved the points; None = nothing did
    p = points(ops, n=M)
    x, y = (p[:, 1] - p[:, 0]) / (W - 1), (p[:, 3] - p[:, 0]) / (H - 1)
    to = p[:, 0] - corner[0]
    turn = np.degrees(np.arctan2(-x[:, 1], x[:, 0]))
    kind = np.where(np.abs(x[:, 1] + y[:, 0]) > 1e-4, np.where(np.abs(x[:, 1]) < 1e-4, 1, 2),
        np.where(np.abs(turn) > 1e-3, 5, np.where(np.abs(to[:, 0]) > .5, 3, np.where(np.abs(to[:, 1]) > .5, 4, 0))))
    size = np.choose(kind, [0 * turn, y[:, 0], x[:, 1], to[:, 0], to[:, 1], turn])
    return kind, size

def even(kind, size, share, sizes):
    for k in range(1, 6):
        n = (kind == k).sum()
        assert abs(n / M - share) < 4 * (share / M) ** .5, (k, n)
        assert abs((size[kind == k] > 0).mean() - .5) < 2 / n ** .5, k
        s = np.abs(size[kind == k])
        assert np.abs(s[:, None] - np.array(sizes[k])).min(1).max() < 2e-3, (k, s.max(), sizes[k][-1])

for m in 9, 30:
    share = m / 30
    even(*moves('rand-augment=1,%d' % m), 1 / 14, {1: [.3 * share], 2: [.3 * share], 3: [int(150 / 331 * W * share)],
        4: [int(150 / 331 * H * share)], 5: [30 * share]})
bins = np.linspace(0, 1, 31)
kind, size = moves('trivial-augment-wide')
even(kind, size, 30 / 31 / 14, {1: .99 * bins, 2: .99 * bins, 3: np.trunc(32 * bins), 4: np.trunc(32 * bins), 5: 135 * bins})
share = np.abs(size) / np.choose(kind, [1, .99, .99, 32, 32, 135])
ks(share[(kind == 1) | (kind == 2) | (kind == 5)].round(3), bins[1:].round(3).repeat(9999))"
}

@test "mixup and cutmix: shares of Beta(ALPHA, ALPHA), windows of torchvision" {
	py "$draws
blocks = 700
n = 128 * blocks
label = (np.arange(n) % 2).astype('<i4')
f = augment(np.zeros((1, 1, 1)), 'mixup=0.4,2', n, label=label)
own = f['label'][np.arange(n), label].reshape(blocks, 128)
assert (own == own[:, :1]).all()
ks(own[:, 0], g.beta(.4, .4, 60000))
f = augment(np.zeros((10, 12, 1)), 'cutmix=1,2', n, label=label)
own = f['label'][np.arange(n), label].reshape(blocks, 128)[:, 0]
r = .5 * np.sqrt(1 - g.random(60000))
x, y, w, h = g.integers(0, 12, 60000), g.integers(0, 10, 60000), (r * 12).astype(int), (r * 10).astype(int)
area = (np.minimum(x + w, 12) - np.maximum(x - w, 0)) * (np.minimum(y + h, 10) - np.maximum(y - h, 0))
ks(own.round(4), (1 - area / 120).round(4))"
}

@test "auto-augment: the policies of torchvision" {
	local torch
	torch=$(command -v /usr/bin/python3 || command -v python3) || skip "no python3"
	"$torch" -c 'import torchvision' 2>/dev/null || skip "no torchvision"
	"$torch" - "$top/libcore/aug/policies.def" <<-'END'
		import re, sys
		from torchvision.transforms.autoaugment import AutoAugment, AutoAugmentPolicy
		ours = {}
		for line in open(sys.argv[1]):
		    if m := re.match(r"POLICY\((\w+)\)", line):
		        ours[m[1]] = policy = []
		    elif m := re.match(r"SUB\((.*)\)", line):
		        a, p, i, b, q, j = m[1].split(", ")
		        policy.append(tuple((n, float(p), int(k)) for n, p, k in ((a, p, i), (b, q, j))))
		assert len(ours) == len(AutoAugmentPolicy)
		for theirs in AutoAugmentPolicy:
		    want = AutoAugment(theirs)._get_policies(theirs)
		    assert ours[theirs.value] == [tuple((n, p, m or 0) for n, p, m in pair) for pair in want]
	END
}
