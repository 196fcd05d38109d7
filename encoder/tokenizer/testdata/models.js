// Writes unigram.model.gz, deberta.model.gz, t5.model.gz, sentencepiece.json, bpe.json, models.json, split.json and models.golden.json.gz: what the Rust
// tokenizers library makes of the texts in cases.json and cases_models.json, and of random ones,
// with the Unigram and BPE tokenizers below. Their parts and settings are those of the checkpoints
// they are named after, as far as a name is a checkpoint's; the vocabularies are our own.
//
// Run beside a node_modules that holds tokenizers 0.23.2 (see package.json), with spm_train and
// spm_encode of SentencePiece 0.1.97 (Debian: sentencepiece) in the path:
//
//   NODE_PATH=.../node_modules node models.js
//
// The vocabulary of the Unigram models is trained by SentencePiece on corpus.txt, and its
// normalisation nmt_nfkc, which is that of XLM-R and T5, comes with it. models.golden.json.gz holds
// for each tokenizer and text the ids and the offsets, turned from code points into UTF-8 bytes and
// written as distance from the last end, length; and for pairs the type ids and the special-tokens
// mask too.
const { Tokenizer } = require("tokenizers");
const fs = require("fs");
const os = require("os");
const path = require("path");
const zlib = require("zlib");
const crypto = require("crypto");
const { execFileSync } = require("child_process");
const wire = require("./wire.js");
const version = require("tokenizers/package.json").version;
if (version !== "0.23.2") throw new Error("tokenizers " + version);
const seed = 20261124;
const here = (name) => path.join(__dirname, name);
const corpus = fs.readFileSync(here("corpus.txt"), "utf8").trimEnd().split("\n");

// --- vocabularies ---------------------------------------------------------------------------

const dir = fs.mkdtempSync(path.join(os.tmpdir(), "models-"));
// The paths are written into the model, so they are relative.
fs.copyFileSync(here("corpus.txt"), path.join(dir, "corpus.txt"));
execFileSync("spm_train", ["--input=corpus.txt", "--model_prefix=m", "--vocab_size=1100",
  "--hard_vocab_limit=false", "--character_coverage=1.0", "--num_threads=1", "--minloglevel=2", "--normalization_rule_name=nmt_nfkc",
  "--shuffle_input_sentence=false"], { cwd: dir, stdio: ["ignore", "ignore", "inherit"] });
const spm = fs.readFileSync(path.join(dir, "m.model"));
fs.writeFileSync(here("unigram.model.gz"), zlib.gzipSync(spm, { level: 9 }));
const piecesOf = (model) => wire.fields(model).filter((f) => f.number === 1).map((f) => {
  const p = wire.fields(f.bytes);
  return [p.find((x) => x.number === 1).bytes.toString(), p.find((x) => x.number === 2)?.value ?? 0];
});
const pieces = piecesOf(spm);
const charsmap = wire.fields(wire.one(spm, 3)).find((f) => f.number === 2).bytes.toString("base64");
// Two more for the families whose models have their own ids, small, for they normalise nothing.
const train = (name, ...flags) => {
  execFileSync("spm_train", ["--input=corpus.txt", "--model_prefix=" + name, "--vocab_size=800", "--hard_vocab_limit=false",
    "--character_coverage=1.0", "--num_threads=1", "--minloglevel=2", "--normalization_rule_name=identity", "--shuffle_input_sentence=false", ...flags],
    { cwd: dir, stdio: ["ignore", "ignore", "inherit"] });
  const model = fs.readFileSync(path.join(dir, name + ".model"));
  fs.writeFileSync(here(name + ".model.gz"), zlib.gzipSync(model, { level: 9 }));
  return piecesOf(model);
};
const debertaPieces = train("deberta", "--pad_id=0", "--bos_id=1", "--eos_id=2", "--unk_id=3", "--pad_piece=[PAD]", "--bos_piece=[CLS]", "--eos_piece=[SEP]",
  "--unk_piece=[UNK]", "--user_defined_symbols=tea,<sep>");
