"""Measures checkpoints on development sets: retrieval, sentence similarity, reading.

Retrieval follows the database: a document is split into passages of about PASSAGE tokens, each is
embedded with its title in front, and the document scores as its best passage. BM25 (Robertson and
Zaragoza 2009) over lower-cased words is the reference. Two ways to join them: `hybrid` is reciprocal rank
fusion (Cormack et al. 2009), `fused` is a weighted sum of scores, each divided by its largest (one of the
convex combinations of Bruch et al. 2022).
"""
import hashlib
import json
import math
import os
import re
import string
import collections

import numpy as np

PASSAGE = 200
DENSE_WEIGHT = 0.4


def half(key):
    """The half in which the query or article named key lies, as `semsearch eval --half` splits."""
    return "report" if hashlib.sha256(b"half:" + key.encode()).digest()[0] & 1 else "tune"


def rank_correlation(a, b):
    """Spearman's rho with averaged ties."""
    def ranks(x):
        x = np.asarray(x, float)
        order = np.argsort(x, kind="stable")
        r = np.empty(len(x))
        r[order] = np.arange(len(x))
        _, inv, n = np.unique(x, return_inverse=True, return_counts=True)
        return (np.bincount(inv, r) / n)[inv]
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def ndcg(ranked, grades, k=10):
    dcg = sum((2 ** grades.get(d, 0) - 1) / math.log2(i + 2) for i, d in enumerate(ranked[:k]))
    best = sum((2 ** g - 1) / math.log2(i + 2) for i, g in enumerate(sorted(grades.values(), reverse=True)[:k]))
    return dcg / best if best else 0.0


def _terms(t):
    return re.findall(r"[a-z0-9]+", t.lower())


class BM25:
    def __init__(self, texts, k1=1.2, b=0.75):
        self.post, n = collections.defaultdict(list), len(texts)
        lens = []
        for i, t in enumerate(texts):
            tf = collections.Counter(_terms(t))
            lens.append(sum(tf.values()))
            for w, c in tf.items():
                self.post[w].append((i, c))
        avg = sum(lens) / max(1, n)
        self.n = n
        for w, p in self.post.items():
            idf = math.log(1 + (n - len(p) + 0.5) / (len(p) + 0.5))
            self.post[w] = (np.array([i for i, _ in p]), np.array([idf * c * (k1 + 1) / (c + k1 * (1 - b + b * lens[i] / avg)) for i, c in p]))

    def scores(self, query):
        s = np.zeros(self.n)
        for w in _terms(query):
            if w in self.post:
                i, v = self.post[w]
                s[i] += v
        return s


class RetrievalSet:
    """One BEIR-like folder: corpus.jsonl, queries.jsonl, qrels.tsv."""

    def __init__(self, folder, tok, part=None):
        jl = lambda f: [json.loads(l) for l in open(f"{folder}/{f}", encoding="utf-8")]
        self.name = os.path.basename(folder)
        docs, queries = jl("corpus.jsonl"), jl("queries.jsonl")
        self.ids = [d["_id"] for d in docs]
        self.qrels = collections.defaultdict(dict)
        for l in open(f"{folder}/qrels.tsv", encoding="utf-8").read().splitlines()[1:]:
            q, d, g = l.split("\t")
            if int(g) > 0:
                self.qrels[q][d] = int(g)
        queries = [q for q in queries if self.qrels.get(q["_id"]) and part in (None, half(q["_id"]))]
        self.qids = [q["_id"] for q in queries]
        self.queries = [tok.encode(q["text"]) for q in queries]
        self.passages, self.owner = [], []
        for i, d in enumerate(docs):
            t, x = tok.encode(d.get("title") or "")[:50], tok.encode(d["text"])
            for s in range(0, max(1, len(x)), PASSAGE):
                self.passages.append(t + x[s:s + PASSAGE])
                self.owner.append(i)
        self.owner = np.array(self.owner)
        bm = BM25([(d.get("title") or "") + "\n" + d["text"] for d in docs])
        self.bm25 = np.stack([bm.scores(q["text"]) for q in queries])

    def run(self, encode):
        """nDCG@10 of dense, BM25, hybrid and fused; encode maps lists of ids to unit vectors."""
        q, p = encode(self.queries), encode(self.passages)
        s = q @ p.T
        dense = np.full((len(q), len(self.ids)), -9.0, np.float32)
        for j, o in enumerate(self.owner):
            np.maximum(dense[:, o], s[:, j], out=dense[:, o])
        out = collections.defaultdict(float)
        for i, qid in enumerate(self.qids):
            d, b = np.argsort(-dense[i], kind="stable"), np.argsort(-self.bm25[i], kind="stable")
            rrf, fused = np.zeros(len(self.ids)), np.zeros(len(self.ids))
            for o, x, w in ((d[:100], dense[i], DENSE_WEIGHT), (b[:100], self.bm25[i], 1 - DENSE_WEIGHT)):
                rrf[o] += 1 / (60 + 1 + np.arange(len(o)))
                fused[o] += w * np.maximum(x[o], 0) / max(float(x[o[0]]), 1e-9)
            for k, o in (("dense", d), ("bm25", b), ("hybrid", np.argsort(-rrf, kind="stable")), ("fused", np.argsort(-fused, kind="stable"))):
                out[k] += ndcg([self.ids[x] for x in o[:10]], self.qrels[qid]) / len(self.qids)
        return dict(out)


class Dev:
    """The development sets in folder, in the forms of `semsearch eval`; part: "tune" or "report" for one half of their
    queries and pairs (a pair is named by its line, from 1)."""

    def __init__(self, folder, tok, part=None, retrieval=("cisi", "cacm", "time", "selqa_dev")):
        self.sets = [RetrievalSet(f"{folder}/retrieval/{n}", tok, part) for n in retrieval]
        self.sts = {}
        for n in ("stsb_dev", "sick_test"):
            r = [json.loads(l) for l in open(f"{folder}/sts/{n}.jsonl", encoding="utf-8")]
            r = [x for i, x in enumerate(r, 1) if part in (None, half(str(i)))]
            self.sts[n] = ([tok.encode(x["a"]) for x in r], [tok.encode(x["b"]) for x in r], [x["score"] for x in r])

    def run(self, encode):
        out = {}
        for s in self.sets:
            for k, v in s.run(encode).items():
                out[f"{s.name}.{k}"] = round(v, 4)
        core = [s.name for s in self.sets if s.name != "selqa_dev"]
        if core:
            out["ratio"] = round(float(np.mean([out[f"{n}.dense"] / out[f"{n}.bm25"] for n in core])), 4)
            for k in ("hybrid", "fused"):
                out[k + "_gain"] = round(float(np.mean([out[f"{n}.{k}"] - out[f"{n}.bm25"] for n in core])), 4)
        for n, (a, b, y) in self.sts.items():
            out[n] = round(rank_correlation((encode(a) * encode(b)).sum(1), y), 4)
        return out


def _plain(s):
    s = re.sub(r"\b(a|an|the)\b", " ", "".join(c for c in s.lower() if c not in string.punctuation))
    return s.split()


def exact(pred, golds):
    return max(float(_plain(pred) == _plain(g)) for g in golds)


def f1(pred, golds):
    """Best token F1 as SQuAD scores it (Rajpurkar et al. 2016)."""
    best = 0.0
    for g in golds:
        p, q = _plain(pred), _plain(g)
        same = sum((collections.Counter(p) & collections.Counter(q)).values())
        if not p or not q:
            best = max(best, float(p == q))
        elif same:
            best = max(best, 2 * same / (len(p) + len(q)))
    return best
