"""Learns the WordPiece vocabulary.

Byte-pair merges (Sennrich et al. 2016) over the word counts of the text give candidate pieces;
they are written in WordPiece form (## marks a continuation), more than are wanted, and those that
greedy longest-match tokenizing of the same counts uses most are kept.
"""
import collections
import heapq
import string

import tokenizer


def merge_pieces(counts, alphabet, n_merges):
    """Up to n_merges merged pieces in order; counts maps word -> count, alphabet is a set of characters."""
    syms, seqs, freq = [], [], []
    sym_id = {}

    def sid(s):
        if s not in sym_id:
            sym_id[s] = len(syms)
            syms.append(s)
        return sym_id[s]

    for w, c in counts.items():
        if len(w) > 1 and all(ch in alphabet for ch in w):
            seqs.append([sid(ch if i == 0 else "##" + ch) for i, ch in enumerate(w)])
            freq.append(c)
    pair_count, pair_words = collections.Counter(), collections.defaultdict(set)
    for k, s in enumerate(seqs):
        for p in zip(s, s[1:]):
            pair_count[p] += freq[k]
            pair_words[p].add(k)
    heap = [(-c, p) for p, c in pair_count.items()]
    heapq.heapify(heap)
    out = []
    while heap and len(out) < n_merges:
        c, p = heapq.heappop(heap)
        if pair_count[p] != -c:
            if pair_count[p] > 0:
                heapq.heappush(heap, (-pair_count[p], p))
            continue
        if c == 0:
            break
        a, b = p
        new = sid(syms[a] + syms[b][2:])
        out.append(syms[new])
        touched = set()
        for k in pair_words.pop(p):
            s, f = seqs[k], freq[k]
            for q in zip(s, s[1:]):
                pair_count[q] -= f
                touched.add(q)
            t, i = [], 0
            while i < len(s):
                if i + 1 < len(s) and s[i] == a and s[i + 1] == b:
                    t.append(new)
                    i += 2
                else:
                    t.append(s[i])
                    i += 1
            seqs[k] = t
            for q in zip(t, t[1:]):
                pair_count[q] += f
                pair_words[q].add(k)
                touched.add(q)
        for q in touched:
            if pair_count[q] > 0:
                heapq.heappush(heap, (-pair_count[q], q))
            else:
                pair_count.pop(q, None)
    return out


def learn(counts, size, ideographs=300, min_count=8):
    """A vocabulary of exactly size tokens (fewer only if the text is tiny) from word -> count."""
    chars = collections.Counter()
    for w, c in counts.items():
        for ch in dict.fromkeys(w):  # a set has no fixed order
            chars[ch] += c
    ascii_chars = [c for c in map(chr, range(33, 127)) if not c.isupper()]
    is_cjk = lambda ch: tokenizer._IDEOGRAPH.match(ch) is not None
    floor = max(2, sum(counts.values()) // 1000000)
    others = [ch for ch, c in chars.most_common() if not ch.isascii() and not is_cjk(ch) and c >= floor][:420]
    cjk = [ch for ch, _ in chars.most_common() if is_cjk(ch)][:ideographs]
    # Latin, Greek and Cyrillic letters are always there, seen or not.
    letters = [chr(c) for c in list(range(0x3B1, 0x3CA)) + list(range(0x430, 0x450)) + [0xDF, 0xE6, 0xF0, 0xF8, 0xFE, 0x142, 0x131, 0x111]]
    plain = list(dict.fromkeys(ascii_chars + letters + others))
    base = tokenizer.SPECIALS + plain + ["##" + c for c in plain if c.isalnum() or c in string.printable] + cjk
    base = list(dict.fromkeys(base))
    room = size - len(base)
    kept = {w: c for w, c in counts.items() if c >= min_count}
    pieces = [p for p in dict.fromkeys(merge_pieces(kept, set(plain), int(room * 1.3))) if p not in set(base)]
    tok = tokenizer.Tokenizer(base + pieces)
    used = collections.Counter()
    for w, c in kept.items():
        for i, _, _ in tok.pieces(w):
            used[i] += c
    keep = sorted(range(len(base), len(tok.vocab)), key=lambda i: (-used[i], i))[:room]
    return base + [tok.vocab[i] for i in sorted(keep)]
