#!/usr/bin/env python3
"""What PyTorch's optimizers make of five numbers in ten steps; prints tests/unit/opt_golden.h.

Start and gradients as in tests/unit/opt.c. LARS and Muon are not in torch.optim: the formulas of
their papers, in double precision."""
import numpy as np
import torch

START = [0.5, -1.25, 2.0, 0.001, -0.3]
STEPS = 10


def grad(t, n=5):
    return [((k * 7 + t * 3) % 11 - 5) / 8 for k in range(n)]


def run(make):
    w = torch.tensor(START, requires_grad=True)
    o = make([w])
    for t in range(STEPS):
        w.grad = torch.tensor(grad(t))
        o.step()
    return w.detach().numpy()


def lars(lr, momentum, decay, eta=1e-3):
    w, v = np.array(START), np.zeros(5)
    for t in range(STEPS):
        g = np.array(grad(t))
        norm = np.linalg.norm
        local = eta * norm(w) / (norm(g) + decay * norm(w))
        v = momentum * v + local * (g + decay * w)
        w = w - lr * v
    return w


def muon(rows, columns, lr, momentum, steps):
    """Filters of `columns` outputs: rows x columns, as they lie in memory."""
    w = np.array([np.sin(1.0 + i) for i in range(rows * columns)]).reshape(rows, columns)
    m = np.zeros_like(w)
    for t in range(STEPS):
        g = np.array(grad(t, rows * columns)).reshape(rows, columns)
        m = momentum * m + g
        x = g + momentum * m
        x = x / (np.linalg.norm(x) + 1e-7)
        for _ in range(steps):
            a = x @ x.T
            x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
        w = w * np.sqrt(columns) / np.linalg.norm(w) - lr * x
    return w.reshape(-1)


def row(name, opt, config, lr, w):
    values = ", ".join("%.9gf" % x for x in w)
    print('\t{"%s", "%s", {%s}, %g, {%s}},' % (name, opt, config, lr, values))


O = torch.optim
print("/* Made by tests/golden/make_opt.py. */")
print("static const struct golden more_golden[] = {")
row("adagrad", "adagrad", ".epsilon = 1e-10", 0.1, run(lambda p: O.Adagrad(p, lr=0.1)))
row("adagrad with weight decay", "adagrad", ".epsilon = 1e-10, .weight_decay = 0.1", 0.1,
    run(lambda p: O.Adagrad(p, lr=0.1, weight_decay=0.1)))
row("rmsprop", "rmsprop", ".beta2 = 0.99, .epsilon = 1e-8", 0.01, run(lambda p: O.RMSprop(p, lr=0.01)))
row("rmsprop with momentum and weight decay", "rmsprop",
    ".momentum = 0.9, .beta2 = 0.9, .epsilon = 1e-3, .weight_decay = 0.01", 0.02,
    run(lambda p: O.RMSprop(p, lr=0.02, alpha=0.9, eps=1e-3, momentum=0.9, weight_decay=0.01)))
row("lars", "lars", ".momentum = 0.9, .weight_decay = 0.01", 10, lars(10, 0.9, 0.01))
print("};\n")
print("static const struct {\n\tsize_t rows, columns;\n\tfloat w[6];\n} muon_golden[] = {")
for rows, columns in ((3, 2), (2, 3)):
    print("\t{%d, %d, {%s}}," % (rows, columns, ", ".join("%.9gf" % x for x in muon(rows, columns, 0.24, 0.6, 3))))
print("};")
