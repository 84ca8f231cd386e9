#!/usr/bin/python3
"""Makes tests/golden/aug/pillow.safetensors: what Pillow (9.4) and torchvision (0.14) make of three
small pictures. Run once, by hand; the file is committed and tests/unit/aug_pillow.c holds
libcore/aug to it, byte for byte.

A tensor is a picture (H,W,C) u1. Inputs are called by one word; results by WORDS@INPUT, where WORDS
is an operation as cv-augment reads it, or one without chance: cut=Y,X,H,W,zero|reflect
scale=Y,X,H,W,H2,W2  turn=DEGREES,nearest|bilinear  brightness=F  contrast=F  saturation=F  hue=F.
"""
import json
import os

import numpy as np
from PIL import Image
import torchvision.transforms as T
import torchvision.transforms.functional as F

NEAREST, BILINEAR = T.InterpolationMode.NEAREST, T.InterpolationMode.BILINEAR
rng = np.random.default_rng(7)
tensors = {}


def picture(a):
    return Image.fromarray(a[:, :, 0] if a.shape[2] == 1 else a)


def put(name, p):
    a = np.asarray(p)
    tensors[name] = np.ascontiguousarray(a.reshape(a.shape[0], a.shape[1], -1))


def smooth(h, w, c):
    y, x, k = np.mgrid[0:h, 0:w, 0:c]
    wave = 127 + 90 * np.sin(0.5 * y + k) * np.cos(0.37 * x - 2 * k)
    return np.clip(wave + rng.normal(0, 25, (h, w, c)), 0, 255).astype(np.uint8)


# Every corner of the cube, greys, neighbours of both, and colours at random.
corners = np.stack(np.meshgrid([0, 1, 127, 254, 255], [0, 1, 128, 255], [0, 2, 255]), -1)
corners = corners.reshape(-1, 3)
greys = np.repeat(np.arange(0, 256, 15), 3).reshape(-1, 3)
greys[1::4, 2] += 1
cloud = rng.integers(0, 256, (20 * 30 - len(corners) - len(greys), 3))
inputs = {
    "photo": smooth(15, 20, 3),
    "grey": smooth(12, 12, 1),
    "colours": np.concatenate([corners, greys, cloud]).astype(np.uint8).reshape(20, 30, 3),
}
for name, a in inputs.items():
    tensors[name] = a
pictures = {name: picture(a) for name, a in inputs.items()}
photo, grey, colours = (pictures[n] for n in ("photo", "grey", "colours"))

for name in "photo", "grey":
    p = pictures[name]
    for h, w in (7, 9), (31, 20), (15, 33), (4, 45), (1, 1), (23, 29):
        put("resize=%d,%d@%s" % (h, w, name), F.resize(p, [h, w], BILINEAR))
        put("resize=%d,%d,nearest@%s" % (h, w, name), F.resize(p, [h, w], NEAREST))
    put("hflip:1@" + name, F.hflip(p))
    put("vflip:1@" + name, F.vflip(p))
    for h, w in (5, 6), (8, 7), (12, 12), (11, 9):
        put("center-crop=%d,%d@%s" % (h, w, name), F.center_crop(p, [h, w]))
    put("grayscale@" + name, F.to_grayscale(p, 3 if name == "photo" else 1))
put("grayscale@colours", F.to_grayscale(colours, 3))

for y, x, h, w in (0, 0, 15, 20), (3, 2, 7, 11), (10, 0, 5, 20), (14, 19, 1, 1):
    put("cut=%d,%d,%d,%d,zero@photo" % (y, x, h, w), F.crop(photo, y, x, h, w))
for y, x, h2, w2 in (3, 2, 16, 16), (5, 4, 5, 20), (1, 7, 8, 9):
    p = F.resized_crop(photo, y, x, 9, 12, [h2, w2], BILINEAR)
    put("scale=%d,%d,9,12,%d,%d@photo" % (y, x, h2, w2), p)
for mode, name in ("constant", "zero"), ("reflect", "reflect"):
    padded = F.pad(photo, [4] * 4, 0, mode)
    for y, x in (-4, -4), (4, 4), (0, 3), (-1, 0):
        put("cut=%d,%d,15,20,%s@photo" % (y, x, name), F.crop(padded, y + 4, x + 4, 15, 20))



def f4(v):
    return float(np.float32(v))


for angle in 0, 90, -90, 180, 270, 45, -30, 17.25, f4(-33.3), f4(0.1), 123.5:
    for filter, name in (NEAREST, "nearest"), (BILINEAR, "bilinear"):
        for p in "photo", "grey":
            put("turn=%r,%s@%s" % (angle, name, p), F.rotate(pictures[p], angle, filter))

for factor in 0, f4(0.37), 1, f4(1.4), f4(2.6), 7.5:
    for name in "brightness", "contrast", "saturation":
        put("%s=%r@photo" % (name, factor), getattr(F, "adjust_" + name)(photo, factor))
put("saturation=%r@colours" % f4(1.7), F.adjust_saturation(colours, f4(1.7)))
put("contrast=%r@grey" % f4(0.6), F.adjust_contrast(grey, f4(0.6)))
put("brightness=%r@grey" % f4(1.6), F.adjust_brightness(grey, f4(1.6)))
for shift in 0, f4(0.1), f4(-0.1), 0.5, -0.5, f4(0.27):
    put("hue=%r@colours" % shift, F.adjust_hue(colours, shift))
put("hue=0.25@grey", F.adjust_hue(grey, 0.25))

header, at = {}, 0
for name, a in tensors.items():
    header[name] = {"dtype": "U8", "shape": list(a.shape), "data_offsets": [at, at + a.size]}
    at += a.size
text = json.dumps(header, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "aug", "pillow.safetensors"), "wb") as f:
    f.write(len(text).to_bytes(8, "little") + text + b"".join(a.tobytes() for a in tensors.values()))
print(len(tensors), "tensors,", at, "bytes")
