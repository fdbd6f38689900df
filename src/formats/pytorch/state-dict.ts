import { WbError } from "../../errors/wb-error.ts";
import { moduleState } from "./module-state.ts";
import { shownName } from "../../tensor/shown-name.ts";
import { describeValue } from "../pickle/stack.ts";
import { pythonFloat } from "../pickle/text.ts";
import type { PickleDict, PickleReduce, PickleValue } from "../pickle/value.ts";

/** Nodes that one state dict may have, shared ones counted each time: an honest one has one a tensor. */
const MAX_NODES = 250_000;

/** Characters of all names together; 10^5 tensors have about 5 million. Shared containers repeat theirs without end. */
const MAX_NAME_CHARACTERS = 16 * 2 ** 20;

/** Nested containers; training checkpoints of the frameworks stay below ten. */
const MAX_DEPTH = 64;

/** One leaf of a state dict: its path of keys joined by ".", and its value. */
export interface StateDictLeaf {
  readonly name: string;
  /** True where the file holds one value, and no dict that names it. */
  readonly isWhole: boolean;
  readonly value: PickleValue;
}

/** A value to be walked. */
export interface StateRoot {
  /** What its names begin with; undefined where they have no beginning. An empty key is a name like any other. */
  readonly name: string | undefined;
  readonly value: PickleValue;
  /** Nothing is taken of it: what is in it may be called as a tensor is, or as another of it, and its keys need not be names. */
  readonly isBare?: boolean;
}

interface Node extends StateRoot {
  readonly depth: number;
}

/**
 * The leaves of nested dicts, lists and tuples, in written order. List positions count as keys.
 * @param roots Values to be walked, and what their names begin with; no name may occur twice among all of them.
 * @param isLeaf Told of containers that are values themselves (a tuple of name and array, say).
 * @throws WbError WB3305 for a name that occurs twice, WB3301 for a key that is no name, WB5204 for a bomb or a cycle.
 */
export function flattenStateDict(
  roots: readonly StateRoot[],
  label: string,
  isLeaf: (value: PickleValue) => boolean = () => false,
): readonly StateDictLeaf[] {
  const leaves: StateDictLeaf[] = [];
  const names = new Set<string>();
  const pending: Node[] = roots.toReversed().map((root) => ({ ...root, depth: 0 }));
  let nodes = 0;
  let characters = 0;
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (node.depth > MAX_DEPTH) throw bomb(label, node);
    nodes += isLeaf(node.value) ? 0 : childCount(node.value);
    // Counted before the children are made: a list that holds itself has as many as its file has bytes, at every level.
    if (nodes > MAX_NODES) throw bomb(label, node);
    const children = isLeaf(node.value) ? undefined : childrenOf(node, label);
    if (children === undefined) {
      const name = node.name ?? "";
      characters += name.length;
      if (characters > MAX_NAME_CHARACTERS) throw bomb(label, node);
      if (node.isBare !== true && names.has(name))
        throw new WbError("WB3305", `${label}: the name ${shownName(name)} occurs twice`, {
          details: { tensor: name, path: label },
        });
      if (node.isBare !== true) names.add(name);
      leaves.push({ name, isWhole: node.name === undefined, value: node.value });
    } else {
      // Reversed onto the stack, so that they come off it in written order.
      for (let index = children.length - 1; index >= 0; index--) {
        const child = children[index];
        if (child !== undefined) pending.push(child);
      }
    }
  }
  return leaves;
}

function bomb(label: string, node: Node): WbError {
  return new WbError(
    "WB5204",
    `${label}: ${shownName((node.name ?? "").slice(0, 80))}: nested deeper or wider than any state dict`,
    { details: { where: label } },
  );
}

function childCount(value: PickleValue): number {
  if (typeof value !== "object" || value === null) return 0;
  if (value.kind === "list" || value.kind === "tuple") return value.items.length;
  return isMapping(value) ? entryCount(value) : 0;
}

