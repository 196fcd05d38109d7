"""Draws (query, passage) training pairs from the tokenised corpus.

Besides the real questions, unlabelled text gives pairs for free: a title and a paragraph of its article,
a heading and its section, a sentence and the rest of its paragraph (the inverse cloze task, Lee et al. 2019),
two paragraphs of one article (as the independent crops of Contriever, Izacard et al. 2021).
"""
import numpy as np

MIX = {"title": 0.20, "heading": 0.12, "sentence": 0.28, "neighbor": 0.08, "question": 0.32}
# How often each question set is drawn, relative to its size.
SET_WEIGHT = {"squad_realigned": 1.0, "trivia_distant": 1.5, "medquad": 1.0, "covid_faq": 1.0, "qamr": 0.25,
              "policyqa": 0.1, "trivia_qa": 0.25, "sections": 0.6}


class Sampler:
    def __init__(self, corpus, period, seed, passage=96, vary=False, mix=MIX, set_weight=SET_WEIGHT):
        self.c, self.period, self.passage, self.vary = corpus, period, passage, vary  # period: the id of "."
        self.rng = np.random.default_rng(seed)
        self.kinds = [k for k in mix if k != "question" or corpus.pairs]
        w = np.array([mix[k] for k in self.kinds])
        self.kind_p = w / w.sum()
        self.sets = sorted(corpus.pairs)
        w = np.array([set_weight.get(s, 0.5) * len(corpus.pairs[s][0]) for s in self.sets], float)
        self.set_p = w / w.sum() if len(w) else w
        self.with_head = np.flatnonzero(corpus.head >= 0)
        freq = np.bincount(corpus.paras.flat).astype(float)
        self.log_freq = np.log(freq + 1)

    def crop(self, x, n=None):
        """A piece of at most n tokens: mostly from the start, where passages begin."""
        n = n or (int(self.passage * self.rng.uniform(0.25, 1)) if self.vary else self.passage)
        if len(x) <= n:
            return x
        s = 0 if self.rng.random() < 0.4 else int(self.rng.integers(0, len(x) - n + 1))
        return x[s:s + n]

    def title_of(self, a, rate):
        return self.c.titles[a] if self.rng.random() < rate else self.c.titles.flat[:0]

    def one(self, kind):
        c, rng = self.c, self.rng
        if kind == "question":
            q, p = c.pairs[self.sets[rng.choice(len(self.sets), p=self.set_p)]]
            i = rng.integers(len(q))
            x = p[i]
            # question passages begin with their title; keep it or not
            return q[i], x[:self.passage] if len(x) <= self.passage or rng.random() < 0.6 else self.crop(x)
        if kind == "heading":
            i = self.with_head[rng.integers(len(self.with_head))]
            h = c.heads[c.head[i]]
            q = np.concatenate([c.titles[c.art[i]], h]) if rng.random() < 0.6 else h
            return q, self.crop(c.paras[i])
        if kind == "plain":  # the plainest of some sentences against itself, thinned: common words see more of the training
            return self.plain()
        i = rng.integers(len(c.paras))
        x, a = c.paras[i], c.art[i]
        if kind == "title":
            j = c.first[a] if rng.random() < 0.6 else i
            return c.titles[a], self.crop(c.paras[j])
        if kind == "neighbor":
            lo, hi = c.first[a], c.first[a + 1]
            j = int(rng.integers(max(lo, i - 3), min(hi, i + 4)))
            if j != i:
                return self.crop(x, 48), np.concatenate([self.title_of(a, 0.2), self.crop(c.paras[j])])
        # sentence: ends at full stops
        ends = np.flatnonzero(x[:-1] == self.period) + 1
        ends = np.concatenate([[0], ends, [len(x)]])
        long = np.flatnonzero(np.diff(ends) >= 8)
        if len(ends) < 4 or not len(long):
            h = len(x) // 2
            return x[:h][:40], np.concatenate([self.title_of(a, 0.3), self.crop(x[h:])])
        k = long[rng.integers(len(long))]
        s, e = ends[k], ends[k + 1]
        q = x[s:min(e, s + 40)]
        if rng.random() < 0.3:  # a shorter query: some of its words
            q = q[np.sort(rng.choice(len(q), max(5, len(q) // 2), replace=False))]
        rest = x if rng.random() < 0.15 else np.concatenate([x[:s], x[e:]])
        return q, np.concatenate([self.title_of(a, 0.3), self.crop(rest)])

    def sentence(self):
        """A sentence of 6 to 30 tokens, or what there is."""
        x = self.c.paras[self.rng.integers(len(self.c.paras))]
        ends = np.concatenate([[0], np.flatnonzero(x == self.period) + 1, [len(x)]])
        n = np.diff(ends)
        fit = np.flatnonzero((n >= 6) & (n <= 30))
        if not len(fit):
            return x[:20]
        k = fit[self.rng.integers(len(fit))]
        return x[ends[k]:ends[k + 1]]

    def plain(self, of=6, keep=0.6):
        """Two halves, overlapping, of the sentence with the most common words among several."""
        some = [self.sentence() for _ in range(of)]
        x = max(some, key=lambda x: self.log_freq[x].mean())
        a, b = (x[self.rng.random(len(x)) < keep] for _ in range(2))
        return (a, b) if len(a) and len(b) else (x, x)

    def batch(self, n):
        """n pairs: two lists of id arrays."""
        kinds = self.rng.choice(len(self.kinds), n, p=self.kind_p)
        out = [self.one(self.kinds[k]) for k in kinds]
        out = [(q, p) for q, p in out if len(q) and len(p)]
        return [q for q, _ in out], [p for _, p in out]
