import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const SCRIPT = join(import.meta.dirname, "../../scripts/gpu/stand-in.mjs");
const folder = mkdtempSync(join(tmpdir(), "weighbridge-stand-in-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);

test("a stand-in has the library's name and functions, and ends the process that calls one", () => {
  writeFileSync(at("real.c"), "int first(int x) { return x; } int second(void) { return 2; }");
  writeFileSync(at("main.c"), "int second(void); int main(void) { return second(); }");
  execFileSync("cc", ["-shared", "-fPIC", at("real.c"), "-o", at("libreal.so.3")]);
  const make = `import { makeStandIn } from ${JSON.stringify(SCRIPT)};
makeStandIn(process.argv[1], process.argv[2]);`;
  const made = [at("libreal.so.3"), at("stand-in.so")];
  execFileSync(process.execPath, ["--input-type=module", "-e", make, ...made]);
  const paths = [`-Wl,-rpath,${folder}`, "-o", at("main")];
  execFileSync("cc", [at("main.c"), at("libreal.so.3"), ...paths]);
  execFileSync("mv", [at("stand-in.so"), at("libreal.so.3")]);
  const { signal, stderr } = spawnSync(at("main"), { encoding: "utf8" });
  expect(signal).toBe("SIGABRT");
  expect(stderr).toContain(
    "second of libreal.so.3 was called, and libreal.so.3 is a stand-in without code here",
  );
  const symbols = execFileSync("nm", ["-D", "--defined-only", at("libreal.so.3")], {
    encoding: "utf8",
  });
  expect(symbols).toMatch(/ T first\n/);
});
