#!/usr/bin/env python3
"""Makes the default encoder and reader from text: see README.md.

    python3 train.py --data DIR --out DIR [--dev DIR] [--budget cpu|tiny] 
                     [--stage all|prepare|static|encoder|reader|export|score|baselines]

Every stage leaves its result under OUT and is skipped or resumed when run again. `all` runs the encoder
and the reader side by side, one process and one thread each.
"""
import os

# One thread a process, and a C allocator that keeps its memory: page faults cost 15-20% otherwise. Must come before numpy.
_ENV = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": "2147483648",
        "MALLOC_TRIM_THRESHOLD_": "8589934592", "MALLOC_TOP_PAD_": "268435456"}
if __name__ == "__main__" and "MALLOC_TOP_PAD_" not in os.environ:
    import sys
    os.environ.update(_ENV)
    os.execv(sys.executable, [sys.executable] + sys.argv)

import argparse
import json
import subprocess
import sys
import time
import zlib

import numpy as np
import torch

import data
import encoder
import evaluate
import export
import model
import pairs
import reader
import static
import tokenizer

BUDGETS = {
    # What the published checkpoints were made with: about two hours on two shared cores.
    "cpu": {
        "vocab": 15360,
        # The third run learns Wikipedia better and other text worse; the mean of the last two does well on both.
        "static": [{"steps": 1500, "lr": 0.02, "scale": 20.0, "passage": 96, "seed": 1},
                   {"steps": 300, "lr": 0.005, "scale": 40.0, "passage": 96, "seed": 11},
                   {"steps": 2000, "lr": 0.01, "scale": 30.0, "passage": 180, "seed": 11, "sts_weight": 0.1}],
        "average": 2,
        "encoder_shape": {"hidden": 384, "layers": 2, "heads": 6, "ffn": 768},
        "encoder_passage": 192,
        # Later steps lose on text unlike Wikipedia; see README.md. The rate is that of a run of 38 minutes.
        "encoder": {"minutes": 38, "stop": 80, "lr": 2e-4, "embed_factor": 0.0, "batch": 96, "group": 1, "check_every": 80},
        "encoder_blend": 0.25,
        "reader_shape": {"hidden": 256, "layers": 4, "heads": 4, "ffn": 768},
        "reader": {"minutes": 84, "lr": 1e-3, "tokens": 1600, "limit": 144, "check_every": 1000},
    },
    # Seconds, for trying out the recipe.
    "tiny": {
        "vocab": 1200,
        "static": [{"steps": 40, "lr": 0.02, "scale": 20.0, "passage": 32, "batch": 64, "seed": 1}],
        "average": 1,
        "encoder_shape": {"hidden": 384, "layers": 2, "heads": 6, "ffn": 64},
        "encoder_passage": 32,
        "encoder": {"minutes": 5, "max_steps": 30, "lr": 5e-4, "embed_factor": 2.0, "batch": 32, "group": 8, "pool": 128,
                    "memory": 64, "check_every": 10},
        "encoder_blend": 0.5,
        "reader_shape": {"hidden": 256, "layers": 3, "heads": 4, "ffn": 64},
        "reader": {"minutes": 5, "max_steps": 40, "tokens": 800, "limit": 96, "check_every": 10},
    },
}


