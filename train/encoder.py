"""The encoder: BERT started as the bag of the static stage, then trained contrastively.

Every layer adds nothing at first (output projections zero), so the model begins exactly as good as the bag
and can only learn context on top. Query, key and position weights start in useful shapes: heads that look at
the previous or next token, and heads that look for similar tokens (mimetic initialisation, Trockman and
Kolter 2023).

Loss: symmetric InfoNCE over the batch plus a memory of recent passages (cross-batch memory, Wang et al.
2020). STS-B pairs join with the CoSENT loss (Su 2022). Batches can be made of groups that lie close together
under the static bag, so that in-batch negatives are hard (topic-aware sampling, Hofstaetter et al. 2021);
that made retrieval on other text worse and is off (group=1). Word vectors stay as the static stage left them
(embed_factor=0): batches of a hundred only add noise to what batches of two thousand have learnt.
"""
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

import model
import reader
import static
import tokenizer


def initialise(m, z, seed):
    """Fills an Encoder from the static stage (keys e and gain)."""
    g = torch.Generator().manual_seed(seed)
    b = m.bert
    h, heads = b.config["hidden_size"], b.config["num_attention_heads"]
    d, t = h // heads, h - static.TRASH
    with torch.no_grad():
        e = F.layer_norm(torch.from_numpy(z["e"]), (h,))  # the norm is free: make it that of layer norm's output
        e[0] = 0
        b.embeddings.word_embeddings.weight.copy_(e)
        omega = 2.2 * (0.012 / 2.2) ** (torch.arange(16) / 15)
        ang = torch.arange(512)[:, None] * omega
        p = torch.zeros(512, h)
        p[:, t:] = torch.cat([torch.cos(ang), torch.sin(ang)], 1)
        p[:, t:] -= p[:, t:].mean(1, keepdim=True)  # layer norm takes the mean off every dimension
        b.embeddings.position_embeddings.weight.copy_(p)
        b.embeddings.token_type_embeddings.weight.zero_()
        for li, layer in enumerate(b.encoder.layer):
            a = layer.attention
            q, k, v, o = a.self.query, a.self.key, a.self.value, a.output["dense"]
            for x in (q, k, v):
                x.weight.normal_(0, 0.02, generator=g)
            layer.intermediate["dense"].weight.normal_(0, 0.04, generator=g)
            o.weight.zero_()
            layer.output["dense"].weight.zero_()
            for head in range(heads):
                r = head * d
                if head < 2 and li < 2:
                    off = torch.tensor([-1.0, 1.0][head])
                    c, s = torch.diag(torch.cos(omega * off)), torch.diag(torch.sin(omega * off))
                    q.weight[r:r + 32, t:] += 8 * torch.cat([torch.cat([c, -s], 1), torch.cat([s, c], 1)], 0)
                    k.weight[r:r + 32, t:] += torch.eye(32)
                elif head == 2 and li < 2:
                    q.weight[r:r + 32, t:] += 2 * torch.eye(32)
                    k.weight[r:r + 32, t:] += torch.eye(32)
                else:
                    proj = torch.linalg.qr(torch.randn(t, d, generator=g))[0].T
                    q.weight[r:r + d, :t] += 0.7 * proj
                    k.weight[r:r + d, :t] += 0.7 * proj
        b.encoder.layer[-1].output["LayerNorm"].weight.copy_(torch.from_numpy(z["gain"]))


def wrap(x, limit=256):
    x = np.asarray(x, np.int64)[:limit - 2]
    return np.concatenate([[tokenizer.CLS], x, [tokenizer.SEP]])


def embed(m, lists, tokens=4096):
    """Unit vectors, differentiable, of id lists; computed in batches of like lengths."""
    lists = [wrap(x) for x in lists]
    order = sorted(range(len(lists)), key=lambda i: len(lists[i]))
    out, a = [], 0
    while a < len(order):
        b = a + 1
        while b < len(order) and (b + 1 - a) * len(lists[order[b]]) <= tokens:
            b += 1
        out.append(m(*model.pad([lists[i] for i in order[a:b]])))
        a = b
    back = torch.empty(len(order), dtype=torch.long)
    back[torch.tensor(order)] = torch.arange(len(order))
    return torch.cat(out)[back]


