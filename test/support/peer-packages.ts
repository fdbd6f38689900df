import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { alone } from "./alone.ts";
import { PYTHON } from "./python.ts";

const ROOT = join(import.meta.dirname, "../..");

/** Where the peers' packages are, beside the pinned environment: for PYTHONPATH. */
export const PEERS = join(ROOT, ".scratch/peers");

/** Unpacks the peers' packages. */
export function makePeers(): void {
  packagesBeside("peers");
}

/**
 * Unpacks the packages of `scripts/requirements-NAME.txt` once for each list of them; their dependencies are in it, or are those of the
 * pinned environment. @returns their folder, for PYTHONPATH.
 */
export function packagesBeside(name: string): string {
  return alone(name, () => unpackOnce(name));
}

function unpackOnce(name: string): string {
  const requirements = join(ROOT, `scripts/requirements-${name}.txt`);
  const folder = join(ROOT, ".scratch", name);
  const wanted = readFileSync(requirements, "utf8");
  const note = join(folder, "made-of.txt");
  if (existsSync(note) && readFileSync(note, "utf8") === wanted) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const list = ["--no-deps", "--require-hashes", "--requirement", requirements];
  const args = ["-m", "pip", "install", "--quiet", "--target", folder, ...list];
  const { status, stderr } = spawnSync(PYTHON, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${name}: the packages could not be unpacked:\n${stderr}`);
  writeFileSync(note, wanted);
  return folder;
}
