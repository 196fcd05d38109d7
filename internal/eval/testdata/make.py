#!/usr/bin/env python3
"""Write measures.json: made-up inputs and the measures that independent code gives for them.

Formulas are written here from their definitions (trec_eval's ndcg_cut, the SQuAD 1.1 and 2.0 evaluation
rules, average ranks), with Python's standard library and NumPy 1.24; the Go code shares nothing with it.
usage: make.py > measures.json
"""
import collections
import json
import math
import random
import re
import string

import numpy as np

rng = random.Random(7)


def ndcg(ranked, grades, k):
    gains = np.array([max(0, grades.get(d, 0)) for d in ranked[:k]], float)
    ideal = np.sort(np.array([max(0, g) for g in grades.values()], float))[::-1][:k]
    def dcg(g):
        return float((g / np.log2(np.arange(2, len(g) + 2))).sum())
    return dcg(gains) / dcg(ideal) if dcg(ideal) > 0 else 0.0


def recall(ranked, grades, k):
    rel = {d for d, g in grades.items() if g > 0}
    return len(rel & set(ranked[:k])) / len(rel) if rel else 0.0


def mrr(ranked, grades, k):
    return next((1 / (i + 1) for i, d in enumerate(ranked[:k]) if grades.get(d, 0) > 0), 0.0)


def normalize(s):
    s = "".join(c for c in s.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", s).split())


def f1(got, want, v2):
    g, w = normalize(got).split(), normalize(want).split()
    if v2 and (not g or not w):
        return float(g == w)
    same = sum((collections.Counter(g) & collections.Counter(w)).values())
    if same == 0:
        return 0.0
    p, r = same / len(g), same / len(w)
    return 2 * p * r / (p + r)


def score(got, golds, v2):
    if v2:
        golds = [g for g in golds if normalize(g)] or [""]
    if not golds:
        return 0.0, 0.0
    return (max(float(normalize(got) == normalize(g)) for g in golds), max(f1(got, g, v2) for g in golds))


def ranks(x):
    x = np.asarray(x, float)
    return np.array([(x < v).sum() + ((x == v).sum() + 1) / 2 for v in x])


def pearson(x, y):
    return float(np.corrcoef(x, y)[0, 1])


rankings = []
for _ in range(60):
    docs = [f"d{i}" for i in range(rng.randint(1, 40))]
    grades = {d: rng.choice([-1, 0, 0, 1, 1, 2, 3]) for d in rng.sample(docs, rng.randint(0, len(docs)))}
    ranked = rng.sample(docs, rng.randint(0, len(docs)))
    k = rng.choice([1, 3, 10, 100])
    rankings.append({"ranked": ranked, "grades": grades, "k": k, "ndcg": ndcg(ranked, grades, k), "recall": recall(ranked, grades, k), "mrr": mrr(ranked, grades, k)})

words = ["the", "a", "an", "The", "Théâtre", "theatre", "1,000", "U.S.", "co-op", "naïve", "ΣΊΣΥΦΟΣ", "don't", "(", "—", "!!", "42", "a_b",
         "İzmir", "東京", "An", "anthem", "\u00a0", "the-end", "x", "ℕ", "é", "\u2019s", "$5", "…"]
answers = []
for _ in range(300):
    def phrase():
        return rng.choice(["", " ", "  "]).join(rng.choice(words) + rng.choice([" ", " ", ""]) for _ in range(rng.randint(0, 5)))
    golds = [phrase() for _ in range(rng.randint(0, 3))]
    got = rng.choice([phrase(), rng.choice(golds) if golds else "", "", (rng.choice(golds) if golds else "") + " x"])
    v2 = rng.random() < 0.5
    em, f = score(got, golds, v2)
    answers.append({"got": got, "golds": golds, "v2": v2, "exact": em, "f1": f, "normal": normalize(got)})

pairs = []
for _ in range(40):
    n = rng.randint(3, 50)
    x = [rng.choice([rng.gauss(0, 1), float(rng.randint(0, 3))]) for _ in range(n)]
    y = [a * rng.choice([0, 1, -1]) + rng.choice([0.0, 1.0, rng.gauss(0, 1)]) for a in x]
    if len(set(x)) > 1 and len(set(y)) > 1:
        pairs.append({"x": x, "y": y, "pearson": pearson(x, y), "spearman": pearson(ranks(x), ranks(y))})

print(json.dumps({"rankings": rankings, "answers": answers, "pairs": pairs}, ensure_ascii=False, indent=0))
