#!/usr/bin/python3
"""Makes int8 copies of the checkpoints mean and qa beside this file, and what they must compute.

    python3 make_int8.py

Made with NumPy 1.24.2, Python 3.11.2 (Debian 12); run make_fixtures.py first.

  int8         what "semsearch model quantize" must make of mean, number for number
  int8-foreign qa as another program may write it: shards, one scale for some matrices, float16 scales, zero points,
               targets as expressions, float embeddings, one layer norm under its old name

The arithmetic is written out here in NumPy, sequence by sequence: weights and the inputs of each linear layer
are rounded to int8, their product is an exact integer sum, everything else is float64.
expected.safetensors holds hidden (tokens, hidden), and float (tokens, hidden): the same without rounding the inputs.
"""
import json
import math
import os
import shutil

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def read(path):
    with open(path, "rb") as f:
        data = f.read()
    n = int.from_bytes(data[:8], "little")
    out = {}
    for name, t in json.loads(data[8:8 + n]).items():
        if name == "__metadata__":
            continue
        b = data[8 + n:][slice(*t["data_offsets"])]
        if t["dtype"] == "BF16":
            a = (np.frombuffer(b, "<u2").astype("<u4") << 16).view("<f4")
        else:
            a = np.frombuffer(b, {"F32": "<f4", "F16": "<f2", "I64": "<i8"}[t["dtype"]])
        out[name] = a.reshape(t["shape"])
    return out


def write(path, tensors):
    kinds = {"float32": "F32", "float16": "F16", "int8": "I8", "int64": "I64"}
    header, blob = {"__metadata__": {"format": "pt"}}, b""
    for name, a in tensors.items():
        b = np.ascontiguousarray(a).tobytes()
        header[name] = {"dtype": kinds[a.dtype.name], "shape": list(a.shape), "data_offsets": [len(blob), len(blob) + len(b)]}
        blob += b
    h = json.dumps(header).encode()
    h += b" " * (-len(h) % 8)
    with open(path, "wb") as f:
        f.write(len(h).to_bytes(8, "little") + h + blob)


def write_json(path, v):
    with open(path, "w") as f:
        json.dump(v, f, indent=1)
        f.write("\n")


# Quantising -------------------------------------------------------------------

def ints(x, scale):
    return np.clip(np.rint(x.astype("f8") / np.float64(scale)), -127, 127)


def quantize(w):
    """int8 and a scale a row: the clip with the least squared error."""
    q, scales = np.zeros(w.shape, "i1"), np.zeros((len(w), 1), "f4")
    for r, row in enumerate(w.astype("f4")):
        top = np.abs(row).max()
        if top == 0:
            scales[r] = 1
            continue
        best = None
        for c in range(100, 79, -2):
            s = np.float32(np.float64(top) * (c / 100) / 127)
            d = row.astype("f8") - ints(row, s) * np.float64(s)
            e = np.cumsum(d * d)[-1]
            if best is None or e < best[0]:
                best = e, s
        scales[r], q[r] = best[1], ints(row, best[1]).astype("i1")
    return q, scales


# The model ----------------------------------------------------------------------

erf = np.vectorize(math.erf)
ACT = {"gelu": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2, "relu": lambda x: np.maximum(x, 0)}


def norm(x, gamma, beta, eps):
    d = x - x.mean(-1, keepdims=True)
    return d / np.sqrt((d * d).mean(-1, keepdims=True) + eps) * gamma + beta


def forward(c, w, ids, types, inputs):
    """Hidden states of one sequence; w(name) is a tensor in float64. inputs rounds those of linear layers."""
    heads, eps = c["num_attention_heads"], c["layer_norm_eps"]

    def linear(x, name):
        if inputs:
            top = np.abs(x).max(-1, keepdims=True)
            x = np.rint(x * (127 / top)) * (top / 127)
        return x @ w(name + ".weight").T + w(name + ".bias")

    def ln(x, name):
        return norm(x, w(name + ".weight"), w(name + ".bias"), eps)

    x = (w("embeddings.word_embeddings.weight")[ids] + w("embeddings.token_type_embeddings.weight")[types]
         + w("embeddings.position_embeddings.weight")[:len(ids)])
    x = ln(x, "embeddings.LayerNorm")
    for i in range(c["num_hidden_layers"]):
        p = f"encoder.layer.{i}."
        q, k, v = (linear(x, p + "attention.self." + s).reshape(len(x), heads, -1).swapaxes(0, 1)
                   for s in ("query", "key", "value"))
        a = q @ k.swapaxes(1, 2) / math.sqrt(q.shape[-1])
        a = np.exp(a - a.max(-1, keepdims=True))
        a = (a / a.sum(-1, keepdims=True)) @ v
        a = a.swapaxes(0, 1).reshape(x.shape)
        x = ln(x + linear(a, p + "attention.output.dense"), p + "attention.output.LayerNorm")
        y = ACT[c["hidden_act"]](linear(x, p + "intermediate.dense"))
        x = ln(x + linear(y, p + "output.dense"), p + "output.LayerNorm")
    return x


