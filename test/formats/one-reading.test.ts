import { describe, expect, it } from "vitest";
import { pythonFloat } from "../../src/formats/pickle/text.ts";
import { resolvedSource } from "../../src/formats/pytorch/lazy-bits.ts";
import { readPaddle } from "../../src/formats/paddle/read.ts";
import { readPytorchZip } from "../../src/formats/pytorch/zip.ts";
import { memorySource } from "../../src/sources/file.ts";
import { decodeValues } from "../../src/tensor/decode.ts";
import { DTYPES, dtypesBy, isDtype, type Dtype } from "../../src/tensor/dtype.ts";
import { shownName } from "../../src/tensor/shown-name.ts";
import { caught } from "../support/caught.ts";
import { archive, dictOf, tensor } from "../support/hostile/torch-files.ts";
import { arrayPieces, pickleBytes, type Piece } from "../support/pickle-bytes.ts";

/** One tensor whose rebuild call ends in this metadata. */
function withMetadata(...metadata: readonly Piece[]): Uint8Array {
  const call = tensor().slice(0, -2);
  return archive(dictOf([...call, ...metadata, "TUPLE", "REDUCE"]));
}

async function read(bytes: Uint8Array) {
  return readPytorchZip(memorySource(bytes, "f"));
}

async function namesOf(bytes: Uint8Array): Promise<readonly string[]> {
  return (await read(bytes)).tensors.map(({ name }) => name);
}

const resolved = async (dtype: Dtype, bytes: Uint8Array, conj: boolean, neg: boolean) => {
  const parent = memorySource(bytes, "s");
  const source = resolvedSource(parent, dtype, "little", { conj, neg });
  return [...(decodeValues(await source.read(0, bytes.byteLength), dtype) ?? [])];
};

describe("lazy bits of a view", () => {
  it("are set by their key alone, whatever its value", async () => {
    for (const value of ["NEWTRUE", "NEWFALSE"] as const) {
      const bytes = withMetadata("EMPTY_DICT", ["BINUNICODE", "neg"], value, "SETITEM");
      const { tensors } = await read(bytes);
      const found = await tensors[0]?.source.read(0, 8);
      // The builder's bytes count 0, 1, 2, …: both floats are positive as stored.
      expect([found?.[3], found?.[7]]).toEqual([0x83, 0x87]);
    }
  });

  it("of other keys are not understood", async () => {
    const bytes = withMetadata("EMPTY_DICT", ["BINUNICODE", "more"], "NEWTRUE", "SETITEM");
    expect((await caught(() => read(bytes))).code).toBe("WB4301");
  });

  it.each([
    [true, false, [1, -2]],
    [false, true, [-1, -2]],
    [true, true, [-1, 2]],
  ])("of a complex number: conj %s, neg %s", async (conj, neg, expected) => {
    const bytes = new Uint8Array(new Float32Array([1, 2]).buffer);
    expect(await resolved("C64", bytes, conj, neg)).toEqual(expected);
  });

  it("negate integers with their carry, and leave what is real conjugated alone", async () => {
    const bytes = new Uint8Array(new Int32Array([0, 1, 256, -5]).buffer);
    expect(await resolved("I32", bytes, false, true)).toEqual([0, -1, -256, 5]);
    expect(await resolved("I32", bytes, true, false)).toEqual([0, 1, 256, -5]);
  });

  it("reach into the middle of an element", async () => {
    const parent = memorySource(new Uint8Array(new Float32Array([1, 2]).buffer), "s");
    const source = resolvedSource(parent, "F32", "little", { conj: false, neg: true });
    expect([...(await source.read(3, 4))]).toEqual([0xbf, 0, 0, 0]);
  });

  it.each(["BOOL", "F8_E4M3", "U16"] as const)(
    "do not negate %s, as torch does not",
    async (dtype) => {
      const error = await caught(() => resolved(dtype, new Uint8Array(8), false, true));
      expect(error.code).toBe("WB4301");
    },
  );
});

