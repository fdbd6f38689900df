import { assemblyOf, wholeView, type Assembly } from "../mapping/assembly.ts";
import { sourceName } from "../mapping/source-groups.ts";
import { streamAssembly } from "../mapping/read-assembly.ts";
import { isBias } from "../model/canonical-names.ts";
import type { ModelConfig } from "../model/config/model-config.ts";
import type { LinearLayout } from "../model/parameter.ts";
import { decodeValues } from "../tensor/decode.ts";
import type { Checkpoint, StoredTensor } from "../tensor/table.ts";
import type { TensorDiff } from "./compare/diff-checkpoints.ts";
import { lenientTensors, type LenientTensors } from "./diagnose/structure.ts";

/** A model's tensors without biases that it has not and that change nothing, and what is to be known of those. */
export interface WithoutZeroBiases {
  readonly found: LenientTensors;
  readonly notes: readonly string[];
}

/**
 * As `lenientTensors`, but for biases that config.json does not ask for and of which every element is zero: converters write them for networks
 * whose layers all have a bias. Where one of them has another value none is left out: the file is that of another model.
 * @throws WbError WB2701, WB3704.
 */
export async function withoutZeroBiases(
  checkpoint: Checkpoint,
  config: ModelConfig,
  sourceLayout: LinearLayout | undefined,
  signal: AbortSignal | undefined,
): Promise<WithoutZeroBiases> {
  const found = lenientTensors(checkpoint, config, sourceLayout);
  const names = new Set(
    found.problems.flatMap(({ kind, tensor }) =>
      kind === "unknown" && isBias(tensor) ? [tensor] : [],
    ),
  );
  const isSpare = (tensor: StoredTensor): boolean => names.has(sourceName(tensor));
  const spare = names.size === 0 ? [] : checkpoint.tensors.filter(isSpare);
  for (const tensor of spare) {
    if (!(await areZeros(assemblyOf(wholeView(tensor)), signal))) return { found, notes: [] };
  }
  if (spare.length === 0) return { found, notes: [] };
  const tensors = checkpoint.tensors.filter((tensor) => !isSpare(tensor));
  const [first = ""] = names;
  const note =
    spare.length === 1
      ? `${checkpoint.path}: a bias that config.json does not ask for is zero throughout and changes nothing: ${first}`
      : `${checkpoint.path}: ${spare.length} biases that config.json does not ask for are zero throughout and change nothing: ${first} and so on`;
  return {
    found: lenientTensors({ ...checkpoint, tensors }, config, sourceLayout),
    notes: [note],
  };
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
