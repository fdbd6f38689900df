import { WbError } from "../../errors/wb-error.ts";
import type { Ops, Value } from "../backends/ops.ts";
import type { KeyValueCache } from "./attention.ts";
import type { TokenCache } from "./token-model.ts";
import { TokenRows } from "./token-rows.ts";

interface LayerCache {
  readonly keys: Value; // [B, G, L, D]
  readonly values: Value; // [B, G, L, D]
}

/**
 * Keys and values of the tokens so far, layer by layer, with each token's position and whether it may be seen. The one owner
 * of its values: `dispose` frees them, whatever happened before.
 */
export class KvCache implements TokenCache, KeyValueCache {
  /** Of which a pass through the layers is told before it. */
  readonly rows: TokenRows;
  readonly extend: KeyValueCache["extend"];
  readonly #ops: Ops;
  readonly #layers: (LayerCache | undefined)[] = [];

  constructor(ops: Ops, batch: number) {
    this.#ops = ops;
    this.rows = new TokenRows(batch);
    const whole = ops.fused?.whole;
    this.extend =
      whole === undefined
        ? undefined
        : (layer, shape) =>
            this.#change(layer, (old) => ({
              keys: whole.extend(old?.keys, shape), // [B, G, L, D]
              values: whole.extend(old?.values, shape), // [B, G, L, D]
            }));
  }

  get length(): number {
    return this.rows.length;
  }

  /** Appends keys and values [B, G, T, D] of one layer and gives all of them; the cache owns what it gives. */
  append(layer: number, keys: Value, values: Value): LayerCache {
    return this.#change(layer, (old) => ({
      keys: this.#joined(old?.keys, keys), // [B, G, L, D]
      values: this.#joined(old?.values, values), // [B, G, L, D]
    }));
  }

  #change(layer: number, change: (old: LayerCache | undefined) => LayerCache): LayerCache {
    const old = this.#layers[layer];
    const next = change(old);
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

  truncate(length: number): void {
    if (length >= this.length) return;
    this.rows.truncate(length);
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
