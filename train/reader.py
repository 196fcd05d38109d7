"""The extractive reader: [CLS] question [SEP] passage [SEP] -> start and end of the answer.

A small budget does not let a transformer find out by itself that a passage token should look for the same
word in the question: that plateau alone costs more than we have. So the first layers are *initialised* to
do so (in the spirit of mimetic initialisation, Trockman and Kolter 2023) and everything is trained from
there. The residual stream starts out divided:

    topic (112)   the encoder's static word vectors, by principal components
    syntax (80)   vectors from counts of close neighbours (positive PMI and SVD, Levy and Goldberg 2014):
                  what kind of word it is, which topic vectors do not say
    position (32) sinusoids (Vaswani et al. 2017): a rotation finds the previous or next token
    flags (24)    segment, [CLS], [SEP], and room for "this word is in the question"
    filler (8)    makes all vectors equally long, so that layer norm starts out near the identity

Unanswerable questions have [CLS] as start and end, as in SQuAD 2.0 (Rajpurkar et al. 2018).
"""
import json
import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

import data
import evaluate
import model
import static
import tokenizer

TOPIC, SYNTAX, POSITION, FLAGS = slice(0, 112), slice(112, 192), slice(192, 224), slice(224, 248)
FILLER = slice(248, 256)
TYPE, IS_CLS, IS_SEP, MATCH, NEAR, MATCH2 = range(224, 230)


# ---- data ----

def build(root, tok, folder):
    """Tokenises the question-answering sets into folder; skipped when done."""
    if os.path.exists(folder + "/qa.npz"):
        return
    ctx, title, group, qs, recs, groups = [], [], [], [], [], {}
    skip = data.unlicensed_questions(root)
    for si, name in enumerate(data.QA + ["qa/trivia_distant"]):
        for r in data.rows(root, name):
            g = groups.setdefault((name, r.get("title") or len(ctx)), len(groups))
            long = len(r["context"]) > 4000
            # a crowd-written question on Wikipedia has an article title; elsewhere titles are file names and the like
            head = tok.encode(r.get("title") or "")[:12] if name == "qa/squad_realigned" else []
            if not long:
                base, whole = len(ctx), tok.encode_offsets(r["context"])
                ctx.append(whole[0])
                title.append(head)
                group.append(g)
            for q in r["qas"]:
                if not q["a"] or (name == "qa/trivia_distant" and q["q"] in skip):
                    continue
                text, at = q["a"][0]
                if r["context"][at:at + len(text)] != text:
                    continue
                if long:
                    a = max(0, at - 700)
                    a = r["context"].find(" ", a) + 1 if a else 0
                    c, enc = len(ctx), tok.encode_offsets(r["context"][a:a + 1500 + len(text)])
                    ctx.append(enc[0])
                    title.append(head)
                    group.append(g)
                else:
                    a, c, enc = 0, base, whole
                ids, st, en = enc
                s = next((i for i in range(len(ids)) if en[i] > at - a), None)
                e = next((i for i in range(len(ids) - 1, -1, -1) if st[i] < at - a + len(text)), None)
                if s is None or e is None or e < s or e - s > 40:
                    continue
                good = int(q.get("cov", 1) >= 0.5 and abs(q.get("off", 0)) <= 3)
                qs.append(tok.encode(q["q"])[:48])
                recs.append((c, s, e, si, good, g))
    data.Ragged.of(ctx).save(folder + "/qa.ctx")
    data.Ragged.of(title).save(folder + "/qa.title")
    data.Ragged.of(qs).save(folder + "/qa.q")
    np.savez(folder + "/qa.tmp.npz", group=np.array(group), recs=np.array(recs, np.int32))
    os.replace(folder + "/qa.tmp.npz", folder + "/qa.npz")


SET_RATE = [1.0, 0.5, 0.25, 0.55, 0.5, 0.5]  # an epoch's share of squad, covidqa, policyqa, qamr, friendsqa, trivia


TITLE_RATE = 0.35  # of the passages that have a title, those that are read with it in front, as a database can give them


