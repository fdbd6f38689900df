import { WbError } from "../errors/wb-error.ts";
import type { RestChoice } from "../extract/sort-changes.ts";
import { extractAdapter, type ExtractedAdapter } from "../extract/extract.ts";
import type { Selection } from "../formats/open.ts";
import { openModel, type OpenedModel } from "../session/open-model.ts";
import { refuseUnmatchedInBoth } from "../session/unmatched.ts";
import {
  configDifferences,
  hiddenSettings,
  visibleSettings,
} from "../verify/config-differences.ts";

export interface ExtractOptions {
  /** Columns and rows of each factor. */
  readonly rank: number;
  /** What is done with changes that factors do not hold; refused when left out. */
  readonly rest?: RestChoice | undefined;
  readonly architecture?: string | undefined;
  readonly selection?: Selection | undefined;
  /** Writes into a folder that holds files already. */
  readonly force?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (
    phase: "compare" | "extract",
    done: number,
    total: number,
    item: string,
  ) => void;
}

export interface ExtractResult extends ExtractedAdapter {
  readonly rank: number;
  readonly notes: readonly string[];
  readonly seconds: number;
  readonly peakMemoryBytes: number;
}

/**
 * Writes what a model differs from its base by as a LoRA adapter of one rank, with the error that is left.
 * @throws WbError of the readers, WB2001 for a rank that is none, and those of `extractAdapter`.
 */
export async function extract(
  basePath: string,
  tunedPath: string,
  target: string,
  options: ExtractOptions,
): Promise<ExtractResult> {
  const begin = performance.now();
  const { rank, architecture, selection, signal } = options;
  if (!Number.isSafeInteger(rank) || rank < 1)
    throw new WbError("WB2001", `rank: expected a whole number from 1 on, found ${rank}`);
  const how = { architecture, selection, signal, lenient: true };
  const base = await openModel(basePath, how);
  try {
    const tuned = await openModel(tunedPath, how);
    try {
      refuseUnmatchedInBoth(base, tuned);
      const found = await extractAdapter(base, tuned, target, {
        rank,
        rest: options.rest ?? "refuse",
        force: options.force ?? false,
        signal,
        onProgress: options.onProgress ?? (() => undefined),
      });
      return {
        ...found,
        rank,
        notes: [...base.notes, ...tuned.notes, ...settingNotes(base, tuned)],
        seconds: (performance.now() - begin) / 1000,
        peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
      };
    } finally {
      await tuned.checkpoint.close();
    }
  } finally {
    await base.checkpoint.close();
  }
}

/** An adapter holds weights alone. */
function settingNotes(base: OpenedModel, tuned: OpenedModel): readonly string[] {
  if (base.config === undefined || tuned.config === undefined) return [];
  const settings = [
    ...visibleSettings(base.config, tuned.config),
    ...hiddenSettings(base.config, tuned.config),
  ];
  return configDifferences(settings).map(
    ({ evidence }) =>
      `an adapter holds no settings, and those of the tuned model are not the base's: ${evidence}`,
  );
}
