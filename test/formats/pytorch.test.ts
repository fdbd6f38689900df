import { describe, expect, it } from "vitest";
import type { StoredTensor } from "../../src/tensor/table.ts";
import { caught } from "../support/caught.ts";
import { fileOf, openBytes } from "../support/open-bytes.ts";
import { readPytorchZip } from "../../src/formats/pytorch/zip.ts";
import { archive, dictOf, tensor } from "../support/hostile/torch-files.ts";
import { pickleBytes, type Piece } from "../support/pickle-bytes.ts";
import { zipBytes, type ZipPart } from "../support/zip-bytes.ts";

function facts({ name, shape, strides, byteOffset, byteOrder }: StoredTensor): unknown {
  return { name, shape, strides, byteOffset, byteOrder };
}

function byteOrderRecord(text: string): readonly ZipPart[] {
  return [{ name: "m/byteorder", data: Buffer.from(text) }];
}

const GOOD = archive(dictOf(tensor()));

/** A tensor that a call of torch._utils makes. */
const made = (name: string, call: string): readonly Piece[] => [
  ["BINUNICODE", name],
  ["GLOBAL", "torch._utils", call],
  "EMPTY_TUPLE",
  "REDUCE",
];

describe("a zip of torch.save", () => {
  it("gives views with their offsets and strides, and one identity to one storage", async () => {
    const tensors = await openBytes(
      archive(
        dictOf(tensor(), tensor({ offset: 1, shape: [3], strides: [2] }, {}, "every second")),
      ),
    );
    expect(tensors.map(facts)).toEqual([
      { name: "w", shape: [2, 3], strides: [3, 1], byteOffset: 0, byteOrder: "little" },
      { name: "every second", shape: [3], strides: [2], byteOffset: 4, byteOrder: "little" },
    ]);
    expect(new Set(tensors.map(({ storage }) => storage)).size).toBe(1);
  });

  it("says which byte order its elements have", async () => {
    const [big] = await openBytes(archive(dictOf(tensor()), { "0": 24 }, byteOrderRecord("big")));
    expect(big?.byteOrder).toBe("big");
    const wrong = archive(dictOf(tensor()), { "0": 24 }, byteOrderRecord("middle"));
    expect((await caught(() => openBytes(wrong))).code).toBe("WB3301");
  });

  it("takes empty tensors, scalars and expanded dimensions", async () => {
    const tensors = await openBytes(
      archive(
        dictOf(
          tensor({ shape: [0, 5], strides: [5, 1] }, {}, "empty"),
          tensor({ shape: [], strides: [], offset: 5 }, {}, "scalar"),
          tensor({ shape: [4, 3], strides: [0, 1] }, {}, "expanded"),
        ),
      ),
    );
    expect(tensors.map(({ name, shape }) => [name, shape])).toEqual([
      ["empty", [0, 5]],
      ["scalar", []],
      ["expanded", [4, 3]],
    ]);
  });

  const refused: readonly (readonly [string, string, Uint8Array])[] = [
    ["reaches one element past its storage", "WB3303", archive(dictOf(tensor({ offset: 1 })))],
    [
      "has a shape that does not fit",
      "WB3303",
      archive(dictOf(tensor({ shape: [2, 4], strides: [4, 1] }))),
    ],
    ["has strides that do not fit", "WB3303", archive(dictOf(tensor({ strides: [4, 1] })))],
    [
      "has sizes beyond 2^53 in all",
      "WB3303",
      archive(dictOf(tensor({ shape: [2 ** 31, 2 ** 31], strides: [0, 0] }))),
    ],
    ["reaches beyond 2^53", "WB3303", archive(dictOf(tensor({ strides: [2 ** 52, 2 ** 52] })))],
    ["has a negative stride", "WB3302", archive(dictOf(tensor({ strides: [-3, 1] })))],
    ["has a negative size", "WB3302", archive(dictOf(tensor({ shape: [-2, 3] })))],
    ["has a negative offset", "WB3302", archive(dictOf(tensor({ offset: -1 })))],
    ["has fewer strides than sizes", "WB3302", archive(dictOf(tensor({ strides: [1] })))],
    [
      "has 65 dimensions",
      "WB4301",
      archive(
        dictOf(
          tensor({
            shape: Array.from({ length: 65 }, () => 1),
            strides: Array.from({ length: 65 }, () => 1),
          }),
        ),
      ),
    ],
    ["has no storage in the file", "WB3304", archive(dictOf(tensor({}, { key: "7" })))],
    [
      "has a storage that leads out of the folder",
      "WB3304",
      archive(dictOf(tensor({}, { key: "../data.pkl" }))),
    ],
    [
      "has a storage that is shorter than declared",
      "WB3304",
      archive(dictOf(tensor()), { "0": 20 }),
    ],
    [
      "has a storage that is longer than declared",
      "WB3304",
      archive(dictOf(tensor()), { "0": 28 }),
    ],
    ["is there twice", "WB3305", archive(dictOf(tensor(), tensor()))],
    [
      "has a storage of a type that is none",
      "WB4303",
      archive(dictOf(tensor({}, { type: "QUInt4x2Storage" }))),
    ],
    ["is not there", "WB3306", archive(dictOf())],
  ];

  it.each(refused)("is refused when a tensor %s", async (_name, code, bytes) => {
    const error = await caught(() => openBytes(bytes));
    expect([error.code, error.message]).toEqual([code, expect.stringMatching(/^file: /)]);
  });

  it("is refused with two data.pkl, wherever they are", async () => {
    const second = { name: "other/data.pkl", data: pickleBytes("NONE", "STOP") };
    const error = await caught(() => openBytes(archive(dictOf(tensor()), { "0": 24 }, [second])));
    expect(error.message).toMatchInlineSnapshot(
      `"file: the zip holds several data.pkl: m/data.pkl, other/data.pkl"`,
    );
    expect(error.code).toBe("WB5301");
  });

  it("whose storage is a module's source code is named", async () => {
    const pieces = dictOf(tensor()).map((piece): Piece =>
      Array.isArray(piece) && piece[1] === "storage" ? ["BINUNICODE", "module"] : piece,
    );
    expect((await caught(() => openBytes(archive(pieces)))).code).toBe("WB4302");
  });

  it("with sparse and quantised tensors is refused by all their names, or gives the others", async () => {
    const bytes = archive(
      dictOf(tensor(), made("s", "_rebuild_sparse_tensor"), made("q", "_rebuild_qtensor")),
    );
    const error = await caught(() => openBytes(bytes));
    expect([error.code, error.message]).toEqual([
      "WB4301",
      "file: tensor s: the tensor is sparse; not plain either: q",
    ]);
    const options = { allow: () => true, opaque: true };
    const { tensors, skipped, notes } = await readPytorchZip(fileOf(bytes), options);
    expect(tensors.map(({ name }) => name)).toEqual(["w"]);
    expect(skipped.map(({ name }) => name)).toEqual(["s", "q"]);
    expect(notes).toEqual(["left out: file: s, q"]);
  });

  it("that is something else says so", async () => {
    const other = zipBytes([{ name: "word/document.xml", data: new Uint8Array(3) }]);
    expect((await caught(() => openBytes(other))).code).toBe("WB3301");
  });

  it("that holds a whole module names it, and how to get its weights", async () => {
    const pieces: readonly Piece[] = [
      ["GLOBAL", "torch.nn.modules.linear", "Linear"],
      "EMPTY_TUPLE",
      "NEWOBJ",
      "STOP",
    ];
    const error = await caught(() => openBytes(archive(pieces)));
    expect(error.code).toBe("WB5201");
    expect(error.hint).toContain("--data-only takes its tensors");
  });

  it("keeps keys that are names of Object's own properties", async () => {
    const tensors = await openBytes(
      archive(dictOf(tensor({}, {}, "__proto__"), tensor({}, {}, "constructor"))),
    );
    expect(tensors.map(({ name }) => name)).toEqual(["__proto__", "constructor"]);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it("opens whole, to begin with", async () => {
    expect(await openBytes(GOOD)).toHaveLength(1);
  });
});

describe("a state dict", () => {
  const inner = ["EMPTY_DICT", ...tensor().slice(0, 1), ...tensor().slice(1), "SETITEM"] as const;

  it("drops wrapping keys, joins paths with dots, and counts list positions", async () => {
    const wrapped: readonly Piece[] = [
      "EMPTY_DICT",
      ["BINUNICODE", "state_dict"],
      "EMPTY_DICT",
      ["BINUNICODE", "a"],
      "EMPTY_LIST",
      ...inner,
      "APPEND",
      "SETITEM",
      "SETITEM",
      "STOP",
    ];
    const [found] = await openBytes(archive(wrapped));
    expect(found?.name).toBe("a.0.w");
  });

  it("that holds itself is refused", async () => {
    const cyclic: readonly Piece[] = [
      "EMPTY_DICT",
      ["BINPUT", 0],
      ["BINUNICODE", "self"],
      ["BINGET", 0],
      "SETITEM",
      "STOP",
    ];
    const error = await caught(() => openBytes(archive(cyclic)));
    expect(error.code).toBe("WB5204");
  });

  it("that holds lists of lists of shared lists is refused before it costs memory", async () => {
    // Each level holds the one below ten thousand times: 10^40 leaves in 100 kB.
    const levels = 10;
    const pieces: Piece[] = ["EMPTY_LIST", "NONE", "APPEND", ["BINPUT", 0], "POP"];
    for (let level = 1; level <= levels; level++) {
      const many = Buffer.alloc(20_000, Uint8Array.of(0x68, level - 1));
      pieces.push("EMPTY_LIST", "MARK", many, "APPENDS", ["BINPUT", level], "POP");
    }
    pieces.push(["BINGET", levels], "STOP");
    const begin = performance.now();
    const before = process.memoryUsage().rss;
    const error = await caught(() => openBytes(archive(pieces)));
    expect(error.code).toBe("WB5204");
    expect(performance.now() - begin).toBeLessThan(5000);
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 2 ** 20);
  });

  it("whose shared keys make endless names is refused before it costs memory", async () => {
    const key = "k".repeat(4000);
    const pieces: Piece[] = ["NONE", ["BINPUT", 0], "POP"];
    for (let level = 1; level <= 18; level++) {
      pieces.push("EMPTY_DICT", "MARK", ["BINUNICODE", `${key}0`], ["BINGET", level - 1]);
      pieces.push(["BINUNICODE", `${key}1`], ["BINGET", level - 1], "SETITEMS");
      pieces.push(["BINPUT", level], "POP");
    }
    pieces.push(["BINGET", 18], "STOP");
    const before = process.memoryUsage().rss;
    const error = await caught(() => openBytes(archive(pieces)));
    expect(error.code).toBe("WB5204");
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 2 ** 20);
  });
});