class Questions:
    """The question-answering sets. table: token vectors (V, d) of the static stage; with them an unanswerable
    question is often paired with a passage that lies close to it but lacks its answer."""

    def __init__(self, folder, table=None, holdout=0.02):
        z = np.load(folder + "/qa.npz")
        self.ctx, self.q, self.title = (data.Ragged.load(f"{folder}/qa.{x}") for x in ("ctx", "q", "title"))
        self.group, self.recs = z["group"], z["recs"]
        self.near = None if table is None else close_passages(table, self.ctx, self.q)
        self.members = {}
        for i, g in enumerate(self.group):
            self.members.setdefault(int(g), []).append(i)
        out = np.random.default_rng(7).random(self.group.max() + 1) < holdout  # whole articles held out
        self.held = np.flatnonzero(out[self.recs[:, 5]] & (self.recs[:, 3] == 0) & (self.recs[:, 4] == 1))
        self.train = np.flatnonzero(~out[self.recs[:, 5]])

    def epoch(self, rng):
        """Indexes of an epoch in random order."""
        rate = np.array(SET_RATE)[self.recs[self.train, 3]]
        keep = self.train[rng.random(len(self.train)) < rate]
        rng.shuffle(keep)
        return keep

    def cleaner(self, part, rng):
        """part with most of the doubtful pairs left out."""
        return part[(self.recs[part, 4] == 1) | (rng.random(len(part)) < 0.15)]

    def example(self, i, limit, negative, rng):
        """(ids, length of the first segment, start, end); start = end = 0 when unanswerable."""
        c, s, e, _, _, g = self.recs[i]
        q = self.q[i]
        x = self.ctx[c]
        if negative:
            answer = x[s:e + 1]
            same = self.members[int(g)]
            for _ in range(4):
                r = rng.random()
                if r < 0.4 and self.near is not None:
                    j = int(self.near[i, rng.integers(self.near.shape[1])])
                elif r < 0.85 and len(same) > 1:
                    j = same[rng.integers(len(same))]
                else:
                    j = int(rng.integers(len(self.ctx)))
                if j == c:
                    continue
                y = self.ctx[j]
                hits = np.flatnonzero(y[:len(y) - len(answer) + 1] == answer[0]) if len(y) >= len(answer) else []
                if not any((y[h:h + len(answer)] == answer).all() for h in hits):
                    break
            else:
                negative = False
            if negative:
                c, x, s, e = j, y, 0, 0
        t = self.title[c] if rng.random() < TITLE_RATE else self.title.flat[:0]
        room = limit - len(q) - len(t) - 3
        if len(x) > room:
            lo, hi = (0, len(x) - room) if negative else (max(0, e - room + 1), min(s, len(x) - room))
            w = int(rng.integers(lo, hi + 1)) if hi >= lo else lo
            x, s, e = x[w:w + room], s - w, min(e - w, room - 1)
        first = len(q) + 2
        ids = np.concatenate([[tokenizer.CLS], q, [tokenizer.SEP], t, x, [tokenizer.SEP]]).astype(np.int64)
        return (ids, first, 0, 0) if negative else (ids, first, s + first + len(t), e + first + len(t))


def close_passages(table, ctx, q, k=24):
    """For each question the numbers of the k passages nearest under the bag of words."""
    v = static.encode(table, [ctx[i] for i in range(len(ctx))])
    out = np.empty((len(q), min(k, len(ctx))), np.int32)
    for a in range(0, len(q), 1024):
        s = static.encode(table, [q[i] for i in range(a, min(a + 1024, len(q)))]) @ v.T
        out[a:a + 1024] = np.argpartition(-s, out.shape[1] - 1, axis=1)[:, :out.shape[1]]
    return out


