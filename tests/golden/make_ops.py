#!/usr/bin/python3
"""Makes tests/golden/ops/NAME.txt: what PyTorch (1.13) gives for every operator, forward and backward.

Run once, by hand; the files are committed and tests/unit/golden.c holds libcore to them. Values are
computed in double from inputs that are exact in float. A file is a series of cases:

    case ARGUMENTS / train 0|1 / ITEM SHAPE, then its numbers / ... / end

where ITEM is inK, a parameter (`value` if it has no name of its own), dy, y, dxK, d.PARAMETER, or
after.BUFFER. Shapes begin with the rows;
maps are (N,H,W,C) as cvtools has them; parameters are as PyTorch has them.
"""
import os
import torch
import torch.nn.functional as F

torch.manual_seed(1)
torch.set_default_dtype(torch.float64)
here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ops")
files = {}


def randn(*shape):
    return torch.randn(*shape).float().double()


def chw(x):
    return x.permute(0, 3, 1, 2)


def hwc(x):
    return x.permute(0, 2, 3, 1)


def number(v):
    text = "%.8g" % v
    return text[:-2] if text.endswith(".0") else text


def item(name, t):
    t = t.detach().contiguous()
    kind = {torch.int32: "i4", torch.uint8: "u1"}.get(t.dtype, "f4")
    shape = "x".join(str(d) for d in t.shape) or "1"
    return "%s %s %s\n%s\n" % (name or "value", kind, shape, " ".join(number(v) for v in t.flatten().tolist()))


def case(op, args, inputs, fn, params=None, buffers=None, train=1, constant=()):
    """fn(inputs, params) -> output, all in cvtools' layout; gradients by autograd."""
    params, buffers = params or {}, buffers or {}
    text = "case %s\ntrain %d\n" % (args or "-", train)
    for k, x in enumerate(inputs):
        if x.dtype == torch.float64 and k not in constant:
            x.requires_grad_(True)
        text += item("in%d" % k, x)
    for name, p in params.items():
        p.requires_grad_(True)
        text += item(name, p)
    for name, b in buffers.items():
        text += item(name, b)
    y = fn(inputs, {**params, **buffers})
    dy = torch.ones(()) if y.dim() == 0 else randn(*y.shape)
    if y.requires_grad:
        y.backward(dy)
    text += item("dy", dy) + item("y", y)
    for k, x in enumerate(inputs):
        if x.requires_grad:
            text += item("dx%d" % k, x.grad if x.grad is not None else torch.zeros_like(x))
    for name, p in params.items():
        text += item("d." + (name or "value"), p.grad)
    for name, b in buffers.items():
        text += item("after." + name, b)
    files.setdefault(op, []).append(text + "end\n")


