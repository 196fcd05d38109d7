"""The static stage: word embeddings trained as a bag, shaped so that they are a BERT encoder.

A BERT whose layers add nothing (output projections zero) computes, for each token, the layer norm of its
word embedding, and mean pooling adds these up: a bag of words. So the bag is trained directly, by one
embedding-bag sum a step, and the transformer starts from it instead of from noise. (Static embeddings
as retrievers: Aarsen 2025, "static-retrieval-mrl"; smooth inverse frequency: Arora et al. 2017.)

Layer norm gives every token the same length, but words differ in weight. Therefore the last TRASH
dimensions are cut to zero by the gain of the last layer norm: a stop word puts its length there.

The loss is symmetric InfoNCE with in-batch negatives (van den Oord et al. 2018).
"""
import os
import time

import numpy as np
import torch

import model

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


def train(sampler, vocab_size, out, dim=384, steps=1500, batch=2048, lr=0.02, seed=1, log=None, evaluate=None, scale=20.0,
          start=None, nce=1.0, sts_every=0, sts_weight=0.2, sts_scale=5.0, sts_batch=256, sts_drop=0.0, save_every=300, stop=None):
    """Trains for steps steps and saves out (.npz: e, gain, freq); resumes from out + '.state' with the same result as
    an unbroken run. The rate warms up, then falls to zero with the steps.

    start: token vectors to go on from; nce: weight of the contrastive loss, whose pairs are not drawn when it is 0;
    sts_every, sts_weight, sts_scale, sts_batch: scored sentence pairs join every so many steps with the CoSENT loss, each
    token of theirs left out with probability sts_drop;
    stop: a step after which to save and return early."""
    flat = sampler.c.paras.flat
    freq = np.bincount(flat, minlength=vocab_size)
    e = (initial(freq, dim, seed) if start is None else start.clone()).requires_grad_()
    gain = torch.ones(dim)
    gain[dim - TRASH:] = 0
    opt = torch.optim.Adam([e], lr=lr, betas=(0.9, 0.98))
    sts, step, seen, used, run = sampler.c.sts, 0, 0, 0.0, []
    state = out + ".state"
    if os.path.exists(state):
        s = torch.load(state, **model.TRUSTED)
        e.data.copy_(s["e"])
        opt.load_state_dict(s["opt"])
        sampler.rng.bit_generator.state = s["rng"]
        step, seen, used = s["step"], s["tokens"], s["minutes"]
    t0, before = time.time(), used

    def save():
        torch.save({"e": e.data, "opt": opt.state_dict(), "rng": sampler.rng.bit_generator.state, "step": step, "tokens": seen,
                    "minutes": used}, state + ".tmp")
        os.replace(state + ".tmp", state)

    while step < min(steps, stop or steps):
        opt.param_groups[0]["lr"] = lr * min(1, (step + 1) / 50) * (1 - step / steps)
        loss = 0.0
        if nce:
            q, p = sampler.batch(batch)
            n = len(q)
            x = torch.nn.functional.normalize(bags(table_of(e, gain), q + p), dim=1)
            logits = scale * x[:n] @ x[n:].T
            y = torch.arange(n)
            loss = nce * (torch.nn.functional.cross_entropy(logits, y) + torch.nn.functional.cross_entropy(logits.T, y)) / 2
            run.append(float(loss) / nce)
            seen += sum(map(len, q)) + sum(map(len, p))
        if sts_every and step % sts_every == 0:
            pick = [sts[i] for i in sampler.rng.integers(len(sts), size=sts_batch)]
            lists = [x[0] for x in pick] + [x[1] for x in pick]
            if sts_drop:
                lists = [[t for t, r in zip(x, sampler.rng.random(len(x))) if r >= sts_drop] or x for x in lists]
            v = torch.nn.functional.normalize(bags(table_of(e, gain), lists), dim=1)
            c = cosent((v[:len(pick)] * v[len(pick):]).sum(1), torch.tensor([float(x[2]) for x in pick]), sts_scale)
            loss = loss + sts_weight * c
            seen += sum(map(len, lists))
            if not nce:
                run.append(float(c))
        opt.zero_grad()
        loss.backward()
        opt.step()
        step += 1
        used = before + (time.time() - t0) / 60
        if step % 50 == 0 or step == steps:
            r = {"stage": "static", "step": step, "tokens": seen, "loss": round(float(np.mean(run[-50:])), 4), "minutes": round(used, 2)}
            if evaluate and (step % 600 == 0 or step == steps):
                t = table_of(e, gain).detach().numpy()
                r.update(evaluate(lambda l: encode(t, l)))
            if log:
                log(r)
        if step % save_every == 0:
            save()
    if step < steps:
        save()
        return run
    np.savez(out + ".tmp.npz", e=e.detach().numpy(), gain=gain.numpy(), freq=freq)
    os.replace(out + ".tmp.npz", out)
    if os.path.exists(state):
        os.remove(state)
    return run
