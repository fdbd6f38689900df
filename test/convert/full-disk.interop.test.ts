import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { writeLargeModel } from "../support/large-model.ts";

const CLI = join(import.meta.dirname, "../../bin/weighbridge.js");
const TINY = join(FIXTURES, "internlm-tiny/pytorch_model.bin");

/** One more than the files and folders that a conversion of the small model makes, its staging folder's among them. */
const MOST_INODES = 16;

/** Ways to a mount of our own, for root and for others; the first that this machine allows is taken. */
const ALONE: readonly (readonly [string, ...string[]])[] = [
  ["unshare", "--mount"],
  ["unshare", "--map-root-user", "--mount"],
  ["sudo", "-n", "-E", "unshare", "--mount"],
];

let folder = "";
let large = "";
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-full-"));
  large = join(folder, "large");
  await writeLargeModel(large);
  mkdirSync(join(folder, "disk"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Run {
  readonly status: number;
  readonly stderr: string;
  /** Files and folders that are left, the filler apart. */
  readonly left: readonly string[];
}

/** Runs a script on a tmpfs of its own, mounted at $DISK; the script sets $status. */
function onTmpfs(mountOptions: string, script: string): Run {
  const way = ALONE.find(([name, ...rest]) => spawnSync(name, [...rest, "true"]).status === 0);
  if (way === undefined) {
    throw new Error("a tmpfs cannot be mounted here: no root, no user namespaces, no sudo");
  }
  const [program, ...args] = way;
  const text = `set -u
mount -t tmpfs -o ${mountOptions} tmpfs "$DISK" || exit 99
${script}
echo "status $status"
cd "$DISK" && find . -mindepth 1 ! -name filler`;
  const { status, stdout, stderr } = spawnSync(program, [...args, "bash", "-c", text], {
    encoding: "utf8",
    env: { ...process.env, DISK: join(folder, "disk"), NODE: process.execPath, CLI },
  });
  expect([status, stderr]).toEqual([0, expect.any(String)]);
  const lines = stdout.split("\n");
  return {
    status: Number(/^status (\d+)$/m.exec(stdout)?.[1]),
    stderr,
    left: lines.filter((line) => line.startsWith("./")),
  };
}

const convert = (source: string): string =>
  `"$NODE" "$CLI" convert '${source}' "$DISK/out" --quiet > /dev/null; status=$?`;

function expectRefused({ status, stderr, left }: Run): void {
  expect({ status, code: /WB\d{4}/.exec(stderr)?.[0], left }).toEqual({
    status: 6,
    code: "WB6001",
    left: [],
  });
}

describe("a disk that is really full", () => {
  test("is refused before anything is written, and the room that the message asks for is enough", () => {
    const refused = onTmpfs("size=148k", convert(TINY));
    expectRefused(refused);
    const needed = /needs (\d+) bytes/.exec(refused.stderr)?.[1];
    const enough = onTmpfs(`size=${needed}`, convert(TINY));
    expect([enough.status, enough.stderr]).toEqual([0, ""]);
  });

  test("gets full by another program while tensors are written: nothing is left behind", () => {
    // The filler takes what is left of the room as soon as the first bytes of weights are there; the conversion is held meanwhile, since
    // on a busy machine it could be over before.
    const run = onTmpfs(
      "size=40m",
      `"$NODE" "$CLI" convert '${large}' "$DISK/out" --quiet > /dev/null & converting=$!
until [ -s "$DISK/out/.weighbridge-partial/model.safetensors" ]; do :; done
kill -STOP $converting
cat /dev/zero > "$DISK/filler" 2> /dev/null
kill -CONT $converting
wait $converting; status=$?`,
    );
    expectRefused(run);
    expect(run.stderr).toContain("ENOSPC");
  });

  test("has no inode left for one file after the other: nothing is left behind", () => {
    let refused = 0;
    for (let inodes = 2; inodes < MOST_INODES; inodes++) {
      const run = onTmpfs(`size=4m,nr_inodes=${inodes}`, convert(TINY));
      if (run.status === 0) expect(run.left).toContain("./out/weighbridge.manifest.json");
      else {
        expectRefused(run);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(8);
    expect(onTmpfs(`size=4m,nr_inodes=${MOST_INODES}`, convert(TINY)).status).toBe(0);
  });
});