class Run:
    """One output folder: paths, log and the stages."""

    def __init__(self, root, out, budget, dev=None):
        self.root, self.out, self.b, self.dev = root, out, BUDGETS[budget], dev
        self.cache = out + "/cache"
        os.makedirs(out, exist_ok=True)

    def log(self, r):
        r = {"time": time.strftime("%H:%M:%S"), **r}
        print(json.dumps(r), flush=True)
        with open(self.out + "/log.jsonl", "a") as f:
            f.write(json.dumps(r) + "\n")

    def tok(self):
        return tokenizer.load(self.cache + "/vocab.txt")

    def devset(self, tok):
        return evaluate.Dev(self.dev, tok).run if self.dev else None

    def prepare(self, procs=2):
        """Vocabulary, tokenised text, question-answering sets, syntax vectors."""
        tok = data.build(self.root, self.cache, self.b["vocab"], procs)
        reader.build(self.root, tok, self.cache)
        if not os.path.exists(self.cache + "/syntax.npy"):
            flat = np.load(self.cache + "/paras.flat.npy")
            np.save(self.cache + "/syntax.npy", reader.syntax_vectors(flat, len(tok.vocab), 80))
        self.log({"stage": "prepare", "vocab": len(tok.vocab)})

    def static(self):
        tok, c = self.tok(), data.Corpus(self.cache)
        start, done = None, []
        for k, kw in enumerate(self.b["static"]):
            path, kw = f"{self.out}/static{k}.npz", dict(kw)
            if not os.path.exists(path):
                s = pairs.Sampler(c, tok.ids["."], kw["seed"], passage=kw.pop("passage"))
                sts = c.sts if "sts_weight" in kw else None
                static.train(s, len(tok.vocab), path, log=self.log, start=start, sts=sts, evaluate=self.devset(tok), **kw)
            done.append(dict(np.load(path)))
            start = torch.from_numpy(done[-1]["e"])
        z = static.average(done[-self.b["average"]:])
        np.savez(self.out + "/static.tmp.npz", **z)
        os.replace(self.out + "/static.tmp.npz", self.out + "/static.npz")

    def static_vectors(self):
        return dict(np.load(self.out + "/static.npz"))

    def new_encoder(self, tok, z):
        torch.manual_seed(4)
        m = model.Encoder(model.config(len(tok.vocab), **self.b["encoder_shape"]))
        encoder.initialise(m, z, 4)
        return m

    def encoder(self):
        tok, c, z = self.tok(), data.Corpus(self.cache), self.static_vectors()
        s = pairs.Sampler(c, tok.ids["."], 4, passage=self.b["encoder_passage"], vary=True)
        return encoder.train(self.new_encoder(tok, z), z, s, self.out + "/encoder.pt", log=self.log, check=self.devset(tok),
                             **self.b["encoder"])

    def encoder_weights(self):
        """The start, moved a part of the way to where training led (WiSE-FT, Wortsman et al. 2022)."""
        s0 = self.new_encoder(self.tok(), self.static_vectors()).state_dict()
        s1 = torch.load(self.out + "/encoder.pt")["avg"]
        return {k: (s0[k] + self.b["encoder_blend"] * (s1[k] - s0[k])).numpy() for k in s0}

    def reader(self):
        tok, c, z = self.tok(), data.Corpus(self.cache), self.static_vectors()
        torch.manual_seed(3)
        qs = reader.Questions(self.cache, 1)
        m = model.Reader(model.config(len(tok.vocab), **self.b["reader_shape"], reader=True))
        topic, syntax = reader.topic_vectors(z, 112), np.load(self.cache + "/syntax.npy")
        reader.initialise(m, topic, syntax, 3)
        made = reader.Synthetic(c, tok, reader.neighbors(topic, syntax), 9)
        check = None
        if self.dev:
            items = reader.squad_items(self.dev + "/qa/squad_dev.json")
            items = [items[i] for i in np.random.default_rng(0).permutation(len(items))[:500]]
            check = lambda m: reader.score(m, tok, items)
        return reader.train(m, qs, self.out + "/reader.pt", synthetic=made, log=self.log, check=check, **self.b["reader"])

    def export(self, folder):
        """Checkpoints in the Hugging Face layout under folder/encoder and folder/reader, whichever are there."""
        tok = self.tok()
        if os.path.exists(self.out + "/encoder.pt"):
            c = model.config(len(tok.vocab), **self.b["encoder_shape"])
            export.encoder(folder + "/encoder", tok.vocab, c, self.encoder_weights())
        if os.path.exists(self.out + "/reader.pt"):
            s = torch.load(self.out + "/reader.pt")["avg"]
            c = model.config(len(tok.vocab), **self.b["reader_shape"], reader=True)
            m = model.Reader(c)
            m.load_state_dict(s)
            null = reader.null_threshold(m, reader.Questions(self.cache, 1))
            self.log({"stage": "export", **null})
            export.reader(folder + "/reader", tok.vocab, c, {k: v.numpy() for k, v in s.items()}, null["threshold"])


