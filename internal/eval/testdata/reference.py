#!/usr/bin/env python3
"""Makes the inputs and the expected values of the tests of package eval.

    /usr/bin/python3 reference.py   (Python 3.11.2, NumPy 1.24.2, seed 20240607)

All texts are made up. The measures are written anew from their definitions
(trec_eval's ndcg_cut; the rules of the official SQuAD scripts; ranks by
counting), by other means than the Go code where there are any: regular
expressions and Counter, NumPy dot products, counting instead of sorting.
"""
import collections
import hashlib
import itertools
import json
import math
import os
import random
import re
import statistics
import string

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
rng = random.Random(20240607)
nprng = np.random.RandomState(20240607)


def path(*p):
    return os.path.join(HERE, *p)


def dump(name, value, indent=None):
    with open(path(name), "w", encoding="utf-8", newline="\n") as f:
        json.dump(value, f, ensure_ascii=False, indent=indent, sort_keys=True)
        f.write("\n")


# ---------------------------------------------------------------- retrieval

def ndcg_cut(ranked, grades, k):
    """trec_eval -m ndcg_cut: the gain is the grade, ideal over all judged."""
    def dcg(gains):
        gains = np.maximum(np.array(list(gains)[:k], dtype=np.float64), 0)
        return float(gains @ (1 / np.log2(np.arange(2, len(gains) + 2))))
    ideal = dcg(sorted(grades.values(), reverse=True))
    return dcg(grades.get(d, 0) for d in ranked) / ideal if ideal else 0.0


def recall(ranked, grades, k):
    rel = {d for d, g in grades.items() if g >= 1}
    return len(rel & set(ranked[:k])) / len(rel) if rel else 0.0


def recip_rank(ranked, grades, k):
    at = [i for i, d in enumerate(ranked[:k], 1) if grades.get(d, 0) >= 1]
    return 1 / at[0] if at else 0.0


def retrieval():
    docs = ["d%d" % i for i in range(30)] + ["Überblick", "日本"]
    queries = ["q%d" % i for i in range(24)] + ["frage-ä"]
    qrels = {}
    for i, q in enumerate(queries):
        if i == 3:
            continue  # no judgement at all
        n = rng.choice([1, 1, 2, 4, 15])
        # ties in the grades, unjudged documents, 0 and below
        qrels[q] = {d: rng.choice([0, 1, 1, 2, 3, -1]) for d in rng.sample(docs, n)}
        if i == 5:
            qrels[q] = {d: 0 for d in qrels[q]}  # judged, none relevant
        elif max(qrels[q].values()) < 1:
            qrels[q][docs[0]] = 1
    qrels["no-such-query"] = {docs[1]: 1}
    qrels["q0"]["not-in-corpus"] = 1

    with open(path("beir", "corpus.jsonl"), "w", encoding="utf-8", newline="\n") as f:
        for i, d in enumerate(docs):
            rec = {"_id": d, "title": "Title of %s" % d, "text": "Text of %s." % d, "metadata": {"n": i}}
            if i == 7:
                rec = {"id": d, "text": "no title"}
            if i == 8:
                rec["text"] = ""
            f.write(json.dumps(rec, ensure_ascii=i % 2 == 0) + "\n")
        f.write(json.dumps({"_id": "empty", "title": "", "text": " \t"}) + "\n")
    # BOM, CRLF, blank lines, no line end at the end
    with open(path("beir", "queries.jsonl"), "w", encoding="utf-8", newline="") as f:
        f.write("\ufeff\r\n" + "\r\n".join(json.dumps({"_id": q, "text": "What is %s?" % q}, ensure_ascii=False) for q in queries))
    with open(path("beir", "qrels.tsv"), "w", encoding="utf-8", newline="\n") as f:
        f.write("query-id\tcorpus-id\tscore\n")
        for q, grades in qrels.items():
            for d, g in grades.items():
                f.write("%s\t%s\t%d\n" % (q, d, g))
    with open(path("qrels.trec"), "w", encoding="utf-8", newline="\n") as f:
        for q, grades in qrels.items():
            for d, g in grades.items():
                f.write("%s 0 %s %d\n" % (q, d, g))

    cuts = [0, 1, 3, 10, 100]
    runs, per = {}, {}
    for i, q in enumerate(queries):
        hits = [rng.choice(docs) for _ in range(rng.choice([0, 3, 12, 60]))]  # documents again and again
        if i % 4 == 0 and q in qrels:
            hits = [d for d in sorted(qrels[q], key=lambda d: -qrels[q][d]) if d != "not-in-corpus"] + hits
        runs[q] = hits
        ranked = list(dict.fromkeys(hits))
        g = qrels.get(q, {})
        per[q] = {str(k): {"ndcg": ndcg_cut(ranked, g, k), "recall": recall(ranked, g, k), "mrr": recip_rank(ranked, g, k)} for k in cuts}
    used = [q for q in queries if any(g > 0 for g in qrels.get(q, {}).values())]
    assert 0 < len(used) < len(queries) and "q3" not in used and "q5" not in used
    means = {}
    for k, rk in [(10, 100), (3, 1)]:
        means["%d/%d" % (k, rk)] = {
            "ndcg": float(np.mean([per[q][str(k)]["ndcg"] for q in used])),
            "recall": float(np.mean([per[q][str(rk)]["recall"] for q in used])),
            "mrr": float(np.mean([per[q][str(k)]["mrr"] for q in used])),
        }
    dump("retrieval.json", {"docs": docs, "queries": queries, "used": used, "qrels": qrels, "runs": runs,
                            "per_query": per, "means": means})


