"""The static stage: word embeddings trained as a bag, shaped so that they are a BERT encoder.

A BERT whose layers add nothing (output projections zero) computes, for each token, the layer norm of its
word embedding, and mean pooling adds these up: a bag of words. So the bag is trained directly, by one
embedding-bag sum a step, and the transformer starts from it instead of from noise. (Static embeddings
as retrievers: Aarsen 2025, "static-retrieval-mrl"; smooth inverse frequency: Arora et al. 2017.)

Layer norm gives every token the same length, but words differ in weight. Therefore the last TRASH
dimensions are cut to zero by the gain of the last layer norm: a stop word puts its length there.

The loss is symmetric InfoNCE with in-batch negatives (van den Oord et al. 2018).
"""
import json
import os
import time

import numpy as np
import torch

TRASH = 32


def initial(freq, dim, seed, a=5e-4):
    """Random directions; the share of length outside the trash is a/(a+p) as in smooth inverse frequency."""
    g = torch.Generator().manual_seed(seed)
    v = len(freq)
    p = torch.tensor(freq, dtype=torch.float32) / max(1.0, float(np.sum(freq)))
    w = (a / (a + p)).clamp(0.02, 0.98)
    e = torch.zeros(v, dim)
    keep = torch.randn(v, dim - TRASH, generator=g)
    keep = keep / keep.norm(dim=1, keepdim=True)
    e[:, :dim - TRASH] = keep * w[:, None]
    sign = torch.ones(TRASH)
    sign[1::2] = -1
    e[:, dim - TRASH:] = sign / TRASH ** 0.5 * (1 - w ** 2).sqrt()[:, None]
    e[:5, :dim - TRASH] = 0  # special tokens say nothing
    e[:5, dim - TRASH:] = sign / TRASH ** 0.5
    return e * dim ** 0.5


def bags(table, lists):
    """Sum of the token vectors of each id list."""
    flat = torch.from_numpy(np.concatenate(lists).astype(np.int64))
    start = torch.from_numpy(np.cumsum([0] + [len(x) for x in lists[:-1]]))
    return torch.nn.functional.embedding_bag(flat, table, start, mode="sum")


def table_of(e, gain):
    return torch.nn.functional.layer_norm(e, (e.shape[1],)) * gain


def average(runs):
    """The mean of the token vectors of runs that started from one another (as model soups, Wortsman et al. 2022)."""
    e = sum(torch.nn.functional.layer_norm(torch.from_numpy(z["e"]), (z["e"].shape[1],)) for z in runs) / len(runs)
    return {**runs[-1], "e": e.numpy()}


def encode(table, lists):
    """Unit vectors of id lists under a table of token vectors (V, d)."""
    with torch.no_grad():
        return torch.nn.functional.normalize(bags(torch.as_tensor(table), lists), dim=1).numpy()


def cosent(s, y, scale=20.0):
    """Pairs with a higher gold score should have a higher cosine."""
    d = scale * (s[:, None] - s[None])[y[:, None] < y[None]]
    return torch.logsumexp(torch.cat([torch.zeros(1), d]), 0)


def train(sampler, vocab_size, out, dim=384, steps=1500, batch=2048, lr=0.02, seed=1, minutes=1e9, log=None, evaluate=None,
          scale=20.0, start=None, draw=None, sts=None, sts_every=4, sts_weight=0.2):
    """Trains and saves out (.npz: e, gain, freq); resumes from out + '.state' when it is there.

    start: token vectors to go on from; draw: another source of pairs than sampler.batch; sts: scored sentence
    pairs that join every sts_every steps with the CoSENT loss."""
    flat = sampler.c.paras.flat
    freq = np.bincount(flat, minlength=vocab_size)
    e = (initial(freq, dim, seed) if start is None else start.clone()).requires_grad_()
    draw = draw or sampler.batch
    gain = torch.ones(dim)
    gain[dim - TRASH:] = 0
    opt = torch.optim.Adam([e], lr=lr, betas=(0.9, 0.98))
    step, t0, run = 0, time.time(), []
    state = out + ".state"
    if os.path.exists(state):
        s = torch.load(state)
        e.data.copy_(s["e"])
        opt.load_state_dict(s["opt"])
        step = s["step"]
    used = 0.0
    while step < steps:
        used = (time.time() - t0) / 60
        # linear warm-up, then to zero by steps or by minutes, whichever comes first
        done = max(step / steps, used / minutes)
        if done >= 1:
            break
        opt.param_groups[0]["lr"] = lr * min(1, (step + 1) / 50) * (1 - done)
        q, p = draw(batch)
        n = len(q)
        x = bags(table_of(e, gain), q + p)
        x = torch.nn.functional.normalize(x, dim=1)
        logits = scale * x[:n] @ x[n:].T
        y = torch.arange(n)
        loss = (torch.nn.functional.cross_entropy(logits, y) + torch.nn.functional.cross_entropy(logits.T, y)) / 2
        run.append(float(loss))
        if sts and step % sts_every == 0:
            pick = [sts[i] for i in sampler.rng.integers(len(sts), size=128)]
            v = torch.nn.functional.normalize(bags(table_of(e, gain), [x[0] for x in pick] + [x[1] for x in pick]), dim=1)
            loss = loss + sts_weight * cosent((v[:128] * v[128:]).sum(1), torch.tensor([float(x[2]) for x in pick]))
        opt.zero_grad()
        loss.backward()
        opt.step()
        step += 1
        if step % 50 == 0 or step == steps:
            r = {"stage": "static", "step": step, "loss": round(float(np.mean(run[-50:])), 4), "minutes": round(used, 2)}
            if evaluate and step % 300 == 0:
                t = table_of(e, gain).detach().numpy()
                r.update(evaluate(lambda l: encode(t, l)))
            if log:
                log(r)
        if step % 300 == 0:
            torch.save({"e": e.data, "opt": opt.state_dict(), "step": step}, state + ".tmp")
            os.replace(state + ".tmp", state)
    np.savez(out + ".tmp.npz", e=e.detach().numpy(), gain=gain.numpy(), freq=freq)
    os.replace(out + ".tmp.npz", out)
    if os.path.exists(state):
        os.remove(state)
    return run
