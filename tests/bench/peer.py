#!/usr/bin/env python3
"""peer.py ROW THREADS: what a user would pick instead, on the same work; prints pictures (queries,
...) a second, of a row `-memory` its peak of resident memory in MiB, or '-' where it is not
installed. PyTorch is tuned: channels-last where that is faster, freed memory kept (run.sh sets MALLOC_*_THRESHOLD_); inference is
the best of eager, jit.optimize_for_inference and, where it is installed, ONNX Runtime. One thread is
measured in processor time, several by the clock."""
import io
import resource
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


def mobilenet(nn, torch):
    """As libcore/arch/mobilenet-v2.arch with stem=1: the first two strides of 2 are 1."""
    import torchvision
    blocks = [[1, 16, 1, 1], [6, 24, 2, 1], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1],
              [6, 160, 3, 2], [6, 320, 1, 1]]
    net = torchvision.models.mobilenet_v2(num_classes=10, inverted_residual_setting=blocks)
    net.features[0][0].stride = (1, 1)
    return net


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


def mlp_vae(nn, torch):
    class VAE(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 400), nn.ReLU(True),
                                         nn.Linear(400, 40))
            self.decoder = nn.Sequential(nn.Linear(20, 400), nn.ReLU(True), nn.Linear(400, 784))

        def forward(self, x):
            mean, log_var = self.encoder(x).chunk(2, 1)
            z = mean + (0.5 * log_var).exp() * torch.randn_like(mean)
            return self.decoder(z), mean, log_var

    return VAE()


def dcgan(nn, torch):
    def up(i, o):
        return [nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU(True)]

    def down(i, o):
        return [nn.Conv2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.LeakyReLU(0.2, True)]

    class Map(nn.Module):  # nn.Unflatten, which ONNX has not
        def forward(self, x):
            return x.reshape(-1, 256, 4, 4)

    net = nn.Module()
    net.generator = nn.Sequential(nn.Linear(100, 4096, bias=False), Map(),
                                  nn.BatchNorm2d(256), nn.ReLU(True), *up(256, 128), *up(128, 64),
                                  nn.ConvTranspose2d(64, 3, 4, 2, 1), nn.Tanh())
    net.discriminator = nn.Sequential(nn.Conv2d(3, 64, 4, 2, 1), nn.LeakyReLU(0.2, True),
                                      *down(64, 128), *down(128, 256), nn.Flatten(),
                                      nn.Linear(4096, 1))
    return net


def simclr(nn, torch):
    net = resnet18(nn, torch)
    net.fc = nn.Sequential(nn.Linear(512, 512, bias=False), nn.BatchNorm1d(512), nn.ReLU(True),
                           nn.Linear(512, 128, bias=False), nn.BatchNorm1d(128))
    return net


# name: maker, side, channels, batch, steps
NETS = {
    "resnet20": (lambda nn, torch: resnet_cifar(nn, torch, 3), 32, 3, 128, 3),
    "resnet18": (resnet18, 32, 3, 128, 1), "resnet9": (resnet9, 32, 3, 128, 3),
    "vgg11": (vgg11, 32, 3, 128, 2), "unet": (unet, 128, 3, 8, 2),
    "lenet5": (lenet5, 28, 1, 128, 40), "cnn28": (cnn28, 28, 1, 128, 10),
    "mobilenet": (mobilenet, 32, 3, 128, 1),
    "vit-tiny": (vit_tiny, 32, 3, 128, 1), "mlp-vae": (mlp_vae, 28, 1, 128, 40),
    "dcgan": (dcgan, 32, 3, 128, 3), "simclr": (simclr, 32, 3, 256, 1),
}
NARROW = ("lenet5", "cnn28", "vit-tiny", "mlp-vae", "dcgan")  # channels last gains nothing


# ---- a step of training: each maker gives what does one -----------------------------------------

def sgd_of(torch, net):
    return torch.optim.SGD(net.parameters(), 1e-4, momentum=0.9, weight_decay=5e-4, nesterov=True)


def classify_step(torch, net, x, name, bf16=False):
    y = torch.randint(0, 10, (len(x), *x.shape[2:]) if name == "unet" else (len(x),))
    sgd = sgd_of(torch, net)

    def step():
        sgd.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = torch.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        sgd.step()
    return step


def vae_step(torch, net, x, _):
    adam = torch.optim.Adam(net.parameters(), 1e-4)
    target = torch.rand(len(x), 784)

    def step():
        adam.zero_grad(set_to_none=True)
        made, mean, log_var = net(x)
        far = torch.nn.functional.binary_cross_entropy_with_logits(made, target, reduction="sum")
        kl = -0.5 * (1 + log_var - mean * mean - log_var.exp()).sum()
        ((far + kl) / len(x)).backward()
        adam.step()
    return step