class Synthetic:
    """Questions made from Wikipedia sentences: a rare word or number of a sentence is the answer, the rest of the
    sentence, thinned, partly replaced by neighbours in meaning and turned round a question word, is the question.
    (After the cloze questions of Lewis et al. 2019, "Unsupervised question answering by cloze translation".)"""

    def __init__(self, corpus, tok, near):
        self.c, self.near = corpus, near
        v = len(tok.vocab)
        freq = np.bincount(corpus.paras.flat, minlength=v)
        rank = np.empty(v, int)
        rank[np.argsort(-freq)] = np.arange(v)
        word = np.array([t[:1].isalnum() and i >= 5 for i, t in enumerate(tok.vocab)])
        self.digit = np.array([t.isdigit() for t in tok.vocab])
        self.year = np.array([t.isdigit() and len(t) == 4 and "1000" <= t <= "2100" for t in tok.vocab])
        self.more = np.array([t.startswith("##") for t in tok.vocab])
        self.rare = word & ((rank >= 1500) | self.digit)
        self.common = rank < 150
        self.period, self.mark = tok.ids["."], tok.ids["?"]
        enc = lambda *t: [np.array(tok.encode(x)) for x in t]
        self.when = enc("when", "what year", "in what year", "when")
        self.count = enc("how many", "how much", "what number", "how many", "how long")
        self.other = enc("what", "who", "which", "where", "what", "who", "what is", "who was", "which", "what did")

    def example(self, limit, rng):
        c = self.c
        for _ in range(50):
            x = c.paras[rng.integers(len(c.paras))].astype(np.int64)
            ends = np.concatenate([[0], np.flatnonzero(x == self.period) + 1, [len(x)]])
            k = int(rng.integers(len(ends) - 1))
            a, b = int(ends[k]), int(ends[k + 1])
            if b - a < 8 or b - a > 45:
                continue
            spots = np.flatnonzero(self.rare[x[a:b]])
            if not len(spots):
                continue
            s = a + int(spots[rng.integers(len(spots))])
            while s > a and self.rare[x[s - 1]] and rng.random() < 0.7:
                s -= 1
            e = s + 1
            while e < b and e - s < 8 and (self.more[x[e]] or (self.rare[x[e]] and rng.random() < 0.7)):
                e += 1
            while e < b and self.more[x[e]]:
                e += 1
            if e - s > 10:
                continue
            words = self.when if self.year[x[s]] else self.count if self.digit[x[s]] else self.other
            wh = words[rng.integers(len(words))]

            def thin(y):
                drop = rng.random(len(y)) < np.where(self.common[y], 0.4, 0.25)
                y = y[~drop]
                swap = (rng.random(len(y)) < 0.2) & ~self.common[y]
                return np.where(swap, self.near[y, rng.integers(0, self.near.shape[1], len(y))], y)

            before, after = thin(x[a:s]), thin(x[e:b - 1])
            r = rng.random()
            q = [wh, after, before] if r < 0.5 else [wh, before, after] if r < 0.75 else [before, wh, after]
            q = np.concatenate(q + [[self.mark]])[:40]
            if len(q) < 5:
                continue
            room = limit - len(q) - 3
            w = int(rng.integers(max(0, e - room), min(s, max(0, len(x) - room)) + 1)) if len(x) > room else 0
            first = len(q) + 2
            ids = np.concatenate([[tokenizer.CLS], q, [tokenizer.SEP], x[w:w + room], [tokenizer.SEP]])
            return ids, first, s - w + first, e - 1 - w + first
        raise ValueError("no sentence fit for a question")


def neighbors(topic, syntax, k=6):
    """For each token the k tokens nearest in topic and syntax together."""
    v = np.concatenate([topic / np.maximum(np.linalg.norm(topic, axis=1, keepdims=True), 1e-6), 0.7 * syntax], 1)
    out = np.empty((len(v), k), np.int64)
    for a in range(0, len(v), 1024):
        s = v[a:a + 1024] @ v.T
        s[np.arange(len(s)), np.arange(a, a + len(s))] = -9
        out[a:a + 1024] = np.argpartition(-s, k, axis=1)[:, :k]
    return out


def collate(examples):
    ids, lengths = model.pad([x[0] for x in examples])
    first = torch.tensor([x[1] for x in examples])
    at = torch.arange(ids.shape[1])[None]
    types = ((at >= first[:, None]) & (at < lengths[:, None])).long()
    return ids, types, lengths, torch.tensor([int(x[2]) for x in examples]), torch.tensor([int(x[3]) for x in examples])


# ---- initial weights ----

def syntax_vectors(flat, v, dim, contexts=1000, tokens=20_000_000):
    """Positive PMI of each token with the most frequent tokens at distance -2, -1, 1, 2, reduced by SVD."""
    x = flat[:tokens].astype(np.int64)
    freq = np.bincount(x, minlength=v)
    top = np.argsort(-freq)[:contexts]
    col = np.full(v, -1)
    col[top] = np.arange(len(top))
    parts = []
    for off in (-2, -1, 1, 2):
        a, b = (x[-off:], x[:off]) if off < 0 else (x[:-off], x[off:])
        ok = col[b] >= 0
        m = np.bincount(a[ok] * len(top) + col[b[ok]], minlength=v * len(top)).reshape(v, len(top)).astype(np.float32)
        row, cl = m.sum(1, keepdims=True) + 20, m.sum(0, keepdims=True) + 1
        parts.append(np.maximum(np.log((m + 1e-9) / row / cl * m.sum() + 1e-9), 0) * (m > 0) * (1 if abs(off) == 1 else 0.6))
    m = np.concatenate(parts, 1)
    w, u = np.linalg.eigh(m.T @ m)
    y = m @ u[:, ::-1][:, :dim]
    y = y / np.sqrt(np.maximum(w[::-1][:dim], 1e-6)) ** 0.5
    y = y - y.mean(0)
    return (y / np.maximum(np.linalg.norm(y, axis=1, keepdims=True), 1e-6)).astype(np.float32)


