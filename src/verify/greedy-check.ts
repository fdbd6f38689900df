import type { ModelConfig } from "../model/config/model-config.ts";
import { argmax, penalizeRepetition } from "../runtime/generation/sampling.ts";
import type { Golden } from "./golden/read.ts";
import type { ModelRunner } from "./compare/model-runner.ts";
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
  // Where dynamic rotary rotates all tokens by the length of the whole text, each length is a text of its own. Where it rotates
  // each token once, by the length at which it comes, all are in one text whose tokens after the prompt came one by one.
  const { scaling } = config.rope;
  const turnsAll = scaling.kind === "dynamic-ntk" && scaling.wholeCache;
  const alone = turnsAll ? Math.max(config.maxPositions, promptTokens) : ids.length;
  const lengths = Array.from(
    { length: ids.length - promptTokens },
    (_unused, step) => promptTokens + step,
  );
  const together = lengths.filter((length) => length <= alone);
  const apart = lengths.filter((length) => length > alone);
  const texts = [
    ids.slice(0, together.at(-1) ?? 0),
    ...apart.map((length) => ids.slice(0, length)),
  ];
  const positions = [together.map((length) => length - 1), ...apart.map((length) => [length - 1])];
  const used = texts.flatMap((text, index) => (text.length > 0 ? [index] : []));
  const embedded = await runner.embed(used.map((index) => texts[index] ?? []));
  let states = turnsAll ? embedded : embedded.map((state) => ({ ...state, prefill: promptTokens }));
  for (let layer = 0; layer < runner.layers; layer++) states = await runner.runLayer(layer, states);
  const rows = await runner.head(
    await runner.finalNorm(states),
    used.map((index) => positions[index] ?? []),
  );
  const lists = used.map((index) => (index === 0 ? together : [apart[index - 1] ?? 0]));
  return rows.flatMap((logits, index) =>
    (lists[index] ?? []).map((after, row) => ({
      after,
      logits: logits.slice(row * runner.outputWidth, (row + 1) * runner.outputWidth),
    })),
  );
}
