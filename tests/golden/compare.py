#!/usr/bin/env python3
"""compare.py STREAM...: the numpy reader that cv-stream(5) prints and our own must give the same
arrays of every field. Prints one line a difference."""
import io
import os
import subprocess
import sys

import numpy

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "formats"))
sys.dont_write_bytecode = True
from read_cvt import read_cvt


def whole(name, arrays, fields):
    """One array of all frames, as cv-view --npy makes it."""
    if name.endswith(".at"):
        ends = [0]
        for a in arrays:
            ends.extend(ends[-1] + a[1:])
        return numpy.array(ends, a.dtype)
    if name == "table":  # a constant
        return arrays[0]
    if name in ("boxes", "name", "caption"):  # padded to the longest
        most = max(a.shape[1] for a in arrays)
        for i, a in enumerate(arrays):
            more = numpy.zeros((a.shape[0], most - a.shape[1]) + a.shape[2:], a.dtype)
            if name == "boxes":
                more[..., 0] = -1
            arrays[i] = numpy.concatenate([a, more], 1)
    return numpy.concatenate(arrays)


def compare(path):
    head, fields = read_cvt(path)
    ours = subprocess.run(["cv-view", "--head", path], check=True, stdout=subprocess.PIPE).stdout
    differences = [] if sorted(head.split("\n")) == sorted(ours.decode().split("\n")) else ["HEAD"]
    for name, arrays in fields.items():
        npy = subprocess.run(["cv-view", "--npy", name, path], check=True, stdout=subprocess.PIPE)
        a, b = numpy.load(io.BytesIO(npy.stdout)), whole(name, arrays, fields)
        if a.dtype != b.dtype or a.shape != b.shape or not numpy.array_equal(a, b):
            differences.append("%s %s %s" % (name, a.shape, b.shape))
    return differences


if __name__ == "__main__":
    found = [(path, d) for path in sys.argv[1:] for d in compare(path)]
    for path, d in found:
        print(path, "differs:", d)
    sys.exit(bool(found))
