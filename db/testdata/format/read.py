#!/usr/bin/env python3
"""Reads a semsearch database with nothing but docs/format.md: no bbolt, no Go. Prints what is in it as JSON.

    python3 read.py FILE

It checks whatever the document promises and fails on the first thing that is not so. db/reader_test.go
compares what it prints with what the package says.
"""

import hashlib
import json
import struct
import sys

BUCKETS = ["ids", "documents", "texts", "passages", "vectors", "nodes", "lengths", "postings"]
M64 = (1 << 64) - 1


def crc_table():
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82F63B78 if n & 1 else 0)
        yield n


CRC = list(crc_table())


def crc32c(*parts):
    c = 0xFFFFFFFF
    for part in parts:
        for b in part:
            c = CRC[(c ^ b) & 0xFF] ^ c >> 8
    return c ^ 0xFFFFFFFF


def fnv1a(data):
    h = 14695981039346656037
    for b in data:
        h = (h ^ b) * 1099511628211 & M64
    return h


def mix(h):
    h = (h ^ h >> 33) * 0xFF51AFD7ED558CCD & M64
    h = (h ^ h >> 33) * 0xC4CEB9FE1A85EC53 & M64
    return h ^ h >> 33


def must(ok, *what):
    if not ok:
        raise SystemExit("read.py: " + " ".join(map(str, what)))


class Pages:
    def __init__(self, data):
        self.data = data
        metas = []
        size = struct.unpack_from("<I", data, 24)[0]
        for at in (0, size):
            magic, version, page_size, _ = struct.unpack_from("<4I", data, at + 16)
            root, _, free, pages, tx, checksum = struct.unpack_from("<6Q", data, at + 32)
            must(magic == 0xED0CDAED and version == 2 and page_size == size, "meta page at", at)
            must(checksum == fnv1a(data[at + 16 : at + 72]), "checksum of the meta page at", at)
            metas.append((tx, root, free, pages))
        _, self.root, self.free, self.pages = max(metas)
        self.size = size
        self.used = {0, 1}

    def page(self, number):
        """Flags, count and bytes of a page."""
        at = number * self.size
        name, flags, count, overflow = struct.unpack_from("<QHHI", self.data, at)
        must(name == number, "page", number, "calls itself", name)
        for n in range(number, number + overflow + 1):
            must(n not in self.used and n < self.pages, "page", n, "is used twice, or does not exist")
            self.used.add(n)
        return flags, count, self.data[at : at + (overflow + 1) * self.size]

    def leaf(self, page, count):
        for i in range(count):
            at = 16 + 16 * i
            flags, pos, ksize, vsize = struct.unpack_from("<4I", page, at)
            key = page[at + pos : at + pos + ksize]
            yield flags, key, page[at + pos + ksize : at + pos + ksize + vsize]

    def tree(self, number):
        flags, count, page = self.page(number)
        if flags == 2:
            yield from self.leaf(page, count)
            return
        must(flags == 1, "page", number, "has flags", flags)
        for i in range(count):
            yield from self.tree(struct.unpack_from("<8xQ", page, 16 + 16 * i)[0])

    def bucket(self, value):
        root = struct.unpack_from("<Q", value)[0]
        if root:
            return self.tree(root)
        page = value[16:]
        _, flags, count, _ = struct.unpack_from("<QHHI", page)
        must(flags == 2, "a page inside has flags", flags)
        return self.leaf(page, count)

    def free_list(self):
        flags, count, page = self.page(self.free)
        must(flags == 16, "the list of free pages has flags", flags)
        at = 16
        if count == 0xFFFF:
            count, at = struct.unpack_from("<Q", page, 16)[0], 24
        free = struct.unpack_from("<%dQ" % count, page, at)
        must(list(free) == sorted(set(free)), "the list of free pages is not in order")
        must(not self.used & set(free), "a page is used and free")
        must(len(self.used) + len(free) == self.pages, "a page is neither used nor free")


