#!/usr/bin/env python3
"""same_logits.py NAME...: PyTorch's network with random weights and cv-embed with the same weights
must give the same logits, to a thousandth of what two pictures differ by. Says `ok NAME` or `not ok
NAME`; exit 77 without PyTorch."""
import json
import os
import struct
import subprocess
import sys

try:
    import numpy as np
    import torch
    from networks import networks
except ImportError:
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))


def save(path, state):
    """safetensors: a length, a JSON head, the numbers."""
    head, at = {}, 0
    for key, v in state.items():
        head[key] = {"dtype": "F32", "shape": list(v.shape), "data_offsets": [at, at + v.nbytes]}
        at += v.nbytes
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(v.tobytes() for v in state.values()))


def randomise(model, x):
    """Tokens and scales of layers that say something, and batch norms of the strength that trained
    networks have: untrained ones let a picture fade on the way, and logits would not tell of it."""
    for key, v in model.state_dict().items():
        if key in ("cls_token", "pos_embed"):
            v.normal_(0, 0.2)
        elif key.endswith("gamma"):
            v.uniform_(0.5, 1)
    for m in model.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.weight.data.uniform_(1, 4)
            m.bias.data.normal_(0, 0.2)
            m.momentum = 1
    with torch.no_grad():
        model.train()(x)
    model.eval()


def compare(name):
    torch.manual_seed(1)
    make, size, channels = networks[name]
    model = make()
    picture = np.random.default_rng(0).integers(0, 256, (2, size, size, channels), dtype=np.uint8)
    x = (torch.from_numpy(picture).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5
    randomise(model, x)
    np.save("picture.npy", picture)
    save("w.safetensors", {k: v.detach().numpy() for k, v in model.state_dict().items()
                           if not k.endswith("num_batches_tracked")})
    with torch.no_grad():
        want = model(x).numpy()
    text = os.path.join(HERE, name + ".arch")
    arch = text if os.path.exists(text) else name
    run = subprocess.run(
        f"cv-read picture.npy | cv-embed -w w.safetensors --arch '{arch}'"
        f" --num-classes {want.shape[1]} --mean .5 --std .5 --output logits"
        " | cv-view --npy logits -o logits.npy", shell=True, check=False)
    if run.returncode:
        return False
    have = np.load("logits.npy").reshape(want.shape)
    error = np.abs(have - want).max() / np.abs(want[0] - want[1]).max()
    print(f"# {name}: {error:.2g}")
    return error < 1e-3


good = True
for n in sys.argv[1:]:
    same = compare(n)
    print("ok" if same else "not ok", n)
    good = good and same
sys.exit(not good)
