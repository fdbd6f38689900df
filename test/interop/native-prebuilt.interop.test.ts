import { execFileSync, spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installNative } from "../../src/index.ts";

const ROOT = join(import.meta.dirname, "../..");
const TINY = join(ROOT, "fixtures/internlm-tiny/pytorch_model.bin");

let folder = "";
let bare = "";

/** The first place on the path that has the program. */
function found(program: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .find((place) => spawnSync("test", ["-x", join(place, program)]).status === 0);
}

/** A machine as a small container is: Node, npm, Python, a shell, and no compiler. */
function bareBin(): string {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  for (const program of ["node", "npm", "sh", "env"]) {
    const place = found(program);
    if (place !== undefined) symlinkSync(join(place, program), join(bin, program));
  }
  // What the path has may be a script of a version manager, which needs more programs: the interpreter itself does not.
  const interpreter = execFileSync("python3", ["-c", "import sys; print(sys.executable)"], {
    encoding: "utf8",
  }).trim();
  const script = `#!${join(bin, "sh")}\nexec "${interpreter}" "$@"\n`;
  writeFileSync(join(bin, "python3"), script, { mode: 0o755 });
  return bin;
}

function packed(source: string): string {
  const text = execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], {
    cwd: source,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return join(folder, text.trim());
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "weighbridge-prebuilt-"));
  bare = bareBin();
  const { folder: native } = await installNative({ variant: "cpu" });
  const addons = execFileSync(
    process.execPath,
    [join(ROOT, "scripts/prebuild.mjs"), join(folder, "prebuilt")],
    { encoding: "utf8" },
  ).trim();
  writeFileSync(join(folder, "package.json"), '{"name":"empty","private":true}');
  const packages = [packed(ROOT), packed(addons)];
  execFileSync("npm", ["install", ...packages, "--prefer-offline", "--no-audit", "--no-fund"], {
    cwd: folder,
    stdio: "ignore",
  });
  // What npm and pip fetched before stands where an interrupted installation leaves it: the addons are still to be made.
  const partial = join(folder, "native/cpu.partial");
  cpSync(native, partial, { recursive: true, verbatimSymlinks: true });
  rmSync(join(partial, "installed.json"));
  const library = join(partial, "node_modules/@tensorflow/tfjs-node-gpu/lib");
  for (const name of readdirSync(library))
    if (/napi|\.node$/.test(name)) rmSync(join(library, name), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function weighbridge(...args: readonly string[]): {
  readonly status: number | null;
  readonly text: string;
} {
  const env = { PATH: bare, HOME: folder, WEIGHBRIDGE_NATIVE_FOLDER: join(folder, "native") };
  const program = join(folder, "node_modules/weighbridge/bin/weighbridge.js");
  const run = spawnSync(process.execPath, [program, ...args], {
    env,
    cwd: folder,
    encoding: "utf8",
  });
  return { status: run.status, text: run.stdout + run.stderr };
}

describe("the addons of a release, on a machine without a compiler", () => {
  test("are what native install takes, and the CPU computes with them", () => {
    const installed = weighbridge("native", "install");
    expect(installed).toMatchObject({ status: 0 });
    expect(installed.text).toContain(
      `addon of weighbridge-native-${process.platform}-${process.arch}`,
    );
    const logits = weighbridge("logits", TINY, "--input-ids", "1,2", "--device", "cpu", "--json");
    expect(logits.status).toBe(0);
    expect(JSON.parse(logits.text.split("\n")[0] ?? "")).toMatchObject({ ok: true, device: "cpu" });
  });

  test("are missed by name where their package is not there", () => {
    rmSync(join(folder, `node_modules/weighbridge-native-${process.platform}-${process.arch}`), {
      recursive: true,
    });
    const { status, text } = weighbridge("native", "install", "--force");
    expect(status).toBe(6);
    expect(text).toContain("WB6103");
  });
});
