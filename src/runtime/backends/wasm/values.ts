import { WbError } from "../../../errors/wb-error.ts";
import { elementCount } from "../../../tensor/shape.ts";
import type { OpsMemory, Value, Weight } from "../ops.ts";
import { WasmKernels, type KernelModule } from "./kernels.ts";
import { BLOCKS, bytesOfElement, isBlockName } from "./blocks.ts";
import { bytesOf, HeldValues, type SharedArray } from "../held-values.ts";

/** What a weight is kept in memory as, by the numbers that wasm/decoder/linear.ts has for them. */
export const KEPT = { F32: 0, F16: 1, BF16: 2, ...BLOCKS } as const;

export type KeptDtype = keyof typeof KEPT;

/** A piece of the kernels' memory. */
interface WasmArray extends SharedArray {
  readonly address: number;
}

export class WasmValue implements Value {
  readonly array: WasmArray;
  readonly shape: readonly number[];
  readonly dtype = "f32";
  /** Rows along axis 2 that the array has room for, where it has more than the value's own. */
  readonly capacity: number | undefined;

  constructor(array: WasmArray, shape: readonly number[], capacity?: number) {
    this.array = array;
    this.shape = shape;
    this.capacity = capacity;
  }

  get address(): number {
    return this.array.address;
  }
}

export class WasmWeight implements Weight {
  readonly address: number;
  readonly byteLength: number;
  readonly shape: readonly number[];
  readonly dtype: KeptDtype;

  constructor(address: number, byteLength: number, shape: readonly number[], dtype: KeptDtype) {
    this.address = address;
    this.byteLength = byteLength;
    this.shape = shape;
    this.dtype = dtype;
  }
}

/** Owns every array in the memory of the kernels, which is there while there is one. */
export class WasmValues extends HeldValues<WasmArray, WasmValue> {
  readonly #module: KernelModule;
  readonly #threads: number;
  readonly #weights = new Set<WasmWeight>();
  #kernels: WasmKernels | undefined;

  constructor(module: KernelModule, threads: number) {
    super();
    this.#module = module;
    this.#threads = threads;
  }

  protected release({ address }: WasmArray): void {
    this.kernels.memory.free(address);
  }

  get kernels(): WasmKernels {
    this.#kernels ??= new WasmKernels(this.#module, this.#threads);
    return this.#kernels;
  }

  /** An array without defined content; with `capacity`, one that has room for that many rows along axis 2. */
  create(shape: readonly number[], capacity?: number): WasmValue {
    const storedShape = capacity === undefined ? shape : shape.with(2, capacity);
    const byteLength = 4 * sizeOf(storedShape);
    const address = this.kernels.memory.allocate(byteLength, "an array");
    return this.track(new WasmValue({ address, byteLength, users: 0 }, shape, capacity));
  }

  /** Another look at the array of `value`. */
  share(value: WasmValue, shape: readonly number[], capacity?: number): WasmValue {
    return this.track(new WasmValue(value.array, shape, capacity));
  }

  /** Memory for a weight without defined content. */
  createWeight(shape: readonly number[], dtype: KeptDtype): WasmWeight {
    const byteLength = sizeOf(shape) * elementBytes(dtype);
    const address = this.kernels.memory.allocate(byteLength, "a weight");
    const weight = new WasmWeight(address, byteLength, shape, dtype);
    this.#weights.add(weight);
    return weight;
  }

  /** Frees a weight; nothing when it is free already. */
  releaseWeight(weight: WasmWeight): void {
    if (this.#weights.delete(weight)) this.kernels.memory.free(weight.address);
  }

  memory(): OpsMemory {
    const bytes = bytesOf(this.arrays()) + bytesOf(this.#weights);
    return { values: this.count + this.#weights.size, bytes };
  }

  /** Frees all, and gives the memory back to the machine. */
  freeAll(): void {
    this.forgetAll();
    this.#weights.clear();
    this.#kernels?.close();
    this.#kernels = undefined;
  }
}

function elementBytes(kept: KeptDtype): number {
  if (isBlockName(kept)) return bytesOfElement(kept);
  return kept === "F32" ? 4 : 2;
}

/** Elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return elementCount(shape) ?? 0;
}

export function valueOf(value: Value): WasmValue {
  if (value instanceof WasmValue) return value;
  throw new WbError("WB7001", "a value of another backend was given to the WebAssembly kernels");
}

export function weightOf(weight: Weight): WasmWeight {
  if (weight instanceof WasmWeight) return weight;
  throw new WbError("WB7001", "a weight of another backend was given to the WebAssembly kernels");
}
