"""Makes reference.json: fits and measures computed in other ways than the package does.

Logistic regression by L-BFGS in PyTorch (float64) on the penalized likelihood as the doc comment of Fit
states it; isotonic regression by its max-min formula; the area under the curve by counting pairs; the
calibration error from its definition.

usage: /usr/bin/python3 make.py   (beside this file; made with Python 3.11, PyTorch 1.13.1)
"""
import json
import math
import os
import random

import torch


def fit(x, y, weight, ridge):
    x, y, w = (torch.tensor(v, dtype=torch.float64) for v in (x, [float(v) for v in y], weight))
    total = w.sum()
    mean = (w[:, None] * x).sum(0) / total
    dev = ((w[:, None] * (x - mean) ** 2).sum(0) / total).sqrt()
    z = torch.where(dev > 0, (x - mean) / torch.where(dev > 0, dev, torch.ones_like(dev)), torch.zeros_like(x))
    b = torch.zeros(x.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    opt = torch.optim.LBFGS([b], max_iter=2000, tolerance_grad=1e-13, tolerance_change=1e-16, history_size=20, line_search_fn="strong_wolfe")

    def loss():
        opt.zero_grad()
        s = b[0] + z @ b[1:]
        l = (w * torch.nn.functional.binary_cross_entropy_with_logits(s, y, reduction="none")).sum() / total
        l = l + ridge / 2 * (b[1:] ** 2).sum()
        l.backward()
        return l

    for _ in range(20):
        opt.step(loss)
    with torch.no_grad():
        coef = torch.where(dev > 0, b[1:] / torch.where(dev > 0, dev, torch.ones_like(dev)), torch.zeros_like(dev))
        return float(b[0] - (coef * mean).sum()), [float(v) for v in coef]


def isotonic(score, y):
    levels = sorted(set(score))
    n = [sum(s == l for s in score) for l in levels]
    hit = [sum(v for s, v in zip(score, y) if s == l) for l in levels]
    out = []
    for i in range(len(levels)):
        out.append(max(min(sum(hit[a:b + 1]) / sum(n[a:b + 1]) for b in range(i, len(levels))) for a in range(i + 1)))
    return levels, out


def auc(score, y):
    won = pairs = 0
    for s, v in zip(score, y):
        for t, u in zip(score, y):
            if v and not u:
                pairs += 1
                won += 1 if s > t else 0.5 if s == t else 0
    return won / pairs


def ece(p, y, bins):
    total = 0
    for k in range(bins):
        inside = [i for i, v in enumerate(p) if (k / bins < v <= (k + 1) / bins) or (k == 0 and v == 0)]
        if inside:
            total += len(inside) / len(p) * abs(sum(p[i] for i in inside) / len(inside) - sum(y[i] for i in inside) / len(inside))
    return total


def main():
    rng = random.Random(5)
    cases = []
    for n, d, ridge, weighted in [(40, 1, 0.0, False), (200, 3, 0.001, True), (300, 5, 0.1, False), (60, 2, 1.0, True)]:
        x = [[rng.gauss(j, 1 + 3 * j) for j in range(d)] for _ in range(n)]
        if d == 5:
            for row in x:
                row[4] = 2.5  # never changes
        y = [rng.random() < 1 / (1 + math.exp(-(0.3 + sum((0.8 if j % 2 else -0.6) * (v - j) / (1 + j) for j, v in enumerate(row[:4]))))) for row in x]
        w = [rng.choice([0.5, 1, 2, 0]) if weighted else 1.0 for _ in range(n)]
        bias, coef = fit(x, y, w, ridge)
        score = [round(row[0], 1) for row in x]
        levels, values = isotonic(score, y)
        p = [1 / (1 + math.exp(-(bias + sum(c * v for c, v in zip(coef, row))))) for row in x]
        cases.append({"x": x, "y": y, "weight": w, "ridge": ridge, "bias": bias, "coef": coef, "score": score, "levels": levels,
                      "values": values, "p": p, "auc": auc(score, y), "ece": ece(p, y, 10),
                      "brier": sum((a - b) ** 2 for a, b in zip(p, y)) / n,
                      "log_loss": -sum(math.log(a if b else 1 - a) for a, b in zip(p, y)) / n})
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.json"), "w") as f:
        json.dump(cases, f)


main()