def encode(m, lists):
    with torch.no_grad():
        return embed(m, lists).numpy()


def grouped(sampler, table, pool, group):
    """Endless small groups of pairs that lie close under the static bag; at random when group is 1."""
    rng = sampler.rng
    while group == 1:
        yield sampler.batch(32)
    while True:
        q, p = sampler.batch(pool)
        v = static.encode(table, p)
        left = np.arange(len(q))
        groups = []
        while len(left) >= group:
            s = v[left] @ v[left[rng.integers(len(left))]]
            near = np.argpartition(-s, group - 1)[:group]
            groups.append(left[near])
            left = np.delete(left, near)
        for k in rng.permutation(len(groups)):
            yield [q[i] for i in groups[k]], [p[i] for i in groups[k]]


def train(m, z, sampler, out, minutes, lr=2e-4, embed_factor=0.0, batch=96, group=1, memory=4096, seed=4,
          sts_from=0.0, scale=30.0, sts_weight=0.3, sts_every=2, log=None, check=None, check_every=80,
          max_steps=10**9, stop=10**9, pool=4096):
    """Trains for minutes of wall time or stop steps, saving to out every check; resumes from out. The learning
    rate falls to zero over minutes or max_steps, whichever comes first."""
    table = static.table_of(torch.from_numpy(z["e"]), torch.from_numpy(z["gain"])).numpy()
    opt = torch.optim.AdamW(reader.groups_of(m, lr, embed_factor), lr=lr, betas=(0.9, 0.98))
    base = [g["lr"] for g in opt.param_groups]
    avg, step, used, seen = reader.Average(m, 0.99), 0, 0.0, 0
    if os.path.exists(out):
        s = torch.load(out)
        m.load_state_dict(s["model"])
        avg.w, avg.n = s["avg"], s["avg_n"]
        opt.load_state_dict(s["opt"])
        step, used, seen = s["step"], s["minutes"], s["tokens"]
    source = grouped(sampler, table, pool, group)
    rng = np.random.default_rng(seed + step)
    bank, t0, before, run = torch.zeros(0, m.bert.config["hidden_size"]), time.time(), used, []
    sts = sampler.c.sts

    def save():
        torch.save({"model": m.state_dict(), "avg": avg.w, "avg_n": avg.n, "opt": opt.state_dict(), "step": step,
                    "minutes": used, "tokens": seen}, out + ".tmp")
        os.replace(out + ".tmp", out)

    while used < minutes and step < min(max_steps, stop):
        q, p = [], []
        while len(q) < batch:
            a, b = next(source)
            q, p = q + a, p + b
        n = len(q)
        done = max(used / minutes, step / max_steps)
        f = min(1, (step + 1) / 60) * max(0.02, 1 - done)
        for g, b in zip(opt.param_groups, base):
            g["lr"] = b * f
        vq, vp = embed(m, q), embed(m, p)
        y = torch.arange(n)
        loss = (F.cross_entropy(scale * vq @ torch.cat([vp, bank]).T, y) + F.cross_entropy(scale * vp @ vq.T, y)) / 2
        run.append(float(loss))
        if sts and done >= sts_from and step % sts_every == 0:
            pick = [sts[i] for i in rng.integers(len(sts), size=64)]
            v = embed(m, [x[0] for x in pick] + [x[1] for x in pick])
            loss = loss + sts_weight * static.cosent((v[:64] * v[64:]).sum(1), torch.tensor([float(x[2]) for x in pick]))
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(m.parameters(), 1.0)
        opt.step()
        avg.update(m)
        bank = torch.cat([vp.detach(), bank])[:memory]
        step += 1
        seen += sum(len(x) for x in q) + sum(len(x) for x in p) + 4 * n
        used = before + (time.time() - t0) / 60
        if log and step % 20 == 0:
            log({"stage": "encoder", "step": step, "loss": round(float(np.mean(run[-20:])), 4), "minutes": round(used, 2), "tokens": seen})
        if step % check_every == 0:
            save()
            if check:
                m2 = model.Encoder(m.bert.config)
                m2.load_state_dict(avg.w)
                log({"stage": "encoder", "step": step, "minutes": round(used, 2), **check(lambda l: encode(m2, l))})
    save()
    return run
