// Checkpoints to measure with, written by real torch and real paddle, and kept for the next run.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Models by the gigabytes of a file; 14.6 is InternLM-7B's own shape. */
const SIZES = {
  0.3: ["--layers", "2", "--hidden", "2048", "--intermediate", "5504", "--vocab", "11264"],
  0.8: ["--layers", "1", "--vocab", "24576"],
  1.4: ["--layers", "2", "--vocab", "34816"],
  2.9: ["--layers", "5", "--vocab", "51584"],
  5.8: ["--layers", "11", "--vocab", "79872"],
  14.6: [],
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

/**
 * Path of a checkpoint of `size` GB in `folder`, made where it is missing: "bin" (torch.save), "fortran" (PaddleNLP's transposed
 * views, whose bytes are torch's) or "c" (Paddle's own order: every Linear weight must be turned).
 */
export function makeModel(folder, size, kind, { python, script, log }) {
  const { suffix, file, options } = KINDS[kind];
  const home = join(folder, `${size}${suffix}`);
  const path = join(home, file);
  // A file that was cut off while it was written still has this mark beside it.
  const unfinished = `${path}.unfinished`;
  if (existsSync(path) && !existsSync(unfinished)) return path;
  log(`making ${path}`);
  mkdirSync(home, { recursive: true });
  writeFileSync(unfinished, "");
  const { status } = spawnSync(python, ["-W", "ignore", script, home, ...SIZES[size], ...options], {
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) throw new Error(`${script} could not make ${path} (exit ${status})`);
  rmSync(unfinished);
  return path;
}

/** A file beside `source`, made by `make(path)` where it is missing or was cut off. */
export function besideOnce(source, name, make) {
  const path = join(dirname(source), name);
  if (existsSync(path)) return path;
  make(`${path}.unfinished`);
  renameSync(`${path}.unfinished`, path);
  return path;
}