const t5Pieces = train("t5", "--pad_id=0", "--eos_id=1", "--unk_id=2", "--bos_id=-1");
// What SentencePiece itself makes of the corpus.
const sentencePieceIds = execFileSync("spm_encode", ["--model=" + path.join(dir, "m.model"), "--output_format=id"], { input: corpus.join("\n") + "\n" })
  .toString().trimEnd().split("\n").map((l) => l.split(" ").map(Number));
fs.writeFileSync(here("sentencepiece.json"), JSON.stringify({ sentencepiece: execFileSync("spm_encode", ["--version"]).toString().trim(), ids: sentencePieceIds }) + "\n");
if (pieces.slice(0, 3).map((p) => p[0]).join() !== "<unk>,<s>,</s>") throw new Error(pieces.slice(0, 3));

// bpe learns n merges of words, each a list of symbols. join makes one symbol of two.
function bpe(words, n, join) {
  const count = new Map();
  for (const w of words) { const k = w.join("\0"); count.set(k, (count.get(k) ?? 0) + 1); }
  let list = [...count].map(([k, c]) => [k.split("\0"), c]);
  const alphabet = [...new Set(list.flatMap(([w]) => w))].sort();
  const merges = [];
  while (merges.length < n) {
    const pairs = new Map();
    for (const [w, c] of list) for (let i = 0; i + 1 < w.length; i++) { const k = w[i] + "\0" + w[i + 1]; pairs.set(k, (pairs.get(k) ?? 0) + c); }
    let best = null, most = 0;
    for (const [k, c] of pairs) if (c > most || (c === most && k < best)) { best = k; most = c; }
    if (most < 2) break;
    const [a, b] = best.split("\0"), ab = join(a, b);
    merges.push([a, b]);
    for (const x of list) {
      const w = x[0], v = [];
      for (let i = 0; i < w.length; i++) if (i + 1 < w.length && w[i] === a && w[i + 1] === b) { v.push(ab); i++; } else v.push(w[i]);
      x[0] = v;
    }
  }
  return { alphabet, merges, tokens: [...new Set([...alphabet, ...merges.map(([a, b]) => join(a, b))])] };
}
const cat = (a, b) => a + b;
const byteChar = (() => {
  const m = []; let n = 0;
  for (let b = 0; b < 256; b++) m[b] = String.fromCodePoint((b > 0x20 && b < 0x7f) || (b > 0xa0 && b !== 0xad) ? b : 256 + n++);
  return m;
})();
const gpt2 = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;
const bytesOf = (s) => [...Buffer.from(s)].map((b) => byteChar[b]);
const byteLevel = bpe(corpus.flatMap((l) => l.match(gpt2)).map(bytesOf), 900, cat);
byteLevel.tokens = [...new Set([...byteChar, ...byteLevel.tokens])];
// Not all of the characters, so that some are unknown.
const metaspace = bpe(corpus.slice(0, 26).flatMap((l) => ("▁" + l.replaceAll(" ", "▁")).split(/(?=▁)/)).map((w) => [...w]), 500, cat);
const marked = (w) => { const c = [...w]; return c.map((x, i) => (i ? "##" : "") + x + (i === c.length - 1 ? "</w>" : "")); };
const wordEnds = bpe(corpus.slice(0, 26).flatMap((l) => l.match(/[\p{L}\p{N}\p{M}_]+|[^\p{L}\p{N}\p{M}_\s]+/gu)).map(marked), 500, (a, b) => a + b.slice(2));
fs.writeFileSync(here("bpe.json"), JSON.stringify(Object.fromEntries(Object.entries({ byteLevel, metaspace, wordEnds })
  .map(([k, v]) => [k, { tokens: v.tokens, merges: v.merges }]))) + "\n");
const wordPiece = fs.readFileSync(here("vocab.txt"), "utf8").trimEnd().split("\n");
const hex = Array.from({ length: 256 }, (_, b) => "<0x" + b.toString(16).toUpperCase().padStart(2, "0") + ">");

// --- tokenizers -----------------------------------------------------------------------------

