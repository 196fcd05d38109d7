#!/usr/bin/env python3
"""Makes the default encoder and reader from text: see README.md.

    python3 train.py --data DIR --out OUT [--dev DIR] [--budget cpu|tiny]
                     [--stage all|prepare|static|encoder|reader|export|score|baselines|quant|compare]
    python3 train.py --out OUT --budget gpu|gpu-tiny --stage pack|unpack|pretrain|retrieval|read|distil|export
                     [--minutes M] [--packed DIR] [--keep DIR]

Every stage leaves its result under OUT and is skipped or resumed when run again, with the same result as an unbroken
run. `all` runs the encoder and the reader side by side, one process and one thread each. The stages of a GPU
budget pause after M minutes; type the same command again to go on.
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
import fixtures
import gpu
import loop
import model
import pairs
import pieces
import pretrain
import quant
import reader
import static
import tokenizer

BUDGETS = {
    # What the published checkpoints were made with: about an hour and a half on two shared cores.
    "cpu": {
        "vocab": 15360,
        "static": [{"steps": 1500, "lr": 0.02, "scale": 20.0, "passage": 96, "seed": 1},
                   {"steps": 600, "lr": 0.01, "scale": 30.0, "passage": 96, "seed": 11, "plain": 0.3, "sts_every": 1, "sts_weight": 0.5},
                   {"steps": 400, "lr": 0.01, "scale": 30.0, "passage": 96, "seed": 12, "plain": 0.5, "sts_every": 1, "sts_weight": 3.0,
                    "sts_drop": 0.3},
                   {"steps": 60, "lr": 0.01, "scale": 30.0, "passage": 96, "seed": 13, "nce": 0.0, "sts_every": 1, "sts_weight": 1.0,
                    "sts_drop": 0.3}],
        "average": 1,
        "encoder_shape": {"hidden": 384, "layers": 2, "heads": 6, "ffn": 768},
        "encoder_pairs": {"passage": 64, "plain": 0.3},
        # Later steps lose on text unlike Wikipedia; see README.md.
        "encoder": {"steps": 100, "lr": 2e-4, "embed_factor": 0.0, "batch": 64, "sts_every": 1, "sts_weight": 1.0, "sts_drop": 0.3,
                    "check_every": 100},
        "encoder_blend": 0.05,
        "reader_shape": {"hidden": 256, "layers": 4, "heads": 4, "ffn": 768},
        "reader": {"budget": 16_000_000, "early": (4200, 22_000_000), "lr": 1e-3, "tokens": 1600, "limit": 144, "check_every": 2000},
        # The comparison of the two pre-trainings.
        "compare": {"length": 128, "batch": 12, "tokens": 200_000, "lr": 5e-4, "reader_tokens": 200_000},
    },
    # Seconds, for trying out the recipe.
    "tiny": {
        "vocab": 1200,
        "static": [{"steps": 40, "lr": 0.02, "scale": 20.0, "passage": 32, "batch": 64, "seed": 1, "save_every": 10},
                   {"steps": 20, "lr": 0.01, "scale": 20.0, "passage": 32, "batch": 64, "seed": 2, "plain": 0.3, "sts_every": 1,
                    "sts_batch": 16, "sts_drop": 0.3, "save_every": 10}],
        "average": 1,
        "encoder_shape": {"hidden": 384, "layers": 2, "heads": 6, "ffn": 64},
        "encoder_pairs": {"passage": 32, "plain": 0.1},
        "encoder": {"steps": 30, "lr": 5e-4, "embed_factor": 2.0, "batch": 32, "memory": 64, "check_every": 10, "save_every": 10},
        "encoder_blend": 0.5,
        "reader_shape": {"hidden": 256, "layers": 3, "heads": 4, "ffn": 64},
        "reader": {"budget": 30_000, "tokens": 800, "limit": 96, "check_every": 10, "save_every": 10},
        "compare": {"length": 32, "batch": 8, "tokens": 4_000, "lr": 5e-4, "reader_tokens": 4_000},
    },
    # Thirty minutes of one large GPU: docs/design/0006-training.md has the plan and the calls.
    "gpu": {
        "vocab": 30000,
        "trunk": {"hidden": 384, "layers": 12, "heads": 6, "ffn": 1536},
        "pretrain": {"kind": "mlm", "length": 256, "batch": 512, "budget": 1_200_000_000, "lr": 1e-3, "seed": 1,
                     "limit": {500_000_000: 3.5}},
        "retrieval": {"passage": 128, "batch": 512, "sts_batch": 256, "budget": 150_000_000, "lr": 2e-4, "seed": 2, "clip": 1.0},
        "read": {"tokens": 32_000, "limit": 192, "budget": 60_000_000, "lr": 3e-4, "seed": 3},
        "distil": {"encoder": {"budget": 100_000_000, "lr": 3e-4, "seed": 4}, "reader": {"budget": 40_000_000, "lr": 3e-4, "seed": 5}},
    },
    # The same on a CPU in seconds.
    "gpu-tiny": {
        "vocab": 1200,
        "trunk": {"hidden": 64, "layers": 4, "heads": 2, "ffn": 128},
        "pretrain": {"kind": "mlm", "length": 32, "batch": 16, "budget": 30_000, "lr": 3e-3, "seed": 1, "log_every": 5},
        "retrieval": {"passage": 32, "batch": 32, "sts_batch": 16, "budget": 40_000, "lr": 1e-3, "seed": 2, "log_every": 3},
        "read": {"tokens": 800, "limit": 96, "budget": 30_000, "lr": 1e-3, "seed": 3, "log_every": 5},
        "distil": {"encoder": {"budget": 12_000, "lr": 1e-3, "seed": 4, "log_every": 5},
                   "reader": {"budget": 12_000, "lr": 1e-3, "seed": 5, "log_every": 5}},
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

    def sampler(self, seed, kw, vary=False):
        """Pairs; kw: passage, the longest passage in tokens, and plain, the share of plain sentences beside the rest."""
        mix = {**pairs.MIX, **({"plain": kw["plain"]} if "plain" in kw else {})}
        return pairs.Sampler(data.Corpus(self.cache), self.tok().ids["."], seed, passage=kw["passage"], mix=mix, vary=vary)

    def static(self, stop=None):
        """The runs of word vectors, each from the one before; stop ends the last of them early."""
        tok, start, done = self.tok(), None, []
        for k, kw in enumerate(self.b["static"]):
            path, kw = f"{self.out}/static{k}.npz", dict(kw)
            if not os.path.exists(path):
                s = self.sampler(kw["seed"], {k: kw.pop(k) for k in ("passage", "plain") if k in kw})
                last = k == len(self.b["static"]) - 1
                static.train(s, len(tok.vocab), path, log=self.log, start=start, evaluate=self.devset(tok), stop=stop if last else None, **kw)
                if not os.path.exists(path):
                    return
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

    def encoder(self, stop=None):
        tok, z = self.tok(), self.static_vectors()
        s = self.sampler(4, self.b["encoder_pairs"], vary=True)
        return encoder.train(self.new_encoder(tok, z), s, self.out + "/encoder.pt", log=self.log, check=self.devset(tok), stop=stop,
                             **self.b["encoder"])

    def encoder_weights(self):
        """The start, moved a part of the way to where training led (WiSE-FT, Wortsman et al. 2022)."""
        s0 = self.new_encoder(self.tok(), self.static_vectors()).state_dict()
        s1 = torch.load(self.out + "/encoder.pt", **model.TRUSTED)["avg"]
        return {k: (s0[k] + self.b["encoder_blend"] * (s1[k] - s0[k])).numpy() for k in s0}

    def new_reader(self, tok, z):
        """(reader in its initial shape, source of made-up questions)."""
        torch.manual_seed(3)
        m = model.Reader(model.config(len(tok.vocab), **self.b["reader_shape"], reader=True))
        topic, syntax = reader.topic_vectors(z, 112), np.load(self.cache + "/syntax.npy")
        reader.initialise(m, topic, syntax, 3)
        return m, reader.Synthetic(data.Corpus(self.cache), tok, reader.neighbors(topic, syntax))

    def reader_check(self, tok):
        """Scores on 400 questions of the half of squad_dev that may be looked at; None without development sets."""
        if not self.dev:
            return None
        items = reader.squad_items(self.dev + "/qa/squad_dev.json", "tune")
        items = [items[i] for i in np.random.default_rng(0).permutation(len(items))[:400]]
        return lambda m: reader.score(m, tok, items)

    def reader(self, stop=None):
        """The reader, from the first static run: that need not wait for the others."""
        tok, z = self.tok(), dict(np.load(self.out + "/static0.npz"))
        qs = reader.Questions(self.cache, z["e"] * z["gain"])
        m, made = self.new_reader(tok, z)
        return reader.train(m, qs, self.out + "/reader.pt", synthetic=made, log=self.log, check=self.reader_check(tok), stop=stop,
                            **self.b["reader"])

    def compare(self):
        """What the two pre-trainings give the reader at an equal number of tokens, against none at all."""
        tok, z, c = self.tok(), dict(np.load(self.out + "/static0.npz")), self.b["compare"]
        qs = reader.Questions(self.cache, z["e"] * z["gain"])
        corpus, check, out = data.Corpus(self.cache), self.reader_check(tok), {}
        for kind in ("none", "mlm", "rtd"):
            folder = f"{self.out}/compare-{kind}"
            m, made = self.new_reader(tok, z)
            m.train()
            if kind != "none":
                task = pretrain.Task(kind, m.bert, pretrain.Stream(corpus, c["length"]), c["batch"])
                loop.run(task, folder, "compare-" + kind, c["tokens"], c["lr"], log=self.log, every=60.0, log_every=20)
            run = reader.train(m, qs, folder + ".pt", c["reader_tokens"], synthetic=made, tokens=self.b["reader"]["tokens"],
                               limit=self.b["reader"]["limit"], log=self.log, save_every=10**9)
            out[kind] = {"loss": round(float(np.mean(run[-50:])), 4)} if run else {}
            if check:
                m2 = model.Reader(m.bert.config)
                m2.load_state_dict(torch.load(folder + ".pt", **model.TRUSTED)["avg"])
                out[kind].update(check(m2))
            self.log({"stage": "compare", "kind": kind, **out[kind]})
        return out

    # ---- a GPU budget ----

    def trunk(self):
        torch.manual_seed(1)
        c = model.config(len(self.tok().vocab), **self.b["trunk"])
        return model.Bert(c)

    def _run(self, task, stage, kw, name, keep, pause, stop):
        """Runs one stage and leaves its weights, in float16, in the set OUT/name; True when it is finished."""
        done = loop.run(task, f"{self.out}/{stage}", stage, log=self.log, pause=pause, stop=stop, **kw)
        m = task.module.trunk if hasattr(task.module, "trunk") else task.module
        raw = export.safetensors({k: v.float().cpu().numpy() for k, v in m.state_dict().items()})
        if done:
            pieces.write(f"{self.out}/{name}", raw)
        if keep:  # what comes back from a machine that keeps nothing
            pieces.write(f"{keep}/{name}", raw)
        self.log({"stage": stage, "finished": done, "name": name})
        return done

    def weights(self, name, m):
        m.load_state_dict({k: torch.from_numpy(v) for k, v in export.parse_safetensors(pieces.read(f"{self.out}/{name}")).items()})
        return m

    def pretrain(self, keep=None, pause=None, stop=None):
        kw = dict(self.b["pretrain"])
        stream = pretrain.Stream(data.Corpus(self.cache), kw.pop("length"))
        task = pretrain.Task(kw.pop("kind"), self.trunk(), stream, kw.pop("batch"))
        return self._run(task, "pretrain", kw, "trunk", keep, pause, stop)

    def _contrast(self, trunk):
        kw = dict(self.b["retrieval"])
        s = self.sampler(kw["seed"], {"passage": kw.pop("passage")}, vary=True)
        return gpu.Contrast(trunk, s, kw.pop("batch"), 256, sts_batch=kw.pop("sts_batch")), {**kw, "compiled": False}

    def _read(self, trunk):
        kw = dict(self.b["read"])
        return gpu.Read(trunk, reader.Questions(self.cache), None, kw.pop("tokens"), kw.pop("limit"), kw["seed"]), {**kw, "compiled": False}

    def retrieval(self, keep=None, pause=None, stop=None):
        task, kw = self._contrast(self.weights("trunk", self.trunk()))
        return self._run(task, "retrieval", kw, "encoder-deep", keep, pause, stop)

    def read(self, keep=None, pause=None, stop=None):
        task, kw = self._read(self.weights("trunk", self.trunk()))
        return self._run(task, "read", kw, "reader-deep", keep, pause, stop)

    def distil(self, keep=None, pause=None, stop=None):
        done = True
        for name, make in (("encoder", self._contrast), ("reader", self._read)):
            if os.path.exists(f"{self.out}/{name}-small/manifest.json"):
                continue
            task, _ = make(self.trunk())
            teacher = self.weights(name + "-deep", task.module)
            kw = {**self.b["distil"][name], "compiled": False}
            done = self._run(gpu.Distil(task, teacher), "distil-" + name, kw, name + "-small", keep, pause, stop) and done
        return done

    def export_deep(self, folder):
        """The distilled models, else the deep ones, whichever are there, and fixtures for other implementations."""
        tok, enc, rd = self.tok(), None, None
        for kind in ("encoder", "reader"):
            for size in ("small", "deep"):
                if not os.path.exists(f"{self.out}/{kind}-{size}/manifest.json"):
                    continue
                shape = dict(self.b["trunk"])
                if size == "small":
                    shape["layers"] = max(1, shape["layers"] // 2)
                c = model.config(len(tok.vocab), **shape, reader=kind == "reader")
                m = self.weights(f"{kind}-{size}", (model.Encoder if kind == "encoder" else model.Reader)(c)).eval()
                state = {k: v.numpy() for k, v in m.state_dict().items()}
                if kind == "encoder":
                    enc = m
                    export.encoder(folder + "/encoder", tok.vocab, c, state)
                else:
                    rd = m
                    null = reader.null_threshold(m, reader.Questions(self.cache))
                    self.log({"stage": "export", **null})
                    export.reader(folder + "/reader", tok.vocab, c, state, null["threshold"])
                break
        if enc is None and rd is None:
            raise ValueError(f"{self.out}: nothing to export")
        return fixtures.write(folder, enc, rd, tok)

    def export(self, folder):
        """Checkpoints in the Hugging Face layout under folder/encoder and folder/reader, whichever are there."""
        tok, enc, rd = self.tok(), None, None
        if os.path.exists(self.out + "/encoder.pt"):
            c = model.config(len(tok.vocab), **self.b["encoder_shape"])
            export.encoder(folder + "/encoder", tok.vocab, c, self.encoder_weights())
            enc = load(folder + "/encoder")[0]
        if os.path.exists(self.out + "/reader.pt"):
            s = torch.load(self.out + "/reader.pt", **model.TRUSTED)["avg"]
            c = model.config(len(tok.vocab), **self.b["reader_shape"], reader=True)
            m = model.Reader(c)
            m.load_state_dict(s)
            null = reader.null_threshold(m, reader.Questions(self.cache))
            self.log({"stage": "export", **null})
            export.reader(folder + "/reader", tok.vocab, c, {k: v.numpy() for k, v in s.items()}, null["threshold"])
            rd = load(folder + "/reader")[0]
        fixtures.write(folder, enc, rd, tok)


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


def score(folder, dev, quantised=False, part=None):
    """Scores of exported checkpoints on the development sets, from the files themselves; quantised: as if in int8; part:
    "tune" or "report" for one half of the sets."""
    out, turn = {}, quant.simulate if quantised else lambda m: m
    if os.path.exists(folder + "/encoder/model.safetensors"):
        m, tok = load(folder + "/encoder")
        turn(m)
        out["encoder"] = evaluate.Dev(dev, tok, part).run(lambda x: encoder.encode(m, x))
    if os.path.exists(folder + "/reader/model.safetensors"):
        m, tok = load(folder + "/reader")
        turn(m)
        for n in ("squad_dev", "squad_realigned_dev"):
            out[n] = reader.score(m, tok, reader.squad_items(f"{dev}/qa/{n}.json", part))
    return out


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", help="folder of the training data")
    p.add_argument("--out", required=True, help="working folder; checkpoints go to OUT/model unless --model")
    p.add_argument("--dev", help="folder of development sets, to measure while training")
    p.add_argument("--model", help="where to export to")
    p.add_argument("--budget", choices=sorted(BUDGETS), default="cpu")
    p.add_argument("--stage", default="all", choices=["all", "prepare", "static", "encoder", "reader", "export", "score", "baselines", "quant",
                                                      "compare", "pack", "unpack", "pretrain", "retrieval", "read", "distil"])
    p.add_argument("--half", choices=["tune", "report"], help="score, quant: on one half of the development sets")
    p.add_argument("--minutes", type=float, help="pause a stage of a GPU budget after so long")
    p.add_argument("--packed", help="pack: where to; unpack: where from (OUT/packed)")
    p.add_argument("--load", type=float, default=56.0, help="pack: MiB that go in one call; PACKED/0, PACKED/1, ... hold so much each")
    p.add_argument("--keep", help="also leave the weights here, in files of at most 16 MiB")
    a = p.parse_args()
    pause = time.time() + 60 * a.minutes if a.minutes else None
    deep = a.budget.startswith("gpu")
    if deep and a.stage in ("all", "static", "encoder", "reader", "compare"):
        p.error(f"--stage {a.stage} is not one of a GPU budget")
    if not deep and a.stage in ("pretrain", "retrieval", "read", "distil"):
        p.error(f"--stage {a.stage} needs --budget gpu or gpu-tiny")
    torch.set_num_threads(1)
    if torch.cuda.is_available():
        torch.backends.cuda.matmul.allow_tf32 = True
    model.BF16 = not torch.cuda.is_available()  # training only: export and score compute in float32
    run, folder = Run(a.data, a.out, a.budget, a.dev), a.model or a.out + "/model"
    packed = a.packed or a.out + "/packed"
    if a.stage in ("all", "prepare"):
        run.prepare()
    if a.stage == "pack":
        run.log({"stage": "pack", "bytes": pieces.pack(run.cache, packed), "loads": pieces.loads(packed, int(a.load * 2**20))})
    if a.stage == "unpack":
        run.log({"stage": "unpack", "files": len(pieces.unpack(packed, run.cache))})
    if a.stage in ("pretrain", "retrieval", "read", "distil"):
        getattr(run, a.stage)(keep=a.keep, pause=pause)
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
    if a.stage == "compare":
        run.compare()
    model.BF16 = False
    if a.stage in ("all", "export"):
        run.export_deep(folder) if deep else run.export(folder)
    if a.stage == "score" or (a.stage == "all" and a.dev):
        run.log({"stage": "score", **score(folder, a.dev, part=a.half)})
    if a.stage == "baselines":
        run.log({"stage": "baselines", **baselines(folder, a.dev)})
    if a.stage == "quant":
        run.log({"stage": "quant", **score(folder, a.dev, True, a.half)})


if __name__ == "__main__":
    main()
