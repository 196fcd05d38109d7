"""Writes torch.json, what PyTorch makes of a few rows. Run: python3 make_torch.py > torch.json"""

import json
import sys

import torch
import torch.nn.functional as F

torch.manual_seed(20240607)
rows = []
for n in (2, 5, 32, 100, 384):  # with one element, layer norm divides rounding noise by sqrt(eps)
    x, gamma, beta = torch.randn(n) * 3, torch.randn(n), torch.randn(n)
    rows.append({
        "x": x, "gamma": gamma, "beta": beta, "eps": 1e-12,
        "softmax": F.softmax(x, 0),
        "gelu": F.gelu(x),
        "gelu_tanh": F.gelu(x, approximate="tanh"),
        "layer_norm": F.layer_norm(x, (n,), gamma, beta, 1e-12),
    })
q, k, v = torch.randn(11, 32), torch.randn(13, 32), torch.randn(13, 32)
w, b = torch.randn(40, 32), torch.randn(40)
scores = q @ k.T * 32**-0.5
products = {"q": q, "k": k, "v": v, "w": w, "b": b, "linear": F.linear(q, w, b),
            "scores": scores, "attention": torch.softmax(scores, -1) @ v}


def plain(o):
    if isinstance(o, torch.Tensor):
        return [float("%.9g" % f) for f in o.flatten().tolist()]
    raise TypeError(type(o))


json.dump({"torch": torch.__version__, "rows": rows, "products": products}, sys.stdout, default=plain)
