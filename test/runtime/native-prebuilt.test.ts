import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { packageFolderIn } from "../../src/runtime/backends/native/install/location.ts";
import { findPrebuilt, placePrebuilt } from "../../src/runtime/backends/native/install/prebuilt.ts";
import { caught } from "../support/caught.ts";

const PLATFORM = `${process.platform}-${process.arch}`;
const RECIPE = { tensorflow: "2.21.0", tfjsNode: "4.22.0", sources: "a".repeat(64) };
const ADDON = Buffer.from("an addon");
const FILES = { "lib/napi-v8/binding.node": createHash("sha256").update(ADDON).digest("hex") };

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "weighbridge-prebuilt-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const packageFolder = (): string => join(root, `node_modules/weighbridge-native-${PLATFORM}`);

function write(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** Installs a package of addons with this description, and looks for it as weighbridge beside it would. */
async function found(description: unknown): ReturnType<typeof findPrebuilt> {
  const text = typeof description === "string" ? description : JSON.stringify(description);
  write(join(packageFolder(), "prebuilt.json"), text);
  write(join(packageFolder(), "lib/napi-v8/binding.node"), ADDON);
  return findPrebuilt(RECIPE, join(root, "index.js"));
}

describe("addons that a release compiled", () => {
  test("are taken where they were made of these sources for this TensorFlow, and copied to their places", async () => {
    const prebuilt = await found({ ...RECIPE, platform: PLATFORM, files: FILES });
    if (prebuilt === undefined) throw new Error("not found");
    const target = join(root, "native");
    await placePrebuilt(prebuilt, target);
    expect(readFileSync(join(packageFolderIn(target), "lib/napi-v8/binding.node"))).toEqual(ADDON);
  });

  test("are not there without their package", async () => {
    expect(await findPrebuilt(RECIPE, join(root, "index.js"))).toBeUndefined();
  });

  test.each([
    ["sources", { sources: "b".repeat(64) }],
    ["TensorFlow", { tensorflow: "2.20.0" }],
    ["TensorFlow.js", { tfjsNode: "4.21.0" }],
    ["platform", { platform: "plan9-mips" }],
  ])("are left where they are when their %s is another", async (_, other) => {
    const description = { ...RECIPE, platform: PLATFORM, files: FILES, ...other };
    expect(await found(description)).toBeUndefined();
  });

  test.each([
    ["no JSON", "{"],
    ["no files", { ...RECIPE, platform: PLATFORM, files: {} }],
    [
      "a place outside",
      { ...RECIPE, platform: PLATFORM, files: { "lib/../../x.node": "a".repeat(64) } },
    ],
    ["no digest", { ...RECIPE, platform: PLATFORM, files: { "lib/x.node": "abc" } }],
  ])("are refused when their description has %s", async (_, description) => {
    const error = await caught(() => found(description));
    expect(error.code).toBe("WB6107");
    expect(error.message).toMatch(/prebuilt\.json: expected what the release writes$/);
  });

  test.each([
    ["changed", Buffer.from("another addon")],
    ["missing", undefined],
  ])("are refused when a file is %s", async (_, content) => {
    const prebuilt = await found({ ...RECIPE, platform: PLATFORM, files: FILES });
    if (prebuilt === undefined) throw new Error("not found");
    const path = join(packageFolder(), "lib/napi-v8/binding.node");
    if (content === undefined) rmSync(path);
    else writeFileSync(path, content);
    const error = await caught(() => placePrebuilt(prebuilt, join(root, "native")));
    expect(error.code).toBe("WB6107");
    expect(error.message).toContain("binding.node: expected SHA-256");
  });
});