# -------------------------------------------------------------------- SQuAD

def normalize(s):
    s = "".join(c for c in s.lower() if c not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", s).split())


def exact(pred, gold):
    return float(normalize(pred) == normalize(gold))


def f1(pred, gold, v2):
    p, g = normalize(pred).split(), normalize(gold).split()
    if v2 and (not p or not g):
        return float(p == g)
    same = sum((collections.Counter(p) & collections.Counter(g)).values())
    if same == 0:
        return 0.0
    precision, rec = same / len(p), same / len(g)
    return 2 * precision * rec / (precision + rec)


WORDS = """The the a an A AN THE theory Anna cat, cat. it's U.S.A. well-known 1,812 3.5% $5 x_1 the_x a_ "quoted"
“quoted” — – the—end a—b Ångström A\u030angstro\u0308m naïve e\u0301t a\u0301b a\u0301 ΟΔΥΣΣΕΎΣ ΑΣ. ΑΣ'Β Σ Σ. Α.Σ.
İstanbul ıI Kelvin\u212a STRASSE Straße ß ẞ Ǆ ǅ 東京 東京の 東 京 ½ a² an½ ① ٣ a٣ _a_ ¡the! ¿a? 😀 a😀 the\u200b ... !!! '' «the»
\u1e9e DŽ ﬁne ᾈ Ω\u2126 ǰ x\u00ada ՙa a՚ Ա ა Ა Ꭰ ꭰ a\u0345 Σ\u0345 ΑΣ\u0345 ΑΣ\u00adΒ ΑΣ:Β""".split()
SPACES = [" ", " ", " ", "  ", "\t", "\n", "\u00a0", "\u2003", "\u3000", "\x1c", "\x1f", "\x85", "\u2028", ""]


def phrase(n):
    return "".join(rng.choice(WORDS) + rng.choice(SPACES) for _ in range(n))


def answers():
    texts = ["", " ", "the", "a", "A the an", "...", "- the -", "The cat sat on the mat.", "a cat sat", "sat", "\ufeffx"]
    texts += WORDS + [phrase(rng.randint(1, 9)) for _ in range(250)]
    pairs = [(a, b) for a in texts[:11] for b in texts[:11]]
    for _ in range(400):
        a, b = rng.choice(texts), rng.choice(texts)
        if rng.random() < .5:
            b = a + rng.choice(SPACES) + b
        pairs.append((a, b))
    dump("answers.json", {
        "normalize": [[t, normalize(t)] for t in texts],
        "pairs": [[a, b, exact(a, b), f1(a, b, False), f1(a, b, True)] for a, b in pairs],
    })


def make_squad(v2):
    data, preds, starts = [], {}, {}
    n = 0
    for ai in range(3):
        pars = []
        for pi in range(3):
            context = " ".join(phrase(6) for _ in range(4))
            if ai == 2 and pi == 2:
                context = pars[0]["context"]  # a paragraph again
            qas = []
            for _ in range(4):
                n += 1
                qid = "%s-%02d" % ("v2" if v2 else "v1", n)
                golds = []
                for _ in range(rng.choice([1, 1, 3])):
                    s = rng.randrange(len(context))
                    e = min(len(context), s + rng.randint(1, 14))
                    golds.append({"text": context[s:e], "answer_start": s})
                qa = {"id": qid, "question": "Which ä %d?" % n, "answers": golds}
                kind = n % 6
                if v2:
                    qa["is_impossible"] = False
                    if kind in (1, 4):
                        qa["answers"] = []
                        qa["is_impossible"] = True
                        qa["plausible_answers"] = golds
                    elif n == 8:
                        qa["answers"] = [{"text": "the ... ", "answer_start": 0}]  # nothing is left of it
                    elif n == 9:
                        qa["answers"].insert(0, {"text": "!?", "answer_start": 0})  # and one more
                elif n == 8:
                    qa["answers"] = [{"text": "...", "answer_start": 0}]
                pred = rng.choice(qa["answers"])["text"] if qa["answers"] else ""
                pred = {0: pred, 1: pred, 2: "the " + pred.upper() + "!", 3: pred + " more words", 4: rng.choice(["wrong", "The.", ""]), 5: phrase(3)}[kind]
                if n in (8, 14):
                    pred = "" if n == 14 else "a ."
                preds[qid] = pred
                starts[qid] = []
                for g in qa["answers"]:
                    at = g["answer_start"] if context.startswith(g["text"], g["answer_start"]) else context.find(g["text"])
                    starts[qid].append(len(context[:at].encode()) if at >= 0 else -1)
                qas.append(qa)
            pars.append({"context": context, "qas": qas})
        data.append({"title": "Article_%d" % ai, "paragraphs": pars})
    name = "squad2.json" if v2 else "squad1.json"
    dump(name, {"version": "v2.0" if v2 else "1.1", "data": data}, indent=1 if v2 else None)

    em, fs, has = {}, {}, {}
    for art in data:
        for par in art["paragraphs"]:
            for qa in par["qas"]:
                golds = [a["text"] for a in qa["answers"]]
                has[qa["id"]] = bool(golds) or not v2
                if v2:
                    golds = [g for g in golds if normalize(g)] or [""]
                em[qa["id"]] = max(exact(preds[qa["id"]], g) for g in golds)
                fs[qa["id"]] = max(f1(preds[qa["id"]], g, v2) for g in golds)

    def pct(scores, ids):
        return 100 * float(np.mean([scores[i] for i in ids])) if ids else 0.0
    yes, no = [i for i in em if has[i]], [i for i in em if not has[i]]
    return {"questions": len(em), "predictions": preds, "starts": starts, "exact_of": em, "f1_of": fs,
            "exact": pct(em, list(em)), "f1": pct(fs, list(em)), "has_ans": len(yes), "has_ans_exact": pct(em, yes),
            "has_ans_f1": pct(fs, yes), "no_ans": len(no), "no_ans_accuracy": pct(em, no), "no_ans_f1": pct(fs, no),
            "answered": sum(p != "" for p in preds.values())}


def squad():
    out = {"v1": make_squad(False), "v2": make_squad(True)}
    for v in out.values():
        assert 0 < v["exact"] < v["f1"] < 100
    assert 0 < out["v2"]["no_ans_accuracy"] < 100 and out["v2"]["no_ans_accuracy"] == out["v2"]["no_ans_f1"]
    dump("squad.json", out)


# ------------------------------------------------- correlation and bootstrap

def ranks(x):
    x = np.asarray(x)
    return np.array([(x < v).sum() + ((x == v).sum() + 1) / 2 for v in x])


def correlation():
    cases = []
    for i in range(12):
        n = [2, 3, 5, 50, 200][i % 5]
        x = nprng.randn(n)
        y = x * nprng.choice([-1, 0.1, 1]) + nprng.randn(n)
        if i % 2:
            x, y = np.round(x * 2), np.round(y * 2)  # ties
            x[0], x[1], y[0], y[1] = 7, 8, -9, 9  # and never constant
        if i % 3 == 0:
            x = x * 1e-200
        if i % 4 == 0:
            y = y + 1e6
        cases.append((x, y))
    out = []
    for x, y in cases:
        scale = np.abs(x).max()
        out.append({"x": x.tolist(), "y": y.tolist(), "ranks_x": ranks(x).tolist(),
                    "pearson": float(np.corrcoef(x / scale, y)[0, 1]),
                    "spearman": float(np.corrcoef(ranks(x), ranks(y))[0, 1])})
    dump("correlation.json", out)


def bootstrap():
    values = np.round(nprng.rand(80) ** 2, 3)
    draws = nprng.randint(0, len(values), size=(40000, len(values)))
    means = values[draws].mean(axis=1)
    sorted_ = np.sort(np.round(nprng.randn(17), 3))
    qs = [0, 0.01, 0.025, 0.3, 0.5, 0.975, 1]
    dump("bootstrap.json", {
        "values": values.tolist(), "mean": float(values.mean()),
        "levels": [{"level": l, "low": float(np.quantile(means, (1 - l) / 2)), "high": float(np.quantile(means, (1 + l) / 2))} for l in (0.5, 0.9, 0.95)],
        "sorted": sorted_.tolist(), "quantiles": [[q, float(np.quantile(sorted_, q))] for q in qs]})


# ---------------------------------------------------------------------- STS

def sts():
    words = "red green blue old new mill river stone bread tea ä 東京".split()
    pairs, cosines = [], []
    vocab = {w: nprng.randint(-3, 4, size=8).astype(float) for w in words}
    with open(path("sts.jsonl"), "w", encoding="utf-8", newline="\n") as f:
        for i in range(300):  # more than one batch of the Go code
            a, b = (" ".join(rng.choices(words, k=rng.randint(1, 3))) for _ in "ab")
            if i == 4:
                a = ""  # a zero vector
            va, vb = (sum((vocab[w] for w in t.split()), np.zeros(8)) for t in (a, b))
            norm = np.linalg.norm(va) * np.linalg.norm(vb)
            cosines.append(float(round(va @ vb / norm, 12)) if norm else 0.0)
            pairs.append(float(round(2.5 + 2 * cosines[-1] + nprng.randn(), 1)))
            names = ("a", "b") if i % 2 else ("sentence1", "sentence2")
            f.write(json.dumps({names[0]: a, names[1]: b, "score": pairs[-1]}, ensure_ascii=False) + "\n")
    dump("sts.json", {"vocab": {w: v.tolist() for w, v in vocab.items()}, "cosines": cosines, "pairs": len(pairs),
                      "pearson": float(np.corrcoef(pairs, cosines)[0, 1]),
                      "spearman": float(np.corrcoef(ranks(pairs), ranks(cosines))[0, 1])})


# ----------------------------- intervals, comparisons and halves: Python alone

def draws(state):
    """Numbers of a linear congruential generator (Knuth's MMIX); the Go test has the same one."""
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield state >> 33


def percentile(ordered, q):
    at = q * (len(ordered) - 1)
    i = math.floor(at)
    return ordered[i] if i + 1 == len(ordered) else ordered[i] + (at - i) * (ordered[i + 1] - ordered[i])


def pearson(pairs):
    mx, my = (statistics.fmean(p[j] for p in pairs) for j in (0, 1))
    xx, yy, xy = (math.fsum(f(x - mx, y - my) for x, y in pairs)
                  for f in (lambda x, y: x * x, lambda x, y: y * y, lambda x, y: x * y))
    return xy / math.sqrt(xx * yy) if xx > 0 and yy > 0 else None


def spearman(pairs):
    def rank(values):
        return {v: sum(w < v for w in values) + (values.count(v) + 1) / 2 for v in set(values)}
    rx, ry = (rank([p[j] for p in pairs]) for j in (0, 1))
    return pearson([(rx[x], ry[y]) for x, y in pairs]) if len(rx) > 1 and len(ry) > 1 else None


def average(values):
    return statistics.fmean(values)


def interval(items, statistic, rounds, state, level):
    """Percentile and BCa ends (Efron 1987), as in SciPy's bootstrap: ties count half in the bias."""
    g = draws(state)
    samples = [statistic([items[next(g) % len(items)] for _ in items]) for _ in range(rounds)]
    samples = sorted(v for v in samples if v is not None)
    tail = (1 - level) / 2
    plain = [percentile(samples, tail), percentile(samples, 1 - tail)]
    normal, at = statistics.NormalDist(), statistic(items)
    e = 1e-9 * (samples[-1] - samples[0])  # equal but for rounding
    bias = normal.inv_cdf((sum(v < at - e for v in samples) + sum(v <= at + e for v in samples)) / 2 / len(samples))
    left = [statistic(items[:i] + items[i + 1:]) for i in range(len(items))]
    d = [statistics.fmean(left) - v for v in left]
    a = math.fsum(v ** 3 for v in d) / (6 * math.fsum(v ** 2 for v in d) ** 1.5)
    bent = [percentile(samples, normal.cdf(bias + (bias + z) / (1 - a * (bias + z))))
            for z in (normal.inv_cdf(tail), normal.inv_cdf(1 - tail))]
    return {"low": plain[0], "high": plain[1], "bca_low": bent[0], "bca_high": bent[1], "statistic": at}


def intervals():
    out = []
    for i, (n, level) in enumerate([(5, 0.9), (12, 0.95), (40, 0.95), (120, 0.5), (60, 0.99)]):
        values = [round(rng.random() ** 3, 3) for _ in range(n)]
        if i == 4:
            values = [float(rng.random() < 0.9) for _ in range(n)]  # right or wrong
        out.append({"kind": "mean", "values": values, "level": level, "rounds": 400 + i, "state": 77 + i,
                    **interval(values, average, 400 + i, 77 + i, level)})
    for i, n in enumerate([6, 30, 80]):
        x = [round(rng.gauss(0, 2), 2 - i) for _ in range(n)]
        y = [round(v + rng.gauss(0, 2), 2 - i) for v in x]
        for kind, statistic in (("spearman", spearman), ("pearson", pearson)):
            out.append({"kind": kind, "x": x, "values": y, "level": 0.95, "rounds": 200, "state": 5 + i,
                        **interval(list(zip(x, y)), statistic, 200, 5 + i, 0.95)})
    for i, (n, level) in enumerate([(8, 0.95), (25, 0.9)]):
        groups = [[100 * rng.random() for _ in range(rng.randint(1, 9))] for _ in range(n)]
        out.append({"kind": "groups", "values": sum(groups, []), "groups": [str(j) for j, g in enumerate(groups) for _ in g],
                    "level": level, "rounds": 300, "state": 9 + i,
                    **interval(groups, lambda drawn: average(sum(drawn, [])), 300, 9 + i, level)})
    dump("intervals.json", out)


def bits(g, n):
    """Flips of n items: bit i % 64 of word i / 64; a word is two numbers of the generator."""
    words = [next(g) << 31 ^ next(g) for _ in range(n // 64 + 1)]
    return [words[i // 64] >> i % 64 & 1 for i in range(n)]


def comparisons():
    out = []
    for i, n in enumerate([3, 8, 12, 70, 200]):
        a = [rng.choice([0, 0.25, 0.5, 1]) for _ in range(n)]
        b = [rng.choice([v, v, 0.25, 1]) for v in a]
        diffs = [y - x for x, y in zip(a, b)]
        moved = [d for d in diffs if d]
        case = {"a": a, "b": b, "difference": statistics.fmean(diffs), "wins": sum(d > 0 for d in diffs),
                "losses": sum(d < 0 for d in diffs), "ties": sum(d == 0 for d in diffs)}
        at = abs(sum(moved))  # quarters: exact
        if n <= 12:  # all flips
            far = sum(abs(sum(s * d for s, d in zip(signs, moved))) >= at for signs in itertools.product((1, -1), repeat=len(moved)))
            case["p"] = far / 2 ** len(moved)
        else:
            g, far = draws(i), 0
            for _ in range(500):
                flips = bits(g, len(moved))
                far += abs(sum(-d if f else d for f, d in zip(flips, moved))) >= at
            case.update(p=(1 + far) / 501, rounds=500, state=i)
        out.append(case)
    dump("comparisons.json", out)


def halves():
    keys = ["", "1", "2", "q7", "Green tea", "Überblick", "日本", "a\tb"] + [str(i) for i in range(40)]
    dump("halves.json", {k: hashlib.sha256(b"half:" + k.encode("utf-8")).digest()[0] % 2 for k in keys})


retrieval()
answers()
squad()
correlation()
bootstrap()
sts()
intervals()
comparisons()
halves()
