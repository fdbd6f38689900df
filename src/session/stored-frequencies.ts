import { readAssembly } from "../mapping/read-assembly.ts";
import { assemblyOf, wholeView } from "../mapping/assembly.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import { isStoredFrequencies } from "../model/unknown-names.ts";
import { inverseFrequencies } from "../runtime/model/rope.ts";
import { decodeValues } from "../tensor/decode.ts";
import { DTYPES, type Dtype } from "../tensor/dtype.ts";
import { shownName } from "../tensor/shown-name.ts";
import type { Checkpoint, StoredTensor } from "../tensor/table.ts";

/** Frequencies of one model at most: a head has a few hundred dimensions. */
const MAX_FREQUENCIES = 4096;

/** What a dtype's rounding may make of a frequency, relative to it and beside it. */
const SLACK: Readonly<Partial<Record<Dtype, { readonly share: number; readonly least: number }>>> =
  {
    BF16: { share: 2 ** -7, least: 0 },
    F16: { share: 2 ** -10, least: 2 ** -24 },
  };
const FULL = { share: 2 ** -18, least: 0 };

/** Stored rotary frequencies that are not those that the configuration gives. */
export interface FrequencyProblem {
  /** The first of them. */
  readonly tensor: string;
  readonly message: string;
}

/** Reads the stored frequencies, a few bytes a layer, and holds them against config.json. */
export async function frequencyProblem(
  { tensors }: Checkpoint,
  config: ModelConfig,
): Promise<FrequencyProblem | undefined> {
  const wrong: { tensor: StoredTensor; text: string }[] = [];
  const { rope, rotaryDims, maxPositions } = config;
  const expected = inverseFrequencies(rope, rotaryDims, maxPositions, 0);
  for (const tensor of tensors) {
    const count = tensor.shape.reduce((product, size) => product * size, 1);
    if (!isStoredFrequencies(tensor.name) || count > MAX_FREQUENCIES) continue;
    if (DTYPES[tensor.dtype].kind !== "float") continue;
    const found = decodeValues(await readAssembly(assemblyOf(wholeView(tensor))), tensor.dtype);
    const text = found === undefined ? undefined : difference(found, expected, tensor.dtype);
    if (text !== undefined) wrong.push({ tensor, text });
  }
  const [first] = wrong;
  if (first === undefined) return undefined;
  const more = wrong.length > 1 ? ` and ${wrong.length - 1} more` : "";
  return {
    tensor: first.tensor.name,
    message: `${shownName(first.tensor.name)}${more}: the stored rotary frequencies contradict the configuration, which is what counts: ${first.text}`,
  };
}

function difference(found: Float64Array, expected: Float32Array, dtype: Dtype): string | undefined {
  if (found.length !== expected.length)
    return `${found.length} are stored, and it gives ${expected.length}`;
  const { share, least } = SLACK[dtype] ?? FULL;
  const isNear = (left: number, right: number): boolean =>
    Math.abs(left - right) <= share * Math.abs(right) + least;
  const at = expected.findIndex((value, index) => !isNear(found[index] ?? Number.NaN, value));
  if (at < 0) return undefined;
  const text = `number ${at} is ${found[at] ?? ""}, and it gives ${expected[at] ?? ""}`;
  const factor = (expected[0] ?? 0) / (found[0] ?? 0);
  const isScaled = expected.every((value, index) => isNear((found[index] ?? 0) * factor, value));
  if (isScaled)
    return `${text}; all are 1/${Number(factor.toPrecision(6))} of it, as linear scaling by ${Number(factor.toPrecision(6))} makes them`;
  // Frequency j is base^(−2j/D): the second one gives the base.
  const base = (found[1] ?? 0) ** -expected.length;
  const isOfBase =
    Number.isFinite(base) &&
    found.every((value, index) => isNear(value, base ** (-index / expected.length)));
  return isOfBase ? `${text}; they are those of rope_theta ${Number(base.toPrecision(6))}` : text;
}
