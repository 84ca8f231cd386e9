#!/usr/bin/env python3
"""Writes tests/golden/v1/*.cvt with nothing but struct and zlib, from cv-stream(5) alone, so that
neither our writer nor our reader can agree with itself in an error. The files never change: every
later version reads them. Usage: make_streams.py FOLDER"""
import os
import struct
import sys
import zlib

MAGIC = b"\x89CVT\r\n\x1a\n"


def pad(b):
    return b + bytes(-len(b) % 64)


class Stream:
    def __init__(self, head):
        self.bytes, self.seq, self.batches, self.rows, self.epoch, self.epoch_rows = b"", 0, 0, 0, 0, 0
        self.frame(b"HEAD", pad(("format cvt 1\n" + head).encode()))

    def frame(self, kind, body=b"", n=0, rows=0, batches=0, epoch=None):
        start = MAGIC + kind + struct.pack("<HHQQIIQQI", 1, 0, self.seq, len(body), n,
            self.epoch if epoch is None else epoch, rows, batches, zlib.crc32(body))
        self.bytes += start + struct.pack("<I", zlib.crc32(start)) + body
        self.seq += 1

    def batch(self, rows, tensors):
        """tensors: (name, dtype, dims, flags, payload)"""
        table, data = b"", b""
        for name, dtype, dims, flags, payload in tensors:
            table += struct.pack("<48s8sII7QQ", name.encode(), dtype.encode(), len(dims), flags,
                *(list(dims) + [0] * (7 - len(dims))), len(payload))
            data += pad(payload)
        self.frame(b"BATC", table + data, len(tensors), rows)
        self.batches += 1
        self.rows += rows
        self.epoch_rows += rows

    def end_epoch(self):
        self.frame(b"EPOC", rows=self.epoch_rows)
        self.epoch += 1
        self.epoch_rows = 0

    def done(self):
        self.frame(b"DONE", rows=self.rows, batches=self.batches, epoch=max(self.epoch - 1, 0))
        return self.bytes


def i8(*v):
    return struct.pack("<%dq" % len(v), *v)


def i4(*v):
    return struct.pack("<%di" % len(v), *v)


def f4(*v):
    return struct.pack("<%df" % len(v), *v)


def picture(i, n):
    return bytes((31 * i + 7 * k) % 256 for k in range(n))


def text(rows, length):
    return b"".join(r.encode().ljust(length, b"\0") for r in rows)


def plain_batch(s, rows):
    n = len(rows)
    s.batch(n, [
        ("index", "<i8", [n], 0, i8(*rows)),
        ("image", "|u1", [n, 4, 5, 3], 0, b"".join(picture(i, 60) for i in rows)),
        ("label", "<i4", [n], 0, i4(*[i % 3 - (i == 5) * 3 for i in rows])),
    ])


PLAIN = """field index <i8
field image |u1 4 5 3
field label <i4
class 0 cat
class 1 dog
class 2 caf\u00e9 au lait
"""


def basic():
    s = Stream(PLAIN + "rows 7\nepochs 1\nindex 7\nseed 3\nmean 0.5 0.25 0.125\nstd 0.2 0.2 0.3\n"
        "prog 0 cv-read 0.1.0: cv-read 'a b/' --seed 3\n"
        "prog 0 cv-embed 0.1.0: cv-embed -w net.safetensors --seed 3\n"
        "prog 1 cv-read 0.1.0: cv-read train/ --seed 0\n"
        "prog 1 cv-train 0.1.0: cv-train --seed 0\n")
    plain_batch(s, [0, 1, 2, 3])
    plain_batch(s, [4, 5, 6])
    s.end_epoch()
    return s.done()


def epochs():
    s = Stream(PLAIN + "field part <i4\nrows 4\nval 1\nepochs 3\nindex 9\ndraws 1\n")
    for e in range(3):
        for rows in ([8, 2], [4, 1]):
            n = len(rows)
            s.batch(n, [
                ("index", "<i8", [n], 0, i8(*rows)),
                ("image", "|u1", [n, 4, 5, 3], 0, b"".join(picture(i + e, 60) for i in rows)),
                ("label", "<i4", [n], 0, i4(*[i % 3 for i in rows])),
                ("part", "<i4", [n], 0, i4(*[int(i == 1) for i in rows])),
            ])
        s.end_epoch()
    return s.done()