class Fields:
    """Takes a payload apart."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        out = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return out[0] if len(out) == 1 else out

    def bytes(self, n):
        must(self.at + n <= len(self.data), "a payload is too short")
        self.at += n
        return self.data[self.at - n : self.at]

    def uvarint(self):
        value = shift = 0
        while True:
            b = self.bytes(1)[0]
            value |= (b & 0x7F) << shift
            shift += 7
            if b < 0x80:
                return value

    def string(self):
        return self.bytes(self.uvarint()).decode()

    def end(self):
        must(self.at == len(self.data), "a payload has bytes left over")


def read(path):
    with open(path, "rb") as f:
        pages = Pages(f.read())
    buckets = {}
    for flags, name, value in pages.tree(pages.root):
        must(flags == 1, "the root holds a record")
        name = name.decode()
        records, total = {}, 0
        last = b""
        for flags, key, value in pages.bucket(value):
            must(flags == 0 and key > last, name, key, "out of order")
            last = key
            payload, checksum = value[:-4], value[-4:]
            must(crc32c(name.encode(), key, payload) == struct.unpack("<I", checksum)[0], name, key, "checksum")
            records[key] = payload
            total += mix(fnv1a(key + checksum))
        buckets[name] = records, total & M64
    pages.free_list()

    meta = buckets["meta"][0]
    must(meta[b"magic"] == b"semsearch database", "magic")
    must(meta[b"version"] == struct.pack("<I", 2), "version")
    f = Fields(meta[b"counts"])
    commit, next_document, terms, tokens, passage_tokens, text_bytes = f.take("6Q")
    for name in BUCKETS:
        must(f.take("2Q") == (len(buckets[name][0]), buckets[name][1]), "counts of", name)
    f.end()
    f = Fields(meta[b"config"])
    dim, metric, m, ef, seed, max_tokens, overlap = f.take("IBIIQII")
    fingerprint = f.string()
    f.end()

    names, documents = {}, []
    for key, payload in buckets["ids"][0].items():
        names[struct.unpack("<Q", payload)[0]] = key.decode()
    vectors, nodes = buckets["vectors"][0], buckets["nodes"][0]
    sums = [0, 0, 0]
    by_number = {}
    for key, payload in buckets["documents"][0].items():
        number = struct.unpack(">Q", key)[0]
        f = Fields(payload)
        form, added, size, passages, doc_tokens, title_tokens = f.take("BqQIII")
        digest = f.bytes(32)
        name, title, source = f.string(), f.string(), f.string()
        metadata = [(f.string(), f.string()) for _ in range(f.uvarint())]
        f.end()
        must(names[number] == name and number < next_document, "document", number)
        text = b"".join(buckets["texts"][0][key + struct.pack(">I", b)] for b in range((size + 0xFFFF) >> 16))
        must(len(text) == size, "text of", name)
        h = hashlib.sha256()
        parts = [b"semsearch document 1", title.encode(), text, [b"text", b"markdown"][form], source.encode()]
        for part in parts + [s.encode() for entry in metadata for s in entry]:
            h.update(struct.pack("<Q", len(part)) + part)
        must(h.digest() == digest and metadata == sorted(metadata), "hash of", name)
        spans = []
        for ordinal in range(passages):
            pid = struct.pack(">Q", number << 24 | ordinal)
            start, end, line, col, n = struct.unpack("<5I", buckets["passages"][0][pid])
            must(len(vectors[pid]) == 4 * dim and pid in nodes, "vector of", name, ordinal)
            vector = struct.unpack("<%df" % dim, vectors[pid])
            spans.append({"start": start, "end": end, "line": line, "col": col, "tokens": n, "vector": vector})
            sums[2] += n
        sums[0] += doc_tokens
        sums[1] += size
        by_number[number] = doc_tokens
        documents.append({
            "number": number, "id": name, "title": title, "source": source, "format": ["text", "markdown"][form],
            "metadata": dict(metadata), "added": added, "text": text.decode(), "hash": digest.hex(),
            "tokens": doc_tokens, "title_tokens": title_tokens, "passages": spans,
        })
    must(len(documents) == len(names), "ids")
    must(sums == [tokens, text_bytes, passage_tokens], "sums of the documents", sums)
    must(len(buckets["passages"][0]) == len(vectors) == len(nodes) == sum(len(d["passages"]) for d in documents), "passages")

    lengths = {}
    for key, payload in buckets["lengths"][0].items():
        for i, n in enumerate(struct.unpack("<128I", payload)):
            if n:
                lengths[struct.unpack(">Q", key)[0] << 7 | i] = n - 1
    must(lengths == by_number, "lengths")

    postings = {}
    for key, payload in buckets["postings"][0].items():
        term, block = key[:-9].decode(), struct.unpack(">Q", key[-8:])[0]
        must(key[-9] == 0, "key of a posting")
        f = Fields(payload)
        at = -1
        for _ in range(f.uvarint()):
            at += f.uvarint()
            title_times, text_times = f.uvarint(), f.uvarint()
            g = Fields(f.bytes(f.uvarint()))
            ordinal, places = -1, []
            while g.at < len(g.data):
                ordinal += g.uvarint()
                places.append([ordinal, g.uvarint()])
            number = block << 7 | at
            must(number in by_number, "posting of a document that is not there", number)
            postings.setdefault(term, {})[names[number]] = [title_times, text_times, places]
        f.end()
    must(len(postings) == terms, "terms")
    for d in documents:
        must(d["tokens"] == sum(p[d["id"]][0] + p[d["id"]][1] for p in postings.values() if d["id"] in p), "tokens of", d["id"])

    return {
        "version": 2, "commit": commit, "dim": dim, "fingerprint": fingerprint, "max_tokens": max_tokens, "overlap": overlap,
        "terms": terms, "tokens": tokens, "text_bytes": text_bytes,
        "documents": documents, "postings": postings,
    }


if __name__ == "__main__":
    must(len(sys.argv) == 2, "usage: read.py FILE")
    json.dump(read(sys.argv[1]), sys.stdout)
