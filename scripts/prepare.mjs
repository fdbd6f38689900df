// npm runs this after an installation from a git checkout, before `npm pack`, and for a dependency that is given as a git address: what
// users run is built then. An installation of the published package never runs it, nor one without the compiler (--omit dev).
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const compiler = join(root, "node_modules/typescript/bin/tsc");
if (existsSync(compiler)) {
  const { status } = spawnSync(process.execPath, [compiler, "-p", "tsconfig.build.json"], {
    cwd: root,
    stdio: "inherit",
  });
  process.exitCode = status ?? 1;
}
