import type { PickleReduce, PickleTuple, PickleValue } from "../pickle/value.ts";

const OLD_MODULES: ReadonlySet<string> = new Set(["torch", "torch.cuda"]);

/** True for a tensor as torch before 0.4 pickled it: an object of its class, given (storage, offset, size, stride) as its state. */
export function isOldTensor(value: PickleValue): value is PickleReduce {
  if (typeof value !== "object" || value?.kind !== "reduce") return false;
  const { module, name } = value.callable;
  return OLD_MODULES.has(module) && /^\w*Tensor$/.test(name);
}

/** A Variable or Parameter of that time: its state begins with the tensor. */
export function isOldParameter(value: PickleValue): value is PickleReduce {
  if (typeof value !== "object" || value?.kind !== "reduce") return false;
  const { module, name } = value.callable;
  return (
    (module === "torch.nn.parameter" && (name === "Parameter" || name === "Buffer")) ||
    (module === "torch.autograd.variable" && name === "Variable")
  );
}

/**
 * The state of `Tensor.__setstate__` as a rebuild call (torch/_tensor.py of v2.6.0): (storage, offset, size, stride), or with
 * the tensor itself in front, as variables had. Undefined for any other state.
 */
export function oldTensorCall(value: PickleReduce): PickleReduce | undefined {
  const state: PickleValue | undefined = value.state;
  if (typeof state !== "object" || state?.kind !== "tuple") return undefined;
  if (value.items.length > 0 || value.entries.length > 0) return undefined;
  const [first] = state.items;
  if (state.items.length === 5 && typeof first === "object" && first?.kind === "reduce")
    return first;
  return state.items.length === 4 ? rebuild(state, value.offset) : undefined;
}

function rebuild(args: PickleTuple, offset: number): PickleReduce {
  const callable = {
    kind: "global",
    module: "torch._utils",
    name: "_rebuild_tensor",
    offset,
  } as const;
  return { kind: "reduce", callable, args, offset, items: [], entries: [] };
}
