"""Reads the training data, filters it by licence, and keeps it tokenised on disk.

Only material whose licence allows commercial use and redistribution of a trained model is read;
SKIPPED says what is left out and why. The development sets under eval/ are never read here.
"""
import collections
import io
import json
import multiprocessing
import os
import re

import numpy as np

import tokenizer
import vocab as vocab_mod

WIKI = [f"text/wiki_core_{i:02d}" for i in range(5)] + ["text/wiki_intros_00"]  # CC BY-SA
QA = ["qa/squad_realigned",  # CC BY-SA 4.0 (SQuAD 1.1 train, Wikipedia)
      "qa/covidqa",          # Apache-2.0
      "qa/policyqa",         # MIT
      "qa/qamr",             # MIT
      "qa/friendsqa"]        # Apache-2.0
QUESTION_PASSAGE = ["qa/squad_realigned", "qa/trivia_distant", "qa/qamr", "qa/policyqa"]
TRIVIA_SOURCES = {"opentrivia", "webquestions"}     # CC BY-SA 4.0, CC BY 4.0
SECTION_SOURCES = {"go-website", "factbook"}        # BSD-3-Clause, CC0
SKIPPED = {
    "qa/subjqa": "review corpora for research use",
    "pairs/sick_train": "CC BY-NC-SA",
    "pairs/msr_paraphrase": "Microsoft Research licence",
    "pairs/sts12_16": "mixed, unclear per part",
    "text/sections openstax-*": "CC BY-NC-SA",
    "text/sections bbc-news": "none stated",
    "pairs/trivia_qa and qa/trivia_distant, source trec": "none stated",
    "heads/ner_*, heads/*": "none stated or not needed",
    "eval/*": "development sets",
}


def rows(data, name):
    """Records of DATA/NAME.jsonl.zst (or .jsonl); nothing when the file is absent."""
    for path, packed in ((f"{data}/{name}.jsonl.zst", True), (f"{data}/{name}.jsonl", False)):
        if os.path.exists(path):
            break
    else:
        return
    if packed:
        import zstandard  # only here and in pieces.py: a machine that gets the cache unpacked does without
    with open(path, "rb") as raw, io.TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(raw) if packed else raw, encoding="utf-8") as f:
        for line in f:
            if line.strip():
                yield json.loads(line)