def topic_vectors(z, dim):
    """The static stage's (z) token vectors by principal components, lengths kept as importance in 0..1."""
    t = torch.nn.functional.layer_norm(torch.from_numpy(z["e"]), (z["e"].shape[1],)).numpy() * z["gain"]
    n = np.linalg.norm(t, axis=1, keepdims=True)
    f = z["freq"][:, None] ** 0.5
    _, u = np.linalg.eigh((t * f).T @ (t * f))
    y = t @ u[:, ::-1][:, :dim]
    w = n / z["e"].shape[1] ** 0.5
    return (y / np.maximum(np.linalg.norm(y, axis=1, keepdims=True), 1e-6) * w ** 0.5).astype(np.float32)


def _rows(n, dims, g):
    """n random orthonormal rows over dims dimensions (or as orthogonal as they can be)."""
    a = torch.randn(max(n, dims), max(n, dims), generator=g)
    return torch.linalg.qr(a)[0][:n, :dims]


def initialise(m, topic, syntax, seed):
    """Fills a Reader of hidden size 256 and 4 heads as the module comment says."""
    g = torch.Generator().manual_seed(seed)
    b, h = m.bert, 256
    d = 64
    with torch.no_grad():
        w = torch.zeros_like(b.embeddings.word_embeddings.weight)
        w[:, TOPIC] = torch.from_numpy(topic) * 9
        w[:, SYNTAX] = torch.from_numpy(syntax) * 6
        w[:5] = 0
        w[tokenizer.CLS, IS_CLS] = 8
        w[tokenizer.SEP, IS_SEP] = 8
        w[tokenizer.MASK, 235] = 8
        n2 = (w ** 2).sum(1, keepdim=True)
        sign = torch.ones(8)
        sign[1::2] = -1
        w[:, FILLER] = sign / 8 ** 0.5 * (256 - 45 - n2).clamp(min=0).sqrt()
        b.embeddings.word_embeddings.weight.copy_(w)
        p = torch.zeros_like(b.embeddings.position_embeddings.weight)
        omega = 2.2 * (0.012 / 2.2) ** (torch.arange(16) / 15)
        ang = torch.arange(len(p))[:, None] * omega
        p[:, POSITION] = torch.cat([torch.cos(ang), torch.sin(ang)], 1) * (6 / 4)
        b.embeddings.position_embeddings.weight.copy_(p)
        t = torch.zeros(2, h)
        t[0, TYPE], t[1, TYPE] = 3, -3
        b.embeddings.token_type_embeddings.weight.copy_(t)

        def shift(off):
            """Rotation of the position dimensions: pos(i) -> pos(i + off)."""
            c, s = torch.diag(torch.cos(omega * off)), torch.diag(torch.sin(omega * off))
            return torch.cat([torch.cat([c, -s], 1), torch.cat([s, c], 1)], 0)

        for li, layer in enumerate(b.encoder.layer):
            a = layer.attention
            q, k, v, o = a.self.query, a.self.key, a.self.value, a.output["dense"]
            for x in (q, k, v, o):
                x.weight.normal_(0, 0.01, generator=g)
                x.bias.zero_()
            layer.intermediate["dense"].weight.normal_(0, 0.03, generator=g)
            layer.output["dense"].weight.normal_(0, 0.01, generator=g)

            def content(head, out, scale):
                """Values carry the content dimensions through a random projection, written at a small scale."""
                r = slice(head * d + 1, head * d + d)
                v.weight[r, 0:192] += _rows(192, 192, g)[:63]
                o.weight[0:192, r] += (v.weight[r, 0:192].T if out == "same" else _rows(192, 192, g)[:63].T) * scale

            def matching(head, flag):
                """Look in the other segment for the same word; [CLS] and [SEP] take what finds none."""
                r = head * d
                proj = _rows(112, 112, g)[:60] * (112 / 60) ** 0.5
                q.weight[r:r + 60, TOPIC] += proj
                k.weight[r:r + 60, TOPIC] += proj
                q.weight[r + 60, TYPE] += 2.1
                k.weight[r + 60, TYPE] -= 2.1
                q.bias[r + 61] += 8
                k.weight[r + 61, IS_CLS] += 0.62
                k.weight[r + 61, IS_SEP] += 0.62
                v.bias[r] += 1
                v.weight[r, IS_CLS] -= 1 / 8
                v.weight[r, IS_SEP] -= 1 / 8
                o.weight[flag, r] += 6
                content(head, "same", 0.2)

            def local(head, off, sharp, reads=None, writes=None):
                r = head * d
                q.weight[r:r + 32, POSITION] += shift(off) * sharp
                k.weight[r:r + 32, POSITION] += torch.eye(32)
                if reads is None:
                    content(head, "other", 0.35)
                else:
                    v.weight[r, reads] += 1
                    o.weight[writes, r] += 1.5
                    content(head, "other", 0.1)

            def question(head):
                """A summary of the question for every token."""
                r = head * d
                q.bias[r + 61] += 4
                k.weight[r + 61, TYPE] += 2
                k.weight[r:r + 60, SYNTAX] += _rows(80, 80, g)[:60] * 0.3
                content(head, "other", 0.3)

            if li == 0:
                matching(0, MATCH), local(1, -1, 4), local(2, 1, 4), question(3)
            elif li == 1:
                local(0, 0, 0.7, MATCH, NEAR), local(1, -1, 4), local(2, 1, 4), matching(3, MATCH2)
            elif li == 2:
                local(0, 0, 0.5, MATCH2, NEAR), local(1, -2, 3), local(2, 2, 3), question(3)
            else:
                for head in range(4):
                    r = slice(head * d, head * d + d)
                    e = _rows(256, 256, g)[:64] * 0.5
                    q.weight[r] += e
                    k.weight[r] += e


