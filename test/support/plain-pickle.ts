import { readPickle } from "../../src/formats/pickle/read.ts";
import { memorySource } from "../../src/sources/file.ts";
import type { PickleValue } from "../../src/formats/pickle/value.ts";
import { pickleBytes, type Piece } from "./pickle-bytes.ts";

/** A short text for an inert value; test trees have no cycles. */
export function describePickle(value: PickleValue): unknown {
  if (value === null || typeof value !== "object") return value;
  switch (value.kind) {
    case "float":
      return value.value;
    case "bytes":
    case "text":
      return { [value.kind]: [value.begin, value.byteLength] };
    case "list":
      return value.items.map(describePickle);
    case "tuple":
      return { tuple: value.items.map(describePickle) };
    case "set":
      return { [value.frozen ? "frozenset" : "set"]: value.items.map(describePickle) };
    case "dict":
      return { dict: entriesOf(value.entries) };
    case "global":
      return `${value.module}.${value.name}`;
    case "persistent":
      return { persistent: describePickle(value.id) };
    case "reduce":
      return {
        call: `${value.callable.module}.${value.callable.name}`,
        args: value.args.items.map(describePickle),
        ...(value.state === undefined ? {} : { state: describePickle(value.state) }),
        ...(value.items.length === 0 ? {} : { items: value.items.map(describePickle) }),
        ...(value.entries.length === 0 ? {} : { entries: entriesOf(value.entries) }),
      };
    default:
      return value satisfies never;
  }
}

function entriesOf(entries: readonly (readonly [PickleValue, PickleValue])[]): unknown {
  return entries.map((entry) => entry.map(describePickle));
}

/** What a pickle of these pieces says, with every global allowed. */
export async function readPieces(...pieces: readonly Piece[]): Promise<unknown> {
  const source = memorySource(pickleBytes(...pieces), "p");
  return describePickle((await readPickle(source, 0, { allow: () => true })).value);
}