def read_json(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def write_json(path, value):
    with open(path + ".tmp", "w", encoding="utf-8") as f:
        json.dump(value, f)
    os.replace(path + ".tmp", path)


def _texts(data, name):
    """Every text of one file, for counting words."""
    if name.startswith("text/wiki"):
        for r in rows(data, name):
            yield r["title"]
            yield from r["paras"]
    elif name == "text/sections":
        for r in rows(data, name):
            if r["src"] in SECTION_SOURCES:
                yield r["heading"]
                yield r["text"]
    elif name.startswith("qa/"):
        for r in rows(data, name):
            if name != "qa/covidqa":
                yield r["context"]
            for q in r["qas"]:
                yield q["q"]
    elif name.startswith("pairs/"):
        for r in rows(data, name):
            for k in ("q", "text", "a", "b"):
                if isinstance(r.get(k), str):
                    yield r[k]


def _count(job):
    data, name = job
    c = collections.Counter()
    for t in _texts(data, name):
        c.update(tokenizer.words(t))
    return c


def word_counts(data, procs=2):
    """Counter of words over all training text."""
    names = WIKI + QA + ["text/sections", "pairs/medquad", "pairs/covid_faq", "pairs/stsb_train"]
    total = collections.Counter()
    with multiprocessing.Pool(procs) as pool:
        for c in pool.imap(_count, [(data, n) for n in names]):
            total.update(c)
    return total


class Ragged:
    """Many id lists in one flat array."""

    def __init__(self, flat, start):
        self.flat, self.start = flat, start

    def __len__(self):
        return len(self.start) - 1

    def __getitem__(self, i):
        return self.flat[self.start[i]:self.start[i + 1]]

    @staticmethod
    def of(lists):
        start = np.zeros(len(lists) + 1, np.int64)
        np.cumsum([len(x) for x in lists], out=start[1:])
        flat = np.concatenate([np.asarray(x, np.uint16) for x in lists]) if lists else np.zeros(0, np.uint16)
        return Ragged(flat, start)

    def save(self, path):
        np.save(path + ".flat.npy", self.flat)
        np.save(path + ".start.npy", self.start)

    @staticmethod
    def load(path):
        return Ragged(np.load(path + ".flat.npy"), np.load(path + ".start.npy"))


def is_heading(p):
    """Section headings appear as short paragraphs ending in a full stop."""
    return len(p) < 70 and p.endswith(".") and len(p.split()) <= 8


_TOK = None


def _init(words):
    global _TOK
    _TOK = tokenizer.Tokenizer(words)


def _encode_wiki(job):
    """Paragraphs of one file: ids, article number, heading number (an index into heads), title ids."""
    data, name = job
    paras, art, head, titles, heads = [], [], [], [], []
    for a, r in enumerate(rows(data, name)):
        titles.append(_TOK.encode(re.sub(r" \(.*\)$", "", r["title"])))
        cur = -1
        for p in r["paras"]:
            if is_heading(p):
                heads.append(_TOK.encode(p[:-1]))
                cur = len(heads) - 1
                continue
            ids = _TOK.encode(p)
            if len(ids) < 12:
                continue
            paras.append(ids[:400])
            art.append(a)
            head.append(cur)
    return Ragged.of(paras), np.array(art, np.int32), np.array(head, np.int32), Ragged.of(titles), Ragged.of(heads)


def _concat(rs):
    flat = np.concatenate([r.flat for r in rs])
    start, base = [np.zeros(1, np.int64)], 0
    for r in rs:
        start.append(r.start[1:] + base)
        base += len(r.flat)
    return Ragged(flat, np.concatenate(start))


class Corpus:
    """Tokenised text and pairs. Fields: paras, art, head, titles, heads (wiki; paragraphs of an article
    are neighbours) and pairs, a dict name -> (Ragged questions, Ragged passages, passage titles)."""

    def __init__(self, folder):
        self.paras = Ragged.load(folder + "/paras")
        self.art = np.load(folder + "/art.npy")
        self.head = np.load(folder + "/head.npy")
        self.titles = Ragged.load(folder + "/titles")
        self.heads = Ragged.load(folder + "/heads")
        self.first = np.searchsorted(self.art, np.arange(len(self.titles) + 1))  # first paragraph of an article
        self.pairs = {}
        for name in read_json(folder + "/pairs.json"):
            self.pairs[name] = (Ragged.load(f"{folder}/{name}.q"), Ragged.load(f"{folder}/{name}.p"))
        self.sts = read_json(folder + "/sts.json")


def unlicensed_questions(data):
    """Trivia questions whose source states no licence; qa/trivia_distant holds some of them without saying so."""
    return {r["q"] for r in rows(data, "pairs/trivia_qa") if r["src"] not in TRIVIA_SOURCES}


def question_pairs(data):
    """(set name, question, title, passage) of every question-passage pair."""
    skip = unlicensed_questions(data)
    for name in QUESTION_PASSAGE:
        for r in rows(data, name):
            for q in r["qas"]:
                if name == "qa/trivia_distant" and q["q"] in skip:
                    continue
                if name == "qa/squad_realigned" and q.get("cov", 1) < 0.3:
                    continue
                yield name.split("/")[1], q["q"], r.get("title") or "", window(r["context"], q["a"])
    for name in ("pairs/medquad", "pairs/covid_faq"):
        for r in rows(data, name):
            yield name.split("/")[1], r["q"], r.get("title") or "", r["text"]
    for r in rows(data, "pairs/trivia_qa"):
        if r["src"] in TRIVIA_SOURCES and r["answers"]:
            yield "trivia_qa", r["q"], "", r["answers"][0]
    for r in rows(data, "text/sections"):
        if r["src"] in SECTION_SOURCES:
            yield "sections", r["doc"] + " " + r["heading"], "", r["text"]


def window(context, answers, size=1200):
    """At most size characters of context, holding the first answer."""
    if len(context) <= size or not answers:
        return context[:size]
    a = max(0, answers[0][1] - size // 2)
    a = context.find(" ", a) + 1 if a else 0
    return context[a:a + size]


def build(data, folder, size, procs=2):
    """Learns the vocabulary and tokenises everything into folder; each step is skipped when its file is there."""
    os.makedirs(folder, exist_ok=True)
    if not os.path.exists(folder + "/vocab.txt"):
        vocab = vocab_mod.learn(word_counts(data, procs), size)
        with open(folder + "/vocab.tmp", "w", encoding="utf-8") as f:
            f.write("".join(t + "\n" for t in vocab))
        os.replace(folder + "/vocab.tmp", folder + "/vocab.txt")
    tok = tokenizer.load(folder + "/vocab.txt")
    if not os.path.exists(folder + "/sts.json"):
        names = [n for n in WIKI if next(rows(data, n), None)]
        with multiprocessing.Pool(procs, _init, (tok.vocab,)) as pool:
            parts = pool.map(_encode_wiki, [(data, n) for n in names], chunksize=1)
        art, head, a0, h0 = [], [], 0, 0
        for p in parts:
            art.append(p[1] + a0)
            head.append(np.where(p[2] >= 0, p[2] + h0, -1))
            a0 += len(p[3])
            h0 += len(p[4])
        _concat([p[0] for p in parts]).save(folder + "/paras")
        _concat([p[3] for p in parts]).save(folder + "/titles")
        _concat([p[4] for p in parts]).save(folder + "/heads")
        np.save(folder + "/art.npy", np.concatenate(art))
        np.save(folder + "/head.npy", np.concatenate(head))
        sets = collections.defaultdict(lambda: ([], []))
        for name, q, title, text in question_pairs(data):
            sets[name][0].append(tok.encode(q)[:64])
            sets[name][1].append((tok.encode(title) + tok.encode(text))[:300])
        for name, (q, p) in sets.items():
            Ragged.of(q).save(f"{folder}/{name}.q")
            Ragged.of(p).save(f"{folder}/{name}.p")
        write_json(folder + "/pairs.json", sorted(sets))
        sts = [(tok.encode(r["a"]), tok.encode(r["b"]), r["score"]) for r in rows(data, "pairs/stsb_train")]
        write_json(folder + "/sts.json", sts)
    return tok
