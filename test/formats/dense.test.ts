import { expect, it } from "vitest";
import { refuseExpansion } from "../../src/convert/expansion.ts";
import { planOutputs } from "../../src/convert/outputs.ts";
import { readPytorchZip } from "../../src/formats/pytorch/zip.ts";
import { planConversion } from "../../src/mapping/plan.ts";
import { assemblyOf, wholeView } from "../../src/mapping/assembly.ts";
import { readAssembly } from "../../src/mapping/read-assembly.ts";
import { caught } from "../support/caught.ts";
import { dictOf, archiveParts } from "../support/hostile/torch-files.ts";
import { memoryCheckpoint } from "../support/memory-checkpoint.ts";
import { fileOf } from "../support/open-bytes.ts";
import { longBytes, tensorPieces, type Piece } from "../support/pickle-bytes.ts";
import { zipBytes } from "../support/zip-bytes.ts";

/** A part of a sparse tensor: numbers in a storage of their own. */
interface Part {
  readonly numbers: readonly number[];
  readonly shape: readonly number[];
  readonly strides?: readonly number[];
}

const tuple = (...items: readonly Piece[]): readonly Piece[] => ["MARK", ...items, "TUPLE"];
const sizes = (shape: readonly number[]): readonly Piece[] =>
  tuple(...shape.map((size): Piece => ["LONG1", longBytes(size)]));

/** A file with one sparse tensor; all parts but the last are indices. */
function sparseFile(layout: string, parts: readonly Part[], shape: readonly number[]) {
  const pieces = parts.map(({ numbers, shape: own, strides }, key) => {
    const type = key === parts.length - 1 ? "FloatStorage" : "LongStorage";
    const view = { offset: 0, shape: [...own], strides: [...(strides ?? rowMajor(own))] };
    // Without the key of the dict that it stands under elsewhere.
    return tensorPieces("", { type, key: `${key}`, length: numbers.length }, view).slice(1);
  });
  const call: readonly Piece[] = [
    ["BINUNICODE", "s"],
    ["GLOBAL", "torch._utils", "_rebuild_sparse_tensor"],
    "MARK",
    ["GLOBAL", "torch.serialization", "_get_layout"],
    ...tuple(["BINUNICODE", `torch.sparse_${layout}`]),
    "REDUCE",
    ...tuple(...pieces.flat(), ...sizes(shape)),
    "TUPLE",
    "REDUCE",
  ];
  const [pickle, version] = archiveParts(dictOf(call), {});
  const storages = parts.map(({ numbers }, key) => ({
    name: `m/data/${key}`,
    data: new Uint8Array(
      key === parts.length - 1
        ? Float32Array.from(numbers).buffer
        : BigInt64Array.from(numbers, BigInt).buffer,
    ),
  }));
  return zipBytes([pickle, version, ...storages].filter((part) => part !== undefined));
}

function rowMajor(shape: readonly number[]): readonly number[] {
  return shape.map((_size, axis) => shape.slice(axis + 1).reduce((count, size) => count * size, 1));
}

async function readDense(...file: Parameters<typeof sparseFile>): Promise<readonly number[]> {
  const { tensors } = await readPytorchZip(fileOf(sparseFile(...file)), { dense: "all" });
  const [tensor] = tensors;
  if (tensor === undefined) throw new Error("no tensor");
  const bytes = await readAssembly(assemblyOf(wholeView(tensor)));
  return [...new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)];
}

const two = { numbers: [1, 2], shape: [2] };

it("adds up the entries of one place, in the order in which they are stored", async () => {
  const numbers = [2 ** 24, 1, 1, 5];
  const indices = { numbers: [1, 1, 1, 0], shape: [1, 4] };
  // In float32, 2^24 + 1 is 2^24.
  expect(await readDense("coo", [indices, { numbers, shape: [4] }], [3])).toEqual([5, 2 ** 24, 0]);
});

it("reads indices that are stored entry by entry", async () => {
  const indices = { numbers: [0, 2, 1, 0], shape: [2, 2], strides: [1, 2] };
  expect(await readDense("coo", [indices, two], [2, 3])).toEqual([0, 0, 1, 2, 0, 0]);
});

