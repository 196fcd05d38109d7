#!/usr/bin/python3
"""Writes one encoder with random weights twice: as a checkpoint, and as ONNX graphs.

    make_models.py minilm-l6|bert-base OUT

  OUT/float                     the checkpoint: config.json, vocab.txt, model.safetensors
  OUT/{plain,fused}-f32.onnx    op by op, as PyTorch exports it; and with the fused operators of ONNX Runtime's own
                                transformer optimizer (Attention, SkipLayerNormalization, BiasGelu)
  OUT/{plain,fused}-int8.onnx   the same in dynamic int8, as quantize_dynamic makes it: weights symmetric with one scale
                                a matrix, inputs with one scale and zero point a tensor

Needs NumPy and onnx (Debian: python3-numpy python3-onnx).
"""
import json
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SHAPES = {"minilm-l6": (6, 384, 12, 1536), "bert-base": (12, 768, 12, 3072)}
VOCAB, POSITIONS, EPS = 30522, 512, 1e-12


def make_weights(layers, hidden, inter):
    """Tensors by the names of Hugging Face; matrices are (out, in)."""
    rng = np.random.default_rng(1)
    w = {}

    def put(name, *shape):
        w[name] = rng.standard_normal(shape, dtype=np.float32) * np.float32(0.04)

    def norm(name):
        put(name + ".bias", hidden)
        w[name + ".weight"] = np.ones(hidden, np.float32)

    def dense(name, out, inp):
        put(name + ".weight", out, inp)
        put(name + ".bias", out)

    put("embeddings.word_embeddings.weight", VOCAB, hidden)
    put("embeddings.position_embeddings.weight", POSITIONS, hidden)
    put("embeddings.token_type_embeddings.weight", 2, hidden)
    norm("embeddings.LayerNorm")
    for i in range(layers):
        p = f"encoder.layer.{i}."
        for part in ("query", "key", "value"):
            dense(p + "attention.self." + part, hidden, hidden)
        dense(p + "attention.output.dense", hidden, hidden)
        norm(p + "attention.output.LayerNorm")
        dense(p + "intermediate.dense", inter, hidden)
        dense(p + "output.dense", hidden, inter)
        norm(p + "output.LayerNorm")
    return w