def empty():
    s = Stream(PLAIN + "rows 0\nepochs 1\nindex 0\n")
    s.end_epoch()
    return s.done()


def ragged():
    sizes = [(1, 2, 3), (4, 1, 3), (2, 2, 1), (3, 5, 1)]
    s = Stream("field index <i8\nfield image |u1 *\nfield image.at <i8 *\nfield image.hwc <i4 3\n"
        "rows 4\nindex 4\n")
    for rows, flag in ([0, 1, 2], 1), ([3], 0):
        at = [0]
        for i in rows:
            h, w, c = sizes[i]
            at.append(at[-1] + h * w * c)
        n = len(rows)
        s.batch(n, [
            ("index", "<i8", [n], 0, i8(*rows)),
            ("image", "|u1", [at[-1]], 1, b"".join(
                picture(i, at[k + 1] - at[k]) for k, i in enumerate(rows))),
            ("image.at", "<i8", [n + 1], flag, i8(*at)),
            ("image.hwc", "<i4", [n, 3], 0, i4(*[v for i in rows for v in sizes[i]])),
        ])
    s.end_epoch()
    return s.done()


def padded():
    none = [-1, 0, 0, 0, 0]
    boxes = [[[0, 0, 0, 2, 2], none], [[1, 1, 1, 3, 4], [2, 0, 1, 2, 2.5]], [[0, 1, 0, 5, 4]]]
    s = Stream("field index <i8\nfield boxes <f4 M 5\nfield caption |u1 L\nfield name |u1 L\n"
        "class.boxes 0 circle\nclass.boxes 2 square\nrows 3\nindex 3\n")
    for rows, length in ([0, 1], 9), ([2], 4):
        n, m = len(rows), len(boxes[rows[0]])
        s.batch(n, [
            ("index", "<i8", [n], 0, i8(*rows)),
            ("boxes", "<f4", [n, m, 5], 0, f4(*[v for r in rows for b in boxes[r] for v in b])),
            ("caption", "|u1", [n, length], 0, text(["a\tb" if r else "\u00fc" for r in rows], length)),
            ("name", "|u1", [n, 16], 0, text(["x/%d.png" % r for r in rows], 16)),
        ])
    s.end_epoch()
    return s.done()


def joined():
    parts = b""
    for rows in [0, 1, 2], [3, 4]:
        s = Stream(PLAIN + "rows %d\nepochs 1\nindex 5\n" % len(rows))
        plain_batch(s, rows)
        s.end_epoch()
        parts += s.done()
    return parts


def foreign():
    """All dtypes, views, soft labels, groups, a constant, tensors in another order than in HEAD, a key
    and a frame that nobody knows, and no EPOC."""
    s = Stream("future of keys\nfield index <i8\nfield group <i8\nfield image <f4 2 2 1\n"
        "field image.1 <f4 2 2 1\nfield label <f4 2\nfield table <f4 * 2\nflip 0 1\n"
        "target rotation cross-entropy\nindex 4\n")
    for rows in [0, 1], [2, 3]:
        n = len(rows)
        s.batch(n, [
            ("table", "<f4", [3, 2], 1, f4(0, .5, 1, 1.5, 2, 2.5)),
            ("label", "<f4", [n, 2], 0, f4(*[v for i in rows for v in (i / 4, 1 - i / 4)])),
            ("image.1", "<f4", [n, 2, 2, 1], 0, f4(*[i / 16 for i in range(4 * n)])),
            ("image", "<f4", [n, 2, 2, 1], 0, f4(*[1 - i / 16 for i in range(4 * n)])),
            ("group", "<i8", [n], 0, i8(*[i // 2 for i in rows])),
            ("index", "<i8", [n], 0, i8(*rows)),
        ])
        s.frame(b"note", pad(b"nobody knows me"))
    return s.done()


def failed():
    s = Stream(PLAIN)
    plain_batch(s, [0, 1])
    s.frame(b"FAIL", pad("cv-read: x.png: truncated".encode()))
    return s.bytes


if __name__ == "__main__":
    for make in basic, epochs, empty, ragged, padded, joined, foreign, failed:
        with open(os.path.join(sys.argv[1], make.__name__ + ".cvt"), "wb") as f:
            f.write(make())
