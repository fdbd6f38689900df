import { WbError } from "../../errors/wb-error.ts";
import { leftOut } from "../../tensor/left-out.ts";
import type { ZipEntry } from "../archive/zip.ts";
import type { PickleDict, PickleReduce, PickleValue } from "../pickle/value.ts";
import { declaredTensors, type Declarations } from "./script-code.ts";
import { isTorchTensor } from "./tensor.ts";
import { storageKeys } from "./storage-keys.ts";

/** TorchScript's own classes, and what its pickles make lists with: names that torch.jit.load looks up in the archive's code. */
const SCRIPT_MODULE = /^(__torch__(\..*)?|torch\.jit\._pickle)$/;

/** Modules in modules; the deepest networks nest a few dozen. */
const MAX_DEPTH = 64;

/** Modules of one network, shared ones counted each time. */
const MAX_MODULES = 100_000;

/** Whether the pickles of a TorchScript archive may name a class of this module. */
export function isScriptModule(module: string): boolean {
  return SCRIPT_MODULE.test(module);
}

/** A program's tensors as its state dict has them, and what else it holds. */
export interface ScriptState {
  readonly state: PickleDict;
  readonly skipped: readonly { readonly name: string; readonly why: string }[];
  readonly notes: readonly string[];
}

/**
 * The state dict of a TorchScript program, as torch.jit.load(…).state_dict() gives it: of each module the parameters and buffers that its class
 * declares, under its path. Nothing of the code is run; only those declarations are read.
 * @throws WbError WB3301 where a class is not in the archive's code, WB4301 for a program without parameters, WB5204 for modules without end.
 */
export async function scriptState(
  root: PickleValue,
  entries: readonly ZipEntry[],
  folder: string,
  label: string,
): Promise<ScriptState> {
  const declared = await declaredTensors(entries, folder, label);
  const skipped: { name: string; why: string }[] = [];
  const walk = { label, declared, skipped, modules: 0 };
  if (!isModule(root)) throw malformed(label, "its data.pkl holds no module");
  const state = stateOf(root, "", 0, walk);
  const constants = entries.filter(({ name }) => name.startsWith(`${folder}constants/`));
  if (constants.length > 0 && storageKeys(state).size === 0) throw frozen(label, constants.length);
  for (const { name, data } of constants)
    skipped.push({ name, why: `a constant of the program's, ${data.byteLength} bytes` });
  const others = skipped.map(({ name }) => name);
  const notes = [
    `${label}: a TorchScript program: the parameters and buffers that its classes declare; its code is not run`,
    ...(others.length === 0 ? [] : [leftOut(`${label}: ${listed(others)}`)]),
  ];
  return { state, skipped, notes };
}

interface Walk {
  readonly label: string;
  readonly declared: Declarations;
  readonly skipped: { name: string; why: string }[];
  modules: number;
}

function stateOf(module: PickleReduce, path: string, depth: number, walk: Walk): PickleDict {
  const { label, declared, skipped } = walk;
  if (depth > MAX_DEPTH || walk.modules++ > MAX_MODULES)
    throw new WbError("WB5204", `${label}: ${path.slice(0, 80)}: modules without end`, {
      details: { where: label },
    });
  const { callable, state } = module;
  const tensors = declared.get(`${callable.module}.${callable.name}`);
  if (tensors === undefined)
    throw malformed(label, `the class ${callable.module}.${callable.name} is not in its code`);
  const entries: (readonly [PickleValue, PickleValue])[] = [];
  for (const [key, value] of typeof state === "object" && state?.kind === "dict"
    ? state.entries
    : []) {
    if (typeof key !== "string") throw malformed(label, "an attribute of a module has no name");
    const name = path === "" ? key : `${path}.${key}`;
    if (isModule(value) && !isTorchTensor(value))
      entries.push([key, stateOf(value, name, depth + 1, walk)]);
    else if (isTorchTensor(value) && tensors.has(key)) entries.push([key, value]);
    else if (storageKeys(value).size > 0)
      skipped.push({ name, why: "an attribute of the program's, no parameter or buffer" });
  }
  return { kind: "dict", entries };
}

/** An object of one of the archive's own classes, with the attributes that it was saved with. */
function isModule(value: PickleValue): value is PickleReduce {
  return (
    typeof value === "object" &&
    value?.kind === "reduce" &&
    value.callable.module.startsWith("__torch__") &&
    typeof value.state === "object" &&
    value.state?.kind === "dict"
  );
}

/** Names that a note lists; the rest are counted. */
const MAX_LISTED = 5;

function listed(names: readonly string[]): string {
  const more = names.length > MAX_LISTED ? ` and ${names.length - MAX_LISTED} more` : "";
  return `${names.slice(0, MAX_LISTED).join(", ")}${more}`;
}

/** What torch.jit.freeze makes of a program: its weights are constants of the code. */
function frozen(label: string, count: number): WbError {
  return new WbError(
    "WB4301",
    `${label}: a frozen TorchScript program: its weights are ${count} constants of its code, which have no names`,
    {
      hint: "Take the program as it was before torch.jit.freeze or optimize_for_inference, or its state dict.",
      details: { where: label },
    },
  );
}

function malformed(label: string, problem: string): WbError {
  return new WbError("WB3301", `${label}: a TorchScript archive: ${problem}`, {
    details: { path: label },
  });
}
