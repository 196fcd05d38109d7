// Writes ../tables.go and unicode.json: what the Rust tokenizers library takes each code point for.
//
// Run beside a node_modules that holds tokenizers 0.23.2 (see package.json):
//
//   NODE_PATH=.../node_modules node unicode.js
//
// The library's Unicode tables are older than those of Go in some parts and newer in others, so
// they are asked, code point by code point, rather than assumed. unicode.json holds a SHA-256 for
// each normalizer over its answers for every code point: lines of "hex code point, tab, answer".
const t = require("tokenizers");
const fs = require("fs");
const path = require("path");
const crypto = require("crypto");
const wire = require("./wire.js");
const version = require("tokenizers/package.json").version;
if (version !== "0.23.2") throw new Error("tokenizers " + version);

// charsmap is the nmt_nfkc of SentencePiece: field 2 of field 3 of the model.
function charsmap() {
  const model = require("zlib").gunzipSync(fs.readFileSync(path.join(__dirname, "unigram.model.gz")));
  return wire.fields(wire.one(model, 3)).find((f) => f.number === 2).bytes;
}

// joins tells which code points belong to the character before them: its charsmap makes 1 of A, and of
// all that is one grapheme with it.
function joins() {
  const units = new Uint32Array(512);
  units[0] = 256 << 10;
  units[256 ^ 0x41] = (128 << 10) | (1 << 8) | 0x41;
  units[256 ^ 0x41 ^ 128] = 0x80000000;
  const buf = Buffer.alloc(4 + 2048 + 2);
  buf.writeUInt32LE(2048, 0);
  units.forEach((u, i) => buf.writeUInt32LE(u, 4 + 4 * i));
  buf.write("1\0", 2052);
  const n = t.precompiled([...buf]);
  return { normalizeString: (s) => n.normalizeString("A" + s) };
}

const bert = (o) => t.bertNormalizer({ cleanText: false, handleChineseChars: false, stripAccents: false, lowercase: false, ...o });
const N = {
  clean: bert({ cleanText: true }),
  chinese: bert({ handleChineseChars: true }),
  accents: bert({ stripAccents: true }),
  uncased: bert({ cleanText: true, handleChineseChars: true, stripAccents: true, lowercase: true }),
  lower: t.lowercase(),
  strip: t.stripAccentsNormalizer(),
  nfd: t.nfdNormalizer(),
  nfc: t.nfcNormalizer(),
  nfkd: t.nfkdNormalizer(),
  nfkc: t.nfkcNormalizer(),
  nmt: t.nmt(),
  charsmap: t.precompiled([...charsmap()]),
  joins: joins(),
};
const P = {
  whitespace: t.whitespacePreTokenizer(),
  split: t.whitespaceSplitPreTokenizer(),
  punctuation: t.punctuationPreTokenizer(),
  bert: t.bertPreTokenizer(),
};

// members asks a pre-tokenizer, given as JSON, for the code points that it leaves (of text that is
// otherwise sep) as words of one code point.
async function members(preTokenizer, sep) {
  const tok = t.Tokenizer.fromString(JSON.stringify({ version: "1.0", pre_tokenizer: preTokenizer,
    model: { type: "WordLevel", vocab: { u: 0 }, unk_token: "u" } }));
  const out = [];
  for (let lo = 0; lo < 0x110000; lo += 0x800) {
    if (lo === 0xd800) continue;
    let s = sep;
    for (let c = lo; c < lo + 0x800; c++) s += String.fromCodePoint(c) + sep;
    for (const [a, b] of (await tok.encode(s)).getOffsets()) if (b === a + 1) out.push(lo + (a - sep.length) / (1 + sep.length));
  }
  return out;
}
const split = (regex) => ({ type: "Split", pattern: { Regex: regex }, behavior: "Removed", invert: false });

