import type { ModelConfig } from "../../../model/config/model-config.ts";
import type { GoldenPrompt } from "../../golden/read.ts";
import { leftOverTables } from "../hypotheses/config-hypotheses.ts";
import { fall, type Diagnosis } from "../diagnosis.ts";

/**
 * A golden whose rotary table was left over from a longer prompt, or its continuation, before: dynamic scaling keeps it where nobody resets the model's
 * state, so that the numbers depend on the order of the prompts.
 * @param measure The difference with a configuration for each prompt.
 */
export async function staleTable(
  config: ModelConfig,
  prompts: readonly Pick<GoldenPrompt, "ids" | "greedyIds">[],
  measure: (configs: readonly ModelConfig[]) => Promise<number>,
  { before, noise }: { readonly before: number; readonly noise: number },
): Promise<Diagnosis | undefined> {
  const lengths = prompts.map(({ ids, greedyIds }) => ({
    length: ids.length,
    // The last one that was generated is not computed.
    generated: Math.max(0, (greedyIds?.length ?? 0) - 1),
  }));
  for (const tables of leftOverTables(config, lengths)) {
    const after = await measure(tables.map((table) => table.config));
    if (!(after <= noise)) continue;
    const stale = tables.flatMap(({ tokens }, index) =>
      tokens === lengths[index]?.length
        ? []
        : [`prompt ${index}, of ${String(lengths[index]?.length)} tokens, has that of ${tokens}`],
    );
    return {
      cause: "config-mismatch",
      tensors: [],
      evidence: `the golden's rotary table was left over from a longer prompt, or its continuation, before: ${stale.join("; ")}. With it ${fall(before, after).replace("put right, ", "")}. Its dynamic scaling was not reset between prompts: record it with a script of this version`,
      before,
      after,
    };
  }
  return undefined;
}
