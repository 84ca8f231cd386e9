#!/usr/bin/python3
"""Makes tests/golden/aug/pillow.safetensors: what Pillow (9.4) and torchvision (0.14) make of three
small pictures. Run once, by hand; the file is committed and tests/unit/aug_pillow.c holds
libcore/aug to it, byte for byte.

A tensor is a picture (H,W,C) u1. Inputs are called by one word; results by WORDS@INPUT, where WORDS
is an operation as cv-augment reads it, or one without chance: cut=Y,X,H,W,zero|reflect
scale=Y,X,H,W,H2,W2  turn=DEGREES,nearest|bilinear  brightness=F  contrast=F  saturation=F  hue=F
affine=DEGREES,TX,TY,SCALE,SHEAR_X,SHEAR_Y,FILTER  warp=M0,..,M7,FILTER  blur=K,SIGMA  effect=MAGNITUDE,NAME.
"""
import json
import os

import numpy as np
from PIL import Image
import torchvision.transforms as T
import torchvision.transforms.autoaugment as A
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
    for h in 9, 25:
        put("resize=%d,short@%s" % (h, name), F.resize(p, h, BILINEAR))
        put("resize=%d,nearest,short@%s" % (h, name), F.resize(p, h, NEAREST))
    put("hflip:1@" + name, F.hflip(p))
    put("vflip:1@" + name, F.vflip(p))
    for h, w in (5, 6), (8, 7), (12, 12), (11, 9), (18, 25), (21, 8):
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

for name in "photo", "grey":
    p = pictures[name]
    put("invert:1@" + name, F.invert(p))
    put("equalize:1@" + name, F.equalize(p))
    put("autocontrast:1@" + name, F.autocontrast(p))
    for factor in 0, 0.3, 1.7, 3.5:
        put("sharpness:1=%r@%s" % (factor, name), F.adjust_sharpness(p, f4(factor)))
    for filter, word in (NEAREST, "nearest"), (BILINEAR, "bilinear"):
        for a in (20, 3, -2, 1.3, 10, 5), (-77.5, 0, 0, 0.6, 0, 0), (0, 2, 1, 0.5, 0, 0), (5, 0, 0, 1, 0, -40):
            q = F.affine(p, a[0], [a[1], a[2]], a[3], [a[4], a[5]], filter)
            put("affine=%s,%s@%s" % (",".join(map(repr, a)), word, name), q)
        m = [1.1, 0.2, -1.5, -0.1, 0.9, 1.25, 0.01, -0.005]
        q = p.transform(p.size, Image.PERSPECTIVE, m, getattr(Image, word.upper()), fillcolor=0)
        put("warp=%s,%s@%s" % (",".join(map(repr, m)), word, name), q)
for bits in 0, 3, 8:
    put("posterize:1=%d@photo" % bits, F.posterize(photo, bits))
for t in 0, 99.5, 256:
    put("solarize:1=%r@photo" % t, F.solarize(photo, t))
put("equalize:1@colours", F.equalize(colours))
for k, sigma in (3, 0.5), (7, 1.75), (5, 0.1):
    put("blur=%d,%r@photo" % (k, sigma), F.gaussian_blur(photo, [k, k], [sigma, sigma]))
put("blur=3,1.0@grey", F.gaussian_blur(grey, [3, 3], [1.0, 1.0]))
for op, magnitudes in {
    "Identity": [0], "ShearX": [0.09, -0.3], "ShearY": [0.25, -0.99], "TranslateX": [4.7, -4.7],
    "TranslateY": [3, -0.9], "Rotate": [9, -30, 135], "Brightness": [0.27, -0.9], "Color": [0.27, -0.9],
    "Contrast": [0.27, -0.9], "Sharpness": [0.27, -0.9], "Posterize": [7, 4], "Solarize": [178.5],
    "AutoContrast": [0], "Equalize": [0], "Invert": [0],
}.items():
    for m in magnitudes:
        put("effect=%r,%s@photo" % (m, op), A._apply_op(photo, op, m, NEAREST, None))
put("effect=0.3,ShearX@grey", A._apply_op(grey, "ShearX", 0.3, NEAREST, None))

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
