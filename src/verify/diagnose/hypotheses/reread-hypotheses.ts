import type { Dtype } from "../../../tensor/dtype.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import type { Cause } from "../diagnosis.ts";
import type { Hypothesis } from "./hypothesis.ts";
import { exactHalves, rereadHalves, swappedWords, type HalfDtype } from "./tensor-edits.ts";

/** Bits of one half dtype read as the other, or bytes in the other order; of all tensors, of the matrices, or of one. */
export function rereadHypotheses(
  names: readonly string[],
  matrices: readonly string[],
  dtypeOf: (name: string) => Dtype | undefined,
): readonly Hypothesis[] {
  return [names, matrices, ...names.map((name) => [name])].flatMap((tensors) =>
    rereadsOf(tensors, dtypeOf),
  );
}

/** The rereadings of a group of tensors, of those of one dtype together. */
export function rereadsOf(
  tensors: readonly string[],
  dtypeOf: (name: string) => Dtype | undefined,
): readonly Hypothesis[] {
  const dtypes = new Set(tensors.map(dtypeOf));
  return [...dtypes].flatMap((dtype) =>
    rereadsOfDtype(
      tensors.filter((name) => dtypeOf(name) === dtype),
      dtype,
    ),
  );
}

/** A tensor read another way, from its stored bits where there are 16 each; undefined where its values show that it is not. */
type Reread = (tensor: HostTensor, bits: Uint16Array | undefined) => HostTensor | undefined;

/** Halves that were read as `from` and are `to`, with their bytes swapped where asked. */
function reread(from: HalfDtype, to: HalfDtype, swap: boolean): Reread {
  return (tensor, bits) => {
    const halves = bits ?? exactHalves(tensor, from);
    return halves === undefined ? undefined : rereadHalves(tensor.shape, halves, to, swap);
  };
}

function rereadsOfDtype(
  tensors: readonly string[],
  dtype: Dtype | undefined,
): readonly Hypothesis[] {
  const make = (cause: Cause, mistake: string, edit: Reread): Hypothesis => ({
    cause,
    tensors,
    mistake,
    undo: async (read, readBits) => {
      const changes = new Map<string, HostTensor>();
      for (const name of tensors) {
        const right = edit(await read(name), await readBits(name));
        if (right === undefined || !mayBeWeights(right)) return undefined;
        changes.set(name, right);
      }
      return changes;
    },
  });
  const misread = (from: HalfDtype, to: HalfDtype): Hypothesis =>
    make("dtype-misread", `${to} bits were read as ${from}`, reread(from, to, false));
  const swapped = (from: HalfDtype): Hypothesis =>
    make(
      "byte-swapped",
      "the bytes of each element are in the other order",
      reread(from, from, true),
    );
  const spelled = (to: HalfDtype): Hypothesis =>
    make("dtype-misread", `${to} bits were read as whole numbers`, ({ shape, data }) =>
      data.every(isOf16Bits) ? rereadHalves(shape, Uint16Array.from(data), to, false) : undefined,
    );
  switch (dtype) {
    case "F16":
      return [misread("F16", "BF16"), swapped("F16")];
    case "BF16":
      return [misread("BF16", "F16"), swapped("BF16")];
    case "F32":
      return [
        misread("F16", "BF16"),
        misread("BF16", "F16"),
        swapped("F16"),
        swapped("BF16"),
        make("byte-swapped", "the bytes of each element are in the other order", swappedWords),
        spelled("BF16"),
        spelled("F16"),
      ];
    default:
      return [];
  }
}

/** Beyond it a product with another weight may overflow float32: nobody's weight is so large. */
const LARGEST = 2 ** 100;

/** Whether values can be weights: bits that were read rightly before make some that are no number, or far too large. */
function mayBeWeights({ data }: HostTensor): boolean {
  return data.every((value) => Math.abs(value) <= LARGEST);
}

/** A whole number that 16 bits hold, with a sign or without. */
function isOf16Bits(value: number): boolean {
  return Number.isInteger(value) && value >= -(2 ** 15) && value < 2 ** 16;
}
