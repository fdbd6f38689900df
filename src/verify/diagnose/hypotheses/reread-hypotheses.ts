import type { Dtype } from "../../../tensor/dtype.ts";
import type { HostTensor } from "../../compare/model-runner.ts";
import type { Cause } from "../diagnosis.ts";
import type { Hypothesis } from "./hypothesis.ts";
import { halvesOf, rereadHalves, swappedWords, type HalfDtype } from "./tensor-edits.ts";

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

function rereadsOfDtype(
  tensors: readonly string[],
  dtype: Dtype | undefined,
): readonly Hypothesis[] {
  const make = (
    cause: Cause,
    mistake: string,
    edit: (tensor: HostTensor, bits: Uint16Array | undefined) => HostTensor,
  ): Hypothesis => ({
    cause,
    tensors,
    mistake,
    undo: async (read, readBits) => {
      const changes = new Map<string, HostTensor>();
      for (const name of tensors) changes.set(name, edit(await read(name), await readBits(name)));
      return changes;
    },
  });
  const misread = (from: HalfDtype, to: HalfDtype): Hypothesis =>
    make("dtype-misread", `${to} bits were read as ${from}`, (tensor, bits) =>
      rereadHalves(tensor.shape, bits ?? halvesOf(tensor, from), to, false),
    );
  const swapped = (from: HalfDtype): Hypothesis =>
    make("byte-swapped", "the bytes of each element are in the other order", (tensor, bits) =>
      rereadHalves(tensor.shape, bits ?? halvesOf(tensor, from), from, true),
    );
  // Of other values than whole numbers of 16 bits it makes nothing sensible, and is soon given up.
  const spelled = (to: HalfDtype): Hypothesis =>
    make("dtype-misread", `${to} bits were read as whole numbers`, ({ shape, data }) =>
      rereadHalves(shape, Uint16Array.from(data), to, false),
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
