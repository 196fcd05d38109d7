"""BERT's uncased tokenizer: normalising, splitting and WordPiece, in plain Python.

The behaviour is that of BertNormalizer + BertPreTokenizer + WordPiece of Hugging Face
tokenizers (itself Devlin et al. 2019, "BERT", and Wu et al. 2016 for WordPiece): control
characters dropped, CJK ideographs set apart, accents stripped, text lower-cased, split at
white space and at punctuation, then greedy longest match within each word.
"""
import re
import sys
import unicodedata

PAD, UNK, CLS, SEP, MASK = range(5)
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
MAX_WORD = 100  # characters; a longer word is [UNK]


def _char_class(chars):
    """A regular-expression class body holding the code points, as ranges."""
    out, run = [], []
    for c in sorted(chars):
        if run and c == run[-1] + 1:
            run.append(c)
        else:
            if run:
                out.append((run[0], run[-1]))
            run = [c]
    if run:
        out.append((run[0], run[-1]))
    return "".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in out)


_CJK = [(0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
        (0x2B740, 0x2B81F), (0x2B920, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F)]


def _tables():
    ascii_symbols = set(range(33, 48)) | set(range(58, 65)) | set(range(91, 97)) | set(range(123, 127))
    punct, control = set(ascii_symbols), {0xFFFD}
    for c in range(sys.maxunicode + 1):
        cat = unicodedata.category(chr(c))
        if cat[0] == "P":
            punct.add(c)
        elif cat in ("Cc", "Cf", "Co", "Cn") and c not in (9, 10, 13):
            control.add(c)
    p = _char_class(punct)
    cjk = "".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in _CJK)
    return (re.compile(f"[^\\s{p}]+|[{p}]"), re.compile(f"[{_char_class(control)}]"), re.compile(f"[{cjk}]"))


_WORD, _CONTROL, _IDEOGRAPH = _tables()
_ASCII_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def normalize(text):
    """BertNormalizer with clean_text, handle_chinese_chars, strip_accents and lowercase on."""
    if text.isascii():
        return _ASCII_CONTROL.sub("", text).lower()
    text = _IDEOGRAPH.sub(r" \g<0> ", _CONTROL.sub("", text))
    text = unicodedata.normalize("NFD", text)
    text = "".join(c for c in text if unicodedata.category(c) != "Mn")
    return text.replace("\u03a3", "\u03c3").lower()  # no final sigma: lower-casing is per character


def normalize_with_map(text):
    """normalize(text) and, for each of its characters, the index of the character it came from."""
    if text.isascii() and not _ASCII_CONTROL.search(text):
        return text.lower(), range(len(text))
    out, where = [], []
    for i, c in enumerate(text):
        for d in normalize(c):
            out.append(d)
            where.append(i)
    return "".join(out), where


def words(text):
    """The words and punctuation marks of text, normalised."""
    return _WORD.findall(normalize(text))


class Tokenizer:
    """WordPiece over a vocabulary (a list of tokens, their ids being their places)."""

    def __init__(self, vocab):
        self.vocab = list(vocab)
        self.ids = {t: i for i, t in enumerate(self.vocab)}
        self.cache = {}

    def pieces(self, word):
        """[(id, start, end), ...] of one normalised word, offsets in its characters."""
        hit = self.cache.get(word)
        if hit is not None:
            return hit
        out, start, n = [], 0, len(word)
        if n > MAX_WORD:
            out = [(UNK, 0, n)]
        else:
            while start < n:
                end = n
                while end > start:
                    t = word[start:end] if start == 0 else "##" + word[start:end]
                    if t in self.ids:
                        break
                    end -= 1
                if end == start:
                    out = [(UNK, 0, n)]
                    break
                out.append((self.ids[t], start, end))
                start = end
        if len(self.cache) > 400000:
            self.cache.clear()
        self.cache[word] = out
        return out

    def encode(self, text):
        """Token ids of text, without special tokens."""
        out = []
        for w in _WORD.findall(normalize(text)):
            for p in self.pieces(w):
                out.append(p[0])
        return out

    def encode_offsets(self, text):
        """(ids, starts, ends): for each token the span of characters of text it covers."""
        norm, where = normalize_with_map(text)
        ids, starts, ends = [], [], []
        for m in _WORD.finditer(norm):
            base = m.start()
            for i, a, b in self.pieces(m.group()):
                ids.append(i)
                starts.append(where[base + a])
                ends.append(where[base + b - 1] + 1)
        return ids, starts, ends


def load(path):
    """Tokenizer from a vocab.txt."""
    with open(path, encoding="utf-8") as f:
        return Tokenizer(f.read().split("\n")[:-1])
