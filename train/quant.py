"""int8 as the Go engine computes it, simulated in float32 (W8A8).

Weights of linear layers are rounded per output row, symmetric: scale = largest magnitude / 127. The inputs of a linear
layer are rounded per token in the same way when it runs. Word and position vectors are rounded per row. Layer norms,
biases, attention and the output head of a reader stay as they are.
"""
import torch
import torch.nn.functional as F

import model


def rows(x):
    """x with every row of its last dimension rounded to 255 levels symmetric about zero; a row of zeros stays."""
    s = x.abs().amax(-1, keepdim=True) / 127
    return torch.where(s > 0, torch.round(x / s.clamp(min=1e-30)).clamp(-127, 127) * s, x)


def through(x):
    """rows(x) with the gradient of x (straight through, Bengio et al. 2013)."""
    return x + (rows(x) - x).detach()


def simulate(m, embeddings=True):
    """Changes a model in place so that it computes as in int8; returns it."""
    with torch.no_grad():
        for mod in m.modules():
            if isinstance(mod, model.Linear):
                mod.weight.copy_(rows(mod.weight))
        if embeddings:
            e = m.bert.embeddings
            for t in (e.word_embeddings, e.position_embeddings):
                t.weight.copy_(rows(t.weight))
    for layer in m.bert.encoder.layer:
        layer.activations = rows
    return m
