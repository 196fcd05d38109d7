#!/usr/bin/python3
"""Makes small checkpoints with random weights, and what they must compute.

    python3 make_fixtures.py            the folders beside this file
    python3 make_fixtures.py --big DIR  one of the shape of all-MiniLM-L6-v2, in DIR

Made with PyTorch 1.13.0a0, NumPy 1.24.2, Python 3.11.2 (Debian 12). Each seed is in FIXTURES.

The reference is torch.nn.TransformerEncoderLayer in float64 over padded batches with a padding mask:
other code, another precision and another batching than the package under test. The weights it
computes with are those that are stored, after rounding to F16 or BF16. Pooling and tokenizing follow
sentence-transformers and BERT, written out below.

A folder holds a checkpoint as Hugging Face lays it out, and
  expected.json         texts or pairs, their ids and type ids
  expected.safetensors  hidden (tokens, hidden), sequences one after the other; queries and passages
                        (texts, dim), unit vectors; logits (tokens, 2) where there is a QA head
"""
import json
import math
import os
import re
import shutil
import sys

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + list(".,?!:'-") + [
    "a", "the", "of", "is", "in", "below", "green", "black", "tea", "steep", "boil", "water", "what", "how",
    "long", "river", "bank", "query", "passage", "search", "minute", "hot", "cold", "snow", "fall", "un",
    "##s", "##ed", "##ing", "##er", "##est", "##y", "##able", "##a", "##e", "##o", "##n", "##t", "t", "n"]

TEXTS = ["Green tea is steeped below boiling.", "", "the river", "Snow falls in the cold: a long, cold fall!",
         "hot", "What is boiling?", "water steeps the blackest tea unsteepable hot hottest of the river bank bank bank"]

PAIRS = [("What is hot?", "Green tea is hot, snow is cold."), ("how long", "a minute"), ("", "the river bank")]


class Fixture:
    def __init__(self, name, seed, **k):
        self.name, self.seed = name, seed
        self.hidden = self.layers = self.heads = self.inter = 0
        self.act, self.dtype, self.prefix, self.arch = "gelu", "F32", "", "BertModel"
        self.positions, self.eps, self.max_seq = 40, 1e-12, None
        self.pooling, self.normalize, self.prompts, self.include_prompt = None, False, {}, True
        self.default_prompt, self.list_pooling, self.tokenizer, self.shards = None, False, "json", 1
        self.old_names, self.head, self.vocab_size = False, None, len(VOCAB)
        self.__dict__.update(k)


FIXTURES = [
    # As all-MiniLM-L6-v2: mean, unit vectors, tokenizer.json, a limit below the positions.
    Fixture("mean", 1, hidden=32, layers=2, heads=4, inter=64, pooling=["mean"], normalize=True, max_seq=16),
    # Halves, tanh GELU, a width that no vector register divides, several poolings, prompts, vocab.txt.
    Fixture("concat", 2, hidden=48, layers=3, heads=6, inter=101, act="gelu_new", dtype="F16", prefix="bert.",
            arch="BertForMaskedLM", pooling=["cls", "max", "mean", "weightedmean"], tokenizer="vocab",
            prompts={"query": "query: ", "passage": "passage: "}),
    # A reader: bfloat16, shards, gamma and beta, ReLU, no modules.json.
    Fixture("qa", 3, hidden=32, layers=1, heads=2, inter=40, act="relu", dtype="BF16", prefix="bert.", eps=1e-5,
            arch="BertForQuestionAnswering", shards=3, old_names=True, head="qa_outputs"),
    # Only model_type; pooling as a list; the prompt's tokens are not pooled.
    Fixture("last", 4, hidden=24, layers=2, heads=3, inter=32, act="silu", arch=None, eps=1e-12,
            pooling=["mean_sqrt_len_tokens", "lasttoken", "weightedmean", "max"], list_pooling=True, include_prompt=False,
            prompts={"search": "search: "}, default_prompt="search", normalize=True),
]

BIG = Fixture("big", 5, hidden=384, layers=6, heads=12, inter=1536, positions=512, vocab_size=1000,
              pooling=["mean"], normalize=True)


# Tokenizing -------------------------------------------------------------------

def pieces(text):
    """BERT's tokenizer for ASCII: words and punctuation, then the longest piece first."""
    ids = []
    for word in re.findall(r"\w+|[^\w\s]", text.lower()):
        at, out = 0, []
        while at < len(word):
            for end in range(len(word), at, -1):
                piece = ("##" if at else "") + word[at:end]
                if piece in VOCAB:
                    out.append(VOCAB.index(piece))
                    at = end
                    break
            else:
                out = [VOCAB.index("[UNK]")]
                break
        ids += out
    return ids


