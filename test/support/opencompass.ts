import { join } from "node:path";
import { ownEnvironment } from "./own-environment.ts";

const ROOT = join(import.meta.dirname, "../..");

/** OpenCompass 0.1.5 in an environment of its own, and a later one in a folder. */
export interface OpenCompass {
  readonly python: string;
  /** The later one's folder: on PYTHONPATH it stands before 0.1.5. Its configurations are in `opencompass/configs`. */
  readonly later: string;
}

/** Makes both, once for each list of packages. */
export function openCompass(): OpenCompass {
  const python = ownEnvironment("opencompass");
  return { python, later: join(ROOT, ".scratch/opencompass-later") };
}
