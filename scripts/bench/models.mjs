// Checkpoints to measure with, written by real torch and real paddle, and kept for the next run.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Models by the gigabytes of a file; 14.6 is InternLM-7B's own shape. */
const SIZES = {
  0.3: { layers: 2, hidden: 2048, intermediate: 5504, vocab: 11264 },
  0.8: { layers: 1, vocab: 24576 },
  1.4: { layers: 2, vocab: 34816 },
  2.9: { layers: 5, vocab: 51584 },
  5.8: { layers: 11, vocab: 79872 },
  14.6: {},
};

/** What a folder holds, and how it is asked for. */
const KINDS = {
  bin: { suffix: "", file: "pytorch_model.bin", options: ["--only", "bin"] },
  fortran: { suffix: "", file: "model_state.pdparams", options: ["--only", "pdparams"] },
  c: {
    suffix: "c",
    file: "model_state.pdparams",
    options: ["--only", "pdparams", "--order", "c"],
  },
};

/** Runs a program that makes inputs; its output is for the reader of the terminal. */
export function make(command) {
  const [program, ...args] = command;
  const { status, error } = spawnSync(program, args, { stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  throw new Error(
    `${command
      .slice(0, 4)
      .map((part) => basename(part))
      .join(" ")} … ended with ${error?.message ?? status}`,
  );
}

/**
 * Path of a checkpoint in the folder `home`, made where it is missing with the shape `size`: "bin" (torch.save),
 * "fortran" (PaddleNLP's transposed views, whose bytes are torch's) or "c" (Paddle's own order: every Linear weight must be transposed).
 */
export function makeModelIn(home, size, kind, { root, python, log }) {
  const { file, options } = KINDS[kind];
  const path = join(home, file);
  // A file that was cut off while it was written still has this mark beside it.
  const unfinished = `${path}.unfinished`;
  if (existsSync(path) && !existsSync(unfinished)) return path;
  log(`making ${path}`);
  mkdirSync(home, { recursive: true });
  writeFileSync(unfinished, "");
  const script = join(root, "scripts/bench/make_model.py");
  const shape = Object.entries(size).flatMap(([name, value]) => [`--${name}`, String(value)]);
  make([python, "-W", "ignore", script, home, ...shape, ...options]);
  rmSync(unfinished);
  return path;
}

/** Path of a checkpoint of `size` GB, one of SIZES, of a kind as `makeModelIn` has them. */
export const makeModel = (context, size, kind) =>
  makeModelIn(join(context.models, `${size}${KINDS[kind].suffix}`), SIZES[size], kind, context);

/** A file or folder made by `write(path)` where it is missing or was cut off. */
export function makeOnce(path, write) {
  if (existsSync(path)) return path;
  const unfinished = `${path}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(dirname(path), { recursive: true });
  write(unfinished);
  renameSync(unfinished, path);
  return path;
}

const PER_LAYER = 13;
/** Elements of a head: small, so that hidden sizes can be small, too. */
const HEAD = 8;

const innerOf = (hidden) => Math.round((hidden * 2.75) / HEAD) * HEAD;
const layerElements = (hidden) =>
  4 * (hidden * hidden + hidden) + 3 * hidden * innerOf(hidden) + 2 * hidden;

/** The shape of an InternLM of about `tensors` tensors and `bytes` bytes in f16, which its vocabulary fills up. */
export function shapeOf(tensors, bytes) {
  const wanted = bytes / 2;
  const layers = Math.max(1, Math.round((tensors - 3) / PER_LAYER));
  let hidden = HEAD;
  while (layers * layerElements(hidden + HEAD) < wanted * 0.95) hidden += HEAD;
  const left = wanted - layers * layerElements(hidden);
  const vocab = Math.max(16, Math.round(left / (2 * hidden)));
  return { layers, hidden, intermediate: innerOf(hidden), vocab, heads: hidden / HEAD };
}