(async () => {
const sets = { space: [], punct: [], dropped: [], chinese: [], nonspacing: [], mark: [], word: [], nonstarter: [], canonical: [], compatible: [], letter: [], number: [], digit: [], blank: [] };
const add = (name, c) => {
  const s = sets[name], last = s[s.length - 1];
  if (last && last[1] === c - 1) last[1] = c;
  else s.push([c, c]);
};
const hash = {}, lower = [];
for (const k in N) hash[k] = crypto.createHash("sha256");
for (let c = 0; c < 0x110000; c++) {
  if (c >= 0xd800 && c < 0xe000) continue;
  const s = String.fromCodePoint(c), n = {};
  for (const k in N) {
    n[k] = N[k].normalizeString(s);
    hash[k].update(c.toString(16) + "\t" + n[k] + "\n");
  }
  if (n.clean === "") add("dropped", c);
  if (n.chinese !== s) add("chinese", c);
  if (n.strip === "") add("mark", c);
  if (n.nfd !== s) add("canonical", c);
  if (n.nfkd !== s) add("compatible", c);
  // Nonspacing marks are what BertNormalizer removes; ask beside a letter, of the undecomposed ones.
  if (n.nfd === s && n.accents === "") add("nonspacing", c);
  const pieces = (p) => P[p].preTokenizeString("a" + s + "b").length;
  const ws = pieces("whitespace");
  if (pieces("split") === 2) add("space", c);
  else if (ws === 1) add("word", c);
  if (pieces("punctuation") === 3) add("punct", c);
  if ((pieces("bert") === 3) !== (pieces("punctuation") === 3)) throw new Error("two ideas of punctuation: " + c.toString(16));
  if ((ws === 2) !== (pieces("split") === 2)) throw new Error("two ideas of space: " + c.toString(16));
  // A nonstarter changes places with a mark of a class above or below its own: 232, 230.
  if (n.nfd === s)
    for (const m of ["\u0315", "\u0301"])
      for (const x of ["a" + s + m, "a" + m + s])
        if (N.nfd.normalizeString(x) !== x && sets.nonstarter.at(-1)?.[1] !== c) add("nonstarter", c);
  if (n.lower !== s && c !== 0x130) {
    const d = [...n.lower];
    if (d.length !== 1) throw new Error("lower case of several: " + c.toString(16));
    lower.push([c, d[0].codePointAt(0) - c]);
  }
}

for (const c of await members(split("[^\\p{L}]"), "1")) add("letter", c);
for (const c of await members(split("[^\\p{N}]"), "a")) add("number", c);
for (const c of await members({ type: "Digits", individual_digits: true }, "aa")) add("digit", c);
for (const c of await members(split("\\S"), "a")) add("blank", c);
if (JSON.stringify(sets.space) !== JSON.stringify(sets.blank)) throw new Error("two ideas of space: \\s");
delete sets.blank;

// Runs of equal delta and equal stride, 1 or 2.
const runs = [];
for (const [c, d] of lower) {
  const r = runs[runs.length - 1];
  if (r && r.delta === d && (r.stride ? c === r.hi + r.stride : c - r.hi <= 2)) {
    r.stride = c - r.hi;
    r.hi = c;
  } else runs.push({ lo: c, hi: c, stride: 0, delta: d });
}

const hex = (c) => "0x" + c.toString(16);
let go = `// Code generated by testdata/unicode.js from tokenizers ${version}. DO NOT EDIT.

package tokenizer

// span is a range of code points, both ends included.
type span struct{ lo, hi rune }

// caseRun gives the lower case of every stride-th code point from lo to hi: itself plus delta.
type caseRun struct{ lo, hi, stride, delta rune }
`;
const doc = {
  space: "white space (the property White_Space)",
  punct: "what BertPreTokenizer and Punctuation set apart",
  dropped: "what clean_text removes",
  chinese: "what handle_chinese_chars sets apart",
  nonspacing: "the marks strip_accents removes (category Mn)",
  mark: "the marks StripAccents removes (category M)",
  word: "what \\w matches",
  nonstarter: "code points with a combining class other than zero",
  canonical: "code points that NFD decomposes",
  compatible: "code points that NFKD decomposes",
  letter: "what \\p{L} matches",
  number: "what \\p{N} matches",
  digit: "what Digits sets apart",
};
for (const k in sets) {
  go += `\n// ${k}Spans is ${doc[k]}.\nvar ${k}Spans = []span{\n`;
  for (let i = 0; i < sets[k].length; i += 6)
    go += "\t" + sets[k].slice(i, i + 6).map(([a, b]) => `{${hex(a)}, ${hex(b)}},`).join(" ") + "\n";
  go += "}\n";
}
go += "\n// lowerRuns is the lower case of every code point that has one, but for U+0130, whose lower case is two.\nvar lowerRuns = []caseRun{\n";
for (let i = 0; i < runs.length; i += 4)
  go += "\t" + runs.slice(i, i + 4).map((r) => `{${hex(r.lo)}, ${hex(r.hi)}, ${r.stride || 1}, ${r.delta}},`).join(" ") + "\n";
go += "}\n";
fs.writeFileSync(path.join(__dirname, "..", "tables.go"), go);

const sums = {};
for (const k in hash) sums[k] = hash[k].digest("hex");
fs.writeFileSync(path.join(__dirname, "unicode.json"), JSON.stringify({ tokenizers: version, sha256: sums }, null, 1) + "\n");
})();
