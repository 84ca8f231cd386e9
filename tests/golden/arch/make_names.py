#!/usr/bin/env python3
"""Writes NAME.names, the parameters of PyTorch's own networks: one `name d,d,...` a line.
tests/unit/arch.c builds NAME.arch (here, or of the zoo) and compares."""
import os

from networks import networks

HERE = os.path.dirname(os.path.abspath(__file__))

for name, (make, _, _) in networks.items():
    with open(os.path.join(HERE, name + ".names"), "w") as f:
        for key, value in make().state_dict().items():
            if not key.endswith("num_batches_tracked"):
                f.write(f"{key} {','.join(map(str, value.shape))}\n")