def single(text, limit):
    return [VOCAB.index("[CLS]")] + pieces(text)[:limit - 2] + [VOCAB.index("[SEP]")]


def tokenizer_json():
    special = lambda i: {"id": i, "content": VOCAB[i], "single_word": False, "lstrip": False, "rstrip": False,
                         "normalized": False, "special": True}
    seq = lambda name, t: {"Sequence": {"id": name, "type_id": t}}
    tok = lambda name, t: {"SpecialToken": {"id": name, "type_id": t}}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [special(i) for i in range(5)],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [tok("[CLS]", 0), seq("A", 0), tok("[SEP]", 0)],
            "pair": [tok("[CLS]", 0), seq("A", 0), tok("[SEP]", 0), seq("B", 1), tok("[SEP]", 1)],
            "special_tokens": {t: {"id": t, "ids": [VOCAB.index(t)], "tokens": [t]} for t in ("[CLS]", "[SEP]")}},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": {t: i for i, t in enumerate(VOCAB)}}}


# Files ------------------------------------------------------------------------

def to_bytes(t, dtype):
    if dtype == "BF16":
        return t.bfloat16().view(torch.int16).numpy().tobytes()
    return t.numpy().astype({"F32": "<f4", "F16": "<f2", "I64": "<i8"}[dtype]).tobytes()


def write_safetensors(path, tensors):
    """tensors is a dict name -> (tensor, dtype)."""
    header, blob = {"__metadata__": {"format": "pt"}}, b""
    for name, (t, dtype) in tensors.items():
        b = to_bytes(t, dtype)
        header[name] = {"dtype": dtype, "shape": list(t.shape), "data_offsets": [len(blob), len(blob) + len(b)]}
        blob += b
    h = json.dumps(header).encode()
    h += b" " * (-len(h) % 8)
    with open(path, "wb") as f:
        f.write(len(h).to_bytes(8, "little") + h + blob)


def write_json(path, v):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        json.dump(v, f, indent=1)
        f.write("\n")


# The model ----------------------------------------------------------------------

def weights(fx):
    """Random weights under their Hugging Face names, rounded as they will be stored."""
    g = torch.Generator().manual_seed(fx.seed)
    w = {}
    big = fx.hidden > 100

    def put(name, *shape, mean=0.0, std=None):
        if std is None:  # large enough that attention is not uniform
            std = 0.05 if big else 0.25
        t = torch.randn(*shape, generator=g) * std + mean
        w[name] = {"F32": t, "F16": t.half().float(), "BF16": t.bfloat16().float()}[fx.dtype]

    def norm(name):
        put(name + ".weight", fx.hidden, mean=1, std=0.2)
        put(name + ".bias", fx.hidden, std=0.1)

    def dense(name, out, inp):
        put(name + ".weight", out, inp)
        put(name + ".bias", out, std=0.1)

    put("embeddings.word_embeddings.weight", fx.vocab_size, fx.hidden, std=1)
    put("embeddings.position_embeddings.weight", fx.positions, fx.hidden, std=0.5)
    put("embeddings.token_type_embeddings.weight", 2, fx.hidden, std=0.5)
    norm("embeddings.LayerNorm")
    for i in range(fx.layers):
        p = f"encoder.layer.{i}."
        for part in ("query", "key", "value"):
            dense(p + "attention.self." + part, fx.hidden, fx.hidden)
        dense(p + "attention.output.dense", fx.hidden, fx.hidden)
        norm(p + "attention.output.LayerNorm")
        dense(p + "intermediate.dense", fx.inter, fx.hidden)
        dense(p + "output.dense", fx.hidden, fx.inter)
        norm(p + "output.LayerNorm")
    if fx.arch == "BertModel":
        dense("pooler.dense", fx.hidden, fx.hidden)
    if fx.head:
        dense(fx.head, 2, fx.hidden)
    return w


ACT = {
    "gelu": torch.nn.functional.gelu,
    "gelu_new": lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3))),
    "relu": torch.relu,
    "silu": torch.nn.functional.silu,
}


