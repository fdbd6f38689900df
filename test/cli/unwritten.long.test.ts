import { spawnSync } from "node:child_process";
import { existsSync, openSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FIXTURES } from "../support/fixture-manifest.ts";

const PROGRAM = join(import.meta.dirname, "../../bin/weighbridge.js");
const MODEL = join(FIXTURES, "internlm-tiny");
const FULL = "/dev/full";

test.skipIf(!existsSync(FULL)).each([
  ["that agrees", ["diff", MODEL, MODEL]],
  ["in JSON", ["inspect", MODEL, "--json"]],
  ["that is streamed", ["generate", MODEL, "--prompt", "hi", "--device", "wasm"]],
])("a result %s on a full disk ends with 6, and no comparison failed", (_title, args) => {
  const stdio = ["ignore", openSync(FULL, "w"), "pipe"] as const;
  const { status, stderr } = spawnSync(process.execPath, [PROGRAM, ...args], {
    stdio: [...stdio],
    encoding: "utf8",
  });
  expect([status, stderr.match(/WB6001: standard output/g)?.length]).toEqual([6, 1]);
});

test.skipIf(!existsSync(FULL))("so does the version, which needs none of the modules", () => {
  const { status, stderr } = spawnSync(process.execPath, [PROGRAM, "--version"], {
    stdio: ["ignore", openSync(FULL, "w"), "pipe"],
    encoding: "utf8",
  });
  expect([status, stderr]).toEqual([6, "error: standard output: cannot be written (ENOSPC)\n"]);
});
