#!/usr/bin/env python3
"""Writes NAME.names, the parameters of PyTorch's own networks: one `name d,d,...` a line, in order.

Debian's python3-torch and python3-torchvision suffice. tests/unit/arch.c builds NAME.arch (here, or of
the zoo) and compares. timm and the CIFAR networks are written down as modules of the same names.
"""
import os

import torchvision.models as tv
from torch import nn, zeros

HERE = os.path.dirname(os.path.abspath(__file__))


def write(name, model, only=""):
    with open(os.path.join(HERE, name + ".names"), "w") as f:
        for key, value in model.state_dict().items():
            if key.startswith(only) and not key.endswith("num_batches_tracked"):
                f.write(f"{key} {','.join(map(str, value.shape))}\n")


class Attention(nn.Module):  # timm's names
    def __init__(self, d):
        super().__init__()
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)


class Mlp(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)


class VitBlock(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(d), Attention(d)
        self.norm2, self.mlp = nn.LayerNorm(d), Mlp(d)


class Vit(nn.Module):
    def __init__(self, size, patch, classes, d=192, depth=12):
        super().__init__()
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, d, patch, patch)
        self.cls_token = nn.Parameter(zeros(1, 1, d))
        self.pos_embed = nn.Parameter(zeros(1, (size // patch) ** 2 + 1, d))
        self.blocks = nn.Sequential(*[VitBlock(d) for _ in range(depth)])
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, classes)


class Basic(nn.Module):  # akamaster/pytorch_resnet_cifar10, shortcut A
    def __init__(self, i, o):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(i, o, 3, bias=False), nn.BatchNorm2d(o)
        self.conv2, self.bn2 = nn.Conv2d(o, o, 3, bias=False), nn.BatchNorm2d(o)


class CifarResnet(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, bias=False), nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*[Basic(16, 16) for _ in range(n)])
        self.layer2 = nn.Sequential(Basic(16, 32), *[Basic(32, 32) for _ in range(n - 1)])
        self.layer3 = nn.Sequential(Basic(32, 64), *[Basic(64, 64) for _ in range(n - 1)])
        self.linear = nn.Linear(64, 10)


class Lenet5(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)


class Preact(nn.Module):  # He 2016, as P. Lippe's tutorials name it
    def __init__(self, i, o, down):
        super().__init__()
        self.net = nn.Sequential(
            nn.BatchNorm2d(i), nn.ReLU(), nn.Conv2d(i, o, 3, bias=False),
            nn.BatchNorm2d(o), nn.ReLU(), nn.Conv2d(o, o, 3, bias=False))
        if down:
            self.downsample = nn.Sequential(
                nn.BatchNorm2d(i), nn.ReLU(), nn.Conv2d(i, o, 1, bias=False))


class PreactResnet(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_net = nn.Sequential(nn.Conv2d(3, 16, 3, bias=False))
        width = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
        self.blocks = nn.Sequential(
            *[Preact(i, o, i != o) for i, o in zip(width[:-1], width[1:])])
        self.output_net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


class Inception(nn.Module):
    def __init__(self, i, one, red3, three, red5, five, pool):
        super().__init__()

        def cbr(a, b, k):
            return [nn.Conv2d(a, b, k), nn.BatchNorm2d(b), nn.ReLU()]

        self.conv_1x1 = nn.Sequential(*cbr(i, one, 1))
        self.conv_3x3 = nn.Sequential(*cbr(i, red3, 1), *cbr(red3, three, 3))
        self.conv_5x5 = nn.Sequential(*cbr(i, red5, 1), *cbr(red5, five, 5))
        self.max_pool = nn.Sequential(nn.MaxPool2d(3), *cbr(i, pool, 1))


class Googlenet(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_net = nn.Sequential(nn.Conv2d(3, 64, 3), nn.BatchNorm2d(64), nn.ReLU())
        self.inception_blocks = nn.Sequential(
            Inception(64, 16, 32, 32, 16, 8, 8), Inception(64, 24, 32, 48, 16, 12, 12),
            nn.MaxPool2d(3),
            Inception(96, 24, 32, 48, 16, 12, 12), Inception(96, 16, 32, 48, 16, 16, 16),
            Inception(96, 16, 32, 48, 16, 16, 16), Inception(96, 32, 32, 48, 16, 24, 24),
            nn.MaxPool2d(3),
            Inception(128, 32, 48, 64, 16, 16, 16), Inception(128, 32, 48, 64, 16, 16, 16))
        self.output_net = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))


def stem(model, conv):
    """The stem for 32x32 pictures: a 3x3 convolution, stride 1 (and no pooling)."""
    holder = model.features if hasattr(model, "features") else model
    setattr(holder, conv, nn.Conv2d(3, getattr(holder, conv).out_channels, 3, bias=False))
    return model


write("resnet18", stem(tv.resnet18(num_classes=10), "conv1"))
write("resnet50", stem(tv.resnet50(num_classes=10), "conv1"))
write("densenet-small", stem(tv.DenseNet(16, (6, 6, 6), 32, num_classes=10), "conv0"))
write("resnet20", CifarResnet(3))
write("lenet5", Lenet5())
write("inception-small", Googlenet())
write("vit-tiny", Vit(32, 4, 10))
write("tv-resnet18", tv.resnet18())
write("tv-resnet50", tv.resnet50())
write("tv-densenet121", tv.densenet121())
write("tv-efficientnet-b0", tv.efficientnet_b0())
write("tv-mobilenet-v2", tv.mobilenet_v2())
write("tv-googlenet-3a", tv.googlenet(init_weights=False), "inception3a.")
write("tv-inception-6b", tv.inception_v3(init_weights=False), "Mixed_6b.")
write("timm-vit-tiny", Vit(224, 16, 1000))
write("preact-resnet", PreactResnet())