def hidden_states(fx, w, ids, types):
    """Last hidden states of each sequence, float64."""
    w = {k: v.double() for k, v in w.items()}
    F = torch.nn.functional
    n, longest = len(ids), max(map(len, ids))
    pad = torch.ones(n, longest, dtype=torch.bool)
    x = torch.zeros(n, longest, fx.hidden, dtype=torch.double)
    for i, (a, b) in enumerate(zip(ids, types)):
        e = (F.embedding(torch.tensor(a), w["embeddings.word_embeddings.weight"])
             + F.embedding(torch.tensor(b), w["embeddings.token_type_embeddings.weight"])
             + w["embeddings.position_embeddings.weight"][:len(a)])
        x[i, :len(a)] = F.layer_norm(e, (fx.hidden,), w["embeddings.LayerNorm.weight"],
                                     w["embeddings.LayerNorm.bias"], fx.eps)
        pad[i, :len(a)] = False
    for i in range(fx.layers):
        p = f"encoder.layer.{i}."
        layer = torch.nn.TransformerEncoderLayer(
            fx.hidden, fx.heads, fx.inter, dropout=0.0, activation=ACT[fx.act], layer_norm_eps=fx.eps,
            batch_first=True, norm_first=False, dtype=torch.double)
        qkv = [p + "attention.self." + part for part in ("query", "key", "value")]
        layer.load_state_dict({
            "self_attn.in_proj_weight": torch.cat([w[k + ".weight"] for k in qkv]),
            "self_attn.in_proj_bias": torch.cat([w[k + ".bias"] for k in qkv]),
            "self_attn.out_proj.weight": w[p + "attention.output.dense.weight"],
            "self_attn.out_proj.bias": w[p + "attention.output.dense.bias"],
            "norm1.weight": w[p + "attention.output.LayerNorm.weight"],
            "norm1.bias": w[p + "attention.output.LayerNorm.bias"],
            "linear1.weight": w[p + "intermediate.dense.weight"],
            "linear1.bias": w[p + "intermediate.dense.bias"],
            "linear2.weight": w[p + "output.dense.weight"],
            "linear2.bias": w[p + "output.dense.bias"],
            "norm2.weight": w[p + "output.LayerNorm.weight"],
            "norm2.bias": w[p + "output.LayerNorm.bias"]})
        with torch.no_grad():
            x = layer(x, src_key_padding_mask=pad)
    return [x[i, :len(a)] for i, a in enumerate(ids)]


def pool(fx, h, prompt):
    """sentence-transformers' Pooling of one text; the first prompt tokens are not counted."""
    out = []
    rest = h if fx.include_prompt else h[prompt:]
    for mode in fx.pooling or ["mean"]:
        if mode == "cls":
            out.append(h[0])
        elif mode == "max":
            out.append(rest.max(0).values)
        elif mode == "mean":
            out.append(rest.mean(0))
        elif mode == "mean_sqrt_len_tokens":
            out.append(rest.sum(0) / math.sqrt(len(rest)))
        elif mode == "weightedmean":
            k = torch.arange(len(h) - len(rest) + 1, len(h) + 1, dtype=torch.double)[:, None]
            out.append((rest * k).sum(0) / k.sum())
        elif mode == "lasttoken":
            out.append(h[-1])
    v = torch.cat(out)
    return v / v.norm()


def embed(fx, w, texts, prompt):
    limit = min(fx.max_seq or fx.positions, fx.positions)
    ids = [single(prompt + t, limit) for t in texts]
    skip = len(single(prompt, limit)) - 1 if prompt else 0
    hs = hidden_states(fx, w, ids, [[0] * len(a) for a in ids])
    return torch.stack([pool(fx, h, skip) for h in hs])


# Everything ---------------------------------------------------------------------

def stored(fx, w):
    """Tensors as the file names them."""
    out = {}
    for name, t in w.items():
        if not (fx.head and name.startswith(fx.head)):
            name = fx.prefix + name
        if fx.old_names:
            name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        out[name] = (t, fx.dtype)
    if fx.prefix and not fx.head:
        out[fx.prefix + "embeddings.position_ids"] = (torch.arange(fx.positions)[None], "I64")
        out["cls.predictions.bias"] = (torch.zeros(fx.vocab_size), fx.dtype)
    return out


