"""Prints the polynomial coefficients of asm.go and generic_exp.go.

Run with Python 3, NumPy and mpmath. A weighted least squares fit whose weights grow
where the error is large (Lawson's algorithm) comes close to the minimax fit.
"""

import math
import sys

import mpmath
import numpy as np


def lawson(a, y, weight, rounds=300):
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


# exp(r) = 1 + r + r²·(c2 + c3·r + ... + c6·r⁴) for |r| <= ln(2)/2.
r = nodes(-0.3467, 0.3467, 2000)
y = np.array([float((mpmath.exp(v) - 1 - v) / v**2) for v in map(mpmath.mpf, r)])
err, c = lawson(np.stack([r**i for i in range(5)], 1), y, r**2 * np.exp(-r))
print("exp: relative error", err, "c2..c6:", c.tolist())

# Φ(-u) = exp(-u²/2) · (a1·t + ... + ad·tᵈ), t = 1/(1+p·u), for 0 <= u <= 12.5,
# the form of Abramowitz and Stegun 7.1.26.
u = nodes(0, 12.5, 1000)
y = np.array([float(mpmath.erfc(v / mpmath.sqrt(2)) * mpmath.exp(v * v / 2) / 2) for v in map(mpmath.mpf, u)])
for d in (7, 8):
    best = (math.inf,)
    for p in np.arange(0.18, 0.44, 0.0125):
        p = float(np.float32(p))
        t = 1 / (1 + p * u)
        err, a = lawson(np.stack([t**i for i in range(1, d + 1)], 1), y, 1 / y)
        if err < best[0]:
            best = (err, p, a.tolist())
    print("phi: degree", d, "relative error", best[0], "p:", best[1], "a1..:", best[2])
    sys.stdout.flush()
