"""The stages of the GPU budget after pre-training, as tasks for loop.run: retrieval, reading, distillation."""
import copy

import torch
import torch.nn.functional as F

import encoder
import model
import reader
import static


def wrapped(lists, limit):
    return model.pad([encoder.wrap(x, limit) for x in lists])


class Contrast:
    """The encoder from the trunk: InfoNCE in the batch, scored pairs with CoSENT."""

    def __init__(self, trunk, sampler, batch, limit, scale=30.0, sts_weight=0.3, sts_batch=256):
        self.module = model.Encoder(trunk.config)
        self.module.bert.load_state_dict(trunk.state_dict())
        self.sampler, self.n, self.limit, self.scale, self.sts_weight, self.sts_batch = sampler, batch, limit, scale, sts_weight, sts_batch

    def batch(self, rng, done):
        q, p = self.sampler.batch(self.n)
        xs, tokens = [*wrapped(q, self.limit), *wrapped(p, self.limit)], sum(map(len, q)) + sum(map(len, p)) + 4 * len(q)
        sts = self.sampler.c.sts
        if sts:
            pick = [sts[i] for i in self.sampler.rng.integers(len(sts), size=self.sts_batch)]
            both = [x[0] for x in pick] + [x[1] for x in pick]
            xs += [*wrapped(both, self.limit), torch.tensor([float(x[2]) for x in pick])]
            tokens += sum(map(len, both))
        return xs, tokens

    def loss(self, module, q, qn, p, pn, s=None, sn=None, gold=None):
        vq, vp = module(q, qn), module(p, pn)
        logits, y = self.scale * (vq.float() @ vp.float().T), torch.arange(len(vq), device=vq.device)
        loss = (F.cross_entropy(logits, y) + F.cross_entropy(logits.T, y)) / 2
        if s is not None:
            v = module(s, sn).float()
            half = len(v) // 2
            loss = loss + self.sts_weight * static.cosent((v[:half] * v[half:]).sum(1), gold, 5.0)
        return loss, {}

    def state(self):
        return self.sampler.rng.bit_generator.state

    def restore(self, s):
        self.sampler.rng.bit_generator.state = s


class Read:
    """The reader from the trunk."""

    def __init__(self, trunk, questions, synthetic, tokens, limit, seed=3, negatives=0.25):
        self.module = model.Reader(trunk.config)
        self.module.bert.load_state_dict(trunk.state_dict())
        self.batches, self.limit, self.negatives = reader.Batches(questions, tokens, seed, synthetic), limit, negatives

    def batch(self, rng, done):
        ex = self.batches.next(reader.phase(done, self.limit, self.negatives))
        return reader.collate(ex), sum(len(x[0]) for x in ex)

    def loss(self, module, ids, types, lengths, s, e):
        ls, le = module(ids, types, lengths)
        return (F.cross_entropy(ls, s) + F.cross_entropy(le, e)) / 2, {}

    def state(self):
        return self.batches.state()

    def restore(self, s):
        self.batches.restore(s)


def every_other(big):
    """A copy of a model with half of its layers: the second, fourth and so on, as DistilBERT starts (Sanh et al. 2019)."""
    c = dict(big.bert.config)
    keep = list(range(1, c["num_hidden_layers"], 2)) or [0]
    c["num_hidden_layers"] = len(keep)
    small = type(big)(c)
    state = {k: v for k, v in big.state_dict().items() if ".encoder.layer." not in k}
    for j, i in enumerate(keep):
        old, new = f"bert.encoder.layer.{i}.", f"bert.encoder.layer.{j}."
        state.update({new + k[len(old):]: v for k, v in big.state_dict().items() if k.startswith(old)})
    small.load_state_dict(state)
    return small


class Distil:
    """A student half as deep that repeats its teacher: the vectors of an encoder (as squared distance of unit
    vectors) or the logits of a reader (Hinton et al. 2015, temperature 2), on the batches of the teacher's own task."""

    def __init__(self, task, teacher):
        self.task, self.teacher = task, copy.deepcopy(teacher).eval()
        for p in self.teacher.parameters():
            p.requires_grad_(False)
        self.module = every_other(teacher)

    def batch(self, rng, done):
        self.teacher.to(next(self.module.parameters()).device)
        return self.task.batch(rng, done)

    def loss(self, module, *xs):
        if isinstance(self.task, Contrast):
            loss = 0.0
            for ids, n in (xs[0:2], xs[2:4]):
                with torch.no_grad():
                    t = self.teacher(ids, n)
                loss = loss + (module(ids, n) - t).pow(2).sum(1).mean()
            return loss, {}
        ids, types, lengths, s, e = xs
        with torch.no_grad():
            want = self.teacher(ids, types, lengths)
        got, loss = module(ids, types, lengths), 0.0
        for g, w, y in zip(got, want, (s, e)):
            kl = F.kl_div(F.log_softmax(g / 2, -1), F.softmax(w / 2, -1), reduction="batchmean") * 4
            loss = loss + 0.7 * kl + 0.3 * F.cross_entropy(g, y)
        return loss / 2, {}

    def state(self):
        return self.task.state()

    def restore(self, s):
        self.task.restore(s)
