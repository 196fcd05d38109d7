"""Pre-training of the trunk: masked language modelling and replaced-token detection.

MLM (Devlin et al. 2019) hides 15% of the tokens and predicts them from the rest. RTD (ELECTRA, Clark et al. 2020) lets
a small masked language model fill the holes and trains the trunk to tell, at every position, whether the token was replaced.

Sequences are packed: the corpus is one stream of paragraphs with [SEP] between them, cut every length - 2 tokens
at an offset that changes with every pass, so no token is padding and all shapes are the same (which torch.compile
wants). The same code runs on a CPU and on a GPU; a GPU computes in bfloat16.
"""
import math

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

import model
import tokenizer

RATE = 0.15  # of the tokens are hidden


class Stream:
    """All paragraphs (and, once an article, its title before the first) as one array of ids with [SEP] between them."""

    def __init__(self, corpus, length):
        n = np.diff(corpus.paras.start)
        flat = np.empty(len(corpus.paras.flat) + len(n), np.uint16)
        at = corpus.paras.start[1:] + np.arange(len(n))  # where each [SEP] goes
        keep = np.ones(len(flat), bool)
        keep[at] = False
        flat[keep] = corpus.paras.flat
        flat[at] = tokenizer.SEP
        self.flat, self.length = flat, length
        if len(flat) < 2 * length:
            raise ValueError(f"text has {len(flat)} tokens, too few for sequences of {length}")
        self.order, self.at, self.offset = np.zeros(0, np.int64), 0, 0

    def batch(self, n, rng):
        """(n, length) int64 ids: [CLS] text [SEP]."""
        out = np.empty((n, self.length), np.int64)
        out[:, 0], out[:, -1] = tokenizer.CLS, tokenizer.SEP
        w = self.length - 2
        for k in range(n):
            if self.at >= len(self.order):
                self.offset, self.at = int(rng.integers(w)), 0
                self.order = rng.permutation((len(self.flat) - self.offset) // w)
            a = self.offset + int(self.order[self.at]) * w
            out[k, 1:-1] = self.flat[a:a + w]
            self.at += 1
        return out

    def state(self):
        return {"order": self.order.astype(np.int32), "at": self.at, "offset": self.offset}

    def restore(self, s):
        self.order, self.at, self.offset = s["order"].astype(np.int64), s["at"], s["offset"]


def masks(ids, rng, rate=RATE):
    """(n, k) places to hide: k a sequence, all different, none of them [CLS] or the last [SEP]."""
    n, l = ids.shape
    k = max(1, round(rate * (l - 2)))
    return torch.from_numpy(np.argpartition(rng.random((n, l - 2)), k - 1, axis=1)[:, :k] + 1)


class Head(nn.Module):
    """BERT's prediction head; the decoder is the table of word vectors."""

    def __init__(self, c, table):
        super().__init__()
        h = c["hidden_size"]
        self.dense, self.norm = nn.Linear(h, h), nn.LayerNorm(h, eps=1e-12)
        self.bias = nn.Parameter(torch.zeros(c["vocab_size"]))
        # Word vectors that do not start small would give logits of tens at first.
        self.scale = 1 / max(1.0, float(table.detach().float().norm(dim=1).mean()))

    def forward(self, x, table):
        x = self.norm(F.gelu(self.dense(x)))
        return F.linear(x * self.scale, table, self.bias)


def gather(x, at):
    """x (n, l, h), at (n, k) -> (n*k, h)."""
    return torch.gather(x, 1, at[..., None].expand(-1, -1, x.shape[-1])).reshape(-1, x.shape[-1])


class MLM(nn.Module):
    def __init__(self, trunk):
        super().__init__()
        self.trunk, self.head = trunk, Head(trunk.config, trunk.embeddings.word_embeddings.weight)

    def forward(self, ids, shown, at):
        """ids (n, l) the text, shown (n, l) what the model sees, at (n, k) the hidden places; the mean loss."""
        x = self.trunk(shown)
        logits = self.head(gather(x, at), self.trunk.embeddings.word_embeddings.weight)
        return F.cross_entropy(logits.float(), torch.gather(ids, 1, at).reshape(-1)), logits


class RTD(nn.Module):
    """The trunk as discriminator, and a generator of half its width."""

    def __init__(self, trunk, weight=50.0):
        super().__init__()
        c = trunk.config
        g = model.config(c["vocab_size"], c["hidden_size"] // 2, max(1, c["num_hidden_layers"] // 2), max(1, c["num_attention_heads"] // 2),
                         c["intermediate_size"] // 2)
        self.trunk, self.generator, self.weight = trunk, MLM(model.Bert(g)), weight
        self.dense, self.out = nn.Linear(c["hidden_size"], c["hidden_size"]), nn.Linear(c["hidden_size"], 1)

    def forward(self, ids, shown, at):
        mlm, logits = self.generator(ids, shown, at)
        with torch.no_grad():
            noise = -torch.log(-torch.log(torch.rand(logits.shape, device=logits.device).clamp(1e-9, 1 - 1e-7)))
            picked = (logits.float() + noise).argmax(-1).view(at.shape)
        fake = ids.scatter(1, at, picked)
        x = self.trunk(fake)
        s = self.out(F.gelu(self.dense(x.reshape(-1, x.shape[-1]))))[:, 0].float()
        rtd = F.binary_cross_entropy_with_logits(s, (fake != ids).float().view(-1))
        return mlm + self.weight * rtd, rtd


def hide(ids, at, vocab_size, rng):
    """What the model is shown: at the places at, [MASK] for 80%, another word for 10%, the word itself for 10%."""
    r = torch.from_numpy(rng.random(at.shape))
    old = torch.gather(ids, 1, at)
    new = torch.where(r < 0.8, torch.full_like(old, tokenizer.MASK), torch.from_numpy(rng.integers(len(tokenizer.SPECIALS), vocab_size, at.shape)))
    return ids.scatter(1, at, torch.where(r < 0.9, new, old))


class Task:
    """One kind of pre-training for loop.run."""

    def __init__(self, kind, trunk, stream, batch):
        self.module = {"mlm": MLM, "rtd": RTD}[kind](trunk)
        self.kind, self.stream, self.n, self.vocab = kind, stream, batch, trunk.config["vocab_size"]

    def batch(self, rng, done):
        ids = torch.from_numpy(self.stream.batch(self.n, rng))
        at = masks(ids, rng)
        # ELECTRA's generator always sees [MASK]
        shown = hide(ids, at, self.vocab, rng) if self.kind == "mlm" else ids.scatter(1, at, tokenizer.MASK)
        return (ids, shown, at), ids.numel()

    def loss(self, module, ids, shown, at):
        loss, extra = module(ids, shown, at)
        return loss, {} if self.kind == "mlm" else {"rtd": float(extra)}

    def state(self):
        return self.stream.state()

    def restore(self, s):
        self.stream.restore(s)
