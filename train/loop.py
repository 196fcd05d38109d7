"""A training loop for one device: budget in tokens, bfloat16 and torch.compile on a GPU, checkpoints that survive
anything but the disk.

A Task has module (nn.Module), batch(rng, done) -> (tensors, tokens), loss(module, *tensors) -> (scalar, extra figures),
state() and restore(state). Rates follow the tokens; the clock only says when to pause, and a paused and resumed
run is the same as an unbroken one on the same machine.
"""
import io
import os
import time

import numpy as np
import torch

import model
import pieces


def device():
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def parts(module, lr, embed_factor=1.0):
    """Parameter groups: matrices decay, word vectors, norms and biases do not."""
    emb = [p for n, p in module.named_parameters() if n.endswith("word_embeddings.weight")]
    ids = {id(p) for p in emb}
    mats = [p for p in module.parameters() if id(p) not in ids and p.dim() == 2]
    rest = [p for p in module.parameters() if id(p) not in ids and p.dim() != 2]
    g = [{"params": emb, "lr": lr * embed_factor, "weight_decay": 0.0}, {"params": mats, "lr": lr, "weight_decay": 0.01},
         {"params": rest, "lr": lr, "weight_decay": 0.0}]
    return [x for x in g if x["params"]]


def save(folder, state):
    """state as the set step-N under folder, the two latest kept."""
    buf = io.BytesIO()
    torch.save(state, buf)
    pieces.write(f"{folder}/step-{state['step']}", buf.getvalue())
    pieces.keep(folder, "step")


def load(folder):
    """The state of the last whole set, on the CPU, or None."""
    hit = pieces.last(folder, "step")
    return None if hit is None else torch.load(io.BytesIO(hit[1]), map_location="cpu", **model.TRUSTED)


def run(task, folder, stage, budget, lr, seed=1, warmup=0.02, betas=(0.9, 0.98), clip=1.0, embed_factor=1.0, every=120.0,
        pause=None, stop=None, log=None, log_every=20, compiled=True, limit=None):
    """Trains task.module on budget tokens in folder; True when the budget is used, False when paused.

    every: seconds between checkpoints; pause: time.time() at which to save and stop; stop: tokens at which to save and
    stop; limit: {tokens: loss} above which the run is given up."""
    dev = device()
    m = task.module.to(dev)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    opt = torch.optim.AdamW(parts(m, lr, embed_factor), lr=lr, betas=betas, **({"fused": True} if dev.type == "cuda" else {}))
    base = [g["lr"] for g in opt.param_groups]
    step, seen, used, recent = 0, 0, 0.0, []
    s = load(folder)
    if s is not None:
        m.load_state_dict(s["module"])
        opt.load_state_dict(s["opt"])
        rng.bit_generator.state = s["rng"]
        torch.set_rng_state(s["torch"])
        if dev.type == "cuda" and s["cuda"] is not None:
            torch.cuda.set_rng_state(s["cuda"])
        task.restore(s["task"])
        step, seen, used = s["step"], s["tokens"], s["seconds"]
    call = torch.compile(m) if compiled and dev.type == "cuda" and hasattr(torch, "compile") else m
    t0, before = time.time(), used
    saved = t0

    def keep():
        save(folder, {"module": m.state_dict(), "opt": opt.state_dict(), "rng": rng.bit_generator.state, "torch": torch.get_rng_state(),
                      "cuda": torch.cuda.get_rng_state() if dev.type == "cuda" else None, "task": task.state(), "step": step,
                      "tokens": seen, "seconds": used})

    m.train()
    begun = step
    while seen < min(budget, stop or budget):
        if pause and time.time() >= pause:
            break
        done = seen / budget
        xs, n = task.batch(rng, done)
        f = min(1.0, (done + n / budget) / warmup) * max(0.01, 1 - done)
        for g, b in zip(opt.param_groups, base):
            g["lr"] = b * f
        with torch.autocast(dev.type, torch.bfloat16, enabled=dev.type == "cuda"):
            loss, extra = task.loss(call, *(x.to(dev, non_blocking=True) if torch.is_tensor(x) else x for x in xs))
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(m.parameters(), clip)
        opt.step()
        step += 1
        seen += n
        used = before + time.time() - t0
        recent.append(loss.detach())
        if step % log_every == 0:
            v = float(torch.stack(recent[-log_every:]).float().mean())
            recent = recent[-log_every:]
            if log:
                log({"stage": stage, "step": step, "tokens": seen, "loss": round(v, 4), "minutes": round(used / 60, 2),
                     "tokens_per_second": round((seen) / max(used, 1e-9)), **{k: round(x, 4) for k, x in extra.items()}})
            if not np.isfinite(v):
                raise ValueError(f"{stage}: the loss is not finite at step {step}")
            for t, bound in (limit or {}).items():
                if seen >= t and v > bound:
                    raise ValueError(f"{stage}: loss {v:.3f} after {seen} tokens, want at most {bound}")
        if time.time() - saved >= every:
            keep()
            saved = time.time()
    if step > begun:
        keep()
    return seen >= budget