# ---- training ----

class Average:
    """Exponential moving average of the weights: a usable model at any time without lowering the rate."""

    def __init__(self, m, rate=0.998, every=1):
        self.rate, self.every, self.w = rate, every, {k: v.clone() for k, v in m.state_dict().items()}
        self.n = 0

    def update(self, m):
        self.n += 1
        if self.n % self.every:
            return
        r = min(self.rate, self.n / (self.n + 10)) ** self.every
        for k, v in m.state_dict().items():
            self.w[k].lerp_(v, 1 - r)


def groups_of(m, lr, embed_factor):
    emb = [m.bert.embeddings.word_embeddings.weight]
    ids = {id(p) for p in emb}
    mats = [p for p in m.parameters() if id(p) not in ids and p.dim() == 2]
    rest = [p for p in m.parameters() if id(p) not in ids and p.dim() != 2]
    return [{"params": emb, "lr": lr * embed_factor, "weight_decay": 0.0}, {"params": mats, "lr": lr, "weight_decay": 0.01},
            {"params": rest, "lr": lr, "weight_decay": 0.0}]


def phase(done, limit, negatives):
    """What is trained on when a share done of the budget is used: (tokens an example, share of unanswerable
    questions, synthetic questions to a real one, whether doubtful pairs are left out)."""
    return (limit if done < 0.6 else limit + 64, negatives if done > 0.1 else negatives / 2,
            1.0 if done < 0.1 else 0.5 if done < 0.5 else 0.15, done > 0.45)


