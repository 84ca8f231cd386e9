#!/usr/bin/env python3
"""Trains one small network with cv-train and with PyTorch, from the same weights on the same batches,
under each optimizer, schedule and trick, and compares all weights after twelve steps. LARS is timm's
and Muon that of its CIFAR-10 training, which torch.optim lacks. Says `ok NAME` or `not ok NAME`; exit
77 without PyTorch."""
import json
import os
import struct
import subprocess
import sys

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
    from torch import nn, optim
    from torch.optim import lr_scheduler as sched
except ImportError:
    sys.exit(77)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from cvt import classes, write  # noqa: E402

N, B, E = 64, 16, 3
STEPS = N // B * E
rng = np.random.default_rng(5)
image = rng.integers(0, 256, (N, 8, 8, 3), "u1")
label = rng.integers(0, 4, N).astype("<i4")
X = (torch.from_numpy(image).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5
Y = torch.from_numpy(label).long()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6)
        self.conv2, self.bn2 = nn.Conv2d(6, 5, 3, 2, 1, bias=False), nn.BatchNorm2d(5)
        self.fc = nn.Linear(80, 4)

    def forward(self, x):
        x = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
        return self.fc(x.flatten(1))

    def loss(self, x, y, smoothing, weight=None):
        return F.cross_entropy(self(x), y, weight, label_smoothing=smoothing)


class AuxNet(Net):
    """With an auxiliary classifier, as GoogLeNet has two; its loss counts 0.3."""

    def __init__(self):
        super().__init__()
        self.aux1 = nn.Module()
        self.aux1.fc = nn.Linear(6, 4)

    def loss(self, x, y, smoothing):
        early = F.relu(self.bn1(self.conv1(x)))
        late = F.relu(self.bn2(self.conv2(early))).flatten(1)
        return F.cross_entropy(self.fc(late), y) + 0.3 * F.cross_entropy(self.aux1.fc(early.mean((2, 3))), y)


def load(path):
    with open(path, "rb") as f:
        head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    head.pop("__metadata__", None)
    return {k: torch.from_numpy(np.frombuffer(data[v["data_offsets"][0]:v["data_offsets"][1]],
                                              "<f4").reshape(v["shape"]).copy())
            for k, v in head.items()}


def cv_train(*words, arch="small.arch"):
    subprocess.run(["cv-train", "-q", "--arch", arch, "-o", "net.st", *words],
                   stdin=subprocess.DEVNULL, check=True)
    return load("net.st")