def gan_step(torch, net, x, _):
    """As libcore/method/gan.c: the generator moves first, and computes no gradient of the
    discriminator's weights; then the discriminator learns from the same pictures."""
    G, D = net.generator, net.discriminator
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    adam = [torch.optim.Adam(n.parameters(), 1e-4, betas=(0.5, 0.999)) for n in (G, D)]
    one, zero = torch.ones(len(x), 1), torch.zeros(len(x), 1)

    def step():
        made = G(torch.randn(len(x), 100))
        D.requires_grad_(False)
        adam[0].zero_grad(set_to_none=True)
        bce(D(made), one).backward()
        adam[0].step()
        D.requires_grad_(True)
        adam[1].zero_grad(set_to_none=True)
        (bce(D(x), one) + bce(D(made.detach()), zero)).backward()
        adam[1].step()
    return step


def simclr_step(torch, net, x, _):
    """Two views in one batch, as libcore/method/simclr.c; NT-Xent at temperature 0.5."""
    sgd = sgd_of(torch, net)
    views = torch.cat([x, torch.randn_like(x)])
    other = torch.arange(len(views)).roll(len(x))

    def step():
        sgd.zero_grad(set_to_none=True)
        z = torch.nn.functional.normalize(net(views))
        s = (z @ z.T / 0.5).fill_diagonal_(float("-inf"))
        torch.nn.functional.cross_entropy(s, other).backward()
        sgd.step()
    return step


STEPS = {"mlp-vae": vae_step, "dcgan": gan_step, "simclr": simclr_step}


# ---- a network ----------------------------------------------------------------------------------

def onnx(torch, net, x):
    """What runs the network in ONNX Runtime, if that is here."""
    try:
        import onnxruntime
    except ImportError:
        return []
    file, options = io.BytesIO(), onnxruntime.SessionOptions()
    torch.onnx.export(net, x, file, input_names=["x"])
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    rows = {"x": x.contiguous().numpy()}
    return [lambda: session.run(None, rows)]


def infer(torch, net, x, times):
    with torch.no_grad():
        eager = net.eval()
        jit = torch.jit.optimize_for_inference(torch.jit.trace(eager, x))
        for _ in range(3):
            jit(x)
        ways = [lambda: eager(x), lambda: jit(x)] + onnx(torch, net, x)
        return max(per_second(way, len(x), times) for way in ways)


def network(name, kind, one):
    import torch
    from torch import nn
    torch.set_num_threads(THREADS)
    maker, side, channels, batch, steps = NETS[name]
    batch = 1 if one else batch
    layout = torch.contiguous_format if name in NARROW else torch.channels_last
    net = maker(nn, torch).to(memory_format=layout)
    x = torch.randn(batch, channels, side, side).contiguous(memory_format=layout)
    if kind == "infer":
        if name == "mlp-vae":
            net = net.encoder
        if name == "dcgan":
            net, x = net.generator, torch.randn(batch, 100)
        return infer(torch, net, x, max(3, 150 * steps // 3 if one else 2 * steps))
    if kind == "bf16":
        step = classify_step(torch, net, x, name, True)
    else:
        step = STEPS.get(name, classify_step)(torch, net, x, name)
    if kind == "memory":
        step()
        step()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return per_second(step, batch, steps)


# ---- the others ---------------------------------------------------------------------------------

def knn(one):
    import faiss
    import numpy
    faiss.omp_set_num_threads(THREADS)
    r = numpy.random.default_rng(1)
    index = faiss.IndexFlatIP(512)
    index.add(r.standard_normal((60000, 512), dtype="float32"))
    q = r.standard_normal((64 if one else 10000, 512), dtype="float32")
    if one:
        return per_second(lambda: [index.search(q[i:i + 1], 20) for i in range(64)], 64, 1)
    return per_second(lambda: index.search(q, 20), 10000, 1)


def augment():
    import torch
    import torchvision.transforms as T
    from PIL import Image
    torch.set_num_threads(THREADS)
    chain = {
        "augment-simclr": [T.RandomResizedCrop(32), T.RandomHorizontalFlip(),
                           T.RandomApply([T.ColorJitter(.4, .4, .4, .1)], .8),
                           T.RandomGrayscale(.2)],
        "augment-randaugment": [T.RandAugment(2, 9)],
    }[ROW]
    chain = T.Compose(chain)
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
    if ROW.startswith("augment-"):
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
