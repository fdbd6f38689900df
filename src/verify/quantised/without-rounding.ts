import { rangeReader } from "../../formats/gguf/judge/level-ranges.ts";
import { blockJudge } from "../../formats/gguf/judge/judge-block.ts";
import { assemblyOf, wholeView, type Assembly } from "../../mapping/assembly.ts";
import { madeSource } from "../../sources/made-source.ts";
import { elementCount, rowMajorStrides } from "../../tensor/shape.ts";
import { findSource } from "./find-source.ts";
import { originalsOf, type JudgeOptions, type ReadOriginals } from "./judge-tensor.ts";
import { explainedNames, type ModelJudgement } from "./judge-model.ts";
import { isQuantised, storedRows, type StoredRows } from "../../mapping/stored-rows.ts";

type Tensors = ReadonlyMap<string, Assembly>;

/** Largest tensor, in elements, that is taken apart. */
const MAX_ELEMENTS = 2 ** 27;

/** Share of unexplained blocks up to which a tensor is the original's but for damage. */
const DAMAGED = 0.5;

/**
 * A quantised model's tensors as they were before rounding, as far as the original tells: what it explains has its numbers, wherever they
 * stand, and what it does not explain has the numbers of the file. So mistakes in names, order and axes show as they do in a file that was not
 * quantised.
 */
export async function withoutRounding(
  ours: Tensors,
  reference: Tensors,
  judgement: ModelJudgement,
  options: JudgeOptions,
): Promise<Tensors> {
  const explained = explainedNames(judgement);
  const judged = new Map(judgement.quantised.map((tensor) => [tensor.name, tensor]));
  const result = new Map<string, Assembly>();
  for (const [name, assembly] of ours) {
    const original = reference.get(name);
    const known = judged.get(name);
    const parts = isQuantised(assembly) ? storedRows(assembly) : undefined;
    const isSmall = (elementCount(assembly.shape) ?? Infinity) <= MAX_ELEMENTS;
    if (original !== undefined && explained.has(name)) result.set(name, original);
    else if (original === undefined || known === undefined || parts === undefined || !isSmall)
      result.set(name, assembly);
    else {
      const isDamaged = known.unexplained <= DAMAGED * known.blocks;
      const source = isDamaged
        ? originalsOf(original)
        : await findSource(name, parts, reference, options);
      result.set(
        name,
        source === undefined
          ? assembly
          : await restored(assembly, parts, source, options.isWeighted),
      );
    }
  }
  return result;
}

/** The source's numbers, but for numbers of unexplained blocks that are not near them. */
async function restored(
  assembly: Assembly,
  parts: readonly StoredRows[],
  source: ReadOriginals,
  isWeighted: boolean,
): Promise<Assembly> {
  const data = new Float32Array(elementCount(assembly.shape) ?? 0);
  let row = 0;
  for (const part of parts) {
    const ranges = rangeReader(part.type.name);
    const judge = blockJudge(part.type.name, isWeighted);
    const { elements, bytes: size } = part.type;
    for (let begin = 0; begin < part.rows; begin++) {
      const bytes = await part.read(begin, begin + 1);
      const values = await source(row + begin, row + begin + 1);
      for (let block = 0; block * elements < part.columns; block++) {
        const from = block * elements;
        if (judge(bytes, block * size, values, from).isExplained) continue;
        const { stored, low, high } = ranges(bytes, block * size);
        for (const [index, value] of stored.entries()) {
          const original = values[from + index] ?? Number.NaN;
          const isNear = original >= (low[index] ?? 0) && original <= (high[index] ?? 0);
          if (!isNear) values[from + index] = value;
        }
      }
      data.set(values, (row + begin) * part.columns);
    }
    row += part.rows;
  }
  return inMemory(assembly, data);
}

function inMemory({ shape, parts }: Assembly, data: Float32Array): Assembly {
  const bytes = new Uint8Array(data.buffer);
  const name = parts[0]?.tensor.name ?? "";
  const source = madeSource({ label: name, byteLength: bytes.byteLength }, (begin, target) => {
    target.set(bytes.subarray(begin, begin + target.byteLength));
    return Promise.resolve();
  });
  return assemblyOf(
    wholeView({
      name,
      dtype: "F32",
      shape,
      strides: rowMajorStrides(shape),
      source,
      byteOffset: 0,
      byteOrder: "little",
      storage: name,
    }),
  );
}
