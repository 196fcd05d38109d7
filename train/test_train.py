"""Tests of the recipe on made-up data: python3 -m unittest test_train   (about two minutes, no data needed)."""
import json
import os
import random
import tempfile
import unittest

import numpy as np
import torch

import data
import encoder
import evaluate
import export
import model
import reader
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

    def test_bm25_finds_the_rare_word(self):
        self.assertEqual(int(evaluate.BM25(["a red fox", "a red hen", "a red cow"]).scores("red hen").argmax()), 1)


class Recipe(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.set_num_threads(1)
        cls.tmp = tempfile.TemporaryDirectory()
        root = cls.tmp.name
        made_up(root + "/data")
        cls.run_ = train.Run(root + "/data", root + "/out", "tiny")
        cls.run_.log = lambda r: None
        cls.run_.prepare(procs=1)
        cls.run_.static()

    @classmethod
    def tearDownClass(cls):
        cls.tmp.cleanup()

    def test_encoder_starts_as_the_bag(self):
        z = self.run_.static_vectors()
        tok = self.run_.tok()
        m = model.Encoder(model.config(len(tok.vocab), **self.run_.b["encoder_shape"]))
        encoder.initialise(m, z, 1)
        texts = [tok.encode(t) for t in ("the town on the river", "somebody sells it at the market", "in winter")]
        import static
        bag = static.encode(static.table_of(torch.from_numpy(z["e"]), torch.from_numpy(z["gain"])).numpy(), texts)
        self.assertGreater(float((bag * encoder.encode(m, texts)).sum(1).min()), 0.99)

    def test_encoder_learns_and_reads_back(self):
        run = self.run_.encoder()
        self.assertTrue(np.isfinite(run).all())
        self.assertLess(np.mean(run[-6:]), np.mean(run[3:9]))
        folder = self.tmp.name + "/e"
        self.run_.export(folder)
        m, tok = train.load(folder + "/encoder")
        m0 = model.Encoder(m.bert.config)
        m0.load_state_dict({k: torch.from_numpy(v) for k, v in self.run_.encoder_weights().items()})
        x = [tok.encode("who founded the town"), tok.encode("the river is frozen")]
        self.assertGreater(float((encoder.encode(m, x) * encoder.encode(m0, x)).sum(1).min()), 0.9999)
        with open(folder + "/encoder/vocab.txt", encoding="utf-8") as f:
            self.assertEqual(f.read().split("\n")[:-1], tok.vocab)

    def test_reader_learns_resumes_and_reads_back(self):
        first = self.run_.reader()
        self.assertLess(np.mean(first[-8:]), 0.9 * np.mean(first[:8]))
        self.run_.b["reader"]["max_steps"] = 44
        self.assertEqual(len(self.run_.reader()), 4)  # goes on where it stopped
        folder = self.tmp.name + "/r"
        self.run_.export(folder)
        m, tok = train.load(folder + "/reader")
        self.assertIsInstance(m.bert.config["semsearch_null_threshold"], float)
        r = reader.predict(m, tok, [("Who founded it?", "The town was founded by Lo Mir in 1700.")])
        self.assertIn(r[0][0], "The town was founded by Lo Mir in 1700.")

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
