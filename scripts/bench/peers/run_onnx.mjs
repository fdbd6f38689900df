// Loads an ONNX file with ONNX Runtime, prefills, decodes greedily, prints one line of JSON.
//
//   node run_onnx.mjs FILE.onnx node|web PREFILL DECODE ROUNDS
//
// "web" is ONNX Runtime's WebAssembly build, which transformers.js computes with in browsers (in Node it takes the native one).
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

const [file, kind, prefillText, decodeText, roundsText] = process.argv.slice(2);
const [prefill, decode, rounds] = [prefillText, decodeText, roundsText].map(Number);
const web = kind === "web";
const ort = await import(web ? "onnxruntime-web" : "onnxruntime-node");
if (web) ort.env.wasm.numThreads = Number(process.env.ORT_THREADS ?? 1);

const begin = performance.now();
const session = await ort.InferenceSession.create(web ? readFileSync(file) : file, {
  executionProviders: [web ? "wasm" : "cpu"],
  graphOptimizationLevel: "all",
  ...(web ? {} : { intraOpNumThreads: availableParallelism() }),
});
const loadSeconds = (performance.now() - begin) / 1000;
const caches = session.inputNames.filter((name) => name.startsWith("past_"));
const shape = session.inputMetadata.find(({ name }) => name === caches[0]).shape;
const [groups, size] = [shape[1], shape[3]];

async function step(ids, past, length) {
  const total = length + ids.length;
  const feeds = {
    input_ids: new ort.Tensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]),
    seqlens_k: new ort.Tensor("int32", Int32Array.of(total - 1), [1]),
    total_sequence_length: new ort.Tensor("int32", Int32Array.of(total), []),
    ...past,
  };
  const out = await session.run(feeds);
  const { data } = out.logits;
  let best = 0;
  for (let i = 1; i < data.length; i++) if (data[i] > data[best]) best = i;
  const next = Object.fromEntries(
    caches.map((name) => [name, out[name.replace("past", "present")]]),
  );
  return { best, next };
}

const ids = Array.from({ length: prefill }, (_, i) => 3 + ((i * 7919) % 30000));
const runs = [];
let made = [];
for (let round = 0; round < rounds; round++) {
  const empty = () => new ort.Tensor("float32", new Float32Array(0), [1, groups, 0, size]);
  const start = performance.now();
  let { best, next } = await step(
    ids,
    Object.fromEntries(caches.map((name) => [name, empty()])),
    0,
  );
  made = [best];
  const first = performance.now();
  for (let i = 0; i < decode; i++) {
    ({ best, next } = await step([best], next, prefill + i));
    made.push(best);
  }
  const end = performance.now();
  runs.push({
    prefill: (prefill * 1000) / (first - start),
    decode: (decode * 1000) / (end - first),
  });
}
const peakBytes = process.resourceUsage().maxRSS * 1024;
const version = `onnxruntime-${kind} ${ort.env.versions?.[web ? "web" : "node"] ?? ""}`;
console.log(JSON.stringify({ version, loadSeconds, runs, peakBytes, ids: made }));
process.exit(0);
