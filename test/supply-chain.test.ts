import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isRecord } from "./support/is-record.ts";
import { installedPackages, readJson } from "./support/installed-packages.ts";

const ROOT = join(import.meta.dirname, "..");
const WORKFLOWS = ".github/workflows";

/** Licences that Apache-2.0 software may be used with without more ado. */
const LICENCES = new Set([
  "Apache-2.0",
  "MIT",
  "ISC",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "0BSD",
  "BlueOak-1.0.0",
]);

/** Packages that a user installs, all of them: each is one more to be trusted. */
const MOST_PACKAGES = 110;

describe("what a user installs", () => {
  it("is few packages, each with its digest, a licence that fits, and no script that runs at installation", () => {
    const odd = installedPackages().filter(
      ([, { integrity, hasInstallScript, license }]) =>
        typeof integrity !== "string" ||
        hasInstallScript === true ||
        !LICENCES.has(String(license)),
    );
    expect(odd.map(([place]) => place)).toEqual([]);
    expect(installedPackages().length).toBeGreaterThan(0);
    expect(installedPackages().length).toBeLessThan(MOST_PACKAGES);
  });

  it("is pinned to exact versions", () => {
    const { dependencies } = readJson("package.json");
    expect(isRecord(dependencies)).toBe(true);
    for (const [name, version] of Object.entries(isRecord(dependencies) ? dependencies : {}))
      expect([name, version]).toEqual([name, expect.stringMatching(/^\d+\.\d+\.\d+$/)]);
  });
});

it("every action of the workflows is pinned to a commit", () => {
  const files = [
    "action.yml",
    ...readdirSync(join(ROOT, WORKFLOWS)).map((name) => join(WORKFLOWS, name)),
  ];
  const used = files.flatMap((path) =>
    [...readFileSync(join(ROOT, path), "utf8").matchAll(/uses: (\S+)/g)].map((match) => match[1]),
  );
  expect(used.length).toBeGreaterThan(4);
  expect(used.filter((action) => !/@[0-9a-f]{40}$/.test(action ?? ""))).toEqual([]);
});
