import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { scan } from "../../src/api/scan.ts";
import { isRecord } from "../support/is-record.ts";
import { runPython } from "../support/python.ts";

const folder = mkdtempSync(join(tmpdir(), "weighbridge-containers-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("what runs in the hands of a real loader is never safe", { timeout: 600_000 }, async () => {
  const said: unknown = runPython("run_containers.py", { folder });
  const cases: readonly unknown[] = Array.isArray(said) ? said : [];
  expect(cases.length).toBeGreaterThan(20);
  for (const one of cases) {
    const { name, path, ran } = isRecord(one) ? one : {};
    // One that does not run would show nothing.
    expect([name, ran]).toEqual([name, true]);
    const { verdict, files } = await scan(String(path));
    expect([name, verdict, files]).not.toEqual([name, "safe", files]);
  }
});
