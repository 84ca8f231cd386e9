#!/usr/bin/env python3
"""peer.py ROW THREADS: what a user would pick instead, on the same work; prints pictures (queries,
...) a second, or '-' where it is not installed. PyTorch is tuned: channels-last where that is
faster, freed memory kept (run.sh sets MALLOC_*_THRESHOLD_). One thread is measured in processor
time, several by the clock."""
import sys
import time

ROW, THREADS = sys.argv[1], int(sys.argv[2])


def clock():
    return time.process_time() if THREADS == 1 else time.perf_counter()


def per_second(work, items, times):
    work()
    start = clock()
    for _ in range(times):
        work()
    return items * times / (clock() - start)


# ---- networks -----------------------------------------------------------------------------------

def resnet_cifar(nn, torch, n):
    class Block(nn.Module):
        def __init__(self, i, o, s):
            super().__init__()
            self.c1, self.b1 = nn.Conv2d(i, o, 3, s, 1, bias=False), nn.BatchNorm2d(o)
            self.c2, self.b2 = nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o)
            self.relu = nn.ReLU(inplace=True)
            self.s, self.p = s, (o - i) // 2

        def forward(self, x):
            y = self.b2(self.c2(self.relu(self.b1(self.c1(x)))))
            if self.s > 1:
                x = nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.p, self.p))
            return self.relu(y + x)

    body = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    for i, o, s in ((16, 16, 1), (16, 32, 2), (32, 64, 2)):
        body += [Block(i, o, s)] + [Block(o, o, 1) for _ in range(n - 1)]
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def resnet18(nn, torch):
    import torchvision
    net = torchvision.models.resnet18(num_classes=10)
    net.conv1, net.maxpool = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.Identity()
    return net


def resnet9(nn, torch):
    def cbr(i, o):
        return [nn.Conv2d(i, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True)]

    class Residual(nn.Sequential):
        def forward(self, x):
            return x + super().forward(x)

    return nn.Sequential(*cbr(3, 32), *cbr(32, 64), nn.MaxPool2d(2),
                         Residual(*cbr(64, 64), *cbr(64, 64)), *cbr(64, 128), nn.MaxPool2d(2),
                         *cbr(128, 256), nn.MaxPool2d(2), Residual(*cbr(256, 256), *cbr(256, 256)),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(256, 10))


def vgg11(nn, torch):
    body, i = [], 3
    for o in (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0):
        body += [nn.Conv2d(i, o, 3, 1, 1), nn.ReLU(True)] if o else [nn.MaxPool2d(2)]
        i = o or i
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(512, 512), nn.ReLU(True), nn.Dropout(),
                         nn.Linear(512, 512), nn.ReLU(True), nn.Dropout(), nn.Linear(512, 10))