class Lars(optim.Optimizer):
    def __init__(self, groups, lr):
        super().__init__(groups, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for g in self.param_groups:
            for p in g["params"]:
                d, decay = p.grad, g["weight_decay"]
                if decay:
                    w, n = p.norm(), d.norm()
                    d = (d + decay * p) * (1e-3 * w / (n + w * decay))
                self.state[p]["v"] = self.state[p].get("v", 0) * 0.9 + d
                p -= g["lr"] * self.state[p]["v"]


def orthogonal(x):
    x = x / (x.norm() + 1e-7)
    for _ in range(3):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x


class Muon(optim.Optimizer):
    def __init__(self, groups):
        super().__init__(groups, {})

    @torch.no_grad()
    def step(self):
        for g in self.param_groups:
            for p in g["params"]:
                filters = p.ndim == 4
                momentum, d = (0.6, p.grad) if filters else (0.9, p.grad + g["weight_decay"] * p)
                v = self.state[p]["v"] = self.state[p].get("v", 0) * momentum + d
                d = d + momentum * v
                if filters:
                    p *= len(p) ** 0.5 / p.norm()
                    p -= 0.24 * orthogonal(d.reshape(len(d), -1)).view_as(p)
                else:
                    p -= 0.02 * d


def torch_train(start, make, decay=0.0, decay_all=False, rate=None, smoothing=0.0, clip=None, together=1,
                average=None, net=Net, **more):
    """`rate` makes a schedule that is stepped with the optimizer; `average` follows the weights."""
    model = net()
    model.load_state_dict({**model.state_dict(), **{k: v.clone() for k, v in start.items()}})
    big = [p for p in model.parameters() if p.ndim > 1 or decay_all]
    rest = [p for p in model.parameters() if p.ndim == 1 and not decay_all]
    opt = make([{"params": big, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]
               if rest else [{"params": big, "weight_decay": decay}])
    schedule = rate(opt) if rate else None
    for step in range(STEPS // together):
        opt.zero_grad()
        for k in range(together):
            at = (step * together + k) * B % N
            (model.loss(X[at:at + B], Y[at:at + B], smoothing, **more) / together).backward()
        if clip:
            clip(model.parameters())
        opt.step()
        if schedule:
            schedule.step()
        if average:
            average(model.state_dict(), step + 1)
    return model.state_dict()


class Average:
    """What --model-ema keeps."""

    def __init__(self, start, decay):
        self.state, self.decay = {k: v.clone() for k, v in start.items()}, decay

    def __call__(self, weights, t):
        d = min(self.decay, (1 + t) / (10 + t))
        for k, v in self.state.items():
            v.mul_(d).add_(weights[k], alpha=1 - d)


def sgd(groups, lr=0.02, **more):
    return optim.SGD(groups, lr=lr, **{"momentum": 0.9, "nesterov": True, **more})


def plain(groups):
    return optim.SGD(groups, lr=0.02)


CASES = {  # words of cv-train; how PyTorch trains
    "--opt sgd": (sgd, {"decay": 5e-4}),
    "--momentum 0 --weight-decay 0.1": (plain, {"decay": 0.1}),
    "--no-nesterov": (lambda g: sgd(g, nesterov=False), {"decay": 5e-4}),
    "--weight-decay 0.1 --decay-all": (sgd, {"decay": 0.1, "decay_all": True}),
    "--opt adam --lr 0.002": (lambda g: optim.Adam(g, 0.002), {}),
    "--opt adam --lr 0.002 --betas 0.8,0.95 --weight-decay 0.1 --opt-eps 1e-4": (
        lambda g: optim.Adam(g, 0.002, (0.8, 0.95), 1e-4), {"decay": 0.1}),
    "--opt adamw --lr 0.002": (lambda g: optim.AdamW(g, 0.002), {"decay": 0.05}),
    "--opt adagrad --lr 0.01 --weight-decay 0.01": (lambda g: optim.Adagrad(g, 0.01), {"decay": 0.01}),
    "--opt rmsprop --lr 0.001": (lambda g: optim.RMSprop(g, 0.001), {}),
    "--opt rmsprop --lr 0.001 --betas 0,0.9 --momentum 0.9 --weight-decay 0.01": (
        lambda g: optim.RMSprop(g, 0.001, 0.9, momentum=0.9), {"decay": 0.01}),
    "--opt lars --lr 2 --weight-decay 1e-3": (lambda g: Lars(g, 2.0), {"decay": 1e-3}),
    "--opt muon": (Muon, {"decay": 5e-4}),
    "--label-smoothing 0.1": (sgd, {"decay": 5e-4, "smoothing": 0.1}),
    "--class-weight 1,3,0.5,2 --label-smoothing 0.1": (
        sgd, {"decay": 5e-4, "smoothing": 0.1, "weight": torch.tensor([1, 3, 0.5, 2])}),
    "--clip-norm 0.5": (sgd, {"decay": 5e-4, "clip": lambda p: nn.utils.clip_grad_norm_(p, 0.5)}),
    "--clip-value 0.01": (sgd, {"decay": 5e-4, "clip": lambda p: nn.utils.clip_grad_value_(p, 0.01)}),
    "--accumulate 2": (sgd, {"decay": 5e-4, "together": 2}),
    "--warmup-epochs 1": (
        sgd, {"decay": 5e-4, "rate": lambda o: sched.LambdaLR(o, lambda t: min(1, (t + 1) / 4))}),
    "--sched cosine": (sgd, {"decay": 5e-4, "rate": lambda o: sched.CosineAnnealingLR(o, STEPS)}),
    "--sched cosine-restarts=1,2": (
        sgd, {"decay": 5e-4, "rate": lambda o: sched.CosineAnnealingWarmRestarts(o, 4, 2)}),
    "--sched polynomial=0.9": (
        sgd, {"decay": 5e-4, "rate": lambda o: sched.PolynomialLR(o, STEPS, 0.9)}),
    "--sched step=1,0.5": (sgd, {"decay": 5e-4, "rate": lambda o: sched.StepLR(o, 4, 0.5)}),
    "--sched multistep=0.1,1,2": (
        sgd, {"decay": 5e-4, "rate": lambda o: sched.MultiStepLR(o, [4, 8], 0.1)}),
    "--sched exponential=0.5": (
        sgd, {"decay": 5e-4, "rate": lambda o: sched.ExponentialLR(o, 0.5 ** 0.25)}),
    "--sched reciprocal=2": (
        sgd, {"decay": 5e-4, "rate": lambda o: sched.LambdaLR(o, lambda t: 1 / (1 + 2 * t / 4))}),
    "--sched triangular=0.5,0.1": (
        sgd, {"decay": 5e-4, "rate": lambda o: sched.CyclicLR(o, 0.002, 0.02, 2, cycle_momentum=False)}),
    "--sched one-cycle-cosine": (
        sgd, {"decay": 5e-4, "rate": lambda o: sched.OneCycleLR(o, 0.02, STEPS, cycle_momentum=False)}),
}


def compare(words, have, want):
    error = max(((have[k] - want[k]).abs().max() / (1e-3 + want[k].abs().max())).item() for k in have)
    moved = (start["fc.weight"] - want["fc.weight"]).abs().max().item()
    print("ok" if error < 1e-5 < 1e-3 < moved else "not ok", words, f"# {error:.2g}")
    return error < 1e-5 < 1e-3 < moved


with open("small.arch", "w") as f, open("aux.arch", "w") as g:
    stem, body = ("input image 8 8 3\nconv1: conv 6 3 bias=0 | bn1: bn | relu\n",
                  "conv2: conv 5 3 stride=2 bias=0 | bn2: bn | relu\nflatten | fc: linear classes\n")
    f.write(stem + body)
    g.write(stem + "early: id\naux1: ( gap | flatten | fc: linear classes )\n@early\n" + body)
write("rows.cvt", f"rows {N}\nepochs {E}\n" + classes(*"abcd"), 1000, E, image=image, label=label)
start = cv_train("--epochs", "0", "--num-classes", "4")
USUAL = {"--lr": "0.02", "--sched": "constant"}
good = True
for text, (optimizer, options) in CASES.items():
    own = text.split()
    usual = [w for k, v in USUAL.items() if k not in own for w in (k, v)]
    weights = torch_train(start, optimizer, **options)
    good = compare(text, cv_train("-b", str(B), *usual, *own, "rows.cvt"), weights) and good
ema = Average(start, 0.9)
torch_train(start, sgd, 5e-4, average=ema)
usual = [w for pair in USUAL.items() for w in pair]
good = compare("--model-ema 0.9", cv_train("-b", str(B), *usual, "--model-ema", "0.9", "rows.cvt"),
               ema.state) and good

aux_start = cv_train("--epochs", "0", "--num-classes", "4", arch="aux.arch")
weights = torch_train(aux_start, sgd, 5e-4, net=AuxNet)
heads = ["--head", "label:cross-entropy", "--head", "label:cross-entropy:0.3@aux1"]
good = compare("auxiliary classifier",
               cv_train("-b", str(B), *usual, *heads, "rows.cvt", arch="aux.arch"), weights) and good
sys.exit(not good)