describe("names", () => {
  it("are kept when they are empty", async () => {
    expect(await namesOf(archive(dictOf(tensor({}, {}, ""), tensor({}, {}, "tensor"))))).toEqual([
      "",
      "tensor",
    ]);
    const nested = dictOf([["BINUNICODE", ""], ...dictOf(tensor()).slice(1, -1)]);
    expect(await namesOf(archive(nested))).toEqual([".w"]);
    const paddle = pickleBytes(
      ["PROTO", 2],
      "EMPTY_DICT",
      "MARK",
      ...arrayPieces("", "f4", [1], new Uint8Array(4)),
      ...arrayPieces("tensor", "f4", [1], new Uint8Array(4)),
      "SETITEMS",
      "STOP",
    );
    const { tensors } = await readPaddle(memorySource(paddle, "f"));
    expect(tensors.map(({ name }) => name)).toEqual(["", "tensor"]);
  });

  it.each([
    [1, "1.0"],
    [-0, "-0.0"],
    [0.1, "0.1"],
    [1e-4, "0.0001"],
    [1.5e-5, "1.5e-05"],
    [1e15, "1000000000000000.0"],
    [1e16, "1e+16"],
    [1.25e300, "1.25e+300"],
    [Number.NaN, "nan"],
    [Number.NEGATIVE_INFINITY, "-inf"],
  ])("that are floats are what Python prints: %d", (value, text) => {
    expect(pythonFloat(value)).toBe(text);
  });

  it("of a float key differ from those of an integer key", async () => {
    const float = Buffer.alloc(8);
    float.writeDoubleBE(1);
    const keyed = dictOf(
      [["BINFLOAT", 1], ...tensor().slice(1)],
      [["BININT1", 1], ...tensor().slice(1)],
    );
    expect(await namesOf(archive(keyed))).toEqual(["1.0", "1"]);
  });

  it("cannot pose as a line, hide or reverse what is around them", () => {
    expect(shownName("a\nPASS\u202e\u200b")).toBe(String.raw`a\u000aPASS\u202e\u200b`);
    expect(shownName("\ud800")).toBe(String.raw`\ud800`);
    expect(shownName("")).toBe('""');
    expect(shownName("x".repeat(1000))).toMatch(/^x{300}… \(1000 characters\)$/);
    expect(shownName("模型.层.0")).toBe("模型.层.0");
  });
});

describe("sizes", () => {
  it("that are floats are refused", async () => {
    const pieces = tensor().map((piece): Piece =>
      Array.isArray(piece) && piece[0] === "LONG1" ? ["BINFLOAT", 2] : piece,
    );
    expect((await caught(() => read(archive(dictOf(pieces))))).code).toBe("WB3302");
  });
});

describe("weights in other clothes", () => {
  const storage: readonly Piece[] = [
    "MARK",
    ["BINUNICODE", "storage"],
    ["GLOBAL", "torch", "FloatStorage"],
    ["BINUNICODE", "0"],
    ["BINUNICODE", "cpu"],
    ["BININT1", 6],
    "TUPLE",
    "BINPERSID",
  ];
  const sizes: readonly Piece[] = [
    ["BININT1", 2],
    ["BININT1", 3],
    "TUPLE2",
    ["BININT1", 3],
    ["BININT1", 1],
    "TUPLE2",
  ];

  it.each(["Tensor", "FloatTensor"])("are read: a torch.%s with a state", async (type) => {
    const bytes = archive(
      dictOf([
        ["BINUNICODE", "w"],
        ["GLOBAL", "torch", type],
        "EMPTY_TUPLE",
        "REDUCE",
        "MARK",
        ...storage,
        ["BININT1", 0],
        ...sizes,
        "TUPLE",
        "BUILD",
      ]),
    );
    const { tensors, skipped } = await read(bytes);
    expect(tensors.map(({ name, shape }) => [name, shape])).toEqual([["w", [2, 3]]]);
    expect(skipped).toEqual([]);
  });

  it("are read: a bare storage, and an array of numpy's", async () => {
    const bytes = archive(
      dictOf(
        [["BINUNICODE", "s"], ...storage],
        arrayPieces("n", "f8", [1], new Uint8Array(8)),
        tensor(),
      ),
    );
    const { tensors } = await read(bytes);
    expect(tensors.map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
      ["s", "F32", [6]],
      ["n", "F64", [1]],
      ["w", "F32", [2, 3]],
    ]);
  });

  it("that no tensor names are listed: their bytes are not taken in silence", async () => {
    const { skipped } = await read(archive(dictOf(tensor()), { "0": 24, "7": 8 }));
    expect(skipped).toEqual([
      { name: "m/data/7", why: "a storage of 8 bytes that no tensor in the file uses" },
    ]);
  });
});

describe("the dtype table", () => {
  it("gives each name of a column to one dtype", () => {
    for (const column of ["torch", "storage", "numpy", "paddle"] as const) {
      const named = Object.values(DTYPES).filter((row) => row[column] !== null);
      expect(dtypesBy(column).size, column).toBe(named.length);
    }
  });

  it("decodes every dtype that has whole bytes and numbers", () => {
    const undecoded = Object.keys(DTYPES).filter(
      (dtype) => isDtype(dtype) && decodeValues(new Uint8Array(48), dtype) === undefined,
    );
    expect(undecoded).toEqual([
      "F4",
      "F6_E2M3",
      "F6_E3M2",
      "F8_E8M0",
      "F8_E4M3FNUZ",
      "F8_E5M2FNUZ",
    ]);
  });

  it("says of every float that has numbers what rounding to it loses, and of no other dtype", () => {
    for (const dtype of Object.keys(DTYPES).filter(isDtype)) {
      const isRounded =
        DTYPES[dtype].kind === "float" && decodeValues(new Uint8Array(48), dtype) !== undefined;
      expect([dtype, DTYPES[dtype].rounding !== null]).toEqual([dtype, isRounded]);
    }
  });
});
