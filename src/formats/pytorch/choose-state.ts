import { WbError } from "../../errors/wb-error.ts";
import type { PickleValue } from "../pickle/value.ts";
import {
  flattenStateDict,
  isMapping,
  joinKeys,
  mappingEntries,
  type StateDictLeaf,
  type StateRoot,
} from "./state-dict.ts";
import { moduleState } from "./module-state.ts";
import { boundState } from "./state-bounds.ts";
import {
  areOptimizerKeys,
  isRecordKey,
  ROLE_NAMES,
  stateRole,
  type StateRole,
} from "./state-roles.ts";

/** `--select` of everything, as it is stored. */
export const WHOLE_FILE = ".";

/** Containers in containers that are looked through for the model's state: {"model": {"state_dict": …}} has two. */
const MAX_WRAPPINGS = 4;

/** Choices that a message names. */
const MAX_CHOICES = 8;

/** The part of a file that is taken, and what is left of it. */
export interface ChosenState {
  /** Path of the keys that were looked through; empty where the file's top is the state. */
  readonly path: string;
  /** Values to be flattened, with what their names begin with. */
  readonly roots: readonly StateRoot[];
  /** What was left out, by its path of keys. */
  readonly leftOut: readonly { readonly name: string; readonly why: string }[];
  /** What the user should know of the choice; one sentence each. */
  readonly notes: readonly string[];
  /** Optimizers' states somewhere below the roots, which are left out, too. */
  readonly optimizers?: ReadonlySet<PickleValue>;
}

interface Part {
  readonly key: string;
  readonly path: string;
  readonly value: PickleValue;
  readonly role: StateRole | undefined;
  /** Tensors below it. */
  readonly tensors: number;
}

/**
 * Finds the model's state in what a training program saved: a `state_dict` or the like on top is looked through, and optimizers,
 * schedules, moving averages and counters beside it are left out and named. Everything else stays, under its path of keys.
 * @param select A path of keys that is taken instead; "." takes the file as it is.
 * @throws WbError WB3310 where two parts could be the model, WB2710 for a path that is not there, WB3306 for an optimizer's file,
 *   WB5204 for a file that holds more than any checkpoint.
 */
export function chooseState(
  root: PickleValue,
  label: string,
  isTensor: (value: PickleValue) => boolean,
  select?: string,
): ChosenState {
  boundState(root, label, isTensor);
  const top = moduleState(root) ?? root;
  if (select === WHOLE_FILE)
    return { path: "", roots: [{ name: undefined, value: top }], leftOut: [], notes: [] };
  if (select !== undefined) return selectPath(top, label, isTensor, select);
  return chooseByRole(top, label, isTensor);
}

/**
 * The leaves of what was chosen.
 * @throws WbError WB3310 where a name occurs twice only because a key on top was looked through, else as `flattenStateDict`.
 */
export function flattenChosen(
  chosen: ChosenState,
  label: string,
  isTensor: (value: PickleValue) => boolean,
): readonly StateDictLeaf[] {
  const { optimizers } = chosen;
  if (optimizers !== undefined && optimizers.size > 0) {
    const isLeaf = (value: PickleValue): boolean => isTensor(value) || optimizers.has(value);
    const { path, roots, leftOut, notes } = chosen;
    const leaves = flattenChosen({ path, roots, leftOut, notes }, label, isLeaf);
    return leaves.filter(({ value }) => !optimizers.has(value));
  }
  try {
    return flattenStateDict(chosen.roots, label, isTensor);
  } catch (error) {
    const [model, ...others] = chosen.roots;
    if (!(error instanceof WbError) || error.code !== "WB3305") throw error;
    if (chosen.path === "" || model === undefined || others.length === 0) throw error;
    flattenStateDict([model], label, isTensor);
    throw severalModels(label, [chosen.path, ...others.map(({ name }) => name ?? "")]);
  }
}

