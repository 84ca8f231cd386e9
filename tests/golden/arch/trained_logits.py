#!/usr/bin/env python3
"""trained_logits.py NAME...: trains NAME for some steps with cv-train, loads the model file strictly
into PyTorch's network of that name (all keys, all shapes), and compares the logits of 64 pictures to
1e-4. Says `ok NAME` or `not ok NAME`; exit 77 without PyTorch."""
import json
import struct
import subprocess
import sys

try:
    import numpy as np
    import torch
    from networks import networks
except ImportError:
    sys.exit(77)


def load(path):
    """safetensors, in a few lines: the state dict and the metadata."""
    with open(path, "rb") as f:
        head = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    meta = head.pop("__metadata__", {})
    return {k: torch.from_numpy(np.frombuffer(data[v["data_offsets"][0]:v["data_offsets"][1]],
                                              "<f4").reshape(v["shape"]).copy())
            for k, v in head.items()}, meta


def compare(name):
    make, size, channels = networks[name]
    pictures = f"cv-gen shapes --size {size}x{size} -n %d | cv-read --channels {channels}"
    run = subprocess.run(
        f"({pictures % 256}) | cv-train -q --arch {name} --epochs 1 -b 32 --lr 0.05 -o net.safetensors && "
        f"({pictures % 64}) | cv-view --npy image -o picture.npy && "
        f"({pictures % 64}) | cv-embed -w net.safetensors --output logits | "
        "cv-view --npy logits -o logits.npy", shell=True, check=False)
    if run.returncode:
        return False
    state, meta = load("net.safetensors")
    mean, std = (torch.tensor([float(v) for v in line.split(" ")[1].split(",")]).view(1, -1, 1, 1)
                 for line in meta["cv.input"].splitlines()[1:3])
    model = make().eval()
    have = model.state_dict()
    for key, v in have.items():
        if key.endswith("num_batches_tracked"):
            state[key] = v
    model.load_state_dict(state, strict=True)
    x = torch.from_numpy(np.load("picture.npy")).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        want = model((x / 255 - mean) / std).numpy()
    error = np.abs(np.load("logits.npy").reshape(want.shape) - want).max()
    print(f"# {name}: {error:.2g}")
    return error < 1e-4


good = True
for n in sys.argv[1:]:
    same = compare(n)
    print("ok" if same else "not ok", n)
    good = good and same
sys.exit(not good)
