import { Bound } from "../values/arguments.ts";
import { dictOf, itemsOf } from "../values/basics.ts";
import type { Budget } from "../budget.ts";
import { failed, unsupported } from "../problem.ts";
import { toText } from "../values/print.ts";
import { strftime } from "./strftime.ts";
import {
  Callable,
  Host,
  isObject,
  Namespace,
  Range,
  Tuple,
  typeName,
  type Arguments,
  type Value,
} from "../values/value.ts";

/** jinja2's sandbox lets no range be longer. */
const MAX_RANGE = 100_000;

/** What every template may call. */
export function globalsAt(now: Date): ReadonlyMap<string, Value> {
  const functions: readonly (readonly [string, (args: Arguments, budget: Budget) => Value])[] = [
    ["range", range],
    ["dict", (args, budget) => dictFrom(args, budget)],
    ["namespace", (args, budget) => namespaceOf(args, budget)],
    ["cycler", cycler],
    ["joiner", joiner],
    [
      "raise_exception",
      (args, budget) => {
        throw failed(
          toText(new Bound("raise_exception", args, ["message"]).value("message"), budget),
        );
      },
    ],
    [
      "strftime_now",
      (args) => strftime(now, new Bound("strftime_now", args, ["format"]).text("format")),
    ],
    [
      "lipsum",
      () => {
        throw unsupported("lipsum");
      },
    ],
  ];
  return new Map(functions.map(([name, call]) => [name, new Callable(name, call)]));
}

function range(args: Arguments): Value {
  const bound = new Bound("range", args, ["first", "second?", "step?"]);
  const whole = (name: string): bigint => BigInt(bound.int(name));
  const [begin, end] = bound.has("second")
    ? [whole("first"), whole("second")]
    : [0n, whole("first")];
  const step = bound.has("step") ? whole("step") : 1n;
  if (step === 0n) throw failed("range() arg 3 must not be zero");
  const result = new Range(begin, end, step);
  if (result.length > MAX_RANGE)
    throw failed(`Range too big. The sandbox blocks ranges larger than MAX_RANGE (${MAX_RANGE}).`);
  return result;
}

function pairsOf(args: Arguments, budget: Budget): readonly (readonly [Value, Value])[] {
  const [from, ...more] = args.positional;
  if (more.length > 0)
    throw failed(`dict expected at most 1 argument, got ${args.positional.length}`);
  const named = [...args.named];
  if (from === undefined) return named;
  if (isObject(from) && from.kind === "dict") return [...from.entries.values(), ...named];
  const pairs = itemsOf(from, budget).map((entry) => {
    const [key, value, ...others] = itemsOf(entry, budget);
    if (key === undefined || value === undefined || others.length > 0)
      throw failed(`dict: expected pairs, found a ${typeName(entry)}`);
    return [key, value] as const;
  });
  return [...pairs, ...named];
}

function dictFrom(args: Arguments, budget: Budget): Value {
  return dictOf(pairsOf(args, budget));
}

function namespaceOf(args: Arguments, budget: Budget): Value {
  const attributes = new Map<string, Value>();
  for (const [key, value] of pairsOf(args, budget)) {
    const name = toText(key, budget);
    checkNamespaceName(name);
    attributes.set(name, value);
  }
  return new Namespace(attributes);
}

/** transformers' namespaces take no names that begin with an underscore. @throws JinjaError. */
export function checkNamespaceName(name: string): void {
  if (name.startsWith("_"))
    throw failed(`a namespace takes no attribute whose name begins with an underscore: ${name}`);
}

function cycler({ positional, named }: Arguments): Value {
  if (positional.length === 0 || named.size > 0)
    throw failed("at least one item has to be provided");
  let place = 0;
  const current = (): Value => positional[place] ?? null;
  return new Host("Cycler", (name) => {
    if (name === "current") return current();
    if (name === "next")
      return new Callable(name, () => {
        const item = current();
        place = (place + 1) % positional.length;
        return item;
      });
    if (name === "reset")
      return new Callable(name, () => {
        place = 0;
        return null;
      });
    if (name === "items") return new Tuple(positional);
    return undefined;
  });
}

function joiner(args: Arguments): Value {
  const separator = new Bound("joiner", args, ["sep?"]).value("sep", ", ");
  let isUsed = false;
  return new Callable("joiner", () => {
    const text = isUsed ? separator : "";
    isUsed = true;
    return text;
  });
}
