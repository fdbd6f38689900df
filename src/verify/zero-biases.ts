import { assemblyOf, wholeView, type Assembly } from "../mapping/assembly.ts";
import { sourceName } from "../mapping/source-groups.ts";
import { streamAssembly } from "../mapping/read-assembly.ts";
import { isBias } from "../model/canonical-names.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import type { LinearLayout } from "../model/parameter.ts";
import { decodeValues } from "../tensor/decode.ts";
import type { Checkpoint, StoredTensor } from "../tensor/table.ts";
import type { TensorDiff } from "./compare/diff-checkpoints.ts";
import { lenientTensors } from "./diagnose/structure.ts";

/** A checkpoint without biases that the model has not and that change nothing, and what is to be known of those. */
export interface WithoutZeroBiases {
  readonly checkpoint: Checkpoint;
  readonly notes: readonly string[];
}

/**
 * Leaves out biases that config.json does not ask for, where every element of all of them is zero: converters write them for networks
 * whose layers all have a bias. Where one of them has another value none is left out: the file is that of another model.
 */
export async function withoutZeroBiases(
  checkpoint: Checkpoint,
  config: ModelConfig,
  sourceLayout: LinearLayout | undefined,
  signal: AbortSignal | undefined,
): Promise<WithoutZeroBiases> {
  const { problems } = lenientTensors(checkpoint, config, sourceLayout);
  const names = new Set(
    problems.flatMap(({ kind, tensor }) => (kind === "unknown" && isBias(tensor) ? [tensor] : [])),
  );
  const isSpare = (tensor: StoredTensor): boolean => names.has(sourceName(tensor));
  const spare = names.size === 0 ? [] : checkpoint.tensors.filter(isSpare);
  for (const tensor of spare) {
    if (!(await areZeros(assemblyOf(wholeView(tensor)), signal))) return { checkpoint, notes: [] };
  }
  if (spare.length === 0) return { checkpoint, notes: [] };
  const tensors = checkpoint.tensors.filter((tensor) => !isSpare(tensor));
  const [first = ""] = names;
  const note =
    spare.length === 1
      ? `${checkpoint.path}: a bias that config.json does not ask for is zero throughout and changes nothing: ${first}`
      : `${checkpoint.path}: ${spare.length} biases that config.json does not ask for are zero throughout and change nothing: ${first} and so on`;
  return { checkpoint: { ...checkpoint, tensors }, notes: [note] };
}

/** Of two checkpoints that both run: a bias that one of them has not is as good as equal where the other's is zero throughout. */
export async function zeroBiasesAsNone(
  diffs: readonly TensorDiff[],
  left: ReadonlyMap<string, Assembly>,
  right: ReadonlyMap<string, Assembly>,
  signal: AbortSignal | undefined,
): Promise<readonly TensorDiff[]> {
  const found: TensorDiff[] = [];
  for (const diff of diffs) {
    const side = diff.class === "onlyLeft" ? left : diff.class === "onlyRight" ? right : undefined;
    const assembly = isBias(diff.name) ? side?.get(diff.name) : undefined;
    const isNone = assembly !== undefined && (await areZeros(assembly, signal));
    found.push(
      isNone ? { ...diff, class: "equalValues", maxAbs: 0, differing: 0, note: NONE } : diff,
    );
  }
  return found;
}

const NONE = "zero throughout, and the other side has no such bias";

const CHUNK_BYTES = 2 ** 20;

async function areZeros(assembly: Assembly, signal: AbortSignal | undefined): Promise<boolean> {
  let all = true;
  await streamAssembly(assembly, { chunkBytes: CHUNK_BYTES, signal }, (chunk) => {
    all &&= decodeValues(chunk, assembly.dtype)?.every((value) => value === 0) === true;
    return Promise.resolve();
  });
  return all;
}
