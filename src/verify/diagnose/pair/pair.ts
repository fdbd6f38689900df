import { setImmediate as nextTurn } from "node:timers/promises";
import { WbError } from "../../../errors/wb-error.ts";
import { narrowRows, type Assembly } from "../../../mapping/assembly.ts";
import { readAssembly } from "../../../mapping/read-assembly.ts";
import { decodeFloats } from "../../../tensor/decode.ts";
import { elementCount, sameShape } from "../../../tensor/shape.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import type { Read, ReadBits } from "../hypotheses/hypothesis.ts";
import { assemblyBitsReader } from "../values/read-bits.ts";

export type Tensors = ReadonlyMap<string, Assembly>;

/** Largest matrix, in elements, that is looked at whole: a 7B model's embeddings have 4.2e8. */
export const MAX_ELEMENTS = 5e8;

/** Both sides of a comparison, decoded when asked for, one layer's worth remembered. */
export class Pair {
  readonly ours: Tensors;
  readonly reference: Tensors;
  readonly #firstRows = new Map<string, HostTensor>();
  readonly #signal: AbortSignal | undefined;
  #cache = new Map<string, HostTensor>();

  /** @param signal Ends every reading that has not begun. */
  constructor(ours: Tensors, reference: Tensors, signal?: AbortSignal) {
    this.ours = ours;
    this.reference = reference;
    this.#signal = signal;
  }

  forget(): void {
    this.#cache = new Map();
  }

  readonly readOurs: Read = (name) => this.#read("ours", name);
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
    const assembly = this.reference.get(name);
    if (assembly === undefined) throw new WbError("WB7001", `${name} is not in the reference`);
    return decoded(narrowRows(assembly, begin, end));
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
    const assembly = this[side].get(name);
    if (assembly === undefined) throw new WbError("WB7001", `${name} is not in the ${side} side`);
    const tensor = await decoded(assembly);
    this.#cache.set(key, tensor);
    return tensor;
  }
}

async function decoded(assembly: Assembly): Promise<HostTensor> {
  const values = decodeFloats(await readAssembly(assembly), assembly.dtype);
  return { shape: assembly.shape, data: values ?? new Float32Array(0) };
}