# ---- products and windows ---------------------------------------------------------------------
def conv(args, c, o, hw, k, bias=True, **kw):
    p = {"weight": randn(o, c // kw.get("groups", 1), *k) * 0.5}
    if bias:
        p["bias"] = randn(o)
    case("conv", args, [randn(2, *hw, c)],
         lambda x, p: hwc(F.conv2d(chw(x[0]), p["weight"], p.get("bias"), **kw)), p)


conv("4 3", 3, 4, (5, 4), (3, 3), padding=1)
conv("3 3 stride=2 bias=0", 2, 3, (6, 5), (3, 3), False, padding=1, stride=2)
conv("4 1", 3, 4, (2, 3), (1, 1))
conv("4 3x1 groups=2 pad=0", 4, 4, (4, 3), (3, 1), groups=2)
conv("2 3 dilation=2 pad=2", 2, 2, (5, 5), (3, 3), padding=2, dilation=2)
conv("3 2 stride=2 pad=0", 3, 3, (4, 4), (2, 2), stride=2)


def tconv(args, c, o, hw, k, **kw):
    case("tconv", args, [randn(2, *hw, c)],
         lambda x, p: hwc(F.conv_transpose2d(chw(x[0]), p["weight"], p["bias"], **kw)),
         {"weight": randn(c, o, k, k) * 0.5, "bias": randn(o)})


tconv("2 2 stride=2", 3, 2, (3, 2), 2, stride=2)
tconv("3 3 stride=2 pad=1 output_padding=1", 2, 3, (2, 3), 3, stride=2, padding=1, output_padding=1)
case("linear", "3", [randn(4, 5)], lambda x, p: F.linear(x[0], p["weight"], p["bias"]),
     {"weight": randn(3, 5), "bias": randn(3)})
case("linear", "4 bias=0", [randn(2, 3, 6)], lambda x, p: F.linear(x[0], p["weight"]),
     {"weight": randn(4, 6)})
case("maxpool", "2", [randn(2, 4, 5, 2)], lambda x, p: hwc(F.max_pool2d(chw(x[0]), 2)))
case("maxpool", "3 stride=2 pad=1", [randn(2, 5, 5, 2)],
     lambda x, p: hwc(F.max_pool2d(chw(x[0]), 3, 2, 1)))
case("avgpool", "2", [randn(2, 4, 4, 2)], lambda x, p: hwc(F.avg_pool2d(chw(x[0]), 2)))
case("avgpool", "3 stride=2 pad=1", [randn(2, 5, 5, 2)],
     lambda x, p: hwc(F.avg_pool2d(chw(x[0]), 3, 2, 1)))
case("gap", "", [randn(2, 3, 4, 5)], lambda x, p: hwc(F.adaptive_avg_pool2d(chw(x[0]), 1)))


def attention(x, p, H):
    """timm's Attention."""
    B, N, C = x.shape
    qkv = F.linear(x, p["qkv.weight"], p.get("qkv.bias"))
    q, k, v = qkv.reshape(B, N, 3, H, C // H).permute(2, 0, 3, 1, 4).unbind(0)
    a = (q @ k.transpose(-2, -1) * (C // H) ** -0.5).softmax(-1)
    return F.linear((a @ v).transpose(1, 2).reshape(B, N, C), p["proj.weight"], p["proj.bias"])


case("attention", "2", [randn(2, 4, 6)], lambda x, p: attention(x[0], p, 2),
     {"qkv.weight": randn(18, 6) * 0.5, "qkv.bias": randn(18), "proj.weight": randn(6, 6),
      "proj.bias": randn(6)})
case("attention", "1 bias=0", [randn(2, 3, 4)], lambda x, p: attention(x[0], p, 1),
     {"qkv.weight": randn(12, 4), "proj.weight": randn(4, 4), "proj.bias": randn(4)})


# ---- norms ------------------------------------------------------------------------------------
def bn(shape, train):
    c = shape[-1]
    move = chw if len(shape) == 4 else lambda x: x
    back = hwc if len(shape) == 4 else lambda x: x
    case("bn", "", [randn(*shape) * 2 + 1], lambda x, p: back(F.batch_norm(
        move(x[0]), p["running_mean"], p["running_var"], p["weight"], p["bias"], bool(train))),
        {"weight": randn(c), "bias": randn(c)},
        {"running_mean": randn(c), "running_var": torch.rand(c).float().double() + 0.5}, train)


bn((3, 2, 4, 3), 1)
bn((3, 2, 4, 3), 0)
bn((4, 3), 1)
case("ln", "", [randn(3, 7) + 2], lambda x, p: F.layer_norm(x[0], (7,), p["weight"], p["bias"]),
     {"weight": randn(7), "bias": randn(7)})
case("ln", "eps=0.01 affine=0", [randn(2, 3, 4)], lambda x, p: F.layer_norm(x[0], (4,), eps=0.01))
case("gn", "2", [randn(2, 3, 2, 4)],
     lambda x, p: hwc(F.group_norm(chw(x[0]), 2, p["weight"], p["bias"])),
     {"weight": randn(4), "bias": randn(4)})
case("gn", "2 affine=0", [randn(3, 6)], lambda x, p: F.group_norm(x[0], 2))
case("normalize", "", [randn(2, 3, 5)], lambda x, p: F.normalize(x[0], dim=-1))

# ---- one by one -------------------------------------------------------------------------------
far = torch.tensor([[-90., -30., -9., -6., -4., -2.5, -1., -0.5, -0.01, 0.003, 0.3, 0.59, 0.61, 1.5,
                     3., 5., 8.5, 20., 90.]]).float().double()
for name, fn in (("relu", F.relu), ("gelu", F.gelu), ("silu", F.silu), ("sigmoid", torch.sigmoid),
                 ("tanh", torch.tanh), ("leaky", F.leaky_relu)):
    case(name, "", [far.clone()], lambda x, p, fn=fn: fn(x[0]))
    case(name, "", [randn(2, 3, 5)], lambda x, p, fn=fn: fn(x[0]))
case("leaky", "0.2", [randn(2, 9)], lambda x, p: F.leaky_relu(x[0], 0.2))
case("softmax", "", [randn(2, 3, 5)], lambda x, p: x[0].softmax(-1))
case("softmax", "temperature=0.1", [randn(2, 7)], lambda x, p: (x[0] / 0.1).softmax(-1))
case("dropout", "0.3", [randn(2, 5)], lambda x, p: F.dropout(x[0], 0.3, False), train=0)
case("drop-path", "0.3", [randn(2, 5)], lambda x, p: x[0] * 1, train=0)
case("scale", "", [randn(2, 3, 4)], lambda x, p: x[0] * p["gamma"], {"gamma": randn(4)})
case("times", "2.5", [randn(2, 4)], lambda x, p: x[0] * 2.5)
case("reverse", "0.3", [randn(2, 4)], lambda x, p: 1.3 * x[0].detach() - 0.3 * x[0])
case("stop", "", [randn(2, 4)], lambda x, p: x[0].detach() * 1, constant=(0,))
case("id", "", [randn(2, 4)], lambda x, p: x[0] * 1)
mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
norms = "mean0=0.485 mean1=0.456 mean2=0.406 std0=0.229 std1=0.224 std2=0.225"
case("standardize", norms, [torch.randint(0, 256, (2, 2, 3, 3), dtype=torch.uint8)],
     lambda x, p: (x[0].double() / 255 - mean) / std)
case("standardize", norms, [torch.rand(2, 2, 3, 3).float().double()], lambda x, p: (x[0] - mean) / std)

# ---- shapes -----------------------------------------------------------------------------------
case("tokens", "", [randn(2, 2, 3, 4)], lambda x, p: chw(x[0]).flatten(2).transpose(1, 2))
case("flatten", "", [randn(2, 2, 3, 4)], lambda x, p: chw(x[0]).flatten(1))
case("reshape", "2 3 4", [randn(2, 24)], lambda x, p: hwc(x[0].view(-1, 4, 2, 3)))
case("reshape", "4 3 2", [randn(2, 2, 3, 4)], lambda x, p: hwc(chw(x[0]).reshape(-1, 2, 4, 3)))
case("take", "1", [randn(2, 3, 4)], lambda x, p: x[0][:, 1])
case("subsample", "2", [randn(2, 5, 4, 3)], lambda x, p: hwc(chw(x[0])[:, :, ::2, ::2]))
case("padc", "2", [randn(2, 2, 2, 3)],
     lambda x, p: hwc(F.pad(chw(x[0]), (0, 0, 0, 0, 2, 2), "constant", 0)))
case("up", "2", [randn(2, 2, 3, 2)], lambda x, p: hwc(F.interpolate(chw(x[0]), scale_factor=2)))
case("up", "3 mode=bilinear", [randn(2, 3, 2, 2)], lambda x, p: hwc(F.interpolate(
    chw(x[0]), scale_factor=3, mode="bilinear", align_corners=False)))

# ---- several inputs, or none ------------------------------------------------------------------
case("sum", "", [randn(2, 5), randn(2, 5), randn(2, 5)], lambda x, p: x[0] + x[1] + x[2])
case("mul", "", [randn(2, 2, 3, 4), randn(2, 1, 1, 4)], lambda x, p: x[0] * x[1])
case("mul", "", [randn(2, 5), randn(2, 5)], lambda x, p: x[0] * x[1])
case("cat", "", [randn(2, 2, 2, 3), randn(2, 2, 2, 1)],
     lambda x, p: hwc(torch.cat([chw(x[0]), chw(x[1])], 1)))
case("cat", "axis=0", [randn(2, 1, 4), randn(2, 3, 4)], lambda x, p: torch.cat(x, 1))
case("stack", "", [randn(2, 4), randn(2, 4)], lambda x, p: torch.cat(x, 0))
case("param", "3 4", [], lambda x, p: p[""].expand(2, -1, -1), {"": randn(1, 3, 4)})
case("embed", "7 3", [torch.tensor([[1, 0, 6, 1], [2, 2, 5, 1]], dtype=torch.int32)],
     lambda x, p: F.embedding(x[0].long(), p["weight"]), {"weight": randn(7, 3)})

# ---- losses -----------------------------------------------------------------------------------
hard = torch.tensor([2, -1, 0, 4], dtype=torch.int32)
w = torch.tensor([1., 2., 0., 0.5])
case("cross-entropy", "", [randn(4, 5) * 3, hard],
     lambda x, p: F.cross_entropy(x[0], x[1].long(), ignore_index=-1))
case("cross-entropy", "smoothing=0.1", [randn(4, 5) * 3, hard],
     lambda x, p: F.cross_entropy(x[0], x[1].long(), ignore_index=-1, label_smoothing=0.1))
case("cross-entropy", "", [randn(4, 5), hard, w.clone()], lambda x, p: (F.cross_entropy(
    x[0], x[1].long(), ignore_index=-1, reduction="none") * x[2]).sum() / x[2][hard >= 0].sum())
case("cross-entropy", "smoothing=0.2", [randn(4, 5), randn(4, 5).softmax(1).float().double()],
     lambda x, p: F.cross_entropy(x[0], x[1], label_smoothing=0.2))
mask = torch.tensor([[[0, 1, 255], [2, 2, 0]], [[255, 255, 1], [0, 0, 2]]], dtype=torch.uint8)
case("cross-entropy", "", [randn(2, 2, 3, 3), mask],
     lambda x, p: F.cross_entropy(chw(x[0]), x[1].long(), ignore_index=255))
case("cross-entropy", "", [torch.tensor([[500., -500., 80.], [1e4, 1e4, 0.]]),
                           torch.tensor([0, 1], dtype=torch.int32)],
     lambda x, p: F.cross_entropy(x[0], x[1].long()))
case("mse", "", [randn(3, 4), randn(3, 4)], lambda x, p: F.mse_loss(x[0], x[1]))
case("mse", "", [randn(4, 2, 2), randn(4, 2, 2), w.clone()],
     lambda x, p: (((x[0] - x[1]) ** 2).mean((1, 2)) * x[2]).sum() / x[2].sum())
case("l1", "", [randn(3, 4), randn(3, 4)], lambda x, p: F.l1_loss(x[0], x[1]))
case("l1", "beta=0.7", [randn(3, 4), randn(3, 4)],
     lambda x, p: F.smooth_l1_loss(x[0], x[1], beta=0.7))
case("bce", "", [randn(3, 4) * 4, torch.rand(3, 4).float().double()],
     lambda x, p: F.binary_cross_entropy_with_logits(x[0], x[1]))
case("bce", "", [torch.tensor([[-200.], [3.], [200.], [1.]]),
                 torch.tensor([[1], [0], [1], [-1]], dtype=torch.int32)],
     lambda x, p: F.binary_cross_entropy_with_logits(x[0][:3], x[1][:3].double()))
case("kl", "", [randn(3, 5), randn(3, 5)], lambda x, p: F.kl_div(
    x[0].log_softmax(1), x[1].log_softmax(1), reduction="batchmean", log_target=True))
case("kl", "temperature=4", [randn(3, 5) * 5, randn(3, 5) * 5], lambda x, p: 16 * F.kl_div(
    (x[0] / 4).log_softmax(1), (x[1] / 4).softmax(1), reduction="batchmean"))

case("cosine", "", [randn(3, 5), randn(3, 5)],
     lambda x, p: F.cosine_embedding_loss(x[0], x[1], torch.ones(3)))
case("transpose", "", [randn(2, 3, 4)], lambda x, p: x[0].transpose(1, 2))

# ---- codes and pictures: torch.distributions ----------------------------------------------------
def normal(m):
    mean, log_variance = m.chunk(2, 1)
    return torch.distributions.Normal(mean, (log_variance / 2).exp())


# chance that has no choice: no variance, pixels that are certain
case("reparameterize", "", [torch.cat([randn(3, 4), torch.full((3, 4), -300.)], 1)],
     lambda x, p: x[0][:, :4] + (x[0][:, 4:] / 2).exp())
case("binarize", "", [torch.tensor([[0, 255], [255, 0]], dtype=torch.uint8)],
     lambda x, p: x[0].double() / 255)
case("gauss-kl", "", [randn(3, 8), randn(3, 8)], lambda x, p:
     torch.distributions.kl_divergence(normal(x[0]), normal(x[1])).sum(1).mean())
case("log-weight", "", [torch.rand(3, 6).round(), randn(3, 6) * 3, randn(3, 2), randn(3, 4)], lambda x, p:
     torch.distributions.Bernoulli(logits=x[1]).log_prob(x[0]).sum(1)
     + normal(torch.zeros(1, 4)).log_prob(x[2]).sum(1) - normal(x[3]).log_prob(x[2]).sum(1),
     constant=(0, 1, 2, 3))
case("log-weight", "sigma=0.3", [randn(3, 6), randn(3, 6), randn(3, 2), randn(3, 4)], lambda x, p:
     torch.distributions.Normal(x[1], 0.3).log_prob(x[0]).sum(1)
     + normal(torch.zeros(1, 4)).log_prob(x[2]).sum(1) - normal(x[3]).log_prob(x[2]).sum(1),
     constant=(0, 1, 2, 3))

def ntxent(x, p, temperature=0.5):
    """lightly's NTXentLoss for two views; for more, the mean over positives (supervised contrastive's
    L_out with every row a class of its own)."""
    z, rows = torch.cat(x), len(x[0])
    s = z @ z.t() / temperature
    s = s.masked_fill(torch.eye(len(z), dtype=torch.bool), -1e300)
    same = torch.arange(len(z)) % rows
    positive = (same[:, None] == same[None, :]) & ~torch.eye(len(z), dtype=torch.bool)
    return -F.log_softmax(s, 1)[positive].mean()


case("ntxent", "", [F.normalize(randn(5, 4)).float().double() for _ in range(2)], ntxent)
case("ntxent", "temperature=0.07", [F.normalize(randn(70, 3)).float().double() for _ in range(2)],
     lambda x, p: ntxent(x, p, 0.07))
case("ntxent", "temperature=1", [randn(3, 6) for _ in range(4)], lambda x, p: ntxent(x, p, 1))


# ---- features, several tasks, episodes ----------------------------------------------------------
case("patches", "3x2 stride=2", [randn(2, 5, 6, 2)], lambda x, p: hwc(chw(x[0]).unfold(2, 3, 2).unfold(
    3, 2, 2).permute(0, 4, 5, 1, 2, 3).flatten(1, 3)), constant=(0,))


def triangle(x, p):
    z = torch.cdist(x[0].flatten(0, -2), p["weight"])
    return (z.mean(1, keepdim=True) - z).clamp(min=0).reshape(*x[0].shape[:-1], -1)


case("codebook", "5", [randn(3, 4)], triangle, buffers={"weight": randn(5, 4)}, constant=(0,))
case("codebook", "7", [randn(2, 2, 3, 4)], triangle, buffers={"weight": randn(7, 4)}, constant=(0,))
case("uncertain", "", [randn(4, 3)], lambda x, p: (-p[""]).exp() * x[0] + 0.5 * p[""],
     {"": randn(1)})
case("uncertain", "a=0.5 b=1.5", [randn(4)], lambda x, p: 0.5 * (-p[""]).exp() * x[0] + 1.5 * p[""],
     {"": randn(1)})


def dice(x, p):
    """1 - 2 |p t| / (|p| + |t|) of the classes that each row has."""
    costs = []
    for logits, label in zip(x[0].softmax(-1), x[1].long()):
        known = label != 255
        for k in label[known].unique():
            q, t = logits[known][:, k], (label[known] == k).double()
            costs.append(1 - 2 * (q * t).sum() / (q.sum() + t.sum()))
    return torch.stack(costs).mean()


case("dice", "", [randn(3, 4, 2, 3), torch.randint(0, 3, (3, 4, 2), dtype=torch.uint8)], dice)
mask = torch.randint(0, 4, (2, 5), dtype=torch.uint8)
mask[0, 1] = mask[1, 4] = 255
case("dice", "", [randn(2, 5, 4), mask], dice)


def prototypes(x, p, temperature=1.0):
    z, label, role = x
    centre = torch.stack([z[(label == k) & (role == 0)].mean(0) for k in range(3)])
    query = role == 1
    return F.cross_entropy(-torch.cdist(z[query], centre) ** 2 / temperature, label[query].long())


episode = [torch.tensor(v, dtype=torch.int32) for v in ([0, 1, 2, 0, 1, 2, 2, 0, 1], [0, 0, 0, 0, 0, 0, 1, 1, 1])]
case("prototypes", "", [randn(9, 4)] + episode, prototypes)
case("prototypes", "temperature=3", [randn(9, 2)] + episode, lambda x, p: prototypes(x, p, 3.0))



def given(x, p, smoothing=0.0, ignore=-100):
    logits = chw(x[0]) if x[0].dim() == 4 else x[0]
    target = x[1] if x[1].dtype == torch.float64 else x[1].long()
    return F.cross_entropy(logits, target, p["class_weight"], ignore_index=ignore, label_smoothing=smoothing)


def balanced(x, p):
    label = x[1].long()[x[2] != 0]
    K = x[0].shape[1]
    p["steps"] += 1
    p["class_share"] += torch.bincount(label[label >= 0], minlength=K) / (label >= 0).sum() / p["steps"]
    p["class_weight"].copy_(torch.where(p["class_share"] > 0, 1 / (K * p["class_share"]), torch.ones(K)))
    known = x[1] >= 0
    row = x[2][known] * p["class_weight"][x[1].long()[known]]
    return (row * F.cross_entropy(x[0][known], x[1].long()[known], reduction="none")).sum() / row.sum()


heavy = {"class_weight": torch.tensor([0.5, 2., 1., 3., 0.25])}
case("cross-entropy", "weights=1", [randn(4, 5), hard], lambda x, p: given(x, p, 0, -1), buffers=heavy)
case("cross-entropy", "weights=1 smoothing=0.2", [randn(4, 5), hard], lambda x, p: given(x, p, 0.2, -1), buffers=heavy)
case("cross-entropy", "weights=1 smoothing=0.1", [randn(3, 5), randn(3, 5).softmax(1).float().double()],
     lambda x, p: given(x, p, 0.1), buffers=heavy)
mask = torch.tensor([[[0, 1, 255], [2, 2, 0]], [[255, 255, 1], [0, 0, 2]]], dtype=torch.uint8)
case("cross-entropy", "weights=1", [randn(2, 2, 3, 3), mask], lambda x, p: given(x, p, 0, 255),
     buffers={"class_weight": torch.tensor([0.5, 2., 4.])})
case("cross-entropy", "weights=2", [randn(6, 4), torch.tensor([2, -1, 0, 2, 2, 1], dtype=torch.int32),
                                    torch.tensor([1., 2., 1., 0.5, 1., 0.])], balanced,
     buffers={"class_weight": torch.ones(4), "class_share": torch.zeros(4), "steps": torch.zeros(1)}, constant=(2,))

edge = torch.tensor([[-90., -6., -0.5, 0.003, 3., 5.99, 6.01, 8.5, 90.]]).float().double()
case("relu6", "", [edge], lambda x, p: F.relu6(x[0]))
case("relu6", "", [(randn(2, 3, 5) * 6).float().double()], lambda x, p: F.relu6(x[0]))
for args, size, kw in (("3 stride=2 ceil=1", (2, 6, 5, 2), {}), ("3 stride=2 pad=1 ceil=1", (2, 4, 6, 1), {"padding": 1}),
                       ("2 stride=3 ceil=1", (1, 3, 7, 1), {})):
    window = [int(args[0]), int(args[9])]
    case("maxpool", args, [randn(*size)],
         lambda x, p, w=window, kw=kw: hwc(F.max_pool2d(chw(x[0]), *w, ceil_mode=True, **kw)))

os.makedirs(here, exist_ok=True)
for op, texts in files.items():
    with open(os.path.join(here, op + ".txt"), "w") as f:
        f.write("".join(texts))