/** A number of the training that was put among the weights: {"fc.weight": …, "epoch": tensor(3)}. */
export function isCounter(name: string, shape: readonly number[]): boolean {
  const role = stateRole(name);
  return (role === "record" || role === "schedule") && shape.every((size) => size === 1);
}

function chooseByRole(
  top: PickleValue,
  label: string,
  isTensor: (value: PickleValue) => boolean,
): ChosenState {
  const kept: StateRoot[] = [];
  const leftOut: { name: string; why: string }[] = [];
  const notes: string[] = [];
  let value = top;
  let path = "";
  for (let wrappings = 0; wrappings <= MAX_WRAPPINGS; wrappings++) {
    const parts = isTensor(value) ? [] : partsOf(value, path, label, isTensor);
    if (isOptimizer(value, label)) throw optimizerFile(label, path);
    const model =
      theModel(parts, label) ?? theItem(value, parts) ?? theCheckpoint(parts, label, isTensor);
    const isState = model === undefined;
    const rest = parts.filter((part) => part !== model);
    const isOut = ({ role }: Part): boolean =>
      role !== undefined && (!isState || OUT_OF_A_STATE.has(role));
    for (const part of rest.filter(isOut)) {
      const why = roleName(part);
      const isEmpty = part.tensors === 0;
      leftOut.push({
        name: part.path,
        why: isEmpty ? why : `${why}, ${countOf(part.tensors)}`,
      });
      if (isEmpty) continue;
      notes.push(
        `${label}: ${JSON.stringify(part.path)} is left out: ${why} (${countOf(part.tensors)}); --select ${part.path} takes it instead`,
      );
    }
    if (isState) {
      kept.unshift(...stateRoots(value, parts, isOut));
      const optimizers = optimizersBelow(kept, label, isTensor);
      for (const { name, tensors } of optimizers) {
        const why = `${ROLE_NAMES.optimizer}, ${countOf(tensors)}`;
        leftOut.push({ name, why });
        notes.push(`${label}: ${JSON.stringify(name)} is left out: ${why}`);
      }
      const values = new Set(optimizers.map(({ value: one }) => one));
      return { path, roots: kept, leftOut, notes, optimizers: values };
    }
    for (const part of rest) if (!isOut(part)) kept.push(besideRoot(part));
    ({ value } = model);
    path = model.path;
    const state = moduleState(value);
    if (state !== undefined) value = state;
  }
  return { path, roots: [{ name: undefined, value }, ...kept], leftOut, notes };
}

/** Optimizers' states deeper in what is kept, as of a list of agents: {"agents": [{"net": …, "optimizer": …}]}. */
function optimizersBelow(
  roots: readonly StateRoot[],
  label: string,
  isTensor: (value: PickleValue) => boolean,
): readonly { readonly name: string; readonly value: PickleValue; readonly tensors: number }[] {
  const isLeaf = (value: PickleValue): boolean => isTensor(value) || isOptimizer(value, label);
  const bare = roots.map((root) => ({ ...root, isBare: true }));
  return flattenStateDict(bare, label, isLeaf)
    .filter(({ value }) => !isTensor(value) && isOptimizer(value, label))
    .map(({ name, value }) => ({ name, value, tensors: tensorsBelow(value, label, isTensor) }));
}

/** Roles that are no weights even where no model's state stands beside them. */
const OUT_OF_A_STATE: ReadonlySet<StateRole> = new Set(["optimizer", "schedule"]);

/** What is kept beside the model's state, under its path of keys. */
function besideRoot({ path, value, tensors }: Part): StateRoot {
  return { name: path, value, isBare: tensors === 0 };
}

/** The state itself, or its parts but for those that are left out. */
function stateRoots(
  value: PickleValue,
  parts: readonly Part[],
  isOut: (part: Part) => boolean,
): readonly StateRoot[] {
  if (!parts.some(isOut)) return [{ name: undefined, value }];
  return parts
    .filter((part) => !isOut(part))
    .map((part) => ({ name: part.key, value: part.value }));
}

