// Shows how the cost of prefill and decode grows with the length of the context and with the batch.
//
//   node scripts/bench/growth.mjs MODEL [--device cpu] [--compute f32] [--out FILE.json]
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const RUNNER = join(dirname(fileURLToPath(import.meta.url)), "run_weighbridge.mjs");
const DECODE = 16;
const RUNS = 3;
const CASES = [
  ...[32, 128, 512, 1024, 2000].map((tokens) => ({ tokens, batch: 1 })),
  ...[2, 4, 8, 16].map((batch) => ({ tokens: 128, batch })),
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    device: { type: "string", default: "cpu" },
    compute: { type: "string", default: "f32" },
    out: { type: "string" },
  },
});

const results = CASES.map(({ tokens, batch }) => {
  const counts = [tokens, DECODE, RUNS].map(String);
  const args = [
    RUNNER,
    positionals[0],
    values.device,
    values.compute,
    ...counts,
    "",
    String(batch),
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  const { runs, peakBytes } = JSON.parse(stdout.trim().split("\n").at(-1));
  const best = (of) => Number(Math.max(...runs.map(of)).toFixed(2));
  return {
    tokens,
    batch,
    prefill: best((run) => run.prefill),
    decode: best((run) => run.decode),
    peakBytes,
  };
});

console.log("| context | batch | prefill, tokens/s | decode, tokens/s | peak, GB |");
console.log("| ---: | ---: | ---: | ---: | ---: |");
for (const { tokens, batch, prefill, decode, peakBytes } of results) {
  console.log(
    `| ${tokens} | ${batch} | ${prefill.toFixed(0)} | ${decode.toFixed(1)} | ${(peakBytes / 1e9).toFixed(2)} |`,
  );
}
const report = {
  bench: "growth",
  date: new Date().toISOString(),
  ...values,
  decodeTokens: DECODE,
  runs: RUNS,
  results,
};
if (values.out) writeFileSync(values.out, `${JSON.stringify(report, null, 2)}\n`);
