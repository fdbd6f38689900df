import type { StoredTensor } from "../../tensor/table.ts";

/** The tensors right below one module, by the last key of their names. */
export type ModuleTensors = ReadonlyMap<string, StoredTensor>;

/** "a.b.weight" has module "a.b" and key "weight"; a name without a dot has module "". */
export function splitName(name: string): { readonly module: string; readonly key: string } {
  const at = name.lastIndexOf(".");
  return at < 0
    ? { module: "", key: name }
    : { module: name.slice(0, at), key: name.slice(at + 1) };
}

export function joinName(module: string, key: string): string {
  return module === "" ? key : `${module}.${key}`;
}

/** Tensors by module, in stored order. */
export function modulesOf(tensors: readonly StoredTensor[]): ReadonlyMap<string, ModuleTensors> {
  const modules = new Map<string, Map<string, StoredTensor>>();
  for (const tensor of tensors) {
    const { module, key } = splitName(tensor.name);
    const keys = modules.get(module) ?? new Map<string, StoredTensor>();
    modules.set(module, keys);
    keys.set(key, tensor);
  }
  return modules;
}
