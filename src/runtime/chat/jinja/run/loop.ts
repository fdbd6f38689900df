import { equals } from "../values/basics.ts";
import type { Budget } from "../budget.ts";
import { failed } from "../problem.ts";
import { Callable, Host, Tuple, Undefined, type Arguments, type Value } from "../values/value.ts";

/** `loop` of one `for`: where it is among its items. */
export class LoopState {
  readonly #items: readonly Value[];
  readonly #depth: number;
  #index = 0;
  #changedTo: Value | undefined;
  /** What a template sees. */
  readonly host: Host;

  /** @param recurse Runs the loop's body on other items, where it is marked as recursive. */
  constructor(
    items: readonly Value[],
    depth: number,
    budget: Budget,
    recurse: ((items: Value) => Value) | undefined,
  ) {
    this.#items = items;
    this.#depth = depth;
    const call = (args: Arguments): Value => {
      if (recurse === undefined)
        throw failed("The loop must have the 'recursive' marker to be called recursively.");
      const [inner, ...more] = args.positional;
      if (inner === undefined || more.length > 0 || args.named.size > 0)
        throw failed("loop() takes one argument");
      return recurse(inner);
    };
    this.host = new Host(
      "LoopContext",
      (name) => this.#attribute(name, budget),
      call,
      () => items.length,
    );
  }

  moveTo(index: number): void {
    this.#index = index;
  }

  #attribute(name: string, budget: Budget): Value | undefined {
    const index = this.#index;
    const { length } = this.#items;
    switch (name) {
      case "index":
        return BigInt(index + 1);
      case "index0":
        return BigInt(index);
      case "revindex":
        return BigInt(length - index);
      case "revindex0":
        return BigInt(length - index - 1);
      case "first":
        return index === 0;
      case "last":
        return index === length - 1;
      case "length":
        return BigInt(length);
      case "depth":
        return BigInt(this.#depth + 1);
      case "depth0":
        return BigInt(this.#depth);
      case "previtem":
        return index === 0
          ? new Undefined("there is no previous item")
          : (this.#items[index - 1] ?? null);
      case "nextitem":
        return index + 1 < length
          ? (this.#items[index + 1] ?? null)
          : new Undefined("there is no next item");
      case "cycle":
        return new Callable(name, ({ positional }) => {
          if (positional.length === 0) throw failed("no items for cycling given");
          return positional[index % positional.length] ?? null;
        });
      case "changed":
        return new Callable(name, ({ positional }) => {
          const now = new Tuple(positional);
          const isSame = this.#changedTo !== undefined && equals(this.#changedTo, now, budget);
          this.#changedTo = now;
          return !isSame;
        });
      default:
        return undefined;
    }
  }
}
