import { WbError } from "../../errors/wb-error.ts";
import { isAllowedGlobal } from "../../formats/pickle/allow.ts";
import { readPickle } from "../../formats/pickle/read.ts";
import type { PickleReduce, PickleValue } from "../../formats/pickle/value.ts";
import type { ByteSource } from "../../tensor/byte-source.ts";
import type { Findings } from "../findings.ts";
import { isJoblibWrapper } from "../findings.ts";
import { examined, type Judgement } from "../judgement.ts";

/** Whether an unpickler was told of an array of joblib, whose numbers then stand between the opcodes. */
export function namesJoblib({ globals }: Findings): boolean {
  return globals.some(({ module, name }) => isJoblibWrapper(module, name));
}

/**
 * Judges what joblib.dump writes: a pickle in which the numbers of each array follow the opcode that builds its wrapper (joblib 1.6.0,
 * numpy_pickle.py, `NumpyArrayWrapper`). Undefined where any of it is otherwise: an array of objects is a pickle in a pickle.
 */
export async function examineJoblib(
  source: ByteSource,
  signal?: AbortSignal,
): Promise<Judgement | undefined> {
  const paddings: { readonly offset: number; readonly value: number }[] = [];
  let arrays = 0;
  try {
    const { end } = await readPickle(source, 0, {
      allow: (module, name) => isAllowedGlobal(module, name) || isJoblibWrapper(module, name),
      bytesBehind: (built, position) => {
        if (!isJoblibWrapper(built.callable.module, built.callable.name)) return 0;
        const { numbers, alignment } = arrayOf(built, source.label);
        arrays++;
        if (alignment === undefined) return numbers;
        const padding = alignment - ((position + 1) % alignment);
        paddings.push({ offset: position, value: padding });
        return 1 + padding + numbers;
      },
      ...(signal === undefined ? {} : { signal }),
    });
    if (end !== source.byteLength) return undefined;
    // The byte itself says to joblib where the numbers begin.
    for (const { offset, value } of paddings)
      if ((await source.read(offset, 1))[0] !== value) return undefined;
  } catch (error) {
    if (error instanceof WbError) return undefined;
    throw error;
  }
  return examined(
    `a pickle of joblib with ${arrays} arrays: their numbers stand between its opcodes`,
  );
}

/** How joblib writes how many bytes of numbers. @throws WbError WB4201 for what is no array of plain numbers. */
function arrayOf(
  { state }: PickleReduce,
  label: string,
): { readonly numbers: number; readonly alignment: number | undefined } {
  const fields = new Map(isDict(state) ? state.entries : []);
  const subclass = fields.get("subclass");
  const isPlain = isGlobal(subclass, "numpy", "ndarray");
  const size = itemBytes(fields.get("dtype"));
  const shape = fields.get("shape");
  const alignment = fields.get("numpy_array_alignment_bytes");
  if (isPlain && size !== undefined && isTuple(shape)) {
    const numbers = shape.items.reduce<number>(
      (product, length) =>
        product * (typeof length === "number" && length >= 0 ? length : Number.NaN),
      size,
    );
    const isAligned = typeof alignment === "number" && alignment > 0 && alignment < 256;
    if (
      Number.isSafeInteger(numbers) &&
      (isAligned || alignment === undefined || alignment === null)
    )
      return { numbers, alignment: isAligned ? alignment : undefined };
  }
  throw new WbError("WB4201", `${label}: an array of joblib of more than plain numbers`, {
    details: { where: label },
  });
}

/** Bytes of an element of `numpy.dtype(code, False, True)`; undefined for anything but numbers and texts. */
function itemBytes(dtype: PickleValue | undefined): number | undefined {
  if (!isReduce(dtype) || !isGlobal(dtype.callable, "numpy", "dtype")) return undefined;
  const [code] = dtype.args.items;
  const found = typeof code === "string" ? /^([biufcSU])(\d{1,6})$/.exec(code) : null;
  if (found === null || !isTuple(dtype.state)) return undefined;
  const [, , parts, names, members] = dtype.state.items;
  // A dtype with parts may have objects among them.
  if (parts !== null || names !== null || members !== null) return undefined;
  return Number(found[2]) * (found[1] === "U" ? 4 : 1);
}

function isDict(value: PickleValue | undefined): value is Extract<PickleValue, { kind: "dict" }> {
  return typeof value === "object" && value?.kind === "dict";
}

function isTuple(value: PickleValue | undefined): value is Extract<PickleValue, { kind: "tuple" }> {
  return typeof value === "object" && value?.kind === "tuple";
}

function isReduce(value: PickleValue | undefined): value is PickleReduce {
  return typeof value === "object" && value?.kind === "reduce";
}

function isGlobal(value: PickleValue | undefined, module: string, name: string): boolean {
  return (
    typeof value === "object" &&
    value?.kind === "global" &&
    value.module === module &&
    value.name === name
  );
}
