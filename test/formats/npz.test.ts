import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { readNpy } from "../../src/formats/numpy/npy.ts";
import { readNpz } from "../../src/formats/numpy/npz.ts";
import { openCheckpoint } from "../../src/formats/open.ts";
import { assemblyOf, wholeView } from "../../src/mapping/assembly.ts";
import { readAssembly } from "../../src/mapping/read-assembly.ts";
import { memorySource } from "../../src/sources/file.ts";
import { caught } from "../support/caught.ts";
import { FIXTURES } from "../support/fixture-manifest.ts";
import { zipBytes } from "../support/zip-bytes.ts";

const PLACE = join(FIXTURES, "numpy");

/** The bytes of each array, in hexadecimal. */
async function read(file: string): Promise<readonly string[]> {
  const { tensors } = await readNpz(memorySource(readFileSync(join(PLACE, file)), file));
  const texts: string[] = [];
  for (const tensor of tensors)
    texts.push(Buffer.from(await readAssembly(assemblyOf(wholeView(tensor)))).toString("hex"));
  return texts;
}

describe("an archive of numpy's", () => {
  it.each(["arrays.npz", "compressed.npz"])("gives its arrays: %s", async (file) => {
    const { checkpoint } = await openCheckpoint(join(PLACE, file));
    const facts = checkpoint.tensors.map(
      ({ name, dtype, shape }) => `${name} ${dtype} ${shape.join()}`,
    );
    expect(facts).toHaveLength(20);
    expect(facts).toEqual(
      expect.arrayContaining([
        "plain.c16 C128 3,4",
        "layer_0/kernel F32 5,7",
        "fortran F32 3,4,2",
        "scalar F32 ",
        "empty F32 0,3",
      ]),
    );
    const vector = checkpoint.tensors.find(({ name }) => name === "vector");
    if (vector === undefined) throw new Error("no vector");
    const bytes = await readAssembly(assemblyOf(wholeView(vector)));
    expect([...new Float32Array(bytes.buffer)]).toEqual([0, 1, 2, 3, 4]);
    await checkpoint.close();
  });

  it("stored and compressed, holds the same", async () => {
    expect(await read("compressed.npz")).toEqual(await read("arrays.npz"));
  });

  it("names what is no array of numbers", async () => {
    const { checkpoint } = await openCheckpoint(join(PLACE, "with-text.npz"));
    await checkpoint.close();
    expect(checkpoint.skipped).toEqual([
      { name: "names", why: "an array that is not of numbers (numpy's U2)" },
    ]);
  });
});

function npy(header: string, data: Uint8Array): Uint8Array {
  const head = Buffer.alloc(10);
  head.write("\u0093NUMPY\u0001\u0000", "latin1");
  head.writeUInt16LE(header.length, 8);
  return Buffer.concat([head, Buffer.from(header, "latin1"), data]);
}

const OBJECTS = "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n";
/** os.system("true"), as a pickle that was never run here. */
const EVIL = Buffer.from("cos\nsystem\n(S'true'\ntR.", "latin1");

test.each([
  ["a pickle that names a program", EVIL, "WB5201"],
  ["a pickle of a list", Buffer.from("\u0080\u0002]q\u0000.", "latin1"), "WB4401"],
] as const)("objects are refused as pickles are: %s", async (_name, data, code) => {
  const zip = memorySource(zipBytes([{ name: "w.npy", data: npy(OBJECTS, data) }]), "w.npz");
  expect((await caught(() => readNpz(zip))).code).toBe(code);
});

test("objects stay unread where only the data is wanted", async () => {
  const plain = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n";
  const bytes = zipBytes([
    { name: "w.npy", data: npy(plain, new Uint8Array(4)) },
    { name: "o.npy", data: npy(OBJECTS, EVIL) },
    { name: "readme.txt", data: new Uint8Array(3) },
  ]);
  const { tensors, skipped } = await readNpz(memorySource(bytes, "w.npz"), { dataOnly: true });
  expect(tensors.map(({ name }) => name)).toEqual(["w"]);
  expect(skipped.map(({ name }) => name)).toEqual(["o", "readme.txt"]);
});

test.each([
  ["no array", Buffer.from("not an array at all"), "WB3402"],
  ["another version", npy("{}\n", new Uint8Array(0)).with(6, 9), "WB3402"],
  ["an expression", npy("{'descr': __import__('os'), }\n", new Uint8Array(0)), "WB3402"],
  [
    "too few bytes",
    npy("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }\n", new Uint8Array(40)),
    "WB3403",
  ],
  [
    "a shape beyond all bounds",
    npy(
      "{'descr': '<f8', 'fortran_order': False, 'shape': (9007199254740991, 9), }\n",
      new Uint8Array(8),
    ),
    "WB3403",
  ],
] as const)("%s is refused", async (_name, bytes, code) => {
  const source = memorySource(bytes, "w.npy");
  expect((await caught(() => readNpy(source, "w.npy"))).code).toBe(code);
});

test.each([
  ["the file has", 9_000],
  ["a header may have", 20_000],
])("a header of more bytes than %s is refused before it is read", async (_what, length) => {
  const bytes = Buffer.from(npy("{}".padEnd(length), new Uint8Array(0)));
  const source = memorySource(length < 10_000 ? bytes.subarray(0, 100) : bytes, "w.npy");
  const { code, message } = await caught(() => readNpy(source, "w.npy"));
  expect(code).toBe("WB3402");
  expect(message).toContain(`its header is said to have ${length} bytes`);
});
