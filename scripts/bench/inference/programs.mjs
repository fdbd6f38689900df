// Programs that load a model, prefill and decode greedily: weighbridge and its peers, on the same weights. Each prints one line of
// JSON; it does its work twice in one process, and the second time counts, so that nothing is cold.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { brief } from "../process.mjs";

const RUNS = 2;
/** Milliseconds between looks at memory: more often would take time from what uses all cores. The programs tell their peak themselves. */
const LOOK_EVERY_MS = 500;

export const SPEEDS = [
  { key: "prefill", name: "prefill", unit: "tokens/s" },
  { key: "decode", name: "decode", unit: "tokens/s" },
];
export const LOAD = { key: "loadSeconds", name: "load", unit: "s", chart: false };

/** What the last line of a program's output says of its second run. */
export function read(output) {
  const { version, ids, loadSeconds, peakBytes, runs } = JSON.parse(
    output.trim().split("\n").at(-1),
  );
  return { ...runs.at(-1), loadSeconds, peakBytes, facts: { version, ids } };
}

/** A contender whose command `arrange()` gives; where that fails, the contender did, and no other. */
function contender(name, { missing, ...rest }, arrange) {
  const common = { name, read, lookEvery: LOOK_EVERY_MS, ...rest };
  if (missing !== undefined) return { ...common, missing };
  try {
    return { ...common, ...arrange() };
  } catch (error) {
    return { ...common, failed: brief(error) };
  }
}

/** How contenders are started: `prefill` and `decode` tokens of each of `batch` rows. */
export function programs(context, files, { prefill, decode, batch = 1 }) {
  const { root, python, peers } = context;
  const script = (name) => join(root, "scripts/bench", name);
  const counts = [prefill, decode, RUNS].map(String);
  const rows = batch === 1 ? [] : [String(batch)];
  /** Why a peer is not here that reads `file`, or undefined. */
  const lacks = (file, needsPython) => {
    if (peers !== undefined || (!needsPython && files.hasPeer(file))) return undefined;
    return "--peers names no Python with scripts/bench/peers/requirements.txt";
  };
  const noOnnx = existsSync(script("peers/node_modules/onnxruntime-node"))
    ? undefined
    : "npm ci --ignore-scripts was not run in scripts/bench/peers";

  const ours = (name, device, compute, { file = "model", env } = {}) =>
    contender(name, { env }, () => {
      const more = batch === 1 ? counts : [...counts, "", ...rows];
      return {
        command: [
          process.execPath,
          script("run_weighbridge.mjs"),
          files[file](),
          device,
          compute,
          ...more,
        ],
        shown: `node run_weighbridge.mjs ${file} ${device} ${compute} ${counts.join(" ")}${batch === 1 ? "" : ` "" ${batch}`}`,
      };
    });
  const transformers = (name, dtype, rest = {}) =>
    contender(name, rest, () => {
      const more = [dtype, ...counts, ...rows];
      return {
        command: [
          python,
          "-W",
          "ignore",
          script("peers/run_transformers.py"),
          files.converted(),
          ...more,
        ],
        shown: `python peers/run_transformers.py converted ${more.join(" ")}`,
      };
    });
  const onnx = (name, kind) =>
    contender(name, { missing: noOnnx ?? lacks("f32.onnx", false) }, () => ({
      command: [
        process.execPath,
        script("peers/run_onnx.mjs"),
        files.peer("f32.onnx"),
        kind,
        ...counts,
      ],
      shown: `node peers/run_onnx.mjs f32.onnx ${kind} ${counts.join(" ")}`,
    }));
  const llama = (name, dtype) =>
    contender(name, { missing: lacks(`${dtype}.gguf`, true) }, () => ({
      command: [peers, script("peers/run_llama_cpp.py"), files.peer(`${dtype}.gguf`), ...counts],
      shown: `python peers/run_llama_cpp.py ${dtype}.gguf ${counts.join(" ")}`,
    }));
  /** The same, of a file that weighbridge reads, too. */
  const llamaOf = (name, type) =>
    contender(name, { missing: lacks("", true) }, () => ({
      command: [peers, script("peers/run_llama_cpp.py"), files.gguf(type), ...counts],
      shown: `python peers/run_llama_cpp.py ${type}/model.gguf ${counts.join(" ")}`,
    }));
  return { ours, transformers, onnx, llama, llamaOf };
}