// vocab is the tokens of a model by id: for Unigram [token, score].
const unigram = (first, last, o = {}) => {
  const vocab = [...first.map((s) => [s, 0]), ...pieces.slice(3), ...last.map((s) => [s, 0])];
  return { type: "Unigram", unk_id: vocab.findIndex(([s]) => /^(<unk>|\[UNK\])$/.test(s)), byte_fallback: false, ...o, vocab };
};
const BPE = (first, m, last, o = {}) => ({
  type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false,
  ignore_merges: false, ...o, vocab: Object.fromEntries([...first, ...m.tokens, ...last].map((s, i) => [s, i])), merges: m.merges,
});
const idOf = (model, s) => (model.type === "Unigram" ? model.vocab.findIndex(([t]) => t === s) : model.vocab[s] ?? -1);
const A = (content, o = {}) => ({ content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...o });
const S = (t, n = 0) => ({ SpecialToken: { id: t, type_id: n } });
const Q = (s, n = 0) => ({ Sequence: { id: s, type_id: n } });
const template = (single, pair) => ({ type: "TemplateProcessing", single, pair });
const seqN = (...normalizers) => ({ type: "Sequence", normalizers });
const seqP = (...pretokenizers) => ({ type: "Sequence", pretokenizers });
const seqO = (...processors) => ({ type: "Sequence", processors });
const P = { type: "Precompiled", precompiled_charsmap: charsmap };
const regex = (r, content) => ({ type: "Replace", pattern: { Regex: r }, content });
const string = (s, content) => ({ type: "Replace", pattern: { String: s }, content });
const strip = (l, r) => ({ type: "Strip", strip_left: l, strip_right: r });
const split = (pattern, behavior, invert = false) => ({ type: "Split", pattern, behavior, invert });
const N = (type) => ({ type });
const meta = (o) => ({ type: "Metaspace", replacement: "▁", ...o });
const level = (o) => ({ type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true, ...o });
const punctuation = (behavior) => ({ type: "Punctuation", behavior });
const roberta = (sep, cls, o = {}) => ({ type: "RobertaProcessing", sep, cls, trim_offsets: true, add_prefix_space: false, ...o });
const fairseq = ["<s>", "<pad>", "</s>", "<unk>"], bert = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"];
const R = template([S("<s>"), Q("A"), S("</s>")], [S("<s>"), Q("A"), S("</s>"), S("</s>"), Q("B"), S("</s>")]);
const C = template([S("[CLS]"), Q("A"), S("[SEP]")], [S("[CLS]"), Q("A"), S("[SEP]"), Q("B", 1), S("[SEP]", 1)]);
const T5 = template([Q("A"), S("</s>")], [Q("A"), S("</s>"), Q("B"), S("</s>")]);
const fairseqAdded = [...fairseq.map((s) => A(s)), A("<mask>", { lstrip: true })];
const robertaAdded = [...fairseq.map((s) => A(s, { normalized: true })), A("<mask>", { lstrip: true })];
const bertAdded = [...bert.map((s) => A(s)), A("[MASK]")];
const cl100k = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const qwen2 = cl100k.replace("{1,3}", "");
const byteModel = BPE(fairseq, byteLevel, ["<mask>"]);
const plainLevel = (pre, o = {}) => ({ added_tokens: robertaAdded, normalizer: null, pre_tokenizer: pre, post_processor: null, model: byteModel, ...o });

