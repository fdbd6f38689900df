import type { ByteSource } from "../../tensor/byte-source.ts";
import type { StoredTensor } from "../../tensor/table.ts";
import type { Assembly, TensorView } from "../../mapping/assembly.ts";
import type { Addend, WriteStep } from "../../mapping/step.ts";
import type { Recipe } from "../../mapping/computed/recipe.ts";
import { computationOf, computedSource } from "../../mapping/computed/source.ts";
import type { OutputTensor } from "../output-tensor.ts";

/** A source as another thread can open it: a range of a file. */
export interface FileRange {
  readonly label: string;
  readonly path: string;
  readonly begin: number;
  readonly byteLength: number;
}

/** A computation whose inputs are ranges of files. */
interface PortableComputation {
  readonly recipe: Recipe;
  readonly label: string;
  readonly inputs: readonly PortableTensor[];
}

interface PortableTensor extends Omit<StoredTensor, "source"> {
  readonly source: FileRange | PortableComputation;
}
type PortableView = Omit<TensorView, "tensor"> & { readonly tensor: PortableTensor };
type PortableAssembly = Omit<Assembly, "parts"> & { readonly parts: readonly PortableView[] };
type PortableAddend = Omit<Addend, "assembly"> & { readonly assembly: PortableAssembly };

/** A tensor to write, in plain values that one thread can send to another. */
export interface TensorJob extends Omit<OutputTensor, "step"> {
  readonly step: Omit<WriteStep, "assembly" | "addend">;
  readonly assembly: PortableAssembly;
  readonly addend: PortableAddend | undefined;
}

/** The tensor in plain values, or undefined where a source is not a range of a file (a remote one, or text to be decoded). */
export function jobOf(tensor: OutputTensor): TensorJob | undefined {
  const { step, ...facts } = tensor;
  const assembly = portable(step.assembly);
  const addend = step.kind === "add" ? portable(step.addend.assembly) : undefined;
  if (assembly === undefined || (step.kind === "add" && addend === undefined)) return undefined;
  const { kind, from, to, why } = step;
  const cast = step.cast === undefined ? {} : { cast: step.cast };
  return {
    ...facts,
    step: { kind, from, to, why, ...cast },
    assembly,
    addend:
      step.kind === "add" && addend !== undefined
        ? { ...step.addend, assembly: addend }
        : undefined,
  };
}

function portable(assembly: Assembly): PortableAssembly | undefined {
  const parts: PortableView[] = [];
  for (const view of assembly.parts) {
    const tensor = portableTensor(view.tensor);
    if (tensor === undefined) return undefined;
    parts.push({ ...view, tensor });
  }
  return { ...assembly, parts };
}

function portableTensor({ source, ...tensor }: StoredTensor): PortableTensor | undefined {
  const computation = computationOf(source);
  if (computation !== undefined) {
    const inputs = computation.inputs.map(portableTensor);
    if (!inputs.every((input) => input !== undefined)) return undefined;
    const { recipe, label } = computation;
    return { ...tensor, source: { recipe, label, inputs } };
  }
  if (source.fileRange === undefined) return undefined;
  const { label, byteLength, fileRange } = source;
  return { ...tensor, source: { label, byteLength, ...fileRange } };
}

/** The tensor again, its sources opened by `open`. */
export async function tensorOf(
  { step, assembly, addend, ...facts }: TensorJob,
  open: (range: FileRange) => Promise<ByteSource>,
): Promise<OutputTensor> {
  const made = await opened(assembly, open);
  const { kind, from, to, why } = step;
  const cast = step.cast === undefined ? {} : { cast: step.cast };
  const shared = { from, to, why, ...cast, assembly: made };
  if (addend !== undefined) {
    const added = { ...addend, assembly: await opened(addend.assembly, open) };
    return { ...facts, step: { ...shared, kind: "add", addend: added } };
  }
  return { ...facts, step: { ...shared, kind: kind === "add" ? "copy" : kind } };
}

async function opened(
  assembly: PortableAssembly,
  open: (range: FileRange) => Promise<ByteSource>,
): Promise<Assembly> {
  const parts: TensorView[] = [];
  for (const view of assembly.parts) {
    parts.push({ ...view, tensor: await openedTensor(view.tensor, open) });
  }
  return { ...assembly, parts };
}

async function openedTensor(
  { source, ...tensor }: PortableTensor,
  open: (range: FileRange) => Promise<ByteSource>,
): Promise<StoredTensor> {
  if (!("recipe" in source)) return { ...tensor, source: await open(source) };
  const inputs: StoredTensor[] = [];
  for (const input of source.inputs) inputs.push(await openedTensor(input, open));
  const { recipe, label } = source;
  return { ...tensor, source: computedSource({ recipe, label, inputs }) };
}
