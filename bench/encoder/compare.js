// Runs ONNX Runtime and semsearch alternately on the same weights and prints their speeds and ratios.
//
//   node compare.js --bin SEMSEARCH --models OUT [--rounds 5] [--seconds 1] [--threads 1,2] [--work 32x128,...,mix] [--dtype f32,int8] [--json FILE]
//
// OUT is what make_models.py wrote, with OUT/int8 made of OUT/float by semsearch model quantize. For ONNX Runtime the faster of its two
// graphs counts, for each kind of work. A speed is tokens by the median over the rounds of the best run of a round; mix is 64 sequences of 8 to 244 tokens,
// which ONNX Runtime gets padded, and only real tokens count. "cpu" is the same by processor time, which other
// processes on the machine disturb less; it is for one thread.
'use strict';
const fs = require('fs'), { spawnSync } = require('child_process');
const ort = require('onnxruntime-node');

const arg = { rounds: '5', seconds: '1', threads: '1,2', work: '32x128,32x32,1x128,1x16,mix', dtype: 'f32,int8' };
for (let i = 2; i < process.argv.length; i += 2) arg[process.argv[i].replace(/^--/, '')] = process.argv[i + 1];
const now = () => Number(process.hrtime.bigint()) / 1e6;
const cpu = () => { const u = process.cpuUsage(); return (u.user + u.system) / 1e3; };
const median = a => [...a].sort((x, y) => x - y)[a.length >> 1];

// As cmd/semsearch has it.
const mix = [8, 8, 9, 10, 11, 12, 13, 15, 16, 19, 21, 24, 26, 30, 33, 35, 38, 41, 43, 46, 49, 52, 54, 57, 60, 63, 66, 68, 71, 73, 75, 78,
  81, 84, 86, 89, 92, 95, 97, 100, 103, 106, 110, 113, 117, 120, 124, 127, 131, 135, 139, 143, 147, 151, 157, 162, 168, 175,
  182, 191, 201, 214, 227, 244];

function lengthsOf(work) {
  if (work === 'mix') return mix;
  const [batch, tokens] = work.split('x').map(Number);
  return Array(batch).fill(tokens);
}

function feeds(lengths) {
  const longest = Math.max(...lengths), n = lengths.length * longest;
  const ids = new BigInt64Array(n), mask = new BigInt64Array(n), types = new BigInt64Array(n);
  let token = 0;
  lengths.forEach((length, row) => {
    for (let i = 0; i < length; i++, token++) {
      ids[row * longest + i] = BigInt((1000 + (token * 7919) % 28000) % 30522);
      mask[row * longest + i] = 1n;
    }
  });
  const t = a => new ort.Tensor('int64', a, [lengths.length, longest]);
  return { input_ids: t(ids), attention_mask: t(mask), token_type_ids: t(types) };
}

async function runOrt(session, feed, seconds) {
  let best = Infinity, bestCPU = Infinity, runs = 0;
  let first = (await session.run(feed)).last_hidden_state.data;
  for (const until = now() + 1000 * seconds; runs < 2 || now() < until; runs++) {
    const t = now(), c = cpu();
    await session.run(feed);
    bestCPU = Math.min(bestCPU, cpu() - c);
    best = Math.min(best, now() - t);
  }
  return { ms: best, cpu: bestCPU, first: Array.from(first.slice(0, 8)) };
}

function runOurs(dtype, work, threads, seconds) {
  const [batch, length] = work === 'mix' ? [1, 1] : work.split('x');
  const args = ['bench', 'encode', '--json', '--shape', `${arg.models}/${dtype === 'int8' ? 'int8' : 'float'}`,
    '--threads', threads, '--seconds', seconds, '--batch', batch, '--length', length];
  if (work === 'mix') args.push('--mix');
  const r = spawnSync(arg.bin, args, { encoding: 'utf8' });
  if (r.status !== 0) throw new Error(r.stderr);
  const v = JSON.parse(r.stdout);
  return { ms: v.best_ms, cpu: v.cpu_ms, first: v.first, peak: v.peak_memory_bytes, kernels: v.kernels };
}

(async () => {
  const rows = [];
  for (const threads of arg.threads.split(',')) {
    for (const dtype of arg.dtype.split(',')) {
      const sessions = {};
      for (const graph of ['plain', 'fused']) {
        sessions[graph] = await ort.InferenceSession.create(`${arg.models}/${graph}-${dtype}.onnx`, {
          intraOpNumThreads: +threads, interOpNumThreads: 1, graphOptimizationLevel: 'all', logSeverityLevel: 3,
        });
      }
      for (const work of arg.work.split(',')) {
        const lengths = lengthsOf(work), feed = feeds(lengths), tokens = lengths.reduce((a, b) => a + b);
        const speeds = { plain: [], fused: [], ours: [] }, cpus = { plain: [], fused: [], ours: [] };
        let peak = 0, kernels = '', worst = 0;
        for (let round = 0; round < +arg.rounds; round++) {
          const o = runOurs(dtype, work, threads, arg.seconds);
          speeds.ours.push(tokens / o.ms * 1e3);
          cpus.ours.push(tokens / o.cpu * 1e3);
          peak = Math.max(peak, o.peak || 0);
          kernels = o.kernels;
          for (const graph of ['plain', 'fused']) {
            const r = await runOrt(sessions[graph], feed, +arg.seconds / 2);
            speeds[graph].push(tokens / r.ms * 1e3);
            cpus[graph].push(tokens / r.cpu * 1e3);
            for (let i = 0; i < 8; i++) worst = Math.max(worst, Math.abs(r.first[i] - o.first[i]));
          }
        }
        if (!(worst < (dtype === 'f32' ? 1e-3 : 0.5))) throw new Error(`${dtype} ${work}: the two differ by ${worst}`);
        const ours = median(speeds.ours), theirs = Math.max(median(speeds.plain), median(speeds.fused));
        const row = { threads: +threads, dtype, work, kernels, ours: Math.round(ours), ort: Math.round(theirs), ratio: +(ours / theirs).toFixed(2),
          cpu_ratio: +(median(cpus.ours) / Math.max(median(cpus.plain), median(cpus.fused))).toFixed(2), ours_cpu: Math.round(median(cpus.ours)),
          ort_cpu: Math.round(Math.max(median(cpus.plain), median(cpus.fused))), peak_MB: Math.round(peak / 1e6), differ: +worst.toExponential(1) };
        rows.push(row);
        if (rows.length === 1) console.log('| threads | type | work | semsearch tokens/s | ONNX Runtime tokens/s | ratio | ratio by cpu | differ by |\n|---|---|---|---|---|---|---|---|');
        console.log(`| ${threads} | ${dtype} | ${work} | ${row.ours} | ${row.ort} | ${row.ratio} | ${threads === '1' ? row.cpu_ratio : ''} | ${row.differ} |`);
      }
    }
  }
  if (arg.json) fs.writeFileSync(arg.json, JSON.stringify(rows, null, 1) + '\n');
})().catch(e => { console.error(e.message); process.exit(1); });