const tokenizers = {
  // Unigram
  xlm_roberta: { added_tokens: fairseqAdded, normalizer: P, pre_tokenizer: seqP(N("WhitespaceSplit"), meta({ add_prefix_space: true })), post_processor: R,
    model: unigram(fairseq, ["<mask>"]) },
  bge_m3: { added_tokens: fairseqAdded, normalizer: seqN(P, strip(false, true), regex(" {2,}", "▁")), pre_tokenizer: meta({ prepend_scheme: "always", split: true }),
    post_processor: R, model: unigram(fairseq, ["<mask>"]) },
  deberta_v3: { added_tokens: bertAdded, normalizer: seqN(strip(true, true), P, regex(" {2,}", " ")), pre_tokenizer: seqP(meta({ prepend_scheme: "always" })),
    post_processor: C, model: unigram(bert, []) },
  deberta_split: { added_tokens: bertAdded, normalizer: seqN(N("Lowercase"), strip(true, true), P, regex(" {2,}", " ")),
    pre_tokenizer: seqP(punctuation("Isolated"), meta({ prepend_scheme: "first" })), post_processor: C, model: unigram(bert, []) },
  t5: { added_tokens: [A("<pad>"), A("</s>"), A("<unk>"), A("<extra_id_1>"), A("<extra_id_0>", { rstrip: true })], normalizer: P,
    pre_tokenizer: seqP(N("WhitespaceSplit"), meta({ prepend_scheme: "always", split: true, add_prefix_space: true })), post_processor: T5,
    model: unigram(["<pad>", "</s>", "<unk>"], ["<extra_id_1>", "<extra_id_0>"]) },
  albert: { added_tokens: bertAdded, normalizer: seqN(string("``", '"'), string("''", '"'), N("NFKD"), N("StripAccents"), N("Lowercase"), P, regex(" {2,}", " ")),
    pre_tokenizer: meta({ prepend_scheme: "always", split: true }), post_processor: C, model: unigram(bert, []) },
  unigram_bytes: { added_tokens: [...fairseqAdded, A("tea", { special: false, normalized: true })], normalizer: seqN(N("Nmt"), N("NFKC")),
    pre_tokenizer: meta({ prepend_scheme: "first", split: true }), post_processor: null, model: unigram([...fairseq, ...hex], ["<mask>"], { byte_fallback: true }) },
  unigram_whole: { added_tokens: fairseqAdded, normalizer: { type: "Prepend", prepend: "▁x" }, pre_tokenizer: meta({ prepend_scheme: "never", split: false }),
    post_processor: T5, model: unigram(fairseq, []) },
  unigram_bare: { added_tokens: [], normalizer: regex("(a|e[\\s]?)+\\s", "oo "), pre_tokenizer: null, post_processor: null, model: unigram(fairseq, []) },
  // what transformers makes of a SentencePiece model (bge_m3 is that of XLM-R)
  t5_model: { added_tokens: [A("<pad>"), A("</s>"), A("<unk>"), A("<extra_id_1>"), A("<extra_id_0>")], normalizer: seqN(strip(false, true), regex(" {2,}", "▁")),
    pre_tokenizer: meta({ prepend_scheme: "always" }), post_processor: T5,
    model: { type: "Unigram", unk_id: 2, vocab: [...t5Pieces, ["<extra_id_1>", 0], ["<extra_id_0>", 0]], modelFile: "t5" } },
  deberta_model: { added_tokens: [...bertAdded, A("tea", { special: false }), A("<sep>", { special: false })],
    normalizer: seqN(N("Lowercase"), strip(true, true), regex(" {2,}", " ")), pre_tokenizer: seqP(punctuation("Isolated"), meta({ prepend_scheme: "always" })),
    post_processor: C, model: { type: "Unigram", unk_id: 3, vocab: debertaPieces, modelFile: "deberta" } },
  // byte-level BPE
  roberta: { added_tokens: robertaAdded, normalizer: null, pre_tokenizer: level(), post_processor: roberta(["</s>", 2], ["<s>", 0]), model: byteModel },
  roberta_prefix: { added_tokens: robertaAdded, normalizer: null, pre_tokenizer: level({ add_prefix_space: true }),
    post_processor: roberta(["</s>", 2], ["<s>", 0], { add_prefix_space: true }), model: byteModel },
  roberta_untrimmed: { added_tokens: robertaAdded, normalizer: null, pre_tokenizer: level({ add_prefix_space: true }),
    post_processor: roberta(["</s>", 2], ["<s>", 0], { trim_offsets: false }), model: byteModel },
  modernbert: { added_tokens: [A("[UNK]"), A("[CLS]"), A("[SEP]"), A("[PAD]"), A("[MASK]", { lstrip: true }), A("  ", { special: false, normalized: true }),
    A("    ", { special: false, normalized: true }), A("|||EMAIL_ADDRESS|||", { special: false, normalized: true }), A("[unused0]", { special: false, normalized: true })],
    normalizer: N("NFC"), pre_tokenizer: level(), post_processor: C, model: BPE([], byteLevel, []) },
  gpt2: plainLevel(level({ add_prefix_space: true }), { post_processor: level({ add_prefix_space: true }), added_tokens: [] }),
  byte_level_template: plainLevel(level(), { post_processor: seqO(level(), R) }),
  byte_level_normalizer: plainLevel(split({ Regex: "Ġ+|\\p{L}+" }, "Isolated"), { normalizer: N("ByteLevel"), post_processor: R, added_tokens: fairseqAdded }),
  cl100k: plainLevel(seqP(split({ Regex: cl100k }, "Isolated"), level({ use_regex: false })), { model: BPE(fairseq, byteLevel, ["<mask>"], { ignore_merges: true }) }),
  qwen2: plainLevel(seqP(split({ Regex: qwen2 }, "Removed", true), level({ use_regex: false, trim_offsets: false })), { normalizer: N("NFC") }),
  digits: plainLevel(seqP({ type: "Digits", individual_digits: true }, level({ use_regex: false }))),
  digit_runs: plainLevel(seqP({ type: "Digits", individual_digits: false }, { type: "CharDelimiterSplit", delimiter: "e" }, level({ use_regex: false }))),
  merged_next: plainLevel(seqP(split({ String: " " }, "MergedWithNext"), punctuation("Removed"), level({ use_regex: false }))),
  merged_previous: plainLevel(seqP(split({ Regex: "\\s" }, "MergedWithPrevious"), punctuation("MergedWithPrevious"), level({ use_regex: false }))),
  contiguous: plainLevel(seqP(split({ Regex: "[aeiou]|[^\\s\\p{L}]" }, "Contiguous"), punctuation("Contiguous"), level({ use_regex: false }))),
  inverted: plainLevel(seqP(split({ String: "e" }, "MergedWithNext", true), punctuation("MergedWithNext"), level())),
  // BPE of characters
  llama: { added_tokens: [A("<unk>"), A("<s>"), A("</s>")], normalizer: seqN({ type: "Prepend", prepend: "▁" }, string(" ", "▁")), pre_tokenizer: null,
    post_processor: template([S("<s>"), Q("A")], [S("<s>"), Q("A"), S("<s>", 1), Q("B", 1)]),
    model: BPE(["<unk>", "<s>", "</s>", ...hex], metaspace, [], { unk_token: "<unk>", fuse_unk: true, byte_fallback: true }) },
  bpe_fused: { added_tokens: [A("<unk>")], normalizer: null, pre_tokenizer: meta({ prepend_scheme: "always", split: false }), post_processor: null,
    model: BPE(["<unk>"], metaspace, [], { unk_token: "<unk>", fuse_unk: true, ignore_merges: true }) },
  bpe_ends: { added_tokens: [A("<unk>")], normalizer: null, pre_tokenizer: N("Whitespace"), post_processor: null,
    model: BPE(["<unk>"], wordEnds, [], { unk_token: "<unk>", continuing_subword_prefix: "##", end_of_word_suffix: "</w>" }) },
  // WordPiece
  mpnet: { added_tokens: [A("[PAD]"), A("[CLS]"), A("[SEP]"), A("[UNK]"), A("[MASK]", { lstrip: true })],
    normalizer: { type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true }, pre_tokenizer: N("BertPreTokenizer"),
    post_processor: roberta(["[SEP]", 3], ["[CLS]", 2]),
    model: { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", max_input_chars_per_word: 100, vocab: Object.fromEntries(wordPiece.map((s, i) => [s, i])) } },
};
for (const [name, t] of Object.entries(tokenizers)) {
  let next = t.model.type === "Unigram" ? t.model.vocab.length : Object.keys(t.model.vocab).length;
  t.added_tokens = t.added_tokens.map((a) => { const id = idOf(t.model, a.content); return { id: id < 0 ? next++ : id, ...a }; });
  for (const p of t.post_processor?.processors ?? [t.post_processor])
    if (p?.type === "TemplateProcessing") {
      p.special_tokens = {};
      for (const x of [...p.single, ...p.pair])
        if (x.SpecialToken) {
          const s = x.SpecialToken.id, id = t.added_tokens.find((a) => a.content === s).id;
          p.special_tokens[s] = { id: s, ids: [id], tokens: [s] };
        }
      // Templates are shared above, and their ids are not.
      const copy = structuredClone(p);
      if (t.post_processor === p) t.post_processor = copy;
      else t.post_processor.processors = t.post_processor.processors.map((q) => (q === p ? copy : q));
    }
  tokenizers[name] = { version: "1.0", truncation: null, padding: null, ...t };
}

// --- texts ----------------------------------------------------------------------------------

function mulberry32(a) {
  return () => {
    a |= 0; a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
const rnd = mulberry32(seed);
const below = (n) => Math.floor(rnd() * n);
const one = (a) => a[below(a.length)];
const blocks = [[0x20, 0x7e], [0x20, 0x7e], [0x0, 0x1f], [0x7f, 0xff], [0x100, 0x24f], [0x300, 0x36f], [0x370, 0x3ff], [0x400, 0x4ff],
  [0x590, 0x5ff], [0x600, 0x6ff], [0x900, 0x97f], [0xe00, 0xe7f], [0x1100, 0x11ff], [0x1e00, 0x1eff], [0x1f00, 0x1fff], [0x2000, 0x206f],
  [0x2100, 0x218f], [0x3000, 0x30ff], [0x4e00, 0x4e60], [0xac00, 0xac80], [0xfb00, 0xfb4f], [0xff00, 0xffef], [0x1d15e, 0x1d172],
  [0x1f300, 0x1f6ff], [0x2f800, 0x2f820]];
const words = corpus.flatMap((l) => l.split(" "));
const anything = () => { let c; do c = below(0x110000); while (c >= 0xd800 && c < 0xe000); return String.fromCodePoint(c); };
function random() {
  let s = "";
  for (let n = below(12); n >= 0; n--) {
    switch (below(8)) {
      case 0: case 1: case 2: s += one(words); break;
      case 3: { const [a, b] = one(blocks); for (let k = below(5); k >= 0; k--) s += String.fromCodePoint(a + below(b - a + 1)); break; }
      case 4: s += one([",", ".", "!?", "'s", "'LL", "<mask>", "[MASK]", "</s>", "<extra_id_0>", "tea", "▁", "''", "``", "\r\n", "\t", "\u0301", "e\u0301", "é", "12345", "中"]); break;
      case 5: s += anything(); break;
      case 6: s += " ".repeat(1 + below(4)); break;
      case 7: s += one(words).toUpperCase().slice(0, 1 + below(6)); break;
    }
    if (below(2)) s += " ";
  }
  return s;
}
const hand = [...JSON.parse(fs.readFileSync(here("cases.json"), "utf8")), ...JSON.parse(fs.readFileSync(here("cases_models.json"), "utf8"))];
const texts = hand.map((c) => (typeof c === "string" ? c : c.repeat.repeat(Math.min(c.times, 300))));
for (const l of corpus) texts.push(l);
for (let i = 0; i < 200; i++) texts.push(random());
for (const s of texts) if (!s.isWellFormed()) throw new Error("lone surrogate: " + JSON.stringify(s));

// --- answers --------------------------------------------------------------------------------

function byteAt(text) {
  const at = [0];
  for (const c of text) at.push(at[at.length - 1] + Buffer.byteLength(c));
  return at;
}
async function answer(tok, a, b) {
  const e = await tok.encode(a, b ?? null, { addSpecialTokens: true });
  const at = [byteAt(a), byteAt(b ?? "")];
  const mask = e.getSpecialTokensMask(), seq = e.getSequenceIds();
  let end = 0;
  const offsets = e.getOffsets().flatMap(([s, t], i) => {
    if (!mask[i]) { s = at[seq[i] ?? 0][s]; t = at[seq[i] ?? 0][t]; }
    const d = [s - end, t - s];
    end = t;
    return d;
  });
  return b === undefined ? { ids: e.getIds(), offsets } : { ids: e.getIds(), types: e.getTypeIds(), special: mask, offsets };
}
// splits is a hash of how each regular expression cuts every text of up to four of these characters.
async function splits() {
  const alphabet = [" ", "\n", "\r", "\t", "\u00a0", "a", "L", "\u00e9", "1", "\u00b2", "'", "!", "s", "\u4e2d", "\u017f", "\u0301", "e", "r"];
  const sha256 = {};
  for (const [name, regex] of Object.entries({ gpt2: null, cl100k, qwen2 })) {
    const tok = Tokenizer.fromString(JSON.stringify({ version: "1.0", pre_tokenizer: regex ? split({ Regex: regex }, "Isolated") : level(),
      model: { type: "WordLevel", vocab: { u: 0 }, unk_token: "u" } }));
    const hash = crypto.createHash("sha256");
    for (let n = 1; n <= 4; n++)
      for (let i = 0; i < alphabet.length ** n; i++) {
        let s = "";
        for (let k = 0, x = i; k < n; k++, x = Math.floor(x / alphabet.length)) s += alphabet[x % alphabet.length];
        hash.update(s + "\t" + (await tok.encode(s)).getOffsets().map(([, b]) => b).join(" ") + "\n");
      }
    sha256[name] = hash.digest("hex");
  }
  fs.writeFileSync(here("split.json"), JSON.stringify({ tokenizers: version, alphabet, patterns: { cl100k, qwen2 }, sha256 }, null, 1) + "\n");
}
(async () => {
  await splits();
  const out = { tokenizers: version, seed, texts, results: {} };
  const lean = {};
  for (const [name, json] of Object.entries(tokenizers)) {
    const tok = Tokenizer.fromString(JSON.stringify(json, (k, v) => (k === "modelFile" ? undefined : v)));
    const r = { single: [], pair: [], size: tok.getVocabSize(true) };
    for (const s of texts) r.single.push(await answer(tok, s));
    for (let i = 0; i + 1 < 40; i++) r.pair.push(await answer(tok, texts[7 * i], texts[7 * i + 1]));
    out.results[name] = r;
    // The vocabulary and the charsmap are put in from their files by the test.
    const model = { ...json.model };
    if (model.modelFile) continue; // the test reads the model file
    delete model.merges;
    const index = model.type === "Unigram" ? Object.fromEntries(model.vocab.map(([s], i) => [s, i])) : model.vocab;
    const from = model.type === "WordPiece" ? "vocab.txt" : model.type === "Unigram" ? "unigram.model.gz"
      : json.model.merges === byteLevel.merges ? "byteLevel" : json.model.merges === metaspace.merges ? "metaspace" : "wordEnds";
    const inner = new Set(from === "vocab.txt" ? wordPiece : from === "unigram.model.gz" ? pieces.slice(3).map(([s]) => s) : { byteLevel, metaspace, wordEnds }[from].tokens);
    const all = Object.keys(index).sort((a, b) => index[a] - index[b]);
    const start = all.findIndex((s) => inner.has(s));
    model.vocab = { from, first: all.slice(0, start), last: all.slice(start).filter((s) => !inner.has(s)) };
    lean[name] = { ...json, model };
  }
  fs.writeFileSync(here("models.json"), JSON.stringify(lean, (k, v) => (k === "precompiled_charsmap" ? "" : v), 1) + "\n");
  fs.writeFileSync(here("models.golden.json.gz"), zlib.gzipSync(JSON.stringify(out), { level: 9 }));
  console.log(pieces.length, "pieces,", byteLevel.tokens.length, metaspace.tokens.length, wordEnds.tokens.length, "BPE tokens,", texts.length, "texts,", Object.keys(tokenizers).length, "tokenizers");
})();
