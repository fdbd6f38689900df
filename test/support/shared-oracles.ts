import { existsSync } from "node:fs";
import { join } from "node:path";

export const ORACLES = join(import.meta.dirname, "../../../shared/oracles");

/** Small checkpoints with goldens of InternLM's own modeling code, where they lie beside the project; else not `present`. */
export const SHARED_ORACLES = ["nano", "nano-ntk"].map((name) => {
  const folder = join(ORACLES, name);
  return {
    name,
    folder,
    golden: join(folder, "golden.safetensors"),
    present: existsSync(join(folder, "golden.safetensors")),
  };
});