class Batches:
    """Endless batches of about tokens tokens, near in length, from a stretch of an epoch at a time.

    All that is random comes from one generator, whose state at the start of the stretch is kept: state and
    restore go on in the middle of it with the same batches."""

    def __init__(self, qs, tokens, seed, synthetic=None):
        self.qs, self.tokens, self.synthetic = qs, tokens, synthetic
        self.rng = np.random.default_rng(seed)
        self.order, self.at, self.left, self.begun, self.used = np.zeros(0, np.int64), 0, [], None, 0

    def next(self, settings):
        while not self.left:
            if self.at >= len(self.order):
                self.order, self.at = self.qs.epoch(self.rng), 0
            self.begun = {"order": self.order, "at": self.at, "rng": self.rng.bit_generator.state, "settings": settings}
            self.used = 0
            self._fill(settings)
        self.used += 1
        return self.left.pop()

    def _fill(self, settings):
        limit, negatives, made, clean = settings
        qs, rng = self.qs, self.rng
        part = self.order[self.at:self.at + 2048]
        self.at += 2048
        ex = [qs.example(i, limit, rng.random() < negatives, rng) for i in (qs.cleaner(part, rng) if clean else part)]
        if self.synthetic is not None:
            ex += [self.synthetic.example(limit, rng) for _ in range(int(made * len(ex)))]
        ex.sort(key=lambda x: len(x[0]) + rng.random() * 8)
        cut, cur = [], []
        for x in ex:
            if cur and (len(cur) + 1) * len(x[0]) > self.tokens:
                cut.append(cur)
                cur = []
            cur.append(x)
        if cur:
            cut.append(cur)
        self.left = [cut[j] for j in rng.permutation(len(cut))]

    def state(self):
        return {"begun": self.begun, "used": self.used}

    def restore(self, s):
        if s["begun"] is None:
            return
        b = self.begun = s["begun"]
        self.order, self.at, self.used = b["order"], b["at"], s["used"]
        self.rng.bit_generator.state = b["rng"]
        self._fill(b["settings"])
        del self.left[len(self.left) - self.used:]


def loss_of(m, ex):
    ids, types, lengths, s, e = collate(ex)
    ls, le = m(ids, types, lengths)
    return (F.cross_entropy(ls, s) + F.cross_entropy(le, e)) / 2


def train(m, qs, out, budget, synthetic=None, lr=1e-3, tokens=1600, limit=144, negatives=0.22, seed=3, log=None, check=None,
          check_every=600, save_every=600, stop=None, early=None):
    """Trains on budget tokens, which rates and phases follow; saves to out and resumes from it, with the same result
    as an unbroken run. stop: tokens after which to save and return early; early: (steps, budget) that the first steps
    follow instead, as when a run is shortened on its way."""
    opt = torch.optim.AdamW(groups_of(m, lr, 3.0), lr=lr, betas=(0.9, 0.99))
    base = [g["lr"] for g in opt.param_groups]
    avg, step, used, seen = Average(m, every=4), 0, 0.0, 0
    it = Batches(qs, tokens, seed, synthetic)
    if os.path.exists(out):
        s = torch.load(out, **model.TRUSTED)
        m.load_state_dict(s["model"])
        avg.w, avg.n = s["avg"], s["avg_n"]
        opt.load_state_dict(s["opt"])
        it.restore(s["batches"])
        step, used, seen = s["step"], s["minutes"], s["tokens"]
    t0, before, run = time.time(), used, []

    def save():
        torch.save({"model": m.state_dict(), "avg": avg.w, "avg_n": avg.n, "opt": opt.state_dict(), "step": step,
                    "minutes": used, "tokens": seen, "batches": it.state()}, out + ".tmp")
        os.replace(out + ".tmp", out)

    m.train()
    while seen < min(budget, stop or budget):
        done = seen / (early[1] if early and step < early[0] else budget)
        ex = it.next(phase(done, limit, negatives))
        f = min(1, (step + 1) / 100) * max(0.02, 1 - done)
        for g, b in zip(opt.param_groups, base):
            g["lr"] = b * f
        loss = loss_of(m, ex)
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(m.parameters(), 1.0)
        opt.step()
        avg.update(m)
        step += 1
        seen += sum(len(x[0]) for x in ex)
        run.append(float(loss))
        used = before + (time.time() - t0) / 60
        if log and step % 50 == 0:
            log({"stage": "reader", "step": step, "tokens": seen, "loss": round(float(np.mean(run[-50:])), 4), "minutes": round(used, 2)})
        if step % save_every == 0:
            save()
        if check and step % check_every == 0:
            m2 = model.Reader(m.bert.config)
            m2.load_state_dict(avg.w)
            log({"stage": "reader", "step": step, "tokens": seen, "minutes": round(used, 2), **check(m2)})
    save()
    return run


# ---- measuring ----