def expected(d, c, w):
    with open(d + "/expected.json") as f:
        v = json.load(f)
    out = {}
    for name, inputs in (("hidden", True), ("float", False)):
        out[name] = np.concatenate([forward(c, w, a, t, inputs) for a, t in zip(v["ids"], v["types"])]).astype("f4")
    write(d + "/expected.safetensors", out)


def finder(tensors, prefix):
    """Tensors by their present name in float64, int8 ones with their scale."""
    def get(name):
        name = prefix + name
        if name not in tensors:
            name = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        x = tensors[name].astype("f8")
        return x * tensors[name + "_scale"].astype("f8") if name + "_scale" in tensors else x
    return get


def copy(src, dst):
    shutil.rmtree(dst, ignore_errors=True)
    shutil.copytree(src, dst, ignore=lambda _, names: [n for n in names if ".safetensors" in n])
    with open(src + "/config.json") as f:
        return json.load(f)


WEIGHTS = {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel", "dynamic": False}
INPUTS = {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "token", "dynamic": True}


def ours():
    src, dst = HERE + "/mean", HERE + "/int8"
    c, t = copy(src, dst), read(src + "/model.safetensors")
    shift = np.zeros(c["hidden_size"])
    out = {}
    for name in sorted(t):
        x = t[name]
        if x.ndim == 2 and name.startswith(("encoder.", "embeddings.word", "embeddings.position_emb")):
            if name.startswith("embeddings."):
                mean = (np.cumsum(x.astype("f8"), 0)[-1] / len(x)).astype("f4").astype("f8")
                shift += mean
                x = (x.astype("f8") - mean).astype("f4")
            out[name], out[name + "_scale"] = quantize(x)
        else:
            out[name] = x
    name = "embeddings.token_type_embeddings.weight"
    out[name] = (t[name].astype("f8") + shift).astype("f4")
    c["quantization_config"] = {
        "quant_method": "compressed-tensors", "format": "int-quantized", "quantization_status": "compressed",
        "config_groups": {"group_0": {"targets": ["Linear"], "weights": WEIGHTS, "input_activations": INPUTS},
                          "group_1": {"targets": ["Embedding"], "weights": WEIGHTS, "input_activations": None}},
        "ignore": ["embeddings.token_type_embeddings", "pooler.dense"]}
    write_json(dst + "/config.json", c)
    write(dst + "/model.safetensors", out)
    expected(dst, c, finder(out, ""))


def foreign():
    src, dst = HERE + "/qa", HERE + "/int8-foreign"
    c = copy(src, dst)
    t = {}
    for i in (1, 2, 3):
        t.update(read(src + f"/model-{i:05}-of-00003.safetensors"))
    out = {}
    for name in sorted(t):
        x = t[name]
        if x.ndim == 2 and name.startswith("bert.encoder."):
            if ".output.dense." in name:  # one scale
                s = np.abs(x).max() / np.float32(127)
                out[name], out[name + "_scale"] = ints(x, s).astype("i1"), np.array([s], "f4")
            else:  # the largest of each row, float16
                s = (np.abs(x).max(1, keepdims=True) / 127 * 1.001).astype("f2")
                out[name] = np.stack([ints(r, f) for r, f in zip(x, s[:, 0])]).astype("i1")
                out[name + "_scale"], out[name + "_zero_point"] = s, np.zeros(s.shape, "i1")
        else:
            out[name] = x.astype("f4")
    c["quantization_config"] = {
        "quant_method": "compressed-tensors", "format": "naive-quantized", "global_compression_ratio": 1.3,
        "config_groups": {
            "group_0": {"targets": ["Linear"], "weights": dict(WEIGHTS, observer="minmax", observer_kwargs={}, group_size=None, actorder=None),
                        "input_activations": dict(INPUTS, observer=None), "output_activations": None},
            "group_1": {"targets": [r"re:.*\.output\.dense$"], "weights": dict(WEIGHTS, strategy="tensor"),
                        "input_activations": INPUTS, "format": None}},
        "ignore": ["re:qa_.*"], "kv_cache_scheme": None, "sparsity_config": {}, "transform_config": {}}
    write_json(dst + "/config.json", c)
    names = sorted(out)
    index = {}
    for i in (0, 1):
        file = f"model-0000{i + 1}-of-00002.safetensors"
        write(dst + "/" + file, {n: out[n] for n in names[i::2]})
        index.update({n: file for n in names[i::2]})
    write_json(dst + "/model.safetensors.index.json", {"metadata": {}, "weight_map": index})
    expected(dst, c, finder(out, "bert."))


if __name__ == "__main__":
    ours()
    foreign()
