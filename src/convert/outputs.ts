import { targetBytes } from "../mapping/render-plan.ts";
import { WbError } from "../errors/wb-error.ts";
import { TARGETS, type TargetFormat } from "../formats/target-formats.ts";
import { shownName } from "../tensor/shown-name.ts";
import type { Plan } from "../mapping/plan.ts";
import { madeBy, type WriteStep } from "../mapping/step.ts";
import type { OutputPlan, OutputTensor } from "./output-tensor.ts";
import { quantisedBytes } from "../formats/gguf/quantise.ts";
import { planGgufFile, type GgufParts } from "../formats/gguf/write.ts";
import { planPaddleFile } from "../formats/paddle/write.ts";
import { planPytorchFile } from "../formats/pytorch/write.ts";
import { planSafetensorsFile } from "../formats/safetensors/write.ts";
import { wholeRecord } from "../mapping/archive-records.ts";
import { shardIndex, shardName, shardTensors } from "./shard.ts";

type PlanFile = (
  name: string,
  tensors: readonly OutputTensor[],
  metadata: ReadonlyMap<string, string>,
) => OutputPlan;

const PLAN_FILE: Readonly<Record<Exclude<TargetFormat, "gguf">, PlanFile>> = {
  safetensors: planSafetensorsFile,
  pytorch: planPytorchFile,
  paddle: planPaddleFile,
};

/** The weight files of a conversion, and their index where there are several. */
export interface Outputs {
  readonly files: readonly OutputPlan[];
  readonly tensors: readonly OutputTensor[];
  readonly index: { readonly name: string; readonly text: string } | undefined;
}

/**
 * Lays out every output file; pure.
 * @param metadata What a safetensors file's `__metadata__` will say.
 * @param ownStem What the file is called before its ending, where not as the format's usual one.
 * @throws WbError WB4901 for a dtype that the format cannot hold, WB4903 for a name or a shape that it cannot.
 */
export function planOutputs(
  plan: Plan,
  to: TargetFormat,
  maxShardBytes: number | undefined,
  metadata: ReadonlyMap<string, string> = new Map(),
  ownStem?: string,
  gguf: GgufParts = { keys: new Map(), made: [] },
): Outputs {
  const tensors = plan.steps.filter((step) => step.kind !== "drop").map(outputTensor);
  for (const tensor of tensors) refuseUnwritable(tensor, to);
  const { extension } = TARGETS[to];
  const stem = ownStem ?? TARGETS[to].stem;
  const shards = shardTensors(tensors, maxShardBytes);
  const named = shards.map((shard, index) => ({
    name: shardName(stem, extension, index, shards.length),
    tensors: shard,
  }));
  return {
    files: named.map(({ name, tensors: shard }, index) => {
      if (to !== "gguf") return PLAN_FILE[to](name, shard, metadata);
      const { keys, made } = splitParts(gguf, index, named.length, tensors.length);
      return planGgufFile(name, shard, keys, made);
    }),
    tensors,
    index:
      shards.length > 1 && to !== "gguf"
        ? { name: `${stem}.${extension}.index.json`, text: shardIndex(named) }
        : undefined,
  };
}

/** What one of several GGUF files says; the first has the metadata (llama.cpp, tools/gguf-split/gguf-split.cpp). */
function splitParts(
  { keys, made }: GgufParts,
  index: number,
  count: number,
  tensors: number,
): GgufParts {
  if (count === 1) return { keys, made };
  const own = new Map(index === 0 ? keys : []);
  own.set("split.no", { type: "u16", value: index });
  own.set("split.count", { type: "u16", value: count });
  own.set("split.tensors.count", { type: "i32", value: tensors + made.length });
  return { keys: own, made: index === 0 ? made : [] };
}

/** A file that nobody opens is no result: what the format cannot say is refused before anything is written. */
function refuseUnwritable({ name, shape }: OutputTensor, to: TargetFormat): void {
  const { maxRank } = TARGETS[to];
  const reserved: readonly string[] = TARGETS[to].reserved;
  const problem = reserved.includes(name)
    ? `the name means something else in ${to} files`
    : !name.isWellFormed()
      ? "its name has half of a surrogate pair in it, which is no Unicode text"
      : shape.length > maxRank
        ? `it has ${shape.length} dimensions, and ${to} files at most ${maxRank}`
        : undefined;
  if (problem === undefined) return;
  throw new WbError("WB4903", `tensor ${shownName(name)}: ${problem}`, {
    details: { tensor: name, format: to },
  });
}

function outputTensor(step: WriteStep): OutputTensor {
  const { dtype, shape } = madeBy(step);
  const quantised = step.kind === "add" ? undefined : step.quantised;
  const elements = shape.reduce((product, size) => product * size, 1);
  return {
    name: step.to,
    dtype: step.cast ?? dtype,
    shape,
    byteLength: quantised === undefined ? targetBytes(step) : quantisedBytes(quantised, elements),
    ...(quantised === undefined ? {} : { quantised }),
    sourceCrc32: sourceChecksum(step),
    step,
  };
}

/** The checksum of what a step copies, where it copies a whole record of an archive and nothing else. */
function sourceChecksum(step: WriteStep): number | undefined {
  return step.kind === "add" ? undefined : wholeRecord(step.assembly)?.crc32;
}
