"""Prints the coefficients of generic_act.go.

Run with Python 3 and NumPy. A weighted least squares fit whose weights grow
where the error is large (Lawson's algorithm) comes close to the minimax fit.
"""

import math

import numpy as np


def lawson(a, y, weight, rounds=2000):
    w = np.full(len(y), 1 / len(y))
    best = (math.inf, None)
    for _ in range(rounds):
        s = np.sqrt(w) * weight
        c, *_ = np.linalg.lstsq(a * s[:, None], y * s, rcond=None)
        e = np.abs((a @ c - y) * weight)
        if e.max() < best[0]:
            best = (e.max(), c)
        w *= e + 1e-30
        w /= w.sum()
    return best


def nodes(lo, hi, n):
    t = np.cos((np.arange(n) + 0.5) / n * math.pi)
    return lo + (hi - lo) * (t + 1) / 2


# Φ(x) = 1/(1+2ᵗ), t = x·(c1 + c2·x² + ... + c5·x⁸) for |x| <= 6: the weight makes the error of x·Φ(x) even.
u = nodes(0, 6, 3000)
p = np.vectorize(math.erfc)(u / math.sqrt(2)) / 2
y = (np.log(p) - np.log1p(-p)) / -u
_, c = lawson(np.stack([u ** (2 * i) for i in range(5)], 1), y, u * u * p * (1 - p) + 1e-7 * u)
z = u * (np.stack([u ** (2 * i) for i in range(5)], 1) @ c)
print("gelu: absolute error", np.abs(u / (1 + np.exp(z)) - u * p).max(), "c1..c5:", (-c * math.log2(math.e)).tolist())

# 2ʳ = exp0 + exp1·r + ... + exp4·r⁴ for 0 <= r <= 1.
r = nodes(0, 1, 2000)
err, c = lawson(np.stack([r**i for i in range(5)], 1), 2**r, 2**-r, 400)
print("exp2: relative error", err, "exp0..exp4:", c.tolist())
