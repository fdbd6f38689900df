import type { Cause } from "../diagnose/diagnosis.ts";
import type { Laboratory } from "../compare/model-runner.ts";
import type { LogRow } from "./log-row.ts";
import { distributionsOn, type Distributions, type OwnOptions, type Wanted } from "./own-logits.ts";
import { quantisedAs, TRIED_TYPES } from "./quantised-weights.ts";
import type { ToldSequence } from "./told.ts";

/** Another model, or another reading of the same prompts, that a server may have in place of ours. */
export interface Alternative {
  readonly cause: Cause;
  /** What the server would do: "has Q8_0 weights". */
  readonly what: string;
  /** Whether noise may hide it, so that the way of the departure decides and not its size. */
  readonly isSmall: boolean;
  /** Its distributions in the place of ours, or ours where it says nothing of a row. */
  distributions(): Promise<Distributions>;
}

export interface AlternativeFacts {
  readonly laboratory: Laboratory;
  readonly sequences: readonly ToldSequence[];
  readonly own: Distributions;
  /** Ids that a tokenizer may put first. */
  readonly firstIds: readonly number[];
  readonly options: OwnOptions;
}

/** What is tried, the cheapest first. */
export function alternativesFor(facts: AlternativeFacts): readonly Alternative[] {
  return [...firstTokens(facts), ...truncations(facts), ...quantisations(facts)];
}

function firstTokens(facts: AlternativeFacts): readonly Alternative[] {
  const { firstIds, sequences } = facts;
  const begins = sequences.filter(({ ids }) => firstIds.includes(ids[0] ?? -1));
  const without = moved(facts, (ids) =>
    firstIds.includes(ids[0] ?? -1) && ids.length > 1 ? { ids: ids.slice(1), by: -1 } : undefined,
  );
  const doubled = moved(facts, (ids) =>
    firstIds.includes(ids[0] ?? -1) ? { ids: [ids[0] ?? 0, ...ids], by: 1 } : undefined,
  );
  if (begins.length === 0) return [];
  return [
    {
      cause: "tokenizer",
      what: "leaves out the beginning-of-sequence token",
      isSmall: false,
      distributions: without,
    },
    {
      cause: "tokenizer",
      what: "puts a second beginning-of-sequence token before each prompt",
      isSmall: false,
      distributions: doubled,
    },
  ];
}

/** Tokens that a context of a server's may be cut to. */
const CONTEXTS = [8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096];

function truncations(facts: AlternativeFacts): readonly Alternative[] {
  const longest = Math.max(0, ...facts.sequences.map(({ promptTokens }) => promptTokens));
  return CONTEXTS.filter((context) => context < longest).map((context) => ({
    cause: "truncated-context",
    what: `reads the last ${context} tokens of a prompt alone`,
    isSmall: false,
    distributions: moved(facts, (ids, promptTokens) => {
      const cut = promptTokens - context;
      return cut > 0 ? { ids: ids.slice(cut), by: -cut } : undefined;
    }),
  }));
}

function quantisations({
  laboratory,
  sequences,
  options,
}: AlternativeFacts): readonly Alternative[] {
  return TRIED_TYPES.map((type) => ({
    cause: "quantised",
    what: `has weights of ${type}`,
    isSmall: true,
    distributions: () =>
      distributionsOn(
        laboratory,
        sequences.map(({ ids, rows }) => ({ ids, positions: rows.map((row) => row.position) })),
        { ...options, override: quantisedAs(type, laboratory) },
      ),
  }));
}

interface Moved {
  readonly ids: readonly number[];
  /** What is added to a position. */
  readonly by: number;
}

/** The same model over other ids. Rows that these have no position for stay ours. */
function moved(
  { laboratory, sequences, own, options }: AlternativeFacts,
  change: (ids: readonly number[], promptTokens: number) => Moved | undefined,
): () => Promise<Distributions> {
  return async () => {
    const plans = sequences.map(({ ids, promptTokens, rows }) => {
      const changed = change(ids, promptTokens);
      const places = rows.map(({ position }) =>
        changed === undefined || position + changed.by < 0 ? undefined : position + changed.by,
      );
      return { ids: changed?.ids ?? ids, places };
    });
    const wanted: readonly Wanted[] = plans.map(({ ids, places }) => ({
      ids,
      positions: places.flatMap((place) => place ?? []),
    }));
    const found = await distributionsOn(laboratory, wanted, options);
    return plans.map(({ places }, index) => {
      const rows: LogRow[] = [];
      let next = 0;
      for (const [row, place] of places.entries()) {
        const kept = own[index]?.[row];
        const other = place === undefined ? kept : found[index]?.[next++];
        if (other !== undefined) rows.push(other);
      }
      return rows;
    });
  };
}
