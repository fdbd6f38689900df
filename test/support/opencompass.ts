import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ownEnvironment, run } from "./own-environment.ts";
import { PYTHON } from "./python.ts";

const ROOT = join(import.meta.dirname, "../..");
const PURELIB = "import sysconfig; print(sysconfig.get_path('purelib'))";

/** OpenCompass 0.1.5 in an environment of its own, and a later one in a folder. */
export interface OpenCompass {
  readonly python: string;
  /** The later one's folder: on PYTHONPATH it stands before 0.1.5. Its configurations are in `opencompass/configs`. */
  readonly later: string;
}

/** Makes both, once for each list of packages. PyTorch is that of `.venv`: it is read behind the environment's own packages. */
export function openCompass(): OpenCompass {
  const python = ownEnvironment("opencompass");
  const packages = run(python, ["-c", PURELIB]).trim();
  const lines = [
    join(ROOT, "test/interop/python/opencompass"),
    "import absent_packages",
    run(PYTHON, ["-c", PURELIB]).trim(),
  ];
  writeFileSync(join(packages, "weighbridge-tests.pth"), `${lines.join("\n")}\n`);
  return { python, later: laterVersion(python) };
}

function laterVersion(python: string): string {
  const requirements = join(ROOT, "scripts/requirements-opencompass-configs.txt");
  const folder = join(ROOT, ".scratch/opencompass-later");
  const note = join(folder, "made-of.txt");
  const wanted = readFileSync(requirements, "utf8");
  if (existsSync(note) && readFileSync(note, "utf8") === wanted) return folder;
  mkdirSync(folder, { recursive: true });
  const list = ["--require-hashes", "--no-deps", "--upgrade", "--requirement", requirements];
  run(python, ["-m", "pip", "install", "--quiet", "--target", folder, ...list]);
  writeFileSync(note, wanted);
  return folder;
}
