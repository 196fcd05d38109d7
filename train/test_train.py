"""Tests of the recipe on made-up data: python3 -m unittest test_train   (about two minutes, no data needed)."""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np
import torch

import data
import encoder
import evaluate
import export
import fixtures
import loop
import model
import pairs
import pieces
import pretrain
import quant
import reader
import static
import tokenizer
import train
import vocab


def made_up(folder, seed=0):
    """A small world: articles on invented towns, with facts and questions."""
    rng = random.Random(seed)
    syl = ["ka", "lo", "mir", "ten", "vas", "dor", "el", "shu", "ban", "rit", "og", "pel"]
    name = lambda n: "".join(rng.choice(syl) for _ in range(n)).capitalize()
    goods = [name(2).lower() for _ in range(40)]
    wiki, qa = [], []
    for _ in range(60):
        town, mayor, river, good = name(3), name(2) + " " + name(3), name(2), rng.choice(goods)
        year = rng.randrange(1500, 1999)
        p1 = (f"{town} is a town on the river {river} and is known for {good}. It was founded in {year} by {mayor} of the old guild. "
              f"Many people of {town} still trade in {good} at the market by the bridge.")
        p2 = (f"The river {river} rises in the hills above {town} and runs to the sea. Boats carry {good} down the river in summer. "
              f"In winter the river near {town} is frozen and nobody travels on it.")
        wiki.append({"title": town, "paras": [p1, "Geography.", p2]})
        qas = [(f"When was {town} founded?", str(year)), (f"Who founded {town}?", mayor), (f"What is {town} known for?", good)]
        qa.append({"source": "x", "title": town, "context": p1, "qas": [{"q": q, "a": [[a, p1.index(a)]], "cov": 1.0, "off": 0} for q, a in qas]})
    sts = [{"a": f"the {g} is sold", "b": f"somebody sells the {g}", "score": 4.0} for g in goods]
    sts += [{"a": f"the {g} is sold", "b": "a river runs to the sea", "score": 0.5} for g in goods]
    for path, rows in (("text/wiki_core_00", wiki), ("qa/squad_realigned", qa), ("pairs/stsb_train", sts)):
        os.makedirs(os.path.dirname(f"{folder}/{path}"), exist_ok=True)
        with open(f"{folder}/{path}.jsonl", "w", encoding="utf-8") as f:
            f.write("".join(json.dumps(r) + "\n" for r in rows))


class Tokenizing(unittest.TestCase):
    def setUp(self):
        self.tok = tokenizer.Tokenizer(tokenizer.SPECIALS + ["un", "##aff", "##able", "cafe", "!", "c", "##a", "中", "$", "5"])

    def test_pieces(self):
        self.assertEqual([self.tok.vocab[i] for i in self.tok.encode("Unaffable CAFÉ! 中$5 zz")],
                         ["un", "##aff", "##able", "cafe", "!", "中", "$", "5", "[UNK]"])

    def test_offsets_are_characters_of_the_original(self):
        text = "A\u0000 Cafe\u0301! \u4e2d"
        ids, st, en = self.tok.encode_offsets(text)
        self.assertEqual(ids, self.tok.encode(text))
        self.assertEqual([text[a:b] for a, b in zip(st, en)][1:], ["Cafe", "!", "中"])

    def test_long_word_is_unknown(self):
        self.assertEqual(self.tok.encode("c" + "a" * 100), [tokenizer.UNK])
        self.assertEqual(len(self.tok.encode("c" + "a" * 99)), 100)

    def test_vocabulary_has_specials_and_ascii(self):
        v = vocab.learn({"low": 50, "lower": 40, "lowest": 30, "newer": 60, "wider": 20, "日本": 9}, 420, min_count=1)
        self.assertEqual(v[:5], tokenizer.SPECIALS)
        self.assertEqual(len(v), len(set(v)))
        for c in "az09~!":
            self.assertIn(c, v)
            self.assertIn("##" + c, v)
        self.assertIn("low", v)
        self.assertIn("日", v)


