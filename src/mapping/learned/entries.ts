import { DTYPES } from "../../tensor/dtype.ts";
import type { StoredTensor } from "../../tensor/table.ts";

/** A name of an entry: `experts.weight[3]` is the fourth along the first axis of the stack `experts.weight`. */
const ENTRY = /^(?<stack>.+)\[(?<index>\d{1,9})\]$/s;

/** The matrices of a stack [entries, rows, columns], each as a tensor of its own; undefined for what is no such stack. */
export function entriesOf(stack: StoredTensor): readonly StoredTensor[] | undefined {
  if (stack.shape.length !== 3 || DTYPES[stack.dtype].bits % 8 !== 0) return undefined;
  return Array.from({ length: stack.shape[0] ?? 0 }, (_unused, index) => entryOf(stack, index));
}

/** The tensor that a statement's left name means, an entry of a stack among them; undefined where it is not there. */
export function tensorNamed(
  byName: ReadonlyMap<string, StoredTensor>,
  name: string,
): StoredTensor | undefined {
  const whole = byName.get(name);
  if (whole !== undefined) return whole;
  const { stack = "", index } = ENTRY.exec(name)?.groups ?? {};
  const tensor = byName.get(stack);
  if (tensor?.shape.length !== 3 || DTYPES[tensor.dtype].bits % 8 !== 0) return undefined;
  return Number(index) < (tensor.shape[0] ?? 0) ? entryOf(tensor, Number(index)) : undefined;
}

function entryOf(stack: StoredTensor, index: number): StoredTensor {
  const bytes = DTYPES[stack.dtype].bits / 8;
  return {
    ...stack,
    name: `${stack.name}[${index}]`,
    // What a conversion accounts for is the whole that the file has.
    storedName: stack.storedName ?? stack.name,
    shape: stack.shape.slice(1),
    strides: stack.strides.slice(1),
    byteOffset: stack.byteOffset + index * (stack.strides[0] ?? 0) * bytes,
  };
}
