"""Reference outputs of exported models, for export_test.go and other implementations."""
import json

import numpy as np
import torch

import encoder
import export
import model
import reader
import tokenizer

TEXTS = ["The river rises in the hills and runs to the sea.", "Who founded the town?", "Prices rose by 3.5% in 1998, to $1,200.",
         "a", "Ein Café in Zürich: naïve façade, 中文."]
QUESTIONS = [("Who founded the town?", "The town was founded in 1500 by Lo Mir of the old guild."),
             ("When does the river freeze?", "In winter the river is frozen and nobody travels on it."),
             ("What is sold?", "Nothing is known of it.")]


def write(folder, enc=None, rd=None, tok=None):
    """Writes what the float32 models give for a few fixed texts, to check another implementation against."""
    out = {}
    with torch.no_grad():
        if enc is not None:
            ids = [encoder.wrap(tok.encode(t)) for t in TEXTS]
            out["encoder"] = [{"text": t, "ids": x.tolist(), "vector": [round(float(y), 7) for y in enc(*model.pad([x]))[0]]}
                              for t, x in zip(TEXTS, ids)]
        if rd is not None:
            out["reader"] = []
            for q, p in QUESTIONS:
                a, b = tok.encode(q), tok.encode(p)
                x = np.array([tokenizer.CLS] + a + [tokenizer.SEP] + b + [tokenizer.SEP])
                ids, types, lengths, _, _ = reader.collate([(x, len(a) + 2, 0, 0)])
                s, e = rd(ids, types, lengths)
                out["reader"].append({"question": q, "passage": p, "ids": x.tolist(), "types": types[0].tolist(),
                                      "start": [round(float(y), 5) for y in s[0]], "end": [round(float(y), 5) for y in e[0]]})
    export.put(folder + "/fixtures.json", json.dumps(out) + "\n")
    return out
