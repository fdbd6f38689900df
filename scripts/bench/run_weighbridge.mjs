// Loads a model, prefills, decodes greedily, prints one line of JSON.
//
//   node run_weighbridge.mjs MODEL DEVICE f32|bf16|int8 PREFILL DECODE ROUNDS [MAX-MEMORY] [BATCH]
import { generate } from "../../dist/api/generate.js";

const [model, device, dtype, prefillText, decodeText, roundsText, memoryText, batchText] =
  process.argv.slice(2);
const [prefill, decode, rounds] = [prefillText, decodeText, roundsText].map(Number);
const batch = Number(batchText ?? 1);
const ids = Array.from({ length: prefill }, (_, i) => 3 + ((i * 7919) % 30000));
const runs = [];
let made = [];
let loadSeconds = 0;
let about = {};
for (let round = 0; round < rounds; round += 1) {
  const result = await generate(model, {
    device,
    // int8 is what quantised matrices are multiplied by; all else is float32 then.
    ...(dtype === "int8" ? { compute: "f32", activations: dtype } : { compute: dtype }),
    prompts: Array.from({ length: batch }, () => ({ kind: "ids", ids })),
    // The first new token is the prefill's.
    maxNewTokens: decode + 1,
    stopIds: [],
    ...(memoryText ? { maxMemory: Number(memoryText) } : {}),
  });
  if (round === 0) loadSeconds = result.loadSeconds;
  made = result.results[0].ids.slice(prefill);
  about = { version: result.backend, residence: result.residence };
  runs.push({
    prefill: (batch * prefill) / result.prefillSeconds,
    decode: (batch * decode) / result.decodeSeconds,
  });
}
const peakBytes = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ ...about, loadSeconds, runs, peakBytes, ids: made }));
