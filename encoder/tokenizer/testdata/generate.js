// Writes vocab.txt, tokenizers.json and golden.json.gz: what the Rust tokenizers library makes of
// the texts in cases.json, and of random ones, under each of the tokenizers below.
//
// Run beside a node_modules that holds tokenizers 0.23.2 (see package.json):
//
//   NODE_PATH=.../node_modules node generate.js
//
// golden.json.gz holds, for each tokenizer and each text, ids, type ids, the special-tokens mask
// and offsets. The library counts offsets in code points; here they are turned into UTF-8 bytes.
const { Tokenizer } = require("tokenizers");
const fs = require("fs");
const path = require("path");
const zlib = require("zlib");
const version = require("tokenizers/package.json").version;
if (version !== "0.23.2") throw new Error("tokenizers " + version);
const seed = 20240817;

// --- vocabulary -----------------------------------------------------------------------------

const words = `the of and to in is was for on that with as by he it at from his an are were be which this had first or
not have one their has but they its also been two after who new time into more her she when there no other all most only
over some would about can year years made up between during where under many may these part then such three state known
city use used world will being united states them name so people before area number out later while any may both well
team through music school second him how if what your you we our us do does did don can t s re ve ll d m isn wasn
hello good bad day night water fire earth air tea green coffee cup boil steep leaf leaves hot cold warm rain snow sun
moon star sky sea river lake hill tree grass stone sand wood iron gold silver red blue white black yellow brown house
home door window room wall floor roof road street bridge ship boat train car bus plane horse dog cat bird fish cow sheep
man men woman women child children boy girl king queen mother father brother sister friend love hate fear hope joy work
play run walk jump sing dance read write speak talk say said tell told ask answer question think thought know knew learn
teach study book page line word letter paper pen table chair bed box bag key lock glass bottle plate knife fork spoon
bread milk egg meat rice corn bean apple orange lemon cherry salt sugar oil honey wine beer eat drink cook sleep wake
big small long short high low near far old young early late fast slow hard soft light dark heavy clean dirty open close
begin end start stop go come give take get put keep let make find lose win buy sell pay cost price money bank market
search query index token vector model engine data file record table key value store read write code test bug fix build
cafe naive resume facade uber fur strasse istanbul zurich munchen angstrom pinata jalapeno senor nino manana garcon
machine learning language embed passage document answer reader score distance neighbor recall hit offset unit byte`
  .split(/\s+/);
const tails = `s es ed ing ly er est ion ions tion tions ment ness less ful able ible al ial ic ical ous ive ity ty y en
ize ise ism ist ists ship hood ward wards like man men e a i o u n r t d l m th nd st rd ld ng nt ck ll ss tt ff pp rr ee
oo ea ou ie ai ei re le te ne de se ce ge ve ke me pe be fe he we on in an un or ar ir ur il ol el et it at ot ut op ap
ip up as is os us id ad od ud im am om um ig ag og ug ab ib ob ub afe aive esume acade trasse stanbul urich`.split(/\s+/);

const chars = [];
const range = (a, b) => { for (let c = a; c <= b; c++) chars.push(String.fromCodePoint(c)); };
range(0x21, 0x7e);
range(0xa1, 0xac); range(0xae, 0x17f);                       // Latin-1 and Latin Extended-A
range(0x391, 0x3a1); range(0x3a3, 0x3ce);                    // Greek
range(0x410, 0x44f); chars.push("ё", "і", "ї", "є", "Ё");    // Cyrillic
range(0x5d0, 0x5ea); range(0x627, 0x63a); range(0x641, 0x64a); // Hebrew, Arabic
range(0x905, 0x914); range(0x915, 0x939); range(0x93e, 0x94d); // Devanagari
range(0xe01, 0xe3a); range(0xe40, 0xe4e);                    // Thai
range(0x1100, 0x1112); range(0x1161, 0x1175); range(0x11a8, 0x11c2); // jamo
range(0x3041, 0x3096); range(0x30a1, 0x30fa);                // kana
range(0x300, 0x30a); chars.push("\u0323", "\u0327", "\u0328", "\u200d", "\ufe0f", "\u3099", "\u309a");
range(0x2010, 0x2027); range(0x2030, 0x205e); range(0x20a0, 0x20b9); range(0x2160, 0x217f);
range(0xff01, 0xff5e); range(0xfb00, 0xfb06);
for (const s of ["한국어안녕하세요세계가나다라마바사아자차카타파하각난닫", "中文漢字日本語東京大学人口水火木金土月山川田力男女子好天地上下左右前後你我他的是不了在有这那說話書",
  "😀😂🤣😍🥰👍👎🙏👩👨👧👦💻🎉🔥❤⭐☕🍵🏽🏿🇩🇪🇯🇵", "ﬁﬂ①②③ⅣⅨ℃℉Å™©®±×÷¼½¾²³µªº…–—‘’“”€£¥¢₿", "ṩẛ̣ộếằẠạỆệ"])
  chars.push(...s);