class Measuring(unittest.TestCase):
    def test_scores(self):
        self.assertAlmostEqual(evaluate.rank_correlation([1, 2, 3], [10, 20, 30]), 1)
        self.assertAlmostEqual(evaluate.ndcg(["a", "b"], {"a": 1}), 1)
        self.assertLess(evaluate.ndcg(["b", "a"], {"a": 1}), 1)
        self.assertEqual(evaluate.exact("The Cat.", ["cat"]), 1)
        self.assertAlmostEqual(evaluate.f1("black cat", ["the cat"]), 2 / 3)

    def test_halves(self):
        # printf 'half:Hunting' | sha256sum, and so on: the rule of semsearch eval --half
        self.assertEqual([evaluate.half(x) for x in ("Hunting", "1", "2", "3")], ["tune", "report", "tune", "report"])

    def test_bm25_finds_the_rare_word(self):
        self.assertEqual(int(evaluate.BM25(["a red fox", "a red hen", "a red cow"]).scores("red hen").argmax()), 1)


class Pieces(unittest.TestCase):
    def test_a_set_is_whole_or_not_there(self):
        with tempfile.TemporaryDirectory() as d:
            raw = bytes(range(256)) * 10
            for n in (3, 12):
                pieces.write(f"{d}/step-{n}", raw + bytes([n]), limit=1000)
            self.assertEqual(len(os.listdir(d + "/step-12")), 4)
            self.assertEqual(max(os.path.getsize(f"{d}/step-12/{x}") for x in os.listdir(d + "/step-12") if x != "manifest.json"), 1000)
            self.assertEqual(pieces.last(d, "step"), (12, raw + b"\x0c"))
            with open(d + "/step-12/part-001", "r+b") as f:  # a damaged part: the set before it counts
                f.write(b"?")
            with self.assertRaisesRegex(ValueError, "part-001"):
                pieces.read(d + "/step-12")
            self.assertEqual(pieces.last(d, "step"), (3, raw + b"\x03"))
            os.remove(d + "/step-3/manifest.json")  # not finished
            self.assertIsNone(pieces.last(d, "step"))

    def test_keep(self):
        with tempfile.TemporaryDirectory() as d:
            for n in (9, 10, 100):
                pieces.write(f"{d}/step-{n}", b"x")
            pieces.keep(d, "step", 2)
            self.assertEqual(sorted(os.listdir(d)), ["step-10", "step-100"])