def write_checkpoint(d, shape, w):
    layers, hidden, heads, inter = shape
    os.makedirs(d, exist_ok=True)
    with open(d + "/config.json", "w") as f:
        json.dump({"architectures": ["BertModel"], "model_type": "bert", "vocab_size": VOCAB, "hidden_size": hidden,
                   "num_hidden_layers": layers, "num_attention_heads": heads, "intermediate_size": inter, "hidden_act": "gelu",
                   "max_position_embeddings": POSITIONS, "type_vocab_size": 2, "layer_norm_eps": EPS}, f)
    with open(d + "/vocab.txt", "w") as f:
        f.write("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"t{i}" for i in range(5, VOCAB)]) + "\n")
    with open(d + "/tokenizer_config.json", "w") as f:
        json.dump({"tokenizer_class": "BertTokenizer", "do_lower_case": True}, f)
    header, at = {}, 0
    for name, x in w.items():
        header[name] = {"dtype": "F32", "shape": list(x.shape), "data_offsets": [at, at + x.nbytes]}
        at += x.nbytes
    h = json.dumps(header).encode()
    h += b" " * (-len(h) % 8)
    with open(d + "/model.safetensors", "wb") as f:
        f.write(len(h).to_bytes(8, "little") + h)
        for x in w.values():
            f.write(x.tobytes())


class Graph:
    """An ONNX graph of the encoder under construction."""

    def __init__(self, shape, w, fused, int8):
        self.layers, self.hidden, self.heads, self.inter = shape
        self.w, self.fused, self.int8 = w, fused, int8
        self.nodes, self.constants, self.quantized, self.known = [], [], {}, set()

    def const(self, name, x):
        if name not in self.known:
            self.known.add(name)
            self.constants.append(numpy_helper.from_array(np.ascontiguousarray(x), name))
        return name

    def number(self, v):
        return self.const(f"number {v}", np.array(v, np.float32))

    def ints(self, *v):
        return self.const(f"ints {v}", np.array(v, np.int64))

    def tensor(self, name):
        return self.const(name, self.w[name])

    def node(self, op, inputs, outputs=1, domain="", **attributes):
        names = [f"v{len(self.nodes)}.{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, domain=domain, **attributes))
        return names[0] if outputs == 1 else names

    def own(self, op, inputs, outputs=1, **attributes):
        return self.node(op, inputs, outputs, "com.microsoft", **attributes)

    def matrix8(self, name, x):
        """A matrix (in, out) in int8 with one scale."""
        s = np.float32(np.abs(x).max() / 127)
        q = np.clip(np.round(x / s), -127, 127).astype(np.int8)
        return (self.const(name + " q", q), self.const(name + " scale", np.array(s)), self.const(name + " zero", np.array(0, np.int8)))

    def inputs8(self, x):
        if x not in self.quantized:
            self.quantized[x] = self.node("DynamicQuantizeLinear", [x], 3)
        return self.quantized[x]

    def linear(self, x, name, bias=True):
        m = self.w[name + ".weight"].T
        if not self.int8:
            y = self.node("MatMul", [x, self.const(name + " t", m)])
        elif self.fused:
            q, s, z = self.matrix8(name, m)
            return self.own("DynamicQuantizeMatMul", [x, q, s, z] + ([self.tensor(name + ".bias")] if bias else []))
        else:
            xq, xs, xz = self.inputs8(x)
            q, s, z = self.matrix8(name, m)
            y = self.node("MatMulInteger", [xq, q, xz, z])
            y = self.node("Mul", [self.node("Cast", [y], to=TensorProto.FLOAT), self.node("Mul", [xs, s])])
        return self.node("Add", [y, self.tensor(name + ".bias")]) if bias else y

    def norm(self, x, name):
        d = self.node("Sub", [x, self.node("ReduceMean", [x], axes=[-1], keepdims=1)])
        v = self.node("ReduceMean", [self.node("Pow", [d, self.number(2.0)])], axes=[-1], keepdims=1)
        d = self.node("Div", [d, self.node("Sqrt", [self.node("Add", [v, self.number(EPS)])])])
        return self.node("Add", [self.node("Mul", [d, self.tensor(name + ".weight")]), self.tensor(name + ".bias")])

    def plain(self):
        size = self.hidden // self.heads
        e = "embeddings."
        x = self.node("Gather", [self.tensor(e + "word_embeddings.weight"), "input_ids"])
        x = self.node("Add", [x, self.node("Gather", [self.tensor(e + "token_type_embeddings.weight"), "token_type_ids"])])
        n = self.node("Gather", [self.node("Shape", ["input_ids"]), self.ints(1)])
        places = self.node("Slice", [self.tensor(e + "position_embeddings.weight"), self.ints(0), n, self.const("axis", np.array([0], np.int64))])
        x = self.norm(self.node("Add", [x, places]), e + "LayerNorm")
        mask = self.node("Cast", [self.node("Unsqueeze", ["attention_mask", self.ints(1, 2)])], to=TensorProto.FLOAT)
        mask = self.node("Mul", [self.node("Sub", [self.number(1.0), mask]), self.number(-10000.0)])
        split, join = self.ints(0, 0, self.heads, size), self.ints(0, 0, self.hidden)
        for i in range(self.layers):
            p = f"encoder.layer.{i}."
            q, k, v = (self.node("Transpose", [self.node("Reshape", [self.linear(x, p + "attention.self." + part), split])], perm=perm)
                       for part, perm in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])))
            a = self.node("Div", [self.node("MatMul", [q, k]), self.number(float(np.sqrt(size)))])
            a = self.node("Softmax", [self.node("Add", [a, mask])], axis=-1)
            a = self.node("Reshape", [self.node("Transpose", [self.node("MatMul", [a, v])], perm=[0, 2, 1, 3]), join])
            x = self.norm(self.node("Add", [self.linear(a, p + "attention.output.dense"), x]), p + "attention.output.LayerNorm")
            y = self.linear(x, p + "intermediate.dense")
            g = self.node("Add", [self.node("Erf", [self.node("Div", [y, self.number(float(np.float32(np.sqrt(2))))])]), self.number(1.0)])
            y = self.node("Mul", [self.node("Mul", [y, g]), self.number(0.5)])
            x = self.norm(self.node("Add", [self.linear(y, p + "output.dense"), x]), p + "output.LayerNorm")
        return x

    def optimized(self):
        ids, types, mask = (self.node("Cast", [k], to=TensorProto.INT32) for k in ("input_ids", "token_type_ids", "attention_mask"))
        e = "embeddings."
        tables = [self.tensor(e + t + "_embeddings.weight") for t in ("word", "position", "token_type")]
        x = self.own("EmbedLayerNormalization", [ids, types] + tables + [self.tensor(e + "LayerNorm.weight"), self.tensor(e + "LayerNorm.bias"), mask],
                     2, epsilon=EPS)[0]
        for i in range(self.layers):
            p = f"encoder.layer.{i}."
            parts = [p + "attention.self." + part for part in ("query", "key", "value")]
            m = np.concatenate([self.w[k + ".weight"].T for k in parts], 1)
            b = self.const(p + "qkv bias", np.concatenate([self.w[k + ".bias"] for k in parts]))
            if self.int8:
                xq, xs, xz = self.node("DynamicQuantizeLinear", [x], 3)
                q, s, z = self.matrix8(p + "qkv", m)
                a = self.own("QAttention", [xq, q, b, xs, s, mask, xz, z], num_heads=self.heads)
            else:
                a = self.own("Attention", [x, self.const(p + "qkv", m), b, mask], num_heads=self.heads)

            def add_norm(y, x, bias, norm):
                return self.own("SkipLayerNormalization", [y, x, self.tensor(norm + ".weight"), self.tensor(norm + ".bias"), self.tensor(bias + ".bias")], epsilon=EPS)
            x = add_norm(self.linear(a, p + "attention.output.dense", False), x, p + "attention.output.dense", p + "attention.output.LayerNorm")
            y = self.own("BiasGelu", [self.linear(x, p + "intermediate.dense", False), self.tensor(p + "intermediate.dense.bias")])
            x = add_norm(self.linear(y, p + "output.dense", False), x, p + "output.dense", p + "output.LayerNorm")
        return x

    def save(self, path):
        self.node("Identity", [self.optimized() if self.fused else self.plain()])
        self.nodes[-1].output[0] = "last_hidden_state"
        inputs = [helper.make_tensor_value_info(k, TensorProto.INT64, ["batch", "tokens"]) for k in ("input_ids", "attention_mask", "token_type_ids")]
        outputs = [helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "tokens", self.hidden])]
        model = helper.make_model(helper.make_graph(self.nodes, "encoder", inputs, outputs, self.constants),
                                  opset_imports=[helper.make_opsetid("", 14), helper.make_opsetid("com.microsoft", 1)])
        model.ir_version = 8
        onnx.save(model, path)


def main():
    shape, out = SHAPES[sys.argv[1]], sys.argv[2]
    w = make_weights(shape[0], shape[1], shape[3])
    write_checkpoint(out + "/float", shape, w)
    for fused in (False, True):
        for int8 in (False, True):
            Graph(shape, w, fused, int8).save(f"{out}/{'fused' if fused else 'plain'}-{'int8' if int8 else 'f32'}.onnx")


if __name__ == "__main__":
    main()
