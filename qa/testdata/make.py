"""Makes decode.json, tiny-reader/ and reader.json.

decode.json: windows, "max context" windows and n-best spans of random logits, computed
the slow way with the loops of BERT's run_squad.py (create windows, _check_is_max_context).
tiny-reader/: a BertForQuestionAnswering checkpoint with random weights.
reader.json: its logits, computed in PyTorch, and the spans that follow from them.

usage: /usr/bin/python3 make.py   (beside this file; made with Python 3.11, PyTorch 1.13.0, NumPy 1.24.2)
"""
import json
import math
import os
import re
import struct

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))


def windows(n, room, overlap):
    """doc_spans of run_squad.py; the step there is the stride itself."""
    step = room - min(overlap, room // 2)
    out, start = [], 0
    while start < n:
        length = min(n - start, room)
        out.append((start, length))
        if start + length == n:
            break
        start += min(length, step)
    return out


def is_max_context(spans, cur, position):
    """_check_is_max_context of run_squad.py."""
    best_score = best = None
    for k, (start, length) in enumerate(spans):
        end = start + length - 1
        if position < start or position > end:
            continue
        score = min(position - start, end - position) + 0.01 * length
        if best_score is None or score > best_score:
            best_score, best = score, k
    return cur == best


def n_best(spans, start, end, longest, n):
    """start[w][i], end[w][i]: logits of token i of window w. Returns [score, first, last] of the best spans without overlap."""
    every = []
    for w, (at, length) in enumerate(spans):
        for i in range(length):
            if not is_max_context(spans, w, at + i):
                continue
            for j in range(i, min(i + longest, length)):
                every.append((-(float(start[w][i]) + float(end[w][j])), at + i, at + j))
    every.sort()
    out = []
    for score, i, j in every:
        if len(out) == n:
            break
        if all(j < a or i > b for _, a, b in out):
            out.append([-score, i, j])
    z = [-s for s, _, _ in every]
    return out, z


def decode_cases():
    rng = np.random.default_rng(20240501)
    cases = []
    for n, room, overlap, longest, top in [(1, 10, 4, 30, 3), (7, 10, 4, 30, 3), (10, 10, 4, 3, 20), (11, 10, 4, 30, 3),
                                           (40, 10, 4, 5, 6), (40, 10, 9, 30, 4), (33, 12, 0, 4, 8), (50, 7, 3, 1, 50),
                                           (90, 30, 10, 30, 3), (23, 2, 1, 30, 5), (9, 1, 5, 30, 9)]:
        spans = windows(n, room, overlap)
        start = [np.float32(rng.normal(0, 3, l)) for _, l in spans]
        end = [np.float32(rng.normal(0, 3, l)) for _, l in spans]
        null = [[float(x) for x in np.float32(rng.normal(0, 3, 2))] for _ in spans]
        best, z = n_best(spans, start, end, longest, top)
        least = min(a + b for a, b in null)
        total = math.fsum(math.exp(x - least) for x in z) + 1
        cases.append({
            "n": n, "room": room, "overlap": overlap, "longest": longest, "top": top,
            "windows": [[a, a + l] for a, l in spans],
            "context": [next(w for w in range(len(spans)) if is_max_context(spans, w, i)) for i in range(n)],
            "start": [x.tolist() for x in start], "end": [x.tolist() for x in end], "nulls": null,
            "null": least,
            "spans": [[s - least, i, j, math.exp(s - least) / total] for s, i, j in best],
        })
    return cases


# The tiny checkpoint.

VOCAB = """[PAD] [UNK] [CLS] [SEP] [MASK] . , ? ' s the a of in is was who what where when built opened tower
bridge castle river king queen paris london york city and it by stone wood year 18 19 ##89 ##12 ##70 over run ##s
old new mill stands near north sea crow ##n tall ##est ##er""".split()
CFG = {"architectures": ["BertForQuestionAnswering"], "model_type": "bert", "vocab_size": len(VOCAB), "hidden_size": 16,
       "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "hidden_act": "gelu",
       "max_position_embeddings": 64, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "pad_token_id": 0,
       "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "position_embedding_type": "absolute",
       "semsearch_null_threshold": 1.5}


def make_weights():
    g = torch.Generator().manual_seed(7)
    h, f = CFG["hidden_size"], CFG["intermediate_size"]
    w = {}

    def put(name, *shape, scale=0.4, around=0.0):
        w[name] = (torch.randn(*shape, generator=g) * scale + around).float()

    put("bert.embeddings.word_embeddings.weight", len(VOCAB), h, scale=1)
    put("bert.embeddings.position_embeddings.weight", CFG["max_position_embeddings"], h, scale=0.5)
    put("bert.embeddings.token_type_embeddings.weight", 2, h, scale=0.5)

    def norm(name):
        put(name + ".weight", h, scale=0.1, around=1)
        put(name + ".bias", h, scale=0.1)

    def linear(name, out, n):
        put(name + ".weight", out, n)
        put(name + ".bias", out, scale=0.1)

    norm("bert.embeddings.LayerNorm")
    for i in range(CFG["num_hidden_layers"]):
        p = f"bert.encoder.layer.{i}."
        for x in ("query", "key", "value"):
            linear(p + "attention.self." + x, h, h)
        linear(p + "attention.output.dense", h, h)
        norm(p + "attention.output.LayerNorm")
        linear(p + "intermediate.dense", f, h)
        linear(p + "output.dense", h, f)
        norm(p + "output.LayerNorm")
    linear("qa_outputs", 2, h)
    return w


def forward(w, ids, types):
    """BertForQuestionAnswering, one sequence, float64. Returns logits (tokens, 2)."""
    F = torch.nn.functional
    w = {k: v.double() for k, v in w.items()}
    h, heads = CFG["hidden_size"], CFG["num_attention_heads"]
    ln = lambda x, n: F.layer_norm(x, (h,), w[n + ".weight"], w[n + ".bias"], CFG["layer_norm_eps"])
    lin = lambda x, n: F.linear(x, w[n + ".weight"], w[n + ".bias"])
    e = "bert.embeddings."
    x = w[e + "word_embeddings.weight"][ids] + w[e + "position_embeddings.weight"][:len(ids)] + w[e + "token_type_embeddings.weight"][types]
    x = ln(x, e + "LayerNorm")
    for i in range(CFG["num_hidden_layers"]):
        p = f"bert.encoder.layer.{i}."
        split = lambda t: t.view(len(ids), heads, h // heads).transpose(0, 1)
        q, k, v = (split(lin(x, p + "attention.self." + n)) for n in ("query", "key", "value"))
        att = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(h // heads), -1) @ v
        x = ln(x + lin(att.transpose(0, 1).reshape(len(ids), h), p + "attention.output.dense"), p + "attention.output.LayerNorm")
        x = ln(x + lin(F.gelu(lin(x, p + "intermediate.dense")), p + "output.dense"), p + "output.LayerNorm")
    return lin(x, "qa_outputs").numpy()


def save(path, tensors):
    """The safetensors layout: length of the header, header, data."""
    header, at, blobs = {}, 0, []
    for name in sorted(tensors):
        b = tensors[name].contiguous().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [at, at + len(b)]}
        at += len(b)
        blobs.append(b)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(head)) + head + b"".join(blobs))


