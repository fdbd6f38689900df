import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, it } from "vitest";
import { installedPackages } from "../support/installed-packages.ts";
import { isRecord } from "../support/is-record.ts";

it("the SBOM lists what a user installs, all of it and nothing else", () => {
  const cwd = join(import.meta.dirname, "../..");
  const text = execFileSync("npm", ["run", "--silent", "sbom"], { cwd, encoding: "utf8" });
  const bom: unknown = JSON.parse(text);
  const components: unknown = isRecord(bom) ? bom["components"] : undefined;
  if (!Array.isArray(components)) throw new Error("the SBOM has no components");
  const listed = components.map((part: unknown) => {
    if (!isRecord(part)) return "";
    const group = typeof part["group"] === "string" ? `${part["group"]}/` : "";
    return `${group}${String(part["name"])}@${String(part["version"])}`;
  });
  const expected = installedPackages().map(
    ([place, { version }]) => `${place.split("node_modules/").at(-1)}@${String(version)}`,
  );
  expect(new Set(listed)).toEqual(new Set(expected));
});
