#!/usr/bin/env python3
"""Write a folder of Markdown files of real prose, to try the command on.

usage: prose.py WIKI.jsonl.zst OUTDIR [COUNT]

WIKI holds lines {"title", "paras"}; a short paragraph that ends in a full stop and holds no other is a section heading.
Every n-th article is taken, so that the folder spans the file. Needs the zstd program.
"""
import json
import os
import re
import subprocess
import sys


def heading(p):
    return len(p) < 60 and p.endswith(".") and p.count(".") == 1 and len(p.split()) <= 8 and p[:1].isupper()


def main():
    src, out, count = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 500
    text = subprocess.run(["zstd", "-dcq", src], stdout=subprocess.PIPE, check=True).stdout.decode()
    rows = [line for line in text.splitlines() if line.strip()]
    step = max(1, len(rows) // count)
    os.makedirs(out, exist_ok=True)
    written = size = 0
    for line in rows[::step][:count]:
        r = json.loads(line)
        name = re.sub(r"[^A-Za-z0-9]+", "-", r["title"]).strip("-").lower() or f"article-{written}"
        body = "# " + r["title"] + "\n\n"
        body += "\n\n".join("## " + p[:-1] if heading(p) else p for p in r["paras"]) + "\n"
        with open(os.path.join(out, name + ".md"), "w", encoding="utf-8") as f:
            f.write(body)
        written += 1
        size += len(body.encode())
    print(f"{written} files, {size / 1e6:.1f} MB in {out}")


if __name__ == "__main__":
    main()