const vocab = [];
const have = new Set();
const token = (s) => { if (s && !have.has(s)) { have.add(s); vocab.push(s); } };
["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<unused0>", "[mask]"].forEach(token);
for (const c of chars) token(c);
for (const c of chars) token("##" + c);
for (const c of chars) if (c.charCodeAt(0) < 0x250) token("@@" + c);
for (const w of words) token(w);
for (const w of words.filter((w) => w.length > 2)) token(w[0].toUpperCase() + w.slice(1));
for (const t of tails) token("##" + t);
for (const t of tails.slice(0, 60)) token("@@" + t);
for (const w of ["über", "für", "café", "naïve", "straße", "москва", "привет", "мир", "αθηνα", "κοσμε", "שלום", "##ство",
  "##ния", "東京", "##学", "안녕", "fi", "##fi", "...", "don't", "e.g.", "hello,", "##.com", "http", "##://", "www", "1st", "20", "##24"]) token(w);
// Some pieces are missing, so that some words are unknown.
fs.writeFileSync(path.join(__dirname, "vocab.txt"), vocab.join("\n") + "\n");
const id = Object.fromEntries(vocab.map((s, i) => [s, i]));

// --- tokenizers -----------------------------------------------------------------------------

const added = (content, o = {}) => ({
  id: id[content] ?? (id[content] = Object.keys(id).length), content, single_word: false, lstrip: false, rstrip: false,
  normalized: false, special: true, ...o,
});
const specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"].map((s) => added(s));
const bert = (o) => ({ type: "BertNormalizer", clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true, ...o });
const S = (t, n = 0) => ({ SpecialToken: { id: t, type_id: n } });
const Q = (s, n = 0) => ({ Sequence: { id: s, type_id: n } });
const special_tokens = Object.fromEntries(["[CLS]", "[SEP]", "[MASK]"].map((s) => [s, { id: s, ids: [id[s]], tokens: [s] }]));
special_tokens.both = { id: "both", ids: [id["[MASK]"], id["[UNK]"]], tokens: ["[MASK]", "[UNK]"] };
const template = (single, pair) => ({ type: "TemplateProcessing", single, pair, special_tokens });
const standard = template([S("[CLS]"), Q("A"), S("[SEP]")], [S("[CLS]"), Q("A"), S("[SEP]"), Q("B", 1), S("[SEP]", 1)]);
const seqN = (...n) => ({ type: "Sequence", normalizers: n.map((x) => (typeof x === "string" ? { type: x } : x)) });
const seqP = (...n) => ({ type: "Sequence", pretokenizers: n.map((x) => (typeof x === "string" ? { type: x } : x)) });
const replace = (a, b) => ({ type: "Replace", pattern: { String: a }, content: b });
const T = (o = {}) => ({
  version: "1.0", truncation: null, padding: null, added_tokens: specials, normalizer: bert(),
  pre_tokenizer: { type: "BertPreTokenizer" }, post_processor: standard, decoder: { type: "WordPiece", prefix: "##", cleanup: true },
  ...o, model: { type: "WordPiece", unk_token: "[UNK]", continuing_subword_prefix: "##", max_input_chars_per_word: 100, ...o.model },
});

const tokenizers = {
  uncased: T(),
  cased: T({ normalizer: bert({ lowercase: false }) }),
  cased_without_accents: T({ normalizer: bert({ lowercase: false, strip_accents: true }) }),
  uncased_with_accents: T({ normalizer: bert({ strip_accents: false }) }),
  unclean: T({ normalizer: bert({ clean_text: false, handle_chinese_chars: false }) }),
  only_clean: T({ normalizer: bert({ handle_chinese_chars: false, strip_accents: false, lowercase: false }) }),
  only_chinese: T({ normalizer: bert({ clean_text: false, strip_accents: false, lowercase: false }) }),
  added: T({
    added_tokens: [
      ...specials,
      added("Café", { special: false, normalized: true }),
      added("green tea", { special: false, normalized: true, single_word: true }),
      added("<Q>", { special: true, lstrip: true, rstrip: true }),
      added("<q>", { special: false, lstrip: true }),
      added("XY", { special: false, single_word: true }),
      added("XYZ", { special: false, rstrip: true }),
      added("[mask]", { special: true, normalized: true }),
      added("ÉÉ", { special: false, normalized: true, lstrip: true, rstrip: true }),
      added("中", { special: false, normalized: true }),
      added("#", { special: false, normalized: true }),
    ],
  }),
  added_space: T({
    added_tokens: [
      ...specials,
      added(" ", { rstrip: true }),
      added("\t"),
      added("\n", { rstrip: true }),
      added(" tea", { special: false }),
      added("TEA", { special: false, normalized: true }),
      // Of two tokens of one normal form the library takes either, from run to run: none here.
      added("hello", { special: false, normalized: true, rstrip: true }),
    ],
  }),
  bert_processing: T({
    added_tokens: [], post_processor: { type: "BertProcessing", sep: ["[SEP]", id["[SEP]"]], cls: ["[CLS]", id["[CLS]"]] },
    model: { max_input_chars_per_word: 8, continuing_subword_prefix: "@@" },
  }),
  odd_template: T({ post_processor: template([S("[SEP]", 3), S("both", 1), Q("A", 2)], [Q("B", 1), S("[MASK]", 7), Q("A", 5), S("both", 6)]) }),
  nfd_whitespace: T({ normalizer: seqN("NFD", "StripAccents", "Lowercase"), pre_tokenizer: { type: "Whitespace" } }),
  nfkc_split: T({ normalizer: seqN("NFKC", replace("''", '"'), replace("ab", ""), replace("e", "een")), pre_tokenizer: { type: "WhitespaceSplit" } }),
  nfkd_both: T({ normalizer: seqN("NFKD", "Lowercase"), pre_tokenizer: seqP("Whitespace", "Punctuation") }),
  nfc_punctuation: T({ normalizer: { type: "NFC" }, pre_tokenizer: { type: "Punctuation", behavior: "Isolated" } }),
  nfd_only: T({ normalizer: { type: "NFD" }, pre_tokenizer: seqP("WhitespaceSplit", seqP("BertPreTokenizer")) }),
  lower_only: T({ normalizer: { type: "Lowercase" } }),
  bare: T({ normalizer: null, pre_tokenizer: null, post_processor: null, added_tokens: [] }),
};

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
  [0x20a0, 0x20ff], [0x2100, 0x218f], [0x3000, 0x30ff], [0x302a, 0x302f], [0x4e00, 0x4e60], [0xac00, 0xac80], [0xf900, 0xf940],
  [0xfb00, 0xfb4f], [0xff00, 0xffef], [0xfff9, 0xfffd], [0x1d15e, 0x1d172], [0x1f300, 0x1f6ff], [0x20000, 0x20020], [0x2f800, 0x2f820]];
