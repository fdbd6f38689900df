import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FIXTURE_FOLDERS } from "../support/fixture-manifest.ts";
import { storedFacts } from "../support/stored-facts.ts";

const files = FIXTURE_FOLDERS.flatMap(({ name, path, files: inside }) =>
  [...inside]
    .filter(([, tensors]) => Object.keys(tensors).length > 0)
    .map(([file, tensors]) => ({ label: `${name}/${file}`, path: join(path, file), tensors })),
);

describe("files written by the real frameworks", () => {
  test("all fixtures are what their generator wrote", () => {
    const script = join(import.meta.dirname, "../../scripts/verify-fixtures.mjs");
    const { status, stderr } = spawnSync(process.execPath, [script], { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(files.length).toBeGreaterThan(40);
  });

  test.each(files)(
    "$label holds the names, dtypes, shapes and bytes that were saved",
    async (file) => {
      expect(await storedFacts(file.path)).toEqual(file.tensors);
    },
  );
});
