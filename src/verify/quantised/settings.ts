import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Diagnosis } from "../diagnose/diagnosis.ts";

/** Settings that change what a model computes. How many positions it was trained on is a promise, and bound to nothing in its weights. */
const SETTINGS = [
  "layers",
  "hiddenSize",
  "intermediateSize",
  "heads",
  "kvHeads",
  "headDim",
  "rmsNormEps",
  "rope",
  "windowRope",
  "rotaryDims",
  "rotaryPairs",
  "experts",
  "window",
  "queryScalar",
  "embeddingSize",
  "normsSums",
  "lacksFinalNorm",
  "scoresFallByLayer",
  "keepsNormed",
  "attentionCap",
  "logitCap",
  "embeddingScale",
  "activation",
  "hasAlibi",
  "tieWordEmbeddings",
] as const satisfies readonly (keyof ModelConfig)[];

/** Settings that two configurations have otherwise, as float32 keeps their numbers; empty where there are none. */
export function settingDifferences(ours: ModelConfig, other: ModelConfig): readonly Diagnosis[] {
  const different = SETTINGS.filter((name) => asText(ours[name]) !== asText(other[name]));
  if (different.length === 0) return [];
  const evidence = different
    .map((name) => `${name} is ${asText(ours[name])} here, ${asText(other[name])} there`)
    .join("; ");
  return [{ cause: "config-mismatch", tensors: [], evidence }];
}

function asText(value: ModelConfig[(typeof SETTINGS)[number]]): string {
  return (
    JSON.stringify(value, (key, part: unknown) =>
      // Whether the whole cache is rotated anew is a trait of the code, and the same in one pass over a prompt.
      key === "wholeCache" ? undefined : typeof part === "number" ? shortest(part) : part,
    ) ?? "not set"
  );
}

/** GGUF keeps numbers as float32. */
function shortest(value: number): number {
  return Number(Math.fround(value).toPrecision(7));
}
