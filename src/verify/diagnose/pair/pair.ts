import { setImmediate as nextTurn } from "node:timers/promises";
import { WbError } from "../../../errors/wb-error.ts";
import { narrowRows, type Assembly } from "../../../mapping/assembly.ts";
import { readAssembly } from "../../../mapping/read-assembly.ts";
import { decodeFloats } from "../../../tensor/decode.ts";
import type { Dtype } from "../../../tensor/dtype.ts";
import { elementCount, sameShape } from "../../../tensor/shape.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import { commonHalf, inHalf } from "../../relate/common-half.ts";
import type { HalfDtype } from "../hypotheses/tensor-edits.ts";
import type { Read, ReadBits } from "../hypotheses/hypothesis.ts";
import { assemblyBitsReader } from "../values/read-bits.ts";

export type Tensors = ReadonlyMap<string, Assembly>;

/** Largest matrix, in elements, that is looked at whole: a 7B model's embeddings have 4.2e8. */
export const MAX_ELEMENTS = 5e8;

/**
 * Both sides of a comparison, decoded when asked for, one layer's worth remembered. Where one side is stored in a half dtype and the
 * other is not, both are read in that one: what a cast rounds is told by itself.
 */
export class Pair {
  readonly ours: Tensors;
  readonly reference: Tensors;
  readonly #firstRows = new Map<string, HostTensor>();
  readonly #signal: AbortSignal | undefined;
  readonly #isAsStored: boolean;
  #cache = new Map<string, HostTensor>();

  /**
   * @param signal Ends every reading that has not begun.
   * @param isAsStored Whether both sides are read as they are stored: bits that were misread as another dtype are lost in rounding.
   */
  constructor(ours: Tensors, reference: Tensors, signal?: AbortSignal, isAsStored = false) {
    this.ours = ours;
    this.reference = reference;
    this.#signal = signal;
    this.#isAsStored = isAsStored;
  }

  forget(): void {
    this.#cache = new Map();
  }

  readonly readOurs: Read = (name) => this.#read("ours", name);
  /** The half dtype that a tensor's two sides are compared in, where they are stored in other dtypes. */
  readonly halfOf = (name: string): HalfDtype | undefined =>
    this.#isAsStored
      ? undefined
      : commonHalf(this.ours.get(name)?.dtype, this.reference.get(name)?.dtype);

  /** What a tensor's values are compared in. */
  dtypeOf(name: string): Dtype | undefined {
    return this.halfOf(name) ?? this.ours.get(name)?.dtype;
  }

  /** Both sides of a tensor as they are stored. */
  async readStored(name: string): Promise<readonly [HostTensor, HostTensor]> {
    return [
      await decoded(this.#assembly("ours", name)),
      await decoded(this.#assembly("reference", name)),
    ];
  }

  readonly readBits: ReadBits = (name) => assemblyBitsReader(this.ours)(name);
  readonly readReference: Read = (name) => this.#read("reference", name);

  /** The first row of a tensor of the reference; the first element of a vector. */
  readonly firstRow = async (name: string): Promise<HostTensor> => {
    const known = this.#firstRows.get(name);
    if (known !== undefined) return known;
    const row = await this.referenceRows(name, 0, 1);
    this.#firstRows.set(name, row);
    return row;
  };

  /** Some rows of a tensor of the reference. */
  async referenceRows(name: string, begin: number, end: number): Promise<HostTensor> {
    const assembly = this.#assembly("reference", name);
    const rows = await decoded(narrowRows(assembly, begin, end));
    return inHalf(rows, assembly.dtype, this.halfOf(name));
  }

  /** Whether both sides have a tensor of one shape that is not too large to be looked at whole. */
  isReadable(name: string): boolean {
    const [left, right] = [this.ours.get(name), this.reference.get(name)];
    if (left === undefined || right === undefined || !sameShape(left.shape, right.shape))
      return false;
    return (elementCount(left.shape) ?? Number.POSITIVE_INFINITY) <= MAX_ELEMENTS;
  }

  async #read(side: "ours" | "reference", name: string): Promise<HostTensor> {
    // What is done with two tensors in memory leaves no turn to signals, nor does a tensor that was read before.
    await nextTurn();
    this.#signal?.throwIfAborted();
    const key = `${side} ${name}`;
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const assembly = this.#assembly(side, name);
    const tensor = inHalf(await decoded(assembly), assembly.dtype, this.halfOf(name));
    this.#cache.set(key, tensor);
    return tensor;
  }

  #assembly(side: "ours" | "reference", name: string): Assembly {
    const assembly = this[side].get(name);
    if (assembly === undefined) throw new WbError("WB7001", `${name} is not in the ${side} side`);
    return assembly;
  }
}

async function decoded(assembly: Assembly): Promise<HostTensor> {
  const values = decodeFloats(await readAssembly(assembly), assembly.dtype);
  return { shape: assembly.shape, data: values ?? new Float32Array(0) };
}
