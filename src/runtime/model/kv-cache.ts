import { WbError } from "../../errors/wb-error.ts";
import type { Ops } from "../backends/ops.ts";
import type { KeysAndValues, LayerCache } from "../backends/steps/steps.ts";
import type { TokenCache } from "./token-model.ts";
import { TokenRows } from "./token-rows.ts";

/**
 * Keys and values of the tokens so far, layer by layer, with each token's position and whether it may be seen. The one owner
 * of its values: `dispose` frees them, whatever happened before.
 */
export class KvCache implements TokenCache {
  /** Of which a pass through the layers is told before it. */
  readonly rows: TokenRows;
  readonly #ops: Ops;
  readonly #layers: (KeysAndValues | undefined)[] = [];

  constructor(ops: Ops, batch: number) {
    this.#ops = ops;
    this.rows = new TokenRows(batch);
  }

  get length(): number {
    return this.rows.length;
  }

  /** What is cached of one layer. @param keep Tokens that stay as new ones come; all when left out. */
  layer(index: number, keep?: number): LayerCache {
    return { keep, replace: (next) => this.#replace(index, next) };
  }

  #replace(
    index: number,
    change: (old: KeysAndValues | undefined) => KeysAndValues,
  ): KeysAndValues {
    const old = this.#layers[index];
    const next = change(old);
    // Only now: until both are there, the scope around frees what was made.
    this.#ops.keep(next.keys);
    this.#ops.keep(next.values);
    this.#layers[index] = next;
    if (old !== undefined) free(this.#ops, old);
    return next;
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

  #first({ keys, values }: KeysAndValues, length: number): KeysAndValues {
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

function free(ops: Ops, layer: KeysAndValues): void {
  ops.free(layer.keys);
  ops.free(layer.values);
}
