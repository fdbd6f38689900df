import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { alone } from "./alone.ts";
import { PYTHON } from "./python.ts";

const ROOT = join(import.meta.dirname, "../..");
const REQUIREMENTS = join(ROOT, "scripts/requirements-peers.txt");

/** Where the peers' packages are, beside the pinned environment: for PYTHONPATH. */
export const PEERS = join(ROOT, ".scratch/peers");

/** Unpacks the packages once for each list of them; their dependencies are those of the pinned environment. */
export function makePeers(): void {
  alone("peers", unpackOnce);
}

function unpackOnce(): void {
  const wanted = readFileSync(REQUIREMENTS, "utf8");
  const note = join(PEERS, "made-of.txt");
  if (existsSync(note) && readFileSync(note, "utf8") === wanted) return;
  rmSync(PEERS, { recursive: true, force: true });
  mkdirSync(PEERS, { recursive: true });
  const { status, stderr } = spawnSync(
    PYTHON,
    `-m pip install --quiet --no-deps --require-hashes --target ${PEERS} --requirement ${REQUIREMENTS}`.split(
      " ",
    ),
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`the peers' packages could not be unpacked:\n${stderr}`);
  writeFileSync(note, wanted);
}