/** The keys on top, with what they hold; nothing where the value is no mapping or a key is no text. */
function partsOf(
  value: PickleValue,
  path: string,
  label: string,
  isTensor: (value: PickleValue) => boolean,
): readonly Part[] {
  const parts: Part[] = [];
  for (const [key, item] of entriesOf(value, label)) {
    if (typeof key !== "string") return [];
    const state = moduleState(item) ?? item;
    const isContainer =
      typeof state === "object" &&
      state !== null &&
      !isTensor(state) &&
      (isMapping(state) || state.kind === "list" || state.kind === "tuple");
    const tensors = isTensor(state) ? 1 : isContainer ? tensorsBelow(state, label, isTensor) : 0;
    // A lone tensor may be anything but a state: of those, only records beside a model are told by their names.
    const isRecord = isTensor(state) && isRecordKey(key);
    const named = isOptimizer(state, label) ? "optimizer" : stateRole(key);
    const role = isContainer ? named : isRecord ? "record" : undefined;
    parts.push({
      key,
      path: joinKeys(path === "" ? undefined : path, key),
      value: item,
      role,
      tensors,
    });
  }
  return parts;
}

/** What a container holds, by key; a list's items by their places. */
function entriesOf(
  value: PickleValue,
  label: string,
): readonly (readonly [PickleValue, PickleValue])[] {
  if (isMapping(value)) return mappingEntries(value, label);
  if (typeof value !== "object" || value === null) return [];
  if (value.kind !== "list" && value.kind !== "tuple") return [];
  return value.items.map((item, index) => [String(index), item]);
}

/** What optimizers give as their state, whatever it was saved under. */
function isOptimizer(value: PickleValue, label: string): boolean {
  return isMapping(value) && areOptimizerKeys(mappingEntries(value, label).map(([key]) => key));
}

function tensorsBelow(
  value: PickleValue,
  label: string,
  isTensor: (value: PickleValue) => boolean,
): number {
  const root: StateRoot = { name: undefined, value, isBare: true };
  return flattenStateDict([root], label, isTensor).filter((leaf) => isTensor(leaf.value)).length;
}

/** The one part that is the model's state; a moving average where there is nothing else. */
function theModel(parts: readonly Part[], label: string): Part | undefined {
  const withRole = (role: StateRole): readonly Part[] =>
    parts.filter((part) => part.role === role && part.tensors > 0 && isMappingPart(part));
  const models = withRole("model");
  const candidates = models.length > 0 || parts.some(isOther) ? models : withRole("average");
  if (candidates.length <= 1) return candidates[0];
  throw severalModels(
    label,
    candidates.map(({ path }) => path),
  );
}

/**
 * The only part that holds tensors, where it is a whole checkpoint itself: {"app": {"model": …, "optim": …}}, as torch's tutorial of
 * distributed checkpoints saves.
 */
function theCheckpoint(
  parts: readonly Part[],
  label: string,
  isTensor: (value: PickleValue) => boolean,
): Part | undefined {
  const [only, ...more] = parts.filter(({ tensors }) => tensors > 0);
  if (only === undefined || more.length > 0 || only.role !== undefined || !isMappingPart(only))
    return undefined;
  const below = partsOf(moduleState(only.value) ?? only.value, only.path, label, isTensor);
  const isTraining = below.some(({ role }) => role !== undefined && OUT_OF_A_STATE.has(role));
  return isTraining && theModel(below, label) !== undefined ? only : undefined;
}

/** The only state in a list or a tuple: (state, epoch), [state], (state, optimizer). */
function theItem(value: PickleValue, parts: readonly Part[]): Part | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (value.kind !== "list" && value.kind !== "tuple") return undefined;
  const [only, ...more] = parts.filter(({ role, tensors }) => role === undefined && tensors > 0);
  return only !== undefined && more.length === 0 && isMappingPart(only) ? only : undefined;
}