it("puts rows, columns and blocks in their places", async () => {
  const pointers = { numbers: [0, 1, 2], shape: [3] };
  const indices = { numbers: [1, 0], shape: [2] };
  const blocks = { numbers: [1, 2, 3, 4], shape: [2, 1, 2] };
  expect(await readDense("csr", [pointers, indices, two], [2, 2])).toEqual([0, 1, 2, 0]);
  expect(await readDense("csc", [pointers, indices, two], [2, 2])).toEqual([0, 2, 1, 0]);
  const rows = [0, 0, 1, 2, 3, 4, 0, 0];
  expect(await readDense("bsr", [pointers, indices, blocks], [2, 4])).toEqual(rows);
  const columns = [0, 0, 3, 4, 1, 2, 0, 0];
  expect(await readDense("bsc", [pointers, indices, blocks], [2, 4])).toEqual(columns);
});

const oneSparse = () => fileOf(sparseFile("coo", [{ numbers: [0, 1], shape: [1, 2] }, two], [3]));

it("is left out where that was asked for by name, and refused otherwise", async () => {
  const plain = await caught(() => readPytorchZip(oneSparse(), { names: { drop: ["other"] } }));
  expect(plain.code).toBe("WB4301");
  // Nothing is left: the file is refused for that, and no longer for its kind of tensor.
  const empty = await caught(() => readPytorchZip(oneSparse(), { names: { drop: ["s*"] } }));
  expect(empty.code).toBe("WB3306");
});

const rows = { numbers: [0, 1, 2], shape: [3] };

it.each<[string, string, readonly Part[], readonly number[], string]>([
  ["an index behind its shape", "coo", [{ numbers: [0, 3], shape: [1, 2] }, two], [3], "WB3302"],
  ["a negative index", "coo", [{ numbers: [0, -1], shape: [1, 2] }, two], [3], "WB3302"],
  ["fewer values than indices", "coo", [{ numbers: [0, 1, 2], shape: [1, 3] }, two], [3], "WB3302"],
  [
    "a column behind its shape",
    "csr",
    [rows, { numbers: [0, 2], shape: [2] }, two],
    [2, 2],
    "WB3302",
  ],
  [
    "columns that are not in order",
    "csr",
    [{ numbers: [0, 2, 2], shape: [3] }, { numbers: [1, 0], shape: [2] }, two],
    [2, 2],
    "WB3302",
  ],
  [
    "rows that end before its entries do",
    "csr",
    [{ numbers: [0, 1, 1], shape: [3] }, { numbers: [0, 1], shape: [2] }, two],
    [2, 2],
    "WB3302",
  ],
  [
    "rows that fall",
    "csr",
    [{ numbers: [0, 2, 1], shape: [3] }, { numbers: [0, 1], shape: [2] }, two],
    [2, 2],
    "WB3302",
  ],
  [
    "blocks that do not fill a row",
    "bsr",
    [rows, two, { numbers: [1, 2], shape: [2, 1, 1] }],
    [3, 2],
    "WB3302",
  ],
  [
    "an index that is repeated by a stride of 0",
    "coo",
    [{ numbers: [0], shape: [1, 2], strides: [0, 0] }, two],
    [3],
    "WB3302",
  ],
  ["a terabyte of zeros", "coo", [{ numbers: [0, 1], shape: [1, 2] }, two], [2 ** 38], "WB5204"],
  ["another layout", "jagged", [{ numbers: [0, 1], shape: [1, 2] }, two], [3], "WB3302"],
])("refuses %s", async (_what, layout, parts, shape, code) => {
  expect((await caught(() => readDense(layout, parts, shape))).code).toBe(code);
});

it("asks for leave to fill up more than 16 times what is stored", async () => {
  const bytes = sparseFile("coo", [{ numbers: [0, 1], shape: [1, 2] }, two], [2 ** 25]);
  const { tensors } = await readPytorchZip(fileOf(bytes), { dense: "all" });
  const plan = planConversion(memoryCheckpoint(tensors), undefined, { to: "safetensors" });
  const outputs = planOutputs(plan, "safetensors", undefined);
  const error = await caught(() => {
    refuseExpansion(outputs.tensors);
    return Promise.resolve();
  });
  expect(error.code).toBe("WB4904");
  expect(error.message).toContain("expands");
});