class Recipe(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.set_num_threads(1)
        cls.tmp = tempfile.TemporaryDirectory()
        cls.root = cls.tmp.name
        made_up(cls.root + "/data")
        cls.run_ = cls.fresh("out")
        cls.run_.prepare(procs=1)
        cls.run_.static()

    @classmethod
    def tearDownClass(cls):
        cls.tmp.cleanup()

    @classmethod
    def fresh(cls, name, static=False):
        """Another output folder over the same cache; static: with the word vectors as they are."""
        r = train.Run(cls.root + "/data", f"{cls.root}/{name}", "tiny")
        r.cache = cls.root + "/out/cache"
        r.log = lambda x: None
        if static:
            for f in ("static0.npz", "static.npz"):
                shutil.copy(f"{cls.root}/out/{f}", f"{cls.root}/{name}/{f}")
        return r

    def in_go(self, folder):
        """The exported folder gives in Go what it gives here."""
        if shutil.which("go") is None:
            self.skipTest("no go command")
        r = subprocess.run(["go", "test", "-count=1", "-run", "TestExported", "-v", "."], cwd=os.path.dirname(os.path.abspath(__file__)),
                           env={**os.environ, "SEMSEARCH_EXPORTED": folder}, capture_output=True, text=True)
        self.assertEqual(r.returncode, 0, r.stdout + r.stderr)
        self.assertIn("--- PASS: TestExported", r.stdout)

    def same(self, a, b):
        self.assertEqual(sorted(a), sorted(b))
        for k in a:
            self.assertTrue(np.array_equal(np.asarray(a[k]), np.asarray(b[k])), k)

    def test_prepare_is_the_same_again(self):
        with tempfile.TemporaryDirectory() as d:
            code = ("import sys, data, reader\n"
                    f"tok = data.build({self.root + '/data'!r}, {d!r}, 1200, 2)\n"
                    f"reader.build({self.root + '/data'!r}, tok, {d!r})\n")
            env = {**os.environ, "PYTHONHASHSEED": "12345"}  # sets of strings in another order
            subprocess.run([sys.executable, "-c", code], check=True, env=env, cwd=os.path.dirname(os.path.abspath(__file__)))
            for f in ("vocab.txt", "paras.flat.npy", "squad_realigned.p.flat.npy", "qa.ctx.flat.npy", "qa.title.flat.npy", "sts.json"):
                with open(f"{d}/{f}", "rb") as x, open(f"{self.root}/out/cache/{f}", "rb") as y:
                    self.assertEqual(x.read(), y.read(), f)

    def test_static_learns_and_resumes_to_the_same(self):
        a = self.fresh("static")
        shutil.copy(self.root + "/out/static0.npz", self.root + "/static/static0.npz")
        a.static(stop=10)  # of the second run
        self.assertFalse(os.path.exists(self.root + "/static/static1.npz"))
        a = self.fresh("static")
        a.static()
        self.same(dict(np.load(self.root + "/static/static.npz")), dict(np.load(self.root + "/out/static.npz")))
        s = pairs.Sampler(data.Corpus(a.cache), a.tok().ids["."], 1, passage=32)
        run = static.train(s, len(a.tok().vocab), self.root + "/static/x.npz", steps=30, batch=64)
        self.assertLess(np.mean(run[-5:]), 0.9 * np.mean(run[:5]))

    def test_encoder_starts_as_the_bag(self):
        z = self.run_.static_vectors()
        tok = self.run_.tok()
        m = model.Encoder(model.config(len(tok.vocab), **self.run_.b["encoder_shape"]))
        encoder.initialise(m, z, 1)
        texts = [tok.encode(t) for t in ("the town on the river", "somebody sells it at the market", "in winter")]
        bag = static.encode(static.table_of(torch.from_numpy(z["e"]), torch.from_numpy(z["gain"])).numpy(), texts)
        self.assertGreater(float((bag * encoder.encode(m, texts)).sum(1).min()), 0.99)

    def test_encoder_learns_resumes_to_the_same_and_reads_back(self):
        whole = self.fresh("e", static=True)
        self.assertTrue(np.isfinite(whole.encoder()).all())
        m = whole.new_encoder(whole.tok(), whole.static_vectors())
        sampler = pairs.Sampler(data.Corpus(whole.cache), whole.tok().ids["."], 99, passage=32, mix={"sentence": 1.0})
        fixed = [sampler.batch(32) for _ in range(4)]  # the running loss has a memory that fills, so measure on fixed batches

        def loss():
            with torch.no_grad():
                s = [30 * encoder.embed(m, q) @ encoder.embed(m, p).T for q, p in fixed]
                return float(np.mean([torch.nn.functional.cross_entropy(x, torch.arange(len(x))) for x in s]))

        before = loss()
        m.load_state_dict(torch.load(self.root + "/e/encoder.pt", **model.TRUSTED)["model"])
        self.assertLess(loss(), 0.93 * before)
        broken = self.fresh("e2", static=True)
        broken.encoder(stop=13)
        broken.encoder()
        self.same(torch.load(self.root + "/e/encoder.pt", **model.TRUSTED)["model"], torch.load(self.root + "/e2/encoder.pt", **model.TRUSTED)["model"])
        folder = self.root + "/e/model"
        whole.export(folder)
        m, tok = train.load(folder + "/encoder")
        m0 = model.Encoder(m.bert.config)
        m0.load_state_dict({k: torch.from_numpy(v) for k, v in whole.encoder_weights().items()})
        x = [tok.encode("who founded the town"), tok.encode("the river is frozen")]
        self.assertGreater(float((encoder.encode(m, x) * encoder.encode(m0, x)).sum(1).min()), 0.9999)
        with open(folder + "/encoder/vocab.txt", encoding="utf-8") as f:
            self.assertEqual(f.read().split("\n")[:-1], tok.vocab)
        self.in_go(folder)
        # In int8 the vectors hardly turn.
        q = quant.simulate(train.load(folder + "/encoder")[0])
        cos = float((encoder.encode(m, x) * encoder.encode(q, x)).sum(1).min())
        self.assertGreater(cos, 0.99)
        self.assertLess(cos, 1 - 1e-7)  # it did something

    def test_reader_learns_resumes_to_the_same_and_reads_back(self):
        whole = self.fresh("r", static=True)
        first = whole.reader()
        self.assertLess(np.mean(first[-8:]), 0.9 * np.mean(first[:8]))
        broken = self.fresh("r2", static=True)
        for stop in (7_000, 12_000, 21_000, None):
            broken.reader(stop=stop)
        a, b = (torch.load(f"{self.root}/{x}/reader.pt", **model.TRUSTED) for x in ("r", "r2"))
        self.same(a["model"], b["model"])
        self.same(a["avg"], b["avg"])
        self.assertEqual(a["tokens"], b["tokens"])
        folder = self.root + "/r/model"
        whole.export(folder)
        m, tok = train.load(folder + "/reader")
        self.assertIsInstance(m.bert.config["semsearch_null_threshold"], float)
        r = reader.predict(m, tok, [("Who founded it?", "The town was founded by Lo Mir in 1700.")])
        self.assertIn(r[0][0], "The town was founded by Lo Mir in 1700.")
        self.in_go(folder)

    def test_reader_examples(self):
        z = dict(np.load(self.root + "/out/static0.npz"))
        qs, rng = reader.Questions(self.run_.cache, z["e"] * z["gain"]), np.random.default_rng(1)
        tok, titled = self.run_.tok(), 0
        for i in range(len(qs.recs)):
            c, s, e, _, _, _ = qs.recs[i]
            want = qs.ctx[c][s:e + 1]
            ids, first, a, b = qs.example(i, 96, False, rng)
            self.assertEqual(ids[a:b + 1].tolist(), want.tolist())
            t = qs.title[c]
            titled += ids[first:first + len(t)].tolist() == t.tolist() and len(t) > 0 and ids[first + len(t)] == qs.ctx[c][0]
            ids, first, a, b = qs.example(i, 96, True, rng)
            if a == 0:
                text = " ".join(tok.vocab[x] for x in ids[first:])
                self.assertNotIn(" " + " ".join(tok.vocab[x] for x in want) + " ", text.split(" ", len(t))[-1])
        self.assertGreater(titled, 0)

    def test_pack_and_unpack(self):
        with tempfile.TemporaryDirectory() as d:
            pieces.pack(self.run_.cache, d + "/packed", limit=1 << 11)
            files = [os.path.join(a, x) for a, _, b in os.walk(d + "/packed") for x in b]
            self.assertTrue(any(x.endswith("/part-001") for x in files))
            self.assertLessEqual(max(os.path.getsize(x) for x in files if not x.endswith("manifest.json")), 1 << 11)
            names = pieces.unpack(d + "/packed", d + "/cache")
            self.assertEqual(names, sorted(os.listdir(self.run_.cache)))
            for n in names:
                with open(f"{d}/cache/{n}", "rb") as x, open(f"{self.run_.cache}/{n}", "rb") as y:
                    self.assertEqual(x.read(), y.read(), n)

    def test_pretraining_packs_without_padding(self):
        s = pretrain.Stream(data.Corpus(self.run_.cache), 32)
        rng = np.random.default_rng(0)
        x = s.batch(len(s.flat) // 30 - 1, rng)  # one pass
        self.assertEqual(int((x == tokenizer.PAD).sum()), 0)
        self.assertTrue((x[:, 0] == tokenizer.CLS).all() and (x[:, -1] == tokenizer.SEP).all())
        a = s.offset
        self.assertEqual(np.sort(x[:, 1:-1].ravel()).tolist(), np.sort(s.flat[a:a + x[:, 1:-1].size]).tolist())
        at = pretrain.masks(torch.from_numpy(x), rng)
        self.assertTrue(all(len(set(r)) == len(r) and min(r) > 0 and max(r) < 31 for r in at.tolist()))
        shown = pretrain.hide(torch.from_numpy(x), at, 1200, rng)
        changed = (shown.numpy() != x)
        self.assertLessEqual(set(zip(*np.nonzero(changed))), {(i, j) for i, r in enumerate(at.tolist()) for j in r})
        self.assertAlmostEqual(float((torch.gather(shown, 1, at) == tokenizer.MASK).float().mean()), 0.8, delta=0.1)

    def test_both_pretrainings_learn(self):
        out = {}
        for kind in ("mlm", "rtd"):
            torch.manual_seed(0)
            trunk = model.Bert(model.config(len(self.run_.tok().vocab), 64, 2, 2, 128))
            task, seen = pretrain.Task(kind, trunk, pretrain.Stream(data.Corpus(self.run_.cache), 32), 16), []
            loop.run(task, f"{self.root}/pre-{kind}", kind, 60_000, 3e-3, log=seen.append, log_every=10)
            out[kind] = [r["loss"] for r in seen]
            self.assertLess(out[kind][-1], 0.85 * out[kind][0], kind)
            self.assertEqual(seen[-1]["tokens"], seen[-1]["step"] * 16 * 32)
        self.assertNotEqual(out["mlm"], out["rtd"])

    def test_compare_runs(self):
        r = self.fresh("cmp", static=True).compare()
        self.assertEqual(sorted(r), ["mlm", "none", "rtd"])

    def test_gpu_budget_on_a_cpu(self):
        """Pack, carry over, unpack, every stage with a pause in the middle, damage, export, fixtures."""
        root = self.root + "/gpu"
        home = train.Run(self.root + "/data", root + "/home", "gpu-tiny")
        home.cache = self.run_.cache
        pieces.pack(home.cache, root + "/home/packed", limit=1 << 11)
        n = pieces.loads(root + "/home/packed", 8_000)
        self.assertGreater(n, 1)
        for k in range(n):
            size = sum(os.path.getsize(os.path.join(a, x)) for a, _, b in os.walk(f"{root}/home/packed/{k}") for x in b)
            self.assertLessEqual(size, 8_000)
            shutil.copytree(f"{root}/home/packed/{k}", root + "/arrived", dirs_exist_ok=True)
        there, whole = (train.Run(None, f"{root}/{x}", "gpu-tiny") for x in ("there", "whole"))
        seen = []
        for r in (there, whole):
            pieces.unpack(root + "/arrived", r.cache)
            r.log = lambda x: seen.append(x)
        for stage, name in (("pretrain", "trunk"), ("retrieval", "encoder-deep"), ("read", "reader-deep")):
            self.assertTrue(getattr(whole, stage)())
            first = [r["loss"] for r in seen if r["stage"] == stage and "loss" in r]
            self.assertLess(np.mean(first[-2:]), np.mean(first[:2]), stage)
            self.assertFalse(getattr(there, stage)(stop=8_000))
            self.assertFalse(getattr(there, stage)(stop=16_000, keep=f"{root}/keep"))
            # The later set is damaged: the run goes on from the one before.
            sets = sorted(os.listdir(f"{root}/there/{stage}"), key=lambda x: int(x.split("-")[1]))
            with open(f"{root}/there/{stage}/{sets[-1]}/part-000", "r+b") as f:
                f.write(b"damaged")
            self.assertTrue(getattr(there, stage)())
            self.assertEqual(pieces.read(f"{root}/there/{name}"), pieces.read(f"{root}/whole/{name}"), stage)
            self.assertTrue(os.path.exists(f"{root}/keep/{name}/manifest.json"))
        self.assertTrue(there.distil())
        d = [r["loss"] for r in seen if r["stage"] == "distil-encoder" and "loss" in r]
        self.assertLess(d[-1], d[0])
        fix = there.export_deep(root + "/model")
        self.in_go(root + "/model")
        self.assertEqual(len(fix["encoder"]), len(fixtures.TEXTS))
        m, tok = train.load(root + "/model/encoder")
        self.assertEqual(m.bert.config["num_hidden_layers"], 2)
        for f in fix["encoder"]:  # the float16 file gives what the fixtures say
            self.assertEqual(encoder.wrap(tok.encode(f["text"])).tolist(), f["ids"])
            self.assertGreater(float(encoder.encode(m, [tok.encode(f["text"])])[0] @ np.array(f["vector"], np.float32)), 0.9999)
        rd, _ = train.load(root + "/model/reader")
        for f in fix["reader"]:
            ids = torch.tensor([f["ids"]])
            s, _ = rd(ids, torch.tensor([f["types"]]), torch.tensor([len(f["ids"])]))
            self.assertLess(float((s[0] - torch.tensor(f["start"])).abs().max()), 1e-3)

    def test_safetensors_layout(self):
        path = self.tmp.name + "/x.safetensors"
        export.write_safetensors(path, {"b": np.ones((2, 3)), "a": np.zeros(5)})
        with open(path, "rb") as f:
            n = int.from_bytes(f.read(8), "little")
            head = json.loads(f.read(n))
        self.assertEqual((8 + n) % 8, 0)
        self.assertEqual(head["b"], {"dtype": "F16", "shape": [2, 3], "data_offsets": [10, 22]})
        self.assertEqual(export.read_safetensors(path)["b"].tolist(), [[1, 1, 1]] * 2)


if __name__ == "__main__":
    unittest.main()