/** A part that holds tensors and is of no role: the file may be a state dict with a word of ours among its names. */
function isOther({ role, tensors }: Part): boolean {
  return role === undefined && tensors > 0;
}

function isMappingPart({ value }: Part): boolean {
  return isMapping(moduleState(value) ?? value);
}

function roleName({ role }: Part): string {
  return role === undefined ? "of an unknown kind" : ROLE_NAMES[role];
}

function countOf(tensors: number): string {
  return tensors === 1 ? "1 tensor" : `${tensors} tensors`;
}

function optimizerFile(label: string, path: string): WbError {
  const where = path === "" ? "the file" : JSON.stringify(path);
  return new WbError("WB3306", `${label}: ${where} is an optimizer's state, not a model's`, {
    details: { path: label },
    hint: "Take the file of the model. Who wants the optimizer's tensors asks for them: --select .",
  });
}

function severalModels(label: string, paths: readonly string[]): WbError {
  const choices = paths.slice(0, MAX_CHOICES);
  return new WbError(
    "WB3310",
    `${label}: ${choices.map((path) => JSON.stringify(path)).join(" and ")} could each be the model`,
    {
      hint: `Choose one: ${choices.map((path) => `--select ${path}`).join(" or ")}; or take the file as it is: --select .`,
      details: { path: label, choices },
    },
  );
}

/** A path of keys, each of which may hold dots itself: the longest key that fits is tried first. */
function selectPath(
  root: PickleValue,
  label: string,
  isTensor: (value: PickleValue) => boolean,
  select: string,
): ChosenState {
  const found = walk(root, label, select);
  if (found === undefined || (!isTensor(found) && tensorsBelow(found, label, isTensor) === 0)) {
    const choices = partsOf(root, "", label, isTensor).filter(({ tensors }) => tensors > 0);
    const named = choices
      .slice(0, MAX_CHOICES)
      .map(({ path, tensors }) => `${JSON.stringify(path)} (${countOf(tensors)})`);
    throw new WbError(
      "WB2710",
      `${label}: --select ${select}: ${found === undefined ? "no such key" : "no tensors there"}; on top ${named.length === 1 ? "is" : "are"} ${named.join(", ")}${choices.length > MAX_CHOICES ? ", …" : ""}`,
      { details: { path: label, select, choices: choices.map(({ path }) => path) } },
    );
  }
  const value = moduleState(found) ?? found;
  const name = isTensor(value) ? select : undefined;
  const leftOut = partsOf(root, "", label, isTensor)
    .filter(({ path, tensors }) => tensors > 0 && !isOnTheWay(path, select))
    .map(({ path, tensors }) => ({ name: path, why: `not selected, ${countOf(tensors)}` }));
  return { path: select, roots: [{ name, value }], leftOut, notes: [] };
}

function isOnTheWay(path: string, select: string): boolean {
  return select === path || select.startsWith(`${path}.`);
}

function walk(value: PickleValue, label: string, path: string): PickleValue | undefined {
  const state = moduleState(value) ?? value;
  if (typeof state !== "object" || state === null) return undefined;
  if (state.kind === "list" || state.kind === "tuple") {
    const [index = "", ...rest] = path.split(".");
    const item = state.items[Number(index)];
    if (item === undefined || rest.length === 0) return item;
    return walk(item, label, rest.join("."));
  }
  if (!isMapping(state)) return undefined;
  const fitting = mappingEntries(state, label)
    .map(([key, item]) => ({ key: String(typeof key === "object" ? "" : key), item }))
    .filter(({ key }) => path === key || path.startsWith(`${key}.`))
    .toSorted((left, right) => right.key.length - left.key.length);
  for (const { key, item } of fitting) {
    const found = path === key ? item : walk(item, label, path.slice(key.length + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}
