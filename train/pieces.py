"""Keeps bytes in files of at most 16 MiB, whole or not at all.

A set is a folder with part-000, part-001, ... and manifest.json, which is written last and holds the SHA-256 of every
part. A set whose manifest is missing or does not fit its parts is not there.
"""
import hashlib
import io
import json
import os
import shutil

import numpy as np

LIMIT = 16 << 20


def write(folder, raw, limit=LIMIT):
    """Writes raw as a set; whatever was in folder is gone first."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    parts = []
    for k, a in enumerate(range(0, max(1, len(raw)), limit)):
        name, x = f"part-{k:03d}", raw[a:a + limit]
        with open(f"{folder}/{name}", "wb") as f:
            f.write(x)
            f.flush()
            os.fsync(f.fileno())
        parts.append({"name": name, "bytes": len(x), "sha256": hashlib.sha256(x).hexdigest()})
    with open(f"{folder}/manifest.tmp", "w", encoding="utf-8") as f:
        json.dump({"bytes": len(raw), "parts": parts}, f, indent=1)
    os.replace(f"{folder}/manifest.tmp", f"{folder}/manifest.json")


def read(folder):
    """The bytes of a set; an OSError or ValueError that names the part when it is not whole."""
    with open(f"{folder}/manifest.json", encoding="utf-8") as f:
        m = json.load(f)
    out = []
    for p in m["parts"]:
        with open(f"{folder}/{p['name']}", "rb") as f:
            x = f.read()
        if hashlib.sha256(x).hexdigest() != p["sha256"]:
            raise ValueError(f"{folder}/{p['name']}: checksum does not fit the manifest")
        out.append(x)
    return b"".join(out)


def last(folder, prefix):
    """(number, bytes) of the whole set PREFIX-NUMBER with the largest number, or None."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    for n in sorted((int(x[len(prefix) + 1:]) for x in names if x.startswith(prefix + "-") and x[len(prefix) + 1:].isdigit()), reverse=True):
        try:
            return n, read(f"{folder}/{prefix}-{n}")
        except (OSError, ValueError):
            continue
    return None


def keep(folder, prefix, n=2):
    """Removes all but the n latest sets."""
    names = [x for x in os.listdir(folder) if x.startswith(prefix + "-") and x[len(prefix) + 1:].isdigit()]
    for x in sorted(names, key=lambda x: int(x[len(prefix) + 1:]))[:-n]:
        shutil.rmtree(f"{folder}/{x}")


def pack(cache, out, limit=LIMIT):
    """The tokenised cache as sets, one a file, compressed: ids are uint16, and the starts of lists become lengths."""
    import zstandard
    names = sorted(x for x in os.listdir(cache) if not x.endswith(".tmp") and os.path.isfile(f"{cache}/{x}"))
    if not names:
        raise ValueError(f"{cache}: nothing to pack")
    total = 0
    for name in names:
        path = f"{cache}/{name}"
        if name.endswith(".start.npy"):
            n = np.diff(np.load(path))
            buf = io.BytesIO()
            np.save(buf, n.astype(np.uint16) if not len(n) or n.max() < 1 << 16 else n)
            raw = buf.getvalue()
        else:
            with open(path, "rb") as f:
                raw = f.read()
        z = zstandard.ZstdCompressor(level=12).compress(raw)
        write(f"{out}/{name}", z, limit)
        total += len(z)
    return total


def loads(packed, size):
    """Moves the files of packed sets into PACKED/0, PACKED/1, ... of at most size bytes each, for a machine that takes so
    much at a time; put on top of one another they are the folder that unpack wants. Returns how many there are."""
    files = sorted(os.path.relpath(os.path.join(a, x), packed) for a, _, b in os.walk(packed) for x in b)
    k, room = 0, size
    for f in files:
        n = os.path.getsize(f"{packed}/{f}")
        if n > room and room < size:
            k, room = k + 1, size
        room -= n
        os.makedirs(os.path.dirname(f"{packed}/{k}/{f}"), exist_ok=True)
        os.rename(f"{packed}/{f}", f"{packed}/{k}/{f}")
    for name in os.listdir(packed):
        if not name.isdigit():
            shutil.rmtree(f"{packed}/{name}")
    return k + 1


def unpack(sets, cache):
    """The reverse of pack: all sets under the folder sets, into cache."""
    import zstandard
    os.makedirs(cache, exist_ok=True)
    names = sorted(x for x in os.listdir(sets) if os.path.exists(f"{sets}/{x}/manifest.json"))
    if not names:
        raise ValueError(f"{sets}: no packed sets")
    for name in names:
        raw = zstandard.ZstdDecompressor().decompress(read(f"{sets}/{name}"))
        if name.endswith(".start.npy"):
            n = np.load(io.BytesIO(raw)).astype(np.int64)
            buf = io.BytesIO()
            np.save(buf, np.concatenate([np.zeros(1, np.int64), np.cumsum(n)]))
            raw = buf.getvalue()
        with open(f"{cache}/{name}.tmp", "wb") as f:
            f.write(raw)
        os.replace(f"{cache}/{name}.tmp", f"{cache}/{name}")
    return names