def load(folder):
    """(model, tokenizer) of an exported folder, encoder or reader, in float32."""
    with open(folder + "/config.json", encoding="utf-8") as f:
        c = json.load(f)
    with open(folder + "/tokenizer.json", encoding="utf-8") as f:
        v = json.load(f)["model"]["vocab"]
    state = {k: torch.from_numpy(x) for k, x in export.read_safetensors(folder + "/model.safetensors").items()}
    if c["architectures"] == ["BertModel"]:
        m = model.Encoder(c)
        state = {"bert." + k: x for k, x in state.items()}
    else:
        m = model.Reader(c)
    m.load_state_dict(state)
    return m, tokenizer.Tokenizer(sorted(v, key=v.get))


def hashing(lists, dim=384):
    """A bag of word pieces hashed to dim signed places: what costs nothing to make."""
    out = np.zeros((len(lists), dim), np.float32)
    for i, x in enumerate(lists):
        for t in x:
            h = zlib.crc32(str(int(t)).encode())
            out[i, h % dim] += 1 if h >> 16 & 1 else -1
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)


def baselines(folder, dev):
    """The encoder's development scores for a hashed bag and for its architecture with random weights."""
    m, tok = load(folder + "/encoder")
    d = evaluate.Dev(dev, tok)
    torch.manual_seed(1)
    r = model.Encoder(m.bert.config)
    return {"hashing": d.run(hashing), "random": d.run(lambda x: encoder.encode(r, x))}


def score(folder, dev):
    """Scores of exported checkpoints on the development sets, from the files themselves."""
    out = {}
    if os.path.exists(folder + "/encoder/model.safetensors"):
        m, tok = load(folder + "/encoder")
        out["encoder"] = evaluate.Dev(dev, tok).run(lambda x: encoder.encode(m, x))
    if os.path.exists(folder + "/reader/model.safetensors"):
        m, tok = load(folder + "/reader")
        for n in ("squad_dev", "squad_realigned_dev"):
            out[n] = reader.score(m, tok, reader.squad_items(f"{dev}/qa/{n}.json"))
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", help="folder of the training data")
    p.add_argument("--out", required=True, help="working folder; checkpoints go to OUT/model unless --model")
    p.add_argument("--dev", help="folder of development sets, to measure while training")
    p.add_argument("--model", help="where to export to")
    p.add_argument("--budget", choices=sorted(BUDGETS), default="cpu")
    p.add_argument("--stage", default="all", choices=["all", "prepare", "static", "encoder", "reader", "export", "score", "baselines"])
    a = p.parse_args()
    torch.set_num_threads(1)
    model.BF16 = True  # training only: export and score compute in float32
    run, folder = Run(a.data, a.out, a.budget, a.dev), a.model or a.out + "/model"
    if a.stage in ("all", "prepare"):
        run.prepare()
    if a.stage in ("all", "static") and not os.path.exists(a.out + "/static.npz"):
        run.static()
    if a.stage == "all":
        again = [sys.executable] + sys.argv
        ps = [subprocess.Popen(again + ["--stage", s]) for s in ("encoder", "reader")]
        if any([x.wait() for x in ps]):
            sys.exit("a stage failed")
    if a.stage == "encoder":
        run.encoder()
    if a.stage == "reader":
        run.reader()
    model.BF16 = False
    if a.stage in ("all", "export"):
        run.export(folder)
    if a.stage == "score" or (a.stage == "all" and a.dev):
        run.log({"stage": "score", **score(folder, a.dev)})
    if a.stage == "baselines":
        run.log({"stage": "baselines", **baselines(folder, a.dev)})


if __name__ == "__main__":
    main()