function childrenOf(node: Node, label: string): readonly Node[] | undefined {
  const { depth, isBare = false } = node;
  const value = moduleState(node.value) ?? node.value;
  if (typeof value !== "object" || value === null) return undefined;
  if (value.kind === "list" || value.kind === "tuple") {
    return value.items.map((item, index) => ({
      name: joinKeys(node.name, `${index}`),
      value: item,
      isBare,
      depth: depth + 1,
    }));
  }
  if (!isMapping(value)) return undefined;
  return mappingEntries(value, label).map(([key, item]) => {
    const text = isBare && typeof key === "object" ? describeValue(key) : undefined;
    const name = joinKeys(node.name, text ?? keyText(key, node.name, label));
    return { name, value: item, isBare, depth: depth + 1 };
  });
}

/** A key as a part of a name. @throws WbError WB3301 for a key that is no name. */
export function keyText(key: PickleValue, above: string | undefined, label: string): string {
  if (typeof key === "string") return key;
  if (typeof key === "number" || typeof key === "bigint") return String(key);
  if (typeof key === "object" && key?.kind === "float") return pythonFloat(key.value);
  throw new WbError(
    "WB3301",
    `${label}: a key below ${above === undefined ? "the top" : shownName(above)} is ${describeKey(key)}`,
    { details: { path: label } },
  );
}

function describeKey(key: Exclude<PickleValue, string>): string {
  if (typeof key === "object" && key?.kind === "text")
    return `a text of ${key.byteLength} bytes, longer than any name`;
  return `${describeValue(key)}, expected a name`;
}

export function joinKeys(path: string | undefined, key: string): string {
  return path === undefined ? key : `${path}.${key}`;
}

/** Entries, or what may become entries. */
function entryCount(value: PickleDict | PickleReduce): number {
  const given = value.kind === "reduce" ? value.args.items[0] : undefined;
  const count = given === undefined || given === null ? 0 : childCount(given);
  return count + value.entries.length;
}

/**
 * The entries of a mapping: those that were set, and before them those that it was called with, as Python 2 pickles an
 * OrderedDict (a list of pairs) and any Python a Counter (a dict). A defaultdict is called with its factory.
 * @throws WbError WB3301 for a call with anything else.
 */
export function mappingEntries(
  value: PickleDict | PickleReduce,
  label: string,
): readonly (readonly [PickleValue, PickleValue])[] {
  if (value.kind === "dict") return value.entries;
  const [given, ...more] = value.args.items;
  if (value.callable.name === "defaultdict" && more.length === 0) return value.entries;
  const entries = given === undefined ? [] : givenEntries(given);
  if (entries !== undefined && more.length === 0) return [...entries, ...value.entries];
  throw new WbError(
    "WB3301",
    `${label}: ${describeValue(value)} at byte ${value.offset} is given ${describeValue(given)}, expected pairs of keys and values`,
    { details: { path: label } },
  );
}

function givenEntries(
  given: PickleValue,
): readonly (readonly [PickleValue, PickleValue])[] | undefined {
  if (typeof given !== "object" || given === null) return undefined;
  if (given.kind === "dict") return given.entries;
  if (given.kind !== "list" && given.kind !== "tuple") return undefined;
  const entries: (readonly [PickleValue, PickleValue])[] = [];
  for (const pair of given.items) {
    const isPair = typeof pair === "object" && (pair?.kind === "list" || pair?.kind === "tuple");
    const [key, value] = isPair ? pair.items : [];
    if (!isPair || pair.items.length !== 2 || key === undefined || value === undefined)
      return undefined;
    entries.push([key, value]);
  }
  return entries;
}

const MAPPING_NAMES: ReadonlySet<string> = new Set([
  "OrderedDict",
  "Counter",
  "defaultdict",
  "dict",
]);

/** True for a dict and for what OrderedDict and its like become: a call with entries. */
export function isMapping(value: PickleValue): value is PickleDict | PickleReduce {
  if (typeof value !== "object" || value === null) return false;
  if (value.kind === "dict") return true;
  return (
    value.kind === "reduce" &&
    MAPPING_NAMES.has(value.callable.name) &&
    !value.callable.module.startsWith("torch")
  );
}