const anything = () => { let c; do c = below(0x110000); while (c >= 0xd800 && c < 0xe000); return String.fromCodePoint(c); };
function random() {
  let s = "";
  for (let n = below(14); n >= 0; n--) {
    switch (below(9)) {
      case 0: case 1: s += one(words); break;
      case 2: s += one(vocab).replace(/^(##|@@)/, ""); break;
      case 3: s += one(words).toUpperCase(); break;
      case 4: case 5: { const [a, b] = one(blocks); for (let k = below(5); k >= 0; k--) s += String.fromCodePoint(a + below(b - a + 1)); break; }
      case 6: s += one([",", ".", "!?", "'", "-", "[MASK]", "<Q>", "XY", " [SEP] ", "''", "\r\n", "\t", "\u0301", "e\u0301", "é", "中"]); break;
      case 7: s += anything(); break;
      case 8: s += " "; break;
    }
    if (below(2)) s += " ";
  }
  return s;
}
const hand = JSON.parse(fs.readFileSync(path.join(__dirname, "cases.json"), "utf8"));
const texts = hand.map((c) => (typeof c === "string" ? c : c.repeat.repeat(c.times)));
for (let i = 0; i < 400; i++) texts.push(random());
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
  const flat = (x) => [].concat(...x);
  return {
    ids: e.getIds(), types: e.getTypeIds(), special: mask,
    offsets: flat(e.getOffsets().map(([s, t], i) => (mask[i] ? [s, t] : [at[seq[i]][s], at[seq[i]][t]]))),
  };
}
(async () => {
  const out = { tokenizers: version, seed, texts, results: {} };
  const lean = {};
  for (const [name, json] of Object.entries(tokenizers)) {
    lean[name] = json;
    const v = {};
    for (const s of vocab) v[s] = id[s];
    // Ids of the added tokens that are not in the vocabulary follow it, in the order they come.
    let next = vocab.length;
    json.added_tokens = json.added_tokens.map((t) => ({ ...t, id: v[t.content] ?? next++ }));
    const tok = Tokenizer.fromString(JSON.stringify({ ...json, model: { ...json.model, vocab: v } }));
    const r = { single: [], pair: [], truncated: [], size: tok.getVocabSize(true) };
    for (const s of texts) r.single.push(await answer(tok, s));
    for (let i = 0; i + 1 < 80; i++) r.pair.push(await answer(tok, texts[i], texts[i + 1]));
    if (json.post_processor)
      for (const max of [4, 7, 16]) {
        tok.setTruncation(max);
        const ids = [];
        for (let i = 0; i < 60; i++) ids.push((await tok.encode(texts[i], null, { addSpecialTokens: true })).getIds());
        r.truncated.push({ max, ids });
      }
    out.results[name] = r;
  }
  fs.writeFileSync(path.join(__dirname, "tokenizers.json"), JSON.stringify(lean, null, 1) + "\n");
  fs.writeFileSync(path.join(__dirname, "golden.json.gz"), zlib.gzipSync(JSON.stringify(out), { level: 9 }));
  console.log(vocab.length, "tokens,", texts.length, "texts,", Object.keys(tokenizers).length, "tokenizers");
})();
