"""The networks of golden/arch in PyTorch: torchvision's own, and modules with the names of timm, of
akamaster/pytorch_resnet_cifar10 and of P. Lippe's tutorials. Debian's python3-torch and
python3-torchvision suffice. `networks` maps NAME to (make, picture size, channels)."""
import torch
import torch.nn.functional as F
import torchvision.models as tv
from torch import nn


def conv(i, o, k=3, stride=1, bias=False):
    return nn.Conv2d(i, o, k, stride, k // 2, bias=bias)


class Attention(nn.Module):  # timm
    def __init__(self, d, heads):
        super().__init__()
        self.qkv, self.proj, self.heads = nn.Linear(d, 3 * d), nn.Linear(d, d), heads

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        a = (q @ k.transpose(-2, -1) * (d // self.heads) ** -0.5).softmax(-1)
        return self.proj((a @ v).transpose(1, 2).reshape(n, t, d))


class Mlp(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class VitBlock(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(d, 1e-6), Attention(d, heads)
        self.norm2, self.mlp = nn.LayerNorm(d, 1e-6), Mlp(d)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Vit(nn.Module):
    def __init__(self, size, patch, classes, d=192, depth=12, heads=3):
        super().__init__()
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, d, patch, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, d))
        self.pos_embed = nn.Parameter(torch.zeros(1, (size // patch) ** 2 + 1, d))
        self.blocks = nn.Sequential(*[VitBlock(d, heads) for _ in range(depth)])
        self.norm, self.head = nn.LayerNorm(d, 1e-6), nn.Linear(d, classes)

    def forward(self, x):
        x = self.patch_embed.proj(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


class Basic(nn.Module):  # akamaster/pytorch_resnet_cifar10, shortcut A
    def __init__(self, i, o):
        super().__init__()
        self.conv1, self.bn1 = conv(i, o, stride=o // i), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = conv(o, o), nn.BatchNorm2d(o)
        self.pad = (o - i) // 2

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.pad:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(y + x)


class CifarResnet(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.conv1, self.bn1 = conv(3, 16), nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*[Basic(16, 16) for _ in range(n)])
        self.layer2 = nn.Sequential(Basic(16, 32), *[Basic(32, 32) for _ in range(n - 1)])
        self.layer3 = nn.Sequential(Basic(32, 64), *[Basic(64, 64) for _ in range(n - 1)])
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(x.mean((2, 3)))


class Lenet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class Preact(nn.Module):  # He 2016, as P. Lippe's tutorials name it
    def __init__(self, i, o):
        super().__init__()
        self.net = nn.Sequential(
            nn.BatchNorm2d(i), nn.ReLU(), conv(i, o, stride=o // i),
            nn.BatchNorm2d(o), nn.ReLU(), conv(o, o))
        if i != o:
            self.downsample = nn.Sequential(nn.BatchNorm2d(i), nn.ReLU(), conv(i, o, 1, 2))

    def forward(self, x):
        return self.net(x) + (self.downsample(x) if hasattr(self, "downsample") else x)


def preact_resnet():
    width = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
    return named(
        input_net=nn.Sequential(conv(3, 16)),
        blocks=nn.Sequential(*[Preact(i, o) for i, o in zip(width[:-1], width[1:])]),
        output_net=nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)))


class Inception(nn.Module):
    def __init__(self, i, one, red3, three, red5, five, pool):
        super().__init__()

        def cbr(a, b, k):
            return [conv(a, b, k, bias=True), nn.BatchNorm2d(b), nn.ReLU()]

        self.conv_1x1 = nn.Sequential(*cbr(i, one, 1))
        self.conv_3x3 = nn.Sequential(*cbr(i, red3, 1), *cbr(red3, three, 3))
        self.conv_5x5 = nn.Sequential(*cbr(i, red5, 1), *cbr(red5, five, 5))
        self.max_pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), *cbr(i, pool, 1))

    def forward(self, x):
        return torch.cat(
            [self.conv_1x1(x), self.conv_3x3(x), self.conv_5x5(x), self.max_pool(x)], 1)


def googlenet_small():
    return named(
        input_net=nn.Sequential(conv(3, 64, bias=True), nn.BatchNorm2d(64), nn.ReLU()),
        inception_blocks=nn.Sequential(
            Inception(64, 16, 32, 32, 16, 8, 8), Inception(64, 24, 32, 48, 16, 12, 12),
            nn.MaxPool2d(3, 2, 1),
            Inception(96, 24, 32, 48, 16, 12, 12), Inception(96, 16, 32, 48, 16, 16, 16),
            Inception(96, 16, 32, 48, 16, 16, 16), Inception(96, 32, 32, 48, 16, 24, 24),
            nn.MaxPool2d(3, 2, 1),
            Inception(128, 32, 48, 64, 16, 16, 16), Inception(128, 32, 48, 64, 16, 16, 16)),
        output_net=nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)))


def named(**parts):
    """nn.Sequential with names."""
    model = nn.Sequential()
    for name, part in parts.items():
        model.add_module(name, part)
    return model


def small(model, stem, pool):
    """The stem for 32x32 pictures: a 3x3 convolution of stride 1, and no pooling."""
    holder = getattr(model, "features", model)
    setattr(holder, stem, conv(3, getattr(holder, stem).out_channels))
    setattr(holder, pool, nn.Identity())
    return model


def vgg(features, *head):
    return named(features=features, flatten=nn.Flatten(), classifier=nn.Sequential(*head))


class WideBlock(nn.Module):  # xternalz/WideResNet-pytorch
    def __init__(self, i, o, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(i), conv(i, o, 3, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(o), conv(o, o)
        self.convShortcut = None if i == o else conv(i, o, 1, stride)

    def forward(self, x):
        y = F.relu(self.bn1(x))
        z = self.conv2(F.relu(self.bn2(self.conv1(y))))
        return z + (self.convShortcut(y) if self.convShortcut else x)


class WideResnet(nn.Module):
    def __init__(self, depth, k):
        super().__init__()
        n, width = (depth - 4) // 6, [16, 16 * k, 32 * k, 64 * k]
        self.conv1 = conv(3, 16)
        for b in (1, 2, 3):
            i, o = width[b - 1], width[b]
            setattr(self, f"block{b}", named(layer=nn.Sequential(
                WideBlock(i, o, 1 + (b > 1)), *[WideBlock(o, o, 1) for _ in range(n - 1)])))
        self.bn1, self.fc = nn.BatchNorm2d(64 * k), nn.Linear(64 * k, 10)

    def forward(self, x):
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(F.relu(self.bn1(x)).mean((2, 3)))


class ConvNextBlock(nn.Module):  # timm
    def __init__(self, d):
        super().__init__()
        self.conv_dw, self.norm = nn.Conv2d(d, d, 7, 1, 3, groups=d), nn.LayerNorm(d, 1e-6)
        self.mlp, self.gamma = Mlp(d), nn.Parameter(torch.full((d,), 1e-6))

    def forward(self, x):
        y = self.mlp(self.norm(self.conv_dw(x).permute(0, 2, 3, 1)))
        return x + (self.gamma * y).permute(0, 3, 1, 2)


class Norm2d(nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def convnext(d=96, depths=(3, 3, 9, 3), classes=1000):
    stages = nn.Sequential()
    for i, n in enumerate(depths):
        c = d << i
        down = nn.Sequential(Norm2d(c // 2, 1e-6), nn.Conv2d(c // 2, c, 2, 2)) if i else nn.Identity()
        stages.append(named(downsample=down, blocks=nn.Sequential(*[ConvNextBlock(c) for _ in range(n)])))
    return named(
        stem=nn.Sequential(nn.Conv2d(3, d, 4, 4), Norm2d(d, 1e-6)), stages=stages,
        head=named(pool=nn.AdaptiveAvgPool2d(1), norm=Norm2d(8 * d, 1e-6), flatten=nn.Flatten(),
                   fc=nn.Linear(8 * d, classes)))


class MixerMlp(nn.Module):
    def __init__(self, d, hidden):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(d, hidden), nn.Linear(hidden, d)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class MixerBlock(nn.Module):  # timm
    def __init__(self, d, tokens):
        super().__init__()
        self.norm1, self.mlp_tokens = nn.LayerNorm(d, 1e-6), MixerMlp(tokens, d // 2)
        self.norm2, self.mlp_channels = nn.LayerNorm(d, 1e-6), MixerMlp(d, 4 * d)

    def forward(self, x):
        x = x + self.mlp_tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.mlp_channels(self.norm2(x))


class Mixer(nn.Module):
    def __init__(self, d=768, side=14, classes=1000):
        super().__init__()
        self.stem = named(proj=nn.Conv2d(3, d, 16, 16))
        self.blocks = nn.Sequential(*[MixerBlock(d, side * side) for _ in range(12)])
        self.norm, self.head = nn.LayerNorm(d, 1e-6), nn.Linear(d, classes)

    def forward(self, x):
        x = self.stem(x).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.blocks(x)).mean(1))


class AirGroup(nn.Module):  # KellerJordan/cifar10-airbench
    def __init__(self, i, o):
        super().__init__()
        self.conv1, self.norm1 = conv(i, o), nn.BatchNorm2d(o, 1e-12)
        self.conv2, self.norm2 = conv(o, o), nn.BatchNorm2d(o, 1e-12)

    def forward(self, x):
        x = F.gelu(self.norm1(F.max_pool2d(self.conv1(x), 2)))
        return F.gelu(self.norm2(self.conv2(x)))


class Ninth(nn.Module):
    def forward(self, x):
        return x / 9


def airbench():
    return nn.Sequential(
        nn.Conv2d(3, 24, 2), nn.GELU(), AirGroup(24, 64), AirGroup(64, 256), AirGroup(256, 256),
        nn.MaxPool2d(3), nn.Flatten(), nn.Linear(256, 10, bias=False), Ninth())


networks = {
    "resnet18": (lambda: small(tv.resnet18(num_classes=10), "conv1", "maxpool"), 32, 3),
    "resnet50": (lambda: small(tv.resnet50(num_classes=10), "conv1", "maxpool"), 32, 3),
    "densenet-small": (
        lambda: small(tv.DenseNet(16, (6, 6, 6), 32, num_classes=10), "conv0", "pool0"), 32, 3),
    "vgg11": (
        lambda: vgg(tv.vgg11().features, nn.Linear(512, 512), nn.ReLU(), nn.Dropout(),
                    nn.Linear(512, 512), nn.ReLU(), nn.Dropout(), nn.Linear(512, 10)), 32, 3),
    "resnet20": (lambda: CifarResnet(3), 32, 3),
    "lenet5": (Lenet5, 28, 1),
    "inception-small": (googlenet_small, 32, 3),
    "vit-tiny": (lambda: Vit(32, 4, 10), 32, 3),
    "preact-resnet": (preact_resnet, 32, 3),
    "resnet34": (lambda: small(tv.resnet34(num_classes=10), "conv1", "maxpool"), 32, 3),
    "resnet152": (lambda: small(tv.resnet152(num_classes=10), "conv1", "maxpool"), 32, 3),
    "resnet18-imagenet": (tv.resnet18, 224, 3),
    "resnet34-imagenet": (tv.resnet34, 224, 3),
    "resnet50-imagenet": (tv.resnet50, 224, 3),
    "resnet152-imagenet": (tv.resnet152, 224, 3),
    "alexnet": (tv.alexnet, 224, 3),
    "vgg11-imagenet": (tv.vgg11, 224, 3),
    "vgg16": (tv.vgg16, 224, 3),
    "googlenet": (lambda: tv.googlenet(init_weights=False), 224, 3),
    "wrn-16-4": (lambda: WideResnet(16, 4), 32, 3),
    "wrn-28-10": (lambda: WideResnet(28, 10), 32, 3),
    "densenet121": (tv.densenet121, 224, 3),
    "efficientnet-b0": (tv.efficientnet_b0, 224, 3),
    "mobilenet-v2": (tv.mobilenet_v2, 224, 3),
    "convnext-tiny": (convnext, 224, 3),
    "vit-small": (lambda: Vit(224, 16, 1000, 384, 12, 6), 224, 3),
    "mlp-mixer": (Mixer, 224, 3),
    "airbench": (airbench, 32, 3),
    "tv-googlenet-3a": (lambda: named(inception3a=tv.googlenet(init_weights=False).inception3a),
                        28, 192),
    "tv-inception-6b": (lambda: named(Mixed_6b=tv.inception_v3(init_weights=False).Mixed_6b),
                        17, 768),
    "vit-tiny-imagenet": (lambda: Vit(224, 16, 1000), 224, 3),
}
