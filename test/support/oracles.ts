import { join } from "node:path";
import { FIXTURES } from "./fixture-manifest.ts";

export const ORACLE_FOLDER = join(FIXTURES, "oracles");

/** Small checkpoints with goldens of InternLM's own modeling code. */
export const ORACLES = ["nano", "nano-ntk"].map((name) => {
  const folder = join(ORACLE_FOLDER, name);
  return { name, folder, golden: join(folder, "golden.safetensors") };
});
