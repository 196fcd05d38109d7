"""Writes checkpoints in the Hugging Face layout, and reads them back."""
import json
import os
import struct

import numpy as np

import tokenizer

_DTYPES = {"F16": np.float16, "F32": np.float32}


def put(path, data):
    """Writes bytes or text to a temporary file and renames it into place."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".tmp", "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode("utf-8"))
    os.replace(path + ".tmp", path)


def put_json(path, value):
    put(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def safetensors(tensors):
    """name -> float array as the bytes of a file, in float16. Format: 8-byte little-endian header length, JSON, data."""
    head, parts, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(tensors):
        x = np.ascontiguousarray(tensors[name], np.float16)
        if not np.isfinite(x).all():
            raise ValueError(f"{name}: not finite in float16")
        raw = x.tobytes()
        head[name] = {"dtype": "F16", "shape": list(x.shape), "data_offsets": [at, at + len(raw)]}
        parts.append(raw)
        at += len(raw)
    h = json.dumps(head, separators=(",", ":")).encode()
    h += b" " * (-len(h) % 8)
    return struct.pack("<Q", len(h)) + h + b"".join(parts)


def write_safetensors(path, tensors):
    put(path, safetensors(tensors))


def read_safetensors(path):
    with open(path, "rb") as f:
        return parse_safetensors(f.read())


def parse_safetensors(raw):
    """name -> float32 array."""
    n = struct.unpack("<Q", raw[:8])[0]
    out = {}
    for name, t in json.loads(raw[8:8 + n]).items():
        if name != "__metadata__":
            a, b = t["data_offsets"]
            out[name] = np.frombuffer(raw[8 + n + a:8 + n + b], _DTYPES[t["dtype"]]).reshape(t["shape"]).astype(np.float32)
    return out


def tokenizer_json(vocab):
    """A complete file of the Hugging Face tokenizers library."""
    special = lambda t, i: {"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    one = lambda t: {"SpecialToken": {"id": t, "type_id": 0}}
    seq = lambda s, k: {"Sequence": {"id": s, "type_id": k}}
    ids = {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in (("[CLS]", tokenizer.CLS), ("[SEP]", tokenizer.SEP))}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [special(t, i) for i, t in enumerate(tokenizer.SPECIALS)],
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing",
                           "single": [one("[CLS]"), seq("A", 0), one("[SEP]")],
                           "pair": [one("[CLS]"), seq("A", 0), one("[SEP]"), seq("B", 1), {"SpecialToken": {"id": "[SEP]", "type_id": 1}}],
                           "special_tokens": ids},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                  "vocab": {t: i for i, t in enumerate(vocab)}}}


def _common(folder, vocab, config, max_length):
    put_json(folder + "/config.json", config)
    put(folder + "/tokenizer.json", json.dumps(tokenizer_json(vocab), ensure_ascii=False, separators=(",", ":")))
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), tokenizer.SPECIALS))
    put_json(folder + "/special_tokens_map.json", names)
    put_json(folder + "/tokenizer_config.json", {"clean_up_tokenization_spaces": True, "do_basic_tokenize": True, "do_lower_case": True,
             "model_max_length": max_length, "never_split": None, "strip_accents": None, "tokenize_chinese_chars": True,
             "tokenizer_class": "BertTokenizer", **names})


def encoder(folder, vocab, config, state):
    """state: name -> array of an Encoder (names start with bert.)."""
    _common(folder, vocab, config, 256)
    put(folder + "/vocab.txt", "".join(t + "\n" for t in vocab))
    put_json(folder + "/modules.json", [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}])
    put_json(folder + "/1_Pooling/config.json", {
        "word_embedding_dimension": config["hidden_size"], "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True,
        "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False, "pooling_mode_weightedmean_tokens": False,
        "pooling_mode_lasttoken": False, "include_prompt": True})
    put_json(folder + "/sentence_bert_config.json", {"max_seq_length": 256, "do_lower_case": False})
    put_json(folder + "/config_sentence_transformers.json", {"prompts": {}, "default_prompt_name": None, "similarity_fn_name": "cosine"})
    write_safetensors(folder + "/model.safetensors", {k[len("bert."):]: v for k, v in state.items()})


def reader(folder, vocab, config, state, threshold):
    _common(folder, vocab, {**config, "semsearch_null_threshold": threshold}, 256)
    write_safetensors(folder + "/model.safetensors", state)