def unet(nn, torch):
    def twice(i, o):
        return nn.Sequential(nn.Conv2d(i, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(True),
                             nn.Conv2d(o, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(True))

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.e1, self.e2, self.mid = twice(3, 16), twice(16, 32), twice(32, 64)
            self.u2, self.d2 = nn.ConvTranspose2d(64, 32, 2, 2), twice(64, 32)
            self.u1, self.d1 = nn.ConvTranspose2d(32, 16, 2, 2), twice(32, 16)
            self.mask, self.pool = nn.Conv2d(16, 10, 1), nn.MaxPool2d(2)

        def forward(self, x):
            a = self.e1(x)
            b = self.e2(self.pool(a))
            y = self.u2(self.mid(self.pool(b)))
            y = self.u1(self.d2(torch.cat([b, y], 1)))
            return self.mask(self.d1(torch.cat([a, y], 1)))

    return UNet()


def lenet5(nn, torch):
    return nn.Sequential(nn.Conv2d(1, 6, 5, 1, 2), nn.ReLU(True), nn.MaxPool2d(2),
                         nn.Conv2d(6, 16, 5), nn.ReLU(True), nn.MaxPool2d(2), nn.Flatten(),
                         nn.Linear(400, 120), nn.ReLU(True), nn.Linear(120, 84), nn.ReLU(True),
                         nn.Linear(84, 10))


def cnn28(nn, torch):
    def cbr(i, o):
        return [nn.Conv2d(i, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(True),
                nn.MaxPool2d(2)]
    return nn.Sequential(*cbr(1, 32), *cbr(32, 64), nn.Flatten(), nn.Linear(3136, 10))


def vit_tiny(nn, torch):
    D = 192

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.n1, self.n2 = nn.LayerNorm(D, 1e-6), nn.LayerNorm(D, 1e-6)
            self.qkv, self.proj = nn.Linear(D, 3 * D), nn.Linear(D, D)
            self.mlp = nn.Sequential(nn.Linear(D, 4 * D), nn.GELU(), nn.Linear(4 * D, D))

        def forward(self, x):
            B, T, _ = x.shape
            q, k, v = self.qkv(self.n1(x)).reshape(B, T, 3, 3, 64).permute(2, 0, 3, 1, 4)
            a = (q @ k.transpose(-2, -1) * 0.125).softmax(-1)
            x = x + self.proj((a @ v).transpose(1, 2).reshape(B, T, D))
            return x + self.mlp(self.n2(x))

    class ViT(nn.Module):
        def __init__(self):
            super().__init__()
            self.patch = nn.Conv2d(3, D, 4, 4)
            self.cls = nn.Parameter(torch.zeros(1, 1, D))
            self.pos = nn.Parameter(torch.zeros(1, 65, D))
            self.blocks = nn.Sequential(*[Block() for _ in range(12)])
            self.norm, self.head = nn.LayerNorm(D, 1e-6), nn.Linear(D, 10)

        def forward(self, x):
            x = self.patch(x).flatten(2).transpose(1, 2)
            x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1) + self.pos
            return self.head(self.norm(self.blocks(x))[:, 0])

    return ViT()


# name: maker, side, channels, batch, steps
NETS = {
    "resnet20": (lambda nn, torch: resnet_cifar(nn, torch, 3), 32, 3, 128, 3),
    "resnet18": (resnet18, 32, 3, 128, 1), "resnet9": (resnet9, 32, 3, 128, 3),
    "vgg11": (vgg11, 32, 3, 128, 2), "unet": (unet, 128, 3, 8, 2),
    "lenet5": (lenet5, 28, 1, 128, 40), "cnn28": (cnn28, 28, 1, 128, 10),
    "vit-tiny": (vit_tiny, 32, 3, 128, 1),
}


def network(name, kind, one):
    import torch
    from torch import nn
    torch.set_num_threads(THREADS)
    maker, side, channels, batch, steps = NETS[name]
    batch = 1 if one else batch
    wide = name not in ("lenet5", "cnn28", "vit-tiny")
    layout = torch.channels_last if wide else torch.contiguous_format
    net = maker(nn, torch).to(memory_format=layout)
    x = torch.randn(batch, channels, side, side).contiguous(memory_format=layout)
    if kind == "infer":
        with torch.no_grad():
            net = torch.jit.optimize_for_inference(torch.jit.trace(net.eval(), x))
            for _ in range(3):
                net(x)
            return per_second(lambda: net(x), batch, max(3, 150 * steps // 3 if one else 2 * steps))
    y = torch.randint(0, 10, (batch, side, side) if name == "unet" else (batch,))
    sgd = torch.optim.SGD(net.parameters(), 1e-4, momentum=0.9, weight_decay=5e-4, nesterov=True)

    def step():
        sgd.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(net(x), y).backward()
        sgd.step()
    return per_second(step, batch, steps)


# ---- the others ---------------------------------------------------------------------------------

def knn(one):
    import faiss
    import numpy
    faiss.omp_set_num_threads(THREADS)
    r = numpy.random.default_rng(1)
    index = faiss.IndexFlatIP(512)
    index.add(r.standard_normal((60000, 512), dtype="float32"))
    q = r.standard_normal((64 if one else 2000, 512), dtype="float32")
    if one:
        return per_second(lambda: [index.search(q[i:i + 1], 20) for i in range(64)], 64, 1)
    return per_second(lambda: index.search(q, 20), 2000, 1)


def augment():
    import torch
    import torchvision.transforms as T
    from PIL import Image
    torch.set_num_threads(THREADS)
    chain = T.Compose([T.RandomResizedCrop(32), T.RandomHorizontalFlip(),
                       T.RandomApply([T.ColorJitter(.4, .4, .4, .1)], .8), T.RandomGrayscale(.2)])
    x = Image.effect_noise((32, 32), 60).convert("RGB")
    return per_second(lambda: [chain(x) for _ in range(500)], 500, 2)


def start():
    import subprocess
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return 1 / (time.perf_counter() - begin)


def main():
    if ROW.startswith("knn-"):
        return knn(ROW == "knn-one")
    if ROW == "augment-simclr":
        return augment()
    if ROW == "start":
        return start()
    name, kind = ROW.removesuffix("-b1").rsplit("-", 1)
    return network(name, kind, ROW.endswith("-b1")) if name in NETS else None


try:
    figure = main()
except ImportError:
    figure = None
print("-" if figure is None else "%.6g" % figure)
