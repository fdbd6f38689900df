import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Parser } from "pickleparser";
import { describe, expect, test } from "vitest";
import { readZip } from "../../src/formats/archive/zip.ts";
import { openBytes, fileOf } from "../support/open-bytes.ts";

const FIXTURES = join(import.meta.dirname, "../../fixtures");

/** The torch files whose pickle is of protocols 2 (two of them), 3, 4 and 5. */
const FILES = [
  "internlm-tiny/pytorch_model.bin",
  "pytorch-bf16/pytorch_model.bin",
  "pytorch-protocol3/pytorch_model.bin",
  "pytorch-protocol4/pytorch_model.bin",
  "pytorch-protocol5/pytorch_model.bin",
];

/** What another parser makes of torch's rebuild call: the arguments of `_rebuild_tensor_v2`. */
interface Rebuilt {
  readonly storage: readonly unknown[];
  readonly offset: unknown;
  readonly shape: unknown;
  readonly strides: unknown;
}

function parserOfTorch(): Parser {
  return new Parser({
    unpicklingTypeOfDictionary: "Map",
    persistentResolver: { resolve: (id: unknown) => id },
    nameResolver: {
      resolve: (module: string, name: string) => {
        if (module === "collections" && name === "OrderedDict") return () => new Map();
        if (name === "_rebuild_tensor_v2")
          return (storage: readonly unknown[], offset: unknown, shape: unknown, strides: unknown) =>
            ({ storage, offset, shape, strides }) satisfies Rebuilt;
        return () => `${module}.${name}`;
      },
    },
  });
}

describe("our pickle machine beside pickleparser", () => {
  test.each(FILES)("finds the same tensors in %s", async (file) => {
    const bytes = readFileSync(join(FIXTURES, file));
    const entries = await readZip(fileOf(bytes));
    const data = entries.find(({ name }) => name.endsWith("/data.pkl"))?.data;
    const pickle = (await data?.read(0, data.byteLength)) ?? new Uint8Array(0);
    const theirs = parserOfTorch().parse<ReadonlyMap<string, Rebuilt>>(pickle);
    const ours = await openBytes(bytes);
    expect(ours.length).toBeGreaterThan(30);
    expect(ours.map(({ name, shape, strides }) => ({ name, shape, strides }))).toEqual(
      [...theirs].map(([name, { shape, strides }]) => ({ name, shape, strides })),
    );
  });
});
