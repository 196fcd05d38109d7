// Makes bm25.json: a corpus of made-up texts, queries, and the BM25 score of each document for each query
// according to the npm package okapibm25 1.4.1 (k1 1.2, b 0.75). Node 20.
//
//     npm install okapibm25@1.4.1 && node make.mjs > bm25.json
//
// okapibm25 looks for substrings; no word below is part of another, so that makes no difference.
import okapi from 'okapibm25';
const BM25 = okapi.default ?? okapi;

const words = ('water lemon bread stove kettle garden winter summer bottle ladder pencil carpet window button ' +
  'candle basket hammer pillow market bridge forest island valley desert harbor thunder feather copper silver ' +
  'marble velvet cotton butter pepper ginger cherry walnut spinach turnip radish').split(' ');
for (const a of words) for (const b of words) if (a !== b && a.includes(b)) throw new Error(a + ' contains ' + b);

// mulberry32, seed 20240607
let state = 20240607;
function random() {
  state = (state + 0x6D2B79F5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}
// Zipf-like: low numbers are drawn more often.
const word = () => words[Math.floor(words.length * random() * random())];

const docs = [];
for (let i = 0; i < 300; i++) {
  const title = Array.from({ length: Math.floor(4 * random()) }, word).join(' ');
  const sentences = [];
  for (let n = 1 + Math.floor(12 * random() * random()); n > 0; n--) {
    sentences.push(Array.from({ length: 3 + Math.floor(9 * random()) }, word).join(' ') + '.');
  }
  docs.push({ id: 'd' + String(i).padStart(3, '0'), title, text: sentences.join(' ') });
}
const queries = ['water', 'radish', 'turnip lemon', 'water water bread', 'copper silver marble', 'nothing', 'ginger nothing'];
for (let i = 0; i < 13; i++) queries.push(Array.from({ length: 1 + Math.floor(6 * random()) }, word).join(' '));

const whole = docs.map((d) => d.title + ' ' + d.text);
const scores = queries.map((q) => BM25(whole, q.split(' '), { k1: 1.2, b: 0.75 }));
console.log(JSON.stringify({ docs, queries, scores }, null, 0));