def tokens(text):
    """(id, start, end) of BERT's basic and WordPiece tokenization of ASCII text."""
    out = []
    for m in re.finditer(r"[A-Za-z0-9]+|[^\sA-Za-z0-9]", text):
        word, at, parts = m.group().lower(), 0, []
        while at < len(word):
            end = len(word)
            while end > at and ("##" if at else "") + word[at:end] not in VOCAB:
                end -= 1
            if end == at:
                parts = [("[UNK]", 0, len(word))]
                break
            parts.append((("##" if at else "") + word[at:end], at, end))
            at = end
        out += [(VOCAB.index(t), m.start() + a, m.start() + b) for t, a, b in parts]
    return out


def reader_cases(w):
    passages = ["The old mill stands near the river. It was built in 1812 by King York, and the newest bridge was opened in 1889.",
                "Queen Crown's castle", "stone", "",
                " ".join(["The tall tower of Paris was built in 1889", "and the old stone bridge over the river in 1870",
                          "by the king of the north sea", "where it runs near London and York"] * 3) + "."]
    cases = []
    for question in ["Who built the old mill?", "When was it opened"]:
        for max_tokens, overlap in [(64, 16), (24, 8)]:
            for p in passages:
                q, t = tokens(question), tokens(p)
                room = max_tokens - 3 - len(q)
                spans = windows(len(t), room, overlap)
                case = {"question": question, "passage": p, "max_tokens": max_tokens, "overlap": overlap,
                        "ids": [], "logits": [], "spans": [], "null": 0}
                start, end, nulls = [], [], []
                for at, length in spans:
                    ids = [2] + [i for i, _, _ in q] + [3] + [i for i, _, _ in t[at:at + length]] + [3]
                    types = [0] * (len(q) + 2) + [1] * (length + 1)
                    l = forward(w, torch.tensor(ids), torch.tensor(types))
                    case["ids"].append(ids)
                    case["logits"].append([[round(float(x), 7) for x in row] for row in l])
                    base = len(q) + 2
                    start.append(l[base:base + length, 0])
                    end.append(l[base:base + length, 1])
                    nulls.append(float(l[0, 0] + l[0, 1]))
                if spans:
                    case["null"] = min(nulls)
                    best, _ = n_best(spans, start, end, 30, 1)
                    s, i, j = best[0]
                    case["best"] = [s - case["null"], t[i][1], t[j][2]]  # before widening to words
                cases.append(case)
    return cases


def main():
    with open(f"{HERE}/decode.json", "w") as f:
        json.dump(decode_cases(), f)
    d = f"{HERE}/tiny-reader"
    os.makedirs(d, exist_ok=True)
    w = make_weights()
    save(d + "/model.safetensors", w)
    open(d + "/vocab.txt", "w").write("".join(t + "\n" for t in VOCAB))
    json.dump(CFG, open(d + "/config.json", "w"), indent=1)
    json.dump({"do_lower_case": True, "tokenizer_class": "BertTokenizer", "model_max_length": 64}, open(d + "/tokenizer_config.json", "w"))
    json.dump(reader_cases(w), open(f"{HERE}/reader.json", "w"))


main()