def predict(m, tok, items, limit=256, longest=30, null=None):
    """[(text, null score - best score), ...] for (question, context) items."""
    out = [None] * len(items)
    enc = []
    for i, (q, c) in enumerate(items):
        ids, st, en = tok.encode_offsets(c)
        qi = tok.encode(q)[:64]
        room, first = limit - len(qi) - 3, len(qi) + 2
        for w in range(0, max(1, len(ids) - room // 2), room // 2 if len(ids) > room else len(ids) + 1):
            x = ids[w:w + room]
            enc.append((i, w, first, st, en, np.array([tokenizer.CLS] + qi + [tokenizer.SEP] + x + [tokenizer.SEP])))
    enc.sort(key=lambda x: len(x[5]))
    best = [(-1e9, "", 0.0)] * len(items)
    m.eval()
    with torch.no_grad():
        for a in range(0, len(enc), 32):
            part = enc[a:a + 32]
            ids, types, lengths, _, _ = collate([(x[5], x[2], 0, 0) for x in part])
            ls, le = m(ids, types, lengths)
            for k, (i, w, first, st, en, x) in enumerate(part):
                n = len(x) - 1
                s, e = ls[k, first:n], le[k, first:n]
                if len(s) == 0:
                    continue
                g = s[:, None] + e[None]
                ok = torch.ones_like(g, dtype=torch.bool).triu() & ~torch.ones_like(g, dtype=torch.bool).triu(longest)
                g = g.masked_fill(~ok, -1e9)
                j = int(g.argmax())
                bs, be = j // len(s), j % len(s)
                v = float(g[bs, be])
                if v > best[i][0]:
                    best[i] = (v, items[i][1][st[w + bs]:en[w + be]], float(ls[k, 0] + le[k, 0]) - v)
    m.train()
    return [(t, n) for _, t, n in best]


def squad_items(path, half=None):
    """(question, context, gold texts) of a SQuAD file, or of the articles in one half of it."""
    out = []
    for art in data.read_json(path)["data"]:
        if half and evaluate.half(art["title"].replace("_", " ")) != half:
            continue
        for p in art["paragraphs"]:
            for q in p["qas"]:
                out.append((q["question"], p["context"], [a["text"] for a in q["answers"]]))
    return out


def score(m, tok, items):
    r = predict(m, tok, [(q, c) for q, c, _ in items])
    return {"f1": round(100 * float(np.mean([evaluate.f1(t, g) for (t, _), (_, _, g) in zip(r, items)])), 2),
            "em": round(100 * float(np.mean([evaluate.exact(t, g) for (t, _), (_, _, g) in zip(r, items)])), 2)}


def null_threshold(m, qs, seed=5, n=1200, limit=208):
    """The threshold on s_null - s_best with the best accuracy of declining, on held-out training articles with
    half the questions unanswerable; also that accuracy and the area under the curve."""
    rng = np.random.default_rng(seed)
    pick = rng.permutation(qs.held)[:n]
    diff, right, gold = [], [], []
    m.eval()
    with torch.no_grad():
        for a in range(0, len(pick), 32):
            ex = [qs.example(i, limit, (a + k) % 2 == 1, rng) for k, i in enumerate(pick[a:a + 32])]
            ids, types, lengths, s, e = collate(ex)
            ls, le = m(ids, types, lengths)
            for k, x in enumerate(ex):
                p, z = ls[k, x[1]:len(x[0]) - 1], le[k, x[1]:len(x[0]) - 1]
                g = (p[:, None] + z[None]).triu() + torch.full((len(p), len(p)), -1e9).tril(-1)
                g = g + torch.full_like(g, -1e9).triu(30)
                j = int(g.argmax())
                diff.append(float(ls[k, 0] + le[k, 0] - g.max()))
                gold.append(x[2] > 0)
                bs, be, gs, ge = j // len(p), j % len(p), int(x[2]) - x[1], int(x[3]) - x[1]
                over = max(0, min(be, ge) - max(bs, gs) + 1)
                right.append(2 * over / (be - bs + 1 + ge - gs + 1) if x[2] > 0 else 0.0)
    diff, right, gold = np.array(diff), np.array(right), np.array(gold)
    order = np.argsort(diff)
    best = (-1, 0.0)
    for t in diff[order]:
        answered = diff <= t
        f = float(np.mean(np.where(gold, right * answered, ~answered)))
        if f > best[0]:
            best = (f, float(t))
    rank = np.empty(len(diff))
    rank[order] = np.arange(len(diff))
    pos = rank[~gold]
    auc = (pos.sum() - len(pos) * (len(pos) - 1) / 2) / max(1, len(pos) * gold.sum())
    return {"threshold": round(best[1], 3), "token_f1_with_null": round(100 * best[0], 2), "null_auc": round(float(auc), 4),
            "always_null": round(100 * float(np.mean(~gold)), 2)}
