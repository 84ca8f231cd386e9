#!/usr/bin/env python3
"""A producer of streams in Python, to copy: arrays of numpy to cv-stream(5) on standard output.

    python3 producer.py 200 | cv-train --arch lenet5 -o net.safetensors

The reader in Python is in cv-stream(5)."""
import struct
import sys
import zlib

import numpy


class CvtWriter:
    def __init__(self, to, fields, more=""):
        """fields: name -> (dtype, shape of a row); more: further lines of HEAD."""
        self.to, self.fields, self.seq, self.epoch = to, fields, 0, 0
        self.rows = self.epoch_rows = self.batches = 0
        lines = ["format cvt 1"] + [" ".join(["field", name, dtype, *map(str, shape)])
                                    for name, (dtype, shape) in fields.items()]
        self.frame(b"HEAD", self.pad(("\n".join(lines) + "\n" + more).encode()))

    @staticmethod
    def pad(b):
        return b + bytes(-len(b) % 64)

    def frame(self, kind, body=b"", n=0, rows=0, batches=0):
        h = struct.pack("<8s4sHHQQIIQQI", b"\x89CVT\r\n\x1a\n", kind, 1, 0, self.seq, len(body),
                        n, self.epoch, rows, batches, zlib.crc32(body))
        self.to.write(h + struct.pack("<I", zlib.crc32(h)) + body)
        self.seq += 1

    def write(self, **arrays):
        """Rows of all fields, in a frame: from 0.25 to 1 MiB is right."""
        table = payload = b""
        for name, (dtype, _) in self.fields.items():
            a = numpy.ascontiguousarray(arrays[name], dtype)
            dims = list(a.shape) + [0] * (7 - a.ndim)
            table += struct.pack("<48s8sII7QQ", name.encode(), dtype.encode(), a.ndim, 0, *dims,
                                 a.nbytes)
            payload += self.pad(a.tobytes())
        rows = len(next(iter(arrays.values())))
        self.frame(b"BATC", table + payload, len(self.fields), rows)
        self.rows, self.epoch_rows = self.rows + rows, self.epoch_rows + rows
        self.batches += 1

    def end_epoch(self):
        self.frame(b"EPOC", rows=self.epoch_rows)
        self.epoch, self.epoch_rows = self.epoch + 1, 0

    def done(self):
        self.frame(b"DONE", rows=self.rows, batches=self.batches)
        self.to.flush()

    def fail(self, reason):
        self.frame(b"FAIL", self.pad(reason.encode()))
        self.to.flush()


def main():
    rows = int(sys.argv[1])
    w = CvtWriter(sys.stdout.buffer, {"image": ("|u1", (28, 28, 1)), "label": ("<i4", ()),
                                      "index": ("<i8", ())}, "class 0 below\nclass 1 above\n")
    for at in range(0, rows, 300):
        index = numpy.arange(at, min(at + 300, rows))
        above = (numpy.arange(28) < 14)[None, :, None, None] == (index % 2)[:, None, None, None]
        w.write(image=numpy.broadcast_to(numpy.where(above, 200, 50), (len(index), 28, 28, 1)),
                label=index % 2, index=index)
    w.end_epoch()
    w.done()


if __name__ == "__main__":
    main()
