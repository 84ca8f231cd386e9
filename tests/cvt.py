"""Streams from arrays and back, for tests, with the writer of the golden files and the reader of
cv-stream(5). The shell says: PYTHONPATH=tests python3 -c 'from cvt import *; write(...)'."""
import json
import os
import sys

import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(here, "golden"), os.path.join(here, "..", "formats")]
sys.dont_write_bytecode = True
from make_streams import Stream  # noqa: E402
from read_cvt import read_cvt  # noqa: E402


def write(path, head="", frame=1000, epochs=1, **fields):
    """A stream of the arrays' rows, `frame` rows in each frame; index is made if it is not given, None
    leaves it out."""
    rows = len(next(iter(fields.values())))
    fields.setdefault("index", np.arange(rows, dtype="<i8"))
    fields = {k: v for k, v in fields.items() if v is not None}
    lines = ["field %s %s %s" % (k, v.dtype.str, " ".join(map(str, v.shape[1:])))
             for k, v in fields.items()]
    s = Stream("".join(l.rstrip() + "\n" for l in lines) + head)
    for _ in range(epochs):
        for at in range(0, rows, frame):
            part = {k: np.ascontiguousarray(v[at:at + frame]) for k, v in fields.items()}
            n = len(next(iter(part.values())))
            s.batch(n, [(k, v.dtype.str, v.shape, 0, v.tobytes()) for k, v in part.items()])
        s.end_epoch()
    with open(path, "wb") as f:
        f.write(s.done())


def read(path):
    """HEAD's text, and an array of all rows for each field."""
    head, fields = read_cvt(path)
    return head, {k: np.concatenate(v) for k, v in fields.items()}


def model(path):
    """The tensors of a model file, by name."""
    with open(path, "rb") as f:
        b = f.read()
    n = int.from_bytes(b[:8], "little")
    head = json.loads(b[8:8 + n])
    head.pop("__metadata__", None)
    return {k: np.frombuffer(b[8 + n:], "<f4", int(np.prod(v["shape"])), v["data_offsets"][0]).reshape(v["shape"])
            for k, v in head.items()}


def classes(*names):
    return "".join("class %d %s\n" % (k, n) for k, n in enumerate(names))


def i4(*v):
    return np.array(v, "<i4")


def f4(v):
    return np.array(v, "<f4")
