import { describeValue } from "../pickle/stack.ts";
import type { PickleDict, PickleReduce, PickleValue } from "../pickle/value.ts";
import { isModule } from "./module-state.ts";
import { isMapping } from "./state-dict.ts";

/** Objects in objects; as deep as a state dict may be. */
const MAX_DEPTH = 64;

type Entry = readonly [PickleValue, PickleValue];

/** A value with its objects opened, and whether a tensor is anywhere in it. */
interface Opened {
  readonly value: PickleValue;
  readonly holds: boolean;
}

/**
 * The same value with every object of an unknown class that holds tensors as a dict of what it holds: entries of a dict's subclass,
 * items of a list's, attributes, and what its class was called with, by position. Objects without tensors stay as they are, and so do
 * torch's own (optimizers, generators): their tensors are no weights. Nothing is constructed: it is all read from inert data.
 */
export function openObjects(
  root: PickleValue,
  isTensor: (value: PickleValue) => boolean,
): PickleValue {
  const memo = new Map<PickleValue, Opened>();
  return open(root, 0).value;

  function open(value: PickleValue, depth: number): Opened {
    if (isTensor(value)) return { value, holds: true };
    if (typeof value !== "object" || value === null) return { value, holds: false };
    if (depth > MAX_DEPTH) return { value, holds: false };
    const known = memo.get(value);
    if (known !== undefined) return known;
    // What holds itself is met again while it is open.
    memo.set(value, { value, holds: false });
    const opened = openContainer(value, depth + 1);
    memo.set(value, opened);
    return opened;
  }

  function openContainer(value: Exclude<PickleValue, Primitive>, depth: number): Opened {
    if (value.kind === "list" || value.kind === "tuple") {
      const items = value.items.map((item) => open(item, depth));
      return {
        value: { kind: value.kind, items: items.map((item) => item.value) },
        holds: items.some(({ holds }) => holds),
      };
    }
    if (value.kind !== "dict" && value.kind !== "reduce") return { value, holds: false };
    if (isModule(value)) return { value, holds: true };
    if (value.kind === "dict" || isKnownMapping(value)) return openEntries(value, depth);
    if (value.callable.module.startsWith("torch")) return { value, holds: false };
    const entries = partsOf(value).map(([key, item]) => [key, open(item, depth)] as const);
    if (!entries.some(([, { holds }]) => holds)) return { value, holds: false };
    const opened = entries.map(([key, item]): Entry => [key, item.value]);
    return { value: { kind: "dict", entries: opened }, holds: true };
  }

  function openEntries(value: PickleDict | PickleReduce, depth: number): Opened {
    const opened = value.entries.map(([key, item]) => [key, open(item, depth)] as const);
    const entries = opened.map(([key, item]): Entry => [key, item.value]);
    const given = value.kind === "reduce" ? open(value.args, depth).holds : false;
    return { value: { ...value, entries }, holds: given || opened.some(([, { holds }]) => holds) };
  }
}

function isKnownMapping(value: PickleReduce): boolean {
  return isMapping(value);
}

type Primitive = null | boolean | number | bigint | string;

/** What an object holds, by names: of two parts with one name the first, such as an EasyDict's entries, which are its attributes too. */
function partsOf({ args, items, entries, state }: PickleReduce): readonly Entry[] {
  const parts = new Map<string, PickleValue>();
  const add = (key: PickleValue, value: PickleValue): void => {
    const name = nameOf(key);
    if (!parts.has(name)) parts.set(name, value);
  };
  for (const [key, value] of entries) add(key, value);
  for (const [index, value] of items.entries()) add(index, value);
  for (const [key, value] of attributesOf(state)) add(key, value);
  for (const [index, value] of args.items.entries()) add(index, value);
  return [...parts];
}

function nameOf(key: PickleValue): string {
  if (typeof key === "string") return key;
  return typeof key === "number" ? String(key) : describeValue(key);
}

/** The argument of BUILD: a dict of attributes, or that and one of slots; anything else that `__setstate__` takes by itself. */
function attributesOf(state: PickleValue | undefined): readonly Entry[] {
  if (typeof state !== "object" || state === null) return [];
  if (state.kind === "dict") return state.entries;
  if (state.kind !== "tuple" || state.items.length !== 2) return [["state", state]];
  return state.items.flatMap((part) =>
    typeof part === "object" && part?.kind === "dict" ? part.entries : [],
  );
}
