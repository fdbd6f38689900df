import type { ModelConfig } from "../model/config/model-config.ts";
import { argmax, penalizeRepetition } from "../runtime/generation/sampling.ts";
import type { Golden } from "./golden/read.ts";
import type { ModelRunner, RunnerStates } from "./compare/model-runner.ts";
import type { Bench } from "./subject.ts";

/** Greedy generation against a golden's. */
export interface GreedyCheck {
  readonly prompt: string;
  readonly repetitionPenalty: number;
  /** Tokens that the golden generates, and how many of them are also ours after the golden's own text. */
  readonly tokens: number;
  readonly agreeing: number;
  /** How many of the others are near-ties: our likeliest and the golden's are within the tolerance. */
  readonly nearTies: number;
}

/** Text whose every next token is known. */
interface Continuation {
  readonly prompt: string;
  readonly repetitionPenalty: number;
  readonly promptTokens: number;
  readonly ids: readonly number[];
}

/**
 * Whether the model would go on as the golden's greedy ids do. The golden's own text is run once, and each position's likeliest
 * token is compared, which is what generating it token by token gives.
 * @param tolerance On logits.
 */
export async function checkGreedy(
  { laboratory }: Bench,
  golden: Golden,
  tolerance: number,
): Promise<readonly GreedyCheck[]> {
  const continuations = continuationsOf(golden);
  if (continuations.length === 0) return [];
  const runner = await laboratory.open();
  try {
    const checks: GreedyCheck[] = [];
    for (const continuation of continuations)
      checks.push(
        await follow(runner, laboratory.config, continuation, tolerance, golden.vocabSize),
      );
    return checks;
  } finally {
    await runner.close();
  }
}

/** What one such check is called, whether it was made or not. */
export function greedyName({
  prompt,
  repetitionPenalty,
}: Pick<GreedyCheck, "prompt" | "repetitionPenalty">): string {
  return `${prompt}, greedy ids, repetition penalty ${repetitionPenalty}`;
}

/** The names of all checks that a golden asks for. */
export function greedyNames(golden: Golden): readonly string[] {
  return continuationsOf(golden).map(greedyName);
}

function continuationsOf(golden: Golden): readonly Continuation[] {
  return golden.prompts.flatMap(({ name, ids, greedyIds, penalizedIds }) =>
    [...(greedyIds === undefined ? [] : [[1, greedyIds] as const]), ...penalizedIds].flatMap(
      ([repetitionPenalty, all]): readonly Continuation[] =>
        all.length > ids.length
          ? [{ prompt: name, repetitionPenalty, promptTokens: ids.length, ids: all }]
          : [],
    ),
  );
}

async function follow(
  runner: ModelRunner,
  config: ModelConfig,
  { prompt, repetitionPenalty, promptTokens, ids }: Continuation,
  tolerance: number,
  vocabSize: number,
): Promise<GreedyCheck> {
  let [agreeing, nearTies] = [0, 0];
  for (const { after, logits: all } of await nextLogits(runner, config, ids, promptTokens)) {
    // A golden of fewer tokens cannot have chosen one that it has not.
    const logits = all.subarray(0, vocabSize);
    penalizeRepetition(logits, ids.slice(0, after), repetitionPenalty);
    const [ours, theirs] = [argmax(logits), ids[after] ?? -1];
    if (ours === theirs) agreeing++;
    // Both sides may be off by the tolerance.
    else if ((logits[ours] ?? Number.NaN) - (logits[theirs] ?? Number.NaN) <= 2 * tolerance)
      nearTies++;
  }
  return { prompt, repetitionPenalty, tokens: ids.length - promptTokens, agreeing, nearTies };
}

/** Logits [vocab] after each of the text's beginnings from the prompt on. */
async function nextLogits(
  runner: ModelRunner,
  config: ModelConfig,
  ids: readonly number[],
  promptTokens: number,
): Promise<readonly { readonly after: number; readonly logits: Float32Array }[]> {
  const passes = passesOf(config, ids.length, promptTokens).filter(
    ({ lengths }) => lengths.length > 0,
  );
  const embedded = await runner.embed(
    passes.map(({ lengths }) => ids.slice(0, Math.max(...lengths))),
  );
  let states: readonly RunnerStates[] = embedded.map((state, index) => ({
    ...state,
    prefill: passes[index]?.prefill,
  }));
  for (let layer = 0; layer < runner.layers; layer++) states = await runner.runLayer(layer, states);
  const rows = await runner.head(
    await runner.finalNorm(states),
    passes.map(({ lengths }) => lengths.map((length) => length - 1)),
  );
  return rows.flatMap((logits, index) =>
    (passes[index]?.lengths ?? []).map((after, row) => ({
      after,
      logits: logits.slice(row * runner.outputWidth, (row + 1) * runner.outputWidth),
    })),
  );
}

/** One run over a text's beginning. */
interface Pass {
  /** The beginnings whose next token it tells. */
  readonly lengths: readonly number[];
  /** How many tokens came at once; all when undefined. */
  readonly prefill: number | undefined;
}

/**
 * Where dynamic rotary rotates all tokens by the length of the whole text, each length is a text of its own. Where it rotates each token
 * once, by the length at which it comes, all are in one text whose tokens after the prompt came one by one; or in two, where the text is
 * computed anew at some length.
 */
function passesOf(config: ModelConfig, tokens: number, promptTokens: number): readonly Pass[] {
  const lengths = Array.from({ length: tokens - promptTokens }, (_, step) => promptTokens + step);
  const { scaling } = config.rope;
  if (scaling.kind === "dynamic-ntk" && scaling.wholeCache) {
    const alone = Math.max(config.maxPositions, promptTokens);
    return [
      { lengths: lengths.filter((length) => length <= alone), prefill: undefined },
      ...lengths
        .filter((length) => length > alone)
        .map((length) => ({ lengths: [length], prefill: undefined })),
    ];
  }
  const last = config.recomputesAfter ?? tokens;
  return [
    { lengths: lengths.filter((length) => length <= last), prefill: promptTokens },
    {
      lengths: lengths.filter((length) => length > last),
      prefill: Math.max(promptTokens, last + 1),
    },
  ];
}
