"""The encoder: BERT started as the bag of the static stage, then trained contrastively.

Every layer adds nothing at first (output projections zero), so the model begins exactly as good as the bag
and can only learn context on top. Query, key and position weights start in useful shapes: heads that look at
the previous or next token, and heads that look for similar tokens (mimetic initialisation, Trockman and
Kolter 2023).

Loss: symmetric InfoNCE over the batch plus a memory of recent passages (cross-batch memory, Wang et al.
2020). STS-B pairs join with the CoSENT loss (Su 2022). Word vectors stay as the static stage left them
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


def train(m, sampler, out, steps, lr=2e-4, embed_factor=0.0, batch=96, memory=4096, scale=30.0, sts_weight=0.3, sts_every=2,
          sts_scale=5.0, sts_drop=0.0, log=None, check=None, check_every=80, save_every=40, stop=None):
    """Trains for steps steps, which the rate follows down to zero; saves to out and resumes from it with the same result
    as an unbroken run. sts_drop: the share of tokens left out of the scored pairs; stop: a step after which to save and
    return early."""
    opt = torch.optim.AdamW(reader.groups_of(m, lr, embed_factor), lr=lr, betas=(0.9, 0.98))
    base = [g["lr"] for g in opt.param_groups]
    avg, step, used, seen = reader.Average(m, 0.99), 0, 0.0, 0
    bank = torch.zeros(0, m.bert.config["hidden_size"])
    if os.path.exists(out):
        s = torch.load(out, **model.TRUSTED)
        m.load_state_dict(s["model"])
        avg.w, avg.n = s["avg"], s["avg_n"]
        opt.load_state_dict(s["opt"])
        sampler.rng.bit_generator.state = s["rng"]
        step, used, seen, bank = s["step"], s["minutes"], s["tokens"], s["bank"]
    t0, before, run = time.time(), used, []
    sts = sampler.c.sts

    def save():
        torch.save({"model": m.state_dict(), "avg": avg.w, "avg_n": avg.n, "opt": opt.state_dict(), "step": step, "bank": bank,
                    "rng": sampler.rng.bit_generator.state, "minutes": used, "tokens": seen}, out + ".tmp")
        os.replace(out + ".tmp", out)

    while step < min(steps, stop or steps):
        q, p = sampler.batch(batch)
        n = len(q)
        f = min(1, (step + 1) / 60) * max(0.02, 1 - step / steps)
        for g, b in zip(opt.param_groups, base):
            g["lr"] = b * f
        vq, vp = embed(m, q), embed(m, p)
        y = torch.arange(n)
        loss = (F.cross_entropy(scale * vq @ torch.cat([vp, bank]).T, y) + F.cross_entropy(scale * vp @ vq.T, y)) / 2
        run.append(float(loss))
        if sts and step % sts_every == 0:
            pick = [sts[i] for i in sampler.rng.integers(len(sts), size=64)]
            lists = [x[0] for x in pick] + [x[1] for x in pick]
            if sts_drop:
                lists = [[t for t, r in zip(x, sampler.rng.random(len(x))) if r >= sts_drop] or x for x in lists]
            v = embed(m, lists)
            c = static.cosent((v[:64] * v[64:]).sum(1), torch.tensor([float(x[2]) for x in pick]), sts_scale)
            loss = loss + sts_weight * c
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
            log({"stage": "encoder", "step": step, "tokens": seen, "loss": round(float(np.mean(run[-20:])), 4), "minutes": round(used, 2)})
        if step % save_every == 0:
            save()
        if check and step % check_every == 0:
            m2 = model.Encoder(m.bert.config)
            m2.load_state_dict(avg.w)
            log({"stage": "encoder", "step": step, "tokens": seen, "minutes": round(used, 2), **check(lambda l: encode(m2, l))})
    save()
    return run
