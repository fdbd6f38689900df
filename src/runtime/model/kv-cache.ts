import { WbError } from "../../errors/wb-error.ts";
import type { Ops, Value } from "../ops.ts";

interface LayerCache {
  readonly keys: Value; // [B, G, L, D]
  readonly values: Value; // [B, G, L, D]
}

/**
 * Keys and values of the tokens so far, layer by layer, with each token's position and whether it may be seen. The one owner
 * of its values: `dispose` frees them, whatever happened before.
 */
export class KvCache {
  readonly batch: number;
  readonly #ops: Ops;
  readonly #layers: (LayerCache | undefined)[] = [];
  #positions: readonly Int32Array[];
  #visible: readonly Uint8Array[];

  constructor(ops: Ops, batch: number) {
    this.#ops = ops;
    this.batch = batch;
    this.#positions = Array.from({ length: batch }, () => new Int32Array(0));
    this.#visible = Array.from({ length: batch }, () => new Uint8Array(0));
  }

  /** L, tokens that `announce` has told of. */
  get length(): number {
    return this.#positions[0]?.length ?? 0;
  }

  /** Positions of the L tokens of each row. */
  get positions(): readonly Int32Array[] {
    return this.#positions;
  }

  /** 1 for a token, 0 for padding, of each row. */
  get visible(): readonly Uint8Array[] {
    return this.#visible;
  }

  /** Tells of the tokens that the next pass through the layers appends; once per pass, before it. */
  announce(positions: readonly Int32Array[], visible: readonly Uint8Array[]): void {
    this.#positions = this.#positions.map((old, row) => joined(Int32Array, old, positions[row]));
    this.#visible = this.#visible.map((old, row) => joined(Uint8Array, old, visible[row]));
  }

  /** Appends keys and values [B, G, T, D] of one layer and gives all of them; the cache owns what it gives. */
  append(layer: number, keys: Value, values: Value): LayerCache {
    const old = this.#layers[layer];
    const next: LayerCache = {
      keys: this.#joined(old?.keys, keys), // [B, G, L, D]
      values: this.#joined(old?.values, values), // [B, G, L, D]
    };
    // Only now: until both are there, the scope around frees what was made.
    this.#ops.keep(next.keys);
    this.#ops.keep(next.values);
    this.#layers[layer] = next;
    if (old !== undefined) free(this.#ops, old);
    return next;
  }

  #joined(old: Value | undefined, more: Value): Value {
    if (this.#ops.fused !== undefined) return this.#ops.fused.append(old, more);
    return old === undefined ? more : this.#ops.concat([old, more], 2);
  }

  /** Keeps the first `length` of the L tokens. */
  truncate(length: number): void {
    if (length >= this.length) return;
    this.#positions = this.#positions.map((row) => row.slice(0, length));
    this.#visible = this.#visible.map((row) => row.slice(0, length));
    for (const [index, old] of this.#layers.entries()) {
      if (old === undefined) continue;
      this.#layers[index] = length === 0 ? undefined : this.#first(old, length);
      free(this.#ops, old);
    }
  }

  #first({ keys, values }: LayerCache, length: number): LayerCache {
    const ops = this.#ops;
    const [first, second] = ops.scope(() => [
      ops.slice(keys, 2, 0, length), // [B, G, length, D]
      ops.slice(values, 2, 0, length), // [B, G, length, D]
    ]);
    if (first === undefined || second === undefined)
      throw new WbError("WB7001", "a slice is missing");
    return { keys: ops.keep(first), values: ops.keep(second) };
  }

  dispose(): void {
    for (const layer of this.#layers) if (layer !== undefined) free(this.#ops, layer);
    this.#layers.length = 0;
  }
}

function free(ops: Ops, layer: LayerCache): void {
  ops.free(layer.keys);
  ops.free(layer.values);
}

function joined<T extends Int32Array | Uint8Array>(
  make: new (length: number) => T,
  old: T,
  more: T | undefined,
): T {
  const result = new make(old.length + (more?.length ?? 0));
  result.set(old);
  if (more !== undefined) result.set(more, old.length);
  return result;
}
