import sys, zlib, numpy

FRAME = numpy.dtype("S8, S4, <u2, <u2, <u8, <u8, <u4, <u4, <u8, <u8, <u4, <u4")
TENSOR = numpy.dtype("S48, S8, <u4, <u4, 7<u8, <u8")

def read_cvt(path):
    """The text of HEAD, and for every field its arrays, one a frame."""
    data, at, seq, done, head, fields = open(path, "rb").read(), 0, 0, False, None, {}
    while at < len(data):
        f = numpy.frombuffer(data, FRAME, 1, at)[0].item()
        body = data[at + 64:at + 64 + f[5]]
        seq = 0 if f[1] == b"HEAD" and done else seq
        if (f[0], f[2], f[3], f[4], f[10], f[11], f[5]) != (b"\x89CVT\r\n\x1a\n", 1, 0, seq,
                zlib.crc32(body), zlib.crc32(data[at:at + 60]), len(body)):
            raise ValueError("damaged at byte %d" % at)
        if f[1] == b"FAIL":
            raise ValueError(body.rstrip(b"\0").decode())
        if f[1] == b"HEAD":
            head = head or body.rstrip(b"\0").decode()
        if f[1] == b"BATC":
            begin = 128 * f[6]
            for name, dtype, ndim, flags, dims, size in numpy.frombuffer(body, TENSOR, f[6]):
                array = numpy.frombuffer(body[begin:begin + int(size)], dtype.decode())
                fields.setdefault(name.decode(), []).append(array.reshape(dims[:ndim]))
                begin += -(-int(size) // 64) * 64
        done, at, seq = f[1] == b"DONE", at + 64 + f[5], seq + 1
    if not done:
        raise ValueError("cut at byte %d" % at)
    return head, fields

if __name__ == "__main__":
    for field, arrays in read_cvt(sys.argv[1])[1].items():
        print(field, arrays[0].dtype.str, *[array.shape for array in arrays])