def checkpoint(fx, d, w):
    config = {"model_type": "bert", "vocab_size": fx.vocab_size, "hidden_size": fx.hidden,
              "num_hidden_layers": fx.layers, "num_attention_heads": fx.heads, "intermediate_size": fx.inter,
              "hidden_act": fx.act, "max_position_embeddings": fx.positions, "type_vocab_size": 2,
              "layer_norm_eps": fx.eps, "hidden_dropout_prob": 0.1, "pad_token_id": 0,
              "position_embedding_type": "absolute"}
    if fx.arch:
        config["architectures"] = [fx.arch]
    if fx.head:
        config["semsearch_null_threshold"] = 0.5
    write_json(d + "/config.json", config)

    if fx.tokenizer == "json":
        write_json(d + "/tokenizer.json", tokenizer_json())
    else:
        with open(d + "/vocab.txt", "w") as f:
            f.write("".join(t + "\n" for t in VOCAB))
        write_json(d + "/tokenizer_config.json",
                   {"do_lower_case": True, "model_max_length": int(1e30), "tokenizer_class": "BertTokenizer"})

    tensors = stored(fx, w)
    if fx.shards == 1:
        write_safetensors(d + "/model.safetensors", tensors)
    else:
        names = sorted(tensors)
        index = {}
        for i in range(fx.shards):
            file = f"model-{i + 1:05}-of-{fx.shards:05}.safetensors"
            part = names[i::fx.shards]
            write_safetensors(d + "/" + file, {n: tensors[n] for n in part})
            index.update({n: file for n in part})
        write_json(d + "/model.safetensors.index.json", {"metadata": {}, "weight_map": index})

    if fx.pooling:
        kinds = [("", "Transformer"), ("1_Pooling", "Pooling")] + [("2_Normalize", "Normalize")] * fx.normalize
        write_json(d + "/modules.json", [
            {"idx": i, "name": str(i), "path": p, "type": "sentence_transformers.models." + k}
            for i, (p, k) in enumerate(kinds)])
        if fx.list_pooling:
            pooling = {"embedding_dimension": fx.hidden, "pooling_mode": fx.pooling}
        else:
            pooling = {"word_embedding_dimension": fx.hidden}
            for key, mode in (("cls_token", "cls"), ("mean_tokens", "mean"), ("max_tokens", "max"),
                              ("mean_sqrt_len_tokens", "mean_sqrt_len_tokens"),
                              ("weightedmean_tokens", "weightedmean"), ("lasttoken", "lasttoken")):
                pooling["pooling_mode_" + key] = mode in fx.pooling
        pooling["include_prompt"] = fx.include_prompt
        write_json(d + "/1_Pooling/config.json", pooling)
        write_json(d + "/sentence_bert_config.json", {"max_seq_length": fx.max_seq, "do_lower_case": False})
        if fx.prompts:
            write_json(d + "/config_sentence_transformers.json",
                       {"prompts": fx.prompts, "default_prompt_name": fx.default_prompt,
                        "similarity_fn_name": "cosine"})


def main():
    big = "--big" in sys.argv
    for fx in [BIG] if big else FIXTURES:
        d = sys.argv[-1] if big else os.path.join(HERE, fx.name)
        if not big:
            shutil.rmtree(d, ignore_errors=True)
        os.makedirs(d, exist_ok=True)
        w = weights(fx)
        checkpoint(fx, d, w)
        limit = min(fx.max_seq or fx.positions, fx.positions)
        out, expected = {}, {}
        if big:
            rng = np.random.default_rng(fx.seed)
            ids = [rng.integers(0, fx.vocab_size, n).tolist() for n in (1, 120, 7, 64)]
            types = [[int(j > len(a) // 2) for j in range(len(a))] for a in ids]
        elif fx.head:
            expected["pairs"] = PAIRS
            a = [(single(q, 100), pieces(p) + [VOCAB.index("[SEP]")]) for q, p in PAIRS]
            ids, types = [q + p for q, p in a], [[0] * len(q) + [1] * len(p) for q, p in a]
        else:
            expected["texts"] = TEXTS
            ids = [single(t, limit) for t in TEXTS]
            types = [[0] * len(a) for a in ids]
            default = fx.prompts.get(fx.default_prompt, "")
            for name, keys in (("queries", ["query"]), ("passages", ["document", "passage", "corpus"])):
                prompt = next((fx.prompts[k] for k in keys if k in fx.prompts), default)
                out[name] = embed(fx, w, TEXTS, prompt)
        expected["ids"], expected["types"] = ids, types
        h = torch.cat(hidden_states(fx, w, ids, types))
        out["hidden"] = h
        if fx.head:
            out["logits"] = h @ w[fx.head + ".weight"].double().T + w[fx.head + ".bias"].double()
        with open(d + "/expected.json", "w") as f:
            json.dump(expected, f)
            f.write("\n")
        write_safetensors(d + "/expected.safetensors", {k: (v.float(), "F32") for k, v in out.items()})


if __name__ == "__main__":
    main()
