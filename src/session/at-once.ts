import { CACHE_STEP } from "../runtime/backends/ops.ts";
import type { MemoryPlan } from "../runtime/memory-plan.ts";
import type { TokenModel } from "../runtime/model/token-model.ts";

/** The most that will be asked of a generator at once; memory is planned for it. */
export interface GeneratorCapacity {
  /** Prompts that are generated together. */
  readonly batch: number;
  /** Tokens of the longest prompt. */
  readonly promptTokens: number;
  /** New tokens of each. */
  readonly newTokens: number;
  /** Generations that go on at the same time, at most, as far as memory has room; one when left out. */
  readonly texts?: number;
}

/** Texts that are generated at the same time, and tokens of all of them. */
export interface AtOnce {
  readonly texts: number;
  readonly tokens: number;
}

/** Share of the memory that is left over which the keys and values of further texts may take. */
const SHARE_OF_SPARE = 0.5;

/** How many texts a model generates at the same time, and how many tokens they may have in all. */
export function textsAtOnce(
  { use, spare }: MemoryPlan,
  model: TokenModel,
  capacity: GeneratorCapacity,
): AtOnce {
  const { batch, promptTokens, newTokens, texts = 1 } = capacity;
  const context = promptTokens + newTokens;
  const alone = { texts: 1, tokens: context };
  if (!model.keepsRows || texts === 1) return alone;
  const tokenBytes = use.keyValueCache / (batch * (context + CACHE_STEP));
  const room = Math.floor((spare * SHARE_OF_SPARE) / tokenBytes) - texts * CACHE_STEP;
  const more = Math.min((texts - 1) * context, room);
  return more > 0 ? { texts, tokens: context + more } : alone;
}

/** Where fewer texts go on at the same time than were asked for. */
export function sharingNotes({ texts = 1 }: GeneratorCapacity, atOnce: AtOnce): readonly string[] {
  if (texts === 1) return [];
  if (atOnce.texts === 1)
    return [
      "batch: one answer after the other, since this device gives other bits in a batch or memory has no room",
    ];
  return [`batch: up to ${atOnce.texts} answers at a time, of ${atOnce.tokens} tokens in all`];
}
