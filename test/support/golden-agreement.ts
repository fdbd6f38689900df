import { generateIds } from "../../src/runtime/generation/generate-ids.ts";
import { createSampler } from "../../src/runtime/generation/sampling.ts";
import { DEFAULT_SAMPLING } from "../../src/runtime/generation/sampling-settings.ts";
import type { TokenModel } from "../../src/runtime/model/token-model.ts";
import { forward } from "../../src/runtime/model/forward.ts";
import type { LayerwiseModel } from "../../src/runtime/model/layerwise.ts";
import type { GoldenPrompt } from "./golden-prompts.ts";
import { maxAbs } from "./max-abs.ts";

/** Largest absolute difference of all prompts' logits and hidden states from a golden file's. */
export async function distanceFromGolden(
  model: LayerwiseModel,
  golden: readonly GoldenPrompt[],
): Promise<{ readonly logits: number; readonly hiddenStates: number }> {
  const outputs = await forward(
    model,
    golden.map(({ ids }) => ids),
    { hiddenStates: true },
  );
  const logits = golden.map((prompt, index) => maxAbs(prompt.logits, outputs[index]?.logits ?? []));
  const hiddenStates = golden.flatMap((prompt, index) =>
    Array.from({ length: model.layers + 1 }, (_, layer) =>
      maxAbs(prompt.hiddenStates[layer] ?? [], outputs[index]?.hiddenStates[layer] ?? []),
    ),
  );
  // Math.max gives NaN when one of its arguments is.
  return { logits: Math.max(...logits), hiddenStates: Math.max(...hiddenStates) };
}

/** Prompt and new ids of one prompt, greedy, with a repetition penalty. */
export async function greedyIds(
  decoder: TokenModel,
  prompt: readonly number[],
  newTokens: number,
  repetitionPenalty: number,
): Promise<readonly number[]> {
  const ids = [...prompt];
  const steps = generateIds(decoder, [prompt], {
    maxNewTokens: newTokens,
    stopIds: [],
    padId: 0,
    samplerOf: () => createSampler({ ...DEFAULT_SAMPLING, repetitionPenalty }),
  });
  for await (const { id } of steps) ids.push(id);
  return ids;
}
